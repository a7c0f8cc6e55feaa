#include <millrace/actors/rt/sequence/merge_planner.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

merge_planner::merge_planner(const merge_state* applied,
                             const std::vector<merge_entry>& tail) {
  if (applied != nullptr) {
    begun_ = true;
    for (const auto& [number, input] : applied->inputs) {
      const input_name name{input.directory, input.lineage};
      inputs_[name] = {number, input.merged_end, input.closed};
      names_[number] = name;
      last_ = std::max(last_, number);
    }
  }
  for (const auto& entry : tail)
    take(entry);
}

void merge_planner::take(const merge_entry& entry) {
  if (std::holds_alternative<begin_stream>(entry)) {
    begun_ = true;
  } else if (const auto* opened = std::get_if<open_input>(&entry)) {
    take(*opened);
  } else if (const auto* range = std::get_if<merge_range>(&entry)) {
    if (const auto found = names_.find(range->input); found != names_.end()) {
      auto& end = inputs_[found->second].end;
      end = std::max(end, range->to);
    }
  }
}

/// A later life of a directory closes the earlier ones.
void merge_planner::take(const open_input& entry) {
  const input_name name{entry.directory, entry.lineage};
  for (auto& [other, input] : inputs_)
    if (other.directory == entry.directory && other != name)
      input.closed = true;
  inputs_[name] = {entry.input, {}, false};
  names_[entry.input] = name;
  last_ = std::max(last_, entry.input);
}

begin_stream merge_planner::begin(const stream_layout& layout) {
  begun_ = true;
  return begin_stream{layout};
}

std::optional<merge_entry> merge_planner::open(const input_name& name) {
  if (inputs_.contains(name))
    return std::nullopt;
  open_input entry{last_.next(), name.directory, name.lineage};
  take(entry);
  return entry;
}

std::vector<merge_entry> merge_planner::ranges(const input_store& store,
                                               copy_id copy,
                                               std::optional<position> until) {
  std::vector<merge_entry> out;
  const auto found = inputs_.find(store.name(copy));
  if (found == inputs_.end() || found->second.closed)
    return out;
  auto& input = found->second;
  for (auto part : store.durable_from(copy, input.end)) {
    if (until && part.range.to > *until)
      part.range.to = std::max(part.range.from, *until);
    if (part.range.from == part.range.to)
      break;
    out.emplace_back(
      merge_range{input.number, part.range.from, part.range.to, part.lost});
    input.end = part.range.to;
  }
  return out;
}

} // namespace millrace::rt
