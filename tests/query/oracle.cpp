#include "oracle.hpp"

#include <millrace/messages/text/civil_time.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "oracle_percentiles.hpp"
#include "oracle_sums.hpp"

namespace millrace::query::testing_support {

namespace {

bool is_null(const cell& value, column_type type) {
  if (const auto* x = std::get_if<double>(&value))
    return std::isnan(*x);
  if (const auto* x = std::get_if<int64_t>(&value))
    return type == column_type::char_ ? *x == ' ' : *x == null_long;
  return std::get<std::string>(value).empty();
}

cell null_of(column_type type) {
  if (type == column_type::float_ || type == column_type::real)
    return nan_value;
  if (type == column_type::symbol || type == column_type::string)
    return std::string{};
  if (type == column_type::guid)
    return std::string(16, '\0');
  if (type == column_type::char_)
    return int64_t{' '};
  if (type == column_type::boolean || type == column_type::byte_)
    return int64_t{0};
  return null_long;
}

/// A literal beside a column: compares with any cell of it.
int compare_literal(const cell& value, const literal& with, column_type type) {
  if (std::holds_alternative<std::monostate>(with)) {
    // boolean and byte have no null, so nothing of them is as small.
    if (type == column_type::boolean || type == column_type::byte_)
      return 1;
    return compare_cells(value, null_of(type));
  }
  if (const auto* text = std::get_if<std::string>(&with)) {
    if (type == column_type::char_)
      return compare_cells(value,
                           int64_t{static_cast<unsigned char>(text->at(0))});
    return compare_cells(value, *text);
  }
  if (const auto* x = std::get_if<double>(&value)) {
    const double y = std::holds_alternative<double>(with)
                       ? std::get<double>(with)
                       : static_cast<double>(std::get<int64_t>(with));
    return compare_cells(*x, y);
  }
  const auto x = std::get<int64_t>(value);
  if (const auto* y = std::get_if<double>(&with)) {
    if (std::isnan(*y))
      return x == null_long ? 0 : 1;
    if (x == null_long)
      return -1;
    const auto a = static_cast<long double>(x);
    const auto b = static_cast<long double>(*y);
    return a < b ? -1 : a > b ? 1 : 0;
  }
  return compare_cells(x, std::get<int64_t>(with));
}

/// The textbook way: try every split of the text.
bool matches(std::string_view text, std::string_view pattern) {
  if (pattern.empty())
    return text.empty();
  if (pattern[0] == '*')
    return matches(text, pattern.substr(1))
           || (!text.empty() && matches(text.substr(1), pattern));
  if (text.empty())
    return false;
  if (pattern[0] == '[') {
    const auto close = pattern.find(']');
    const bool inverted = pattern[1] == '^';
    const auto set
      = pattern.substr(inverted ? 2 : 1, close - (inverted ? 2 : 1));
    return (set.find(text[0]) != std::string_view::npos) != inverted
           && matches(text.substr(1), pattern.substr(close + 1));
  }
  return (pattern[0] == '?' || pattern[0] == text[0])
         && matches(text.substr(1), pattern.substr(1));
}

bool passes(const predicate& filter, const cell& value, column_type type) {
  auto with
    = [&](size_t i) { return compare_literal(value, filter.values[i], type); };
  bool pass = false;
  switch (filter.op) {
    case predicate_op::less:
      return with(0) < 0;
    case predicate_op::greater:
      return with(0) > 0;
    case predicate_op::less_equal:
      return with(0) <= 0;
    case predicate_op::greater_equal:
      return with(0) >= 0;
    case predicate_op::equal:
      return with(0) == 0;
    case predicate_op::not_equal:
      return with(0) != 0;
    case predicate_op::within:
      pass = with(0) >= 0 && with(1) <= 0;
      break;
    case predicate_op::like:
      pass = matches(std::get<std::string>(value),
                     std::get<std::string>(filter.values[0]));
      break;
    case predicate_op::in:
      for (size_t i = 0; i < filter.values.size(); ++i)
        pass |= with(i) == 0;
      break;
  }
  return pass != filter.negated;
}

int64_t unit_of(column_type type) {
  switch (type) {
    case column_type::date:
      return text::day_ns;
    case column_type::minute:
      return 60'000'000'000;
    case column_type::second:
      return 1'000'000'000;
    case column_type::time:
      return 1'000'000;
    default:
      return 1;
  }
}

/// In UTC: what other zones do is tested by itself.
cell day_key(const group_key& key, int64_t time, int64_t offset_ns) {
  if (time == null_long)
    return time;
  int64_t day = -20;
  while (time >= (day + 1) * text::day_ns + offset_ns)
    ++day;
  if (key.bar_ns == 0)
    return day;
  for (; key.bar_ns % text::day_ns == 0; --day)
    if (day * text::day_ns % key.bar_ns == 0)
      return day * text::day_ns + offset_ns;
  return time - (time - day * text::day_ns - offset_ns) % key.bar_ns;
}

cell key_of(const group_key& key, const cell& value, column_type type) {
  if (const auto* x = std::get_if<double>(&value))
    return std::isnan(*x) ? nan_value : *x == 0 ? 0.0 : *x;
  if (key.bar_ns == 0)
    return value;
  const auto x = std::get<int64_t>(value);
  if (x == null_long || x == inf_long || x == -inf_long)
    return x;
  const auto ns = x * unit_of(type);
  auto bar = ns / key.bar_ns;
  if (ns % key.bar_ns < 0)
    --bar;
  return bar * key.bar_ns;
}

long double number_of(const cell& value) {
  if (const auto* x = std::get_if<double>(&value))
    return static_cast<long double>(*x);
  return static_cast<long double>(std::get<int64_t>(value));
}

/// In place of a whole number that does not fit.
constexpr const char* overflowed = "does not fit";

struct numbered_row {
  const row* cells;
  size_t place;
};

class table_oracle {
public:
  table_oracle(const logical_plan& plan, const table_schema& schema)
    : plan_{plan}, schema_{schema} {}

