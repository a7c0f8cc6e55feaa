#include <millrace/actors/rt/publish/awaited_responses.hpp>

#include <string>
#include <utility>

namespace millrace::rt {

error awaited_responses::expect(int64_t id, int64_t until_ns, int64_t now_ns) {
  if (waiting_.size() >= waiting_max)
    drop_old(now_ns);
  if (waiting_.size() >= waiting_max)
    return {errc::limit_exceeded,
            std::to_string(waiting_max)
              + " messages wait for a response: fetch those that came"};
  waiting_[id] = {until_ns, std::nullopt};
  return {};
}

error awaited_responses::judge(int64_t id, std::span<const std::byte> response,
                               int64_t now_ns) const {
  const auto text = "message " + std::to_string(id);
  const auto found = waiting_.find(id);
  if (found == waiting_.end())
    return {errc::not_found, text + ": nobody waits for a response"};
  if (found->second.response)
    return {errc::already_exists, text + ": another response came before"};
  if (now_ns >= found->second.until_ns)
    return {errc::timeout, text + ": the response came too late"};
  if (bytes_ + response.size() > bytes_max)
    return {errc::limit_exceeded,
            text + ": " + std::to_string(bytes_)
              + " bytes of responses wait to be fetched at the publisher"};
  return {};
}

error awaited_responses::take(int64_t id, std::span<const std::byte> response,
                              int64_t now_ns) {
  auto why = judge(id, response, now_ns);
  if (why.code == errc::limit_exceeded) {
    drop_old(now_ns);
    why = judge(id, response, now_ns);
  }
  if (why) {
    ++refused_;
    return why;
  }
  waiting_[id].response.emplace(response.begin(), response.end());
  bytes_ += response.size();
  return {};
}

std::optional<result<awaited_responses::bytes>>
awaited_responses::fetch(int64_t id, int64_t now_ns) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end())
    return result<bytes>{
      error{errc::not_found,
            "message " + std::to_string(id) + ": nobody waits for a response"}};
  if (auto& response = found->second.response) {
    result<bytes> out{*std::move(response)};
    bytes_ -= out->size();
    waiting_.erase(found);
    return out;
  }
  if (now_ns < found->second.until_ns)
    return std::nullopt;
  waiting_.erase(found);
  return result<bytes>{error{errc::timeout, "message " + std::to_string(id)
                                              + ": no response came in time"}};
}

void awaited_responses::drop(int64_t id) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end())
    return;
  if (found->second.response)
    bytes_ -= found->second.response->size();
  waiting_.erase(found);
}

void awaited_responses::drop_old(int64_t now_ns) {
  constexpr int64_t again_ns = 1'000'000'000;
  if (now_ns < drop_at_ns_)
    return;
  drop_at_ns_ = now_ns + again_ns;
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    const auto id = next->first;
    const bool is_old = now_ns - next->second.until_ns >= kept_ns;
    ++next;
    if (is_old)
      drop(id);
  }
}

} // namespace millrace::rt
