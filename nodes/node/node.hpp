#pragma once

#include <millrace/nodes/assembly/node_assembly.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/logging.hpp>
#include <millrace/nodes/host/node_lock.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

namespace millrace::nodes {

struct node_start {
  cluster_config config;
  std::string name;
  logger log{}; ///< Drops everything by default.
  /// What its processes may be; `add` your own.
  role_table roles{};
};

/// One node of a cluster inside this process: hosts its processes as actors and
/// answers others at its port. Several may live in one process. No globals, no
/// signal handlers, nothing written to stdout. Thread safe.
class node {
public:
  /// Takes the node's directory (`locked` when another process has it), opens
  /// the port, recovers and starts the configured processes. Blocks until they
  /// serve.
  [[nodiscard]] static result<std::unique_ptr<node>> start(node_start how);

  /// Stops as `stop` does.
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Starts one more process of the configuration here; `already_exists` when
  /// it runs here, `not_found` when it is not configured.
  // lint: allow(half_used): for programs; `spawn` comes by the front door.
  [[nodiscard]] error start_process(const std::string& process);

  /// Clean end: streams are synced, actors end, the port closes. Idempotent.
  void stop();

  /// Blocks until a process of this node failed or `stop` was called; polls
  /// `interrupted` now and then, and marks `node.pid` once per second.
  /// @returns the failure, if any.
  error wait(const std::function<bool()>& interrupted);

  [[nodiscard]] runtime& actors() noexcept { return *runtime_; }
  [[nodiscard]] const cluster_config& config() const noexcept {
    return runtime_->config();
  }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
  explicit node(const node_start& how);

  error open(node_start how);
  void failed(const std::string& process, const error& why);

  std::string name_;
  logger log_;
  std::unique_ptr<node_lock> lock_;
  std::unique_ptr<runtime> runtime_;
  std::shared_ptr<node_assembly> processes_;
  caf::strong_actor_ptr door_;
  uint16_t port_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  error failure_;
  bool stopped_ = false;
};

} // namespace millrace::nodes
