#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/question_priority.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace millrace {

/// A question of somebody who may not ask about all tables, as a port sends it
/// to a GATEWAY: {"user": ..., "peer": ..., "tables": [...], "question": ...},
/// perhaps with "rows_max", "bytes_max" and "priority_max".
/// What was asked is a text within it: whatever it says, no client widens what
/// it may ask.
struct restricted_question {
  std::string user;
  std::string peer; ///< Where it connected from.
  /// All others are, to this question, not there.
  std::set<std::string, std::less<>> tables;
  std::string question;   ///< As a GATEWAY takes it.
  uint64_t rows_max = 0;  ///< Of its answer; 0: no limit but others.
  uint64_t bytes_max = 0; ///< Of what is held of it.
  /// The most that it may have; what it asks for is within it.
  question_priority priority_max = question_priority::normal;
  friend bool operator==(const restricted_question&, const restricted_question&)
    = default;
};

[[nodiscard]] std::string to_json(const restricted_question& what);
/// none: it is a question of somebody who may ask about all.
[[nodiscard]] result<std::optional<restricted_question>>
read_restricted(std::string_view json);

} // namespace millrace
