#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/local_actors.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/real_env.hpp>

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::nodes {

/// CAF's settings for a process of Millrace: all message types, the middleman
/// (no port opens by itself), the scheduling of `chained_scheduling`.
struct runtime_config : caf::actor_system_config {
  runtime_config();
};

struct runtime_options {
  /// This process's own address in endpoints; port 0: it listens nowhere.
  std::string host;
  uint16_t port = 0;
  real_env_options env;
};

/// The actor system of one process with the outside world it uses: what nodes,
/// commands and embedders share. Its destructor ends every actor it was given.
class runtime {
public:
  [[nodiscard]] static result<std::unique_ptr<runtime>>
  create(runtime_options options);
  ~runtime();
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  [[nodiscard]] persistence::env& env() noexcept { return real_->world(); }
  [[nodiscard]] caf::actor_system& system() noexcept { return *system_; }
  [[nodiscard]] const connector_actor& connector() const noexcept {
    return connector_;
  }
  [[nodiscard]] const std::shared_ptr<local_actors>& locals() const noexcept {
    return locals_;
  }

  /// Ends `handle` with this runtime; actors end in reverse order.
  template <class Handle>
  Handle keep(Handle handle) {
    const std::scoped_lock lock{mutex_};
    kept_.push_back(caf::actor_cast<caf::strong_actor_ptr>(handle));
    return handle;
  }

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
  explicit runtime(std::unique_ptr<real_env> real);

  std::unique_ptr<real_env> real_;
  runtime_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::shared_ptr<local_actors> locals_ = std::make_shared<local_actors>();
  connector_actor connector_;
  std::mutex mutex_;
  std::vector<caf::strong_actor_ptr> kept_;
};

} // namespace millrace::nodes
