#include <millrace/persistence/exchange/exporter.hpp>
#include <millrace/persistence/exchange/parquet_encoding.hpp>
#include <millrace/persistence/kdb/kdb_database.hpp>
#include <millrace/persistence/kdb/kdb_symbols.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/tests/support/kdb_files.hpp>

#include <functional>
#include <utility>

#include "store_fixture.hpp"

namespace millrace::persistence {
namespace {

using namespace oracle;

/// Every type, under names that an export takes.
table_schema exported_types() {
  auto out = every_type();
  for (auto& column : out.columns)
    if (column.name == "date")
      column.name = "day";
  return out;
}

class ExportTest : public ::testing::Test {
protected:
  explicit ExportTest(table_schema schema = exported_types())
    : table_{std::move(schema), {}} {
    world_.fs = &disk_;
    EXPECT_FALSE(rdb_.declare(table_.schema));
    auto opened = hdb_writer::open(world_, "/hdb");
    EXPECT_TRUE(opened);
    writer_ = *std::move(opened);
  }

  /// What was filled since becomes a part of this date.
  void write_down(const std::string& partition) {
    rdb_.end_period(at_);
    period_request request;
    request.stream = "market";
    request.period = ++period_;
    request.partition = partition;
    request.from = from_;
    request.to = at_;
    request.tables.push_back(*rdb_.snapshot()->view(table_.schema.name));
    const auto done = write_period(*writer_, std::move(request));
    ASSERT_TRUE(done) << to_string(done.failure());
    ASSERT_FALSE(rdb_.drop(at_));
    auto& of_date = dates_[partition];
    of_date.insert(of_date.end(), table_.all.begin(), table_.all.end());
    table_.all.clear();
    from_ = at_;
  }

  void add_rows(const std::string& partition, size_t count) {
    fill(rdb_, table_, at_, count, random_);
    write_down(partition);
  }

  void add_row(const row& values) {
    const auto bytes = encode(table_.schema, {values});
    at_.value += 8;
    ASSERT_FALSE(rdb_.append(*decode_batch(bytes), at_));
    table_.all.push_back(values);
  }

  std::shared_ptr<const hdb_snapshot> snapshot() {
    auto store = hdb_store::open(disk_, "/hdb");
    EXPECT_TRUE(store) << to_string(store.failure());
    return (*store)->snapshot();
  }

  error export_to(const std::string& path, bool as_parquet = false,
                  const export_choice& choice = {}) {
    const auto from = snapshot();
    const auto plan = plan_export(*from, choice);
    if (!plan)
      return plan.failure();
    progress_ = {};
    progress_.step = [this] {
      if (on_step_)
        on_step_();
      return stop_;
    };
    return as_parquet ? export_parquet(disk_, path, from, *plan, progress_)
                      : export_kdb(disk_, path, from, *plan, progress_);
  }

