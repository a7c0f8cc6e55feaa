#pragma once

#include <millrace/messages/data/ids.hpp>
#include <millrace/messages/data/lineage.hpp>
#include <millrace/messages/data/position.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace millrace::rt {

struct sequencer_state;

struct scrubbed_file {
  std::string directory;
  lineage_id lineage;
  position file;
  position next; ///< Where the next one begins.
  uint64_t bytes = 0;
  std::optional<copy_id> copy; ///< Of an input; none: of out/.
  /// Of the file that is written: up to here nothing changes any more.
  std::optional<position> below{};
  /// What was lost of it other nodes may have.
  bool asks_again = false;
};

/// How a SEQUENCER looks for damage in files that nobody reads. Lives in the
/// actor, which tells it of every tick.
class file_scrub {
public:
  explicit file_scrub(sequencer_state& of);

  void tick();
  /// The files of this copy went.
  void forget(copy_id copy);
  [[nodiscard]] uint64_t scrubbed() const noexcept { return scrubbed_; }

private:
  bool list_files(const std::string& directory, const lineage_id& lineage,
                  std::optional<copy_id> copy);

  sequencer_state& of_;
  /// Files that are still to be looked at in this round.
  std::deque<scrubbed_file> to_scrub_;
  std::shared_ptr<std::atomic<bool>> scrubbing_
    = std::make_shared<std::atomic<bool>>(false);
  int64_t at_ns_ = 0;
  uint64_t scrubbed_ = 0;
};

} // namespace millrace::rt
