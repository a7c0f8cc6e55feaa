#pragma once

#include <millrace/bench/query_answer.hpp>
#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace millrace::bench {

/// DuckDB in memory on two threads, through its C interface in libduckdb.so:
/// $MILLRACE_BENCH_DUCKDB, or build/peers/libduckdb.so here.
class duckdb_peer {
public:
  /// `unavailable` says how to install it.
  [[nodiscard]] static result<std::unique_ptr<duckdb_peer>> open();
  ~duckdb_peer();
  duckdb_peer(const duckdb_peer&) = delete;
  duckdb_peer& operator=(const duckdb_peer&) = delete;

  [[nodiscard]] error query(const std::string& sql);
  /// The rows of a query. Of a type that none of its queries has, or with a
  /// null: `unsupported`.
  [[nodiscard]] result<answer> rows(const std::string& sql);

  /// Fixed-width values of one column, in the table's own type.
  struct column {
    std::span<const std::byte> values;
    size_t width = 0;
  };
  /// Appends `rows` rows through the appender, flushed every `flush_rows`.
  [[nodiscard]] error append(const std::string& table,
                             const std::vector<column>& columns, size_t rows,
                             size_t flush_rows);

private:
  struct functions;
  struct answer_reader;
  explicit duckdb_peer(std::unique_ptr<functions> calls);
  std::unique_ptr<functions> calls_;
  void* database_ = nullptr;
  void* connection_ = nullptr;
};

} // namespace millrace::bench
