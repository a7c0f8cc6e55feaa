#include <millrace/query/front/qsql/lowering_internal.hpp>

#include <algorithm>

// Dictionaries and lists of constants that are applied to values of rows. A
// plan has no operation for them: they become choices, one within the other.

namespace millrace::query::qsql {

namespace {

/// Entries of what is applied to each row: each is a comparison of all rows.
constexpr size_t entries_max = 100;

/// "compare(value;keys i)" decides for `results i`, the last that is true of
/// ascending keys, the first one of others.
expression choices(scalar_function compare, const expression& value,
                   const constant& keys, const constant& results,
                   expression otherwise) {
  const bool last_decides = compare == scalar_function::greater_equal;
  const auto count = keys.values.size();
  for (size_t i = 0; i < count; ++i) {
    const auto entry = last_decides ? i : count - 1 - i;
    std::vector<expression> both;
    both.push_back(value);
    both.push_back(constant_of(keys.type, keys.values[entry], value.place));
    std::vector<expression> choice;
    choice.push_back(call_of(compare, std::move(both), value.place));
    choice.push_back(
      constant_of(results.type, results.values[entry], value.place));
    choice.push_back(std::move(otherwise));
    otherwise
      = call_of(scalar_function::conditional, std::move(choice), value.place);
  }
  return otherwise;
}

/// 0, 1, ...
constant counted(size_t count) {
  constant out;
  out.is_list = true;
  out.type = column_type::long_;
  for (size_t i = 0; i < count; ++i)
    out.values.emplace_back(static_cast<int64_t>(i));
  return out;
}

} // namespace

result<std::optional<dictionary>>
lowering::dictionary_of(const node& tree) const {
  const auto& value = meant(tree);
  const auto function = function_of(value);
  if ((function != "!" && function != "#") || argument_count(value) != 2)
    return std::optional<dictionary>{};
  const auto left = constant_value(argument(value, 0));
  if (function == "#") {
    // "`s#keys!values": each key is for what is not below it.
    const bool steps = left && left->type == column_type::symbol
                       && left->values == std::vector<literal>{"s"};
    auto out
      = steps ? dictionary_of(argument(value, 1)) : std::optional<dictionary>{};
    if (out && *out) {
      const auto& keys = (*out)->keys.values;
      if (!std::is_sorted(keys.begin(), keys.end()))
        return wrong(argument(value, 1), "s-fail",
                     "the keys of steps stand in ascending order");
      (*out)->steps = true;
    }
    return out;
  }
  auto right = constant_value(argument(value, 1));
  if (!left || !right || !left->is_list || !right->is_list)
    return std::optional<dictionary>{};
  if (left->values.size() != right->values.size() || left->values.empty())
    return wrong(value, "length",
                 "as many keys as values stand beside '!', and at least one");
  return std::optional{dictionary{*left, *std::move(right)}};
}

void lowering::keep_dictionary(const node& tree, std::string_view name,
                               const dictionary& what) {
  const auto applied = [&](std::string_view verb, constant left, node right) {
    node out{node_kind::apply, tree.at};
    out.items.emplace_back(node_kind::verb, tree.at).text = verb;
    out.items.emplace_back(node_kind::constant, tree.at).value
      = std::move(left);
    out.items.push_back(std::move(right));
    return out;
  };
  node values{node_kind::constant, tree.at};
  values.value = what.values;
  auto made = applied("!", what.keys, std::move(values));
  if (what.steps)
    made = applied("#", {column_type::symbol, false, {std::string{"s"}}},
                   std::move(made));
  values_[std::string{name}] = &bound_.emplace_back(std::move(made));
  if (const auto table = tables_.find(name); table != tables_.end())
    tables_.erase(table);
}

result<std::optional<constant>> lowering::list_of(const node& tree) const {
  const auto function = function_of(tree);
  if ((function == "key" || function == "value") && argument_count(tree) == 1) {
    auto from = dictionary_of(argument(tree, 0));
    if (!from)
      return from.failure();
    if (!*from)
      return std::optional<constant>{};
    return std::optional{function == "key" ? (*from)->keys : (*from)->values};
  }
  auto out = constant_value(tree);
  if (out && !out->is_list)
    out.reset();
  return out;
}

error lowering::count_entries(const node& tree, size_t count) {
  if (count > entries_max)
    return fault_at(source_, tree.at, errc::limit_exceeded, "limit",
                    "what is applied to rows has at most "
                      + std::to_string(entries_max)
                      + " entries; a larger one is a table, which 'lj' joins");
  for (size_t i = 0; i < count; ++i)
    if (auto fault = count_part(tree))
      return fault;
  return {};
}

result<std::optional<expression>> row_scope::looked_up(const node& tree,
                                                       const value_of& lower) {
  const std::optional<expression> none;
  if (tree.kind != node_kind::apply)
    return none;
  const bool bins = function_of(tree) == "bin" && argument_count(tree) == 2;
  if (!bins && argument_count(tree) != 1)
    return none;
  const auto& applied = bins ? argument(tree, 0) : tree.items.front();
  if (!bins && applied.kind == node_kind::name
      && has_column(input_, applied.text))
    return none;
  auto from
    = bins ? std::optional<dictionary>{} : owner_.dictionary_of(applied);
  if (!from)
    return from.failure();
  auto list = *from ? std::optional<constant>{} : owner_.list_of(applied);
  if (!list)
    return list.failure();
  if (!*from && !*list) {
    if (bins)
      return owner_.wrong(applied, "type",
                          "before 'bin' stands a list of constants");
    return none;
  }
  const auto count
    = *from ? (*from)->keys.values.size() : (*list)->values.size();
  if (auto fault = owner_.count_entries(applied, count))
    return fault;
  auto value = lower(argument(tree, bins ? 1 : 0));
  if (!value)
    return value.failure();
  if (*from) {
    const auto& [keys, values, steps] = **from;
    return std::optional{choices(
      steps ? scalar_function::greater_equal : scalar_function::equal, *value,
      keys, values, constant_of(values.type, std::monostate{}))};
  }
  if (!bins)
    return std::optional{choices(scalar_function::equal, *value, counted(count),
                                 **list,
                                 constant_of((*list)->type, std::monostate{}))};
  if (!std::is_sorted((*list)->values.begin(), (*list)->values.end()))
    return owner_.wrong(applied, "s-fail",
                        "before 'bin' stand values in ascending order");
  return std::optional{choices(scalar_function::greater_equal, *value, **list,
                               counted(count),
                               constant_of(column_type::long_, int64_t{-1}))};
}

} // namespace millrace::query::qsql
