#pragma once

#include <millrace/actors/rt/link/flow_sender.hpp>
#include <millrace/actors/rt/link/link_core.hpp>
#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include <caf/stateful_actor.hpp>

#include <functional>
#include <memory>

namespace millrace::rt {

struct pusher_options {
  endpoint rt; ///< The SEQUENCER: "rt/<stream>" at an RT node.
  std::string stream;
  /// Called when RT asks to end a period; default: publish the marker at once.
  /// A feed handler puts it behind its last row of the period.
  std::function<void(int64_t period)> on_period;
  /// Called with the source cursors RT merged for the origin (JSON object:
  /// name -> {offset,row}) and its highest merged |id|, once a connection.
  std::function<void(const std::string& cursors, int64_t watermark)> on_cursors;
};

/// State of the PUSHER: the replicator beside a publisher. Connects to the RT
/// node, for ever and with back-off, and sends the publisher's log from where
/// the node's copy ends.
struct pusher_state {
  static constexpr const char* name = "pusher";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit pusher_state(pusher_actor::pointer owner) : self{owner} {}

  void connect();
  void offer(const sequencer_actor& at);
  void begin_flow(const sink_actor& to, const flow_grant& grant);
  void step(const link_core::input& what);
  void act(const link_core::connect&) { connect(); }
  void act(const link_core::drop&);
  void act(const link_core::ping&);
  void act(const link_core::acknowledge&) {} // The other end's part.
  void disconnect(const error& why) { step(link_core::failed{why}); }
  void pump();
  void grew(position end, const chunk& tail);
  void pull_if_idle();
  void pull(bool insist);
  void acked(const flow_ack& ack);
  void merged(position end);
  void tick();
  void end_period(int64_t period);
  [[nodiscard]] std::string status() const;

  pusher_actor::pointer self;
  persistence::env* env = nullptr;
  std::shared_ptr<publisher> source;
  connector_actor connector;
  pusher_options options;
  std::unique_ptr<flow_sender> sender;
  std::shared_ptr<tail_credit> credit;
  link_core link{{.sends = true}};
  sink_actor sink;
  bool owes_pull = true; ///< The source waits to be asked for more.
};

pusher_actor::behavior_type
pusher(pusher_actor::stateful_pointer<pusher_state> self,
       persistence::env* world, std::shared_ptr<publisher> source,
       connector_actor connector, pusher_options options);

} // namespace millrace::rt
