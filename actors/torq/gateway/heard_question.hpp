#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/query/front/question.hpp>
#include <millrace/query/plan/schema_lookup.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::torq {

/// A question as a GATEWAY hears it.
struct heard_question {
  result<query::question> what;
  /// Who asked for what, and whether it may, for the log. Empty: somebody who
  /// may ask about all tables.
  std::string audit;
  /// "qsql: select ...", its begin, on a line, for the log.
  std::string shown;
  /// What its answer may take at most, whatever it says itself; 0: no limit but
  /// the gateway's.
  uint64_t rows_max = 0;
  uint64_t bytes_max = 0;
  question_priority priority_max = question_priority::high;
};

/// Understands a question, also one on behalf of a user: to that one tables of
/// others are not there, in whatever language and at whatever place they are
/// named, and no hint names them.
/// @param tables all that `find` finds
[[nodiscard]] heard_question
hear_question(const std::string& parameters, const query::schema_lookup& find,
              const std::vector<std::string>& tables,
              const query::named_queries& queries, int64_t now_ns);

} // namespace millrace::torq
