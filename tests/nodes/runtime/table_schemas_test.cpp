#include <millrace/nodes/assembly/table_schemas.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/hdb/hdb_writer.hpp>
#include <millrace/tests/support/cluster_text.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace millrace::nodes {
namespace {

using ::testing::HasSubstr;

struct table_schemas_test : testing::Test {
  /// Columns beside time and sym, in line 9.
  cluster_config config(const std::vector<std::string>& columns) {
    auto all = columns;
    all.insert(all.begin(), {"time:timestamp", "sym:symbol"});
    const auto text = test_support::cluster_text{"t"}
                        .stream("s")
                        .table("trade", "s", all)
                        .node("n", 1)
                        .process("rt1", "rt", "n")
                        .process("rdb1", "rdb", "n")
                        .text();
    auto out = parse_configuration(text, directory + "/c.toml");
    EXPECT_TRUE(out) << to_string(out.failure());
    return *std::move(out);
  }
  error check(const std::vector<std::string>& columns) {
    return check_tables(*env->world().fs, config(columns), {"rt1", "rdb1"});
  }
  /// The version that the table has at a start.
  uint32_t start(const std::vector<std::string>& columns) {
    const auto all = config(columns);
    const auto tables = settle_tables(env->world(), all, *all.process("rdb1"));
    EXPECT_TRUE(tables) << to_string(tables.failure());
    if (!tables)
      return 0;
    rebuilt = tables->rebuilt;
    return tables->tables.front().version;
  }
  /// As the end of a period does.
  void write_down(const std::vector<std::string>& columns, uint32_t version) {
    auto schema = config(columns).tables.front().schema;
    schema.version = version;
    auto writer
      = persistence::hdb_writer::open(env->world(), directory + "/data/hdb");
    ASSERT_TRUE(writer) << to_string(writer.failure());
    ASSERT_FALSE((*writer)->commit({}, {schema}));
  }
  uint32_t newest_in_hdb() {
    const auto manifest = persistence::read_hdb_manifest(
      *env->world().fs, directory + "/data/hdb");
    EXPECT_TRUE(manifest) << to_string(manifest.failure());
    return manifest->newest_schema("trade")->version;
  }

  test_support::temporary_directory home;
  std::string directory = home.path();
  std::unique_ptr<real_env> env
    = *real_env::create({.io_threads = 1, .pool_threads = 1});
  std::vector<std::string> rebuilt; ///< At the last start.
};

using TableSchemasTest = table_schemas_test;

TEST_F(TableSchemasTest, AnAddedOrWiderColumnIsANewVersion) {
  EXPECT_EQ(start({"size:int"}), 1u);
  EXPECT_EQ(start({"size:int"}), 1u);
  EXPECT_FALSE(check({"size:long"}));
  EXPECT_EQ(start({"size:long"}), 2u);
  EXPECT_EQ(start({"size:long", "venue:symbol"}), 3u);
  EXPECT_EQ(start({"size:long", "venue:symbol"}), 3u);
}

TEST_F(TableSchemasTest, TheHdbLearnsANewVersionAtTheStart) {
  EXPECT_EQ(start({"size:int"}), 1u);
  write_down({"size:int"}, 1);
  EXPECT_EQ(start({"size:int", "venue:symbol"}), 2u);
  EXPECT_EQ(newest_in_hdb(), 2u);
}

TEST_F(TableSchemasTest, WhatNoRowFitsIsRefusedWithItsPlace) {
  EXPECT_EQ(start({"size:int"}), 1u);
  struct fault_case {
    std::vector<std::string> columns;
    const char* reason;
  };
  for (const auto& [columns, reason] :
       {fault_case{{"size:short"}, "int may not become short"},
        fault_case{{"size:symbol"}, "int may not become symbol"},
        fault_case{{}, "columns may not be removed"}}) {
    const auto fault = check(columns);
    EXPECT_EQ(fault.code, errc::config) << reason;
    EXPECT_THAT(fault.context, HasSubstr("/c.toml:9:table.columns: "));
    EXPECT_THAT(fault.context, HasSubstr(reason));
    EXPECT_THAT(fault.context, HasSubstr("'rdb1' has started with it before"));
  }
  // Nothing was changed by asking.
  EXPECT_EQ(start({"size:int"}), 1u);
}

TEST_F(TableSchemasTest, ANoteThatIsDamagedIsMadeAgainAndTold) {
  EXPECT_EQ(start({"size:int"}), 1u);
  write_down({"size:int"}, 1);
  EXPECT_EQ(start({"size:long"}), 2u);
  EXPECT_TRUE(rebuilt.empty());
  const auto path = directory + "/data/schemas/rdb1/trade";
  for (const size_t bytes : {0u, 1u, 64u, 2u << 20}) {
    SCOPED_TRACE(bytes);
    ASSERT_FALSE(persistence::replace_file(
      *env->world().fs, path, std::vector<std::byte>(bytes, std::byte{0xa5})));
    EXPECT_FALSE(check({"size:long"}));
    // What the manifest has holds on.
    EXPECT_THAT(check({"size:int"}).context,
                HasSubstr("rows of it are in the hdb"));
    EXPECT_EQ(start({"size:long"}), 2u);
    ASSERT_EQ(rebuilt.size(), 1u);
    EXPECT_THAT(rebuilt[0], HasSubstr(path + ".aside."));
    EXPECT_EQ(start({"size:long"}), 2u);
    EXPECT_TRUE(rebuilt.empty());
  }
}

TEST_F(TableSchemasTest, ADirectoryOrAFileInTheWayIsSetAsideAndTold) {
  EXPECT_EQ(start({"size:int"}), 1u);
  const auto schemas = directory + "/data/schemas";
  const auto note = schemas + "/rdb1/trade";
  std::filesystem::remove(note);
  std::filesystem::create_directories(note + "/below");
  EXPECT_FALSE(check({"size:int"}));
  EXPECT_EQ(start({"size:int"}), 1u);
  ASSERT_EQ(rebuilt.size(), 1u);
  EXPECT_THAT(rebuilt[0], HasSubstr(note + ".aside."));
  EXPECT_TRUE(std::filesystem::exists(note + ".aside.1/below"));
  for (const auto& each : {schemas + "/rdb1", schemas}) {
    std::filesystem::remove_all(each);
    ASSERT_FALSE(persistence::replace_file(*env->world().fs, each,
                                           std::vector<std::byte>(3)));
    EXPECT_FALSE(check({"size:int"}));
    EXPECT_EQ(start({"size:int"}), 1u);
    ASSERT_EQ(rebuilt.size(), 1u) << each;
    EXPECT_THAT(rebuilt[0], HasSubstr(each + ": is a file"));
    EXPECT_TRUE(std::filesystem::is_regular_file(each + ".aside.1"));
    EXPECT_TRUE(std::filesystem::is_regular_file(note));
  }
  EXPECT_EQ(start({"size:int"}), 1u);
  EXPECT_TRUE(rebuilt.empty());
}

TEST_F(TableSchemasTest, RowsInTheHdbCountWithoutAnEarlierStart) {
  write_down({"size:long"}, 4);
  EXPECT_THAT(check({"size:int"}).context,
              HasSubstr("rows of it are in the hdb"));
  EXPECT_EQ(start({"size:long"}), 4u);
}

} // namespace
} // namespace millrace::nodes
