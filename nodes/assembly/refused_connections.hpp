#pragma once

#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/servers/port/told_lines.hpp>

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace millrace::nodes {

/// The connections that a node's port refused: for its log and its status.
/// Thread safe.
class refused_connections {
public:
  /// What a line of the log wants: a word to search for, and a text.
  using teller
    = std::function<void(const std::string& id, const std::string& text)>;

  /// @param tell called outside of its lock, from the thread that refuses
  explicit refused_connections(teller tell) : tell_{std::move(tell)} {}

  void add(const std::string& id, const std::string& text, int64_t now_ns);
  /// What is no refusal, and to be known all the same.
  void warn(const std::string& id, const std::string& text, int64_t now_ns);

  /// {"refused_connections": n, "last_refused": text}; null: there was none.
  [[nodiscard]] text::json_value facts() const;

private:
  teller tell_;
  mutable std::mutex mutex_;
  uint64_t count_ = 0;
  std::string last_;
  told_lines lines_;
};

} // namespace millrace::nodes
