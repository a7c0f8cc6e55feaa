#pragma once

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/actors/rt/sequence/consensus.hpp>
#include <millrace/messages/data/chunk.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

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

/// One stream on one RT node, without actors: inputs become durable, the group
/// commits ranges of them, the merge appends them to out/. One owner.
class sequencer_core {
public:
  /// Opens the directory and recovers: the newest checkpoint (or, without one,
  /// the newest state record of out/), out/ cut back to it, and the committed
  /// entries behind it applied again from in/. Blocks; call it before the actor
  /// starts.
  [[nodiscard]] static result<std::unique_ptr<sequencer_core>>
  open(persistence::env& world, sequencer_options options,
       std::unique_ptr<state_store> store);

  struct input_grant {
    uint32_t input = 0;
    std::string directory; ///< Where the copy of this input grows.
    position merged;
  };
  /// The input of a publisher directory and lineage; a new one is proposed.
  [[nodiscard]] result<input_grant>
  open_input(const std::string& directory,
             const persistence::lineage_id& lineage);

  /// Bytes [from, to) of an input are recorded here; merged once durable.
  void recorded(uint32_t input, position from, position to, chunk bytes);
  /// The input is durable below `end`: proposes what became mergeable.
  [[nodiscard]] error durable(uint32_t input, position end);
  /// Proposes an event of an input's log (a badtail that no copy repairs).
  [[nodiscard]] error propose_event(uint32_t input, stream_event event);
  [[nodiscard]] error propose_period_end(period_end entry);

  /// Hands proposals to the group and applies everything committed.
  [[nodiscard]] error advance();
  /// Whether entries wait for a sync of the group's log.
  [[nodiscard]] bool needs_sync() const noexcept;
  [[nodiscard]] persistence::log_writer::sync_job begin_sync();
  [[nodiscard]] error finish_sync(position end, const error& outcome);

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
  [[nodiscard]] position merged(uint32_t input) const;
  /// The input is known to the stream, and all that was recorded of it merged.
  [[nodiscard]] bool settled(uint32_t input) const;
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

  /// Each part of out/ right after it was written.
  std::function<void(position end, std::span<const std::byte> bytes)> on_out;
  /// Inputs whose merged end moved since the last call of `take_merged`.
  [[nodiscard]] std::set<uint32_t> take_merged();
  std::function<void(const std::string& origin, int64_t period)> on_marker;
  std::function<void(int64_t period, position end)> on_period_end;

private:
  sequencer_core(persistence::env& world, sequencer_options options,
                 std::unique_ptr<state_store> store);

  error recover();
  result<merge_state> recover_state();
  result<merge_state> newest_state_record();
  error reapply(uint64_t index, const merge_entry& entry);
  error apply_committed();
  void start_merge(merge_state state);

  struct span_of_input {
    position from;
    position to;
    chunk bytes;
  };
  struct proposed_entry {
    uint64_t index;
    merge_entry entry;
    chunk bytes;
  };

  persistence::env* env_;
  sequencer_options options_;
  std::unique_ptr<state_store> store_;
  std::unique_ptr<consensus_group> group_;
  std::unique_ptr<persistence::log_writer> out_;
  std::unique_ptr<merge_core> merge_;
  std::map<uint32_t, std::deque<span_of_input>> recorded_;
  std::deque<proposed_entry> proposed_;
  std::set<uint32_t> moved_;
  uint64_t pending_bytes_ = 0;
  bool sync_running_ = false;
  bool checkpoint_running_ = false;
  position checkpointed_;
};

} // namespace millrace::rt
