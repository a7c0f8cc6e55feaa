#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/text/interner.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::query {

/// Writes rows that come piece by piece as a stream of Arrow's IPC format, in
/// batches of at most 65,536 rows; docs/arrow.md has the types. Holds one batch
/// and the dictionaries. Owner: one thread.
class arrow_writer {
public:
  using sink = std::function<error(std::string_view)>;

  /// @param to an error of it ends the writing
  explicit arrow_writer(sink to) : sink_{std::move(to)} {}

  /// Pieces have the same columns; there is one at least.
  /// `overflow` when Arrow has no such time, `limit_exceeded` when a batch has
  /// more text than it can hold; else the sink's first error, as `finish`.
  [[nodiscard]] error add(const table_data& piece);
  /// @param is_whole all rows came; else the stream ends within a message, so
  ///   that nobody takes it for whole
  [[nodiscard]] error finish(bool is_whole);

private:
  struct open_column {
    column_writer rows; ///< Of the batch.
    /// symbol: what the reader knows, and what it does not yet.
    text::interner dictionary;
    uint32_t told = 0; ///< Entries that the reader knows.
  };

  void begin(const table_data& piece);
  error write_batch();
  error tell_dictionary(size_t number, column_data& column);

  sink sink_;
  std::vector<open_column> columns_;
  size_t rows_ = 0;      ///< Of the batch.
  uintptr_t pieces_ = 0; ///< So far.
  bool began_ = false;   ///< The first piece came.
};

} // namespace millrace::query
