#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/servers/postgres/catalogue_writer_internal.hpp>

#include <algorithm>
#include <array>

// Implements catalogue_sql.hpp and, of catalogue_writer_internal.hpp, what
// SELECT is made of.

namespace millrace::nodes::postgres {

namespace {

using text::json_value;

bool is_catalogue_schema(std::string_view schema) {
  return schema == "pg_catalog" || schema == "information_schema"
         || schema == "pg_toast";
}

/// Names of WITH, wherever they are.
void find_common(const json_value& in, std::set<std::string>& out) {
  for (const auto& each : in.elements())
    find_common(each, out);
  for (const auto& [key, value] : in.entries()) {
    if (key == "CommonTableExpr")
      out.insert(value.at("ctename").text_or_empty());
    find_common(value, out);
  }
}

std::set<std::string> common_in(const json_value& tree) {
  std::set<std::string> out;
  find_common(tree, out);
  return out;
}

/// What a function after FROM tells of.
void note_function(const json_value& range, read_relations& out) {
  // These give rows without a relation.
  static constexpr std::array<std::string_view, 4> known{
    "generate_series", "unnest", "string_to_array", "parse_ident"};
  for (const auto& each : range.at("functions").elements())
    for (const auto& item : each.at("List").at("items").elements()) {
      const auto& names = item.at("FuncCall").at("funcname");
      const auto& name = last_name(names);
      const bool has_schema
        = names.elements().size() > 1
          && is_catalogue_schema(string_in(names.elements().front()));
      if (has_schema || name.starts_with("pg_") || name.starts_with("_pg_"))
        out.has_catalogue = true;
      else if (!name.empty()
               && std::find(known.begin(), known.end(), name) == known.end())
        out.has_functions = true;
    }
}

void find_relations(const json_value& in, const std::set<std::string>& common,
                    read_relations& out) {
  for (const auto& each : in.elements())
    find_relations(each, common, out);
  for (const auto& [key, value] : in.entries()) {
    if (key == "RangeVar") {
      const auto& schema = value.at("schemaname").text_or_empty();
      const auto& name = value.at("relname").text_or_empty();
      if (is_catalogue_schema(schema)
          || (schema.empty() && name.starts_with("pg_")))
        out.has_catalogue = true;
      else if (!schema.empty() || !common.contains(name))
        out.has_others = true;
    }
    if (key == "RangeFunction")
      note_function(value, out);
    find_relations(value, common, out);
  }
}

/// AS v(a, b), which SQLite has for WITH alone.
std::string renamed(const std::string& select, const json_value& alias) {
  const auto& name = alias.at("aliasname").text_or_empty();
  const auto& columns = alias.at("colnames").elements();
  if (columns.empty())
    return "(" + select + ") AS " + quoted_name(name);
  std::string names;
  for (const auto& each : columns)
    text::add_to_list(names, quoted_name(string_in(each)), ",");
  return "(WITH " + quoted_name(name) + "(" + names + ") AS (" + select
         + ") SELECT * FROM " + quoted_name(name) + ") AS " + quoted_name(name);
}

} // namespace

read_relations relations_in(const json_value& tree) {
  read_relations out;
  find_relations(tree, common_in(tree), out);
  return out;
}

std::string catalogue_name(std::string_view schema, std::string_view relation) {
  std::string out{schema == "information_schema" ? "information_schema." : ""};
  return out += relation;
}

std::string quoted_name(std::string_view name) {
  std::string out{"\""};
  for (const char c : name)
    (out += c) += c == '"' ? "\"" : "";
  return out + '"';
}

std::string quoted_text(std::string_view text) {
  std::string out{"'"};
  for (const char c : text)
    (out += c) += c == '\'' ? "'" : "";
  return out + '\'';
}

const std::string& last_name(const json_value& names) {
  static const std::string none;
  return names.elements().empty() ? none : string_in(names.elements().back());
}

std::map<std::string, std::set<std::string>> catalogue_writer::needed() const {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& [alias, relation] : relations_)
    out.try_emplace(relation);
  const auto add_all = [&](const std::string& relation) {
    if (const auto known = known_.find(relation); known != known_.end())
      for (const auto& [name, type] : known->second)
        out[relation].insert(name);
  };
  for (const auto& star : stars_)
    for (const auto& [alias, relation] : relations_)
      if (star.empty() || star == alias)
        add_all(relation);
  // Who is named with its relation is known to no other by that.
  for (const auto& use : columns_)
    for (const auto& [alias, relation] : relations_)
      if (!use.of.empty() && use.of == alias)
        out[relation].insert(use.name);
  for (const auto& use : columns_) {
    if (!use.of.empty() || relations_.empty())
      continue;
    bool is_found = aliases_.contains(use.name);
    for (const auto& [alias, relation] : relations_) {
      const auto known = known_.find(relation);
      if (known != known_.end() && known->second.contains(use.name))
        out[relation].insert(use.name);
      is_found = is_found || out[relation].contains(use.name);
    }
    if (is_found)
      continue;
    // Nobody knows it: null, of a relation that nobody knows if there is one.
    const auto unknown = std::find_if(
      relations_.begin(), relations_.end(),
      [&](const auto& each) { return !known_.contains(each.second); });
    out[unknown == relations_.end() ? relations_.front().second
                                    : unknown->second]
      .insert(use.name);
  }
  return out;
}

