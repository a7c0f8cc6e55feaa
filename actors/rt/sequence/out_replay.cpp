#include <millrace/actors/rt/sequence/out_replay.hpp>
#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/record_salvage.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

using persistence::log_file_name;
using persistence::parse_outcome;
using persistence::parse_record;
using persistence::payload_check;
using persistence::record_kind;

std::string out_path(const std::string& directory, position file) {
  return directory + "/" + log_file_name(file.session(), file.roll());
}

/// The state at the newest intact start of a file, of `file` or one before it;
/// that of a stream's beginning where there is none.
result<merge_state> out_replay::begin(position file) {
  const auto out = from_->directory + "/out";
  auto files = persistence::list_log_files(*env_->fs, out);
  if (!files)
    return files.failure();
  const auto& anchor = from_->anchor;
  const bool anchored = anchor && anchor->out_end <= file;
  for (auto each = files->rbegin(); each != files->rend(); ++each) {
    const auto begin = position::of(each->session, each->roll, 0);
    if (begin > file)
      continue;
    if (anchored && anchor->out_end >= begin)
      break;
    auto state = state_at(*env_->fs, out, from_->lineage, begin);
    if (!state)
      continue;
    return state;
  }
  if (anchored)
    return *anchor;
  return merge_state{}; // Its first entry says where.
}

error out_replay::open(position end) {
  auto& fs = *env_->fs;
  if (auto fault = persistence::write_lineage(fs, scratch_, from_->lineage))
    return fault;
  if (auto made
      = fs.open(out_path(scratch_, end), persistence::open_mode::write);
      !made)
    return made.failure();
  persistence::log_writer_options how;
  how.directory = scratch_;
  how.session = persistence::session_policy::resume;
  how.record_bytes = from_->record_bytes;
  how.reserve_bytes = 0;
  how.lineage = from_->lineage;
  auto writer = persistence::log_writer::open(*env_, std::move(how));
  if (!writer)
    return writer.failure();
  out_ = *std::move(writer);
  return {};
}

// -- what it is made of -------------------------------------------------------

/// What of inputs the instruction names, and the merge still needs.
result<input_bytes> out_replay::read(const instruction& what) {
  input_bytes bytes;
  for (const auto& range : ranges_of(what.entry)) {
    const auto& known = merge_->state().inputs;
    const auto input = known.find(range.input);
    if (input == known.end())
      return error{errc::corrupt, "history: entry " + to_string(what.index)
                                    + " names an input that was never opened"};
    if (!merge_->needs(range))
      continue;
    const input_name name{input->second.directory, input->second.lineage};
    auto got = inputs_.bytes(name, {range.from, range.to});
    if (!got) {
      if (const auto parts = inputs_.damaged(name, {range.from, range.to}))
        for (const auto& part : *parts)
          lacks_.push_back({name, part});
      return got.failure();
    }
    if (auto fault = check(range, name, *got))
      return fault;
    bytes.add(*std::move(got));
  }
  return bytes;
}

/// Padding keeps the place of what the copy of an input lost. After something
/// of out/ was lost the ids of an origin are unknown until it is seen again.
error out_replay::check(const merge_range& range, const input_name& name,
                        const input_bytes& bytes) {
  auto at = range.from;
  for (auto part : bytes.parts)
    while (!part.empty()) {
      const auto parsed
        = parse_record(part, name.lineage, at, payload_check::skip);
      if (parsed.kind != parse_outcome::what::record)
        return {errc::corrupt,
                to_string(name) + ": no record at " + to_string(at)};
      const position end{at.value + parsed.record.length};
      if (parsed.record.kind == record_kind::padding) {
        lacks_.push_back({name, {at, end}});
        return {errc::not_found, to_string(name) + ": lacks " + to_string(at)
                                   + " to " + to_string(end)};
      }
      if (known_ && parsed.record.kind == record_kind::messages
          && !known_->contains(parsed.record.origin))
        return {errc::not_found,
                "ids of origin '" + std::string{parsed.record.origin}
                  + "' are not known after what is lost before"};
      at = end;
      part = part.subspan(parsed.record.length);
    }
  return {};
}

