#include <millrace/messages/base/caught.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/told_place.hpp>
#include <millrace/nodes/servers/http/exec_answer.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/query/table/result_text.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes::http {

namespace {

constexpr const char* json = "application/json; charset=utf-8";

std::string_view exec_type_of(column_type type) noexcept {
  switch (type) {
    case column_type::boolean:
      return "BOOLEAN";
    case column_type::guid:
      return "UUID";
    // Bytes go from 0 to 255 here, and from -128 to 127 there.
    case column_type::byte_:
    case column_type::short_:
      return "SHORT";
    case column_type::int_:
      return "INT";
    case column_type::long_:
      return "LONG";
    case column_type::real:
      return "FLOAT";
    case column_type::float_:
      return "DOUBLE";
    case column_type::char_:
      return "CHAR";
    case column_type::symbol:
      return "SYMBOL";
    case column_type::timestamp:
      return "TIMESTAMP_NS";
    case column_type::date:
      return "DATE";
    default:
      return "VARCHAR";
  }
}

/// As `/query` has it, but for the numbers of LONG, which are in quotes when a
/// client wants that, and dates, which have a time of day there.
void append_exec_cell(std::string& out, const query::column_data& column,
                      size_t row, const exec_form& form) {
  if (column.type == column_type::long_) {
    std::string digits;
    query::append_cell(digits, column, row);
    const auto* quote = form.quotes_longs && !digits.empty() ? "\"" : "";
    (out += quote) += digits.empty() ? "null" : digits;
    out += quote;
    return;
  }
  const auto begin = out.size();
  query::append_json_cell(out, column, row);
  if (out.compare(begin, out.npos, "null") == 0)
    return;
  if (column.type == column_type::date)
    out.insert(out.size() - 1, "T00:00:00.000Z");
}

void append_columns(std::string& out, const query::table_data& of) {
  out += ",\"columns\":[";
  int time_column = -1;
  for (size_t i = 0; i < of.columns.size(); ++i) {
    const auto& column = of.columns[i];
    out += i == 0 ? "{\"name\":" : ",{\"name\":";
    text::append_json_string(out, column.name);
    ((out += ",\"type\":\"") += exec_type_of(column.type)) += "\"}";
    if (time_column < 0 && column.type == column_type::timestamp)
      time_column = static_cast<int>(i);
  }
  out += "],\"timestamp\":" + std::to_string(time_column);
}

error append_answer(std::string& out, const chunks& parts,
                    const exec_form& form, int64_t took_ns) {
  out += "{\"query\":";
  text::append_json_string(out, form.query);
  uint64_t all = 0;
  bool has_begun = false;
  const char* between = "";
  for (const auto& part : parts) {
    const auto rows = query::joined_rows(chunks{part});
    if (!rows)
      return rows.failure();
    if (!has_begun && form.has_columns)
      append_columns(out, *rows);
    if (!has_begun)
      out += ",\"dataset\":[";
    has_begun = true;
    for (size_t row = 0; row < rows->row_count; ++row, ++all) {
      if (all < form.begin || (form.end && all >= *form.end))
        continue;
      (out += between) += '[';
      for (size_t c = 0; c < rows->columns.size(); ++c) {
        if (c != 0)
          out += ',';
        append_exec_cell(out, rows->columns[c], row, form);
      }
      out += ']';
      between = ",";
    }
  }
  out += has_begun ? "]" : ",\"dataset\":[]";
  out += ",\"count\":" + std::to_string(all);
  if (form.has_timings)
    out += ",\"timings\":{\"execute\":" + std::to_string(took_ns) + "}";
  out += "}\n";
  return {};
}

} // namespace

known_response exec_answer(const chunks& parts, const exec_form& form,
                           int64_t took_ns) {
  known_response out{.type = json, .body = {}, .headers = {}};
  const auto fault = caught("the answer to a query", [&] {
    return append_answer(out.body, parts, form, took_ns);
  });
  return fault ? exec_failure(fault, form) : out;
}

known_response exec_failure(const error& why, const exec_form& form) {
  auto out = failed_response(why);
  const auto place = text::place_told(why.context, form.query);
  text::json_value said{
    {"query", form.query},
    {"error", place ? std::string{place->rest} : to_string(why)},
    {"position", place ? place->character : size_t{0}}};
  out.type = json;
  out.body = said.dump() + "\n";
  return out;
}

} // namespace millrace::nodes::http
