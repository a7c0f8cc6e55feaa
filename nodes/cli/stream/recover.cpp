#include <millrace/actors/rt/sequence/group_forming.hpp>
#include <millrace/actors/rt/sequence/left_group.hpp>
#include <millrace/actors/rt/sequence/stream_group.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/cluster/cluster_option.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/host/node_lock.hpp>
#include <millrace/nodes/host/own_addresses.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

namespace millrace::nodes {

namespace {

struct candidate {
  std::string process;
  std::string directory; ///< Of the stream.
  rt::left_group log;
};

/// Which of two holds what a later group, or more of the same one, agreed on.
bool holds_less(const candidate& a, const candidate& b) {
  return std::tuple{a.log.founding.generation, a.log.last}
         < std::tuple{b.log.founding.generation, b.log.last};
}

/// All nodes of the stream must be down, or one of them changes what another
/// one is told.
result<std::vector<std::unique_ptr<node_lock>>>
lock_nodes(persistence::env& world, const cluster_config& config,
           const std::string& stream) {
  std::vector<std::unique_ptr<node_lock>> out;
  std::set<std::string> seen;
  for (const auto* member : config.members_of(stream)) {
    if (member->node.empty() || !seen.insert(member->node).second)
      continue;
    auto lock = node_lock::acquire(world, config.node_directory(member->node));
    if (!lock)
      return error{lock.failure().code,
                   "node '" + member->node
                     + "' must be down, as all rt nodes of the stream: "
                     + lock.failure().context};
    out.push_back(*std::move(lock));
  }
  return out;
}

result<std::vector<candidate>> find_all(persistence::env& world,
                                        const cluster_config& config,
                                        const std::string& stream,
                                        output_format output) {
  std::vector<candidate> out;
  for (const auto* member : config.members_of(stream)) {
    const auto directory = config.stream_directory(member->name, stream);
    auto left = rt::find_left_groups(world, directory);
    if (!left)
      return left.failure();
    if (left->empty() && output != output_format::json)
      fmt::print("{}: holds nothing\n", member->name);
    for (auto& each : *left) {
      if (output != output_format::json)
        fmt::print("{}: generation {}, last entry {} of term {}, log begins "
                   "after {}: {}\n",
                   member->name, each.founding.generation.value,
                   to_string(each.last.index), to_string(each.last.term),
                   to_string(each.begin), each.directory);
      out.push_back({member->name, directory, std::move(each)});
    }
  }
  return out;
}

void declare(option_list& list, stream_recover_options& into) {
  declare_config(list, into.config);
  list.text("STREAM", into.stream, "Name of the [[stream]]").required();
  list
    .text("--from", into.from,
          "The rt process whose log counts; default: that which holds most")
    .shown_as("RT");
  list.flag("--accept-loss", into.accept_loss,
            "Do it: what only other logs hold is not ordered any more");
  declare_output(list, into.output);
}

text::json_value json_of(const std::vector<candidate>& all,
                         const candidate& best, bool done) {
  auto logs = text::json_value::array();
  for (const auto& each : all)
    logs.add({{"process", each.process},
              {"generation", each.log.founding.generation.value},
              {"last_entry", to_string(each.log.last.index)},
              {"last_term", to_string(each.log.last.term)},
              {"begins_after", to_string(each.log.begin)},
              {"directory", each.log.directory}});
  return {{"logs", std::move(logs)},
          {"holds_most", best.process},
          {"recovered", done}};
}

/// What other hosts hold cannot be compared from here.
error check_hosts(const cluster_config& config, const std::string& stream) {
  for (const auto* member : config.members_of(stream))
    if (const auto node = configured_node(config, member->node);
        node && !is_of_this_host(config.address_of(**node)))
      return {errc::unsupported,
              "stream '" + stream + "': rt process '" + member->name
                + "' is on another host, at " + config.address_of(**node)
                + ", and what all of them hold is compared on one: copy "
                  "the directories of the stream together, with a "
                  "configuration that has all nodes on loopback"};
  return {};
}

int run(const stream_recover_options& options) {
  const auto config = load_stream(options.config, options.stream);
  if (!config)
    return fail(config.failure());
  if (const auto fault = check_hosts(*config, options.stream))
    return fail(fault);
  auto made = real_env::create({.io_threads = 1, .pool_threads = 1});
  if (!made)
    return fail(made.failure());
  auto& world = (*made)->world();
  const auto locks = lock_nodes(world, *config, options.stream);
  if (!locks)
    return fail(locks.failure());
  const auto all = find_all(world, *config, options.stream, options.output);
  if (!all)
    return fail(all.failure());
  group_generation generation;
  const candidate* best = nullptr;
  for (const auto& each : *all) {
    generation = std::max(generation, each.log.founding.generation);
    if ((options.from.empty() || each.process == options.from)
        && (best == nullptr || holds_less(*best, each)))
      best = &each;
  }
  if (best == nullptr)
    return fail({errc::not_found, "stream '" + options.stream
                                    + "': no log is left to begin with"});
  if (!options.accept_loss && options.output == output_format::json) {
    fmt::print("{}\n", json_of(*all, *best, false).dump(2));
    return exit_negative;
  }
  if (!options.accept_loss) {
    fmt::print("{} holds most. Nothing was changed: --accept-loss makes a new "
               "group of what it holds. What only others hold is lost to the "
               "stream; what publishers still have is ordered anew.\n",
               best->process);
    return exit_negative;
  }
  if (auto fault
      = rt::make_group(world, best->directory, best->log,
                       rt::node_id_of(best->process), generation.next()))
    return fail(fault);
  for (const auto* member : config->members_of(options.stream)) {
    const auto log = config->stream_directory(member->name, options.stream)
                     + "/" + std::string{rt::group_log_name};
    if (member->name == best->process || !world.fs->exists(log))
      continue;
    // It joins as another member, and must not speak of the earlier group.
    if (auto fault = rt::set_log_aside(*world.fs, log))
      return fail(fault);
  }
  if (options.output == output_format::json) {
    fmt::print("{}\n", json_of(*all, *best, true).dump(2));
    return exit_ok;
  }
  fmt::print("stream {}: generation {} begins with what {} holds, up to entry "
             "{}; start all nodes: the others join it\n",
             options.stream, generation.next().value, best->process,
             to_string(best->log.last.index));
  return exit_ok;
}

} // namespace

const command<stream_recover_options> stream_recover_command{
  {"recover",
   "Tell what is left of a stream whose rt processes lost their majority, and "
   "go on with it",
   "millrace stream recover market --config examples/local.toml"},
  declare,
  run};

} // namespace millrace::nodes
