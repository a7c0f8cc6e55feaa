#include <millrace/messages/text/csv_text.hpp>
#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/table/result_text.hpp>

#include <algorithm>
#include <cmath>

namespace millrace::query {

namespace {

constexpr size_t piece_bytes = 64 * 1024;
/// Larger magnitudes would change in readers that hold numbers as doubles.
constexpr int64_t exact_double_max = int64_t{1} << 53;

bool is_zero(const std::byte* bytes, size_t count) {
  return std::all_of(bytes, bytes + count,
                     [](std::byte x) { return x == std::byte{0}; });
}

bool is_number(column_type type) {
  return is_float(type) || type == column_type::byte_
         || (type >= column_type::short_ && type <= column_type::long_);
}

/// Collects text and hands it on in pieces.
class piece_writer {
public:
  explicit piece_writer(const text_sink& sink) : sink_{sink} {
    text_.reserve(piece_bytes + 4096);
  }
  [[nodiscard]] std::string& text() noexcept { return text_; }
  /// To be called now and then; hands on what has gathered.
  error pass() { return text_.size() < piece_bytes ? error{} : flush(); }
  error flush() {
    if (text_.empty())
      return {};
    auto fault = sink_(text_);
    text_.clear();
    return fault;
  }

private:
  const text_sink& sink_;
  std::string text_;
};

void append_json_cell(std::string& out, const column_data& column, size_t row) {
  const auto ref = ref_of(column);
  if (column.type == column_type::boolean) {
    out += column.as<uint8_t>()[row] ? "true" : "false";
    return;
  }
  if (is_text(column.type)) {
    const auto text = column.text(row);
    if (text.empty() && column.type == column_type::symbol)
      out += "null";
    else
      text::append_json_string(out, text);
    return;
  }
  if (is_number(column.type) && !is_float(column.type)) {
    const auto value = integer_at(ref, row);
    if (value == null_long) {
      out += "null";
      return;
    }
    const bool wide = value > exact_double_max || value < -exact_double_max;
    if (wide)
      out.push_back('"');
    append_integer(out, value, column.type);
    if (wide)
      out.push_back('"');
    return;
  }
  if (is_float(column.type)) {
    const auto value = float_at(ref, row);
    if (std::isnan(value))
      out += "null";
    else if (std::isinf(value))
      out += value > 0 ? "\"inf\"" : "\"-inf\"";
    else
      append_cell(out, column, row);
    return;
  }
  std::string cell;
  append_cell(cell, column, row);
  if (cell.empty())
    out += "null";
  else
    text::append_json_string(out, cell);
}

error write_csv(const table_data& table, piece_writer& writer) {
  auto& out = writer.text();
  for (size_t c = 0; c < table.columns.size(); ++c) {
    if (c > 0)
      out.push_back(',');
    text::append_csv_field(out, table.columns[c].name);
  }
  out.push_back('\n');
  std::string cell;
  for (uint64_t row = 0; row < table.row_count; ++row) {
    for (size_t c = 0; c < table.columns.size(); ++c) {
      if (c > 0)
        out.push_back(',');
      cell.clear();
      append_cell(cell, table.columns[c], row);
      text::append_csv_field(out, cell);
    }
    out.push_back('\n');
    if (auto fault = writer.pass())
      return fault;
  }
  return writer.flush();
}

error write_json(const table_data& table, piece_writer& writer) {
  auto& out = writer.text();
  std::vector<std::string> names;
  for (const auto& column : table.columns) {
    auto& name = names.emplace_back(names.empty() ? "{" : ",");
    text::append_json_string(name, column.name);
    name.push_back(':');
  }
  out += "[";
  for (uint64_t row = 0; row < table.row_count; ++row) {
    out += row == 0 ? "\n" : ",\n";
    for (size_t c = 0; c < table.columns.size(); ++c) {
      out += names[c];
      append_json_cell(out, table.columns[c], row);
    }
    out.push_back('}');
    if (auto fault = writer.pass())
      return fault;
  }
  out += table.row_count == 0 ? "]\n" : "\n]\n";
  return writer.flush();
}

/// A cell on one line, whatever it holds.
void append_visible_cell(std::string& out, const column_data& column,
                         size_t row) {
  std::string cell;
  append_cell(cell, column, row);
  text::append_visible(out, cell);
}

error write_table(const table_data& table, piece_writer& writer) {
  auto& out = writer.text();
  std::vector<size_t> widths;
  std::string cell;
  for (const auto& column : table.columns) {
    auto& width = widths.emplace_back(text::utf8_count(column.name));
    for (uint64_t row = 0; row < table.row_count; ++row) {
      cell.clear();
      append_visible_cell(cell, column, row);
      width = std::max(width, text::utf8_count(cell));
    }
  }
  // Numbers stand to the right, the last of the others without blanks after it.
  auto put = [&](size_t c, std::string_view text) {
    const auto fill = widths[c] - text::utf8_count(text);
    const bool right = is_number(table.columns[c].type);
    if (c > 0)
      out += "  ";
    if (right)
      out.append(fill, ' ');
    out += text;
    if (!right && c + 1 < widths.size())
      out.append(fill, ' ');
  };
  for (size_t c = 0; c < widths.size(); ++c)
    put(c, table.columns[c].name);
  out.push_back('\n');
  for (size_t c = 0; c < widths.size(); ++c) {
    out += c > 0 ? "  " : "";
    out.append(widths[c], '-');
  }
  out.push_back('\n');
  for (uint64_t row = 0; row < table.row_count; ++row) {
    for (size_t c = 0; c < widths.size(); ++c) {
      cell.clear();
      append_visible_cell(cell, table.columns[c], row);
      put(c, cell);
    }
    out.push_back('\n');
    if (auto fault = writer.pass())
      return fault;
  }
  return writer.flush();
}

} // namespace

void append_cell(std::string& out, const column_data& column, size_t row) {
  const auto ref = ref_of(column);
  switch (column.type) {
    case column_type::symbol:
    case column_type::string:
      out += column.text(row);
      return;
    case column_type::guid: {
      const auto* bytes = column.values.data() + 16 * row;
      if (!is_zero(bytes, 16))
        text::append_guid(out, bytes);
      return;
    }
    case column_type::float_: {
      const auto value = column.as<double>()[row];
      if (!std::isnan(value))
        append_float(out, value);
      return;
    }
    case column_type::real: {
      const auto value = column.as<float>()[row];
      if (!std::isnan(value))
        append_float(out, value);
      return;
    }
    case column_type::char_: {
      const auto value = static_cast<char>(column.as<uint8_t>()[row]);
      if (value != ' ')
        out.push_back(value);
      return;
    }
    default:
      break;
  }
  const auto value = integer_at(ref, row);
  if (value != null_long)
    append_integer(out, value, column.type);
}

error write_result(const table_data& table, result_format format,
                   const text_sink& sink) {
  piece_writer writer{sink};
  switch (format) {
    case result_format::csv:
      return write_csv(table, writer);
    case result_format::json:
      return write_json(table, writer);
    default:
      return write_table(table, writer);
  }
}

std::string to_text(const table_data& table, result_format format) {
  std::string out;
  const auto fault = write_result(table, format, [&](std::string_view piece) {
    out += piece;
    return error{};
  });
  MILLRACE_ASSERT(!fault);
  return out;
}

} // namespace millrace::query
