#include <millrace/feed/text/wide_numbers.hpp>
#include <millrace/messages/data/no_column.hpp>
#include <millrace/messages/text/csv_text.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/lines/line_rows.hpp>
#include <millrace/nodes/lines/line_values.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/table/result_text.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

namespace millrace::nodes {

namespace {

template <class T>
error append_whole(batch_builder& builder, size_t column, column_type type,
                   int64_t value) {
  // The least value is the null of signed types, not a number.
  if (value < std::numeric_limits<T>::min()
      || value > std::numeric_limits<T>::max()
      || (std::is_signed_v<T> && value == std::numeric_limits<T>::min())) {
    std::string text;
    query::append_integer(text, value, type);
    return {errc::bad_data, "'" + text + "' does not fit its type"};
  }
  builder.append(column, static_cast<T>(value));
  return {};
}

error append_integer(batch_builder& builder, size_t column, column_type type,
                     int64_t value) {
  if (type == column_type::boolean && value != 0 && value != 1)
    return {errc::bad_data, std::to_string(value) + " is neither 0 nor 1"};
  switch (width_of(type)) {
    case 1:
      return append_whole<uint8_t>(builder, column, type, value);
    case 2:
      return append_whole<int16_t>(builder, column, type, value);
    case 4:
      return append_whole<int32_t>(builder, column, type, value);
    default:
      return append_whole<int64_t>(builder, column, type, value);
  }
}

error append_real(batch_builder& builder, size_t column, double value) {
  // The greatest float, as it is written, is more than it when read as a
  // double.
  const auto narrow = static_cast<float>(value);
  if (std::isfinite(value) && !std::isfinite(narrow))
    return {errc::bad_data, "the number does not fit its type"};
  builder.append(column, narrow);
  return {};
}

error append_text(batch_builder& builder, size_t column, column_type type,
                  const std::string& text) {
  if (type == column_type::guid) {
    auto& buffer = builder.values(column);
    const auto* first = reinterpret_cast<const std::byte*>(text.data());
    buffer.insert(buffer.end(), first, first + text.size());
    return {};
  }
  if (text.find('\0') != std::string::npos)
    return {errc::bad_data, "the text holds a NUL"};
  if (!text::valid_utf8(text))
    return {errc::bad_data, "the text is not UTF-8"};
  if (type == column_type::symbol)
    builder.append_symbol(column, text);
  else if (type == column_type::string)
    builder.append_string(column, text);
  else if (type == column_type::char_ && text.size() == 1)
    builder.append(column, text.front());
  else
    return {errc::bad_data, "a text is not allowed here"};
  return {};
}

error append_value(batch_builder& builder, size_t column,
                   const query::literal& value) {
  const auto type = builder.schema().columns[column].type;
  if (std::holds_alternative<std::monostate>(value)) {
    builder.append_null(column);
    return {};
  }
  if (const auto* text = std::get_if<std::string>(&value))
    return append_text(builder, column, type, *text);
  if (const auto* number = std::get_if<double>(&value)) {
    if (type == column_type::real)
      return append_real(builder, column, *number);
    if (type != column_type::float_)
      return {errc::bad_data, "a fraction is not allowed here"};
    builder.append(column, *number);
    return {};
  }
  const auto whole = std::get<int64_t>(value);
  if (type == column_type::real)
    builder.append(column, static_cast<float>(whole));
  else if (type == column_type::float_)
    builder.append(column, static_cast<double>(whole));
  else
    return append_integer(builder, column, type, whole);
  return {};
}

error at_column(const table_schema& schema, size_t column, const error& why) {
  return {errc::bad_data,
          "column '" + schema.columns[column].name + "': " + why.context};
}

/// Numbers of a line that were put into quotes, to keep their texts.
class written_numbers {
public:
  /// @param marks that begin such a text; 0: there is none
  explicit written_numbers(size_t marks) : mark_(marks, '\x01') {}

  [[nodiscard]] std::optional<std::string_view>
  of(const text::json_value& value) const {
    const auto* text = value.text();
    if (mark_.empty() || text == nullptr || !text->starts_with(mark_))
      return {};
    return std::string_view{*text}.substr(mark_.size());
  }

  /// What objects and lists hold stands there as a parser reads it.
  [[nodiscard]] text::json_value restored(const text::json_value& value) const {
    if (mark_.empty())
      return value;
    if (const auto number = of(value))
      return std::strtod(std::string{*number}.c_str(), nullptr);
    if (value.is_array()) {
      auto out = text::json_value::array();
      for (const auto& each : value.elements())
        out.add(restored(each));
      return out;
    }
    if (!value.is_object())
      return value;
    auto out = text::json_value::object();
    for (const auto& each : value.entries())
      out.add(each.key, restored(each.value));
    return out;
  }

private:
  std::string mark_;
};

/// Digits that may be more than 64 bits hold.
bool has_wide(std::string_view json) noexcept {
  size_t digits = 0;
  for (const char c : json) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > 18)
      return true;
  }
  return false;
}

} // namespace

row_reader::row_reader(table_schema schema, line_format format, bool stamps)
  : builder_{std::move(schema)}, stamps_{stamps}, format_{format} {}

