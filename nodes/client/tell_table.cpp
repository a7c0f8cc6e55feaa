#include <millrace/nodes/assembly/process_keeper.hpp>
#include <millrace/nodes/assembly/table_intake.hpp>
#include <millrace/nodes/client/ask.hpp>
#include <millrace/nodes/client/tell_table.hpp>

#include <utility>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

constexpr auto keeper_deadline = 3s;

/// A node, and what it was asked last.
struct told_node {
  const node_config* node = nullptr;
  process_keeper_actor keeper;
};

} // namespace

told_of_table tell_table(runtime& host, const cluster_config& config,
                         const table_declaration& what,
                         std::chrono::nanoseconds patience) {
  told_of_table out;
  const auto message = to_json(what);
  std::vector<told_node> nodes;
  for (const auto& node : config.nodes) {
    auto keeper = host.find_as<process_keeper_actor>(
      {config.address_of(node), node.port, std::string{process_keeper_name},
       config.name},
      keeper_deadline);
    if (!keeper) {
      out.silent.emplace(node.name, keeper.failure());
      continue;
    }
    told_node at{&node, *std::move(keeper)};
    // What starts there from now on knows it.
    const auto said = ask<table_intake>(
      host, at.keeper, patience, take_table_atom_v, std::string{}, message);
    if (!said) {
      out.silent.emplace(node.name, said.failure());
      continue;
    }
    out.configurations[node.name] = said->config;
    nodes.push_back(std::move(at));
  }
  for (const auto* process : in_turn(config))
    for (const auto& at : nodes) {
      // One that `spawn` starts may run anywhere.
      if (!process->node.empty() && process->node != at.node->name)
        continue;
      auto said = ask<table_intake>(host, at.keeper, patience,
                                    take_table_atom_v, process->name, message);
      if (said
          && (said->outcome == table_outcome::unconcerned
              || (said->outcome == table_outcome::down
                  && process->node.empty())))
        continue;
      out.processes.push_back(
        {process->name, at.node->name,
         said ? std::optional{said->outcome} : std::nullopt,
         said ? error{} : said.failure()});
    }
  return out;
}

} // namespace millrace::nodes
