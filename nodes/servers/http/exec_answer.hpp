#pragma once

#include <millrace/messages/data/answer.hpp>
#include <millrace/nodes/servers/http/routes.hpp>

#include <cstdint>

namespace millrace::nodes::http {

/// The rows of an answer as clients of QuestDB's REST interface read them:
/// {"query", "columns": [{"name", "type"}], "timestamp", "dataset", "count"},
/// with its names of types, after its documentation of /exec. Times have nine
/// digits and a Z.
/// @param took_ns since the question came
[[nodiscard]] known_response
exec_answer(const chunks& parts, const exec_form& form, int64_t took_ns);

/// {"query", "error", "position"}: where in the query, characters from 0.
[[nodiscard]] known_response exec_failure(const error& why,
                                          const exec_form& form);

} // namespace millrace::nodes::http
