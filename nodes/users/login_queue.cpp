#include <millrace/nodes/users/login_queue.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

/// Whose failures are remembered.
constexpr size_t sources_max = 10'000;

} // namespace

std::optional<uint64_t> login_queue::add(uint64_t connection,
                                         const std::string& peer,
                                         login_attempt what) {
  auto longest = queues_.try_emplace({peer, what.user}).first;
  longest->second.push_back({connection, std::move(what)});
  if (++waiting_ <= waiting_max)
    return std::nullopt;
  --waiting_;
  for (auto at = queues_.begin(); at != queues_.end(); ++at)
    if (at->second.size() > longest->second.size())
      longest = at;
  const auto refused = longest->second.back().connection;
  longest->second.pop_back();
  if (longest->second.empty())
    queues_.erase(longest);
  return refused;
}

bool login_queue::must_wait(const source& who, int64_t now_ns) const {
  const auto found = failed_.find(who);
  if (found == failed_.end() || found->second.failures < failures_free
      || now_ns - found->second.last_ns >= memory_ns)
    return false;
  const auto doublings = std::min(found->second.failures - failures_free, 10);
  return now_ns - found->second.last_ns
         < std::min(first_wait_ns << doublings, last_wait_ns);
}

std::optional<login_queue::started>
login_queue::next(int64_t now_ns,
                  const std::function<bool(uint64_t)>& is_there) {
  if (is_judging_)
    return std::nullopt;
  for (auto& [who, queue] : queues_)
    waiting_ -= std::erase_if(
      queue, [&](const started& each) { return !is_there(each.connection); });
  std::erase_if(queues_, [](const auto& each) { return each.second.empty(); });
  auto at = queues_.upper_bound(last_);
  for (size_t seen = 0; seen < queues_.size(); ++seen, ++at) {
    if (at == queues_.end())
      at = queues_.begin();
    if (must_wait(at->first, now_ns))
      continue;
    last_ = at->first;
    auto out = std::move(at->second.front());
    at->second.pop_front();
    --waiting_;
    is_judging_ = true;
    return out;
  }
  return std::nullopt;
}

void login_queue::told(const std::string& peer, const std::string& user,
                       bool is_accepted, int64_t now_ns) {
  // Nobody guesses a token.
  if (user.empty())
    return;
  const source who{peer, user};
  if (is_accepted) {
    failed_.erase(who);
    return;
  }
  if (failed_.size() >= sources_max && !failed_.contains(who)) {
    std::erase_if(failed_, [&](const auto& each) {
      return now_ns - each.second.last_ns >= last_wait_ns;
    });
    if (failed_.size() >= sources_max)
      failed_.erase(failed_.begin());
  }
  auto& of = failed_[who];
  if (now_ns - of.last_ns >= memory_ns)
    of.failures = 0;
  ++of.failures;
  of.last_ns = now_ns;
}

} // namespace millrace::nodes
