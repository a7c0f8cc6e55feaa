#include <millrace/persistence/log/log_cursor.hpp>

#include <algorithm>
#include <array>

namespace millrace::persistence::detail {

namespace {

bool is_tombstone(const log_file_info& info) {
  return info.archived && info.size == 0;
}

position begin_of(const log_file_info& info) {
  return position::of(info.session, info.roll, 0);
}

std::string name_of(position at) {
  return log_file_name(at.session(), at.roll());
}

} // namespace

position log_cursor::where() const noexcept {
  if (!file_)
    return floating_;
  return at(offset_ + frame_);
}

position log_cursor::record_begin() const noexcept { return at(offset_); }

// -- placing ------------------------------------------------------------------

error log_cursor::attach(uint64_t session, uint64_t roll, uint64_t offset,
                         uint32_t frame) {
  auto opened
    = fs_->open(log_path(options_.directory, session, roll), open_mode::read);
  if (!opened)
    return opened.failure();
  file_ = *std::move(opened);
  session_ = session;
  roll_ = roll;
  offset_ = offset;
  frame_ = frame;
  sealed_ = session_end_ = false;
  window_.emplace(*file_, lineage_, session, roll, options_.payloads);
  skip_window_.emplace(*file_, lineage_, session, roll, payload_check::skip);
  judged_offset_ = ~uint64_t{0};
  stalled_.clear();
  return {};
}

void log_cursor::detach(position to) {
  file_.reset();
  window_.reset();
  skip_window_.reset();
  floating_ = to;
  anywhere_ = false;
}

error log_cursor::start(std::optional<position> from) {
  auto files = list_log_files(*fs_, options_.directory);
  if (!files)
    return files.failure();
  if (!from) {
    for (const auto& info : *files)
      if (!is_tombstone(info))
        return attach(info.session, info.roll, 0);
    detach(files->empty()
             ? position{}
             : position::of(files->back().session, files->back().roll + 1, 0));
    anywhere_ = true;
    return {};
  }
  for (const auto& info : *files)
    if (info.session == from->session() && info.roll == from->roll()
        && !is_tombstone(info))
      return start_in(info, *from);
  return start_missing(*files, *from);
}

// The file of `from` is not there, or was emptied.
error log_cursor::start_missing(const std::vector<log_file_info>& files,
                                position from) {
  const log_file_info* before = nullptr;
  const log_file_info* after = nullptr;
  bool emptied = false;
  for (const auto& info : files) {
    if (begin_of(info) <= from) {
      before = &info;
      emptied = info.session == from.session() && info.roll == from.roll();
    } else if (is_tombstone(info)) {
      emptied = true;
    } else {
      after = &info;
      break;
    }
  }
  if (after != nullptr) {
    if (cut_joins(*fs_, options_.directory, lineage_, from, begin_of(*after)))
      return attach(after->session, after->roll, 0);
    detach(from);
    const bool same_session = after->session == from.session();
    const bool hole = before != nullptr && same_session && !emptied
                      && before->session == from.session()
                      && !is_tombstone(*before);
    const auto kind = hole                      ? event_kind::badtail
                      : same_session || emptied ? event_kind::pruned
                                                : event_kind::reset;
    emit(kind, from, begin_of(*after), name_of(from) + " is gone");
    return {};
  }
  if (files.empty() && from == position{}) {
    detach(from);
    anywhere_ = true;
    return {};
  }
  const bool follows
    = before != nullptr
      && from == position::of(before->session, before->roll + 1, 0);
  if (emptied || (follows && is_tombstone(*before))) {
    // Everything up to here was collected: wait for what comes.
    detach(from);
    return {};
  }
  if (follows) {
    // The start of a file that is still to come ends the sealed one before.
    if (auto fault = attach(before->session, before->roll, 0))
      return fault;
    auto size = file_->size();
    if (!size)
      return size.failure();
    auto seal = read_seal(*file_, lineage_, session_, roll_, *size);
    if (!seal)
      return seal.failure();
    if (*seal) {
      offset_ = *size;
      sealed_ = true;
      session_end_ = (*seal)->session_end;
      return {};
    }
  }
  return {errc::ahead, options_.directory + ": " + to_string(from)
                         + " lies beyond the end of the log"};
}

error log_cursor::start_in(const log_file_info& info, position from) {
  if (auto fault = attach(info.session, info.roll, 0))
    return fault;
  const auto offset = from.offset();
  if (offset == 0)
    return {};
  auto found = locate(offset);
  if (!found)
    return found.failure();
  return *found ? error{} : locate_slowly(offset);
}

// Whether a message begins or ends at `offset`; if so the cursor stands there.
result<bool> log_cursor::locate(uint64_t offset) {
  if (offset % 8 != 0)
    return false;
  auto here = skip_window_->at(offset);
  if (!here)
    return here.failure();
  if (here->kind == parse_outcome::what::record) {
    offset_ = offset;
    return true;
  }
  std::array<std::byte, frame_header_bytes> header{};
  auto got = file_->read_at(offset, header);
  if (!got)
    return got.failure();
  const auto back = load<uint32_t>(header.data() + 28);
  if (*got == header.size() && back % 8 == 0 && back >= record_header_bytes
      && back < record_bytes_max && back <= offset) {
    auto around = skip_window_->at(offset - back);
    if (!around)
      return around.failure();
    if (around->kind == parse_outcome::what::record) {
      const auto& record = around->record;
      for (auto frame = record.first_frame; frame < record.length;
           frame = record.frame_at(frame).end)
        if (frame == back) {
          offset_ = offset - back;
          frame_ = back == record.first_frame ? 0 : back;
          return true;
        }
    }
  }
  auto start = record_ending_at(*file_, lineage_, session_, roll_, offset);
  if (!start)
    return start.failure();
  if (!*start)
    return false;
  auto before = skip_window_->at(**start);
  if (!before)
    return before.failure();
  offset_ = offset;
  if (before->kind == parse_outcome::what::record
      && before->record.kind == record_kind::seal) {
    auto seal = decode_seal(
      before->record.frame_at(before->record.first_frame).payload);
    if (!seal)
      return seal.failure();
    sealed_ = true;
    session_end_ = seal->session_end;
  }
  return true;
}

// `offset` is not a place that the bytes around it vouch for: inside a message,
// beyond the end, or in damaged bytes. Only a walk from the start can tell.
error log_cursor::locate_slowly(uint64_t offset) {
  const error inside{errc::bad_position, options_.directory + ": "
                                           + to_string(at(offset))
                                           + " is not on a message boundary"};
  auto size = file_->size();
  if (!size)
    return size.failure();
  uint64_t here = 0;
  bool sealed = false;
  while (here <= offset) {
    auto found = skip_window_->at(here);
    if (!found)
      return found.failure();
    if (found->kind == parse_outcome::what::record) {
      const auto end = here + found->record.length;
      if (found->record.kind == record_kind::padding && offset < end) {
        emit(event_kind::badtail, at(offset), at(end), lost_text(end - offset));
        return {};
      }
      sealed = found->record.kind == record_kind::seal;
      here = end;
      continue;
    }
    auto intact
      = find_intact(*file_, lineage_, session_, roll_, here + 8, *size);
    if (!intact)
      return intact.failure();
    if (*intact && **intact <= offset) {
      here = **intact;
      continue;
    }
    auto around = look_around();
    if (!around)
      return around.failure();
    if (!*intact && sealed && around->next)
      return inside;
    // Who has what rotted here may know more of this file than it tells.
    if (!*intact && !around->next && offset > *size)
      return {errc::ahead, options_.directory + ": " + to_string(at(offset))
                             + " lies beyond the end " + to_string(at(here))};
    // In damaged or lost bytes: the first item is the event.
    offset_ = offset;
    return {};
  }
  return inside;
}

// -- walking ------------------------------------------------------------------

void log_cursor::pass_record() {
  offset_ += record_.length;
  frame_ = 0;
  sealed_ = record_.kind == record_kind::seal;
  session_end_ = false;
  if (sealed_)
    if (auto seal = decode_seal(record_.frame_at(record_.first_frame).payload))
      session_end_ = seal->session_end;
}

stream_event log_cursor::pass_lost() {
  stream_event event;
  event.kind = event_kind::badtail;
  event.from = where();
  pass_record();
  event.to = where();
  event.cause = lost_text(event.to.value - event.from.value);
  return event;
}

std::span<const std::byte> log_cursor::run(uint32_t bytes_max) {
  const auto limit
    = limit_ && *limit_ > at(0)
        ? std::min<uint64_t>(limit_->value - at(0).value, uint64_t{1} << 30)
        : uint64_t{1} << 30;
  return window_->run_from(offset_, record_, bytes_max, limit);
}

void log_cursor::pass_run(std::span<const std::byte> run) {
  while (!run.empty()) {
    auto found = skip_window_->parse_in(run, offset_);
    MILLRACE_ASSERT(found.kind == parse_outcome::what::record);
    record_ = found.record;
    run = run.subspan(record_.length);
    pass_record();
  }
}

stream_event log_cursor::take_event() {
  auto event = std::move(*pending_);
  pending_.reset();
  return event;
}

log_cursor::what log_cursor::emit(event_kind kind, position from, position to,
                                  std::string cause, uint32_t frame) {
  stream_event event;
  event.kind = kind;
  event.from = from;
  event.to = to;
  event.cause = std::move(cause);
  pending_ = std::move(event);
  if (file_ && to.session() == session_ && to.roll() == roll_ && to >= at(0)) {
    offset_ = to.value - at(0).value - frame;
    frame_ = frame;
    sealed_ = session_end_ = false;
    judged_offset_ = ~uint64_t{0};
  } else {
    detach(to);
  }
  return what::event;
}

result<log_cursor::what> log_cursor::look(bool salvage) {
  for (;;) {
    if (pending_)
      return what::event;
    if (limit_ && where() >= *limit_)
      return what::end;
    if (!file_) {
      const auto go = floating_;
      const bool any = anywhere_;
      if (auto fault = start(any ? std::nullopt : std::optional{go})) {
        detach(go);
        anywhere_ = any;
        // Not there yet, or the whole directory is gone for now.
        return fault.code == errc::ahead || fault.code == errc::not_found
                 ? result<what>{what::end}
                 : result<what>{std::move(fault)};
      }
      if (!file_ && !pending_)
        return what::end;
      continue;
    }
    auto found = window_->at(offset_);
    if (!found)
      return found.failure();
    if (found->kind == parse_outcome::what::record) {
      record_ = found->record;
      if (limit_ && at(offset_ + record_.length) > *limit_)
        return what::end;
      stalled_.clear();
      return what::record;
    }
    auto decided = no_record(*found, salvage);
    if (!decided || *decided != what::record)
      return decided;
  }
}

// A listing takes as long as there are files: who reads through them all
// asks for the next one by its name.
result<log_cursor::neighbours> log_cursor::look_around() {
  neighbours around;
  const auto size_of = [this](uint64_t roll) -> uint64_t {
    auto opened = fs_->open(log_path(options_.directory, session_, roll),
                            open_mode::read);
    auto size = opened ? (*opened)->size() : result<uint64_t>{uint64_t{0}};
    return size ? *size : 0;
  };
  if (sealed_ && !session_end_ && roll_ < position::roll_max)
    if (const auto next = size_of(roll_ + 1); next != 0)
      if (const auto here = size_of(roll_); here != 0) {
        around.present = true;
        around.listed_size = here;
        around.next = log_file_info{session_, roll_ + 1, next, false};
        return around;
      }
  auto files = list_log_files(*fs_, options_.directory);
  if (!files)
    return files.failure().code == errc::not_found
             ? result<neighbours>{around}
             : result<neighbours>{files.failure()};
  for (const auto& info : *files) {
    if (info.session == session_ && info.roll == roll_) {
      around.present = true;
      around.archived = info.archived;
      around.listed_size = info.size;
    } else if (begin_of(info) > at(0)) {
      if (!is_tombstone(info)) {
        around.next = info;
        break;
      }
      around.skipped_archived = true;
    }
  }
  return around;
}

// `what::record` asks the caller to look again.
result<log_cursor::what> log_cursor::no_record(const parse_outcome& found,
                                               bool salvage) {
  auto around = look_around();
  if (!around)
    return around.failure();
  auto size = file_->size();
  if (!size)
    return size.failure();
  if (!around->present || around->listed_size != *size) {
    auto lineage = read_lineage(*fs_, options_.directory);
    if (!lineage && lineage.failure().code != errc::not_found)
      return lineage.failure();
    if (!lineage || *lineage != lineage_)
      return directory_changed();
  }
  // Emptied or removed under us: read what is there now, not the old inode.
  if (!around->present || (around->archived && around->listed_size == 0)) {
    if (!sealed_ && !around->next)
      return what::end;
    if (!sealed_
        && cut_joins(*fs_, options_.directory, lineage_, where(),
                     begin_of(*around->next)))
      return enter(*around->next);
    if (!sealed_)
      return emit(event_kind::pruned, where(), begin_of(*around->next),
                  name_of(at(0)) + " was collected");
  }
  if (!around->next)
    return last_file(found, salvage, *size);
  // The next file was listed after we read: the writer has finished this one.
  auto again = window_->at(offset_);
  if (!again)
    return again.failure();
  if (again->kind == parse_outcome::what::record)
    return what::record;
  return go_on(*around, *size, salvage);
}

// The directory began a new life while we read the old one.
result<log_cursor::what> log_cursor::directory_changed() {
  auto lineage = read_lineage(*fs_, options_.directory);
  if (!lineage)
    return lineage.failure().code == errc::not_found
             ? result<what>{what::end}
             : result<what>{lineage.failure()};
  auto files = list_log_files(*fs_, options_.directory);
  if (!files)
    return files.failure();
  if (files->empty())
    return what::end;
  const auto from = where();
  lineage_ = *lineage;
  limit_.reset();
  file_.reset();
  return emit(event_kind::reset, from, begin_of(files->front()),
              "the directory has a new lineage, " + to_string(lineage_));
}

result<log_cursor::what> log_cursor::last_file(const parse_outcome& found,
                                               bool salvage, uint64_t size) {
  // A new tail, or the same as when it was judged last.
  if (judged_offset_ != offset_ || judged_size_ != size) {
    judged_intact_.reset();
    stalled_.clear();
    if (size > offset_ && !sealed_) {
      auto intact
        = find_intact(*file_, lineage_, session_, roll_, offset_ + 8, size);
      if (!intact)
        return intact.failure();
      judged_intact_ = *intact;
    }
    judged_offset_ = offset_;
    judged_size_ = size;
    const auto known
      = known_end_of(*fs_, options_.directory, lineage_, session_, limit_);
    if (judged_intact_ || (known && *known > at(offset_) && !sealed_)) {
      // Written in order: what came before an intact record is there by now.
      auto again = window_->at(offset_);
      if (!again)
        return again.failure();
      if (again->kind == parse_outcome::what::record)
        return what::record;
      stalled_ = file_->path() + ": damage at " + std::to_string(offset_) + ": "
                 + (found.kind == parse_outcome::what::incomplete
                      ? "the record is cut off"
                      : std::string{found.reason});
    }
  }
  if (stalled_.empty())
    return what::end;
  if (salvage) {
    auto usable = try_salvage();
    if (!usable)
      return usable.failure();
    if (*usable)
      return what::salvage;
  }
  if (options_.damage == damage_policy::resync && judged_intact_)
    return emit(event_kind::badtail, where(), at(*judged_intact_), stalled_);
  return what::end;
}

// A record of which only payloads are damaged.
result<bool> log_cursor::try_salvage() {
  auto found = skip_window_->at(offset_);
  if (!found)
    return found.failure();
  if (found->kind != parse_outcome::what::record)
    return false;
  if (limit_ && at(offset_ + found->record.length) > *limit_)
    return false;
  record_ = found->record;
  return true;
}

// No record at the cursor, and a later file exists.
result<log_cursor::what> log_cursor::go_on(const neighbours& around,
                                           uint64_t size, bool salvage) {
  const auto& next = *around.next;
  const bool same_session = next.session == session_;
  const bool adjacent = same_session ? next.roll == roll_ + 1 : next.roll == 0;
  const auto from = where();
  if (sealed_) {
    if (around.skipped_archived)
      return emit(event_kind::pruned, from, begin_of(next),
                  "files before " + name_of(begin_of(next))
                    + " were collected");
    if (!adjacent)
      return emit(event_kind::badtail, after_seal(next), begin_of(next),
                  "files before " + name_of(begin_of(next)) + " are missing");
    if (!same_session && !session_end_)
      return emit(event_kind::reset, from, begin_of(next),
                  "session " + std::to_string(session_)
                    + " did not end cleanly");
    return enter(next);
  }
  std::optional<uint64_t> intact;
  if (size > offset_) {
    auto found
      = find_intact(*file_, lineage_, session_, roll_, offset_ + 8, size);
    if (!found)
      return found.failure();
    intact = *found;
  }
  const auto known
    = known_end_of(*fs_, options_.directory, lineage_, session_, limit_);
  const bool below_known = known && *known > at(offset_);
  if (!same_session && !intact && !below_known)
    return emit(event_kind::reset, from, begin_of(next),
                "session " + std::to_string(session_) + " did not end cleanly");
  if (salvage) {
    auto usable = try_salvage();
    if (!usable)
      return usable.failure();
    if (*usable)
      return what::salvage;
  }
  const bool here = options_.damage == damage_policy::resync && intact;
  return emit(event_kind::badtail, from, here ? at(*intact) : begin_of(next),
              file_->path() + ": damage at " + std::to_string(offset_));
}

result<log_cursor::what>
log_cursor::damage_in_record(uint32_t bad, std::optional<uint32_t> next_good) {
  const auto from = at(offset_ + (bad == record_.first_frame ? 0 : bad));
  auto cause = file_->path() + ": damage at "
               + std::to_string(from.value - at(0).value)
               + ": payload checksum mismatch";
  if (options_.damage == damage_policy::resync) {
    if (next_good)
      return emit(event_kind::badtail, from, at(offset_ + *next_good),
                  std::move(cause), *next_good);
    auto size = file_->size();
    if (!size)
      return size.failure();
    auto intact = find_intact(*file_, lineage_, session_, roll_,
                              offset_ + record_.length, *size);
    if (!intact)
      return intact.failure();
    if (*intact)
      return emit(event_kind::badtail, from, at(**intact), std::move(cause));
  }
  auto around = look_around();
  if (!around)
    return around.failure();
  if (around->next)
    return emit(event_kind::badtail, from, begin_of(*around->next),
                std::move(cause));
  // Stays before the damaged frame until a next file is there.
  frame_ = bad == record_.first_frame ? 0 : bad;
  stalled_ = std::move(cause);
  return what::end;
}

} // namespace millrace::persistence::detail
