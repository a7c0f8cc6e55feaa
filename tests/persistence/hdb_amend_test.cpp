#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/hdb/hdb_amend.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <map>
#include <numeric>

#include "store_fixture.hpp"

namespace millrace::persistence {
namespace {

using namespace oracle;

constexpr size_t time_column = 0;
constexpr size_t symbol_column = 1;
constexpr size_t float_column = 9;
constexpr size_t venue_column = 11;
constexpr size_t note_column = 18;

error run_all(const std::vector<std::function<error()>>& jobs) {
  for (const auto& job : jobs)
    if (auto fault = job())
      return fault;
  return {};
}

/// The rows of a database as they are to be, and the database.
class amended_database {
public:
  explicit amended_database(uint64_t seed,
                            file_system& given = posix_file_system())
    : disk{given}, random_{seed} {
    world.fs = &disk;
    world.clock = &clock_;
    open();
  }

  void open() {
    writer_.reset();
    auto opened = hdb_writer::open(world, path());
    ASSERT_TRUE(opened) << to_string(opened.failure());
    writer_ = *std::move(opened);
  }
  void close() { writer_.reset(); }

  /// A range with rows of several dates.
  /// @param at_home false: all in one partition, as releases before wrote them
  /// @param lines of a load: what it has in the place of a period
  void add_range(size_t row_count, bool at_home,
                 std::optional<int64_t> lines = {}) {
    memory_store rdb{{.segment_rows = 64}};
    ASSERT_FALSE(rdb.declare(schema));
    auto& made = ranges.emplace_back();
    for (size_t i = 0; i < row_count; ++i) {
      auto& row = made.emplace_back(random_row(schema, random_));
      if (row[time_column] != null_of(column_type::timestamp))
        row[time_column] = bytes_of(static_cast<int64_t>(
          random_() % 60 * (text::day_ns / 20) + text::day_ns));
    }
    const position from{1000 * (ranges.size() - 1)};
    const position to{1000 * ranges.size()};
    rdb.reset(from);
    const auto bytes = encode(schema, made);
    ASSERT_FALSE(rdb.append(*decode_batch(bytes), to));
    rdb.end_period(to);
    auto request = request_of(rdb, period, from, to);
    if (at_home)
      request.partition.clear();
    if (lines) {
      request.period = *lines;
      request.undated = period;
    }
    const auto written = write_period(*writer_, request);
    ASSERT_TRUE(written && *written) << to_string(written.failure());
  }

  /// Rows of one text in a column.
  hdb_amendment rows_with(size_t column, const std::string& text) const {
    hdb_amendment out;
    out.table = schema.name;
    out.text = "a test";
    out.choose = [=](const table_view& part) -> result<std::vector<uint32_t>> {
      const auto view = loaded(part);
      if (!view)
        return view.failure();
      std::vector<uint32_t> rows;
      const auto& segment = view->segments[0];
      for (uint32_t r = 0; r < segment.row_count; ++r)
        if (cell_of(segment.columns[column], r) == text)
          rows.push_back(r);
      return rows;
    };
    return out;
  }

  amend_report run(const hdb_amendment& what, bool applies = true) {
    told_of = 0;
    return amend(*writer_, what,
                 {.applies = applies,
                  .run = run_all,
                  .progress = [this](size_t done, size_t all) {
                    EXPECT_EQ(done, told_of + 1);
                    EXPECT_LE(done, all);
                    told_of = done;
                  }});
  }

  /// The same with `ranges`. @returns how many rows had the text
  uint64_t expect_of(const hdb_amendment& what, size_t column,
                     const std::string& text) {
    uint64_t count = 0;
    for (auto& range : ranges)
      for (auto at = range.begin(); at != range.end();) {
        if ((*at)[column] != text) {
          ++at;
          continue;
        }
        ++count;
        for (const auto& value : what.values)
          (*at)[value.column] = value.bytes;
        at = what.removes ? range.erase(at) : at + 1;
      }
    return count;
  }

