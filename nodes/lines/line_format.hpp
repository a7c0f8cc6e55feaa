#pragma once

#include <cstdint>

namespace millrace::nodes {

/// How lines hold data that is published, or read from a stream.
enum class line_format : uint8_t {
  json, ///< One object per line: the fields of a row, or {"data": text}.
  csv,  ///< With a header line that names the columns.
};

} // namespace millrace::nodes
