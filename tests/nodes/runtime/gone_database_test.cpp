// What stands in the way of a database that is begun where one was.
#include <millrace/actors/torq/rdb/stream_note.hpp>
#include <millrace/nodes/assembly/changed_by_hand.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/hdb/hdb_writer.hpp>
#include <millrace/tests/support/cluster_text.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace millrace::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Two streams, whose rdbs write to one database.
struct gone_database_test : testing::Test {
  gone_database_test() {
    const auto text
      = test_support::cluster_text{"t"}
          .stream("s")
          .stream("other")
          .table("trade", "s", {"time:timestamp", "sym:symbol"})
          .table("quote", "other", {"time:timestamp", "sym:symbol"})
          .node("n", 1)
          .process("rt1", "rt", "n")
          .process("rdb1", "rdb", "n", "tables = [\"trade\"]\n")
          .process("rdb2", "rdb", "n", "tables = [\"quote\"]\n")
          .text();
    auto made = parse_configuration(text, directory + "/c.toml");
    EXPECT_TRUE(made) << to_string(made.failure());
    if (made)
      config = *std::move(made);
    hdb = config.process("rdb1")->hdb_directory;
  }
  /// As an rdb does that wrote a period down.
  void note(const std::string& rdb, const torq::stream_note& what) {
    ASSERT_FALSE(torq::write_stream_note(*env->world().fs,
                                         stream_note_file(config, rdb), what));
  }
  torq::lost_database lost(const std::string& besides = {}) {
    return lost_beside(*env->world().fs, config, hdb, besides);
  }
  std::vector<std::string> gone(const std::string& besides = {}) {
    return lost(besides).losses;
  }
  error load() { return check_not_gone(*env->world().fs, config, hdb); }

  test_support::temporary_directory home;
  std::string directory = home.path();
  std::unique_ptr<real_env> env
    = *real_env::create({.io_threads = 1, .pool_threads = 1});
  cluster_config config;
  std::string hdb;
};

using GoneDatabaseTest = gone_database_test;

TEST_F(GoneDatabaseTest, WhatAnRdbWroteIsMissedByLoadsAndOtherRdbs) {
  ASSERT_EQ(config.process("rdb2")->hdb_directory, hdb);
  EXPECT_THAT(gone(), IsEmpty());
  EXPECT_FALSE(load());
  note("rdb1", {.life = {1, 2}, .has_rows = true, .directory = hdb});
  EXPECT_THAT(gone("rdb1"), IsEmpty());
  EXPECT_THAT(gone("rdb2"),
              ElementsAre(AllOf(HasSubstr("rdb1 wrote rows of stream 's'"),
                                HasSubstr(hdb + " is not there"))));
  EXPECT_THAT(lost("rdb2").files,
              ElementsAre(stream_note_file(config, "rdb1")));
  EXPECT_EQ(load().code, errc::unavailable);
  EXPECT_THAT(load().context,
              AllOf(HasSubstr(hdb + " is not there"),
                    HasSubstr("remove " + stream_note_file(config, "rdb1"))));
  // Another one, which is told by what it does not know.
  auto writer = persistence::hdb_writer::open(env->world(), hdb);
  ASSERT_TRUE(writer) << to_string(writer.failure());
  ASSERT_FALSE((*writer)->commit({}, {config.tables.front().schema}));
  EXPECT_THAT(gone(), ElementsAre(HasSubstr("is another one: rdb1")));
  EXPECT_EQ(load().code, errc::unavailable);
  auto manifest = persistence::read_hdb_manifest(*env->world().fs, hdb);
  ASSERT_TRUE(manifest) << to_string(manifest.failure());
  // Earlier releases noted any database.
  note("rdb1", {.life = {1, 2}, .has_rows = true});
  EXPECT_THAT(gone(), IsEmpty());
}

TEST_F(GoneDatabaseTest, AnRdbThatIsNamedOtherwiseNowIsMissedAsWell) {
  note("before",
       {.life = {1, 2}, .has_rows = true, .directory = hdb, .stream = "s"});
  EXPECT_THAT(gone("rdb1"),
              ElementsAre(HasSubstr("before wrote rows of stream 's'")));
  // Where it wrote is not said.
  note("before", {.life = {1, 2}, .has_rows = true});
  EXPECT_THAT(gone("rdb1"), IsEmpty());
}

TEST_F(GoneDatabaseTest, ANoteThatCannotBeReadMayTellOfOne) {
  const auto path = stream_note_file(config, "rdb1");
  std::filesystem::create_directories(
    std::filesystem::path{path}.parent_path());
  std::ofstream{path} << "{";
  EXPECT_THAT(gone(), ElementsAre(HasSubstr("is not known, as " + path)));
  EXPECT_THAT(lost().files, ElementsAre(path));
  EXPECT_EQ(load().code, errc::unavailable);
  // Nor beside a database that knows nothing of its stream.
  auto writer = persistence::hdb_writer::open(env->world(), hdb);
  ASSERT_TRUE(writer) << to_string(writer.failure());
  ASSERT_FALSE((*writer)->commit({}, {config.tables.front().schema}));
  EXPECT_TRUE(lost().is_gone(true));
}

TEST_F(GoneDatabaseTest, WhatIsSettledOrLiesElsewhereIsNotMissed) {
  note("rdb1", {.life = {1, 2}, .has_rows = false, .directory = hdb});
  EXPECT_THAT(gone(), IsEmpty());
  note("rdb1",
       {.life = {1, 2}, .has_rows = true, .directory = directory + "/other"});
  EXPECT_THAT(gone(), IsEmpty());
  note("rdb1", {.life = {1, 2},
                .has_rows = true,
                .directory = hdb,
                .gone = "away",
                .begins_anew = true});
  EXPECT_THAT(gone(), IsEmpty());
  EXPECT_FALSE(load());
  // One of an earlier release does not say where.
  note("rdb1", {.life = {1, 2}, .has_rows = true});
  EXPECT_THAT(gone(), testing::SizeIs(1));
}

} // namespace
} // namespace millrace::nodes
