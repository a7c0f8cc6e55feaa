#include <millrace/query/execution/exact_sum.hpp>
#include <millrace/query/execution/row_operators_internal.hpp>
#include <millrace/query/execution/sort.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <limits>
#include <numeric>
#include <type_traits>

namespace millrace::query {

namespace {

using of = operators::over_function;
using operators::over_column;

/// Whole numbers and times by row, as they ascend in an order.
struct order_values {
  column_ref of{};
  bool descending = false;
  /// Smaller for earlier rows; none: null.
  [[nodiscard]] std::optional<int64_t> at(uint32_t row) const {
    const auto x = integer_at(of, row);
    return x == null_long ? std::nullopt : std::optional{descending ? -x : x};
  }
};

/// Rows of one group in their order, and which of them the order does not tell
/// apart.
struct ordered_group {
  std::span<const uint32_t> rows;
  std::span<const uint32_t> peers_begin; ///< By place within the group.
  std::span<const uint32_t> peers_end;
  const order_values* values = nullptr; ///< Of the order's last column.
  size_t values_begin = 0; ///< Places of rows where it is not null.
  size_t values_end = 0;

  [[nodiscard]] size_t size() const noexcept { return rows.size(); }
  /// Places [first, second) of a row's frame.
  [[nodiscard]] std::pair<size_t, size_t>
  frame_of(size_t at, const operators::frame& what) const {
    if (what.by_value)
      return frame_by_value(at, what);
    const auto moved = [&](int64_t by) {
      const auto last = static_cast<int64_t>(size());
      const auto place = static_cast<int64_t>(at);
      if (by >= last - place)
        return size();
      return by <= -place ? size_t{0} : static_cast<size_t>(place + by);
    };
    const auto begin = !what.from        ? size_t{0}
                       : what.with_peers ? peers_begin[at]
                                         : moved(*what.from);
    const auto end = !what.to          ? size()
                     : what.with_peers ? peers_end[at]
                     : *what.to < 0    ? moved(*what.to + 1)
                                       : std::min(size(), moved(*what.to) + 1);
    return {begin, std::max(begin, end)};
  }

private:
  [[nodiscard]] std::pair<size_t, size_t>
  frame_by_value(size_t at, const operators::frame& what) const {
    const auto value = values->at(rows[at]);
    if (!value)
      return {what.from ? peers_begin[at] : 0,
              what.to ? peers_end[at] : size()};
    const auto moved = [&](int64_t by) {
      int64_t out = 0;
      if (!__builtin_add_overflow(*value, by, &out))
        return out;
      return by < 0 ? std::numeric_limits<int64_t>::min()
                    : std::numeric_limits<int64_t>::max();
    };
    const auto first = rows.begin() + static_cast<ptrdiff_t>(values_begin);
    const auto last = rows.begin() + static_cast<ptrdiff_t>(values_end);
    auto begin = rows.begin();
    auto end = rows.end();
    if (what.from)
      begin = std::lower_bound(first, last, moved(*what.from),
                               [&](uint32_t row, int64_t wanted) {
                                 return *values->at(row) < wanted;
                               });
    if (what.to)
      end = std::upper_bound(first, last, moved(*what.to),
                             [&](int64_t wanted, uint32_t row) {
                               return wanted < *values->at(row);
                             });
    return {static_cast<size_t>(begin - rows.begin()),
            static_cast<size_t>(std::max(begin, end) - rows.begin())};
  }
};

/// An exact sum of floats that values leave again.
class leaving_sum {
public:
  leaving_sum() { finite_.resize(1); }
  void add(double x) { change(x, 1); }
  void remove(double x) { change(x, -1); }
  [[nodiscard]] int64_t present() const noexcept { return present_; }
  [[nodiscard]] double value() const {
    constexpr auto infinity = std::numeric_limits<double>::infinity();
    if (above_ > 0 && below_ > 0)
      return std::numeric_limits<double>::quiet_NaN();
    return above_ > 0 ? infinity : below_ > 0 ? -infinity : finite_.value(0);
  }

private:
  void change(double x, int64_t by) {
    if (x != x)
      return;
    present_ += by;
    if (std::isinf(x))
      (x > 0 ? above_ : below_) += by;
    else
      finite_.add(0, by > 0 ? x : -x);
  }

