#pragma once

#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/query/execution/filter.hpp>
#include <millrace/query/execution/group_index.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/execution/top_rows.hpp>
#include <millrace/query/plan/table_day.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

// Plans are bound in prepare.cpp, rows find their groups in group_assigner.cpp.

namespace millrace::query {

/// A plan bound to consecutive segments of one part that share dictionaries.
struct part_binding {
  static constexpr uint32_t absent = ~uint32_t{0};

  uint32_t part = 0;
  /// Plan column -> column of the part's schema, or absent.
  std::vector<uint32_t> columns;
  /// By plan column; nullptr unless it is a symbol column that is there.
  std::vector<const persistence::symbol_dictionary*> dictionaries;
  std::vector<bound_filter> filters;
  /// Of the part's own schema, by which sorted segments are sorted.
  uint32_t sort_symbol = absent; ///< As a plan column; absent: not in the plan.
  uint32_t sort_time = absent;
  /// Filters that a sorted segment's ranges answer by themselves.
  std::vector<uint32_t> symbol_filters;
  std::vector<uint32_t> time_filters;
  std::vector<uint32_t> other_filters;
};

/// A piece of a segment that one morsel scans.
struct scan_unit {
  enum class kind : uint8_t {
    plain,  ///< All rows, in stored order.
    ranges, ///< Sorted: by symbol range, times by binary search.
    index,  ///< Rows of the wanted symbols by the segment's index.
  };
  uint32_t binding = 0;
  uint32_t segment = 0; ///< Within its part.
  uint32_t source = 0;  ///< Number of the segment among all parts'.
  uint32_t begin = 0;
  uint32_t end = 0;
  kind how = kind::plain;
};

/// Everything that morsels share; immutable while they run, but for `bound` and
/// `groups_found`.
struct scan_setup {
  explicit scan_setup(logical_plan plan) : shape{std::move(plan)} {}

  plan_shape shape;
  interruption stop;
  std::vector<persistence::table_view> parts;
  std::vector<part_binding> bindings;
  std::vector<scan_unit> units;
  /// Morsel i is units [morsels[i], morsels[i + 1]).
  std::vector<uint32_t> morsels;
  /// Part and segment by source number.
  std::vector<std::pair<uint32_t, uint32_t>> sources;
  /// By plan column: whether anything looks at its values. Those of filters
  /// that a segment's ranges answer are not among them.
  std::vector<uint8_t> columns_read;
  bool orders_read = false; ///< Whether ties may be decided by stream order.
  /// Of segments that were opened.
  std::vector<std::shared_ptr<const persistence::held_bytes>> opened;
  scan_statistics statistics;
  mutable top_bound bound; ///< Of an ordering with a limit.
  /// By the morsel that ended last: as many will be found by the next.
  mutable std::atomic<uint32_t> groups_found{0};

  [[nodiscard]] const persistence::segment_view&
  segment_of(const scan_unit& unit) const noexcept {
    return parts[bindings[unit.binding].part].segments[unit.segment];
  }
  /// The plan's column `column` in `segment`; null values when it is absent.
  [[nodiscard]] column_ref column_of(const part_binding& binding,
                                     const persistence::segment_view& segment,
                                     uint32_t column) const noexcept;
};

/// The symbols' ranges that have rows among [begin, end) of a sorted segment.
[[nodiscard]] std::span<const persistence::symbol_range>
ranges_within(const persistence::segment_view& segment, uint32_t begin,
              uint32_t end) noexcept;

/// Narrows [begin, end) of rows that ascend by time to those that pass the
/// binding's filters on it. @param times by row of the segment
void narrow_by_time(const part_binding& binding, const int64_t* times,
                    uint32_t& begin, uint32_t& end);

/// A column that a morsel read from a segment's source, kept for first and
/// last.
struct source_column {
  uint32_t source = 0;
  uint32_t column = 0; ///< Of the plan.
  persistence::segment_values values;
};

/// Binds, prunes, and cuts into morsels of about `morsel_rows`.
[[nodiscard]] error prepare(scan_setup& setup, uint32_t morsel_rows);

/// Turns rows into group numbers for one binding. Owner: one thread.
class group_assigner {
public:
  group_assigner(const plan_shape& shape, const part_binding& binding);

