#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/cluster/configuration_file.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/cluster/own_program.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/cli/stream/stream_text.hpp>
#include <millrace/nodes/configuration/declared_stream.hpp>
#include <millrace/nodes/host/exit_codes.hpp>

#include <fmt/format.h>

#include <optional>
#include <set>

namespace millrace::nodes {

namespace {

void declare(option_list& list, stream_create_options& into) {
  auto& what = into.what;
  list.text("STREAM", what.name, "Name of the stream").required();
  list
    .text("--mode", what.mode,
          "'synced': acknowledged when on disk, or 'cached'; default: synced")
    .shown_as("MODE");
  list
    .text("--roll-size", what.roll_size,
          "A log file rolls before it would pass this; default: 1GiB")
    .shown_as("SIZE");
  list
    .text("--id-policy", what.id_policy,
          "Ids of an origin are 'strict': |id| steps by one, or 'monotonic': "
          "they rise; default: strict")
    .shown_as("POLICY");
  list
    .text("--retention-age", what.retention_age,
          "Closed files go when they are older; default: they stay")
    .shown_as("DURATION");
  list
    .text("--retention-size", what.retention_size,
          "The oldest files go while all are larger; default: they stay")
    .shown_as("SIZE");
  list
    .texts("--on", what.processes,
           "An rt process that orders it, once for each of 1, 3 or 5; those "
           "that name no streams order all")
    .shown_as("PROCESS");
  list.flag("--dry-run", into.dry_run,
            "Only say which nodes would be started again");
  list.number("--timeout", into.timeout_s, 1, 86'400,
              "Seconds until a node must serve again; default: 60");
  declare_config(list, into.config);
  declare_output(list, into.output);
}

struct taken_up {
  std::vector<std::string> restarted;
  std::vector<std::string> down; ///< They take it up when they start.
  /// They know nothing of it until they are started again: after a failure
  /// those that order it, and those with ports for other clients.
  std::vector<std::string> left;
  int code = exit_ok;
};

/// One after the other, so that a group of several goes on meanwhile.
taken_up restart_nodes(const std::string& config,
                       const std::set<std::string>& wanted,
                       const stream_create_options& options) {
  taken_up out;
  error elsewhere;
  const auto known = load_cluster(config);
  for (const auto& name : wanted) {
    if (const auto here = known ? node_of_this_host(*known, name)
                                : result<const node_config*>{known.failure()};
        !here) {
      elsewhere = here.failure();
      out.left.push_back(name);
      continue;
    }
    const auto again
      = [&](supervisor& nodes, const std::vector<std::string>& one) -> int {
      const auto state = nodes.state_of(name);
      if (!state)
        return fail(state.failure());
      if (state->state != node_state::kind::running) {
        out.down.push_back(name);
        return exit_ok;
      }
      if (const auto code = report(nodes.stop(one, {}), output_format::json))
        return code;
      start_options start;
      start.command = {own_program(), "node"};
      start.ready_timeout_ns = int64_t{options.timeout_s} * 1'000'000'000;
      if (const auto code
          = report(nodes.start(one, start), output_format::json))
        return code;
      out.restarted.push_back(name);
      return exit_ok;
    };
    if (out.code == exit_ok)
      out.code = with_nodes(config, {name}, again);
    if (out.code != exit_ok)
      out.left.push_back(name);
  }
  if (elsewhere && out.code == exit_ok)
    out.code = fail(elsewhere);
  return out;
}

std::string lines_of(const stream_create_options& options,
                     const std::string& config, const taken_up& what) {
  auto out = fmt::format("stream {} {} in {}\n", options.what.name,
                         options.dry_run ? "would be declared" : "is declared",
                         config);
  for (const auto& node : what.restarted)
    out += fmt::format("{}: {}\n", node,
                       options.dry_run ? "would be started again"
                                       : "started again, and orders it");
  for (const auto& node : what.down)
    out += fmt::format("{}: does not run; orders it when it starts\n", node);
  for (const auto& node : what.left)
    out
      += fmt::format("{}: knows it after 'millrace restart {}'\n", node, node);
  return out;
}

text::json_value json_of(const stream_create_options& options,
                         const std::string& config, const taken_up& what) {
  return {{"stream", options.what.name},
          {"config", config},
          {"restarted", what.restarted},
          {"down", what.down},
          {"left", what.left}};
}

std::set<std::string> nodes_of(const cluster_config& config,
                               const std::string& stream) {
  std::set<std::string> out;
  for (const auto* member : config.members_of(stream))
    if (!member->node.empty())
      out.insert(member->node);
  return out;
}

/// The others whose processes serve streams by name: their ports refuse clients
/// that name it.
std::vector<std::string> nodes_with_ports(const cluster_config& config,
                                          const std::set<std::string>& but) {
  std::set<std::string> out;
  for (const auto& process : config.processes)
    if ((process.type == process_type::http
         || process.type == process_type::kdb)
        && !process.node.empty() && !but.contains(process.node))
      out.insert(process.node);
  return {out.begin(), out.end()};
}

int create(const stream_create_options& options) {
  std::optional<configuration_file> file;
  if (auto opened = configuration_file::open(options.config, "streams"))
    file.emplace(*std::move(opened));
  else
    return fail(opened.failure());
  const auto path = file->path();
  const auto declared = declare_stream(file->text(), path, options.what);
  if (!declared) {
    auto fault = declared.failure();
    fault.context += "; the file is as it was";
    if (fault.code == errc::config && options.what.processes.empty())
      fault.context += " (--on names an rt process that orders the stream)";
    return fail(fault);
  }
  const auto config = parse_configuration(*declared, path);
  if (!config)
    return fail(config.failure());
  const auto nodes = nodes_of(*config, options.what.name);
  taken_up done;
  if (options.dry_run) {
    done.restarted.assign(nodes.begin(), nodes.end());
  } else {
    if (auto fault = file->replace(*declared))
      return fail(fault);
    file.reset();
    done = restart_nodes(path, nodes, options);
  }
  for (const auto& node : nodes_with_ports(*config, nodes))
    done.left.push_back(node);
  print_text(options.output == output_format::json
               ? json_of(options, path, done).dump(2)
               : lines_of(options, path, done));
  return done.code;
}

} // namespace

const command<stream_create_options> stream_create_command{
  {"create",
   "Declare one more stream in the configuration, and start the nodes again "
   "that order it, one after the other",
   "millrace stream create orders --on rt1 --dry-run --config "
   "examples/local.toml"},
  declare,
  create};

} // namespace millrace::nodes
