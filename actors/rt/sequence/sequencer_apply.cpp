#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/actors/rt/sequence/sequencer_core.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

// How a sequencer_core applies what is agreed on, and what becomes of an entry
// whose bytes are damaged by then: nothing more is applied until they are
// mended or, where no other node may have applied them, agreed to be lost.

namespace millrace::rt {

namespace {

/// A range in pieces, of which some are lost.
merge_pieces cut(const merge_range& range, std::vector<input_part> lost) {
  std::sort(lost.begin(), lost.end(),
            [](const auto& a, const auto& b) { return a.from < b.from; });
  merge_pieces out{range.input, {}};
  auto at = range.from;
  const auto add = [&](position to, bool is_lost) {
    if (at < to)
      out.pieces.push_back({range.input, at, to, is_lost});
    at = std::max(at, to);
  };
  for (const auto& each : lost) {
    add(std::min(each.from, range.to), false);
    add(std::min(each.to, range.to), true);
  }
  add(range.to, false);
  return out;
}

} // namespace

/// Takes in what is agreed on. A loss comes after the ranges that it is of, and
/// counts before they are applied, in this life and in each later one.
void sequencer_core::queue(std::vector<stream_group::instruction> what) {
  for (auto& each : what) {
    const auto* lost = std::get_if<merge_range>(&each.second);
    if (lost != nullptr && lost->lost) {
      const input_part part{lost->from, lost->to};
      const auto names = [&](const stream_group::instruction& earlier) {
        const auto* range = std::get_if<merge_range>(&earlier.second);
        return range != nullptr && !range->lost && range->input == lost->input
               && overlap({range->from, range->to}, part);
      };
      if (std::any_of(pending_.begin(), pending_.end(), names)) {
        losses_[lost->input].push_back(part);
        blocked_.reset();
      }
    }
    pending_.push_back(std::move(each));
  }
}

/// What the group's log has forgotten is not all applied yet.
bool sequencer_core::recalls() const {
  return (merge_ ? merge_->state().applied_index : entry_index{})
         < group_->begin();
}

error sequencer_core::apply_pending(sequencer_effects& out) {
  bool applied = false;
  while (!pending_.empty() && !blocked_ && !copying_) {
    if (auto fault = apply(pending_.front(), out))
      return fault;
    if (blocked_)
      break;
    // All that was applied before has been seen.
    if (pending_.front().first >= applied_before_.last)
      applied_before_.sums.clear();
    pending_.pop_front();
    applied = true;
  }
  if (pending_.empty())
    losses_.clear();
  if (!applied)
    return {};
  // Before anybody hears of it: it is how a later life knows of it, whatever
  // becomes of the group's log. On a full disk it waits for a checkpoint.
  auto fault = history_->write();
  return fault.code == errc::no_space ? error{} : fault;
}

error sequencer_core::read(const merge_range& range, input_bytes& into) {
  const auto need = merge_->needs(range);
  if (!need)
    return {};
  const auto& input = merge_->state().inputs.at(range.input);
  auto got
    = inputs_.bytes({input.directory, input.lineage}, {need->from, need->to});
  if (!got) {
    block(*need, got.failure());
    return got.failure();
  }
  into.add(*std::move(got));
  return {};
}

/// What was held when it was agreed on may be damaged by now.
result<sequencer_core::readable>
sequencer_core::read(const merge_entry& entry) {
  readable out{entry, {}};
  std::vector<merge_range> pieces;
  if (const auto* range = std::get_if<merge_range>(&entry)) {
    pieces.push_back(*range);
    const auto need = merge_->needs(*range);
    if (need) {
      pieces.front() = *need;
      out.entry = *need;
      auto lost = losses_.find(range->input);
      if (lost != losses_.end()) {
        auto what = cut(*need, lost->second);
        pieces = what.pieces;
        if (pieces.size() > 1 || pieces.front().lost)
          out.entry = std::move(what);
      }
    }
  } else if (const auto* what = std::get_if<merge_pieces>(&entry)) {
    pieces = what->pieces; // Of a history.
  }
  for (const auto& piece : pieces)
    if (auto fault = read(piece, out.bytes))
      return fault;
  return out;
}

void sequencer_core::block(const merge_range& on, const error& why) {
  const auto& input = merge_->state().inputs.at(on.input);
  const input_name name{input.directory, input.lineage};
  blocked_ = unreadable{why, inputs_.add(name), {}};
  // A disk that refuses to read may read again.
  if (why.code != errc::corrupt && why.code != errc::not_found)
    return;
  if (auto parts = inputs_.damaged(name, {on.from, on.to}))
    blocked_->parts = *std::move(parts);
}

/// Half an entry cannot be taken back: it is not begun on a disk that is known
/// to be full.
error sequencer_core::room_for(const merge_entry& entry,
                               const input_bytes& bytes) {
  // Of events, of the headers of records, and of what the history and the
  // group's log take beside it.
  uint64_t need = 64u << 10;
  for (const auto& part : bytes.parts)
    need += 2 * part.size();
  // A file begins with the state.
  if (merge_->begins_file() || std::holds_alternative<begin_session>(entry))
    need += 2 * newest_.bytes.size();
  if (need > room_) {
    // Others use the disk as well: what is known of it holds for a while.
    constexpr uint64_t known_max = uint64_t{4} << 20;
    const auto free = env_->fs->free_bytes(options_.directory);
    if (!free)
      return {};
    room_ = std::min(*free, std::max(known_max, need));
    if (need > room_)
      return {errc::no_space,
              options_.directory + ": " + std::to_string(*free)
                + " bytes are free, and an entry that was agreed on may take "
                + std::to_string(need)};
  }
  room_ -= need;
  return {};
}

std::vector<sequencer_core::missing_bytes> sequencer_core::damaged() const {
  std::vector<missing_bytes> out;
  if (!blocked_)
    return out;
  for (const auto& part : blocked_->parts)
    if (std::none_of(declared_.begin(), declared_.end(), [&](const auto& each) {
          return each.first == blocked_->copy && overlap(each.second, part);
        }))
      out.push_back({blocked_->copy, part});
  return out;
}

bool sequencer_core::is_blocked_on(copy_id copy,
                                   const input_part& range) const {
  const auto parts = damaged();
  return std::any_of(parts.begin(), parts.end(), [&](const auto& each) {
    return each.copy == copy && overlap(each.range, range);
  });
}

void sequencer_core::declare_lost(copy_id copy, const input_part& range) {
  MILLRACE_ASSERT(options_.nodes.size() == 1);
  for (const auto& [of, part] : damaged())
    if (of == copy && overlap(part, range))
      declared_.emplace_back(copy, input_part{std::max(part.from, range.from),
                                              std::min(part.to, range.to)});
}

/// On a full disk the entry is tried again.
error sequencer_core::wait_if_full(error fault) {
  if (fault.code != errc::no_space)
    return fault;
  blocked_ = unreadable{std::move(fault), {}, {}};
  return {};
}

error sequencer_core::apply(const stream_group::instruction& what,
                            sequencer_effects& out) {
  const auto& [index, agreed] = what;
  if (applied_before_.denies(index, agreed))
    return leave(index);
  if (const auto* begin = std::get_if<begin_stream>(&agreed);
      begin && !merge_) {
    if (auto fault = begin_merge(begun_state(begin->layout)))
      return wait_if_full(std::move(fault));
    cut_kept_ = begin->layout.first; // Nothing was cut yet.
  }
  if (!merge_)
    return {errc::corrupt, options_.directory + "/raft: entry "
                             + to_string(index)
                             + " comes before the beginning of the stream"};
  if (index <= merge_->state().applied_index)
    return {};
  std::optional<input_id> of;
  if (const auto* range = std::get_if<merge_range>(&agreed))
    of = range->input;
  else if (const auto* pieces = std::get_if<merge_pieces>(&agreed))
    of = pieces->input;
  const auto& inputs = merge_->state().inputs;
  if (of && !inputs.contains(*of))
    return {errc::corrupt, options_.directory + "/raft: entry "
                             + to_string(index) + " names input "
                             + to_string(*of) + ", which was never opened"};
  if (!half_applied_) {
    auto came = read(agreed);
    if (!came)
      return {}; // Blocked.
    if (auto full = room_for(came->entry, came->bytes))
      return wait_if_full(std::move(full));
    if (merge_->begins_file())
      take_anchor();
    half_applied_
      = {*std::move(came), of, of ? inputs.at(*of).merged_end : position{},
         out_->recorded_end()};
  }
  const auto applied = merge_->state().applied_index;
  const auto& ready = half_applied_->what;
  auto facts = merge_->apply(index, ready.entry, ready.bytes.parts);
  if (!facts) {
    // Others had taken the room, or what was told as free is not theirs.
    room_ = 0;
    return wait_if_full(facts.failure());
  }
  const auto done = *std::exchange(half_applied_, std::nullopt);
  if (auto fault = note_losses(*facts))
    return fault;
  const auto& state = merge_->state();
  if (auto fault
      = history_->add(index, applied, done.what.entry, state.out_end))
    return fault;
  // What is planned of logs that are fenced now, or not any more, is another.
  if (std::holds_alternative<claim_origin>(agreed))
    planner_.reset();
  std::move(facts->begin(), facts->end(), std::back_inserter(out.facts));
  if (of) {
    const auto& input = state.inputs.at(*of);
    if (const auto copy = inputs_.find({input.directory, input.lineage})) {
      inputs_.merged(*copy, input.merged_end);
      out.merged.insert(*copy);
    }
  }
  return {};
}

} // namespace millrace::rt
