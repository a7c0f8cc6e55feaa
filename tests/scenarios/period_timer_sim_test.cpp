// The timer of nodes/ beside a sequencer that only notes what it is asked, and
// in a real RT node, in virtual time. The expected instants are the zones'
// rules, worked out by hand.
#include <millrace/nodes/assembly/period_timer.hpp>
#include <millrace/sim/world/rt_nodes.hpp>

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
      nodes::period_timer_settings settings{"rt1", rule, {}};
      settings.streams.push_back(
        {caf::actor_cast<sequencer_actor>(sequencer), "market"});
      me.put("timer", me.spawn(nodes::period_timer, &me, std::move(settings)));
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

TEST(PeriodTimerSim, AJumpOfTheWallClockIsTold) {
  timed run{{"UTC", 0}, instant(January / 2 / 2024, 10h)};
  run.w.run_for(5s);
  EXPECT_TRUE(run.w.at("rt").notices().empty());
  run.w.set_wall_clock(-1h);
  run.w.run_for(5s);
  ASSERT_EQ(run.w.at("rt").notices().size(), 1u);
  const auto& told = run.w.at("rt").notices()[0];
  EXPECT_EQ(told.id, "clock_jump");
  EXPECT_NE(told.text.find("3600 s back"), std::string::npos) << told.text;
  EXPECT_NE(run.w.status("rt", "timer").find("\"clock_jumps\":1"),
            std::string::npos);
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

TEST(PeriodTimerSim, APeriodThatHadEndedIsNoFailure) {
  timed run{{"UTC", 0}, instant(January / 2 / 2024, 23h + 59min)};
  run.refusals = 1;
  run.refusal = {errc::already_exists, "of the stream"};
  run.w.run_for(2min);
  EXPECT_EQ(run.calls.size(), 1u);
  EXPECT_TRUE(run.w.at("rt").notices().empty());
}

TEST(PeriodTimerSim, AnyFailureIsTriedAgainUntilThePeriodEnds) {
  for (const auto code :
       {errc::timeout, errc::unavailable, errc::storage_failed}) {
    timed run{{"UTC", 0}, instant(January / 2 / 2024, 23h + 59min)};
    run.refusals = 4;
    run.refusal = {code, "of the stream"};
    run.w.run_for(1min + 5s);
    const auto waits = run.w.status("rt", "timer");
    EXPECT_NE(waits.find("\"waits_for\":\"" + std::string{to_string(code)}),
              std::string::npos)
      << waits;
    EXPECT_NE(waits.find("\"waiting_periods\":["), std::string::npos) << waits;
    run.w.run_for(1min);
    ASSERT_EQ(run.calls.size(), 5u);
    for (const auto& call : run.calls)
      EXPECT_EQ(call.period, day(January / 2 / 2024));
    const auto ended = run.w.status("rt", "timer");
    EXPECT_EQ(ended.find("waiting_periods"), std::string::npos) << ended;
    // Told once per change, not once per try.
    const auto& told = run.w.at("rt").notices();
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[0].id, "period_waits");
    EXPECT_NE(told[0].text.find("stream 'market': period 2024-01-02"),
              std::string::npos)
      << told[0].text;
    EXPECT_EQ(told[1].id, "period_ended");
  }
}

TEST(PeriodTimerSim, ALaterPeriodComesAfterOneThatWaits) {
  timed run{{"UTC", 0}, instant(January / 2 / 2024, 23h + 59min)};
  run.refusals = 1'000'000;
  run.refusal = {errc::unavailable, "of the stream"};
  run.w.run_for(24h + 2min);
  EXPECT_EQ(run.calls.back().period, day(January / 2 / 2024));
  run.refusals = 0;
  const auto tried = run.calls.size();
  run.w.run_for(1min);
  ASSERT_EQ(run.calls.size(), tried + 2);
  EXPECT_EQ(run.calls[tried].period, day(January / 2 / 2024));
  EXPECT_EQ(run.calls[tried + 1].period, day(January / 3 / 2024));
}

/// The periods that end in the stream of "rt", as its disk has them.
std::vector<int64_t> ended_periods(world& w) {
  std::vector<int64_t> out;
  const auto all
    = read_stream(w.at("rt").disk(), stream_directory("rt") + "/out");
  if (!all)
    ADD_FAILURE() << to_string(all.failure());
  else
    for (const auto& each : *all)
      if (each.kind == delivered::what::period)
        out.push_back(each.period.value);
  return out;
}

/// A real RT node that ends periods by the clock, and a publisher.
cluster_plan clocked(const std::shared_ptr<ledger>& book) {
  cluster_plan plan;
  plan.config.period.clock = true;
  add_rt_node(plan, "rt");
  add_publisher(plan, "alice", {.messages = 50}, book);
  return plan;
}

TEST(PeriodTimerSim, AnRtThatWasAwayAtTheEndMakesUpForIt) {
  for (const bool had_ended : {false, true}) {
    auto book = std::make_shared<ledger>();
    const auto plan = clocked(book);
    // A stream that has ended periods, and one in its first.
    const auto begin
      = instant(January / (had_ended ? 1 : 2) / 2024, 23h + 58min);
    world w{7, {.epoch_ns = begin}};
    w.add_cluster(plan.config, plan.options);
    std::vector<int64_t> expected;
    if (had_ended) {
      w.run_for(3min);
      expected.push_back(day(January / 1 / 2024));
    } else {
      w.run_for(1min);
    }
    ASSERT_TRUE(book->settled);
    EXPECT_EQ(ended_periods(w), expected);
    w.crash("alice");
    w.crash("rt");
    w.run_for(had_ended ? 24h : 3min);
    w.restart("rt");
    w.run_for(30s);
    expected.push_back(day(January / 2 / 2024));
    EXPECT_EQ(ended_periods(w), expected);
    // And no more than once.
    w.crash("rt");
    w.restart("rt");
    w.run_for(30s);
    EXPECT_EQ(ended_periods(w), expected);
    EXPECT_TRUE(w.defects().empty());
  }
}

// Who asks at once, before the node knows that it leads, is answered as well.
TEST(PeriodTimerSim, DaysThatWereMissedEndOneAfterTheOtherAtOnce) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    auto book = std::make_shared<ledger>();
    const auto plan = clocked(book);
    world w{seed, {.epoch_ns = instant(January / 1 / 2024, 23h + 58min)}};
    w.add_cluster(plan.config, plan.options);
    w.run_for(3min);
    ASSERT_TRUE(book->settled);
    w.crash("alice");
    w.crash("rt");
    w.run_for(4 * 24h);
    w.restart("rt");
    w.run_for(20s);
    std::vector<int64_t> expected;
    for (unsigned of_month = 1; of_month <= 5; ++of_month)
      expected.push_back(day(January / of_month / 2024));
    EXPECT_EQ(ended_periods(w), expected);
    EXPECT_TRUE(w.defects().empty());
  }
}

TEST(PeriodTimerSim, AnRtThatBeganTodayDoesNotEndYesterday) {
  auto book = std::make_shared<ledger>();
  const auto plan = clocked(book);
  world w{7, {.epoch_ns = instant(January / 2 / 2024, 9h)}};
  w.add_cluster(plan.config, plan.options);
  w.run_for(1min);
  ASSERT_TRUE(book->settled);
  w.crash("rt");
  w.restart("rt");
  w.run_for(1min);
  EXPECT_TRUE(ended_periods(w).empty());
}

} // namespace
} // namespace millrace::sim
