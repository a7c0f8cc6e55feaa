#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/servers/postgres/parameter_arrays.hpp>
#include <millrace/nodes/servers/postgres/rows.hpp>
#include <millrace/nodes/servers/postgres/statement.hpp>
#include <millrace/nodes/servers/postgres/wire.hpp>
#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/front/sql/scanner.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <span>

// Implements statement.hpp: what stands for $1.

namespace millrace::nodes::postgres {

namespace {

constexpr size_t parameters_max = 1'000;
/// How far what a parameter is compared with may stand from it.
constexpr size_t reach_max = 40;

error wrong_value(std::string what) {
  return {errc::invalid_argument, std::move(what)};
}

bool is_number_type(uint32_t type) {
  constexpr std::array types{oid::int2,   oid::int4,   oid::int8,
                             oid::float4, oid::float8, oid::numeric,
                             oid::any_oid};
  return std::find(types.begin(), types.end(), type) != types.end();
}

/// $7 as 7.
std::optional<size_t> parameter_in(const part& what) {
  if (what.is_quoted || what.text.size() < 2 || what.text[0] != '$')
    return std::nullopt;
  size_t out = 0;
  const auto* end = what.text.data() + what.text.size();
  const auto read = std::from_chars(what.text.data() + 1, end, out);
  if (read.ec != std::errc{} || read.ptr != end)
    return std::nullopt;
  return out;
}

/// The column that a word of a statement names, of the tables that it names
/// first.
std::optional<uint32_t> type_of_column(const std::vector<part>& parts,
                                       const part& named,
                                       const tables_by_name& tables) {
  if (named.is("date"))
    return oid::date;
  for (const auto& [name, schema] : tables) {
    const auto mentions = std::any_of(
      parts.begin(), parts.end(),
      [&table = name](const part& each) { return each.text == table; });
    if (!mentions)
      continue;
    if (const auto at = schema.column_index(named.text))
      return type_of(schema.columns[*at].type).oid;
  }
  return std::nullopt;
}

std::optional<uint32_t> type_named(std::string_view name) {
  struct named_type {
    std::string_view name;
    uint32_t type;
  };
  constexpr std::array<named_type, 25> known{
    {{"int8", oid::int8},
     {"bigint", oid::int8},
     {"int4", oid::int4},
     {"int", oid::int4},
     {"integer", oid::int4},
     {"int2", oid::int2},
     {"smallint", oid::int2},
     {"float8", oid::float8},
     {"double", oid::float8},
     {"float4", oid::float4},
     {"real", oid::float4},
     {"numeric", oid::numeric},
     {"bool", oid::boolean},
     {"boolean", oid::boolean},
     {"date", oid::date},
     {"timestamp", oid::timestamp},
     {"timestamptz", oid::timestamp_with_zone},
     {"uuid", oid::uuid},
     {"oid", oid::any_oid},
     {"time", oid::time},
     {"interval", oid::interval},
     {"name", oid::text},
     {"varchar", oid::text},
     {"bpchar", oid::text},
     {"text", oid::text}}};
  for (const auto& each : known)
    if (each.name == name)
      return each.type;
  return std::nullopt;
}

bool is_sign(const part& what) {
  return !what.is_quoted
         && what.text.find_first_not_of("<>=!~+-*/%") == what.text.npos;
}

/// Of a value of a named query: what its parameter at that place is.
std::optional<uint32_t> type_of_argument(const std::vector<part>& parts,
                                         size_t at,
                                         const query::named_queries& queries) {
  size_t place = 0;
  int depth = 0;
  for (auto i = at; i-- > 1;) {
    depth += parts[i].is(")") ? 1 : 0;
    if (depth == 0 && parts[i].is(","))
      ++place;
    if (!parts[i].is("(") || depth-- > 0)
      continue;
    const auto found = queries.find(parts[i - 1].text);
    if (found == queries.end() || place >= found->second.parameters.size())
      return std::nullopt;
    return type_of(found->second.parameters[place].type).oid;
  }
  return std::nullopt;
}

/// By what stands around the parameter: a cast, LIMIT, a column.
uint32_t type_beside(const std::vector<part>& parts, size_t at,
                     const tables_by_name& tables,
                     const query::named_queries& queries) {
  const auto next = [&](size_t ahead) {
    return at + ahead < parts.size() ? &parts[at + ahead] : nullptr;
  };
  if (next(3) && next(1)->is(":") && next(2)->is(":")) {
    const size_t name = next(5) && next(4)->is(".") ? 5 : 3;
    const bool is_array = next(name + 1) && next(name + 1)->is("[");
    if (const auto type = type_named(next(name)->text))
      return is_array ? array_type_of(*type) : *type;
  }
  if (const auto type = type_of_argument(parts, at, queries))
    return *type;
  if (at > 1 && parts[at - 1].is("(")
      && (parts[at - 2].is("any") || parts[at - 2].is("all"))) {
    // size = any($1)
    const auto left = at > 3 && is_sign(parts[at - 3]) ? at - 4 : at;
    const auto type = type_of_column(parts, parts[left], tables);
    return array_type_of(type.value_or(oid::text));
  }
  if (at > 0 && (parts[at - 1].is("limit") || parts[at - 1].is("offset")))
    return oid::int8;
  if (next(2) && is_sign(*next(1)) && (at == 0 || !is_sign(parts[at - 1])))
    if (const auto type = type_of_column(parts, *next(2), tables))
      return *type;
  const auto least = at > reach_max ? at - reach_max : 0;
  for (auto i = at; i-- > least;) {
    // What CASE gives is not what its conditions compare.
    if (parts[i].is("where") || parts[i].is("on") || parts[i].is("select")
        || parts[i].is("then") || parts[i].is("else"))
      break;
    if (const auto type = type_of_column(parts, parts[i], tables))
      return *type;
  }
  return oid::text;
}

bool is_number(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+'))
    text.remove_prefix(1);
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  return !text.empty() && text[0] != '-' && text[0] != 'i' && text[0] != 'n'
         && text[0] != 'I' && text[0] != 'N' && read.ec == std::errc{}
         && read.ptr == end;
}

std::string quoted(std::string_view text) {
  std::string out{"'"};
  for (const char c : text) {
    if (c == '\'')
      out += c;
    out += c;
  }
  return out + "'";
}

bool is_time_type(uint32_t type) {
  return type == oid::timestamp || type == oid::timestamp_with_zone;
}

result<std::string> literal_of(uint32_t type, const parameter_value& value);

/// ARRAY['a','b'], as ANY takes it.
result<std::string> array_literal(uint32_t element, std::string_view text) {
  const auto elements = query::sql::parse_array(text);
  if (!elements)
    return elements.failure();
  std::string out;
  for (const auto& each : *elements) {
    auto literal = literal_of(element, each);
    if (!literal)
      return literal;
    text::add_to_list(out, *literal, ",");
  }
  return out.empty() ? "'{}'" : "ARRAY[" + out + "]";
}

result<std::string> literal_of(uint32_t type, const parameter_value& value) {
  if (!value)
    return std::string{"NULL"};
  if (const auto element = element_type(type); element != 0)
    return array_literal(element, *value);
  if (is_number_type(type)) {
    if (!is_number(*value))
      return wrong_value("'" + *value + "' is not a number");
    // Blanks, so that no sign grows together with another one.
    return " (" + *value + ") ";
  }
  if (type == oid::boolean) {
    const auto truth = query::sql::parse_constant(*value, column_type::boolean);
    if (!truth)
      return wrong_value("'" + *value + "' is neither true nor false");
    return std::string{std::get<int64_t>(*truth) != 0 ? "TRUE" : "FALSE"};
  }
  auto text = *value;
  // PostgreSQL's own form of a zone, +00, has no minutes.
  if (is_time_type(type) && text.size() > 3
      && (text[text.size() - 3] == '+' || text[text.size() - 3] == '-')
      && text.find(':') != text.npos)
    text += ":00";
  // By itself it is no text that might be a time.
  return (type == oid::interval ? "interval " : "") + quoted(text);
}

/// Microseconds, days and months.
result<parameter_value> read_interval(std::string_view bytes) {
  const auto us = number_at<int64_t>(bytes);
  const auto days = number_at<int32_t>(bytes.substr(8));
  const auto months = number_at<int32_t>(bytes.substr(12));
  return parameter_value{std::to_string(months) + " months "
                         + std::to_string(days) + " days " + std::to_string(us)
                         + " us"};
}

result<parameter_value> read_time(std::string_view bytes, uint32_t type) {
  std::string out;
  if (type == oid::date) {
    const auto day = number_at<int32_t>(bytes);
    if (day == inf_int || day == null_int)
      return wrong_value("a parameter is an infinite date");
    query::append_integer(out, day, column_type::date);
    return parameter_value{std::move(out)};
  }
  const auto us = number_at<int64_t>(bytes);
  if (us > inf_long / 1000 || us < -inf_long / 1000)
    return wrong_value("a time of a parameter is beyond what there can be");
  if (type == oid::time)
    text::append_clock(out, std::max<int64_t>(us, 0) * 1000);
  else
    text::append_time(out, us * 1000);
  return parameter_value{std::move(out)};
}

} // namespace

bool holds_text(uint32_t type) noexcept {
  constexpr std::array<uint32_t, 6> texts{0, 18, 19, oid::text, 1042, 1043};
  return std::find(texts.begin(), texts.end(), type) != texts.end();
}

result<std::vector<uint32_t>>
parameter_types(std::string_view statement, std::vector<uint32_t> declared,
                const tables_by_name& tables,
                const query::named_queries& queries) {
  const auto parts = parts_of(statement);
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto number = parameter_in(parts[i]);
    if (!number)
      continue;
    if (*number == 0 || *number > parameters_max)
      return error{errc::limit_exceeded, "there is no parameter "
                                           + parts[i].text
                                           + "; there may be $1 to $"
                                           + std::to_string(parameters_max)};
    if (*number > declared.size())
      declared.resize(*number);
    if (declared[*number - 1] == 0)
      declared[*number - 1] = type_beside(parts, i, tables, queries);
  }
  for (auto& each : declared)
    if (each == 0)
      each = oid::text;
  return declared;
}

