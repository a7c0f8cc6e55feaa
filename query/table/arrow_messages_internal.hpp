#pragma once

#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Messages of Arrow's IPC stream: what stands before the buffers of columns.

namespace millrace::query::arrow {

/// A column of a batch, as Arrow's FieldNode.
struct field_node {
  int64_t rows = 0;
  int64_t nulls = 0;
};
/// A buffer in a body, as Arrow's Buffer.
struct buffer_place {
  int64_t offset = 0;
  int64_t bytes = 0;
};

/// The buffers of a batch, one after the other, each at a multiple of 8.
struct batch_body {
  std::string bytes;
  std::vector<field_node> nodes;
  std::vector<buffer_place> buffers;

  void add(const void* from, size_t count);
};

/// Names and types. Symbols are codes of the dictionary that has the number of
/// their column.
[[nodiscard]] std::string
schema_message(const std::vector<column_data>& columns);
/// What replaces a dictionary. Its body comes after it.
[[nodiscard]] std::string dictionary_message(int64_t column, int64_t entries,
                                             const batch_body& body);
/// Rows. Their body comes after it.
[[nodiscard]] std::string batch_message(int64_t rows, const batch_body& body);
/// After all others. When not all rows came: a message that is cut off, since
/// readers take a stream that just stops for whole.
[[nodiscard]] std::string_view end_of_stream(bool is_whole) noexcept;

} // namespace millrace::query::arrow
