#include <millrace/query/front/sql/lowering_internal.hpp>

#include <algorithm>

// An expression of a plan has no unknown: where a condition's value is worked
// with, one that may be unknown is refused and not taken for false.

namespace millrace::query::sql {

result<expression> row_scope::operand(const json_value& node) {
  auto out = value(node);
  if (out)
    if (auto fault = check_known(node, *out))
      return fault;
  return out;
}

error row_scope::check_known(const json_value& node, const expression& what) {
  if (is_null_constant(what) || !is_unknown(node, what))
    return {};
  return unknown_condition(what.place);
}

bool row_scope::is_unknown(const json_value& node, const expression& what) {
  return what.type == column_type::boolean
         && (is_null_constant(what) || may_be_unknown(node));
}

error row_scope::unknown_condition(uint32_t place) const {
  return owner_.refused(place, "a condition that may be unknown, of values "
                               "that may be null, is not a value here; write "
                               "((...) IS TRUE) or CASE WHEN");
}

bool row_scope::may_be_null(const json_value& node) {
  const auto what = value(node);
  return !what || !never_null(*what);
}

/// Of a node whose value is a boolean; what it works with is known.
bool row_scope::may_be_unknown(const json_value& node) {
  const auto what = tree_of(node);
  if (!what.body)
    return true;
  const auto any = [&](const json_value& list) {
    return std::any_of(list.elements().begin(), list.elements().end(),
                       [&](const auto& each) { return may_be_unknown(each); });
  };
  if (what.kind == "FuncCall") {
    if (names_in(what["funcname"]).back() == "__in_interval")
      return may_be_null(what["args"].elements().front());
    // An aggregate of no rows is null, and so is a row that is not there.
    return what.body->find("over") || !groups_ || groups_->keys.empty();
  }
  // A key of groups is a column, whatever it is of.
  if (groups_)
    if (const auto key = value(node); key && is_column(*key))
      return false;
  if (what.kind == "ColumnRef")
    return is_unknown_column(node);
  if (what.kind == "SubLink")
    return what["subLinkType"].text_or_empty() != "EXISTS_SUBLINK";
  if (what.kind == "NullTest" || what.kind == "BooleanTest"
      || what.kind == "CoalesceExpr" || what.kind == "MinMaxExpr")
    return false;
  if (what.kind == "A_Const")
    return what.body->find("isnull") != nullptr;
  if (what.kind == "BoolExpr")
    return any(what["args"]);
  if (what.kind == "TypeCast")
    return may_be_null(what["arg"]);
  if (what.kind == "A_Expr")
    return is_unknown_of_nulls(*what.body);
  if (what.kind != "CaseExpr" || !what.body->find("defresult")
      || may_be_unknown(what["defresult"]))
    return true;
  const auto& branches = what["args"].elements();
  return std::any_of(branches.begin(), branches.end(), [&](const auto& each) {
    return may_be_unknown(tree_of(each)["result"]);
  });
}

/// Of a query within FROM, or of a joined table.
bool row_scope::is_unknown_column(const json_value& node) {
  const auto what = value(node);
  return !what
         || std::any_of(rows_.columns.begin(), rows_.columns.end(),
                        [&](const auto& each) {
                          return each.is_unknown && is_same(each.value, *what);
                        });
}

bool row_scope::is_unknown_of_nulls(const json_value& body) {
  const auto& kind = body.at("kind").text_or_empty();
  if (kind == "AEXPR_DISTINCT" || kind == "AEXPR_NOT_DISTINCT")
    return false;
  if (kind == "AEXPR_NULLIF" || !body.find("lexpr")
      || may_be_null(body.at("lexpr")))
    return true;
  // The pattern of LIKE is a constant.
  if (kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE")
    return false;
  const auto right = tree_of(body.at("rexpr"));
  const auto* list = right.kind == "List" ? right.body->find("items")
                     : right.kind == "A_ArrayExpr"
                       ? right.body->find("elements")
                       : nullptr;
  if (!list)
    return may_be_null(body.at("rexpr"));
  return std::any_of(list->elements().begin(), list->elements().end(),
                     [&](const auto& each) { return may_be_null(each); });
}

} // namespace millrace::query::sql
