#include <millrace/query/plan/filter_placement.hpp>
#include <millrace/query/plan/fused_operators_internal.hpp>
#include <millrace/query/plan/split.hpp>

#include <algorithm>
#include <set>

namespace millrace::query {

namespace {

using namespace operators;
using names = std::set<std::string, std::less<>>;

names all_of(const std::vector<column_schema>& columns) {
  names out;
  for (const auto& each : columns)
    out.insert(each.name);
  return out;
}

void add(const expression& what, names& out) {
  std::vector<std::string> list;
  add_columns_of(what, list);
  out.insert(list.begin(), list.end());
}

expression typed_column(const column_schema& column) {
  auto out = column_of(column.name);
  out.type = column.type;
  return out;
}

std::vector<computed_column>
identity(const std::vector<column_schema>& columns) {
  std::vector<computed_column> out;
  for (const auto& each : columns)
    out.push_back({each.name, typed_column(each)});
  return out;
}

/// What an operator is asked for by the one above it.
struct demand {
  names columns;
  /// Whether anything is decided by the order of its rows: those of a table
  /// come by its time then, and of one time as they came. Otherwise the stores
  /// give them as they lie.
  bool in_order = false;
};

/// A table's time beside the columns that are asked for, to order rows by.
constexpr std::string_view beside_time = ".in_time";

class splitter {
public:
  result<split_plan> run(const plan_node& plan) {
    auto made = open(plan, {all_of(plan.columns)});
    if (!made)
      return made.failure();
    auto root = close(*std::move(made));
    if (!root)
      return root.failure();
    // What it needed beside the columns that are asked for goes.
    if (root->columns != plan.columns) {
      auto last = open_over(*std::move(root));
      last.what.visible = identity(plan.columns);
      root = close(std::move(last));
      if (!root)
        return root.failure();
    }
    out_.rest = *std::move(root);
    return std::move(out_);
  }

private:
  /// Operators that are not closed yet, and the rows that they are over.
  struct opened {
    fused_operators what;
    std::optional<physical_node> input; ///< None: a table.
    bool in_order = false;              ///< @see demand
  };

  opened open_over(physical_node input) {
    opened out;
    out.what.input = input.columns;
    out.what.visible = identity(input.columns);
    out.input = std::move(input);
    return out;
  }

  /// Rows of a table by its time, unless they have an order or are grouped.
  static void put_in_order(fused_operators& what) {
    if (what.grouped || !what.order.empty())
      return;
    const auto& time = what.table->schema.time_column;
    for (const auto& each : what.visible)
      if (is_column(each.value) && each.value.name == time) {
        what.order.push_back({each.name, false});
        return;
      }
    const std::string name{beside_time};
    what.visible.push_back(
      {name, typed_column({time, column_type::timestamp})});
    what.order.push_back({name, false});
  }

  /// Gives the rows of a fragment, or of a step, other names.
  bool rename(physical_node& node, const std::vector<computed_column>& names) {
    auto* plan = std::get_if<fused_rows>(&node.what)
                   ? &std::get<fused_rows>(node.what).plan
                   : nullptr;
    if (const auto* fetched = std::get_if<fetched_rows>(&node.what))
      plan = &out_.fragments[fetched->fragment];
    if (!plan || !rename_result(*plan, names))
      return false;
    for (size_t i = 0; i < names.size(); ++i)
      node.columns[i].name = names[i].name;
    return true;
  }

  result<physical_node> close(opened from) {
    auto& [what, input, in_order] = from;
    if (in_order && what.table)
      put_in_order(what);
    // Nothing is done to rows that are there already.
    if (input && what.conditions.empty() && what.has_plain_rows()
        && only_renames(what.visible, input->columns)
        && (what.visible == identity(input->columns)
            || rename(*input, what.visible)))
      return *std::move(input);
    auto plan = what.fuse();
    if (!plan)
      return plan.failure();
    physical_node out;
    out.columns = result_columns(*plan);
    if (input) {
      out.what = fused_rows{*std::move(plan)};
      out.inputs.push_back(*std::move(input));
    } else {
      out.what = fetched_rows{static_cast<uint32_t>(out_.fragments.size())};
      if (out.columns.back().name == beside_time)
        out.columns.pop_back();
      out_.fragments.push_back(*std::move(plan));
    }
    return out;
  }

  result<opened> reopen(opened from) {
    auto closed = close(std::move(from));
    if (!closed)
      return closed.failure();
    return open_over(*std::move(closed));
  }

  result<opened> open(const plan_node& node, const demand& asked) {
    return std::visit([&](const auto& what) { return on(what, node, asked); },
                      node.what);
  }