  [[nodiscard]] size_t at(std::string_view name) const {
    return *schema_.column_index(name);
  }
  [[nodiscard]] column_type type(size_t column) const {
    return schema_.columns[column].type;
  }

  [[nodiscard]] bool wanted(const row& cells) const {
    if (plan_.symbols) {
      const auto& symbol
        = std::get<std::string>(cells[at(plan_.symbol_column)]);
      if (std::find(plan_.symbols->begin(), plan_.symbols->end(), symbol)
          == plan_.symbols->end())
        return false;
    }
    if (plan_.range) {
      const auto time = std::get<int64_t>(cells[at(plan_.time_column)]);
      if (time < plan_.range->first || time > plan_.range->second)
        return false;
    }
    for (const auto& filter : plan_.filters) {
      const auto column = at(filter.column);
      if (!passes(filter, cells[column], type(column)))
        return false;
    }
    return true;
  }

  /// The rows by (order column, arrival).
  [[nodiscard]] const row& edge(const std::vector<numbered_row>& rows,
                                bool last) const {
    const auto time = at(plan_.order_column);
    auto before = [&](const numbered_row& a, const numbered_row& b) {
      const auto c = compare_cells((*a.cells)[time], (*b.cells)[time]);
      return c < 0 || (c == 0 && a.place < b.place);
    };
    const auto found = last
                         ? std::max_element(rows.begin(), rows.end(), before)
                         : std::min_element(rows.begin(), rows.end(), before);
    return *found->cells;
  }

