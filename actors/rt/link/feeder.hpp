#pragma once

#include <millrace/actors/rt/link/flow_sender.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/stateful_actor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace millrace::rt {

using grew_atom = caf::atom_constant<caf::atom("grew")>;
using mend_atom = caf::atom_constant<caf::atom("mend")>;

/// FEEDER: the SOURCE of one subscription to a log on this node.
using feeder_actor = source_actor::extend<
  // The log grew up to this position; its new bytes, if they were at hand and
  // their credit was taken.
  caf::reacts_to<grew_atom, position, chunk>,
  // The files of the log before that of this position went.
  caf::reacts_to<collected_atom, position>,
  // INTERNAL: heartbeat.
  caf::reacts_to<caf::tick_atom>>;

/// Mends the log under a FEEDER, if it can.
using mender_actor = caf::typed_actor<
  // A file of the log is damaged here, or gone, or lacks what was lost; answers
  // whether that changed: true also where the place of what is lost is kept, so
  // that all else of the file can be read. `pruned`: it was collected.
  caf::replies_to<mend_atom, position>::with<bool>>;

/// How far the flow of a FEEDER has come.
struct feeder_facts {
  position where;
  position taken; ///< By the sink, as it acknowledged.
  uint64_t sent_bytes = 0;
};

/// A position that one actor sets and others read.
using shared_position = std::atomic<uint64_t>;

/// As `status` shows it.
[[nodiscard]] status_facts to_status(const feeder_facts& facts);

/// State of the FEEDER.
struct feeder_state {
  static constexpr const char* name = "feeder";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit feeder_state(feeder_actor::pointer owner) : self{owner} {}

  void pump();
  /// Sends an event, or has the damage mended first. @returns whether the flow
  /// goes on now.
  bool take(const stream_event& event);
  void send(const stream_event& event);
  void mend_end();
  /// @param event that is sent if it cannot be mended; none: none is
  void ask_mender(position at, std::optional<stream_event> event);
  void mended(bool whole, position at,
              const std::optional<stream_event>& event);
  void acked(const flow_ack& ack);
  void tell_taken();
  [[nodiscard]] feeder_facts facts() const {
    return {sender->where(), sender->taken(), sender->sent()};
  }

  feeder_actor::pointer self;
  std::unique_ptr<flow_sender> sender;
  sink_actor sink;
  flow_id flow;
  position begin;                         ///< Of the log.
  mender_actor mender;                    ///< Null: nobody mends.
  std::shared_ptr<shared_position> taken; ///< Null: nobody asks.
  bool polls = false;
  bool started = false; ///< The sink knows the flow: its first ack came.
  bool mending = false; ///< The flow waits for its log.
  /// What the mender was asked for last, and nothing was read after; and what
  /// it was asked for.
  std::optional<position> asked_at;
  event_kind asked_for = event_kind::badtail;
  /// What stands for lost bytes, while the mender is asked whether it has them.
  std::optional<flow_sender::part> held;
};

/// Tells a FEEDER about its log.
struct feeder_options {
  flow_id flow;
  /// Nobody tells that the log grew (a local journal of another process): look
  /// at the directory every few milliseconds.
  bool polls = false;
  /// Before damage is told it is asked to mend it.
  mender_actor mender{};
  /// Files before that of this place went already.
  position begin{};
  /// Kept at how far the sink took the log in, for others to see.
  std::shared_ptr<shared_position> taken{};
};

/// @pre `sender` was started.
feeder_actor::behavior_type
feeder(feeder_actor::stateful_pointer<feeder_state> self,
       std::shared_ptr<std::unique_ptr<flow_sender>> sender, sink_actor sink,
       feeder_options options);

} // namespace millrace::rt
