#include <millrace/query/execution/nearest_times_internal.hpp>
#include <millrace/query/execution/row_operators_internal.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

bool is_on(const std::vector<std::string>& on, const std::string& name) {
  return std::find(on.begin(), on.end(), name) != on.end();
}

/// The columns of a join: the left's, and those of the right row that each has.
result<table_data> with_right(const physical_node& node, table_data left,
                              const table_data& right,
                              std::span<const uint32_t> rows,
                              const std::vector<std::string>& from_left,
                              const interruption& stop) {
  table_data out;
  out.row_count = left.row_count;
  for (const auto& each : node.columns) {
    const auto* theirs
      = is_on(from_left, each.name) ? nullptr : column_named(right, each.name);
    auto* own = const_cast<column_data*>(column_named(left, each.name));
    if (!theirs) {
      MILLRACE_ASSERT(own != nullptr);
      out.columns.push_back(std::move(*own));
      continue;
    }
    auto column = picked(each.name, *theirs, rows, own, stop);
    if (!column)
      return column.failure();
    out.columns.push_back(*std::move(column));
  }
  return out;
}

/// Finds the nearest row among those of one group, which ascend by time.
class nearest_row {
public:
  explicit nearest_row(const operators::asof_join& what) : what_{what} {}

  /// @param after how many of the group's rows are not later than `time`
  [[nodiscard]] uint32_t find(const timed_matches::timed_rows& from,
                              size_t after, int64_t time) const {
    using direction = operators::asof_join::direction;
    const auto& times = from.times;
    const auto none = times.size();
    const auto before = after == 0 ? none : after - 1;
    if (what_.where == direction::backward)
      return within(from, before, time);
    if (before != none && times[before] == time)
      return from.rows[before];
    // Of equal times ahead the last row.
    auto ahead = none;
    if (after != none)
      ahead = static_cast<size_t>(
                std::upper_bound(times.begin() + static_cast<ptrdiff_t>(after),
                                 times.end(), times[after])
                - times.begin())
              - 1;
    if (what_.where == direction::forward || before == none)
      return within(from, ahead, time);
    if (ahead == none
        || distance(times[before], time) <= distance(times[ahead], time))
      return within(from, before, time);
    return within(from, ahead, time);
  }

private:
  [[nodiscard]] uint32_t within(const timed_matches::timed_rows& from,
                                size_t at, int64_t time) const {
    if (at == from.times.size())
      return no_row;
    if (!what_.tolerance
        || distance(from.times[at], time)
             <= static_cast<uint64_t>(*what_.tolerance))
      return from.rows[at];
    return no_row;
  }

  const operators::asof_join& what_;
};

/// Left rows that a thread takes at a time.
constexpr size_t piece_rows = size_t{1} << 18;

} // namespace

result<std::vector<uint32_t>> nearest_rows(const operators::asof_join& what,
                                           const table_data& left,
                                           const table_data& right,
                                           const run_options& options) {
  auto matches = timed_matches::find(what.on, left, right, options);
  if (!matches)
    return matches.failure();
  const auto& time = what.on.back();
  const nearest_row nearest{what};
  const auto left_times = ref_of(*column_named(left, time));
  std::vector<uint32_t> rows(left.row_count, no_row);
  const auto pieces = (left.row_count + piece_rows - 1) / piece_rows;
  for_pieces(options, pieces, [&](size_t piece) {
    const auto first = static_cast<uint32_t>(piece * piece_rows);
    const auto last = static_cast<uint32_t>(
      std::min<uint64_t>(left.row_count, uint64_t{first} + piece_rows));
    // Where the row before of each group ended: times often ascend.
    std::vector<uint32_t> places(matches->group_count(), 0);
    for (auto row = first; row < last; ++row) {
      if (row % rows_between_looks == 0 && options.stop.stopped())
        return;
      const auto group = matches->group_of(row);
      if (group >= places.size())
        continue;
      const auto from = matches->of(row);
      const auto at = integer_at(left_times, row);
      auto& place = places[group];
      place = static_cast<uint32_t>(not_later(from.times, at, place));
      rows[row] = nearest.find(from, place, at);
    }
  });
  if (options.stop.stopped())
    return options.stop.fault("in an as-of join");
  return rows;
}

error drop_singles(table_data& left, std::vector<uint32_t>& rows,
                   const interruption& stop) {
  std::vector<uint32_t> pairs;
  for (uint32_t row = 0; row < rows.size(); ++row)
    if (rows[row] != no_row)
      pairs.push_back(row);
  if (pairs.size() == rows.size())
    return {};
  auto rest = take_rows(left, pairs, left.columns.size(), stop);
  if (!rest)
    return rest.failure();
  left = *std::move(rest);
  std::erase(rows, no_row);
  return {};
}