  std::string text_at(const std::string& path) {
    const auto bytes = disk_.content(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  sim::memory_file_system disk_{5};
  env world_;
  std::unique_ptr<hdb_writer> writer_;
  memory_store rdb_;
  filled_table table_;
  position at_{};
  position from_{};
  int64_t period_ = 0;
  std::map<std::string, rows> dates_;
  std::mt19937_64 random_{31};
  export_progress progress_;
  error stop_;
  std::function<void()> on_step_;
};

/// A column of a part as the cells of its rows.
std::vector<std::string> cells(file_system& fs, kdb_column& column) {
  const auto count = *column.rows();
  std::vector<std::string> out;
  if (column.type() == kdb_texts) {
    std::string text;
    std::vector<uint64_t> ends;
    EXPECT_FALSE(column.read_texts(0, count, 1 << 20, text, ends));
    for (size_t i = 0; i < count; ++i) {
      const auto begin = i == 0 ? 0 : ends[i - 1];
      out.push_back(text.substr(begin, ends[i] - begin));
    }
    return out;
  }
  if (column.type() == kdb_enumerated) {
    const auto symbols = kdb_symbols::read(fs, "/kdb/sym", 1 << 20);
    std::vector<int64_t> codes;
    EXPECT_FALSE(column.read_codes(0, count, symbols->size(), codes));
    for (const auto code : codes)
      out.emplace_back((*symbols)[static_cast<size_t>(code)]);
    return out;
  }
  std::vector<std::byte> bytes;
  EXPECT_FALSE(column.read(0, count, bytes));
  for (size_t i = 0; i < count; ++i)
    out.emplace_back(reinterpret_cast<const char*>(&bytes[i * column.width()]),
                     column.width());
  return out;
}

// Goal: rows of several parts of a date come in the one order that a partition
// has, each with the bytes that it was given, whatever its type.
TEST_F(ExportTest, RowsOfSeveralPartsComeBackInOrder) {
  add_rows("2013.10.07", 900);
  add_rows("2013.10.08", 300);
  add_rows("2013.10.07", 500);
  ASSERT_FALSE(export_to("/kdb"));
  EXPECT_EQ(progress_.rows, 1700u);
  const auto database = read_kdb_database(disk_, "/kdb");
  ASSERT_TRUE(database) << to_string(database.failure());
  ASSERT_EQ(database->table("all")->parts.size(), 2u);
  for (const auto& part : database->table("all")->parts) {
    const auto& all = dates_[part.partition];
    const auto order = sorted_order(table_.schema, all);
    auto open = open_kdb_part(disk_, part);
    ASSERT_TRUE(open) << to_string(open.failure());
    ASSERT_EQ(open->rows, all.size());
    for (size_t i = 0; i < table_.schema.columns.size(); ++i) {
      ASSERT_EQ(open->columns[i].name, table_.schema.columns[i].name);
      const auto found = cells(disk_, open->columns[i].column);
      for (size_t r = 0; r < all.size(); ++r)
        ASSERT_EQ(found[r], all[order[r]][i])
          << part.partition << " " << table_.schema.columns[i].name << " " << r;
    }
  }
}

TEST_F(ExportTest, WhatIsThereIsNotTouchedAndAFaultLeavesNothing) {
  add_rows("2013.10.07", 10);
  ASSERT_FALSE(disk_.create_directories("/kdb"));
  EXPECT_EQ(export_to("/kdb").code, errc::locked);
  stop_ = {errc::cancelled, "enough"};
  EXPECT_EQ(export_to("/other").code, errc::cancelled);
  EXPECT_FALSE(disk_.exists("/other"));
  EXPECT_FALSE(disk_.exists("/other.unfinished"));
  EXPECT_EQ(export_to("/other", true).code, errc::cancelled);
  EXPECT_FALSE(disk_.exists("/other.unfinished"));
  stop_ = {};
  disk_.fail(sim::disk_call::sync, 3, errc::no_space);
  EXPECT_EQ(export_to("/other").code, errc::no_space);
  disk_.heal();
  EXPECT_FALSE(disk_.exists("/other.unfinished"));
  EXPECT_FALSE(export_to("/other"));
}

// Wherever it is killed, what it leaves is known for what it is.
TEST_F(ExportTest, OneThatWasKilledIsTakenOver) {
  add_rows("2013.10.07", 10);
  add_rows("2013.10.08", 10);
  constexpr uint64_t for_ever = 1'000'000;
  for (const auto call : {sim::disk_call::sync_directory, sim::disk_call::sync,
                          sim::disk_call::write, sim::disk_call::rename})
    for (const uint64_t removals : {0, 1, 2, 3})
      for (uint64_t nth = 1;; ++nth) {
        disk_.fail(call, nth, errc::storage_failed, for_ever);
        // Who is killed removes nothing any more.
        disk_.fail(sim::disk_call::remove, removals + 1, errc::storage_failed,
                   for_ever);
        // Where the disk is real, the lock is a file of the directory.
        bool is_locked = false;
        const auto lock = [&] {
          if (!std::exchange(is_locked, true))
            EXPECT_TRUE(
              disk_.open("/kdb.unfinished/.lock", open_mode::create_new));
        };
        on_step_ = lock;
        const auto cut_off = export_to("/kdb");
        on_step_ = nullptr;
        disk_.heal();
        if (disk_.exists("/kdb.unfinished"))
          lock();
        if (disk_.exists("/kdb")) {
          ASSERT_FALSE(disk_.remove_all("/kdb"));
        } else {
          ASSERT_TRUE(cut_off);
        }
        const auto next = export_to("/kdb");
        ASSERT_FALSE(next) << to_string(next) << ", after call "
                           << static_cast<int>(call) << ", " << nth << ", "
                           << removals;
        EXPECT_FALSE(disk_.exists("/kdb.unfinished"));
        EXPECT_FALSE(disk_.exists("/kdb/.lock"));
        ASSERT_FALSE(disk_.remove_all("/kdb"));
        if (!cut_off)
          break;
      }
}

TEST_F(ExportTest, TablesAndDatesAreChosen) {
  add_rows("2013.10.07", 10);
  add_rows("2013.10.08", 20);
  ASSERT_FALSE(export_to("/day", true, {{"all"}, 5029, 5029}));
  EXPECT_EQ(progress_.rows, 20u);
  EXPECT_TRUE(disk_.exists("/day/all/date=2013-10-08/part-00000.parquet"));
  EXPECT_FALSE(disk_.exists("/day/all/date=2013-10-07"));
  EXPECT_EQ(export_to("/x", true, {{"none"}}).context,
            "there is no table 'none'");
  EXPECT_EQ(export_to("/x", true, {{"all"}, 5030, {}}).code, errc::not_found);
}

TEST_F(ExportTest, AParquetFileIsFramed) {
  add_rows("2013.10.07", 1000);
  ASSERT_FALSE(export_to("/p", true));
  const auto text = text_at("/p/all/date=2013-10-07/part-00000.parquet");
  EXPECT_TRUE(text.starts_with("PAR1"));
  EXPECT_TRUE(text.ends_with("PAR1"));
  uint32_t footer = 0;
  std::memcpy(&footer, text.data() + text.size() - 8, sizeof footer);
  ASSERT_LT(footer + 12, text.size());
  // Version 2, then the schema: a list of 20 structs.
  EXPECT_EQ(text.substr(text.size() - 8 - footer, 5),
            std::string("\x15\x04\x19\xfc\x14", 5));
}

class SmallExportTest : public ExportTest {
protected:
  SmallExportTest()
    : ExportTest{{"t",
                  1,
                  {{"time", column_type::timestamp},
                   {"sym", column_type::symbol},
                   {"note", column_type::string}},
                  "time",
                  "sym"}} {}
};

// Goal: an infinite time is told apart from all others, or nothing is written.
TEST_F(SmallExportTest, InParquetNoOtherTimeIsLikeAnInfiniteOne) {
  using namespace test_support;
  add_row({bytes_of(int64_t{inf_long}), "A", "x"});
  add_row({bytes_of(int64_t{-inf_long}), "A", "x"});
  write_down("2013.10.07");
  EXPECT_FALSE(export_to("/p", true));
  constexpr int64_t from_1970 = 946'684'800'000'000'000;
  add_row({bytes_of(inf_long - from_1970), "A", "x"});
  write_down("2013.10.08");
  const auto fault = export_to("/q", true);
  EXPECT_EQ(fault.code, errc::overflow);
  EXPECT_NE(fault.context.find("'time'"), std::string::npos) << fault.context;
}

// Byte for byte as files that q wrote have it.
TEST_F(SmallExportTest, ADatabaseOfKdbIsTheseBytes) {
  using namespace std::string_literals;
  using namespace test_support;
  add_row({bytes_of(int64_t{7}), "IBM", "two"});
  add_row({bytes_of(int64_t{9}), "AIG", "x"});
  write_down("2013.10.07");
  ASSERT_FALSE(export_to("/kdb"));
  EXPECT_EQ(text_at("/kdb/sym"), "\xff\x01\x0b\0\x03\0\0\0\0AIG\0IBM\0"s);
  const std::string below = "/kdb/2013.10.07/t/";
  EXPECT_EQ(text_at(below + ".d"), kdb_symbol_list({"time", "sym", "note"}, 3));
  EXPECT_EQ(text_at(below + "time"), kdb_list(12, 2, raw<int64_t>({9, 7})));
  EXPECT_EQ(text_at(below + "sym"), kdb_old_codes("sym", {1, 2}, 1));
  EXPECT_EQ(text_at(below + "note"), kdb_list(87, 2, raw<int64_t>({1, 4})));
  EXPECT_EQ(text_at(below + "note#"), "xtwo");
}

TEST_F(SmallExportTest, ASymbolThatKdbWouldCutIsRefused) {
  using namespace std::string_literals;
  add_row({bytes_of(int64_t{7}), "I\0M"s, "two"});
  write_down("2013.10.07");
  EXPECT_EQ(export_to("/kdb").code, errc::unsupported);
  EXPECT_FALSE(disk_.exists("/kdb.unfinished"));
}

TEST(ParquetEncodingTest, ThriftIsTheseBytes) {
  using namespace std::string_literals;
  thrift_writer to;
  to.field(1, int32_t{2});
  to.field(2, int64_t{-3});
  to.field(20, std::string_view{"ab"});
  to.begin(21);
  to.field(1, true);
  to.field(2, false);
  to.byte_field(3, 16);
  to.end();
  to.list(22, thrift_writer::i32, 2);
  to.element(1);
  to.element(300);
  to.list(23, thrift_writer::structure, 16);
  EXPECT_EQ(to.bytes(), "\x15\x04\x16\x05\x08\x28\x02"
                        "ab\x1c\x11\x12\x13\x10\0"
                        "\x19\x25\x02\xd8\x04\x19\xfc\x10"s);
}

TEST(ParquetEncodingTest, LevelsAreRunsAndPackedGroups) {
  using namespace std::string_literals;
  EXPECT_EQ(pack_levels(std::vector<uint32_t>(20, 1), 1), "\x28\x01"s);
  EXPECT_EQ(pack_levels(std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6, 7}, 3),
            "\x03\x88\xc6\xfa"s);
  // What fills the packed group comes from the run after it.
  std::vector<uint32_t> mixed{1, 0, 1};
  mixed.insert(mixed.end(), 30, 1);
  EXPECT_EQ(pack_levels(mixed, 1), "\x03\xfd\x32\x01"s);
  EXPECT_EQ(pack_levels(std::vector<uint32_t>{1, 0, 1}, 1), "\x03\x05"s);
  EXPECT_EQ(bits_for(1), 0u);
  EXPECT_EQ(bits_for(2), 1u);
  EXPECT_EQ(bits_for(65'536), 16u);
}

// Goal: whatever values and runs, what was packed unpacks to the same.
TEST(ParquetEncodingTest, LevelsUnpackToWhatTheyWere) {
  std::mt19937_64 random{3};
  for (int round = 0; round < 2000; ++round) {
    const auto width = static_cast<uint32_t>(1 + random() % 17);
    std::vector<uint32_t> values;
    while (values.size() < random() % 200)
      values.insert(values.end(), random() % 3 == 0 ? random() % 30 : 1,
                    static_cast<uint32_t>(random() & ((1u << width) - 1)));
    const auto text = pack_levels(values, width);
    std::vector<uint32_t> out;
    for (size_t at = 0; at < text.size();) {
      uint64_t head = 0;
      for (int shift = 0;; shift += 7) {
        const auto byte = static_cast<uint8_t>(text[at++]);
        head |= uint64_t{byte & 0x7fu} << shift;
        if (byte < 0x80)
          break;
      }
      if ((head & 1) == 0) {
        uint32_t value = 0;
        for (uint32_t i = 0; i < (width + 7) / 8; ++i)
          value |= uint32_t{static_cast<uint8_t>(text[at++])} << (8 * i);
        out.insert(out.end(), head >> 1, value);
        continue;
      }
      for (uint64_t bit = 0; bit < (head >> 1) * 8 * width; bit += width) {
        uint32_t value = 0;
        for (uint32_t i = 0; i < width; ++i)
          value |= (static_cast<uint8_t>(text[at + (bit + i) / 8])
                      >> ((bit + i) % 8)
                    & 1u)
                   << i;
        out.push_back(value);
      }
      at += (head >> 1) * width;
    }
    ASSERT_GE(out.size(), values.size());
    ASSERT_LT(out.size(), values.size() + 8);
    out.resize(values.size());
    ASSERT_EQ(out, values);
  }
}

} // namespace
} // namespace millrace::persistence
