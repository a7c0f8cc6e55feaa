#pragma once

#include <millrace/messages/data/events.hpp>
#include <millrace/messages/data/header.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace millrace::rt {

/// One message as a callback sees it. Spans and views die with the call.
struct message {
  message_header header;
  payload_kind kind = payload_kind::opaque;
  std::span<const std::byte> payload; ///< 8-byte aligned.
  position begin;
};

/// What a consumer answers to a message.
struct message_answer {
  std::string on;
  int64_t id = null_long;
  std::vector<std::byte> payload;
  /// Told once, from the subscription's own thread, whether it counts: no
  /// error, or why not (see subscription::respond). Null: nobody asks.
  std::function<void(const error&)> told;
};

/// What a subscription has to do with files that are needed no more.
enum class archived_exchange : uint8_t {
  follow, ///< Its copy loses the files that the stream loses.
  own,    ///< Its copy keeps them, until it prunes them itself.
  lead,   ///< As `follow`, and what it prunes goes from the stream.
};

/// The user's hold on a running subscription. Thread safe.
class subscription {
public:
  explicit subscription(std::string topic) : topic_{std::move(topic)} {}

  /// Ends the deliveries. May be called from inside the message callback, from
  /// inside the event callback, and from any other thread; when it returns to
  /// another thread no callback is running, and none will run. Harmless twice.
  void unsubscribe();

  /// From inside the message callback only: this message could not be taken,
  /// now. It and what follows come again, in a while.
  void refuse(error why) { refused_ = std::move(why); }

  /// Answers a message that a callback was given, to the publisher that waits
  /// for it (`header.to`). From any thread, inside the callback or after it;
  /// the first answer counts. It is stored nowhere, and lost with a connection.
  /// @param told is told, soon and once, whether it counts: no error, or
  ///   `already_exists` (another came before), `not_found` (nobody waits: it
  ///   was not requested, or by an earlier life of the publisher), `timeout`,
  ///   `unavailable` (its publisher, or RT, is not connected), `oversize` (1
  ///   MiB), `limit_exceeded`.
  /// @returns `invalid_argument` where no response is wanted, `timeout` where
  ///   header.ts + header.to has passed, as with what is replayed; `busy` while
  ///   64 MiB or 65,536 answers are on their way; `closed` after the
  ///   subscription ended, and of a local journal. `told` hears nothing then.
  // lint: allow(half_used): for programs.
  [[nodiscard]] error respond(const message_header& header,
                              std::span<const std::byte> payload,
                              std::function<void(const error&)> told = {});

  /// All before this position, one that a callback was given, is needed no
  /// more: the closed files of the local copy that end before it go soon, or,
  /// when this subscription leads (see archived_exchange), those of the stream
  /// and of all copies that follow it. From any thread.
  void prune(position at);

  /// What became of the wishes to prune.
  struct prune_state {
    position asked; ///< The highest.
    position done;  ///< As far as it was carried out, here or in the stream.
    error failure;  ///< Why the last try was refused; it is tried again.
  };
  [[nodiscard]] prune_state pruned() const;

  /// Of a durable consumer: all before this position, one that a callback was
  /// given, is needed no more, in this life and in later ones: the stream may
  /// let it go, and a later subscription of the name goes on here. It reaches
  /// the stream within a second, and is agreed on within ten, or when the
  /// subscription ends by `unsubscribe`: what was passed since may come again.
  /// Never goes back. From any thread.
  void needs_from(position at);

  /// What became of that.
  struct floor_state {
    std::optional<position> needed; ///< The highest that was said.
    position agreed; ///< From here on the stream is kept, as it said last.
  };
  [[nodiscard]] floor_state floor() const;

  [[nodiscard]] bool active() const noexcept { return !stopped_; }
  [[nodiscard]] const std::string& topic() const noexcept { return topic_; }

private:
  friend class delivery;
  friend struct subscriber_state;
  void note_pruned(position done, error why);
  /// From now on answers are handed over so; null: none is.
  using answer_carrier = std::function<error(message_answer)>;
  void carry_answers(answer_carrier carry,
                     std::function<int64_t()> wall_time = {});
  void note_agreed(position at);
  std::string topic_;
  std::atomic<bool> stopped_{false};
  error refused_; ///< Under `delivering_`.
  std::atomic<std::thread::id> deliverer_{};
  std::mutex delivering_;
  std::mutex answering_;
  answer_carrier carry_;               ///< Under `answering_`.
  std::function<int64_t()> wall_time_; ///< Under `answering_`.
  mutable std::mutex pruning_;
  prune_state prune_; ///< Under `pruning_`.
  floor_state floor_; ///< Under `pruning_`.
};