  exact_sums finite_;
  int64_t present_ = 0;
  int64_t above_ = 0; ///< Infinities.
  int64_t below_ = 0;
};

class over_run {
public:
  over_run(const table_data& input, const run_options& options)
    : input_{input}, options_{options}, count_{input.row_count} {}

  error prepare(const operators::over& what) {
    const auto& stop = options_.stop;
    // By row its group, its places, and its peers.
    room_ = held_memory{stop.memory};
    if (auto refused
        = room_.set(count_ * (5 * sizeof(uint32_t) + sizeof(uint8_t))))
      return refused;
    row_numbers numbering{what.by};
    const auto numbers = numbering.of(input_, stop);
    if (!numbers)
      return numbers.failure();
    std::vector<sort_term> terms;
    for (const auto& each : what.order) {
      const auto* column = column_named(input_, each.column);
      terms.push_back({static_cast<uint32_t>(column - input_.columns.data()),
                       each.descending});
    }
    const auto order = sort_rows(input_, terms, stop);
    if (!order)
      return order.failure();
    auto groups = grouped(*numbers, numbering.count(), stop);
    if (!groups)
      return groups.failure();
    groups_ = *std::move(groups);
    // The same rows of each group, in the order.
    auto next = groups_.begins;
    if (!for_rows(order->size(), stop, [&](uint64_t i) {
          const auto row = (*order)[i];
          groups_.rows[next[(*numbers)[row]]++] = row;
        }))
      return stop.fault("in a window");
    told_apart_.assign(count_, 0);
    for (const auto& each : terms)
      if (!tell_apart(each))
        return stop.fault("in a window");
    if (!find_peers())
      return stop.fault("in a window");
    if (std::any_of(what.columns.begin(), what.columns.end(),
                    [](const auto& each) { return each.rows.by_value; })) {
      const auto& last = what.order.back();
      values_ = {ref_of(*column_named(input_, last.column)), last.descending};
    }
    return {};
  }

  result<column_data> column(const over_column& what, column_type type) {
    switch (what.function) {
      case of::shifted:
        return shifted(what);
      case of::value_at:
        return value_at(what);
      case of::min:
      case of::max:
        return extreme(what);
      case of::percent_rank:
      case of::cume_dist:
        return shares(what, type);
      case of::count:
      case of::sum:
      case of::avg:
        return totals(what, type);
      default:
        return places(what, type);
    }
  }

private:
  /// Notes which rows have another value of a column than the row before them.
  /// @returns false when it was stopped.
  bool tell_apart(const sort_term& by) {
    const auto& column = input_.columns[by.column];
    const std::span<const uint32_t> rows{groups_.rows};
    const bool has_keys
      = !is_text(column.type) && column.type != column_type::guid;
    constexpr size_t at_once = 4096;
    std::vector<uint64_t> keys(std::min<size_t>(at_once, count_));
    uint64_t before = 0;
    for (size_t begin = 0; begin < count_; begin += at_once) {
      if (options_.stop.stopped())
        return false;
      const auto some
        = rows.subspan(begin, std::min<size_t>(at_once, count_ - begin));
      if (has_keys)
        order_keys(ref_of(column), some, by, keys.data());
      for (size_t i = 0; i < some.size(); ++i) {
        const auto place = begin + i;
        const bool is_other
          = place == 0 ? true
            : has_keys ? (i == 0 ? before : keys[i - 1]) != keys[i]
                       : !is_same(column, rows[place - 1], rows[place]);
        if (is_other)
          told_apart_[place] = 1;
      }
      before = keys[some.size() - 1];
    }
    return true;
  }

  /// Of a text or a guid.
  static bool is_same(const column_data& column, uint32_t a, uint32_t b) {
    if (column.type == column_type::string)
      return column.text(a) == column.text(b);
    if (column.type == column_type::guid)
      return std::memcmp(column.values.data() + size_t{16} * a,
                         column.values.data() + size_t{16} * b, 16)
             == 0;
    const auto* codes = column.as<uint32_t>();
    return codes[a] == codes[b]
           || column.entry(codes[a]) == column.entry(codes[b]);
  }

