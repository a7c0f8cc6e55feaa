#include <millrace/persistence/memory/memory_store.hpp>

#include <atomic>
#include <thread>

#include "table_oracle.hpp"

namespace millrace::persistence {
namespace {

using namespace oracle;

/// A store with the bytes of its batches and the rows they had.
struct fixture {
  explicit fixture(table_schema one, memory_table_options options = {})
    : schema{std::move(one)}, store{options} {
    const auto fault = store.declare(schema);
    EXPECT_FALSE(fault) << to_string(fault);
  }

  error append(const rows& batch) {
    const auto bytes = encode(schema, batch);
    auto view = decode_batch(bytes);
    EXPECT_TRUE(view) << to_string(view.failure());
    at.value += 8;
    if (auto fault = store.append(*view, at))
      return fault;
    all.insert(all.end(), batch.begin(), batch.end());
    counts.emplace_back(at, all.size());
    return {};
  }

  error append_random(std::mt19937_64& random, size_t count) {
    rows batch;
    for (size_t i = 0; i < count; ++i)
      batch.push_back(random_row(schema, random));
    return append(batch);
  }

  [[nodiscard]] rows slice(size_t from, size_t to) const {
    return {all.begin() + static_cast<long>(from),
            all.begin() + static_cast<long>(to)};
  }

