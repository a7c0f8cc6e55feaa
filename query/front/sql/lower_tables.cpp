#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/query/front/sql/grammar.hpp>
#include <millrace/query/front/sql/lowering_internal.hpp>
#include <millrace/query/front/sql/source.hpp>

#include <algorithm>

namespace millrace::query::sql {

namespace {

size_t operator_count(const plan_node& plan) {
  size_t out = 1;
  for (const auto& each : plan.inputs)
    out += operator_count(each);
  return out;
}

} // namespace

tree tree_of(const json_value& node) {
  const auto& entries = node.entries();
  if (entries.size() != 1)
    return {};
  return {entries.front().key, &entries.front().value};
}

std::vector<std::string> names_in(const json_value& list) {
  std::vector<std::string> out;
  for (const auto& each : list.elements()) {
    const auto part = tree_of(each);
    out.push_back(part.kind == "String" ? part["sval"].text_or_empty() : "*");
  }
  return out;
}

std::vector<const json_value*> all_of(const json_value& node) {
  const auto what = tree_of(node);
  if (what.kind != "BoolExpr" || what["boolop"].text_or_empty() != "AND_EXPR")
    return {&node};
  std::vector<const json_value*> out;
  for (const auto& each : what["args"].elements())
    for (const auto* part : all_of(each))
      out.push_back(part);
  return out;
}

expression typed_column(std::string name, column_type type, uint32_t place) {
  auto out = column_of(std::move(name), place);
  out.type = type;
  return out;
}

std::vector<operators::computed> columns_of(const plan_node& plan) {
  std::vector<operators::computed> out;
  for (const auto& each : plan.columns)
    out.push_back({each.name, typed_column(each.name, each.type)});
  return out;
}

bool is_same(const expression& a, const expression& b) {
  return a.what == b.what && a.type == b.type && a.name == b.name
         && a.values == b.values && a.function == b.function
         && std::equal(a.arguments.begin(), a.arguments.end(),
                       b.arguments.begin(), b.arguments.end(), is_same);
}

size_t size_of(const expression& what) {
  size_t out = 1;
  for (const auto& each : what.arguments)
    out += size_of(each);
  return out;
}

bool is_null_constant(const expression& what) {
  return what.what == expression::kind::constant && what.values.size() == 1
         && std::holds_alternative<std::monostate>(what.values.front());
}

expression truth_constant(bool value) {
  return constant_of(column_type::boolean, int64_t{value});
}

std::optional<bool> known_truth(const expression& what) {
  if (what.what != expression::kind::constant
      || what.type != column_type::boolean || what.values.size() != 1)
    return std::nullopt;
  const auto* value = std::get_if<int64_t>(&what.values.front());
  return value && *value != 0;
}

bool relation::never_null(const expression& what) const {
  if (what.what == expression::kind::constant)
    return !is_null_constant(what);
  if (what.type == column_type::boolean || what.type == column_type::byte_)
    return true;
  return is_column(what)
         && std::find(non_null.begin(), non_null.end(), what.name)
              != non_null.end();
}

error lowering::wrong(uint32_t place, std::string_view what, errc code) const {
  return fault_at(source_, place, code, what);
}

uint32_t lowering::place_of(const json_value& body, uint32_t otherwise) const {
  const auto at = body.find("location");
  const auto value = at ? at->integer().value_or(-1) : 0;
  return value < 0 ? otherwise
                   : rewritten_.source_of(static_cast<uint32_t>(value));
}

int64_t lowering::whole_number(const json_value& constant) const {
  return whole_number_in(constant, rewritten_);
}

error lowering::count_parts(size_t count, uint32_t place) {
  parts_ += count;
  if (parts_ > parts_max)
    return wrong(place,
                 "the query stands for more than " + std::to_string(parts_max)
                   + " values",
                 errc::limit_exceeded);
  return {};
}

std::string lowering::next_name(std::string_view prefix) {
  return std::string{prefix} + std::to_string(++made_names_);
}

error lowering::put(plan_node& over, plan_node::operation what,
                    uint32_t place) {
  plan_node out;
  out.what = std::move(what);
  out.inputs.push_back(std::move(over));
  over = std::move(out);
  if (++operators_ > operators_max)
    return wrong(place,
                 "the query has more than " + std::to_string(operators_max)
                   + " operators",
                 errc::limit_exceeded);
  if (auto fault = resolve(over))
    return wrong(place, fault.context, fault.code);
  return {};
}

error lowering::put(plan_node& left, plan_node right, plan_node::operation what,
                    uint32_t place) {
  plan_node out;
  out.what = std::move(what);
  out.inputs.push_back(std::move(left));
  out.inputs.push_back(std::move(right));
  left = std::move(out);
  if (++operators_ > operators_max)
    return wrong(place,
                 "the query has more than " + std::to_string(operators_max)
                   + " operators",
                 errc::limit_exceeded);
  if (auto fault = resolve(left))
    return wrong(place, fault.context, fault.code);
  return {};
}

result<relation> lowering::table(const json_value& node) {
  const auto what = tree_of(node);
  if (what.kind == "RangeVar")
    return named_table(*what.body);
  if (what.kind == "RangeSubselect")
    return query_as_table(*what.body);
  if (what.kind == "JoinExpr")
    return joined(*what.body);
  if (what.kind == "RangeFunction")
    return asked_by_name(*what.body);
  return refused(what.body ? place_of(*what.body) : 0,
                 "in FROM stand tables, queries and joins");
}

/// "trade t", "trade as t(a, b)"
error lowering::rename(relation& what, const json_value& alias,
                       uint32_t place) const {
  const auto& table = alias.at("aliasname").text_or_empty();
  if (table.empty())
    return {};
  for (auto& each : what.columns)
    each.table = table;
  const auto names = names_in(alias.at("colnames"));
  size_t starred = 0;
  for (auto& each : what.columns)
    if (each.is_starred && starred < names.size())
      each.name = names[starred++];
  if (starred < names.size())
    return wrong(place, "'" + table + "' has fewer columns");
  return {};
}

result<relation> lowering::named_table(const json_value& body) {
  const auto place = place_of(body);
  const auto& name = body.at("relname").text_or_empty();
  if (body.find("schemaname")
      && body.at("schemaname").text_or_empty() != "public")
    return wrong(place,
                 "there is no schema '" + body.at("schemaname").text_or_empty()
                   + "'",
                 errc::not_found);
  relation out;
  const auto named
    = std::find_if(names_.rbegin(), names_.rend(),
                   [&](const auto& each) { return each.first == name; });
  if (named != names_.rend()) {
    out = named->second;
    operators_ += operator_count(out.plan);
    if (operators_ > operators_max)
      return wrong(place,
                   "the query has more than " + std::to_string(operators_max)
                     + " operators",
                   errc::limit_exceeded);
  } else {
    const auto* schema = find_(name);
    if (!schema)
      return wrong(place, "there is no table '" + name + "'", errc::not_found);
    out.plan.what = operators::scan{*schema};
    if (auto fault = resolve(out.plan))
      return wrong(place, fault.context, fault.code);
    for (const auto& each : schema->columns)
      out.columns.push_back(
        {name, each.name, typed_column(each.name, each.type)});
    out.time_column = schema->time_column;
    const bool dated
      = !schema->column_index("date")
        && schema->columns[*schema->column_index(schema->time_column)].type
             == column_type::timestamp;
    if (dated) {
      auto date
        = call_of(scalar_function::table_date,
                  {typed_column(schema->time_column, column_type::timestamp),
                   constant_of(column_type::string, schema->roll_zone),
                   constant_of(column_type::long_, schema->roll_offset_ns)});
      date.type = column_type::date;
      out.columns.push_back({name, "date", std::move(date), false});
    }
  }
  for (auto& each : out.columns)
    each.table = name;
  if (auto fault = rename(out, body.at("alias"), place))
    return fault;
  return out;
}

result<relation> lowering::query_as_table(const json_value& body) {
  const auto query = tree_of(body.at("subquery"));
  if (body.find("lateral"))
    return refused(0, "LATERAL is not there; see ASOF JOIN");
  auto out = select(*query.body);
  if (!out)
    return out;
  if (auto fault = rename(*out, body.at("alias"), 0))
    return fault;
  return out;
}

/// "hloc('2024-01-02', '2024-01-02', '01:00')" in FROM.
result<relation> lowering::asked_by_name(const json_value& body) {
  const auto& functions = body.at("functions").elements();
  const auto& items = functions.empty()
                        ? functions
                        : tree_of(functions.front())["items"].elements();
  const auto call = items.empty() ? tree{} : tree_of(items.front());
  if (call.kind != "FuncCall" || functions.size() != 1
      || body.find("ordinality") || body.find("coldeflist")
      || body.find("lateral"))
    return refused(call.body ? place_of(*call.body) : 0,
                   "of functions in FROM there are named queries");
  const auto place = place_of(*call.body);
  const auto names = names_in(call["funcname"]);
  const auto& name = names.back();
  if (names.size() != 1 || !named_.has(name))
    return wrong(place,
                 "there is no query named '" + name + "'"
                   + text::meant(name, named_.names()),
                 errc::not_found);
  const relation nothing;
  row_scope constants{*this, nothing};
  std::vector<argument_value> given;
  for (const auto& each : call["args"].elements()) {
    auto value = constants.value(each);
    if (!value)
      return value.failure();
    if (value->what != expression::kind::constant || value->values.size() != 1)
      return wrong(place, "a query is called with constants");
    given.push_back({value->type, false, std::move(value->values)});
  }
  auto made = named_.rows_of(name, std::move(given));
  if (!made)
    return wrong(place, made.failure().context, made.failure().code);
  relation out;
  out.plan = std::move(made->plan);
  operators_ += operator_count(out.plan);
  if (operators_ > operators_max)
    return wrong(place,
                 "the query has more than " + std::to_string(operators_max)
                   + " operators",
                 errc::limit_exceeded);
  for (const auto& each : out.plan.columns)
    out.columns.push_back(
      {name, each.name, typed_column(each.name, each.type)});
  if (auto fault = rename(out, body.at("alias"), place))
    return fault;
  return out;
}

result<relation> lowering::joined(const json_value& body) {
  if (body.find("isNatural"))
    return refused(0, "NATURAL JOIN is not there; write USING");
  auto left = table(body.at("larg"));
  if (!left)
    return left;
  auto right = table(body.at("rarg"));
  if (!right)
    return right;
  if (auto fault = check_names(*left, *right, body.at("rarg")))
    return fault;
  auto out = joined_rows(*this, *std::move(left), *std::move(right), body);
  if (!out)
    return out;
  if (auto fault = rename(*out, body.at("alias"), 0))
    return fault;
  return out;
}

error lowering::take_names(const json_value& with) {
  if (with.find("recursive"))
    return refused(place_of(with), "WITH RECURSIVE is not there");
  for (const auto& item : with.at("ctes").elements()) {
    const auto each = tree_of(item);
    const auto query = tree_of(each["ctequery"]);
    if (query.kind != "SelectStmt")
      return refused(place_of(*each.body), "in WITH stand SELECTs");
    auto made = select(*query.body);
    if (!made)
      return made.failure();
    json_value alias = json_value::object();
    const auto& name = each["ctename"].text_or_empty();
    alias.add("aliasname", name);
    if (const auto* columns = each.body->find("aliascolnames"))
      alias.add("colnames", *columns);
    if (auto fault = rename(*made, alias, place_of(*each.body)))
      return fault;
    names_.emplace_back(name, *std::move(made));
  }
  return {};
}

} // namespace millrace::query::sql

