#pragma once

#include <millrace/actors/rt/sequence/state_store.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <memory>
#include <string>

namespace millrace::nodes {

/// The sequencer's checkpoints in RocksDB. Derived data: a damaged store is set
/// aside and begun anew, and the merge is rebuilt from out/.
[[nodiscard]] result<std::unique_ptr<rt::state_store>>
open_merge_checkpoints(persistence::env& world, const std::string& directory);

} // namespace millrace::nodes
