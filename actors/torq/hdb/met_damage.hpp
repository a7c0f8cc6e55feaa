#pragma once

#include <millrace/messages/base/errors.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

namespace millrace::torq {

/// What queries met of damaged files, to be told once each. One owner.
class met_damage {
public:
  /// So many different ones are known; others are counted, and told each time.
  static constexpr size_t known_max = 1000;

  /// A query failed so. @returns whether that is to be told: it is of the
  /// files, and is not known yet.
  [[nodiscard]] bool is_news(const error& fault);

  /// Queries that failed of it.
  [[nodiscard]] uint64_t queries() const noexcept { return queries_; }
  /// The one that was met last, as `to_string` has it; empty: none.
  [[nodiscard]] const std::string& last() const noexcept { return last_; }

private:
  uint64_t queries_ = 0;
  std::string last_;
  std::set<std::string> known_;
};

} // namespace millrace::torq
