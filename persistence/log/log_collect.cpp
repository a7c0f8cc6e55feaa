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

/// Marked before it is touched: what a crash leaves of it is no loss then. The
/// marks before a tombstone are durable before it is: without them it is taken
/// for a file that was put there.
error mark(file_system& fs, const std::string& directory,
           const std::vector<log_file_info>& gone) {
  for (const auto& file : gone) {
    if (file.archived)
      continue;
    const auto path = log_path(directory, file.session, file.roll);
    if (auto fault = fs.mark_archived(path))
      return fault;
    if (&file == &gone.back())
      continue; // Synced when it is emptied.
    auto opened = fs.open(path, open_mode::write);
    if (!opened)
      return opened.failure();
    if (auto fault = (*opened)->sync())
      return fault;
  }
  return {};
}

/// Notes where the messages of the newest file that goes end, if that is sure:
/// it is sealed, and the file after it is the next one.
void note_cut(file_system& fs, const std::string& directory,
              const log_file_info& newest, const log_file_info& next) {
  const auto lineage = read_lineage(fs, directory);
  auto opened = fs.open(log_path(directory, newest.session, newest.roll),
                        open_mode::read);
  if (!lineage || !opened || newest.size == 0)
    return;
  const auto seal = detail::read_seal(**opened, *lineage, newest.session,
                                      newest.roll, newest.size);
  const auto last
    = record_before(fs, directory, *lineage,
                    position::of(newest.session, newest.roll, newest.size));
  const bool follows
    = next.session == newest.session
        ? next.roll == newest.roll + 1
        : seal && *seal && (*seal)->session_end && next.roll == 0;
  if (!seal || !*seal || !last || !follows)
    return;
  // Without it a reader who stands there is told of a `pruned` that is none:
  // that is better than a full disk that cannot be collected.
  (void)detail::write_cut(
    fs, directory, *lineage,
    {last->begin, position::of(next.session, next.roll, 0)});
}

error bury(env& world, const std::string& directory,
           const log_file_info& newest) {
  if (newest.size == 0)
    return {};
  auto opened = world.fs->open(log_path(directory, newest.session, newest.roll),
                               open_mode::write);
  if (!opened)
    return opened.failure();
  if (auto fault = (*opened)->truncate(0))
    return fault;
  if (auto fault = (*opened)->sync())
    return fault;
  world.crash_point("collect.after_empty");
  return remove_index(*world.fs, directory, newest);
}

} // namespace

std::vector<log_file_info> files_below(const std::vector<log_file_info>& all,
                                       position floor) {
  std::vector<log_file_info> out;
  const auto in = file_of(floor);
  for (size_t i = 0; i + 1 < all.size(); ++i)
    if (position::of(all[i].session, all[i].roll, 0) < in)
      out.push_back(all[i]);
  return out;
}

result<position> begin_after(file_system& fs, const std::string& directory,
                             position at) {
  const auto all = list_log_files(fs, directory);
  if (!all)
    return all.failure();
  for (size_t i = 0; i + 1 < all->size(); ++i) {
    const auto& file = (*all)[i];
    if (file.session != at.session() || file.roll != at.roll())
      continue;
    const position next
      = position::of((*all)[i + 1].session, (*all)[i + 1].roll, 0);
    if (at.offset() >= file.size)
      return next;
    const auto lineage = read_lineage(fs, directory);
    if (!lineage)
      return lineage.failure();
    const auto last
      = record_before(fs, directory, *lineage,
                      position::of(file.session, file.roll, file.size));
    const bool sealed = last && last->kind == record_kind::seal;
    return sealed && last->begin <= at ? next : at;
  }
  return at;
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
  note_cut(*world.fs, directory, gone.back(), (*all)[gone.size()]);
  if (auto fault = mark(*world.fs, directory, gone))
    return fault;
  world.crash_point("collect.after_mark");
  // First the tombstone: who looks for what goes then finds it.
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
  if (!gone.empty())
    if (auto fault = world.fs->sync_directory(directory))
      return fault;
  return out;
}

} // namespace millrace::persistence
