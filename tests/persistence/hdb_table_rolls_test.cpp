#include <millrace/persistence/hdb/hdb_writer.hpp>
#include <millrace/persistence/hdb/table_rolls.hpp>

#include <gtest/gtest.h>

#include "store_fixture.hpp"

namespace millrace::persistence {
namespace {

using namespace oracle;

constexpr int64_t hour = 3'600'000'000'000;

/// The rules that are noted; none: they cannot be read.
using noted_rolls = std::optional<std::set<table_roll>>;

struct rolls_test : testing::Test {
  rolls_test() { world.fs = &posix_file_system(); }

  std::unique_ptr<hdb_writer> open() {
    auto out = hdb_writer::open(world, directory.path());
    EXPECT_TRUE(out) << to_string(out.failure());
    return *std::move(out);
  }
  noted_rolls noted() {
    auto out = read_table_rolls(*world.fs, directory.path());
    if (!out)
      return std::nullopt;
    return *std::move(out);
  }
  [[nodiscard]] std::string path() const {
    return directory.path() + "/" + std::string{table_rolls_name};
  }
  static table_schema schema_of(uint32_t version, int64_t offset_ns) {
    auto out = every_type();
    out.version = version;
    out.roll_zone = "Europe/Berlin";
    out.roll_offset_ns = offset_ns;
    return out;
  }

  temporary_directory directory;
  env world;
};

using TableRollsTest = rolls_test;

const table_roll at_night{"all", "Europe/Berlin", 0};
const table_roll at_seven{"all", "Europe/Berlin", 7 * hour};

TEST_F(TableRollsTest, EachRuleOfATableIsNotedAndNoneIsForgotten) {
  ASSERT_FALSE(open()->commit({}, {schema_of(1, 0)}));
  EXPECT_EQ(noted(), noted_rolls{{at_night}});
  ASSERT_FALSE(open()->commit({}, {schema_of(2, 7 * hour)}));
  const noted_rolls both{{at_night, at_seven}};
  EXPECT_EQ(noted(), both);
  // It is made again with what is committed next.
  std::filesystem::remove(path());
  ASSERT_FALSE(open()->commit({}, {schema_of(3, 7 * hour)}));
  EXPECT_EQ(noted(), both);
  std::filesystem::remove(path());
  std::filesystem::create_directories(path() + "/inside");
  ASSERT_FALSE(open()->commit({}, {schema_of(4, 7 * hour)}));
  EXPECT_EQ(noted(), both);
  EXPECT_TRUE(std::filesystem::exists(path() + ".aside.1/inside"));
}

// A rule is there before a manifest that names parts of it.
TEST_F(TableRollsTest, NoManifestComesBeforeItsRules) {
  ASSERT_FALSE(open()->commit({}, {schema_of(1, 0)}));
  auto writer = open();
  std::filesystem::create_directories(path() + ".tmp/inside");
  EXPECT_TRUE(writer->commit({}, {schema_of(2, 7 * hour)}));
  writer.reset();
  EXPECT_EQ(open()->manifest().newest_schema("all")->version, 1u);
}

TEST_F(TableRollsTest, TheyAreLinesAndASum) {
  ASSERT_FALSE(
    write_table_rolls(*world.fs, directory.path(), {at_seven, at_night}));
  const auto bytes = read_file(*world.fs, path());
  ASSERT_TRUE(bytes);
  const std::string text{reinterpret_cast<const char*>(bytes->data()),
                         bytes->size()};
  EXPECT_EQ(text.substr(0, text.rfind('\t')),
            "all\tEurope/Berlin\t0\nall\tEurope/Berlin\t25200000000000\nend");
  const std::set<table_roll> both{at_night, at_seven};
  EXPECT_EQ(noted(), both);
}

TEST_F(TableRollsTest, EveryFlippedBitAndEveryTruncationIsFound) {
  ASSERT_FALSE(
    write_table_rolls(*world.fs, directory.path(), {at_night, at_seven}));
  const auto good = read_file(*world.fs, path());
  ASSERT_TRUE(good);
  const auto is_found = [&](const std::vector<std::byte>& bytes) {
    EXPECT_FALSE(replace_file(*world.fs, path(), bytes));
    return read_table_rolls(*world.fs, directory.path()).failure().code
           == errc::corrupt;
  };
  for (size_t i = 0; i < good->size() * 8; ++i) {
    auto bytes = *good;
    bytes[i / 8] ^= std::byte(1u << (i % 8));
    EXPECT_TRUE(is_found(bytes)) << i;
  }
  for (size_t length = 0; length < good->size(); ++length)
    EXPECT_TRUE(is_found({good->begin(), good->begin() + long(length)}));
}

} // namespace
} // namespace millrace::persistence
