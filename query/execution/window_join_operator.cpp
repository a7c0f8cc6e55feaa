#include <millrace/query/execution/row_operators_internal.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

/// Rows of both sides that are folded at a time.
constexpr size_t pairs_max = size_t{1} << 20;

int64_t shifted(int64_t time, int64_t by) {
  int64_t out;
  if (time == null_long)
    return time;
  if (__builtin_add_overflow(time, by, &out) || out == null_long)
    return by > 0 ? inf_long : -inf_long;
  return out;
}

/// Left rows one after the other, each with the right rows of its window.
class window_pairs {
public:
  window_pairs(const operators::window_join& what, const table_data& right,
               const run_options& options)
    : what_{what}, right_{right}, options_{options}, room_{
                                                       options.stop.memory} {}

  /// Where rows lie whose times are of the window around `time`: [first,
  /// last).
  std::pair<size_t, size_t> find(std::span<const int64_t> times,
                                 int64_t time) const {
    const auto begin = shifted(time, what_.low);
    auto first = std::lower_bound(times.begin(), times.end(), begin);
    const auto last
      = std::upper_bound(first, times.end(), shifted(time, what_.high));
    // What held when the window began counts, unless something came just then.
    const bool came_then = first != last && *first == begin;
    if (what_.prevailing && first != times.begin() && !came_then)
      --first;
    return {static_cast<size_t>(first - times.begin()),
            static_cast<size_t>(last - times.begin())};
  }

  void add(uint32_t right_row, uint32_t left_number) {
    rows_.push_back(right_row);
    numbers_.push_back(left_number);
  }
  [[nodiscard]] bool is_full() const { return rows_.size() >= pairs_max; }
  /// Before so many are added.
  [[nodiscard]] error expect(size_t count) {
    // Twice as it grows; what was taken once stays.
    const auto bytes = 2 * (rows_.size() + count) * 2 * sizeof(uint32_t);
    return bytes <= room_.held() ? error{} : room_.set(bytes);
  }

  /// Totals of the left rows since the last call: `count` of them.
  error fold(uint32_t count, std::vector<column_writer>& into) {
    auto taken = take_rows(right_, rows_, right_.columns.size(), options_.stop);
    if (!taken)
      return taken.failure();
    auto totals = totals_of(what_.columns, *taken, numbers_, count, options_);
    if (!totals)
      return totals.failure();
    // Each piece has dictionaries of its own.
    ++piece_;
    for (size_t i = 0; i < into.size(); ++i)
      into[i].append_range(ref_of(totals->columns[i]),
                           reinterpret_cast<const void*>(piece_), 0, count);
    rows_.clear();
    numbers_.clear();
    return {};
  }

private:
  const operators::window_join& what_;
  const table_data& right_;
  const run_options& options_;
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> numbers_;
  held_memory room_; ///< Of the question's memory, for both.
  uintptr_t piece_ = 0;
};

} // namespace

operator_result run_window_join(const operators::window_join& what,
                                const physical_node& node, table_data left,
                                const table_data& right,
                                const run_options& options) {
  auto matches = timed_matches::find(what.on, left, right, options);
  if (!matches)
    return matches.failure();
  const auto& time = what.on.back();
  const auto left_times = ref_of(*column_named(left, time));
  window_pairs pairs{what, right, options};
  std::vector<column_writer> writers;
  uint64_t width = 0;
  for (const auto& each : what.columns)
    for (const auto& column : node.columns)
      if (column.name == each.name) {
        writers.emplace_back(column.name, column.type);
        width += width_of(column.type);
      }
  held_memory room{options.stop.memory};
  if (auto refused = room.set(left.row_count * width))
    return refused;
  for (auto& writer : writers)
    writer.reserve(left.row_count);
  uint32_t begin = 0;
  for (uint32_t row = 0; row < left.row_count; ++row) {
    if (row % 1024 == 0 && options.stop.stopped())
      return options.stop.fault("in a window join");
    const auto found = matches->of(row);
    const auto [first, last]
      = pairs.find(found.times, integer_at(left_times, row));
    if (auto refused = pairs.expect(last - first))
      return refused;
    for (auto i = first; i < last; ++i)
      pairs.add(found.rows[i], row - begin);
    if (!pairs.is_full())
      continue;
    if (auto fault = pairs.fold(row + 1 - begin, writers))
      return fault;
    begin = row + 1;
  }
  const auto rest = static_cast<uint32_t>(left.row_count) - begin;
  if (auto fault = pairs.fold(rest, writers))
    return fault;
  for (auto& writer : writers) {
    auto column = writer.finish();
    if (!column)
      return column.failure();
    put_column(left, *std::move(column));
  }
  return left;
}

} // namespace millrace::query
