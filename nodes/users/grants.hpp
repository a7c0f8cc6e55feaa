#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/question_priority.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// What is done with the rows of a table.
enum class table_use {
  query,
  publish,
  subscribe,
};
[[nodiscard]] std::string_view to_string(table_use use) noexcept;

/// How much a user may take of each port; 0: no limit but the port's own.
struct user_limits {
  uint64_t connections_max = 0;  ///< At a time.
  uint64_t rate_max = 0;         ///< Questions per second.
  uint64_t rows_max = 0;         ///< Of an answer.
  uint64_t memory_max_bytes = 0; ///< Of an answer that a gateway holds.
  question_priority priority = question_priority::normal; ///< At most.
  friend bool operator==(const user_limits&, const user_limits&) = default;
};

/// What a user may do at the ports: with tables whose names match one of the
/// patterns (`*` is any text, `?` one character), and see of the cluster. A
/// table for which nothing is granted is as unknown as one that is not there.
struct user_grants {
  std::vector<std::string> query;
  std::vector<std::string> publish;
  std::vector<std::string> subscribe;
  /// What all processes say of themselves, names of tables among it.
  bool admin = false;
  user_limits limits{};

  [[nodiscard]] bool may(table_use use, std::string_view table) const;
  /// Why not: `permission` with what lacks where another use is granted, and
  /// the words for a table that is not there else; none: it may.
  [[nodiscard]] error refusal(table_use use, const std::string& table) const;
  /// Whether it may do anything with it.
  [[nodiscard]] bool knows(std::string_view table) const;
  /// A whole stream has what is of no table, and those that are yet to come.
  [[nodiscard]] bool may_follow_streams() const;
  friend bool operator==(const user_grants&, const user_grants&) = default;
};

/// Whether a name matches a pattern of `*` and `?`.
[[nodiscard]] bool matches(std::string_view pattern,
                           std::string_view name) noexcept;

} // namespace millrace::nodes
