#include <millrace/nodes/servers/postgres/catalogue_functions.hpp>
#include <millrace/nodes/servers/postgres/catalogue_internal.hpp>
#include <millrace/nodes/servers/postgres/catalogue_writer_internal.hpp>
#include <millrace/query/plan/literal_text.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <sqlite3.h>

// Implements, of catalogue_internal.hpp, `rows_of`.

namespace millrace::nodes::postgres {

namespace {

/// Some tenths of a second; also what ends a recursion without an end.
constexpr int steps_max = 8'000'000;
constexpr int steps_per_look = 500;
constexpr int query_bytes_max = 4 << 20;
constexpr int text_bytes_max = 1 << 20;
/// Of what it sorts, groups and holds between: no file is used for it.
constexpr sqlite3_int64 memory_max = 64 << 20;
constexpr size_t rows_bytes_max = 64 << 20;

struct closer {
  void operator()(sqlite3* of) const { sqlite3_close(of); }
  void operator()(sqlite3_stmt* of) const { sqlite3_finalize(of); }
};
using database = std::unique_ptr<sqlite3, closer>;
using prepared = std::unique_ptr<sqlite3_stmt, closer>;

error failed(sqlite3* in) {
  const std::string why = sqlite3_errmsg(in);
  const auto code = sqlite3_errcode(in);
  if (code == SQLITE_INTERRUPT || code == SQLITE_TOOBIG)
    return {errc::limit_exceeded,
            "what is asked of the catalogue takes too long, or is too large"};
  if (code == SQLITE_NOMEM)
    return {errc::limit_exceeded, "there is no memory for the catalogue"};
  if (code == SQLITE_RANGE)
    return {errc::overflow, why};
  if (code == SQLITE_MISMATCH)
    return {errc::invalid_argument, why};
  if (why.starts_with("there is no "))
    return {errc::not_found, why};
  return {errc::unsupported, "the catalogue cannot be asked this: " + why};
}

result<prepared> prepare(sqlite3* in, const std::string& sql) {
  sqlite3_stmt* made = nullptr;
  if (sqlite3_prepare_v2(in, sql.c_str(), static_cast<int>(sql.size()), &made,
                         nullptr)
      != SQLITE_OK)
    return failed(in);
  return prepared{made};
}

error run(sqlite3* in, const std::string& sql) {
  auto made = prepare(in, sql);
  if (!made)
    return made.failure();
  return sqlite3_step(made->get()) == SQLITE_DONE ? error{} : failed(in);
}

/// A type of which SQLite knows whether numbers or texts are compared.
const char* declared(column_type type) {
  return type == column_type::boolean ? "bool"
         : type == column_type::long_ ? "int8"
                                      : "text";
}

column_type type_declared(std::string_view name) {
  return name == "bool"   ? column_type::boolean
         : name == "int8" ? column_type::long_
                          : column_type::symbol;
}

void bind(sqlite3_stmt* to, int at, const cell& value) {
  if (value.is_null) {
    sqlite3_bind_null(to, at);
  } else if (value.type == column_type::symbol) {
    sqlite3_bind_text(to, at, value.text.data(),
                      static_cast<int>(value.text.size()), SQLITE_TRANSIENT);
  } else if (value.type == column_type::boolean) {
    sqlite3_bind_int(to, at, value.text == "t");
  } else {
    int64_t number = 0;
    std::from_chars(value.text.data(), value.text.data() + value.text.size(),
                    number);
    sqlite3_bind_int64(to, at, number);
  }
}

error add_relation(sqlite3* to, const std::string& name,
                   const std::set<std::string>& columns,
                   const catalogue_facts& with) {
  const auto& catalogue = columns_of_catalogue();
  const auto known = catalogue.find(name);
  std::string fields;
  std::string marks;
  for (const auto& column : columns) {
    auto type = column_type::symbol;
    if (known != catalogue.end())
      if (const auto found = known->second.find(column);
          found != known->second.end())
        type = found->second;
    fields += ',' + quoted_name(column) + ' ' + declared(type);
    marks += ",?";
  }
  if (columns.empty()) {
    fields = ",_ int8";
    marks = ",0";
  }
  if (auto fault = run(to, "CREATE TABLE " + quoted_name(name) + "("
                             + fields.substr(1) + ")"))
    return fault;
  auto insert = prepare(to, "INSERT INTO " + quoted_name(name) + " VALUES ("
                              + marks.substr(1) + ")");
  if (!insert)
    return insert.failure();
  error fault;
  // Where the cells of a row go, all of which have the same columns; 0: they
  // are not asked for.
  std::vector<int> places;
  for_each_row(name, with, [&](const catalogue_row& row) {
    if (fault)
      return;
    if (places.empty())
      for (const auto& [column, value] : row) {
        const auto at = columns.find(std::string{column});
        places.push_back(
          at == columns.end()
            ? 0
            : 1 + static_cast<int>(std::distance(columns.begin(), at)));
      }
    for (size_t i = 0; i < row.size(); ++i)
      if (places[i] != 0)
        bind(insert->get(), places[i], row[i].second);
    if (sqlite3_step(insert->get()) != SQLITE_DONE)
      fault = failed(to);
    sqlite3_reset(insert->get());
  });
  return fault;
}

result<database> open(const catalogue_query& query,
                      const catalogue_facts& with) {
  sqlite3* made = nullptr;
  const auto status = sqlite3_open_v2(
    ":memory:", &made, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database out{made};
  if (status != SQLITE_OK)
    return error{errc::internal, std::string{"the catalogue's database: "}
                                   + sqlite3_errstr(status)};
  sqlite3_limit(made, SQLITE_LIMIT_SQL_LENGTH, query_bytes_max);
  sqlite3_limit(made, SQLITE_LIMIT_ATTACHED, 0);
  // A name that is not there is no text.
  sqlite3_db_config(made, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(made, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  if (auto fault = add_functions(made, with))
    return fault;
  for (const auto* each : {"PRAGMA temp_store = 2", "BEGIN"})
    if (auto fault = run(made, each))
      return fault;
  for (const auto& [name, columns] : query.relations)
    if (auto fault = add_relation(made, name, columns, with))
      return fault;
  return out;
}

/// Since a query began. The memory is that of all that use SQLite here: who
/// asks beside others may be refused for what they took.
struct work_done {
  int looks = 0;
  sqlite3_int64 memory = 0;
};

int is_too_much(void* since) {
  auto& done = *static_cast<work_done*>(since);
  return ++done.looks > steps_max / steps_per_look
         || sqlite3_memory_used() - done.memory > memory_max;
}

/// One column as it comes.
struct output {
  std::string name;
  std::optional<column_type> type;
  std::vector<std::optional<std::string>> values;
  bool has_text = false; ///< Some of them are texts.
  bool has_real = false; ///< Some of them are no whole numbers.
};

/// Code 0 is null; an empty text is an entry of its own.
query::column_data texts_of(const output& of, bool is_truth) {
  query::column_data out{of.name, column_type::symbol, {}, {0}, {}};
  std::map<std::string_view, uint32_t> codes;
  for (const auto& each : of.values) {
    if (!each) {
      out.push(uint32_t{0});
      continue;
    }
    const auto text = !is_truth      ? std::string_view{*each}
                      : *each == "0" ? std::string_view{"f"}
                                     : std::string_view{"t"};
    const auto code = static_cast<uint32_t>(out.dictionary_ends.size());
    const auto [at, is_new] = codes.try_emplace(text, code);
    if (is_new) {
      out.bytes += text;
      out.dictionary_ends.push_back(static_cast<uint32_t>(out.bytes.size()));
    }
    out.push(at->second);
  }
  return out;
}

/// What values a column of a type can have; the smallest ones are nulls.
bool fits(column_type type, int64_t number) {
  const auto most = width_of(type) == 2
                      ? int64_t{std::numeric_limits<int16_t>::max()}
                    : width_of(type) == 4 ? int64_t{inf_int}
                                          : inf_long;
  return number >= -most && number <= most;
}

/// What the values of a column are, where they tell that it is another type.
column_type type_by_values(column_type type, const output& of) {
  if (of.has_text && type != column_type::boolean)
    return column_type::symbol;
  const bool is_whole = type == column_type::short_ || type == column_type::int_
                        || type == column_type::long_;
  if (of.has_real && is_whole)
    return column_type::float_;
  if (!is_whole)
    return type;
  for (const auto& each : of.values) {
    int64_t number = 0;
    if (each)
      std::from_chars(each->data(), each->data() + each->size(), number);
    if (!fits(type, number))
      return column_type::long_;
  }
  return type;
}

query::column_data column_of(const output& of) {
  const auto type = type_by_values(of.type.value_or(column_type::symbol), of);
  const bool has_null
    = std::find(of.values.begin(), of.values.end(), std::nullopt)
      != of.values.end();
  // A boolean has no null: as text then.
  const bool is_truth = type == column_type::boolean && has_null;
  if (type == column_type::symbol || is_truth)
    return texts_of(of, is_truth);
  query::column_data out{of.name, type, {}, {}, {}};
  for (const auto& each : of.values) {
    if (query::is_float(type)) {
      query::push_float(out, each ? std::strtod(each->c_str(), nullptr)
                                  : std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    int64_t number = 0;
    bool is_known = each.has_value();
    if (each)
      is_known
        = std::from_chars(each->data(), each->data() + each->size(), number).ec
          == std::errc{};
    query::push_integer(out, is_known ? number : null_long);
  }
  return out;
}

/// A value with all its digits, which SQLite's own text of a float has not.
std::string text_of(sqlite3_stmt* from, int at, int kind) {
  std::string out;
  if (kind == SQLITE_FLOAT) {
    query::append_float(out, sqlite3_column_double(from, at));
    return out;
  }
  const auto* text
    = reinterpret_cast<const char*>(sqlite3_column_text(from, at));
  return {text, static_cast<size_t>(sqlite3_column_bytes(from, at))};
}

std::vector<output> outputs_of(sqlite3_stmt* from,
                               const catalogue_query& query) {
  std::vector<output> out;
  const auto count = static_cast<size_t>(sqlite3_column_count(from));
  for (size_t i = 0; i < count; ++i) {
    const auto at = static_cast<int>(i);
    const auto* type = sqlite3_column_decltype(from, at);
    out.push_back({sqlite3_column_name(from, at),
                   type ? std::optional{type_declared(type)} : std::nullopt,
                   {},
                   false,
                   false});
    if (i < query.first_types.size() && query.first_types[i])
      out.back().type = query.first_types[i];
    const auto to_end = count - i;
    if (to_end <= query.last_types.size())
      if (const auto last = query.last_types[query.last_types.size() - to_end])
        out.back().type = last;
  }
  return out;
}

} // namespace

result<query::table_data> rows_of(const catalogue_query& query,
                                  const catalogue_facts& with) {
  auto in = open(query, with);
  if (!in)
    return in.failure();
  sqlite3_limit(in->get(), SQLITE_LIMIT_LENGTH, text_bytes_max);
  work_done done{0, sqlite3_memory_used()};
  sqlite3_progress_handler(in->get(), steps_per_look, is_too_much, &done);
  const auto select = prepare(in->get(), query.sql);
  if (!select)
    return select.failure();
  auto outputs = outputs_of(select->get(), query);
  query::table_data out;
  size_t bytes = 0;
  int status = SQLITE_DONE;
  while ((status = sqlite3_step(select->get())) == SQLITE_ROW) {
    ++out.row_count;
    int at = 0;
    for (auto& each : outputs) {
      const auto kind = sqlite3_column_type(select->get(), at);
      if (kind == SQLITE_NULL) {
        each.values.emplace_back();
      } else {
        // What no name tells is told by the first value.
        if (!each.type)
          each.type = kind == SQLITE_INTEGER ? column_type::long_
                      : kind == SQLITE_FLOAT ? column_type::float_
                                             : column_type::symbol;
        each.has_text = each.has_text || kind == SQLITE_TEXT;
        each.has_real = each.has_real || kind == SQLITE_FLOAT;
        each.values.emplace_back(text_of(select->get(), at, kind));
        bytes += each.values.back()->size();
      }
      bytes += sizeof each.values.back();
      ++at;
    }
    if (bytes > rows_bytes_max)
      return error{errc::limit_exceeded,
                   "what is asked of the catalogue has too many rows"};
  }
  if (status != SQLITE_DONE)
    return failed(in->get());
  for (const auto& each : outputs)
    out.columns.push_back(column_of(each));
  return out;
}

} // namespace millrace::nodes::postgres
