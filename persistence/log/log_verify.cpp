#include <millrace/persistence/log/log_internal.hpp>

#include <algorithm>

namespace millrace::persistence {

namespace {

using detail::log_path;

class verification {
public:
  verification(file_system& fs, std::string directory,
               const std::function<void(uint64_t, uint64_t)>& progress)
    : fs_{&fs}, directory_{std::move(directory)}, progress_{progress} {}

  result<verify_report> run();

private:
  error check_file(const log_file_info& info, const log_file_info* next);
  void check_order(const log_file_info& info, const log_file_info& next);
  void add(const log_file_info& info, uint64_t offset, std::string reason) {
    report_.damages.push_back({log_path(directory_, info.session, info.roll),
                               offset, std::move(reason)});
  }

  file_system* fs_;
  std::string directory_;
  const std::function<void(uint64_t, uint64_t)>& progress_;
  verify_report report_;
  std::optional<position> synced_end_;
};

error verification::check_file(const log_file_info& info,
                               const log_file_info* next) {
  auto opened
    = fs_->open(log_path(directory_, info.session, info.roll), open_mode::read);
  if (!opened)
    return opened.failure();
  // One damage at a time: the scan goes on after each.
  auto scan = detail::scan_open_file(**opened, report_.lineage, info.session,
                                     info.roll, synced_end_);
  if (!scan)
    return scan.failure();
  report_.message_count += scan->tally.message_count;
  report_.end = scan->valid_end;
  const bool sealed = scan->seal.has_value();
  const auto from = scan->valid_end.value - scan->begin.value;
  const bool old = next != nullptr;
  const auto note
    = detail::read_session_end(*fs_, directory_, report_.lineage, info.session);
  const bool last_of_session = old && next->session != info.session;
  if (scan->padding)
    add(info, scan->padding->offset(), "padding: what was here is lost");
  if (scan->damaged)
    add(info, from, scan->reason);
  else if (scan->size > from && old)
    add(info, from, scan->reason);
  else if (!sealed && old && !last_of_session)
    add(info, from, "the file ends without its seal");
  else if (last_of_session && note
           && std::max(note->end, note->known_end) > scan->valid_end
           && note->known_end.session() <= info.session)
    add(info, from,
        "bytes up to " + to_string(std::max(note->end, note->known_end))
          + " were there once");
  auto intact = scan->next_intact;
  detail::record_window window{**opened, report_.lineage, info.session,
                               info.roll, payload_check::verify};
  while (intact) {
    auto at = intact->value - scan->begin.value;
    for (;;) {
      auto found = window.at(at);
      if (!found)
        return found.failure();
      if (found->kind != parse_outcome::what::record)
        break;
      seal_info tally;
      detail::add_to_tally(tally, found->record);
      report_.message_count += tally.message_count;
      at += found->record.length;
      report_.end = position::of(info.session, info.roll, at);
    }
    auto more = detail::find_intact(**opened, report_.lineage, info.session,
                                    info.roll, at + 8, scan->size);
    if (!more)
      return more.failure();
    intact.reset();
    if (*more) {
      intact = position::of(info.session, info.roll, **more);
      add(info, at, "bytes that are not a record");
    } else if (at < scan->size) {
      add(info, at, "bytes that are not a record");
    }
  }
  return {};
}

// Files that must lie between two neighbours.
void verification::check_order(const log_file_info& info,
                               const log_file_info& next) {
  const bool adjacent = info.session == next.session
                          ? next.roll == info.roll + 1
                          : next.roll == 0;
  if (!adjacent)
    report_.damages.push_back(
      {log_path(directory_, next.session, next.roll == 0 ? 0 : next.roll - 1),
       0, "the file is missing"});
}

result<verify_report> verification::run() {
  auto lineage = read_lineage(*fs_, directory_);
  if (!lineage)
    return lineage.failure();
  report_.lineage = *lineage;
  // Before the list: what is synced later may not be in it.
  synced_end_ = read_synced_end(*fs_, directory_);
  auto files = list_log_files(*fs_, directory_);
  if (!files)
    return files.failure();
  report_.files = *std::move(files);
  uint64_t all = 0;
  for (const auto& info : report_.files)
    all += info.size;
  uint64_t done = 0;
  for (size_t i = 0; i < report_.files.size(); ++i) {
    const auto& info = report_.files[i];
    const auto* next
      = i + 1 < report_.files.size() ? &report_.files[i + 1] : nullptr;
    if (progress_)
      progress_(done, all);
    if (info.archived && info.size == 0)
      report_.end = position::of(info.session, info.roll, 0);
    else if (auto fault = check_file(info, next))
      return fault;
    if (next != nullptr)
      check_order(info, *next);
    done += info.size;
  }
  if (progress_)
    progress_(done, all);
  // A synced end in a file that is not there at all.
  if (synced_end_ && synced_end_->offset() != 0) {
    const bool present = std::any_of(
      report_.files.begin(), report_.files.end(), [&](const auto& info) {
        return info.session == synced_end_->session()
               && info.roll == synced_end_->roll();
      });
    if (!present)
      report_.damages.push_back(
        {log_path(directory_, synced_end_->session(), synced_end_->roll()), 0,
         "the file is missing, bytes up to " + to_string(*synced_end_)
           + " were synced once"});
  }
  return std::move(report_);
}

} // namespace

result<verify_report>
verify_log(file_system& fs, const std::string& directory,
           const std::function<void(uint64_t, uint64_t)>& progress) {
  return verification{fs, directory, progress}.run();
}

} // namespace millrace::persistence
