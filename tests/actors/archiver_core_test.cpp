#include <millrace/actors/rt/archive/archive_clock.hpp>
#include <millrace/actors/rt/archive/archiver_core.hpp>
#include <millrace/actors/rt/archive/prune_lease.hpp>

#include <gtest/gtest.h>

namespace millrace::rt {
namespace {

constexpr int64_t hour_ns = 3'600'000'000'000;
constexpr int64_t archive_now_ns = 100 * hour_ns;

position roll(uint64_t number) { return position::of(0, number, 0); }

/// Five closed files of 100 bytes; file n ends with a message of n hours.
archive_files five() {
  archive_files out;
  for (uint64_t i = 0; i < 5; ++i)
    out.closed.push_back(
      {roll(i), roll(i + 1), 100, static_cast<int64_t>(i) * hour_ns});
  out.live_bytes = 50;
  out.disk_used_bytes = 900;
  out.disk_total_bytes = 1000;
  return out;
}

struct archive_case {
  const char* what;
  archive_policy policy;
  archive_floors floors;
  uint64_t files;
  const char* held_by;
};

const archive_case archive_cases[] = {
  {"no policy keeps all", {}, {}, 0, ""},
  {"by age, up to the first that is young", {98 * hour_ns, 0, 0}, {}, 2, ""},
  {"a file exactly so old stays", {100 * hour_ns, 0, 0}, {}, 0, ""},
  {"all are old: the live one stays", {hour_ns, 0, 0}, {}, 5, ""},
  {"by size, with what is written", {0, 350, 0}, {}, 2, ""},
  {"a size that fits lets nothing go", {0, 550, 0}, {}, 0, ""},
  {"by the disk", {0, 0, 75}, {}, 2, ""},
  {"a disk that others filled", {0, 0, 1}, {}, 5, ""},
  {"whichever asks for more", {98 * hour_ns, 250, 80}, {}, 3, ""},
  {"a consumer holds what it needs",
   {hour_ns, 0, 0},
   {{"rdb1", roll(2)}},
   2,
   "rdb1"},
  {"inside a file: that file stays",
   {hour_ns, 0, 0},
   {{"rdb1", position::of(0, 2, 40)}},
   2,
   "rdb1"},
  {"the one that needs most counts",
   {hour_ns, 0, 0},
   {{"a", roll(4)}, {"b", roll(1)}},
   1,
   "b"},
  {"on demand, without a policy", {0, 0, 0, roll(3)}, {}, 3, ""},
  {"on demand, as far as nobody needs it",
   {0, 0, 0, roll(3)},
   {{"rdb1", position::of(0, 1, 40)}},
   1,
   "rdb1"},
  {"one that has not told holds all",
   {hour_ns, 0, 0},
   {{"a", roll(4)}, {"b", std::nullopt}},
   0,
   "b"},
  {"one that is far ahead holds nothing", {0, 350, 0}, {{"a", roll(3)}}, 2, ""},
};

TEST(ArchiverCoreTest, TheOldestGoesAndNeverWhatIsNeeded) {
  for (const auto& each : archive_cases) {
    const auto got = archive(five(), each.floors, each.policy, archive_now_ns);
    EXPECT_EQ(got.files, each.files) << each.what;
    EXPECT_EQ(got.bytes, each.files * 100) << each.what;
    EXPECT_EQ(got.begin, each.files == 0 ? position{} : roll(each.files))
      << each.what;
    EXPECT_EQ(got.held_by, each.held_by) << each.what;
  }
}

TEST(ArchiverCoreTest, AFileWithoutMessagesIsAsOldAsTheNext) {
  auto files = five();
  files.closed[0].newest_ts.reset();
  EXPECT_EQ(archive(files, {}, {98 * hour_ns, 0, 0}, archive_now_ns).files, 2u);
  EXPECT_EQ(archive(files, {}, {99 * hour_ns + 1, 0, 0}, archive_now_ns).files,
            0u);
  for (auto& file : files.closed)
    file.newest_ts.reset();
  EXPECT_EQ(archive(files, {}, {hour_ns, 0, 0}, archive_now_ns).files, 0u);
}

TEST(ArchiverCoreTest, ACutTakesWholeFilesBeforeIt) {
  EXPECT_EQ(cut_at(five(), position{}).files, 0u);
  EXPECT_EQ(cut_at(five(), roll(2)).files, 2u);
  EXPECT_EQ(cut_at(five(), position::of(0, 2, 99)).files, 2u);
  EXPECT_EQ(cut_at(five(), position::of(7, 0, 0)).begin, roll(5));
}

TEST(ArchiverCoreTest, LosersAreThoseThatNeedWhatGoes) {
  const archive_floors floors{
    {"a", roll(3)}, {"b", roll(1)}, {"c", std::nullopt}};
  const archive_floors want{{"b", roll(1)}, {"c", std::nullopt}};
  EXPECT_EQ(losers(floors, roll(3)), want);
  EXPECT_TRUE(losers({{"a", roll(3)}}, roll(2)).empty());
}

TEST(ArchiveClockTest, AJumpAheadIsBelievedOnceItHasLasted) {
  constexpr auto jump_ns = 30 * 24 * hour_ns;
  archive_clock clock;
  EXPECT_EQ(clock.look(archive_now_ns, 0), 0);
  EXPECT_EQ(clock.now_ns(1000), archive_now_ns + 1000);
  // Told once, and not believed.
  EXPECT_EQ(clock.look(archive_now_ns + jump_ns, 10), jump_ns - 10);
  EXPECT_EQ(clock.look(archive_now_ns + jump_ns, 20), 0);
  EXPECT_EQ(clock.now_ns(20), archive_now_ns + 20);
  // Set right again: that was all.
  EXPECT_EQ(clock.look(archive_now_ns + 30, 30), 0);
  // One that lasts is right.
  EXPECT_EQ(clock.look(archive_now_ns + jump_ns, 40), jump_ns - 40);
  const auto later = 40 + archive_clock::patience_ns;
  EXPECT_EQ(clock.look(archive_now_ns + jump_ns + later, later), 0);
  EXPECT_EQ(clock.now_ns(later), archive_now_ns + jump_ns + later);
}

TEST(ArchiveClockTest, ALifeThatBeginsWithAWrongClockGoesByWhatWasPublished) {
  constexpr auto jump_ns = 30 * 24 * hour_ns;
  archive_clock clock;
  EXPECT_EQ(clock.look(archive_now_ns + jump_ns, 50), 0);
  EXPECT_EQ(clock.now_ns(50, archive_now_ns), archive_now_ns);
  EXPECT_EQ(clock.now_ns(50 + hour_ns / 2, archive_now_ns),
            archive_now_ns + hour_ns / 2);
  EXPECT_EQ(clock.now_ns(50 + hour_ns, archive_now_ns),
            archive_now_ns + jump_ns + hour_ns);
  // What is published since is newer than that.
  EXPECT_EQ(clock.now_ns(60, archive_now_ns + jump_ns),
            archive_now_ns + jump_ns + 10);
}

TEST(ArchiveClockTest, SmallStepsAndOnesBackAreBelieved) {
  archive_clock clock;
  EXPECT_EQ(clock.look(archive_now_ns, 0), 0);
  EXPECT_EQ(clock.look(archive_now_ns + archive_clock::jump_ns, 0), 0);
  EXPECT_EQ(clock.now_ns(0), archive_now_ns + archive_clock::jump_ns);
  EXPECT_EQ(clock.look(archive_now_ns - 24 * hour_ns, 0), 0);
  EXPECT_EQ(clock.now_ns(0), archive_now_ns - 24 * hour_ns);
}

TEST(PruneLeaseTest, OneAtATimeHasItWhileItSaysSo) {
  prune_lease lease;
  EXPECT_EQ(lease.told(0), "") << "nobody";
  EXPECT_TRUE(lease.take("a@host#11", 5));
  EXPECT_EQ(lease.told(5), "process 11");
  EXPECT_FALSE(lease.take("b@host#12", 6));
  EXPECT_EQ(lease.holder(), "a@host#11");
  EXPECT_FALSE(lease.take("a@host#11", 10)) << "had it";
  const auto over_ns = 10 + prune_lease::lease_ns;
  EXPECT_FALSE(lease.take("b@host#12", over_ns - 1));
  EXPECT_EQ(lease.told(over_ns - 1), "process 11");
  EXPECT_EQ(lease.told(over_ns), "");
  EXPECT_TRUE(lease.take("b@host#12", over_ns));
  EXPECT_EQ(lease.told(over_ns), "process 12");
  EXPECT_EQ(lease.describe(), "process 12 (subscriber b@host#12) decides from "
                              "now on what is no longer needed");
}

} // namespace
} // namespace millrace::rt
