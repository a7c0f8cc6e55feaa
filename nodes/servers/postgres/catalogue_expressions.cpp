#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/servers/postgres/catalogue_functions.hpp>
#include <millrace/nodes/servers/postgres/catalogue_writer_internal.hpp>
#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/front/sql/grammar.hpp>

#include <algorithm>
#include <array>

// Implements, of catalogue_writer_internal.hpp, what expressions are made of.

namespace millrace::nodes::postgres {

namespace {

using text::json_value;

bool is_number_text(std::string_view text) {
  return !text.empty()
         && text.find_first_not_of("0123456789", text[0] == '-') == text.npos;
}

/// The text of a constant, also below a cast; none: it is no text.
const std::string* text_in(const json_value& what) {
  if (const auto* cast = what.find("TypeCast"))
    return text_in(cast->at("arg"));
  const auto* text = what.at("A_Const").find("sval");
  return text ? &text->at("sval").text_or_empty() : nullptr;
}

std::string truth(bool value) { return value ? "1" : "0"; }

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

std::string name_of_value_function(const json_value& what) {
  auto out = what.at("op").text_or_empty().substr(sizeof "SVFOP_" - 1);
  for (auto& c : out)
    c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out.ends_with("_n") ? out.substr(0, out.size() - 2) : out;
}

std::string name_of_sub_link(const json_value& link) {
  const auto& kind = link.at("subLinkType").text_or_empty();
  if (kind == "EXISTS_SUBLINK")
    return "exists";
  if (kind == "ARRAY_SUBLINK")
    return "array";
  const auto& targets
    = link.at("subselect").at("SelectStmt").at("targetList").elements();
  if (kind != "EXPR_SUBLINK" || targets.empty())
    return "?column?";
  const auto& target = targets[0].at("ResTarget");
  const auto* name = target.find("name");
  return name ? name->text_or_empty() : name_of_output(target.at("val"));
}

} // namespace

namespace {

/// A name, and whether it is more than that of a type.
struct output_name {
  std::string text = "?column?";
  bool is_strong = false;
};

output_name output_name_of(const json_value& what) {
  const auto weak = [](const json_value& inner, const std::string& other) {
    auto out = output_name_of(inner);
    return out.is_strong ? out : output_name{other, false};
  };
  for (const auto& [kind, of] : what.entries()) {
    if (kind == "ColumnRef")
      return {last_name(of.at("fields")), true};
    if (kind == "FuncCall")
      return {last_name(of.at("funcname")), true};
    if (kind == "TypeCast")
      return weak(of.at("arg"), last_name(of.at("typeName").at("names")));
    if (kind == "CaseExpr")
      return weak(of.at("defresult"), "case");
    if (kind == "SubLink")
      return {name_of_sub_link(of), true};
    if (kind == "CoalesceExpr")
      return {"coalesce", true};
    if (kind == "MinMaxExpr")
      return {of.at("op").text_or_empty() == "IS_LEAST" ? "least" : "greatest",
              true};
    if (kind == "A_ArrayExpr")
      return {"array", true};
    if (kind == "SQLValueFunction")
      return {name_of_value_function(of), true};
    if (kind == "CollateClause")
      return output_name_of(of.at("arg"));
    if (kind == "A_Const" && of.find("boolval") != nullptr)
      return {"bool", false};
    if (kind == "A_Expr" && of.at("kind").text_or_empty() == "AEXPR_NULLIF")
      return {"nullif", true};
    if (kind == "A_Indirection") {
      const auto& last = last_name(of.at("indirection"));
      return last.empty() ? output_name_of(of.at("arg"))
                          : output_name{last, true};
    }
  }
  return {};
}

} // namespace

std::string name_of_output(const json_value& what) {
  return output_name_of(what).text;
}

catalogue_writer::expression catalogue_writer::refuse(std::string what) {
  if (!fault_)
    fault_ = {errc::unsupported,
              std::move(what) + " not there where the catalogue is asked"};
  return {"NULL", std::nullopt};
}

catalogue_writer::expression catalogue_writer::write(const node& what) {
  for (const auto& [kind, of] : what.entries()) {
    if (kind == "A_Const")
      return constant(of);
    if (kind == "ColumnRef")
      return column(of);
    if (kind == "FuncCall")
      return call(of);
    if (kind == "TypeCast")
      return cast(of);
    if (kind == "A_Expr")
      return compared(of);
    if (kind == "SubLink")
      return sub_link(of);
    if (kind == "CaseExpr")
      return choice(of);
    if (kind == "A_Indirection")
      return indirection(of);
    if (kind == "CollateClause")
      return write(of.at("arg"));
    if (kind == "BoolExpr" || kind == "NullTest" || kind == "BooleanTest")
      return condition(kind, of);
    if (kind == "CoalesceExpr" || kind == "MinMaxExpr") {
      const auto name = kind == "CoalesceExpr"                      ? "coalesce"
                        : of.at("op").text_or_empty() == "IS_LEAST" ? "min"
                                                                    : "max";
      const bool is_one = of.at("args").elements().size() == 1;
      auto all = list(of.at("args"));
      return {(is_one ? "(" : std::string{name} + "(") + all.sql + ")",
              all.type};
    }
    if (kind == "A_ArrayExpr")
      return {"pg_array(" + list(of.at("elements")).sql + ")",
              column_type::symbol};
    if (kind == "RowExpr")
      return {"(" + list(of.at("args")).sql + ")", std::nullopt};
    if (kind == "SQLValueFunction") {
      const auto name = name_of_value_function(of);
      const auto* known = known_function(name);
      return known ? expression{std::string{known->as} + "()", known->type}
                   : refuse(name + " is");
    }
    return refuse("what PostgreSQL calls " + kind + " is");
  }
  return refuse("an empty expression is");
}

catalogue_writer::expression
catalogue_writer::condition(const std::string& kind, const node& of) {
  if (kind == "BoolExpr") {
    const auto& op = of.at("boolop").text_or_empty();
    std::string out;
    for (const auto& each : of.at("args").elements()) {
      const auto one = "(" + write(each).sql + ")";
      out += out.empty()        ? one
             : op == "AND_EXPR" ? " AND " + one
                                : " OR " + one;
    }
    return {"(" + std::string{op == "NOT_EXPR" ? "NOT " : ""} + out + ")",
            column_type::boolean};
  }
  if (kind == "NullTest") {
    const bool is_null = of.at("nulltesttype").text_or_empty() == "IS_NULL";
    return {"(" + write(of.at("arg")).sql
              + (is_null ? " IS NULL)" : " IS NOT NULL)"),
            column_type::boolean};
  }
  const auto& test = of.at("booltesttype").text_or_empty();
  const bool is_not = test.find("_NOT_") != test.npos;
  const auto value = test.ends_with("UNKNOWN") ? "NULL"
                     : test.ends_with("TRUE")  ? "TRUE"
                                               : "FALSE";
  return {"(" + write(of.at("arg")).sql + (is_not ? " IS NOT " : " IS ") + value
            + ")",
          column_type::boolean};
}

/// Each is written once; the type is that of the first that has one.
catalogue_writer::expression catalogue_writer::list(const node& items) {
  expression out;
  for (const auto& each : items.elements()) {
    const auto made = write(each);
    text::add_to_list(out.sql, made.sql, ",");
    out.type = out.type ? out.type : made.type;
  }
  return out;
}

std::string catalogue_writer::truth_of(const std::string& text) {
  const auto read = query::sql::parse_constant(text, column_type::boolean);
  if (!read && !fault_)
    fault_ = read.failure();
  return truth(read && std::get<int64_t>(*read) != 0);
}

catalogue_writer::expression catalogue_writer::constant(const node& what) {
  if (what.find("ival") != nullptr)
    return {std::to_string(query::sql::whole_number_in(what, text_)),
            column_type::int_};
  if (const auto* number = what.find("fval")) {
    const auto& text = number->at("fval").text_or_empty();
    const bool is_whole = is_number_text(text) && text.size() < 19;
    return {text, is_whole ? column_type::long_ : column_type::float_};
  }
  if (const auto* boolean = what.find("boolval"))
    return {truth(boolean->at("boolval").boolean().value_or(false)),
            column_type::boolean};
  if (const auto* text = what.find("sval"))
    return {quoted_text(text->at("sval").text_or_empty()), column_type::symbol};
  if (what.find("isnull") != nullptr)
    return {"NULL", std::nullopt};
  return refuse("a constant of this kind is");
}

catalogue_writer::expression catalogue_writer::column(const node& what) {
  const auto& fields = what.at("fields").elements();
  if (fields.empty())
    return refuse("an empty name is");
  // The schema of schema.table.column is in no name of SQLite's.
  const auto qualifier
    = fields.size() > 1 ? string_in(fields[fields.size() - 2]) : std::string{};
  const auto before
    = qualifier.empty() ? std::string{} : quoted_name(qualifier) + ".";
  if (fields.back().find("A_Star") != nullptr) {
    stars_.push_back(qualifier);
    return {before + "*", std::nullopt};
  }
  const auto& name = string_in(fields.back());
  columns_.push_back({qualifier, name});
  std::optional<column_type> type;
  for (const auto& [alias, relation] : relations_) {
    const auto known = known_.find(relation);
    if (known == known_.end() || (!qualifier.empty() && qualifier != alias))
      continue;
    if (const auto found = known->second.find(name);
        found != known->second.end())
      type = found->second;
  }
  return {before + quoted_name(name), type};
}

catalogue_writer::expression catalogue_writer::call(const node& what) {
  const auto& name = last_name(what.at("funcname"));
  const auto* known = known_function(name);
  if (known == nullptr) {
    // Of what has rows here nobody needs more.
    if (relations_.empty())
      return refuse("the function " + name + " is");
    (void)list(what.at("args"));
    return {"NULL", std::nullopt};
  }
  expression out{std::string{known->as}, known->type};
  if (known->is_constant)
    return out;
  out.sql += "(";
  if (what.at("agg_star").boolean().value_or(false))
    out.sql += "*";
  if (what.at("agg_distinct").boolean().value_or(false))
    out.sql += "DISTINCT ";
  const auto all = list(what.at("args"));
  out.sql += all.sql + ")";
  if (!out.type)
    out.type = all.type;
  if (const auto* filter = what.find("agg_filter"))
    out.sql += " FILTER (WHERE " + write(*filter).sql + ")";
  if (const auto* over = what.find("over"))
    out.sql += window(*over);
  return out;
}

std::string catalogue_writer::window(const node& over) {
  std::string parts;
  for (const auto& each : over.at("partitionClause").elements())
    (parts += parts.empty() ? "PARTITION BY " : ", ") += write(each).sql;
  return " OVER (" + parts + order(over.at("orderClause")) + ")";
}

catalogue_writer::expression catalogue_writer::cast(const node& what) {
  const auto& type_name = what.at("typeName");
  const auto& type = last_name(type_name.at("names"));
  const auto& of = what.at("arg");
  auto made = write(of);
  if (type_name.find("arrayBounds") != nullptr)
    return made; // A text as before.
  return cast_to(type, std::move(made), text_in(of));
}

/// @param text of a constant
catalogue_writer::expression
catalogue_writer::cast_to(const std::string& type, expression of,
                          const std::string* text) {
  constexpr auto day = "86400000000000";
  if (const auto whole = integer_type(type))
    return {"pg_whole(" + of.sql + ")", whole};
  if (type == "float8" || type == "float4" || type == "numeric")
    return {"CAST(" + of.sql + " AS REAL)", column_type::float_};
  if (type == "bool" || type == "boolean")
    return {text ? truth_of(*text) : of.sql, column_type::boolean};
  if (is_text_type(type)) {
    if (of.type == column_type::timestamp)
      return {"pg_time_text(" + of.sql + ")", column_type::symbol};
    if (of.type == column_type::date)
      return {"pg_date_text(" + of.sql + ")", column_type::symbol};
    if (of.type == column_type::boolean)
      return {"iif(" + of.sql + ",'true','false')", column_type::symbol};
    return {"CAST(" + of.sql + " AS TEXT)", column_type::symbol};
  }
  if (type == "regclass" || type == "regtype")
    return text
             ? expression{type + "_number(" + of.sql + ")", column_type::long_}
             : expression{type + "_name(" + of.sql + ")", column_type::symbol};
  // By their names: nobody numbers them.
  if (type.starts_with("regproc") && text)
    return {quoted_text(text->substr(text->rfind('.') + 1)),
            column_type::symbol};
  const bool to_time = type.starts_with("timestamp");
  if (to_time || type == "date") {
    if (of.type == column_type::timestamp && !to_time)
      return {"pg_day(" + of.sql + ")", column_type::date};
    if (of.type == column_type::date && to_time)
      return {"(" + of.sql + " * " + day + ")", column_type::timestamp};
    if (text == nullptr)
      return of;
    const auto wanted = to_time ? column_type::timestamp : column_type::date;
    const auto read = query::sql::parse_constant(*text, wanted);
    if (!read) {
      if (!fault_)
        fault_ = read.failure();
      return of;
    }
    return {std::to_string(std::get<int64_t>(*read)), wanted};
  }
  if (type == "interval" || type == "time" || type == "timetz")
    return refuse("the type " + type + " is");
  return of;
}

catalogue_writer::expression catalogue_writer::compared(const node& what) {
  const auto& kind = what.at("kind").text_or_empty();
  const auto& sign = last_name(what.at("name"));
  const auto* left = what.find("lexpr");
  const auto& right = what.at("rexpr");
  if (kind == "AEXPR_OP_ANY" || kind == "AEXPR_OP_ALL")
    return any_of(what, kind == "AEXPR_OP_ALL");
  if (kind == "AEXPR_IN")
    return {"(" + write(*left).sql + (sign == "=" ? " IN (" : " NOT IN (")
              + list(right.at("List").at("items")).sql + "))",
            column_type::boolean};
  if (kind.starts_with("AEXPR_BETWEEN") || kind == "AEXPR_NOT_BETWEEN") {
    const auto& ends = right.at("List").at("items").elements();
    if (ends.size() != 2 || kind.ends_with("SYM"))
      return refuse("BETWEEN SYMMETRIC is");
    return {"(" + write(*left).sql
              + (kind == "AEXPR_NOT_BETWEEN" ? " NOT BETWEEN " : " BETWEEN ")
              + write(ends[0]).sql + " AND " + write(ends[1]).sql + ")",
            column_type::boolean};
  }
  if (kind == "AEXPR_DISTINCT" || kind == "AEXPR_NOT_DISTINCT")
    return {"(" + write(*left).sql
              + (kind == "AEXPR_DISTINCT" ? " IS NOT " : " IS ")
              + write(right).sql + ")",
            column_type::boolean};
  if (kind == "AEXPR_NULLIF") {
    const auto first = write(*left);
    return {"nullif(" + first.sql + "," + write(right).sql + ")", first.type};
  }
  if (left == nullptr) {
    if (sign != "-" && sign != "+")
      return refuse("the sign " + sign + " before a value is");
    const auto of = write(right);
    return {"(" + sign + of.sql + ")", of.type};
  }
  return combined(sign, what);
}

catalogue_writer::expression catalogue_writer::combined(const std::string& sign,
                                                        const node& what) {
  static constexpr std::array<std::string_view, 6> relations{"=", "<>", "<",
                                                             ">", "<=", ">="};
  static constexpr std::array<std::string_view, 7> arithmetic{
    "+", "-", "*", "/", "%", "&", "|"};
  const auto& right_node = what.at("rexpr");
  auto left = write(what.at("lexpr"));
  if (sign.find('~') != sign.npos)
    return pattern(sign, left.sql, right_node);
  auto right = write(right_node);
  const auto is_one_of = [&](const auto& signs) {
    return std::find(signs.begin(), signs.end(), sign) != signs.end();
  };
  if (is_one_of(relations)) {
    // relhasindex = 't'
    const auto* text = text_in(right_node);
    if (left.type == column_type::boolean && text)
      right.sql = truth_of(*text);
    return {"(" + left.sql + " " + sign + " " + right.sql + ")",
            column_type::boolean};
  }
  if (sign == "||")
    return {"(" + left.sql + " || " + right.sql + ")", column_type::symbol};
  const auto is_time = [](const expression& each) {
    return each.type == column_type::timestamp
           || each.type == column_type::date;
  };
  if (!is_one_of(arithmetic) || is_time(left) || is_time(right))
    return refuse("the sign " + sign + " between these is");
  // What is put out in text is a number here.
  if (left.type == column_type::symbol)
    left = {"pg_whole(" + left.sql + ")", column_type::int_};
  if (right.type == column_type::symbol)
    right = {"pg_whole(" + right.sql + ")", column_type::int_};
  const auto wider
    = left.type && right.type && width_of(*right.type) > width_of(*left.type)
        ? right.type
        : left.type;
  return {"(" + left.sql + " " + sign + " " + right.sql + ")", wider};
}

/// ~ and LIKE: as functions, of which SQLite's own heed no case.
catalogue_writer::expression catalogue_writer::pattern(const std::string& sign,
                                                       const std::string& left,
                                                       const node& right) {
  const bool is_not = sign.starts_with('!');
  const bool is_like = sign.find("~~") != sign.npos;
  const bool any_case = sign.ends_with('*');
  auto of = &right;
  auto escape = std::string{"'\\'"};
  if (const auto* call = right.find("FuncCall");
      call && last_name(call->at("funcname")) == "like_escape") {
    of = &call->at("args").elements()[0];
    escape = write(call->at("args").elements()[1]).sql;
  }
  auto out = is_like ? "pg_like(" : "pg_matches(";
  return {std::string{is_not ? "(NOT " : "("} + out + left + ","
            + write(*of).sql + "," + (is_like ? escape + "," : "")
            + truth(any_case) + "))",
          column_type::boolean};
}

std::optional<std::vector<std::string>>
catalogue_writer::elements_of(const node& array) {
  std::vector<std::string> out;
  if (const auto* items = array.find("A_ArrayExpr")) {
    for (const auto& each : items->at("elements").elements())
      out.push_back(write(each).sql);
    return out;
  }
  if (const auto* cast = array.find("TypeCast");
      cast && cast->at("arg").find("A_ArrayExpr"))
    return elements_of(cast->at("arg"));
  const auto* text = text_in(array);
  if (text == nullptr)
    return std::nullopt;
  const auto elements = query::sql::parse_array(*text);
  if (!elements) {
    if (!fault_)
      fault_ = elements.failure();
    return out;
  }
  for (const auto& each : *elements)
    out.push_back(!each                   ? "NULL"
                  : is_number_text(*each) ? *each
                                          : quoted_text(*each));
  return out;
}

catalogue_writer::expression catalogue_writer::any_of(const node& what,
                                                      bool is_all) {
  const auto& sign = last_name(what.at("name"));
  const auto& right = what.at("rexpr");
  const auto left = write(what.at("lexpr")).sql;
  const auto elements = elements_of(right);
  if ((sign == "=" && !is_all) || (sign == "<>" && is_all)) {
    if (!elements)
      return {std::string{is_all ? "(NOT " : "("} + "pg_array_has("
                + write(right).sql + "," + left + "))",
              column_type::boolean};
    std::string items;
    for (const auto& each : *elements)
      text::add_to_list(items, each, ",");
    return {"(" + left + (is_all ? " NOT IN (" : " IN (") + items + "))",
            column_type::boolean};
  }
  if (!elements || sign.find('~') == sign.npos)
    return refuse(sign + " with ANY or ALL is");
  std::string out;
  for (const auto& each : *elements) {
    const node of{{"A_Const",
                   {{"sval",
                     {{"sval", each.size() > 1 ? each.substr(1, each.size() - 2)
                                               : each}}}}}};
    (out += out.empty() ? "("
            : is_all    ? " AND "
                        : " OR ")
      += pattern(sign, left, of).sql;
  }
  return {out.empty() ? truth(is_all) : out + ")", column_type::boolean};
}

catalogue_writer::expression catalogue_writer::sub_link(const node& what) {
  const auto& kind = what.at("subLinkType").text_or_empty();
  const auto* query = what.at("subselect").find("SelectStmt");
  if (query == nullptr)
    return refuse("this sub-query is");
  const auto made = select(*query);
  if (kind == "EXISTS_SUBLINK")
    return {"EXISTS (" + made.sql + ")", column_type::boolean};
  if (kind == "EXPR_SUBLINK")
    return {"(" + made.sql + ")",
            made.types.empty() ? std::nullopt : made.types.front()};
  if (kind == "ARRAY_SUBLINK")
    return {"(WITH \"s\"(\"v\") AS (" + made.sql
              + ") SELECT pg_array_agg(\"v\") FROM \"s\")",
            column_type::symbol};
  const auto& sign = last_name(what.at("operName"));
  const bool is_in = kind == "ANY_SUBLINK" && (sign.empty() || sign == "=");
  const bool is_not_in = kind == "ALL_SUBLINK" && sign == "<>";
  if (!is_in && !is_not_in)
    return refuse("this comparison with a sub-query is");
  return {"(" + write(what.at("testexpr")).sql + (is_in ? " IN (" : " NOT IN (")
            + made.sql + "))",
          column_type::boolean};
}

catalogue_writer::expression catalogue_writer::choice(const node& what) {
  expression out{"CASE", std::nullopt};
  if (const auto* of = what.find("arg"))
    out.sql += " " + write(*of).sql;
  const auto take = [&](const node& value) {
    const auto made = write(value);
    out.type = out.type ? out.type : made.type;
    return made.sql;
  };
  for (const auto& each : what.at("args").elements()) {
    const auto& when = each.at("CaseWhen");
    out.sql += " WHEN " + write(when.at("expr")).sql;
    out.sql += " THEN " + take(when.at("result"));
  }
  if (const auto* otherwise = what.find("defresult"))
    out.sql += " ELSE " + take(*otherwise);
  out.sql += " END";
  return out;
}

/// array[n], and fields of what is a row: these are of relations without rows.
catalogue_writer::expression catalogue_writer::indirection(const node& what) {
  const auto& steps = what.at("indirection").elements();
  const auto of = write(what.at("arg"));
  if (steps.size() == 1 && steps[0].find("A_Indices"))
    return {"pg_array_at(" + of.sql + ","
              + write(steps[0].at("A_Indices").at("uidx")).sql + ")",
            std::nullopt};
  return {"NULL", std::nullopt};
}

} // namespace millrace::nodes::postgres
