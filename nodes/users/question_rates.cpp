#include <millrace/nodes/users/question_rates.hpp>

#include <algorithm>

namespace millrace::nodes {

int64_t question_rates::wait_ns(const std::string& user, uint64_t rate_max,
                                int64_t now_ns) {
  if (rate_max == 0)
    return 0;
  constexpr int64_t second_ns = 1'000'000'000;
  const auto apart_ns = std::max<int64_t>(
    1,
    second_ns / static_cast<int64_t>(std::min<uint64_t>(rate_max, second_ns)));
  auto& due_ns = due_ns_.try_emplace(user, now_ns).first->second;
  due_ns = std::max(due_ns, now_ns);
  // The last of those that may come at once is due just before a second ends.
  if (const auto ahead_ns = due_ns - now_ns; ahead_ns > second_ns - apart_ns)
    return ahead_ns - (second_ns - apart_ns);
  due_ns += apart_ns;
  return 0;
}

} // namespace millrace::nodes
