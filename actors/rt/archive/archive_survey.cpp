#include <millrace/actors/rt/archive/archive_survey.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>

namespace millrace::rt {

result<archive_files>
survey_files(persistence::file_system& fs, const std::string& directory,
             position begin, std::optional<int64_t> now_ns,
             std::map<position, std::optional<int64_t>>& times) {
  // Clocks of publishers differ from this one.
  constexpr int64_t ahead_max_ns = 60'000'000'000;
  archive_files out;
  auto all = persistence::list_log_files(fs, directory);
  if (!all)
    return all.failure();
  const persistence::log_file_info* before = nullptr;
  for (const auto& file : *all) {
    const auto at = position::of(file.session, file.roll, 0);
    if (at < begin || (file.archived && file.size == 0))
      continue;
    if (before != nullptr) {
      const auto from = position::of(before->session, before->roll, 0);
      if (now_ns && !times.contains(from)) {
        auto newest = persistence::newest_time(fs, directory, *before);
        if (!newest)
          return newest.failure();
        if (*newest && **newest - *now_ns > ahead_max_ns)
          out.of_future = from;
        times[from] = *newest ? std::min(**newest, *now_ns) : *newest;
      }
      out.closed.push_back(
        {from, at, before->size, now_ns ? times[from] : std::nullopt});
    }
    before = &file;
  }
  if (before != nullptr)
    out.live_bytes = before->size;
  auto free = fs.free_bytes(directory);
  if (!free)
    return free.failure();
  auto total = fs.total_bytes(directory);
  if (!total)
    return total.failure();
  out.disk_total_bytes = *total;
  out.disk_used_bytes = *total - std::min(*free, *total);
  return out;
}

text::json_value consumer_row(const std::string& consumer,
                              const std::optional<position>& needs_from) {
  return {{"consumer", consumer},
          {"needs_from", needs_from ? text::json_value(needs_from->value)
                                    : text::json_value()}};
}

text::json_value to_json(const archive_floors& floors) {
  auto out = text::json_value::array();
  for (const auto& [consumer, at] : floors)
    out.add(consumer_row(consumer, at));
  return out;
}

text::json_value prune_report(const std::string& stream,
                              const archive_files& files,
                              const archive_decision& cut,
                              const archive_floors& losers) {
  auto names = text::json_value::array();
  for (const auto& file : files.closed)
    if (file.end <= cut.begin)
      names.add({{"file", persistence::log_file_name(file.begin.session(),
                                                     file.begin.roll())},
                 {"bytes", file.bytes}});
  return {{"stream", stream},
          {"begin", cut.begin.value},
          {"bytes", cut.bytes},
          {"files", std::move(names)},
          {"losers", to_json(losers)}};
}

std::string names_of(const archive_floors& losers) {
  std::string out;
  for (const auto& [consumer, at] : losers)
    out += (out.empty() ? "'" : ", '") + consumer + "' ("
           + (at ? "needs all from " + to_string(*at)
                 : "has not told what it needs")
           + ")";
  return out;
}

} // namespace millrace::rt
