#pragma once

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/table_news.hpp>

#include <vector>

namespace millrace::nodes {

using inbox_atom = caf::atom_constant<caf::atom("inbox")>;
using synced_atom = caf::atom_constant<caf::atom("synced")>;

/// What others may say to the door of a port, and what it says to itself.
using door_actor = status_actor::extend<
  // As a WATCHER of gateways.
  caf::reacts_to<watch_atom, std::vector<process_row>>,
  // INTERNAL: its inbox has something.
  caf::reacts_to<inbox_atom>,
  // INTERNAL: what is over its time.
  caf::reacts_to<caf::tick_atom>>::extend_with<table_taker_actor>;

/// The door of a port at which clients publish too.
using publishing_door_actor = door_actor::extend<
  // INTERNAL: whether what was published is as safe as it was asked for.
  caf::reacts_to<synced_atom>>;

} // namespace millrace::nodes
