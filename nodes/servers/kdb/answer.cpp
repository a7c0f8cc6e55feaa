#include <millrace/nodes/servers/kdb/answer.hpp>
#include <millrace/query/table/result_text.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace millrace::nodes::kdb {

namespace {

using query::column_data;
using query::result_shape;

constexpr uint64_t message_most = std::numeric_limits<int32_t>::max();
constexpr size_t text_lines_max = 25;
constexpr double ns_per_day = 86'400'000'000'000.0;
constexpr int64_t ms_ns = 1'000'000;

template <class T>
void put(std::string& out, T number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_list(std::string& out, kind type, size_t count) {
  put(out, static_cast<int8_t>(type));
  put(out, int8_t{0});
  put(out, static_cast<uint32_t>(count));
}

kind kind_of(column_type type) {
  return type == column_type::string
           ? kind::char_
           : static_cast<kind>(static_cast<int>(type));
}

/// "00112233-4455-6677-8899-aabbccddeeff"
std::string guid_text(const std::byte* bytes) {
  constexpr const char* digits = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      out += '-';
    out += digits[static_cast<uint8_t>(bytes[i]) >> 4];
    out += digits[static_cast<uint8_t>(bytes[i]) & 15];
  }
  return out;
}

/// Writes columns as a client of this capability reads them.
class wire_columns {
public:
  wire_columns(std::string& out, char capability)
    : out_{out}, capability_{capability} {}

  void column(const column_data& from, size_t rows) {
    if (!is_known(from.type))
      return older(from, rows);
    if (from.type == column_type::string) {
      put_list(out_, kind::list, rows);
      for (size_t row = 0; row < rows; ++row)
        text(from.text(row));
      return;
    }
    put_list(out_, kind_of(from.type), rows);
    if (from.type == column_type::symbol)
      for (size_t row = 0; row < rows; ++row)
        symbol(from.text(row));
    else
      out_.append(reinterpret_cast<const char*>(from.values.data()),
                  rows * width_of(from.type));
  }

  /// The one item of a column.
  void atom(const column_data& from) {
    if (!is_known(from.type)) {
      // As a list of one: it has no type of its own there.
      return older(from, 1);
    }
    if (from.type == column_type::string)
      return text(from.text(0));
    put(out_, static_cast<int8_t>(-static_cast<int>(kind_of(from.type))));
    if (from.type == column_type::symbol)
      symbol(from.text(0));
    else
      out_.append(reinterpret_cast<const char*>(from.values.data()),
                  width_of(from.type));
  }

  void names(const query::table_data& of, size_t begin, size_t end) {
    put_list(out_, kind::symbol, end - begin);
    for (auto i = begin; i < end; ++i)
      symbol(of.columns[i].name);
  }

  /// Columns [begin, end) as a table.
  void table(const query::table_data& of, size_t begin, size_t end) {
    put(out_, static_cast<int8_t>(kind::table));
    put(out_, int8_t{0});
    put(out_, static_cast<int8_t>(kind::dictionary));
    names(of, begin, end);
    put_list(out_, kind::list, end - begin);
    for (auto i = begin; i < end; ++i)
      column(of.columns[i], of.row_count);
  }

private:
  bool is_known(column_type type) const {
    if (type == column_type::guid)
      return capability_ >= 3;
    if (type == column_type::timestamp || type == column_type::timespan)
      return capability_ >= 1;
    return true;
  }

  void symbol(std::string_view name) {
    // A zero would end it.
    out_ += name.substr(0, name.find('\0'));
    out_ += '\0';
  }

  void text(std::string_view bytes) {
    put_list(out_, kind::char_, bytes.size());
    out_ += bytes;
  }

  /// What the first releases had instead.
  void older(const column_data& from, size_t rows) {
    if (from.type == column_type::guid) {
      put_list(out_, kind::list, rows);
      for (size_t row = 0; row < rows; ++row)
        text(guid_text(from.values.data() + 16 * row));
      return;
    }
    const auto* ns = from.as<int64_t>();
    const bool is_time = from.type == column_type::timespan;
    put_list(out_, is_time ? kind::time : kind::datetime, rows);
    for (size_t row = 0; row < rows; ++row)
      if (is_time)
        put(out_, time_of(ns[row]));
      else
        put(out_, days_of(ns[row]));
  }

  static int32_t time_of(int64_t ns) {
    if (ns == null_long)
      return null_int;
    const auto ms = ns / ms_ns;
    return ms > inf_int    ? inf_int
           : ms < -inf_int ? -inf_int
                           : static_cast<int32_t>(ms);
  }

  static double days_of(int64_t ns) {
    constexpr auto infinity = std::numeric_limits<double>::infinity();
    if (ns == null_long)
      return std::nan("");
    if (ns == inf_long || ns == -inf_long)
      return ns > 0 ? infinity : -infinity;
    return static_cast<double>(ns) / ns_per_day;
  }

