#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <optional>
#include <string>
#include <vector>

namespace millrace::sim {

/// The rows of an answer, in its order.
struct query_answer {
  std::vector<std::string> columns;
  std::vector<std::vector<text::json_value>> rows;
  std::vector<std::string> warnings;
};

/// What one of the gateways said to a question that all were asked at once.
struct gateway_answer {
  std::string gateway;
  result<query_answer> said;
  /// It need not answer: its node ended meanwhile, or has a link that is cut,
  /// slow or delayed.
  bool is_excused = false;
};

/// Whether both have the same rows, in any order. Floats that were computed
/// may differ in their last digits: who adds in another order rounds otherwise.
[[nodiscard]] bool is_same_answer(const query_answer& one,
                                  const query_answer& other);

/// Who does not answer while another one does; empty: nobody.
[[nodiscard]] std::string
silent_gateway(const std::vector<gateway_answer>& all);

/// Which two answer otherwise than one another, neither with a warning; empty:
/// none do.
[[nodiscard]] std::string
differing_gateways(const std::vector<gateway_answer>& all);

/// Whether one of them answers otherwise than it did: rows come, so that two
/// need not agree.
[[nodiscard]] bool has_moved(const std::vector<gateway_answer>& before,
                             const std::vector<gateway_answer>& now);

} // namespace millrace::sim
