#pragma once

#include <millrace/persistence/disk/executor.hpp>
#include <millrace/query/execution/interruption.hpp>
#include <millrace/query/plan/plan.hpp>
#include <millrace/query/table/columns.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace millrace::query {

struct sort_term {
  uint32_t column = 0;
  bool descending = false;
  bool is_unsigned = false; ///< A long that holds 64 unsigned bits.
};

/// Row numbers in the order of `terms`, stable. Nulls are smallest, symbols
/// and strings compare byte by byte. `limit_exceeded` beyond 2^32 - 1 rows,
/// `cancelled` or `timeout` when `stop` says so.
[[nodiscard]] result<std::vector<uint32_t>>
sort_rows(const table_data& table, std::span<const sort_term> terms,
          const interruption& stop);

/// Keys whose unsigned order is that of the term, one per row of `rows`.
/// @pre the column is neither text nor guid, which have no key of one word
void order_keys(const column_ref& column, std::span<const uint32_t> rows,
                const sort_term& term, uint64_t* keys);

/// [first, last) of `count` rows that a `sublist` keeps.
[[nodiscard]] std::pair<uint64_t, uint64_t>
kept_rows(uint64_t count, const std::optional<int64_t>& sublist);
/// The same of those that are the plan's result: without those that it skips.
[[nodiscard]] std::pair<uint64_t, uint64_t>
result_rows(uint64_t count, const logical_plan& plan);

/// The rows `rows` of the first `columns` columns, in that order. `cancelled`
/// or `timeout` when `stop` says so, as of `sort_rows`, within milliseconds.
/// Threads of `pool` help, if there is one.
[[nodiscard]] result<table_data>
take_rows(const table_data& table, std::span<const uint32_t> rows,
          size_t columns, const interruption& stop,
          persistence::executor* pool = nullptr);

} // namespace millrace::query
