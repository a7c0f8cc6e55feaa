#pragma once

#include <millrace/messages/text/json_value.hpp>
#include <millrace/query/plan/plan.hpp>

#include <string_view>

namespace millrace::nodes {

// Values of lines by the rules of files (docs/feed_layouts.md), for one line
// must not be two rows: a number of a whole type is whole, also as 100.0 and
// 1e2, is rounded once, and true is none. What may stand in a question is
// taken too: "inf", "0N" and times with a unit. A month may be written as one
// of its days.

/// `bad_data` and `invalid_argument` say what is wrong with it.
/// @returns a whole number for types that are whole; of a real its float
[[nodiscard]] result<query::literal>
read_line_value(const text::json_value& value, column_type type);

/// The same of a number of JSON by its text: a double between would round it
/// twice. Columns of texts take it as it is written.
[[nodiscard]] result<query::literal> read_line_number(std::string_view text,
                                                      column_type type);

/// The same of text, as fields of CSV and strings of JSON are.
[[nodiscard]] result<query::literal> read_line_text(std::string_view text,
                                                    column_type type);

} // namespace millrace::nodes