  /// @returns false when it was stopped.
  bool find_peers() {
    peers_begin_.resize(count_);
    peers_end_.resize(count_);
    uint32_t group = 0;
    // Of the peers at hand, as places among all rows.
    uint32_t begin = 0;
    uint32_t end = 0;
    return for_rows(count_, options_.stop, [&](uint64_t place) {
      if (place == end) {
        while (place >= groups_.begins[group + 1])
          ++group;
        begin = end;
        const auto last = groups_.begins[group + 1];
        do
          ++end;
        while (end < last && !told_apart_[end]);
      }
      peers_begin_[place] = begin - groups_.begins[group];
      peers_end_[place] = end - groups_.begins[group];
    });
  }

  /// f(group, place) for each row, groups one after the other. @param begin of
  /// a group; may say false, when it was stopped
  template <class Begin, class F>
  error each_row(Begin&& begin, F&& f) {
    size_t since = 0;
    for (uint32_t group = 0; group + 1 < groups_.begins.size(); ++group) {
      const auto first = groups_.begins[group];
      const auto size = groups_.begins[group + 1] - first;
      ordered_group rows{groups_.of(group),
                         std::span{peers_begin_}.subspan(first, size),
                         std::span{peers_end_}.subspan(first, size)};
      find_values(rows);
      if constexpr (std::is_same_v<decltype(begin(rows)), bool>) {
        if (!begin(rows))
          return options_.stop.fault("in a window");
      } else {
        begin(rows);
      }
      for (size_t at = 0; at < size; ++at) {
        f(rows, at);
        if (++since < rows_between_looks)
          continue;
        since = 0;
        if (options_.stop.stopped())
          return options_.stop.fault("in a window");
      }
    }
    return {};
  }

  /// Rows without a value stand before those that have one, or after them.
  void find_values(ordered_group& rows) const {
    if (!values_)
      return;
    rows.values = &*values_;
    rows.values_end = rows.size();
    while (rows.values_begin < rows.values_end
           && !values_->at(rows.rows[rows.values_begin]))
      ++rows.values_begin;
    while (rows.values_end > rows.values_begin
           && !values_->at(rows.rows[rows.values_end - 1]))
      --rows.values_end;
  }

  result<column_data> value_of(const expression& what) {
    return evaluate({}, what, input_, options_.stop);
  }

  result<column_data> places(const over_column& what, column_type type) {
    column_data out{what.name, type, {}, {}, {}};
    out.values.resize(count_ * sizeof(int64_t));
    auto* to = out.as<int64_t>();
    int64_t dense = 0;
    auto fault = each_row([&](const ordered_group&) { dense = 0; },
                          [&](const ordered_group& rows, size_t at) {
                            auto& place = to[rows.rows[at]];
                            dense += rows.peers_begin[at] == at;
                            if (what.function == of::row_number)
                              place = static_cast<int64_t>(at) + 1;
                            else if (what.function == of::rank)
                              place = int64_t{rows.peers_begin[at]} + 1;
                            else if (what.function == of::dense_rank)
                              place = dense;
                            else
                              place = tile_of(at, rows.size(), what.count);
                          });
    if (fault)
      return fault;
    return out;
  }

  static int64_t tile_of(size_t at, size_t size, int64_t tiles) {
    const auto place = static_cast<int64_t>(at);
    const auto least = static_cast<int64_t>(size) / tiles;
    const auto larger = static_cast<int64_t>(size) % tiles;
    const auto of_larger = larger * (least + 1);
    return place < of_larger ? place / (least + 1) + 1
                             : larger + (place - of_larger) / least + 1;
  }

  result<column_data> shares(const over_column& what, column_type type) {
    column_data out{what.name, type, {}, {}, {}};
    out.values.resize(count_ * sizeof(double));
    auto* to = out.as<double>();
    auto fault = each_row(
      [](const ordered_group&) {},
      [&](const ordered_group& rows, size_t at) {
        const auto size = static_cast<double>(rows.size());
        if (what.function == of::cume_dist)
          to[rows.rows[at]] = static_cast<double>(rows.peers_end[at]) / size;
        else
          to[rows.rows[at]]
            = rows.size() == 1
                ? 0
                : static_cast<double>(rows.peers_begin[at]) / (size - 1);
      });
    if (fault)
      return fault;
    return out;
  }

