#pragma once

#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/supervisor.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/sim/script/fault_script.hpp>

#include <set>
#include <string>
#include <vector>

namespace millrace::chaos {

/// `unsupported` names each fault that real processes cannot be put through
/// (links, disks that fail, clocks), `not_found` each node that is not in the
/// configuration.
[[nodiscard]] error check_script(const nodes::cluster_config& config,
                                 const sim::fault_script& script);

/// Carries out faults on the nodes of a cluster on this host, one after the
/// other. Owner: one thread, whose signals and environment it may use.
class fault_player {
public:
  /// @param program what `millrace` is, to start nodes with
  fault_player(persistence::env& world, const nodes::cluster_config& config,
               std::string program);

  /// @returns what it did, or why that was not possible, for people
  std::string play(const sim::fault& what);
  /// The node comes back from `kill`, `power` or `crash`.
  std::string come_back(const std::string& node, sim::comeback::disk on);

  /// Nodes that are stopped or have no life now.
  [[nodiscard]] std::vector<std::string> harmed();

private:
  std::string kill(const std::string& node);
  std::string start(const std::string& node, const std::string& crash_at = {});
  std::string send(const std::string& node, int signal, const char* done);
  std::string damage(const sim::fault& what);
  std::string back_up(const std::string& node);
  std::string heal();
  [[nodiscard]] std::string kept_of(const std::string& node) const;

  const nodes::cluster_config& config_;
  nodes::supervisor nodes_;
  std::string program_;
  std::set<std::string> paused_;
};

} // namespace millrace::chaos
