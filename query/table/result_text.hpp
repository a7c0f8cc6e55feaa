#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/query/table/arrow_writer.hpp>
#include <millrace/query/table/columns.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::query {

enum class result_format {
  table, ///< Aligned columns for people, with a line of names.
  csv,   ///< RFC 4180: a header, quoted where needed; null: an empty field.
  json,  ///< An array of objects, one per line; docs/getdata.md has the types.
  arrow, ///< A stream of Arrow's IPC format, bytes; docs/arrow.md has the
         ///< types.
};

/// Takes the next piece of text; an error ends the writing.
using text_sink = std::function<error(std::string_view)>;

/// Writes a result whose rows come piece by piece, in texts of about 64 KiB;
/// Arrow's messages are as large as their rows. A table is aligned by its first
/// 65,536 rows, which are held until then; wider cells after them push the rest
/// of their line.
class result_writer {
public:
  result_writer(result_format format, text_sink sink);

  /// There is one piece at least. `malformed_message` when they have different
  /// columns; else failures as of `arrow_writer`.
  /// @returns the sink's first error, as `finish`
  [[nodiscard]] error add(table_data piece);
  /// @param is_whole all rows came; else JSON and Arrow are left open, so that
  ///   nobody takes them for whole
  [[nodiscard]] error finish(bool is_whole = true);

private:
  void begin(const table_data& piece);
  error add_rows(const table_data& piece);
  error align();
  error pass(size_t bytes_min);

  result_format format_;
  text_sink sink_;
  arrow_writer arrow_; ///< All of the work, when that is the format.
  std::string text_;
  bool began_ = false;
  size_t column_count_ = 0;
  bool has_rows_ = false;          ///< Written, as JSON.
  std::vector<std::string> names_; ///< As JSON begins each value.
  uint64_t rows_ = 0;
  std::vector<table_data> held_; ///< Until the widths are known.
  std::vector<size_t> widths_;
  bool is_aligned_ = false;
};

/// As one string: for tests and small answers.
[[nodiscard]] std::string to_text(const table_data& table,
                                  result_format format);

/// Text of one cell as CSV and tables show it; "" for null.
void append_cell(std::string& out, const column_data& column, size_t row);

/// A cell as JSON has it (docs/getdata.md); null: null.
void append_json_cell(std::string& out, const column_data& column, size_t row);

} // namespace millrace::query
