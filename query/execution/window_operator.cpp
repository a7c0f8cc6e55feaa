#include <millrace/query/execution/expression_steps_internal.hpp>
#include <millrace/query/execution/row_operators_internal.hpp>
#include <millrace/query/execution/sliding.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace millrace::query {

namespace {

using fn = operators::window_function;
using steps::is_null;
using steps::null_float;

template <class T>
struct add_values;
template <>
struct add_values<int64_t> {
  static int64_t of(int64_t a, int64_t b) { return steps::add_whole::of(a, b); }
};
template <>
struct add_values<double> {
  static double of(double a, double b) { return a + b; }
};

/// Folds of values with nulls that count as nothing.
template <class T>
struct sum_fold {
  T operator()(T a, T b) const {
    if (is_null(a))
      return b;
    return is_null(b) ? a : add_values<T>::of(a, b);
  }
};
template <class T>
struct product_fold {
  T operator()(T a, T b) const {
    if (is_null(a))
      return b;
    if (is_null(b))
      return a;
    if constexpr (std::is_same_v<T, double>)
      return a * b;
    else
      return steps::multiply_whole::of(a, b);
  }
};
template <class T>
struct max_fold {
  T operator()(T a, T b) const {
    return is_null(a) || (!is_null(b) && b > a) ? b : a;
  }
};
template <class T>
struct min_fold {
  T operator()(T a, T b) const {
    return is_null(a) || (!is_null(b) && b < a) ? b : a;
  }
};

/// Count, mean and summed squares of distances from it.
struct moments {
  double count = 0;
  double mean = 0;
  double squares = 0;
};
struct moments_fold {
  moments operator()(const moments& a, const moments& b) const {
    if (a.count == 0)
      return b;
    if (b.count == 0)
      return a;
    const auto count = a.count + b.count;
    const auto apart = b.mean - a.mean;
    return {count, a.mean + apart * b.count / count,
            a.squares + b.squares + apart * apart * a.count * b.count / count};
  }
};

/// A sum, and how many values it is of.
struct total {
  double sum = 0;
  int64_t count = 0;
};
struct total_fold {
  total operator()(const total& a, const total& b) const {
    return {a.sum + b.sum, a.count + b.count};
  }
};

/// A whole sum or product is an infinity here, though no value is one.
bool overflows(std::span<const uint32_t> rows,
               const std::vector<int64_t>& values,
               const std::vector<int64_t>& out) {
  const auto any = [&](const std::vector<int64_t>& of) {
    return std::any_of(rows.begin(), rows.end(), [&](uint32_t row) {
      return of[row] == inf_long || of[row] == -inf_long;
    });
  };
  return any(out) && !any(values);
}

/// A difference is beyond its type, though neither value is an infinity.
bool exceeds(std::span<const uint32_t> rows, const std::vector<int64_t>& values,
             const std::vector<int64_t>& out, int64_t infinity) {
  const auto is_infinite = [infinity](int64_t value) {
    return !is_null(value) && (value >= infinity || value <= -infinity);
  };
  for (size_t i = 1; i < rows.size(); ++i)
    if (is_infinite(out[rows[i]]) && !is_infinite(values[rows[i]])
        && !is_infinite(values[rows[i - 1]]))
      return true;
  return false;
}

class window_run {
public:
  window_run(grouped_rows& groups, uint64_t rows, const interruption& stop)
    : groups_{groups}, rows_{rows}, stop_{stop} {}

  result<column_data> column(const operators::running& what,
                             const column_data& values, column_type type) {
    switch (what.function) {
      case fn::previous:
        return moved(what.name, values, 1);
      case fn::next:
        return moved(what.name, values, -1);
      case fn::shifted:
        return moved(what.name, values, what.count);
      case fn::fills:
        return filled(what.name, values);
      case fn::differ:
      case fn::rank:
        return compared(what, values, type);
      default:
        break;
    }
    if (is_float(values.type))
      return numbers<double>(what, values, type);
    return numbers<int64_t>(what, values, type);
  }

