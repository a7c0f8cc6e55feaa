#pragma once

#include <millrace/messages/protocol/interfaces.hpp>

namespace millrace::torq {

using accepted_atom = caf::atom_constant<caf::atom("accepted")>;
using passed_atom = caf::atom_constant<caf::atom("passed")>;

/// The RDB, with what it sends itself.
using rdb_self_actor = rdb_actor::extend<
  // Its subscriber passed the end of a period, of which so many batches fit no
  // table.
  caf::reacts_to<passed_atom, period_id, position, uint64_t>,
  // A batch was rejected, or a declaration: why.
  caf::reacts_to<refused_atom, std::string>,
  // Somebody accepts the rejects so far, and they are synced, or why not.
  caf::reacts_to<accepted_atom, caf::error>,
  // What the HDB directory holds of a period was read, for the answer of this
  // number.
  caf::reacts_to<job_atom, uint64_t, period_report>,
  // A write-down up to here ended: the manifest's version, or why not.
  caf::reacts_to<job_atom, position, manifest_version, caf::error>,
  // Timer.
  caf::reacts_to<caf::tick_atom>,
  // The snapshot moved.
  caf::reacts_to<wake_atom>>;

} // namespace millrace::torq
