#include <millrace/persistence/hdb/held_files.hpp>
#include <millrace/query/execution/execution.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/effort.hpp>

#include <fstream>
#include <iterator>

#include "store_fixture.hpp"

// What damage costs: only what needs the bytes fails, and says the file.

namespace millrace::persistence {
namespace {

using namespace oracle;

table_schema trade_schema() {
  table_schema out;
  out.name = "trade";
  out.columns = {{"time", column_type::timestamp},
                 {"sym", column_type::symbol},
                 {"price", column_type::float_},
                 {"size", column_type::int_},
                 {"note", column_type::string}};
  out.time_column = "time";
  out.symbol_column = "sym";
  return out;
}

/// A plan over all columns of the schema.
query::logical_plan plan_of(const table_schema& schema) {
  query::logical_plan plan;
  plan.table = schema.name;
  plan.types = schema.columns;
  plan.time_column = plan.order_column = schema.time_column;
  plan.symbol_column = schema.symbol_column;
  return plan;
}

/// Three days of `rows_per_day` rows each, day d at times from d * 1e6.
struct hdb_damage_test : testing::Test {
  static constexpr size_t rows_per_day = 20'000;
  static constexpr int64_t day = 1'000'000;

  explicit hdb_damage_test() {
    world.fs = &posix_file_system();
    writer = *hdb_writer::open(world, path());
    for (int64_t d = 0; d < 3; ++d)
      add_day(d);
    store = *hdb_store::open(*world.fs, path());
  }

  void add_day(int64_t d) {
    memory_store rdb;
    ASSERT_FALSE(rdb.declare(trade_schema()));
    batch_builder batch{trade_schema()};
    for (size_t i = 0; i < rows_per_day; ++i) {
      batch.append(0, d * day + static_cast<int64_t>(i));
      batch.append_symbol(1, "S" + std::to_string(i % 10));
      batch.append(2, static_cast<double>(i % 7));
      batch.append(3, static_cast<int32_t>(i % 5));
      batch.append_string(4, "note " + std::to_string(i % 3));
      batch.end_row();
    }
    const auto from = at;
    at.value += 8;
    const auto bytes = batch.encode();
    ASSERT_FALSE(rdb.append(*decode_batch(bytes), at));
    rdb.end_period(at);
    ASSERT_TRUE(*write_period(*writer, request_of(rdb, 100 + d, from, at)));
  }

  [[nodiscard]] result<query::table_data>
  run(const query::logical_plan& plan) const {
    std::vector<table_view> parts;
    const auto snapshot = store->snapshot();
    for (const auto* part : snapshot->parts("trade"))
      parts.push_back(snapshot->view(*part));
    auto partial = query::execute(plan, std::move(parts));
    if (!partial)
      return partial.failure();
    query::merger merger{plan};
    if (auto fault = merger.add(*std::move(partial)))
      return fault;
    return merger.finish();
  }
  [[nodiscard]] result<query::table_data>
  aggregate(query::aggregate_function function, const std::string& column,
            std::optional<int64_t> only_day = {}) const {
    auto plan = plan_of(trade_schema());
    plan.aggregates = {{function, {column}, "a"}};
    if (only_day)
      plan.range = {*only_day * day, (*only_day + 1) * day - 1};
    return run(plan);
  }
  [[nodiscard]] std::string path() const { return directory.path() + "/hdb"; }
  [[nodiscard]] std::string file_of(size_t d, const std::string& name) const {
    const auto snapshot = store->snapshot();
    return path() + "/" + snapshot->parts("trade")[d]->path() + "/" + name;
  }
  static void overwrite(const std::string& file, uint64_t offset, char byte) {
    auto out = *posix_file_system().open(file, open_mode::write);
    const auto one = std::as_bytes(std::span{&byte, 1});
    ASSERT_FALSE(out->write_at(offset, one));
  }
  static void expect_names(const result<query::table_data>& answer,
                           const std::string& file) {
    EXPECT_EQ(answer.failure().code, errc::corrupt);
    EXPECT_NE(answer.failure().context.find(file), std::string::npos)
      << answer.failure().context;
  }

