#pragma once

#include <millrace/actors/rt/link/feeder.hpp>
#include <millrace/actors/rt/link/flow_sender.hpp>
#include <millrace/actors/rt/sequence/input_sink.hpp>
#include <millrace/actors/rt/sequence/period_ending.hpp>
#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include <caf/stateful_actor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::rt {

/// The SEQUENCER as it speaks to itself and its INPUT SINKs.
using sequencer_self_actor
  = sequencer_actor::extend_with<input_owner_actor>::extend<
    // A sync of the group's log up to this position ended.
    caf::reacts_to<committed_atom, position, caf::error>,
    // A sync of out/ for a checkpoint ended.
    caf::reacts_to<checkpoint_atom, caf::error>,
    // The grace of an end of period goes by.
    caf::reacts_to<caf::tick_atom>>;

struct sequencer_settings {
  /// How long an end of period waits for publishers that are connected.
  int64_t period_grace_ns = 5'000'000'000;
};

/// State of the SEQUENCER: the actor around sequencer_core. A failure of its
/// storage ends it; its node goes down with it.
struct sequencer_state {
  static constexpr const char* name = "sequencer";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit sequencer_state(sequencer_self_actor::pointer owner) : self{owner} {}

  caf::result<sink_actor, flow_grant> offer(const input_offer& what,
                                            const pusher_actor& from);
  caf::result<source_actor, flow_grant> subscribe(const start_spec& from,
                                                  const sink_actor& to);
  void input_recorded(input_id input, position from, position to,
                      const chunk& bytes);
  void input_durable(input_id input, position end);
  void input_event(input_id input, const chunk& bytes);
  caf::result<position> end_period(period_id period);
  void group_synced(position end, const caf::error& outcome);
  void out_synced(const caf::error& outcome);
  [[nodiscard]] stream_facts facts() const;
  caf::result<bool> stop();
  [[nodiscard]] std::string status() const;

  void start();
  void progress(const result<sequencer_effects>& outcome);
  void hand_out(const std::vector<sequencer_effects::out_part>& parts);
  void step(const period_ending::input& what);
  void act(const period_ending::ask& what);
  void act(period_ending::propose& what);
  void act(const period_ending::answer& what);
  void act(const period_ending::refuse& what);
  void fail(const error& fault);
  void start_sync();
  void start_checkpoint();
  void sink_went(const caf::actor_addr& who);
  input_sink_actor sink_of(input_id input, const std::string& directory,
                           const persistence::lineage_id& lineage,
                           position merged);
  result<std::optional<position>> resolve(const start_spec& from) const;
  void grant_offers();

  sequencer_self_actor::pointer self;
  persistence::env* env = nullptr;
  std::unique_ptr<sequencer_core> core;
  sequencer_settings settings;
  brood children;
  std::map<input_id, input_sink_actor> sinks;
  struct tail_reader {
    feeder_actor source;
    std::shared_ptr<tail_credit> credit;
  };
  std::vector<tail_reader> readers;
  struct connected_publisher {
    pusher_actor pusher;
    std::string origin;
    input_id input;
  };
  std::map<flow_id, connected_publisher> publishers; ///< By flow.
  struct waiting_offer {
    caf::typed_response_promise<sink_actor, flow_grant> promise;
    sink_actor sink;
    flow_id flow;
    input_id input;
    std::string origin;
    bool has_position = false;
    position end; ///< Of the copy.
  };
  std::vector<waiting_offer> offers;
  flow_id flow_last;

  std::unique_ptr<period_ending> ending;
  std::map<uint64_t, caf::typed_response_promise<position>> period_requests;
  uint64_t period_request_next = 1;
  std::optional<sequencer_core::checkpoint_job> checkpoint;
};

sequencer_self_actor::behavior_type
sequencer(sequencer_self_actor::stateful_pointer<sequencer_state> self,
          persistence::env* world,
          std::shared_ptr<std::unique_ptr<sequencer_core>> core,
          sequencer_settings settings);

} // namespace millrace::rt