  /// From 0 within each group.
  result<column_data> numbered(const std::string& name) {
    std::vector<int64_t> out(rows_);
    auto fault = each_group([&](std::span<const uint32_t> rows) {
      for (size_t i = 0; i < rows.size(); ++i)
        out[rows[i]] = static_cast<int64_t>(i);
    });
    if (fault)
      return fault;
    return written(name, column_type::long_, out);
  }

private:
  template <class F>
  error each_group(F&& f) {
    size_t since = 0;
    for (uint32_t group = 0; group + 1 < groups_.begins.size(); ++group) {
      const auto rows = groups_.of(group);
      f(std::span<const uint32_t>{rows});
      since += rows.size();
      if (since < rows_between_looks)
        continue;
      since = 0;
      if (stop_.stopped())
        return stop_.fault("in a window");
    }
    return {};
  }

  template <class T>
  static column_data written(const std::string& name, column_type type,
                             const std::vector<T>& values) {
    column_data out{name, type, {}, {}, {}};
    out.values.reserve(values.size() * width_of(type));
    for (const auto value : values)
      if constexpr (std::is_same_v<T, double>)
        push_float(out, value);
      else
        push_integer(out, value);
    return out;
  }

  result<column_data> moved(const std::string& name, const column_data& values,
                            int64_t by) {
    std::vector<uint32_t> from(rows_, no_row);
    auto fault = each_group([&](std::span<const uint32_t> rows) {
      const auto size = static_cast<int64_t>(rows.size());
      if (by >= size || by <= -size)
        return;
      for (int64_t i = std::max<int64_t>(by, 0);
           i < size + std::min<int64_t>(by, 0); ++i)
        from[rows[static_cast<size_t>(i)]] = rows[static_cast<size_t>(i - by)];
    });
    if (fault)
      return fault;
    return picked(name, values, from, nullptr, stop_);
  }

  static bool null_at(const column_data& column, size_t row) {
    if (is_text(column.type))
      return column.text(row).empty();
    if (column.type == column_type::guid) {
      const auto* first = column.values.data() + 16 * row;
      return std::all_of(first, first + 16,
                         [](std::byte x) { return x == std::byte{0}; });
    }
    const auto ref = ref_of(column);
    return is_float(column.type) ? is_null(float_at(ref, row))
                                 : is_null(integer_at(ref, row));
  }

  result<column_data> filled(const std::string& name,
                             const column_data& values) {
    std::vector<uint32_t> from(rows_, no_row);
    auto fault = each_group([&](std::span<const uint32_t> rows) {
      auto last = no_row;
      for (const auto row : rows) {
        if (!null_at(values, row))
          last = row;
        from[row] = last;
      }
    });
    if (fault)
      return fault;
    return picked(name, values, from, nullptr, stop_);
  }

  /// -1, 0, 1: nulls are smallest, and equal.
  static int order_of(const column_data& column, size_t a, size_t b) {
    if (is_text(column.type)) {
      const auto order = column.text(a).compare(column.text(b));
      return order < 0 ? -1 : order > 0;
    }
    const auto ref = ref_of(column);
    if (is_float(column.type)) {
      const auto x = float_at(ref, a);
      const auto y = float_at(ref, b);
      return steps::before(x, y) ? -1 : steps::before(y, x);
    }
    const auto x = integer_at(ref, a);
    const auto y = integer_at(ref, b);
    return x < y ? -1 : x > y;
  }

  result<column_data> compared(const operators::running& what,
                               const column_data& values, column_type type) {
    std::vector<int64_t> out(rows_);
    std::vector<uint32_t> sorted;
    auto fault = each_group([&](std::span<const uint32_t> rows) {
      if (what.function == fn::differ) {
        for (size_t i = 0; i < rows.size(); ++i)
          out[rows[i]] = i == 0 || order_of(values, rows[i - 1], rows[i]) != 0;
        return;
      }
      sorted.assign(rows.begin(), rows.end());
      std::stable_sort(
        sorted.begin(), sorted.end(),
        [&](uint32_t a, uint32_t b) { return order_of(values, a, b) < 0; });
      for (size_t i = 0; i < sorted.size(); ++i)
        out[sorted[i]] = static_cast<int64_t>(i);
    });
    if (fault)
      return fault;
    return written(what.name, type, out);
  }

