#pragma once

#include <millrace/messages/data/types.hpp>
#include <millrace/nodes/servers/postgres/catalogue.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The relations are in catalogue_relations.cpp, what is computed of a row in
// catalogue_values.cpp.

namespace millrace::nodes::postgres {

/// A value of the catalogue.
struct cell {
  std::string text;
  /// Or int_, long_, boolean; timestamp and date, whose text is a number.
  column_type type = column_type::symbol;
  bool is_null = false;
};
using catalogue_row = std::vector<std::pair<std::string, cell>>;

[[nodiscard]] const cell* find_cell(const catalogue_row& row,
                                    std::string_view name);

/// Rows of relations, joined as they belong together.
struct catalogue_rows {
  catalogue_row sample; ///< Its names and types, when there is no row.
  std::vector<catalogue_row> rows;
};
/// @param relations without their schema; of several the finest one
[[nodiscard]] catalogue_rows rows_of(const std::vector<std::string>& relations,
                                     const catalogue_facts& with);
/// Whether it is one that `rows_of` has rows of.
[[nodiscard]] bool has_rows(std::string_view relation);

/// What is put out as one column.
struct catalogue_item {
  std::string name;
  cell value;
};
/// @param row none: without FROM, where nothing may stay unknown
[[nodiscard]] result<catalogue_item>
evaluate_item(const std::vector<part>& parts, size_t begin, size_t end,
              const catalogue_row* row, const catalogue_facts& with);

/// Whether a text matches a pattern of letters, `.`, `.*`, ^ and $.
/// `unsupported` for another one.
[[nodiscard]] result<bool> matches(std::string_view text,
                                   std::string_view pattern);
/// The same for LIKE; `invalid_argument` for a pattern that ends with its
/// escape.
[[nodiscard]] result<bool> is_like(std::string_view text,
                                   std::string_view pattern);

} // namespace millrace::nodes::postgres
