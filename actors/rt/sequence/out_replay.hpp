#pragma once

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/actors/rt/merge/merge_history.hpp>
#include <millrace/actors/rt/sequence/input_store.hpp>
#include <millrace/actors/rt/sequence/out_hole.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/disk/env.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace millrace::rt {

/// Where a stream's node keeps what its merged log can be made again from.
struct rebuild_source {
  std::string directory; ///< Of the stream: in/, history/ and out/ are in it.
  lineage_id lineage;
  uint32_t record_bytes = 0; ///< Of the writer of out/.
  /// The state where a file of out/ begins, kept apart from it; or none.
  std::optional<merge_state> anchor;
};

/// What is damaged of an input that a file is to be made of.
struct rebuild_lack {
  input_name input;
  input_part range;
};

/// How much of what a file of out/ was made of must be at hand.
enum class replay_mode {
  /// All of it.
  exact,
  /// That of what is damaged in the file: the rest is taken from there. What
  /// was lost before may stay lost.
  recall,
  /// Nothing: what cannot be made again is lost.
  lossy,
};

/// The path of a file of a log.
[[nodiscard]] std::string out_path(const std::string& directory, position file);

/// Merges again what a file of out/ holds, in a directory of its own, from the
/// state at the newest intact start of a file on. One owner; blocks.
class out_replay {
public:
  /// @param scratch empty directory
  out_replay(persistence::env& world, const rebuild_source& from,
             std::string scratch, replay_mode mode)
    : env_{&world}, from_{&from}, scratch_{std::move(scratch)}, mode_{mode},
      inputs_{*world.fs, from.directory + "/in"} {}

  /// The file that is written, up to `until`; or a closed one, to its seal. Of
  /// mode exact with those after it, up to the first that begins as one that is
  /// there; that one is begun. `corrupt` and `not_found` say what stands in the
  /// way.
  [[nodiscard]] error make(position file, std::optional<position> until);
  /// The same without anything that it was made of: what is intact of the file
  /// stays, in the place where it is.
  [[nodiscard]] error keep_intact(position file, std::optional<position> until);

  /// What of inputs stood in the way.
  [[nodiscard]] std::vector<rebuild_lack>& lacks() noexcept { return lacks_; }
  /// What of the file is lost, in order.
  [[nodiscard]] std::vector<out_hole>& holes() noexcept { return holes_; }

private:
  using instruction = history_reader::instruction;
  /// What a file holds in a place, and the bytes of it.
  struct old_part {
    std::vector<std::byte> bytes;
    std::vector<recalled_part> parts;
    error damage; ///< The first that was found; none: all is intact.
  };
  result<merge_state> begin(position file);
  error open(position end);
  error apply(const instruction& what);
  error apply_with_old(const instruction& what);
  error begin_file(position file, const instruction& what,
                   result<input_bytes>& bytes);
  error recall(const instruction& what, position end, const error& why);
  result<input_bytes> read(const instruction& what);
  error check(const merge_range& range, const input_name& name,
              const input_bytes& bytes);
  [[nodiscard]] result<position> end_of(const instruction& what) const;
  [[nodiscard]] bool leaves(const instruction& what) const;
  error close_file();
  result<old_part> old(position from, position to);
  void note_lost(const old_part& what, position from);
  error keep_messages(persistence::file& made, position from, position to);
  error copy(const std::string& path, persistence::file& made, uint64_t bytes);
  error seal_as_followed();

  persistence::env* env_;
  const rebuild_source* from_;
  std::string scratch_;
  replay_mode mode_;
  input_store inputs_;
  std::unique_ptr<persistence::log_writer> out_;
  std::unique_ptr<merge_core> merge_;
  position file_; ///< That is made.
  std::vector<rebuild_lack> lacks_;
  std::vector<out_hole> holes_;
  bool recalled_ = false; ///< The state lacks what cannot be learnt.
  /// The origins whose ids are known since something was lost; none: nothing
  /// was.
  std::optional<std::set<std::string, std::less<>>> known_;
};

} // namespace millrace::rt
