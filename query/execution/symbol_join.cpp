#include <millrace/query/execution/nearest_times_internal.hpp>
#include <millrace/query/execution/row_operators_internal.hpp>
#include <millrace/query/execution/symbol_join_internal.hpp>
#include <millrace/query/execution/symbol_rows_internal.hpp>

#include <algorithm>
#include <array>

namespace millrace::query {

namespace {

using views = std::vector<persistence::table_view>;

/// The last of the runs, which ascend, that begins not later than a time, and
/// how many of its rows are not later. Found from where the time before was.
class run_finder {
public:
  explicit run_finder(const std::vector<timed_run>& runs) : runs_{runs} {}

  /// @returns false when all rows are later
  bool find(int64_t time) {
    if (runs_.empty() || runs_.front().times.front() > time)
      return false;
    if (runs_[run_].times.front() > time
        || (run_ + 1 < runs_.size() && runs_[run_ + 1].times.front() <= time)) {
      const auto next = std::upper_bound(
        runs_.begin(), runs_.end(), time,
        [](int64_t at, const timed_run& x) { return at < x.times.front(); });
      run_ = static_cast<size_t>(next - runs_.begin()) - 1;
      place_ = 0;
    }
    place_ = not_later(runs_[run_].times, time, place_);
    return true;
  }
  [[nodiscard]] const timed_run& run() const { return runs_[run_]; }
  [[nodiscard]] size_t last() const noexcept { return place_ - 1; }

private:
  const std::vector<timed_run>& runs_;
  size_t run_ = 0;
  size_t place_ = 0;
};

/// A column that is written, and where its values come from.
struct joined_column {
  column_writer writer;
  bool is_symbol = false;      ///< The one that is joined on.
  std::optional<size_t> left;  ///< Of the left rows' result.
  std::optional<size_t> right; ///< Instead, where there is a right row.
};

/// One morsel's join. Owner: one thread.
class symbol_joiner {
public:
  explicit symbol_joiner(symbol_question what)
    : what_{std::move(what)}, tables_{*what_.plan.joined.tables},
      lefts_{what_.left, what_.options}, rights_{what_.right, what_.options} {
    out_.room = held_memory{what_.options.stop.memory};
  }

  result<std::optional<joined_symbols>> run(const views& left,
                                            const views& right) {
    if (tables_.on.size() != 2 || !lefts_.knows(tables_.on[0], tables_.on[1])
        || !rights_.knows(tables_.on[0], tables_.on[1]))
      return std::optional<joined_symbols>{};
    for (auto* side : {&lefts_, &rights_}) {
      const auto found = side->find(side == &lefts_ ? left : right, symbols_);
      if (!found)
        return found.failure();
      if (!*found)
        return std::optional<joined_symbols>{};
    }
    make_columns();
    for (uint32_t symbol = 0; symbol < symbols_.size(); ++symbol)
      if (auto fault = join(symbol))
        return fault;
    return finish();
  }

private:
  void make_columns() {
    out_.bounds.live = what_.live;
    for (const auto& each : tables_.columns) {
      // What is joined is folded, and only by these.
      const auto& used = what_.plan.types;
      if (std::none_of(used.begin(), used.end(), [&](const auto& column) {
            return column.name == each.name;
          }))
        continue;
      auto& column = columns_.emplace_back(
        joined_column{column_writer{each.name, each.type}, false,
                      lefts_.output(each.name), std::nullopt});
      column.is_symbol = each.name == tables_.on[0];
      if (!column.is_symbol
          && (each.name != tables_.on[1] || tables_.right_time))
        column.right = rights_.output(each.name);
    }
    for (const auto& each : result_columns(what_.left))
      singles_.push_back({column_writer{each.name, each.type},
                          each.name == tables_.on[0], lefts_.output(each.name),
                          std::nullopt});
    for (const auto& each : result_columns(what_.right))
      lasts_.push_back({column_writer{each.name, each.type},
                        each.name == tables_.on[0], std::nullopt,
                        rights_.output(each.name)});
  }

  error join(uint32_t symbol) {
    if (auto fault = lefts_.load(symbol, left_))
      return fault;
    if (auto fault = rights_.load(symbol, right_))
      return fault;
    note_bounds();
    right_.put_in_order();
    pairs_left_.clear();
    pairs_right_.clear();
    single_.clear();
    run_finder finder{right_.runs};
    for (const auto& run : left_.runs)
      if (auto fault = match(run, finder))
        return fault;
    for (const auto* side : {&left_, &right_})
      if (auto fault = side->fault())
        return fault;
    if (auto fault = write(columns_, symbol, pairs_left_, pairs_right_))
      return fault;
    if (what_.live)
      return write(singles_, symbol, single_, {});
    if (right_.runs.empty())
      return {};
    const auto& last = right_.runs.back();
    placed_rows row;
    row.add(last.unit, last.row(last.times.size() - 1));
    return write(lasts_, symbol, {}, row);
  }