  result<column_data> shifted(const over_column& what) {
    auto values = value_of(what.arguments[0]);
    if (!values)
      return values;
    std::optional<column_data> otherwise;
    if (what.arguments.size() > 1) {
      auto made = value_of(what.arguments[1]);
      if (!made)
        return made;
      otherwise = *std::move(made);
    }
    std::vector<uint32_t> from(count_, no_row);
    auto fault
      = each_row([](const ordered_group&) {},
                 [&](const ordered_group& rows, size_t at) {
                   const auto place = static_cast<int64_t>(at);
                   const auto size = static_cast<int64_t>(rows.size());
                   if (what.count <= place && what.count > place - size)
                     from[rows.rows[at]]
                       = rows.rows[static_cast<size_t>(place - what.count)];
                 });
    if (fault)
      return fault;
    return picked(what.name, *values, from, otherwise ? &*otherwise : nullptr,
                  options_.stop);
  }

  result<column_data> value_at(const over_column& what) {
    const auto values = value_of(what.arguments[0]);
    if (!values)
      return values;
    std::vector<uint32_t> from(count_, no_row);
    auto fault = each_row(
      [](const ordered_group&) {},
      [&](const ordered_group& rows, size_t at) {
        const auto [begin, end] = rows.frame_of(at, what.rows);
        const auto size = static_cast<int64_t>(end - begin);
        const auto place = what.count > 0 ? what.count - 1 : size + what.count;
        if (place >= 0 && place < size)
          from[rows.rows[at]] = rows.rows[begin + static_cast<size_t>(place)];
      });
    if (fault)
      return fault;
    return picked(what.name, *values, from, nullptr, options_.stop);
  }

  result<column_data> extreme(const over_column& what) {
    const auto values = value_of(what.arguments[0]);
    if (!values)
      return values;
    const auto ref = ref_of(*values);
    const bool largest = what.function == of::max;
    if (is_float(values->type))
      return extreme_of(what, *values, [=](uint32_t row) {
        const auto x = float_at(ref, row);
        return x != x ? std::nullopt : std::optional{largest ? -x : x};
      });
    // Nothing is below the null of integers: all others have an opposite.
    return extreme_of(what, *values, [=](uint32_t row) {
      const auto x = integer_at(ref, row);
      return x == null_long ? std::nullopt : std::optional{largest ? -x : x};
    });
  }

  /// Of keys, the row of the least in each frame; the first one of equal ones.
  template <class KeyOf>
  result<column_data> extreme_of(const over_column& what,
                                 const column_data& values, KeyOf key_of) {
    std::vector<uint32_t> from(count_, no_row);
    // Places whose keys ascend: of those that are within the frame, only these
    // can be the least of one that ends later.
    std::deque<size_t> ascending;
    size_t next = 0;
    auto fault = each_row(
      [&](const ordered_group&) {
        ascending.clear();
        next = 0;
      },
      [&](const ordered_group& rows, size_t at) {
        const auto [begin, end] = rows.frame_of(at, what.rows);
        for (; next < end; ++next) {
          const auto key = key_of(rows.rows[next]);
          if (!key)
            continue;
          while (!ascending.empty()
                 && *key_of(rows.rows[ascending.back()]) > *key)
            ascending.pop_back();
          ascending.push_back(next);
        }
        while (!ascending.empty() && ascending.front() < begin)
          ascending.pop_front();
        if (!ascending.empty() && ascending.front() < end)
          from[rows.rows[at]] = rows.rows[ascending.front()];
      });
    if (fault)
      return fault;
    return picked(what.name, values, from, nullptr, options_.stop);
  }

  result<column_data> totals(const over_column& what, column_type type) {
    const auto values = value_of(what.arguments[0]);
    if (!values)
      return values;
    if (is_float(values->type))
      return float_totals(what, *values, type);
    return whole_totals(what, *values, type);
  }

