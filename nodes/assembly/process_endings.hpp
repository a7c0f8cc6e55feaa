#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace millrace::nodes {

/// What became of the processes of a node that ended by themselves, and when
/// each is started again. Pure; one owner.
class process_endings {
public:
  static constexpr int64_t backoff_first_ns = 100'000'000;
  static constexpr int64_t backoff_max_ns = 10'000'000'000;
  /// Who ran for so long begins with the first back-off again.
  static constexpr int64_t calm_ns = 60'000'000'000;

  struct ending {
    uint64_t count = 0;     ///< Since the node began.
    int64_t last_at_ns = 0; ///< Wall time.
    std::string why;        ///< Of the last one, or of a start that failed.
    bool is_away = false;   ///< It has not come back yet.
    int64_t backoff_ns = 0; ///< Before the last start.
    int64_t came_at_ns = 0; ///< Monotonic, of the last start.
  };

  /// It ended, or did not start. @returns after what time to start it again.
  int64_t ended(const std::string& process, std::string why, int64_t wall_ns,
                int64_t now_ns);
  void came(const std::string& process, int64_t now_ns);
  /// It was told to end: nothing is to be said of it any more.
  void forget(const std::string& process) { endings_.erase(process); }

  [[nodiscard]] const std::map<std::string, ending>& all() const noexcept {
    return endings_;
  }

private:
  std::map<std::string, ending> endings_;
};

} // namespace millrace::nodes
