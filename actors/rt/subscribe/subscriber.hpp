#pragma once

#include <millrace/actors/rt/link/link_core.hpp>
#include <millrace/actors/rt/subscribe/consumer_claim.hpp>
#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/messages/protocol/brood.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

// What goes from a subscriber to publishers is in subscriber_answers.cpp, its
// local copy in subscriber_copy.cpp.

namespace millrace::rt {

using deliver_atom = caf::atom_constant<caf::atom("deliver")>;

/// The SUBSCRIBER as it speaks to itself.
using subscriber_self_actor = subscriber_actor::extend<
  // Deliver what waits.
  caf::reacts_to<deliver_atom>,
  // Answers to messages were given.
  caf::reacts_to<respond_atom>,
  // Files of the copy that end before this position went, or did not.
  caf::reacts_to<collected_atom, position, caf::error>,
  // Reconnects, deadlines.
  caf::reacts_to<caf::tick_atom>>;

struct subscriber_options {
  /// A stream's name, or a full path: a local journal, read without RT.
  std::string topic;
  /// The SEQUENCERs: "rt/<stream>" at each RT node; all have the same log, and
  /// the next one is asked when one fails. Of a stream that none orders, the
  /// LOG SERVER of its publisher. Unused for a full path.
  std::vector<endpoint> rt;
  start_spec start;
  /// Directory of a local copy of the stream; empty: none is kept.
  std::string local_copy;
  /// Name of a durable consumer, a plain one: the stream is kept for it from
  /// where this subscription begins, or from the floor that is agreed on;
  /// empty: it takes what is there. It needs nothing before what `needs_from`
  /// of the subscription, or `floor_atom`, says. Another subscription that
  /// takes the name ends this one, by `fenced`.
  std::string consumer;
  /// It begins at the floor that is agreed on, and where the stream begins when
  /// nobody knows the consumer; `start` says nothing.
  bool at_floor = false;
  /// What was delivered, and whose callbacks returned, is needed no more.
  bool floor_follows = false;
  /// The configuration names the consumer: the stream is kept for it, even if
  /// it cannot be registered.
  bool is_declared = false;
  archived_exchange archived = archived_exchange::follow;
  /// Gets lines for a log, by a word that they can be found by:
  /// "damaged_on_the_way": records were, and are refused. "copy_full",
  /// "copy_goes_on": the disk of the local copy had no room. "consumer":
  /// another subscription had its name a moment ago, or it cannot be
  /// registered. "threw": a callback did, "failed": there is no callback that
  /// is told of a failure; either ends the actor, with this for its reason.
  /// Null: nobody does.
  std::function<void(const std::string& id, const std::string& text)> warn{};
};

// What it is as a durable consumer is in subscriber_consumer.cpp.

/// State of the SUBSCRIBER: asks the RT node for the merged log from where it
/// stands, again and again if it must, and delivers it.
struct subscriber_state {
  static constexpr const char* name = "subscriber";
  static constexpr auto request_deadline = std::chrono::seconds{3};

  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit subscriber_state(subscriber_self_actor::pointer owner)
    : self{owner} {}

  struct held_chunk {
    position begin;
    chunk bytes;
  };

