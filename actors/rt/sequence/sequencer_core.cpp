#include <millrace/actors/rt/sequence/sequencer_core.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace millrace::rt {

using persistence::log_writer;
using persistence::log_writer_options;

sequencer_core::sequencer_core(persistence::env& world,
                               sequencer_options options,
                               std::unique_ptr<state_store> store)
  : env_{&world}, options_{std::move(options)}, store_{std::move(store)},
    inputs_{*world.fs, options_.directory + "/in"} {}

// -- inputs -------------------------------------------------------------------

result<sequencer_core::input_grant>
sequencer_core::open_input(const input_name& name) {
  if (const auto* known = input_of(name); known != nullptr && known->closed)
    return error{errc::fenced, "publisher directory '" + name.directory
                                 + "': its lineage was closed by a later one"};
  const auto copy = inputs_.add(name);
  unplanned_.insert(copy);
  const auto end = merged(copy);
  inputs_.merged(copy, end);
  return input_grant{copy, inputs_.directory_of(name), end};
}

void sequencer_core::recorded(copy_id copy, position from, position to,
                              chunk bytes) {
  inputs_.recorded(copy, from, to, std::move(bytes));
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
  const auto* input = input_of(inputs_.name(copy));
  return input == nullptr ? position{} : input->merged_end;
}

bool sequencer_core::settled(copy_id copy) const {
  return input_of(inputs_.name(copy)) != nullptr && inputs_.all_merged(copy);
}

// -- instructions -------------------------------------------------------------

error sequencer_core::propose_event(copy_id copy, stream_event event) {
  if (event.origin.empty())
    event.origin = inputs_.name(copy).directory;
  event.from = event.to = {}; // Its place in out/ is its own.
  return propose({std::move(event)});
}

error sequencer_core::propose_period_end(period_end entry) {
  return propose({std::move(entry)});
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
  if (group_->leads() == planner_.has_value())
    return;
  planner_.reset();
  if (!group_->leads())
    return;
  planner_.emplace(state(), group_->after(merge_ ? merge_->state().applied_index
                                                 : entry_index{}));
  for (uint32_t copy = 1; copy <= inputs_.count(); ++copy)
    unplanned_.insert(copy_id{copy});
}

result<bool> sequencer_core::plan() {
  lead();
  if (!planner_)
    return true;
  std::vector<merge_entry> entries;
  auto add = [&](std::optional<merge_entry> entry) {
    if (entry)
      entries.push_back(*std::move(entry));
  };
  add(planner_->begin({{{env_->random(), env_->random()}},
                       options_.roll_bytes,
                       log_writer_options{}.record_bytes}));
  for (const auto copy : unplanned_) {
    add(planner_->open(inputs_.name(copy)));
    auto ranges = planner_->ranges(inputs_, copy);
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
    auto came = group_->fetch();
    std::move(came.sends.begin(), came.sends.end(),
              std::back_inserter(out.sends));
    std::move(came.refused.begin(), came.refused.end(),
              std::back_inserter(out.refused));
    for (const auto& instruction : came.committed)
      if (auto fault = apply(instruction, out))
        return fault;
    const bool leads_newly = *planned && group_->leads() && !planner_;
    more = leads_newly || !came.committed.empty();
  }
  out.out = std::exchange(written_, {});
  out.opened = std::exchange(opened_, {});
  return out;
}

result<sequencer_effects> sequencer_core::finish_sync(position end,
                                                      const error& outcome) {
  if (auto fault = group_->finish_sync(end, outcome, now()))
    return fault;
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
  const auto& name = names_[range.input];
  const auto copy = inputs_.find(name);
  if (!copy) {
    opened_.push_back(name); // Its bytes are to be copied first.
    return false;
  }
  input_part part{range.from, range.to};
  if (inputs_.holds(*copy, part))
    return true;
  part.from = std::max(part.from, inputs_.recorded_end(*copy));
  if (part.from < part.to)
    missing_ = missing_bytes{*copy, part};
  return false;
}

error sequencer_core::apply(const stream_group::instruction& what,
                            sequencer_effects& out) {
  const auto& [index, entry] = what;
  if (const auto* begin = std::get_if<begin_stream>(&entry); begin && !merge_) {
    merge_state state;
    state.layout = begin->layout;
    state.out_end = position::of(0, 0, 0);
    if (auto fault = begin_merge(std::move(state)))
      return fault;
  }
  if (!merge_)
    return {errc::corrupt, options_.directory + "/raft: entry "
                             + to_string(index)
                             + " comes before the beginning of the stream"};
  if (index <= merge_->state().applied_index)
    return {};
  input_bytes bytes;
  std::optional<input_name> name;
  if (const auto* range = std::get_if<merge_range>(&entry)) {
    const auto input = merge_->state().inputs.find(range->input);
    if (input == merge_->state().inputs.end())
      return {errc::corrupt, options_.directory + "/raft: entry "
                               + to_string(index) + " names input "
                               + to_string(range->input)
                               + ", which was never opened"};
    name = {input->second.directory, input->second.lineage};
    auto got = inputs_.bytes(*name, {range->from, range->to});
    if (!got)
      return got.failure();
    bytes = *std::move(got);
  }
  auto facts = merge_->apply(index, entry, bytes.parts);
  if (!facts)
    return facts.failure();
  std::move(facts->begin(), facts->end(), std::back_inserter(out.facts));
  if (name)
    if (const auto copy = inputs_.find(*name)) {
      inputs_.merged(*copy, std::get<merge_range>(entry).to);
      out.merged.insert(*copy);
    }
  return {};
}

// -- checkpoints --------------------------------------------------------------

bool sequencer_core::checkpoint_due() const noexcept {
  return !checkpoint_running_ && merge_
         && out_->recorded_end().value - checkpointed_.value
              >= options_.checkpoint_bytes;
}

sequencer_core::checkpoint_job sequencer_core::begin_checkpoint() {
  checkpoint_running_ = true;
  return {out_->begin_sync(), encode(merge_->state()),
          merge_->state().applied_index};
}

error sequencer_core::finish_checkpoint(const checkpoint_job& job,
                                        const error& outcome) {
  checkpoint_running_ = false;
  out_->finish_sync(job.sync.end, outcome);
  if (outcome)
    return outcome;
  checkpointed_ = job.sync.end;
  if (auto fault = store_->save(job.state))
    return fault;
  newest_ = {job.applied, job.state};
  env_->crash_point("rt.after_snapshot_rename");
  // Alone, nobody else needs what came before.
  return options_.nodes.size() == 1 ? compact(job.applied) : error{};
}

error sequencer_core::compact(entry_index index) {
  return newest_.index <= index ? group_->compact(newest_, now()) : error{};
}

error sequencer_core::close() {
  error first = group_->close();
  // Nothing was applied yet.
  if (!out_ || !merge_)
    return first;
  if (auto fault = out_->sync(); fault && !first)
    first = fault;
  if (auto fault = store_->save(encode(merge_->state())); fault && !first)
    first = fault;
  return first;
}

stream_life sequencer_core::life() const noexcept {
  if (!merge_)
    return {};
  const auto& lineage = merge_->state().layout.lineage;
  return {lineage.words[0], lineage.words[1]};
}

position sequencer_core::out_end() const noexcept {
  return out_ ? out_->recorded_end() : position{};
}

} // namespace millrace::rt
