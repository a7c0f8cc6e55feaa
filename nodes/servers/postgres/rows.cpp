#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/servers/postgres/rows.hpp>
#include <millrace/nodes/servers/postgres/wire.hpp>
#include <millrace/query/table/result_text.hpp>

#include <algorithm>
#include <bit>
#include <cmath>

namespace millrace::nodes::postgres {

namespace {

constexpr int64_t us_per_second = 1'000'000;
constexpr int64_t us_per_day = 86'400 * us_per_second;
/// As PostgreSQL has them: the ends of what a value can be.
constexpr int64_t end_of_times = std::numeric_limits<int64_t>::max();
constexpr int32_t end_of_dates = std::numeric_limits<int32_t>::max();

bool is_infinite(column_type type, int64_t value) {
  const auto most = width_of(type) == 8 ? inf_long : int64_t{inf_int};
  return value == most || value == -most;
}

/// "26:00:01.5"
void append_span(std::string& out, int64_t us) {
  // The smallest number has no opposite; a value that is it is null.
  if (us < 0)
    out += '-';
  const auto all = static_cast<uint64_t>(us < 0 ? -us : us);
  text::append_padded(out, all / (3600 * us_per_second), 2);
  out += ':';
  text::append_padded(out, all / (60 * us_per_second) % 60, 2);
  out += ':';
  text::append_padded(out, all / us_per_second % 60, 2);
  if (const auto rest = all % us_per_second; rest != 0) {
    out += '.';
    text::append_padded(out, rest, 6);
    out.erase(out.find_last_not_of('0') + 1);
  }
}

void append_day(std::string& out, int64_t day, std::string_view clock = {}) {
  const auto date = text::civil_of(day);
  const bool is_before = date.year <= 0;
  text::append_padded(
    out, static_cast<uint64_t>(is_before ? 1 - date.year : date.year), 4);
  out += '-';
  text::append_padded(out, date.month, 2);
  out += '-';
  text::append_padded(out, date.day, 2);
  out += clock;
  if (is_before)
    out += " BC";
}

int64_t first_day_of(int64_t month) {
  const auto year = text::floor_divide(month, 12);
  return text::day_of({static_cast<int32_t>(2000 + year),
                       static_cast<uint32_t>(month - 12 * year + 1), 1});
}

/// What a value counts, in the unit of PostgreSQL's binary form.
int64_t us_or_days(column_type type, int64_t value) {
  switch (type) {
    case column_type::timestamp:
    case column_type::timespan:
      return text::floor_divide(value, 1000);
    case column_type::time:
      return value * 1000;
    case column_type::second:
      return value * us_per_second;
    case column_type::minute:
      return value * 60 * us_per_second;
    case column_type::month:
      return first_day_of(value);
    default:
      return value;
  }
}

bool is_date(column_type type) {
  return type == column_type::date || type == column_type::month;
}
/// Whether PostgreSQL's type has infinite values.
bool has_infinity(column_type type) {
  return is_date(type) || type == column_type::timestamp;
}

/// A column as a client wants it, cell by cell.
class cells {
public:
  cells(const query::column_data& from, bool is_binary)
    : from_{from}, at_{query::ref_of(from)},
      is_binary_{is_binary}, size_{type_of(from.type).size} {}

  /// Appends the length and the bytes of a cell.
  void append(std::string& out, size_t row) const {
    const auto begin = out.size();
    append_number(out, int32_t{-1});
    if (is_binary_ ? binary(out, row) : text(out, row))
      put_number(out.data() + begin,
                 static_cast<int32_t>(out.size() - begin - 4));
    else
      out.resize(begin + 4);
  }

private:
  // Each appends the bytes of a cell. false: it is null, whatever was appended.

  bool text(std::string& out, size_t row) const {
    const auto begin = out.size();
    const auto type = from_.type;
    if (type == column_type::boolean) {
      out += from_.as<uint8_t>()[row] ? 't' : 'f';
      return true;
    }
    if (type == column_type::real || type == column_type::float_) {
      const auto value = query::float_at(at_, row);
      if (std::isinf(value))
        out += value > 0 ? "Infinity" : "-Infinity";
      else
        query::append_cell(out, from_, row);
      return out.size() != begin;
    }
    if (type == column_type::symbol) {
      query::append_cell(out, from_, row);
      return from_.as<uint32_t>()[row] != 0;
    }
    if (type < column_type::timestamp || type == column_type::string) {
      query::append_cell(out, from_, row);
      return out.size() != begin;
    }
    const auto value = query::integer_at(at_, row);
    if (value == null_long)
      return false;
    if (is_infinite(type, value) && has_infinity(type)) {
      out += value > 0 ? "infinity" : "-infinity";
      return true;
    }
    const auto count = us_or_days(type, value);
    if (is_date(type)) {
      append_day(out, count);
    } else if (type == column_type::timestamp) {
      const auto day = text::floor_divide(count, us_per_day);
      std::string clock{" "};
      append_span(clock, count - day * us_per_day);
      append_day(out, day, clock);
    } else {
      append_span(out, count);
    }
    return true;
  }

