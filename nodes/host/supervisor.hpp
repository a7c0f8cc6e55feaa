#pragma once

#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/node_lock.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::nodes {

/// What this host knows of a node without asking it.
struct node_state {
  enum class kind {
    running,
    stopped, ///< Never started, or ended in order.
    failed,  ///< Ended by itself, and said why.
    died,    ///< Ended without removing its pid file, and without a word.
  };

  std::string name;
  kind state = kind::stopped;
  node_pid process; ///< Of a node that runs, failed or died.
  /// Why its directory does not name the process that runs; none: it does.
  error unnamed;
};

[[nodiscard]] std::string_view to_string(node_state::kind state) noexcept;

struct start_options {
  /// The program and the arguments in front of `--config C --name N`.
  std::vector<std::string> command;
  /// How long a node may take until it says that it is ready.
  int64_t ready_timeout_ns = 60'000'000'000;
};

struct stop_options {
  /// How long a node may take to end after SIGTERM.
  int64_t grace_ns = 10'000'000'000;
  /// Kill what has not ended by then.
  bool force = false;
};

/// What became of one node; `failure` is none when it is as was wished.
struct node_outcome {
  std::string name;
  std::string text; ///< "started", "runs already", "stopped", ...
  int pid = 0;
  error failure;
  int exit_code = 0; ///< For the command: that of a node which ended.
};

/// Starts, stops and watches the nodes of one configuration on this host. Each
/// is a process of its own session; it writes to `node.log` in its directory,
/// and tells by `notify_ready` when it serves. One owner.
class supervisor {
public:
  /// All three outlive the supervisor.
  supervisor(persistence::env& world, const cluster_config& config);

  [[nodiscard]] result<node_state> state_of(const std::string& node);

  /// Nodes of other hosts are left alone, and their outcome says so. Starts
  /// those of `names` that do not run, all at once, and waits until each is
  /// ready, has ended, or the time is up. A node that is not ready in time goes
  /// on starting. Outcomes are in the order of `names`.
  [[nodiscard]] std::vector<node_outcome>
  start(const std::vector<std::string>& names, const start_options& options);

  /// Sends SIGTERM to those of `names` that run, and waits for their end. Also
  /// clears up after those that died.
  [[nodiscard]] std::vector<node_outcome>
  stop(const std::vector<std::string>& names, const stop_options& options);

private:
  [[nodiscard]] bool lies_elsewhere(const std::string& node) const;
  [[nodiscard]] std::string elsewhere_text(const std::string& node,
                                           const char* command,
                                           const char* does) const;

  persistence::env& world_;
  const cluster_config& config_;
};

} // namespace millrace::nodes
