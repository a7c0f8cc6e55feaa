#include <millrace/persistence/log/log_internal.hpp>

#include <algorithm>

namespace millrace::persistence::detail {

error set_aside(file_system& fs, const std::string& directory,
                const log_file_info& gone) {
  const auto path = log_path(directory, gone.session, gone.roll);
  auto opened = fs.open(path, open_mode::read);
  if (!opened)
    return opened.failure();
  if (gone.size != 0)
    if (auto fault
        = keep_aside(fs, directory, **opened,
                     position::of(gone.session, gone.roll, 0), gone.size))
      return fault;
  const auto index = index_path(directory, gone.session, gone.roll);
  if (fs.exists(index))
    if (auto fault = fs.remove(index))
      return fault;
  return fs.remove(path);
}

error cut_after_loss(file_system& fs, const std::string& directory,
                     const lineage_id& lineage, position trusted,
                     std::vector<log_file_info>& files) {
  for (size_t i = 0; i + 1 < files.size(); ++i) {
    const auto& info = files[i];
    const auto& next = files[i + 1];
    if (position::of(next.session, next.roll, 0) <= trusted)
      continue;
    // What was collected is no loss; a file that is missing after it is.
    const bool adjoins = next.session == info.session
                           ? next.roll == info.roll + 1
                           : next.roll == 0;
    if (info.archived && (next.archived || adjoins))
      continue;
    const auto scan = scan_log_file(fs, directory, lineage, info, {});
    if (!scan)
      return scan.failure();
    // Without its seal nobody can tell whether it was longer.
    const bool whole
      = scan->seal && scan->valid_end.value - scan->begin.value == info.size;
    const bool followed
      = next.session == info.session
          ? next.roll == info.roll + 1
          : whole && scan->seal->session_end && next.roll == 0;
    if (whole && followed)
      continue;
    for (size_t gone = i + 1; gone < files.size(); ++gone)
      if (auto fault = set_aside(fs, directory, files[gone]))
        return fault;
    files.resize(i + 1);
    return fs.sync_directory(directory);
  }
  return {};
}

error rewrite(file& target, uint64_t from, uint64_t end) {
  std::vector<std::byte> bytes(1u << 20);
  while (from < end) {
    const auto part
      = static_cast<size_t>(std::min<uint64_t>(bytes.size(), end - from));
    auto got = target.read_at(from, std::span{bytes}.first(part));
    if (!got)
      return got.failure();
    if (*got == 0)
      return {errc::corrupt, target.path() + ": ends at " + std::to_string(from)
                               + " while it is read"};
    if (auto fault = target.write_at(from, std::span{bytes}.first(*got)))
      return fault;
    from += *got;
  }
  return {};
}

error add_left_unsynced(file_system& fs, const std::string& directory,
                        std::span<const log_file_info> files, position synced,
                        bool rewrites, unsynced& dirty) {
  for (const auto& info : files) {
    if (position::of(info.session, info.roll, 0).value + info.size
        <= synced.value)
      continue;
    auto opened
      = fs.open(log_path(directory, info.session, info.roll), open_mode::write);
    if (!opened)
      return opened.failure();
    const std::shared_ptr<file> left{*std::move(opened)};
    if (rewrites)
      if (auto fault = rewrite(*left, 0, info.size))
        return fault;
    dirty.add(left);
  }
  return {};
}

} // namespace millrace::persistence::detail
