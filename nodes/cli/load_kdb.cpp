#include <millrace/feed/kdb/kdb_source.hpp>
#include <millrace/feed/source/layout_guess.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/messages/text/nearest_name.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/load_rows.hpp>
#include <millrace/nodes/host/data_owner.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

namespace millrace::nodes {

namespace {

using persistence::kdb_database;
using text::json_value;

/// A table of the database, and the one that it goes to.
struct chosen_table {
  const persistence::kdb_table* from = nullptr;
  std::string to;
};

result<std::vector<chosen_table>> choose(const load_options& options,
                                         const kdb_database& database) {
  std::vector<std::string> known;
  for (const auto& each : database.tables)
    known.push_back(each.name);
  auto names = options.files;
  // A database often has the table of the same name among others.
  if (names.empty() && !options.table.empty()
      && database.table(options.table) != nullptr)
    names = {options.table};
  if (names.empty())
    names = known;
  if (!options.table.empty() && names.size() != 1)
    return error{errc::invalid_argument,
                 "--table takes one table of the database, and "
                   + std::to_string(names.size()) + " are named"};
  std::vector<chosen_table> out;
  for (const auto& name : names) {
    const auto* table = database.table(name);
    if (table == nullptr)
      return error{errc::not_found, options.kdb + ": no table '" + name + "'"
                                      + text::meant(name, known)};
    if (std::any_of(out.begin(), out.end(),
                    [&](const auto& each) { return each.from == table; }))
      return error{errc::invalid_argument,
                   "table '" + name + "' is named twice"};
    out.push_back({table, options.table.empty() ? name : options.table});
  }
  return out;
}

std::set<std::string> names_in(const std::string& list) {
  std::set<std::string> out;
  for (size_t at = 0; at < list.size();) {
    const auto end = std::min(list.find(',', at), list.size());
    if (end != at)
      out.insert(list.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

int print_tables(const load_options& options,
                 const std::vector<chosen_table>& chosen) {
  auto texts = json_value::array();
  for (const auto& [from, to] : chosen) {
    auto& fs = persistence::posix_file_system();
    const auto proposal = feed::propose_table(fs, *from);
    if (!proposal)
      return fail(proposal.failure());
    const auto text = feed::table_text(to, proposal->columns, proposal->time,
                                       proposal->symbol, "UTC");
    if (options.output == output_format::json)
      texts.add(
        json_value{{"name", to}, {"table", text}, {"notes", proposal->notes}});
    else
      fmt::print("{}", text);
    for (const auto& note : proposal->notes)
      fmt::print(stderr, "{}: {}\n", to, note);
  }
  if (options.output == output_format::json)
    fmt::print("{}\n", json_value{{"tables", std::move(texts)}}.dump(2));
  return exit_ok;
}

void tell_absent(const feed::kdb_source& source) {
  for (const auto& part : source.parts())
    for (const auto& column : part.absent)
      fmt::print(stderr, "{} has no column '{}': null\n", part.part, column);
}

json_value json_of(const feed::kdb_source::part_report& part) {
  return json_value{{"part", part.part},
                    {"rows", part.rows},
                    {"already_loaded", part.rows_known}};
}

/// What a load would meet on the dates of the parts: by part, rows there.
result<std::map<std::string, uint64_t>>
rows_met(const persistence::kdb_table& table, const feed::kdb_source& source,
         const history_load& load) {
  std::map<std::string, uint64_t> out;
  for (size_t i = 0; i < table.parts.size(); ++i) {
    const auto& date = table.parts[i].date;
    const auto& told = source.parts().at(i);
    if (!date || told.rows_known != 0)
      continue;
    const auto rows = load.rows_of(persistence::date_partition_name(*date));
    if (!rows)
      return rows.failure();
    if (*rows != 0)
      out.emplace(told.part, *rows);
  }
  return out;
}

void print_check(const load_options& options, const feed::kdb_source& source,
                 const history_load& load, const std::string& table,
                 const std::map<std::string, uint64_t>& met) {
  const auto met_by = [&](const std::string& part) {
    const auto found = met.find(part);
    return found == met.end() ? uint64_t{0} : found->second;
  };
  if (options.output == output_format::json) {
    auto parts = json_value::array();
    for (const auto& part : source.parts()) {
      auto row = json_of(part);
      row.add("rows_there", met_by(part.part));
      parts.add(std::move(row));
    }
    fmt::print("{}\n", json_value{{"table", table},
                                  {"dry_run", true},
                                  {"rows", load.rows()},
                                  {"parts", std::move(parts)}}
                         .dump());
    return;
  }
  for (const auto& part : source.parts())
    fmt::print("{:<28} {:>14} rows{}{}\n", part.part, part.rows,
               part.rows_known == 0
                 ? ""
                 : fmt::format(", {} of them loaded already", part.rows_known),
               met_by(part.part) == 0
                 ? ""
                 : fmt::format("; its date has {} rows: --beside or --replace",
                               met_by(part.part)));
  fmt::print("would be: {} rows loaded into table {}\n", load.rows(), table);
}

/// Told once: they are no tables, or lie where q does not look.
void tell_passed_over(const kdb_database& database) {
  for (const auto& each : database.passed_over)
    fmt::print(stderr, "passed over: {}\n", each);
}

/// Reads all of a table and loads nothing of it.
int check_table(const load_options& options, const cluster_config& config,
                real_env& env, const persistence::kdb_table& from,
                history_load::options given,
                const std::shared_ptr<feed::kdb_source>& source,
                const interrupts& signals) {
  const auto table = given.what.table;
  given.dry = true;
  auto load
    = history_load::open(env.world(), config, std::move(given),
                         std::make_shared<feed::batch_source_counters>());
  if (!load)
    return fail(load.failure());
  tell_absent(*source);
  for (bool more = true; more;) {
    const auto step = (*load)->step();
    if (!step) {
      const auto code = fail(step.failure());
      return signals.raised() ? signals.exit_code() : code;
    }
    more = *step;
  }
  using rows_by_part = std::map<std::string, uint64_t>;
  const auto met = options.beside || options.replace
                     ? result<rows_by_part>{rows_by_part{}}
                     : rows_met(from, *source, **load);
  if (!met)
    return fail(met.failure());
  print_check(options, *source, **load, table, *met);
  return exit_ok;
}

int load_table(const load_options& options, const cluster_config& config,
               real_env& env, const kdb_database& database,
               const chosen_table& chosen, const interrupts& signals) {
  auto read = std::make_shared<feed::batch_source_counters>();
  history_load::options given;
  given.what.name = "load-" + chosen.to;
  given.what.type = process_type::feed;
  given.what.table = chosen.to;
  given.replaces = options.replace;
  given.beside = options.beside;
  for (const auto& part : chosen.from->parts)
    given.names.insert(
      feed::kdb_source::name_of(database, chosen.from->name, part));
  std::shared_ptr<feed::kdb_source> source;
  given.source = [&](const table_schema& schema) {
    source = std::make_shared<feed::kdb_source>(
      *env.world().fs,
      feed::kdb_source::options{database, chosen.from->name, schema,
                                names_in(options.leave_out),
                                [&signals] { return signals.raised(); }},
      read);
    return result<std::shared_ptr<feed::batch_source>>{source};
  };
  if (options.dry)
    return check_table(options, config, env, *chosen.from, std::move(given),
                       source, signals);
  const auto code
    = load_rows(options, config, env, std::move(given), read, signals);
  if (source)
    tell_absent(*source);
  return code;
}

/// Each of them before anything is loaded.
error check_tables(const load_options& options, const cluster_config& config,
                   const kdb_database& database,
                   const std::vector<chosen_table>& chosen) {
  std::string lines;
  for (const auto& [from, to] : chosen)
    if (config.table(to) == nullptr)
      text::add_to_list(lines,
                        config.path + ": no table '" + to
                          + "'; 'millrace load --kdb " + options.kdb
                          + " --print-table " + from->name + "' prints one",
                        "\n");
  if (!lines.empty())
    return {errc::config, lines};
  for (const auto& [from, to] : chosen)
    if (auto fault = check_home(config, to))
      return fault;
  error misfits;
  for (const auto& [from, to] : chosen) {
    feed::kdb_source source{persistence::posix_file_system(),
                            {database, from->name, config.table(to)->schema,
                             names_in(options.leave_out), [] { return false; }},
                            std::make_shared<feed::batch_source_counters>()};
    auto fault = source.open({});
    if (misfits && fault)
      misfits.context += "\n" + fault.context;
    else if (fault)
      misfits = std::move(fault);
  }
  return misfits;
}

} // namespace

int load_kdb(const load_options& options) {
  // Of a table alone the names of the directories that hold it count, which a
  // path from within them does not say.
  const auto path
    = std::filesystem::absolute(options.kdb).lexically_normal().string();
  const auto database = persistence::read_kdb_database(
    persistence::posix_file_system(), path.size() > 1 && path.ends_with('/')
                                        ? path.substr(0, path.size() - 1)
                                        : path);
  if (!database)
    return fail(database.failure());
  const auto chosen = choose(options, *database);
  if (!chosen)
    return fail(chosen.failure());
  if (!options.leave_out.empty() && chosen->size() != 1)
    return fail({errc::invalid_argument,
                 "--leave-out is of one table of the database, and "
                   + std::to_string(chosen->size()) + " are named"});
  tell_passed_over(*database);
  if (options.print_table)
    return print_tables(options, *chosen);
  const auto config = load_cluster(options.config);
  if (!config)
    return fail(config.failure());
  if (const auto fault = check_tables(options, *config, *database, *chosen))
    return fail(fault);
  if (const auto fault = check_data_owner(*config))
    return fail(fault);
  auto env = real_env::create({.io_threads = 1, .pool_threads = 2});
  if (!env)
    return fail(env.failure());
  if (!options.dry)
    if (auto fault
        = (*env)->world().fs->create_directories(config->data_directory))
      return fail(fault);
  const interrupts signals;
  for (const auto& each : *chosen)
    if (const auto code
        = load_table(options, *config, **env, *database, each, signals);
        code != exit_ok)
      return code;
  return exit_ok;
}

} // namespace millrace::nodes
