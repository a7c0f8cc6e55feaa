#include <millrace/actors/rt/archive/archiver_core.hpp>
#include <millrace/messages/base/planted_bug.hpp>

namespace millrace::rt {

namespace {

void take(archive_decision& into, const archive_file& file) {
  into.begin = file.end;
  ++into.files;
  into.bytes += file.bytes;
}

/// The time by which the age of a file counts: one without messages is as old
/// as the next one that has some.
std::optional<int64_t> time_of(const archive_files& files, size_t index) {
  for (; index < files.closed.size(); ++index)
    if (files.closed[index].newest_ts)
      return files.closed[index].newest_ts;
  return std::nullopt;
}

/// Whether a file is to go after `gone_bytes` of older ones.
bool due(const archive_files& files, size_t index, uint64_t all_bytes,
         uint64_t gone_bytes, const archive_policy& policy, int64_t now_ns) {
  if (policy.up_to && files.closed[index].end <= *policy.up_to)
    return true;
  if (policy.age_max_ns != 0)
    if (const auto time = time_of(files, index);
        time && *time < now_ns - policy.age_max_ns)
      return true;
  if (policy.bytes_max != 0 && all_bytes - gone_bytes > policy.bytes_max)
    return true;
  if (policy.disk_percent_max == 0 || files.disk_used_bytes <= gone_bytes)
    return false;
  return files.disk_used_bytes - gone_bytes
         > files.disk_total_bytes / 100 * policy.disk_percent_max;
}

/// Who needs something before `begin`; empty: nobody.
std::string holder(const archive_floors& floors, position begin) {
  for (const auto& [consumer, at] : floors)
    if ((!at || *at < begin)
        && !MILLRACE_PLANTED(archive_what_a_consumer_needs))
      return consumer;
  return {};
}

} // namespace

archive_decision archive(const archive_files& files,
                         const archive_floors& floors,
                         const archive_policy& policy, int64_t now_ns) {
  archive_decision out;
  auto all_bytes = files.live_bytes;
  for (const auto& file : files.closed)
    all_bytes += file.bytes;
  for (size_t i = 0; i < files.closed.size(); ++i) {
    const auto& file = files.closed[i];
    if (!due(files, i, all_bytes, out.bytes, policy, now_ns))
      break;
    out.held_by = holder(floors, file.end);
    if (!out.held_by.empty())
      break;
    take(out, file);
  }
  return out;
}

archive_decision cut_at(const archive_files& files, position at) {
  archive_decision out;
  for (const auto& file : files.closed) {
    if (file.end > at)
      break;
    take(out, file);
  }
  return out;
}

archive_floors losers(const archive_floors& floors, position begin) {
  archive_floors out;
  for (const auto& [consumer, at] : floors)
    if (!at || *at < begin)
      out.emplace(consumer, at);
  return out;
}

} // namespace millrace::rt