  result<column_data> float_totals(const over_column& what,
                                   const column_data& values,
                                   column_type type) {
    const auto ref = ref_of(values);
    column_data out{what.name, type, {}, {}, {}};
    out.values.resize(count_ * sizeof(double));
    leaving_sum sum;
    size_t begun = 0;
    size_t ended = 0;
    auto fault = each_row(
      [&](const ordered_group&) {
        sum = {};
        begun = ended = 0;
      },
      [&](const ordered_group& rows, size_t at) {
        const auto [begin, end] = rows.frame_of(at, what.rows);
        for (; ended < end; ++ended)
          sum.add(float_at(ref, rows.rows[ended]));
        for (; begun < std::min(begin, ended); ++begun)
          sum.remove(float_at(ref, rows.rows[begun]));
        auto& to = out.as<double>()[rows.rows[at]];
        to = sum.value();
        if (what.function == of::avg)
          to = sum.present() == 0 ? std::numeric_limits<double>::quiet_NaN()
                                  : to / static_cast<double>(sum.present());
      });
    if (fault)
      return fault;
    return out;
  }

  /// Of all values up to each place the sum, and how many there are.
  struct whole_prefix {
    int128 sum = 0;
    int64_t present = 0;
  };

  result<column_data> whole_totals(const over_column& what,
                                   const column_data& values,
                                   column_type type) {
    const auto ref = ref_of(values);
    column_data out{what.name, type, {}, {}, {}};
    out.values.resize(count_ * sizeof(int64_t));
    std::vector<whole_prefix> upto;
    bool too_large = false;
    auto fault = each_row(
      [&](const ordered_group& rows) {
        upto.resize(rows.size() + 1);
        return for_rows(rows.size(), options_.stop, [&](uint64_t at) {
          auto next = upto[at];
          if (const auto x = integer_at(ref, rows.rows[at]); x != null_long) {
            next.sum += x;
            ++next.present;
          }
          upto[at + 1] = next;
        });
      },
      [&](const ordered_group& rows, size_t at) {
        const auto [begin, end] = rows.frame_of(at, what.rows);
        const auto sum = upto[end].sum - upto[begin].sum;
        const auto present = upto[end].present - upto[begin].present;
        if (what.function == of::avg) {
          out.as<double>()[rows.rows[at]]
            = present == 0
                ? std::numeric_limits<double>::quiet_NaN()
                : static_cast<double>(sum) / static_cast<double>(present);
          return;
        }
        // The largest number would be read as an infinity afterwards.
        too_large = too_large || sum >= inf_long || sum <= -inf_long;
        out.as<int64_t>()[rows.rows[at]] = static_cast<int64_t>(sum);
      });
    if (fault)
      return fault;
    if (too_large)
      return error{errc::overflow,
                   "a value of '" + std::string{to_string(what.function)}
                     + "' does not fit a " + std::string{to_string(type)}
                     + " of 64 bits"};
    return out;
  }

  const table_data& input_;
  const run_options& options_;
  uint64_t count_;
  grouped_rows groups_;
  /// Of the order's last column, where a frame is by its values.
  std::optional<order_values> values_;
  held_memory room_; ///< Of the question's memory, for all below and its order.
  std::vector<uint8_t> told_apart_;   ///< By place among all groups' rows.
  std::vector<uint32_t> peers_begin_; ///< By place among all groups' rows.
  std::vector<uint32_t> peers_end_;
};

} // namespace

operator_result run_over(const operators::over& what, const physical_node& node,
                         table_data input, const run_options& options) {
  over_run run{input, options};
  if (auto fault = run.prepare(what))
    return fault;
  std::vector<column_data> made;
  held_memory beside{options.stop.memory};
  for (const auto& each : what.columns) {
    // Its argument, one for rows without it, and totals up to each row.
    const bool is_total = each.function == of::count || each.function == of::sum
                          || each.function == of::avg;
    if (auto refused
        = beside.set(input.row_count * sizeof(int64_t) * (is_total ? 5 : 2)))
      return refused;
    const auto found = std::find_if(
      node.columns.begin(), node.columns.end(),
      [&](const auto& column) { return column.name == each.name; });
    MILLRACE_ASSERT(found != node.columns.end());
    auto column = run.column(each, found->type);
    if (!column)
      return column.failure();
    made.push_back(*std::move(column));
  }
  for (auto& each : made)
    put_column(input, std::move(each));
  return input;
}

} // namespace millrace::query
