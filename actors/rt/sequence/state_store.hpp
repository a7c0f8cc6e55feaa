#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::rt {

/// Bytes of out/ between checkpoints, unless somebody says otherwise.
inline constexpr uint64_t checkpoint_bytes_default = uint64_t{64} << 20;

/// Where checkpoints of the merge go: RocksDB, or memory in the simulator.
/// Derived data: whatever is lost is rebuilt from out/ and the group's log.
/// Thread safe.
class state_store {
public:
  virtual ~state_store() = default;
  /// Nothing was ever kept there.
  [[nodiscard]] virtual bool is_new() const { return false; }
  /// What was kept is damaged, and not to be had; empty: it is not.
  [[nodiscard]] virtual std::string damage() const { return {}; }
  virtual result<std::optional<std::vector<std::byte>>> load() = 0;
  virtual error save(std::span<const std::byte> state) = 0;
  /// The state where a file of out/ begins: from there it can be made again,
  /// whatever became of the file. Durable when `save_anchor` returns; blocks.
  virtual result<std::optional<std::vector<std::byte>>> load_anchor() = 0;
  virtual error save_anchor(std::span<const std::byte> state) = 0;
};

} // namespace millrace::rt
