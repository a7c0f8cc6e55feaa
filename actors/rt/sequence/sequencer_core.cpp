#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace millrace::rt {

using persistence::log_writer;

namespace {

std::string input_directory(const sequencer_options& options,
                            const std::string& directory,
                            const persistence::lineage_id& lineage) {
  return options.directory + "/in/" + directory + "/"
         + persistence::to_string(lineage);
}

} // namespace

sequencer_core::sequencer_core(persistence::env& world,
                               sequencer_options options,
                               std::unique_ptr<state_store> store)
  : env_{&world}, options_{std::move(options)}, store_{std::move(store)} {}

result<std::unique_ptr<sequencer_core>>
sequencer_core::open(persistence::env& world, sequencer_options options,
                     std::unique_ptr<state_store> store) {
  std::unique_ptr<sequencer_core> core{
    new sequencer_core{world, std::move(options), std::move(store)}};
  if (auto fault = core->recover())
    return fault;
  return core;
}

error sequencer_core::recover() {
  auto group
    = open_group_of_one(*env_, options_.directory + "/raft", options_.cached);
  if (!group)
    return group.failure();
  group_ = *std::move(group);
  persistence::log_writer_options out;
  out.directory = out_directory();
  out.session = persistence::session_policy::resume;
  auto writer = log_writer::open(*env_, std::move(out));
  if (!writer)
    return writer.failure();
  out_ = *std::move(writer);
  auto state = recover_state();
  if (!state)
    return state.failure();
  if (state->out_end < out_->recorded_end()) {
    env_->crash_point("rt.before_truncate");
    if (auto fault = out_->truncate(state->out_end))
      return fault;
  }
  checkpointed_ = state->out_end;
  merge_ = std::make_unique<merge_core>(*std::move(state), *out_,
                                        options_.roll_bytes);
  auto fault
    = group_->replay(merge_->state().applied_index,
                     [this](entry_index index, const merge_entry& entry) {
                       return reapply(index, entry);
                     });
  // From now on: what was applied before is read from the files.
  out_->on_write = [this](const log_writer::written& part) {
    written_.push_back(
      {part.end, followed_ ? chunk::copy_of(part.bytes) : chunk{}});
  };
  return fault;
}

result<merge_state> sequencer_core::recover_state() {
  auto stored = store_->load();
  if (stored && *stored) {
    auto state = decode_merge_state(**stored);
    // A checkpoint ahead of out/ would skip what was never written.
    if (state && state->out_end <= out_->recorded_end()
        && state->applied_index <= group_->committed())
      return state;
  }
  return newest_state_record();
}

result<merge_state> sequencer_core::newest_state_record() {
  auto files = persistence::list_log_files(*env_->fs, out_directory());
  if (!files)
    return files.failure();
  for (auto file = files->rbegin(); file != files->rend(); ++file) {
    const auto path = out_directory() + "/"
                      + persistence::log_file_name(file->session, file->roll);
    auto mapped = env_->fs->map(path);
    if (!mapped)
      return mapped.failure();
    const auto begin = position::of(file->session, file->roll, 0);
    const auto parsed
      = persistence::parse_record((*mapped)->bytes(), out_->lineage(), begin,
                                  persistence::payload_check::verify);
    if (parsed.kind != persistence::parse_outcome::what::record
        || parsed.record.kind != persistence::record_kind::state)
      continue;
    auto state = decode_merge_state(
      parsed.record.frame_at(parsed.record.first_frame).payload);
    if (!state || state->applied_index > group_->committed())
      continue;
    // The record describes the stream before itself.
    state->out_end = begin;
    return state;
  }
  merge_state empty;
  empty.out_end = position::of(0, 0, 0);
  return empty;
}

error sequencer_core::reapply(entry_index index, const merge_entry& entry) {
  // The actors that would act on these were told in an earlier life.
  const auto* range = std::get_if<merge_range>(&entry);
  if (range == nullptr)
    return merge_->apply(index, entry, {}).failure();
  const auto& inputs = merge_->state().inputs;
  const auto input = inputs.find(range->input);
  if (input == inputs.end())
    return {errc::corrupt, options_.directory + "/raft: entry "
                             + to_string(index) + " names input "
                             + to_string(range->input)
                             + ", which was never opened"};
  const auto path
    = input_directory(options_, input->second.directory, input->second.lineage)
      + "/"
      + persistence::log_file_name(range->from.session(), range->from.roll());
  auto file = env_->fs->open(path, persistence::open_mode::read);
  if (!file)
    return file.failure();
  std::vector<std::byte> bytes(range->to.value - range->from.value);
  auto got = (*file)->read_at(range->from.offset(), bytes);
  if (!got)
    return got.failure();
  if (*got != bytes.size())
    return {errc::corrupt,
            path + ": ends at " + std::to_string(range->from.offset() + *got)
              + ", but entry " + to_string(index) + " of the group needs "
              + std::to_string(range->to.offset())};
  return merge_->apply(index, entry, bytes).failure();
}

