// What becomes of ended periods, as a table: what happens at which time, and
// what is to be done about it, as text:
//
//   write 8000 (0,100]   write these rows down as that period
//   tell hdb1 hdb2       have these HDBs load the manifest
//   drop 100             let go of the rows up to there

#include <millrace/actors/torq/rdb/memory_watch.hpp>
#include <millrace/actors/torq/rdb/period_ledger.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::torq {
namespace {

constexpr int64_t ms = 1'000'000;
constexpr int64_t timeout_ns = 2'000 * ms;
constexpr int64_t held_ns = timeout_ns + period_ledger::drop_margin_ns;

std::string text_of(const period_ledger::effects& done) {
  std::string out;
  auto add
    = [&](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  if (done.to_write)
    add("write " + std::to_string(done.to_write->period.value) + " ("
        + std::to_string(done.to_write->from.value) + ","
        + std::to_string(done.to_write->to.value) + "]");
  if (!done.to_tell.empty()) {
    std::string names;
    for (const auto& name : done.to_tell)
      names += " " + name;
    add("tell" + names);
  }
  if (done.to_drop)
    add("drop " + std::to_string(done.to_drop->value));
  return out;
}

period_ledger::input passed(int64_t period, uint64_t end) {
  return period_ledger::passed{period_id{period}, {end}};
}
period_ledger::input rejected(int64_t period, uint64_t end, uint64_t rejects) {
  return period_ledger::passed{period_id{period}, {end}, rejects};
}
period_ledger::input accepted(int64_t period) {
  return period_ledger::accepted{period_id{period}};
}
period_ledger::input written(uint64_t end, uint64_t version) {
  return period_ledger::written{{end}, manifest_version{version}, {}};
}
period_ledger::input not_written(uint64_t end) {
  return period_ledger::written{{end}, {}, {errc::no_space, "full"}};
}
period_ledger::input came(const std::string& name) {
  return period_ledger::hdb_came{name};
}
period_ledger::input left(const std::string& name) {
  return period_ledger::hdb_left{name};
}
period_ledger::input serves(const std::string& name, uint64_t cutover) {
  return period_ledger::hdb_serves{name, {cutover}};
}
period_ledger::input tick() { return period_ledger::tick{}; }

struct ledger_step {
  int64_t at_ns = 0;
  period_ledger::input happens;
  std::string expected;
  /// Up to where some HDB serves what was written, after this step.
  uint64_t served_end = 0;
};

struct ledger_course {
  std::string name;
  std::vector<ledger_step> steps;
  size_t held = 0; ///< Periods, at the end.
  std::optional<period_ledger::written_before> before{};
  bool writes = true;
};

const std::vector<ledger_course> ledger_courses{
  {"RejectsHoldTheirPeriodAndThoseAfterIt",
   {{0, passed(8000, 100), "write 8000 (0,100]"},
    {0, rejected(8001, 180, 2), ""},
    {1, written(100, 1), ""},
    {2, passed(8002, 250), ""},
    {3, tick(), ""},
    {4, accepted(8001), "write 8001 (100,180]"},
    {5, written(180, 2), "write 8002 (180,250]"}},
   3},
  {"RejectsAreAcceptedOncePerPeriod",
   {{0, rejected(8000, 100, 1), ""},
    {1, accepted(8000), "write 8000 (0,100]"},
    {2, written(100, 1), ""},
    {3, rejected(8001, 180, 1), ""},
    {4, tick(), ""},
    {5, accepted(8001), "write 8001 (100,180]"}},
   2},
  {"OnePeriodIsAcceptedAndNotTheNext",
   {{0, rejected(8000, 100, 1), ""},
    {0, rejected(8001, 180, 3), ""},
    {1, accepted(7999), ""},
    {2, accepted(8000), "write 8000 (0,100]"},
    {3, written(100, 1), ""},
    {4, tick(), ""},
    // Those before one that is named go with it.
    {5, rejected(8002, 250, 1), ""},
    {6, accepted(8002), "write 8001 (100,180]"},
    {7, written(180, 2), "write 8002 (180,250]"}},
   3},
  {"WrittenToldServedDropped",
   {{0, came("hdb1"), "tell hdb1"},
    {1, passed(8000, 100), "write 8000 (0,100]"},
    {2, written(100, 1), "tell hdb1"},
    {3, serves("hdb1", 100), "", 100},
    {4, tick(), "", 100},
    {3 + held_ns - 1, tick(), "", 100},
    {3 + held_ns, tick(), "drop 100", 100},
    {4 + held_ns, tick(), "", 100}}},
  {"OnePeriodAfterTheOther",
   {{0, passed(8000, 100), "write 8000 (0,100]"},
    {0, passed(8001, 180), ""},
    {1, tick(), ""},
    {2, written(100, 1), "write 8001 (100,180]"},
    {3, written(180, 2), ""},
    {3, came("hdb1"), "tell hdb1"},
    {4, serves("hdb1", 180), "", 180},
    // One drop for both.
    {4 + held_ns, tick(), "drop 180", 180}}},
  {"TheFirstIsServedWhileTheSecondIsWritten",
   {{0, came("hdb1"), "tell hdb1"},
    {0, passed(8000, 100), "write 8000 (0,100]"},
    {0, passed(8001, 180), ""},
    {1, written(100, 1), "write 8001 (100,180]; tell hdb1"},
    {2, serves("hdb1", 100), "", 100},
    {2 + held_ns, tick(), "drop 100", 100},
    {3 + held_ns, written(180, 2), "tell hdb1", 100},
    {4 + held_ns, serves("hdb1", 180), "", 180}},
   1},
  {"AFailedWriteIsTriedAgainLater",
   {{0, passed(8000, 100), "write 8000 (0,100]"},
    {5, not_written(100), ""},
    {6, tick(), ""},
    {6, passed(8001, 180), ""},
    {5 + period_ledger::retry_write_ns - 1, tick(), ""},
    {5 + period_ledger::retry_write_ns, tick(), "write 8000 (0,100]"}},
   2},
  {"ToldAgainUntilServed",
   {{0, came("hdb1"), "tell hdb1"},
    {0, passed(8000, 100), "write 8000 (0,100]"},
    {1, written(100, 1), "tell hdb1"},
    {2, tick(), "tell hdb1"},
    {3, tick(), ""},
    {3, serves("hdb1", 0), ""},
    {2 + period_ledger::retry_tell_ns, tick(), "tell hdb1"},
    {3 + period_ledger::retry_tell_ns, serves("hdb1", 100), "", 100},
    {3 + 2 * period_ledger::retry_tell_ns, tick(), "", 100}},
   1},
  {"RowsStayUntilEachLivingHdbServesThem",
   {{0, came("hdb1"), "tell hdb1"},
    {0, came("hdb2"), "tell hdb2"},
    {0, passed(8000, 100), "write 8000 (0,100]"},
    {1, written(100, 1), "tell hdb1 hdb2"},
    {2, serves("hdb1", 100), "", 100},
    {2 + held_ns, tick(), "tell hdb1 hdb2", 100},
    {3 + held_ns, serves("hdb2", 100), "", 100},
    {3 + 2 * held_ns, tick(), "drop 100", 100}}},
  {"ADeadHdbHoldsNothingUp",
   {{0, came("hdb1"), "tell hdb1"},
    {0, came("hdb2"), "tell hdb2"},
    {0, passed(8000, 100), "write 8000 (0,100]"},
    {0, left("hdb2"), ""},
    {1, written(100, 1), "tell hdb1"},
    {2, serves("hdb1", 100), "", 100},
    {2 + held_ns, tick(), "drop 100", 100},
    // Back again: it hears of what was written before.
    {3 + held_ns, came("hdb2"), "tell hdb2", 100}}},
  {"WithoutHdbNothingIsDropped",
   {{0, passed(8000, 100), "write 8000 (0,100]"},
    {1, written(100, 1), ""},
    {2 + held_ns, tick(), ""}},
   1},
  {"WrittenByAnEarlierLife",
   {{0, tick(), ""},
    {1, came("hdb1"), "tell hdb1"},
    {2, passed(8001, 180), "write 8001 (100,180]"},
    {3, serves("hdb1", 100), "", 100},
    // Its rows were never in this memory: no drop, and no waiting for it.
    {4, tick(), "", 100},
    {5, written(180, 2), "tell hdb1", 100}},
   1,
   period_ledger::written_before{{100}, manifest_version{1}}},
  {"WhatOthersWroteIsLetGo",
   {{0, came("hdb1"), "tell hdb1"},
    {0, passed(8000, 100), ""},
    {1, serves("hdb1", 99), ""},
    {2, serves("hdb1", 100), "", 100},
    {2 + held_ns, tick(), "drop 100", 100},
    // It may come first, too.
    {3 + held_ns, serves("hdb1", 180), "", 100},
    {4 + held_ns, passed(8001, 180), "", 180},
    {4 + 2 * held_ns, tick(), "drop 180", 180}},
   0,
   std::nullopt,
   false},
  {"AnotherDirectoryIsNotTheOneWrittenHere",
   {{0, came("hdb1"), "tell hdb1"},
    {0, serves("hdb1", 100), ""},
    {1, passed(8000, 100), "write 8000 (0,100]"},
    {2, tick(), ""},
    {3 + held_ns, tick(), ""},
    {4 + held_ns, written(100, 1), "tell hdb1", 100}},
   1},
  {"AnHdbThatWasBroughtBackServesLess",
   {{0, came("hdb1"), "tell hdb1"},
    {0, passed(8000, 100), "write 8000 (0,100]"},
    {1, serves("hdb1", 500), ""},
    {2, serves("hdb1", 60), ""},
    {3, written(100, 1), "tell hdb1"}},
   1},
  {"WhereOthersWriteNothingIsWritten",
   {{0, came("hdb1"), "tell hdb1"},
    {0, passed(8000, 100), ""},
    {1, tick(), ""}},
   1,
   std::nullopt,
   false},
};

class PeriodLedgerCourse : public ::testing::TestWithParam<ledger_course> {};

TEST_P(PeriodLedgerCourse, DoesWhatTheTableSays) {
  const auto& run = GetParam();
  period_ledger ledger{{run.writes, timeout_ns}, run.before};
  for (size_t i = 0; i < run.steps.size(); ++i) {
    const auto& [at, happens, expected, served] = run.steps[i];
    EXPECT_EQ(text_of(ledger.step(happens, at)), expected) << "step " << i;
    EXPECT_EQ(ledger.served_end().value, served) << "step " << i;
  }
  EXPECT_EQ(ledger.held(), run.held);
}

INSTANTIATE_TEST_SUITE_P(All, PeriodLedgerCourse,
                         ::testing::ValuesIn(ledger_courses),
                         [](const auto& each) { return each.param.name; });

TEST(PeriodLedgerTest, ServesAPeriodWhenItAndThoseBeforeAreServed) {
  period_ledger ledger{{true, timeout_ns}};
  // Nothing is known of any period.
  EXPECT_FALSE(ledger.serves(period_id{8000}));
  EXPECT_FALSE(ledger.awaits(period_id{8000}));
  (void)ledger.step(passed(8000, 100), 0);
  (void)ledger.step(passed(8001, 180), 0);
  // It may have been passed over: then its rows lie in 8000.
  EXPECT_FALSE(ledger.serves(period_id{7999}));
  EXPECT_FALSE(ledger.serves(period_id{8000}));
  (void)ledger.step(written(100, 1), 1);
  EXPECT_FALSE(ledger.serves(period_id{8000}));
  (void)ledger.step(came("hdb1"), 1);
  (void)ledger.step(serves("hdb1", 100), 1);
  EXPECT_TRUE(ledger.serves(period_id{7999}));
  EXPECT_TRUE(ledger.serves(period_id{8000}));
  EXPECT_FALSE(ledger.serves(period_id{8001}));
  EXPECT_TRUE(ledger.awaits(period_id{8001}));
  EXPECT_FALSE(ledger.serves(period_id{8002}));
}

TEST(PeriodLedgerTest, DoesNotKnowWhatEndedBeforeItsLife) {
  period_ledger ledger{
    {true, timeout_ns},
    period_ledger::written_before{{100}, manifest_version{1}}};
  EXPECT_TRUE(ledger.awaits(period_id{8000})) << "no hdb was heard of yet";
  EXPECT_EQ(ledger.held(), 1u);
  EXPECT_EQ(ledger.unwritten(), 0u) << "it was written in an earlier life";
  EXPECT_FALSE(ledger.serves(period_id{8000}));
  (void)ledger.step(came("hdb1"), 1);
  (void)ledger.step(serves("hdb1", 100), 1);
  EXPECT_FALSE(ledger.awaits(period_id{8000}));
  EXPECT_FALSE(ledger.serves(period_id{8000}));
  (void)ledger.step(passed(8001, 180), 2);
  EXPECT_EQ(ledger.unwritten(), 1u);
  (void)ledger.step(written(180, 2), 3);
  EXPECT_EQ(ledger.unwritten(), 0u);
  EXPECT_TRUE(ledger.awaits(period_id{8001}));
  (void)ledger.step(serves("hdb1", 180), 4);
  EXPECT_TRUE(ledger.serves(period_id{8001}));
}

TEST(PeriodLedgerTest, SaysWhatItKnowsOfAPeriod) {
  period_ledger ledger{{true, timeout_ns}};
  EXPECT_EQ(ledger.find(period_id{8000}), nullptr);
  EXPECT_EQ(ledger.waiting(), nullptr);
  (void)ledger.step(came("hdb1"), 0);
  (void)ledger.step(passed(8000, 100), 0);
  (void)ledger.step(rejected(8001, 180, 3), 0);
  EXPECT_EQ(ledger.living_hdbs(), 1u);
  ASSERT_NE(ledger.find(period_id{8000}), nullptr);
  EXPECT_EQ(ledger.find(period_id{8000})->end, position{100});
  ASSERT_NE(ledger.waiting(), nullptr);
  EXPECT_EQ(ledger.waiting()->period, period_id{8001});
  EXPECT_EQ(ledger.waiting()->rejects, 3u);
  (void)ledger.step(written(100, 1), 1);
  (void)ledger.step(serves("hdb1", 100), 1);
  // It is known for a while after its rows were dropped.
  EXPECT_FALSE(text_of(ledger.step(tick(), 1 + held_ns)).empty());
  ASSERT_NE(ledger.find(period_id{8000}), nullptr);
  (void)ledger.step(accepted(8001), 2 + held_ns);
  EXPECT_EQ(ledger.waiting(), nullptr);
  (void)ledger.step(left("hdb1"), 2 + held_ns);
  EXPECT_EQ(ledger.living_hdbs(), 0u);
}

TEST(MemoryWatchTest, StopsAboveTheLimitAndGoesOnWellBelow) {
  struct look {
    uint64_t bytes;
    bool awaited;
    bool changes;
    bool paused;
  };
  memory_watch watch{1000};
  for (const auto& [bytes, awaited, changes, paused] :
       {look{1000, false, false, false}, look{1001, true, false, false},
        look{1001, false, true, true}, look{950, false, false, true},
        look{899, false, true, false}, look{2000, false, true, true},
        // Somebody waits for an end that is still to come.
        look{2000, true, true, false}, look{2000, true, false, false}}) {
    EXPECT_EQ(watch.look(bytes, awaited), changes) << bytes;
    EXPECT_EQ(watch.paused(), paused) << bytes;
    EXPECT_EQ(watch.reason(bytes).empty(), !paused) << bytes;
  }
  memory_watch without{0};
  EXPECT_FALSE(without.look(~uint64_t{0}, false));
}

} // namespace
} // namespace millrace::torq
