#include <millrace/actors/rt/sequence/sequencer_core.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

// A group's log is gone, or is not the one that out/ was made from. A node that
// is alone goes on from out/, where what it keeps says all of that, and else
// begins another life of the stream; a member of several leaves it to others.

namespace millrace::rt {

namespace {

constexpr std::string_view another_life
  = "state/ and history/ do not say all that out/ came to: out/ and history/ "
    "were set aside (.aside.<n>), the stream begins another life with what in/ "
    "has, and subscribers are told 'reset'";

constexpr std::string_view copied_again
  = "out/ and history/ were set aside (.aside.<n>), and this node goes on as "
    "another member of the group, which it copies them from";

} // namespace

/// The last of the instructions that follow each other from there on.
entry_index sequencer_core::history_end(entry_index from) const {
  auto history
    = history_reader::open(*env_->fs, options_.directory + "/history", from);
  while (history) {
    const auto next = history->next();
    if (!next || !*next)
      break;
    from = (*next)->index;
  }
  return from;
}

/// What the history names of inputs after that is here, as far as files are.
bool sequencer_core::inputs_reach(const merge_state& state) const {
  std::map<input_id, input_name> names;
  for (const auto& [number, input] : state.inputs)
    names[number] = {input.directory, input.lineage};
  std::map<input_id, position> first;
  auto history = history_reader::open(
    *env_->fs, options_.directory + "/history", state.applied_index);
  while (history) {
    const auto next = history->next();
    if (!next || !*next)
      break;
    const auto& entry = (*next)->entry;
    if (const auto* opened = std::get_if<rt::open_input>(&entry))
      names[opened->input] = {opened->directory, opened->lineage};
    else if (const auto* range = std::get_if<merge_range>(&entry);
             range != nullptr && !range->lost)
      first.try_emplace(range->input, range->from);
  }
  return std::all_of(first.begin(), first.end(), [&](const auto& each) {
    return env_->fs->exists(
      inputs_.directory_of(names[each.first]) + "/"
      + persistence::log_file_name(each.second.session(), each.second.roll()));
  });
}

/// Of a stream whose first file is here.
std::optional<merge_state> sequencer_core::state_at_first_file() const {
  const auto files = persistence::list_log_files(*env_->fs, out_directory());
  if (!files || files->empty())
    return std::nullopt;
  const auto file
    = position::of(files->front().session, files->front().roll, 0);
  auto state = state_record(file);
  if (!state || state->layout.first != file)
    return std::nullopt;
  return *std::move(state);
}

/// What the log had after what is applied names inputs that are still here:
/// it is ordered anew, and nobody was told of it.
error sequencer_core::go_on_alone(
  const std::optional<merge_state>& checkpoint) {
  std::optional<merge_state> from;
  entry_index last;
  const auto consider = [&](const merge_state& state) {
    if (state.layout.lineage != out_->lineage()
        || state.out_end > out_->recorded_end() || !inputs_reach(state))
      return;
    const auto end = history_end(state.applied_index);
    // Of inputs, what an older one needs may be gone.
    if (from
        && (end < last
            || (end == last && state.applied_index < from->applied_index)))
      return;
    from = state;
    last = end;
  };
  if (out_ && checkpoint)
    consider(*checkpoint);
  // Inputs are kept from there on.
  if (out_)
    if (const auto kept = kept_anchor(out_->lineage()); kept && *kept)
      consider(**kept);
  // Nothing goes of inputs before the first checkpoint.
  if (out_ && !from)
    if (const auto begin = state_at_first_file())
      consider(*begin);
  forgot_ = group_->why_set_aside();
  if (forgot_.empty())
    forgot_ = options_.directory + "/raft was set aside before";
  if (from) {
    end_before_ = out_->recorded_end();
    forgot_
      += "; this node is alone and goes on from out/, history/ and state/ "
         "after entry "
         + to_string(last) + ": nothing that was agreed on is lost";
    auto state
      = last == from->applied_index ? encode(*from) : std::vector<std::byte>{};
    went_on_from_ = std::move(from);
    return group_->found_alone(last, std::move(state), now());
  }
  if (out_) {
    if (auto fault = set_out_aside())
      return fault;
    forgot_ += "; " + std::string{another_life};
  }
  return group_->found_alone({}, {}, now());
}

/// A part of out/ cannot be made again, and nothing else may take its place. Of
/// a stream that is cached a power cut may take it.
bool sequencer_core::lost_end() const {
  return end_before_ && !options_.cached && !blocked_
         && out_end() < *end_before_;
}

error sequencer_core::start_over() {
  forgot_ = lost_begin_
              ? options_.directory + ": the group's log begins after entry "
                  + to_string(group_->begin())
                  + ", and neither out/ nor history/ say what was before"
              : group_->why_set_aside();
  forgot_
    += "; "
       + std::string{options_.nodes.size() == 1 ? another_life : copied_again};
  if (auto fault = set_out_aside())
    return fault;
  return group_->leave();
}

error sequencer_core::give_up_recall(const std::string& why) {
  const auto from = group_->begin();
  if (auto fault = set_out_aside())
    return fault;
  if (auto fault = group_->leave())
    return fault;
  return {errc::fenced, options_.directory + ": entries before "
                          + to_string(from.next())
                          + " cannot be applied again: " + why + "; "
                          + std::string{copied_again}};
}

/// It cannot be made good: what it has applied others may have read.
error sequencer_core::leave(entry_index denied) {
  const auto from = group_->begin();
  if (auto fault = set_out_aside())
    return fault;
  // What the log has forgotten only another member can tell.
  if (from != entry_index{})
    if (auto fault = group_->leave())
      return fault;
  return {
    errc::fenced,
    options_.directory + ": out/ has something else of entry "
      + to_string(denied)
      + " than the group agreed on: some node has lost what was agreed on "
        "before; out/ and history/ were set aside, start this node again "
        "to copy those of the group"};
}

} // namespace millrace::rt
