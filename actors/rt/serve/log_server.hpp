#pragma once

#include <millrace/actors/rt/archive/archiver_core.hpp>
#include <millrace/actors/rt/archive/prune_lease.hpp>
#include <millrace/actors/rt/link/served_log.hpp>
#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

using insist_atom = caf::atom_constant<caf::atom("insist")>;
using place_atom = caf::atom_constant<caf::atom("place")>;

/// The LOG SERVER as it speaks to itself, and to its feeders.
using log_server_self_actor
  = stream_server_actor::extend_with<mender_actor>::extend<
    // The publisher wrote up to this position; its new bytes, if they were at
    // hand and their credit was taken.
    caf::reacts_to<grew_atom, position, chunk>,
    // Ask the publisher again whether it has more.
    caf::reacts_to<insist_atom>,
    // The place of the time that a start of this number asks for.
    caf::reacts_to<place_atom, uint64_t, position, caf::error>,
    // Files of the log that end before this position went, or did not.
    caf::reacts_to<collected_atom, position, caf::error>,
    caf::reacts_to<caf::tick_atom>>;

struct log_server_options {
  std::string stream;
  std::string process; ///< That publishes it.
  bool cached = false;
  /// Get lines for a log, by a word that they can be found by.
  std::function<void(const std::string& id, const std::string& text)> warn{};
  std::function<void(const std::string& id, const std::string& text)> note{};
};

/// State of the LOG SERVER: gives the log of a publisher, whose stream no RT
/// node orders, to those who read it, as a SEQUENCER gives the merged log.
struct log_server_state {
  static constexpr const char* name = "log-server";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit log_server_state(log_server_self_actor::pointer owner)
    : self{owner} {}

  using subscriber_promise
    = caf::typed_response_promise<source_actor, flow_grant>;

  // -- those who read ---------------------------------------------------------
  caf::result<source_actor, flow_grant> subscribe(const start_spec& from,
                                                  const sink_actor& to);
  void seek(int64_t time_ns, const sink_actor& to, subscriber_promise promise);
  void sought(uint64_t number, position at, const caf::error& outcome);
  void serve(const start_spec& from, const sink_actor& to,
             subscriber_promise promise);
  [[nodiscard]] result<std::optional<position>> resolve(const start_spec& from,
                                                        bool gone) const;
  [[nodiscard]] bool of_another_life(const start_spec& from) const;
  [[nodiscard]] bool set_back(const start_spec& from) const;
  void listen();
  void lost(const caf::actor_addr& who);
  void grew(position end, const chunk& tail);
  void ask_for_more();
  caf::result<bool> mend(position at);

  // -- files that are needed no more ------------------------------------------
  caf::result<std::string> take_lead(const std::string& who);
  caf::result<bool> respond(const message_response& what);
  caf::result<consumer_facts> take_floor(const consumer_floor& what) const;
  caf::result<status_facts> prune(position at, cut_mode mode);
  void collect();
  void collected(position below, const caf::error& outcome);

  void tick();
  void look_after_log();
  [[nodiscard]] position end() const {
    return source->reached(ack_level::recorded);
  }
  [[nodiscard]] stream_facts facts() const;
  [[nodiscard]] status_facts status() const;

  struct sought_place {
    sink_actor to;
    subscriber_promise promise;
  };
  struct waiting_prune {
    position below;
    status_facts report;
    caf::typed_response_promise<status_facts> promise;
  };

  log_server_self_actor::pointer self;
  persistence::env* env = nullptr;
  std::shared_ptr<publisher> source;
  log_server_options options;
  brood children;
  std::vector<log_reading> readers;
  /// Of what the publisher hands over to this actor.
  std::shared_ptr<tail_credit> credit;
  /// Its number there while somebody reads; 0: nobody does.
  std::shared_ptr<std::atomic<uint64_t>> listening
    = std::make_shared<std::atomic<uint64_t>>(0);
  flow_id flow_last;
  uint64_t seek_next = 0;
  std::map<uint64_t, sought_place> seeking;
  prune_lease lead;
  position begin; ///< Files before that of this place went; 0: none did.
  std::vector<waiting_prune> prunes; ///< The first one runs.
  error collect_failure;
  std::string harm; ///< Of the log, that was found last.
  log_growth growth;
};

log_server_self_actor::behavior_type
log_server(log_server_self_actor::stateful_pointer<log_server_state> self,
           persistence::env* world, std::shared_ptr<publisher> source,
           log_server_options options);

} // namespace millrace::rt
