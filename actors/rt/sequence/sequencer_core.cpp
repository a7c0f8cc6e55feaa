#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace millrace::rt {

using persistence::log_writer;
using persistence::log_writer_options;

namespace {

/// About, of a log whose files have this size.
uint64_t bytes_between(position from, position to, uint64_t roll_bytes) {
  const auto bytes_before = [roll_bytes](position at) {
    return (at.value >> 30) * roll_bytes + at.offset();
  };
  return bytes_before(to) - std::min(bytes_before(from), bytes_before(to));
}

} // namespace

sequencer_core::sequencer_core(persistence::env& world,
                               sequencer_options options,
                               std::shared_ptr<state_store> store)
  : env_{&world}, options_{std::move(options)}, store_{std::move(store)},
    inputs_{*world.fs, options_.directory + "/in"} {}

// -- inputs -------------------------------------------------------------------

result<sequencer_core::input_grant>
sequencer_core::open_input(const input_name& name) {
  if (const auto* known = input_of(name); known != nullptr && known->closed)
    return error{errc::fenced, "publisher directory '" + name.directory
                                 + "': its lineage was closed by a later one, "
                                   "another directory of this name was "
                                   "published after it; publish from that one, "
                                   "or under another name"};
  const auto copy = inputs_.add(name);
  unplanned_.insert(copy);
  const auto end = merged(copy);
  inputs_.merged(copy, end);
  const auto vouched = vouched_.find(name);
  return input_grant{
    copy, inputs_.directory_of(name), end,
    vouched == vouched_.end() ? end : std::max(end, vouched->second)};
}

void sequencer_core::recorded(copy_id copy, position from, position to,
                              chunk bytes) {
  inputs_.recorded(copy, from, to, std::move(bytes));
  if (blocked_ && blocked_->copy == copy)
    blocked_.reset(); // Tried again.
}

void sequencer_core::lacking(copy_id copy, const input_part& range) {
  inputs_.lacking(copy, range);
}

void sequencer_core::lost(copy_id copy, const input_part& range) {
  inputs_.lost(copy, range);
  unplanned_.insert(copy);
}

void sequencer_core::absent(copy_id copy, const input_part& range) {
  inputs_.absent(copy, range);
  unplanned_.insert(copy);
}

void sequencer_core::durable(copy_id copy, position end) {
  inputs_.durable(copy, end);
  unplanned_.insert(copy);
}

void sequencer_core::name(input_id number, const input_name& name) {
  // A log that was cut may have given the number to another input.
  if (const auto old = names_.find(number); old != names_.end())
    numbers_.erase(old->second);
  names_[number] = name;
  numbers_[name] = number;
}

std::vector<input_name> sequencer_core::known_inputs() const {
  std::vector<input_name> out;
  for (const auto& [number, name] : names_)
    out.push_back(name);
  return out;
}

const merge_input* sequencer_core::input_of(const input_name& name) const {
  const auto number = numbers_.find(name);
  if (!merge_ || number == numbers_.end())
    return nullptr;
  const auto& inputs = merge_->state().inputs;
  const auto input = inputs.find(number->second);
  const bool same = input != inputs.end()
                    && input->second.directory == name.directory
                    && input->second.lineage == name.lineage;
  return same ? &input->second : nullptr;
}

position sequencer_core::merged(copy_id copy) const {
  const auto& name = inputs_.name(copy);
  const auto* input = input_of(name);
  if (input == nullptr)
    return {};
  // What out/ does not have yet is not told.
  return half_applied_ && half_applied_->input == numbers_.find(name)->second
           ? half_applied_->merged_before
           : input->merged_end;
}

bool sequencer_core::closed(copy_id copy) const {
  const auto* input = input_of(inputs_.name(copy));
  return input != nullptr && input->closed;
}

bool sequencer_core::settled(copy_id copy) const {
  const auto* input = input_of(inputs_.name(copy));
  return input != nullptr && (input->fenced || inputs_.all_merged(copy));
}

