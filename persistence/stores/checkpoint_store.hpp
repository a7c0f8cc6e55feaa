#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::persistence {

/// Small durable state beside a position of a stream, in RocksDB: what a
/// subscriber needs to go on where it stopped. A position is stored together
/// with what was derived up to it, in one step: after a crash both are there
/// or neither, so that it is never ahead of the state. Thread safe.
class checkpoint_store {
public:
  /// What to change in one step. Keys are any bytes.
  class batch {
  public:
    void put(std::string_view key, std::string_view value) {
      changes_.emplace_back(key, std::string{value});
    }
    void remove(std::string_view key) {
      changes_.emplace_back(key, std::nullopt);
    }
    /// Where `stream` goes on.
    void set_position(std::string_view stream, position at) {
      positions_.emplace_back(stream, at);
    }

  private:
    friend class checkpoint_store;
    std::vector<std::pair<std::string, std::optional<std::string>>> changes_;
    std::vector<std::pair<std::string, position>> positions_;
  };

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

  /// All of the batch or nothing. `corrupt` asks for `open` once more.
  [[nodiscard]] error write(const batch& changes,
                            durability level = durability::synced);

  [[nodiscard]] result<std::optional<std::string>>
  get(std::string_view key) const;
  /// Keys that begin with `prefix`, ascending by bytes, with their values.
  [[nodiscard]] result<std::vector<std::pair<std::string, std::string>>>
  list(std::string_view prefix) const;
  [[nodiscard]] result<std::optional<position>>
  position_of(std::string_view stream) const;

private:
  struct impl;
  explicit checkpoint_store(std::unique_ptr<impl> state);
  std::unique_ptr<impl> impl_;
};

struct checkpoint_store::opened {
  std::unique_ptr<checkpoint_store> store;
  /// Where a damaged store was moved; none: it was intact.
  std::optional<std::string> quarantine;
  std::string reason; ///< Why, in RocksDB's words.
};

} // namespace millrace::persistence
