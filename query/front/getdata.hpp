#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/query/plan/plan.hpp>
#include <millrace/query/plan/schema_lookup.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::query {

/// A getdata call, understood: the plan, and what only a gateway heeds.
struct getdata_request {
  logical_plan plan;
  /// Wait until the answer can include everything up to here.
  std::optional<position> at_least;
  std::optional<position> as_of{}; ///< No row of the stream after it counts.
  int64_t timeout_ns = 0;          ///< 0: the gateway's own limit.
  question_priority priority = question_priority::normal;
  bool explain = false; ///< `getquery`: return the plan, run nothing.
  bool analyze = false; ///< The same as "analyze": run it, and return both.
};

/// Reads a getdata dictionary in JSON (docs/getdata.md) and checks it against
/// the table's schema. The first failing check wins, in TorQ's order; the
/// error reads "<name of the check>: <what is wrong>", and with "words": "torq"
/// "<name of the check>: <TorQ's text>", then the place and value where that
/// text has none. `invalid_argument`, `not_found` for an unknown
/// table, `unsupported` for what TorQ has and this does not.
[[nodiscard]] result<getdata_request> parse_getdata(std::string_view json,
                                                    const schema_lookup& find);

} // namespace millrace::query