  /// Whether the database holds exactly `ranges`, each row at home.
  void expect_rows() const {
    auto store = hdb_store::open(disk, path());
    ASSERT_TRUE(store) << to_string(store.failure());
    const auto snapshot = (*store)->snapshot();
    EXPECT_EQ(snapshot->manifest().cutover("ticks", "all"),
              (position{1000 * ranges.size()}));
    auto parts = snapshot->parts("all");
    for (size_t i = 0; i < ranges.size(); ++i) {
      std::map<int64_t, rows> wanted;
      for (const auto& each : ranges[i]) {
        const auto time = time_of(schema, each);
        wanted[time == null_long ? period
                                 : text::floor_divide(time, text::day_ns)]
          .push_back(each);
      }
      for (const auto& [date, of_date] : wanted) {
        const auto found
          = std::find_if(parts.begin(), parts.end(), [&](const auto* part) {
              return part->to.value == 1000 * (i + 1)
                     && part->partition == date_partition_name(date);
            });
        ASSERT_NE(found, parts.end()) << "range " << i << " date " << date;
        expect_part(*snapshot, **found, of_date);
        parts.erase(found);
      }
    }
    EXPECT_TRUE(parts.empty());
    EXPECT_TRUE(check_all(disk, path(), snapshot->manifest()).empty());
  }

  [[nodiscard]] const std::string& path() const { return directory_.path(); }
  [[nodiscard]] const hdb_manifest& manifest() const {
    return writer_->manifest();
  }

  static constexpr int64_t period = 2;
  size_t told_of = 0; ///< Ranges that the last run looked at.
  const table_schema schema = every_type();
  file_system& disk;
  env world;
  std::vector<rows> ranges; ///< Each in stream order.

private:
  struct still_clock final : clock_source {
    int64_t now_ns() override { return 77; }
    int64_t monotonic_ns() override { return 0; }
  };

  static void expect_part(const hdb_snapshot& snapshot, const hdb_part& part,
                          const rows& wanted) {
    const auto view = loaded(snapshot.view(part));
    ASSERT_TRUE(view) << to_string(view.failure());
    const auto order = sorted_order(*view->schema, wanted);
    const auto& segment = view->segments[0];
    ASSERT_EQ(segment.row_count, order.size());
    for (uint32_t r = 0; r < segment.row_count; ++r)
      ASSERT_EQ(row_of(segment, r), wanted[order[r]]);
    expect_exact_zones(*view->schema, segment);
  }

  temporary_directory directory_;
  still_clock clock_;
  std::mt19937_64 random_;
  std::unique_ptr<hdb_writer> writer_;
};

/// New values of a symbol, a time of another date, a number and a text.
std::vector<amended_value> new_values() {
  return {{symbol_column, "NEW"},
          {time_column, bytes_of(9 * text::day_ns + 5)},
          {float_column, bytes_of(1.5)},
          {note_column, "corrected"}};
}

// Method: against rows in a vector, which are removed and changed alike.
TEST(HdbAmendTest, RowsAreRemovedAndCorrectedAndNothingElse) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    amended_database db{seed};
    db.add_range(300, true);
    db.add_range(200, seed % 2 == 0);
    const auto bust = [&] {
      auto out = db.rows_with(symbol_column, "S6");
      out.removes = true;
      return out;
    }();
    const auto before = db.manifest().version;
    const auto tried = db.run(bust, false);
    EXPECT_EQ(db.manifest().version, before);
    const auto removed = db.expect_of(bust, symbol_column, "S6");
    ASSERT_GT(removed, 0u);
    EXPECT_EQ(tried.rows_removed, removed);
    const auto done = db.run(bust);
    ASSERT_FALSE(done.fault) << to_string(done.fault);
    EXPECT_EQ(done.rows_removed, removed);
    db.expect_rows();

