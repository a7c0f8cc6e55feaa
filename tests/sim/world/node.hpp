#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/roles.hpp>
#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>
#include <millrace/sim/script/fault_script.hpp>
#include <millrace/sim/world/actor_home.hpp>
#include <millrace/sim/world/simulated_port.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::sim {

/// How a simulated node ends, and whether it comes back.
struct crash_style {
  /// Power cut of the machine: what was not synced survives as `left` says.
  /// Otherwise kill -9 of the process: its page cache stays.
  bool power = false;
  survival left = survival::some;
  /// Restarts by itself after this time; none: only `world::restart` does.
  std::optional<duration> restart_after{};
  bool fault = false; ///< By one of its own, as a bad access.
};

class world;

/// One simulated process on a machine. The machine's disk, the name and the
/// place in the world outlive the process; all else begins anew with each life.
/// What is put together from actors here is put together as on a real node.
class node final : public nodes::process_host {
public:
  /// Starts the process: opens what it needs in `env()`, spawns actors. Called
  /// at creation and at each restart. A failure ends the process again.
  using boot_function = std::function<error(node&)>;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] world& owner() const noexcept { return *world_; }
  /// The machine; nodes of one host share a disk and lose power together.
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  [[nodiscard]] memory_file_system& disk() noexcept { return *disk_; }
  /// The outside world of the present life. It stays valid until the world
  /// ends, but all of it fails once that life is over.
  [[nodiscard]] persistence::env& env() noexcept override;
  [[nodiscard]] bool alive() const noexcept { return alive_; }
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  /// Lives so far, the present one included.
  [[nodiscard]] uint64_t lives() const noexcept { return lives_.size(); }
  /// Why the newest boot failed; none if it did not.
  [[nodiscard]] const error& boot_failure() const noexcept {
    return boot_failure_;
  }

  [[nodiscard]] caf::actor_system& system() noexcept override;
  /// Opens connections for this node's actors, over the world's links.
  [[nodiscard]] const connector_actor& connector() const noexcept override {
    return connector_;
  }
  /// As RocksDB keeps them: after a power cut a prefix of what was saved.
  [[nodiscard]] result<std::unique_ptr<rt::state_store>>
  open_checkpoints(const std::string& directory) override;
  /// An empty one in each life: RocksDB keeps no files on a simulated disk.
  [[nodiscard]] result<std::unique_ptr<persistence::hdb_index>>
  open_hdb_index(const std::string& directory) override;
  void tell(const nodes::notice& what) override;
  [[nodiscard]] result<std::unique_ptr<nodes::listener>>
  listen(const nodes::listen_options& options) override;
  /// A program of others connects to a port of this node; null when nobody
  /// listens there.
  [[nodiscard]] std::unique_ptr<port_client> connect(uint16_t port);
  /// The process ends (as a crash of the process) when this actor does.
  void essential(const std::string& process, const caf::actor& handle) override;

  /// The process ends by itself, as by kill -9.
  void end();
  /// What the processes of all lives had logged.
  [[nodiscard]] const std::vector<nodes::notice>& notices() const noexcept {
    return notices_;
  }
  [[nodiscard]] persistence::file_system& fs() noexcept { return *env().fs; }

private:
  friend class world;
  struct life;
  node(world& owner, size_t number, std::string name, boot_function boot,
       nodes::cluster_config config);
  /// The actor, and all that it spawns in turn, dies with the node.
  void adopt(caf::strong_actor_ptr handle) override;
  [[nodiscard]] bool listens_at(const endpoint& at) const;
  /// Of the newest life.
  [[nodiscard]] actor_home& home() const;

  world* world_;
  size_t number_;
  std::string name_;
  boot_function boot_;
  std::string host_;
  memory_file_system* disk_ = nullptr;
  std::vector<std::shared_ptr<life>> lives_;
  bool alive_ = false;
  bool paused_ = false;
  bool dying_ = false;   ///< Its life is over, its actors are not yet gone.
  bool faulted_ = false; ///< Its last life ended by a fault of its own.
  std::optional<duration> restart_after_{};
  comeback::disk disk_after_ = comeback::disk::same; ///< Of its machine.
  std::optional<duration> supervised_{};
  error boot_failure_;
  std::vector<nodes::notice> notices_;
  std::shared_ptr<port_table> ports_ = std::make_shared<port_table>();
  connector_actor connector_;
  struct armed_crash {
    std::string point;
    uint64_t left = 0;
    crash_style style;
    comeback::disk on = comeback::disk::same;
    std::shared_ptr<bool> met = std::make_shared<bool>(false);
  };
  std::vector<armed_crash> armed_;

public:
  ~node() override;
};

struct node_options {
  /// Restarts that long after the process ended by itself (never after
  /// `world::crash`).
  std::optional<duration> supervised{};
  std::string host{}; ///< Empty: a machine of its own, of the node's name.
  /// What its streams and processes are found by, and where it listens.
  nodes::cluster_config config{};
};

} // namespace millrace::sim