  void note_bounds() {
    auto& bounds = out_.bounds;
    for (const auto& run : left_.runs)
      bounds.left_max
        = std::max(bounds.left_max.value_or(null_long), latest(run));
    for (const auto& run : right_.runs) {
      const auto first
        = run.rows ? *std::min_element(run.times.begin(), run.times.end())
                   : run.times.front();
      bounds.right_min = std::min(bounds.right_min.value_or(inf_long), first);
      bounds.right_max
        = std::max(bounds.right_max.value_or(null_long), latest(run));
    }
  }
  /// Rows of a range ascend by time.
  [[nodiscard]] static int64_t latest(const timed_run& run) {
    return run.rows ? *std::max_element(run.times.begin(), run.times.end())
                    : run.times.back();
  }

  error match(const timed_run& run, run_finder& finder) {
    const auto& tolerance = what_.step.join.tolerance;
    for (size_t i = 0; i < run.times.size(); ++i) {
      if (i % rows_between_looks == 0 && what_.options.stop.stopped())
        return what_.options.stop.fault("in an as-of join");
      const auto time = run.times[i];
      if (finder.find(time)) {
        const auto& found = finder.run();
        const auto last = finder.last();
        if (!tolerance
            || distance(found.times[last], time)
                 <= static_cast<uint64_t>(*tolerance)) {
          pairs_left_.add(run.unit, run.row(i));
          pairs_right_.add(found.unit, found.row(last));
          continue;
        }
      }
      if (what_.live) {
        single_.add(run.unit, run.row(i));
      } else if (!what_.step.join.inner) {
        pairs_left_.add(run.unit, run.row(i));
        pairs_right_.add(placed_rows::no_unit, 0);
      }
    }
    return {};
  }

  /// Appends rows of one symbol, of the left and of the right table.
  error write(std::vector<joined_column>& columns, uint32_t symbol,
              const placed_rows& left, const placed_rows& right) {
    const auto count = std::max(left.rows.size(), right.rows.size());
    uint64_t bytes = left_.byte_count() + right_.byte_count();
    for (auto* each : {&columns_, &singles_, &lasts_})
      for (const auto& column : *each)
        bytes += column.writer.byte_count_with(each == &columns ? count : 0);
    if (auto refused = out_.room.set(bytes))
      return refused;
    for (auto& column : columns) {
      auto fault = column.is_symbol ? error{}
                   : column.right
                     ? write_right(column, left, right)
                     : lefts_.fetch(left, *column.left, column.writer);
      if (fault)
        return fault;
      if (column.is_symbol)
        write_symbol(column.writer, symbol, count);
    }
    if (&columns == &columns_)
      out_.rows.row_count += count;
    return {};
  }

  /// The right rows' values; where there is none the left row's, if it has one.
  error write_right(joined_column& column, const placed_rows& left,
                    const placed_rows& right) {
    if (!column.left)
      return rights_.fetch(right, *column.right, column.writer);
    return rights_.fetch(right, *column.right, column.writer,
                         [&](size_t begin, size_t end) {
                           return lefts_.fetch(left, begin, end, *column.left,
                                               column.writer, nullptr);
                         });
  }

  /// One look-up for all of them.
  void write_symbol(column_writer& to, uint32_t symbol, size_t count) {
    if (symbol_codes_.size() < count)
      symbol_codes_.resize(count, 1);
    const auto text = symbols_.text(symbol);
    const std::array ends{uint32_t{0}, static_cast<uint32_t>(text.size())};
    column_ref from;
    from.type = column_type::symbol;
    from.values = reinterpret_cast<const std::byte*>(symbol_codes_.data());
    from.dictionary_ends = ends.data();
    from.bytes = text.data();
    // Each has a dictionary of its own.
    to.append_range(from, symbols_.ends().data() + symbol, 0, count);
  }

  static result<table_data> table_of(std::vector<joined_column>& columns) {
    table_data out;
    for (auto& column : columns) {
      out.row_count = column.writer.row_count();
      auto made = column.writer.finish();
      if (!made)
        return made.failure();
      out.columns.push_back(*std::move(made));
    }
    return out;
  }

  result<std::optional<joined_symbols>> finish() {
    using purpose = partial_chunk::purpose;
    for (const auto* side : {&lefts_, &rights_}) {
      if (auto fault = side->fault())
        return fault;
      out_.statistics += side->statistics();
    }
    for (const auto use : {purpose::last_right, purpose::single_left}) {
      auto table = table_of(use == purpose::last_right ? lasts_ : singles_);
      if (!table)
        return table.failure();
      if (table->row_count > 0)
        out_.others.push_back({0, *std::move(table), use});
    }
    auto joined = table_of(columns_);
    if (!joined)
      return joined.failure();
    out_.rows.columns = std::move(joined->columns);
    return std::optional{std::move(out_)};
  }

  symbol_question what_;
  const joined_tables& tables_;
  symbol_rows lefts_;
  symbol_rows rights_;
  text::interner symbols_; ///< Of both sides.
  std::vector<joined_column> columns_;
  std::vector<joined_column> singles_; ///< @see partial_chunk::purpose
  std::vector<joined_column> lasts_;
  joined_symbols out_;
  std::vector<uint32_t> symbol_codes_;
  // Of one symbol:
  timed_runs left_;
  timed_runs right_;
  placed_rows pairs_left_;
  placed_rows pairs_right_; ///< No unit: the left row has no right one.
  placed_rows single_;
};

} // namespace

result<std::optional<joined_symbols>>
join_in_place(symbol_question what, const views& left, const views& right) {
  return symbol_joiner{std::move(what)}.run(left, right);
}

} // namespace millrace::query
