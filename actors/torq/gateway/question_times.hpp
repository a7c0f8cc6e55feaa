#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/duration_histogram.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::torq {

/// How a question ended, for those who count: "ok", "timeout", "limit",
/// "cancelled", "unavailable" or "error".
[[nodiscard]] std::string_view ending_of(errc how) noexcept;

/// How long the questions of a GATEWAY took, by language and ending. One owner.
class question_times {
public:
  /// @param language "" of one that was not understood
  /// @param how none: it was answered
  void add(std::string_view language, errc how, int64_t took_ns);
  [[nodiscard]] uint64_t answered() const noexcept { return answered_; }
  [[nodiscard]] uint64_t refused() const noexcept { return refused_; }

  /// {"sql": {"ok": {...}}}, as `duration_histogram::to_json`; "none" are those
  /// that were not understood.
  [[nodiscard]] text::json_value to_json() const;

private:
  std::map<std::string, std::map<std::string, duration_histogram>> times_;
  uint64_t answered_ = 0;
  uint64_t refused_ = 0;
};

} // namespace millrace::torq
