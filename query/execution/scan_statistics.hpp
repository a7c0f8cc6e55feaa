#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::query {

/// What a scan cost; sums over back ends.
struct scan_statistics {
  uint64_t rows_total = 0;   ///< Rows of all parts.
  uint64_t rows_scanned = 0; ///< Looked at after pruning.
  uint64_t rows_matched = 0; ///< Passed all filters.
  uint64_t segments_total = 0;
  uint64_t segments_scanned = 0; ///< Left after pruning.
  uint64_t parts_total = 0;      ///< With those that an index left out.
  uint64_t parts_scanned = 0;
  /// Of the values of those rows, in the columns that are looked at.
  uint64_t bytes_scanned = 0;
  /// Why segments were not scanned: by the times that are asked for, by what
  /// the zone maps of other columns say, since they have none of the symbols.
  uint64_t left_by_time = 0;
  uint64_t left_by_value = 0;
  uint64_t left_by_symbol = 0;
  friend bool operator==(const scan_statistics&, const scan_statistics&)
    = default;

  scan_statistics& operator+=(const scan_statistics& more) noexcept {
    rows_total += more.rows_total;
    rows_scanned += more.rows_scanned;
    rows_matched += more.rows_matched;
    segments_total += more.segments_total;
    segments_scanned += more.segments_scanned;
    parts_total += more.parts_total;
    parts_scanned += more.parts_scanned;
    bytes_scanned += more.bytes_scanned;
    left_by_time += more.left_by_time;
    left_by_value += more.left_by_value;
    left_by_symbol += more.left_by_symbol;
    return *this;
  }
};

/// What a back end did for an answer.
struct node_statistics {
  std::string process;
  std::string table;
  scan_statistics read;
  // Nanoseconds; of several threads together but for `elapsed_ns`.
  int64_t bind_ns = 0;   ///< Choosing parts, opening what is needed of them.
  int64_t scan_ns = 0;   ///< Its morsels.
  int64_t finish_ns = 0; ///< Merging and packing what they found.
  int64_t elapsed_ns = 0;
  uint64_t memory_bytes = 0; ///< The most that it held at a time.
  friend bool operator==(const node_statistics&, const node_statistics&)
    = default;
};

/// What a step of the gateway did.
struct step_statistics {
  std::string what;
  uint64_t rows = 0;  ///< That it gave.
  uint64_t bytes = 0; ///< Of these rows.
  int64_t ns = 0;     ///< Without the steps before it.
  friend bool operator==(const step_statistics&, const step_statistics&)
    = default;
};

/// What an answer took.
struct answer_statistics {
  scan_statistics read; ///< Of all nodes.
  std::vector<node_statistics> nodes;
  std::vector<step_statistics> steps; ///< In the order that they were done.

  answer_statistics& operator+=(const answer_statistics& more);
  friend bool operator==(const answer_statistics&, const answer_statistics&)
    = default;
};

/// What was read, as people read it: "12 of 24 rows (96 bytes) ...".
[[nodiscard]] std::string to_string(const scan_statistics& read);

/// A line for each back end and each step, with its end.
[[nodiscard]] std::string lines_of(const answer_statistics& what);

} // namespace millrace::query
