#include <millrace/query/front/sql/lowering_internal.hpp>

#include <algorithm>
#include <optional>

// Tables with commas between.

namespace millrace::query::sql {

namespace {

/// Whether a condition is an equality of a value of each side.
bool is_key(lowering& owner, const relation& left, const relation& right,
            const json_value& condition) {
  const auto what = tree_of(condition);
  if (what.kind != "A_Expr" || what["kind"].text_or_empty() != "AEXPR_OP"
      || names_in(what["name"]).back() != "=")
    return false;
  const auto is_of
    = [&](const relation& rows, const relation& other, const json_value& node) {
        row_scope scope{owner, rows};
        scope.set_other(&other);
        const auto value = scope.operand(node);
        return value && value->what != expression::kind::constant;
      };
  const auto& a = what["lexpr"];
  const auto& b = what["rexpr"];
  return (is_of(left, right, a) && is_of(right, left, b))
         || (is_of(left, right, b) && is_of(right, left, a));
}

/// An inner join in the form of the grammar's tree.
json_value join_on(const json_value& right,
                   const std::vector<const json_value*>& keys) {
  auto conditions = json_value::array();
  for (const auto* each : keys)
    conditions.add(*each);
  auto out = json_value::object();
  out.add("jointype", "JOIN_INNER");
  out.add("rarg", right);
  if (!keys.empty())
    out.add("quals", json_value{{"BoolExpr",
                                 json_value{{"boolop", "AND_EXPR"},
                                            {"args", std::move(conditions)}}}});
  return out;
}

/// The next one of several tables: one that a condition joins to the rows that
/// are there, else the first.
struct next_table {
  size_t index = 0;
  std::vector<const json_value*> keys;
};

next_table choose(lowering& owner, const relation& rows,
                  const std::vector<std::optional<relation>>& tables,
                  const std::vector<const json_value*>& conditions) {
  std::optional<size_t> first;
  for (size_t i = 0; i < tables.size(); ++i) {
    if (!tables[i])
      continue;
    next_table out{i, {}};
    for (const auto* each : conditions)
      if (is_key(owner, rows, *tables[i], *each))
        out.keys.push_back(each);
    if (!out.keys.empty())
      return out;
    first = first.value_or(i);
  }
  return {*first, {}};
}

} // namespace

error lowering::check_names(const relation& left, const relation& right,
                            const json_value& written) const {
  for (const auto& a : left.columns)
    for (const auto& b : right.columns)
      if (a.table == b.table && !a.table.empty())
        return wrong(place_of(*tree_of(written).body),
                     "the name '" + a.table
                       + "' is there twice; give one an alias");
  return {};
}

result<relation> lowering::tables(const json_value::list& from,
                                  std::vector<const json_value*>& conditions) {
  auto out = table(from.front());
  if (!out || from.size() == 1)
    return out;
  // In the order of FROM, in which `*` has their columns.
  std::vector<std::pair<std::string, size_t>> places;
  const auto note = [&](const relation& rows, size_t place) {
    for (const auto& each : rows.columns)
      places.emplace_back(each.table, place);
  };
  note(*out, 0);
  std::vector<std::optional<relation>> rest(from.size());
  for (size_t i = 1; i < from.size(); ++i) {
    auto each = table(from[i]);
    if (!each)
      return each;
    note(*each, i);
    rest[i] = *std::move(each);
  }
  for (size_t left = from.size() - 1; left > 0; --left) {
    auto [index, keys] = choose(*this, *out, rest, conditions);
    if (auto fault = check_names(*out, *rest[index], from[index]))
      return fault;
    const auto body = join_on(from[index], keys);
    out = joined_rows(*this, *std::move(out), *std::move(rest[index]), body);
    rest[index].reset();
    if (!out)
      return out;
    std::erase_if(conditions, [&keys = keys](const auto* each) {
      return std::find(keys.begin(), keys.end(), each) != keys.end();
    });
  }
  const auto place_of_table = [&](const scope_column& column) {
    for (const auto& [name, place] : places)
      if (name == column.table)
        return place;
    return size_t{0};
  };
  std::stable_sort(out->columns.begin(), out->columns.end(),
                   [&](const auto& a, const auto& b) {
                     return place_of_table(a) < place_of_table(b);
                   });
  return out;
}

} // namespace millrace::query::sql