    auto correction = db.rows_with(venue_column, "");
    correction.values = new_values();
    const auto changed = db.expect_of(correction, venue_column, "");
    EXPECT_EQ(db.run(correction).rows_changed, changed);
    db.expect_rows();
    // What is done is not done again.
    EXPECT_EQ(db.run(bust).ranges, 0u);
    EXPECT_EQ(db.run(db.rows_with(symbol_column, "none")).ranges, 0u);
  }
}

// A writer that meets an older manifest knows nothing of what came after it,
// and takes none of it away.
TEST(HdbAmendTest, AnOlderManifestThatIsPutBackRemovesNoLaterPart) {
  amended_database db{7};
  db.add_range(300, true);
  db.add_range(200, true);
  const auto manifest = db.path() + "/" + hdb_manifest_name;
  const auto older = read_file(db.disk, manifest);
  ASSERT_TRUE(older);
  auto bust = db.rows_with(symbol_column, "S6");
  bust.removes = true;
  ASSERT_GT(db.expect_of(bust, symbol_column, "S6"), 0u);
  ASSERT_GT(db.run(bust).ranges, 0u);
  const auto newer = read_file(db.disk, manifest);
  ASSERT_TRUE(newer);
  db.close();
  ASSERT_FALSE(replace_file(db.disk, manifest, *older));
  db.open();
  db.close();
  ASSERT_FALSE(replace_file(db.disk, manifest, *newer));
  db.open();
  db.expect_rows();
}

TEST(HdbAmendTest, RowsMoveHome) {
  amended_database db{7};
  db.add_range(300, false);
  db.add_range(100, true);
  hdb_amendment home;
  home.table = "all";
  home.text = "moved home";
  uint64_t away = 0;
  for (const auto& each : db.ranges[0]) {
    const auto time = time_of(db.schema, each);
    away += time != null_long
            && text::floor_divide(time, text::day_ns) != db.period;
  }
  const auto done = db.run(home);
  ASSERT_FALSE(done.fault) << to_string(done.fault);
  EXPECT_EQ(done.rows_moved, away);
  EXPECT_EQ(done.ranges, 1u);
  db.expect_rows();
  EXPECT_EQ(db.run(home).ranges, 0u);
}