// -- instructions -------------------------------------------------------------

error sequencer_core::propose_period_end(period_end entry) {
  return propose({std::move(entry)});
}

error sequencer_core::propose_session(begin_session entry) {
  return propose({std::move(entry)});
}

error sequencer_core::propose_floors(note_floors entry) {
  return propose({std::move(entry)});
}

error sequencer_core::propose_forget(const std::string& consumer) {
  return propose({forget_consumer{consumer}});
}

error sequencer_core::propose_cut(position begin) {
  return propose({cut_begin{begin}});
}

error sequencer_core::propose(const std::vector<merge_entry>& entries) {
  auto taken = group_->propose(entries, now());
  if (!taken)
    return taken.failure();
  if (!*taken)
    return {errc::unavailable, "stream '" + options_.stream
                                 + "': this node does not order it now"};
  return {};
}

/// A leadership began or ended: what is planned is judged anew.
void sequencer_core::lead() {
  // What is proposed already is not known while the state is not here.
  const bool plans = group_->leads() && !copying_ && !recalls();
  if (plans == planner_.has_value())
    return;
  planner_.reset();
  if (!plans)
    return;
  planner_.emplace(state(), group_->after(merge_ ? merge_->state().applied_index
                                                 : entry_index{}));
  for (uint32_t copy = 1; copy <= inputs_.count(); ++copy)
    unplanned_.insert(copy_id{copy});
}

/// What is declared lost is agreed on first: other plans may wait for it.
error sequencer_core::propose_losses() {
  if (declared_.empty() || !group_->takes_proposals())
    return {};
  std::vector<merge_entry> entries;
  for (const auto& [copy, range] : declared_)
    entries.emplace_back(
      merge_range{numbers_.at(inputs_.name(copy)), range.from, range.to, true});
  auto fault = propose(entries);
  if (!fault)
    declared_.clear();
  return fault.code == errc::unavailable ? error{} : fault;
}

result<bool> sequencer_core::plan() {
  if (auto fault = propose_losses())
    return fault;
  lead();
  if (!planner_)
    return true;
  // Nothing is lost: it is planned when there is room.
  if (!group_->takes_proposals())
    return false;
  std::vector<merge_entry> entries;
  auto add = [&](std::optional<merge_entry> entry) {
    if (entry)
      entries.push_back(*std::move(entry));
  };
  if (!planner_->begun())
    entries.emplace_back(planner_->begin(new_layout()));
  for (const auto copy : unplanned_) {
    add(planner_->open(inputs_.name(copy)));
    // Planned when its publisher claims its origin again.
    if (const auto* known = input_of(inputs_.name(copy));
        known != nullptr && known->fenced)
      continue;
    const auto held = held_back_.find(copy);
    auto ranges = planner_->ranges(
      inputs_, copy,
      held == held_back_.end() ? std::nullopt : std::optional{held->second});
    std::move(ranges.begin(), ranges.end(), std::back_inserter(entries));
  }
  unplanned_.clear();
  if (entries.empty())
    return true;
  auto fault = propose(entries);
  if (!fault)
    return true;
  if (fault.code != errc::unavailable)
    return fault;
  // Planned again later, from what the log has then.
  planner_.reset();
  return false;
}

// -- the group ----------------------------------------------------------------

result<sequencer_effects> sequencer_core::advance() {
  sequencer_effects out;
  bool more = true;
  while (more) {
    auto planned = plan();
    if (!planned)
      return planned.failure();
    if (auto fault = write_held())
      return fault;
    if (auto fault = group_->write(now()))
      return fault;
    if (options_.cached)
      take_needless(std::exchange(needless_next_, {}));
    auto came = group_->fetch();
    std::move(came.sends.begin(), came.sends.end(),
              std::back_inserter(out.sends));
    std::move(came.refused.begin(), came.refused.end(),
              std::back_inserter(out.refused));
    std::move(came.stranded.begin(), came.stranded.end(),
              std::back_inserter(out.stranded));
    out.changed = out.changed || came.changed;
    const bool committed = !came.committed.empty();
    queue(std::move(came.committed));
    if (auto fault = apply_pending(out))
      return fault;
    const bool leads_newly
      = *planned && group_->leads() && !copying_ && !recalls() && !planner_;
    more = leads_newly || committed;
  }
  out.out = std::exchange(written_, {});
  out.opened = std::exchange(opened_, {});
  out.collects = std::exchange(collects_, false);
  return out;
}

