#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/nodes/lines/line_format.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace millrace::nodes::http {

/// The rows of a request, as one batch: all of them, or none.
struct read_rows {
  std::vector<std::byte> batch; ///< Empty: there is no row.
  uint64_t count = 0;
};

/// Reads lines as `millrace pub` does. `bad_data` names the line.
/// @param stamps gives rows without a time `now_ns`, since 2000.01.01 UTC
[[nodiscard]] result<read_rows> rows_of_lines(std::string_view lines,
                                              const table_schema& schema,
                                              line_format format, bool stamps,
                                              int64_t now_ns);

} // namespace millrace::nodes::http
