#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/process_host.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/logging.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::nodes {

struct known_cluster;
struct connection_keeping;
class admitted_users;
class file_watch;
class member_identity;

/// CAF's settings for a process of Millrace: all message types, the middleman
/// (no port opens by itself), the scheduling of `chained_scheduling`.
struct runtime_config : caf::actor_system_config {
  runtime_config();
};

struct runtime_options {
  /// The node of its cluster that it is; empty: it listens nowhere.
  std::string node;
  logger log; ///< Drops everything by default.
  /// Called when an essential actor died by a fault, from any thread.
  std::function<void(const std::string& process, const error& why)> on_failure;
  real_env_options env;
};

/// The actor system of one process with the outside world it uses: what nodes,
/// commands and embedders share. Its destructor ends every actor it was given.
class runtime final : public process_host {
public:
  /// @param config what its streams and processes are found by, and the data
  ///   whose id it names to nodes that it asks: those of another cluster at
  ///   the same ports refuse it. Default made: of no cluster, for logs, and for
  ///   streams whose places are named (see places_of_stream).
  [[nodiscard]] static result<std::unique_ptr<runtime>>
  create(cluster_config config, runtime_options options = {});
  ~runtime() override;

  [[nodiscard]] persistence::env& env() noexcept override {
    return real_->world();
  }
  [[nodiscard]] caf::actor_system& system() noexcept override {
    return *system_;
  }
  [[nodiscard]] const connector_actor& connector() const noexcept override {
    return connector_;
  }
  [[nodiscard]] result<std::unique_ptr<rt::state_store>>
  open_checkpoints(const std::string& directory) override;
  [[nodiscard]] result<std::unique_ptr<persistence::hdb_index>>
  open_hdb_index(const std::string& directory) override;
  [[nodiscard]] cluster_key cluster() const override;
  [[nodiscard]] error found_cluster() override;
  void tell(const notice& what) override;
  [[nodiscard]] result<std::unique_ptr<listener>>
  listen(const listen_options& options) override;
  void essential(const std::string& process, const caf::actor& handle) override;

  /// Essential actors may end from now on: that is not a failure.
  void expect_end() noexcept { ending_ = true; }

  /// Lets processes of the users that `[cluster] users` names find an actor at
  /// a port of this host, behind a `connection_guard`.
  /// @param port 0: one that is free
  /// @returns the port; `unavailable` when it cannot be had.
  [[nodiscard]] result<uint16_t> open_port(const caf::strong_actor_ptr& door,
                                           uint16_t port,
                                           const std::string& address);
  /// The port is closed; who has connected stays.
  void close_port(const caf::strong_actor_ptr& door, uint16_t port);
  /// What its ports refused, and how long the certificate of the cluster that
  /// it shows lasts: "certificate_days". Null: there is neither.
  [[nodiscard]] text::json_value port_facts() const;

  /// Finds an actor here or on another node. Blocks: not for handlers.
  [[nodiscard]] result<caf::strong_actor_ptr>
  find(const endpoint& at, std::chrono::milliseconds deadline);
  template <class Handle>
  [[nodiscard]] result<Handle> find_as(const endpoint& at,
                                       std::chrono::milliseconds deadline) {
    auto found = find(at, deadline);
    if (!found)
      return found.failure();
    return caf::actor_cast<Handle>(*found);
  }

private:
  runtime(cluster_config config, runtime_options options,
          std::unique_ptr<real_env> real, const admitted_users& users,
          std::shared_ptr<const member_identity> identity, file_watch watch,
          std::vector<std::string> listens);
  void adopt(caf::strong_actor_ptr handle) override;
  [[nodiscard]] caf::strong_actor_ptr take_last(); ///< Null: none is left.

  logger log_;
  std::function<void(const std::string&, const error&)> on_failure_;
  std::atomic<bool> ending_{false};
  std::unique_ptr<real_env> real_;
  runtime_config actor_config_;
  std::unique_ptr<caf::actor_system> system_;
  std::shared_ptr<const connection_keeping> keeping_;
  caf::actor middleman_;
  std::shared_ptr<known_cluster> cluster_;
  connector_actor connector_;
  std::mutex mutex_;
  std::vector<caf::strong_actor_ptr> kept_;
};

} // namespace millrace::nodes
