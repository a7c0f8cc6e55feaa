#include <millrace/query/front/sql/select_internal.hpp>

#include <algorithm>

namespace millrace::query::sql {

namespace {

constexpr uint32_t place = 0;

/// Rows of `left` that `right` has too, or has not: nulls are equal there.
error keep_common(lowering& owner, plan_node& left, plan_node right,
                  bool wanted) {
  operators::equi_join what;
  what.inner = wanted;
  for (const auto& each : left.columns)
    what.on.push_back(each.name);
  if (wanted)
    return owner.put(left, std::move(right), std::move(what), place);
  // Where nothing is joined the mark is false.
  const auto mark = owner.next_name("~m");
  auto marked = operators::project{columns_of(right)};
  marked.columns.push_back({mark, truth_constant(true)});
  auto missing = call_of(scalar_function::logical_not,
                         {typed_column(mark, column_type::boolean)});
  const auto columns = columns_of(left);
  if (auto fault = owner.put(right, std::move(marked), place))
    return fault;
  if (auto fault = owner.put(left, std::move(right), std::move(what), place))
    return fault;
  if (auto fault
      = owner.put(left, operators::filter{{std::move(missing)}}, place))
    return fault;
  return owner.put(left, operators::project{columns}, place);
}

} // namespace

result<relation> united(lowering& owner, const json_value& body) {
  relation out;
  const auto& op = body.at("op").text_or_empty();
  const bool all = body.find("all") != nullptr;
  const std::string word = op.substr(6);
  if (all && op != "SETOP_UNION")
    return owner.refused(place, word + " ALL is not there");
  auto left = owner.select(body.at("larg"));
  if (!left)
    return left.failure();
  auto right = owner.select(body.at("rarg"));
  if (!right)
    return right.failure();
  if (left->columns.size() != right->columns.size())
    return owner.wrong(place, word + " takes queries of as many columns");
  operators::project lefts;
  operators::project rights;
  row_scope scope{owner, *right};
  std::vector<bool> unknown;
  for (size_t i = 0; i < left->columns.size(); ++i) {
    auto a = left->columns[i].value;
    auto b = right->columns[i].value;
    auto type = a.type;
    if (a.type != b.type && is_numeric(a.type) && is_numeric(b.type))
      type = number_of_both(a.type, b.type);
    else if (a.type != b.type)
      return owner.wrong(place, word + ": column '" + left->columns[i].name
                                  + "' is " + std::string{to_string(a.type)}
                                  + " and " + std::string{to_string(b.type)});
    auto x = scope.cast(std::move(a), type, place);
    auto y = scope.cast(std::move(b), type, place);
    if (!x || !y)
      return x ? y.failure() : x.failure();
    unknown.push_back(left->columns[i].is_unknown
                      || right->columns[i].is_unknown);
    if (unknown.back() && !all)
      return scope.unknown_condition(place);
    const auto& name = left->columns[i].name;
    lefts.columns.push_back({name, *std::move(x)});
    rights.columns.push_back({name, *std::move(y)});
  }
  out = *std::move(left);
  for (auto* side : {&lefts, &rights}) {
    auto& plan = side == &lefts ? out.plan : right->plan;
    if (!is_identity(*side, plan))
      if (auto fault = owner.put(plan, std::move(*side), place))
        return fault;
  }
  if (auto fault = op == "SETOP_UNION"
                     ? owner.put(out.plan, std::move(right->plan),
                                 operators::union_all{}, place)
                     : keep_common(owner, out.plan, std::move(right->plan),
                                   op == "SETOP_INTERSECT"))
    return fault;
  if (!all)
    if (auto fault = owner.put(
          out.plan, operators::aggregate{columns_of(out.plan), {}}, place))
      return fault;
  out.columns.clear();
  out.unique.clear();
  out.non_null.clear();
  out.time_column.clear();
  for (const auto& each : out.plan.columns) {
    out.columns.push_back({"", each.name, typed_column(each.name, each.type)});
    out.columns.back().is_unknown = unknown[out.columns.size() - 1];
  }
  return out;
}

} // namespace millrace::query::sql
