#pragma once

#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/supervisor.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/sim/script/fault_script.hpp>
#include <millrace/tests/chaos/link_proxy.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace millrace::chaos {

/// `unsupported` names each fault that real processes cannot be put through
/// (disks that fail, power, clocks), `not_found` each node that is not in the
/// configuration, and each crash point that no code passes.
[[nodiscard]] error check_script(const nodes::cluster_config& config,
                                 const sim::fault_script& script);

/// Whether any of them is of a link.
[[nodiscard]] bool has_links(const sim::fault_script& script);

/// Carries out faults on the nodes of a cluster on this host, one after the
/// other. Owner: one thread, whose signals and environment it may use.
class fault_player {
public:
  /// @param program what `millrace` is, to start nodes with
  fault_player(persistence::env& world, const nodes::cluster_config& config,
               std::string program);

  /// From now on nodes talk to one another through proxies, which `play` has
  /// links fail by: those that run are started again, one after the other.
  /// `unavailable`: none runs.
  /// @param library that redirects their connections
  [[nodiscard]] error open_links(const std::string& library);
  /// The same back: the proxies end with the player, and what waits to happen
  /// to links does not any more. @returns what was not possible, for people;
  /// empty: all was.
  std::string close_links();
  /// Whether nodes talk through proxies.
  [[nodiscard]] bool has_proxies() const noexcept { return links_ != nullptr; }
  /// Faults that have not come to happen: of links, and crash points that no
  /// node passed.
  [[nodiscard]] std::vector<std::string> awaited();
  /// What became since this was asked last of faults that waited for their
  /// moment: bits that flipped on links, and tries that cannot come to happen
  /// any more. What `awaited` has is not among it.
  [[nodiscard]] std::vector<std::string> take_news();
  /// Nodes that would still end at a crash point are started again, without it.
  /// @returns what was not possible, for people; empty: all was.
  std::string disarm();

  /// What became of a fault.
  struct deed {
    std::string text{}; ///< What was done, or why not, for people.
    bool is_done = true;
  };
  deed play(const sim::fault& what);
  /// Nodes that have ended at their crash points since this was asked last; the
  /// disks of those that come back on another one are that from now on.
  [[nodiscard]] std::vector<sim::fault> take_crashed();
  /// How often a node was started: what a comeback is told that is due later.
  [[nodiscard]] uint64_t starts_of(const std::string& node) const;
  /// The node comes back from `kill` or `crash`, unless it was started
  /// meanwhile. @param starts as `starts_of` said when it ended
  deed come_back(const std::string& node, uint64_t starts);

  /// Nodes that are stopped or have no life now.
  [[nodiscard]] std::vector<std::string> harmed();

private:
  /// A node that is to end at a crash point.
  struct armed_node {
    sim::fault crash;
    int pid = 0; ///< Of the process that does; 0: the next that is started.
  };

  deed kill(const sim::fault& what);
  deed end(const std::string& node);
  deed crash(const sim::fault& what);
  bool is_still_armed(const std::string& node);
  bool runs(const std::string& node);
  bool stands_still(const std::string& node);
  deed start(const std::string& node);
  nodes::node_outcome start_node(const std::string& node);
  [[nodiscard]] std::string replace_disk(const std::string& node,
                                         sim::comeback::disk on);
  [[nodiscard]] bool has_disk(const std::string& node,
                              sim::comeback::disk on) const;
  void give_up(const sim::fault& what);
  void give_up_links(const std::string& from, const std::string& to);
  void give_up_links();
  deed send(const std::string& node, int signal, const char* done);
  deed back_up(const std::string& node);
  deed heal();
  deed fault_of_link(const sim::fault& what);
  [[nodiscard]] std::string meets_directly(const std::string& node);
  std::string restart(const std::string& node);
  [[nodiscard]] std::string kept_of(const std::string& node) const;

  const nodes::cluster_config& config_;
  nodes::supervisor nodes_;
  std::string program_;
  std::set<std::string> paused_;
  std::map<std::string, armed_node> armed_;
  std::map<std::string, uint64_t> starts_;
  std::vector<std::string> missed_; ///< What cannot come to happen any more.
  std::vector<std::string> news_;
  /// Links, "a -> b", on which a bit may flip, or not.
  std::set<std::string> tried_;
  std::string library_;
  std::unique_ptr<link_proxy> links_; ///< Null: nodes meet directly.
};

} // namespace millrace::chaos