// What a part of a load has for a period is no date.
TEST(HdbAmendTest, RowsWithoutATimeStayWhereTheyLie) {
  amended_database db{12};
  db.add_range(300, true, 20'000);
  auto correction = db.rows_with(symbol_column, "S6");
  correction.values = {{float_column, bytes_of(1.5)}};
  ASSERT_GT(db.expect_of(correction, symbol_column, "S6"), 0u);
  const auto done = db.run(correction);
  ASSERT_FALSE(done.fault) << to_string(done.fault);
  db.expect_rows();
}

TEST(HdbAmendTest, ARangeWithoutRowsStillCounts) {
  amended_database db{8};
  db.add_range(50, true);
  db.add_range(50, true);
  auto all = db.rows_with(symbol_column, "");
  all.removes = true;
  all.choose = [](const table_view& part) -> result<std::vector<uint32_t>> {
    std::vector<uint32_t> rows(part.segments[0].row_count);
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
  };
  EXPECT_EQ(db.run(all).rows_removed, 100u);
  for (auto& range : db.ranges)
    range.clear();
  db.expect_rows();
  db.add_range(20, true);
  db.expect_rows();
}

TEST(HdbAmendTest, AllRangesTakeTheirPlacesInOneStep) {
  sim::memory_file_system disk{11};
  amended_database db{11, disk};
  constexpr size_t ranges = 258;
  for (size_t i = 0; i < ranges; ++i)
    db.add_range(4, true);
  auto bust = db.rows_with(symbol_column, "");
  bust.removes = true;
  bust.choose = [](const table_view&) -> result<std::vector<uint32_t>> {
    return std::vector<uint32_t>{0};
  };
  const auto done = db.run(bust);
  EXPECT_FALSE(done.fault) << to_string(done.fault);
  EXPECT_EQ(done.ranges, ranges);
  EXPECT_EQ(db.told_of, ranges);
  std::set<uint64_t> steps; // Versions of the manifest.
  for (const auto& part : db.manifest().parts)
    if (is_ledger_entry(part))
      steps.insert(part.directory);
  EXPECT_EQ(steps.size(), 1u);
}

TEST(HdbAmendTest, NothingIsChangedWhereOneRangeCannotBeRead) {
  for (const uint64_t damaged : {1000, 2000, 3000}) {
    amended_database db{12};
    for (int i = 0; i < 3; ++i)
      db.add_range(400, true);
    auto bust = db.rows_with(symbol_column, "S6");
    bust.removes = true;
    const auto choose = bust.choose;
    int looked_at = 0;
    bust.choose = [&](const table_view& part) -> result<std::vector<uint32_t>> {
      if (part.part_order == damaged)
        return error{errc::corrupt, "of the test"};
      ++looked_at;
      return choose(part);
    };
    const auto version = db.manifest().version;
    const auto done = db.run(bust);
    EXPECT_EQ(done.fault.code, errc::corrupt);
    EXPECT_EQ(done.fault.context, "of the test; nothing is changed");
    EXPECT_EQ(done.ranges, 0u);
    EXPECT_EQ(done.rows_removed, 0u);
    EXPECT_TRUE(done.partitions.empty());
    EXPECT_EQ(looked_at > 0, damaged != 1000);
    EXPECT_EQ(db.manifest().version, version);
    db.close();
    db.expect_rows();
    // Once it can be read again all of it is done, by the next writer.
    db.open();
    bust.choose = choose;
    (void)db.expect_of(bust, symbol_column, "S6");
    EXPECT_EQ(db.run(bust).ranges, 3u);
    db.expect_rows();
  }
}

TEST(HdbAmendTest, TheLedgerSaysWhatWasDone) {
  amended_database db{9};
  db.add_range(400, true);
  auto bust = db.rows_with(symbol_column, "S6");
  bust.removes = true;
  bust.text = "removed, by the exchange's word";
  const auto before = read_hdb_manifest(db.disk, db.path());
  ASSERT_TRUE(before);
  EXPECT_TRUE(before->changes.empty()) << "what a stream brought";
  const auto rows = db.run(bust).rows_removed;
  db.close();
  const auto manifest = read_hdb_manifest(db.disk, db.path());
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->changes.size(), 1u);
  const auto entries = ledger_of(*manifest);
  ASSERT_GT(entries.size(), 1u) << "rows of several dates";
  std::set<std::string> partitions;
  uint64_t told = 0;
  for (const auto& entry : entries) {
    EXPECT_EQ(entry.version, manifest->version);
    EXPECT_EQ(entry.at_ns, 77);
    EXPECT_EQ(entry.table, "all");
    EXPECT_GT(entry.rows, 0u);
    EXPECT_EQ(entry.text, "removed, by the exchange's word, of 'ticks' "
                          "(log.0.0 @ 0, log.0.0 @ 1000]");
    told += entry.rows;
    EXPECT_TRUE(partitions.insert(entry.partition).second);
  }
  EXPECT_EQ(told, rows);
}

TEST(HdbAmendTest, TheLedgerNamesWhereRowsMovedFromAndTo) {
  amended_database db{9};
  db.add_range(100, true);
  auto correction = db.rows_with(symbol_column, "S6");
  correction.values = {{time_column, bytes_of(9 * text::day_ns + 5)}};
  const auto done = db.run(correction);
  ASSERT_FALSE(done.fault) << to_string(done.fault);
  ASSERT_GT(done.rows_moved, 0u);
  uint64_t from = 0;
  uint64_t to = 0;
  for (const auto& entry : ledger_of(db.manifest())) {
    EXPECT_TRUE(done.partitions.contains(entry.partition));
    (entry.partition == date_partition_name(9) ? to : from) += entry.rows;
  }
  EXPECT_EQ(from, done.rows_changed);
  EXPECT_EQ(to, done.rows_moved);
}

