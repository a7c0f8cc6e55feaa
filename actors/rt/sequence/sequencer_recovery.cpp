#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <algorithm>
#include <utility>

// How a sequencer_core finds its way back: what it applied lies in checkpoints
// and at the starts of the files of out/; the entries after that are applied
// again.

namespace millrace::rt {

using persistence::log_writer;
using persistence::log_writer_options;

namespace {

/// Copies of publishers that this user may not write are told before the first
/// one comes. Other troubles are those of the inputs that meet them.
error check_inputs(persistence::file_system& fs, const std::string& directory) {
  auto fault = fs.create_directories(directory);
  if (!fault)
    if (auto held = fs.lock_directory(directory); !held)
      fault = held.failure();
  return fault.code == errc::permission ? fault : error{};
}

} // namespace

result<std::unique_ptr<sequencer_core>>
sequencer_core::open(persistence::env& world, sequencer_options options,
                     std::unique_ptr<state_store> store) {
  if (options.nodes.empty())
    options.nodes = {{options.self, options.stream}};
  std::unique_ptr<sequencer_core> core{
    new sequencer_core{world, std::move(options), std::move(store)}};
  const auto& directory = core->options_.directory;
  if (auto fault = world.fs->create_directories(directory))
    return fault;
  auto held = world.fs->lock_directory(directory);
  if (!held)
    return held.failure();
  core->held_ = *std::move(held);
  if (auto fault = check_inputs(*world.fs, directory + "/in"))
    return fault;
  constexpr uint64_t reserve_bytes_max = uint64_t{8} << 20;
  // An entry that was agreed on, and what goes with it, however small files
  // are.
  constexpr uint64_t reserve_bytes_min = uint64_t{1} << 20;
  core->reserve_ = std::make_shared<space_reserve>(
    *world.fs, directory,
    std::clamp(core->options_.roll_bytes, reserve_bytes_min,
               reserve_bytes_max));
  (void)core->reserve_->take(); // Without room for it there is none.
  if (auto fault = core->recover())
    return fault;
  if (!core->lost_end() && !core->lost_begin_)
    return core;
  if (auto fault = core->start_over())
    return fault;
  std::unique_ptr<sequencer_core> next{
    new sequencer_core{world, core->options_, core->store_}};
  next->held_ = std::move(core->held_);
  next->reserve_ = std::move(core->reserve_);
  auto told = std::move(core->forgot_);
  next->remarks_ = std::move(core->remarks_);
  core.reset();
  if (auto fault = next->recover())
    return fault;
  next->forgot_ = std::move(told);
  return next;
}

error sequencer_core::open_history() {
  const auto directory = options_.directory + "/history";
  auto history = merge_history::open(*env_, directory);
  // It is there to make others again, and nothing waits for it.
  if (!history && history.failure().code == errc::corrupt) {
    remarks_.push_back(to_string(history.failure())
                       + "; it was set aside (.aside.<n>) and begins anew: "
                         "what was merged before can be copied from another "
                         "node, but not be made again here");
    if (auto fault = set_log_aside(*env_->fs, directory))
      return fault;
    history = merge_history::open(*env_, directory);
  }
  if (!history)
    return history.failure();
  history_ = *std::move(history);
  auto ledger = loss_ledger::open(
    *env_->fs, options_.directory + "/losses.jsonl", env_->clock->now_ns());
  if (!ledger)
    return ledger.failure();
  if (!(*ledger)->damage().empty())
    remarks_.push_back((*ledger)->damage());
  ledger_ = *std::move(ledger);
  return {};
}

/// What this node makes again by itself tells of a disk, or of a hand, that
/// takes more the next time.
void sequencer_core::tell_what_is_gone() {
  if (const auto damage = store_->damage(); !damage.empty())
    remarks_.push_back(options_.directory + "/state: is damaged: " + damage
                       + "; what it held is made again from out/ and raft/");
  const auto founding = entry_log::founding_in(
    *env_->fs, options_.directory + "/" + std::string{group_log_name});
  if (!founding || founding->empty())
    return; // The stream has not begun here.
  if (store_->is_new())
    remarks_.push_back(options_.directory
                       + "/state: is gone; what it held is made again from "
                         "out/ and raft/");
  if (const auto history = options_.directory + "/history";
      !env_->fs->exists(history))
    remarks_.push_back(history
                       + ": is gone, and begins anew: what was merged before "
                         "can be copied from another node, but not be made "
                         "again here");
}

error sequencer_core::recover() {
  const auto checkpoint = stored_state();
  applied_before_ = trace_applied(*env_->fs, options_.directory, checkpoint);
  // Before the group: where that was founded, they were.
  tell_what_is_gone();
  if (auto fault = open_history())
    return fault;
  auto group = stream_group::open(
    *env_,
    {.directory = options_.directory + "/" + std::string{group_log_name},
     .cached = options_.cached,
     .nodes = options_.nodes,
     .self = options_.self,
     .behind_bytes_max = options_.behind_bytes_max,
     .gc_grace_ns = options_.gc_grace_ns},
    applied_before_);
  if (!group)
    return group.failure();
  group_ = *std::move(group);
  const auto lineage = out_lineage(checkpoint);
  if (!lineage)
    return lineage.failure();
  if (*lineage)
    if (auto fault = open_out_again(**lineage, checkpoint))
      return fault;
  if (!group_->founded() && options_.nodes.size() == 1)
    if (auto fault = go_on_alone(checkpoint))
      return fault;
  auto state = recover_state(checkpoint);
  if (!state)
    return state.failure();
  if (*state) {
    for (const auto& [number, input] : (*state)->inputs)
      name(number, {input.directory, input.lineage});
    checkpointed_ = (*state)->out_end;
    newest_ = {(*state)->applied_index, encode(**state)};
    before_newest_ = before(**state);
    cut_kept_ = (*state)->out_begin;
    newest_end_ = (*state)->out_end;
    if (auto fault = begin_merge(**std::move(state)))
      return fault;
  } else if (!history_leads_on(entry_index{})) {
    lost_begin_ = true;
    return {};
  }
  if (auto fault = apply_history())
    return fault;
  find_anchor();
  recover_needless();
  for (const auto& entry : group_->after(newest_.index)) {
    if (const auto* opened = std::get_if<rt::open_input>(&entry))
      name(opened->input, {opened->directory, opened->lineage});
    const auto* range = std::get_if<merge_range>(&entry);
    if (range != nullptr && !range->lost)
      if (const auto of = names_.find(range->input); of != names_.end()) {
        auto& end = vouched_[of->second];
        end = std::max(end, range->to);
      }
  }
  if (auto fault = make_missing_files())
    return fault;
  return options_.nodes.size() == 1 ? apply_alone() : error{};
}

/// The newest checkpoint. One that cannot be read is none.
std::optional<merge_state> sequencer_core::stored_state() {
  const auto stored = store_->load();
  if (!stored || !*stored)
    return std::nullopt;
  auto state = decode_merge_state(**stored);
  return state ? std::optional{*std::move(state)} : std::nullopt;
}

/// The identity of out/, also where the file that says it is lost; none: nobody
/// else says it, or there is no out/ yet.
result<std::optional<lineage_id>>
sequencer_core::out_lineage(const std::optional<merge_state>& checkpoint) {
  using answer = std::optional<lineage_id>;
  const auto said = persistence::read_lineage(*env_->fs, out_directory());
  if (said)
    return answer{*said};
  if (said.failure().code != errc::not_found
      && said.failure().code != errc::corrupt)
    return said.failure();
  return checkpoint ? answer{checkpoint->layout.lineage} : answer{};
}

/// Nothing is damaged in the file where out/ ends there, before that.
bool sequencer_core::whole_up_to(position end) const {
  const auto file = file_of(end);
  if (file == file_of(out_->recorded_end())) {
    const auto damaged = out_->damaged_from();
    return !damaged || end <= *damaged;
  }
  const auto scan = persistence::scan_log_file(
    *env_->fs, out_directory(), out_->lineage(),
    {.session = file.session(), .roll = file.roll()});
  return scan && scan->valid_end >= end;
}

result<std::optional<merge_state>>
sequencer_core::recover_state(const std::optional<merge_state>& checkpoint) {
  if (went_on_from_ || !out_)
    return std::exchange(went_on_from_, std::nullopt);
  // A checkpoint ahead of out/ would skip what was never written.
  std::vector<merge_state> fit;
  const auto add = [&](std::optional<merge_state> state) {
    if (state && usable(*state, false)
        && state->out_end <= out_->recorded_end())
      fit.push_back(*std::move(state));
  };
  const auto whole = [&]() -> std::optional<merge_state> {
    if (fit.empty() || !whole_up_to(fit.back().out_end))
      return std::nullopt;
    return std::move(fit.back());
  };
  add(checkpoint);
  if (auto stored = whole())
    return stored;
  auto record = newest_state_record(false);
  if (!record || *record)
    return record;
  // What was merged before it may not be here any more.
  if (group_->state().index != entry_index{})
    if (auto state = decode_merge_state(group_->state().bytes)) {
      add(*std::move(state));
      if (auto kept = whole())
        return kept;
    }
  auto made_again = state_to_make_again();
  if (!made_again || (*made_again && inputs_reach(**made_again)))
    return made_again;
  // What is damaged before it is mended later, or told.
  for (auto& state : fit)
    if (persistence::record_before(*env_->fs, out_directory(), out_->lineage(),
                                   state.out_end))
      return std::optional{std::move(state)};
  return made_again;
}

/// From which the history leads on to where the group's log begins.
result<std::optional<merge_state>> sequencer_core::state_to_make_again() {
  auto record_before = newest_state_record(true);
  if (!record_before)
    return record_before;
  // Of what comes after it all is here, whatever became of out/.
  auto kept = kept_anchor(out_->lineage());
  if (!kept)
    return kept;
  const auto applied = [](const std::optional<merge_state>& state) {
    return state ? state->applied_index : entry_index{};
  };
  return *kept && usable(**kept, true)
             && (*kept)->out_end <= out_->recorded_end()
             && (!*record_before || applied(*kept) > applied(*record_before))
           ? kept
           : record_before;
}

/// The state where a file of out/ begins that can be made again.
result<std::optional<merge_state>>
sequencer_core::kept_anchor(const lineage_id& of) {
  const auto bytes = store_->load_anchor();
  if (!bytes)
    return bytes.failure();
  if (!*bytes || (*bytes)->empty())
    return std::optional<merge_state>{};
  auto state = decode_merge_state(**bytes);
  if (!state) {
    // Kept for the loss of others alone: there is none, until the next file.
    const auto remark = options_.directory
                        + "/state: what is kept of where a "
                          "file of out/ begins: "
                        + to_string(state.failure())
                        + "; it is kept again with the next file";
    if (std::find(remarks_.begin(), remarks_.end(), remark) == remarks_.end())
      remarks_.push_back(remark);
    return std::optional<merge_state>{};
  }
  if (state->layout.lineage != of)
    return std::optional<merge_state>{};
  const auto end = state->out_end;
  if (end.offset() != 0)
    state->out_end = position::of(end.session(), end.roll() + 1, 0);
  return std::optional{*std::move(state)};
}

/// A store that is new, or lost what it had, takes over what the newest file
/// begins with.
void sequencer_core::find_anchor() {
  if (!merge_ || anchor_.file != position{})
    return;
  const auto file = file_of(merge_->state().out_end);
  auto bytes = state_bytes(*env_->fs, out_directory(), out_->lineage(), file);
  if (!bytes)
    return; // There is one when the next file begins.
  const auto state = decode_merge_state(*bytes);
  if (!state)
    return;
  anchor_ = {file, before(*state).inputs, {}, state->applied_index};
  anchor_next_ = anchor_;
  anchor_next_->state = *std::move(bytes);
}

/// Where that file and all after it are gone, it begins anew.
error sequencer_core::begin_anchored_file(const lineage_id& of) {
  const auto kept = kept_anchor(of);
  if (!kept)
    return kept.failure();
  if (!*kept)
    return {};
  const auto& state = **kept;
  anchor_ = {state.out_end, before(state).inputs, {}, state.applied_index};
  if (auto fault = env_->fs->create_directories(out_directory()))
    return fault;
  const auto files = persistence::list_log_files(*env_->fs, out_directory());
  if (!files)
    return files.failure();
  if (!files->empty()
      && position::of(files->back().session, files->back().roll, 0)
           >= state.out_end)
    return {};
  const auto made
    = env_->fs->open(out_directory() + "/"
                       + persistence::log_file_name(state.out_end.session(),
                                                    state.out_end.roll()),
                     persistence::open_mode::write);
  return made ? error{} : made.failure();
}

/// What was applied after it is in the group's log, or in the history before
/// that.
bool sequencer_core::usable(const merge_state& state, bool by_history) const {
  const auto index = state.applied_index;
  // What an earlier life of a member applied holds; the log of this one comes
  // there yet.
  if (index > group_->written())
    return !by_history && options_.nodes.size() > 1
           && !group_->set_aside().empty();
  return by_history ? history_leads_on(index) : index >= group_->begin();
}

/// Whether the history has all from there to where the group's log begins.
bool sequencer_core::history_leads_on(entry_index from) const {
  if (from >= group_->begin())
    return true;
  auto history
    = history_reader::open(*env_->fs, options_.directory + "/history", from);
  while (history) {
    const auto next = history->next();
    if (!next || !*next || (*next)->index > group_->begin())
      return false;
    if ((*next)->index == group_->begin())
      return true;
  }
  return false;
}

/// What the group has forgotten, where out/ lost it; and what an earlier life
/// of a member applied, of which the log of this one knows nothing yet.
error sequencer_core::apply_history() {
  const auto from = merge_ ? merge_->state().applied_index : entry_index{};
  auto until = group_->begin();
  if (merge_ && options_.nodes.size() > 1 && !group_->set_aside().empty())
    until = std::max(until, history_end(from));
  if (from >= until)
    return {};
  auto history
    = history_reader::open(*env_->fs, options_.directory + "/history", from);
  if (!history)
    return history.failure();
  sequencer_effects out;
  for (auto at = from; at < until;) {
    auto next = history->next();
    if (!next)
      return next.failure();
    if (!*next)
      return {errc::corrupt, options_.directory + "/history: ends after entry "
                               + to_string(at)};
    at = (*next)->index;
    if (const auto* opened = std::get_if<rt::open_input>(&(*next)->entry))
      name(opened->input, {opened->directory, opened->lineage});
    queue({{(*next)->index, std::move((*next)->entry)}});
    if (auto fault = apply_pending(out))
      return fault;
  }
  // What is damaged is mended while the node lives. What an earlier life
  // applied after the log's begin comes with the log, or with a snapshot.
  if (is_between_entries())
    return blocked_->why;
  if (blocked_) {
    if (pending_.front().first > group_->begin()) {
      pending_.clear();
      losses_.clear();
      blocked_.reset();
    }
    return {};
  }
  newest_ = {merge_->state().applied_index, encode(merge_->state())};
  return {};
}

result<std::optional<merge_state>>
sequencer_core::newest_state_record(bool by_history) {
  auto files = persistence::list_log_files(*env_->fs, out_directory());
  if (!files)
    return files.failure();
  for (auto file = files->rbegin(); file != files->rend(); ++file) {
    const auto begin = position::of(file->session, file->roll, 0);
    if (begin > out_->recorded_end())
      continue;
    auto state = state_record(begin);
    if (!state && state.failure().code != errc::not_found)
      return state.failure();
    if (state && usable(*state, by_history))
      return std::optional{*std::move(state)};
  }
  return std::optional<merge_state>{};
}

result<merge_state> sequencer_core::state_record(position file) const {
  return state_at(*env_->fs, out_directory(), out_->lineage(), file);
}

/// A crash may have come before what is needless was collected.
void sequencer_core::recover_needless() {
  const auto& kept = group_->state();
  if (!merge_ || kept.index == entry_index{} || kept.index != group_->begin())
    return;
  const auto begin = decode_merge_state(kept.bytes);
  if (!begin)
    return; // Nothing goes until the next one is kept.
  compacted_ = kept.index;
  compacted_end_ = begin->out_end;
  auto what = before(*begin);
  for (auto& [number, end] : what.inputs) {
    const auto known = anchor_.inputs.find(number);
    end = known == anchor_.inputs.end() ? position{}
                                        : std::min(end, known->second);
  }
  what.history = std::min(what.history, anchor_.index);
  take_needless(std::move(what));
}

/// Closed files of out/ that are gone or empty: a reader from the beginning
/// would not miss the first ones. What cannot be made again, readers tell.
error sequencer_core::make_missing_files() {
  if (!merge_)
    return {};
  auto files = persistence::list_log_files(*env_->fs, out_directory());
  if (!files)
    return files.failure();
  *files = kept_files(*std::move(files), merge_->state().out_begin);
  auto missing = missing_files(*files, merge_->state().out_begin);
  for (size_t i = 0; i + 1 < files->size(); ++i)
    if ((*files)[i].size == 0)
      missing.push_back(position::of((*files)[i].session, (*files)[i].roll, 0));
  // What came after the last file of a session that is there, only its seal
  // tells; one more is made in each life of the node.
  for (size_t i = 0; i + 1 < files->size(); ++i) {
    const auto& last = (*files)[i];
    if (last.session == (*files)[i + 1].session || last.size == 0)
      continue;
    const auto scan
      = persistence::scan_log_file(*env_->fs, out_directory(), life(), last);
    if (scan && scan->seal && !scan->seal->session_end)
      missing.push_back(position::of(last.session, last.roll + 1, 0));
  }
  std::erase_if(missing, [this](position file) {
    return file < merge_->state().out_begin;
  });
  if (missing.empty())
    return {};
  const auto from = rebuilt_from();
  if (!from)
    return from.failure();
  std::vector<rebuild_lack> lacks; // The scrub finds the file again.
  for (const auto file : missing) {
    const auto fault = rebuild_out_file(*env_, *from, file, lacks);
    remarks_.push_back(
      out_directory() + "/"
      + persistence::log_file_name(file.session(), file.roll())
      + (fault ? ": is gone or empty, and cannot be made again yet: "
                   + to_string(fault)
               : ": was gone or empty, and is made again"));
  }
  return {};
}

/// All that the log of a group of one holds is committed. Whatever would act on
/// what it says was told in an earlier life.
error sequencer_core::apply_alone() {
  do {
    auto done = advance();
    if (!done)
      return done.failure();
    if (!group_->needs_sync())
      return {};
    auto job = group_->begin_sync();
    if (auto fault = group_->finish_sync(job.end, job.run(), now()))
      return fault;
  } while (true);
}

} // namespace millrace::rt
