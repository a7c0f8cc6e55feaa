// The course of a feed, as tables: what happens at which time, and what is to
// be done about it, as text: "slice" (publish the next one), "end 8000" (have
// the stream end that period), "over" or "over: code".

#include <millrace/actors/torq/feed/feed_course.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::torq {
namespace {

std::string text_of(const feed_course::effects& done) {
  std::string out;
  if (done.publish_slice)
    out += "slice";
  if (done.to_end)
    out += "end " + std::to_string(done.to_end->value);
  if (done.over)
    out += "over";
  if (done.fault)
    out += ": " + std::string{to_string(done.fault.code)};
  return out;
}

struct feed_step {
  int64_t at_ns;
  feed_course::input happens;
  std::string expected;
};

struct feed_case {
  std::string name;
  std::vector<feed_step> steps;
};

const feed_course::tick unknown{false, true};
const feed_course::tick behind{true, false};
const feed_course::tick merged{true, true};
const feed_course::slice_done more{};
const feed_course::slice_done last{.at_end = true};

feed_course::slice_done due(int64_t at_ns) { return {.due_ns = at_ns}; }
feed_course::slice_done over(int64_t period) {
  return {.period_over = period_id{period}};
}
feed_course::slice_done broken(errc code) {
  return {.fault = {code, "reason"}};
}
feed_course::period_ended ended(errc code = errc::none) { return {{code, ""}}; }

constexpr auto retry = feed_course::retry_period_ns;

const std::vector<feed_case> feed_cases{
  {"BeginsWhenItIsKnownWhereTheSourceWasLeft",
   {{0, unknown, ""}, {1, unknown, ""}, {2, merged, "slice"}}},
  {"OneSliceAtATime",
   {{0, behind, "slice"},
    {1, behind, ""},
    {2, more, "slice"},
    {3, behind, ""}}},
  {"WaitsUntilTheNextRowIsDue",
   {{0, behind, "slice"},
    {1, due(50), ""},
    {49, behind, ""},
    {50, behind, "slice"}}},
  {"IsOverWhenTheLastRowIsMerged",
   {{0, behind, "slice"},
    {1, last, ""},
    {2, behind, ""},
    {3, merged, "over"},
    {4, merged, ""}}},
  {"AFaultEndsIt",
   {{0, behind, "slice"},
    {1, broken(errc::bad_data), "over: bad_data"},
    {2, merged, ""},
    {3, more, ""}}},
  {"APeriodEndsOnceAllItsRowsAreMerged",
   {{0, behind, "slice"},
    {1, over(8000), ""},
    {2, behind, ""},
    {3, merged, "end 8000"},
    {4, merged, ""},
    {5, ended(), ""},
    {6, behind, "slice"},
    {7, over(8001), ""},
    {8, merged, "end 8001"}}},
  {"AnotherFeedEndedThePeriodBefore",
   {{0, behind, "slice"},
    {1, over(8000), ""},
    {2, merged, "end 8000"},
    {3, ended(errc::already_exists), ""},
    {4, merged, "slice"}}},
  {"TheEndIsAskedForAgainLater",
   {{0, behind, "slice"},
    {1, over(8000), ""},
    {2, merged, "end 8000"},
    {3, ended(errc::unavailable), ""},
    {3 + retry - 1, merged, ""},
    {3 + retry, merged, "end 8000"},
    {4 + retry, ended(), ""},
    {5 + retry, merged, "slice"}}},
};

class FeedCourse : public ::testing::TestWithParam<feed_case> {};

TEST_P(FeedCourse, DoesWhatTheTableSays) {
  feed_course feed;
  const auto& steps = GetParam().steps;
  for (size_t i = 0; i < steps.size(); ++i)
    EXPECT_EQ(text_of(feed.step(steps[i].happens, steps[i].at_ns)),
              steps[i].expected)
      << "step " << i;
}

INSTANTIATE_TEST_SUITE_P(All, FeedCourse, ::testing::ValuesIn(feed_cases),
                         [](const auto& each) { return each.param.name; });

TEST(FeedCourseTest, SaysWhatItWaitsForAndWhyInVain) {
  feed_course feed;
  (void)feed.step(merged, 0);
  (void)feed.step(over(8000), 1);
  EXPECT_EQ(feed.ending(), period_id{8000});
  (void)feed.step(merged, 2);
  (void)feed.step(ended(errc::unavailable), 3);
  EXPECT_EQ(feed.last_failure().code, errc::unavailable);
  (void)feed.step(merged, 3 + retry);
  (void)feed.step(ended(), 4 + retry);
  EXPECT_EQ(feed.ending(), std::nullopt);
  EXPECT_FALSE(feed.last_failure());
  EXPECT_FALSE(feed.is_over());
}

} // namespace
} // namespace millrace::torq
