// The timer of nodes/ beside a sequencer that only notes what it is asked, in
// virtual time. The expected instants are the zones' rules, worked out by hand.
#include <millrace/nodes/assembly/period_timer.hpp>
#include <millrace/sim/world/world.hpp>

#include <caf/event_based_actor.hpp>
#include <gtest/gtest.h>

#include <date/date.h>
#include <memory>
#include <string>
#include <vector>

namespace millrace::sim {
namespace {

using namespace date;
using namespace std::chrono_literals;

constexpr auto zero = sys_days{January / 1 / 2000};

int64_t day(year_month_day of) { return (sys_days{of} - zero).count(); }

int64_t instant(year_month_day of, std::chrono::nanoseconds utc) {
  return (sys_days{of} - zero + utc).count();
}

struct asked {
  int64_t period = 0;
  int64_t at_ns = 0; ///< Wall clock.
};

/// A timer and its sequencer from `begin_ns` on.
struct timed {
  timed(const nodes::period_rule& rule, int64_t begin_ns)
    : w{3, {.epoch_ns = begin_ns}} {
    w.add_node("rt", [this, rule](node& me) -> error {
      auto sequencer
        = me.spawn([this, &me](caf::event_based_actor*) -> caf::behavior {
            return {[this, &me](end_period_atom,
                                period_id period) -> caf::result<position> {
              calls.push_back({period.value, me.env().clock->now_ns()});
              if (refusals != 0) {
                --refusals;
                return to_caf(refusal);
              }
              return position{calls.size()};
            }};
          });
      me.put("timer", me.spawn(nodes::period_timer, &me.env(), rule,
                               std::vector{
                                 caf::actor_cast<sequencer_actor>(sequencer)}));
      return {};
    });
  }

  world w;
  std::vector<asked> calls;
  int refusals = 0;
  error refusal;
};

void expect_within_a_second(const asked& call, int64_t period, int64_t at_ns) {
  EXPECT_EQ(call.period, period);
  EXPECT_GE(call.at_ns, at_ns);
  EXPECT_LT(call.at_ns, at_ns + 1'100'000'000);
}

TEST(PeriodTimerSim, TheDayOfWinterTimeHas25HoursAndEndsOnce) {
  timed run{{"America/New_York", 0}, instant(November / 2 / 2013, 23h + 59min)};
  run.w.run_for(53h);
  ASSERT_EQ(run.calls.size(), 2u);
  expect_within_a_second(run.calls[0], day(November / 2 / 2013),
                         instant(November / 3 / 2013, 4h));
  expect_within_a_second(run.calls[1], day(November / 3 / 2013),
                         instant(November / 4 / 2013, 5h));
}

TEST(PeriodTimerSim, TheDayOfSummerTimeHas23Hours) {
  timed run{{"America/New_York", 17 * 3'600'000'000'000},
            instant(March / 8 / 2014, 21h)};
  run.w.run_for(48h);
  ASSERT_EQ(run.calls.size(), 2u);
  // 17:00 is 22:00 in winter and 21:00 in summer.
  expect_within_a_second(run.calls[0], day(March / 8 / 2014),
                         instant(March / 8 / 2014, 22h));
  expect_within_a_second(run.calls[1], day(March / 9 / 2014),
                         instant(March / 9 / 2014, 21h));
}

TEST(PeriodTimerSim, AStartAtTheEndItselfBelongsToTheNextPeriod) {
  timed run{{"UTC", 0}, instant(January / 2 / 2024, 0h)};
  run.w.run_for(23h);
  EXPECT_TRUE(run.calls.empty());
  run.w.run_for(2h);
  ASSERT_EQ(run.calls.size(), 1u);
  expect_within_a_second(run.calls[0], day(January / 2 / 2024),
                         instant(January / 3 / 2024, 0h));
}

TEST(PeriodTimerSim, APeriodThatHadEndedIsNoFailureAndAnyOtherIsTold) {
  for (const auto code : {errc::already_exists, errc::storage_failed}) {
    timed run{{"UTC", 0}, instant(January / 2 / 2024, 23h + 59min)};
    run.refusals = 1;
    run.refusal = {code, "of the stream"};
    run.w.run_for(2min);
    EXPECT_EQ(run.calls.size(), 1u);
    const auto status = run.w.status("rt", "timer");
    EXPECT_EQ(status.find("last_failure") != std::string::npos,
              code == errc::storage_failed)
      << status;
  }
}

TEST(PeriodTimerSim, ASequencerThatGaveUpWaitingIsAskedAgain) {
  timed run{{"UTC", 0}, instant(January / 2 / 2024, 23h + 59min)};
  run.refusals = 1;
  run.refusal = {errc::timeout, "of the stream"};
  run.w.run_for(2min);
  ASSERT_EQ(run.calls.size(), 2u);
  EXPECT_EQ(run.calls[1].period, run.calls[0].period);
}

} // namespace
} // namespace millrace::sim
