#include <fstream>
#include <thread>

#include "store_fixture.hpp"

namespace millrace::persistence {
namespace {

using namespace oracle;

struct partition_test : testing::Test {
  partition_test() { world.fs = &posix_file_system(); }

  std::unique_ptr<hdb_writer> open_writer() {
    auto writer = hdb_writer::open(world, directory.path() + "/hdb");
    EXPECT_TRUE(writer) << to_string(writer.failure());
    return std::move(*writer);
  }
  std::unique_ptr<hdb_store> open_store() {
    auto store = hdb_store::open(*world.fs, directory.path() + "/hdb");
    EXPECT_TRUE(store) << to_string(store.failure());
    return std::move(*store);
  }
  /// The only part of a table.
  static table_view only_part(const hdb_store& store, const char* table) {
    const auto snapshot = store.snapshot();
    EXPECT_EQ(snapshot->parts(table).size(), 1u);
    auto view = loaded(snapshot->view(*snapshot->parts(table).at(0)));
    EXPECT_TRUE(view) << to_string(view.failure());
    return std::move(*view);
  }

  temporary_directory directory;
  env world;
};

using PartitionWriterTest = partition_test;

// Method: random rows of all types with many ties and nulls, in small and
// large segments; the mapped partition equals a stable sort of the rows.
TEST_F(PartitionWriterTest, PartitionsAreSortedBySymbolTimeAndStreamOrder) {
  int64_t period = 5000;
  auto writer = open_writer();
  for (const uint32_t segment_rows : {1u, 17u, 65536u})
    for (const size_t row_count : {1u, 2u, 100u, 3000u}) {
      std::mt19937_64 random{segment_rows + row_count};
      filled_table table{every_type(), {}};
      table.schema.name = "t" + std::to_string(period);
      memory_store rdb{{.segment_rows = segment_rows}};
      ASSERT_FALSE(rdb.declare(table.schema));
      position at{};
      fill(rdb, table, at, row_count, random);
      rdb.end_period(at);
      auto done = write_period(*writer, request_of(rdb, period++, {}, at));
      ASSERT_TRUE(done) << to_string(done.failure());
      EXPECT_TRUE(*done);
      const auto store = open_store();
      const auto view = only_part(*store, table.schema.name.c_str());
      expect_partition(view, table.all);
      EXPECT_EQ(view.part_order, at.value);
      EXPECT_EQ(*view.schema, table.schema);
      EXPECT_TRUE(check_all(*world.fs, directory.path() + "/hdb",
                            store->snapshot()->manifest())
                    .empty());
    }
}

// The larger row count crosses the write buffer (1 MiB) and the segments.
TEST_F(PartitionWriterTest, LargePartitionsCrossEveryBuffer) {
  table_schema schema;
  schema.name = "quote";
  schema.columns = {{"time", column_type::timestamp},
                    {"sym", column_type::symbol},
                    {"id", column_type::long_},
                    {"note", column_type::string}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  constexpr int64_t count = 300'000;
  memory_store rdb;
  ASSERT_FALSE(rdb.declare(schema));
  batch_builder builder{schema};
  std::mt19937_64 random{1};
  for (int64_t i = 0; i < count; ++i) {
    // One row in a hundred is late.
    builder.append(0, i % 100 == 0 ? i / 2 : i);
    builder.append_symbol(1, "S" + std::to_string(random() % 700));
    builder.append(2, i);
    builder.append_string(3, std::to_string(i));
    builder.end_row();
  }
  const auto bytes = builder.encode();
  ASSERT_FALSE(rdb.append(*decode_batch(bytes), {8}));
  rdb.end_period({8});
  auto writer = open_writer();
  ASSERT_TRUE(write_period(*writer, request_of(rdb, 1, {}, {8})));
  const auto view = only_part(*open_store(), "quote");
  const auto& segment = view.segments[0];
  ASSERT_EQ(segment.row_count, count);
  std::vector<bool> seen(count);
  for (uint32_t r = 0; r < count; ++r) {
    const auto id = segment.columns[2].as<int64_t>()[r];
    ASSERT_FALSE(seen[static_cast<size_t>(id)]);
    seen[static_cast<size_t>(id)] = true;
    ASSERT_EQ(segment.order[r], id);
    ASSERT_EQ(segment.columns[0].as<int64_t>()[r], id % 100 == 0 ? id / 2 : id);
    ASSERT_EQ(cell_of(segment.columns[3], r), std::to_string(id));
  }
  for (const auto& range : segment.ranges)
    for (auto r = range.begin + 1; r < range.end; ++r) {
      const auto* times = segment.columns[0].as<int64_t>();
      ASSERT_TRUE(times[r - 1] < times[r]
                  || (times[r - 1] == times[r]
                      && segment.order[r - 1] < segment.order[r]));
    }
}

TEST_F(PartitionWriterTest, JobsMayRunAtTheSameTime) {
  std::mt19937_64 random{7};
  memory_store rdb{{.segment_rows = 500}};
  filled_table a{every_type(), {}};
  filled_table b{every_type(), {}};
  b.schema.name = "other";
  ASSERT_FALSE(rdb.declare(a.schema));
  ASSERT_FALSE(rdb.declare(b.schema));
  position at{};
  fill(rdb, a, at, 2000, random);
  fill(rdb, b, at, 1500, random);
  rdb.end_period(at);
  auto writer = open_writer();
  auto write = period_write::begin(*writer, request_of(rdb, 3, {}, at));
  ASSERT_TRUE(write);
  EXPECT_EQ((*write)->row_count(), 3500u);
  for (auto jobs = (*write)->next_stage(); !jobs.empty();
       jobs = (*write)->next_stage()) {
    std::vector<error> faults(jobs.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < jobs.size(); ++i)
      threads.emplace_back([&, i] { faults[i] = jobs[i](); });
    for (auto& thread : threads)
      thread.join();
    for (const auto& fault : faults)
      ASSERT_FALSE(fault) << to_string(fault);
  }
  ASSERT_FALSE((*write)->commit());
  const auto store = open_store();
  expect_partition(only_part(*store, "all"), a.all);
  expect_partition(only_part(*store, "other"), b.all);
}

TEST_F(PartitionWriterTest, TheSameRowsGiveTheSameBytes) {
  const auto bytes_of_run = [this](const std::string& name) {
    std::mt19937_64 random{11};
    memory_store rdb{{.segment_rows = 100}};
    filled_table table{every_type(), {}};
    EXPECT_FALSE(rdb.declare(table.schema));
    position at{};
    fill(rdb, table, at, 1000, random);
    rdb.end_period(at);
    auto writer = hdb_writer::open(world, directory.path() + name);
    EXPECT_TRUE(writer);
    EXPECT_TRUE(write_period(**writer, request_of(rdb, 3, {}, at)));
    return encode((*writer)->manifest());
  };
  // The manifest holds the checksum of every file.
  EXPECT_EQ(bytes_of_run("/one"), bytes_of_run("/two"));
}

TEST_F(PartitionWriterTest, TheSameRangeAgainChangesNothing) {
  std::mt19937_64 random{12};
  memory_store rdb;
  filled_table table{every_type(), {}};
  ASSERT_FALSE(rdb.declare(table.schema));
  position first{};
  fill(rdb, table, first, 100, random);
  rdb.end_period(first);
  auto writer = open_writer();
  ASSERT_TRUE(*write_period(*writer, request_of(rdb, 3, {}, first)));
  const auto version = writer->manifest().version;
  const auto again = write_period(*writer, request_of(rdb, 3, {}, first));
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);
  EXPECT_EQ(writer->manifest().version, version);

  auto at = first;
  fill(rdb, table, at, 50, random);
  rdb.end_period(at);
  EXPECT_EQ(write_period(*writer, request_of(rdb, 4, {}, at)).failure().code,
            errc::already_exists);
  auto gap = request_of(rdb, 4, {first.value + 8}, at);
  EXPECT_EQ(write_period(*writer, gap).failure().code, errc::invalid_argument);
  EXPECT_EQ(writer->manifest().version, version);
  ASSERT_TRUE(*write_period(*writer, request_of(rdb, 4, first, at)));
  EXPECT_EQ(writer->manifest().cutover("ticks", "all"), at);
}

TEST_F(PartitionWriterTest, EmptyTablesMoveTheirCutoverToo) {
  memory_store rdb;
  auto schema = every_type();
  ASSERT_FALSE(rdb.declare(schema));
  rdb.end_period({64});
  auto writer = open_writer();
  ASSERT_TRUE(*write_period(*writer, request_of(rdb, 3, {}, {64})));
  const auto store = open_store();
  EXPECT_TRUE(store->snapshot()->parts("all").empty());
  EXPECT_EQ(*store->snapshot()->schema("all"), schema);
  EXPECT_EQ(store->snapshot()->manifest().cutover("ticks", "all"),
            position{64});
}

TEST_F(PartitionWriterTest, APartitionAppearsWhenAllStripesHaveLanded) {
  std::mt19937_64 random{13};
  auto writer = open_writer();
  auto store = open_store();
  filled_table stripes[2] = {{every_type(), {}}, {every_type(), {}}};
  memory_store rdbs[2];
  for (const auto period : {1, 2}) {
    const position from{static_cast<uint64_t>(period - 1) * 10'000};
    const position to{static_cast<uint64_t>(period) * 10'000};
    for (uint32_t stripe : {1u, 0u}) {
      auto& rdb = rdbs[stripe];
      ASSERT_FALSE(rdb.declare(every_type()));
      position at = from;
      fill(rdb, stripes[stripe], at, 100, random);
      rdb.end_period(to);
      auto request = request_of(rdb, period, from, to);
      request.stripe = stripe;
      request.stripe_count = 2;
      ASSERT_TRUE(*write_period(*writer, request));
      ASSERT_TRUE(*store->refresh());
      EXPECT_EQ(
        store->snapshot()->parts("all").size(),
        static_cast<size_t>(stripe == 1 ? 2 * (period - 1) : 2 * period));
    }
  }
  const auto snapshot = store->snapshot();
  EXPECT_EQ(snapshot->manifest().cutover("ticks", "all"), position{20'000});
  for (size_t i = 0; i < 4; ++i) {
    const auto& part = *snapshot->parts("all")[i];
    EXPECT_EQ(part.stripe, i % 2);
    const auto begin = static_cast<long>(i / 2 * 100);
    const auto& all = stripes[part.stripe].all;
    expect_partition(*loaded(snapshot->view(part)),
                     {all.begin() + begin, all.begin() + begin + 100});
  }
}

TEST_F(PartitionWriterTest, LaterSchemasReadEarlierPartitions) {
  std::mt19937_64 random{14};
  memory_store rdb;
  filled_table table{every_type(), {}};
  table.schema.columns[7].type = column_type::int_; // long, later widened
  table.schema.columns.pop_back();                  // note, later added
  table.schema.columns[11].name = "late_venue";     // another symbol column
  ASSERT_FALSE(rdb.declare(table.schema));
  position at{};
  fill(rdb, table, at, 200, random);
  rdb.end_period(at);
  auto writer = open_writer();
  ASSERT_TRUE(*write_period(*writer, request_of(rdb, 1, {}, at)));
  auto store = open_store();
  const auto old_pin = store->snapshot();
  const auto old_rows = table.all;

  auto wider = every_type();
  wider.version = 2;
  wider.columns[11].name = "late_venue";
  wider.columns.push_back({"venue", column_type::symbol});
  table.schema = wider;
  ASSERT_FALSE(rdb.declare(wider));
  const auto from = at;
  fill(rdb, table, at, 100, random);
  rdb.end_period(at);
  ASSERT_TRUE(*write_period(*writer, request_of(rdb, 2, from, at)));
  ASSERT_TRUE(*store->refresh());
  const auto snapshot = store->snapshot();
  rows expected = old_rows;
  for (auto& one : expected) {
    int32_t x = 0;
    std::memcpy(&x, one[7].data(), 4);
    one[7] = bytes_of(x == null_int ? null_long : int64_t{x});
    one.push_back("");
    one.push_back("");
  }
  const auto view = loaded(snapshot->view(*snapshot->parts("all")[0]));
  ASSERT_TRUE(view);
  EXPECT_EQ(view->schema->version, 2u);
  expect_partition(*view, expected);
  expect_partition(*loaded(snapshot->view(*snapshot->parts("all")[1])),
                   {table.all.begin() + 200, table.all.end()});
  // A reader that pinned the version before still reads it as it was.
  expect_partition(*loaded(old_pin->view(*old_pin->parts("all")[0])), old_rows);
}

TEST_F(PartitionWriterTest, ARowOfAPartitionCanBeWrittenAgain) {
  std::mt19937_64 random{15};
  memory_store rdb;
  filled_table table{every_type(), {}};
  ASSERT_FALSE(rdb.declare(table.schema));
  position at{};
  fill(rdb, table, at, 500, random);
  rdb.end_period(at);
  auto writer = open_writer();
  ASSERT_TRUE(*write_period(*writer, request_of(rdb, 1, {}, at)));
  // A partition as the source: its rows come sorted and with their order.
  const auto source = open_store();
  period_request request;
  request.stream = "copy";
  request.partition = "copy";
  request.to = at;
  request.tables = {only_part(*source, "all")};
  auto second = hdb_writer::open(world, directory.path() + "/second");
  ASSERT_TRUE(*write_period(**second, request));
  const auto copy = hdb_store::open(*world.fs, directory.path() + "/second");
  expect_partition(only_part(**copy, "all"), table.all);
}

} // namespace
} // namespace millrace::persistence
