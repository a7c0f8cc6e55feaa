#include <millrace/persistence/log_internal.hpp>
#include <millrace/persistence/log_writer.hpp>

#include <algorithm>

namespace millrace::persistence {

using detail::log_path;

namespace {

constexpr uint64_t file_bytes_max = uint64_t{1} << 30;

uint64_t seal_bytes_of(std::string_view origin) {
  return padded(static_cast<uint32_t>(20 + origin.size()));
}

} // namespace

struct log_writer::impl {
  impl(env& outside, log_writer_options chosen)
    : world{&outside}, options{std::move(chosen)} {}

  env* world;
  log_writer_options options;
  std::unique_ptr<directory_lock> lock;
  lineage_id lineage;
  std::map<std::string, int64_t> recovered;
  std::map<std::string, int64_t> surviving; ///< From intact records alone.
  std::map<std::string, int64_t> earlier_ids; ///< Of files rolled since then.
  bool clean = true;

  std::shared_ptr<file> current;
  std::shared_ptr<detail::synced_file> marks;
  detail::unsynced dirty;
  record_builder builder{{}, {}};
  bool handed_over = false;  ///< The builder's bytes are written.
  bool seal_pending = false; ///< The builder's last record is the file's seal.
  bool sealed = false;       ///< The current file is; the next one is to come.
  uint64_t reserved_end = 0; ///< Offset up to which space is reserved.
  position recorded;
  position synced;

  seal_info tally; ///< Of the current file.
  /// Bytes of the seal record of the current tally.
  uint64_t seal_bytes = 0;
  std::string last_origin;
  seal_info::id_range* last_range = nullptr;

  error failure; ///< Set once; everything answers `closed` from then on.
  bool ended = false;

  [[nodiscard]] file_system& fs() const { return *world->fs; }
  [[nodiscard]] const std::string& directory() const {
    return options.directory;
  }
  [[nodiscard]] bool resumes() const {
    return options.session == session_policy::resume;
  }
  void crash_point(const char* name) const {
    world->crash_point(
      ((resumes() ? "log." : "pub.") + std::string{name}).c_str());
  }

  [[nodiscard]] error closed_error() const {
    return {errc::closed, failure.context};
  }
  error fail(error fault);
  [[nodiscard]] detail::synced_mark mark_at(position end, bool closed) const {
    return {end, world->fs->boot_id(), false, closed};
  }

