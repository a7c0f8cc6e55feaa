#pragma once

#include <millrace/actors/rt/sequence/state_store.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace millrace::sim {

/// The checkpoints of a sequencer as RocksDB keeps them: after a power cut a
/// prefix of what was saved, which may be nothing. Outlives its stores.
class checkpoint_history {
public:
  /// A store for one life of a process.
  /// @param boot_id of the machine: another one means that it lost its power.
  /// @param draw a number below the given one: how much survived.
  [[nodiscard]] std::unique_ptr<rt::state_store>
  open(uint64_t boot_id, const std::function<uint64_t(uint64_t)>& draw);

private:
  class store;
  std::deque<std::vector<std::byte>> saved_;
  std::optional<std::vector<std::byte>> anchor_; ///< Synced.
  uint64_t boot_ = 0;
};

} // namespace millrace::sim
