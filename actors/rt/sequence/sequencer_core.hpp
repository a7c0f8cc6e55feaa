#pragma once

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/actors/rt/sequence/consensus.hpp>
#include <millrace/messages/data/chunk.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::rt {

struct sequencer_options {
  std::string stream;
  /// Holds in/, raft/, out/ and state/ of this stream on this node.
  std::string directory;
  bool cached = false;
  uint64_t roll_bytes = uint64_t{1} << 29;
  /// out/ bytes between checkpoints: what a restart applies again at most.
  uint64_t checkpoint_bytes = uint64_t{64} << 20;
};

/// Where checkpoints of the merge go: RocksDB, or memory in the simulator.
/// Derived data: whatever is lost is rebuilt from out/ and the group's log.
class state_store {
public:
  virtual ~state_store() = default;
  virtual result<std::optional<std::vector<std::byte>>> load() = 0;
  virtual error save(std::span<const std::byte> state) = 0;
};

/// What applying committed entries did, for others to act on.
struct sequencer_effects {
  /// A part of out/ that was written.
  struct out_part {
    position end;
    chunk bytes; ///< Empty while nobody follows out/.
  };
  std::vector<out_part> out;
  std::set<input_id> merged; ///< Inputs whose merged end moved.
  std::vector<merge_effect> facts;
};

/// One stream on one RT node, without actors: inputs become durable, the group
/// commits ranges of them, the merge appends them to out/. One owner.
class sequencer_core {
public:
  /// Opens the directory and recovers: the newest checkpoint (or, without one,
  /// the newest state record of out/), out/ cut back to it, and the committed
  /// entries after it applied again from in/. Blocks; call it before the actor
  /// starts.
  [[nodiscard]] static result<std::unique_ptr<sequencer_core>>
  open(persistence::env& world, sequencer_options options,
       std::unique_ptr<state_store> store);

  struct input_grant {
    input_id input;
    std::string directory; ///< Where the copy of this input grows.
    position merged;
  };
  /// The input of a publisher directory and lineage; a new one is proposed.
  [[nodiscard]] result<input_grant>
  open_input(const std::string& directory,
             const persistence::lineage_id& lineage);

  /// Bytes [from, to) of an input are recorded here; merged once durable.
  void recorded(input_id input, position from, position to, chunk bytes);
  /// The input is durable below `end`: proposes what became mergeable.
  [[nodiscard]] error durable(input_id input, position end);
  /// Proposes an event of an input's log (a badtail that no copy repairs).
  [[nodiscard]] error propose_event(input_id input, stream_event event);
  [[nodiscard]] error propose_period_end(period_end entry);

  /// Hands proposals to the group and applies everything committed.
  [[nodiscard]] result<sequencer_effects> advance();
  /// Whether entries wait for a sync of the group's log.
  [[nodiscard]] bool needs_sync() const noexcept;
  [[nodiscard]] persistence::log_writer::sync_job begin_sync();
  [[nodiscard]] result<sequencer_effects> finish_sync(position end,
                                                      const error& outcome);

  /// A checkpoint: out/ is synced by the job, then `finish_checkpoint` stores
  /// the state as it was when the job began.
  struct checkpoint_job {
    persistence::log_writer::sync_job sync;
    std::vector<std::byte> state;
  };
  [[nodiscard]] bool checkpoint_due() const noexcept;
  [[nodiscard]] checkpoint_job begin_checkpoint();
  [[nodiscard]] error finish_checkpoint(const checkpoint_job& job,
                                        const error& outcome);

  [[nodiscard]] error close();

  [[nodiscard]] const merge_state& state() const noexcept {
    return merge_->state();
  }
  [[nodiscard]] position merged(input_id input) const;
  /// The input is known to the stream, and all that was recorded of it merged.
  [[nodiscard]] bool settled(input_id input) const;
  [[nodiscard]] const sequencer_options& options() const noexcept {
    return options_;
  }
  [[nodiscard]] std::string out_directory() const {
    return options_.directory + "/out";
  }
  [[nodiscard]] position out_end() const noexcept;
  [[nodiscard]] const persistence::lineage_id& out_lineage() const noexcept;
  [[nodiscard]] uint64_t pending_bytes() const noexcept {
    return pending_bytes_;
  }

  /// Whether somebody follows out/: its parts then carry their bytes.
  void set_followed(bool followed) noexcept { followed_ = followed; }

private:
  sequencer_core(persistence::env& world, sequencer_options options,
                 std::unique_ptr<state_store> store);

  error recover();
  result<merge_state> recover_state();
  result<merge_state> newest_state_record();
  error reapply(entry_index index, const merge_entry& entry);
  result<sequencer_effects> apply_committed();

  struct span_of_input {
    position from;
    position to;
    chunk bytes;
  };
  struct proposed_entry {
    entry_index index;
    merge_entry entry;
    chunk bytes;
  };

  persistence::env* env_;
  sequencer_options options_;
  std::unique_ptr<state_store> store_;
  std::unique_ptr<consensus_group> group_;
  std::unique_ptr<persistence::log_writer> out_;
  std::unique_ptr<merge_core> merge_;
  std::map<input_id, std::deque<span_of_input>> recorded_;
  std::deque<proposed_entry> proposed_;
  std::vector<sequencer_effects::out_part> written_; ///< Not yet handed out.
  bool followed_ = false;
  uint64_t pending_bytes_ = 0;
  bool sync_running_ = false;
  bool checkpoint_running_ = false;
  position checkpointed_;
};

} // namespace millrace::rt
