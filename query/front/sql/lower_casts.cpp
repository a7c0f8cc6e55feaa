#include <millrace/messages/text/letter_case.hpp>
#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/front/sql/lowering_internal.hpp>

#include <algorithm>
#include <array>

namespace millrace::query::sql {

namespace {

using fn = scalar_function;

struct named_type {
  std::string_view name;
  column_type type;
};
constexpr std::array types{
  named_type{"bool", column_type::boolean},
  named_type{"boolean", column_type::boolean},
  named_type{"int2", column_type::short_},
  named_type{"int4", column_type::int_},
  named_type{"int8", column_type::long_},
  named_type{"bigint", column_type::long_},
  named_type{"float4", column_type::real},
  named_type{"float8", column_type::float_},
  named_type{"double", column_type::float_},
  named_type{"numeric", column_type::float_},
  named_type{"text", column_type::string},
  named_type{"varchar", column_type::string},
  named_type{"symbol", column_type::symbol},
  named_type{"date", column_type::date},
  named_type{"timestamp", column_type::timestamp},
  named_type{"timestamptz", column_type::timestamp},
  named_type{"interval", column_type::timespan},
  // A time of day with all its digits.
  named_type{"time", column_type::timespan},
  named_type{"uuid", column_type::guid},
};

/// The unit of "interval '5' minute", as the grammar numbers it.
std::string_view unit_of_mask(int64_t mask) {
  switch (mask) {
    case 2:
      return " month";
    case 4:
      return " year";
    case 8:
      return " day";
    case 1024:
      return " hour";
    case 2048:
      return " minute";
    case 4096:
      return " second";
    default:
      return "";
  }
}

} // namespace

bool is_whole(column_type type) {
  return is_numeric(type) && !is_float(type) && type != column_type::boolean;
}

column_type number_of_both(column_type a, column_type b) {
  return is_float(a) == is_float(b) ? std::max(a, b) : column_type::float_;
}

bool is_untyped(const json_value& node) {
  const auto what = tree_of(node);
  return what.kind == "A_Const"
         && (what.body->find("sval") || what.body->find("isnull"));
}

result<expression> row_scope::cast(expression what, column_type to,
                                   uint32_t place) {
  if (what.type == to)
    return what;
  if (is_null_constant(what))
    return constant_of(to, std::monostate{}, place);
  const column_type has[] = {what.type};
  const auto type = result_type(fn::cast, has, to);
  if (!type)
    return owner_.wrong(
      place, "a value of type " + std::string{to_string(what.type)}
               + " cannot be made one of type " + std::string{to_string(to)});
  if (is_float(what.type) && is_whole(to)) {
    // Half a unit goes to the even neighbour.
    if (auto fault = owner_.count_parts(4 * size_of(what), place))
      return fault;
    auto floor = call(fn::floor, {what}, place);
    if (!floor)
      return floor;
    auto rest = call(fn::subtract, {what, *floor}, place);
    const auto half = constant_of(column_type::float_, 0.5, place);
    const auto one = constant_of(column_type::long_, int64_t{1}, place);
    const auto two = constant_of(column_type::long_, int64_t{2}, place);
    auto odd = call(fn::modulo, {*floor, two}, place);
    auto even = call(fn::add, {*floor, *odd}, place);
    auto above = call(fn::add, {*floor, one}, place);
    auto is_above = call(fn::greater, {*rest, half}, place);
    auto is_below = call(fn::less, {*rest, half}, place);
    auto near = call(fn::conditional, {*is_below, *floor, *even}, place);
    auto out = call(fn::conditional, {*is_above, *above, *near}, place);
    return out ? cast(*std::move(out), to, place) : out;
  }
  auto out = call_of(fn::cast, {}, place);
  out.arguments.push_back(std::move(what));
  out.type = to;
  return out;
}

error row_scope::make_alike(expression& left, expression& right,
                            uint32_t place) {
  if (!is_numeric(left.type) || !is_numeric(right.type)
      || is_float(left.type) == is_float(right.type))
    return {};
  for (auto* side : {&left, &right}) {
    auto made = cast(std::move(*side), column_type::float_, place);
    if (!made)
      return made.failure();
    *side = *std::move(made);
  }
  return {};
}

result<expression> row_scope::typed_cast(const json_value& body,
                                         uint32_t place) {
  const auto& name = body.at("typeName");
  const auto names = names_in(name.at("names"));
  const auto wanted
    = names.empty() ? std::string{} : text::lower_case(names.back());
  const auto found
    = std::find_if(types.begin(), types.end(),
                   [&](const auto& each) { return each.name == wanted; });
  // A cast in front of a constant stands at its type.
  const auto at = owner_.place_of(name, place);
  if (found == types.end() || name.find("arrayBounds"))
    return owner_.refused(at, "there is no type '" + wanted + "' to cast to");
  const auto& argument = body.at("arg");
  if (is_untyped(argument)) {
    const auto inner = tree_of(argument);
    if (inner.body->find("isnull"))
      return constant_of(found->type, std::monostate{}, at);
    auto letters = inner["sval"].at("sval").text_or_empty();
    if (found->type == column_type::timespan) {
      const auto& mask = name.at("typmods").elements();
      if (!mask.empty())
        letters
          += unit_of_mask(owner_.whole_number(*tree_of(mask.front()).body));
    }
    auto read = parse_constant(letters, found->type);
    if (!read)
      return owner_.wrong(at, read.failure().context);
    return constant_of(found->type, *std::move(read), at);
  }
  auto what = operand(argument);
  if (!what)
    return what;
  if (is_text(found->type)) {
    if (is_text(what->type) && name.at("typmods").elements().empty())
      return what;
    return owner_.refused(at, "a value of type "
                                + std::string{to_string(what->type)}
                                + " is not made a text");
  }
  if (found->type == column_type::boolean && is_whole(what->type)) {
    const auto zero = constant_of(column_type::long_, int64_t{0}, at);
    return compared(fn::not_equal, *std::move(what), zero, at);
  }
  return cast(*std::move(what), found->type, at);
}

} // namespace millrace::query::sql