  [[nodiscard]] cell fold(const aggregate& agg,
                          const std::vector<numbered_row>& rows) const {
    using fn = aggregate_function;
    if (agg.function == fn::count)
      return static_cast<int64_t>(rows.size());
    const auto column = at(agg.columns[0]);
    const auto kind = type(column);
    if (agg.function == fn::first || agg.function == fn::last)
      return rows.empty() ? null_of(kind)
                          : edge(rows, agg.function == fn::last)[column];
    if (takes_pairs(agg.function))
      return fold_pairs(agg, rows);
    std::vector<cell> values;
    if (agg.function == fn::distinct) {
      for (const auto& item : rows)
        values.push_back((*item.cells)[column]);
      return distinct_count(std::move(values));
    }
    for (const auto& item : rows)
      if (!is_null((*item.cells)[column], kind))
        values.push_back((*item.cells)[column]);
    if (agg.function == fn::percentile
        || agg.function == fn::percentile_discrete)
      return percentile_of(agg, std::move(values), null_of(kind));
    if (agg.function == fn::min || agg.function == fn::max) {
      cell best = null_of(kind);
      for (const auto& value : values) {
        const auto order = compare_cells(value, best);
        if (&value == &values[0]
            || (agg.function == fn::min ? order < 0 : order > 0))
          best = value;
      }
      if (const auto* x = std::get_if<double>(&best); x && *x == 0)
        best = 0.0;
      return best;
    }
    if (kind == column_type::float_ || kind == column_type::real
        || agg.function == fn::dev || agg.function == fn::var
        || agg.function == fn::sdev || agg.function == fn::svar)
      return fold_floats(agg.function, values);
    return fold_integers(agg.function, values);
  }

  [[nodiscard]] static cell fold_floats(aggregate_function function,
                                        const std::vector<cell>& cells) {
    using fn = aggregate_function;
    std::vector<double> values;
    for (const auto& value : cells)
      values.push_back(static_cast<double>(number_of(value)));
    const auto count = static_cast<double>(values.size());
    switch (function) {
      case fn::sum:
        return exact_sum(values);
      case fn::avg:
        return values.empty() ? nan_value : exact_sum(values) / count;
      case fn::sumsq:
        for (auto& x : values)
          x *= x;
        return exact_sum(values);
      case fn::prd:
        return product(values);
      case fn::med: {
        if (values.empty())
          return nan_value;
        std::sort(values.begin(), values.end());
        const auto low = values[(values.size() - 1) / 2];
        const auto high = values[values.size() / 2];
        return low == high ? (low == 0 ? 0.0 : low) : (low + high) / 2;
      }
      case fn::var:
        return values.empty() ? nan_value
                              : moment(values, values) / (count * count);
      case fn::svar:
      case fn::sdev: {
        if (values.size() < 2)
          return nan_value;
        const auto spread = moment(values, values) / (count * (count - 1));
        return function == fn::sdev ? std::sqrt(spread) : spread;
      }
      default:
        return values.empty()
                 ? nan_value
                 : std::sqrt(moment(values, values) / (count * count));
    }
  }

  [[nodiscard]] cell fold_integers(aggregate_function function,
                                   const std::vector<cell>& cells) const {
    using fn = aggregate_function;
    __extension__ typedef __int128 wide;
    std::vector<int64_t> values;
    for (const auto& value : cells)
      values.push_back(std::get<int64_t>(value));
    if (function == fn::med) {
      if (values.empty())
        return nan_value;
      std::sort(values.begin(), values.end());
      return static_cast<double>(wide{values[(values.size() - 1) / 2]}
                                 + values[values.size() / 2])
             / 2;
    }
    // What no longer fits stays so; but for zero, which makes a product.
    const auto limit = function == fn::prd ? 1e19L : 1e30L;
    long double rough = function == fn::prd ? 1 : 0;
    wide whole = function == fn::prd ? 1 : 0;
    for (const auto x : values) {
      const auto term = function == fn::sumsq ? wide{x} * x : wide{x};
      if (function == fn::prd
          && std::find(values.begin(), values.end(), 0) != values.end())
        return int64_t{0};
      if (std::abs(rough) > limit)
        continue;
      whole = function == fn::prd ? whole * term : whole + term;
      rough = static_cast<long double>(whole);
    }
    if (function == fn::avg)
      return values.empty() ? nan_value
                            : static_cast<double>(whole)
                                / static_cast<double>(values.size());
    if (whole >= inf_long || whole <= -inf_long) {
      overflow = true;
      return std::string{overflowed};
    }
    return static_cast<int64_t>(whole);
  }