/// What a place of one file of out/ holds.
result<out_replay::old_part> out_replay::old(position from, position to) {
  const auto directory = from_->directory + "/out";
  const auto path = out_path(directory, from);
  old_part out;
  out.bytes.resize(to.value - from.value);
  auto file = env_->fs->open(path, persistence::open_mode::read);
  if (file) {
    if (auto got = (*file)->read_at(from.offset(), out.bytes); !got)
      return got.failure();
  } else if (file.failure().code != errc::not_found) {
    return file.failure();
  }
  std::vector<std::pair<position, position>> damaged{{from, to}};
  if (file) {
    auto found = persistence::damaged_parts(*env_->fs, directory,
                                            from_->lineage, from, to);
    if (!found)
      return found.failure();
    damaged = *std::move(found);
  }
  if (!damaged.empty())
    out.damage = {errc::corrupt, path + ": " + to_string(damaged.front().first)
                                   + " to " + to_string(damaged.front().second)
                                   + " is damaged or gone"};
  for (const auto& [begin, end] : damaged) {
    auto place = std::span{out.bytes}.subspan(begin.value - from.value,
                                              end.value - begin.value);
    if (place.size() < persistence::record_header_bytes)
      return error{errc::corrupt, path + ": no record at " + to_string(begin)};
    const auto left
      = persistence::salvage_records(place, from_->lineage, begin);
    std::copy(left.begin(), left.end(), place.begin());
  }
  const auto is_damaged = [&](position at) {
    return std::any_of(damaged.begin(), damaged.end(), [&](const auto& each) {
      return each.first <= at && at < each.second;
    });
  };
  for (auto at = from; at < to;) {
    const auto parsed = parse_record(
      std::span{std::as_const(out.bytes)}.subspan(at.value - from.value),
      from_->lineage, at, payload_check::verify);
    if (parsed.kind != parse_outcome::what::record)
      return error{errc::corrupt, path + ": no record at " + to_string(at)};
    recalled_part part{parsed.record, std::nullopt, !is_damaged(at)};
    at.value += parsed.record.length;
    if (parsed.record.kind == record_kind::padding)
      part.lost_to = at;
    out.parts.push_back(part);
  }
  return out;
}

// -- one instruction ----------------------------------------------------------

error out_replay::apply(const instruction& what) {
  if (mode_ != replay_mode::exact)
    return apply_with_old(what);
  auto bytes = read(what);
  if (!bytes)
    return bytes.failure();
  return merge_->apply(what.index, what.entry, bytes->parts).failure();
}

/// Where the log ended after it the first time.
result<position> out_replay::end_of(const instruction& what) const {
  if (!what.end_offset)
    return error{errc::not_found, from_->directory
                                    + "/history: does not say where entry "
                                    + to_string(what.index) + " ended"};
  const auto here = out_->appended_end();
  auto file = file_of(here);
  const auto* begun = std::get_if<begin_session>(&what.entry);
  if (begun != nullptr && begun->session > here.session())
    file = position::of(begun->session, 0, 0);
  else if (here.offset() >= merge_->state().layout.roll_bytes)
    file = here.roll() < position::roll_max
             ? position::of(here.session(), here.roll() + 1, 0)
             : position::of(here.session() + 1, 0, 0);
  return position{file.value + *what.end_offset};
}

error out_replay::apply_with_old(const instruction& what) {
  const auto end = end_of(what);
  if (!end)
    return end.failure();
  auto bytes = read(what);
  if (merge_->begins_file())
    if (auto fault = begin_file(file_of(*end), what, bytes))
      return fault;
  if (!bytes)
    return recall(what, *end, bytes.failure());
  if (auto done = merge_->apply(what.index, what.entry, bytes->parts); !done)
    return done.failure();
  if (out_->recorded_end() != *end)
    return {errc::corrupt, "entry " + to_string(what.index) + " ends at "
                             + to_string(out_->recorded_end()) + ", and at "
                             + to_string(*end) + " the first time"};
  return {};
}

