#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/servers/postgres/settings.hpp>
#include <millrace/nodes/servers/postgres/statement.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::nodes::postgres {

/// What clients ask about the server instead of its tables.
struct catalogue_facts {
  const tables_by_name* tables = nullptr;
  const session_settings* settings = nullptr;
  std::string cluster;
  std::string user;
  int32_t pid = 0;
  int64_t now_ns = 0; ///< As now() says it, since 2000.01.01 UTC.
};

/// Answers SELECT without FROM, and SELECT from pg_catalog and
/// information_schema (docs/postgres.md), in SQLite, over relations that are
/// made for the query. What PostgreSQL has and this does not is null there; its
/// other relations are empty.
/// @returns none for all other statements: these are for the gateway
[[nodiscard]] std::optional<result<query::table_data>>
catalogue_answer(std::string_view statement, const catalogue_facts& with);

/// One row of texts.
[[nodiscard]] query::table_data single_value(const std::string& column,
                                             const std::string& value);

} // namespace millrace::nodes::postgres