catalogue_writer::selection catalogue_writer::select(const node& select) {
  selection out;
  const auto before = with(select.at("withClause"));
  const auto& op = select.at("op").text_or_empty();
  if (op != "SETOP_NONE" && !op.empty()) {
    out.sql = arm(select.at("larg"), out);
    out.sql += op == "SETOP_UNION"       ? " UNION "
               : op == "SETOP_INTERSECT" ? " INTERSECT "
                                         : " EXCEPT ";
    if (select.at("all").boolean().value_or(false)) {
      if (op != "SETOP_UNION")
        (void)refuse("INTERSECT ALL and EXCEPT ALL are");
      out.sql += "ALL ";
    }
    selection unused;
    out.sql += arm(select.at("rarg"), unused);
  } else if (select.find("valuesLists") != nullptr) {
    out.sql = values(select.at("valuesLists"));
  } else {
    out = simple_select(select);
  }
  out.sql = before + out.sql + order(select.at("sortClause"));
  const auto* count = select.find("limitCount");
  const auto* offset = select.find("limitOffset");
  if (count != nullptr || offset != nullptr)
    out.sql += " LIMIT " + (count ? write(*count).sql : "-1");
  if (offset != nullptr)
    out.sql += " OFFSET " + write(*offset).sql;
  return out;
}

/// What SQLite takes beside UNION is a SELECT without more.
std::string catalogue_writer::arm(const node& select, selection& types) {
  const auto made = this->select(select);
  types.types = made.types;
  types.last_types = made.last_types;
  const auto& op = select.at("op").text_or_empty();
  const bool is_plain = select.find("sortClause") == nullptr
                        && select.find("limitCount") == nullptr
                        && select.find("limitOffset") == nullptr
                        && select.find("withClause") == nullptr
                        && (op == "SETOP_NONE" || op.empty());
  return is_plain ? made.sql : "SELECT * FROM (" + made.sql + ")";
}

std::string catalogue_writer::with(const node& clause) {
  std::string out;
  for (const auto& each : clause.at("ctes").elements()) {
    const auto& common = each.at("CommonTableExpr");
    const auto& name = common.at("ctename").text_or_empty();
    text::add_to_list(out, quoted_name(name));
    std::string columns;
    for (const auto& column : common.at("aliascolnames").elements()) {
      aliases_.insert(string_in(column));
      text::add_to_list(columns, quoted_name(string_in(column)), ",");
    }
    if (!columns.empty())
      out += "(" + columns + ")";
    const auto* query = common.at("ctequery").find("SelectStmt");
    if (query == nullptr)
      return refuse("statements that change something are").sql;
    out += " AS (" + select(*query).sql + ")";
  }
  if (out.empty())
    return out;
  const bool is_recursive = clause.at("recursive").boolean().value_or(false);
  return (is_recursive ? "WITH RECURSIVE " : "WITH ") + out + " ";
}

std::string catalogue_writer::values(const node& lists) {
  std::string out;
  for (const auto& each : lists.elements())
    (out += out.empty() ? "VALUES (" : ",(")
      += list(each.at("List").at("items")).sql + ")";
  return out;
}