/// With the state as it was; it can be made again as long as nothing was
/// recalled. Where neither is to be had, what the instruction appended is lost
/// with it: `bytes` then say so.
error out_replay::begin_file(position file, const instruction& what,
                             result<input_bytes>& bytes) {
  auto state
    = state_bytes(*env_->fs, from_->directory + "/out", from_->lineage, file);
  if (!state && recalled_ && !ranges_of(what.entry).empty()) {
    bytes = state.failure();
    return {};
  }
  if (!state) {
    auto own = merge_->state();
    own.out_end = file;
    state = encode_at_file_begin(own);
  }
  return merge_->recall_file(*state);
}

/// @param why it cannot be made again
error out_replay::recall(const instruction& what, position end,
                         const error& why) {
  const auto from = merge_->begins_file() ? file_of(end) : out_->appended_end();
  if (end < from || file_of(end) != file_of(from))
    return {errc::corrupt, "entry " + to_string(what.index) + " ended at "
                             + to_string(end) + ", before it begins"};
  auto there = old(from, end);
  if (!there)
    return there.failure();
  if (there->damage && mode_ != replay_mode::lossy)
    return why;
  recalled_ = true;
  note_lost(*there, from);
  if (auto fault = merge_->recall(what.index, what.entry, there->parts))
    return fault;
  return out_->recorded_end() == end
           ? error{}
           : error{errc::corrupt, "entry " + to_string(what.index)
                                    + " was not what stands in its place"};
}

void out_replay::note_lost(const old_part& what, position from) {
  auto at = from;
  for (const auto& [record, lost_to, was_there] : what.parts) {
    if (lost_to) {
      if (file_of(at) == file_)
        holes_.push_back({at, *lost_to, was_there});
      known_.emplace();
      at = *lost_to;
      continue;
    }
    if (known_ && record.kind == record_kind::messages)
      known_->emplace(record.origin);
    at.value += record.length;
  }
}

// -- the whole of it ----------------------------------------------------------

/// The file that is made is closed, and ends before the instruction.
bool out_replay::leaves(const instruction& what) const {
  const auto here = out_->appended_end();
  const auto* begun = std::get_if<begin_session>(&what.entry);
  return file_of(here) == file_ && here.offset() != 0
         && (merge_->begins_file()
             || (begun != nullptr && begun->session > here.session()));
}

error out_replay::close_file() {
  if (auto fault = merge_->begins_file() ? out_->roll() : out_->end_session())
    return fault;
  return out_->sync();
}

error out_replay::make(position file, std::optional<position> until) {
  file_ = file_of(file);
  auto state = begin(file);
  if (!state)
    return state.failure();
  auto history = history_reader::open(*env_->fs, from_->directory + "/history",
                                      state->applied_index);
  if (!history)
    return history.failure();
  auto last = file_;
  for (;;) {
    auto next = history->next();
    if (!next)
      return next.failure();
    if (!*next)
      return {errc::corrupt,
              from_->directory + "/history: ends, or has a hole, after entry "
                + to_string(merge_ ? merge_->state().applied_index
                                   : state->applied_index)};
    if (!merge_) {
      if (const auto* first = std::get_if<begin_stream>(&(*next)->entry))
        *state = begun_state(first->layout);
      if (auto fault = open(state->out_end))
        return fault;
      merge_ = std::make_unique<merge_core>(*std::move(state), *out_);
    }
    if (mode_ != replay_mode::exact && !until && leaves(**next))
      return close_file();
    if (auto fault = apply(**next))
      return fault;
    if (until) {
      if (out_->recorded_end() >= *until)
        return out_->sync();
      continue;
    }
    const auto here = file_of(out_->recorded_end());
    if (mode_ != replay_mode::exact || here <= last
        || out_->recorded_end().offset() == 0)
      continue;
    // What is there to compare with may be damaged as well.
    if (state_bytes(*env_->fs, from_->directory + "/out", from_->lineage, here))
      return out_->sync();
    last = here;
  }
}

// -- nothing of it ------------------------------------------------------------

