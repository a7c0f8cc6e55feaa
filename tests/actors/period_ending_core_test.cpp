// Each case is a script of inputs with their times, and the effects that each
// must have.

#include <millrace/actors/rt/sequence/period_ending.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace millrace::rt {
namespace {

using ask = period_ending::ask;
using came = period_ending::came;
using propose = period_ending::propose;
using answer = period_ending::answer;
using refuse = period_ending::refuse;

constexpr int64_t grace_ns = 100;
constexpr period_id monday{8767};
constexpr period_id tuesday{8768};
const std::vector<period_ending::publisher> nobody;
const std::vector<period_ending::publisher> one{{flow_id{1}, "a"}};
const std::vector<period_ending::publisher> two{{flow_id{1}, "a"},
                                                {flow_id{2}, "b"}};
const period_ending::passed time_passes;

struct ending_moment {
  int64_t now_ns;
  period_ending::input what;
  std::vector<period_ending::effect> effects;
};

struct ending_script {
  std::string name;
  /// Committed before: the last period that ended, markers by origin.
  period_id last_ended = period_id::before_all();
  std::vector<std::pair<std::string, period_id>> marks;
  /// Waited for also while they are not connected.
  std::vector<std::string> participants;
  std::vector<ending_moment> moments;
};

period_ending::asked asked(uint64_t request, period_id period,
                           std::vector<period_ending::publisher> connected) {
  return {request, period, std::move(connected)};
}

propose end_of(period_id period, std::vector<std::string> absent = {}) {
  return {{period, std::move(absent)}};
}

const std::vector<ending_script> ending_scripts{
  {.name = "nobody is connected: it ends at once",
   .moments = {{0, asked(1, monday, nobody), {end_of(monday)}},
               {1, period_ended{monday, {64}}, {answer{1, {64}}}}}},
  {.name = "the marker of each publisher is waited for",
   .moments = {{0,
                asked(1, monday, two),
                {ask{flow_id{1}, monday}, ask{flow_id{2}, monday}}},
               {10, marker_merged{"a", monday}, {}},
               {20, marker_merged{"b", monday}, {end_of(monday)}},
               {30, time_passes, {}},
               {30, period_ended{monday, {64}}, {answer{1, {64}}}}}},
  {.name = "a marker of another origin, or of an earlier period, is not it",
   .moments = {{0, asked(1, tuesday, one), {ask{flow_id{1}, tuesday}}},
               {1, marker_merged{"c", tuesday}, {}},
               {2, marker_merged{"a", monday}, {}},
               {3, marker_merged{"a", tuesday}, {end_of(tuesday)}}}},
  {.name = "a later marker covers the earlier periods",
   .moments = {{0, asked(1, monday, one), {ask{flow_id{1}, monday}}},
               {1, marker_merged{"a", tuesday}, {end_of(monday)}}}},
  {.name = "after the grace it ends without the absent",
   .moments = {{0,
                asked(1, monday, two),
                {ask{flow_id{1}, monday}, ask{flow_id{2}, monday}}},
               {10, marker_merged{"b", monday}, {}},
               {99, time_passes, {}},
               {100, time_passes, {end_of(monday, {"a"})}},
               {101, time_passes, {}}}},
  {.name = "everyone who asks is answered, publishers are asked once",
   .moments = {{0, asked(1, monday, one), {ask{flow_id{1}, monday}}},
               {5, asked(2, monday, two), {}},
               {6, marker_merged{"a", monday}, {end_of(monday)}},
               {7, asked(3, monday, two), {}},
               {8,
                period_ended{monday, {64}},
                {answer{1, {64}}, answer{2, {64}}, answer{3, {64}}}}}},
  {.name = "who asks late does not prolong the grace",
   .moments = {{0, asked(1, monday, one), {ask{flow_id{1}, monday}}},
               {99, asked(2, monday, one), {}},
               {100, time_passes, {end_of(monday, {"a"})}}}},
  {.name = "one that is connected anew is asked anew",
   .moments = {{0, asked(1, monday, one), {ask{flow_id{1}, monday}}},
               {5, came{{flow_id{9}, "a"}}, {ask{flow_id{9}, monday}}},
               {6, came{{flow_id{8}, "b"}}, {}},
               {7, marker_merged{"a", monday}, {end_of(monday)}}}},
  {.name = "a participant that is away is waited for, and named",
   .participants = {"a"},
   .moments = {{0, asked(1, monday, nobody), {}},
               {99, time_passes, {}},
               {100, time_passes, {end_of(monday, {"a"})}}}},
  {.name = "a participant that comes in time is asked",
   .participants = {"a"},
   .moments = {{0, asked(1, monday, nobody), {}},
               {50, came{{flow_id{1}, "a"}}, {ask{flow_id{1}, monday}}},
               {60, marker_merged{"a", monday}, {end_of(monday)}}}},
  {.name = "a participant that marked the period before it went is not",
   .marks = {{"a", tuesday}},
   .participants = {"a"},
   .moments = {{0, asked(1, monday, nobody), {end_of(monday)}}}},
  {.name = "a period ends once",
   .moments = {{0, asked(1, monday, nobody), {end_of(monday)}},
               {1, period_ended{monday, {64}}, {answer{1, {64}}}},
               {2, asked(2, monday, one), {refuse{2, monday}}}}},
  {.name = "what ended before this life is refused",
   .last_ended = monday,
   .moments = {{0, asked(1, monday, one), {refuse{1, monday}}},
               {0, asked(2, tuesday, nobody), {end_of(tuesday)}}}},
  {.name = "a marker merged before this life is not asked for again",
   .marks = {{"a", monday}},
   .moments = {{0, asked(1, monday, two), {ask{flow_id{2}, monday}}},
               {1, marker_merged{"b", monday}, {end_of(monday)}}}},
  {.name = "one that was merged before it was asked for neither",
   .moments = {{0, marker_merged{"a", monday}, {}},
               {1, asked(1, monday, one), {end_of(monday)}}}},
  {.name = "two periods may end side by side, in their order",
   .moments
   = {{0, asked(1, tuesday, one), {ask{flow_id{1}, tuesday}}},
      {1, asked(2, monday, one), {ask{flow_id{1}, monday}}},
      {2, marker_merged{"a", tuesday}, {end_of(monday), end_of(tuesday)}},
      {3, period_ended{monday, {64}}, {answer{2, {64}}}},
      {4, period_ended{tuesday, {96}}, {answer{1, {96}}}}}},
  {.name = "a period that a later one passed over is refused",
   .moments
   = {{0, asked(1, monday, one), {ask{flow_id{1}, monday}}},
      {1, asked(2, tuesday, nobody), {end_of(tuesday)}},
      {2, period_ended{tuesday, {64}}, {refuse{1, monday}, answer{2, {64}}}},
      {3, marker_merged{"a", monday}, {}}}},
  {.name = "an end that nobody here asked for is only noted",
   .moments = {{0, period_ended{monday, {64}}, {}},
               {1, asked(1, monday, one), {refuse{1, monday}}}}},
};

TEST(PeriodEndingTest, EachInputHasItsEffects) {
  for (const auto& each : ending_scripts) {
    SCOPED_TRACE(each.name);
    merge_state committed;
    committed.last_period = each.last_ended;
    for (const auto& [origin, period] : each.marks)
      committed.origins[origin].period_marked = period;
    period_ending core{committed, grace_ns, each.participants};
    for (const auto& moment : each.moments) {
      SCOPED_TRACE(moment.now_ns);
      EXPECT_EQ(core.step(moment.what, moment.now_ns), moment.effects);
    }
  }
}

// Whatever was asked and merged before, a new leader that starts from what is
// committed, and is asked again, ends the period like the old one.
TEST(PeriodEndingTest, ANewLeaderGoesOnFromWhatIsCommitted) {
  merge_state committed;
  period_ending before{committed, grace_ns};
  (void)before.step(asked(1, monday, two), 0);
  (void)before.step(marker_merged{"a", monday}, 1);
  committed.origins["a"].period_marked = monday;

  period_ending after{committed, grace_ns};
  EXPECT_EQ(after.step(asked(7, monday, two), 1000),
            (std::vector<period_ending::effect>{ask{flow_id{2}, monday}}));
  EXPECT_EQ(after.step(marker_merged{"b", monday}, 1001),
            (std::vector<period_ending::effect>{end_of(monday)}));
  EXPECT_EQ(after.step(period_ended{monday, {64}}, 1002),
            (std::vector<period_ending::effect>{answer{7, {64}}}));
}

} // namespace
} // namespace millrace::rt
