#include <millrace/actors/rt/publish/publisher.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

// Messages to which a publisher wants a response, and the responses.

namespace millrace::rt {

result<publish_token> publisher::request(std::span<const std::byte> payload,
                                         const message_header& header,
                                         payload_kind kind) {
  if (is_local_journal())
    return error{errc::invalid_argument,
                 "topic '" + options_.topic
                   + "': a local journal has no RT that carries responses"};
  if (header.to == null_int || header.to == 0)
    return error{errc::invalid_argument,
                 "header field to: a request waits for a response, for some "
                 "milliseconds"};
  if (!header.on.empty() && header.on != options_.origin)
    return error{errc::invalid_argument,
                 "header field on: responses to '" + std::string{header.on}
                   + "' do not come to the publisher of '" + options_.origin
                   + "'"};
  return append(payload, header, kind, true);
}

error publisher::take_response(int64_t id,
                               std::span<const std::byte> response) {
  const auto held = log_->lock();
  auto why = responses_.take(id, response, env_->clock->monotonic_ns());
  if (why) {
    why.context = "origin '" + options_.origin + "': " + why.context;
    return why;
  }
  log_->notify();
  return {};
}

std::string publisher::how_far(const publish_token& token) const {
  const bool is_committed = reached(ack_level::committed) >= token.end;
  const bool is_synced = reached(ack_level::synced) >= token.end;
  const auto why = troubles();
  const auto held = log_->lock();
  const auto refusal = log_->refusal();
  if (is_committed)
    return "it is committed, and readers of the stream may have seen it"
           + (refusal ? "; " + to_string(refusal) : std::string{});
  return "it is not committed, only "
         + std::string{is_synced ? "synced" : "recorded"} + ": "
         + (refusal ? to_string(refusal)
                    : "RT has not told that it is, and still may; it is kept "
                      "in "
                        + directory_ + why);
}

std::optional<result<std::vector<std::byte>>>
publisher::response(const publish_token& token) {
  auto came = [&] {
    const auto held = log_->lock();
    return responses_.fetch(token.id, env_->clock->monotonic_ns());
  }();
  if (came && came->failure().code == errc::timeout) {
    auto late = came->failure();
    late.context = "origin '" + options_.origin + "': " + late.context + "; "
                   + how_far(token);
    return result<std::vector<std::byte>>{std::move(late)};
  }
  return came;
}

result<std::vector<std::byte>>
publisher::await_response(const publish_token& token) {
  // It goes out at once.
  if (auto fault = log_->await(token.end, ack_level::recorded,
                               std::chrono::milliseconds{});
      fault && fault.code != errc::timeout)
    return fault;
  for (;;) {
    if (auto came = response(token))
      return *std::move(came);
    const auto left_ns = [&] {
      const auto held = log_->lock();
      return responses_.until_ns(token.id) - env_->clock->monotonic_ns();
    }();
    (void)log_->wait_until(
      [&] { return responses_.is_settled(token.id); },
      std::chrono::ceil<std::chrono::milliseconds>(
        std::chrono::nanoseconds{std::max<int64_t>(left_ns, 0)}));
  }
}

} // namespace millrace::rt
