#pragma once

#include <millrace/sim/world/link.hpp>

#include <caf/actor_addr.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/node_id.hpp>
#include <caf/proxy_registry.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace millrace::sim {

class connection_table;

/// The actors of one life of a process: an actor system of its own, so that
/// what is sent to actors of another process is serialized, and goes to a proxy
/// that its connections carry on. The counterpart of CAF's BASP broker.
class actor_home final : public caf::proxy_registry::backend {
public:
  struct settings : caf::actor_system_config {
    settings();
  };

  /// @param life its number, unique in the world, in the order of their births.
  actor_home(settings& how, connection_table& connections, uint64_t life,
             size_t node);
  ~actor_home() override;

  [[nodiscard]] uint64_t life() const noexcept { return life_; }
  [[nodiscard]] size_t node() const noexcept { return node_; }
  [[nodiscard]] caf::actor_system& system() noexcept { return *system_; }
  [[nodiscard]] caf::scheduler::test_coordinator& scheduler() noexcept {
    return *scheduler_;
  }
  [[nodiscard]] std::deque<caf::resumable*>& jobs() noexcept {
    return scheduler_->jobs;
  }
  [[nodiscard]] const auto& timers() const { return clock_->schedule(); }
  void set_time(duration now) {
    clock_->current_time = caf::actor_clock::time_point{now};
  }
  /// Starts what is due.
  void fire_timers();
  void cancel_timers() { clock_->cancel_all(); }

  /// An actor of this home is known: its handles may come back to it.
  /// @returns false if it was already.
  bool know(caf::abstract_actor& actor, uint64_t number);
  /// By which number it is known; 0: it is not.
  [[nodiscard]] uint64_t number_of(caf::actor_id actor) const;
  /// All that was known and lives.
  [[nodiscard]] std::vector<caf::strong_actor_ptr> actors() const;
  [[nodiscard]] caf::strong_actor_ptr find(caf::actor_id actor);
  /// The handle of an actor as this home has it: its own, or a proxy.
  [[nodiscard]] caf::strong_actor_ptr local(const caf::strong_actor_ptr& any);

  // -- connections ------------------------------------------------------------

  /// Takes in what a connection brought. @pre it is the target.
  void take(const parcel& what);
  /// The connection to a process is gone, and all its actors with it.
  void lose(uint64_t peer);
  /// A message of an actor here to one of another process. Requests that have
  /// no way are answered by an error.
  void forward(const caf::strong_actor_ptr& to, caf::mailbox_element& what);
  /// What was sent from here cannot get there.
  void refused(const parcel& what);
  void send_link(const caf::strong_actor_ptr& to, caf::abstract_actor& other,
                 bool linked);
  /// The handle as bytes, for another process.
  [[nodiscard]] std::vector<char> bytes_of(caf::strong_actor_ptr handle);
  [[nodiscard]] caf::strong_actor_ptr handle_of(const std::vector<char>& bytes,
                                                uint64_t last_hop);

  /// Open connections, by life of the peer.
  std::map<uint64_t, uint64_t> direct;
  /// Peers through which one that is not connected can be reached.
  std::map<uint64_t, std::set<uint64_t>> indirect;
  /// What came while the process was stopped.
  std::deque<parcel> inbox;
  bool alive = true;
  /// It died without its kernel saying so to anybody.
  bool silent = false;
  duration died_at{};
  std::optional<duration> paused_since;
  duration busy_until{}; ///< It waits for its disk.

private:
  caf::strong_actor_ptr make_proxy(caf::node_id node,
                                   caf::actor_id actor) override;
  void set_last_hop(caf::node_id* hop) override;
  void take_from_hop(const parcel& what);
  void deliver(const parcel& what);
  static void refuse(const caf::strong_actor_ptr& sender,
                     caf::message_id number);
  void watch(const parcel& what);
  void tell_down(caf::actor_id actor, uint64_t peer, const caf::error& reason);
  void learn(uint64_t hop, uint64_t beyond);
  [[nodiscard]] caf::node_id id_of(uint64_t life) const;

  uint64_t life_;
  size_t node_;
  connection_table* connections_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_;
  caf::detail::test_actor_clock* clock_;
  caf::proxy_registry proxies_;
  uint64_t last_hop_; ///< Whose message is read now; its own life: nobody's.
  struct known_actor {
    caf::actor_addr address;
    uint64_t number = 0;
  };
  std::unordered_map<caf::actor_id, known_actor> known_; ///< Never iterated.
  std::vector<caf::actor_addr> addresses_;
  /// Actors here that others have handles of, and who: lives.
  std::map<caf::actor_id, std::set<uint64_t>> watchers_;
};

} // namespace millrace::sim