  /// Groups of `count` <= vector_rows rows, into `groups`.
  void assign(const segment_context& segment, uint32_t base,
              const uint16_t* rows, uint32_t count, uint32_t* groups);

  /// True when rows of one symbol that ascend by the sort time fall into
  /// groups that follow one another.
  [[nodiscard]] bool groups_runs() const noexcept { return runs_; }
  /// The end of the run of one group that starts at row `begin` of a range of
  /// symbol `code` that ends at `end`, and its group.
  [[nodiscard]] std::pair<uint32_t, uint32_t>
  next_run(const segment_context& segment, uint32_t code, uint32_t begin,
           uint32_t end);

  /// Makes room for so many groups, where they are looked up one by one.
  void expect(uint32_t groups) {
    if (mode_ == mode::general)
      index_.reserve(groups);
  }
  [[nodiscard]] group_index& index() noexcept { return index_; }
  [[nodiscard]] const text::interner& pool(size_t key) const noexcept {
    return pools_[key];
  }
  [[nodiscard]] size_t byte_count() const noexcept;
  /// `overflow` once a value fell into a bar that begins before 64 bits do.
  [[nodiscard]] error overflow() const;
  /// Gives back what only `assign` needs.
  void done();

private:
  enum class mode : uint8_t { none, symbol, bar, symbol_bar, general };

  void assign_symbols(const segment_context& segment, uint32_t base,
                      const uint16_t* rows, uint32_t count, uint32_t* groups);
  void assign_bars(const segment_context& segment, uint32_t base,
                   const uint16_t* rows, uint32_t count, uint32_t* groups);
  void assign_general(const segment_context& segment, uint32_t base,
                      const uint16_t* rows, uint32_t count, uint32_t* groups);
  void fill_key(const segment_context& segment, size_t key, uint32_t base,
                const uint16_t* rows, uint32_t count);
  /// The times [low, high) that share a key with `time`.
  struct time_span {
    int64_t key;
    int64_t low;
    int64_t high;
  };
  [[nodiscard]] time_span span_of(int64_t time,
                                  const plan_shape::key_item& item);
  void enter_bar(int64_t time, const plan_shape::key_item& item);
  [[nodiscard]] uint32_t new_group(const uint64_t* key);
  /// As query::bar_start; notes where that is beyond 64 bits.
  [[nodiscard]] int64_t noted_bar_start(int64_t ns, int64_t width) noexcept;
  /// The group of a run with this key.
  [[nodiscard]] uint32_t group_of_run(const uint64_t* key);

  const plan_shape& shape_;
  const part_binding& binding_;
  group_index index_;
  std::vector<text::interner> pools_;
  std::vector<uint64_t> words_; ///< Keys of one vector.
  mode mode_ = mode::none;
  bool runs_ = false;
  size_t symbol_key_ = 0;
  size_t bar_key_ = 0;
  /// group + 1 by code (symbol), and by slab of a bar, then code (symbol_bar).
  std::vector<uint32_t> dense_;
  uint32_t dictionary_size_ = 0;
  uint32_t dense_groups_ = 0; ///< Groups that were new to dense_.
  uint32_t run_groups_ = 0;   ///< Groups that were new by their runs.
  group_index bars_{1};
  size_t slab_ = 0;
  int64_t bar_ = 0; ///< The bar that the last row fell into: [low, high).
  int64_t bar_low_ = 0;
  int64_t bar_high_ = 0;
  uint32_t bar_group_ = 0;
  bool overflowed_ = false;
  day_finder days_;
};

/// What one morsel found in one binding.
struct morsel_chunk {
  uint32_t binding = 0;
  std::unique_ptr<group_assigner> groups;
  state_list states;
  table_data rows;
  held_memory room{}; ///< What it holds of the question's memory.
  [[nodiscard]] size_t byte_count() const noexcept;
};

struct morsel_output {
  std::vector<morsel_chunk> chunks;
  uint64_t rows_scanned = 0;
  uint64_t bytes_scanned = 0; ///< @see scan_statistics
  uint64_t rows_matched = 0;
  uint64_t rows_kept = 0; ///< In the chunks, of a plan that asks for rows.
  std::vector<source_column> kept; ///< When an aggregate keeps rows.
  error fault;
};

/// Scans the units of one morsel.
[[nodiscard]] morsel_output scan(const scan_setup& setup,
                                 std::span<const scan_unit> units);

} // namespace millrace::query
