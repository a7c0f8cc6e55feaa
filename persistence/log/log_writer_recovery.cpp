#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/persistence/log/log_writer_internal.hpp>
#include <millrace/persistence/log/session_mark.hpp>

#include <algorithm>
#include <utility>

namespace millrace::persistence {

using detail::log_path;

// What a file says of ids. Damage hides none that are intact after it: an id
// that was given out is never given out again.
result<seal_info> log_writer::impl::ids_in(const log_file_info& info,
                                           const file_scan& scan) const {
  auto said = scan.tally;
  if (!scan.next_intact)
    return said;
  auto opened = fs().open(log_path(directory(), info.session, info.roll),
                          open_mode::read);
  if (!opened)
    return opened.failure();
  if (auto fault = detail::tally_after_damage(**opened, lineage, scan, said))
    return fault;
  return said;
}

// Last ids per origin: from `.ids`, the seals since, and the last file's.
error log_writer::impl::recover_ids(const std::vector<log_file_info>& files,
                                    const seal_info& last) {
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
  const auto take_last = [&](const seal_info& seal) {
    for (const auto& [origin, range] : seal.ids) {
      surviving[origin] = range.last;
      // Files after it that are gone may have had more.
      auto& id = recovered.try_emplace(origin, range.last).first->second;
      if (is_newer_id(options.ids, range.last, id))
        id = range.last;
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
    if (rebuilds())
      continue; // Its ids are not asked for.
    if (resumes())
      return {errc::corrupt, path + ": has no seal, and is not the last file"};
    auto scan
      = detail::scan_open_file(**opened, lineage, info.session, info.roll, {});
    if (!scan)
      return scan.failure();
    auto said = ids_in(info, *scan);
    if (!said)
      return said.failure();
    take(*said);
  }
  take_last(last);
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

// Its owner closed it, and the next one has a reason to begin a session. The
// closing tells what the file held, also where that is damaged now; where it
// does not, readers of a damaged file see a `reset` after the damage.
error log_writer::impl::seal_closed(const log_file_info& last,
                                    const file_scan& scan) {
  if (!scan.damaged)
    return seal_survivor(last, scan);
  auto opened = fs().open(log_path(directory(), last.session, last.roll),
                          open_mode::read);
  if (!opened)
    return opened.failure();
  auto closed = detail::read_closing(**opened, lineage, last.session, last.roll,
                                     last.size);
  if (!closed)
    return closed.failure();
  if (!*closed || !(*closed)->tally)
    return {};
  auto whole = scan;
  whole.valid_end = position{scan.begin.value + last.size};
  whole.size = last.size;
  whole.tally = *std::move((*closed)->tally);
  return seal_survivor(last, whole);
}

// The machine died: what the tail held is lost. The torn bytes go aside, so
// that any bytes after the last record of an old file are damage.
error log_writer::impl::cut_tail(const log_file_info& last,
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
  if (MILLRACE_PLANTED(leave_a_torn_tail))
    return {};
  if (auto fault = (*opened)->truncate(end))
    return fault;
  return (*opened)->sync();
}

// Damage that is mended in its place, or told: the log goes on after what is
// intact after it. After a power cut only what was synced counts.
error log_writer::impl::pass_damage(const log_file_info& last,
                                    std::optional<position> trusted,
                                    file_scan& scan) {
  const auto from = scan.valid_end;
  auto opened = fs().open(log_path(directory(), last.session, last.roll),
                          open_mode::read);
  if (!opened)
    return opened.failure();
  for (auto next = scan.next_intact; next && (!trusted || *next < *trusted);) {
    auto run
      = detail::intact_run(**opened, lineage, *next, scan.size, &scan.tally);
    if (!run)
      return run.failure();
    scan.valid_end = position{scan.begin.value + run->end};
    next = run->next;
  }
  if (scan.valid_end == from)
    return {};
  auto seal = detail::read_seal(**opened, lineage, last.session, last.roll,
                                scan.valid_end.value - scan.begin.value);
  if (!seal)
    return seal.failure();
  scan.seal = *std::move(seal);
  return {};
}

error log_writer::impl::resume_in(const log_file_info& last,
                                  const file_scan& scan) {
  recorded = scan.valid_end;
  if (scan.seal)
    return scan.seal->session_end ? begin_next_session(last.session + 1)
                                  : open_next_file();
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

namespace {

tail_facts facts_of(const log_file_info& last, const file_scan& scan,
                    const std::optional<detail::synced_mark>& mark,
                    uint64_t boot_id) {
  using ending = tail_facts::ending_type;
  using marked = tail_facts::mark_type;
  tail_facts facts;
  if (scan.seal)
    facts.ending
      = scan.seal->session_end ? ending::session_sealed : ending::sealed;
  else if (last.archived && last.size == 0)
    facts.ending = ending::collected;
  else if (scan.size > scan.valid_end.value - scan.begin.value)
    facts.ending = scan.cut_off ? ending::cut_off : ending::wrong;
  // Not where somebody went on after it, whatever became of that.
  else if (scan.closed
           && (!mark || mark->closed || mark->end != scan.valid_end))
    facts.ending = ending::closed;
  facts.damaged = scan.damaged;
  if (!mark)
    return facts;
  // Where an emptied file ended, nothing but the note tells.
  if (facts.ending == ending::collected && mark->closed
      && mark->end.session() == last.session && mark->end.roll() == last.roll)
    facts.mark = marked::closed;
  else if (scan.valid_end < mark->end)
    facts.mark = marked::missed;
  else if (mark->closed && mark->end == scan.valid_end)
    facts.mark = marked::closed;
  else
    facts.mark = marked::reached;
  facts.same_boot = mark->boot_id == boot_id;
  facts.fenced = mark->fenced;
  return facts;
}

} // namespace

// Until here all is as its owner left it.
error log_writer::impl::warn_of_repair() {
  const auto warn = std::exchange(options.before_repair, {});
  return warn && !resumes() ? warn() : error{};
}

error log_writer::impl::recover(std::vector<log_file_info> files) {
  const auto mark = detail::synced_file::read(fs(), directory(), lineage);
  auto opened = detail::synced_file::open(fs(), directory(), lineage);
  if (!opened)
    return opened.failure();
  marks = *std::move(opened);
  if (!resumes())
    use_no_session_again(files, mark);
  if (!files.empty()) {
    // Without the note nobody knows what a power cut may have taken: what is
    // there stays, and readers tell what is missing.
    if (mark && mark->boot_id != fs().boot_id() && !mark->closed)
      if (auto fault = warn_of_repair())
        return fault;
    if (mark && mark->boot_id != fs().boot_id())
      if (auto fault = detail::cut_after_loss(fs(), directory(), lineage,
                                              mark->end, files))
        return fault;
  }
  if (auto fault
      = files.empty() ? find_nothing(mark) : recover_last(files, mark))
    return fault;
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

// Whatever becomes of its files.
void log_writer::impl::use_no_session_again(
  const std::vector<log_file_info>& files,
  const std::optional<detail::synced_mark>& mark) {
  const auto used = [this](uint64_t session) {
    next_session = std::max(next_session, session + 1);
  };
  if (!files.empty())
    used(files.back().session);
  if (mark)
    used(mark->end.session());
  if (const auto ids = detail::read_ids(fs(), directory(), lineage);
      ids && ids->covered != position{})
    used(position{ids->covered.value - 1}.session());
  files_taken = next_session > (files.empty() ? 0 : files.back().session + 1);
}

// No file is there: a new log, or somebody took them all away. Then the ids
// that it gave out are still known.
error log_writer::impl::find_nothing(
  const std::optional<detail::synced_mark>& mark) {
  if (resumes() || next_session == 0)
    return begin_next_session(next_session);
  if (auto fault = recover_ids({}, {}))
    return fault;
  clean = mark && mark->closed;
  if (!clean)
    if (auto fault = warn_of_repair())
      return fault;
  return begin_next_session(next_session);
}

// How a damaged file ends, if the end of a session is there after the damage;
// `none` else.
result<tail_facts::ending_type>
log_writer::impl::ending_after_damage(const log_file_info& last) const {
  using ending = tail_facts::ending_type;
  auto opened = fs().open(log_path(directory(), last.session, last.roll),
                          open_mode::read);
  if (!opened)
    return opened.failure();
  const auto seal
    = detail::read_seal(**opened, lineage, last.session, last.roll, last.size);
  if (!seal)
    return seal.failure();
  if (*seal && (*seal)->session_end)
    return ending::session_sealed;
  const auto closed = detail::read_closing(**opened, lineage, last.session,
                                           last.roll, last.size);
  if (!closed)
    return closed.failure();
  return *closed ? ending::closed : ending::none;
}

// Of a file whose owner closed it, the end alone: who publishes often and
// little reads no more each time.
result<file_scan> log_writer::impl::look_at_last(
  const log_file_info& last,
  const std::optional<detail::synced_mark>& mark) const {
  const auto begin = position::of(last.session, last.roll, 0);
  if (options.session == session_policy::same && mark && mark->closed
      && !mark->fenced && last.size != 0
      && mark->end.value == begin.value + last.size) {
    auto opened = fs().open(log_path(directory(), last.session, last.roll),
                            open_mode::read);
    if (!opened)
      return opened.failure();
    auto closed = detail::read_closing(**opened, lineage, last.session,
                                       last.roll, last.size);
    if (!closed)
      return closed.failure();
    if (*closed && (*closed)->tally) {
      file_scan scan;
      scan.begin = begin;
      scan.valid_end = mark->end;
      scan.size = last.size;
      scan.tally = *std::move((*closed)->tally);
      scan.closed = true;
      return scan;
    }
  }
  return scan_log_file(fs(), directory(), lineage, last,
                       mark ? std::optional{mark->end} : std::nullopt);
}

error log_writer::impl::recover_last(
  const std::vector<log_file_info>& files,
  const std::optional<detail::synced_mark>& mark) {
  const auto& last = files.back();
  const auto known_end = mark ? mark->end : position{};
  // The dead may have rolled without a sync.
  if (auto fault = detail::add_left_unsynced(
        fs(), directory(), std::span{files}.first(files.size() - 1), known_end,
        mark && mark->fenced, dirty))
    return fault;
  auto scan = look_at_last(last, mark);
  if (!scan)
    return scan.failure();
  auto facts = facts_of(last, *scan, mark, fs().boot_id());
  // Damage before the end of a session is told as such: its end is here.
  if (scan->damaged && !resumes()) {
    const auto end = ending_after_damage(last);
    if (!end)
      return end.failure();
    if (*end != tail_facts::ending_type::none)
      facts.ending = *end;
  }
  const auto verdict = judge_tail(options.session, facts);
  // What is set aside is lost.
  auto ids = verdict.action == tail_verdict::action_type::cut
               ? result<seal_info>{scan->tally}
               : ids_in(last, *scan);
  if (!ids)
    return ids.failure();
  if (auto fault = recover_ids(files, *ids))
    return fault;
  clean = verdict.clean && (!files_taken || (mark && mark->closed));
  if (!clean)
    if (auto fault = warn_of_repair())
      return fault;
  const auto intact_end = scan->valid_end;
  if (rebuilds() && verdict.action == tail_verdict::action_type::pass)
    if (auto fault = pass_damage(last,
                                 mark && mark->boot_id != fs().boot_id()
                                   ? std::optional{mark->end}
                                   : std::nullopt,
                                 *scan))
      return fault;
  // What is there is read from now on, and counts as synced: also what a failed
  // sync left in the cache alone, and the end of a file that was not synced
  // when its owner died before the next one was there.
  if (verdict.action != tail_verdict::action_type::refuse)
    if (auto fault = detail::add_left_unsynced(
          fs(), directory(), {&last, 1}, known_end, verdict.rewrite, dirty))
      return fault;
  if (verdict.action == tail_verdict::action_type::go_on)
    return continue_in(last, *scan);
  if (!resumes())
    return go_past(last, *scan, verdict, known_end);
  if (auto fault = go_on(last, *scan, verdict))
    return fault;
  if (scan->valid_end != intact_end && !scan->seal)
    damaged_from = intact_end;
  return {};
}

error log_writer::impl::continue_in(const log_file_info& last,
                                    const file_scan& scan) {
  if (auto fault = resume_in(last, scan))
    return fault;
  continues = true;
  const auto opening = detail::encode_opening();
  auto fault
    = make_room(record_kind::state, payload_kind::opaque, {},
                frame_bytes_of(static_cast<uint32_t>(opening.size())), {});
  if (!fault) {
    put_own(record_kind::state, opening);
    fault = write({});
  }
  // Where the disk is full it comes before the first message: until then the
  // note of what is synced says that somebody goes on here.
  return fault.code == errc::no_space ? error{} : fault;
}

error log_writer::impl::go_on(const log_file_info& last, const file_scan& scan,
                              const tail_verdict& verdict) {
  if (verdict.action == tail_verdict::action_type::refuse)
    return {errc::corrupt, log_path(directory(), last.session, last.roll)
                             + ": damage at " + to_string(scan.valid_end) + ": "
                             + scan.reason};
  if (verdict.action == tail_verdict::action_type::cut
      || verdict.action == tail_verdict::action_type::pass)
    if (auto fault = cut_tail(last, scan))
      return fault;
  if (auto fault = resume_in(last, scan))
    return fault;
  return {};
}

error log_writer::impl::go_past(const log_file_info& last,
                                const file_scan& scan,
                                const tail_verdict& verdict,
                                position known_end) {
  auto end = scan.valid_end;
  if (verdict.action == tail_verdict::action_type::seal) {
    if (auto fault = seal_closed(last, scan))
      return fault;
    if (recorded.session() == last.session)
      end = recorded;
  }
  if (verdict.action == tail_verdict::action_type::cut)
    if (auto fault = cut_tail(last, scan))
      return fault;
  if (auto fault
      = detail::add_session_end(fs(), directory(), lineage, {end, known_end}))
    return fault;
  if (auto fault = keep_ids(position::of(next_session, 0, 0)))
    return fault;
  return begin_next_session(next_session);
}

// -- cutting back -------------------------------------------------------------

// The file that holds `end`, after one of its records; files after it.
error log_writer::impl::find_cut(position end,
                                 std::vector<log_file_info>& files,
                                 std::vector<log_file_info>& after) const {
  const error refusal{errc::bad_position,
                      directory() + ": cannot cut at " + to_string(end)};
  auto listed = list_log_files(fs(), directory());
  if (!listed)
    return listed.failure();
  files = *std::move(listed);
  while (!files.empty()
         && position::of(files.back().session, files.back().roll, 0) > end) {
    after.push_back(files.back());
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
  std::vector<log_file_info> after;
  if (auto fault = find_cut(end, files, after))
    return fault;
  // First the promise, then the bytes: in between, too little is promised.
  synced = std::min(synced, end);
  if (auto fault = marks->record(mark_at(synced, false)))
    return fault;
  if (auto fault = marks->sync())
    return fault;
  const auto& last = files.back();
  after.push_back(last);
  for (const auto& gone : after) {
    const auto index = detail::index_path(directory(), gone.session, gone.roll);
    if (fs().exists(index))
      if (auto fault = fs().remove(index))
        return fault;
  }
  after.pop_back();
  for (const auto& gone : after)
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
  const auto intact_end = scan->valid_end;
  if (rebuilds())
    if (auto fault = pass_damage(last, {}, *scan))
      return fault;
  if (scan->valid_end.value - begin.value != scan->size)
    return {errc::corrupt, current->path() + ": damage at "
                             + to_string(scan->valid_end) + ": "
                             + scan->reason};
  dirty.add(current);
  if (auto fault = resume_in(last, *scan))
    return fault;
  if (scan->valid_end != intact_end && !scan->seal)
    damaged_from = intact_end;
  dirty.add(current);
  return sync_now(false);
}

} // namespace millrace::persistence
