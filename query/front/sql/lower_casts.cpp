#include <millrace/messages/text/letter_case.hpp>
#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/front/sql/lowering_internal.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

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

/// The unit of "interval '5' minute", as the grammar numbers it; none: it
/// names several, or a precision.
std::optional<std::string_view> unit_of_mask(int64_t mask) {
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
      return std::nullopt;
  }
}

/// The first `count` characters.
std::string first_characters(const std::string& text, int64_t count) {
  size_t at = 0;
  for (; at < text.size(); ++at)
    // Bytes within a character count for none.
    if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80 && count-- == 0)
      break;
  return text.substr(0, at);
}

constexpr int64_t digits_max = 15; ///< That a float surely has.

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

result<expression> row_scope::to_digits(expression what, int64_t digits,
                                        uint32_t place) {
  if (digits < -digits_max || digits > digits_max)
    return owner_.refused(place, "there are at most "
                                   + std::to_string(digits_max)
                                   + " digits to round to");
  if (auto fault = owner_.count_parts(16 * size_of(what), place))
    return fault;
  auto number = cast(std::move(what), column_type::float_, place);
  if (!number)
    return number;
  const auto real = [&](double value) {
    return constant_of(column_type::float_, value, place);
  };
  // A power of ten that is no fraction is exact.
  const auto scale
    = real(std::pow(10.0, static_cast<double>(std::abs(digits))));
  auto scaled = call(digits < 0 ? fn::divide : fn::multiply,
                     {*std::move(number), scale}, place);
  // PostgreSQL makes a numeric of 15 digits of a float first: 1.005, which a
  // float has not, is a half to it.
  auto size = scaled ? call(fn::absolute, {*scaled}, place) : scaled;
  if (!size)
    return size;
  auto is_near = call(fn::less, {*size, real(1e13)}, place);
  // From 2^52 on a float has no fraction, and half a unit makes another one.
  auto has_fraction
    = call(fn::less, {*size, real(4'503'599'627'370'496.0)}, place);
  auto half = call(fn::conditional,
                   {*std::move(has_fraction), real(0.5), real(0)}, place);
  auto nudged
    = is_near ? call(fn::multiply, {*scaled, real(1 + 1e-15)}, place) : is_near;
  auto near
    = nudged ? call(fn::conditional,
                    {*std::move(is_near), *std::move(nudged), *scaled}, place)
             : nudged;
  if (!near)
    return near;
  auto is_below = call(fn::less, {*near, real(0)}, place);
  auto above = call(fn::floor, {*call(fn::add, {*near, *half}, place)}, place);
  auto below
    = call(fn::ceiling, {*call(fn::subtract, {*near, *half}, place)}, place);
  auto whole
    = call(fn::conditional,
           {*std::move(is_below), *std::move(below), *std::move(above)}, place);
  auto back
    = whole ? cast(*std::move(whole), column_type::float_, place) : whole;
  return back ? call(digits < 0 ? fn::multiply : fn::divide,
                     {*std::move(back), scale}, place)
              : back;
}

result<expression> row_scope::to_fraction(expression what, int64_t digits,
                                          uint32_t place) {
  constexpr int64_t digits_of_ns = 9;
  if (digits < 0 || digits > digits_of_ns)
    return owner_.refused(place, "a time has 0 to 9 digits after its seconds");
  int64_t width = 1;
  for (auto i = digits; i < digits_of_ns; ++i)
    width *= 10;
  if (width == 1)
    return what;
  const auto span
    = [&](int64_t ns) { return constant_of(column_type::timespan, ns, place); };
  auto moved = call(fn::add, {std::move(what), span(width / 2)}, place);
  return moved ? call(fn::bar, {span(width), *std::move(moved)}, place) : moved;
}

/// What a cast to a type with numbers after it, as numeric(10,2), makes of a
/// value of the type.
result<expression> row_scope::narrowed(expression what, const std::string& type,
                                       const json_value::list& numbers,
                                       uint32_t place) {
  std::vector<int64_t> given;
  for (const auto& each : numbers) {
    const auto node = tree_of(each);
    if (node.kind != "A_Const" || !node.body->find("ival"))
      return owner_.wrong(place,
                          "the precision of '" + type + "' is a whole number");
    given.push_back(owner_.whole_number(*node.body));
  }
  if (type == "numeric" && given.size() <= 2) {
    const auto digits = given.size() == 2 ? given[1] : 0;
    if (given[0] < 1 || digits < 0 || digits > given[0])
      return owner_.refused(place, "of numeric(p, s) p is above 0, and s is 0 "
                                   "to p");
    auto made = to_digits(std::move(what), digits, place);
    const auto bound = std::pow(10.0, static_cast<double>(given[0] - digits));
    return made && std::isfinite(bound) ? call(
             fn::bounded,
             {*std::move(made), constant_of(column_type::float_, bound, place)},
             place)
                                        : made;
  }
  if (given.size() == 1
      && (type == "timestamp" || type == "timestamptz" || type == "time"))
    return to_fraction(std::move(what), given[0], place);
  if (given.size() == 1 && type == "varchar") {
    if (given[0] < 1)
      return owner_.wrong(place, "the length of 'varchar' is above 0");
    auto* text
      = what.what == expression::kind::constant && what.values.size() == 1
          ? std::get_if<std::string>(&what.values.front())
          : nullptr;
    if (!text)
      return owner_.refused(place, "varchar(n) is of constants: texts of rows "
                                   "are not made shorter");
    *text = first_characters(*text, given[0]);
    return what;
  }
  return owner_.refused(place, "the precision of '" + type
                                 + "' is not there to cast to");
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
  const auto& numbers = name.at("typmods").elements();
  const bool is_unit
    = wanted == "interval" && is_untyped(argument) && numbers.size() == 1;
  if (wanted == "interval" && !numbers.empty() && !is_unit)
    return owner_.refused(at,
                          "the precision of 'interval' is not there to cast "
                          "to");
  const auto* unit = is_unit ? &numbers.front() : nullptr;
  auto made = is_untyped(argument)
                ? typed_constant(argument, found->type, unit, at)
                : typed_value(argument, found->type, at);
  return !made || numbers.empty() || is_unit
           ? made
           : narrowed(*std::move(made), wanted, numbers, at);
}

/// @param unit that of the words after an interval; nullptr: there are none
result<expression> row_scope::typed_constant(const json_value& constant,
                                             column_type type,
                                             const json_value* unit,
                                             uint32_t place) {
  const auto inner = tree_of(constant);
  if (inner.body->find("isnull"))
    return constant_of(type, std::monostate{}, place);
  auto letters = inner["sval"].at("sval").text_or_empty();
  if (unit) {
    const auto word = unit_of_mask(owner_.whole_number(*tree_of(*unit).body));
    if (!word)
      return owner_.refused(place, "an interval has one unit after it, or all "
                                   "of them within its text");
    letters += *word;
  }
  auto read = parse_constant(letters, type);
  if (!read)
    return owner_.wrong(place, read.failure().context);
  return constant_of(type, *std::move(read), place);
}

result<expression> row_scope::typed_value(const json_value& node,
                                          column_type type, uint32_t place) {
  auto what = operand(node);
  if (!what)
    return what;
  if (is_text(type)) {
    if (is_text(what->type))
      return what;
    return owner_.refused(place, "a value of type "
                                   + std::string{to_string(what->type)}
                                   + " is not made a text");
  }
  if (type == column_type::boolean && is_whole(what->type)) {
    const auto zero = constant_of(column_type::long_, int64_t{0}, place);
    return compared(fn::not_equal, *std::move(what), zero, place);
  }
  return cast(*std::move(what), type, place);
}

} // namespace millrace::query::sql
