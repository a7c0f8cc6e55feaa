#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/types.hpp>
#include <millrace/nodes/servers/postgres/catalogue.hpp>

#include <optional>
#include <string_view>

struct sqlite3;

// Functions that clients ask the catalogue for, in SQLite; those of numbers and
// parts of texts are in catalogue_values.cpp, those of times in
// catalogue_times.cpp.

namespace millrace::nodes::postgres {

struct catalogue_function {
  std::string_view as;             ///< What SQLite calls it.
  std::optional<column_type> type; ///< None: that of its first argument.
  bool is_constant = false;        ///< `as` is the value.
};

/// By PostgreSQL's name, without its schema; null: nobody knows it.
[[nodiscard]] const catalogue_function* known_function(std::string_view name);

/// Gives `database` what numbers, and parts of texts, are made by. @returns
/// SQLite's status
[[nodiscard]] int add_value_functions(sqlite3* database);
/// The same for what is computed of times.
[[nodiscard]] int add_time_functions(sqlite3* database);

/// Gives them to `database`, too. @pre `with` outlives its last use
[[nodiscard]] error add_functions(sqlite3* database,
                                  const catalogue_facts& with);

} // namespace millrace::nodes::postgres
