#pragma once

#include <millrace/actors/rt/link/feeder.hpp>
#include <millrace/actors/rt/sequence/input_sink.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

namespace millrace::rt {

using committed_atom = caf::atom_constant<caf::atom("committed")>;
using checkpoint_atom = caf::atom_constant<caf::atom("checkpoint")>;
using copied_atom = caf::atom_constant<caf::atom("copied")>;
using surveyed_atom = caf::atom_constant<caf::atom("surveyed")>;
using sought_atom = caf::atom_constant<caf::atom("sought")>;
using part_atom = caf::atom_constant<caf::atom("part")>;
using disk_atom = caf::atom_constant<caf::atom("disk")>;
using mended_atom = caf::atom_constant<caf::atom("mended")>;
using salvaged_atom = caf::atom_constant<caf::atom("salvaged")>;

/// The SEQUENCER as it speaks to itself and its INPUT SINKs.
using sequencer_self_actor = sequencer_actor::extend_with<input_owner_actor>::
  extend_with<operated_stream_actor>::extend<
    // A sync of the group's log up to this position ended.
    caf::reacts_to<committed_atom, position, caf::error>,
    // A sync of out/ for a checkpoint ended.
    caf::reacts_to<checkpoint_atom, caf::error>,
    // out/ was copied from another node, or could not be.
    caf::reacts_to<copied_atom, caf::error>,
    // Where a subscriber starts that named a time, as it is numbered.
    caf::reacts_to<sought_atom, uint64_t, position, caf::error>,
    // What lies on the disk of out/ was looked at, for the archiver.
    caf::reacts_to<surveyed_atom>,
    // How full the disk is, in percents; 0: it does not say.
    caf::reacts_to<disk_atom, uint32_t>,
    // What was cut off the stream, and lay here, was removed, or was not.
    caf::reacts_to<collected_atom, caf::error>,
    // Files of the history up to an entry went, or did not.
    caf::reacts_to<collected_atom, entry_index, caf::error>,
    // Files of out/ before that of a position went, or did not.
    caf::reacts_to<collected_atom, position, caf::error>,
    // The grace of an end of period goes by.
    caf::reacts_to<caf::tick_atom>,
    // As a MENDER of out/.
    caf::replies_to<mend_atom, position>::with<bool>,
    // A file of out/ was made again, or a copy of it took its place; or neither
    // could be.
    caf::reacts_to<mended_atom, position, caf::error>,
    // It was made again of what was left, or could not be.
    caf::reacts_to<salvaged_atom, caf::error>,
    // A part of out/ for another node was read, as it is numbered.
    caf::reacts_to<part_atom, uint64_t, position, chunk, caf::error>>;

} // namespace millrace::rt
