#include <millrace/query/plan/aggregate_function.hpp>
#include <millrace/query/plan/expression.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace millrace::query {

namespace {

using folds = aggregate_function;
/// The result's type by an input's; none: it takes none of that type.
using result_rule = std::optional<column_type> (*)(column_type input);

std::optional<column_type> to_long(column_type) { return column_type::long_; }

std::optional<column_type> to_float(column_type input) {
  return is_numeric(input) ? std::optional{column_type::float_} : std::nullopt;
}

/// The widest number of its kind.
std::optional<column_type> to_wide(column_type input) {
  return is_float(input)     ? std::optional{column_type::float_}
         : is_numeric(input) ? std::optional{column_type::long_}
                             : std::nullopt;
}

std::optional<column_type> to_total(column_type input) {
  return input == column_type::timespan ? std::optional{input} : to_wide(input);
}

std::optional<column_type> to_mean(column_type input) {
  return input == column_type::timespan ? std::optional{column_type::float_}
                                        : to_float(input);
}

std::optional<column_type> to_same(column_type input) { return input; }

std::optional<column_type> to_extreme(column_type input) {
  return is_text(input) || input == column_type::guid ? std::nullopt
                                                      : std::optional{input};
}

std::optional<column_type> to_picked(column_type input) {
  return input == column_type::boolean || input == column_type::byte_
           ? std::nullopt
           : to_extreme(input);
}

struct function_row {
  folds function;
  std::string_view name;
  size_t columns; ///< How many it folds; of rows none, or one that is counted.
  bool by_name;   ///< Its name and its columns say all.
  result_rule rule;
};

/// All that is the same of a function wherever it is asked for. By number.
constexpr std::array function_rows{
  function_row{folds::count, "count", 1, true, to_long},
  function_row{folds::sum, "sum", 1, true, to_total},
  function_row{folds::avg, "avg", 1, true, to_mean},
  function_row{folds::min, "min", 1, true, to_extreme},
  function_row{folds::max, "max", 1, true, to_extreme},
  function_row{folds::first, "first", 1, true, to_same},
  function_row{folds::last, "last", 1, true, to_same},
  function_row{folds::wavg, "wavg", 2, true, to_float},
  function_row{folds::dev, "dev", 1, true, to_float},
  function_row{folds::var, "var", 1, true, to_float},
  function_row{folds::cov, "cov", 2, true, to_float},
  function_row{folds::cor, "cor", 2, true, to_float},
  function_row{folds::med, "med", 1, true, to_float},
  function_row{folds::prd, "prd", 1, true, to_wide},
  function_row{folds::sumsq, "sumsq", 1, true, to_wide},
  function_row{folds::wsum, "wsum", 2, true, to_float},
  function_row{folds::svar, "svar", 1, true, to_float},
  function_row{folds::sdev, "sdev", 1, true, to_float},
  function_row{folds::scov, "scov", 2, true, to_float},
  function_row{folds::percentile, "percentile_cont", 1, false, to_float},
  function_row{folds::percentile_discrete, "percentile_disc", 1, false,
               to_picked},
  function_row{folds::distinct, "count_distinct", 1, false, to_long},
};

const function_row* row_of(folds function) noexcept {
  const auto found = std::find_if(
    function_rows.begin(), function_rows.end(),
    [&](const function_row& each) { return each.function == function; });
  return found == function_rows.end() ? nullptr : &*found;
}

} // namespace

std::string_view to_string(aggregate_function function) noexcept {
  const auto* row = row_of(function);
  return row == nullptr ? "unknown" : row->name;
}

std::vector<std::string_view> aggregate_names() {
  std::vector<std::string_view> out;
  for (const auto& row : function_rows)
    if (row.by_name)
      out.push_back(row.name);
  return out;
}

std::optional<aggregate_function>
aggregate_function_of(std::string_view name) noexcept {
  for (const auto& row : function_rows)
    if (row.by_name && row.name == name)
      return row.function;
  return std::nullopt;
}

bool takes_pairs(aggregate_function function) noexcept {
  const auto* row = row_of(function);
  return row != nullptr && row->columns == 2;
}

std::optional<column_type> result_type(aggregate_function function,
                                       std::span<const column_type> inputs) {
  const auto* row = row_of(function);
  if (row == nullptr)
    return std::nullopt;
  if (inputs.empty() && function == folds::count)
    return column_type::long_;
  if (inputs.size() != row->columns)
    return std::nullopt;
  std::optional<column_type> out;
  for (const auto input : inputs)
    if (out = row->rule(input); !out)
      return std::nullopt;
  return out;
}

} // namespace millrace::query