operator_result with_nearest(const operators::asof_join& what,
                             const physical_node& node, table_data left,
                             const table_data& right,
                             std::span<const uint32_t> rows,
                             const interruption& stop) {
  auto from_left = what.on;
  if (what.right_time)
    from_left.pop_back();
  return with_right(node, std::move(left), right, rows, from_left, stop);
}

operator_result run_asof(const operators::asof_join& what,
                         const physical_node& node, table_data left,
                         const table_data& right, const run_options& options) {
  auto rows = nearest_rows(what, left, right, options);
  if (!rows)
    return rows.failure();
  if (what.inner)
    if (auto fault = drop_singles(left, *rows, options.stop))
      return fault;
  return with_nearest(what, node, std::move(left), right, *rows, options.stop);
}

namespace {

/// Bytes of a pair and of the row that is made of it.
uint64_t pair_width(const physical_node& node) {
  uint64_t width = 2 * sizeof(uint32_t);
  for (const auto& each : node.columns)
    width += width_of(each.type);
  return width;
}

/// Rows of two tables, a left and a right one each, that are joined: those of
/// a key for which the conditions hold. Left rows ascend.
class row_pairs {
public:
  row_pairs(const operators::equi_join& what, const physical_node& node,
            const table_data& left, const table_data& right,
            const run_options& options)
    : what_{what}, width_{pair_width(node)}, left_{left}, right_{right},
      options_{options}, room_{options.stop.memory} {
    for (const auto& each : what.where)
      add_columns_of(each, used_);
  }

  /// So many will be added; too many are refused before there are any.
  error expect(uint64_t count) {
    // Nobody knows how many the conditions leave.
    if (!what_.where.empty())
      return {};
    if (auto fault = look_at(count))
      return fault;
    // Not to be moved as they become more: that is work that cannot be stopped.
    lefts.reserve(count);
    rights.reserve(count);
    return {};
  }

  error add(uint32_t left, uint32_t right) {
    lefts.push_back(left);
    rights.push_back(right);
    return lefts.size() - seen_ == rows_between_looks ? look() : error{};
  }

  /// Those that were added last are tried as well.
  error finish() { return look(); }

  /// Each left row that is in no pair gets one without a right row.
  error add_single_lefts() {
    // Those there are beside the new ones, which are at most a row more each.
    held_memory copies{options_.stop.memory};
    if (auto refused
        = copies.set((lefts.size() + left_.row_count) * 2 * sizeof(uint32_t)))
      return refused;
    std::vector<uint32_t> all;
    std::vector<uint32_t> beside;
    size_t at = 0;
    for (uint32_t row = 0; row < left_.row_count; ++row) {
      const auto begin = at;
      for (; at < lefts.size() && lefts[at] == row; ++at) {
        all.push_back(row);
        beside.push_back(rights[at]);
      }
      if (at != begin)
        continue;
      all.push_back(row);
      beside.push_back(no_row);
    }
    lefts = std::move(all);
    rights = std::move(beside);
    return look_at(lefts.size());
  }

  /// Each right row that is in no pair gets one without a left row.
  error add_single_rights() {
    std::vector<bool> is_paired(right_.row_count);
    for (const auto row : rights)
      if (row != no_row)
        is_paired[row] = true;
    for (uint32_t row = 0; row < right_.row_count; ++row)
      if (!is_paired[row]) {
        lefts.push_back(no_row);
        rights.push_back(row);
      }
    return look_at(lefts.size());
  }

  std::vector<uint32_t> lefts;
  std::vector<uint32_t> rights;

private:
  /// A join may have many more rows than its inputs: told while it makes them.
  error look_at(uint64_t rows) {
    if (options_.stop.stopped())
      return options_.stop.fault("in a join");
    if (rows >= no_row)
      return {errc::limit_exceeded,
              "a join of the query has more rows than "
              "the next step takes: join by more columns"};
    auto refused = room_.set(rows * width_);
    if (refused)
      refused.context += "; a join has " + std::to_string(rows)
                         + " rows so far: join by more columns";
    return refused;
  }

  /// Drops the pairs since the last look for which a condition is false.
  error look() {
    if (!what_.where.empty())
      if (auto fault = test())
        return fault;
    seen_ = lefts.size();
    return look_at(seen_);
  }