  result<opened> on(const scan& what, const plan_node& node,
                    const demand& asked) {
    const auto& wanted = asked.columns;
    opened out;
    out.in_order = asked.in_order;
    out.what.table = what;
    out.what.input = node.columns;
    for (const auto& each : node.columns)
      if (wanted.contains(each.name))
        out.what.visible.push_back({each.name, typed_column(each)});
    const auto& schema = what.schema;
    if (wanted.contains("date") && !schema.column_index("date")) {
      auto time = column_of(schema.time_column);
      auto date = call_of(
        scalar_function::table_date,
        {std::move(time),
         constant_of(column_type::string, literal{schema.roll_zone}),
         constant_of(column_type::long_, literal{schema.roll_offset_ns})});
      auto fault = resolve(date, [&](std::string_view) {
        return std::optional{column_type::timestamp};
      });
      if (fault)
        return fault;
      out.what.visible.push_back({"date", std::move(date)});
    }
    // Rows are counted by any of their columns.
    if (out.what.visible.empty())
      out.what.visible.push_back(
        {schema.time_column,
         typed_column(node.columns[*schema.column_index(schema.time_column)])});
    return out;
  }

  result<opened> on(const filter& what, const plan_node& node, demand asked) {
    for (const auto& each : what.conditions)
      add(each, asked.columns);
    auto out = open(node.inputs[0], asked);
    if (out && !out->what.has_plain_rows())
      out = reopen(*std::move(out));
    if (!out)
      return out;
    for (const auto& each : what.conditions)
      out->what.conditions.push_back(out->what.inner(each));
    return out;
  }

  result<opened> on(const project& what, const plan_node& node,
                    const demand& asked) {
    std::vector<computed> columns;
    for (const auto& each : what.columns)
      if (asked.columns.contains(each.name))
        columns.push_back(each);
    if (columns.empty())
      columns.push_back(what.columns.front());
    demand needed{{}, asked.in_order};
    for (const auto& each : columns)
      add(each.value, needed.columns);
    auto out = open(node.inputs[0], needed);
    if (out && (out->what.grouped || !out->what.order.empty()))
      out = reopen(*std::move(out));
    if (!out)
      return out;
    for (auto& each : columns)
      each.value = out->what.inner(std::move(each.value));
    out->what.visible = std::move(columns);
    return out;
  }

  static bool is_edge(const folded& what) {
    return what.function == aggregate_function::first
           || what.function == aggregate_function::last;
  }

  result<opened> on(const operators::aggregate& what, const plan_node& node,
                    const demand&) {
    demand needed;
    for (const auto& each : what.keys)
      add(each.value, needed.columns);
    for (const auto& each : what.columns) {
      needed.in_order |= is_edge(each);
      for (const auto& argument : each.arguments)
        add(argument, needed.columns);
    }
    auto out = open(node.inputs[0], needed);
    if (out && !out->what.has_plain_rows())
      out = reopen(*std::move(out));
    if (!out)
      return out;
    auto grouped = what;
    auto computes_text = [&](const computed& key) {
      return is_text(key.value.type) && !is_column(out->what.inner(key.value));
    };
    if (std::any_of(grouped.keys.begin(), grouped.keys.end(), computes_text)) {
      // Texts are computed first, and grouped by as columns.
      for (auto& key : grouped.keys) {
        const auto name = ".key" + std::to_string(&key - grouped.keys.data());
        out->what.visible.push_back({name, out->what.inner(key.value)});
        auto column = column_of(name, key.value.place);
        column.type = key.value.type;
        key.value = std::move(column);
      }
      out = reopen(*std::move(out));
      if (!out)
        return out;
    }
    for (auto& key : grouped.keys)
      key.value = out->what.inner(std::move(key.value));
    for (auto& each : grouped.columns)
      for (auto& argument : each.arguments)
        argument = out->what.inner(std::move(argument));
    return close_groups(*std::move(out), std::move(grouped), node);
  }

  /// The first and the last value of what is computed are computed of the
  /// columns' first and last ones: those of one row.
  result<opened> close_groups(opened out, operators::aggregate grouped,
                              const plan_node& node) {
    std::vector<computed> after;
    operators::aggregate before;
    before.keys = grouped.keys;
    for (size_t i = 0; i < grouped.keys.size(); ++i)
      after.push_back({node.columns[i].name, typed_column(node.columns[i])});
    bool expands = false;
    for (size_t i = 0; i < grouped.columns.size(); ++i) {
      const auto& each = grouped.columns[i];
      if (!is_edge(each) || is_column(each.arguments[0])) {
        before.columns.push_back(each);
        after.push_back(
          {each.name, typed_column(node.columns[grouped.keys.size() + i])});
        continue;
      }
      expands = true;
      const auto prefix = ".edge" + std::to_string(i) + ".";
      auto value = each.arguments[0];
      add_edges(value, each.function, prefix, before);
      after.push_back({each.name, std::move(value)});
    }
    out.what.grouped = std::move(before);
    if (!expands)
      return out;
    auto again = reopen(std::move(out));
    if (!again)
      return again;
    for (auto& each : after)
      each.value = again->what.inner(std::move(each.value));
    again->what.visible = std::move(after);
    return again;
  }

