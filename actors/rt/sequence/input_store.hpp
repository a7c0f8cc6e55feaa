#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/chunk.hpp>
#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace millrace::rt {

/// One life of a publisher's directory: the same name on every node.
struct input_name {
  std::string directory;
  lineage_id lineage;
  friend auto operator<=>(const input_name&, const input_name&) = default;
};

/// "<directory>/<lineage>"; for paths and messages.
[[nodiscard]] std::string to_string(const input_name& name);

/// Whole records [from, to) of one file of an input.
struct input_part {
  position from;
  position to;
  friend bool operator==(const input_part&, const input_part&) = default;
};

[[nodiscard]] constexpr bool overlap(const input_part& a,
                                     const input_part& b) noexcept {
  return a.from < b.to && b.from < a.to;
}

/// Bytes of a range, in order; the spans live as long as this.
struct input_bytes {
  std::vector<std::span<const std::byte>> parts;
  std::vector<chunk> owners;
  /// Appends others.
  void add(input_bytes more);
};

/// What of which input is recorded, durable and not yet merged on this node.
/// Its copies are written by others (INPUT SINKs), who tell. Newly recorded
/// bytes are kept in memory up to a limit, for the merge; others are read back
/// from the copy. One owner.
class input_store {
public:
  /// @param directory below which the copies lie.
  /// @param memory_max bytes kept in memory at most.
  input_store(persistence::file_system& fs, std::string directory,
              uint64_t memory_max = uint64_t{64} << 20);

  /// The number of an input's copy here; a new one if it has none.
  [[nodiscard]] copy_id add(const input_name& name);
  [[nodiscard]] std::optional<copy_id> find(const input_name& name) const;
  [[nodiscard]] const input_name& name(copy_id copy) const;
  /// Numbers are 1 to this.
  [[nodiscard]] uint32_t count() const noexcept {
    return static_cast<uint32_t>(copies_.size());
  }
  /// Where the copy grows.
  [[nodiscard]] std::string directory_of(const input_name& name) const;

  /// Records [from, to) are in the copy. Not in order where a hole was filled;
  /// what of them was told before is passed over.
  void recorded(copy_id copy, position from, position to, chunk bytes);
  /// The copy lacks [from, to), and others are asked for it: nothing after it
  /// is to be ordered before that ends.
  void lacking(copy_id copy, const input_part& range);
  /// It ended: nobody has it.
  void lost(copy_id copy, const input_part& range);
  /// It ended: nothing lies there, as the source knows.
  void absent(copy_id copy, const input_part& range);
  /// The copy begins anew: what of it is not merged is told again.
  void restart(copy_id copy);
  /// All that was recorded below `end` is durable.
  void durable(copy_id copy, position end);
  /// All below `end` is merged: it is held, and not asked for again.
  void merged(copy_id copy, position end);

  /// Whether the whole range is durable here, or was merged here.
  [[nodiscard]] bool holds(copy_id copy, const input_part& range) const;
  struct durable_part {
    input_part range;
    bool lost = false; ///< An event is to stand for it.
  };
  /// What is durable at or after `from`, as it was recorded, up to what the
  /// copy lacks.
  [[nodiscard]] std::vector<durable_part> durable_from(copy_id copy,
                                                       position from) const;
  /// The first part of `range` that is not here; none: it is, if not durable.
  [[nodiscard]] std::optional<input_part> gap(copy_id copy,
                                              const input_part& range) const;
  /// Nothing that was recorded waits to be merged.
  [[nodiscard]] bool all_merged(copy_id copy) const;
  /// End of what was recorded; zero when nothing was.
  [[nodiscard]] position recorded_end(copy_id copy) const;

  /// Whether some of the range still waits for others to have it.
  [[nodiscard]] bool lacks(copy_id copy, const input_part& range) const;

  /// The bytes of a range that `holds`, or that an earlier life held, verified.
  /// `corrupt` or `not_found` names file and offset where they are not.
  [[nodiscard]] result<input_bytes> bytes(const input_name& name,
                                          const input_part& range) const;

  /// What of a range that `bytes` cannot give is damaged, or gone. A failure
  /// that may pass: only that it cannot be read.
  [[nodiscard]] result<std::vector<input_part>>
  damaged(const input_name& name, const input_part& range) const;

  /// Recorded, not yet merged.
  [[nodiscard]] uint64_t waiting_bytes() const noexcept { return waiting_; }

private:
  enum class part_state : uint8_t { held, lacking, lost };
  struct held_part {
    input_part range;
    chunk bytes; ///< Empty: only in the file.
    part_state state = part_state::held;
  };
  struct copy_state {
    input_name name;
    std::deque<held_part> parts; ///< Not merged, in order.
    position recorded_end;
    position durable_end;
    position merged_end;
  };

  [[nodiscard]] const copy_state& at(copy_id copy) const {
    return copies_[copy.value - 1];
  }
  [[nodiscard]] copy_state& at(copy_id copy) { return copies_[copy.value - 1]; }
  /// Puts a part where nothing, or nothing good, was known before.
  void put(copy_state& state, held_part part);
  void forget_first(copy_state& state);
  error read_back(const input_name& name, const input_part& range,
                  input_bytes& into) const;

  persistence::file_system* fs_;
  std::string directory_;
  uint64_t memory_max_;
  uint64_t memory_ = 0;
  uint64_t waiting_ = 0;
  std::deque<copy_state> copies_;
  std::map<input_name, copy_id> by_name_;
};

} // namespace millrace::rt