result<sequencer_effects> sequencer_core::finish_sync(position end,
                                                      const error& outcome) {
  if (auto fault = group_->finish_sync(end, outcome, now()))
    return fault;
  take_needless(std::exchange(needless_synced_, {}));
  return advance();
}

error sequencer_core::write_held() {
  missing_.reset();
  while (const auto* entry = group_->unwritten()) {
    if (const auto* opened = std::get_if<rt::open_input>(entry)) {
      input_name what{opened->directory, opened->lineage};
      name(opened->input, what);
      if (!inputs_.find(what))
        opened_.push_back(std::move(what));
    } else if (const auto* range = std::get_if<merge_range>(entry)) {
      if (!holds(*range))
        return {};
    }
    if (auto fault = group_->write_next())
      return fault;
  }
  return {};
}

bool sequencer_core::holds(const merge_range& range) {
  if (range.lost)
    return true;
  const auto& name = names_[range.input];
  const auto copy = inputs_.find(name);
  if (!copy) {
    opened_.push_back(name); // Its bytes are to be copied first.
    return false;
  }
  const input_part part{range.from, range.to};
  if (inputs_.holds(*copy, part))
    return true;
  auto gap = inputs_.gap(*copy, part);
  if (!gap)
    return false;
  // What the next entries name is fetched with it.
  gap
    = inputs_.gap(*copy, {gap->from, group_->named_end(range.input, part.to)});
  missing_ = missing_bytes{*copy, growing(*copy, *gap)};
  return false;
}

input_part sequencer_core::growing(copy_id copy, input_part range) const {
  const auto end = inputs_.recorded_end(copy);
  range.from
    = end == position{} ? file_of(range.from) : std::min(range.from, end);
  return range;
}

// -- checkpoints --------------------------------------------------------------

bool sequencer_core::checkpoint_due() const {
  return !checkpoint_running_ && merge_
         && (out_->recorded_end().value - checkpointed_.value
               >= options_.checkpoint_bytes
             || merge_->state().out_begin > cut_kept_ || due_again());
}