result<sequencer_core::input_grant>
sequencer_core::open_input(const std::string& directory,
                           const persistence::lineage_id& lineage) {
  auto grant = [&](input_id id, position merged_end) {
    return input_grant{id, input_directory(options_, directory, lineage),
                       merged_end};
  };
  input_id next{1};
  for (const auto& [id, input] : merge_->state().inputs) {
    if (input.directory == directory && input.lineage == lineage) {
      if (input.closed)
        return error{errc::fenced,
                     "publisher directory '" + directory
                       + "': its lineage was closed by a later one"};
      return grant(id, input.merged_end);
    }
    next = std::max(next, id.next());
  }
  // Not applied yet, but proposed: the same number again.
  for (const auto& entry : proposed_)
    if (const auto* opened = std::get_if<rt::open_input>(&entry.entry)) {
      if (opened->directory == directory && opened->lineage == lineage)
        return grant(opened->input, {});
      next = std::max(next, opened->input.next());
    }
  rt::open_input entry{next, directory, lineage};
  auto index = group_->propose(entry);
  if (!index)
    return index.failure();
  proposed_.push_back({*index, std::move(entry), {}});
  return grant(next, {});
}

void sequencer_core::recorded(input_id input, position from, position to,
                              chunk bytes) {
  pending_bytes_ += bytes.size();
  recorded_[input].push_back({from, to, std::move(bytes)});
}

error sequencer_core::durable(input_id input, position end) {
  auto& waiting = recorded_[input];
  while (!waiting.empty() && waiting.front().to <= end) {
    auto& part = waiting.front();
    merge_range entry{input, part.from, part.to};
    auto index = group_->propose(entry);
    if (!index)
      return index.failure();
    proposed_.push_back({*index, entry, std::move(part.bytes)});
    waiting.pop_front();
  }
  return {};
}

error sequencer_core::propose_event(input_id input, stream_event event) {
  if (event.origin.empty()) {
    const auto& inputs = merge_->state().inputs;
    if (const auto found = inputs.find(input); found != inputs.end())
      event.origin = found->second.directory;
  }
  event.from = event.to = {}; // Its place in out/ is its own.
  auto index = group_->propose(event);
  if (!index)
    return index.failure();
  proposed_.push_back({*index, std::move(event), {}});
  return {};
}

error sequencer_core::propose_period_end(period_end entry) {
  auto index = group_->propose(entry);
  if (!index)
    return index.failure();
  proposed_.push_back({*index, std::move(entry), {}});
  return {};
}

result<sequencer_effects> sequencer_core::advance() {
  if (proposed_.empty())
    return sequencer_effects{};
  if (auto fault = group_->write())
    return fault;
  return apply_committed();
}

result<sequencer_effects> sequencer_core::apply_committed() {
  sequencer_effects out;
  while (!proposed_.empty() && proposed_.front().index <= group_->committed()) {
    auto entry = std::move(proposed_.front());
    proposed_.pop_front();
    auto facts = merge_->apply(entry.index, entry.entry, entry.bytes.bytes());
    if (!facts)
      return facts.failure();
    std::move(facts->begin(), facts->end(), std::back_inserter(out.facts));
    if (const auto* range = std::get_if<merge_range>(&entry.entry)) {
      out.merged.insert(range->input);
      pending_bytes_ -= entry.bytes.size();
    }
  }
  out.out = std::exchange(written_, {});
  return out;
}

bool sequencer_core::needs_sync() const noexcept {
  return !options_.cached && !sync_running_ && !proposed_.empty();
}

log_writer::sync_job sequencer_core::begin_sync() {
  sync_running_ = true;
  return group_->begin_sync();
}

result<sequencer_effects> sequencer_core::finish_sync(position end,
                                                      const error& outcome) {
  sync_running_ = false;
  group_->finish_sync(end, outcome);
  if (outcome)
    return outcome;
  return apply_committed();
}

bool sequencer_core::checkpoint_due() const noexcept {
  return !checkpoint_running_
         && out_->recorded_end().value - checkpointed_.value
              >= options_.checkpoint_bytes;
}

sequencer_core::checkpoint_job sequencer_core::begin_checkpoint() {
  checkpoint_running_ = true;
  return {out_->begin_sync(), encode(merge_->state())};
}

error sequencer_core::finish_checkpoint(const checkpoint_job& job,
                                        const error& outcome) {
  checkpoint_running_ = false;
  out_->finish_sync(job.sync.end, outcome);
  if (outcome)
    return outcome;
  checkpointed_ = job.sync.end;
  auto fault = store_->save(job.state);
  env_->crash_point("rt.after_snapshot_rename");
  return fault;
}

error sequencer_core::close() {
  error first = group_->close();
  if (auto fault = out_->sync(); fault && !first)
    first = fault;
  if (auto fault = store_->save(encode(merge_->state())); fault && !first)
    first = fault;
  return first;
}

position sequencer_core::merged(input_id input) const {
  const auto& inputs = merge_->state().inputs;
  const auto found = inputs.find(input);
  return found == inputs.end() ? position{} : found->second.merged_end;
}

bool sequencer_core::settled(input_id input) const {
  if (!merge_->state().inputs.contains(input))
    return false;
  const auto waiting = recorded_.find(input);
  if (waiting != recorded_.end() && !waiting->second.empty())
    return false;
  for (const auto& entry : proposed_)
    if (const auto* range = std::get_if<merge_range>(&entry.entry);
        range != nullptr && range->input == input)
      return false;
  return true;
}

position sequencer_core::out_end() const noexcept {
  return out_->recorded_end();
}

const persistence::lineage_id& sequencer_core::out_lineage() const noexcept {
  return out_->lineage();
}

} // namespace millrace::rt