/// What a subscription calls, always in stream order and never two at a time.
/// A callback that throws ends the subscription, and the process that it is of:
/// no other callback is told of it.
struct subscription_handlers {
  /// A message, and the position to resume at after it.
  std::function<void(const message&, position end)> on_message;
  /// An event; the stream goes on at event.to. Empty: printed to stdout as
  /// "Reset event in <topic>, rolling position from <from> to <to>", unless
  /// `set_default_event_handler` said otherwise.
  std::function<void(const stream_event&)> on_event;
  /// The period ended here; rows after `end` belong to later periods.
  std::function<void(period_id period, position end)> on_period;
  /// After each run of deliveries: the position reached. A good place to
  /// publish state or to store a checkpoint.
  std::function<void(position)> on_batch_end;
  /// A flow began, the first or one after a connection was lost: the life of
  /// the stream, and where it ended then. Comes before what the flow brings.
  std::function<void(lineage_id life, position end)> on_flow;
  /// There has been no flow for two seconds: no node of the stream gives one,
  /// for this reason. Once, until the next flow begins.
  std::function<void(const error&)> on_lost;
  /// The subscription ended because of this and will not go on. Empty: it ends
  /// the process that the subscription is of.
  std::function<void(const error&)> on_failure;
};

/// One line of text that says what happened to the stream, and where.
[[nodiscard]] std::string describe(const stream_event& event,
                                   const std::string& topic);

/// What subscriptions of this process without an `on_event` do with an event of
/// the stream of that name.
using default_event_handler
  = std::function<void(const stream_event& event, const std::string& topic)>;

/// Takes the place of the printing, from the next event on, also of those that
/// run. Runs in the threads that deliver, several at a time. Null: they print.
/// Thread safe.
// lint: allow(half_used): for programs.
void set_default_event_handler(default_event_handler handler);

/// Verifies log bytes and calls the handlers: the part of a subscriber that
/// needs no actor. One owner.
class delivery {
public:
  delivery(std::shared_ptr<subscription> control,
           subscription_handlers handlers);

  /// Delivers the whole records in `bytes`, which lie at `at`, passing over
  /// what ends at or before `where()`. Stops when the subscription was ended.
  /// `corrupt`: nothing of the damaged record was delivered. `bad_position`:
  /// they do not follow, something lies between; nothing was delivered. What
  /// the callback refused is returned as it said; `where()` is before it.
  [[nodiscard]] error take(const lineage_id& lineage, position at,
                           std::span<const std::byte> bytes);
  /// Delivers an event that no record holds; its `to` becomes where().
  void take(const stream_event& event);
  /// The same, of something that does not move the subscription.
  void tell(const stream_event& event);
  /// A flow began.
  void begin_flow(lineage_id life, position end);
  /// None begins, because of this.
  void lose_flow(const error& why);
  /// @returns whether a callback was told, or nobody waits for one any more
  bool fail(const error& fault);

  /// End of the last delivery: where to resume.
  [[nodiscard]] position where() const noexcept { return where_; }
  /// Of the record that ends at where(), as its header has it; 0: not known.
  [[nodiscard]] uint32_t sum() const noexcept { return sum_; }
  void start_at(position from) noexcept { go_to(from); }
  [[nodiscard]] uint64_t delivered() const noexcept { return delivered_; }

private:
  [[nodiscard]] bool follows(position at) const noexcept;
  void go_to(position at) noexcept {
    where_ = at;
    sum_ = 0;
  }
  void deliver_record(position at, const persistence::record_view& record);
  void deliver_lost(position at, uint32_t bytes);
  void deliver_event(stream_event event, position begin, position end);
  class in_callback;

  std::shared_ptr<subscription> control_;
  subscription_handlers handlers_;
  position where_;
  /// Where it stood at the end of the session before, until something of the
  /// next one is delivered.
  position session_left_;
  uint32_t sum_ = 0;
  bool file_ended_ = true; ///< The next record may begin a later file.
  uint64_t delivered_ = 0;
};

} // namespace millrace::rt