/// By partition.
std::map<std::string, uint64_t> rows_in(const hdb_manifest& manifest) {
  std::map<std::string, uint64_t> out;
  for (const auto& part : manifest.parts)
    if (!is_ledger_entry(part))
      out[part.partition] += part.row_count;
  return out;
}

std::set<uint64_t> directories_of(const hdb_manifest& manifest,
                                  const std::string& partition) {
  std::set<uint64_t> out;
  for (const auto& part : manifest.parts)
    if (part.partition == partition)
      out.insert(part.directory);
  return out;
}

TEST(HdbAmendTest, DroppedRowsGoWithTheirFilesAndStayAccountedFor) {
  amended_database db{10};
  db.add_range(100, true);
  const auto partition = db.manifest().parts[0].partition;
  const auto files = db.path() + "/" + db.manifest().parts[0].path();
  const auto directories = directories_of(db.manifest(), partition);
  auto writer = hdb_writer::open(db.world, db.path());
  EXPECT_EQ(writer.failure().code, errc::locked);
  db.close();
  writer = hdb_writer::open(db.world, db.path());
  ASSERT_TRUE(writer);
  ASSERT_FALSE(
    (*writer)->drop({directories, {{0, 5, "all", partition, 3, "dropped"}}}));
  EXPECT_EQ((*writer)->manifest().cutover("ticks", "all"), (position{1000}));
  EXPECT_EQ(ledger_of((*writer)->manifest()).size(), 1u);
  writer = error{errc::closed, ""};
  ASSERT_TRUE(hdb_writer::open(db.world, db.path()));
  EXPECT_EQ(db.disk.list(files).failure().code, errc::not_found);
  // Also after others of their range were amended.
  db.open();
  auto rest = db.rows_with(symbol_column, "S6");
  rest.removes = true;
  const auto done = db.run(rest);
  ASSERT_GT(done.rows_removed, 0u) << to_string(done.fault);
  EXPECT_EQ(rows_in(db.manifest()).at(partition), 0u);
}

/// Goal: who brings rows again that an amendment took out is told so, for each
/// date of which none is left.
TEST(HdbAmendTest, EachDateThatIsEmptiedStaysNoted) {
  amended_database db{12};
  db.add_range(100, true);
  auto wanted = rows_in(db.manifest());
  ASSERT_GT(wanted.size(), 2u);
  // All of the first two dates, and one row of the last.
  auto some = db.rows_with(symbol_column, "");
  some.removes = true;
  size_t part_number = 0;
  some.choose = [&](const table_view& part) -> result<std::vector<uint32_t>> {
    const auto which = part_number++;
    std::vector<uint32_t> rows(which < 2 ? part.segments[0].row_count
                                         : which == wanted.size() - 1);
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
  };
  const auto done = db.run(some);
  ASSERT_FALSE(done.fault) << to_string(done.fault);
  wanted.begin()->second = std::next(wanted.begin())->second = 0;
  --std::prev(wanted.end())->second;
  EXPECT_EQ(rows_in(db.manifest()), wanted);
  EXPECT_EQ(db.manifest().cutover("ticks", "all"), (position{1000}));
}

