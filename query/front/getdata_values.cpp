#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/time_scan.hpp>
#include <millrace/query/front/getdata_values.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/table/columns.hpp>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

namespace millrace::query {

namespace {

using json = text::json_value;

error no_fit(const json& value, column_type type) {
  return {errc::invalid_argument, value.dump()
                                    + " does not fit a column of type "
                                    + std::string{to_string(type)}};
}

/// What a number counts, and since when, nobody knows: units of a type differ
/// between programs, and a wrong guess is a time of another year.
error no_unit(const json& value) {
  return {errc::invalid_argument,
          value.dump()
            + " is a number without a unit: write the time as text "
              "(\"2024-01-02T14:30:00Z\"), or a timestamp as "
              "{\"unix_ms\": 1704205800000}; unix_s, unix_us and unix_ns are "
              "units too"};
}

/// {"unix_ms": 1704205800000}: nanoseconds since 2000; none for another form.
std::optional<result<literal>> unit_time(const json& value) {
  constexpr std::pair<std::string_view, int64_t> known[]
    = {{"unix_s", 1'000'000'000},
       {"unix_ms", 1'000'000},
       {"unix_us", 1'000},
       {"unix_ns", 1}};
  if (!value.is_object() || value.entries().size() != 1)
    return std::nullopt;
  const auto& [unit, count] = *value.entries().begin();
  for (const auto& [name, ns] : known) {
    if (unit != name)
      continue;
    const auto whole = count.integer();
    int64_t at = 0;
    if (whole && text::counts_coarser_unit(*whole, ns))
      return error{errc::invalid_argument,
                   count.dump()
                     + " has as many digits as a time of another unit than "
                     + unit};
    if (!whole || __builtin_mul_overflow(*whole, ns, &at)
        || __builtin_sub_overflow(at, epoch_2000_ns, &at) || at == null_long)
      return error{errc::invalid_argument,
                   count.dump() + " is not a whole number of " + unit
                     + " within the years 1970 to 2261"};
    return literal{at};
  }
  return std::nullopt;
}

double rounded(double value, column_type type) {
  return type == column_type::real
           ? static_cast<double>(static_cast<float>(value))
           : value;
}

result<literal> read_number(const json& value, column_type type) {
  if (is_temporal(type))
    return no_unit(value);
  if (is_text(type))
    return no_fit(value, type);
  const bool floats = is_float(type);
  if (const auto integer = value.integer()) {
    if (type == column_type::real)
      return literal{rounded(static_cast<double>(*integer), type)};
    return literal{*integer};
  }
  // Beyond the longest integers only floats are left.
  if (value.is_whole() ? !floats : !is_numeric(type))
    return no_fit(value, type);
  return literal{rounded(*value.number(), type)};
}

/// {"type":T,"value":V} beside a column of another type.
result<literal> convert(literal from, column_type type, column_type to,
                        const json& value) {
  if (std::holds_alternative<std::monostate>(from) || type == to)
    return from;
  if (type == column_type::date && to == column_type::timestamp)
    return literal{std::get<int64_t>(from) * text::day_ns};
  if (is_numeric(type) && is_numeric(to))
    return from;
  if (is_text(type) && is_text(to) && std::holds_alternative<std::string>(from))
    return from;
  return no_fit(value, to);
}

/// "-12 -14" is "a timestamp or date": kdb+ has numbers for types.
/// Before what only one who does not know q is told.
constexpr char means_only = '\x1e';

std::string in_words(std::string_view types) {
  std::vector<std::string> words;
  while (!types.empty()) {
    const auto end = std::min(types.find(' '), types.size());
    const auto number = types.substr(0, end);
    types.remove_prefix(std::min(end + 1, types.size()));
    int code = 0;
    std::from_chars(number.data(), number.data() + number.size(), code);
    const auto name = code == -15
                        ? std::string{"datetime"}
                        : std::string{to_string(
                          static_cast<column_type>(code < 0 ? -code : code))};
    words.push_back(code == 99 ? "object"
                    : code < 0 ? name
                               : "list of " + name + "s");
  }
  std::string out;
  for (size_t i = 0; i < words.size(); ++i)
    out += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return (out.starts_with('o') || out.starts_with('i') ? "an " : "a ") + out;
}

} // namespace

std::optional<column_type> named_type(const json& value) {
  const auto* type = value.find("type");
  if (value.entries().size() != 2 || !value.find("value") || !type
      || !type->text())
    return std::nullopt;
  return column_type_of(*type->text());
}

int q_type(column_type type) noexcept {
  return type == column_type::string ? 10 : -static_cast<int>(type);
}

int q_type(const json& value) {
  if (const auto type = named_type(value))
    return q_type(*type);
  if (value.text())
    return -11;
  if (value.boolean())
    return -1;
  if (value.number())
    return value.is_whole() ? -7 : -9;
  if (value.is_object())
    return 99;
  if (value.is_null())
    return 101; // The generic null.
  const auto& all = value.elements();
  if (all.empty())
    return 0;
  const auto first = q_type(all.front());
  const bool alike
    = first < 0 && std::all_of(all.begin(), all.end(), [&](const json& x) {
        return q_type(x) == first;
      });
  return alike ? -first : 0;
}

result<literal> read_literal(const json& value, column_type type) {
  if (const auto given = named_type(value)) {
    auto from = read_literal(*value.find("value"), *given);
    if (!from)
      return from;
    return convert(std::move(*from), *given, type, value);
  }
  if (value.is_null())
    return literal{};
  if (const auto truth = value.boolean())
    return is_numeric(type) ? read_number(*truth ? 1 : 0, type)
                            : no_fit(value, type);
  if (value.number())
    return read_number(value, type);
  if (const auto* written = value.text())
    return parse_literal(*written, type);
  if (type == column_type::timestamp)
    if (auto read = unit_time(value))
      return *std::move(read);
  return no_fit(value, type);
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

error check_failed(std::string_view check, const std::string& text,
                   const std::string& plain, const std::string& more) {
  auto out = check_failed(check, text + means + plain);
  if (!more.empty())
    out.context += means_only + more;
  return out;
}

error check_failed_plainly(std::string_view check, const std::string& text,
                           const std::string& plain) {
  return check_failed(check, text + means_only + plain);
}

std::string chosen_words(std::string_view context, bool torq) {
  const auto both = context.find(means);
  const auto only = context.find(means_only);
  if (both == context.npos && only == context.npos)
    return std::string{context};
  if (torq) {
    std::string out{context.substr(0, only)};
    if (both != context.npos)
      out.replace(both, 1, "; that is: ");
    return out;
  }
  const auto begin = std::min(both, only);
  const auto name = context.substr(0, begin).find(": ");
  std::string out{context.substr(0, std::min(name + 2, begin))};
  for (const char c : context.substr(begin))
    if (c != means && c != means_only)
      out += c;
  return out;
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const auto& each : names)
    quoted.push_back(text::in_quotes(each));
  return text::listed(quoted);
}

error type_incorrect(std::string_view parameter, std::string_view valid,
                     const json& value, const std::string& why) {
  auto shown = value.dump();
  if (shown.size() > 80)
    shown = shown.substr(0, 77) + "...";
  const auto wanted = ", and " + in_words(valid) + " is wanted" + why;
  const auto name = std::string{parameter};
  return check_failed_plainly(
    "checktype",
    "`" + name + " input type incorrect - valid type(s):" + std::string{valid}
      + "h - input type:" + std::to_string(q_type(value)) + "h (" + shown + ")"
      + wanted,
    "'" + name + "' is " + shown + wanted);
}

std::optional<std::vector<std::string>> read_names(const json& value) {
  if (const auto* name = value.text())
    return std::vector<std::string>{*name};
  if (!value.is_array())
    return std::nullopt;
  std::vector<std::string> out;
  for (const auto& item : value.elements()) {
    if (!item.text())
      return std::nullopt;
    out.push_back(*item.text());
  }
  return out;
}

} // namespace millrace::query
