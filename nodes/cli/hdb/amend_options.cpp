#include <millrace/messages/data/no_column.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/nodes/cli/hdb/amend_options.hpp>
#include <millrace/persistence/columns/column_values.hpp>
#include <millrace/query/execution/row_choice.hpp>
#include <millrace/query/front/getdata.hpp>
#include <millrace/query/front/getdata_values.hpp>

#include <cstring>
#include <optional>

namespace millrace::nodes {

namespace {

using text::json_value;

result<json_value> read_object(const std::string& text, const char* option) {
  auto parsed = text::parse_json(text);
  if (!parsed)
    return error{parsed.failure().code,
                 std::string{option} + ": " + parsed.failure().context};
  if (!parsed->is_object())
    return error{errc::invalid_argument,
                 std::string{option} + ": an object is wanted"};
  return parsed;
}

/// The plan that chooses rows, as a getdata call would make it.
result<query::logical_plan> read_choice(const amend_options& options,
                                        const table_schema& schema) {
  const bool timed = !options.from.empty() || !options.to.empty();
  json_value asked{
    {"tablename", options.table},
    {"starttime", options.from.empty() ? "1970-01-01" : options.from},
    {"endtime", options.to.empty() ? "2261-12-31" : options.to}};
  if (!options.filters.empty()) {
    auto filters = read_object(options.filters, "--filters");
    if (!filters)
      return filters.failure();
    asked.add("filters", *std::move(filters));
  }
  if (!options.symbols.empty())
    asked.add("instruments", options.symbols);
  auto request
    = query::parse_getdata(asked.dump(), [&](std::string_view table) {
        return table == schema.name ? &schema : nullptr;
      });
  if (!request)
    return request.failure();
  // Rows without a time are meant as well when no times are.
  if (!timed)
    request->plan.range.reset();
  return std::move(request->plan);
}

template <class T>
std::string raw_bytes(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

bool holds_text(column_type type) {
  return type == column_type::symbol || type == column_type::string;
}

std::string null_bytes(column_type type) {
  if (holds_text(type))
    return {};
  std::string out(width_of(type), '\0');
  persistence::fill_null(type, reinterpret_cast<std::byte*>(out.data()), 1);
  return out;
}

/// Whether a number is one of those that so many bytes hold.
bool fits(int64_t number, size_t width) {
  if (width == 1)
    return number >= 0 && number <= UINT8_MAX;
  if (width == sizeof number)
    return true;
  const auto limit = int64_t{1} << (8 * width - 1);
  return number >= -limit && number < limit;
}

/// A constant as it lies in a column; none when it has no place there.
std::optional<std::string> raw_value(const query::literal& value,
                                     column_type type) {
  if (std::holds_alternative<std::monostate>(value))
    return null_bytes(type);
  const bool is_float
    = type == column_type::real || type == column_type::float_;
  const auto width = width_of(type);
  if (const auto* text = std::get_if<std::string>(&value))
    return holds_text(type) || text->size() == width ? std::optional{*text}
                                                     : std::nullopt;
  if (const auto* whole = std::get_if<int64_t>(&value); whole && !is_float)
    // Little endian: the low bytes come first.
    return !holds_text(type) && fits(*whole, width)
             ? std::optional{raw_bytes(*whole).substr(0, width)}
             : std::nullopt;
  if (!is_float)
    return std::nullopt;
  const auto* number = std::get_if<double>(&value);
  const auto wide
    = number ? *number : static_cast<double>(std::get<int64_t>(value));
  return type == column_type::real ? raw_bytes(static_cast<float>(wide))
                                   : raw_bytes(wide);
}

/// Of a timestamp or timespan.
bool is_infinite(const std::string& bytes) {
  int64_t time = 0;
  if (bytes.size() != sizeof time)
    return false;
  std::memcpy(&time, bytes.data(), sizeof time);
  return time == inf_long || time == -inf_long;
}

result<std::vector<persistence::amended_value>>
read_values(const std::string& text, const table_schema& schema) {
  const auto values = read_object(text, "--set");
  if (!values)
    return values.failure();
  std::vector<persistence::amended_value> out;
  for (const auto& [name, value] : values->entries()) {
    const auto column = schema.column_index(name);
    if (!column)
      return error{errc::not_found, "--set: " + no_column(schema, name)};
    const auto type = schema.columns[*column].type;
    const auto read = query::read_literal(value, type);
    if (!read)
      return error{read.failure().code,
                   "--set: column '" + name + "': " + read.failure().context};
    auto bytes = raw_value(*read, type);
    if (!bytes)
      return error{errc::invalid_argument, "--set: column '" + name
                                             + "': " + value.dump()
                                             + " is no value of its type, "
                                             + std::string{to_string(type)}};
    if (name == schema.time_column && *bytes == null_bytes(type))
      return error{errc::invalid_argument,
                   "--set: a row without a time is found by no query"};
    if (name == schema.time_column && is_infinite(*bytes))
      return error{errc::invalid_argument,
                   "--set: a row with an infinite time is found by no query"};
    out.push_back({*column, *std::move(bytes)});
  }
  if (out.empty())
    return error{errc::invalid_argument, "--set: no column is named"};
  return out;
}

/// As the ledger has it.
std::string text_of(const amend_options& options) {
  std::string out = options.removes ? "removed"
                    : options.home  ? "moved home"
                                    : "set " + options.values;
  if (!options.filters.empty())
    out += " where " + options.filters;
  for (const auto& symbol : options.symbols)
    out += ", symbol " + symbol;
  if (!options.from.empty())
    out += ", from " + options.from;
  if (!options.to.empty())
    out += ", to " + options.to;
  if (!options.why.empty())
    out += ": " + options.why;
  return out;
}

} // namespace

error check(const amend_options& options) {
  const auto deeds = (options.removes ? 1 : 0) + (options.home ? 1 : 0)
                     + (options.values.empty() ? 0 : 1);
  if (deeds != 1)
    return {errc::invalid_argument,
            "one of --remove, --set and --home says what is done"};
  const bool chooses = !options.filters.empty() || !options.symbols.empty()
                       || !options.from.empty() || !options.to.empty();
  if (!options.home && !chooses)
    return {errc::invalid_argument,
            "--filters, --symbol, --from or --to say which rows are meant; "
            "'millrace hdb drop' lets whole partitions go"};
  if (options.home && chooses)
    return {errc::invalid_argument, "--home is about all rows of the table"};
  return {};
}

result<std::optional<query::logical_plan>>
choice_of(const amend_options& options,
          const persistence::hdb_manifest& manifest) {
  const auto* schema = manifest.newest_schema(options.table);
  if (options.home || schema == nullptr)
    return std::optional<query::logical_plan>{};
  auto plan = read_choice(options, *schema);
  if (!plan)
    return plan.failure();
  return std::optional{*std::move(plan)};
}

result<persistence::hdb_amendment>
read_amendment(const amend_options& options,
               const persistence::hdb_manifest& manifest) {
  const auto* schema = manifest.newest_schema(options.table);
  if (!schema)
    return error{errc::not_found,
                 options.directory + ": " + manifest.no_table(options.table)};
  persistence::hdb_amendment out;
  out.table = options.table;
  out.text = text_of(options);
  out.removes = options.removes;
  if (options.home)
    return out;
  auto plan = read_choice(options, *schema);
  if (!plan)
    return plan.failure();
  out.choose = [plan = *std::move(plan)](const persistence::table_view& part) {
    return query::chosen_rows(plan, part);
  };
  if (!options.values.empty()) {
    auto values = read_values(options.values, *schema);
    if (!values)
      return values.failure();
    out.values = *std::move(values);
  }
  return out;
}

} // namespace millrace::nodes
