#include <millrace/messages/text/csv_text.hpp>
#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/query/plan/literal_text.hpp>
#include <millrace/query/table/result_text.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace millrace::query {

namespace {

constexpr size_t piece_bytes = 64 * 1024;
/// Rows that the widths of a table's columns are taken from.
constexpr uint64_t aligned_rows = 65'536;
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

/// A cell on one line, whatever it holds.
void append_visible_cell(std::string& out, const column_data& column,
                         size_t row) {
  std::string cell;
  append_cell(cell, column, row);
  text::append_visible(out, cell);
}

/// Numbers stand to the right, the last of the others without blanks after it.
void append_aligned(std::string& out, const std::vector<size_t>& widths,
                    const table_data& table, size_t c, std::string_view text) {
  const auto have = text::utf8_count(text);
  const auto fill = widths[c] > have ? widths[c] - have : 0;
  const bool right = is_number(table.columns[c].type);
  if (c > 0)
    out += "  ";
  if (right)
    out.append(fill, ' ');
  out += text;
  if (!right && c + 1 < widths.size())
    out.append(fill, ' ');
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

result_writer::result_writer(result_format format, text_sink sink)
  : format_{format}, sink_{std::move(sink)}, arrow_{sink_} {
  text_.reserve(piece_bytes + 4096);
}

error result_writer::pass(size_t bytes_min) {
  if (text_.empty() || text_.size() < bytes_min)
    return {};
  auto fault = sink_(text_);
  text_.clear();
  return fault;
}

void result_writer::begin(const table_data& piece) {
  began_ = true;
  column_count_ = piece.columns.size();
  if (format_ == result_format::csv) {
    for (size_t c = 0; c < piece.columns.size(); ++c) {
      if (c > 0)
        text_.push_back(',');
      text::append_csv_field(text_, piece.columns[c].name);
    }
    text_.push_back('\n');
  } else if (format_ == result_format::json) {
    for (const auto& column : piece.columns) {
      auto& name = names_.emplace_back(names_.empty() ? "{" : ",");
      text::append_json_string(name, column.name);
      name.push_back(':');
    }
    text_ += "[";
  }
}

error result_writer::add(table_data piece) {
  if (!began_)
    begin(piece);
  if (piece.columns.size() != column_count_)
    return {errc::malformed_message,
            "the answer's parts have different columns"};
  rows_ += piece.row_count;
  if (format_ == result_format::arrow)
    return arrow_.add(piece);
  if (format_ != result_format::table || is_aligned_)
    return add_rows(piece);
  held_.push_back(std::move(piece));
  return rows_ < aligned_rows ? error{} : align();
}

/// @pre the widths of a table are known
error result_writer::add_rows(const table_data& piece) {
  std::string cell;
  for (uint64_t row = 0; row < piece.row_count; ++row) {
    if (format_ == result_format::json)
      text_ += std::exchange(has_rows_, true) ? ",\n" : "\n";
    for (size_t c = 0; c < piece.columns.size(); ++c) {
      const auto& column = piece.columns[c];
      cell.clear();
      switch (format_) {
        case result_format::csv:
          if (c > 0)
            text_.push_back(',');
          append_cell(cell, column, row);
          text::append_csv_field(text_, cell);
          break;
        case result_format::json:
          text_ += names_[c];
          append_json_cell(text_, column, row);
          break;
        case result_format::table:
          append_visible_cell(cell, column, row);
          append_aligned(text_, widths_, piece, c, cell);
          break;
        case result_format::arrow:
          break; // Its writer has them.
      }
    }
    text_.push_back(format_ == result_format::json ? '}' : '\n');
    if (auto fault = pass(piece_bytes))
      return fault;
  }
  return {};
}

error result_writer::align() {
  is_aligned_ = true;
  const auto& first = held_.front();
  std::string cell;
  for (size_t c = 0; c < first.columns.size(); ++c) {
    auto& width = widths_.emplace_back(text::utf8_count(first.columns[c].name));
    for (const auto& piece : held_)
      for (uint64_t row = 0; row < piece.row_count; ++row) {
        cell.clear();
        append_visible_cell(cell, piece.columns[c], row);
        width = std::max(width, text::utf8_count(cell));
      }
  }
  for (size_t c = 0; c < widths_.size(); ++c)
    append_aligned(text_, widths_, first, c, first.columns[c].name);
  text_.push_back('\n');
  for (size_t c = 0; c < widths_.size(); ++c) {
    text_ += c > 0 ? "  " : "";
    text_.append(widths_[c], '-');
  }
  text_.push_back('\n');
  for (const auto& piece : std::exchange(held_, {}))
    if (auto fault = add_rows(piece))
      return fault;
  return {};
}

error result_writer::finish(bool is_whole) {
  if (format_ == result_format::arrow)
    return arrow_.finish(is_whole);
  if (format_ == result_format::json && is_whole)
    text_ += has_rows_ ? "\n]\n" : "]\n";
  if (!held_.empty())
    if (auto fault = align())
      return fault;
  return pass(0);
}

std::string to_text(const table_data& table, result_format format) {
  std::string out;
  result_writer writer{format, [&](std::string_view piece) {
                         out += piece;
                         return error{};
                       }};
  const auto fault = writer.add(table);
  const auto last = writer.finish();
  MILLRACE_ASSERT(!fault && !last);
  return out;
}

} // namespace millrace::query
