#pragma once

#include <millrace/actors/rt/link/flow_sender.hpp>
#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include <caf/stateful_actor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::rt {

struct sequencer_settings {
  /// How long an end of period waits for publishers that are connected.
  int64_t period_grace_ns = 5'000'000'000;
};

/// State of the SEQUENCER: the actor around sequencer_core. A failure of its
/// storage ends it; its node goes down with it.
struct sequencer_state {
  static constexpr const char* name = "sequencer";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit sequencer_state(sequencer_actor::pointer owner) : self{owner} {}

  caf::result<sink_actor, flow_grant> offer(const input_offer& what,
                                            const pusher_actor& from);
  caf::result<source_actor, flow_grant> subscribe(const start_spec& from,
                                                  const sink_actor& to);
  void input_grew(uint32_t input, uint64_t from, uint64_t to,
                  const chunk& bytes);
  void input_durable(uint32_t input, uint64_t end);
  void input_event(uint32_t input, const chunk& bytes);
  void input_failed(uint32_t input, const caf::error& fault);
  caf::result<uint64_t> end_period(int64_t period);
  void synced(uint8_t what, uint64_t end, const caf::error& outcome);
  caf::result<bool> stop();
  [[nodiscard]] std::string status() const;

  void start();
  void progress(const error& fault);
  void start_sync();
  void start_checkpoint();
  void sink_went(const caf::actor_addr& who);
  input_sink_actor sink_of(uint32_t input, const std::string& directory,
                           const persistence::lineage_id& lineage,
                           position merged);
  result<std::optional<position>> resolve(const start_spec& from) const;
  void grant_offers();
  void marker_merged(const std::string& origin, int64_t period);
  void period_ended(int64_t period, position end);
  void close_period_if_ready();

  sequencer_actor::pointer self;
  persistence::env* env = nullptr;
  std::unique_ptr<sequencer_core> core;
  sequencer_settings settings;
  brood children;
  std::map<uint32_t, input_sink_actor> sinks;
  struct tail_reader {
    source_actor source;
    std::shared_ptr<tail_credit> credit;
  };
  std::vector<tail_reader> readers;
  struct connected_publisher {
    pusher_actor pusher;
    std::string origin;
    uint32_t input = 0;
  };
  std::map<uint64_t, connected_publisher> publishers; ///< By flow.
  struct waiting_offer {
    caf::typed_response_promise<sink_actor, flow_grant> promise;
    sink_actor sink;
    uint64_t flow = 0;
    uint32_t input = 0;
    std::string origin;
    bool has_position = false;
    position end; ///< Of the copy.
  };
  std::vector<waiting_offer> offers;
  uint64_t flow_next = 1;
  bool stopping = false;

  struct ending_period {
    int64_t period = 0;
    std::set<std::string> awaited; ///< Origins whose marker has not come.
    int64_t deadline_ns = 0;
    bool proposed = false;
    std::vector<caf::typed_response_promise<uint64_t>> waiting;
  };
  std::map<int64_t, ending_period> ending;
  std::optional<sequencer_core::checkpoint_job> checkpoint;
};

sequencer_actor::behavior_type
sequencer(sequencer_actor::stateful_pointer<sequencer_state> self,
          persistence::env* world,
          std::shared_ptr<std::unique_ptr<sequencer_core>> core,
          sequencer_settings settings);

} // namespace millrace::rt
