#pragma once

#include <millrace/messages/protocol/interfaces.hpp>

namespace millrace::torq {

using passed_atom = caf::atom_constant<caf::atom("passed")>;

/// The RDB, with what it sends itself.
using rdb_self_actor = rdb_actor::extend<
  // Its subscriber passed the end of a period.
  caf::reacts_to<passed_atom, period_id, position>,
  // A write-down up to here ended: the manifest's version, or why not.
  caf::reacts_to<job_atom, position, manifest_version, caf::error>,
  // Timer.
  caf::reacts_to<caf::tick_atom>,
  // The snapshot moved.
  caf::reacts_to<wake_atom>>;

} // namespace millrace::torq