result<parameter_value> read_parameter(std::string_view bytes, uint32_t type,
                                       bool is_binary) {
  const auto has = [&](size_t size) { return bytes.size() == size; };
  if (is_binary) {
    std::string out;
    if (const auto element = element_type(type); element != 0) {
      auto made = array_text(bytes, type);
      return made ? result<parameter_value>{*std::move(made)}
                  : result<parameter_value>{made.failure()};
    }
    if (type == oid::numeric) {
      auto made = numeric_text(bytes);
      return made ? result<parameter_value>{*std::move(made)}
                  : result<parameter_value>{made.failure()};
    }
    if (type == oid::boolean && has(1))
      return parameter_value{bytes[0] == 0 ? "f" : "t"};
    if (type == oid::int2 && has(2))
      return parameter_value{std::to_string(number_at<int16_t>(bytes))};
    if (type == oid::int4 && has(4))
      return parameter_value{std::to_string(number_at<int32_t>(bytes))};
    if (type == oid::any_oid && has(4))
      return parameter_value{std::to_string(number_at<uint32_t>(bytes))};
    if (type == oid::int8 && has(8))
      return parameter_value{std::to_string(number_at<int64_t>(bytes))};
    if (type == oid::float4 && has(4)) {
      query::append_float(out,
                          std::bit_cast<float>(number_at<uint32_t>(bytes)));
      return parameter_value{std::move(out)};
    }
    if (type == oid::float8 && has(8)) {
      query::append_float(out,
                          std::bit_cast<double>(number_at<uint64_t>(bytes)));
      return parameter_value{std::move(out)};
    }
    if ((type == oid::date && has(4))
        || ((is_time_type(type) || type == oid::time) && has(8)))
      return read_time(bytes, type);
    if (type == oid::interval && has(16))
      return read_interval(bytes);
    if (type == oid::uuid && has(16)) {
      text::append_guid(out, reinterpret_cast<const std::byte*>(bytes.data()));
      return parameter_value{std::move(out)};
    }
    if (!holds_text(type))
      return error{errc::unsupported, "the binary form of a parameter of type "
                                        + std::to_string(type)
                                        + " is not read; send it as text"};
  }
  if (!text::valid_utf8(bytes) || bytes.find('\0') != bytes.npos)
    return wrong_value("a parameter is not a text in UTF-8");
  return parameter_value{std::string{bytes}};
}