  error test() {
    const auto fresh_left = std::span{lefts}.subspan(seen_);
    const auto fresh_right = std::span{rights}.subspan(seen_);
    table_data both;
    both.row_count = fresh_left.size();
    for (const auto& name : used_) {
      const auto* theirs
        = is_on(what_.on, name) ? nullptr : column_named(right_, name);
      auto column
        = theirs ? picked(name, *theirs, fresh_right, nullptr, options_.stop)
                 : picked(name, *column_named(left_, name), fresh_left, nullptr,
                          options_.stop);
      if (!column)
        return column.failure();
      both.columns.push_back(*std::move(column));
    }
    std::vector<uint8_t> passes(both.row_count, 1);
    for (const auto& each : what_.where) {
      const auto holds = evaluate("", each, both, options_.stop);
      if (!holds)
        return holds.failure();
      for (size_t i = 0; i < passes.size(); ++i)
        if (holds->values[i] == std::byte{0})
          passes[i] = 0;
    }
    auto kept = seen_;
    for (size_t i = 0; i < passes.size(); ++i)
      if (passes[i] != 0) {
        lefts[kept] = lefts[seen_ + i];
        rights[kept++] = rights[seen_ + i];
      }
    lefts.resize(kept);
    rights.resize(kept);
    return {};
  }

  const operators::equi_join& what_;
  uint64_t width_; ///< Bytes of a pair and its row.
  const table_data& left_;
  const table_data& right_;
  const run_options& options_;
  held_memory room_; ///< Of the question's memory, for pairs and their rows.
  std::vector<std::string> used_; ///< Columns of the conditions.
  size_t seen_ = 0;
};

/// Joins rows by number: equal ones have the same.
error pair_up(const operators::equi_join& what, const table_data& left,
              const table_data& right, const interruption& stop,
              row_pairs& pairs) {
  // By row its number, and of right rows the next one of the same key; by key
  // the first one, and how many there are.
  held_memory room{stop.memory};
  if (auto refused
      = room.set((left.row_count + 4 * right.row_count) * sizeof(uint32_t)))
    return refused;
  row_numbers numbers{what.on};
  auto right_numbers = numbers.of(right, stop);
  if (!right_numbers)
    return right_numbers.failure();
  std::vector<uint32_t> first_of(numbers.count(), no_row);
  std::vector<uint32_t> count_of(first_of.size(), 0);
  // The next row of the same key.
  std::vector<uint32_t> next_of(what.all ? right.row_count : 0, no_row);
  for (auto row = static_cast<uint32_t>(right.row_count); row-- > 0;) {
    const auto number = (*right_numbers)[row];
    if (what.all)
      next_of[row] = first_of[number];
    first_of[number] = row;
    count_of[number] = what.all ? count_of[number] + 1 : 1;
  }
  auto left_numbers = numbers.of(left, stop);
  if (!left_numbers)
    return left_numbers.failure();
  uint64_t count = 0;
  for (const auto number : *left_numbers)
    count += number < count_of.size() ? count_of[number] : 0;
  if (auto fault = pairs.expect(count))
    return fault;
  for (uint32_t row = 0; row < left.row_count; ++row) {
    const auto number = (*left_numbers)[row];
    auto found = number < first_of.size() ? first_of[number] : no_row;
    while (found != no_row) {
      if (auto fault = pairs.add(row, found))
        return fault;
      found = what.all ? next_of[found] : no_row;
    }
  }
  return pairs.finish();
}

/// The left's columns of pairs some of which have no left row: null there, but
/// for those that are joined on, which are the right row's.
result<table_data> lefts_of(const row_pairs& pairs, const table_data& left,
                            const table_data& right,
                            const std::vector<std::string>& on,
                            const interruption& stop) {
  std::vector<uint32_t> singles(pairs.rights);
  for (size_t i = 0; i < singles.size(); ++i)
    if (pairs.lefts[i] != no_row)
      singles[i] = no_row;
  table_data out;
  out.row_count = pairs.lefts.size();
  for (const auto& each : left.columns) {
    auto column = picked(each.name, each, pairs.lefts, nullptr, stop);
    if (column && is_on(on, each.name))
      column = picked(each.name, *column_named(right, each.name), singles,
                      &*column, stop);
    if (!column)
      return column.failure();
    out.columns.push_back(*std::move(column));
  }
  return out;
}

} // namespace

operator_result run_equi(const operators::equi_join& what,
                         const physical_node& node, table_data left,
                         const table_data& right, const run_options& options) {
  if (what.single && right.row_count > 1)
    return error{errc::invalid_argument,
                 "a query that stands for a value has more than one row"};
  row_pairs pairs{what, node, left, right, options};
  auto fault = pair_up(what, left, right, options.stop, pairs);
  if (!fault && !what.inner)
    fault = pairs.add_single_lefts();
  if (!fault && what.full)
    fault = pairs.add_single_rights();
  if (fault)
    return fault;
  if (what.full || what.inner || what.all) {
    auto taken = what.full ? lefts_of(pairs, left, right, what.on, options.stop)
                           : take_rows(left, pairs.lefts, left.columns.size(),
                                       options.stop);
    if (!taken)
      return taken;
    left = *std::move(taken);
  }
  return with_right(node, std::move(left), right, pairs.rights, what.on,
                    options.stop);
}

} // namespace millrace::query