  std::string& out_;
  char capability_;
};

/// A dictionary of columns, or of their values: what exec gives.
void write_named(wire_columns& to, std::string& out,
                 const query::table_data& rows, size_t begin, bool atoms) {
  const auto end = rows.columns.size();
  put(out, static_cast<int8_t>(kind::dictionary));
  to.names(rows, begin, end);
  put_list(out, kind::list, end - begin);
  for (auto i = begin; i < end; ++i)
    if (atoms)
      to.atom(rows.columns[i]);
    else
      to.column(rows.columns[i], rows.row_count);
}

void write_rows(std::string& out, const query::table_data& rows,
                const answer_form& form) {
  wire_columns to{out, form.capability};
  const auto columns = rows.columns.size();
  const auto keys = std::min(form.keys.size(), columns);
  const bool is_exec = form.shape == result_shape::columns;
  const bool is_one = form.shape == result_shape::values && rows.row_count == 1;
  if (is_one && columns == 1)
    return to.atom(rows.columns[0]);
  if (is_one)
    return write_named(to, out, rows, 0, true);
  if (is_exec && keys == 0 && columns == 1)
    return to.column(rows.columns[0], rows.row_count);
  if (is_exec && keys == 0)
    return write_named(to, out, rows, 0, false);
  if (keys == 0 || keys == columns)
    return to.table(rows, 0, columns);
  put(out, static_cast<int8_t>(kind::dictionary));
  if (is_exec && keys == 1)
    to.column(rows.columns[0], rows.row_count);
  else
    to.table(rows, 0, keys);
  if (is_exec && columns - keys == 1)
    to.column(rows.columns[keys], rows.row_count);
  else
    to.table(rows, keys, columns);
}

char letter_of(column_type type) {
  constexpr std::string_view letters = " bg xhijefcspmdznuvt";
  return type == column_type::string ? 'C' : letters[static_cast<size_t>(type)];
}

value symbols_of(const table_schema& schema) {
  value out;
  out.type = kind::symbol;
  for (const auto& column : schema.columns)
    out.symbols.push_back(column.name);
  return out;
}

value table_of(std::vector<std::string> names, std::vector<value> columns) {
  value keys;
  keys.type = kind::symbol;
  keys.symbols = std::move(names);
  value both;
  both.type = kind::dictionary;
  both.parts.push_back(std::move(keys));
  both.parts.push_back(list_of(std::move(columns)));
  value out;
  out.type = kind::table;
  out.parts.push_back(std::move(both));
  return out;
}

} // namespace

result<std::string> table_message(message_kind kind,
                                  const query::table_data& rows,
                                  const answer_form& form,
                                  std::string_view table) {
  std::string out(header_bytes, '\0');
  if (rows.byte_count() > message_most)
    return error{errc::limit_exceeded,
                 "limit: the result is too long for a message of kdb+"};
  if (!table.empty()) {
    put_list(out, kind::list, 3);
    for (const auto name : {std::string_view{"upd"}, table}) {
      put(out, static_cast<int8_t>(-static_cast<int>(kind::symbol)));
      out += name;
      out += '\0';
    }
  }
  write_rows(out, rows, form);
  if (out.size() > message_most)
    return error{errc::limit_exceeded,
                 "limit: the result has " + std::to_string(out.size())
                   + " bytes, and a message of kdb+ at most "
                   + std::to_string(message_most)};
  out[0] = 1;
  out[1] = static_cast<char>(kind);
  const auto size = static_cast<uint32_t>(out.size());
  std::memcpy(out.data() + 4, &size, sizeof size);
  return out;
}

std::string table_text(const query::table_data& rows) {
  auto out = query::to_text(rows, query::result_format::table);
  size_t lines = 0;
  for (size_t i = 0; i < out.size(); ++i)
    if (out[i] == '\n' && ++lines == text_lines_max && i + 1 < out.size()) {
      out.resize(i + 1);
      return out + "..\n";
    }
  return out;
}

std::string value_text(const result<value>& what) {
  if (!what)
    return "'" + what.failure().context + "\n";
  std::string out;
  if (what->type == kind::primitive)
    return out;
  if (what->type == kind::char_)
    out = what->bytes;
  else if (what->type == kind::symbol)
    for (const auto& name : what->symbols)
      out += "`" + name;
  else if (what->type == kind::long_ || what->type == kind::timestamp)
    for (size_t i = 0; i < what->size(); ++i)
      out += (i == 0 ? "" : " ") + std::to_string(what->item<int64_t>(i));
  else
    out = "'nyi: this is not shown as text";
  return out + "\n";
}

value empty_table(const table_schema& schema) {
  std::vector<value> columns;
  for (const auto& column : schema.columns) {
    value made;
    made.type
      = column.type == column_type::string ? kind::list : kind_of(column.type);
    columns.push_back(std::move(made));
  }
  return table_of(symbols_of(schema).symbols, std::move(columns));
}

value meta_table(const table_schema& schema) {
  value letters;
  letters.type = kind::char_;
  for (const auto& column : schema.columns)
    letters.bytes += letter_of(column.type);
  value none;
  none.type = kind::symbol;
  none.symbols.resize(schema.columns.size());
  value out;
  out.type = kind::dictionary;
  out.parts.push_back(table_of({"c"}, {symbols_of(schema)}));
  out.parts.push_back(table_of({"t", "f", "a"}, {letters, none, none}));
  return out;
}

} // namespace millrace::nodes::kdb
