#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/servers/postgres/catalogue_functions.hpp>
#include <millrace/nodes/servers/postgres/catalogue_writer_internal.hpp>
#include <millrace/query/front/sql/constants.hpp>
#include <millrace/query/front/sql/grammar.hpp>

#include <algorithm>
#include <array>
#include <charconv>

// Implements, of catalogue_writer_internal.hpp, what expressions are made of.

namespace millrace::nodes::postgres {

namespace {

using text::json_value;

std::string truth(bool value) { return value ? "1" : "0"; }

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
    if (kind == "CoalesceExpr")
      return one_of("coalesce", of.at("args"));
    if (kind == "MinMaxExpr")
      return one_of(of.at("op").text_or_empty() == "IS_LEAST" ? "pg_least"
                                                              : "pg_greatest",
                    of.at("args"));
    if (kind == "A_ArrayExpr")
      return {"pg_array(" + list(of.at("elements")).sql + ")",
              column_type::symbol};
    if (kind == "RowExpr")
      return {"(" + list(of.at("args")).sql + ")", std::nullopt};
    if (kind == "SQLValueFunction") {
      const auto name = name_of_value_function(of);
      const auto* known = known_function(name);
      if (!known)
        return refuse(name + " is");
      const auto call
        = std::string{known->as} + (known->is_constant ? "" : "()");
      if (!of.at("op").text_or_empty().ends_with("_N"))
        return {call, known->type};
      const auto digits = of.at("typmod").integer().value_or(0);
      return {"pg_fraction(" + call + "," + std::to_string(digits) + ")",
              known->type};
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
    int64_t whole = 0;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, whole);
    const bool is_whole = read.ec == std::errc{} && read.ptr == end;
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
  if (auto made = call_of_time(name, what.at("args")))
    return *std::move(made);
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
  auto all = list(what.at("args"));
  // Of a text they are a number without a word.
  if (all.type == column_type::symbol && (name == "abs" || name == "round"))
    all = {"pg_real(" + all.sql + ",8)", column_type::float_};
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

catalogue_writer::expression catalogue_writer::compared(const node& what) {
  const auto& kind = what.at("kind").text_or_empty();
  const auto& sign = last_name(what.at("name"));
  const auto* left = what.find("lexpr");
  const auto& right = what.at("rexpr");
  if (kind == "AEXPR_OP_ANY" || kind == "AEXPR_OP_ALL")
    return any_of(what, kind == "AEXPR_OP_ALL");
  if (left == nullptr)
    return signed_value(sign, right);
  static constexpr std::array<std::string_view, 6> of_several{
    "AEXPR_IN",       "AEXPR_BETWEEN",      "AEXPR_NOT_BETWEEN",
    "AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT", "AEXPR_NULLIF"};
  if (kind.ends_with("BETWEEN_SYM"))
    return refuse("BETWEEN SYMMETRIC is");
  return std::find(of_several.begin(), of_several.end(), kind)
             != of_several.end()
           ? compared_with_several(kind, sign, what)
           : combined(sign, what);
}

/// IN, BETWEEN, IS DISTINCT FROM, NULLIF.
catalogue_writer::expression catalogue_writer::compared_with_several(
  const std::string& kind, const std::string& sign, const node& what) {
  const auto& right = what.at("rexpr");
  std::vector<operand> all{read(what.at("lexpr"))};
  const auto& items = right.at("List").at("items").elements();
  for (const auto& each : items)
    all.push_back(read(each));
  if (items.empty())
    all.push_back(read(right));
  const auto type = make_alike(all);
  const auto& first = all[0].made.sql;
  const auto& second = all[1].made.sql;
  if (kind == "AEXPR_IN") {
    std::string list;
    for (size_t i = 1; i < all.size(); ++i)
      text::add_to_list(list, all[i].made.sql, ",");
    return {"(" + first + (sign == "=" ? " IN (" : " NOT IN (") + list + "))",
            column_type::boolean};
  }
  if (kind == "AEXPR_BETWEEN" || kind == "AEXPR_NOT_BETWEEN") {
    if (all.size() != 3)
      return refuse("this BETWEEN is");
    return {"(" + first
              + (kind == "AEXPR_NOT_BETWEEN" ? " NOT BETWEEN " : " BETWEEN ")
              + second + " AND " + all[2].made.sql + ")",
            column_type::boolean};
  }
  if (kind == "AEXPR_DISTINCT" || kind == "AEXPR_NOT_DISTINCT")
    return {"(" + first + (kind == "AEXPR_DISTINCT" ? " IS NOT " : " IS ")
              + second + ")",
            column_type::boolean};
  return {"nullif(" + first + "," + second + ")", type};
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
  const auto made = write(what.at("lexpr"));
  const auto& left = made.sql;
  auto elements = elements_of(right);
  // A number is none beside a text.
  if (elements && made.type == column_type::symbol)
    for (auto& each : *elements)
      if (is_number_text(each))
        each = quoted_text(each);
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
  std::vector<operand> conditions;
  std::vector<operand> values;
  const auto* of = what.find("arg");
  if (of)
    conditions.push_back(read(*of));
  for (const auto& each : what.at("args").elements()) {
    const auto& when = each.at("CaseWhen");
    conditions.push_back(read(when.at("expr")));
    values.push_back(read(when.at("result")));
  }
  const auto* otherwise = what.find("defresult");
  if (otherwise)
    values.push_back(read(*otherwise));
  if (of)
    (void)make_alike(conditions);
  expression out{"CASE", make_alike(values)};
  if (of)
    out.sql += " " + conditions[0].made.sql;
  const size_t first = of ? 1 : 0;
  for (size_t i = 0; i + first < conditions.size(); ++i) {
    out.sql += " WHEN " + conditions[i + first].made.sql;
    out.sql += " THEN " + values[i].made.sql;
  }
  if (otherwise)
    out.sql += " ELSE " + values.back().made.sql;
  out.sql += " END";
  return out;
}

/// array[n], and fields of what is a row: these are of relations without rows.
catalogue_writer::expression catalogue_writer::indirection(const node& what) {
  const auto& steps = what.at("indirection").elements();
  const auto of = write(what.at("arg"));
  if (steps.size() == 1 && steps[0].find("A_Indices"))
    // Elements are told as text, whatever their type is.
    return {"pg_array_at(" + of.sql + ","
              + write(steps[0].at("A_Indices").at("uidx")).sql + ")",
            std::nullopt};
  return {"NULL", std::nullopt};
}

} // namespace millrace::nodes::postgres
