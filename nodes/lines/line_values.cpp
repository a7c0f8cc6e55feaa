#include <millrace/feed/text/number_text.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/lines/line_values.hpp>
#include <millrace/query/front/getdata_values.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/table/columns.hpp>

#include <cmath>
#include <cstdlib>
#include <string>

namespace millrace::nodes {

namespace {

using query::literal;

bool is_number(column_type type) {
  return query::is_numeric(type) && type != column_type::boolean;
}

error refused(std::string_view text, feed::fault why) {
  const auto shown = "'" + std::string{text} + "' ";
  if (why == feed::fault::overflow)
    return {errc::bad_data, shown + "does not fit its type"};
  if (why == feed::fault::not_whole)
    return {errc::bad_data, shown + "is not a whole number"};
  return {errc::invalid_argument, shown + "is not a number"};
}

template <class T>
result<literal> read_float(std::string_view text) {
  T value = 0;
  if (const auto why = feed::parse_scaled(text, {}, value);
      why != feed::fault::none)
    return refused(text, why);
  if (std::isnan(value))
    return literal{};
  return literal{static_cast<double>(value)};
}

result<literal> read_whole(std::string_view text) {
  feed::exact_decimal number;
  int64_t value = 0;
  auto why = feed::parse_exact(text, number);
  if (why == feed::fault::none)
    why = feed::to_whole(number, 1, 1, value);
  if (why != feed::fault::none)
    return refused(text, why);
  return literal{value};
}

/// As JSON gives it: a double may be as whole as it is written.
result<literal> whole_or(literal read, const text::json_value& value,
                         column_type type) {
  const auto* number = std::get_if<double>(&read);
  if (number == nullptr || query::is_float(type) || !query::is_numeric(type))
    return read;
  constexpr double most = 9'223'372'036'854'775'808.0;
  if (std::trunc(*number) != *number)
    return refused(value.dump(), feed::fault::not_whole);
  if (std::abs(*number) >= most)
    return refused(value.dump(), feed::fault::overflow);
  return literal{static_cast<int64_t>(*number)};
}

bool is_text(column_type type) {
  return type == column_type::symbol || type == column_type::string;
}

/// 2024-01-02 is in January.
result<literal> read_month(std::string_view text) {
  auto month = query::parse_literal(text, column_type::month);
  const auto day
    = month ? result<int32_t>{month.failure()} : text::parse_date(text);
  if (month || !day)
    return month;
  const auto civil = text::civil_of(*day);
  return literal{(int64_t{civil.year} - 2000) * 12 + civil.month - 1};
}

} // namespace

result<literal> read_line_number(std::string_view text, column_type type) {
  if (is_number(type) || type == column_type::char_)
    return read_line_text(text, type);
  if (is_text(type))
    return literal{std::string{text}};
  // Of the others a number says nothing, or little.
  return read_line_value(std::strtod(std::string{text}.c_str(), nullptr), type);
}

result<literal> read_line_text(std::string_view text, column_type type) {
  // What stands for no number, or for one without an end, is as in questions.
  const auto bare = text.starts_with('-') ? text.substr(1) : text;
  const bool is_endless
    = query::is_float(type) && (bare == "inf" || bare == "0w" || bare == "0W");
  if (!is_number(type) || text.empty() || text == "0N" || is_endless)
    return type == column_type::month ? read_month(text)
                                      : query::parse_literal(text, type);
  return type == column_type::real     ? read_float<float>(text)
         : type == column_type::float_ ? read_float<double>(text)
                                       : read_whole(text);
}

result<literal> read_line_value(const text::json_value& value,
                                column_type type) {
  const auto named = query::named_type(value);
  const auto& plain = named ? *value.find("value") : value;
  const auto of = named.value_or(type);
  if (plain.boolean() && is_number(of))
    return error{errc::invalid_argument, plain.dump() + " is not a number"};
  if (!named && plain.text())
    return read_line_text(*plain.text(), type);
  // The digit, and not the character that has this number.
  if (of == column_type::char_ && plain.number())
    return read_line_text(plain.dump(), type);
  if (!named && is_text(type) && (plain.number() || plain.boolean()))
    return literal{plain.dump()};
  // A real is read as a double, so that one that does not fit is seen.
  auto read = query::read_literal(
    value, type == column_type::real ? column_type::float_ : type);
  return read ? whole_or(*std::move(read), plain, type) : read;
}

} // namespace millrace::nodes
