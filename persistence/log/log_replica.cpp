#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/persistence/log/log_internal.hpp>
#include <millrace/persistence/log/log_writer.hpp>

#include <algorithm>

namespace millrace::persistence {

using detail::log_path;

struct log_replica::impl {
  env* world = nullptr;
  options how;
  std::string directory;
  std::unique_ptr<directory_lock> lock;
  lineage_id lineage;
  std::shared_ptr<file> current;
  std::shared_ptr<detail::synced_file> marks;
  detail::unsynced dirty;
  std::optional<position> end;
  std::vector<std::pair<position, position>> damaged;
  position synced;
  error failure;

  [[nodiscard]] file_system& fs() const { return *world->fs; }
  error fail(error fault);
  error cut_after_loss(std::vector<log_file_info>& files);
  [[nodiscard]] result<uint64_t> good_bytes(const file_scan& scan,
                                            bool same_boot);
  error recover(const std::vector<log_file_info>& files);
};

error log_replica::impl::fail(error fault) {
  failure = {errc::closed, directory + ": closed after: " + to_string(fault)};
  // A try, as the disk just refused us; see log_writer.
  (void)marks->record({synced, fs().boot_id(), true, false});
  return fault;
}

error log_replica::impl::cut_after_loss(std::vector<log_file_info>& files) {
  const auto mark = detail::synced_file::read(fs(), directory, lineage);
  // See log_writer: a lost note moves nothing aside.
  if (!mark || mark->boot_id == fs().boot_id())
    return {};
  return detail::cut_after_loss(fs(), directory, lineage,
                                std::max(how.trusted, mark->end), files);
}

/// Where the last file ends: before its damage, or after what is intact beyond
/// it. After a power cut only what was synced once counts.
result<uint64_t> log_replica::impl::good_bytes(const file_scan& scan,
                                               bool same_boot) {
  const auto first = scan.valid_end.value - scan.begin.value;
  if (how.damaged == damage::cut || !scan.next_intact)
    return first;
  const auto mark = detail::synced_file::read(fs(), directory, lineage);
  const auto trusted = mark ? std::max(mark->end, how.trusted) : how.trusted;
  auto good = first;
  for (auto next = scan.next_intact; next;) {
    if (!same_boot && mark && *next >= trusted)
      break;
    damaged.emplace_back(position{scan.begin.value + good}, *next);
    auto run = detail::intact_run(*current, lineage, *next, scan.size);
    if (!run)
      return run.failure();
    good = run->end;
    next = run->next;
  }
  return good;
}

error log_replica::impl::recover(const std::vector<log_file_info>& files) {
  const auto& last = files.back();
  const auto mark = detail::synced_file::read(fs(), directory, lineage);
  // The dead may have gone on to the next file without a sync.
  if (auto fault = detail::add_left_unsynced(
        fs(), directory, std::span{files}.first(files.size() - 1),
        mark ? mark->end : position{}, mark && mark->fenced, dirty))
    return fault;
  const auto scan
    = scan_log_file(fs(), directory, lineage, last,
                    mark ? std::optional{mark->end} : std::nullopt);
  if (!scan)
    return scan.failure();
  auto opened
    = fs().open(log_path(directory, last.session, last.roll), open_mode::write);
  if (!opened)
    return opened.failure();
  current = *std::move(opened);
  const auto kept = good_bytes(*scan, mark && mark->boot_id == fs().boot_id()
                                        && !mark->fenced);
  if (!kept)
    return kept.failure();
  const auto size = *kept;
  const position good{scan->begin.value + size};
  // Bytes after damage may hold records that the source no longer has.
  if (scan->next_intact && *scan->next_intact >= good)
    if (auto fault = detail::keep_aside(fs(), directory, *current,
                                        scan->valid_end, scan->size))
      return fault;
  if (mark && mark->fenced) {
    // Pages of a failed sync may be marked clean: fetch them again instead.
    const auto trusted = mark->end > scan->begin && mark->end < good
                           ? mark->end
                           : (mark->end >= good ? good : scan->begin);
    end = trusted;
  } else {
    end = good;
  }
  const auto keep = std::min(size, end->value - scan->begin.value);
  if (scan->size > keep)
    if (auto fault = current->truncate(keep))
      return fault;
  dirty.add(current);
  return {};
}

result<std::unique_ptr<log_replica>>
log_replica::open(env& world, const std::string& directory,
                  const lineage_id& lineage, const options& how) {
  auto state = std::make_unique<impl>();
  state->how = how;
  state->world = &world;
  state->directory = directory;
  if (auto fault = world.fs->create_directories(directory))
    return fault;
  auto lock = world.fs->lock_directory(directory);
  if (!lock)
    return lock.failure();
  state->lock = *std::move(lock);
  auto files = list_log_files(*world.fs, directory);
  if (!files)
    return files.failure();
  auto adopted
    = detail::adopt_lineage(world, directory, lineage, !files->empty());
  if (!adopted)
    return adopted.failure();
  state->lineage = *adopted;
  if (auto fault = state->cut_after_loss(*files))
    return fault;
  if (!files->empty())
    if (auto fault = state->recover(*files))
      return fault;
  auto marks = detail::synced_file::open(*world.fs, directory, lineage);
  if (!marks)
    return marks.failure();
  state->marks = *std::move(marks);
  // What is served from now on was synced by us, not only by our predecessor.
  state->dirty.directory = true;
  const auto end = state->end.value_or(position{});
  auto job = state->dirty.take(*world.fs, directory, state->marks,
                               {end, world.fs->boot_id(), false, false});
  if (auto fault = job())
    return fault;
  if (auto fault = state->marks->sync())
    return fault;
  state->synced = end;
  return std::unique_ptr<log_replica>{new log_replica{std::move(state)}};
}

log_replica::log_replica(std::unique_ptr<impl> state)
  : impl_{std::move(state)} {}

log_replica::~log_replica() = default;

std::optional<position> log_replica::end() const noexcept { return impl_->end; }

const std::vector<std::pair<position, position>>&
log_replica::damaged() const noexcept {
  return impl_->damaged;
}

error log_replica::append(position at, std::span<const std::byte> records) {
  auto& state = *impl_;
  if (state.failure)
    return {errc::closed, state.failure.context};
  const auto here = state.end;
  const bool follows = here && state.current && at == *here;
  if (!follows) {
    if (at.offset() != 0 || (here && at < *here))
      return {errc::bad_position, state.directory + ": cannot append at "
                                    + to_string(at)
                                    + (here ? ", the end is " + to_string(*here)
                                            : ", the copy is empty")};
    auto opened = state.fs().open(
      log_path(state.directory, at.session(), at.roll()), open_mode::write);
    if (!opened)
      return opened.failure();
    // Bytes of an earlier try, never counted as part of the copy.
    if (auto fault = (*opened)->truncate(0))
      return state.fail(std::move(fault));
    state.current = *std::move(opened);
    state.dirty.directory = !MILLRACE_PLANTED(leave_a_new_copy_name_unsynced);
  }
  // The file's own bounds: a full file ends where the next one begins.
  MILLRACE_ASSERT(at.offset() + records.size() <= position::offset_max + 1);
  if (auto fault = state.current->write_at(at.offset(), records))
    return fault.code == errc::no_space ? fault : state.fail(std::move(fault));
  state.dirty.add(state.current);
  state.end = position{at.value + records.size()};
  return {};
}

error log_replica::mend(position at, std::span<const std::byte> records) {
  auto& state = *impl_;
  if (state.failure)
    return {errc::closed, state.failure.context};
  MILLRACE_ASSERT(state.end && at.value + records.size() <= state.end->value);
  const bool current = file_of(at) == file_of(*state.end);
  std::shared_ptr<file> target = state.current;
  if (!current || !target) {
    auto opened = state.fs().open(
      log_path(state.directory, at.session(), at.roll()), open_mode::write);
    if (!opened)
      return opened.failure();
    target = *std::move(opened);
    state.dirty.directory = true; // It may have been gone.
  }
  if (auto fault = target->write_at(at.offset(), records))
    return fault.code == errc::no_space ? fault : state.fail(std::move(fault));
  state.dirty.add(target);
  return {};
}

error log_replica::cut(position at) {
  auto& state = *impl_;
  if (state.failure)
    return {errc::closed, state.failure.context};
  auto files = list_log_files(state.fs(), state.directory);
  if (!files)
    return files.failure();
  state.synced = std::min(state.synced, at);
  if (auto fault
      = state.marks->record({state.synced, state.fs().boot_id(), false, false}))
    return state.fail(std::move(fault));
  state.current.reset();
  for (const auto& info : *files) {
    const auto begin = position::of(info.session, info.roll, 0);
    if (begin >= at) {
      if (auto fault = detail::set_aside(state.fs(), state.directory, info))
        return state.fail(std::move(fault));
    } else if (info.session == at.session() && info.roll == at.roll()) {
      auto opened = state.fs().open(
        log_path(state.directory, info.session, info.roll), open_mode::write);
      if (!opened)
        return state.fail(opened.failure());
      if (auto fault = detail::keep_aside(state.fs(), state.directory, **opened,
                                          at, info.size))
        return state.fail(std::move(fault));
      if (auto fault = (*opened)->truncate(at.offset()))
        return state.fail(std::move(fault));
      state.current = *std::move(opened);
      state.dirty.add(state.current);
    }
  }
  state.dirty.directory = true;
  state.end = at;
  return {};
}

size_t log_replica::unsynced_files() const noexcept {
  return impl_->dirty.files.size();
}

log_writer::sync_job log_replica::begin_sync() {
  auto& state = *impl_;
  const auto end = state.end.value_or(position{});
  if (state.failure)
    return {state.synced, [fault = state.failure]() -> error { return fault; }};
  return {end, state.dirty.take(state.fs(), state.directory, state.marks,
                                {end, state.fs().boot_id(), false, false})};
}

void log_replica::finish_sync(position end, const error& outcome) {
  auto& state = *impl_;
  if (state.failure)
    return;
  if (outcome)
    (void)state.fail(outcome);
  else
    state.synced = std::max(state.synced, end);
}

position log_replica::synced_end() const noexcept { return impl_->synced; }

} // namespace millrace::persistence
