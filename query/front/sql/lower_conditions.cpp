#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/front/sql/lowering_internal.hpp>

#include <algorithm>

// A condition of SQL is true, false or unknown; an expression of a plan is true
// or false. So a condition is asked for as "is it true" or as "is it false",
// and is unknown when it is neither.

namespace millrace::query::sql {

namespace {

using fn = scalar_function;

std::optional<fn> comparison_of(std::string_view sign) {
  if (sign == "=")
    return fn::equal;
  if (sign == "<>" || sign == "!=")
    return fn::not_equal;
  if (sign == "<")
    return fn::less;
  if (sign == "<=")
    return fn::less_equal;
  if (sign == ">")
    return fn::greater;
  if (sign == ">=")
    return fn::greater_equal;
  return std::nullopt;
}

fn opposite(fn function) {
  switch (function) {
    case fn::equal:
      return fn::not_equal;
    case fn::not_equal:
      return fn::equal;
    case fn::less:
      return fn::greater_equal;
    case fn::less_equal:
      return fn::greater;
    case fn::greater:
      return fn::less_equal;
    default:
      return fn::less;
  }
}

bool is_one_constant(const expression& what) {
  return what.what == expression::kind::constant && what.values.size() == 1;
}

} // namespace

result<expression> row_scope::both_true(expression a, expression b) {
  if (const auto known = known_truth(a))
    return *known ? std::move(b) : std::move(a);
  if (const auto known = known_truth(b))
    return *known ? std::move(a) : std::move(b);
  const auto place = a.place;
  return call(fn::lesser, {std::move(a), std::move(b)}, place, "AND");
}

result<expression> row_scope::either_true(expression a, expression b) {
  if (const auto known = known_truth(a))
    return *known ? std::move(a) : std::move(b);
  if (const auto known = known_truth(b))
    return *known ? std::move(b) : std::move(a);
  const auto place = a.place;
  return call(fn::larger, {std::move(a), std::move(b)}, place, "OR");
}

result<expression> row_scope::not_true(expression a) {
  if (const auto known = known_truth(a))
    return truth_constant(!*known);
  const auto place = a.place;
  return call(fn::logical_not, {std::move(a)}, place, "NOT");
}

result<expression> row_scope::is_null(expression what) {
  if (is_one_constant(what))
    return truth_constant(is_null_constant(what));
  if (never_null(what))
    return truth_constant(false);
  const auto place = what.place;
  return call(fn::is_null, {std::move(what)}, place, "IS NULL");
}

result<expression> row_scope::is_not_null(expression what) {
  auto test = is_null(std::move(what));
  return test ? not_true(*std::move(test)) : test;
}

result<expression> row_scope::compared(scalar_function function,
                                       expression left, expression right,
                                       uint32_t place) {
  if (is_null_constant(left) || is_null_constant(right))
    return truth_constant(false);
  if (auto fault = owner_.count_parts(size_of(left) + size_of(right), place))
    return fault;
  // Nulls are the smallest value and equal to each other: only the side that
  // could be true with one is tested.
  const bool test_left
    = function == fn::less || function == fn::less_equal
      || function == fn::not_equal
      || (function == fn::equal && !never_null(left) && !never_null(right));
  const bool test_right = function == fn::greater
                          || function == fn::greater_equal
                          || function == fn::not_equal;
  auto out = call(function, {left, right}, place);
  for (const auto* side :
       {test_left ? &left : nullptr, test_right ? &right : nullptr}) {
    if (!out || !side)
      continue;
    auto there = is_not_null(*side);
    if (!there)
      return there;
    out = both_true(*std::move(out), *std::move(there));
  }
  return out;
}

error row_scope::add_conditions(const json_value& node,
                                std::vector<expression>& out) {
  // The null test of a comparison is a condition of its own.
  const auto split = [&](auto&& self, expression part) -> void {
    if (part.what == expression::kind::call && part.function == fn::lesser
        && part.type == column_type::boolean) {
      for (auto& each : part.arguments)
        self(self, std::move(each));
      return;
    }
    if (known_truth(part) != true)
      out.push_back(std::move(part));
  };
  for (const auto* each : all_of(node)) {
    auto condition = truth(*each, true);
    if (!condition)
      return condition.failure();
    split(split, *std::move(condition));
  }
  return {};
}

result<expression> row_scope::truth(const json_value& node, bool wanted) {
  if (auto fault = owner_.count_parts(1, 0))
    return fault;
  const auto what = tree_of(node);
  if (!what.body)
    return owner_.wrong(0, "a condition is missing");
  const auto place = owner_.place_of(*what.body);
  if (what.kind == "BoolExpr")
    return boolean_of(*what.body, wanted, place);
  if (what.kind == "NullTest")
    return null_test(*what.body, wanted, place);
  if (what.kind == "BooleanTest")
    return truth_test(*what.body, wanted, place);
  if (what.kind == "SubLink"
      && what["subLinkType"].text_or_empty() != "EXPR_SUBLINK")
    return query_condition(*what.body, wanted, place);
  if (what.kind == "FuncCall"
      && names_in(what["funcname"]).back() == "__in_interval")
    return in_interval(*what.body, wanted, place);
  if (what.kind == "A_Expr") {
    const auto& kind = what["kind"].text_or_empty();
    const auto sign = names_in(what["name"]).back();
    if (kind == "AEXPR_OP" && comparison_of(sign))
      return compared_nodes(*what.body, wanted, place);
    if (kind == "AEXPR_IN")
      return in_list(*what.body, wanted == (sign == "="), place);
    if (kind == "AEXPR_OP_ANY" && sign == "=")
      return in_list(*what.body, wanted, place);
    if (kind == "AEXPR_OP_ALL" && sign == "<>")
      return in_list(*what.body, !wanted, place);
    if (kind == "AEXPR_BETWEEN" || kind == "AEXPR_NOT_BETWEEN")
      return between(*what.body, wanted == (kind == "AEXPR_BETWEEN"), place);
    if (kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE")
      return like(*what.body, wanted == !sign.starts_with('!'), place);
    if (kind == "AEXPR_DISTINCT" || kind == "AEXPR_NOT_DISTINCT")
      return distinct_from(*what.body, wanted == (kind == "AEXPR_DISTINCT"),
                           place);
    if (kind != "AEXPR_OP" && kind != "AEXPR_NULLIF")
      return owner_.refused(place,
                            "this condition is not there (" + sign + ")");
  }
  auto out = value(node);
  if (!out)
    return out;
  if (is_null_constant(*out))
    return truth_constant(false);
  if (out->type != column_type::boolean)
    return owner_.wrong(place, "a condition is true or false, not of type "
                                 + std::string{to_string(out->type)});
  if (wanted)
    return out;
  if (auto fault = check_known(node, *out))
    return fault;
  return not_true(*std::move(out));
}

result<expression> row_scope::boolean_of(const json_value& body, bool wanted,
                                         uint32_t place) {
  const auto& kind = body.at("boolop").text_or_empty();
  const auto& parts = body.at("args").elements();
  if (kind == "NOT_EXPR")
    return truth(parts.front(), !wanted);
  const bool all = (kind == "AND_EXPR") == wanted;
  auto out = truth_constant(all);
  for (const auto& each : parts) {
    auto part = truth(each, wanted);
    if (!part)
      return part;
    auto both = all ? both_true(std::move(out), *std::move(part))
                    : either_true(std::move(out), *std::move(part));
    if (!both)
      return both;
    out = *std::move(both);
  }
  out.place = place;
  return out;
}

result<expression> row_scope::compared_nodes(const json_value& body,
                                             bool wanted, uint32_t place) {
  auto function = *comparison_of(names_in(body.at("name")).back());
  auto pair = both(body.at("lexpr"), body.at("rexpr"));
  if (!pair)
    return pair.failure();
  return compared(wanted ? function : opposite(function),
                  std::move(pair->first), std::move(pair->second), place);
}

/// The values after IN or in the brackets of ANY.
/// @param written keeps those of '{a,b}'
result<const json_value*> row_scope::listed(const json_value& node,
                                            json_value& written,
                                            uint32_t place) const {
  auto right = tree_of(node);
  // ARRAY[...]::text[]: its elements have the type of what they are compared
  // with.
  if (right.kind == "TypeCast"
      && right.body->at("typeName").find("arrayBounds") != nullptr)
    right = tree_of(right.body->at("arg"));
  if (right.kind == "List")
    return right.body->find("items");
  if (right.kind == "A_ArrayExpr") {
    const auto* elements = right.body->find("elements");
    written = json_value::array();
    return elements ? elements : &written;
  }
  const auto* text
    = right.kind == "A_Const" ? right.body->find("sval") : nullptr;
  if (!text)
    return owner_.refused(place, "a list of values is wanted here");
  const auto elements = parse_array(text->at("sval").text_or_empty());
  if (!elements)
    return owner_.wrong(place, elements.failure().context);
  written = json_value::array();
  for (const auto& each : *elements)
    written.add({{"A_Const", each ? json_value{{"sval", {{"sval", *each}}}}
                                  : json_value{{"isnull", true}}}});
  return &written;
}

result<expression> row_scope::in_list(const json_value& body, bool wanted,
                                      uint32_t place) {
  json_value written;
  const auto items = listed(body.at("rexpr"), written, place);
  if (!items)
    return items.failure();
  std::vector<expression> values;
  std::optional<expression> left;
  bool has_null = false;
  bool constants = true;
  for (const auto& item : (*items)->elements()) {
    result<expression> value_of_item{truth_constant(false)};
    if (left && !is_untyped(body.at("lexpr"))) {
      value_of_item = operand(item);
      if (value_of_item)
        value_of_item = adapted(*std::move(value_of_item), item, left->type);
      if (!value_of_item)
        return value_of_item;
    } else {
      auto pair = both(body.at("lexpr"), item);
      if (!pair)
        return pair.failure();
      left = std::move(pair->first);
      value_of_item = std::move(pair->second);
    }
    auto& each = *value_of_item;
    if (is_null_constant(each)) {
      has_null = true;
      continue;
    }
    // A list has one type: days and nanoseconds do not stand in one.
    const bool alike
      = values.empty() || each.type == values.front().type
        || (is_numeric(each.type) && is_numeric(values.front().type));
    constants = constants && alike && is_one_constant(each);
    values.push_back(std::move(each));
  }
  if (!left) // An array without elements.
    return truth_constant(!wanted);
  if (values.empty() || (!wanted && has_null))
    return truth_constant(false);
  if (constants)
    return in_constants(*std::move(left), std::move(values), wanted, place);
  auto out = truth_constant(!wanted);
  for (auto& each : values) {
    auto part = compared(wanted ? fn::equal : fn::not_equal, *left,
                         std::move(each), place);
    if (!part)
      return part;
    auto both = wanted ? either_true(std::move(out), *std::move(part))
                       : both_true(std::move(out), *std::move(part));
    if (!both)
      return both;
    out = *std::move(both);
  }
  return out;
}

/// The same, of constants that are not null.
result<expression> row_scope::in_constants(expression left,
                                           std::vector<expression> values,
                                           bool wanted, uint32_t place) {
  const bool floats
    = std::any_of(values.begin(), values.end(),
                  [](const auto& each) { return is_float(each.type); });
  auto list = constant_of(floats ? column_type::float_ : values[0].type,
                          literal{}, values[0].place);
  list.values.clear();
  for (auto& each : values) {
    const auto* whole = std::get_if<int64_t>(&each.values.front());
    if (floats && whole)
      list.values.emplace_back(static_cast<double>(*whole));
    else
      list.values.push_back(std::move(each.values.front()));
  }
  auto found = call(fn::in, {left, std::move(list)}, place, "IN");
  if (!found || wanted)
    return found;
  auto there = is_not_null(std::move(left));
  auto missing = not_true(*std::move(found));
  if (!there || !missing)
    return there ? missing : there;
  return both_true(*std::move(missing), *std::move(there));
}

/// The value lies from `low` to `high`, constants that are not null; or, unless
/// `wanted`, it is known not to.
result<expression> row_scope::within(expression value, expression low,
                                     expression high, bool wanted,
                                     uint32_t place, std::string_view written) {
  auto left = value;
  auto inside
    = call(fn::within, {std::move(value), std::move(low), std::move(high)},
           place, written);
  if (!inside || wanted)
    return inside;
  auto there = is_not_null(std::move(left));
  auto outside = not_true(*std::move(inside));
  if (!there || !outside)
    return there ? outside : there;
  return both_true(*std::move(outside), *std::move(there));
}

result<expression> row_scope::between(const json_value& body, bool wanted,
                                      uint32_t place) {
  const auto& bounds = tree_of(body.at("rexpr"))["items"].elements();
  auto low = both(body.at("lexpr"), bounds[0]);
  if (!low)
    return low.failure();
  auto high = both(body.at("lexpr"), bounds[1]);
  if (!high)
    return high.failure();
  const bool constants
    = is_one_constant(low->second) && is_one_constant(high->second)
      && !is_null_constant(low->second) && !is_null_constant(high->second);
  if (constants)
    return within(std::move(low->first), std::move(low->second),
                  std::move(high->second), wanted, place, "BETWEEN");
  auto above = compared(wanted ? fn::greater_equal : fn::less,
                        std::move(low->first), std::move(low->second), place);
  auto below = compared(wanted ? fn::less_equal : fn::greater,
                        std::move(high->first), std::move(high->second), place);
  if (!above || !below)
    return above ? below : above;
  return wanted ? both_true(*std::move(above), *std::move(below))
                : either_true(*std::move(above), *std::move(below));
}

result<expression> row_scope::like(const json_value& body, bool wanted,
                                   uint32_t place) {
  auto pattern = tree_of(body.at("rexpr"));
  char escape = '\\';
  if (pattern.kind == "FuncCall"
      && names_in(pattern["funcname"]).back() == "like_escape") {
    const auto& arguments = pattern["args"].elements();
    const auto& letters
      = tree_of(arguments[1])["sval"].at("sval").text_or_empty();
    if (letters.size() > 1)
      return owner_.wrong(place, "the escape of LIKE is one character");
    escape = letters.empty() ? '\0' : letters.front();
    pattern = tree_of(arguments[0]);
  }
  if (pattern.kind != "A_Const" || !pattern.body->find("sval"))
    return owner_.refused(place, "LIKE takes a pattern in quotes");
  auto left = value(body.at("lexpr"));
  if (!left)
    return left;
  if (!is_text(left->type))
    return owner_.wrong(place, "LIKE takes a text, not a value of type "
                                 + std::string{to_string(left->type)});
  const auto& letters = pattern["sval"].at("sval").text_or_empty();
  auto made = like_pattern_of(letters, escape,
                              body.at("kind").text_or_empty() == "AEXPR_ILIKE");
  if (!made)
    return owner_.wrong(owner_.place_of(*pattern.body), made.failure().context,
                        made.failure().code);
  const bool may_be_empty = made->find_first_not_of('*') == made->npos;
  auto subject = *left;
  auto test = call(fn::like,
                   {*std::move(left),
                    constant_of(column_type::string, *std::move(made), place)},
                   place, "LIKE");
  if (!test)
    return test;
  if (wanted && !may_be_empty)
    return test;
  auto there = is_not_null(std::move(subject));
  if (!wanted)
    test = not_true(*std::move(test));
  if (!there || !test)
    return there ? test : there;
  return both_true(*std::move(test), *std::move(there));
}

result<expression> row_scope::distinct_from(const json_value& body,
                                            bool different, uint32_t place) {
  auto pair = both(body.at("lexpr"), body.at("rexpr"));
  if (!pair)
    return pair.failure();
  const auto& [left, right] = *pair;
  // A boolean that is null would be false.
  if (left.type == column_type::boolean
      && (is_null_constant(left) || is_null_constant(right)))
    return truth_constant((is_null_constant(left) != is_null_constant(right))
                          == different);
  return call(different ? fn::not_equal : fn::equal,
              {std::move(pair->first), std::move(pair->second)}, place,
              "IS DISTINCT FROM");
}

result<expression> row_scope::null_test(const json_value& body, bool wanted,
                                        uint32_t place) {
  const bool is_test
    = (body.at("nulltesttype").text_or_empty() == "IS_NULL") == wanted;
  const auto arg = tree_of(body.at("arg"));
  const bool in_query = arg.kind == "SubLink"
                        && arg["subLinkType"].text_or_empty() == "ANY_SUBLINK";
  if (arg.kind == "BoolExpr" || arg.kind == "A_Expr" || in_query) {
    auto what = value(body.at("arg"));
    if (!what)
      return what;
    if (what->type == column_type::boolean) {
      auto yes = truth(body.at("arg"), true);
      auto no = truth(body.at("arg"), false);
      if (!yes || !no)
        return yes ? no : yes;
      auto known = either_true(*std::move(yes), *std::move(no));
      return !known || !is_test ? known : not_true(*std::move(known));
    }
    auto test = is_null(*std::move(what));
    return !test || is_test ? test : not_true(*std::move(test));
  }
  auto what = value(body.at("arg"));
  if (!what)
    return what;
  if (auto fault = check_known(body.at("arg"), *what))
    return fault;
  what->place = place;
  auto test = is_null(*std::move(what));
  return !test || is_test ? test : not_true(*std::move(test));
}

result<expression> row_scope::truth_test(const json_value& body, bool wanted,
                                         uint32_t) {
  const auto& kind = body.at("booltesttype").text_or_empty();
  const bool negated = kind.find("_NOT_") != kind.npos;
  const bool positive = wanted != negated;
  if (kind.ends_with("UNKNOWN")) {
    auto yes = truth(body.at("arg"), true);
    auto no = truth(body.at("arg"), false);
    if (!yes || !no)
      return yes ? no : yes;
    auto known = either_true(*std::move(yes), *std::move(no));
    return !known || !positive ? known : not_true(*std::move(known));
  }
  auto out = truth(body.at("arg"), kind.ends_with("TRUE"));
  return !out || positive ? out : not_true(*std::move(out));
}

/// "t IN '2024-05'"
result<expression> row_scope::in_interval(const json_value& body, bool wanted,
                                          uint32_t place) {
  const auto& arguments = body.at("args").elements();
  auto time = value(arguments[0]);
  if (!time)
    return time;
  const auto text = tree_of(arguments[1]);
  const auto span
    = parse_time_interval(text["sval"].at("sval").text_or_empty());
  if (!span)
    return owner_.wrong(owner_.place_of(*text.body, place),
                        span.failure().context);
  if (time->type != column_type::timestamp)
    return owner_.wrong(place,
                        "IN '...' takes a timestamp, not a value of type "
                          + std::string{to_string(time->type)});
  return within(*std::move(time),
                constant_of(column_type::timestamp, span->first, place),
                constant_of(column_type::timestamp, span->second, place),
                wanted, place, "IN");
}

} // namespace millrace::query::sql
