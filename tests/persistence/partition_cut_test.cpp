#include <millrace/messages/text/civil_time.hpp>

#include <map>

#include "store_fixture.hpp"

namespace millrace::persistence {
namespace {

using namespace oracle;

/// One day and more of rows around several midnights, and rows without a time.
void fill_days(memory_store& store, filled_table& table, position& at,
               std::mt19937_64& random) {
  for (int batch_number = 0; batch_number < 40; ++batch_number) {
    rows batch;
    for (int i = 0; i < 20; ++i) {
      auto& made = batch.emplace_back(random_row(table.schema, random));
      if (made[0] != null_of(column_type::timestamp))
        made[0]
          = bytes_of(static_cast<int64_t>(random() % 120) * (text::day_ns / 20)
                     - text::day_ns);
    }
    const auto bytes = encode(table.schema, batch);
    at.value += 8;
    ASSERT_FALSE(store.append(*decode_batch(bytes), at));
    table.all.insert(table.all.end(), batch.begin(), batch.end());
  }
}

int64_t date_of(const table_schema& schema, const row& values,
                int64_t otherwise) {
  const auto time = time_of(schema, values);
  return time == null_long
           ? otherwise
           : text::floor_divide(time - schema.roll_offset_ns, text::day_ns);
}

// Method: rows of six dates in one period. Each part equals a stable sort of
// the rows of its date, and together they are all rows, counted once.
TEST(PartitionCutTest, RowsGoToThePartitionOfTheirOwnDate) {
  constexpr int64_t period = 2;
  for (const uint32_t segment_rows : {7u, 65536u}) {
    env world;
    world.fs = &posix_file_system();
    const temporary_directory directory;
    std::mt19937_64 random{segment_rows};
    filled_table table{every_type(), {}};
    memory_store rdb{{.segment_rows = segment_rows}};
    ASSERT_FALSE(rdb.declare(table.schema));
    position at{};
    fill_days(rdb, table, at, random);
    rdb.end_period(at);
    auto writer = hdb_writer::open(world, directory.path());
    ASSERT_TRUE(writer) << to_string(writer.failure());
    auto request = request_of(rdb, period, {}, at);
    request.partition.clear();
    ASSERT_TRUE(*write_period(**writer, request));
    EXPECT_FALSE(*write_period(**writer, request)) << "written twice";

    std::map<int64_t, rows> wanted;
    std::map<int64_t, std::vector<uint32_t>> numbers;
    for (uint32_t i = 0; i < table.all.size(); ++i) {
      const auto date = date_of(table.schema, table.all[i], period);
      wanted[date].push_back(table.all[i]);
      numbers[date].push_back(i);
    }
    ASSERT_GE(wanted.size(), 6u);
    auto store = hdb_store::open(posix_file_system(), directory.path());
    ASSERT_TRUE(store) << to_string(store.failure());
    const auto snapshot = (*store)->snapshot();
    EXPECT_EQ(snapshot->manifest().cutover("ticks", "all"), at);
    ASSERT_EQ(snapshot->parts("all").size(), wanted.size());
    auto date = wanted.begin();
    for (const auto* part : snapshot->parts("all")) {
      EXPECT_EQ(part->partition, date_partition_name(date->first));
      EXPECT_EQ(part->period, period);
      auto view = loaded(snapshot->view(*part));
      ASSERT_TRUE(view) << to_string(view.failure());
      const auto& segment = view->segments[0];
      const auto order = sorted_order(table.schema, date->second);
      ASSERT_EQ(segment.row_count, order.size());
      for (uint32_t r = 0; r < segment.row_count; ++r) {
        ASSERT_EQ(row_of(segment, r), date->second[order[r]]);
        // Stream orders are those of the whole range.
        ASSERT_EQ(segment.order[r], numbers[date->first][order[r]]);
      }
      expect_exact_zones(table.schema, segment);
      ++date;
    }
    EXPECT_TRUE(
      check_all(*world.fs, directory.path(), snapshot->manifest()).empty());
  }
}

// Method: parts of few bytes of text. Those of a date one after the other are
// a stable sort of its rows, and none has more text than it may.
TEST(PartitionCutTest, MuchTextOfADateIsSeveralParts) {
  constexpr int64_t period = 2;
  constexpr uint64_t text_max = 100;
  env world;
  world.fs = &posix_file_system();
  const temporary_directory directory;
  std::mt19937_64 random{5};
  filled_table table{every_type(), {}};
  memory_store rdb{{.segment_rows = 64}};
  ASSERT_FALSE(rdb.declare(table.schema));
  position at{};
  fill_days(rdb, table, at, random);
  rdb.end_period(at);
  auto writer = hdb_writer::open(world, directory.path());
  ASSERT_TRUE(writer) << to_string(writer.failure());
  auto request = request_of(rdb, period, {}, at);
  request.partition.clear();
  request.text_max = text_max;
  ASSERT_TRUE(*write_period(**writer, request));
  EXPECT_FALSE(*write_period(**writer, request)) << "written twice";
  std::map<int64_t, rows> wanted;
  for (const auto& each : table.all)
    wanted[date_of(table.schema, each, period)].push_back(each);
  auto store = hdb_store::open(posix_file_system(), directory.path());
  ASSERT_TRUE(store) << to_string(store.failure());
  const auto snapshot = (*store)->snapshot();
  EXPECT_EQ(snapshot->manifest().cutover("ticks", "all"), at);
  EXPECT_GT(snapshot->parts("all").size(), 2 * wanted.size());
  std::map<std::string, rows> found;
  for (const auto* part : snapshot->parts("all")) {
    auto view = loaded(snapshot->view(*part));
    ASSERT_TRUE(view) << to_string(view.failure());
    const auto& segment = view->segments[0];
    expect_exact_zones(table.schema, segment);
    for (uint32_t r = 0; r < segment.row_count; ++r)
      found[part->partition].push_back(row_of(segment, r));
    for (const auto& file : part->files)
      if (file.name.ends_with(".text") && part->row_count > 1
          && table.schema
                 .columns[*table.schema.column_index(
                   file.name.substr(0, file.name.size() - 5))]
                 .type
               == column_type::string) {
        EXPECT_LE(file.bytes, text_max);
      }
  }
  ASSERT_EQ(found.size(), wanted.size());
  for (const auto& [date, of_date] : wanted) {
    const auto& here = found[date_partition_name(date)];
    const auto order = sorted_order(table.schema, of_date);
    ASSERT_EQ(here.size(), order.size());
    for (size_t i = 0; i < order.size(); ++i)
      ASSERT_EQ(here[i], of_date[order[i]]);
  }
  EXPECT_TRUE(
    check_all(*world.fs, directory.path(), snapshot->manifest()).empty());
}

} // namespace
} // namespace millrace::persistence