  bool binary(std::string& out, size_t row) const {
    switch (from_.type) {
      case column_type::boolean:
        out += static_cast<char>(from_.as<uint8_t>()[row] != 0);
        return true;
      case column_type::real: {
        const auto value = from_.as<float>()[row];
        append_number(out, std::bit_cast<uint32_t>(value));
        return !std::isnan(value);
      }
      case column_type::float_: {
        const auto value = from_.as<double>()[row];
        append_number(out, std::bit_cast<uint64_t>(value));
        return !std::isnan(value);
      }
      case column_type::guid: {
        const std::string_view value{
          reinterpret_cast<const char*>(from_.values.data() + 16 * row), 16};
        out += value;
        return value.find_first_not_of('\0') != value.npos;
      }
      case column_type::char_:
      case column_type::symbol:
      case column_type::string:
        return text(out, row);
      default:
        return binary_integer(out, query::integer_at(at_, row));
    }
  }

  bool binary_integer(std::string& out, int64_t value) const {
    if (value == null_long)
      return false;
    const auto type = from_.type;
    if (has_infinity(type) && is_infinite(type, value)) {
      if (is_date(type))
        append_number(out, value > 0 ? end_of_dates : -end_of_dates - 1);
      else
        append_number(out, value > 0 ? end_of_times : -end_of_times - 1);
      return true;
    }
    const auto count = us_or_days(type, value);
    if (size_ == 2)
      append_number(out, static_cast<int16_t>(count));
    else if (size_ == 4)
      append_number(out, static_cast<int32_t>(count));
    else
      append_number(out, count);
    if (type == column_type::timespan)
      append_number(out, int64_t{0}); // Days and months.
    return true;
  }

  const query::column_data& from_;
  query::column_ref at_;
  bool is_binary_;
  int16_t size_; ///< Of a number in binary.
};

int16_t format_of(const result_formats& formats, size_t column) {
  return formats.empty()       ? int16_t{0}
         : formats.size() == 1 ? formats[0]
                               : formats[column];
}

} // namespace

pg_type type_of(column_type type) noexcept {
  switch (type) {
    case column_type::boolean:
      return {oid::boolean, 1, "bool", "boolean"};
    case column_type::byte_:
    case column_type::short_:
      return {oid::int2, 2, "int2", "smallint"};
    case column_type::int_:
      return {oid::int4, 4, "int4", "integer"};
    case column_type::long_:
      return {oid::int8, 8, "int8", "bigint"};
    case column_type::real:
      return {oid::float4, 4, "float4", "real"};
    case column_type::float_:
      return {oid::float8, 8, "float8", "double precision"};
    case column_type::guid:
      return {oid::uuid, 16, "uuid", "uuid"};
    case column_type::month:
    case column_type::date:
      return {oid::date, 4, "date", "date"};
    case column_type::timestamp:
      return {oid::timestamp, 8, "timestamp", "timestamp without time zone"};
    case column_type::timespan:
      return {oid::interval, 16, "interval", "interval"};
    case column_type::minute:
    case column_type::second:
    case column_type::time:
      return {oid::time, 8, "time", "time without time zone"};
    case column_type::char_:
    case column_type::symbol:
    case column_type::string:
      break;
  }
  return {oid::text, -1, "text", "text"};
}

namespace {

void put_columns(message&& to, std::span<const column_schema> columns,
                 const result_formats& formats) {
  to.number(static_cast<int16_t>(columns.size()));
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto type = type_of(columns[i].type);
    to.text(columns[i].name).number(int32_t{0}).number(int16_t{0});
    to.number(type.oid).number(type.size).number(int32_t{-1});
    to.number(format_of(formats, i));
  }
}

} // namespace

