#pragma once

#include <millrace/actors/rt/link/feeder.hpp>
#include <millrace/actors/rt/link/flow_sender.hpp>
#include <millrace/actors/rt/link/link_core.hpp>
#include <millrace/actors/rt/publish/granted_place.hpp>
#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include <caf/stateful_actor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace millrace::rt {

struct pusher_options {
  endpoint rt; ///< The SEQUENCER: "rt/<stream>" at an RT node.
  std::string stream;
  /// Told of harm to the publisher's log; see publisher::look_after_file.
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

using pull_atom = caf::atom_constant<caf::atom("pull")>;

/// The PUSHER as it speaks to itself.
using pusher_self_actor = pusher_actor::extend<
  // The publisher wrote up to this position; its new bytes, if they were at
  // hand and their credit was taken.
  caf::reacts_to<grew_atom, position, chunk>,
  // Files of the log were let go, or could not be.
  caf::reacts_to<collected_atom, caf::error>,
  // Ask the publisher again whether it has more.
  caf::reacts_to<pull_atom>,
  // Reconnects, heartbeats.
  caf::reacts_to<caf::tick_atom>>;

/// How far a replicator has come.
struct replicator_facts {
  link_core::phase_type phase = link_core::phase_type::away;
  position where; ///< Up to which this flow sent the log; 0 without one.
  error last_failure;
  error collect_failure; ///< Why old files of the log stay, or a note beside it
                         ///< is not written; none: all is as it should be.
  std::string harm;      ///< What was done to its newest file; empty: nothing.
  uint64_t refused_responses
    = 0; ///< Of consumers, to the publisher's messages.
};

/// As `status` shows it.
[[nodiscard]] status_facts to_status(const replicator_facts& facts);

/// State of the PUSHER: the replicator beside a publisher. Connects to the RT
/// node, for ever and with back-off, and sends the publisher's log from where
/// the node's copy ends.
struct pusher_state {
  static constexpr const char* name = "pusher";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit pusher_state(pusher_self_actor::pointer owner) : self{owner} {}

  void connect();
  [[nodiscard]] input_offer offered() const;
  void offer(const sequencer_actor& at);
  void ask_what_is_merged();
  void learn(const flow_grant& facts);
  void begin_flow(const sink_actor& to, const flow_grant& grant);
  void step(const link_core::input& what);
  void act(const link_core::connect&) { connect(); }
  void compare(const granted& place, const flow_grant& grant);
  void start_flow(std::optional<position> from, const flow_grant& grant);
  void refused(const error& why);
  void fenced(const error& why);
  void disagreed(const error& why);
  [[nodiscard]] caf::result<position, chunk> fetch(position from,
                                                   position to) const;
  void act(const link_core::drop&);
  void act(const link_core::ping&);
  void act(const link_core::acknowledge&) {} // The other end's part.
  void disconnect(const error& why) {
    source->found_trouble(to_string(options.rt), why);
    in_trouble = true;
    step(link_core::failed{why});
  }
  void pump();
  void grew(position end, const chunk& tail);
  void pull_if_idle();
  void pull(bool insist);
  void acked(const flow_ack& ack);
  /// @param by the life of the stream; not known: it has none yet
  void merged(position end, const lineage_id& by);
  void collected(const collected_copy& copy);
  void in_background(std::function<error()> job);
  void pass_damage();
  void look_after_file();
  void tick();
  /// RT ends a period: the marker comes after all that was published before.
  void mark(period_id period);
  [[nodiscard]] replicator_facts facts() const;

  pusher_self_actor::pointer self;
  persistence::env* env = nullptr;
  std::shared_ptr<publisher> source;
  connector_actor connector;
  pusher_options options;
  std::unique_ptr<flow_sender> sender;
  position holds; ///< What RT held when the flow began.
  std::shared_ptr<tail_credit> credit;
  link_core link{{.sends = true}};
  sequencer_actor rt; ///< That was connected last.
  bool asks = false;  ///< It was asked what is merged.
  uint64_t seen = 0;  ///< The newest epoch of the origin that RT told.
  /// The life of the stream that this node is of, and what it merged.
  merged_note merged_log;
  sink_actor sink;
  collected_copy told_collected; ///< As the RT node told last.
  error collect_failure;
  bool in_trouble = false; ///< The source was told so.
  std::string harm;        ///< Of the log, that this one found last.
  bool owes_pull = true;   ///< The source waits to be asked for more.
};

pusher_self_actor::behavior_type
pusher(pusher_self_actor::stateful_pointer<pusher_state> self,
       persistence::env* world, std::shared_ptr<publisher> source,
       connector_actor connector, pusher_options options);

} // namespace millrace::rt
