#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/data/table_batch.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <utility>

namespace millrace::rt {

using persistence::record_kind;

void subscription::prune(position at) {
  const std::scoped_lock lock{pruning_};
  prune_.asked = std::max(prune_.asked, at);
}

void subscription::note_pruned(position done, error why) {
  const std::scoped_lock lock{pruning_};
  prune_.done = std::max(prune_.done, done);
  prune_.failure = std::move(why);
}

subscription::prune_state subscription::pruned() const {
  const std::scoped_lock lock{pruning_};
  return prune_;
}

void subscription::carry_answers(answer_carrier carry,
                                 std::function<int64_t()> wall_time) {
  const std::scoped_lock lock{answering_};
  carry_ = std::move(carry);
  wall_time_ = std::move(wall_time);
}

error subscription::respond(const message_header& header,
                            std::span<const std::byte> payload,
                            std::function<void(const error&)> told) {
  const auto name = [&] {
    return "message " + std::to_string(header.id) + " of '"
           + std::string{header.on} + "'";
  };
  if (header.to == null_int || header.to == 0)
    return {errc::invalid_argument, name() + ": no response is wanted"};
  const std::scoped_lock lock{answering_};
  if (!carry_ || stopped_)
    return {errc::closed, name() + ": the subscription of '" + topic_
                            + "' carries no responses (any more)"};
  // Clocks of hosts differ: what is not of long ago its publisher judges.
  constexpr int64_t difference_ns = 60'000'000'000;
  int64_t age_ns = 0;
  if (!__builtin_sub_overflow(wall_time_(), header.ts, &age_ns)
      && age_ns >= int64_t{header.to} * 1'000'000 + difference_ns)
    return {errc::timeout, name() + ": nobody waits for a response any more"};
  return carry_({std::string{header.on},
                 header.id,
                 {payload.begin(), payload.end()},
                 std::move(told)});
}

void subscription::needs_from(position at) {
  const std::scoped_lock lock{pruning_};
  floor_.needed = std::max(floor_.needed.value_or(position{}), at);
}

void subscription::note_agreed(position at) {
  const std::scoped_lock lock{pruning_};
  floor_.agreed = std::max(floor_.agreed, at);
}

subscription::floor_state subscription::floor() const {
  const std::scoped_lock lock{pruning_};
  return floor_;
}

void subscription::unsubscribe() {
  stopped_ = true;
  if (deliverer_.load() == std::this_thread::get_id())
    return;
  const std::scoped_lock wait_for_a_running_callback{delivering_};
}

std::string describe(const stream_event& event, const std::string& topic) {
  std::string name{to_string(event.kind)};
  name[0]
    = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name + " event in " + topic + ", rolling position from "
         + std::to_string(event.from.value) + " to "
         + std::to_string(event.to.value);
}

namespace {

/// What is done with events that no subscription handles itself.
class default_event_handling {
public:
  void set(default_event_handler handler) {
    const std::scoped_lock lock{mutex_};
    handler_ = handler
                 ? std::make_shared<default_event_handler>(std::move(handler))
                 : nullptr;
  }
  void handle(const stream_event& event, const std::string& topic) {
    const auto handler = [&] {
      const std::scoped_lock lock{mutex_};
      return handler_;
    }();
    if (handler)
      return (*handler)(event, topic);
    if (event.kind == event_kind::schema)
      return;
    std::printf("%s\n", describe(event, topic).c_str());
    std::fflush(stdout);
  }

private:
  std::mutex mutex_;
  std::shared_ptr<default_event_handler> handler_; ///< Under `mutex_`.
};

default_event_handling default_events;

} // namespace

void set_default_event_handler(default_event_handler handler) {
  default_events.set(std::move(handler));
}

/// Marks the thread that delivers, so that `unsubscribe` knows itself inside.
class delivery::in_callback {
public:
  explicit in_callback(subscription& control)
    : control_{control}, lock_{control.delivering_} {
    control_.deliverer_ = std::this_thread::get_id();
  }
  ~in_callback() { control_.deliverer_ = std::thread::id{}; }
  in_callback(const in_callback&) = delete;
  in_callback& operator=(const in_callback&) = delete;

private:
  subscription& control_;
  std::scoped_lock<std::mutex> lock_;
};

delivery::delivery(std::shared_ptr<subscription> control,
                   subscription_handlers handlers)
  : control_{std::move(control)}, handlers_{std::move(handlers)} {
  if (!handlers_.on_event)
    handlers_.on_event
      = [topic = control_->topic()](const stream_event& event) {
          default_events.handle(event, topic);
        };
}

error delivery::take(const lineage_id& lineage, position at,
                     std::span<const std::byte> bytes) {
  const in_callback guard{*control_};
  if (!follows(at))
    return {errc::bad_position, control_->topic() + ": the records at "
                                  + to_string(at) + " do not follow "
                                  + to_string(where_)};
  while (!bytes.empty() && control_->active()) {
    const auto parsed = persistence::parse_record(
      bytes, lineage, at, persistence::payload_check::verify);
    if (parsed.kind != persistence::parse_outcome::what::record)
      return {errc::corrupt,
              control_->topic() + ": bytes at " + to_string(at)
                + " are not a record: " + std::string{parsed.reason}};
    const position end{at.value + parsed.record.length};
    if (at.session() > where_.session() && where_ != position{})
      session_left_ = where_;
    if (end > where_ || MILLRACE_PLANTED(deliver_again_after_a_reconnect)) {
      deliver_record(at, parsed.record);
      if (control_->refused_)
        break;
      if (control_->active()) {
        where_ = end;
        std::memcpy(&sum_, bytes.data(), sizeof sum_);
        file_ended_ = parsed.record.kind == record_kind::seal;
      }
    }
    at = end;
    bytes = bytes.subspan(parsed.record.length);
  }
  if (control_->active() && handlers_.on_batch_end)
    handlers_.on_batch_end(where_);
  return std::exchange(control_->refused_, {});
}

void delivery::deliver_record(position at,
                              const persistence::record_view& record) {
  if (record.kind == record_kind::padding)
    return deliver_lost(at, record.length);
  auto offset = record.first_frame;
  for (uint32_t i = 0; i < record.frame_count && control_->active(); ++i) {
    const auto frame = record.frame_at(offset);
    offset = frame.end;
    const position end{at.value + frame.end};
    if (end <= where_ && !MILLRACE_PLANTED(deliver_again_after_a_reconnect))
      continue;
    const position begin{at.value + (i == 0 ? 0 : frame.begin)};
    switch (record.kind) {
      case record_kind::messages:
        if (handlers_.on_message)
          handlers_.on_message({frame.header, frame.kind, frame.payload, begin},
                               end);
        session_left_ = {};
        if (control_->refused_)
          return;
        ++delivered_;
        break;
      case record_kind::event:
        if (auto event = decode_stream_event(frame.payload))
          deliver_event(*std::move(event), begin, end);
        break;
      case record_kind::marker:
        if (auto marker = decode_end_of_period(frame.payload);
            marker && handlers_.on_period)
          handlers_.on_period(marker->period, end);
        break;
      case record_kind::state:
      case record_kind::seal:
      case record_kind::padding:
        break;
    }
    go_to(end);
  }
}

/// Who stood in it misses the rest.
void delivery::deliver_lost(position at, uint32_t bytes) {
  const position end{at.value + bytes};
  stream_event event;
  event.kind = event_kind::badtail;
  event.from = std::clamp(where_, at, end);
  event.to = end;
  event.cause = persistence::lost_text(end.value - event.from.value);
  handlers_.on_event(event);
  go_to(end);
}

void delivery::deliver_event(stream_event event, position begin, position end) {
  // An event of the merged log lies in it: its pair is its own place. That of a
  // reset which begins a session begins where the one before it ended.
  if (event.from.value == 0 && event.to.value == 0) {
    const auto left = std::exchange(session_left_, {});
    event.from
      = event.kind == event_kind::reset && left != position{} ? left : begin;
    event.to = end;
  }
  handlers_.on_event(event);
}

/// After a seal comes the start of a later file; any other leap is an event.
bool delivery::follows(position at) const noexcept {
  return at <= where_ || (file_ended_ && at.offset() == 0);
}

void delivery::take(const stream_event& event) {
  tell(event);
  go_to(event.to);
  file_ended_ = true;
}

void delivery::tell(const stream_event& event) {
  const in_callback guard{*control_};
  if (control_->active())
    handlers_.on_event(event);
}

void delivery::begin_flow(lineage_id life, position end) {
  const in_callback guard{*control_};
  if (control_->active() && handlers_.on_flow)
    handlers_.on_flow(life, end);
}

void delivery::lose_flow(const error& why) {
  const in_callback guard{*control_};
  if (control_->active() && handlers_.on_lost)
    handlers_.on_lost(why);
}

bool delivery::fail(const error& fault) {
  const in_callback guard{*control_};
  if (!control_->active())
    return true;
  if (handlers_.on_failure)
    handlers_.on_failure(fault);
  control_->stopped_ = true;
  return handlers_.on_failure != nullptr;
}

} // namespace millrace::rt
