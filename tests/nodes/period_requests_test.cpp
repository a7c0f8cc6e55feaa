// What is asked of which stream at which time, as tables: "ask 0 7" (stream 0,
// period 7), "0 7 waits: code", "0 7 ended".

#include <millrace/nodes/configuration/period_requests.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::nodes {
namespace {

std::string text_of(const period_requests::ask& what) {
  return "ask " + std::to_string(what.stream) + " "
         + std::to_string(what.period.value);
}
std::string text_of(const period_requests::tell& what) {
  return std::to_string(what.stream) + " " + std::to_string(what.period.value)
         + (what.fault ? " waits: " + std::string{to_string(what.fault.code)}
                       : " ended");
}
std::string text_of(const std::vector<period_requests::effect>& all) {
  std::string out;
  for (const auto& each : all) {
    out += out.empty() ? "" : ", ";
    out += std::visit([](const auto& one) { return text_of(one); }, each);
  }
  return out;
}

period_requests::tick in(int64_t period) { return {period_id{period}}; }
const period_requests::tick not_known{};
period_requests::answered said(size_t stream, errc code = errc::none) {
  return {stream, {code, code == errc::none ? "" : "reason"}};
}

struct step {
  int64_t at_s;
  period_requests::input happens;
  std::string expected;
};

struct course {
  std::string name;
  std::vector<int64_t> next; ///< Of each stream.
  std::vector<step> steps;
};

const std::vector<course> courses{
  {"OncePerPeriod",
   {7},
   {{0, in(7), ""},
    {1, in(8), "ask 0 7"},
    {2, in(8), ""},
    {3, said(0), ""},
    {4, in(8), ""},
    {5, in(9), "ask 0 8"}}},
  {"OneThatHadEndedBeforeIsNotAFailure",
   {7},
   {{0, in(8), "ask 0 7"},
    {1, said(0, errc::already_exists), ""},
    {2, in(8), ""}}},
  {"AnyFailureIsTriedAgainAndToldOncePerChange",
   {7},
   {{0, in(8), "ask 0 7"},
    {10, said(0, errc::timeout), "0 7 waits: timeout"},
    {10, in(8), ""},
    {11, in(8), "ask 0 7"},
    {11, said(0, errc::timeout), ""},
    {12, in(8), ""},
    {13, in(8), "ask 0 7"},
    {13, said(0, errc::unavailable), "0 7 waits: unavailable"},
    {16, in(8), ""},
    {17, in(8), "ask 0 7"},
    {18, said(0), "0 7 ended"},
    {19, in(8), ""}}},
  {"TriedAgainWhateverTheClockSays",
   {7},
   {{0, in(8), "ask 0 7"},
    {0, said(0, errc::closed), "0 7 waits: closed"},
    {1, not_known, "ask 0 7"}}},
  {"ALaterPeriodWaitsForTheEarlier",
   {7},
   {{0, in(8), "ask 0 7"},
    {0, said(0, errc::unavailable), "0 7 waits: unavailable"},
    {1, in(9), "ask 0 7"},
    {2, said(0), "0 7 ended, ask 0 8"},
    {3, said(0), ""}}},
  {"TheNextPeriodBeginsWithTheLeastPause",
   {7},
   {{0, in(9), "ask 0 7"},
    {0, said(0, errc::timeout), "0 7 waits: timeout"},
    {1, in(9), "ask 0 7"},
    {1, said(0, errc::timeout), ""},
    {3, in(9), "ask 0 7"},
    {3, said(0), "0 7 ended, ask 0 8"},
    {3, said(0, errc::timeout), "0 8 waits: timeout"},
    {4, in(9), "ask 0 8"}}},
  {"OfSeveralAtOnceEach",
   {7},
   {{0, in(10), "ask 0 7"},
    {1, said(0), "ask 0 8"},
    {2, said(0), "ask 0 9"},
    {3, said(0), ""}}},
  {"AClockThatIsSetBackEndsNothingTwice",
   {7},
   {{0, in(8), "ask 0 7"},
    {1, said(0), ""},
    {2, in(7), ""},
    {3, in(8), ""},
    {4, in(9), "ask 0 8"}}},
  {"StreamsDoNotWaitForEachOther",
   {7, 8},
   {{0, in(8), "ask 0 7"},
    {1, said(0, errc::timeout), "0 7 waits: timeout"},
    {1, in(9), "ask 1 8"},
    {2, in(9), "ask 0 7"},
    {2, said(1), ""},
    {3, said(0), "0 7 ended, ask 0 8"}}},
};

TEST(PeriodRequestsTest, Courses) {
  for (const auto& each : courses) {
    std::vector<period_requests::asked_stream> streams;
    for (const auto next : each.next)
      streams.push_back({"s", period_id{next}});
    period_requests core{streams};
    for (const auto& now : each.steps)
      EXPECT_EQ(text_of(core.step(now.happens, now.at_s * 1'000'000'000)),
                now.expected)
        << each.name << " at " << now.at_s;
  }
}

TEST(PeriodRequestsTest, PausesGrowToTheMost) {
  period_requests core{{{"s", period_id{7}}}};
  int64_t now = 0;
  ASSERT_EQ(core.step(in(8), now).size(), 1u);
  for (int64_t pause_s : {1, 2, 4, 8, 16, 32, 32, 32}) {
    (void)core.step(said(0, errc::unavailable), now);
    now += pause_s * 1'000'000'000;
    EXPECT_TRUE(core.step(in(8), now - 1).empty()) << pause_s;
    EXPECT_EQ(core.step(in(8), now).size(), 1u) << pause_s;
  }
  const auto& at = core.streams()[0];
  EXPECT_EQ(at.asks, 9u);
  EXPECT_EQ(at.failure.code, errc::unavailable);
  EXPECT_EQ(at.due, std::deque{period_id{7}});
}

} // namespace
} // namespace millrace::nodes
