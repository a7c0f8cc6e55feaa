#include <millrace/actors/rt/sequence/applied_trace.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <xxhash.h>

namespace millrace::rt {

namespace {

/// Of a history; each holds many thousands of instructions.
constexpr size_t files_read_max = 2;

/// Of a range only where it ends: a history leaves out what was merged before,
/// and says what of it was lost.
uint64_t sum_of_range(input_id input, position to) {
  const uint64_t words[] = {static_cast<uint64_t>(input.value), to.value};
  return XXH3_64bits(words, sizeof words);
}

std::unique_ptr<persistence::log_reader>
read_newest(persistence::file_system& fs, const std::string& history) {
  const auto files = persistence::list_log_files(fs, history);
  if (!files || files->empty())
    return nullptr;
  const auto& first
    = (*files)[files->size() - std::min(files->size(), files_read_max)];
  auto reader = persistence::log_reader::open(
    fs, {.directory = history, .damage = persistence::damage_policy::resync},
    position::of(first.session, first.roll, 0));
  return reader ? *std::move(reader) : nullptr;
}

} // namespace

uint64_t sum_of(const merge_entry& entry) {
  if (const auto* range = std::get_if<merge_range>(&entry))
    return sum_of_range(range->input, range->to);
  if (const auto* pieces = std::get_if<merge_pieces>(&entry);
      pieces != nullptr && !pieces->pieces.empty())
    return sum_of_range(pieces->input, pieces->pieces.back().to);
  const auto bytes = encode(entry);
  return XXH3_64bits(bytes.data(), bytes.size());
}

bool applied_trace::denies(entry_index index, const merge_entry& entry) const {
  const auto was = sums.find(index);
  return was != sums.end() && was->second != sum_of(entry);
}

applied_trace trace_applied(persistence::file_system& fs,
                            const std::string& directory,
                            const std::optional<merge_state>& checkpoint) {
  applied_trace out;
  out.any = checkpoint.has_value()
            || persistence::read_lineage(fs, directory + "/out").has_value();
  if (checkpoint)
    out.last = checkpoint->applied_index;
  const auto reader = read_newest(fs, directory + "/history");
  while (reader) {
    const auto item = reader->next();
    if (!item || std::holds_alternative<persistence::log_end>(*item))
      break;
    const auto* message = std::get_if<persistence::log_message>(&*item);
    if (message == nullptr)
      continue;
    const entry_index index{static_cast<uint64_t>(message->frame.header.id)};
    const auto entry = decode_merge_entry(message->frame.payload);
    if (!entry)
      continue;
    out.any = true;
    out.last = std::max(out.last, index);
    out.sums[index] = sum_of(*entry);
  }
  return out;
}

std::string disagreement(const raft_recovered& log,
                         const applied_trace& applied) {
  const auto base = log.base.at.index;
  const entry_index last{base.value + log.entries.size()};
  if (applied.last > last)
    return "out/ has entry " + to_string(applied.last)
           + ", and the group's log ends with entry " + to_string(last)
           + ": it was put back from an older copy, or lost its end";
  for (auto each = applied.sums.upper_bound(base); each != applied.sums.end();
       ++each) {
    const auto& entry = log.entries[each->first.value - base.value - 1];
    const auto held = entry.kind == raft_entry_kind::payload
                        ? decode_merge_entry(entry.payload.bytes())
                        : result<merge_entry>{error{errc::not_found, {}}};
    if (!held || sum_of(*held) != each->second)
      return "out/ has something else of entry " + to_string(each->first)
             + " than the group's log: it is another log";
  }
  return {};
}

} // namespace millrace::rt
