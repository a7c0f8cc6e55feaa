#pragma once

#include <millrace/messages/data/chunk.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>

#include <vector>

namespace millrace {

/// A result in order, cut into messages of bounded size.
using chunks = std::vector<chunk>;

/// Up to where an HDB accounts for a table of a stream, at a version of its
/// manifest. Version 0: no partition yet, and nothing is accounted for.
struct partition_cut {
  manifest_version manifest;
  position cutover;
  friend bool operator==(const partition_cut&, const partition_cut&) = default;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f,
                                                 partition_cut& x) {
    return f(x.manifest, x.cutover);
  }
};

/// The rows that an RDB is asked for: those after `cutover`, once it has come
/// to `at_least`; {0}: at once.
struct rows_after {
  position cutover;
  position at_least;
  friend bool operator==(const rows_after&, const rows_after&) = default;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, rows_after& x) {
    return f(x.cutover, x.at_least);
  }
};

/// The cut that an answer was computed at: the HDB's rows up to `cutover`, the
/// RDB's in (cutover, upper].
struct query_cut {
  manifest_version manifest; ///< 0: no partition yet.
  position cutover;
  position upper;
  friend bool operator==(const query_cut&, const query_cut&) = default;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, query_cut& x) {
    return f(x.manifest, x.cutover, x.upper);
  }
};

} // namespace millrace
