#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace millrace::nodes {

struct end_request {
  period_id period;
  /// Also a period that is later than the clock and the newest row: those
  /// before it cannot end any more.
  bool force = false;
  /// Batches that are set aside are left out of what is written.
  bool accept_rejects = false;
  std::chrono::seconds deadline{300}; ///< For all of it.
  /// Told every few seconds what is waited for; may be none.
  std::function<void(const std::string&)> waiting;
};

/// What became of a period at one RDB that writes it down.
struct written_period {
  std::string rdb;
  period_report report; ///< As the RDB said last; empty: it said nothing.
  error fault;          ///< Why it is not served; none: it is.
  /// Rows of its date, by table, that came after it had ended: they are in
  /// memory, and written with the next period that ends.
  std::map<std::string, uint64_t> waiting;
  error waiting_unknown; ///< Why `waiting` is not known; none: it is.
  /// What the RDB lost while the period was ended, whichever period it counts
  /// for: the last of it; empty: nothing.
  std::string lost_meanwhile;
};

/// What became of a period on one stream.
struct ended_period {
  bool before = false; ///< It had ended before.
  position end;        ///< Of its marker; the start: that is not known.
  /// Publishers that did not mark its end in the grace.
  std::vector<std::string> absent;
  /// Why `absent` is not known; none: it is. `not_found`: a later period ended
  /// since, and nobody keeps it; otherwise it can be asked again.
  error absent_unknown;
  std::vector<written_period> written;
};

/// Ends a period on one stream, unless that has ended before, and waits until
/// an HDB serves what every RDB of the stream wrote down. Follows nodes that
/// are started again meanwhile. Blocks: not for handlers.
/// @returns a failure when the period did not end: `already_exists` says which
///   later one ended already, `invalid_argument` that it is not over.
[[nodiscard]] result<ended_period> end_period(runtime& host,
                                              const cluster_config& config,
                                              const std::string& stream,
                                              const end_request& what);

} // namespace millrace::nodes
