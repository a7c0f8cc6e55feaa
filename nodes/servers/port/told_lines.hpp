#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace millrace::nodes {

/// Lines of a log that clients cause: what one of them does again and again
/// does not fill it. Pure; one owner.
class told_lines {
public:
  /// Of one kind one is told in this time, with how many there were.
  static constexpr int64_t interval_ns = 10'000'000'000;

  /// The line to tell; none: it is withheld, and counted with the next one.
  [[nodiscard]] std::optional<std::string>
  next(const std::string& id, const std::string& text, int64_t now_ns) {
    // Clients choose some of the names.
    if (lines_.size() >= lines_max && !lines_.contains(id))
      std::erase_if(lines_, [&](const auto& each) {
        return each.second.withheld == 0
               && now_ns - *each.second.at_ns >= interval_ns;
      });
    if (lines_.size() >= lines_max && !lines_.contains(id) && id != others)
      return next(others, text, now_ns);
    auto& last = lines_[id];
    if (last.at_ns && now_ns - *last.at_ns < interval_ns) {
      ++last.withheld;
      return std::nullopt;
    }
    const auto more = std::exchange(last.withheld, 0);
    last.at_ns = now_ns;
    return more == 0
             ? text
             : text + "; " + std::to_string(more) + " more since the last line";
  }

private:
  static constexpr size_t lines_max = 4'096;
  static constexpr const char* others = "others";

  struct line {
    std::optional<int64_t> at_ns;
    uint64_t withheld = 0;
  };
  std::map<std::string, line> lines_;
};

} // namespace millrace::nodes
