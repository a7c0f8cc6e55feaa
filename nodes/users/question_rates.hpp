#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace millrace::nodes {

/// How many questions each user asks per second. Who asked less has some to
/// spare, those of one second at most. Pure; one owner.
class question_rates {
public:
  /// Counts a question.
  /// @param rate_max questions per second; 0: as many as the user likes
  /// @returns 0: it may be asked; else after how long the next one may be, and
  /// it is not counted
  [[nodiscard]] int64_t wait_ns(const std::string& user, uint64_t rate_max,
                                int64_t now_ns);

private:
  /// When each user's next question would be due if they came evenly.
  std::map<std::string, int64_t> due_ns_;
};

} // namespace millrace::nodes
