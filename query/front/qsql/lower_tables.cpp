#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/query/front/qsql/lowering_internal.hpp>
#include <millrace/query/front/qsql/parser.hpp>

#include <algorithm>
#include <array>
#include <iterator>

namespace millrace::query::qsql {

namespace {

/// Functions of tables between their arguments, and before their argument.
constexpr std::array table_functions{
  "aj",    "aj0",   "asof", "count", "distinct", "ej",      "first", "ij",
  "last",  "lj",    "uj",   "wj",    "wj1",      "sublist", "xasc",  "xcol",
  "xcols", "xdesc", "xkey", "!",     "#",        "_",       ",",     "ungroup"};

bool is_table_function(std::string_view name) {
  return std::find(table_functions.begin(), table_functions.end(), name)
         != table_functions.end();
}

} // namespace

size_t operator_count(const plan_node& plan) {
  size_t out = 1;
  for (const auto& input : plan.inputs)
    out += operator_count(input);
  return out;
}

plan_node over(plan_node::operation what, plan_node input) {
  plan_node out;
  out.what = std::move(what);
  out.inputs.push_back(std::move(input));
  return out;
}

plan_node over(plan_node::operation what, plan_node left, plan_node right) {
  auto out = over(std::move(what), std::move(left));
  out.inputs.push_back(std::move(right));
  return out;
}

std::optional<column_type> type_in(const plan_node& plan,
                                   std::string_view name) {
  for (const auto& column : plan.columns)
    if (column.name == name)
      return column.type;
  return std::nullopt;
}

bool has_column(const plan_node& plan, std::string_view name) {
  return type_in(plan, name).has_value();
}

std::vector<operators::computed> all_columns(const plan_node& plan) {
  std::vector<operators::computed> out;
  for (const auto& column : plan.columns)
    out.push_back({column.name, column_of(column.name)});
  return out;
}

error lowering::wrong(const node& tree, std::string_view kind,
                      std::string_view what) const {
  return fault_at(source_, tree.at, errc::invalid_argument, kind, what);
}

error lowering::refused(const node& tree, std::string_view what) const {
  return fault_at(source_, tree.at, errc::unsupported, "nyi", what);
}

error lowering::unknown(const node& tree, std::string_view what) const {
  return fault_at(source_, tree.at, errc::not_found, tree.text,
                  "there is no such " + std::string{what});
}

error lowering::count_part(const node& tree) {
  if (++parts_ <= parts_max)
    return {};
  return fault_at(source_, tree.at, errc::limit_exceeded, "limit",
                  "the query has more than " + std::to_string(parts_max)
                    + " parts");
}

error lowering::resolve_at(plan_node& plan, const node& tree) {
  if (operator_count(plan) > operators_max)
    return fault_at(source_, tree.at, errc::limit_exceeded, "limit",
                    "the plan has more than " + std::to_string(operators_max)
                      + " operators");
  auto fault = resolve(plan);
  if (!fault)
    return {};
  if (fault.code != errc::invalid_argument)
    return fault;
  // The plan knows the place, and not the text.
  return fault.context.find("at character") == std::string::npos
           ? wrong(tree, "type", fault.context)
           : error{fault.code, "type: " + fault.context};
}

result<table_value> lowering::put_over(table_value from,
                                       plan_node::operation what,
                                       const node& tree) {
  from.plan = over(std::move(what), std::move(from.plan));
  if (auto fault = resolve_at(from.plan, tree))
    return fault;
  return from;
}

result<table_value> lowering::put_over(table_value left, plan_node right,
                                       plan_node::operation what,
                                       const node& tree) {
  left.plan = over(std::move(what), std::move(left.plan), std::move(right));
  if (auto fault = resolve_at(left.plan, tree))
    return fault;
  return left;
}

const node& lowering::meant(const node& tree) const {
  const auto* at = &tree;
  if (at->kind == node_kind::name)
    if (const auto found = values_.find(at->text); found != values_.end())
      return *found->second;
  return *at;
}

std::optional<constant> lowering::constant_value(const node& tree) const {
  const auto& value = meant(tree);
  if (value.kind == node_kind::constant)
    return value.value;
  if (value.kind == node_kind::apply)
    return made_constant(value);
  // "(`a;`b)" and "()" are lists too.
  if (value.kind != node_kind::list)
    return std::nullopt;
  constant out;
  out.is_list = true;
  for (const auto& item : value.items) {
    auto part = constant_value(item);
    if (!part || part->is_list || part->values.size() != 1)
      return std::nullopt;
    // A char among texts is a text.
    auto type = part->type;
    if (type == column_type::char_ && value.items.size() > 1)
      type = column_type::string;
    if (&item != &value.items.front() && type != out.type)
      return std::nullopt;
    out.type = type;
    out.values.push_back(std::move(part->values.front()));
  }
  return out;
}

result<std::vector<std::string>> lowering::symbols(const node& tree,
                                                   std::string_view what) {
  const auto value = constant_value(tree);
  const bool empty = value && value->values.empty();
  if (!value || (value->type != column_type::symbol && !empty))
    return wrong(tree, "type",
                 std::string{what} + " are symbols, as `sym`time");
  std::vector<std::string> out;
  for (const auto& each : value->values) {
    const auto* name = std::get_if<std::string>(&each);
    if (!name)
      return wrong(tree, "type", std::string{what} + " have names");
    out.push_back(*name);
  }
  return out;
}

void lowering::bind(const bound_name& what) {
  auto& made = bound_.emplace_back(node_kind::constant, text_range{});
  made.value = {what.value.type, what.value.is_list, what.value.values};
  values_[what.name] = &made;
}

error lowering::define(const std::vector<node>& statements) {
  for (size_t i = 0; i + 1 < statements.size(); ++i) {
    const auto& tree = statements[i];
    if (tree.kind != node_kind::assign)
      return wrong(tree, "rank",
                   "a statement before the last one gives a name "
                   "to what it says, as t:select from trade");
    const auto& value = tree.items.front();
    const auto lookup = dictionary_of(value);
    if (!lookup)
      return lookup.failure();
    // What is no table is looked at where its name stands.
    if (*lookup) {
      keep_dictionary(value, tree.label, **lookup);
    } else if (value.kind == node_kind::phrase
               || is_table_function(function_of(value))
               || named_.has(function_of(value))
               || (value.kind == node_kind::name
                   && !values_.contains(value.text))) {
      auto made = table(value);
      if (!made)
        return made.failure();
      tables_.insert_or_assign(tree.label, *std::move(made));
      values_.erase(tree.label);
    } else {
      values_[tree.label] = &meant(value);
      tables_.erase(tree.label);
    }
  }
  return {};
}

result<table_value> lowering::table(const node& tree) {
  if (auto fault = count_part(tree))
    return fault;
  switch (tree.kind) {
    case node_kind::name:
      return named_table(tree);
    case node_kind::phrase:
      return phrase(tree);
    case node_kind::apply:
      return applied_table(tree);
    case node_kind::table:
      return refused(tree, "tables whose values stand in the query are not "
                           "there");
    case node_kind::constant:
      // `trade: a table by its symbol.
      if (tree.value.type == column_type::symbol
          && tree.value.values.size() == 1
          && std::holds_alternative<std::string>(tree.value.values[0])) {
        node name{node_kind::name, tree.at};
        name.text = std::get<std::string>(tree.value.values[0]);
        return named_table(name);
      }
      break;
    default:
      break;
  }
  return wrong(tree, "type", "a table is wanted here");
}

result<table_value> lowering::named_table(const node& tree) {
  if (const auto found = tables_.find(tree.text); found != tables_.end())
    return found->second;
  const auto* schema = find_(tree.text);
  if (!schema)
    return unknown(tree, "table");
  plan_node plan;
  plan.what = operators::scan{*schema};
  if (auto fault = resolve_at(plan, tree))
    return fault;
  return table_value{std::move(plan)};
}

result<table_value> lowering::applied_table(const node& tree) {
  const auto function = function_of(tree);
  const auto count = argument_count(tree);
  if (named_.has(function))
    return asked_by_name(tree);
  if (function == "ej" && count == 3)
    return each_joined(tree);
  if ((function == "aj" || function == "aj0") && count > 2)
    return asof_joined(tree, function == "aj0");
  if ((function == "wj" || function == "wj1") && count > 2)
    return window_joined(tree, function == "wj");
  if (count == 2 && is_table_function(function))
    return shaped(tree, function);
  if (count == 1) {
    if (function == "distinct")
      return distinct(tree);
    if (function == "count")
      return counted(tree);
    if (function == "ungroup")
      return ungrouped(tree);
    if (function == "first" || function == "last") {
      auto from = table(argument(tree, 0));
      return from
               ? limited(*std::move(from), function == "first" ? 1 : -1, tree)
               : from;
    }
  }
  if (is_table_function(function))
    return wrong(tree, "rank",
                 "'" + std::string{function} + "' does not take "
                   + std::to_string(count) + " arguments");
  if (function.empty())
    return refused(tree, "this is not a function of tables");
  std::vector<std::string> known{"select", "exec", "update", "delete"};
  known.insert(known.end(), table_functions.begin(), table_functions.end());
  const auto named = named_.names();
  known.insert(known.end(), named.begin(), named.end());
  return refused(tree, "there is no function of tables '"
                         + std::string{function} + "'"
                         + text::meant(function, known));
}

/// "hloc[2024.01.02;2024.01.02;0D01]", "today[]"
result<table_value> lowering::asked_by_name(const node& tree) {
  std::vector<argument_value> given;
  const auto count = argument_count(tree);
  const bool has_none
    = count == 1 && argument(tree, 0).kind == node_kind::nothing;
  for (size_t i = 0; i < count && !has_none; ++i) {
    auto value = constant_value(argument(tree, i));
    if (!value)
      return wrong(argument(tree, i), "type",
                   "a query is applied to constants");
    given.push_back({value->type, value->is_list, std::move(value->values)});
  }
  auto made = named_.rows_of(function_of(tree), std::move(given));
  if (!made)
    return fault_at(source_, tree.at, made.failure().code, "query",
                    made.failure().context);
  if (operator_count(made->plan) > operators_max)
    return resolve_at(made->plan, tree);
  return table_value{std::move(made->plan), std::move(made->keys)};
}

result<table_value> lowering::shaped(const node& tree,
                                     std::string_view function) {
  if (function == "xasc" || function == "xdesc")
    return ordered(tree, function == "xdesc");
  if (function == "xkey")
    return keyed(tree);
  if (function == "!")
    return keyed_by_count(tree);
  if (function == "xcol")
    return renamed(tree);
  if (function == "xcols")
    return reordered(tree);
  if (function == "#" || function == "sublist")
    return taken(tree);
  if (function == "_")
    return dropped(tree);
  if (function == "lj" || function == "ij")
    return equi_joined(tree, function == "ij");
  if (function == "uj" || function == ",")
    return united(tree);
  return refused(tree, "'" + std::string{function}
                         + "' of tables is not "
                           "there");
}

result<table_value> lowering::ordered(const node& tree, bool descending) {
  auto names = symbols(argument(tree, 0), "columns to order by");
  if (!names)
    return names.failure();
  auto from = table(argument(tree, 1));
  if (!from)
    return from;
  operators::sort what;
  for (auto& name : *names)
    what.keys.push_back({std::move(name), descending});
  return put_over(*std::move(from), std::move(what), tree);
}

/// These columns, in this order.
result<table_value> lowering::with_columns(table_value from,
                                           std::vector<std::string> names,
                                           const node& tree) {
  operators::project what;
  bool same = names.size() == from.plan.columns.size();
  for (size_t i = 0; i < names.size(); ++i) {
    if (!has_column(from.plan, names[i]))
      return fault_at(source_, tree.at, errc::not_found, names[i],
                      "the table has no such column");
    same = same && from.plan.columns[i].name == names[i];
    what.columns.push_back({names[i], column_of(names[i])});
  }
  if (same)
    return from;
  return put_over(std::move(from), std::move(what), tree);
}

result<table_value> lowering::keyed(const node& tree) {
  auto names = symbols(argument(tree, 0), "keys");
  if (!names)
    return names.failure();
  auto from = table(argument(tree, 1));
  if (!from)
    return from;
  auto columns = *names;
  for (const auto& column : from->plan.columns)
    if (std::find(names->begin(), names->end(), column.name) == names->end())
      columns.push_back(column.name);
  auto out = with_columns(*std::move(from), std::move(columns), tree);
  if (out)
    out->keys = *std::move(names);
  return out;
}

/// "0!t", "2!t"
result<table_value> lowering::keyed_by_count(const node& tree) {
  const auto value = constant_value(argument(tree, 0));
  const auto* count = value && value->values.size() == 1
                        ? std::get_if<int64_t>(&value->values.front())
                        : nullptr;
  auto from = table(argument(tree, 1));
  if (!from)
    return from;
  if (!count || *count < 0
      || static_cast<uint64_t>(*count) > from->plan.columns.size())
    return wrong(argument(tree, 0), "length",
                 "before '!' stands how many columns are keys");
  from->keys.clear();
  for (size_t i = 0; i < static_cast<size_t>(*count); ++i)
    from->keys.push_back(from->plan.columns[i].name);
  return from;
}

/// "`a`b xcol t", "(`a`b!`c`d) xcol t"
result<table_value> lowering::renamed(const node& tree) {
  const auto& names = meant(argument(tree, 0));
  auto from = table(argument(tree, 1));
  if (!from)
    return from;
  operators::project what;
  what.columns = all_columns(from->plan);
  if (function_of(names) == "!" && argument_count(names) == 2) {
    const auto before = symbols(argument(names, 0), "names");
    const auto after = symbols(argument(names, 1), "names");
    if (!before || !after)
      return before ? after.failure() : before.failure();
    if (before->size() != after->size())
      return wrong(names, "length", "as many names stand on both sides");
    for (size_t i = 0; i < before->size(); ++i) {
      const auto& old = (*before)[i];
      if (!has_column(from->plan, old))
        return fault_at(source_, names.at, errc::not_found, old,
                        "the table has no such column");
      for (auto& column : what.columns)
        if (column.value.name == old)
          column.name = (*after)[i];
    }
  } else {
    auto listed = symbols(argument(tree, 0), "names");
    if (!listed)
      return listed.failure();
    if (listed->size() > what.columns.size())
      return wrong(names, "length", "the table has fewer columns");
    for (size_t i = 0; i < listed->size(); ++i)
      what.columns[i].name = (*listed)[i];
  }
  for (size_t i = 0; i < from->keys.size(); ++i)
    from->keys[i] = what.columns[i].name;
  return put_over(*std::move(from), std::move(what), tree);
}

/// "`sym`time xcols t": these first.
result<table_value> lowering::reordered(const node& tree) {
  auto out = keyed(tree);
  if (out)
    out->keys.clear();
  return out;
}

result<table_value> lowering::limited(table_value from, int64_t count,
                                      const node& tree) {
  return put_over(std::move(from), operators::limit{count}, tree);
}

/// "5#t", "-5 sublist t", "`a`b#t"
result<table_value> lowering::taken(const node& tree) {
  const auto value = constant_value(argument(tree, 0));
  auto from = table(argument(tree, 1));
  if (!from)
    return from;
  if (value && value->type == column_type::symbol) {
    auto names = symbols(argument(tree, 0), "columns");
    if (!names)
      return names.failure();
    from->keys.clear();
    return with_columns(*std::move(from), *std::move(names), tree);
  }
  const auto* count = value && value->values.size() == 1
                        ? std::get_if<int64_t>(&value->values.front())
                        : nullptr;
  if (!count)
    return refused(argument(tree, 0), "one count of rows is wanted here");
  return limited(*std::move(from), *count, tree);
}

/// "`a`b _ t"
result<table_value> lowering::dropped(const node& tree) {
  const bool names_first = constant_value(argument(tree, 0)).has_value();
  const auto& names_tree = argument(tree, names_first ? 0 : 1);
  auto from = table(argument(tree, names_first ? 1 : 0));
  if (!from)
    return from;
  const auto value = constant_value(names_tree);
  if (!value || value->type != column_type::symbol)
    return refused(names_tree, "'_' takes columns away, and not rows");
  const auto names = symbols(names_tree, "columns");
  if (!names)
    return names.failure();
  std::vector<std::string> columns;
  for (const auto& column : from->plan.columns)
    if (std::find(names->begin(), names->end(), column.name) == names->end())
      columns.push_back(column.name);
  for (const auto& name : *names)
    std::erase(from->keys, name);
  if (columns.empty())
    return wrong(tree, "length", "no column is left");
  return with_columns(*std::move(from), std::move(columns), tree);
}

result<table_value> lowering::distinct(const node& tree) {
  auto from = table(argument(tree, 0));
  if (!from)
    return from;
  operators::aggregate what;
  what.keys = all_columns(from->plan);
  return put_over(*std::move(from), std::move(what), tree);
}

result<table_value> lowering::counted(const node& tree) {
  auto from = table(argument(tree, 0));
  if (!from)
    return from;
  operators::aggregate what;
  what.columns.push_back({"count", aggregate_function::count, {}});
  from->keys.clear();
  return put_over(*std::move(from), std::move(what), tree);
}

/// "ungroup select time, sums size by sym from trade"
result<table_value> lowering::ungrouped(const node& tree) {
  const auto& lists = argument(tree, 0);
  const auto* what
    = lists.kind == node_kind::phrase ? lists.phrase.get() : nullptr;
  if (!what || what->kind != phrase_kind::select || !what->grouped
      || what->columns.empty())
    return refused(lists, "'ungroup' stands before a select of columns with "
                          "'by', whose lists are rows again");
  return phrase(lists, true);
}

namespace {

/// Whether a plan gives one row, that of all its rows.
bool is_total(const plan_node& plan) {
  if (const auto* groups = std::get_if<operators::aggregate>(&plan.what))
    return groups->keys.empty();
  return std::holds_alternative<operators::project>(plan.what)
         && is_total(plan.inputs.front());
}

result_shape shape_of(const node& tree, const table_value& made) {
  if (function_of(tree) == "count")
    return result_shape::values;
  if (tree.kind != node_kind::phrase || tree.phrase->kind != phrase_kind::exec)
    return result_shape::table;
  const auto& columns = tree.phrase->columns;
  return !columns.empty() && is_total(made.plan)
             && std::all_of(columns.begin(), columns.end(), has_aggregate)
           ? result_shape::values
           : result_shape::columns;
}

} // namespace

} // namespace millrace::query::qsql

namespace millrace::query {

result<qsql_request> parse_qsql(std::string_view text,
                                const schema_lookup& find, int64_t now_ns,
                                const std::vector<std::string>& tables,
                                const named_lookup& named,
                                const std::vector<bound_name>& bound) {
  const auto statements = qsql::parse(text);
  if (!statements)
    return statements.failure();
  qsql::lowering work{text, find, now_ns, named};
  for (const auto& each : bound)
    work.bind(each);
  if (auto fault = work.define(*statements))
    return fault;
  const auto& back = statements->back();
  const auto& last
    = back.kind == qsql::node_kind::assign ? back.items.front() : back;
  auto told = work.told(last, tables);
  if (!told)
    return told.failure();
  if (*told) {
    const bool is_list = (*told)->columns.size() == 1;
    qsql_request out;
    if (!is_list)
      out.keys.push_back((*told)->columns.front().name);
    out.shape = is_list ? result_shape::columns : result_shape::table;
    out.told = *std::move(told);
    return out;
  }
  auto made = work.table(last);
  if (!made)
    return made.failure();
  const auto shape = qsql::shape_of(last, *made);
  return qsql_request{std::move(made->plan), std::move(made->keys), shape};
}

} // namespace millrace::query
