#include <millrace/query/front/qsql/lowering_internal.hpp>

#include <algorithm>
#include <array>

namespace millrace::query::qsql {

namespace {

/// Whether any part of a tree, but not of a nested query, fits.
template <class Fits>
bool any_part(const node& tree, const Fits& fits) {
  if (fits(tree))
    return true;
  return std::any_of(tree.items.begin(), tree.items.end(),
                     [&](const node& part) { return any_part(part, fits); });
}

bool is_count_of_rows(const node& tree) {
  return function_of(tree) == "count" && argument_count(tree) == 1
         && argument(tree, 0).kind == node_kind::name
         && argument(tree, 0).text == "i";
}

} // namespace

std::string_view function_of(const node& call) {
  if (call.kind != node_kind::apply)
    return {};
  const auto& function = call.items.front();
  const bool has_name
    = function.kind == node_kind::name || function.kind == node_kind::verb;
  return has_name && function.iterator.empty() ? std::string_view{function.text}
                                               : std::string_view{};
}

size_t argument_count(const node& call) {
  // "f[]" has one argument that is left out, and so none.
  const auto count = call.items.size() - 1;
  return count == 1 && call.items[1].kind == node_kind::nothing ? 0 : count;
}

const node& argument(const node& call, size_t i) { return call.items[i + 1]; }

std::string default_name(const node& tree) {
  if (!tree.label.empty())
    return tree.label;
  if (tree.kind == node_kind::name) {
    const auto point = tree.text.rfind('.');
    if (tree.text == "i")
      return "x";
    return point == std::string::npos ? tree.text : tree.text.substr(point + 1);
  }
  if (tree.kind != node_kind::apply || argument_count(tree) == 0)
    return "x";
  const auto function = function_of(tree);
  // What stands to the left of these is no column.
  constexpr std::array right_named{"xbar", "$",     "mavg",       "msum",
                                   "mmax", "mmin",  "mcount",     "mdev",
                                   "ema",  "xprev", "percentile", "bin"};
  const bool right
    = argument_count(tree) == 2
      && std::find(right_named.begin(), right_named.end(), function)
           != right_named.end();
  return default_name(argument(tree, right ? 1 : 0));
}

std::vector<std::string> unique_names(const std::vector<const node*>& columns) {
  std::vector<std::string> out;
  const auto is_taken = [&](const std::string& name) {
    return std::find(out.begin(), out.end(), name) != out.end();
  };
  for (const auto* column : columns) {
    const auto wanted = default_name(*column);
    auto name = wanted;
    for (size_t i = 1; is_taken(name); ++i)
      name = wanted + std::to_string(i);
    out.push_back(std::move(name));
  }
  return out;
}

std::optional<aggregate_function> aggregate_of(std::string_view name) {
  // "wavg" and its like stand between their arguments; the names are q's, but
  // for the one that q has no word for.
  return name == "percentile" ? aggregate_function::percentile
                              : aggregate_function_of(name);
}

std::optional<operators::window_function>
running_function_of(std::string_view name) {
  return operators::window_function_of(name);
}

bool has_aggregate(const node& tree) {
  return any_part(tree, [](const node& part) {
    return function_of(part) != "fby" && aggregate_of(function_of(part));
  });
}

bool has_row_number(const node& tree) {
  if (is_count_of_rows(tree))
    return false;
  if (tree.kind == node_kind::name)
    return tree.text == "i";
  return std::any_of(tree.items.begin(), tree.items.end(), has_row_number);
}

bool needs_other_rows(const node& tree) {
  return any_part(tree, [](const node& part) {
    const auto function = function_of(part);
    return function == "fby" || aggregate_of(function)
           || running_function_of(function) || function == "til";
  });
}

} // namespace millrace::query::qsql
