#pragma once

#include <millrace/messages/data/types.hpp>
#include <millrace/nodes/servers/postgres/catalogue.hpp>
#include <millrace/nodes/servers/postgres/catalogue_sql.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What the catalogue holds (catalogue_relations.cpp, catalogue_types.cpp), and
// the database that answers of it (catalogue_database.cpp).

namespace millrace::nodes::postgres {

/// A value of the catalogue.
struct cell {
  std::string text;
  /// Or int_, long_, boolean; timestamp and date, whose text is a number.
  column_type type = column_type::symbol;
  bool is_null = false;
};
using catalogue_row = std::vector<std::pair<std::string_view, cell>>;

[[nodiscard]] cell text_cell(std::string_view text);
[[nodiscard]] cell number_cell(int64_t value);
[[nodiscard]] cell truth_cell(bool value);

/// The relations that have rows, by `catalogue_name`.
[[nodiscard]] const known_columns& columns_of_catalogue();
/// Calls with each row of a relation; of one that nobody knows there is none.
void for_each_row(std::string_view relation, const catalogue_facts& with,
                  const std::function<void(const catalogue_row&)>& take);

/// The oid of a table, or of a relation of the catalogue.
/// @param name with its schema or without, each maybe in double quotes
[[nodiscard]] std::optional<int64_t>
number_of_relation(std::string_view name, const catalogue_facts& with);
[[nodiscard]] std::optional<std::string>
name_of_relation(int64_t number, const catalogue_facts& with);

/// A type that clients may meet.
struct catalogue_type {
  uint32_t oid = 0;
  int16_t size = -1;
  std::string name;    ///< int4
  std::string written; ///< integer
  char category = 'U';
  uint32_t array = 0;   ///< Arrays of it; 0: none.
  uint32_t element = 0; ///< It is an array of these; 0: it is none.
};
[[nodiscard]] const std::vector<catalogue_type>& catalogue_types();
/// By either name, also with its schema; null: there is none.
[[nodiscard]] const catalogue_type* find_type(std::string_view name);
[[nodiscard]] const catalogue_type* find_type(int64_t oid);

/// Rows of a query, whose relations are made for it alone. `unsupported` for
/// what SQLite does not take, `not_found` for a table that is not there,
/// `limit_exceeded` for what takes too long or is too large.
[[nodiscard]] result<query::table_data> rows_of(const catalogue_query& query,
                                                const catalogue_facts& with);

} // namespace millrace::nodes::postgres
