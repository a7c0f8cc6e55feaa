#pragma once

#include <millrace/messages/base/result.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::persistence {

/// Small durable state by key, in RocksDB: what lets its owner go on where it
/// stopped. Thread safe.
class checkpoint_store {
public:
  enum class durability {
    recorded, ///< Survives the process, not a power cut: then it goes back.
    synced,
  };

  /// What `open` did with a damaged directory.
  struct opened;

  /// Opens or creates the store in a directory of this machine's own file
  /// system. `locked` when another process has it. A store that RocksDB finds
  /// damaged is moved aside to `<directory>.damaged.<n>` and an empty one takes
  /// its place; `opened` says so, since the owner has to rebuild its state.
  [[nodiscard]] static result<opened> open(const std::string& directory);

  ~checkpoint_store();
  checkpoint_store(const checkpoint_store&) = delete;
  checkpoint_store& operator=(const checkpoint_store&) = delete;

  /// All of the value or nothing. `corrupt` asks for `open` once more.
  [[nodiscard]] error put(std::string_view key, std::string_view value,
                          durability level = durability::synced);

  [[nodiscard]] result<std::optional<std::string>>
  get(std::string_view key) const;

private:
  struct impl;
  explicit checkpoint_store(std::unique_ptr<impl> state);
  std::unique_ptr<impl> impl_;
};

struct checkpoint_store::opened {
  std::unique_ptr<checkpoint_store> store;
  /// Where a damaged store was moved; none: it was intact.
  std::optional<std::string> quarantine;
  std::string reason;  ///< Why, in RocksDB's words.
  bool is_new = false; ///< There was none.
};

} // namespace millrace::persistence
