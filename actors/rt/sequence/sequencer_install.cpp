#include <millrace/actors/rt/sequence/sequencer_core.hpp>

#include <string_view>
#include <utility>

// How a sequencer_core takes over from other nodes what came before the group's
// log: a copy of out/, and the state at its end.

namespace millrace::rt {

namespace {

/// After the names of directories that are only to be removed.
constexpr std::string_view gone_mark = ".gone";

} // namespace

error sequencer_core::heard(const member_id& from,
                            const group_founding& founding, bool forgot) {
  if (auto fault = group_->heard(from, founding, forgot))
    return fault;
  const auto next = group_->to_found();
  if (!next)
    return {};
  if (!group_->continues(*next))
    if (auto fault = set_out_aside())
      return fault;
  return group_->found(*next, now());
}

error sequencer_core::leave_out(bool is_gone) {
  parked_.reset();
  merge_.reset();
  half_applied_.reset();
  out_.reset();
  applied_before_ = {};
  // A checkpoint of it must never be taken for one of what comes now.
  const auto is_kept = [](const auto& found) {
    return !found || (*found && !(*found)->empty());
  };
  if (is_kept(store_->load()))
    if (auto fault = store_->save({}))
      return fault;
  if (is_kept(store_->load_anchor()))
    if (auto fault = store_->save_anchor({}))
      return fault;
  anchor_ = {};
  anchor_next_.reset();
  if (auto fault = leave(out_directory(), is_gone))
    return fault;
  if (!history_ || !history_->is_empty())
    if (auto fault = begin_history_anew(is_gone))
      return fault;
  return env_->fs->sync_directory(options_.directory);
}

/// It may be all that is left of what a lost group had agreed on, or have gone
/// on all other nodes.
error sequencer_core::leave(const std::string& directory, bool is_gone) {
  if (!env_->fs->exists(directory))
    return {};
  if (!is_gone)
    return persistence::set_aside(*env_->fs, directory);
  const auto gone = directory + std::string{gone_mark};
  if (auto fault = env_->fs->remove_all(gone))
    return fault;
  return env_->fs->rename(directory, gone);
}

std::vector<std::string> sequencer_core::gone_directories() const {
  std::vector<std::string> out;
  for (const auto& each : {out_directory(), options_.directory + "/history"}) {
    auto gone = each + std::string{gone_mark};
    if (env_->fs->exists(gone))
      out.push_back(std::move(gone));
  }
  return out;
}

error sequencer_core::begin_history_anew(bool is_gone) {
  const auto directory = options_.directory + "/history";
  history_.reset();
  if (auto fault = leave(directory, is_gone))
    return fault;
  auto history = merge_history::open(*env_, directory);
  if (!history)
    return history.failure();
  history_ = *std::move(history);
  return {};
}

void sequencer_core::begin_copying() {
  copying_ = true;
  if (merge_)
    parked_ = merge_->state();
  merge_.reset();
  out_.reset();
}

result<sequencer_effects> sequencer_core::end_copying() {
  copying_ = false;
  if (parked_)
    if (auto fault = begin_merge(*std::exchange(parked_, std::nullopt)))
      return fault;
  return advance();
}

result<sequencer_effects>
sequencer_core::install(const raft_snapshot& what,
                        const entry_log::kept_state& kept,
                        const std::vector<stream_event>& events) {
  auto state = decode_merge_state(kept.bytes);
  if (!state)
    return state.failure();
  // The log may have come meanwhile, from another leader, or was there.
  if (!group_->holds(what.base.at))
    if (auto fault = group_->install(what, kept, now()))
      return fault;
  copying_ = false;
  blocked_.reset();
  std::vector<merge_effect> facts;
  for (const auto& event : events)
    facts.push_back(event_merged{event});
  // What is applied here is not taken back.
  if (parked_ && parked_->applied_index >= kept.index) {
    if (auto fault = begin_merge(*std::exchange(parked_, std::nullopt)))
      return fault;
    return advance();
  }
  const auto began = parked_ ? parked_->out_begin : state->layout.first;
  if (state->out_begin > began)
    facts.emplace_back(log_cut{began, state->out_begin});
  parked_.reset();
  while (!pending_.empty() && pending_.front().first <= kept.index)
    pending_.pop_front();
  checkpointed_ = state->out_end;
  newest_ = kept;
  for (const auto& [number, input] : state->inputs) {
    const input_name which{input.directory, input.lineage};
    name(number, which);
    if (const auto copy = inputs_.find(which)) {
      inputs_.merged(*copy, input.merged_end);
      unplanned_.insert(*copy);
    } else if (!input.closed) {
      opened_.push_back(which);
    }
  }
  if (auto fault = begin_merge(*std::move(state)))
    return fault;
  if (auto fault = note_losses(facts))
    return fault;
  not_saved_ = store_->save(kept.bytes);
  return advance();
}

} // namespace millrace::rt
