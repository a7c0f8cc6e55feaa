#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/table_news.hpp>

namespace millrace::torq {

using accepted_atom = caf::atom_constant<caf::atom("accepted")>;
using stream_lost_atom = caf::atom_constant<caf::atom("streamlost")>;
using set_back_atom = caf::atom_constant<caf::atom("setback")>;
using passed_atom = caf::atom_constant<caf::atom("passed")>;
using flow_atom = caf::atom_constant<caf::atom("flow")>;
using warned_atom = caf::atom_constant<caf::atom("warned")>;
using period_read_atom = caf::atom_constant<caf::atom("periodread")>;
using written_atom = caf::atom_constant<caf::atom("written")>;
using ended_atom = caf::atom_constant<caf::atom("ended")>;
using accounted_atom = caf::atom_constant<caf::atom("accounted")>;
using looked_atom = caf::atom_constant<caf::atom("looked")>;
using sought_atom = caf::atom_constant<caf::atom("hdbsought")>;
using kept_atom = caf::atom_constant<caf::atom("kept")>;
using moved_atom = caf::atom_constant<caf::atom("moved")>;

/// The RDB, with what it sends itself.
using rdb_self_actor = rdb_actor::extend<
  // Its subscriber passed the end of a period, of which so many batches fit no
  // table; so many losses it met in it, and so many batches of tables that no
  // RDB holds.
  caf::reacts_to<passed_atom, period_id, position, uint64_t, uint64_t,
                 uint64_t>,
  // A batch or a declaration is not taken, or the stream lost something: a
  // stable word, and what.
  caf::reacts_to<warned_atom, std::string, std::string>,
  // Somebody accepts the rejects up to this period, and they are synced, or why
  // not.
  caf::reacts_to<accepted_atom, period_id, caf::error>,
  // What the HDB directory holds of a period was read, for the answer of this
  // number.
  caf::reacts_to<period_read_atom, uint64_t, period_report>,
  // A flow of the stream began, which ended here then.
  caf::reacts_to<flow_atom, lineage_id, position>,
  // None of its nodes gives a flow, for this reason.
  caf::reacts_to<stream_lost_atom, caf::error>,
  // The stream does not hold what came before here, of which this RDB, or its
  // HDB, has the rows; why that is known.
  caf::reacts_to<set_back_atom, position, std::string>,
  // The subscription ended because of this.
  caf::reacts_to<ended_atom, caf::error>,
  // A write-down up to here ended: the manifest's version, or why not.
  caf::reacts_to<written_atom, position, manifest_version, caf::error>,
  // The HDB accounts for the table that joins up to here, or why it does not.
  caf::reacts_to<accounted_atom, position, caf::error>,
  // The manifest was read while the HDB was known to hold the rows up to the
  // first place; whether it could be, and where it ends.
  caf::reacts_to<looked_atom, position, bool, position>,
  // Whether the HDB that was gone is there again; whether somebody said that it
  // is lost for good; whether nothing else is known that was in it.
  caf::reacts_to<sought_atom, bool, bool, bool>,
  // What the next life is to know was written, or why not; whether there is a
  // file of it, be it an older one.
  caf::reacts_to<kept_atom, caf::error, bool>,
  // Timer.
  caf::reacts_to<caf::tick_atom>,
  // The snapshot moved.
  caf::reacts_to<moved_atom>>::extend_with<table_taker_actor>;

} // namespace millrace::torq