  static void add_edges(expression& value, aggregate_function function,
                        const std::string& prefix,
                        operators::aggregate& before) {
    if (is_column(value)) {
      auto inner = value;
      value.name = prefix + inner.name;
      const bool held = std::any_of(
        before.columns.begin(), before.columns.end(),
        [&](const auto& each) { return each.name == value.name; });
      if (!held)
        before.columns.push_back({value.name, function, {std::move(inner)}});
    }
    for (auto& each : value.arguments)
      add_edges(each, function, prefix, before);
  }

  result<opened> on(const operators::sort& what, const plan_node& node,
                    demand asked) {
    for (const auto& each : what.keys)
      asked.columns.insert(each.column);
    // Equal rows stay in order.
    asked.in_order = true;
    auto out = open(node.inputs[0], asked);
    if (out && (!out->what.order.empty() || out->what.count))
      out = reopen(*std::move(out));
    if (out)
      out->what.order = what.keys;
    return out;
  }

  /// Rows of a table alone are taken as they lie, so that no more of them are
  /// read than are asked for.
  result<opened> on(const limit& what, const plan_node& node, demand asked) {
    asked.in_order |= !is_of_table(node.inputs[0]);
    auto out = open(node.inputs[0], asked);
    if (out && out->what.count)
      out = reopen(*std::move(out));
    if (out) {
      out->what.count = what.count;
      out->what.skip = what.skip;
    }
    return out;
  }

  /// Whether rows are those of a table, or some of them.
  static bool is_of_table(const plan_node& node) {
    const auto* at = &node;
    while (std::holds_alternative<filter>(at->what)
           || std::holds_alternative<project>(at->what)
           || std::holds_alternative<limit>(at->what))
      at = &at->inputs[0];
    return std::holds_alternative<scan>(at->what);
  }

  result<opened> on(const window& what, const plan_node& node, demand asked) {
    auto& wanted = asked.columns;
    wanted.insert(what.by.begin(), what.by.end());
    for (const auto& each : what.columns)
      add(each.argument, wanted);
    for (const auto& each : what.totals)
      for (const auto& argument : each.arguments)
        add(argument, wanted);
    return on_rows_in_order(what, node, std::move(asked));
  }

  result<opened> on(const over& what, const plan_node& node, demand asked) {
    auto& wanted = asked.columns;
    wanted.insert(what.by.begin(), what.by.end());
    for (const auto& each : what.order)
      wanted.insert(each.column);
    for (const auto& each : what.columns)
      for (const auto& argument : each.arguments)
        add(argument, wanted);
    return on_rows_in_order(what, node, std::move(asked));
  }

  template <class Operator>
  result<opened> on_rows_in_order(const Operator& what, const plan_node& node,
                                  demand asked) {
    asked.in_order = true;
    auto out = open(node.inputs[0], asked);
    if (!out)
      return out;
    auto closed = close(*std::move(out));
    if (!closed)
      return closed.failure();
    return joined(what, node, *std::move(closed));
  }

  /// An operator over closed inputs; its columns are what they have now.
  template <class Operator, class... Inputs>
  result<opened> joined(const Operator& what, const plan_node& node,
                        Inputs... inputs) {
    physical_node out;
    out.what = what;
    (out.inputs.push_back(std::move(inputs)), ...);
    // Inputs have no columns but those that are needed.
    for (const auto& input : out.inputs)
      for (const auto& each : input.columns)
        if (std::none_of(
              out.columns.begin(), out.columns.end(),
              [&](const auto& held) { return held.name == each.name; })
            && std::any_of(
              node.columns.begin(), node.columns.end(),
              [&](const auto& asked) { return asked.name == each.name; }))
          out.columns.push_back(each);
    if constexpr (
      std::is_same_v<
        Operator,
        window> || std::is_same_v<Operator, over> || std::is_same_v<Operator, window_join>) {
      if constexpr (std::is_same_v<Operator, window_join>)
        out.columns = out.inputs[0].columns;
      auto put = [&](const std::string& name) {
        for (const auto& each : node.columns) {
          if (each.name != name)
            continue;
          for (auto& held : out.columns)
            if (held.name == name) {
              held.type = each.type;
              return;
            }
          out.columns.push_back(each);
        }
      };
      if constexpr (std::is_same_v<Operator, window>) {
        for (const auto& each : what.columns)
          put(each.name);
        for (const auto& each : what.totals)
          put(each.name);
      } else {
        for (const auto& each : what.columns)
          put(each.name);
      }
    }
    return open_over(std::move(out));
  }