  template <class T>
  static std::vector<T> loaded(const column_data& column, uint64_t rows) {
    std::vector<T> out(rows);
    const auto ref = ref_of(column);
    for (uint64_t row = 0; row < rows; ++row)
      if constexpr (std::is_same_v<T, double>)
        out[row] = float_at(ref, row);
      else
        out[row] = integer_at(ref, row);
    return out;
  }

  template <class T>
  result<column_data> numbers(const operators::running& what,
                              const column_data& column, column_type type) {
    switch (what.function) {
      case fn::avgs:
      case fn::moving_average:
      case fn::moving_deviation:
      case fn::exponential_average:
      case fn::ratios:
        return reals(what, loaded<double>(column, rows_), type);
      default:
        break;
    }
    const auto values = loaded<T>(column, rows_);
    std::vector<T> out(rows_);
    std::vector<int64_t> counts;
    if (what.function == fn::moving_count)
      counts.resize(rows_);
    bool too_large = false;
    auto fault = each_group([&](std::span<const uint32_t> rows) {
      fold(what, rows, values, out, counts);
      if constexpr (std::is_same_v<T, int64_t>)
        too_large = too_large
                    || (is_sum(what.function) && overflows(rows, values, out))
                    || (what.function == fn::deltas
                        && exceeds(rows, values, out, range_of(type).high));
    });
    if (fault)
      return fault;
    if (too_large)
      return error{errc::overflow,
                   "a value of '" + std::string{to_string(what.function)}
                     + "' does not fit a " + std::string{to_string(type)}
                     + " of 64 bits"};
    if (what.function == fn::moving_count)
      return written(what.name, type, counts);
    return written(what.name, type, out);
  }

  static bool is_sum(fn function) {
    return function == fn::sums || function == fn::prds
           || function == fn::moving_sum;
  }

  template <class T>
  static void fold(const operators::running& what,
                   std::span<const uint32_t> rows, const std::vector<T>& values,
                   std::vector<T>& out, std::vector<int64_t>& counts) {
    switch (what.function) {
      case fn::sums:
        return run_fold<sum_fold<T>>(rows, values, T{0}, out);
      case fn::prds:
        return run_fold<product_fold<T>>(rows, values, T{1}, out);
      case fn::maxs:
        return run_fold<max_fold<T>>(rows, values, null_of<T>(), out);
      case fn::mins:
        return run_fold<min_fold<T>>(rows, values, null_of<T>(), out);
      case fn::moving_sum:
        slide<sum_fold<T>>(rows, values, what.count, out);
        for (const auto row : rows)
          if (is_null(out[row]))
            out[row] = T{0};
        return;
      case fn::moving_max:
        return slide<max_fold<T>>(rows, values, what.count, out);
      case fn::moving_min:
        return slide<min_fold<T>>(rows, values, what.count, out);
      case fn::moving_count:
        return count_moving(rows, values, what.count, counts);
      default:
        return differences(rows, values, out);
    }
  }

  template <class T>
  static T null_of() {
    if constexpr (std::is_same_v<T, double>)
      return null_float;
    else
      return null_long;
  }

  template <class Fold, class T>
  static void run_fold(std::span<const uint32_t> rows,
                       const std::vector<T>& values, T state,
                       std::vector<T>& out) {
    for (const auto row : rows)
      out[row] = state = Fold{}(state, values[row]);
  }

  template <class Fold, class T>
  static void slide(std::span<const uint32_t> rows,
                    const std::vector<T>& values, int64_t count,
                    std::vector<T>& out) {
    sliding<T, Fold> last{static_cast<size_t>(count)};
    for (const auto row : rows)
      out[row] = last.add(values[row]);
  }

  template <class T>
  static void count_moving(std::span<const uint32_t> rows,
                           const std::vector<T>& values, int64_t count,
                           std::vector<int64_t>& out) {
    int64_t present = 0;
    const auto width = static_cast<size_t>(count);
    for (size_t i = 0; i < rows.size(); ++i) {
      present += !is_null(values[rows[i]]);
      if (i >= width)
        present -= !is_null(values[rows[i - width]]);
      out[rows[i]] = present;
    }
  }

