#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/table_schemas.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/text_table.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/tables.hpp>
#include <millrace/nodes/client/collect_status.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace millrace::nodes {

namespace {

using text::json_value;

void declare(option_list& list, tables_options& into) {
  declare_config(list, into.config);
  list.text("TABLE", into.table, "Describes this one");
  declare_output(list, into.output);
}

/// Which processes have rows of it, and how many.
json_value holders_of(const std::string& table, const json_value& live) {
  auto out = json_value::object();
  for (const auto& [process, facts] : live.at("processes").entries())
    if (const auto* rows = facts.at("rows").find(table))
      out.add(process, *rows);
  return out;
}

/// The rdbs that hold rows of ended periods, which an hdb may have as well.
json_value holders_twice(const std::string& table, const json_value& live) {
  auto out = json_value::array();
  for (const auto& [process, facts] : live.at("processes").entries())
    if (facts.at("rows").at(table).natural().value_or(0) != 0
        && facts.at("periods_held").natural().value_or(0) != 0)
      out.add(process);
  return out;
}

json_value describe(const table_config& table, const json_value& live) {
  const auto& schema = table.schema;
  json_value out{{"name", schema.name},
                 {"stream", table.stream},
                 {"version", schema.version},
                 {"time_column", schema.time_column},
                 {"symbol_column", schema.symbol_column},
                 {"columns", json_value::array()},
                 {"rows", holders_of(schema.name, live)},
                 {"holds_ended_periods", holders_twice(schema.name, live)}};
  for (const auto& column : schema.columns)
    out["columns"].add(
      {{"name", column.name}, {"type", to_string(column.type)}});
  return out;
}

std::string holders_text(const json_value& table) {
  std::string out;
  for (const auto& [process, rows] : table.at("rows").entries())
    text::add_to_list(out, process + "=" + rows.dump(), " ");
  return out.empty() ? "-" : out;
}

void print_one(const json_value& table) {
  fmt::print("table {} of stream {}, version {}\nrows: {}\n",
             *table.at("name").text(), *table.at("stream").text(),
             table.at("version").dump(), holders_text(table));
  for (const auto& rdb : table.at("holds_ended_periods").elements())
    fmt::print("  of these {} holds periods that ended, and an hdb may have "
               "the same rows: they go some time after it serves them\n",
               *rdb.text());
  fmt::print("\n");
  std::vector<std::vector<std::string>> rows{{"COLUMN", "TYPE", "USE"}};
  for (const auto& column : table.at("columns").elements()) {
    const auto& name = *column.at("name").text();
    rows.push_back({name, *column.at("type").text(),
                    name == *table.at("time_column").text()     ? "time"
                    : name == *table.at("symbol_column").text() ? "symbol"
                                                                : ""});
  }
  print_table(rows);
}

/// Whether a process is to have rows of the tables.
bool holds(const cluster_config& config, const process_config& process,
           const std::string& table) {
  return std::any_of(
    config.tables.begin(), config.tables.end(), [&](const table_config& each) {
      const auto& name = each.schema.name;
      return (table.empty() || name == table)
             && (process.type == process_type::rdb
                   ? std::find(process.tables.begin(), process.tables.end(),
                               name)
                       != process.tables.end()
                   : process.type == process_type::hdb
                       && config.home_of(name) == process.hdb_directory);
    });
}

/// Those of them that are not there, on nodes that answer.
std::string away(const cluster_config& config, const json_value& live,
                 const std::string& table) {
  std::string out;
  for (const auto& process : config.processes)
    if (live.at("answered").find(process.node)
        && !live.at("processes").find(process.name)
        && holds(config, process, table))
      text::add_to_list(out, process.name);
  return out;
}

/// Why those that are there do not have all of their rows; each by name.
std::string incomplete(const cluster_config& config, const json_value& live,
                       const std::string& table) {
  std::string out;
  for (const auto& process : config.processes) {
    const auto& facts = live.at("processes").at(process.name);
    const auto& why = facts.at("standing").text_or_empty();
    if (!holds(config, process, table))
      continue;
    if (!why.empty())
      text::add_to_list(out, process.name + ": " + why, "; ");
    for (const auto& [of, unserved] : facts.at("unserved").entries())
      if (table.empty() || of == table)
        text::add_to_list(out, process.name + ": " + unserved.text_or_empty(),
                          "; ");
    if (facts.at("begin").natural().value_or(0) != 0)
      if (const auto unserved = not_served(config, process); !unserved.empty())
        text::add_to_list(out, process.name + ": " + unserved, "; ");
  }
  return out;
}

/// What was lost is in nobody's count.
void warn_of_losses(const cluster_config& config, const json_value& live,
                    const std::string& table) {
  for (const auto& process : config.processes) {
    const auto& facts = live.at("processes").at(process.name);
    const auto losses = facts.at("losses").natural().value_or(0);
    if (losses == 0 || !holds(config, process, table))
      continue;
    const auto& last = facts.at("last_loss").text_or_empty();
    fmt::print(stderr,
               "millrace: warning: rows may be missing: {} counts {} {}{}; "
               "'millrace logs' of its node tells of each, 'millrace stream "
               "losses' lists those of the stream, 'millrace hdb ledger' those "
               "that are written down\n",
               process.name, losses, losses == 1 ? "loss" : "losses",
               last.empty() ? "" : ", the last: " + last);
  }
}

/// Rows are known of nodes that answer only, and of processes that run there.
int told_by_all(const cluster_config& config, const json_value& live,
                const std::string& table) {
  if (const auto gone = away(config, live, table); !gone.empty())
    return fail({errc::unavailable,
                 "rows are not counted of processes that do not run: " + gone
                   + " ('millrace status' tells why, 'millrace spawn' starts "
                     "one)"});
  if (const auto lacking = incomplete(config, live, table); !lacking.empty())
    return fail(
      {errc::unavailable, "rows are missing in what is counted of " + lacking});
  std::string silent;
  for (const auto& node : config.nodes)
    if (!live.at("answered").find(node.name))
      text::add_to_list(silent, node.name);
  if (silent.empty())
    return exit_ok;
  if (const auto why = why_not_told(live))
    return fail(
      {why.code, "rows are not counted of " + silent + ": " + why.context});
  return fail({errc::unavailable,
               "rows are not counted of nodes that do not answer: " + silent
                 + " ('millrace status' tells more)"});
}

void print_all(const json_value& tables) {
  std::vector<std::vector<std::string>> rows{
    {"TABLE", "STREAM", "COLUMNS", "ROWS"}};
  for (const auto& table : tables.elements())
    rows.push_back({*table.at("name").text(), *table.at("stream").text(),
                    std::to_string(table.at("columns").elements().size()),
                    holders_text(table)});
  print_table(rows);
}

int run(const tables_options& options) {
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  if (!options.table.empty())
    if (auto known = configured_table(*config, options.table); !known)
      return fail(known.failure());
  json_value live;
  int not_asked = exit_ok;
  if (auto answer = collect_status(*config))
    live = *std::move(answer);
  else // What the file says is worth printing all the same.
    not_asked = fail(answer.failure());
  auto out = json_value::array();
  for (const auto& table : config->tables)
    if (options.table.empty() || table.schema.name == options.table)
      out.add(describe(table, live));
  if (options.output == output_format::json)
    fmt::print("{}\n",
               options.table.empty() ? out.dump(2) : out.elements()[0].dump(2));
  else if (options.table.empty())
    print_all(out);
  else
    print_one(out.elements()[0]);
  warn_of_losses(*config, live, options.table);
  return not_asked != exit_ok ? not_asked
                              : told_by_all(*config, live, options.table);
}

} // namespace

const command<tables_options> tables_command{
  {"tables", "List the tables of a cluster, or describe one",
   "millrace tables trade --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
