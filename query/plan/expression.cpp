#include <millrace/messages/base/name_table.hpp>
#include <millrace/query/plan/expression.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/plan/table_day.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

constexpr name_table<scalar_function, 34> function_names{{
  {scalar_function::add, "+"},
  {scalar_function::subtract, "-"},
  {scalar_function::multiply, "*"},
  {scalar_function::divide, "%"},
  {scalar_function::quotient, "div"},
  {scalar_function::modulo, "mod"},
  {scalar_function::bar, "xbar"},
  {scalar_function::equal, "="},
  {scalar_function::not_equal, "<>"},
  {scalar_function::less, "<"},
  {scalar_function::greater, ">"},
  {scalar_function::less_equal, "<="},
  {scalar_function::greater_equal, ">="},
  {scalar_function::lesser, "&"},
  {scalar_function::larger, "|"},
  {scalar_function::negate, "neg"},
  {scalar_function::absolute, "abs"},
  {scalar_function::sign, "signum"},
  {scalar_function::floor, "floor"},
  {scalar_function::ceiling, "ceiling"},
  {scalar_function::square_root, "sqrt"},
  {scalar_function::exponential, "exp"},
  {scalar_function::logarithm, "log"},
  {scalar_function::reciprocal, "reciprocal"},
  {scalar_function::logical_not, "not"},
  {scalar_function::is_null, "null"},
  {scalar_function::fill, "^"},
  {scalar_function::in, "in"},
  {scalar_function::within, "within"},
  {scalar_function::like, "like"},
  {scalar_function::conditional, "?"},
  {scalar_function::cast, "$"},
  {scalar_function::table_date, "date"},
  {scalar_function::bounded, "bounded"},
}};

error refused(const expression& what, const std::string& why) {
  return {errc::invalid_argument,
          "at character " + std::to_string(what.place + 1) + ": " + why};
}

error resolve_at(expression& what, const type_lookup& types, size_t depth) {
  if (depth > expression_depth_max)
    return refused(what, "the expression is nested more than "
                           + std::to_string(expression_depth_max)
                           + " levels deep");
  switch (what.what) {
    case expression::kind::column: {
      const auto type = types(what.name);
      if (!type)
        return refused(what, "there is no column '" + what.name + "'");
      what.type = *type;
      return {};
    }
    case expression::kind::constant:
      return width_of(what.type) == 0
               ? refused(what, "a constant of an unknown type")
               : error{};
    case expression::kind::call:
      break;
  }
  std::vector<column_type> operands;
  for (auto& each : what.arguments) {
    if (auto fault = resolve_at(each, types, depth + 1))
      return fault;
    operands.push_back(each.type);
  }
  for (size_t i = 0; i < what.arguments.size(); ++i) {
    const auto& each = what.arguments[i];
    const bool is_constant = each.what == expression::kind::constant;
    const bool wants_list = what.function == scalar_function::in && i == 1;
    if (wants_list && !is_constant)
      return refused(each, "'in' takes a list of constants");
    if (what.function == scalar_function::like && i == 1
        && (!is_constant || each.values.size() != 1
            || !std::holds_alternative<std::string>(each.values[0])))
      return refused(each, "'like' takes a pattern in quotes");
    if (what.function == scalar_function::table_date && i == 1
        && (!is_constant || each.values.size() != 1
            || !std::holds_alternative<std::string>(each.values[0])
            || !day_start(std::get<std::string>(each.values[0]), 0, 0)))
      return refused(each, "dates of a zone that is not known");
    if (what.function == scalar_function::table_date && i == 2
        && (!is_constant || each.values.size() != 1
            || !std::holds_alternative<int64_t>(each.values[0])))
      return refused(each, "dates from an offset that is not known");
    if (is_constant && !wants_list && each.values.size() != 1)
      return refused(each, "'" + std::string{to_string(what.function)}
                             + "' takes one value here, not "
                             + std::to_string(each.values.size()));
  }
  const auto type = result_type(what.function, operands, what.type);
  if (!type) {
    std::string text
      = "'" + std::string{to_string(what.function)} + "' does not take ";
    for (size_t i = 0; i < operands.size(); ++i)
      text += (i ? " and " : "") + std::string{to_string(operands[i])};
    if (operands.empty())
      text += "nothing";
    if (what.function == scalar_function::cast)
      text += " to make " + std::string{to_string(what.type)};
    return refused(what, text);
  }
  what.type = *type;
  return {};
}

} // namespace

std::string_view to_string(scalar_function function) noexcept {
  return function_names.name_of(function);
}

expression column_of(std::string name, uint32_t place) {
  expression out;
  out.what = expression::kind::column;
  out.name = std::move(name);
  out.place = place;
  return out;
}

expression constant_of(column_type type, literal value, uint32_t place) {
  expression out;
  out.type = type;
  out.values.push_back(std::move(value));
  out.place = place;
  return out;
}

expression call_of(scalar_function function, std::vector<expression> arguments,
                   uint32_t place) {
  expression out;
  out.what = expression::kind::call;
  out.function = function;
  out.arguments = std::move(arguments);
  out.place = place;
  return out;
}

error resolve(expression& what, const type_lookup& types) {
  if (auto fault = resolve_at(what, types, 0))
    return fault;
  if (!is_column(what) && is_text(what.type))
    what.type = column_type::symbol;
  return {};
}

void add_columns_of(const expression& what, std::vector<std::string>& names) {
  if (is_column(what)
      && std::find(names.begin(), names.end(), what.name) == names.end())
    names.push_back(what.name);
  for (const auto& each : what.arguments)
    add_columns_of(each, names);
}

void add_conditions_of(const expression& what, std::vector<expression>& out) {
  if (what.what == expression::kind::call
      && what.function == scalar_function::lesser
      && what.type == column_type::boolean
      && what.arguments[0].type == column_type::boolean
      && what.arguments[1].type == column_type::boolean) {
    add_conditions_of(what.arguments[0], out);
    add_conditions_of(what.arguments[1], out);
  } else {
    out.push_back(what);
  }
}

expression
substituted(expression what,
            const std::function<const expression*(std::string_view)>& meaning) {
  if (is_column(what)) {
    const auto* found = meaning(what.name);
    return found ? *found : what;
  }
  for (auto& each : what.arguments)
    each = substituted(std::move(each), meaning);
  return what;
}

std::string to_string(const expression& what) {
  std::string out;
  switch (what.what) {
    case expression::kind::column:
      return what.name;
    case expression::kind::constant:
      if (what.values.size() != 1)
        out += '(';
      for (size_t i = 0; i < what.values.size(); ++i)
        out += (i ? ";" : "") + to_text(what.values[i], what.type);
      if (what.values.size() != 1)
        out += ')';
      return out;
    case expression::kind::call:
      break;
  }
  const auto name = what.function == scalar_function::cast
                      ? "`" + std::string{to_string(what.type)} + "$"
                      : std::string{to_string(what.function)};
  if (what.arguments.size() == 2) {
    const bool word = name.front() >= 'a' && name.front() <= 'z';
    return "(" + to_string(what.arguments[0]) + (word ? " " : "") + name
           + (word ? " " : "") + to_string(what.arguments[1]) + ")";
  }
  out = name + "[";
  for (size_t i = 0; i < what.arguments.size(); ++i)
    out += (i ? ";" : "") + to_string(what.arguments[i]);
  return out + "]";
}

} // namespace millrace::query
