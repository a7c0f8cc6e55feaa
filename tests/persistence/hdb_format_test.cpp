#include <millrace/persistence/hdb/table_rolls.hpp>
#include <millrace/tests/support/paths.hpp>

#include <filesystem>
#include <fstream>
#include <set>

#include "store_fixture.hpp"

namespace millrace::persistence {
namespace {

using namespace oracle;

/// Rows written down once and for ever: no random numbers here.
rows golden_rows() {
  const auto schema = every_type();
  const char* symbols[] = {"SPY", "AIG", "", "AIG", "SPY", "AIG", "BRK.B"};
  const int64_t times[] = {5, 9, 1, 9, 5, 3, null_long};
  rows out;
  for (int64_t i = 0; i < 7; ++i) {
    row one;
    for (const auto& column : schema.columns) {
      if (column.name == "time")
        one.push_back(bytes_of(times[i]));
      else if (column.name == "sym")
        one.emplace_back(symbols[i]);
      else if (column.name == "venue")
        one.emplace_back(i % 3 == 0 ? "" : i % 3 == 1 ? "Q" : "NYSE");
      else if (column.name == "note")
        one.emplace_back(static_cast<size_t>(i), 'n');
      else if (i == 4)
        one.push_back(null_of(column.type));
      else if (column.type == column_type::float_)
        one.push_back(bytes_of(static_cast<double>(i) / 4));
      else if (column.type == column_type::real)
        one.push_back(bytes_of(static_cast<float>(i) / 4));
      else
        one.emplace_back(width_of(column.type), static_cast<char>('0' + i));
    }
    out.push_back(std::move(one));
  }
  return out;
}

/// Regular files below a directory, by relative path, but for the lock and for
/// the rules of tables, which are no part of a format: TableRollsTest.
std::map<std::string, std::string> files_below(const std::string& root) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    if (entry.is_regular_file() && entry.path().filename() != ".lock"
        && entry.path().filename() != table_rolls_name) {
      std::ifstream in{entry.path(), std::ios::binary};
      out[std::filesystem::relative(entry.path(), root).string()]
        = {std::istreambuf_iterator<char>{in}, {}};
    }
  return out;
}

/// What a format wrote. Format 1 says nothing of streams beside their ranges.
const std::string golden_1 = test_support::data_path("hdb");
/// Format 2, before it said which columns have no nulls.
const std::string golden_2 = test_support::data_path("hdb_2");
const std::string golden = test_support::data_path("hdb_2_nulls");

const lineage_id golden_life{{0x0123456789abcdef, 0xf}};

std::vector<hdb_loss> golden_losses() {
  return {{hdb_loss::stream_event, "ticks", "", {100}, {200}, 1, "a badtail"},
          {hdb_loss::rejects, "ticks", "all", {300}, {300}, 3, "batches"}};
}

TEST(HdbFormatTest, WritesTheGoldenBytes) {
  memory_store rdb{{.segment_rows = 3}};
  ASSERT_FALSE(rdb.declare(every_type()));
  const auto bytes = encode(every_type(), golden_rows());
  ASSERT_FALSE(rdb.append(*decode_batch(bytes), {4096}));
  rdb.end_period({8192});
  temporary_directory directory;
  // A new format means new golden files beside these, which stay readable.
  const auto* write_to = std::getenv("MILLRACE_WRITE_GOLDEN_HDB");
  const std::string path = write_to ? write_to : directory.path();
  env world;
  world.fs = &posix_file_system();
  auto writer = hdb_writer::open(world, path);
  ASSERT_TRUE(writer);
  auto request = request_of(rdb, 5028, {}, {8192});
  request.account = {golden_life, golden_losses()};
  ASSERT_TRUE(*write_period(**writer, request));
  const auto written = files_below(path);
  const auto expected = files_below(golden);
  EXPECT_GT(expected.size(), every_type().columns.size());
  std::set<std::string> names;
  for (const auto& [name, content] : expected)
    names.insert(name);
  for (const auto& [name, content] : written)
    names.insert(name);
  for (const auto& name : names) {
    ASSERT_TRUE(expected.contains(name)) << name;
    ASSERT_TRUE(written.contains(name)) << name;
    EXPECT_TRUE(expected.at(name) == written.at(name)) << name << " differs";
  }
}

void expect_golden(const std::string& path) {
  auto store = hdb_store::open(posix_file_system(), path);
  ASSERT_TRUE(store) << to_string(store.failure());
  const auto snapshot = (*store)->snapshot();
  EXPECT_EQ(snapshot->version(), 3u);
  ASSERT_EQ(snapshot->parts("all").size(), 1u);
  const auto& part = *snapshot->parts("all")[0];
  EXPECT_EQ(part.path(), "2013.10.07/all/2");
  EXPECT_EQ(part.stream, "ticks");
  EXPECT_EQ(part.period, 5028);
  EXPECT_EQ(part.to, position{8192});
  const auto view = loaded(snapshot->view(part));
  ASSERT_TRUE(view) << to_string(view.failure());
  expect_partition(*view, golden_rows());
  EXPECT_TRUE(
    check_all(posix_file_system(), path, snapshot->manifest()).empty());
}

TEST(HdbFormatTest, ReadsTheGoldenBytes) {
  expect_golden(golden);
  const auto manifest = read_hdb_manifest(posix_file_system(), golden);
  ASSERT_TRUE(manifest) << to_string(manifest.failure());
  EXPECT_EQ(manifest->life("ticks"), golden_life);
  EXPECT_EQ(manifest->losses, golden_losses());
  const auto no_nulls = [](const zone_map& zone) { return !zone.may_be_null; };
  EXPECT_TRUE(std::any_of(manifest->parts[0].zones.begin(),
                          manifest->parts[0].zones.end(), no_nulls));
}

TEST(HdbFormatTest, ReadsTheGoldenBytesThatKnowNothingOfNulls) {
  expect_golden(golden_2);
  const auto manifest = read_hdb_manifest(posix_file_system(), golden_2);
  ASSERT_TRUE(manifest) << to_string(manifest.failure());
  EXPECT_EQ(manifest->life("ticks"), golden_life);
  for (const auto& zone : manifest->parts[0].zones)
    EXPECT_TRUE(zone.may_be_null);
}

TEST(HdbFormatTest, ReadsTheGoldenBytesOfTheFormatBefore) {
  expect_golden(golden_1);
  const auto manifest = read_hdb_manifest(posix_file_system(), golden_1);
  ASSERT_TRUE(manifest) << to_string(manifest.failure());
  EXPECT_FALSE(manifest->life("ticks").is_known());
  EXPECT_TRUE(manifest->losses.empty());
}

} // namespace
} // namespace millrace::persistence
