#pragma once

#include <millrace/messages/text/interner.hpp>
#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/scan.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::query {

/// Rows of segments, in an order of their own.
struct placed_rows {
  static constexpr uint32_t no_unit = ~uint32_t{0};
  /// Rows up to number `end` are of this unit; of no_unit: they are none.
  struct piece {
    uint32_t unit = no_unit;
    size_t end = 0;
  };

  void add(uint32_t unit, uint32_t row) {
    rows.push_back(row);
    if (pieces.empty() || pieces.back().unit != unit)
      pieces.push_back({unit, 0});
    pieces.back().end = rows.size();
  }
  void clear() noexcept {
    rows.clear();
    pieces.clear();
  }
  /// That of row number `at`.
  [[nodiscard]] std::vector<piece>::const_iterator piece_of(size_t at) const {
    return std::upper_bound(
      pieces.begin(), pieces.end(), at,
      [](size_t number, const piece& x) { return number < x.end; });
  }

  std::vector<uint32_t> rows; ///< Each within its segment.
  std::vector<piece> pieces;
};

/// Rows of one symbol in one unit, and their times in place.
struct timed_run {
  uint32_t unit = 0;
  uint32_t first = 0;
  const uint32_t* rows = nullptr; ///< nullptr: first + i.
  std::span<const int64_t> times;

  [[nodiscard]] uint32_t row(size_t i) const noexcept {
    return rows ? rows[i] : first + static_cast<uint32_t>(i);
  }
};

/// The rows of one symbol in all segments, in the order of their parts and as
/// they are stored. Owner: one thread.
struct timed_runs {
  void clear();
  /// Makes all rows ascend by time, those of equal times in the order that they
  /// had. The work of a copy, but where they do already.
  void put_in_order();
  /// What became of the times since they were read: to be asked after the last
  /// look at them.
  [[nodiscard]] error fault() const;
  [[nodiscard]] size_t byte_count() const noexcept {
    return times.size() * sizeof(int64_t) + rows.size() * sizeof(uint32_t);
  }

  std::vector<timed_run> runs; ///< None is empty.
  /// Of those runs that do not stand in a segment as they are.
  std::vector<int64_t> times;
  std::vector<uint32_t> rows;
  std::vector<std::shared_ptr<const persistence::held_bytes>> held;

private:
  [[nodiscard]] bool in_order() const;
};

/// Where the rows of a plan lie, symbol by symbol, in segments that tell it by
/// their ranges or by an index: none of them is copied. Owner: one thread.
class symbol_rows {
public:
  /// @pre flows(plan)
  symbol_rows(logical_plan plan, const execution_options& options);

  /// Whether what the plan asks for are all rows of its symbols and times.
  /// @param symbol, time of its result, which are its table's
  [[nodiscard]] bool knows(const std::string& symbol, const std::string& time);
  /// Looks where the rows of `parts` lie; their symbols get the numbers that
  /// `symbols` has for them. @returns false when a segment does not tell.
  [[nodiscard]] result<bool> find(std::vector<persistence::table_view> parts,
                                  text::interner& symbols);

  /// Times of the rows of symbol number `symbol`.
  [[nodiscard]] error load(uint32_t symbol, timed_runs& to);
  /// Appends the rows [first, second) of what is asked for.
  using appender = std::function<error(size_t, size_t)>;
  /// Appends what column `output` of the result has for `rows`: of each segment
  /// no values are read before the first of them or after the last. Where rows
  /// are none `instead` appends, or nulls without it.
  [[nodiscard]] error fetch(const placed_rows& rows, size_t output,
                            column_writer& to,
                            const appender& instead = nullptr) const;
  /// The same of the rows [begin, end) of `rows`.
  [[nodiscard]] error fetch(const placed_rows& rows, size_t begin, size_t end,
                            size_t output, column_writer& to,
                            const appender& instead) const;
  /// The number of the result's column with this name.
  [[nodiscard]] std::optional<size_t> output(std::string_view name) const;
  /// What became of what was opened, to be asked at the end.
  [[nodiscard]] error fault() const;
  [[nodiscard]] const scan_statistics& statistics() const noexcept {
    return setup_.statistics;
  }

private:
  /// Rows [begin, end) of a unit's segment, or listed[begin] to listed[end].
  struct stored_run {
    uint32_t unit = 0;
    uint32_t begin = 0;
    uint32_t end = 0;
    const uint16_t* listed = nullptr;
  };

  [[nodiscard]] bool tells(const scan_unit& unit) const;
  void add_ranges(uint32_t unit, text::interner& symbols);
  void add_listed(uint32_t unit, text::interner& symbols);
  void add_run(uint32_t symbol, const stored_run& run);
  [[nodiscard]] bool passes(const part_binding& binding, uint32_t code) const;
  [[nodiscard]] error load_range(const stored_run& run, timed_runs& to);
  void load_listed(const stored_run& run, timed_runs& to);
  /// A column's values in the segment of a unit: rows [low, high].
  struct unit_values {
    uint32_t low = ~uint32_t{0};
    uint32_t high = 0;
    column_ref from;
    persistence::segment_values held;
  };
  using values_by_unit = std::map<uint32_t, unit_values>;
  [[nodiscard]] result<values_by_unit> read(const placed_rows& rows,
                                            size_t begin, size_t end,
                                            uint32_t column) const;

  scan_setup setup_;
  uint32_t symbol_ = 0; ///< Columns of the plan.
  uint32_t time_ = 0;
  std::vector<std::vector<stored_run>> runs_; ///< By number of their symbol.
  std::vector<uint32_t> numbers_; ///< Of symbols, by code of one dictionary.
  const persistence::symbol_dictionary* numbered_ = nullptr;
};

} // namespace millrace::query
