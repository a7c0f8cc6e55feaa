#pragma once

#include <millrace/messages/data/answer.hpp>
#include <millrace/messages/data/chunk.hpp>
#include <millrace/query/execution/partial.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::torq {

/// A plan as an answer: one column, and a row for each of its lines. SQL calls
/// the column "QUERY PLAN", as PostgreSQL does, other languages "query".
[[nodiscard]] query::table_data explained(std::string_view plan,
                                          std::string_view language);

/// Lines that follow a plan that was run: what its answer is, what the stores
/// looked at, where it was cut, and how long it took.
/// @param answer messages of partial results, which are not looked at but for
///   their heads; `malformed_message` in words where they cannot be read
[[nodiscard]] std::string analysis_of(const chunks& answer,
                                      const query_cut& cut, int64_t took_ns);

} // namespace millrace::torq