  [[nodiscard]] cell fold_pairs(const aggregate& agg,
                                const std::vector<numbered_row>& rows) const {
    using fn = aggregate_function;
    const auto first = at(agg.columns[0]);
    const auto second = at(agg.columns[1]);
    std::vector<double> xs;
    std::vector<double> ys;
    std::vector<double> products;
    bool undefined = false;
    long_number whole_weights;
    for (const auto& item : rows) {
      const auto& x = (*item.cells)[first];
      const auto& y = (*item.cells)[second];
      if (is_null(x, type(first)) || is_null(y, type(second)))
        continue;
      if (const auto* weight = std::get_if<int64_t>(&x))
        whole_weights.add_integer(*weight);
      xs.push_back(static_cast<double>(number_of(x)));
      ys.push_back(static_cast<double>(number_of(y)));
      products.push_back(xs.back() * ys.back());
      undefined |= std::isnan(products.back());
    }
    const auto count = static_cast<double>(xs.size());
    switch (agg.function) {
      case fn::wsum:
        return undefined ? nan_value : exact_sum(products);
      case fn::wavg:
        if (undefined)
          return nan_value;
        return exact_sum(products)
               / (is_float(type(first)) ? exact_sum(xs)
                                        : whole_weights.rounded());
      case fn::cov:
        return xs.empty() ? nan_value : moment(xs, ys) / (count * count);
      case fn::scov:
        return xs.size() < 2 ? nan_value
                             : moment(xs, ys) / (count * (count - 1));
      default: {
        const auto value
          = moment(xs, ys) / std::sqrt(moment(xs, xs) * moment(ys, ys));
        return xs.empty() ? nan_value : value > 1 ? 1 : value < -1 ? -1 : value;
      }
    }
  }

  [[nodiscard]] std::vector<row>
  grouped(const std::vector<numbered_row>& rows) const {
    auto less = [](const row& a, const row& b) {
      for (size_t i = 0; i < a.size(); ++i)
        if (const auto c = compare_cells(a[i], b[i]))
          return c < 0;
      return false;
    };
    std::map<row, std::vector<numbered_row>, decltype(less)> groups{less};
    if (plan_.keys.empty())
      groups[{}];
    for (const auto& item : rows) {
      row key;
      for (const auto& wanted_key : plan_.keys) {
        const auto column = at(wanted_key.column);
        const auto& value = (*item.cells)[column];
        key.push_back(
          wanted_key.by_day
            ? day_key(wanted_key, std::get<int64_t>(value), plan_.day_offset_ns)
            : key_of(wanted_key, value, type(column)));
      }
      groups[key].push_back(item);
    }
    std::vector<row> out;
    for (const auto& [key, members] : groups) {
      out.push_back(key);
      for (const auto& agg : plan_.aggregates)
        out.back().push_back(fold(agg, members));
    }
    for (const auto& term : plan_.ordering)
      if (overflow && term.output >= plan_.keys.size())
        return {{std::string{overflowed}}};
    order(out, plan_.ordering);
    return out;
  }

