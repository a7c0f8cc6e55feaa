#pragma once

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/actors/rt/sequence/input_store.hpp>

#include <map>
#include <optional>
#include <vector>

namespace millrace::rt {

/// Decides, on the leader of a stream, what is proposed next: the layout of a
/// new stream, numbers for new inputs, ranges of what is durable here. It knows
/// what is agreed on and what is only proposed, so that nothing is proposed
/// twice. Lasts for one leadership; pure; one owner.
class merge_planner {
public:
  /// @param applied the state of the merge here; null: the stream is new.
  /// @param tail the instructions of the leader's log after that, in order.
  merge_planner(const merge_state* applied,
                const std::vector<merge_entry>& tail);

  [[nodiscard]] bool begun() const noexcept { return begun_; }
  /// The first instruction of a stream. @pre !begun()
  [[nodiscard]] begin_stream begin(const stream_layout& layout);
  /// An instruction that opens the input, unless it is known.
  [[nodiscard]] std::optional<merge_entry> open(const input_name& name);
  /// Instructions for what is durable of `copy` and not planned yet.
  /// @param until and lies before it: the end of a record; none: all.
  [[nodiscard]] std::vector<merge_entry>
  ranges(const input_store& store, copy_id copy,
         std::optional<position> until = std::nullopt);

private:
  struct planned_input {
    input_id number;
    position end; ///< Of what is merged or proposed.
    bool closed = false;
  };

  void take(const merge_entry& entry);
  void take(const open_input& entry);

  bool begun_ = false;
  input_id last_;
  std::map<input_name, planned_input> inputs_;
  std::map<input_id, input_name> names_;
};

} // namespace millrace::rt
