#pragma once

#include <millrace/actors/rt/link/flow_sender.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <memory>
#include <optional>

namespace millrace::rt {

/// State of the FEEDER: the SOURCE of one subscription to a log on this node.
struct feeder_state {
  static constexpr const char* name = "feeder";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit feeder_state(source_actor::pointer owner) : self{owner} {}

  void pump();
  void acked(const flow_ack& ack);
  [[nodiscard]] std::string status() const;

  source_actor::pointer self;
  std::unique_ptr<flow_sender> sender;
  sink_actor sink;
  uint64_t flow = 0;
  bool polls = false;
  bool started = false; ///< The sink knows the flow: its first ack came.
};

/// Tells a FEEDER about its log.
struct feeder_options {
  uint64_t flow = 0;
  /// Nobody tells that the log grew (a local journal of another process): look
  /// at the directory every few milliseconds.
  bool polls = false;
};

/// @pre `sender` was started.
source_actor::behavior_type
feeder(source_actor::stateful_pointer<feeder_state> self,
       std::shared_ptr<std::unique_ptr<flow_sender>> sender, sink_actor sink,
       feeder_options options);

} // namespace millrace::rt
