#include <millrace/query/plan/indented_internal.hpp>
#include <millrace/query/plan/joined_tables_internal.hpp>
#include <millrace/query/plan/split.hpp>

#include <algorithm>

namespace millrace::query {

namespace {

using operators::asof_join;

const std::string* column_behind(const logical_plan& rows,
                                 const std::string& name) {
  for (const auto& each : rows.outputs)
    if (each.name == name)
      return &each.column;
  return nullptr;
}

bool is(const logical_plan& rows, const std::string& name,
        const std::string& column) {
  const auto* behind = column_behind(rows, name);
  return behind && *behind == column && !rows.is_computed(column);
}

/// Whether rows of one symbol meet only rows of the same one, and the right
/// ones are found by the time of their table.
bool follows_tables(const joined_tables& what) {
  if (what.on.size() < 2 || what.left.symbol_column.empty()
      || what.right.symbol_column.empty())
    return false;
  if (!is(what.right, what.on.back(), what.right.order_column))
    return false;
  return std::any_of(what.on.begin(), what.on.end() - 1, [&](const auto& name) {
    return is(what.left, name, what.left.symbol_column)
           && is(what.right, name, what.right.symbol_column);
  });
}

/// Whether all that is folded comes out the same in whatever order rows come.
bool folds_in_any_order(const logical_plan& plan) {
  return plan.grouped()
         && std::none_of(plan.aggregates.begin(), plan.aggregates.end(),
                         [](const query::aggregate& each) {
                           return each.function == aggregate_function::first
                                  || each.function == aggregate_function::last;
                         });
}

/// The join in `node` as a plan for stores; none when it is another one.
std::optional<logical_plan>
joined_plan(const physical_node& node,
            const std::vector<logical_plan>& fragments) {
  const auto* over = std::get_if<fused_rows>(&node.what);
  if (!over || !folds_in_any_order(over->plan))
    return std::nullopt;
  const auto& input = node.inputs[0];
  const auto* join = std::get_if<asof_join>(&input.what);
  if (!join || join->where != asof_join::direction::backward)
    return std::nullopt;
  const auto* left = std::get_if<fetched_rows>(&input.inputs[0].what);
  const auto* right = std::get_if<fetched_rows>(&input.inputs[1].what);
  if (!left || !right)
    return std::nullopt;
  auto tables = std::make_shared<joined_tables>(joined_tables{
    fragments[left->fragment], fragments[right->fragment], join->on,
    join->tolerance, join->right_time, join->inner, input.columns});
  if (!flows(tables->left) || !flows(tables->right) || !follows_tables(*tables))
    return std::nullopt;
  auto out = over->plan;
  out.table = tables->left.table;
  out.joined.tables = std::move(tables);
  if (validate(out))
    return std::nullopt;
  return out;
}

/// The tree with the first join that a store can do in its place.
std::optional<split_plan> with_join(const physical_node& node,
                                    const std::vector<logical_plan>& from) {
  split_plan out;
  if (auto plan = joined_plan(node, from)) {
    out.fragments.push_back(*std::move(plan));
    out.rest.what = fetched_rows{0};
    out.rest.columns = node.columns;
    return out;
  }
  if (node.inputs.size() != 1)
    return std::nullopt;
  auto below = with_join(node.inputs[0], from);
  if (!below)
    return std::nullopt;
  out.fragments = std::move(below->fragments);
  out.rest.what = node.what;
  out.rest.columns = node.columns;
  out.rest.inputs.push_back(std::move(below->rest));
  return out;
}

} // namespace

bool operator==(const joined_source& a, const joined_source& b) {
  if (!a.tables || !b.tables)
    return a.tables == b.tables;
  return *a.tables == *b.tables;
}

void join_in_stores(split_plan& plan) {
  if (plan.fragments.size() != 2)
    return;
  if (auto made = with_join(plan.rest, plan.fragments))
    plan.in_stores = std::make_shared<const split_plan>(*std::move(made));
}

error check_joined(const logical_plan& plan) {
  if (!plan.joined)
    return {};
  const auto refused = [&](const std::string& what) {
    return error{errc::invalid_argument,
                 "the join on table '" + plan.table + "' " + what};
  };
  const auto& what = *plan.joined.tables;
  if (what.left.joined || what.right.joined)
    return refused("is of joined tables");
  if (plan.table != what.left.table)
    return refused("is not of its left table");
  for (const auto* side : {&what.left, &what.right}) {
    if (auto fault = validate(*side))
      return fault;
    if (!flows(*side))
      return refused("is of other rows than those that are stored");
  }
  if (!folds_in_any_order(plan))
    return refused("is not folded, or by the order of its rows");
  if (!follows_tables(what))
    return refused("is not by the tables' symbols and times");
  const auto left = result_columns(what.left);
  const auto right = result_columns(what.right);
  const auto type_in = [](const std::vector<column_schema>& columns,
                          const std::string& name) {
    const auto found
      = std::find_if(columns.begin(), columns.end(),
                     [&](const auto& each) { return each.name == name; });
    return found == columns.end() ? std::nullopt : std::optional{found->type};
  };
  for (const auto& name : what.on)
    if (!type_in(left, name) || type_in(left, name) != type_in(right, name))
      return refused("is on '" + name + "', which its tables do not share");
  for (const auto& each : what.columns) {
    const auto in_left = type_in(left, each.name);
    const auto in_right = type_in(right, each.name);
    if ((!in_left && !in_right) || (in_left && *in_left != each.type)
        || (in_right && *in_right != each.type))
      return refused("has no column '" + each.name + "' of its type");
  }
  for (const auto& each : plan.types)
    if (each.name != no_time_column && !plan.is_computed(each.name)
        && type_in(what.columns, each.name) != each.type)
      return refused("has no column '" + each.name + "' of its type");
  return {};
}

std::string to_string(const joined_source& joined) {
  auto out = indented(to_string(joined->left), "  ")
             + indented(to_string(joined->right), "  ")
             + (joined->inner ? "inner join as of" : "join as of");
  for (const auto& each : joined->on)
    out += " " + each;
  return out + '\n';
}

} // namespace millrace::query