  /// Whether the rows of a table that have the same values of all columns that
  /// are joined on lie as they came in each store, as those of one symbol and
  /// time do.
  static bool lies_in_order(const fused_operators& right,
                            const std::vector<std::string>& on) {
    if (!right.table || !right.has_plain_rows())
      return false;
    const auto& schema = right.table->schema;
    auto is = [&](const std::string& name, const std::string& column) {
      const auto* seen = right.find(name);
      return seen && is_column(*seen) && seen->name == column;
    };
    return is(on.back(), schema.time_column)
           && std::any_of(on.begin(), on.end() - 1, [&](const auto& name) {
                return is(name, schema.symbol_column);
              });
  }

  template <class Join>
  result<opened> on_join(const Join& what, const plan_node& node,
                         const demand& of_left, const demand& of_right,
                         time_use last, bool keeps_right = false) {
    auto left = open(node.inputs[0], of_left);
    if (!left)
      return left;
    auto right = open(node.inputs[1], of_right);
    if (!right)
      return right;
    if (!keeps_right && left->what.has_plain_rows()
        && right->what.has_plain_rows())
      push_down(what.on, last, left->what, right->what);
    if (last != time_use::equal && lies_in_order(right->what, what.on))
      right->in_order = false;
    auto closed_left = close(*std::move(left));
    if (!closed_left)
      return closed_left.failure();
    auto closed_right = close(*std::move(right));
    if (!closed_right)
      return closed_right.failure();
    return joined(what, node, *std::move(closed_left),
                  *std::move(closed_right));
  }

  static names kept(const names& wanted, const plan_node& input,
                    const std::vector<std::string>& on) {
    names out{on.begin(), on.end()};
    for (const auto& each : input.columns)
      if (wanted.contains(each.name))
        out.insert(each.name);
    return out;
  }

  /// The rows of a join are in the order of its left ones.
  static demand of_left(const demand& asked, const plan_node& node,
                        const std::vector<std::string>& on) {
    return {kept(asked.columns, node.inputs[0], on), asked.in_order};
  }

  result<opened> on(const asof_join& what, const plan_node& node,
                    const demand& asked) {
    return on_join(what, node, of_left(asked, node, what.on),
                   {kept(asked.columns, node.inputs[1], what.on), true},
                   what.where == asof_join::direction::backward
                     ? time_use::at_most
                     : time_use::open);
  }

  result<opened> on(const equi_join& what, const plan_node& node,
                    demand asked) {
    for (const auto& each : what.where)
      add(each, asked.columns);
    // The first right row is taken, or all follow each other.
    const bool in_order = what.all ? asked.in_order : !what.single;
    return on_join(what, node, of_left(asked, node, what.on),
                   {kept(asked.columns, node.inputs[1], what.on), in_order},
                   time_use::equal, what.full);
  }

  result<opened> on(const window_join& what, const plan_node& node,
                    const demand& asked) {
    demand right{
      {what.on.begin(), what.on.end()},
      std::any_of(what.columns.begin(), what.columns.end(), is_edge)};
    // Of the rows before a window the last one counts.
    right.in_order |= what.prevailing;
    for (const auto& each : what.columns)
      for (const auto& argument : each.arguments)
        add(argument, right.columns);
    return on_join(what, node, of_left(asked, node, what.on), right,
                   time_use::open);
  }

  result<opened> on(const union_all& what, const plan_node& node,
                    const demand& asked) {
    physical_node out;
    out.what = what;
    for (const auto& input : node.inputs) {
      auto each = open(input, asked);
      if (!each)
        return each;
      auto closed = close(*std::move(each));
      if (!closed)
        return closed.failure();
      out.inputs.push_back(*std::move(closed));
    }
    for (const auto& input : out.inputs)
      for (const auto& each : input.columns)
        if (std::none_of(
              out.columns.begin(), out.columns.end(),
              [&](const auto& held) { return held.name == each.name; }))
          out.columns.push_back(each);
    return open_over(std::move(out));
  }

  split_plan out_;
};

} // namespace

split_plan as_fragment(logical_plan plan) {
  split_plan out;
  out.rest.what = fetched_rows{0};
  out.rest.columns = result_columns(plan);
  out.fragments.push_back(std::move(plan));
  return out;
}

result<split_plan> split(const plan_node& plan) {
  auto out = splitter{}.run(with_filters_placed(plan));
  if (out)
    join_in_stores(*out);
  return out;
}

} // namespace millrace::query