/// Goal: a range accounts for its stream whatever of it was dropped, moved to
/// where it was dropped, and taken out.
TEST(HdbAmendTest, WhatIsLeftOfARangeIsAllOfIt) {
  for (const bool moves : {false, true}) {
    SCOPED_TRACE(moves);
    amended_database db{13};
    db.add_range(100, true);
    const auto rows_before = rows_in(db.manifest());
    ASSERT_GT(rows_before.size(), 2u);
    const int64_t last_day = *text::parse_date(rows_before.rbegin()->first);
    const auto directories
      = directories_of(db.manifest(), rows_before.begin()->first);
    db.close();
    {
      auto writer = hdb_writer::open(db.world, db.path());
      ASSERT_TRUE(writer);
      ASSERT_FALSE((*writer)->drop({directories, {}}));
    }
    db.open();
    const auto all_but_last
      = [&](const table_view& part) -> result<std::vector<uint32_t>> {
      const auto view = loaded(part);
      if (!view)
        return view.failure();
      std::vector<uint32_t> rows;
      const auto& segment = view->segments[0];
      for (uint32_t r = 0; r < segment.row_count; ++r)
        if (text::floor_divide(time_of(db.schema, row_of(segment, r)),
                               text::day_ns)
            != last_day)
          rows.push_back(r);
      return rows;
    };
    if (moves) {
      auto back = db.rows_with(symbol_column, "");
      back.choose = all_but_last;
      back.values = {{time_column, bytes_of(2 * text::day_ns + 5)}};
      ASSERT_FALSE(db.run(back).fault);
    }
    auto out = db.rows_with(symbol_column, "");
    out.removes = true;
    out.choose = all_but_last;
    const auto done = db.run(out);
    ASSERT_FALSE(done.fault) << to_string(done.fault);
    EXPECT_EQ(db.manifest().cutover("ticks", "all"), (position{1000}));
  }
}

/// The n-th call of a class fails while rows are removed, and the process ends
/// or the power is cut. @returns false when there were fewer calls.
bool survive(sim::disk_call call, uint64_t nth) {
  sim::memory_file_system disk{nth};
  amended_database db{11, disk};
  db.add_range(60, true);
  db.add_range(60, true);
  const auto before = db.ranges;
  auto bust = db.rows_with(symbol_column, "S6");
  bust.removes = true;
  const auto calls = disk.calls(call);
  disk.fail(call, nth, errc::storage_failed, 1'000'000);
  const auto done = db.run(bust);
  const bool reached = disk.calls(call) >= calls + nth;
  EXPECT_EQ(static_cast<bool>(done.fault), reached);
  disk.heal();
  db.close();
  nth % 2 == 0 ? disk.end_process() : disk.cut_power(sim::survival::some);
  // All ranges are as they were, or as they are to be: these when it was said
  // so.
  db.expect_of(bust, symbol_column, "S6");
  const auto after = db.ranges;
  db.open();
  const auto rows_of_range = [&](size_t range) {
    size_t count = 0;
    for (const auto& part : db.manifest().parts)
      if (!is_ledger_entry(part) && part.to.value == 1000 * (range + 1))
        count += part.row_count;
    return count;
  };
  const bool changed = rows_of_range(0) + rows_of_range(1)
                       != before[0].size() + before[1].size();
  EXPECT_TRUE(changed || done.ranges == 0);
  db.ranges = changed ? after : before;
  for (size_t i = 0; i < 2; ++i)
    EXPECT_EQ(rows_of_range(i), db.ranges[i].size());
  db.expect_rows();
  const auto again = db.run(bust);
  EXPECT_FALSE(again.fault) << to_string(again.fault);
  db.ranges = after;
  db.expect_rows();
  return reached;
}

TEST(HdbAmendTest, AFailureAtEachCallLeavesAllOrNothing) {
  using sim::disk_call;
  uint64_t failures = 0;
  for (const auto call : {disk_call::open, disk_call::write, disk_call::sync,
                          disk_call::rename, disk_call::sync_directory}) {
    for (uint64_t nth = 1, step = 1;; nth += step) {
      SCOPED_TRACE("class " + std::to_string(static_cast<int>(call)) + ", call "
                   + std::to_string(nth));
      if (!survive(call, nth))
        break;
      ++failures;
      ASSERT_FALSE(testing::Test::HasFailure());
      step = nth < 12 ? 1 : 7;
    }
  }
  EXPECT_GT(failures, 40u);
}

} // namespace
} // namespace millrace::persistence
