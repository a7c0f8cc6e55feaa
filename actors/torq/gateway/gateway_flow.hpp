#pragma once

#include <millrace/actors/torq/gateway/gateway_query.hpp>
#include <millrace/actors/torq/gateway/result_relay.hpp>
#include <millrace/messages/protocol/owed_answer.hpp>

namespace millrace::torq {

/// GATEWAY FLOW: asks the back ends one question about rows as they are stored,
/// and passes them on to a client as they come. Nothing is decoded.
using gateway_flow_actor = result_source_actor::extend<
  // Answers once both back ends began, and the cut is known.
  caf::replies_to<start_atom>::with<query_cut>,
  // Timer.
  caf::reacts_to<caf::tick_atom>>::extend_with<result_sink_actor>;

/// State of the GATEWAY FLOW: carries out what `cut_query` says until there is
/// a cut, and what `result_relay` says from then on. Ends with the flow.
struct gateway_flow_state {
  static constexpr const char* name = "gateway-flow";

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit gateway_flow_state(gateway_flow_actor::pointer owner)
    : self{owner} {}

  caf::result<query_cut> start();
  void step(cut_query::input what);
  void ask(const cut_query::ask_hdb& what);
  void ask(const cut_query::ask_rdb& what);
  void begin(const query_cut& cut);
  void carry_out(result_relay::effects what);
  void came(flow_id which, const chunk& piece);
  void finished(flow_id which, const caf::error& fault);
  void taken(uint64_t bytes);
  void tick();
  void lost(const caf::down_msg& what);
  void end(const caf::error& fault);
  [[nodiscard]] caf::timespan remaining() const;

  struct asked_backend {
    watched_request request;
    int round = 0;
    flow_id flow;
    caf::actor_addr who;        ///< The back end.
    result_source_actor source; ///< Null: it did not answer.
    /// How the flow ended, told before the answer that names its source, or
    /// before there is a cut.
    std::optional<caf::error> ended;
  };
  /// A request that is new replaces the one before it, and what came of it.
  [[nodiscard]] uint64_t begin_request(asked_backend& to,
                                       const caf::strong_actor_ptr& handle);
  /// A flow began. @param answered what that is to the way to the cut
  void settle(result_relay::side side, uint64_t number,
              const result_source_actor& source, cut_query::input answered);
  /// A back end gave no flow.
  void refused(result_relay::side side, uint64_t number,
               const caf::error& fault);
  /// A back end, or its flow, has failed before there is a cut.
  void fail(result_relay::side side, error fault);
  void let_go(asked_backend& what);
  [[nodiscard]] std::optional<result_relay::side> side_of(flow_id which) const;

  gateway_flow_actor::pointer self;
  persistence::env* env = nullptr;
  std::shared_ptr<const gateway_request> request;
  std::optional<cut_query> way;
  std::optional<result_relay> relay;     ///< Once there is a cut.
  std::array<asked_backend, 2> backends; ///< By side.
  uint64_t flow_last = 0;
  chunk plan_bytes;
  result_sink_actor sink;
  flow_id flow;
  int64_t patience_ns = 0;
  owed_answer<query_cut> owed;
};

/// @param patience_ns how long the flow may stand still, either way
gateway_flow_actor::behavior_type
gateway_flow(gateway_flow_actor::stateful_pointer<gateway_flow_state> self,
             persistence::env* world,
             std::shared_ptr<const gateway_request> request, flow_id flow,
             result_sink_actor sink, int64_t patience_ns);

} // namespace millrace::torq
