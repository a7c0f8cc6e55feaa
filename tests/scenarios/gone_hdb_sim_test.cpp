// The directory of an HDB is empty, as where a disk is not mounted.
#include <millrace/actors/torq/rdb/stream_note.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/sim/world/world.hpp>

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <tuple>

#include "disk_trees.hpp"
#include "traded_cluster.hpp"

namespace millrace::sim {
namespace {

constexpr std::array stores{"rdb1", "hdb1"};

void stop_stores(traded& run) {
  for (const auto* name : stores)
    run.w.crash(name);
}

void start_stores(traded& run) {
  for (const auto* name : stores)
    run.w.restart(name);
}

/// The place of the HDB as a mount that went leaves it. @returns what was there
file_map unmount_hdb(traded& run, const std::string& directory) {
  auto& disk = run.w.at("rdb1").disk();
  auto out = tree_of(disk, directory);
  EXPECT_FALSE(disk.remove_all(directory));
  EXPECT_FALSE(disk.create_directories(directory));
  return out;
}

/// A cluster whose RDB wrote a period down.
struct written_hdb {
  explicit written_hdb(uint64_t seed) : run{seed, config} {
    run.trade(100);
    run.end_period(9000);
  }
  nodes::cluster_config config = example();
  traded run;
  std::string directory = config.process("rdb1")->hdb_directory;
  std::string note = config.data_directory + "/streams/rdb1";
  memory_file_system& disk = run.w.at("rdb1").disk();
};

/// Ends a period of the stream. @returns where
position end_of_period(traded& run, int64_t period) {
  const auto end = run.w.ask<position>(
    caf::actor_cast<sequencer_actor>(run.w.find("rt1", "rt/market")), 60s,
    end_period_atom_v, period_id{period});
  EXPECT_TRUE(end) << to_string(end.failure());
  return end ? std::get<0>(*end) : position{};
}

/// Up to where the HDB's manifest has the rows.
position written_to(traded& run, const std::string& directory) {
  const auto there
    = persistence::read_hdb_manifest(run.w.at("rdb1").disk(), directory);
  const auto out
    = there ? there->cutover("market", "trade") : std::optional<position>{};
  return out.value_or(position{});
}

/// What the RDB says to who waits for the end of a period.
period_report told_of_period(traded& run, int64_t period, position at) {
  const auto report = run.w.ask<period_report>(
    caf::actor_cast<rdb_actor>(run.w.find("rdb1", "rdb1")), 20s,
    installed_atom_v, period_id{period}, at, false);
  EXPECT_TRUE(report) << to_string(report.failure());
  return report ? std::get<0>(*report) : period_report{};
}

/// Goal: what an rdb reads again, because its hdb is gone, nobody takes from
/// it: it needs the stream from an earlier place than it had said before.
TEST(GoneHdbSim, TheStreamIsKeptForAnRdbThatReadsItAgain) {
  written_hdb at{11};
  auto& run = at.run;
  const auto needs_from = [&] {
    const auto said = run.w.ask<status_facts>(
      caf::actor_cast<sequencer_actor>(run.w.find("rt1", "rt/market")), 60s,
      status_atom_v);
    EXPECT_TRUE(said);
    for (const auto& each :
         std::get<0>(*said).at("collection").at("consumers").elements())
      if (each.at("consumer").text_or_empty() == "rdb1")
        return position{each.at("needs_from").natural().value_or(0)};
    return position{};
  };
  const auto files = persistence::list_log_files(
    run.w.at("rt1").disk(),
    example().stream_directory("rt1", "market") + "/out");
  ASSERT_TRUE(files && !files->empty());
  const auto first
    = position::of(files->front().session, files->front().roll, 0);
  EXPECT_TRUE(run.w.run_until([&] { return needs_from() > first; }, 120s))
    << "it needs what is written down";
  const auto before = needs_from();
  stop_stores(run);
  (void)unmount_hdb(run, at.directory);
  start_stores(run);
  EXPECT_TRUE(run.w.run_until([&] { return needs_from() < before; }, 60s));
}

// Method: the directory comes back empty while all run, as a mount that went;
// then somebody says that what was there is lost.
TEST(GoneHdbSim, AnHdbThatIsLostUnderARunningRdbIsBegunAnewWhenSomebodySaysSo) {
  const auto config = example();
  traded run{9, config};
  run.trade(200);
  run.end_period(9000);
  // The gateway hears of what the hdb serves, and asks it: it has the files
  // open when they go.
  run.w.run_for(1s);
  run.expect_all();
  const auto directory = config.process("rdb1")->hdb_directory;
  const auto note = config.data_directory + "/streams/rdb1";
  (void)unmount_hdb(run, directory);
  run.trade(30);
  const auto end = end_of_period(run, 9001);
  run.w.run_for(30s);
  EXPECT_TRUE(told(run.w, "rdb1", "ended", "is not there any more"));
  EXPECT_TRUE(told(run.w, "rdb1", "hdb_gone", "not mounted"));
  EXPECT_TRUE(told(run.w, "rdb1", "not_written", "remove " + note));
  const auto waits = told_of_period(run, 9001, end);
  EXPECT_FALSE(waits.served);
  EXPECT_NE(waits.failure.find("remove " + note), std::string::npos)
    << waits.failure;
  EXPECT_EQ(written_to(run, directory), position{});
  run.expect_all();
  ASSERT_FALSE(run.w.at("rdb1").disk().remove(note));
  EXPECT_TRUE(
    run.w.run_until([&] { return written_to(run, directory) >= end; }, 60s));
  EXPECT_TRUE(told(run.w, "rdb1", "hdb_begun_anew", directory));
  run.trade(10);
  run.end_period(9002);
  run.w.run_for(60s);
  run.expect_all();
  // The stream brought all of it again.
  EXPECT_EQ(run.warnings, std::vector<std::string>{});
  run.expect_no_defects();
}

// Method: the directory is empty when the node starts, as a mount that failed;
// periods end, the RDB starts again and again, and the disk comes back, while
// all run and while nothing does.
TEST(GoneHdbSim, NothingIsWrittenInThePlaceOfAnHdbThatIsNotThereAtAStart) {
  const auto config = example();
  const auto directory = config.process("rdb1")->hdb_directory;
  for (const bool live : {true, false}) {
    SCOPED_TRACE(live);
    traded run{17, config};
    run.trade(100);
    run.end_period(9000);
    run.expect_all();
    stop_stores(run);
    const auto mounted = unmount_hdb(run, directory);
    start_stores(run);
    run.w.run_for(1s);
    for (int64_t i = 0; i < 2; ++i) {
      run.expect_all();
      ASSERT_EQ(run.warnings.size(), 1u);
      EXPECT_NE(run.warnings[0].find("is not there"), std::string::npos);
      run.trade(10);
      (void)end_of_period(run, 9001 + i);
      run.w.crash("rdb1", {.restart_after = 100ms});
      run.w.run_for(20s);
    }
    EXPECT_TRUE(told(run.w, "rdb1", "hdb_gone", "not mounted"));
    EXPECT_TRUE(told(run.w, "rdb1", "not_written", "until it is there again"));
    EXPECT_EQ(written_to(run, directory), position{});
    if (!live)
      stop_stores(run);
    restore_tree(run.w.at("rdb1").disk(), directory, mounted);
    if (!live)
      start_stores(run);
    run.w.run_for(5s);
    run.trade(10);
    run.end_period(9003);
    run.w.run_for(60s);
    run.expect_all();
    EXPECT_EQ(run.warnings, std::vector<std::string>{});
    run.expect_no_defects();
  }
}

// Method: what removes the note that says that it was there is no operator, but
// a disk that takes no file.
TEST(GoneHdbSim, ANoteThatCannotBeKeptIsNotTakenForOneThatWasRemoved) {
  written_hdb at{18};
  auto& run = at.run;
  auto& disk = at.disk;
  const auto& directory = at.directory;
  const auto& note = at.note;
  run.w.crash("rdb1");
  (void)unmount_hdb(run, directory);
  (void)disk.fail(disk_call::rename, 1, errc::no_space, 1'000'000, note);
  run.w.restart("rdb1");
  run.trade(10);
  (void)end_of_period(run, 9001);
  run.w.run_for(20s);
  EXPECT_TRUE(told(run.w, "rdb1", "note_not_kept", note));
  EXPECT_EQ(written_to(run, directory), position{});
  run.expect_no_defects();
}

// Method: another disk is mounted, with a database that knows nothing of the
// stream; then the right one.
TEST(GoneHdbSim, ADatabaseOfOthersInItsPlaceIsNotWrittenTo) {
  written_hdb at{19};
  auto& run = at.run;
  auto& disk = at.disk;
  const auto& directory = at.directory;
  const auto& note = at.note;
  stop_stores(run);
  const auto mounted = unmount_hdb(run, directory);
  persistence::hdb_manifest other;
  other.version = 7;
  const auto bytes = persistence::encode(other);
  ASSERT_FALSE(persistence::replace_file(disk, directory + "/manifest", bytes));
  // Whether the note is of an rdb of another name, can be read, or is its own.
  const auto kept = disk.content(note);
  ASSERT_FALSE(disk.rename(note, note + "_before"));
  int64_t period = 9000;
  for (const auto harm : {"renamed", "damaged", "none"}) {
    SCOPED_TRACE(harm);
    if (harm == std::string{"damaged"}) {
      ASSERT_FALSE(disk.remove(note + "_before"));
      disk.cut(note, 3);
    } else if (harm == std::string{"none"}) {
      ASSERT_FALSE(persistence::replace_file(disk, note, kept));
    }
    start_stores(run);
    run.trade(10);
    const auto end = end_of_period(run, ++period);
    run.w.run_for(20s);
    EXPECT_TRUE(told(run.w, "rdb1", "hdb_gone", directory));
    EXPECT_TRUE(told_of_period(run, period, end).held);
    EXPECT_EQ(disk.content(directory + "/manifest"), bytes);
    if (harm != std::string{"none"})
      stop_stores(run);
  }
  stop_stores(run);
  restore_tree(disk, directory, mounted);
  start_stores(run);
  run.w.run_for(60s);
  run.expect_all();
  EXPECT_EQ(run.warnings, std::vector<std::string>{});
  run.expect_no_defects();
}

// Method: the note has rotted as well, so that it does not say whether there
// was one; it is removed, and what the stream has is written.
TEST(GoneHdbSim, ANoteThatCannotBeReadMayTellOfOne) {
  written_hdb at{20};
  auto& run = at.run;
  auto& disk = at.disk;
  const auto& directory = at.directory;
  const auto& note = at.note;
  run.w.crash("rdb1");
  (void)unmount_hdb(run, directory);
  disk.cut(note, 3);
  run.w.restart("rdb1");
  run.trade(10);
  const auto end = end_of_period(run, 9001);
  run.w.run_for(20s);
  EXPECT_TRUE(told(run.w, "rdb1", "damaged", note));
  EXPECT_TRUE(told(run.w, "rdb1", "hdb_gone", "remove " + note));
  EXPECT_EQ(written_to(run, directory), position{});
  ASSERT_FALSE(disk.remove(note));
  EXPECT_TRUE(
    run.w.run_until([&] { return written_to(run, directory) >= end; }, 60s));
  run.expect_no_defects();
}

// Method: the note says what it wrote for another stream, before the
// configuration gave it this one.
TEST(GoneHdbSim, WhatAnRdbWroteOfAnotherStreamIsNotMissedOfThisOne) {
  const auto config = example();
  traded run{21, config};
  run.trade(10);
  const auto directory = config.process("rdb1")->hdb_directory;
  const auto note = config.data_directory + "/streams/rdb1";
  auto& disk = run.w.at("rdb1").disk();
  stop_stores(run);
  ASSERT_FALSE(torq::write_stream_note(disk, note,
                                       {.life = {1, 2},
                                        .has_rows = true,
                                        .directory = directory,
                                        .stream = "other"}));
  persistence::hdb_manifest of_other;
  of_other.version = 7;
  of_other.lives["other"] = {1, 2};
  ASSERT_FALSE(disk.create_directories(directory));
  ASSERT_FALSE(persistence::replace_file(disk, directory + "/manifest",
                                         persistence::encode(of_other)));
  start_stores(run);
  run.end_period(9001);
  EXPECT_NE(written_to(run, directory), position{});
  EXPECT_FALSE(told(run.w, "rdb1", "hdb_gone", ""));
  EXPECT_FALSE(told(run.w, "rdb1", "stream_loss", "new life"));
  // What it wrote of the other is missed where that goes, too.
  const auto kept = torq::read_stream_note(disk, note + ".other");
  ASSERT_TRUE(kept) << to_string(kept.failure());
  EXPECT_EQ(kept->stream, "other");
  EXPECT_TRUE(kept->has_rows);
  run.expect_all();
  EXPECT_EQ(run.warnings, std::vector<std::string>{});
  run.expect_no_defects();
}

} // namespace
} // namespace millrace::sim
