#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/messages/protocol/wire.hpp>

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace millrace {

/// Whole records [from, to) of one life of a publisher's directory.
struct input_range {
  std::string directory;
  lineage_id lineage;
  position from;
  position to;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, input_range& x) {
  return f(caf::meta::type_name("input_range"), x.directory, x.lineage, x.from,
           x.to);
}

/// What the nodes that order a stream say to each other several times per
/// second: who they are, in this life of their directory, and what they hold.
struct peer_hello {
  member_id from;
  /// Those that the group was founded with, of one that forgot the one that it
  /// was in; empty: not known here.
  std::vector<member_id> founding;
  group_generation generation; ///< Of that group.
  /// It was a member once, and may have lost what it said then.
  bool forgot = false;
  /// Of a leader: no member needs the entries up to this one.
  entry_index needless;
  /// Of a leader: some member is left behind, and nothing is kept for it.
  bool leaves_behind = false;
  uint32_t disk_percent = 0; ///< How full its disk is; 0: not known.
  int64_t sync_ns = 0;       ///< What a sync takes there, mostly; 0: not known.
  /// What is recorded here and not merged; from: what is merged.
  std::vector<input_range> inputs;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, peer_hello& x) {
  return f(caf::meta::type_name("peer_hello"), x.from, x.founding, x.generation,
           x.forgot, x.needless, x.leaves_behind, x.disk_percent, x.sync_ns,
           x.inputs);
}

} // namespace millrace
