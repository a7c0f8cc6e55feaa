#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/persistence/log/log_writer_internal.hpp>
#include <millrace/persistence/log/session_mark.hpp>

#include <algorithm>
#include <array>

namespace millrace::persistence {

using detail::log_path;

namespace {

constexpr uint64_t file_bytes_max = uint64_t{1} << 30;

/// Bytes of a record of the writer's own with such a payload.
uint64_t own_record_bytes(size_t payload_bytes) {
  return record_header_bytes
         + frame_bytes_of(static_cast<uint32_t>(payload_bytes));
}

uint64_t seal_bytes_of(std::string_view origin) {
  return padded(static_cast<uint32_t>(20 + origin.size()));
}

} // namespace

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
  damaged_from.reset();
  if (is_new) {
    continues = false;
    dirty.directory = !MILLRACE_PLANTED(leave_a_new_log_name_unsynced);
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
  if (auto fault = current->write_at(offset, bytes);
      fault
      && !(fault.code == errc::no_space
           && MILLRACE_PLANTED(believe_a_short_write))) {
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
  if (seal_pending || closing_pending) {
    sealed = seal_pending;
    closing_written = closing_pending;
    seal_pending = closing_pending = false;
    // Gives back what was reserved after the end.
    if (auto fault = current->truncate(recorded.offset()))
      return fail(std::move(fault));
  }
  if (on_write)
    on_write({begin, recorded, bytes});
  return {};
}

/// What a full disk took of a write that did not succeed is not told as
/// recorded: nobody is to find whole records of it later.
error log_writer::impl::take_back(error fault) {
  if (fault.code == errc::no_space)
    if (auto cut = current->truncate(recorded.offset()))
      return fail(std::move(cut));
  return fault;
}

void log_writer::impl::put_own(record_kind kind,
                               std::span<const std::byte> payload) {
  MILLRACE_ASSERT(handed_over || builder.empty());
  begin_anew_if_written();
  message_header header;
  header.id = 0;
  builder.add(kind, payload_kind::opaque, header, payload);
}

error log_writer::impl::put_seal(bool session_end) {
  tally.session_end = session_end;
  put_own(record_kind::seal, encode(tally));
  seal_pending = true;
  return {};
}

// The next owner goes on in this file, if there is room for more than a seal.
error log_writer::impl::put_end() {
  const auto closing = detail::encode_closing(tally);
  const auto bytes = own_record_bytes(closing.size());
  if (options.session != session_policy::same
      || recorded.offset() + bytes + own_record_bytes(detail::opening_bytes)
             + seal_bytes
           > options.roll_bytes)
    return put_seal(true);
  put_own(record_kind::state, closing);
  closing_pending = true;
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

error log_writer::impl::seal_file(
  bool session_end, const std::function<void(const written&)>& on_write) {
  crash_point("before_roll");
  if (!sealed && !seal_pending) {
    if (auto fault = write(on_write))
      return fault;
    if (auto fault
        = put_seal(session_end || recorded.roll() == position::roll_max))
      return fault;
  }
  return write(on_write);
}

/// What has the name of a file that is left is read from now on.
error log_writer::impl::keep_name() {
  if (resumes() || has_its_name())
    return {};
  auto fault = restore_name();
  return fault && fault.code != errc::no_space ? fail(std::move(fault)) : fault;
}

bool log_writer::impl::has_its_name() const {
  const auto& own = current;
  if (!own)
    return true;
  auto named = fs().open(own->path(), open_mode::read);
  if (!named)
    return named.failure().code != errc::not_found;
  const auto size = own->size();
  const auto named_size = (*named)->size();
  if (!size || !named_size)
    return true;
  if (*size != *named_size)
    return false;
  // The first bytes and the last ones: sums over lineage, place and content.
  for (const auto at : {uint64_t{0}, *size - std::min<uint64_t>(*size, 64)}) {
    std::array<std::byte, 64> held{};
    std::array<std::byte, 64> found{};
    const auto got = own->read_at(at, held);
    const auto other = (*named)->read_at(at, found);
    if (got && other && held != found)
      return false;
  }
  return true;
}

error log_writer::impl::restore_name() {
  const auto path = current->path();
  const auto name = path.substr(path.rfind('/') + 1);
  const auto made = directory() + "/.restored." + name;
  const auto size = current->size();
  if (!size)
    return size.failure();
  {
    auto target = fs().open(made, open_mode::write);
    if (!target)
      return target.failure();
    if (auto fault = (*target)->truncate(0))
      return fault;
    std::vector<std::byte> part(1u << 20);
    for (uint64_t at = 0; at < *size;) {
      const auto got = current->read_at(
        at, std::span{part}.first(std::min<uint64_t>(part.size(), *size - at)));
      if (!got)
        return got.failure();
      if (*got == 0)
        break;
      if (auto fault = (*target)->write_at(at, std::span{part}.first(*got)))
        return fault;
      at += *got;
    }
    if (auto fault = (*target)->sync())
      return fault;
  }
  if (fs().exists(path))
    if (auto fault
        = fs().rename(path, directory() + "/.quarantine." + name + ".0"))
      return fault;
  if (auto fault = fs().rename(made, path))
    return fault;
  auto opened = fs().open(path, open_mode::write);
  if (!opened)
    return opened.failure();
  current = *std::move(opened);
  reserved_end = 0;
  dirty.add(current);
  dirty.directory = true;
  restored = true;
  return fs().sync_directory(directory());
}

error log_writer::impl::roll(
  const std::function<void(const written&)>& on_write) {
  if (continues && recorded.session() < position::session_max)
    return end_session(on_write);
  if (auto fault = seal_file(false, on_write))
    return fault;
  if (auto fault = keep_name())
    return fault;
  if (auto fault
      = keep_ids(position::of(recorded.session(), recorded.roll() + 1, 0)))
    return fault;
  return open_next_file();
}

error log_writer::impl::end_session(
  const std::function<void(const written&)>& on_write) {
  if (auto fault = seal_file(true, on_write))
    return fault;
  if (auto fault = keep_name())
    return fault;
  if (auto fault = keep_ids(position::of(recorded.session() + 1, 0, 0)))
    return fault;
  return begin_next_session(recorded.session() + 1);
}

error log_writer::impl::make_room(
  record_kind kind, payload_kind payload, std::string_view origin,
  size_t frame_bytes, const std::function<void(const written&)>& on_write) {
  if (sealed || seal_pending)
    if (auto fault = roll(on_write))
      return fault;
  begin_anew_if_written();
  auto seal = seal_bytes;
  if (last_range == nullptr || last_origin != origin)
    seal += seal_bytes_of(origin);
  if (seal > payload_bytes_max)
    return {errc::limit_exceeded,
            directory() + ": too many origins for one file's seal"};
  const auto add = builder.bytes_to_add(kind, payload, origin, frame_bytes,
                                        options.record_bytes);
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

bool log_writer::files_taken() const noexcept { return impl_->files_taken; }

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
  const auto frame_bytes = frame_bytes_of(static_cast<uint32_t>(bytes.size()));
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

result<position> log_writer::append(const record_view& record, int64_t first_id,
                                    int64_t last_id) {
  auto& state = *impl_;
  if (state.failure)
    return state.closed_error();
  MILLRACE_ASSERT(record.kind == record_kind::messages);
  const auto frames = record.frames();
  if (auto fault = state.make_room(record.kind, record.payload, record.origin,
                                   frames.size(), on_write))
    return fault;
  state.note_ids(record.origin, first_id, last_id);
  state.tally.message_count += record.frame_count;
  return state.builder.add_frames(record.kind, record.payload, record.origin,
                                  frames, record.frame_count,
                                  state.options.record_bytes);
}

error log_writer::append_lost(position to) {
  auto& state = *impl_;
  if (state.failure)
    return state.closed_error();
  const auto from = state.builder.end();
  if (state.sealed || state.seal_pending || to < from
      || to.value - from.value < record_header_bytes
      || to.value - from.value > file_bytes_max - from.offset()
      || to.value % 8 != 0)
    return {errc::invalid_argument, state.directory() + ": " + to_string(from)
                                      + " to " + to_string(to)
                                      + " is no place of records"};
  state.begin_anew_if_written();
  state.builder.pad(to);
  return {};
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

error log_writer::end_session() {
  if (impl_->failure)
    return impl_->closed_error();
  return impl_->end_session(on_write);
}

position log_writer::appended_end() const noexcept {
  return impl_->builder.end();
}

std::optional<position> log_writer::damaged_from() const noexcept {
  return impl_->damaged_from;
}

position log_writer::recorded_end() const noexcept { return impl_->recorded; }

position log_writer::synced_end() const noexcept { return impl_->synced; }

bool log_writer::has_its_name() const { return impl_->has_its_name(); }

error log_writer::restore_name() {
  return impl_->failure ? impl_->closed_error() : impl_->restore_name();
}

bool log_writer::take_restored() noexcept {
  return std::exchange(impl_->restored, false);
}

bool log_writer::is_cut() const {
  const auto& state = *impl_;
  if (!state.current)
    return false;
  const auto end = state.recorded;
  const auto size = state.current->size();
  return size && *size < end.offset()
         && state.current->path()
              == log_path(state.directory(), end.session(), end.roll());
}

size_t log_writer::unsynced_files() const noexcept {
  return impl_->dirty.files.size();
}

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
  auto unwritten = write();
  if (!unwritten && !state.resumes() && !state.sealed
      && !state.closing_written) {
    if (!state.seal_pending && !state.closing_pending)
      unwritten = state.put_end();
    if (!unwritten)
      unwritten = write();
  }
  if (unwritten)
    return state.take_back(std::move(unwritten));
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