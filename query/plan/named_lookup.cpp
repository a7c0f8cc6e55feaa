#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/plan/named_lookup.hpp>

#include <optional>
#include <utility>

namespace millrace::query {

namespace {

/// By what a value of one type is multiplied to be one of another; none: it is
/// none.
std::optional<int64_t> factor(column_type from, column_type to) {
  using enum column_type;
  constexpr int64_t second_ns = 1'000'000'000;
  const auto is_whole
    = [](column_type type) { return type >= short_ && type <= long_; };
  if (is_whole(from) && (is_whole(to) || to == byte_ || to == boolean))
    return from <= to && to != byte_ && to != boolean ? std::optional{1}
                                                      : std::nullopt;
  if (from == date && to == timestamp)
    return 86'400 * second_ns;
  if (to == timespan)
    switch (from) {
      case minute:
        return 60 * second_ns;
      case second:
        return second_ns;
      case column_type::time:
        return second_ns / 1000;
      default:
        break;
    }
  return std::nullopt;
}

bool is_float_type(column_type type) {
  return type == column_type::real || type == column_type::float_;
}

result<literal> fit_value(const literal& value, column_type from,
                          column_type to) {
  if (from == to || std::holds_alternative<std::monostate>(value))
    return value;
  const bool is_text = from == column_type::string || from == column_type::char_
                       || from == column_type::symbol;
  if (const auto* text = std::get_if<std::string>(&value); text && is_text)
    return parse_literal(*text, to);
  if (const auto* number = std::get_if<int64_t>(&value)) {
    if (const auto times = factor(from, to)) {
      int64_t out = 0;
      if (__builtin_mul_overflow(*number, *times, &out))
        return error{errc::invalid_argument, "it is out of range"};
      return literal{out};
    }
    const bool is_whole
      = from >= column_type::short_ && from <= column_type::long_;
    if (is_whole && is_float_type(to))
      return literal{static_cast<double>(*number)};
    // Without a letter a whole number is a long.
    if (is_whole && to >= column_type::short_ && to <= column_type::long_) {
      const auto range = range_of(to);
      if (*number >= range.low && *number <= range.high)
        return value;
      return error{errc::invalid_argument, "it is out of range"};
    }
  }
  if (std::holds_alternative<double>(value) && is_float_type(from)
      && is_float_type(to))
    return to == column_type::real ? literal{static_cast<double>(
             static_cast<float>(std::get<double>(value)))}
                                   : value;
  return error{errc::invalid_argument,
               "a " + std::string{to_string(from)} + " is none"};
}

} // namespace

result<argument_value> fit(argument_value given, column_type type) {
  for (auto& value : given.values) {
    auto made = fit_value(value, given.type, type);
    if (!made)
      return error{errc::invalid_argument, "a " + std::string{to_string(type)}
                                             + " is wanted, "
                                             + to_text(value, given.type) + ": "
                                             + made.failure().context};
    value = *std::move(made);
  }
  given.type = type;
  return given;
}

std::vector<std::string> named_lookup::names() const {
  std::vector<std::string> out;
  if (list)
    for (auto& each : list())
      out.push_back(std::move(each.name));
  return out;
}

} // namespace millrace::query
