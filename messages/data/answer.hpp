#pragma once

#include <millrace/messages/data/chunk.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace {

/// A result in order, cut into messages of bounded size.
using chunks = std::vector<chunk>;

/// Up to where an HDB accounts for a table of a stream, at a version of its
/// manifest. Version 0: no partition yet, and nothing is accounted for.
struct partition_cut {
  manifest_version manifest;
  position cutover;
  /// What streams lost among the rows of an answer, a line each.
  std::vector<std::string> warnings{};
  friend bool operator==(const partition_cut&, const partition_cut&) = default;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f,
                                                 partition_cut& x) {
    return f(x.manifest, x.cutover, x.warnings);
  }
};

/// The cutover of a database whose manifest cannot be read, in whose partitions
/// nothing of what was asked can be: all that the RDB holds counts.
inline constexpr position unread_cutover{UINT64_MAX};

/// Where what is asked has no end: no row comes after it.
inline constexpr position newest{UINT64_MAX};

/// The rows that an RDB is asked for: those after `cutover`, once it is ready
/// and has come to `at_least`; {0}: any place. None after `upto`.
struct rows_after {
  position cutover;
  position at_least;
  lineage_id life{};       ///< Of `at_least`; not known: any.
  int64_t patience_ns = 0; ///< How long it may wait for them; 0: its own limit.
  position upto = newest;
  /// Where an RDB must have come to before it answers.
  [[nodiscard]] position first_wanted() const noexcept {
    return cutover == unread_cutover || cutover < at_least ? at_least : cutover;
  }
  friend bool operator==(const rows_after&, const rows_after&) = default;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, rows_after& x) {
    return f(x.cutover, x.at_least, x.life, x.patience_ns, x.upto);
  }
};

/// The place that an RDB's partial result is of.
struct rdb_cut {
  position upper; ///< It holds all rows up to there.
  lineage_id life{};
  /// What the stream lost among them, a line each.
  std::vector<std::string> warnings{};
  friend bool operator==(const rdb_cut&, const rdb_cut&) = default;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, rdb_cut& x) {
    return f(x.upper, x.life, x.warnings);
  }
};

/// The cut that an answer was computed at: the HDB's rows up to `cutover`, the
/// RDB's in (cutover, upper].
struct query_cut {
  manifest_version manifest; ///< 0: no partition yet.
  position cutover;
  position upper;
  /// Why it may lack rows, a line each; empty: it is complete.
  std::vector<std::string> warnings{};
  lineage_id
    life{}; ///< Of the stream's positions; not known: no RDB was asked.
  friend bool operator==(const query_cut&, const query_cut&) = default;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, query_cut& x) {
    return f(x.manifest, x.cutover, x.upper, x.warnings, x.life);
  }
};

} // namespace millrace
