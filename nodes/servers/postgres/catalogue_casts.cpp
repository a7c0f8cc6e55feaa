#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/servers/postgres/catalogue_functions.hpp>
#include <millrace/nodes/servers/postgres/catalogue_internal.hpp>
#include <millrace/nodes/servers/postgres/catalogue_writer_internal.hpp>
#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/front/sql/grammar.hpp>

#include <algorithm>
#include <array>

// Implements, of catalogue_writer_internal.hpp, casts, and what makes values of
// several types alike.

namespace millrace::nodes::postgres {

namespace {

using text::json_value;

std::optional<column_type> integer_type(std::string_view name) {
  if (name == "int2" || name == "smallint")
    return column_type::short_;
  if (name == "int4" || name == "int" || name == "integer")
    return column_type::int_;
  if (name == "int8" || name == "bigint" || name == "oid" || name == "xid"
      || name == "cid")
    return column_type::long_;
  return std::nullopt;
}

bool is_text_type(std::string_view name) {
  static constexpr std::array<std::string_view, 6> names{
    "text", "varchar", "bpchar", "name", "char", "cstring"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_time(std::optional<column_type> type) {
  return type == column_type::timestamp || type == column_type::date
         || type == column_type::timespan;
}
bool is_whole_number(std::optional<column_type> type) {
  return type == column_type::short_ || type == column_type::int_
         || type == column_type::long_;
}
bool is_real(std::optional<column_type> type) {
  return type && query::is_float(*type);
}

/// The text of a constant that stands without a type.
const std::string* bare_text_in(const json_value& what) {
  const auto* text = what.at("A_Const").find("sval");
  return text ? &text->at("sval").text_or_empty() : nullptr;
}

std::string whole_of(const std::string& sql, column_type type) {
  return "pg_whole(" + sql + "," + std::to_string(width_of(type)) + ")";
}
std::string real_of(const std::string& sql, bool is_single = false) {
  return "pg_real(" + sql + (is_single ? ",4)" : ",8)");
}

/// What values of several types become together; none: what they are.
std::optional<column_type> type_of_both(std::optional<column_type> a,
                                        std::optional<column_type> b) {
  if (!a || !b)
    return a ? a : b;
  if (is_time(a) && is_time(b))
    return a == b                       ? a
           : a == column_type::timespan ? b
           : b == column_type::timespan ? a
                                        : column_type::timestamp;
  if (is_real(a) && is_real(b))
    return a == b ? a : column_type::float_;
  if ((is_real(a) && is_whole_number(b)) || (is_whole_number(a) && is_real(b)))
    return column_type::float_;
  if (is_whole_number(a) && is_whole_number(b))
    return width_of(*a) > width_of(*b) ? a : b;
  return a;
}

} // namespace

bool is_number_text(std::string_view text) {
  return !text.empty()
         && text.find_first_not_of("0123456789", text[0] == '-') == text.npos;
}

const std::string* text_in(const json_value& what) {
  if (const auto* cast = what.find("TypeCast"))
    return text_in(cast->at("arg"));
  return bare_text_in(what);
}

catalogue_writer::operand catalogue_writer::read(const node& what) {
  return {write(what), &what};
}

std::optional<column_type>
catalogue_writer::make_alike(std::span<operand> all) {
  std::optional<column_type> type;
  for (const auto& each : all)
    if (!bare_text_in(*each.of))
      type = type_of_both(type, each.made.type);
  const bool is_number = is_whole_number(type) || is_real(type);
  for (auto& [made, of] : all) {
    const auto* text = bare_text_in(*of);
    if (text && (is_number || is_time(type) || type == column_type::boolean)) {
      // Columns of the catalogue have other types than PostgreSQL's, by turns.
      if (!relations_.empty() && is_number && !is_number_text(*text))
        continue;
      made = is_time(type) ? time_of(*text, *type)
             : is_number   ? expression{is_real(type) ? real_of(made.sql)
                                                      : whole_of(made.sql, *type),
                                      type}
                         : expression{truth_of(*text), type};
    } else if (type == column_type::timestamp
               && made.type == column_type::date) {
      made = cast_to("timestamp", std::move(made), nullptr);
    } else if (type && made.type
               && (type == column_type::timespan)
                    != (made.type == column_type::timespan)) {
      (void)refuse("an interval beside what is none is");
    } else if (relations_.empty() && type && made.type
               && (is_number || is_time(type))
               && made.type == column_type::symbol) {
      (void)refuse("a text beside what is none is");
    } else if (relations_.empty() && type == column_type::symbol && made.type
               && made.type != column_type::symbol) {
      (void)refuse("a text beside what is none is");
    }
  }
  return type ? type : all.empty() ? std::nullopt : all.front().made.type;
}

catalogue_writer::expression catalogue_writer::time_of(const std::string& text,
                                                       column_type type) {
  const auto read = query::sql::parse_constant(text, type);
  if (!read) {
    if (!fault_)
      fault_ = read.failure();
    return {"NULL", type};
  }
  return {std::to_string(std::get<int64_t>(*read)), type};
}

catalogue_writer::expression catalogue_writer::as_text(expression of) {
  return of.type == column_type::symbol
           ? of
           : cast_to("text", std::move(of), nullptr);
}

catalogue_writer::expression catalogue_writer::cast(const node& what) {
  const auto& type_name = what.at("typeName");
  const auto& type = last_name(type_name.at("names"));
  const auto& of = what.at("arg");
  auto made = write(of);
  if (type_name.find("arrayBounds") != nullptr)
    return made; // A text as before.
  made = cast_to(type, std::move(made), text_in(of));
  const auto& numbers = type_name.at("typmods").elements();
  return numbers.empty() ? made : narrowed(type, std::move(made), numbers);
}

/// numeric(10,2), varchar(3), timestamp(0).
catalogue_writer::expression
catalogue_writer::narrowed(const std::string& type, expression of,
                           const node::list& numbers) {
  std::vector<int64_t> given;
  for (const auto& each : numbers)
    given.push_back(each.at("A_Const").find("ival")
                      ? query::sql::whole_number_in(each.at("A_Const"), text_)
                      : -1);
  const auto with = [&](const char* function, int64_t number) {
    return expression{std::string{function} + "(" + of.sql + ","
                        + std::to_string(number) + ")",
                      of.type};
  };
  if (type == "numeric" && given.size() <= 2) {
    const auto digits = given.size() == 2 ? given[1] : 0;
    if (given[0] > 0 && digits >= 0
        && digits <= std::min<int64_t>(given[0], 15))
      return {"pg_within(pg_digits(" + of.sql + "," + std::to_string(digits)
                + ")," + std::to_string(given[0] - digits) + ")",
              of.type};
  } else if (given.size() == 1 && given[0] >= 0) {
    if (type == "varchar" || type == "bpchar")
      return {"substr(" + of.sql + ",1," + std::to_string(given[0]) + ")",
              of.type};
    if ((type == "timestamp" || type == "timestamptz") && given[0] <= 9)
      return with("pg_fraction", given[0]);
  }
  return refuse("this precision of " + type + " is");
}

/// A time of day is an interval since midnight here.
/// @param text of a constant
catalogue_writer::expression
catalogue_writer::cast_to_span(const std::string& type, expression of,
                               const std::string* text) {
  if (of.type == column_type::timespan)
    return of;
  if (type == "time" && of.type == column_type::timestamp)
    return {"pg_time_of_day(" + of.sql + ")", column_type::timespan};
  return text ? time_of(*text, column_type::timespan)
              : refuse("a cast of such a value to " + type + " is");
}

/// @param text of a constant
catalogue_writer::expression
catalogue_writer::cast_to(const std::string& type, expression of,
                          const std::string* text) {
  constexpr auto day = "86400000000000";
  const auto wrong
    = [&] { return refuse("a cast of such a value to " + type + " is"); };
  if (const auto whole = integer_type(type))
    return is_time(of.type) ? wrong()
                            : expression{whole_of(of.sql, *whole), whole};
  if (type == "float8" || type == "float4" || type == "numeric")
    return is_time(of.type)
             ? wrong()
             : expression{real_of(of.sql, type == "float4"),
                          type == "float4" ? column_type::real
                                           : column_type::float_};
  if (type == "bool" || type == "boolean")
    return {text                       ? truth_of(*text)
            : is_whole_number(of.type) ? "(" + of.sql + " <> 0)"
                                       : of.sql,
            column_type::boolean};
  if (is_text_type(type)) {
    if (of.type == column_type::symbol)
      return of;
    if (of.type == column_type::timestamp)
      return {"pg_time_text(" + of.sql + ")", column_type::symbol};
    if (of.type == column_type::date)
      return {"pg_date_text(" + of.sql + ")", column_type::symbol};
    if (of.type == column_type::timespan)
      return wrong();
    if (of.type == column_type::boolean)
      return {"iif(" + of.sql + " IS NULL,NULL,iif(" + of.sql
                + ",'true','false'))",
              column_type::symbol};
    return {"pg_real_text(" + of.sql + ")", column_type::symbol};
  }
  if (type == "regclass" || type == "regtype")
    return text
             ? expression{type + "_number(" + of.sql + ")", column_type::long_}
             : expression{type + "_name(" + of.sql + ")", column_type::symbol};
  // By their names: nobody numbers them.
  if ((type == "regproc" || type == "regprocedure") && text)
    return {quoted_text(text->substr(text->rfind('.') + 1)),
            column_type::symbol};
  const bool to_time = type == "timestamp" || type == "timestamptz";
  if (to_time || type == "date") {
    const auto wanted = to_time ? column_type::timestamp : column_type::date;
    if (of.type == wanted)
      return of;
    if (of.type == column_type::timestamp)
      return {"pg_day(" + of.sql + ")", wanted};
    if (of.type == column_type::date)
      return {"(" + of.sql + " * " + day + ")", wanted};
    if (text)
      return time_of(*text, wanted);
    if (!of.type)
      return {std::move(of.sql), wanted};
    return relations_.empty() ? wrong() : of;
  }
  if (type == "interval" || type == "time")
    return cast_to_span(type, std::move(of), text);
  if (type == "timetz")
    return refuse("the type " + type + " is");
  // Of the catalogue there are domains that nobody else has.
  if (relations_.empty() && find_type(type) == nullptr
      && !type.starts_with("reg"))
    return refuse("the type " + type + " is");
  return of;
}

catalogue_writer::expression
catalogue_writer::calculated(const std::string& sign, operand left,
                             operand right) {
  const auto is_text
    = [](const operand& each) { return each.made.type == column_type::symbol; };
  if (is_text(left) != is_text(right)) {
    std::array both{std::move(left), std::move(right)};
    if (std::any_of(both.begin(), both.end(), [](const operand& each) {
          return bare_text_in(*each.of) != nullptr;
        }))
      (void)make_alike(both);
    left = std::move(both[0]);
    right = std::move(both[1]);
  }
  if (auto made = calculated_time(sign, left, right))
    return *std::move(made);
  for (auto* each : {&left, &right}) {
    if (is_time(each->made.type) || each->made.type == column_type::boolean)
      return refuse("the sign " + sign + " between these is");
    // What is put out in text is a number here.
    if (is_text(*each))
      each->made
        = {whole_of(each->made.sql, column_type::int_), column_type::int_};
  }
  const auto type = left.made.type && right.made.type
                      ? type_of_both(left.made.type, right.made.type)
                      : std::nullopt;
  const auto bytes = is_whole_number(type) ? width_of(*type) : 8;
  return {"pg_arith('" + sign + "'," + std::to_string(bytes) + ","
            + left.made.sql + "," + right.made.sql + ")",
          type};
}

catalogue_writer::expression
catalogue_writer::signed_value(const std::string& sign, const node& what) {
  if (sign != "-" && sign != "+")
    return refuse("the sign " + sign + " before a value is");
  auto of = write(what);
  const auto* constant = what.find("A_Const");
  if (sign == "+" || (constant && !constant->find("sval")))
    return {"(" + sign + of.sql + ")", of.type};
  if (is_time(of.type) || of.type == column_type::boolean)
    return refuse("the sign - before such a value is");
  if (of.type == column_type::symbol)
    of = {whole_of(of.sql, column_type::int_), column_type::int_};
  const auto bytes = is_whole_number(of.type) ? width_of(*of.type) : 8;
  return {"pg_arith('-'," + std::to_string(bytes) + ",0," + of.sql + ")",
          of.type};
}

catalogue_writer::expression catalogue_writer::combined(const std::string& sign,
                                                        const node& what) {
  static constexpr std::array<std::string_view, 6> relations{"=", "<>", "<",
                                                             ">", "<=", ">="};
  static constexpr std::array<std::string_view, 7> arithmetic{
    "+", "-", "*", "/", "%", "&", "|"};
  const auto& right_node = what.at("rexpr");
  if (auto made = shifted_by_months(sign, what.at("lexpr"), right_node))
    return *std::move(made);
  auto left = read(what.at("lexpr"));
  if (sign.find('~') != sign.npos)
    return pattern(sign, left.made.sql, right_node);
  auto right = read(right_node);
  const auto is_one_of = [&](const auto& signs) {
    return std::find(signs.begin(), signs.end(), sign) != signs.end();
  };
  if (is_one_of(relations)) {
    std::array both{std::move(left), std::move(right)};
    (void)make_alike(both);
    return {"(" + both[0].made.sql + " " + sign + " " + both[1].made.sql + ")",
            column_type::boolean};
  }
  if (sign == "||")
    return {"(" + as_text(std::move(left.made)).sql + " || "
              + as_text(std::move(right.made)).sql + ")",
            column_type::symbol};
  if (!is_one_of(arithmetic))
    return refuse("the sign " + sign + " between these is");
  return calculated(sign, std::move(left), std::move(right));
}

/// GREATEST, LEAST and COALESCE.
catalogue_writer::expression catalogue_writer::one_of(const char* function,
                                                      const node& items) {
  std::vector<operand> all;
  for (const auto& each : items.elements())
    all.push_back(read(each));
  const auto type = make_alike(all);
  std::string out;
  for (const auto& each : all)
    text::add_to_list(out, each.made.sql, ",");
  return {(all.size() == 1 ? "" : function) + ("(" + out + ")"), type};
}

} // namespace millrace::nodes::postgres
