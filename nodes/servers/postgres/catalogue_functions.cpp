#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/letter_case.hpp>
#include <millrace/nodes/servers/postgres/catalogue_call_internal.hpp>
#include <millrace/nodes/servers/postgres/catalogue_functions.hpp>
#include <millrace/nodes/servers/postgres/catalogue_internal.hpp>
#include <millrace/query/execution/like.hpp>
#include <millrace/query/front/sql/constants.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <re2/re2.h>
#include <sqlite3.h>
#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes::postgres {

namespace {

constexpr int64_t ns_per_day = 86'400'000'000'000;

using type_name = std::pair<std::string_view, catalogue_function>;

using enum column_type;
/// Sorted by nothing: there are few.
constexpr type_name functions[] = {
  {"count", {"count", long_}},
  {"sum", {"sum", {}}},
  {"min", {"min", {}}},
  {"max", {"max", {}}},
  {"avg", {"avg", float_}},
  {"bool_or", {"max", boolean}},
  {"bool_and", {"min", boolean}},
  {"every", {"min", boolean}},
  {"string_agg", {"group_concat", symbol}},
  {"array_agg", {"pg_array_agg", symbol}},
  {"row_number", {"row_number", long_}},
  {"rank", {"rank", long_}},
  {"dense_rank", {"dense_rank", long_}},
  {"lower", {"lower", symbol}},
  {"upper", {"upper", symbol}},
  {"length", {"length", int_}},
  {"char_length", {"length", int_}},
  {"character_length", {"length", int_}},
  {"abs", {"abs", {}}},
  {"round", {"round", float_}},
  {"replace", {"replace", symbol}},
  {"substr", {"pg_substr", symbol}},
  {"substring", {"pg_substr", symbol}},
  {"btrim", {"trim", symbol}},
  {"trim", {"trim", symbol}},
  {"ltrim", {"ltrim", symbol}},
  {"rtrim", {"rtrim", symbol}},
  {"position", {"instr", int_}},
  {"strpos", {"instr", int_}},
  {"concat", {"pg_concat", symbol}},
  {"version", {"pg_version", symbol}},
  {"current_user", {"pg_user_name", symbol}},
  {"session_user", {"pg_user_name", symbol}},
  {"current_role", {"pg_user_name", symbol}},
  {"user", {"pg_user_name", symbol}},
  {"current_database", {"pg_database_name", symbol}},
  {"current_catalog", {"pg_database_name", symbol}},
  {"current_schema", {"'public'", symbol, true}},
  {"current_schemas", {"pg_schemas", symbol}},
  {"now", {"pg_now", timestamp}},
  {"current_timestamp", {"pg_now", timestamp}},
  {"localtimestamp", {"pg_now", timestamp}},
  {"transaction_timestamp", {"pg_now", timestamp}},
  {"statement_timestamp", {"pg_now", timestamp}},
  {"clock_timestamp", {"pg_now", timestamp}},
  {"current_date", {"pg_today", date}},
  {"current_setting", {"pg_setting", symbol}},
  {"pg_backend_pid", {"pg_pid", int_}},
  {"pg_is_in_recovery", {"0", boolean, true}},
  // No lock is there that could be given back.
  {"pg_advisory_unlock_all", {"''", symbol, true}},
  {"pg_advisory_unlock", {"0", boolean, true}},
  {"pg_advisory_unlock_shared", {"0", boolean, true}},
  {"pg_my_temp_schema", {"0", long_, true}},
  {"pg_is_other_temp_schema", {"0", boolean, true}},
  {"pg_encoding_to_char", {"'UTF8'", symbol, true}},
  {"pg_client_encoding", {"'UTF8'", symbol, true}},
  {"getdatabaseencoding", {"'UTF8'", symbol, true}},
  {"pg_get_userbyid", {"'millrace'", symbol, true}},
  {"inet_server_addr", {"NULL", symbol, true}},
  {"inet_client_addr", {"NULL", symbol, true}},
  {"quote_ident", {"pg_quote_ident", symbol}},
  {"quote_literal", {"pg_quote", symbol}},
  {"quote_nullable", {"pg_quote", symbol}},
  {"format_type", {"regtype_name", symbol}},
  {"to_regclass", {"regclass_known", symbol}},
  {"array_to_string", {"pg_array_text", symbol}},
  {"array_length", {"pg_array_size", int_}},
  {"array_upper", {"pg_array_size", int_}},
  {"array_lower", {"pg_array_begin", int_}},
  {"cardinality", {"pg_array_size", int_}},
  {"string_to_array", {"pg_text_array", symbol}},
  {"parse_ident", {"pg_parse_ident", symbol}},
};

/// What is there may be read, and is seen without its schema.
constexpr std::array<std::string_view, 27> questions_of_rights{
  "pg_has_role",
  "has_any_column_privilege",
  "has_column_privilege",
  "has_database_privilege",
  "has_foreign_data_wrapper_privilege",
  "has_function_privilege",
  "has_language_privilege",
  "has_parameter_privilege",
  "has_schema_privilege",
  "has_sequence_privilege",
  "has_server_privilege",
  "has_table_privilege",
  "has_tablespace_privilege",
  "has_type_privilege",
  "pg_collation_is_visible",
  "pg_conversion_is_visible",
  "pg_function_is_visible",
  "pg_opclass_is_visible",
  "pg_operator_is_visible",
  "pg_opfamily_is_visible",
  "pg_statistics_obj_is_visible",
  "pg_table_is_visible",
  "pg_ts_config_is_visible",
  "pg_ts_dict_is_visible",
  "pg_ts_parser_is_visible",
  "pg_ts_template_is_visible",
  "pg_type_is_visible"};

using call = catalogue_call;

const catalogue_facts& facts_of(const call& of) {
  return *static_cast<const catalogue_facts*>(of.user_data());
}

void append_element(std::string& array, const std::string* text) {
  if (array.size() > 1)
    array += ',';
  if (text == nullptr) {
    array += "NULL";
    return;
  }
  const bool is_plain = !text->empty()
                        && text->find_first_of("{},\"\\ ") == text->npos
                        && text::lower_case(*text) != "null";
  if (is_plain) {
    array += *text;
    return;
  }
  array += '"';
  for (const char c : *text) {
    if (c == '"' || c == '\\')
      array += '\\';
    array += c;
  }
  array += '"';
}

void make_array(call of) {
  std::string out{"{"};
  for (int i = 0; i < of.count(); ++i) {
    const auto text = of.text(i);
    append_element(out, of.is_null(i) ? nullptr : &text);
  }
  of.give(out + "}");
}

void has_element(call of) {
  if (of.is_null(0) || of.is_null(1))
    return of.give_null();
  const auto elements = query::sql::parse_array(of.text(0));
  // int2vector is written without brackets; none is here that is not empty.
  const auto wanted = of.text(1);
  of.give(
    int64_t{elements
            && std::any_of(elements->begin(), elements->end(),
                           [&](const auto& each) { return each == wanted; })});
}

void element_at(call of) {
  const auto elements = query::sql::parse_array(of.text(0));
  const auto at = of.number(1);
  if (!elements || at < 1 || std::cmp_greater(at, elements->size())
      || !(*elements)[static_cast<size_t>(at - 1)])
    return of.give_null();
  of.give(*(*elements)[static_cast<size_t>(at - 1)]);
}

void array_size(call of) {
  const auto elements = query::sql::parse_array(of.text(0));
  if (!elements || elements->empty())
    return of.give_null();
  of.give(static_cast<int64_t>(elements->size()));
}

/// Arrays here begin with 1.
void array_begin(call of) {
  const auto elements = query::sql::parse_array(of.text(0));
  if (!elements || elements->empty())
    return of.give_null();
  of.give(int64_t{1});
}

/// @pre text and separator, and maybe what stands for null
void text_as_array(call of) {
  if (of.count() < 2 || of.is_null(0))
    return of.give_null();
  const auto text = of.text(0);
  const auto between = of.text(1);
  const auto null = of.text(2);
  std::string out{"{"};
  const auto append = [&](const std::string& each) {
    append_element(out, !of.is_null(2) && each == null ? nullptr : &each);
  };
  if (of.is_null(1)) {
    // Each character by itself.
    for (size_t at = 0, end = 0; at < text.size(); at = end) {
      end = at + 1;
      while (end < text.size()
             && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        ++end;
      append(text.substr(at, end - at));
    }
  } else if (between.empty()) {
    if (!text.empty())
      append(text);
  } else if (!text.empty()) {
    size_t at = 0;
    for (size_t end = 0; (end = text.find(between, at)) != text.npos;
         at = end + between.size())
      append(text.substr(at, end - at));
    append(text.substr(at));
  }
  of.give(out + "}");
}

/// The names of a."B".c, of which those without quotes have no case.
void identifiers_in(call of) {
  if (of.is_null(0))
    return of.give_null();
  const auto text = of.text(0);
  const auto wrong
    = [&] { of.fail_value("'" + text + "' is not a value of type name"); };
  std::string out{"{"};
  for (size_t at = 0;; ++at) {
    std::string name;
    if (at < text.size() && text[at] == '"') {
      for (++at; at < text.size(); ++at) {
        if (text[at] == '"' && text.substr(at, 2) != "\"\"")
          break;
        at += text[at] == '"' ? 1 : 0;
        name += text[at];
      }
      if (at++ >= text.size())
        return wrong();
    } else {
      const auto end = std::min(text.find('.', at), text.size());
      name = text::lower_case(text.substr(at, end - at));
      at = end;
      if (name.find_first_of(" \"'();,") != name.npos)
        return wrong();
    }
    if (name.empty())
      return wrong();
    append_element(out, &name);
    if (at >= text.size())
      break;
    if (text[at] != '.')
      return wrong();
  }
  of.give(out + "}");
}

void array_as_text(call of) {
  const auto elements = query::sql::parse_array(of.text(0));
  if (of.is_null(0) || !elements)
    return of.give_null();
  std::string out;
  for (const auto& each : *elements)
    if (each)
      (out += out.empty() ? "" : of.text(1)) += *each;
  of.give(out);
}

void array_step(sqlite3_context* context, int, sqlite3_value** arguments) {
  auto* state = static_cast<std::string**>(
    sqlite3_aggregate_context(context, sizeof(std::string*)));
  if (state == nullptr)
    return sqlite3_result_error_nomem(context);
  try {
    if (*state == nullptr)
      *state = std::make_unique<std::string>("{").release();
    const call of{context, 1, arguments};
    const auto text = of.text(0);
    append_element(**state, of.is_null(0) ? nullptr : &text);
  } catch (const std::exception&) {
    sqlite3_result_error_nomem(context);
  }
}

void array_end(sqlite3_context* context) {
  auto* state
    = static_cast<std::string**>(sqlite3_aggregate_context(context, 0));
  if (state == nullptr || *state == nullptr)
    return sqlite3_result_null(context);
  const std::unique_ptr<std::string> owned{*state};
  *state = nullptr;
  *owned += '}';
  sqlite3_result_text64(context, owned->data(), owned->size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
}

void concatenated(call of) {
  std::string out;
  for (int i = 0; i < of.count(); ++i)
    out += of.text(i);
  of.give(out);
}

/// @pre four arguments: of, pattern, escape, whether case is not heeded
void is_like_pattern(call of) {
  if (of.is_null(0) || of.is_null(1))
    return of.give_null();
  const auto escape = of.text(2);
  const bool any_case = of.number(3) != 0;
  const auto read = query::sql::like_pattern_of(
    of.text(1), escape.empty() ? '\0' : escape[0], any_case);
  if (!read)
    return of.fail(read.failure().context);
  const auto text = of.text(0);
  of.give(int64_t{query::like_pattern{*read}.matches(text)});
}

/// @pre three arguments: of, pattern, whether case is not heeded
void matches_pattern(call of) {
  constexpr size_t pattern_max = 256;
  constexpr size_t text_max = 1024;
  if (of.is_null(0) || of.is_null(1))
    return of.give_null();
  const auto text = of.text(0);
  const auto pattern = of.text(1);
  if (text.size() > text_max || pattern.size() > pattern_max)
    return of.fail("a pattern for the catalogue has at most "
                   + std::to_string(pattern_max) + " bytes");
  // Of any pattern the work grows with the text alone.
  re2::RE2::Options options;
  options.set_case_sensitive(of.number(2) == 0);
  options.set_log_errors(false);
  const re2::RE2 compiled{pattern, options};
  if (!compiled.ok())
    return of.fail("'" + pattern + "' is not a pattern that can be read");
  of.give(int64_t{re2::RE2::PartialMatch(text, compiled)});
}

void quoted_identifier(call of) {
  if (of.is_null(0))
    return of.give_null();
  const auto text = of.text(0);
  const bool is_plain
    = !text.empty() && (text[0] < '0' || text[0] > '9')
      && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_")
           == text.npos;
  if (is_plain)
    return of.give(text);
  std::string out{"\""};
  for (const char c : text)
    (out += c) += c == '"' ? "\"" : "";
  of.give(out + '"');
}

void quoted_value(call of) {
  if (of.is_null(0))
    return of.give("NULL");
  const auto text = of.text(0);
  std::string out{text.find('\\') == text.npos ? "'" : " E'"};
  for (const char c : text)
    (out += c) += c == '\'' || c == '\\' ? std::string(1, c) : "";
  of.give(out + "'");
}

void setting_value(call of) {
  const auto found = facts_of(of).settings->find(of.text(0));
  if (found)
    return of.give(*found);
  if (of.number(1) != 0)
    return of.give_null();
  of.fail("there is no setting '" + of.text(0) + "'");
}

void day_text(call of) {
  of.is_null(0) ? of.give_null() : of.give(text::date_text(of.number(0)));
}
void time_text(call of) {
  if (of.is_null(0))
    return of.give_null();
  std::string out;
  text::append_time(out, of.number(0), ' ');
  out.resize(out.size() - 3); // Microseconds.
  of.give(out);
}
void day_of_time(call of) {
  if (of.is_null(0))
    return of.give_null();
  of.give(text::floor_divide(of.number(0), ns_per_day));
}

void relation_number(call of) {
  if (of.is_null(0))
    return of.give_null();
  const auto text = of.text(0);
  int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec == std::errc{} && read.ptr == end)
    return of.give(number);
  if (const auto found = number_of_relation(text, facts_of(of)))
    return of.give(*found);
  of.fail("there is no table '" + text + "'");
}
/// The name of a table that there is, else null.
void known_relation(call of) {
  const auto text = of.text(0);
  const auto number = number_of_relation(text, facts_of(of));
  const auto name
    = number ? name_of_relation(*number, facts_of(of)) : std::nullopt;
  name ? of.give(*name) : of.give_null();
}
void relation_name(call of) {
  if (of.is_null(0))
    return of.give_null();
  const auto found = name_of_relation(of.number(0), facts_of(of));
  of.give(found ? *found : of.text(0));
}
void type_number(call of) {
  if (of.is_null(0))
    return of.give_null();
  if (const auto* found = find_type(of.text(0)))
    return of.give(int64_t{found->oid});
  of.fail("there is no type '" + of.text(0) + "'");
}
void name_of_type(call of) {
  if (of.is_null(0))
    return of.give_null();
  if (of.number(0) == 0)
    return of.give("-");
  const auto* found = find_type(of.number(0));
  of.give(found ? std::string_view{found->written} : "???");
}

constexpr std::array added_functions{
  added_function{"pg_array", -1, guarded<make_array>},
  added_function{"pg_array_has", 2, guarded<has_element>},
  added_function{"pg_array_at", 2, guarded<element_at>},
  added_function{"pg_array_size", -1, guarded<array_size>},
  added_function{"pg_array_begin", -1, guarded<array_begin>},
  added_function{"pg_text_array", -1, guarded<text_as_array>},
  added_function{"pg_parse_ident", -1, guarded<identifiers_in>},
  added_function{"pg_array_text", -1, guarded<array_as_text>},
  added_function{"pg_concat", -1, guarded<concatenated>},
  added_function{"pg_like", 4, guarded<is_like_pattern>},
  added_function{"pg_matches", 3, guarded<matches_pattern>},
  added_function{"pg_quote_ident", 1, guarded<quoted_identifier>},
  added_function{"pg_quote", 1, guarded<quoted_value>},
  added_function{"pg_setting", -1, guarded<setting_value>},
  added_function{"pg_date_text", 1, guarded<day_text>},
  added_function{"pg_time_text", 1, guarded<time_text>},
  added_function{"pg_day", 1, guarded<day_of_time>},
  added_function{"regclass_number", 1, guarded<relation_number>},
  added_function{"regclass_name", 1, guarded<relation_name>},
  added_function{"regclass_known", 1, guarded<known_relation>},
  added_function{"regtype_number", 1, guarded<type_number>},
  added_function{"regtype_name", -1, guarded<name_of_type>},
  added_function{
    "pg_version", 0,
    guarded<[](call of) { of.give("PostgreSQL 15.0 (Millrace)"); }>},
  added_function{"pg_user_name", 0,
                 guarded<[](call of) { of.give(facts_of(of).user); }>},
  added_function{"pg_database_name", 0,
                 guarded<[](call of) { of.give(facts_of(of).cluster); }>},
  added_function{"pg_schemas", 1, guarded<[](call of) {
                   of.give(of.number(0) != 0 ? "{pg_catalog,public}"
                                             : "{public}");
                 }>},
  added_function{"pg_now", 0,
                 guarded<[](call of) { of.give(facts_of(of).now_ns); }>},
  added_function{"pg_today", 0, guarded<[](call of) {
                   of.give(text::floor_divide(facts_of(of).now_ns, ns_per_day));
                 }>},
  added_function{"pg_pid", 0,
                 guarded<[](call of) { of.give(int64_t{facts_of(of).pid}); }>},
};

} // namespace

const catalogue_function* known_function(std::string_view name) {
  for (const auto& [known, function] : functions)
    if (known == name)
      return &function;
  static constexpr catalogue_function yes{"1", column_type::boolean, true};
  return std::find(questions_of_rights.begin(), questions_of_rights.end(), name)
             != questions_of_rights.end()
           ? &yes
           : nullptr;
}

error add_functions(sqlite3* database, const catalogue_facts& with) {
  // SQLite hands it back as it is.
  auto* facts = const_cast<catalogue_facts*>(&with);
  auto status = add_to(database, added_functions, 0, facts);
  if (status == SQLITE_OK)
    status = add_value_functions(database);
  if (status == SQLITE_OK)
    status = add_time_functions(database);
  if (status == SQLITE_OK)
    status = sqlite3_create_function_v2(database, "pg_array_agg", 1,
                                        SQLITE_UTF8, facts, nullptr, array_step,
                                        array_end, nullptr);
  if (status != SQLITE_OK)
    return {errc::internal, std::string{"functions of the catalogue: "}
                              + sqlite3_errstr(status)};
  return {};
}

} // namespace millrace::nodes::postgres