namespace millrace::query {

result<sql_request> parse_sql(std::string_view text, const schema_lookup& find,
                              int64_t now_ns, const named_lookup& named,
                              const std::vector<bound_name>& bound) {
  const auto rewritten = sql::rewrite(text);
  if (!rewritten)
    return rewritten.failure();
  const auto parsed = sql::parse_tree(*rewritten, text);
  if (!parsed)
    return parsed.failure();
  sql::lowering owner{text, *rewritten, find, now_ns, named, bound};
  auto statement = sql::tree_of(*parsed);
  sql_request out;
  if (statement.kind == "ExplainStmt") {
    for (const auto& option : statement["options"].elements()) {
      const auto each = sql::tree_of(option);
      if (each["defname"].text_or_empty() != "analyze"
          || each.body->find("arg"))
        return owner.refused(0, "EXPLAIN has one option here: ANALYZE");
      out.analyze = true;
    }
    out.explain = true;
    statement = sql::tree_of(statement["query"]);
  }
  if (statement.kind != "SelectStmt")
    return owner.refused(0,
                         "of SQL's statements there are SELECT and EXPLAIN "
                         "SELECT: nothing that is stored changes by a query");
  auto made = owner.select(*statement.body);
  if (!made)
    return made.failure();
  out.plan = std::move(made->plan);
  return out;
}

} // namespace millrace::query