bool sequencer_core::due_again() const {
  constexpr std::array<int64_t, 3> after_ns{1'000'000'000, 5'000'000'000,
                                            30'000'000'000};
  return options_.nodes.size() > 1 && cut_kept_ns_ != 0
         && again_ < after_ns.size() && now() - cut_kept_ns_ >= after_ns[again_]
         && merge_->state().applied_index > newest_.index;
}

result<sequencer_core::checkpoint_job> sequencer_core::begin_checkpoint() {
  if (is_between_entries())
    return blocked();
  // The group may forget what the history has, and only that.
  if (auto fault = history_->write())
    return fault;
  // What was applied before is not applied again: its losses are written now.
  if (auto fault = write_losses())
    return fault;
  checkpoint_running_ = true;
  auto out = out_->begin_sync();
  auto history = history_->begin_sync();
  checkpoint_job job;
  job.sync.end = out.end;
  job.sync.run
    = [first = std::move(out.run), second = std::move(history.run),
       third = ledger_->sync_job(), store = store_, refused = job.refused,
       anchor = anchor_next_ ? anchor_next_->state
                             : std::vector<std::byte>{}]() -> error {
    if (MILLRACE_PLANTED(checkpoint_before_sync))
      return {};
    if (auto fault = first())
      return fault;
    if (auto fault = second())
      return fault;
    if (auto fault = third())
      return fault;
    if (!anchor.empty())
      *refused = store->save_anchor(anchor);
    return {};
  };
  job.history_end = history.end;
  job.state = encode(merge_->state());
  job.applied = merge_->state().applied_index;
  const auto& kept = anchor_next_ ? *anchor_next_ : anchor_;
  job.anchor = kept.file;
  job.before = {kept.inputs, merge_->state().out_begin, kept.index};
  job.end = merge_->state().out_end;
  return job;
}

error sequencer_core::finish_checkpoint(const checkpoint_job& job,
                                        const error& outcome) {
  checkpoint_running_ = false;
  out_->finish_sync(job.sync.end, outcome);
  history_->finish_sync(job.history_end, outcome);
  if (outcome)
    return outcome;
  // Only a shortcut: without it the next life applies more again.
  not_saved_ = *job.refused ? *job.refused : store_->save(job.state);
  if (not_saved_)
    return {};
  anchor_.file = job.anchor;
  anchor_.inputs = job.before.inputs;
  anchor_.index = job.before.history;
  if (anchor_next_ && anchor_next_->file == job.anchor)
    anchor_next_.reset();
  checkpointed_ = job.sync.end;
  // The group may come to this one, and for long not to the next.
  if (newest_.index > compacted_)
    older_.push_back({newest_, before_newest_, newest_end_});
  thin_out_older();
  newest_ = {job.applied, job.state};
  before_newest_ = job.before;
  if (job.before.out > cut_kept_) {
    cut_kept_ns_ = now();
    again_ = 0;
  } else {
    ++again_;
  }
  cut_kept_ = job.before.out;
  newest_end_ = job.end;
  env_->crash_point("rt.after_snapshot_rename");
  // Alone, nobody else needs what came before.
  return options_.nodes.size() == 1 ? compact(job.applied) : error{};
}

/// Some all over what was applied since.
void sequencer_core::thin_out_older() {
  constexpr size_t count_max = 8;
  if (older_.size() < count_max)
    return;
  for (size_t i = 1; i < older_.size(); ++i)
    older_.erase(older_.begin() + static_cast<ptrdiff_t>(i));
}

error sequencer_core::compact(entry_index index) {
  error fault;
  if (newest_.index <= index) {
    fault = compact(newest_, before_newest_, newest_end_);
  } else {
    const auto kept
      = std::find_if(older_.rbegin(), older_.rend(), [&](const auto& each) {
          return each.state.index <= index;
        });
    if (kept != older_.rend())
      fault = compact(kept->state, kept->before, kept->end);
  }
  while (!older_.empty() && older_.front().state.index <= compacted_)
    older_.pop_front();
  return fault;
}

error sequencer_core::compact(const entry_log::kept_state& to,
                              const needless_logs& before, position end) {
  // As much goes of the inputs as was merged of them since.
  const auto roll_bytes = state() ? state()->layout.roll_bytes : 0;
  const auto gain
    = at_any_cost_ ? to.bytes.size()
                   : bytes_between(compacted_end_, end, roll_bytes)
                       + bytes_between(needless_.out, before.out, roll_bytes);
  if (auto fault = group_->compact(to, gain, now()))
    return fault;
  if (group_->begin() == to.index && compacted_ != to.index) {
    compacted_ = to.index;
    compacted_end_ = end;
    needless_next_ = before;
    at_any_cost_ = false;
  }
  return {};
}

sequencer_core::needless_logs sequencer_core::before(const merge_state& state) {
  needless_logs out;
  for (const auto& [number, input] : state.inputs)
    out.inputs[number] = input.merged_end;
  out.out = state.out_begin;
  out.history = state.applied_index;
  return out;
}

/// The next entry begins a file: the state there is kept, unless that costs too
/// much beside the files since the last one that was.
void sequencer_core::take_anchor() {
  constexpr uint64_t bytes_per_state_byte = 4;
  const auto& state = merge_->state();
  const auto since
    = std::max(anchor_.file, anchor_next_ ? anchor_next_->file : position{});
  if (bytes_between(since, state.out_end, state.layout.roll_bytes)
      < bytes_per_state_byte * newest_.bytes.size())
    return;
  const auto end = state.out_end;
  anchor_next_ = kept_file{
    end.offset() == 0 ? end : position::of(end.session(), end.roll() + 1, 0),
    before(state).inputs, encode(state), state.applied_index};
}

void sequencer_core::take_needless(std::optional<needless_logs> what) {
  if (!what)
    return;
  needless_ = *std::move(what);
  collects_ = true;
}

log_writer::sync_job sequencer_core::begin_sync() {
  if (needless_next_)
    needless_synced_ = std::exchange(needless_next_, {});
  return group_->begin_sync();
}

position sequencer_core::needless_of(copy_id copy) const {
  const auto number = numbers_.find(inputs_.name(copy));
  if (number == numbers_.end())
    return {};
  if (MILLRACE_PLANTED(collect_too_early) && merge_)
    return before(merge_->state()).inputs[number->second];
  const auto found = needless_.inputs.find(number->second);
  return found == needless_.inputs.end() ? position{} : found->second;
}

/// What entries name of inputs, and out/ does not have yet. In a stream that is
/// not cached it is durable.
error sequencer_core::sync_unmerged() {
  if (!options_.cached)
    return {};
  for (uint32_t number = 1; number <= inputs_.count(); ++number) {
    const copy_id copy{number};
    if (inputs_.all_merged(copy))
      continue;
    const auto directory = inputs_.directory_of(inputs_.name(copy));
    auto files = persistence::list_log_files(*env_->fs, directory);
    if (!files)
      return files.failure();
    const auto merged_end = merged(copy);
    for (const auto& file : *files) {
      if (position::of(file.session, file.roll, file.size) <= merged_end)
        continue;
      auto opened = env_->fs->open(
        directory + "/" + persistence::log_file_name(file.session, file.roll),
        persistence::open_mode::write);
      if (!opened)
        return opened.failure();
      if (auto fault = (*opened)->sync())
        return fault;
    }
    if (auto fault = env_->fs->sync_directory(directory))
      return fault;
  }
  return {};
}

error sequencer_core::check_names() const {
  const auto displaced = [this](const std::string& log) {
    return error{errc::corrupt,
                 options_.directory + "/" + log
                   + ": the file that is written was moved, removed or "
                     "replaced; its node goes on in what is there"};
  };
  if (out_ && !out_->has_its_name())
    return displaced("out");
  if (history_ && !history_->has_its_name())
    return displaced("history");
  return group_->has_its_name() ? error{}
                                : displaced(std::string{group_log_name});
}

error sequencer_core::close() {
  error first = sync_unmerged();
  if (auto fault = group_->close(!first && !copying_); fault && !first)
    first = fault;
  // Nothing was applied yet.
  if (!out_ || !merge_)
    return first;
  if (auto fault = out_->sync(); fault && !first)
    first = fault;
  if (auto fault = history_->close(); fault && !first)
    first = fault;
  if (auto fault = write_losses(); fault && !first)
    first = fault;
  if (auto fault = ledger_->sync_job()(); fault && !first)
    first = fault;
  if (!is_between_entries())
    not_saved_ = store_->save(encode(merge_->state()));
  return first;
}

lineage_id sequencer_core::life() const noexcept {
  if (!merge_)
    return {};
  return merge_->state().layout.lineage;
}

result<rebuild_source> sequencer_core::rebuilt_from() {
  if (auto fault = history_->write())
    return fault;
  const auto& layout = merge_->state().layout;
  auto anchor = kept_anchor(layout.lineage);
  if (!anchor)
    return anchor.failure();
  return rebuild_source{options_.directory, layout.lineage, layout.record_bytes,
                        *std::move(anchor)};
}

position sequencer_core::out_end() const noexcept {
  if (!out_)
    return {};
  return half_applied_ ? half_applied_->end_before : out_->recorded_end();
}

} // namespace millrace::rt