/// Reads all values first, so that a bad one leaves no half row.
error row_reader::add_row(std::vector<query::literal> values, int64_t now_ns) {
  const auto& schema = builder_.schema();
  const auto time = *schema.column_index(schema.time_column);
  if (std::holds_alternative<std::monostate>(values[time])) {
    if (!stamps_)
      return {errc::bad_data,
              "column '" + schema.time_column
                + "' has no value, and a row without a time is found by no "
                  "query; 'stamp = true' in the [[table]] gives such rows the "
                  "time of their publishing"};
    values[time] = now_ns;
  }
  if (const auto* ns = std::get_if<int64_t>(&values[time]);
      ns != nullptr && (*ns == inf_long || *ns == -inf_long))
    return {errc::bad_data, "column '" + schema.time_column
                              + "' is infinite, and a row without a time is "
                                "found by no query"};
  batch_builder trial{schema};
  for (size_t i = 0; i < values.size(); ++i)
    if (auto fault = append_value(trial, i, values[i]))
      return at_column(schema, i, fault);
  for (size_t i = 0; i < values.size(); ++i)
    if (auto fault = append_value(builder_, i, values[i]))
      return fault;
  builder_.end_row();
  return {};
}

error row_reader::add(std::string_view line, int64_t now_ns) {
  return format_ == line_format::json ? add_json(line, now_ns)
                                      : add_csv(line, now_ns);
}

error row_reader::add_json(std::string_view line, int64_t now_ns) {
  // A document makes doubles of numbers, which are more than their columns
  // take, or less.
  const auto mark = feed::may_read_otherwise(line) || has_wide(line)
                        || feed::has_number_word(line)
                      ? feed::unused_mark(line)
                      : std::string{};
  const auto quoted
    = mark.empty()
        ? std::nullopt
        : feed::quote_numbers(line, mark, feed::number_choice::as_written);
  const written_numbers numbers{
    quoted ? mark.size() / std::string_view{"\\u0001"}.size() : 0};
  auto row = text::parse_json(quoted ? *quoted : line);
  if (!row)
    return {errc::bad_data, "not JSON: " + row.failure().context};
  if (!row->is_object())
    return {errc::bad_data, "not a JSON object"};
  const auto& schema = builder_.schema();
  std::vector<query::literal> values(schema.columns.size());
  for (const auto& [key, value] : row->entries()) {
    const auto column = schema.column_index(key);
    if (!column)
      return {errc::bad_data, no_column(schema, key)};
    const auto type = schema.columns[*column].type;
    const auto number = numbers.of(value);
    auto read = number ? read_line_number(*number, type)
                       : read_line_value(numbers.restored(value), type);
    if (!read)
      return at_column(schema, *column, read.failure());
    values[*column] = *std::move(read);
  }
  return add_row(std::move(values), now_ns);
}

error row_reader::add_csv(std::string_view line, int64_t now_ns) {
  auto fields = text::split_csv_line(line);
  if (!fields)
    return fields.failure();
  const auto& schema = builder_.schema();
  if (!header_) {
    std::vector<size_t> columns;
    for (const auto& name : *fields) {
      const auto column = schema.column_index(name);
      if (!column)
        return {errc::bad_data, "the header: " + no_column(schema, name)};
      if (std::find(columns.begin(), columns.end(), *column) != columns.end())
        return {errc::bad_data, "the header names '" + name + "' twice"};
      columns.push_back(*column);
    }
    header_ = std::move(columns);
    return {};
  }
  if (fields->size() != header_->size())
    return {errc::bad_data, std::to_string(fields->size())
                              + " fields where the header has "
                              + std::to_string(header_->size())};
  std::vector<query::literal> values(schema.columns.size());
  for (size_t i = 0; i < fields->size(); ++i) {
    const auto column = (*header_)[i];
    if ((*fields)[i].empty())
      continue; // Null.
    auto read = read_line_text((*fields)[i], schema.columns[column].type);
    if (!read)
      return at_column(schema, column, read.failure());
    values[column] = *std::move(read);
  }
  return add_row(std::move(values), now_ns);
}

std::vector<std::byte> row_reader::take() {
  auto bytes = builder_.encode();
  builder_.clear();
  return bytes;
}

query::table_data to_table(const batch_view& batch) {
  query::table_data out;
  out.row_count = batch.row_count;
  for (const auto& column : batch.columns) {
    auto& made = out.columns.emplace_back();
    made.name = column.name;
    made.type = column.type;
    made.values.assign(column.values,
                       column.values + batch.row_count * width_of(column.type));
    made.dictionary_ends.assign(column.dictionary_ends.begin(),
                                column.dictionary_ends.end());
    made.bytes = column.bytes;
  }
  return out;
}

std::span<const int64_t> row_times(const query::table_data& table,
                                   const std::string& column) {
  for (const auto& each : table.columns)
    if (each.name == column && each.type == column_type::timestamp)
      return {each.as<int64_t>(), table.row_count};
  return {};
}

std::vector<std::string> json_rows(const query::table_data& table) {
  // The writer gives "[", one row per line with a comma after it, "]".
  std::vector<std::string> rows;
  const auto text = query::to_text(table, query::result_format::json);
  size_t begin = text.find('\n') + 1;
  for (uint64_t i = 0; i < table.row_count; ++i) {
    const auto end = text.find('\n', begin);
    auto row = text.substr(begin, end - begin);
    if (row.ends_with(','))
      row.pop_back();
    rows.push_back(std::move(row));
    begin = end + 1;
  }
  return rows;
}

} // namespace millrace::nodes
