#include <millrace/messages/text/civil_time.hpp>
#include <millrace/query/front/getdata_values.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/table/columns.hpp>

#include <algorithm>
#include <limits>

namespace millrace::query {

namespace {

using nlohmann::json;

bool numeric(column_type type) {
  return type <= column_type::float_ && type != column_type::guid;
}

error no_fit(const json& value, column_type type) {
  return {errc::invalid_argument, value.dump()
                                    + " does not fit a column of type "
                                    + std::string{to_string(type)}};
}

double rounded(double value, column_type type) {
  return type == column_type::real
           ? static_cast<double>(static_cast<float>(value))
           : value;
}

result<literal> read_number(const json& value, column_type type) {
  if (is_text(type))
    return no_fit(value, type);
  const bool floats = type == column_type::float_ || type == column_type::real;
  if (value.is_number_unsigned()
      && value.get<uint64_t>()
           > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return floats ? result<literal>{literal{rounded(value.get<double>(), type)}}
                  : no_fit(value, type);
  if (value.is_number_integer()) {
    const auto integer = value.get<int64_t>();
    if (type == column_type::real)
      return literal{rounded(static_cast<double>(integer), type)};
    return literal{integer};
  }
  if (!numeric(type))
    return no_fit(value, type);
  return literal{rounded(value.get<double>(), type)};
}

/// {"type":T,"value":V} beside a column of another type.
result<literal> convert(literal from, column_type type, column_type to,
                        const json& value) {
  if (std::holds_alternative<std::monostate>(from) || type == to)
    return from;
  if (type == column_type::date && to == column_type::timestamp)
    return literal{std::get<int64_t>(from) * text::day_ns};
  if (numeric(type) && numeric(to))
    return from;
  if (is_text(type) && is_text(to) && std::holds_alternative<std::string>(from))
    return from;
  return no_fit(value, to);
}

} // namespace

std::optional<column_type> named_type(const json& value) {
  if (!value.is_object() || value.size() != 2 || !value.contains("type")
      || !value.contains("value") || !value["type"].is_string())
    return std::nullopt;
  return column_type_of(value["type"].get<std::string>());
}

int q_type(column_type type) noexcept {
  return type == column_type::string ? 10 : -static_cast<int>(type);
}

int q_type(const json& value) {
  if (const auto type = named_type(value))
    return q_type(*type);
  switch (value.type()) {
    case json::value_t::string:
      return -11;
    case json::value_t::boolean:
      return -1;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return -7;
    case json::value_t::number_float:
      return -9;
    case json::value_t::object:
      return 99;
    case json::value_t::array:
      break;
    default:
      return 101; // The generic null.
  }
  if (value.empty())
    return 0;
  const auto first = q_type(value.front());
  const bool alike
    = first < 0 && std::all_of(value.begin(), value.end(), [&](const json& x) {
        return q_type(x) == first;
      });
  return alike ? -first : 0;
}

result<literal> read_literal(const json& value, column_type type) {
  if (const auto given = named_type(value)) {
    auto from = read_literal(value["value"], *given);
    if (!from)
      return from;
    return convert(std::move(*from), *given, type, value);
  }
  switch (value.type()) {
    case json::value_t::null:
      return literal{};
    case json::value_t::boolean:
      if (!numeric(type))
        return no_fit(value, type);
      return read_number(json(value.get<bool>() ? 1 : 0), type);
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
    case json::value_t::number_float:
      return read_number(value, type);
    case json::value_t::string:
      return parse_literal(value.get_ref<const std::string&>(), type);
    default:
      return no_fit(value, type);
  }
}

std::string symbol_list(const std::vector<std::string>& names) {
  std::string out = names.size() == 1 ? "," : "";
  for (const auto& name : names)
    out += "`" + name;
  return out;
}

error check_failed(std::string_view check, const std::string& text) {
  return {errc::invalid_argument, std::string{check} + ": " + text};
}

error type_incorrect(std::string_view parameter, std::string_view valid,
                     const json& value) {
  auto shown = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (shown.size() > 80)
    shown = shown.substr(0, 77) + "...";
  return check_failed("checktype", "`" + std::string{parameter}
                                     + " input type incorrect - valid type(s):"
                                     + std::string{valid} + "h - input type:"
                                     + std::to_string(q_type(value)) + "h ("
                                     + shown + ")");
}

std::optional<std::vector<std::string>> read_names(const json& value) {
  if (value.is_string())
    return std::vector<std::string>{value.get<std::string>()};
  if (!value.is_array())
    return std::nullopt;
  std::vector<std::string> out;
  for (const auto& item : value) {
    if (!item.is_string())
      return std::nullopt;
    out.push_back(item.get<std::string>());
  }
  return out;
}

} // namespace millrace::query