  template <class T>
  static void differences(std::span<const uint32_t> rows,
                          const std::vector<T>& values, std::vector<T>& out) {
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto value = values[rows[i]];
      if (i == 0)
        out[rows[i]] = value;
      else if constexpr (std::is_same_v<T, double>)
        out[rows[i]] = value - values[rows[i - 1]];
      else
        out[rows[i]] = steps::of_whole<steps::subtract_whole>::of(
          value, values[rows[i - 1]]);
    }
  }

  result<column_data> reals(const operators::running& what,
                            const std::vector<double>& values,
                            column_type type) {
    std::vector<double> out(rows_);
    auto fault = each_group([&](std::span<const uint32_t> rows) {
      switch (what.function) {
        case fn::avgs: {
          total state;
          for (const auto row : rows) {
            if (!is_null(values[row]))
              state = total_fold{}(state, {values[row], 1});
            out[row] = mean_of(state);
          }
          return;
        }
        case fn::moving_average: {
          sliding<total, total_fold> last{static_cast<size_t>(what.count)};
          for (const auto row : rows)
            out[row] = mean_of(
              last.add(is_null(values[row]) ? total{} : total{values[row], 1}));
          return;
        }
        case fn::moving_deviation: {
          sliding<moments, moments_fold> last{static_cast<size_t>(what.count)};
          for (const auto row : rows) {
            const auto all = last.add(
              is_null(values[row]) ? moments{} : moments{1, values[row], 0});
            out[row] = all.count == 0 ? null_float
                                      : std::sqrt(all.squares / all.count);
          }
          return;
        }
        case fn::exponential_average: {
          double state = 0;
          for (size_t i = 0; i < rows.size(); ++i) {
            const auto value = values[rows[i]];
            state = i == 0 ? value
                           : what.weight * value + (1 - what.weight) * state;
            out[rows[i]] = state;
          }
          return;
        }
        default:
          for (size_t i = 0; i < rows.size(); ++i)
            out[rows[i]] = i == 0 ? values[rows[i]]
                                  : values[rows[i]] / values[rows[i - 1]];
      }
    });
    if (fault)
      return fault;
    return written(what.name, type, out);
  }

  static double mean_of(const total& of) {
    return of.count == 0 ? null_float : of.sum / static_cast<double>(of.count);
  }

  grouped_rows& groups_;
  uint64_t rows_;
  const interruption& stop_;
};

} // namespace

operator_result run_window(const operators::window& what,
                           const physical_node& node, table_data input,
                           const run_options& options) {
  // By row its group and its place there, and what a column is made of: its
  // argument, the same as it is folded, the values, and their counts.
  uint64_t width = 3 * sizeof(uint32_t);
  for (const auto& each : what.columns)
    if (each.function != fn::row_number) {
      width += 4 * sizeof(int64_t);
      break;
    }
  held_memory room{options.stop.memory};
  if (auto refused = room.set(input.row_count * width))
    return refused;
  row_numbers numbering{what.by};
  auto numbers = numbering.of(input, options.stop);
  if (!numbers)
    return numbers.failure();
  auto groups = grouped(*numbers, numbering.count(), options.stop);
  if (!groups)
    return groups.failure();
  window_run run{*groups, input.row_count, options.stop};
  std::vector<column_data> made;
  for (const auto& each : what.columns) {
    auto type = column_type::long_;
    for (const auto& column : node.columns)
      if (column.name == each.name)
        type = column.type;
    if (each.function == fn::row_number) {
      auto column = run.numbered(each.name);
      if (!column)
        return column.failure();
      made.push_back(*std::move(column));
      continue;
    }
    auto values = evaluate(each.name, each.argument, input, options.stop);
    if (!values)
      return values.failure();
    auto column = run.column(each, *values, type);
    if (!column)
      return column.failure();
    made.push_back(*std::move(column));
  }
  if (!what.totals.empty()) {
    auto totals
      = totals_of(what.totals, input, *numbers, numbering.count(), options);
    if (!totals)
      return totals;
    for (const auto& each : totals->columns) {
      auto column = picked(each.name, each, *numbers, nullptr, options.stop);
      if (!column)
        return column.failure();
      made.push_back(*std::move(column));
    }
  }
  // All are of the input's columns, also those that replace one.
  for (auto& each : made)
    put_column(input, std::move(each));
  return input;
}

} // namespace millrace::query
