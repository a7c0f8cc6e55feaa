#pragma once

#include <millrace/query/execution/execution.hpp>
#include <millrace/query/execution/join_execution.hpp>
#include <millrace/query/execution/plan_run.hpp>
#include <millrace/query/plan/plan_tree.hpp>
#include <millrace/query/plan/split.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "oracle.hpp"

namespace millrace::query::testing_support {

/// The parts of each table, in whatever stores.
using parts_of_tables
  = std::map<std::string, std::vector<persistence::table_view>>;

/// Trades as the oracle knows them. @param size of the column of that name
inline table_schema trade_schema(column_type size = column_type::long_) {
  table_schema schema;
  schema.name = "trade";
  schema.columns = {{"time", column_type::timestamp},
                    {"sym", column_type::symbol},
                    {"price", column_type::float_},
                    {"size", size}};
  schema.time_column = "time";
  schema.symbol_column = "sym";
  return schema;
}

/// Of all rows of a table.
inline logical_plan plan_over(const table_schema& schema) {
  logical_plan plan;
  plan.table = schema.name;
  plan.types = schema.columns;
  plan.time_column = plan.order_column = schema.time_column;
  plan.symbol_column = schema.symbol_column;
  return plan;
}

/// Folds partial results of one fragment, each through its messages.
inline error add_sent(const partial_result& partial, merger& merged) {
  for (const auto& message : encode(partial, 2000)) {
    auto read = decode_partial(message.bytes());
    if (!read)
      return read.failure();
    if (auto fault = merged.add(*std::move(read)))
      return fault;
  }
  return {};
}

/// A plan whose join is done in two stores: the first `earlier` parts of each
/// table are in the one of the earlier rows. `moved` when they do not follow
/// each other.
inline result<table_data> run_in_stores(const split_plan& plan,
                                        const parts_of_tables& tables,
                                        size_t earlier) {
  const auto& fragment = plan.fragments.at(0);
  auto sent = decode_plan(encode(fragment));
  if (!sent)
    return sent.failure();
  // Even of one that is told to be the only one a join is not finished.
  sent->alone = true;
  merger merged{fragment};
  for (const bool live : {false, true}) {
    const auto parts_of = [&](const std::string& table) {
      const auto& all = tables.at(table);
      const auto border
        = all.begin()
          + static_cast<std::ptrdiff_t>(std::min(earlier, all.size()));
      return live ? std::vector(border, all.end())
                  : std::vector(all.begin(), border);
    };
    join_execution work{*sent,
                        parts_of(sent->joined->left.table),
                        parts_of(sent->joined->right.table),
                        live,
                        {.morsel_rows = 100},
                        20};
    for (size_t i = 0; i < work.morsel_count(); ++i)
      work.run(i);
    const auto partial = work.finish();
    if (!partial)
      return partial.failure();
    if (auto fault = add_sent(*partial, merged))
      return fault;
  }
  auto table = merged.finish();
  if (!table)
    return table;
  std::vector<table_data> fetched;
  fetched.push_back(*std::move(table));
  return run_plan(plan.rest, fetched, {});
}

/// Resolves, splits, sends the fragments through their messages, and carries
/// out the rest: all that a cluster does with a plan but to travel.
inline result<table_data> run_tree(plan_node plan,
                                   const parts_of_tables& tables,
                                   const run_options& rest = {}) {
  if (auto fault = resolve(plan))
    return fault;
  auto cut = split(plan);
  if (!cut)
    return cut.failure();
  std::vector<table_data> fetched;
  for (const auto& fragment : cut->fragments) {
    auto sent = decode_plan(encode(fragment));
    if (!sent)
      return sent.failure();
    merger merged{fragment};
    // Each part is a store of its own.
    for (const auto& part : tables.at(fragment.table)) {
      auto partial = execute(*sent, {part}, {.morsel_rows = 100});
      if (!partial)
        return partial.failure();
      if (auto fault = add_sent(*partial, merged))
        return fault;
    }
    auto table = merged.finish();
    if (!table)
      return table.failure();
    fetched.push_back(*std::move(table));
  }
  return run_plan(cut->rest, fetched, rest);
}

inline plan_node node_of(plan_node::operation what,
                         std::vector<plan_node> inputs = {}) {
  return {std::move(what), std::move(inputs)};
}

inline plan_node scan_of(const table_schema& schema) {
  return node_of(operators::scan{schema});
}

} // namespace millrace::query::testing_support
