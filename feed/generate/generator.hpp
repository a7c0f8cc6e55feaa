#pragma once

#include <millrace/feed/parse/csv_parser.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Its market as CSV files is in csv_writer.cpp.

namespace millrace::feed {

/// What to generate. The same options give the same batches on every machine.
struct generator_options {
  uint64_t seed = 42;
  uint32_t symbols = 500; ///< Popularity falls as 1 / rank (Zipf).
  uint64_t trades_per_period = 200'000;
  uint64_t quotes_per_period = 600'000;
  uint32_t periods = 1;
  int32_t first_date = 8'767; ///< Days since 2000.01.01: 2024-01-02.
  std::string zone = "America/New_York";
  int64_t open_ns = 34'200'000'000'000;  ///< Wall clock, since midnight.
  int64_t close_ns = 57'600'000'000'000; ///< Wall clock, since midnight.
  /// Share of rows that come late: their time lies before that of the rows
  /// around them by up to late_ns_max. Some of those at the start of a period
  /// belong to the end of the period before.
  // lint: allow(half_used): benchmarks and tests have such rows.
  double late_share = 0;
  int64_t late_ns_max = 2'000'000'000;
  /// Share of quotes with one side only.
  // lint: allow(half_used): benchmarks and tests have such quotes.
  double null_share = 0;
  uint32_t rows_per_batch = 2'000; ///< Of both tables together.
  std::string trade_table = "trade";
  std::string quote_table = "quote";
};

/// Rows of one table, in the order in which a feed would see them.
struct generated_batch {
  enum class kind : uint8_t { trade, quote };
  kind table = kind::trade;
  int32_t date = 0; ///< The period; the next one begins when it changes.
  int32_t date_before = null_int; ///< Of the period before; null in the first.
  parsed_batch batch;
};

/// Trades and quotes of an imagined market: prices walk in ticks, trades happen
/// at a quoted side, volume is high at the open and the close.
/// Owner: one thread. Movable.
class generator {
public:
  /// `invalid_argument` names the option that makes no sense.
  /// @param resume cursors of batches that were published: generation goes on
  ///   after them, a table at a time
  static result<generator> open(generator_options options,
                                const std::vector<source_cursor>& resume = {});

  generator(generator&&) noexcept;
  generator& operator=(generator&&) noexcept;
  ~generator();

  /// None after the last period.
  std::optional<generated_batch> next();

  [[nodiscard]] uint64_t rows() const noexcept; ///< Generated so far.
  [[nodiscard]] uint64_t rows_total() const noexcept;

private:
  struct state;
  explicit generator(std::unique_ptr<state> made);
  std::unique_ptr<state> state_;
};

/// time sym price size ex cond; the same as preset_schema("csv-trade").
[[nodiscard]] table_schema generated_trade_schema();
/// time sym bid ask bsize asize ex; the same as preset_schema("csv-quote").
[[nodiscard]] table_schema generated_quote_schema();

/// Appends the rows of a batch as CSV: times in ISO 8601 with nanoseconds (UTC,
/// no zone), numbers so that they read back to the same bits, nulls empty.
void append_csv(const batch_view& batch, std::string& out);
/// Names of the columns, with a newline.
[[nodiscard]] std::string csv_header(const table_schema& schema);

/// Writes all that `options` generate to two files in the layouts of the
/// presets csv-trade and csv-quote. An empty path: that table is left out.
// lint: allow(half_used): benchmarks and tests read what it writes.
[[nodiscard]] error write_generated_csv(persistence::file_system& fs,
                                        const generator_options& options,
                                        const std::string& trade_path,
                                        const std::string& quote_path);

} // namespace millrace::feed
