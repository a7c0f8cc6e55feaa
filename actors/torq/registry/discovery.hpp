#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <map>
#include <string>
#include <vector>

namespace millrace::torq {

/// DISCOVERY, with what it sends itself: rows expire.
using discovery_self_actor
  = discovery_actor::extend<caf::reacts_to<caf::tick_atom>>;

/// How many processes DISCOVERY knows, and who listens.
struct discovery_facts {
  uint64_t registered = 0;
  uint64_t available = 0; ///< With a sign of life within the last seconds.
  uint64_t watchers = 0;
};

/// As `status` shows it.
[[nodiscard]] status_facts to_status(const discovery_facts& facts);

/// State of DISCOVERY: the registry of processes. Rows stay, whatever becomes
/// of their process; nobody's connection is held or managed. Memory is all it
/// has: a restarted one is refilled by the processes' next signs of life.
struct discovery_state {
  static constexpr const char* name = "discovery";
  /// A process without a sign of life for this long is shown as unavailable.
  static constexpr int64_t silence_ns = 2'000'000'000;
  static constexpr size_t rows_max = 100'000;

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit discovery_state(discovery_self_actor::pointer owner) : self{owner} {}

  void enroll(process_row row);
  void remove(const process_row& row);
  [[nodiscard]] std::vector<process_row> lookup(const std::string& type);
  std::vector<process_row> watch(const std::string& type,
                                 const watcher_actor& who);
  void expire();
  void forget(const caf::actor_addr& who);
  [[nodiscard]] discovery_facts facts() const;

  discovery_self_actor::pointer self;
  persistence::env* env = nullptr;
  std::map<std::string, process_row> rows; ///< By process name.
  /// When each was heard of; a wall clock may be set.
  std::map<std::string, int64_t> heard_ns;
  struct watcher {
    std::string type; ///< Empty: all.
    watcher_actor who;
  };
  std::vector<watcher> watchers;
};

discovery_self_actor::behavior_type
discovery(discovery_self_actor::stateful_pointer<discovery_state> self,
          persistence::env* world);

} // namespace millrace::torq