  temporary_directory directory;
  env world;
  std::unique_ptr<hdb_writer> writer;
  std::unique_ptr<hdb_store> store;
  position at{};
};

using HdbDamageTest = hdb_damage_test;
using query::aggregate_function;

int64_t whole(const result<query::table_data>& answer) {
  EXPECT_TRUE(answer) << to_string(answer.failure());
  return answer ? answer->columns[0].as<int64_t>()[0] : -1;
}

// Method: each file of the first day in turn is cut, flipped, removed; what
// needs it fails by its name, other days and other columns answer, and all
// answers again when the file is as it was.
TEST_F(HdbDamageTest, OnlyWhatNeedsTheBytesFails) {
  for (const std::string name :
       {"price", "size", "sym", "sym.ends", "sym.text", "note", "note.text",
        "time", ".order", ".ranges"}) {
    const auto file = file_of(0, name);
    const auto good = *read_file(*world.fs, file);
    for (const auto* how : {"flip", "cut", "remove"}) {
      SCOPED_TRACE(name + ", " + how);
      store = *hdb_store::open(*world.fs, path());
      if (how == std::string{"flip"})
        overwrite(
          file, good.size() / 2,
          static_cast<char>(static_cast<char>(good[good.size() / 2]) ^ 0x40));
      else if (how == std::string{"cut"})
        std::filesystem::resize_file(file, good.size() - 1);
      else
        std::filesystem::remove(file);
      // Of another day, and of no column.
      EXPECT_EQ(whole(aggregate(aggregate_function::count, "price")),
                static_cast<int64_t>(3 * rows_per_day));
      for (const auto* column : {"price", "size"})
        EXPECT_TRUE(aggregate(aggregate_function::last, column, 1));
      EXPECT_TRUE(aggregate(aggregate_function::last, "note", 2));
      // Of what is damaged.
      auto plan = plan_of(trade_schema());
      for (const auto& column : trade_schema().columns)
        plan.outputs.push_back({column.name, column.name});
      plan.ordering = {{0, false}};
      if (name == ".ranges")
        plan.symbols = {"S1"};
      expect_names(run(plan), file);
      if (name != "price" && name != "time")
        EXPECT_EQ(whole(aggregate(aggregate_function::sum, "size", 1)), 40000);
      ASSERT_FALSE(replace_file(*world.fs, file, good));
      const auto mended = run(plan);
      EXPECT_TRUE(mended) << to_string(mended.failure());
    }
  }
}

TEST_F(HdbDamageTest, AFlippedValueIsNotAnAnswer) {
  overwrite(file_of(0, "price"), 90'000, '\x7f');
  const auto answer = aggregate(aggregate_function::sum, "price");
  expect_names(answer, file_of(0, "price"));
  EXPECT_NE(answer.failure().context.find("bytes 65536 to 131072"),
            std::string::npos)
    << answer.failure().context;
  EXPECT_TRUE(aggregate(aggregate_function::sum, "price", 1));
  // Rows of the blocks before it answer.
  auto plan = plan_of(trade_schema());
  plan.outputs = {{"price", "price"}};
  plan.symbols = {"S0"};
  plan.range = {0, day};
  EXPECT_TRUE(run(plan));
}

// Method: a file is cut while it is mapped and partly read.
TEST_F(HdbDamageTest, AFileCutUnderItsMappingIsAFaultAndNoSignal) {
  for (const auto* name : {"price", "note", "note.text", "time"}) {
    SCOPED_TRACE(name);
    const auto file = file_of(0, name);
    const auto good = *read_file(*world.fs, file);
    auto plan = plan_of(trade_schema());
    for (const auto& column : trade_schema().columns)
      plan.outputs.push_back({column.name, column.name});
    ASSERT_TRUE(run(plan));
    std::filesystem::resize_file(file, 100);
    expect_names(run(plan), file);
    expect_names(run(plan), file);
    EXPECT_EQ(whole(aggregate(aggregate_function::sum, "size")), 120000);
    ASSERT_FALSE(replace_file(*world.fs, file, good));
    const auto mended = run(plan);
    EXPECT_TRUE(mended) << to_string(mended.failure());
  }
}

// What lies in the page that the file now ends in reads as zeros, and no access
// faults.
TEST_F(HdbDamageTest, AFileCutWithinItsLastPageIsAFault) {
  for (const auto* name : {"price", "note", "note.text", "time"}) {
    SCOPED_TRACE(name);
    const auto file = file_of(0, name);
    const auto good = *read_file(*world.fs, file);
    ASSERT_GT(good.size(), held_file::read_bytes_max) << "it is to be mapped";
    auto plan = plan_of(trade_schema());
    for (const auto& column : trade_schema().columns)
      plan.outputs.push_back({column.name, column.name});
    ASSERT_TRUE(run(plan));
    std::filesystem::resize_file(file, good.size() - 8);
    expect_names(run(plan), file);
    expect_names(run(plan), file);
    EXPECT_EQ(whole(aggregate(aggregate_function::sum, "size")), 120000);
    // Put right in place, but not quite: compared anew.
    auto wrong = good;
    wrong[wrong.size() - 1] ^= std::byte{1};
    std::ofstream{file, std::ios::binary | std::ios::trunc}.write(
      reinterpret_cast<const char*>(wrong.data()),
      static_cast<std::streamsize>(wrong.size()));
    expect_names(run(plan), file);
    ASSERT_FALSE(replace_file(*world.fs, file, good));
    const auto mended = run(plan);
    EXPECT_TRUE(mended) << to_string(mended.failure());
  }
}

TEST_F(HdbDamageTest, ADirectoryInThePlaceOfAFileIsAFaultOfTheDisk) {
  const auto put_directory = [](const std::string& place) {
    std::filesystem::remove(place);
    std::filesystem::create_directory(place);
  };
  const auto file = file_of(0, "price");
  put_directory(file);
  const auto fault = aggregate(aggregate_function::sum, "price").failure();
  EXPECT_EQ(fault.code, errc::storage_failed);
  EXPECT_NE(fault.context.find(file), std::string::npos) << fault.context;
  EXPECT_EQ(whole(aggregate(aggregate_function::sum, "size")), 120000);
  put_directory(path() + "/manifest");
  EXPECT_EQ(read_hdb_manifest(*world.fs, path()).failure().code,
            errc::storage_failed);
  EXPECT_EQ(store->refresh().failure().code, errc::storage_failed);
  EXPECT_EQ(whole(aggregate(aggregate_function::sum, "size")), 120000);
}

TEST_F(HdbDamageTest, ADatabaseThatIsGoneIsDamageAndNoWrongQuestion) {
  const auto file = file_of(0, "price");
  std::filesystem::remove_all(path());
  const auto fault = aggregate(aggregate_function::sum, "price").failure();
  EXPECT_EQ(fault.code, errc::corrupt) << fault.context;
  EXPECT_NE(fault.context.find(path() + "/manifest"), std::string::npos)
    << fault.context;
}

TEST_F(HdbDamageTest, DamagedSumsCostTimeAndNoAnswer) {
  const auto all = aggregate(aggregate_function::sum, "price");
  const auto sums = file_of(0, ".sums");
  ASSERT_TRUE(std::filesystem::exists(sums));
  std::filesystem::resize_file(sums, 20);
  store = *hdb_store::open(*world.fs, path());
  const auto again = aggregate(aggregate_function::sum, "price");
  ASSERT_TRUE(again) << to_string(again.failure());
  EXPECT_EQ(again->columns[0].values, all->columns[0].values);
  overwrite(file_of(0, "size"), 9, '\x11');
  expect_names(aggregate(aggregate_function::sum, "size"), file_of(0, "size"));
  const auto damages
    = check_all(*world.fs, path(), store->snapshot()->manifest());
  ASSERT_EQ(damages.size(), 2u);
}

// Method: a store that may hold one mapping and no memory gives the answers
// of one that may hold all.
TEST_F(HdbDamageTest, LittleRoomChangesNoAnswer) {
  auto plan = plan_of(trade_schema());
  plan.aggregates = {{aggregate_function::sum, {"price"}, "s"},
                     {aggregate_function::last, {"note"}, "n"},
                     {aggregate_function::first, {"size"}, "f"}};
  plan.keys = {{"sym", 0, "sym"}};
  const auto expected = run(plan);
  ASSERT_TRUE(expected);
  store = *hdb_store::open(*world.fs, path(), {1, 0});
  for (int i = 0; i < 3; ++i) {
    const auto answer = run(plan);
    ASSERT_TRUE(answer) << to_string(answer.failure());
    for (size_t c = 0; c < 4; ++c) {
      EXPECT_EQ(answer->columns[c].values, expected->columns[c].values);
      EXPECT_EQ(answer->columns[c].bytes, expected->columns[c].bytes);
    }
  }
}

// Not kept beside what may be held: with each column that was widened once,
// that would be all of history.
TEST_F(HdbDamageTest, ValuesOfAWiderTypeAreMadeForTheQueryAlone) {
  auto wider = trade_schema();
  wider.columns[3].type = column_type::long_;
  wider.version = 2;
  ASSERT_FALSE(writer->commit({}, {wider}));
  ASSERT_TRUE(*store->refresh());
  const auto snapshot = store->snapshot();
  const auto part = snapshot->view(*snapshot->parts("trade")[1]);
  const auto& source = *part.segments.front().source;
  std::weak_ptr<const held_bytes> held;
  {
    const auto read = source.read(3, 1000, 1010);
    ASSERT_TRUE(read) << to_string(read.failure());
    for (uint32_t row = 1000; row < 1010; ++row) {
      const auto* values = reinterpret_cast<const int64_t*>(read->values);
      EXPECT_GE(values[row], 0);
      EXPECT_LT(values[row], 5);
    }
    held = read->held[0];
  }
  EXPECT_TRUE(held.expired());
  auto plan = plan_of(wider);
  plan.aggregates = {{aggregate_function::sum, {"size"}, "a"}};
  EXPECT_EQ(whole(run(plan)), 120000);
  // The last value is looked up at the end: all are kept until then.
  plan.aggregates = {{aggregate_function::last, {"size"}, "a"}};
  std::vector<table_view> parts;
  for (const auto* each : snapshot->parts("trade"))
    parts.push_back(snapshot->view(*each));
  EXPECT_TRUE(query::execute(plan, parts));
  query::execution_options little;
  little.memory_max = 100'000;
  EXPECT_EQ(query::execute(plan, parts, little).failure().code,
            errc::limit_exceeded);
}

// Method: one part under many names, by hard links; 50,000 of them if
// every case is wanted. Small files take memory that is bounded, and no
// mapping; large ones a bounded number of mappings.
TEST_F(HdbDamageTest, ManyPartsTakeFewMappings) {
  const size_t count = test_support::exhaustive() ? 50'000 : 400;
  auto part = writer->manifest().parts.back();
  const auto from = path() + "/" + part.path() + "/";
  std::vector<hdb_part> more;
  for (size_t i = 0; i < count; ++i) {
    part.from = part.to;
    part.to.value += 8;
    part.directory = writer->next_version();
    part.partition = date_partition_name(200 + static_cast<int64_t>(i));
    part.period = 200 + static_cast<int64_t>(i);
    const auto to = path() + "/" + part.path() + "/";
    std::filesystem::create_directories(to);
    for (const auto& file : part.files)
      std::filesystem::create_hard_link(from + file.name, to + file.name);
    more.push_back(part);
  }
  ASSERT_FALSE(writer->commit(more, {trade_schema()}));
  constexpr uint32_t mappings_max = 100;
  store = *hdb_store::open(*world.fs, path(), {mappings_max, 1 << 20});
  const auto mappings = [] {
    std::ifstream maps{"/proc/self/maps"};
    return std::count(std::istreambuf_iterator<char>{maps}, {}, '\n');
  };
  const auto before = mappings();
  EXPECT_EQ(whole(aggregate(aggregate_function::sum, "size")),
            static_cast<int64_t>((3 + count) * 2 * rows_per_day));
  // Those that are kept, and those that a query looked at last.
  EXPECT_LT(mappings() - before, 2 * mappings_max);
}

// -- what a writer leaves alone -----------------------------------------------

TEST_F(HdbDamageTest, AnOlderManifestRemovesNothing) {
  const auto old = *read_file(*world.fs, path() + "/" + hdb_manifest_name);
  const auto versions = writer->manifest().parts.back().directory;
  add_day(3);
  const auto newest = store->snapshot()->version();
  ASSERT_TRUE(*store->refresh());
  const auto kept = file_of(3, "price");
  writer = nullptr;
  ASSERT_FALSE(replace_file(*world.fs, path() + "/" + hdb_manifest_name, old));
  writer = *hdb_writer::open(world, path());
  EXPECT_TRUE(std::filesystem::exists(kept));
  EXPECT_EQ(unnamed_parts(*world.fs, path(), writer->manifest())->size(), 1u);
  EXPECT_GT(writer->next_version(), versions + 1);
  // A reader takes the manifest up as it is.
  EXPECT_TRUE(*store->refresh());
  EXPECT_EQ(store->snapshot()->version(), newest);
  EXPECT_EQ(store->snapshot()->parts("trade").size(), 3u);
}

TEST_F(HdbDamageTest, APartThatWasEmptiedIsSaidToHaveMoved) {
  const auto part = writer->manifest().parts[0];
  ASSERT_FALSE(writer->commit({}, {}, {{part.directory}, {}}));
  EXPECT_TRUE(std::filesystem::exists(path() + "/" + part.path()));
  writer = nullptr;
  writer = *hdb_writer::open(world, path());
  EXPECT_FALSE(std::filesystem::exists(path() + "/" + part.path()));
  // The version before is pinned, and was not read.
  EXPECT_EQ(aggregate(aggregate_function::sum, "size", 0).failure().code,
            errc::moved);
  EXPECT_EQ(whole(aggregate(aggregate_function::sum, "size", 1)), 40000);
  ASSERT_TRUE(*store->refresh());
  EXPECT_EQ(whole(aggregate(aggregate_function::sum, "size")), 80000);
}

TEST_F(HdbDamageTest, PartsThatWereAnnouncedGoAndOthersStay) {
  ASSERT_FALSE(writer->announce({"2001.01.01/trade/77", "../x/1", "a/b"}));
  for (const auto* each : {"/2001.01.01/trade/77", "/2001.01.01/trade/78"})
    std::filesystem::create_directories(path() + each);
  std::filesystem::create_directories(directory.path() + "/x/1");
  writer = nullptr;
  writer = *hdb_writer::open(world, path());
  EXPECT_FALSE(std::filesystem::exists(path() + "/2001.01.01/trade/77"));
  EXPECT_TRUE(std::filesystem::exists(path() + "/2001.01.01/trade/78"));
  EXPECT_TRUE(std::filesystem::exists(directory.path() + "/x/1"));
  // A directory in the place of the list stops no writer.
  std::filesystem::create_directories(path() + "/.announced/x");
  writer = nullptr;
  const auto next = hdb_writer::open(world, path());
  EXPECT_TRUE(next) << to_string(next.failure());
  EXPECT_TRUE(std::filesystem::exists(path() + "/.announced.aside.1/x"));
}

TEST_F(HdbDamageTest, ADatabaseMadeAnewIsAnother) {
  const auto before = store->snapshot()->manifest();
  writer = nullptr;
  std::filesystem::remove_all(path());
  at = {};
  writer = *hdb_writer::open(world, path());
  add_day(7);
  const auto after = writer->manifest();
  ASSERT_EQ(after.parts[0].directory, before.parts[0].directory);
  EXPECT_NE(after.parts[0].identity(), before.parts[0].identity());
  const auto read = read_hdb_manifest(*world.fs, path());
  EXPECT_NE(read->identity, before.identity);
}

TEST(HdbTextTest, MoreTextThanAPartHoldsIsRefusedBeforeAnyIsWritten) {
  temporary_directory directory;
  env world;
  world.fs = &posix_file_system();
  auto writer = *hdb_writer::open(world, directory.path());
  // Two segments that say that they have 3 GiB each.
  const auto schema = std::make_shared<const table_schema>(trade_schema());
  const uint32_t end = 3u << 30;
  std::vector<column_view> columns(5);
  for (size_t i = 0; i < 5; ++i)
    columns[i].type = schema->columns[i].type;
  columns[4].values = reinterpret_cast<const std::byte*>(&end);
  table_view view;
  view.schema = schema;
  view.segments.resize(2);
  for (auto& segment : view.segments) {
    segment.row_count = 1;
    segment.columns = columns;
  }
  period_request request;
  request.stream = "ticks";
  request.partition = "2001.01.01";
  request.to = {8};
  request.tables = {view};
  const auto fault = period_write::begin(*writer, request).failure();
  EXPECT_EQ(to_string(fault),
            "limit_exceeded: table 'trade', column 'note': a partition holds "
            "at most 4 GiB of text");
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/2001.01.01"));
}

} // namespace
} // namespace millrace::persistence
