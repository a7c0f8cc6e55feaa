#pragma once

#include <millrace/bench/duckdb_peer.hpp>
#include <millrace/bench/outcome.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>
#include <millrace/persistence/memory/memory_store.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::bench {

/// How rows lie: in their order of arrival in memory, or by date, symbol and
/// time in an hdb's partitions.
enum class row_layout : uint8_t { rdb, hdb };

[[nodiscard]] std::string_view to_string(row_layout layout) noexcept;

/// The market that the queries are about: five dates of 500 symbols with, at
/// scale 1, 10 M trades and 50 M quotes, and 2 M notes of text.
struct query_data {
  std::unique_ptr<nodes::real_env> host; ///< With two pool threads.
  persistence::memory_store rdb;
  std::unique_ptr<persistence::hdb_store> hdb;
  /// The same rows as tables of the schemas rdb (in memory, in their order of
  /// arrival), hdb (in memory, by date, symbol and time) and file.main (in its
  /// own file, as hdb).
  std::unique_ptr<duckdb_peer> duckdb;
  std::vector<table_schema> schemas;
  std::vector<std::string> dates;   ///< As "2024-01-02".
  std::vector<std::string> symbols; ///< The most traded one first.
};

/// Makes it, in minutes; files lie below the directory of `options`.
[[nodiscard]] result<std::unique_ptr<query_data>>
make_query_data(const measure_options& options);

/// Where the tables of DuckDB are, by what USE is told.
inline constexpr std::string_view duckdb_places[]
  = {"memory.rdb", "memory.hdb", "file.main"};

} // namespace millrace::bench
