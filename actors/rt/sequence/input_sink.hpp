#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <caf/stateful_actor.hpp>

#include <memory>
#include <string>

namespace millrace::rt {

struct input_sink_options {
  uint32_t input = 0;
  std::string directory; ///< Of the copy.
  persistence::lineage_id lineage;
  position merged; ///< What the stream holds of it already.
  bool cached = false;
};

/// State of the INPUT SINK: verifies what a publisher sends, grows the copy,
/// makes it durable, and hands it to its SEQUENCER in order.
struct input_sink_state {
  static constexpr const char* name = "input-sink";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit input_sink_state(input_sink_actor::pointer owner) : self{owner} {}

  error open(persistence::env& world, input_sink_options how,
             sequencer_actor whose);
  caf::result<bool, uint64_t> offer(uint64_t flow, const pusher_actor& from);
  void take(uint64_t flow, uint64_t begin, const chunk& bytes);
  void event(uint64_t flow, const chunk& event_bytes);
  void ping(uint64_t flow);
  void merged_up_to(uint64_t end);
  void synced(uint64_t end, const caf::error& outcome);
  [[nodiscard]] std::string status() const;

  error verify(position at, std::span<const std::byte> bytes) const;
  error hand_over_unmerged();
  void start_sync();
  void acknowledge();
  void fail(const error& fault);

  input_sink_actor::pointer self;
  persistence::env* env = nullptr;
  input_sink_options options;
  sequencer_actor sequencer;
  std::unique_ptr<persistence::log_replica> replica;
  pusher_actor source;
  uint64_t current_flow = 0;
  uint64_t bytes_taken = 0;
  uint64_t durable_end = 0;
  uint64_t merged_end = 0;
  bool sync_running = false;
  bool broken = false;
};

/// @pre nobody else writes `options.directory`.
input_sink_actor::behavior_type
input_sink(input_sink_actor::stateful_pointer<input_sink_state> self,
           persistence::env* world, input_sink_options options,
           sequencer_actor sequencer);

} // namespace millrace::rt
