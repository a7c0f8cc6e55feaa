#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/front/sql/lowering_internal.hpp>

#include <algorithm>
#include <charconv>

namespace millrace::query::sql {

namespace {

using fn = scalar_function;

bool is_condition(const json_value& body) {
  constexpr std::string_view comparisons[] = {"=", "<>", "<", "<=", ">", ">="};
  const auto& kind = body.at("kind").text_or_empty();
  const auto names = names_in(body.at("name"));
  return kind != "AEXPR_NULLIF"
         && (kind != "AEXPR_OP"
             || std::find(std::begin(comparisons), std::end(comparisons),
                          names.back())
                  != std::end(comparisons));
}

/// A constant time and a constant span are one constant time, by which
/// partitions are chosen.
std::optional<expression> moved_time(std::string_view sign,
                                     const expression& time,
                                     const expression& span) {
  const auto value_of = [](const expression& what, column_type type) {
    return what.what == expression::kind::constant && what.type == type
               && what.values.size() == 1
             ? std::get_if<int64_t>(&what.values.front())
             : nullptr;
  };
  const auto* at = value_of(time, column_type::timestamp);
  const auto* by = value_of(span, column_type::timespan);
  if (!at || !by || (sign != "+" && sign != "-"))
    return std::nullopt;
  int64_t moved = 0;
  const bool over = sign == "+" ? __builtin_add_overflow(*at, *by, &moved)
                                : __builtin_sub_overflow(*at, *by, &moved);
  if (over || moved >= inf_long || moved <= -inf_long || *at == inf_long
      || *at == -inf_long)
    return std::nullopt;
  return constant_of(column_type::timestamp, moved, time.place);
}

/// The number that stands for the infinity of a bigint, or its opposite.
bool is_largest(const expression& what) {
  if (what.what == expression::kind::call && what.function == fn::negate)
    return is_largest(what.arguments.front());
  if (what.what != expression::kind::constant || !is_whole(what.type)
      || what.values.size() != 1)
    return false;
  const auto* number = std::get_if<int64_t>(&what.values.front());
  return number && (*number == inf_long || *number == -inf_long);
}

} // namespace

result<expression> row_scope::value(const json_value& node) {
  if (auto fault = owner_.count_parts(1, 0))
    return fault;
  return groups_ ? grouped_value(node) : row_value(node);
}

result<expression> row_scope::row_value(const json_value& node) {
  const auto what = tree_of(node);
  if (!what.body)
    return owner_.wrong(0, "a value is missing");
  const auto place = owner_.place_of(*what.body);
  if (what.kind == "ColumnRef")
    return column(*what.body, place);
  if (what.kind == "A_Const")
    return constant(*what.body, place);
  if (what.kind == "TypeCast")
    return typed_cast(*what.body, place);
  if (what.kind == "A_Expr")
    return is_condition(*what.body) ? truth(node, true)
                                    : operation(*what.body, place);
  if (what.kind == "FuncCall")
    return function(*what.body, place);
  if (what.kind == "CaseExpr")
    return choice(*what.body, place);
  if (what.kind == "CoalesceExpr")
    return coalesced(*what.body, place);
  if (what.kind == "MinMaxExpr")
    return extreme(*what.body, place);
  if (what.kind == "SQLValueFunction")
    return current_time(*what.body, place);
  if (what.kind == "SubLink"
      && what["subLinkType"].text_or_empty() == "EXPR_SUBLINK")
    return query_value(*what.body, place);
  if (what.kind == "BoolExpr" || what.kind == "NullTest"
      || what.kind == "BooleanTest" || what.kind == "SubLink")
    return truth(node, true);
  if (what.kind == "ParamRef")
    return parameter(*what.body, place);
  return owner_.refused(place, "this part of SQL is not there ("
                                 + std::string{what.kind} + ")");
}

result<expression> row_scope::parameter(const json_value& body,
                                        uint32_t place) {
  const auto number = body.at("number").integer().value_or(0);
  const auto* value = owner_.parameter(number);
  if (!value)
    return owner_.refused(place,
                          "there is no parameter $" + std::to_string(number));
  if (value->is_list || value->values.size() != 1)
    return owner_.refused(place, "parameter $" + std::to_string(number)
                                   + " has several values: a query in SQL "
                                     "takes one");
  return constant_of(value->type, value->values.front(), place);
}

result<expression> row_scope::column(const json_value& body, uint32_t place) {
  const auto names = names_in(body.at("fields"));
  if (names.empty() || names.size() > 2)
    return owner_.refused(place, "a column is written as name or table.name");
  if (names.back() == "*")
    return owner_.wrong(place, "* is not a value");
  const auto& name = names.back();
  const auto table = names.size() == 2 ? names.front() : std::string{};
  const auto find = [&](const relation& rows, bool any_case) {
    std::vector<const scope_column*> found;
    for (const auto& each : rows.columns) {
      if (names.size() == 2 ? each.table != table : each.is_merged)
        continue;
      if (any_case ? text::lower_case(each.name) == text::lower_case(name)
                   : each.name == name)
        found.push_back(&each);
    }
    return found;
  };
  for (const bool any_case : {false, true}) {
    const auto found = find(rows_, any_case);
    const auto others = other_ && names.size() == 1
                          ? find(*other_, any_case).size()
                          : size_t{0};
    if (found.size() + others > 1 && !found.empty())
      return owner_.wrong(place, "column '" + name
                                   + "' is there more than once; write "
                                     "table.column");
    if (!found.empty()) {
      auto out = found.front()->value;
      out.place = place;
      return out;
    }
  }
  for (const auto* rows : owner_.around())
    if (!find(*rows, true).empty())
      return owner_.wrong(place,
                          "a query within an expression that looks at a column "
                          "of the rows around it ('"
                            + name + "') is not there; see JOIN",
                          errc::not_found);
  std::vector<std::string> known;
  bool has_table = names.size() == 1;
  for (const auto& each : rows_.columns) {
    known.push_back(each.name);
    has_table = has_table || each.table == table;
  }
  if (!has_table)
    return owner_.wrong(place, "there is no table '" + table + "' here",
                        errc::not_found);
  return owner_.wrong(
    place, "there is no column '" + name + "'" + text::meant(name, known),
    errc::not_found);
}

result<expression> row_scope::constant(const json_value& body, uint32_t place) {
  if (body.find("isnull"))
    return constant_of(column_type::long_, std::monostate{}, place);
  if (const auto* truth_value = body.find("boolval")) {
    auto out
      = truth_constant(truth_value->at("boolval").boolean().value_or(false));
    out.place = place;
    return out;
  }
  if (body.find("ival"))
    return constant_of(column_type::long_, owner_.whole_number(body), place);
  if (const auto* number = body.find("fval")) {
    const auto& digits = number->at("fval").text_or_empty();
    const auto* end = digits.data() + digits.size();
    int64_t whole = 0;
    const auto read = std::from_chars(digits.data(), end, whole);
    if (read.ec == std::errc{} && read.ptr == end && whole != null_long)
      return constant_of(column_type::long_, whole, place);
    double real = 0;
    const auto read_real = std::from_chars(digits.data(), end, real);
    if (read_real.ptr != end || read_real.ec != std::errc{})
      return owner_.wrong(place, "the number " + digits + " does not fit");
    return constant_of(column_type::float_, real, place);
  }
  if (const auto* written = body.find("sval")) {
    const auto& letters = written->at("sval").text_or_empty();
    return constant_of(column_type::symbol,
                       letters.empty() ? literal{} : literal{letters}, place);
  }
  return owner_.refused(place, "constants of bits are not there");
}

result<expression> row_scope::adapted(expression what, const json_value& node,
                                      column_type type) {
  if (!is_untyped(node))
    return what;
  if (is_null_constant(what) && tree_of(node).body->find("isnull"))
    return constant_of(type, std::monostate{}, what.place);
  const auto& letters = tree_of(node)["sval"].at("sval").text_or_empty();
  auto read = parse_constant(letters, type);
  if (!read)
    return owner_.wrong(what.place, read.failure().context);
  return constant_of(type, *std::move(read), what.place);
}

result<std::pair<expression, expression>>
row_scope::both(const json_value& left, const json_value& right) {
  auto a = operand(left);
  if (!a)
    return a.failure();
  auto b = operand(right);
  if (!b)
    return b.failure();
  if (is_untyped(right))
    b = adapted(*std::move(b), right, a->type);
  else if (is_untyped(left))
    a = adapted(*std::move(a), left, b->type);
  if (!a || !b)
    return a ? b.failure() : a.failure();
  return std::pair{*std::move(a), *std::move(b)};
}

result<std::vector<expression>>
row_scope::of_one_type(const std::vector<const json_value*>& nodes,
                       uint32_t place, bool has_unknown) {
  std::vector<expression> out;
  std::optional<column_type> type;
  for (const auto* node : nodes) {
    auto each = value(*node);
    if (!each)
      return each.failure();
    const auto has = each->type;
    out.push_back(*std::move(each));
    if (is_untyped(*node))
      continue;
    const bool times
      = type
        && ((*type == column_type::date && has == column_type::timestamp)
            || (*type == column_type::timestamp && has == column_type::date));
    if (!type || *type == has)
      type = has;
    else if (is_numeric(*type) && is_numeric(has))
      type = number_of_both(*type, has);
    else if (is_text(*type) && is_text(has))
      type = column_type::symbol;
    else if (times)
      type = column_type::timestamp;
    else
      return owner_.wrong(place, "values of types "
                                   + std::string{to_string(*type)} + " and "
                                   + std::string{to_string(has)}
                                   + " cannot stand for each other");
  }
  if (!type)
    type = std::all_of(nodes.begin(), nodes.end(),
                       [](const auto* node) {
                         return tree_of(*node).body->find("isnull");
                       })
             ? column_type::long_
             : column_type::symbol;
  has_unknown = has_unknown && *type == column_type::boolean;
  for (size_t i = 0; i < out.size(); ++i) {
    if (!has_unknown)
      if (auto fault = check_known(*nodes[i], out[i]))
        return fault;
    if (!has_unknown && *type == column_type::boolean
        && is_null_constant(out[i]))
      return unknown_condition(out[i].place);
    const bool is_empty_text = is_text(*type) && is_null_constant(out[i]);
    // A text that is computed is a symbol.
    const auto to = is_text(*type) ? column_type::symbol : *type;
    auto each = is_empty_text ? constant_of(to, std::monostate{}, place)
                              : adapted(std::move(out[i]), *nodes[i], to);
    if (each && !is_text(*type))
      each = cast(*std::move(each), *type, place);
    if (!each)
      return each.failure();
    out[i] = *std::move(each);
  }
  return out;
}

result<expression> row_scope::call(scalar_function function,
                                   std::vector<expression> arguments,
                                   uint32_t place, std::string_view written) {
  std::vector<column_type> has;
  std::string listed;
  for (const auto& each : arguments) {
    has.push_back(each.type);
    text::add_to_list(listed, to_string(each.type), " and ");
  }
  const auto type = result_type(function, has, column_type::long_);
  if (!type)
    return owner_.wrong(
      place, "'" + std::string{written.empty() ? to_string(function) : written}
               + "' does not take " + listed);
  auto out = call_of(function, std::move(arguments), place);
  out.type = *type;
  return out;
}

bool row_scope::never_null(const expression& what) const {
  if (rows_.never_null(what))
    return true;
  const auto has = [&](const std::vector<std::string>& names) {
    return is_column(what)
           && std::find(names.begin(), names.end(), what.name) != names.end();
  };
  return (groups_ && has(groups_->non_null))
         || (windows_ && has(windows_->non_null))
         || (queries_ && has(queries_->non_null));
}

result<expression> row_scope::operation(const json_value& body,
                                        uint32_t place) {
  const auto& kind = body.at("kind").text_or_empty();
  if (kind == "AEXPR_NULLIF")
    return null_if(body, place);
  const auto names = names_in(body.at("name"));
  const auto sign = names.empty() ? std::string{} : names.back();
  if (!body.find("lexpr")) {
    auto only = operand(body.at("rexpr"));
    if (!only || sign == "+")
      return only;
    if (sign != "-")
      return owner_.refused(place, "there is no operator " + sign);
    return call(fn::negate, {*std::move(only)}, place, "-");
  }
  auto pair = both(body.at("lexpr"), body.at("rexpr"));
  if (!pair)
    return pair.failure();
  auto& [left, right] = *pair;
  return arithmetic(sign, std::move(left), std::move(right), place);
}

error row_scope::check_size(const expression& left, const expression& right,
                            uint32_t place) const {
  if (!is_largest(left) && !is_largest(right))
    return {};
  return owner_.wrong(place,
                      "9223372036854775807 stands for an infinity, of which "
                      "nothing is computed: write it with a point",
                      errc::overflow);
}

result<expression> row_scope::arithmetic(std::string_view sign, expression left,
                                         expression right, uint32_t place) {
  if (auto moved = moved_time(sign, left, right))
    return *std::move(moved);
  if (auto fault = check_size(left, right, place))
    return fault;
  if (auto fault = make_alike(left, right, place))
    return fault;
  const bool whole = is_whole(left.type) && is_whole(right.type);
  if (whole && left.type < column_type::long_
      && right.type < column_type::long_) {
    auto wide = cast(std::move(left), column_type::long_, place);
    if (!wide)
      return wide;
    left = *std::move(wide);
  }
  const auto of_two = [&](fn function) {
    return call(function, {std::move(left), std::move(right)}, place, sign);
  };
  if (sign == "+")
    return of_two(fn::add);
  if (sign == "-")
    return of_two(fn::subtract);
  if (sign == "*")
    return of_two(fn::multiply);
  if (sign == "/") {
    if (whole)
      return whole_quotient(std::move(left), std::move(right), place);
    if (!is_numeric(left.type) || !is_numeric(right.type))
      return owner_.wrong(place, "'/' takes numbers, not "
                                   + std::string{to_string(left.type)} + " and "
                                   + std::string{to_string(right.type)});
    return of_two(fn::divide);
  }
  if (sign == "%")
    return whole_rest(std::move(left), std::move(right), place);
  return owner_.refused(place, "there is no operator " + std::string{sign});
}

/// Towards 0, as SQL does.
result<expression> row_scope::whole_quotient(expression left, expression right,
                                             uint32_t place) {
  if (auto fault = owner_.count_parts(size_of(left) + size_of(right), place))
    return fault;
  auto sign = call(fn::sign, {left}, place, "/");
  auto size = call(fn::absolute, {std::move(left)}, place, "/");
  const auto* divisor = right.what == expression::kind::constant
                          ? std::get_if<int64_t>(&right.values.front())
                          : nullptr;
  if (!divisor || *divisor <= 0) {
    auto other = call(fn::sign, {right}, place, "/");
    sign = call(fn::multiply, {*sign, *other}, place, "/");
    right = *call(fn::absolute, {std::move(right)}, place, "/");
  }
  auto whole = call(fn::quotient, {*size, std::move(right)}, place, "/");
  return call(fn::multiply, {*std::move(sign), *std::move(whole)}, place, "/");
}

/// With the sign of the dividend, as SQL has it.
result<expression> row_scope::whole_rest(expression left, expression right,
                                         uint32_t place) {
  if (auto fault = check_size(left, right, place))
    return fault;
  if (auto fault = owner_.count_parts(size_of(left) + size_of(right), place))
    return fault;
  auto sign = call(fn::sign, {left}, place, "%");
  auto size = call(fn::absolute, {std::move(left)}, place, "%");
  auto by = call(fn::absolute, {std::move(right)}, place, "%");
  if (!sign || !size || !by)
    return !sign ? sign : !size ? size : by;
  auto rest = call(fn::modulo, {*std::move(size), *std::move(by)}, place, "%");
  if (!rest)
    return rest;
  return call(fn::multiply, {*std::move(sign), *std::move(rest)}, place, "%");
}

result<expression> row_scope::choice(const json_value& body, uint32_t place) {
  std::vector<expression> conditions;
  std::vector<const json_value*> nodes;
  for (const auto& item : body.at("args").elements()) {
    const auto branch = tree_of(item);
    nodes.push_back(branch.body->find("result"));
    if (!body.find("arg")) {
      auto condition = truth(branch["expr"], true);
      if (!condition)
        return condition;
      conditions.push_back(*std::move(condition));
      continue;
    }
    auto pair = both(body.at("arg"), branch["expr"]);
    if (!pair)
      return pair.failure();
    auto condition = compared(fn::equal, std::move(pair->first),
                              std::move(pair->second), place);
    if (!condition)
      return condition;
    conditions.push_back(*std::move(condition));
  }
  static const json_value null_node = [] {
    json_value inner = json_value::object();
    inner.add("isnull", true);
    json_value out = json_value::object();
    out.add("A_Const", std::move(inner));
    return out;
  }();
  const auto* otherwise = body.find("defresult");
  nodes.push_back(otherwise ? otherwise : &null_node);
  auto values = of_one_type(nodes, place, true);
  if (!values)
    return values.failure();
  for (auto& each : *values) {
    auto wide = with_null(std::move(each), place);
    if (!wide)
      return wide;
    each = *std::move(wide);
  }
  auto out = std::move(values->back());
  for (size_t i = conditions.size(); i-- > 0;) {
    auto next = call(
      fn::conditional,
      {std::move(conditions[i]), std::move((*values)[i]), std::move(out)},
      place, "CASE");
    if (!next)
      return next;
    out = *std::move(next);
  }
  return out;
}

namespace {

std::vector<const json_value*> pointers(const json_value& list) {
  std::vector<const json_value*> out;
  for (const auto& each : list.elements())
    out.push_back(&each);
  return out;
}

} // namespace

result<expression> row_scope::coalesced(const json_value& body,
                                        uint32_t place) {
  auto values = of_one_type(pointers(body.at("args")), place);
  if (!values)
    return values.failure();
  auto out = std::move(values->back());
  for (size_t i = values->size() - 1; i-- > 0;) {
    auto next = call(fn::fill, {std::move(out), std::move((*values)[i])}, place,
                     "COALESCE");
    if (!next)
      return next;
    out = *std::move(next);
  }
  return out;
}

/// Nulls do not count.
result<expression> row_scope::extreme(const json_value& body, uint32_t place) {
  const bool greatest = body.at("op").text_or_empty() != "IS_LEAST";
  auto values = of_one_type(pointers(body.at("args")), place);
  if (!values)
    return values.failure();
  auto out = std::move(values->front());
  for (size_t i = 1; i < values->size(); ++i) {
    auto each = std::move((*values)[i]);
    if (!greatest) {
      if (auto fault = owner_.count_parts(size_of(out) + size_of(each), place))
        return fault;
      auto a = call(fn::fill, {each, out}, place, "LEAST");
      auto b = call(fn::fill, {out, each}, place, "LEAST");
      if (!a || !b)
        return a ? b : a;
      out = *std::move(a);
      each = *std::move(b);
    }
    auto next = call(greatest ? fn::larger : fn::lesser,
                     {std::move(out), std::move(each)}, place,
                     greatest ? "GREATEST" : "LEAST");
    if (!next)
      return next;
    out = *std::move(next);
  }
  return out;
}

result<expression> row_scope::null_if(const json_value& body, uint32_t place) {
  auto pair = both(body.at("lexpr"), body.at("rexpr"));
  if (!pair)
    return pair.failure();
  auto equal = compared(fn::equal, pair->first, std::move(pair->second), place);
  if (!equal)
    return equal;
  auto value = with_null(std::move(pair->first), place);
  if (!value)
    return value;
  const auto type = value->type;
  return call(fn::conditional,
              {*std::move(equal), constant_of(type, std::monostate{}, place),
               *std::move(value)},
              place, "NULLIF");
}

result<expression> row_scope::with_null(expression value, uint32_t place) {
  if (value.type != column_type::byte_)
    return value;
  return cast(std::move(value), column_type::int_, place);
}

result<expression> row_scope::current_time(const json_value& body,
                                           uint32_t place) {
  const auto& what = body.at("op").text_or_empty();
  if (what == "SVFOP_CURRENT_DATE")
    return constant_of(column_type::date,
                       text::floor_divide(owner_.now_ns(), text::day_ns),
                       place);
  auto now = constant_of(column_type::timestamp, owner_.now_ns(), place);
  if (what == "SVFOP_CURRENT_TIMESTAMP" || what == "SVFOP_LOCALTIMESTAMP")
    return now;
  if (what == "SVFOP_CURRENT_TIMESTAMP_N" || what == "SVFOP_LOCALTIMESTAMP_N")
    return to_fraction(std::move(now), body.at("typmod").integer().value_or(0),
                       place);
  return owner_.refused(place, "of these there are CURRENT_DATE, "
                               "CURRENT_TIMESTAMP and LOCALTIMESTAMP");
}

} // namespace millrace::query::sql