result<std::string> with_values(std::string_view statement,
                                const std::vector<uint32_t>& types,
                                const std::vector<parameter_value>& values) {
  if (values.size() != types.size())
    return error{errc::malformed_message,
                 "there are " + std::to_string(values.size()) + " values for "
                   + std::to_string(types.size()) + " parameters"};
  std::string out;
  size_t at = 0;
  const auto parts = parts_of(statement);
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto& each = parts[i];
    const auto number = parameter_in(each);
    if (!number || *number == 0 || *number > values.size())
      continue;
    auto value = literal_of(types[*number - 1], values[*number - 1]);
    if (!value)
      return error{value.failure().code, "the parameter " + each.text + ": "
                                           + value.failure().context};
    out += statement.substr(at, each.begin - at);
    out += *value;
    at = each.end;
    // $1::text[]: its elements have their type already.
    if (element_type(types[*number - 1]) != 0 && i + 5 < parts.size()
        && parts[i + 1].is(":") && parts[i + 2].is(":") && parts[i + 4].is("[")
        && parts[i + 5].is("]"))
      at = parts[i + 5].end;
    if (out.size() > query::sql::text_bytes_max)
      return error{errc::limit_exceeded,
                   "the query with its parameters has more than "
                     + std::to_string(query::sql::text_bytes_max) + " bytes"};
  }
  out += statement.substr(at);
  return out;
}

std::vector<parameter_value> sample_values(const std::vector<uint32_t>& types) {
  std::vector<parameter_value> out;
  for (const auto type : types) {
    if (const auto element = element_type(type); element != 0)
      out.emplace_back("{\"" + *sample_values({element}).front() + "\"}");
    else if (is_number_type(type))
      out.emplace_back("1");
    else if (type == oid::boolean)
      out.emplace_back("t");
    else if (type == oid::date)
      out.emplace_back("2000-01-01");
    else if (is_time_type(type))
      out.emplace_back("2000-01-01 00:00:00");
    else if (type == oid::time)
      out.emplace_back("00:00:00");
    else if (type == oid::interval)
      out.emplace_back("01:00:00");
    else if (type == oid::uuid)
      out.emplace_back("00000000-0000-0000-0000-000000000001");
    else
      out.emplace_back("x");
  }
  return out;
}

} // namespace millrace::nodes::postgres
