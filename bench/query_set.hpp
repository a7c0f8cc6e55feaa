#pragma once

#include <millrace/bench/query_data.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace millrace::bench {

/// A question of the family. In its texts {busy} is the symbol with the most
/// trades, {some} the eleventh, {day} the third date, {next} the fourth and
/// {last} the last one.
struct asked_query {
  std::string_view name;
  std::string_view what;
  std::string_view ours;   ///< In SQL.
  std::string_view theirs; ///< In DuckDB's.
  /// Milliseconds that the project asks for; 0: nothing but to be faster than
  /// the best peer.
  double target_hdb = 0;
  double target_rdb = 0;
  /// @see difference
  size_t rounded = 0;
};

[[nodiscard]] std::span<const asked_query> asked_queries() noexcept;

/// A text of a query with what it names of the data.
[[nodiscard]] std::string filled_in(std::string_view text,
                                    const query_data& data);

} // namespace millrace::bench
