#pragma once

#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/parse/line_reading.hpp>
#include <millrace/feed/text/number_text.hpp>
#include <millrace/feed/text/time_pattern.hpp>
#include <millrace/feed/text/zone_clock.hpp>

#include <memory>
#include <string>
#include <vector>

namespace millrace::feed {

/// A column of the table and the field that fills it.
struct bound_field {
  size_t column = 0; ///< In the table.
  /// From 0; several are joined with blanks, the first stands for them all.
  std::vector<uint32_t> fields;
  time_format format = time_format::none;
  std::shared_ptr<const time_pattern> pattern; ///< Of that format.
  time_count count;                            ///< Of that format.
  bool has_date = false; ///< Its fields are a date and what is of that day.
  number_scale scale;
  text_rules rules;
  zone_clock clock;
};

/// A column of the table that is the same in all rows of the source.
struct bound_constant {
  size_t column = 0;
  std::string text;  ///< Symbol or string.
  std::string value; ///< Other types: the bytes of one value.
};

/// A layout fitted to one table and one source. Immutable, shared by threads.
struct binding {
  table_schema schema;
  std::string source; ///< Path of the source, for messages.
  /// Name in the cursors: that of the source, "@", and a hash of all that
  /// makes rows of its lines: table, layout, date and constants. What was
  /// published under one is not what another would publish. A source that was
  /// moved keeps the name under which it was published.
  std::string identity;
  line_reading reading;
  char delimiter = ',';
  bool quote = false;
  json_lines json;
  std::vector<std::string> skipped; ///< Lines that begin so are.
  uint32_t field_count = 0;
  int32_t date = null_int; ///< Days since 2000.01.01.
  /// Nothing but times without a date takes it from there, and it was asked
  /// for: a time with a date of its own says something else.
  bool date_is_for_times = false;
  size_t time_column = 0;
  /// The time column first, texts last: texts are judged before they are read,
  /// and the parser undoes refused rows before it reads them.
  std::vector<bound_field> fields;
  size_t fallible_count = 0; ///< Of `fields`.
  std::vector<bound_constant> constants;
  std::vector<size_t> null_columns; ///< Of the table, unknown to the layout.
  std::vector<std::vector<size_t>> absent;
  bool stamps = false; ///< See binding_request.
  /// The header as it stands, without its end: such a line among the rows is
  /// none, and no reject. Empty: there is no header.
  std::string header;
};

struct binding_request {
  const layout* from = nullptr;
  table_schema schema;
  std::string source; ///< Path of the source, for messages and cursors.
  template_values values;
  int32_t date = null_int; ///< null_int: taken from the layout's `date`.
  std::vector<std::string> header; ///< Names in the header line, if any.
  /// Rows without a time get that of their piece, else they are refused.
  bool stamps = false;
};

/// Fits a layout to a table and a source. Faults: an unknown column, a type
/// that does not fit, a header without a wanted name, a missing date or symbol;
/// each names the layout's file and line.
[[nodiscard]] result<std::shared_ptr<const binding>>
bind(const binding_request& request);

} // namespace millrace::feed
