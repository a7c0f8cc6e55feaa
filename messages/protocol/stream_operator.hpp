#pragma once

#include <millrace/messages/protocol/interfaces.hpp>

namespace millrace {

using archive_atom = caf::atom_constant<caf::atom("archive")>;
using reset_atom = caf::atom_constant<caf::atom("reset")>;
using forget_atom = caf::atom_constant<caf::atom("forget")>;

/// A SEQUENCER, as an operator knows it who changes what a stream holds. One
/// that does not lead asks the one that does.
using operated_stream_actor = caf::typed_actor<
  // The archiver lets files go that end before the position, as far as no
  // consumer needs them. Answers what goes, and who holds the rest (see
  // prune_report). Dry: only tells.
  caf::replies_to<archive_atom, position, bool /*dry*/>::with<status_facts>,
  // The stream goes on in its next session, which begins with a `reset`, and
  // what lies before it goes. Answers and refuses as a cut there does, and
  // `already_exists` where the session is named and has begun: who heard
  // nothing may ask again, and resets once. 0: whichever is next.
  caf::replies_to<reset_atom, bool /*dry*/, bool /*forced*/,
                  uint64_t /*session*/>::with<status_facts>,
  // Nothing is kept any more for the consumer of this name, which may subscribe
  // anew later. Answers what it needed, and what was kept for it alone:
  // `not_found`, or `invalid_argument` for one that is connected, or that the
  // configuration names. Dry: only tells.
  caf::replies_to<forget_atom, std::string, bool /*dry*/>::with<status_facts>,
  // A checkpoint now, with which this node's part of the group's log begins as
  // soon as no member needs what is before it. Answers once it is taken.
  caf::replies_to<snapshot_atom>::with<status_facts>>;

} // namespace millrace
