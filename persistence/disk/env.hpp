#pragma once

#include <millrace/persistence/disk/executor.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <cstdint>
#include <functional>

namespace millrace::persistence {

/// Everything of the outside world that product code may touch. The simulator
/// replaces all of it. Outlives every actor that holds it.
struct env {
  file_system* fs = nullptr;
  clock_source* clock = nullptr;
  executor* io = nullptr;   ///< Syncs and blocking file work.
  executor* pool = nullptr; ///< Query morsels; as many threads as cores.
  /// Random 64-bit numbers (lineages, incarnations); seeded in the simulator.
  std::function<uint64_t()> random;
  /// Called with the name of each crash point passed; ends the process there
  /// when CRASH_AT asks for it, or the simulated node when a script does.
  std::function<void(const char*)> crash_point = [](const char*) {};
  /// The life before this one ended by a fault of its own, by a signal as of a
  /// bad access or an abort: not by a stop, a kill from outside, as when memory
  /// is short, or a loss of power.
  bool ended_by_fault = false;
};

} // namespace millrace::persistence