  [[nodiscard]] std::vector<row> listed(std::vector<numbered_row> rows) const {
    const auto symbol = at(plan_.symbol_column);
    const auto time = at(plan_.order_column);
    const bool by_time = std::any_of(
      plan_.ordering.begin(), plan_.ordering.end(), [&](const auto& term) {
        return at(plan_.outputs[term.output].column) == time;
      });
    if (!plan_.ordering.empty())
      std::sort(rows.begin(), rows.end(),
                [&](const numbered_row& a, const numbered_row& b) {
                  for (const auto& term : plan_.ordering) {
                    const auto column = at(plan_.outputs[term.output].column);
                    auto c
                      = compare_cells((*a.cells)[column], (*b.cells)[column]);
                    if (term.descending)
                      c = -c;
                    if (c != 0)
                      return c < 0;
                  }
                  for (const auto column : {symbol, time})
                    if (column == symbol && by_time)
                      continue;
                    else if (const auto c = compare_cells((*a.cells)[column],
                                                          (*b.cells)[column]))
                      return c < 0;
                  return a.place < b.place;
                });
    std::vector<row> out;
    for (const auto& item : rows) {
      auto& cells = out.emplace_back();
      for (const auto& output : plan_.outputs)
        cells.push_back((*item.cells)[at(output.column)]);
    }
    return out;
  }

private:
  static void order(std::vector<row>& rows,
                    const std::vector<order_term>& terms) {
    std::stable_sort(rows.begin(), rows.end(), [&](const row& a, const row& b) {
      for (const auto& term : terms) {
        const auto c = compare_cells(a[term.output], b[term.output]);
        if (c != 0)
          return term.descending ? c > 0 : c < 0;
      }
      return false;
    });
  }

public:
  mutable bool overflow = false; ///< A whole number did not fit.

private:
  const logical_plan& plan_;
  const table_schema& schema_;
};

} // namespace

int compare_cells(const cell& a, const cell& b) {
  if (const auto* x = std::get_if<double>(&a)) {
    const double y = std::get<double>(b);
    if (std::isnan(*x) || std::isnan(y))
      return std::isnan(*x) ? (std::isnan(y) ? 0 : -1) : 1;
    return *x < y ? -1 : *x > y ? 1 : 0;
  }
  if (const auto* x = std::get_if<int64_t>(&a)) {
    const auto y = std::get<int64_t>(b);
    return *x < y ? -1 : *x > y ? 1 : 0;
  }
  return std::get<std::string>(a).compare(std::get<std::string>(b));
}

std::optional<std::vector<row>> answer(const logical_plan& plan,
                                       const table_schema& schema,
                                       const std::vector<row>& rows) {
  const table_oracle oracle{plan, schema};
  std::vector<numbered_row> matching;
  for (size_t i = 0; i < rows.size(); ++i)
    if (oracle.wanted(rows[i]))
      matching.push_back({&rows[i], i});
  auto out = plan.grouped() ? oracle.grouped(matching)
                            : oracle.listed(std::move(matching));
  if (plan.sublist) {
    const auto wanted = static_cast<size_t>(std::abs(*plan.sublist));
    if (wanted < out.size()) {
      if (*plan.sublist >= 0)
        out.resize(wanted);
      else
        out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(wanted));
    }
  }
  // Only what is asked for need fit.
  for (const auto& cells : out)
    for (const auto& value : cells)
      if (oracle.overflow && value == cell{std::string{overflowed}})
        return std::nullopt;
  return out;
}

std::vector<row> cells_of(const table_data& table) {
  std::vector<row> out(table.row_count);
  for (const auto& column : table.columns)
    for (uint64_t i = 0; i < table.row_count; ++i) {
      const auto ref = ref_of(column);
      if (is_text(column.type))
        out[i].emplace_back(std::string{column.text(i)});
      else if (column.type == column_type::guid)
        out[i].emplace_back(std::string{
          reinterpret_cast<const char*>(column.values.data()) + 16 * i, 16});
      else if (is_float(column.type))
        out[i].emplace_back(float_at(ref, i));
      else if (column.type == column_type::char_)
        out[i].emplace_back(int64_t{column.as<uint8_t>()[i]});
      else
        out[i].emplace_back(integer_at(ref, i));
    }
  return out;
}

bool same_cell(const cell& a, const cell& b) {
  const auto* x = std::get_if<double>(&a);
  const auto* y = std::get_if<double>(&b);
  if (!x || !y)
    return a == b;
  if (std::isnan(*x) || std::isnan(*y))
    return std::isnan(*x) && std::isnan(*y);
  return std::bit_cast<uint64_t>(*x) == std::bit_cast<uint64_t>(*y);
}

namespace {

std::string text_of(const cell& value) {
  if (const auto* x = std::get_if<double>(&value))
    return std::to_string(*x) + "/"
           + std::to_string(std::bit_cast<int64_t>(*x));
  if (const auto* x = std::get_if<int64_t>(&value))
    return std::to_string(*x);
  return "'" + std::get<std::string>(value) + "'";
}

} // namespace

std::string difference(const std::vector<row>& wanted,
                       const std::vector<row>& found) {
  if (wanted.size() != found.size())
    return std::to_string(found.size()) + " rows, wanted "
           + std::to_string(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].size() != found[i].size())
      return "row " + std::to_string(i) + " has "
             + std::to_string(found[i].size()) + " cells";
    for (size_t c = 0; c < wanted[i].size(); ++c)
      if (!same_cell(wanted[i][c], found[i][c]))
        return "row " + std::to_string(i) + " column " + std::to_string(c)
               + ": " + text_of(found[i][c]) + ", wanted "
               + text_of(wanted[i][c]);
  }
  return {};
}

} // namespace millrace::query::testing_support