catalogue_writer::selection
catalogue_writer::simple_select(const node& select) {
  selection out;
  // Names of relations first: what is put out may be known by them.
  std::string relations;
  for (const auto& each : select.at("fromClause").elements())
    (relations += relations.empty() ? " FROM " : ", ") += from(each);
  out.sql = "SELECT ";
  if (const auto* distinct = select.find("distinctClause")) {
    for (const auto& each : distinct->elements())
      if (!each.entries().empty())
        (void)refuse("DISTINCT ON is");
    out.sql += "DISTINCT ";
  }
  bool is_first = true;
  bool is_after_star = false;
  for (const auto& each : select.at("targetList").elements()) {
    const auto& target = each.at("ResTarget");
    const auto& what = target.at("val");
    const auto made = write(what);
    out.sql += (is_first ? "" : ", ") + made.sql;
    is_first = false;
    const auto& fields = what.at("ColumnRef").at("fields").elements();
    if (!fields.empty() && fields.back().find("A_Star") != nullptr) {
      is_after_star = true;
      out.last_types.clear();
      continue;
    }
    (is_after_star ? out.last_types : out.types).push_back(made.type);
    const auto* name = target.find("name");
    if (name != nullptr)
      aliases_.insert(name->text_or_empty());
    out.sql
      += " AS "
         + quoted_name(name ? name->text_or_empty() : name_of_output(what));
  }
  // EXISTS (SELECT FROM ...) puts out nothing.
  out.sql += is_first ? "1" : "";
  out.sql += relations;
  if (const auto* condition = select.find("whereClause"))
    out.sql += " WHERE " + write(*condition).sql;
  std::string groups;
  for (const auto& each : select.at("groupClause").elements())
    (groups += groups.empty() ? " GROUP BY " : ", ") += write(each).sql;
  out.sql += groups;
  if (const auto* condition = select.find("havingClause"))
    out.sql += " HAVING " + write(*condition).sql;
  return out;
}

std::string catalogue_writer::order(const node& clause) {
  std::string out;
  for (const auto& each : clause.elements()) {
    const auto& by = each.at("SortBy");
    const bool falls = by.at("sortby_dir").text_or_empty() == "SORTBY_DESC";
    const auto& nulls = by.at("sortby_nulls").text_or_empty();
    const bool nulls_first
      = nulls == "SORTBY_NULLS_DEFAULT" ? falls : nulls == "SORTBY_NULLS_FIRST";
    (out += out.empty() ? " ORDER BY " : ", ") += write(by.at("node")).sql;
    out += falls ? " DESC" : "";
    out += nulls_first ? " NULLS FIRST" : " NULLS LAST";
  }
  return out;
}

std::string catalogue_writer::from(const node& item) {
  if (const auto* range = item.find("RangeVar"))
    return relation(*range);
  if (const auto* join = item.find("JoinExpr"))
    return joined(*join);
  if (const auto* range = item.find("RangeSubselect"))
    return selected(*range);
  if (const auto* range = item.find("RangeFunction"))
    return returned(*range);
  return refuse("this kind of FROM is").sql;
}

std::string catalogue_writer::relation(const node& range) {
  const auto& schema = range.at("schemaname").text_or_empty();
  const auto& name = range.at("relname").text_or_empty();
  const auto& alias = range.at("alias").at("aliasname").text_or_empty();
  if (!range.at("alias").at("colnames").elements().empty())
    return refuse("other names for columns of a relation are").sql;
  const auto& called = alias.empty() ? name : alias;
  if (schema.empty() && common_.contains(name))
    return quoted_name(name) + " AS " + quoted_name(called);
  const auto full = catalogue_name(schema, name);
  relations_.emplace_back(called, full);
  return quoted_name(full) + " AS " + quoted_name(called);
}

std::string catalogue_writer::joined(const node& join) {
  const auto& kind = join.at("jointype").text_or_empty();
  auto out = from(join.at("larg"));
  const bool is_natural = join.at("isNatural").boolean().value_or(false);
  out += is_natural ? " NATURAL" : "";
  out += kind == "JOIN_LEFT"    ? " LEFT JOIN "
         : kind == "JOIN_RIGHT" ? " RIGHT JOIN "
         : kind == "JOIN_FULL"  ? " FULL JOIN "
                                : " JOIN ";
  const auto right = from(join.at("rarg"));
  // A join in brackets: SQLite reads it so.
  out += join.at("rarg").find("JoinExpr") ? "(" + right + ")" : right;
  std::string columns;
  for (const auto& each : join.at("usingClause").elements()) {
    columns_.push_back({{}, string_in(each)});
    text::add_to_list(columns, quoted_name(string_in(each)), ",");
  }
  if (!columns.empty())
    out += " USING (" + columns + ")";
  if (const auto* condition = join.find("quals"))
    out += " ON " + write(*condition).sql;
  return out;
}