result<std::string> description_message(std::span<const column_schema> columns,
                                        const result_formats& formats) {
  if (formats.size() > 1 && formats.size() != columns.size())
    return error{errc::malformed_message,
                 "there are " + std::to_string(formats.size()) + " formats for "
                   + std::to_string(columns.size()) + " columns"};
  std::string out;
  put_columns(message{out, 'T'}, columns, formats);
  return out;
}

result<std::string> row_messages(const query::table_data& rows,
                                 const result_formats& formats) {
  std::vector<column_schema> columns;
  for (const auto& column : rows.columns)
    columns.push_back({column.name, column.type});
  auto out = description_message(columns, formats);
  if (!out)
    return out;
  std::vector<cells> from;
  for (size_t i = 0; i < rows.columns.size(); ++i)
    from.emplace_back(rows.columns[i], format_of(formats, i) != 0);
  for (uint64_t row = 0; row < rows.row_count; ++row) {
    message made{*out, 'D'};
    made.number(static_cast<int16_t>(from.size()));
    for (auto& each : from)
      each.append(*out, row);
  }
  return out;
}

uint64_t extra_messages(const copy_style& style) noexcept {
  return style.format == copy_format::binary || style.has_header ? 1 : 0;
}

namespace {

constexpr std::string_view copy_signature{"PGCOPY\n\377\r\n\0", 11};

/// A value in the text form of COPY.
void append_escaped(std::string& out, std::string_view value,
                    const copy_style& style) {
  for (const char c : value) {
    const auto letter = c == '\n'   ? 'n'
                        : c == '\r' ? 'r'
                        : c == '\t' ? 't'
                        : c == '\b' ? 'b'
                        : c == '\f' ? 'f'
                        : c == '\v' ? 'v'
                                    : '\0';
    if (letter != '\0')
      (out += '\\') += letter;
    else if (c == '\\' || c == style.delimiter)
      (out += '\\') += c;
    else
      out += c;
  }
}

void append_csv(std::string& out, std::string_view value,
                const copy_style& style) {
  const char special[] = {style.delimiter, style.quote, '\n', '\r'};
  if (value != style.null
      && value.find_first_of({special, sizeof special}) == value.npos
      && value != "\\.") {
    out += value;
    return;
  }
  out += style.quote;
  for (const char c : value) {
    if (c == style.quote)
      out += c;
    out += c;
  }
  out += style.quote;
}

void append_value(std::string& out, std::string_view value,
                  const copy_style& style) {
  if (style.format == copy_format::csv)
    append_csv(out, value, style);
  else
    append_escaped(out, value, style);
}

} // namespace

result<std::string> copy_messages(const query::table_data& rows,
                                  const copy_style& style) {
  const bool is_binary = style.format == copy_format::binary;
  const auto count = static_cast<int16_t>(rows.columns.size());
  std::string out;
  {
    message made{out, 'H'};
    made.bytes({is_binary ? "\1" : "\0", 1}).number(count);
    for (int16_t i = 0; i < count; ++i)
      made.number(static_cast<int16_t>(is_binary));
  }
  // In one message with what comes first, as PostgreSQL's: there are clients
  // that take each message for a row.
  bool is_begun = !is_binary;
  const auto begin = [&](message& first) {
    if (!std::exchange(is_begun, true))
      first.bytes(copy_signature).number(int64_t{0});
  };
  std::string line;
  for (size_t i = 0; style.has_header && i < rows.columns.size(); ++i) {
    if (i != 0)
      line += style.delimiter;
    append_value(line, rows.columns[i].name, style);
  }
  if (style.has_header && !is_binary)
    message{out, 'd'}.bytes(line + "\n");
  std::vector<cells> from;
  for (const auto& column : rows.columns)
    from.emplace_back(column, is_binary);
  std::string cell;
  for (uint64_t row = 0; row < rows.row_count; ++row) {
    message made{out, 'd'};
    if (is_binary) {
      begin(made);
      made.number(count);
      for (auto& each : from)
        each.append(out, row);
      continue;
    }
    for (size_t i = 0; i < from.size(); ++i) {
      if (i != 0)
        out += style.delimiter;
      cell.clear();
      from[i].append(cell, row);
      if (number_at<int32_t>(cell) < 0)
        out += style.null;
      else
        append_value(out, std::string_view{cell}.substr(4), style);
    }
    out += '\n';
  }
  if (is_binary) {
    message end{out, 'd'};
    begin(end);
    end.number(int16_t{-1});
  }
  return out;
}

} // namespace millrace::nodes::postgres
