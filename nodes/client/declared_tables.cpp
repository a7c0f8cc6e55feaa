#include <millrace/actors/torq/registry/declarations.hpp>
#include <millrace/actors/torq/registry/rdb_declarations.hpp>
#include <millrace/nodes/client/declared_tables.hpp>
#include <millrace/nodes/client/registered_processes.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// Publishing goes on without an answer.
constexpr auto patience = 300ms;

/// An rdb that is to hold the table, and was started without it: `config`. Only
/// for those that live, and that say what they hold.
error lacks(const cluster_config& config, const process_row& row,
            const std::string& table) {
  const auto* mine = config.process(row.name);
  const auto& declares = row.attributes.at("declares");
  if (!row.available || mine == nullptr || row.type != process_type::rdb
      || mine->type != process_type::rdb || !declares.is_object()
      || declares.find(table) != nullptr
      || std::find(mine->tables.begin(), mine->tables.end(), table)
           == mine->tables.end())
    return {};
  return {errc::config,
          config.path + ": table '" + table + "': " + row.name + " on node "
            + row.node
            + " was started without it, and would take none of these rows: "
              "'millrace table add' brings it to the nodes that run, or "
              "restart that node with this configuration"};
}

} // namespace

error check_declared(runtime& host, const cluster_config& config,
                     const std::string& table, rows_go where) {
  const auto* mine = config.table(table);
  if (mine == nullptr)
    return {}; // Told where it is needed.
  const auto rows = registered_processes(host, config, {}, patience);
  if (!rows)
    return {};
  for (const auto& row : *rows) {
    const auto& theirs = row.attributes.at("declares").at(table);
    if (const auto fault = lacks(config, row, table))
      return fault;
    if (!row.available || !theirs.is_object()
        || (where == rows_go::by_stream && row.type != process_type::rdb))
      continue;
    const auto otherwise = [&](const std::string& what) {
      return error{errc::config, config.path + ": table '" + table
                                   + "': " + row.name + " on node " + row.node
                                   + " was started with another declaration "
                                     "of it, and "
                                   + what};
    };
    constexpr auto remedy = "; restart the nodes with this configuration "
                            "('millrace restart'), or load with the one that "
                            "they have";
    if (const auto why = torq::misfit(mine->schema, theirs))
      return otherwise(where == rows_go::by_stream
                         ? "would take none of these rows: " + why.context
                             + "; start that node with this configuration, or "
                               "publish with the one that it has"
                         : "questions about it would fail there: " + why.context
                             + remedy);
    if (where == rows_go::by_stream)
      continue; // Who takes them decides where they lie.
    if (const auto why = torq::differing_place(mine->schema, theirs);
        !why.empty())
      return otherwise("these rows would lie where none are looked for: " + why
                       + remedy);
  }
  return {};
}

} // namespace millrace::nodes