  table_schema schema;
  memory_store store;
  position at{};
  rows all;
  std::vector<std::pair<position, size_t>> counts;
};

// Method: random batches of all types in small segments; everything that a
// snapshot says equals the rows that went in.
TEST(MemoryTableTest, SnapshotsHoldEveryValueOfEveryType) {
  for (const uint32_t segment_rows : {1u, 7u, 64u, 1000u}) {
    fixture f{every_type(), {.segment_rows = segment_rows}};
    std::mt19937_64 random{segment_rows};
    for (int batch = 0; batch < 60; ++batch) {
      ASSERT_FALSE(f.append_random(random, random() % 40));
      if (batch % 7 != 0)
        continue;
      f.store.publish(f.at);
      const auto view = f.store.snapshot()->view("all");
      ASSERT_TRUE(view);
      ASSERT_EQ(rows_of(*view), f.all);
      EXPECT_EQ(view->part_order, UINT64_MAX);
      uint64_t row = 0;
      for (const auto& segment : view->segments) {
        EXPECT_EQ(segment.order_base, row);
        EXPECT_LE(segment.row_count, segment_rows);
        row += segment.row_count;
        expect_exact_zones(f.schema, segment);
        expect_exact_index(f.schema, segment);
      }
    }
  }
}

TEST(MemoryTableTest, ClosedSegmentsHaveZonesAndOpenOnesHaveNot) {
  fixture f{every_type(), {.segment_rows = 16}};
  std::mt19937_64 random{1};
  ASSERT_FALSE(f.append_random(random, 40));
  f.store.publish(f.at);
  const auto view = f.store.snapshot()->view("all");
  ASSERT_EQ(view->segments.size(), 3u);
  EXPECT_EQ(view->segments[0].zones.size(), f.schema.columns.size());
  EXPECT_EQ(view->segments[1].zones.size(), f.schema.columns.size());
  EXPECT_TRUE(view->segments[2].zones.empty());
}

TEST(MemoryTableTest, OldSnapshotsDoNotChange) {
  fixture f{every_type(), {.segment_rows = 50}};
  std::mt19937_64 random{2};
  std::vector<std::pair<std::shared_ptr<const store_snapshot>, size_t>> kept;
  for (int batch = 0; batch < 50; ++batch) {
    ASSERT_FALSE(f.append_random(random, 1 + random() % 20));
    f.store.publish(f.at);
    kept.emplace_back(f.store.snapshot(), f.all.size());
  }
  for (const auto& [snapshot, count] : kept) {
    const auto view = snapshot->view("all");
    ASSERT_EQ(rows_of(*view), f.slice(0, count));
    for (const auto& segment : view->segments)
      expect_exact_index(f.schema, segment);
  }
}

TEST(MemoryTableTest, AnyEarlierPositionCanBeCut) {
  fixture f{every_type(), {.segment_rows = 32}};
  std::mt19937_64 random{3};
  for (int batch = 0; batch < 40; ++batch)
    ASSERT_FALSE(f.append_random(random, random() % 30));
  f.store.publish(f.at);
  const auto snapshot = f.store.snapshot();
  for (size_t i = 0; i < f.counts.size(); ++i)
    for (size_t j = i; j < f.counts.size(); j += 5) {
      const auto view
        = snapshot->view("all", f.counts[i].first, f.counts[j].first);
      ASSERT_TRUE(view) << to_string(view.failure());
      ASSERT_EQ(rows_of(*view),
                f.slice(f.counts[i].second, f.counts[j].second));
      for (const auto& segment : view->segments) {
        expect_exact_index(f.schema, segment);
        expect_exact_zones(f.schema, segment);
      }
    }
  // A position between two ends counts as the earlier one.
  const auto between
    = snapshot->view("all", {}, position{f.counts[4].first.value + 3});
  EXPECT_EQ(between->row_count(), f.counts[4].second);
}

TEST(MemoryTableTest, CutsOutsideTheSnapshotAreRefused) {
  fixture f{every_type()};
  std::mt19937_64 random{4};
  ASSERT_FALSE(f.append_random(random, 3));
  f.store.publish(f.at);
  ASSERT_FALSE(f.append_random(random, 3));
  const auto early = f.store.snapshot();
  EXPECT_EQ(early->view("all", {}, f.at).failure().code, errc::ahead);
  EXPECT_EQ(early->view("none").failure().code, errc::not_found);
  f.store.publish(f.at);
  ASSERT_FALSE(f.store.drop(f.at));
  EXPECT_EQ(f.store.snapshot()->view("all", {}, f.at).failure().code,
            errc::pruned);
  EXPECT_EQ(f.store.drop({f.at.value + 8}).code, errc::ahead);
}

TEST(MemoryTableTest, APeriodIsDroppedWholeAndPinnedViewsKeepIt) {
  fixture f{every_type(), {.segment_rows = 32}};
  std::mt19937_64 random{5};
  for (int batch = 0; batch < 10; ++batch)
    ASSERT_FALSE(f.append_random(random, 20));
  const auto cutover = f.at;
  f.store.end_period(cutover);
  const auto period_rows = f.all.size();
  for (int batch = 0; batch < 3; ++batch)
    ASSERT_FALSE(f.append_random(random, 20));
  f.store.publish(f.at);
  const auto pinned = f.store.snapshot();
  const auto bytes_before = f.store.byte_count();
  ASSERT_FALSE(f.store.drop(cutover));
  EXPECT_LT(f.store.byte_count(), bytes_before);
  const auto after = f.store.snapshot();
  EXPECT_EQ(after->begin, cutover);
  const auto view = after->view("all", cutover, f.at);
  ASSERT_TRUE(view);
  EXPECT_EQ(rows_of(*view), f.slice(period_rows, f.all.size()));
  // Dropped whole: no segment of the later period had to be copied.
  EXPECT_EQ(view->segments.front().order_base, period_rows);
  EXPECT_EQ(rows_of(*pinned->view("all")), f.all);
}

TEST(MemoryTableTest, DropInsideASegmentHidesItsRows) {
  fixture f{every_type(), {.segment_rows = 32}};
  std::mt19937_64 random{6};
  for (int batch = 0; batch < 20; ++batch)
    ASSERT_FALSE(f.append_random(random, 5));
  f.store.publish(f.at);
  for (const size_t i : {3u, 8u, 15u, 19u}) {
    ASSERT_FALSE(f.store.drop(f.counts[i].first));
    const auto view = f.store.snapshot()->view("all");
    ASSERT_EQ(rows_of(*view), f.slice(f.counts[i].second, f.all.size()));
  }
  ASSERT_FALSE(f.append_random(random, 9));
  f.store.publish(f.at);
  EXPECT_EQ(rows_of(*f.store.snapshot()->view("all")), f.slice(100, 109));
}

TEST(MemoryTableTest, BatchesThatDoNotFitAreNamed) {
  fixture f{every_type()};
  auto expect_refused = [&f](size_t column, const std::string& name,
                             column_type type, const std::string& text) {
    auto schema = f.schema;
    schema.columns[column] = {name, type};
    batch_builder builder{schema};
    for (size_t i = 0; i < schema.columns.size(); ++i)
      builder.append_null(i);
    builder.end_row();
    const auto bytes = builder.encode();
    auto view = decode_batch(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(to_string(f.store.append(*view, {800})), text);
    f.store.publish(f.store.end());
    EXPECT_EQ(f.store.snapshot()->view("all")->row_count(), 0u);
  };
  expect_refused(6, "prize", column_type::int_,
                 "schema_mismatch: table 'all', column 'prize': not a column "
                 "of the table");
  expect_refused(6, "int", column_type::long_,
                 "schema_mismatch: table 'all', column 'int': long in the "
                 "batch does not fit int");
  expect_refused(1, "sym", column_type::string,
                 "schema_mismatch: table 'all', column 'sym': string in the "
                 "batch does not fit symbol");
  expect_refused(6, "long", column_type::long_,
                 "schema_mismatch: table 'all', column 'long': appears twice "
                 "in the batch");
  // 80 bytes of a message can say so.
  batch_view hollow;
  hollow.table = "all";
  hollow.row_count = 50'000'000;
  EXPECT_EQ(to_string(f.store.append(hollow, {800})),
            "schema_mismatch: table 'all': 50000000 rows without a column");
  auto other = f.schema;
  other.name = "other";
  const auto bytes = encode(other, {});
  EXPECT_EQ(f.store.append(*decode_batch(bytes), {900}).code, errc::not_found);
}

TEST(MemoryTableTest, AMessageBehindTheEndIsRefused) {
  fixture f{every_type()};
  std::mt19937_64 random{7};
  ASSERT_FALSE(f.append_random(random, 1));
  const auto bytes = encode(f.schema, {});
  EXPECT_EQ(f.store.append(*decode_batch(bytes), f.at).code,
            errc::bad_position);
}

TEST(MemoryTableTest, MissingColumnsReadAsNullAndNarrowOnesWiden) {
  fixture f{every_type(), {.segment_rows = 8}};
  table_schema narrow;
  narrow.name = "all";
  narrow.columns = {{"long", column_type::short_},
                    {"float", column_type::real},
                    {"int", column_type::byte_}};
  batch_builder builder{narrow};
  const int16_t shorts[] = {5, -3, null_short, INT16_MAX, -INT16_MAX};
  const float infinity = std::numeric_limits<float>::infinity();
  const float reals[] = {0.5f, -0.0f, std::nanf(""), infinity, -infinity};
  for (int i = 0; i < 5; ++i) {
    builder.append(0, shorts[i]);
    builder.append(1, reals[i]);
    builder.append(2, static_cast<uint8_t>(250 + i));
    builder.end_row();
  }
  const auto bytes = builder.encode();
  ASSERT_FALSE(f.store.append(*decode_batch(bytes), {8}));
  f.store.publish({8});
  const auto got = rows_of(*f.store.snapshot()->view("all"));
  const int64_t longs[] = {5, -3, null_long, INT16_MAX, -INT16_MAX};
  ASSERT_EQ(got.size(), 5u);
  for (size_t r = 0; r < 5; ++r)
    for (size_t c = 0; c < f.schema.columns.size(); ++c) {
      const auto& name = f.schema.columns[c].name;
      const auto expected
        = name == "long"    ? bytes_of(longs[r])
          : name == "float" ? bytes_of(static_cast<double>(reals[r]))
          : name == "int"   ? bytes_of(static_cast<int32_t>(250 + r))
                            : null_of(f.schema.columns[c].type);
      EXPECT_EQ(got[r][c], expected) << name << " of row " << r;
    }
}

TEST(MemoryTableTest, AlteredTablesKeepOldRows) {
  auto first = every_type();
  first.columns[7].type = column_type::short_; // long, later widened
  first.columns[8].type = column_type::real;
  first.columns[9].type = column_type::real; // float, later widened
  first.columns.pop_back();                  // note, later added
  fixture f{first, {.segment_rows = 10}};
  std::mt19937_64 random{8};
  ASSERT_FALSE(f.append_random(random, 25));
  f.store.publish(f.at);
  const auto before = f.store.snapshot();
  const auto old_rows = f.all;

  f.schema = every_type();
  f.schema.version = 2;
  ASSERT_FALSE(f.store.declare(f.schema));
  for (auto& one : f.all) {
    int16_t x = 0;
    std::memcpy(&x, one[7].data(), 2);
    one[7] = bytes_of(x == null_short ? null_long : int64_t{x});
    float y = 0;
    std::memcpy(&y, one[9].data(), 4);
    one[9] = bytes_of(static_cast<double>(y));
    one.push_back(null_of(column_type::string));
  }
  ASSERT_FALSE(f.append_random(random, 25));
  f.store.publish(f.at);
  const auto view = f.store.snapshot()->view("all");
  EXPECT_EQ(view->schema->version, 2u);
  EXPECT_EQ(rows_of(*view), f.all);
  for (const auto& segment : view->segments)
    expect_exact_zones(f.schema, segment);
  EXPECT_EQ(rows_of(*before->view("all")), old_rows);

  auto worse = f.schema;
  worse.columns[7].type = column_type::int_;
  EXPECT_EQ(to_string(f.store.declare(worse)),
            "schema_mismatch: table 'all', column 'long': long may not become "
            "int: keep its type, and put the other one in a column of another "
            "name");
  worse = f.schema;
  worse.columns.erase(worse.columns.begin() + 5);
  EXPECT_EQ(to_string(f.store.declare(worse)),
            "schema_mismatch: table 'all', column 'short': columns may not be "
            "removed: keep it, and leave it out of what you ask for");
}

TEST(MemoryTableTest, LongTextsCloseSegmentsEarly) {
  table_schema schema;
  schema.name = "news";
  schema.columns = {{"time", column_type::timestamp},
                    {"sym", column_type::symbol},
                    {"text", column_type::string}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  fixture f{schema, {.segment_rows = 1000, .segment_text_bytes = 4096}};
  for (int i = 0; i < 30; ++i) {
    // The tenth batch alone is larger than a segment's text.
    const auto length = i == 10 ? 20'000u : 1500u;
    ASSERT_FALSE(f.append({{bytes_of(int64_t{i}), "", std::string(length, 'x')},
                           {bytes_of(int64_t{i}), "A", "short"}}));
  }
  f.store.publish(f.at);
  const auto view = f.store.snapshot()->view("news");
  EXPECT_EQ(rows_of(*view), f.all);
  EXPECT_GT(view->segments.size(), 10u);
}

TEST(MemoryTableTest, AMillionSymbols) {
  table_schema schema;
  schema.name = "trade";
  schema.columns
    = {{"sym", column_type::symbol}, {"time", column_type::timestamp}};
  schema.symbol_column = "sym";
  schema.time_column = "time";
  memory_store store;
  ASSERT_FALSE(store.declare(schema));
  constexpr uint32_t count = 1'000'000;
  batch_builder builder{schema};
  uint64_t at = 0;
  // Twice, so that every symbol is also found again.
  for (uint32_t i = 0; i < 2 * count; ++i) {
    builder.append_symbol(0, "SYM" + std::to_string(i % count));
    builder.append_null(1);
    builder.end_row();
    if (builder.row_count() < 50'000)
      continue;
    const auto bytes = builder.encode();
    ASSERT_FALSE(store.append(*decode_batch(bytes), {at += 8}));
    builder.clear();
  }
  store.publish({at});
  const auto view = store.snapshot()->view("trade");
  ASSERT_EQ(view->row_count(), 2 * count);
  const auto& dictionary = *view->segments[0].columns[0].dictionary;
  ASSERT_EQ(dictionary.size(), count + 1);
  for (uint32_t i = 0; i < count; i += 997) {
    const auto text = "SYM" + std::to_string(i);
    const auto code = dictionary.find(text);
    ASSERT_TRUE(code);
    EXPECT_EQ(dictionary.text(*code), text);
    size_t found = 0;
    for (const auto& segment : view->segments)
      for (const auto row : segment.index->rows(*code, segment.row_count)) {
        EXPECT_EQ((segment.order_base + row) % count, i);
        ++found;
      }
    EXPECT_EQ(found, 2u);
  }
  EXPECT_FALSE(dictionary.find("SYM1000000"));
}

TEST(MemoryTableTest, AnEmptiedTableForgetsItsSymbols) {
  fixture f{every_type()};
  ASSERT_FALSE(f.append_random(*std::make_unique<std::mt19937_64>(9), 30));
  f.store.end_period(f.at);
  ASSERT_FALSE(f.store.drop(f.at));
  std::mt19937_64 random{10};
  ASSERT_FALSE(f.append_random(random, 1));
  f.store.publish(f.at);
  const auto view = f.store.snapshot()->view("all");
  EXPECT_LE(view->segments[0].columns[1].dictionary->size(), 2u);
  EXPECT_EQ(rows_of(*view), f.slice(30, 31));
}

/// Each row is whole, says its number, and is found by its symbol.
void check_rows(const table_view& view) {
  uint64_t row = 0;
  for (const auto& segment : view.segments) {
    const auto* codes = segment.columns[0].as<uint32_t>();
    const auto* numbers = segment.columns[1].as<int64_t>();
    for (uint32_t r = 0; r < segment.row_count; ++r, ++row) {
      ASSERT_EQ(numbers[r], static_cast<int64_t>(segment.order_base + r));
      const auto text = std::to_string(numbers[r] % 300);
      ASSERT_LT(codes[r], segment.columns[0].dictionary->size());
      ASSERT_EQ(segment.columns[0].dictionary->text(codes[r]), text);
      ASSERT_EQ(cell_of(segment.columns[2], r), text);
    }
    const auto code = codes[segment.row_count / 2];
    size_t expected = 0;
    for (uint32_t r = 0; r < segment.row_count; ++r)
      expected += codes[r] == code;
    const auto found = segment.index->rows(code, segment.row_count);
    ASSERT_EQ(found.size(), expected);
    for (const auto r : found)
      ASSERT_EQ(codes[r], code);
  }
}

// Goal: readers never see half a batch, nor one table ahead of another. Method:
// one message writes n rows with the value n to table a, the next n rows to
// table b, published together; readers check counts, values, index, sums.
TEST(MemoryTableTest, ReadersSeeWholeBatchesWhileTheWriterGoesOn) {
  table_schema a;
  a.name = "a";
  a.columns = {{"sym", column_type::symbol},
               {"n", column_type::timestamp},
               {"text", column_type::string}};
  a.symbol_column = "sym";
  a.time_column = "n";
  auto b = a;
  b.name = "b";
  memory_store store{{.segment_rows = 512}};
  ASSERT_FALSE(store.declare(a));
  ASSERT_FALSE(store.declare(b));
  store.publish({0});
  std::atomic<bool> done{false};
  std::atomic<uint64_t> checked{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      do {
        const auto snapshot = store.snapshot();
        const auto one = snapshot->view("a");
        const auto two = snapshot->view("b");
        ASSERT_EQ(one->row_count(), two->row_count());
        ASSERT_EQ(snapshot->end == snapshot->begin, one->row_count() == 0);
        check_rows(*one);
        check_rows(*two);
        ++checked;
      } while (!done);
    });
  std::mt19937_64 random{11};
  int64_t next = 0;
  uint64_t at = 0;
  for (int round = 0; round < 4000; ++round) {
    const auto count = 1 + random() % 20;
    for (const auto* schema : {&a, &b}) {
      batch_builder builder{*schema};
      for (uint64_t i = 0; i < count; ++i) {
        const auto n = next + static_cast<int64_t>(i);
        builder.append_symbol(0, std::to_string(n % 300));
        builder.append(1, n);
        builder.append_string(2, std::to_string(n % 300));
        builder.end_row();
      }
      const auto bytes = builder.encode();
      ASSERT_FALSE(store.append(*decode_batch(bytes), {at += 8}));
    }
    next += static_cast<int64_t>(count);
    store.publish({at});
    if (round % 256 == 255) {
      store.end_period({at});
      ASSERT_FALSE(store.drop({at}));
    }
  }
  done = true;
  for (auto& reader : readers)
    reader.join();
  EXPECT_GT(checked, 0u);
}

} // namespace
} // namespace millrace::persistence
