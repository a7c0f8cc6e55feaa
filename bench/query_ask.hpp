#pragma once

#include <millrace/bench/query_answer.hpp>
#include <millrace/bench/query_data.hpp>
#include <millrace/query/execution/partial.hpp>

#include <string>
#include <vector>

namespace millrace::bench {

/// What a client is given: the messages of an answer, read.
using read_answer = std::vector<query::partial_result>;

/// Asks a question as gateway, store and client do together, in this thread and
/// on the pool of two threads, without the actors between them: it is parsed
/// and split, each fragment goes through its message, is carried out over the
/// parts of the store, comes back as messages and is merged, what is left of
/// the plan is carried out, and the answer is packed and read once more. Rows
/// as they are stored flow to the client as their morsels are done.
/// @param json as a gateway takes it
[[nodiscard]] result<read_answer> ask(const query_data& data, row_layout layout,
                                      const std::string& json);

/// As a gateway takes it.
[[nodiscard]] std::string question_of(const std::string& sql);

[[nodiscard]] result<answer> answer_of(const read_answer& from);

} // namespace millrace::bench
