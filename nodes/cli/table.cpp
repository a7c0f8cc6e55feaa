#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/assembly/table_intake.hpp>
#include <millrace/nodes/assembly/table_schemas.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/configuration_file.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/table.hpp>
#include <millrace/nodes/client/small_runtime.hpp>
#include <millrace/nodes/client/tell_table.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

namespace millrace::nodes {

namespace {

using text::json_value;

constexpr size_t declaration_bytes_max = 1u << 20;

void declare(option_list& list, table_add_options& into) {
  list
    .text("FILE", into.file,
          "TOML with one [[table]], as 'millrace layout FILE --print-table' "
          "prints it; '-': standard input")
    .required();
  list
    .texts("--rdb", into.rdbs,
           "An rdb process that is to hold it; those that name no tables hold "
           "all")
    .shown_as("PROCESS");
  list.flag("--dry-run", into.dry_run,
            "Only check it, and say who would be told");
  list.number("--timeout", into.timeout_s, 1, 86'400,
              "Seconds until a process must have taken it; default: 60");
  declare_config(list, into.config);
  declare_output(list, into.output);
}

/// What was done, and what is left to do.
struct outcome {
  std::string table;
  std::string config;
  bool was_there = false;
  bool dry_run = false;
  std::string warning; ///< Empty: none.
  std::vector<told_process> told;
  std::vector<std::string> down; ///< Nodes.
  struct undone {
    std::string process; ///< Empty: all of the node.
    std::string node;
    std::string reason;
  };
  std::vector<undone> left;
};

result<std::string> read_standard_input() {
  std::string out;
  char part[4096];
  while (const auto size = std::fread(part, 1, sizeof part, stdin)) {
    out.append(part, size);
    if (out.size() > declaration_bytes_max)
      return error{errc::oversize, "standard input: is too long for a table"};
  }
  if (std::ferror(stdin) != 0)
    return error{errc::storage_failed, "standard input: cannot be read"};
  return out;
}

result<table_declaration> declaration_of(const table_add_options& options) {
  table_declaration out;
  out.rdbs = options.rdbs;
  if (options.file == "-") {
    auto text = read_standard_input();
    if (!text)
      return text.failure();
    out.text = persistence::without_mark(*text);
    out.file = "standard input";
    return out;
  }
  auto text = persistence::read_text_file(persistence::posix_file_system(),
                                          options.file, declaration_bytes_max);
  if (!text)
    return text.failure();
  out.text = *std::move(text);
  out.file = options.file;
  return out;
}

/// Nothing is written that the cluster could not start with.
error check_rows(const cluster_config& config) {
  std::vector<std::string> rdbs;
  for (const auto& process : config.processes)
    if (process.type == process_type::rdb)
      rdbs.push_back(process.name);
  return check_tables(persistence::posix_file_system(), config, rdbs);
}

/// Writes it into the file, if it is not there.
result<declared_table> write(const table_add_options& options,
                             const table_declaration& what) {
  auto file = configuration_file::open(options.config, "tables");
  if (!file)
    return file.failure();
  const auto before = parse_configuration(file->text(), file->path(),
                                          tables_in_file::yet_to_come);
  if (!before)
    return before.failure();
  auto made = declare_table(*before, what);
  if (!made) {
    auto fault = made.failure();
    fault.context += "\n" + file->path() + " is as it was";
    return fault;
  }
  if (made->was_there)
    return made;
  if (auto fault = check_rows(made->config))
    return fault;
  if (!options.dry_run)
    if (auto fault = file->replace(made->config.source.text))
      return fault;
  return made;
}

/// A node that was started with another file reads that one next time.
error other_file(const std::string& path, const declared_table& what) {
  std::error_code why;
  if (path.empty() || std::filesystem::equivalent(path, what.config.path, why))
    return {};
  const auto there = load_configuration(persistence::posix_file_system(), path);
  if (!there)
    return there.failure();
  const auto* table = there->table(what.name);
  if (table == nullptr)
    return {errc::config, "it was started with " + path
                            + ", which does not declare the table: add it "
                              "there as well"};
  if (*table != *what.config.table(what.name))
    return {errc::config, "it was started with " + path
                            + ", which declares the table otherwise"};
  return {};
}

/// Nodes that do not answer: some do not run.
void sort_silent(const std::map<std::string, error>& silent,
                 const std::string& config, outcome& into) {
  for (const auto& [name, why] : silent) {
    bool runs = true;
    const auto code = with_nodes(
      config, {name}, [&](supervisor& nodes, const std::vector<std::string>&) {
        const auto state = nodes.state_of(name);
        if (!state)
          return fail(state.failure());
        runs = state->state == node_state::kind::running;
        return static_cast<int>(exit_ok);
      });
    if (code == exit_ok && !runs)
      into.down.push_back(name);
    else
      into.left.push_back({"", name, to_string(why)});
  }
}

void tell(const table_add_options& options, const declared_table& made,
          const table_declaration& what, runtime& host, outcome& into) {
  auto told = tell_table(host, made.config, what,
                         std::chrono::seconds{options.timeout_s});
  for (const auto& each : told.processes)
    if (each.fault)
      into.left.push_back({each.process, each.node, to_string(each.fault)});
  std::erase_if(told.processes, [](const auto& each) { return each.fault; });
  into.told = std::move(told.processes);
  for (const auto& [node, path] : told.configurations)
    if (const auto fault = other_file(path, made))
      into.left.push_back({"", node, fault.context});
  sort_silent(told.silent, made.config.path, into);
}

std::string_view words_of(std::optional<table_outcome> made_of_it) {
  if (made_of_it == table_outcome::taken)
    return "has it from now on";
  if (made_of_it == table_outcome::known)
    return "has it already";
  if (made_of_it == table_outcome::reads_again)
    return "has it, and reads again what came of it before";
  return "does not run; has it when it starts";
}

void print(const outcome& what) {
  fmt::print("table {} {} {}\n", what.table,
             what.was_there ? "is there already, in"
             : what.dry_run ? "would be declared in"
                            : "is declared in",
             what.config);
  for (const auto& each : what.told)
    fmt::print("{} on node {}: {}\n", each.process, each.node,
               what.dry_run ? "would be told" : words_of(each.outcome));
  for (const auto& node : what.down)
    fmt::print("node {}: does not run; has it when it starts\n", node);
  for (const auto& each : what.left)
    fmt::print("{}node {}: does not have it: {}\n",
               each.process.empty() ? "" : each.process + " on ", each.node,
               each.reason);
  if (!what.left.empty())
    fmt::print("run this again; 'millrace restart NODE' lets a node read all "
               "of its configuration\n");
  if (!what.warning.empty())
    fmt::print("{}\n", what.warning);
}

json_value json_of(const outcome& what) {
  json_value out{{"table", what.table},
                 {"config", what.config},
                 {"state", what.was_there ? "known"
                           : what.dry_run ? "checked"
                                          : "declared"},
                 {"processes", json_value::array()},
                 {"down", what.down},
                 {"left", json_value::array()}};
  for (const auto& each : what.told)
    out["processes"].add(
      {{"process", each.process},
       {"node", each.node},
       {"state", each.outcome ? to_string(*each.outcome) : "untold"}});
  for (const auto& each : what.left)
    out["left"].add({{"process", each.process},
                     {"node", each.node},
                     {"reason", each.reason}});
  if (!what.warning.empty())
    out.add("warning", what.warning);
  return out;
}

/// Who would be told, as the configuration has it.
void plan(const declared_table& made, outcome& into) {
  for (const auto& process : made.config.processes)
    if (!process.node.empty()
        && news_for(made.config, *made.config.table(made.name), process))
      into.told.push_back({process.name, process.node, {}, {}});
}

int add(const table_add_options& options) {
  const auto what = declaration_of(options);
  if (!what)
    return fail(what.failure());
  const auto made = write(options, *what);
  if (!made)
    return fail(made.failure());
  outcome done;
  done.table = made->name;
  done.config = made->config.path;
  done.was_there = made->was_there;
  done.dry_run = options.dry_run;
  done.warning = news_of(made->config, *made->config.table(made->name)).warning;
  if (options.dry_run) {
    plan(*made, done);
  } else {
    auto host = small_runtime(made->config);
    if (!host)
      return fail(host.failure());
    tell(options, *made, *what, **host, done);
  }
  if (options.output == output_format::json)
    fmt::print("{}\n", json_of(done).dump(2));
  else
    print(done);
  return done.left.empty() ? exit_ok : exit_retry;
}

const command<table_add_options> table_add_command{
  {"add",
   "Add a table to the configuration, and to all processes of the cluster "
   "that run; exit code 75 when some could not be told",
   "millrace layout examples/trades.csv --table tick --print-table | millrace "
   "table add - --config examples/local.toml"},
  declare,
  add};

void declare_table_commands(command_list& list) { list.add(table_add_command); }

} // namespace

const command_group table_commands{
  {"table", "Add tables to a cluster while it runs",
   "millrace layout examples/trades.csv --table tick --print-table | millrace "
   "table add - --dry-run --config examples/local.toml"},
  declare_table_commands};

} // namespace millrace::nodes