  void begin_tally(seal_info from);
  void note_ids(std::string_view origin, int64_t first, int64_t last);
  error open_file(uint64_t session, uint64_t roll, bool is_new);
  error open_next_file();
  error begin_next_session(uint64_t session);
  error resume_in(const log_file_info& last, const file_scan& scan);
  error recover_ids(const std::vector<log_file_info>& files,
                    const file_scan& last);
  error recover(std::vector<log_file_info> files);
  error seal_survivor(const log_file_info& last, const file_scan& scan);
  error leave(const log_file_info& last, const file_scan& scan);
  error write(const std::function<void(const written&)>& on_write);
  error put_seal(bool session_end);
  error keep_ids(position covered);
  error roll(const std::function<void(const written&)>& on_write);
  error make_room(record_kind kind, payload_kind payload,
                  std::string_view origin, size_t frame_bytes,
                  const std::function<void(const written&)>& on_write);
  error sync_now(bool closed);
  error find_cut(position end, std::vector<log_file_info>& files,
                 std::vector<log_file_info>& behind) const;
  error truncate(position end);
};

// The writer never touches its files again: what the cache holds and what the
// disk holds may differ from now on.
error log_writer::impl::fail(error fault) {
  failure = {errc::closed, directory() + ": closed after: " + to_string(fault)};
  if (marks) {
    auto mark = mark_at(synced, false);
    mark.fenced = true;
    // The disk just refused us: this is a try. Without the mark, the next
    // owner finds an unclean end and trusts the cache only on this same boot.
    (void)marks->record(mark);
  }
  return fault;
}

void log_writer::impl::begin_tally(seal_info from) {
  tally = std::move(from);
  tally.session_end = false;
  last_range = nullptr;
  seal_bytes = record_header_bytes + frame_header_bytes + 24;
  for (const auto& [origin, range] : tally.ids)
    seal_bytes += seal_bytes_of(origin);
}

void log_writer::impl::note_ids(std::string_view origin, int64_t first,
                                int64_t last) {
  if (last_range == nullptr || last_origin != origin) {
    last_origin = origin;
    const auto [found, added]
      = tally.ids.try_emplace(last_origin, seal_info::id_range{first, 0});
    if (added)
      seal_bytes += seal_bytes_of(origin);
    last_range = &found->second;
  }
  last_range->last = last;
}

error log_writer::impl::open_file(uint64_t session, uint64_t roll,
                                  bool is_new) {
  auto opened = fs().open(log_path(directory(), session, roll),
                          is_new ? open_mode::create_new : open_mode::write);
  if (!opened)
    return opened.failure();
  current = *std::move(opened);
  reserved_end = 0;
  sealed = false;
  if (is_new) {
    dirty.directory = true;
    builder = record_builder{lineage, position::of(session, roll, 0)};
    handed_over = false;
    recorded = builder.end();
    begin_tally({});
    crash_point("after_create");
  }
  return {};
}

error log_writer::impl::open_next_file() {
  // A file that is full to the last byte ends where the next one begins.
  const auto here
    = recorded.offset() == 0 ? position{recorded.value - 1} : recorded;
  if (here.roll() < position::roll_max)
    return open_file(here.session(), here.roll() + 1, true);
  return begin_next_session(here.session() + 1);
}

error log_writer::impl::begin_next_session(uint64_t session) {
  if (session > position::session_max)
    return {errc::limit_exceeded, directory() + ": session "
                                    + std::to_string(session)
                                    + " is beyond the last one, "
                                    + std::to_string(position::session_max)};
  return open_file(session, 0, true);
}

error log_writer::impl::write(
  const std::function<void(const written&)>& on_write) {
  if (failure)
    return closed_error();
  if (handed_over || builder.empty())
    return {};
  builder.close_record();
  const auto begin = builder.begin();
  const auto bytes = builder.bytes();
  const auto offset = begin.offset();
  if (options.reserve_bytes != 0
      && offset + bytes.size() + options.reserve_bytes / 2 > reserved_end) {
    reserved_end = offset + bytes.size() + options.reserve_bytes;
    current->reserve(bytes.size() + options.reserve_bytes);
  }
  if (auto fault = current->write_at(offset, bytes)) {
    // Nothing counts as written: the same bytes go to the same place again.
    return fault.code == errc::no_space ? fault : fail(std::move(fault));
  }
  for (size_t at = 0; at < bytes.size();
       at += detail::load<uint32_t>(bytes.data() + at + 4))
    tally.running_hash = detail::chain_hash(
      tally.running_hash, detail::load<uint32_t>(bytes.data() + at));
  recorded = builder.end();
  dirty.add(current);
  handed_over = true;
  if (seal_pending) {
    seal_pending = false;
    sealed = true;
    // Gives back what was reserved behind the end.
    if (auto fault = current->truncate(recorded.offset()))
      return fail(std::move(fault));
  }
  if (on_write)
    on_write({begin, recorded, bytes});
  return {};
}

error log_writer::impl::put_seal(bool session_end) {
  MILLRACE_ASSERT(handed_over || builder.empty());
  if (handed_over) {
    builder.restart();
    handed_over = false;
  }
  tally.session_end = session_end;
  message_header header;
  header.id = 0;
  builder.add(record_kind::seal, payload_kind::opaque, header, encode(tally));
  seal_pending = true;
  return {};
}

// Once rolled, a file may be collected: its ids must be known without it.
error log_writer::impl::keep_ids(position covered) {
  auto ids = recovered;
  for (const auto& [origin, id] : earlier_ids)
    ids[origin] = id;
  for (const auto& [origin, range] : tally.ids)
    ids[origin] = range.last;
  if (ids.empty() || resumes())
    return {};
  if (auto fault
      = detail::write_ids(fs(), directory(), lineage, {covered, ids}))
    return fault;
  earlier_ids = std::move(ids);
  return {};
}

error log_writer::impl::roll(
  const std::function<void(const written&)>& on_write) {
  crash_point("before_roll");
  if (!sealed && !seal_pending) {
    if (auto fault = write(on_write))
      return fault;
    if (auto fault = put_seal(recorded.roll() == position::roll_max))
      return fault;
  }
  if (auto fault = write(on_write))
    return fault;
  if (auto fault
      = keep_ids(position::of(recorded.session(), recorded.roll() + 1, 0)))
    return fault;
  return open_next_file();
}

error log_writer::impl::make_room(
  record_kind kind, payload_kind payload, std::string_view origin,
  size_t frame_bytes, const std::function<void(const written&)>& on_write) {
  if (sealed || seal_pending)
    if (auto fault = roll(on_write))
      return fault;
  if (handed_over) {
    builder.restart();
    handed_over = false;
  }
  auto seal = seal_bytes;
  if (last_range == nullptr || last_origin != origin)
    seal += seal_bytes_of(origin);
  if (seal > payload_bytes_max)
    return {errc::limit_exceeded,
            directory() + ": too many origins for one file's seal"};
  const auto add = builder.bytes_to_add_frames(
    kind, payload, origin, frame_bytes, options.record_bytes);
  const auto end = builder.end().offset();
  if (end == 0 || end + add + seal <= options.roll_bytes)
    return {};
  if (auto fault = roll(on_write))
    return fault;
  return {};
}

error log_writer::impl::sync_now(bool closed) {
  auto job = dirty.take(fs(), directory(), marks, mark_at(recorded, closed));
  if (auto fault = job())
    return fail(std::move(fault));
  synced = recorded;
  return {};
}

// -- recovery -----------------------------------------------------------------

// Last ids per origin: from `.ids`, the seals since, and the scanned last file.
error log_writer::impl::recover_ids(const std::vector<log_file_info>& files,
                                    const file_scan& last) {
  position covered;
  if (auto snapshot = detail::read_ids(fs(), directory(), lineage)) {
    recovered = std::move(snapshot->ids);
    covered = snapshot->covered;
  }
  bool known = false; // What the snapshot covers, it knows better.
  const auto take = [&](const seal_info& seal) {
    for (const auto& [origin, range] : seal.ids) {
      surviving[origin] = range.last;
      if (!known)
        recovered[origin] = range.last;
    }
  };
  for (size_t i = 0; i + 1 < files.size(); ++i) {
    const auto& info = files[i];
    known = position::of(info.session, info.roll, 0) < covered;
    if (info.size == 0)
      continue;
    const auto path = log_path(directory(), info.session, info.roll);
    auto opened = fs().open(path, open_mode::read);
    if (!opened)
      return opened.failure();
    auto seal = detail::read_seal(**opened, lineage, info.session, info.roll,
                                  info.size);
    if (!seal)
      return seal.failure();
    if (*seal) {
      take(**seal);
      continue;
    }
    if (resumes())
      return {errc::corrupt, path + ": has no seal, and is not the last file"};
    auto scan
      = detail::scan_open_file(**opened, lineage, info.session, info.roll, {});
    if (!scan)
      return scan.failure();
    take(scan->tally);
  }
  known = false;
  take(last.tally);
  return {};
}

// The process died, the machine did not: everything recorded is here. The seal
// says so to every reader.
error log_writer::impl::seal_survivor(const log_file_info& last,
                                      const file_scan& scan) {
  if (auto fault = resume_in(last, scan))
    return fault;
  if (auto fault = put_seal(true))
    return fault;
  if (auto fault = write({}))
    return fault;
  return sync_now(false);
}

// The machine died: what the tail held is lost. The torn bytes go aside, so
// that any bytes behind the last record of an old file are damage.
error log_writer::impl::leave(const log_file_info& last,
                              const file_scan& scan) {
  const auto end = scan.valid_end.value - scan.begin.value;
  auto opened = fs().open(log_path(directory(), last.session, last.roll),
                          open_mode::write);
  if (!opened)
    return opened.failure();
  if (scan.size > end)
    if (auto fault = detail::keep_aside(fs(), directory(), **opened,
                                        scan.valid_end, scan.size))
      return fault;
  if (auto fault = (*opened)->truncate(end))
    return fault;
  return (*opened)->sync();
}

error log_writer::impl::resume_in(const log_file_info& last,
                                  const file_scan& scan) {
  recorded = scan.valid_end;
  if (scan.seal)
    return open_next_file();
  if (auto fault = open_file(last.session, last.roll, false))
    return fault;
  const auto end = scan.valid_end.value - scan.begin.value;
  if (scan.size > end) {
    if (auto fault = current->truncate(end))
      return fault;
    dirty.add(current);
  }
  builder = record_builder{lineage, scan.valid_end};
  handed_over = false;
  begin_tally(scan.tally);
  return {};
}

error log_writer::impl::recover(std::vector<log_file_info> files) {
  const auto mark = detail::synced_file::read(fs(), directory(), lineage);
  auto opened = detail::synced_file::open(fs(), directory(), lineage);
  if (!opened)
    return opened.failure();
  marks = *std::move(opened);
  const bool same_boot = mark && mark->boot_id == fs().boot_id();
  if (!files.empty()) {
    // A session is never used again, whatever becomes of its files.
    if (!resumes())
      options.session_min
        = std::max(options.session_min, files.back().session + 1);
    if (!same_boot)
      if (auto fault
          = detail::cut_behind_loss(fs(), directory(), lineage,
                                    mark ? mark->end : position{}, files))
        return fault;
  }
  if (files.empty()) {
    if (auto fault = begin_next_session(options.session_min))
      return fault;
  } else {
    const auto& last = files.back();
    // The dead may have rolled without a sync.
    if (auto fault = detail::add_left_unsynced(
          fs(), directory(), std::span{files}.first(files.size() - 1),
          mark ? mark->end : position{}, mark && mark->fenced, dirty))
      return fault;
    auto scan = scan_log_file(fs(), directory(), lineage, last,
                              mark ? std::optional{mark->end} : std::nullopt);
    if (!scan)
      return scan.failure();
    if (auto fault = recover_ids(files, *scan))
      return fault;
    const auto size = scan->valid_end.value - scan->begin.value;
    // A dead process leaves a record cut off at worst; a whole but wrong one
    // at the end is damage, unless the machine died.
    const bool wrong_tail
      = same_boot && scan->size > size && !scan->cut_off && !scan->seal;
    const bool trusted
      = same_boot && !mark->fenced && !scan->damaged && !wrong_tail;
    // Whatever a power cut left behind the synced end is a torn tail, also when
    // records in it are intact again.
    const bool torn
      = !same_boot && (!mark || scan->valid_end >= mark->end) && !scan->seal;
    if (resumes()) {
      if (torn)
        if (auto fault = leave(last, *scan))
          return fault;
      if ((scan->damaged && !torn) || wrong_tail)
        return {errc::corrupt, log_path(directory(), last.session, last.roll)
                                 + ": damage at " + to_string(scan->valid_end)
                                 + ": " + scan->reason};
      clean = trusted || (mark && mark->closed && mark->end == scan->valid_end);
      if (auto fault = resume_in(last, *scan))
        return fault;
      if (mark && mark->fenced && !scan->seal)
        if (auto fault = detail::rewrite(*current, 0, recorded.offset()))
          return fault;
      if (!scan->seal)
        dirty.add(current);
    } else {
      // A collected file was merged everywhere before it was emptied.
      clean = (scan->seal && scan->seal->session_end)
              || (last.archived && last.size == 0);
      if (!clean && trusted) {
        if (auto fault = seal_survivor(last, *scan))
          return fault;
        clean = true;
      } else if (!clean && same_boot && wrong_tail) {
        // Damage, not a torn write: it stays to be seen and repaired.
      } else if (!clean && (!scan->damaged || torn)) {
        if (auto fault = leave(last, *scan))
          return fault;
      }
      if (auto fault = detail::add_session_end(
            fs(), directory(), lineage,
            {clean && recorded.session() == last.session ? recorded
                                                         : scan->valid_end,
             mark ? mark->end : position{}}))
        return fault;
      const auto session = options.session_min;
      if (auto fault = keep_ids(position::of(session, 0, 0)))
        return fault;
      if (auto fault = begin_next_session(session))
        return fault;
    }
  }
  // The names are durable before any byte can leave this host: a session that
  // a power cut took back must never be begun a second time.
  dirty.directory = true;
  auto job = dirty.take(fs(), directory(), marks, mark_at(recorded, false));
  if (auto fault = job())
    return fault;
  crash_point("after_dirsync");
  if (auto fault = marks->sync())
    return fault;
  synced = recorded;
  return {};
}

// -- cutting back -------------------------------------------------------------

// The file that holds `end`, behind one of its records; files behind it.
error log_writer::impl::find_cut(position end,
                                 std::vector<log_file_info>& files,
                                 std::vector<log_file_info>& behind) const {
  const error refusal{errc::bad_position,
                      directory() + ": cannot cut at " + to_string(end)};
  auto listed = list_log_files(fs(), directory());
  if (!listed)
    return listed.failure();
  files = *std::move(listed);
  while (!files.empty()
         && position::of(files.back().session, files.back().roll, 0) > end) {
    behind.push_back(files.back());
    files.pop_back();
  }
  if (files.empty() || end > recorded)
    return refusal;
  const auto& last = files.back();
  // The start of a roll that is not there ends the file before it.
  const auto first = position::of(last.session, last.roll, 0);
  if (end == first || end == position::of(last.session, last.roll + 1, 0))
    return {};
  if (last.session != end.session() || last.roll != end.roll())
    return refusal;
  auto opened = fs().open(log_path(directory(), last.session, last.roll),
                          open_mode::read);
  if (!opened)
    return opened.failure();
  auto start = detail::record_ending_at(**opened, lineage, last.session,
                                        last.roll, end.offset());
  if (!start)
    return start.failure();
  return *start ? error{} : refusal;
}

error log_writer::impl::truncate(position end) {
  std::vector<log_file_info> files;
  std::vector<log_file_info> behind;
  if (auto fault = find_cut(end, files, behind))
    return fault;
  // First the promise, then the bytes: in between, too little is promised.
  synced = std::min(synced, end);
  if (auto fault = marks->record(mark_at(synced, false)))
    return fault;
  if (auto fault = marks->sync())
    return fault;
  const auto& last = files.back();
  behind.push_back(last);
  for (const auto& gone : behind) {
    const auto index = detail::index_path(directory(), gone.session, gone.roll);
    if (fs().exists(index))
      if (auto fault = fs().remove(index))
        return fault;
  }
  behind.pop_back();
  for (const auto& gone : behind)
    if (auto fault
        = fs().remove(log_path(directory(), gone.session, gone.roll)))
      return fault;
  dirty.directory = true;
  if (auto fault = open_file(last.session, last.roll, false))
    return fault;
  const auto begin = position::of(last.session, last.roll, 0);
  // `end` may be the start of a roll that is not there: cut nothing then.
  if (end.session() == last.session && end.roll() == last.roll)
    if (auto fault = current->truncate(end.value - begin.value))
      return fault;
  auto scan
    = detail::scan_open_file(*current, lineage, last.session, last.roll, {});
  if (!scan)
    return scan.failure();
  if (scan->valid_end.value - begin.value != scan->size)
    return {errc::corrupt, current->path() + ": damage at "
                             + to_string(scan->valid_end) + ": "
                             + scan->reason};
  dirty.add(current);
  if (auto fault = resume_in(last, *scan))
    return fault;
  dirty.add(current);
  return sync_now(false);
}

result<std::unique_ptr<log_writer>>
log_writer::open(env& world, log_writer_options options) {
  if (options.roll_bytes > file_bytes_max || options.record_bytes == 0
      || options.record_bytes > record_bytes_max)
    return error{errc::invalid_argument,
                 options.directory + ": roll_bytes "
                   + std::to_string(options.roll_bytes) + ", record_bytes "
                   + std::to_string(options.record_bytes) + ": out of bounds"};
  auto state = std::make_unique<impl>(world, std::move(options));
  const auto& directory = state->directory();
  if (auto fault = state->fs().create_directories(directory))
    return fault;
  auto lock = state->fs().lock_directory(directory);
  if (!lock)
    return lock.failure();
  state->lock = *std::move(lock);
  auto files = list_log_files(state->fs(), directory);
  if (!files)
    return files.failure();
  auto lineage = detail::adopt_lineage(world, directory, state->options.lineage,
                                       !files->empty());
  if (!lineage)
    return lineage.failure();
  state->lineage = *lineage;
  if (auto fault = state->recover(*files))
    return fault;
  return std::unique_ptr<log_writer>{new log_writer{std::move(state)}};
}

// -- the public face ----------------------------------------------------------

log_writer::log_writer(std::unique_ptr<impl> state) : impl_{std::move(state)} {}

log_writer::~log_writer() = default;

const lineage_id& log_writer::lineage() const noexcept {
  return impl_->lineage;
}

const std::map<std::string, int64_t>&
log_writer::recovered_ids() const noexcept {
  return impl_->recovered;
}

const std::map<std::string, int64_t>&
log_writer::surviving_ids() const noexcept {
  return impl_->surviving;
}

bool log_writer::recovered_clean() const noexcept { return impl_->clean; }

result<position> log_writer::append(record_kind kind, payload_kind payload,
                                    const message_header& header,
                                    std::span<const std::byte> bytes) {
  return append(kind, payload, header, bytes, crc32c(bytes));
}

result<position> log_writer::append(record_kind kind, payload_kind payload,
                                    const message_header& header,
                                    std::span<const std::byte> bytes,
                                    uint32_t payload_crc) {
  auto& state = *impl_;
  if (state.failure)
    return state.closed_error();
  if (bytes.size() > payload_bytes_max)
    return error{errc::oversize, "payload of " + std::to_string(bytes.size())
                                   + " bytes, at most "
                                   + std::to_string(payload_bytes_max)};
  if (header.on.size() > origin_bytes_max)
    return error{errc::invalid_argument,
                 "origin of " + std::to_string(header.on.size())
                   + " bytes, at most " + std::to_string(origin_bytes_max)};
  if (kind == record_kind::seal || kind == record_kind::padding)
    return error{errc::invalid_argument, "the writer itself seals and pads"};
  const auto frame_bytes
    = frame_header_bytes + padded(static_cast<uint32_t>(bytes.size()));
  if (auto fault
      = state.make_room(kind, payload, header.on, frame_bytes, on_write))
    return fault;
  if (kind == record_kind::messages) {
    state.note_ids(header.on, header.id, header.id);
    ++state.tally.message_count;
  } else if (kind == record_kind::marker) {
    ++state.tally.message_count;
  }
  return state.builder.add(kind, payload, header, bytes, payload_crc,
                           state.options.record_bytes);
}

result<position> log_writer::append(const record_view& record) {
  auto& state = *impl_;
  if (state.failure)
    return state.closed_error();
  MILLRACE_ASSERT(record.kind == record_kind::messages);
  const auto frames = record.frames();
  if (auto fault = state.make_room(record.kind, record.payload, record.origin,
                                   frames.size(), on_write))
    return fault;
  int64_t first = 0;
  int64_t last = 0;
  for (auto at = record.first_frame; at < record.length;) {
    const auto frame = record.frame_at(at);
    if (at == record.first_frame)
      first = frame.header.id;
    last = frame.header.id;
    at = frame.end;
  }
  state.note_ids(record.origin, first, last);
  state.tally.message_count += record.frame_count;
  return state.builder.add_frames(record.kind, record.payload, record.origin,
                                  frames, record.frame_count,
                                  state.options.record_bytes);
}

size_t log_writer::buffered_bytes() const noexcept {
  return impl_->handed_over ? 0 : impl_->builder.bytes().size();
}

error log_writer::write() { return impl_->write(on_write); }

error log_writer::roll() {
  if (impl_->failure)
    return impl_->closed_error();
  return impl_->roll(on_write);
}

position log_writer::appended_end() const noexcept {
  return impl_->builder.end();
}

position log_writer::recorded_end() const noexcept { return impl_->recorded; }

position log_writer::synced_end() const noexcept { return impl_->synced; }

log_writer::sync_job log_writer::begin_sync() {
  auto& state = *impl_;
  if (state.failure)
    return {state.synced,
            [fault = state.closed_error()]() -> error { return fault; }};
  return {state.recorded,
          state.dirty.take(state.fs(), state.directory(), state.marks,
                           state.mark_at(state.recorded, false))};
}

void log_writer::finish_sync(position end, const error& outcome) {
  auto& state = *impl_;
  if (state.failure)
    return;
  if (outcome)
    (void)state.fail(outcome);
  else
    state.synced = std::max(state.synced, end);
}

error log_writer::sync() {
  if (auto fault = write())
    return fault;
  return impl_->sync_now(false);
}

error log_writer::close() {
  auto& state = *impl_;
  if (state.ended)
    return {};
  if (auto fault = write())
    return fault;
  if (!state.resumes() && !state.sealed) {
    if (!state.seal_pending)
      if (auto fault = state.put_seal(true))
        return fault;
    if (auto fault = write())
      return fault;
  }
  // Without unsynced bytes the mark is still to be set.
  state.dirty.add(state.current);
  if (auto fault = state.sync_now(true))
    return fault;
  if (auto fault = state.marks->sync())
    return state.fail(std::move(fault));
  if (auto fault
      = state.keep_ids(position::of(state.recorded.session() + 1, 0, 0)))
    return fault;
  state.ended = true;
  state.failure = {errc::closed, state.directory() + ": closed"};
  state.current.reset();
  state.lock.reset();
  return {};
}

error log_writer::truncate(position end) {
  auto& state = *impl_;
  if (state.failure)
    return state.closed_error();
  MILLRACE_ASSERT(state.handed_over || state.builder.empty());
  auto fault = state.truncate(end);
  return fault && fault.code != errc::bad_position
           ? state.fail(std::move(fault))
           : fault;
}

} // namespace millrace::persistence
