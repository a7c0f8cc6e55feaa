#include <millrace/actors/rt/sequence/stream_group.hpp>

#include <algorithm>

namespace millrace::rt {

error stream_group::start(raft_recovered found, int64_t now_ns) {
  founding_ = log_->founding();
  group_id_ = group_id_of(founding_);
  // From now on it vouches for what it has only written.
  if (settings_.cached && settings_.nodes.size() > 1)
    if (auto fault = entry_log::mark_unsynced(*env_->fs, settings_.directory))
      return fault;
  before_ = found.base.at.index;
  for (const auto& entry : found.entries)
    if (auto fault = append(entry))
      return fault;
  written_ = entry_index{before_.value + entries_.size()};
  told_ = before_;
  raft_options options;
  options.self = self_;
  options.seed = env_->random();
  raft_ = std::make_unique<raft_core>(options, std::move(found), now_ns);
  return run(raft_core::tick{}, now_ns);
}

error stream_group::append(raft_entry entry) {
  log_entry next;
  if (entry.kind == raft_entry_kind::payload) {
    auto decoded = decode_merge_entry(entry.payload.bytes());
    if (!decoded)
      return decoded.failure();
    next.instruction = *std::move(decoded);
  }
  next.raft = std::move(entry);
  entries_.push_back(std::move(next));
  return {};
}

error stream_group::tick(int64_t now_ns) {
  // Offered again as long as it is needed; in between it hears that it has a
  // leader.
  constexpr int64_t again_ns = 500'000'000;
  while (!offered_.empty() && now_ns - offered_.front().second >= again_ns) {
    const auto to = offered_.front().first;
    offered_.pop_front();
    if (auto fault = run(raft_core::snapshot_sent{to, false}, now_ns))
      return fault;
  }
  return run(raft_core::tick{}, now_ns);
}

error stream_group::received(raft_message message, int64_t now_ns) {
  // Before any of it is taken: what cannot be applied must not be in the log.
  if (const auto* append = std::get_if<raft_append_request>(&message.body))
    for (const auto& entry : append->entries)
      if (entry.kind == raft_entry_kind::payload
          && !decode_merge_entry(entry.payload.bytes())) {
        ++unreadable_;
        return {};
      }
  return run(raft_core::received{std::move(message)}, now_ns);
}

result<bool> stream_group::propose(const std::vector<merge_entry>& entries,
                                   int64_t now_ns) {
  if (!leads())
    return false;
  raft_core::propose what;
  for (const auto& entry : entries)
    what.payloads.push_back(chunk::copy_of(encode(entry)));
  declined_ = false;
  const auto last = before_.value + entries_.size();
  if (auto fault = run(std::move(what), now_ns))
    return fault;
  for (auto next = last + 1; next <= before_.value + entries_.size(); ++next)
    if (next > before_.value)
      entries_[next - before_.value - 1].proposed_ns = now_ns;
  return !declined_;
}

error stream_group::run(raft_core::input what, int64_t now_ns) {
  if (!founded())
    return {};
  // After it stood still, what waits in its mailbox is old: it must not take
  // that for a sign that it is still followed.
  const auto stood_ns = now_ns - std::exchange(ran_at_ns_, now_ns);
  if (stood_ns >= raft_options{}.election_ns
      && !std::holds_alternative<raft_core::tick>(what))
    if (auto fault = run(raft_core::tick{}, now_ns))
      return fault;
  for (auto& effect : raft_->step(std::move(what), now_ns))
    if (auto fault
        = std::visit([this](auto& each) { return act(each); }, effect))
      return fault;
  return {};
}

error stream_group::act(raft_core::persist& what) {
  ticket_ = what.ticket;
  dirty_ = true;
  if (what.vote)
    if (auto fault = log_->write(*what.vote))
      return fault;
  // Before the base: a crash in between must leave no entry after a base that
  // it does not follow.
  if (what.from) {
    const auto kept = entry_index{what.from->value - 1};
    entries_.resize(
      std::min<uint64_t>(kept.value - before_.value, entries_.size()));
    if (kept < written_) {
      if (auto fault = log_->cut(*what.from))
        return fault;
      written_ = kept;
    }
  }
  if (what.base) {
    if (auto fault = log_->begin_at(*what.base))
      return fault;
    const auto gone = std::min<uint64_t>(
      what.base->at.index.value - before_.value, entries_.size());
    entries_.erase(entries_.begin(),
                   entries_.begin() + static_cast<ptrdiff_t>(gone));
    before_ = what.base->at.index;
    written_ = std::max(written_, before_);
    told_ = std::max(told_, before_);
  }
  for (auto& entry : what.entries)
    if (auto fault = append(std::move(entry)))
      return fault;
  return write_own();
}

error stream_group::act(raft_core::send& what) {
  effects_.sends.push_back(std::move(what.message));
  return {};
}

error stream_group::act(raft_core::committed& what) {
  while (told_ < what.index) {
    told_ = told_.next();
    auto& entry = entries_[told_.value - before_.value - 1];
    if (entry.proposed_ns != 0)
      commit_times_.add(ran_at_ns_ - entry.proposed_ns);
    if (entry.instruction)
      effects_.committed.emplace_back(told_, *entry.instruction);
  }
  return set_aside_.empty() ? error{} : forget_set_aside();
}

error stream_group::act(raft_core::declined&) {
  declined_ = true;
  return {};
}

error stream_group::act(raft_core::snapshot_needed& what) {
  effects_.stranded.push_back(what.to);
  offered_.emplace_back(what.to, ran_at_ns_);
  return {};
}

error stream_group::act(raft_core::became&) {
  effects_.changed = true;
  return {};
}

error stream_group::act(raft_core::configured&) {
  effects_.changed = true;
  return {};
}

error stream_group::act(raft_core::refused& what) {
  effects_.refused.push_back(what);
  return {};
}

const merge_entry* stream_group::unwritten() const {
  const auto next = written_.value - before_.value;
  return next < entries_.size() ? &*entries_[next].instruction : nullptr;
}

position stream_group::named_end(input_id input, position to) const {
  for (auto next = written_.value - before_.value + 1; next < entries_.size();
       ++next) {
    if (!entries_[next].instruction)
      continue;
    const auto* range = std::get_if<merge_range>(&*entries_[next].instruction);
    if (range != nullptr && range->input == input && !range->lost
        && range->from == to)
      to = range->to;
  }
  return to;
}

error stream_group::write_next() {
  if (auto fault = log_->append(entries_[written_.value - before_.value].raft))
    return fault;
  written_ = written_.next();
  dirty_ = true;
  return write_own();
}

/// Raft's own entries name no bytes.
error stream_group::write_own() {
  for (auto next = written_.value - before_.value;
       next < entries_.size() && !entries_[next].instruction; ++next) {
    if (auto fault = log_->append(entries_[next].raft))
      return fault;
    written_ = written_.next();
  }
  return {};
}

error stream_group::write(int64_t now_ns) {
  while (dirty_) {
    full_ = log_->write();
    if (full_)
      return full_.code == errc::no_space ? error{} : full_;
    if (!settings_.cached)
      return {};
    // What becomes durable may have more written.
    dirty_ = false;
    if (auto fault = durable(ticket_, written_, now_ns))
      return fault;
  }
  return {};
}

bool stream_group::needs_sync() const noexcept {
  return !sync_running_ && !full_
         && ((dirty_ && !settings_.cached) || log_->drops_files());
}

persistence::log_writer::sync_job stream_group::begin_sync() {
  sync_running_ = true;
  dirty_ = false;
  job_ticket_ = ticket_;
  job_written_ = written_;
  return log_->begin_sync();
}

error stream_group::finish_sync(position end, const error& outcome,
                                int64_t now_ns) {
  sync_running_ = false;
  log_->finish_sync(end, outcome);
  if (outcome)
    return outcome;
  return durable(job_ticket_, job_written_, now_ns);
}

error stream_group::durable(uint64_t ticket, entry_index written,
                            int64_t now_ns) {
  return run(raft_core::persisted{ticket, written}, now_ns);
}

error stream_group::compact(const entry_log::kept_state& state, uint64_t gain,
                            int64_t now_ns) {
  if (!founded() || state.index > told_ || state.index <= before_)
    return {};
  // To keep a state costs more than to keep a few entries.
  const auto& log = raft_->log();
  if (log.bytes_after(before_) - log.bytes_after(state.index) + gain
      < state.bytes.size())
    return {};
  if (auto fault = log_->keep(state))
    return fault;
  later_wanted_.clear();
  return run(raft_core::compacted{state.index}, now_ns);
}

error stream_group::close(bool all_synced) {
  if (auto fault = log_->close())
    return fault;
  if (!all_synced || !founded() || !settings_.cached
      || settings_.nodes.size() == 1)
    return {};
  return entry_log::mark_synced(*env_->fs, settings_.directory);
}

bool stream_group::leads_for_sure() const {
  return leads() && raft_->log().term_at(raft_->commit_index()) == raft_->term()
         && raft_->majority_heard(env_->clock->monotonic_ns());
}

bool stream_group::has_agreed_after(entry_index index) const {
  if (raft_ == nullptr || raft_->group_commit_index() <= index)
    return false;
  if (index < before_)
    return true; // It lacks what the log has forgotten.
  const auto end = std::min<uint64_t>(
    raft_->group_commit_index().value - before_.value, entries_.size());
  for (auto at = index.value - before_.value; at < end; ++at)
    if (entries_[at].instruction)
      return true;
  return false;
}

std::vector<merge_entry> stream_group::after(entry_index index) const {
  std::vector<merge_entry> out;
  for (auto at = std::max(index, before_).value - before_.value;
       at < entries_.size(); ++at)
    if (entries_[at].instruction)
      out.push_back(*entries_[at].instruction);
  return out;
}

} // namespace millrace::rt