/// Of a place that is damaged; `made` is a copy of it.
error out_replay::keep_messages(persistence::file& made, position from,
                                position to) {
  std::vector<std::byte> bytes(to.value - from.value);
  if (auto got = made.read_at(from.offset(), bytes); !got)
    return got.failure();
  const auto left = persistence::salvage_records(bytes, from_->lineage, from);
  for (auto at = from; at < to;) {
    const auto parsed
      = parse_record(std::span{left}.subspan(at.value - from.value),
                     from_->lineage, at, payload_check::skip);
    const position end{at.value + parsed.record.length};
    if (parsed.record.kind == record_kind::padding)
      holes_.push_back({at, end});
    at = end;
  }
  return made.write_at(from.offset(), left);
}

error out_replay::copy(const std::string& path, persistence::file& made,
                       uint64_t bytes) {
  auto source = env_->fs->open(path, persistence::open_mode::read);
  if (!source)
    return source.failure();
  std::vector<std::byte> block(1u << 20);
  for (uint64_t at = 0; at < bytes;) {
    const auto got = (*source)->read_at(
      at, std::span{block}.first(std::min<uint64_t>(block.size(), bytes - at)));
    if (!got)
      return got.failure();
    if (*got == 0)
      break;
    if (auto fault = made.write_at(at, std::span{block}.first(*got)))
      return fault;
    at += *got;
  }
  return {};
}

error out_replay::seal_as_followed() {
  if (auto fault = open(file_))
    return fault;
  const auto files
    = persistence::list_log_files(*env_->fs, from_->directory + "/out");
  if (!files)
    return files.failure();
  const auto next
    = std::find_if(files->begin(), files->end(), [&](const auto& each) {
        return position::of(each.session, each.roll, 0) > file_;
      });
  const bool ends = next != files->end() && next->session != file_.session();
  if (auto fault = ends ? out_->end_session() : out_->roll())
    return fault;
  return out_->sync();
}

error out_replay::keep_intact(position file, std::optional<position> until) {
  file_ = file_of(file);
  const auto directory = from_->directory + "/out";
  const auto scan = persistence::scan_log_file(
    *env_->fs, directory, from_->lineage,
    {.session = file_.session(), .roll = file_.roll()});
  if (!scan)
    return scan.failure();
  const position end = until.value_or(position{file_.value + scan->size});
  const auto damaged = persistence::damaged_parts(*env_->fs, directory,
                                                  from_->lineage, file_, end);
  if (!damaged)
    return damaged.failure();
  if (scan->padding)
    holes_.push_back({*scan->padding, *scan->padding, true});
  auto made
    = env_->fs->open(out_path(scratch_, file_), persistence::open_mode::write);
  if (!made)
    return made.failure();
  if (auto fault = copy(out_path(directory, file_), **made, end.offset()))
    return fault;
  const auto seal
    = persistence::record_before(*env_->fs, directory, from_->lineage, end);
  const bool closes = until || (seal && seal->kind == record_kind::seal);
  auto lost = *damaged;
  // Nobody knows whether it was longer: that is told as well.
  if (!closes) {
    if (lost.empty() || lost.back().second != end)
      lost.emplace_back(end, end);
    auto& [from, to] = lost.back();
    to.value
      = std::max(to.value, from.value + persistence::record_header_bytes);
  }
  for (const auto& [from, to] : lost) {
    if (to.value - from.value < persistence::record_header_bytes)
      return {errc::corrupt, out_path(directory, file_) + ": " + to_string(from)
                               + " to " + to_string(to)
                               + " is no place of a record"};
    if (auto fault = keep_messages(**made, from, to))
      return fault;
  }
  // The seal counts what is lost, but does not know of another state.
  const bool fits = closes && (until || !holes_.empty() || lost.empty());
  if (closes && !fits)
    if (auto fault = (*made)->truncate(seal->begin.offset()))
      return fault;
  if (auto fault = (*made)->sync())
    return fault;
  return fits ? error{} : seal_as_followed();
}

} // namespace millrace::rt
