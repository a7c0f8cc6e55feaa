#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/persistence/log/log_internal.hpp>

#include <algorithm>

namespace millrace::persistence {

using detail::log_path;

namespace {

error remove_index(file_system& fs, const std::string& directory,
                   const log_file_info& of) {
  const auto path = detail::index_path(directory, of.session, of.roll);
  return fs.exists(path) ? fs.remove(path) : error{};
}

/// Marked before it is emptied: an empty file without the mark is a loss.
error bury(env& world, const std::string& directory,
           const log_file_info& newest) {
  const auto path = log_path(directory, newest.session, newest.roll);
  if (!newest.archived)
    if (auto fault = world.fs->mark_archived(path))
      return fault;
  world.crash_point("collect.after_mark");
  if (newest.size == 0)
    return {};
  auto opened = world.fs->open(path, open_mode::write);
  if (!opened)
    return opened.failure();
  if (auto fault = (*opened)->truncate(0))
    return fault;
  world.crash_point("collect.after_empty");
  return remove_index(*world.fs, directory, newest);
}

} // namespace

std::vector<log_file_info> files_below(const std::vector<log_file_info>& all,
                                       position floor) {
  std::vector<log_file_info> out;
  const auto in = position::of(floor.session(), floor.roll(), 0);
  for (size_t i = 0; i + 1 < all.size(); ++i)
    if (position::of(all[i].session, all[i].roll, 0) < in)
      out.push_back(all[i]);
  return out;
}

result<collected_files> collect_log(env& world, const std::string& directory,
                                    position floor) {
  auto all = list_log_files(*world.fs, directory);
  if (!all)
    return all.failure();
  auto gone = files_below(*all, floor);
  collected_files out;
  if (gone.empty())
    return out;
  // First the tombstone: whoever looks for what goes then finds it.
  if (auto fault = bury(world, directory, gone.back()))
    return fault;
  if (gone.back().size != 0) {
    ++out.files;
    out.bytes += gone.back().size;
  }
  gone.pop_back();
  for (const auto& file : gone) {
    if (auto fault
        = world.fs->remove(log_path(directory, file.session, file.roll)))
      return fault;
    world.crash_point("collect.after_remove");
    if (auto fault = remove_index(*world.fs, directory, file))
      return fault;
    if (file.size != 0) {
      ++out.files;
      out.bytes += file.size;
    }
  }
  return out;
}

} // namespace millrace::persistence