  void connect();
  void subscribe(const stream_server_actor& at);
  void begin_flow(const source_actor& from, const flow_grant& grant);
  void forget_places();
  void tell_new_life(position begin);
  void tell_set_back(position begin);
  void refused(const error& why);
  void step(const link_core::input& what);
  void act(const link_core::connect&) { connect(); }
  void act(const link_core::drop&);
  void act(const link_core::ping&) {} // The other end's part.
  void act(const link_core::acknowledge& what);
  void disconnect(const error& why);
  void open_journal();
  void take(flow_id flow, position begin, const chunk& bytes);
  void event(flow_id flow, const chunk& bytes);
  void tell_damage(const error& fault);
  void deliver(const held_chunk& what);
  void deliver(const stream_event& what);
  [[nodiscard]] bool holds_back() const {
    return paused || copy_reader || !held.empty();
  }
  [[nodiscard]] error open_copy(const flow_grant& grant);
  [[nodiscard]] error pass_in_copy(const stream_event& lost);
  void catch_up_from_copy();
  void copy_again(position from);
  void tick();
  void watch_flow();
  void ask_floor();
  void begin_at_floor();
  void tell_floor();
  void say(const consumer_floor& what);
  void took_name(const std::string& from);
  void not_taken(const error& why);
  [[nodiscard]] std::optional<position> needed() const;
  [[nodiscard]] bool leaves();
  caf::result<bool> end();
  void take_lead();
  void prune_stream();
  void collect_copy();
  void copy_collected(position below, const caf::error& outcome);
  void deliver_waiting();
  void fail(const error& fault);
  [[nodiscard]] caf::error threw(const std::exception_ptr& what);
  void finish_if_ended();
  void carry_answers();
  void send_answers();
  void wait_for_room(const error& why);
  void has_room();
  [[nodiscard]] start_spec next_start() const;
  [[nodiscard]] uint32_t sum_before() const;
  [[nodiscard]] status_facts status() const;
  [[nodiscard]] uint64_t held_bytes() const;

  subscriber_self_actor::pointer self;
  persistence::env* env = nullptr;
  connector_actor connector;
  subscriber_options options;
  std::shared_ptr<subscription> control;
  std::unique_ptr<delivery> out;
  lineage_id lineage;
  brood children;
  link_core link{{}};
  source_actor source;
  bool started = false; ///< `out` knows where it stands.
  bool paused = false;
  /// While paused, or while the copy is read; bounded by the window.
  std::deque<std::variant<held_chunk, stream_event>> held;
  std::unique_ptr<persistence::log_replica> copy;
  std::unique_ptr<persistence::log_reader> copy_reader;
  /// The copy is empty, and what is asked for lies inside a file: it gets all
  /// of that file, of which nothing is delivered again.
  bool begins_with_file = false;
  uint64_t damaged_records = 0;  ///< Chunks that were damaged on their way.
  uint64_t copies_mended = 0;    ///< Times that damage in the copy was passed.
  error failure;                 ///< That no callback was told of.
  bool told_ahead = false;       ///< Since the last flow.
  bool told_lost = false;        ///< Since the last flow.
  int64_t flowless_ns = 0;       ///< Since when there is none; 0: there is one.
  bool waits_for_room = false;   ///< Of the copy: a flow is of no use.
  stream_server_actor rt;        ///< That was asked last.
  std::optional<position> floor; ///< As `floor_atom` said it.
  consumer_claim consumer;
  position registers_at; ///< Where the first flow began.
  bool told_refusal = false;
  bool gave_up_name = false; ///< It ends, and could not take it.
  bool leaving = false;      ///< Its last word is under way, or was said.
  bool left = false;         ///< There is nothing more to say,
  bool agreed = true;        ///< and what it passed is agreed on.
  std::optional<caf::typed_response_promise<bool>> ended;
  position stream_begin; ///< As its source said.
  position copy_asked;   ///< Files of the copy before it go, or went.
  bool collecting_copy = false;
  std::string lead; ///< Who decides what goes, as the stream said last.
  int64_t lead_at_ns = 0;
  bool pruning = false;
  class given_answers;
  std::shared_ptr<given_answers> answers; ///< By any thread.
  size_t asked = 0;                       ///< Of `options.rt`.
  size_t hopeless = 0; ///< Nodes in turn that can never serve this place.
  uint64_t answers_taken = 0;   ///< By the publishers of the messages.
  uint64_t answers_refused = 0; ///< They did not count, or did not get there.
};

/// Deliveries run inside this actor: they must not block for long.
subscriber_self_actor::behavior_type
subscriber(subscriber_self_actor::stateful_pointer<subscriber_state> self,
           persistence::env* world, connector_actor connector,
           subscriber_options options, std::shared_ptr<subscription> control,
           std::shared_ptr<subscription_handlers> handlers);

} // namespace millrace::rt
