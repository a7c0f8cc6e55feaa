#include <millrace/query/front/sql/lowering_internal.hpp>

// A query within an expression does not look at the rows around it: it is asked
// once, and its rows are joined to them.

namespace millrace::query::sql {

namespace {

using fn = scalar_function;

} // namespace

result<relation> lowering::inner_query(const json_value& body,
                                       const relation& around) {
  around_.push_back(&around);
  auto out = select(body);
  around_.pop_back();
  return out;
}

result<relation> row_scope::query_of_one_column(const json_value& body,
                                                uint32_t place) {
  auto out = owner_.inner_query(*tree_of(body.at("subselect")).body, rows_);
  if (!out)
    return out;
  if (out->columns.size() != 1)
    return owner_.wrong(place, "a query that stands for a value or in IN has "
                               "one column, not "
                                 + std::to_string(out->columns.size()));
  return out;
}

/// "(select max(price) from trade)": of no rows it is null.
result<expression> row_scope::query_value(const json_value& body,
                                          uint32_t place) {
  if (!queries_)
    return owner_.refused(place, "a query cannot stand here");
  const auto known = queries_->known.find({&body, true});
  if (known != queries_->known.end())
    return known->second;
  auto rows = query_of_one_column(body, place);
  if (!rows)
    return rows.failure();
  auto wide = with_null(std::move(rows->columns.front().value), place);
  if (!wide)
    return wide;
  auto value = *std::move(wide);
  auto out = typed_column(owner_.next_name("~q"), value.type, place);
  if (auto fault = owner_.put(rows->plan, operators::limit{2}, place))
    return fault;
  if (auto fault = owner_.put(
        rows->plan, operators::project{{{out.name, std::move(value)}}}, place))
    return fault;
  queries_->joins.push_back({std::move(rows->plan), {}, std::nullopt, place});
  queries_->known.emplace(std::pair{&body, true}, out);
  return out;
}

result<expression> row_scope::query_condition(const json_value& body,
                                              bool wanted, uint32_t place) {
  if (!queries_)
    return owner_.refused(place, "a query cannot stand here");
  const auto known = queries_->known.find({&body, wanted});
  if (known != queries_->known.end())
    return known->second;
  const auto& type = body.at("subLinkType").text_or_empty();
  const auto sign = names_in(body.at("operName"));
  auto out
    = type == "EXISTS_SUBLINK" ? exists(body, place)
      : type == "ANY_SUBLINK" && (sign.empty() || sign.back() == "=")
        ? in_query(body, wanted, place)
        : result<expression>{owner_.refused(
          place, "of queries within conditions there are IN, EXISTS and those "
                 "that stand for a value")};
  if (out && !wanted && type == "EXISTS_SUBLINK")
    out = not_true(*std::move(out));
  if (out)
    queries_->known.emplace(std::pair{&body, wanted}, *out);
  return out;
}

result<expression> row_scope::exists(const json_value& body, uint32_t place) {
  auto rows = owner_.inner_query(*tree_of(body.at("subselect")).body, rows_);
  if (!rows)
    return rows.failure();
  auto& plan = rows->plan;
  if (auto fault = owner_.put(plan, operators::limit{1}, place))
    return fault;
  const auto name = owner_.next_name("~q");
  operators::aggregate count;
  count.columns.push_back({name, aggregate_function::count, {}});
  if (auto fault = owner_.put(plan, std::move(count), place))
    return fault;
  queries_->joins.push_back({std::move(plan), {}, std::nullopt, place});
  return call(fn::greater,
              {typed_column(name, column_type::long_, place),
               constant_of(column_type::long_, int64_t{0}, place)},
              place, "EXISTS");
}

/// Whether a value is among those of a query: unknown when it is null and there
/// are any, or when it is not there and one of them is null.
result<expression> row_scope::in_query(const json_value& body, bool wanted,
                                       uint32_t place) {
  const auto& tested = body.at("testexpr");
  if (tree_of(tested).kind == "RowExpr")
    return owner_.refused(place, "IN (SELECT ...) takes one value");
  auto left = operand(tested);
  if (!left)
    return left;
  auto rows = query_of_one_column(body, place);
  if (!rows)
    return rows.failure();
  row_scope inner{owner_, *rows};
  auto right = rows->columns.front().value;
  if (rows->columns.front().is_unknown)
    return unknown_condition(place);
  if (is_untyped(tested)) {
    left = adapted(*std::move(left), tested, right.type);
    if (!left)
      return left;
  }
  if (auto fault = make_alike(*left, right, inner, place))
    return fault;
  auto there = inner.is_not_null(right);
  auto missing = inner.is_null(right);
  auto left_there = is_not_null(*left);
  if (!there || !missing || !left_there)
    return !there ? there : !missing ? missing : left_there;
  const bool has_nulls = known_truth(*there) != true;
  auto all = rows->plan;
  auto& plan = rows->plan;
  if (has_nulls)
    if (auto fault
        = owner_.put(plan, operators::filter{{*std::move(there)}}, place))
      return fault;
  const auto key = owner_.next_name("~k");
  const auto mark = owner_.next_name("~q");
  const auto type = right.type;
  if (auto fault = owner_.put(
        plan, operators::aggregate{{{key, std::move(right)}}, {}}, place))
    return fault;
  if (auto fault
      = owner_.put(plan,
                   operators::project{{{key, typed_column(key, type)},
                                       {mark, truth_constant(true)}}},
                   place))
    return fault;
  queries_->joins.push_back({std::move(plan), key, *left, place});
  auto found = typed_column(mark, column_type::boolean, place);
  if (wanted)
    return found;
  auto absent = not_true(std::move(found));
  const bool left_is_known = known_truth(*left_there) == true;
  if (!absent || (left_is_known && !has_nulls))
    return absent;
  return absent_for_sure(*std::move(absent), *std::move(left_there),
                         std::move(all), *std::move(missing), place);
}

/// Both as one type.
error row_scope::make_alike(expression& left, expression& right,
                            row_scope& inner, uint32_t place) {
  if (left.type == right.type)
    return {};
  const auto is_point = [](column_type each) {
    return each == column_type::date || each == column_type::timestamp;
  };
  std::optional<column_type> type;
  if (is_numeric(left.type) && is_numeric(right.type))
    type = number_of_both(left.type, right.type);
  else if (is_point(left.type) && is_point(right.type))
    type = column_type::timestamp;
  if (!type)
    return owner_.wrong(place, "IN compares values of types "
                                 + std::string{to_string(left.type)} + " and "
                                 + std::string{to_string(right.type)});
  auto a = cast(std::move(left), *type, place);
  auto b = inner.cast(std::move(right), *type, place);
  if (!a || !b)
    return a ? b.failure() : a.failure();
  left = *std::move(a);
  right = *std::move(b);
  return {};
}

/// Of a value that is not among those of a query: there are none, or neither it
/// nor one of them is null.
result<expression> row_scope::absent_for_sure(expression absent,
                                              expression left_there,
                                              plan_node all, expression missing,
                                              uint32_t place) {
  const auto count = owner_.next_name("~q");
  const auto nulls = owner_.next_name("~q");
  operators::aggregate counts;
  counts.columns.push_back({count, aggregate_function::count, {}});
  counts.columns.push_back(
    {nulls, aggregate_function::sum, {std::move(missing)}});
  if (auto fault = owner_.put(all, std::move(counts), place))
    return fault;
  queries_->joins.push_back({std::move(all), {}, std::nullopt, place});
  const auto is_zero = [&](const std::string& name) {
    return call(fn::equal,
                {typed_column(name, column_type::long_, place),
                 constant_of(column_type::long_, int64_t{0}, place)},
                place, "NOT IN");
  };
  auto none = is_zero(count);
  auto known = is_zero(nulls);
  if (known)
    known = both_true(*std::move(known), std::move(left_there));
  if (!none || !known)
    return none ? known : none;
  auto sure = either_true(*std::move(none), *std::move(known));
  return sure ? both_true(std::move(absent), *std::move(sure)) : sure;
}

error put_queries(lowering& owner, relation& rows, query_state& queries) {
  for (auto& each : queries.joins) {
    operators::equi_join what;
    if (each.left) {
      operators::project keyed{columns_of(rows.plan)};
      keyed.columns.push_back({each.key, *std::move(each.left)});
      if (auto fault = owner.put(rows.plan, std::move(keyed), each.place))
        return fault;
      what.on.push_back(each.key);
    } else {
      what.single = true;
    }
    if (auto fault = owner.put(rows.plan, std::move(each.plan), std::move(what),
                               each.place))
      return fault;
  }
  queries.joins.clear();
  return {};
}

} // namespace millrace::query::sql