std::string catalogue_writer::selected(const node& range) {
  const auto* query = range.at("subquery").find("SelectStmt");
  if (query == nullptr)
    return refuse("statements that change something are").sql;
  for (const auto& each : range.at("alias").at("colnames").elements())
    aliases_.insert(string_in(each));
  return renamed(select(*query).sql, range.at("alias"));
}

/// A function in the place of a relation: one that nobody knows has no rows.
std::string catalogue_writer::returned(const node& range) {
  const auto& functions = range.at("functions").elements();
  const auto& first = functions.empty()
                        ? functions
                        : functions[0].at("List").at("items").elements();
  if (functions.size() != 1 || first.empty()
      || first[0].find("FuncCall") == nullptr)
    return refuse("this function after FROM is").sql;
  const auto& called = first[0].at("FuncCall");
  const auto& name = last_name(called.at("funcname"));
  const auto& alias = range.at("alias").at("aliasname").text_or_empty();
  const auto& columns = range.at("alias").at("colnames").elements();
  const auto& arguments = called.at("args").elements();
  const auto column
    = columns.empty() ? (alias.empty() ? name : alias) : string_in(columns[0]);
  const auto table = quoted_name(alias.empty() ? name : alias);
  aliases_.insert(column);
  if (name == "generate_series" && arguments.size() == 2)
    return "(WITH RECURSIVE \"s\"(" + quoted_name(column) + ") AS (SELECT "
           + write(arguments[0]).sql + " UNION ALL SELECT "
           + quoted_name(column) + " + 1 FROM \"s\" WHERE "
           + quoted_name(column) + " < " + write(arguments[1]).sql
           + ") SELECT * FROM \"s\") AS " + table;
  if (name == "unnest" || name == "generate_subscripts"
      || name == "_pg_expandarray") {
    if (const auto of
        = arguments.empty() ? std::nullopt : elements_of(arguments[0])) {
      std::string rows;
      for (const auto& each : *of)
        (rows += rows.empty() ? "SELECT " : " UNION ALL SELECT ")
          += each + " AS " + quoted_name(column);
      if (name != "unnest")
        return refuse("this function of an array is").sql;
      return "(" + (rows.empty() ? "SELECT NULL WHERE 0" : rows) + ") AS "
             + table;
    }
    // Columns of arrays are in relations without rows alone.
    std::string none;
    for (const auto& each : columns) {
      aliases_.insert(string_in(each));
      none += ", NULL AS " + quoted_name(string_in(each));
    }
    if (none.empty())
      none = ", NULL AS " + quoted_name(column);
    return "(SELECT " + none.substr(2) + " WHERE 0) AS " + table;
  }
  // A value is a row by itself.
  if (name == "string_to_array" || name == "parse_ident")
    return "(SELECT " + call(called).sql + " AS " + quoted_name(column)
           + ") AS " + table;
  const auto full = catalogue_name("pg_catalog", name);
  relations_.emplace_back(alias.empty() ? name : alias, full);
  return quoted_name(full) + " AS " + table;
}

const std::string& string_in(const json_value& node) {
  return node.at("String").at("sval").text_or_empty();
}

result<catalogue_query> to_sqlite(const json_value& tree,
                                  const query::sql::rewritten_query& text,
                                  const known_columns& known) {
  const auto* select = tree.find("SelectStmt");
  if (select == nullptr)
    return error{errc::unsupported, "the catalogue is asked by SELECT"};
  catalogue_writer to{known, text, common_in(tree)};
  auto made = to.select(*select);
  if (to.fault())
    return to.fault();
  return catalogue_query{std::move(made.sql), to.needed(),
                         std::move(made.types), std::move(made.last_types)};
}

} // namespace millrace::nodes::postgres
