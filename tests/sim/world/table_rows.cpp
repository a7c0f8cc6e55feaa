#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/sim/world/table_rows.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

namespace millrace::sim {

namespace {

error misfit(const table_schema& schema, const column_schema& column,
             const text::json_value& value) {
  return {errc::schema_mismatch, "table '" + schema.name + "', column '"
                                   + column.name + "', a "
                                   + std::string{to_string(column.type)}
                                   + ": cannot be " + value.dump()};
}

template <class Int>
bool append_whole(batch_builder& rows, size_t column,
                  const text::json_value& value) {
  const auto whole = value.integer();
  if (!whole || !std::in_range<Int>(*whole))
    return false;
  rows.append(column, static_cast<Int>(*whole));
  return true;
}

bool append_text(batch_builder& rows, size_t column, column_type type,
                 const std::string* given) {
  if (given == nullptr)
    return false;
  if (type == column_type::symbol)
    rows.append_symbol(column, *given);
  else if (type == column_type::string)
    rows.append_string(column, *given);
  else if (given->size() == 1)
    rows.append(column, given->front());
  else
    return false;
  return true;
}

bool append_value(batch_builder& rows, size_t column, column_type type,
                  const text::json_value& value) {
  switch (type) {
    case column_type::boolean:
      if (const auto truth = value.boolean()) {
        rows.append(column, static_cast<uint8_t>(*truth));
        return true;
      }
      return false;
    case column_type::byte_:
      return append_whole<uint8_t>(rows, column, value);
    case column_type::short_:
      return append_whole<int16_t>(rows, column, value);
    case column_type::real:
    case column_type::float_:
      if (const auto number = value.number()) {
        if (type == column_type::real)
          rows.append(column, static_cast<float>(*number));
        else
          rows.append(column, *number);
        return true;
      }
      return false;
    case column_type::char_:
    case column_type::symbol:
    case column_type::string:
      return append_text(rows, column, type, value.text());
    case column_type::guid:
      return false;
    default:
      return width_of(type) == 8 ? append_whole<int64_t>(rows, column, value)
                                 : append_whole<int32_t>(rows, column, value);
  }
}

template <class T>
T stored(const std::byte* values, size_t row) {
  T out;
  std::memcpy(&out, values + row * sizeof(T), sizeof(T));
  return out;
}

template <class T>
text::json_value whole_or_null(const std::byte* values, size_t row) {
  const auto value = stored<T>(values, row);
  if (value == std::numeric_limits<T>::min())
    return {};
  return value;
}

text::json_value real_or_null(double value) {
  if (std::isnan(value))
    return {};
  return value;
}

/// The value of a column that needs no dictionary.
text::json_value plain_value(column_type type, const std::byte* values,
                             size_t row) {
  switch (type) {
    case column_type::boolean:
      return stored<uint8_t>(values, row) != 0;
    case column_type::byte_:
      return stored<uint8_t>(values, row);
    case column_type::char_:
      return std::string(1, stored<char>(values, row));
    case column_type::short_:
      return whole_or_null<int16_t>(values, row);
    case column_type::real:
      return real_or_null(static_cast<double>(stored<float>(values, row)));
    case column_type::float_:
      return real_or_null(stored<double>(values, row));
    case column_type::guid: {
      std::string out;
      for (size_t i = 0; i < 16; ++i)
        for (const auto shift : {4, 0})
          out += "0123456789abcdef"[(static_cast<unsigned>(values[row * 16 + i])
                                     >> shift)
                                    & 15u];
      return out;
    }
    default:
      return width_of(type) == 8 ? whole_or_null<int64_t>(values, row)
                                 : whole_or_null<int32_t>(values, row);
  }
}

text::json_value value_of(const batch_column& column, size_t row) {
  if (column.type == column_type::symbol || column.type == column_type::string)
    return column.text(row);
  return plain_value(column.type, column.values, row);
}

} // namespace

result<std::vector<std::byte>>
encode_row(const table_schema& schema, const table_row& row, int64_t now_ns) {
  for (const auto& given : row)
    if (given.is_no_text)
      return error{errc::schema_mismatch,
                   "table '" + schema.name + "', column '" + given.column
                     + "': its text is a null pointer; a null is {}"};
  for (const auto& given : row)
    if (!schema.column_index(given.column))
      return error{errc::schema_mismatch, "table '" + schema.name
                                            + "' has no column '" + given.column
                                            + "'"};
  batch_builder rows{schema};
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const auto& column = schema.columns[i];
    const text::json_value* value = nullptr;
    for (const auto& given : row)
      if (given.column == column.name)
        value = &given.value;
    if (value == nullptr && column.name == schema.time_column
        && column.type == column_type::timestamp)
      rows.append(i, now_ns);
    else if (value == nullptr || value->is_null())
      rows.append_null(i);
    else if (!append_value(rows, i, column.type, *value))
      return misfit(schema, column, *value);
  }
  rows.end_row();
  return rows.encode();
}

text::json_value value_at(const query::column_data& column, size_t row) {
  if (column.type == column_type::symbol || column.type == column_type::string)
    return column.text(row);
  return plain_value(column.type, column.values.data(), row);
}

std::string row_text(const table_schema& schema, const batch_view& batch,
                     size_t row) {
  auto out = text::json_value::object();
  for (const auto& wanted : schema.columns)
    for (const auto& column : batch.columns)
      if (column.name == wanted.name)
        out.add(wanted.name, value_of(column, row));
  return out.dump();
}

std::string row_text(const table_schema& schema, const query::table_data& rows,
                     size_t row) {
  auto out = text::json_value::object();
  for (const auto& wanted : schema.columns)
    for (const auto& column : rows.columns)
      if (column.name == wanted.name)
        out.add(wanted.name, value_at(column, row));
  return out.dump();
}

std::string shortened(const std::string& row) {
  constexpr size_t told = 200;
  // It ends as rows do, for those who look for that.
  return row.size() <= told ? row : row.substr(0, told) + "...}";
}

error for_each_batch(persistence::file_system& fs, const std::string& directory,
                     const std::function<void(position, std::string_view,
                                              const batch_view&)>& show) {
  auto reader = persistence::log_reader::open(fs, {.directory = directory}, {});
  if (!reader)
    return reader.failure();
  for (;;) {
    auto got = (*reader)->next();
    if (!got)
      return got.failure();
    if (std::holds_alternative<persistence::log_end>(*got))
      return {};
    const auto* message = std::get_if<persistence::log_message>(&*got);
    if (message == nullptr
        || message->kind != persistence::record_kind::messages
        || message->frame.kind != payload_kind::table_batch)
      continue;
    auto batch = decode_batch(message->frame.payload);
    if (!batch)
      return batch.failure();
    show(message->end, message->frame.header.on, *batch);
  }
}

} // namespace millrace::sim
