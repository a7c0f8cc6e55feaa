#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>

#include <algorithm>

// How a sequencer finds damage that nobody reads: it looks at one file after
// the other, of out/ and of the copies of inputs, slowly, for ever. Of a file
// that is written it looks at what does not change any more.

namespace millrace::rt {

namespace {

/// A disk is read at this speed at most, on the average: 16 MB/s.
constexpr int64_t ns_per_byte = 1'000'000'000 / 16'000'000;
constexpr int64_t pause_min_ns = 200'000'000;

using damage = std::pair<position, position>;

/// The damage at the end of what is intact, and what follows it. Of out/ the
/// first is enough: a file of it is made again as a whole.
/// @param end of the file, or of what counts of it
/// @param unread what counts as damaged where no intact record follows
std::vector<damage> all_damage(persistence::file_system& fs,
                               const scrubbed_file& what,
                               const persistence::file_scan& scan, position end,
                               position unread) {
  if (!scan.next_intact || *scan.next_intact >= end)
    return {{scan.valid_end, unread}};
  std::vector<damage> out{{scan.valid_end, *scan.next_intact}};
  if (!what.copy)
    return out;
  const auto more = persistence::damaged_parts(fs, what.directory, what.lineage,
                                               *scan.next_intact, end);
  if (more) // Else the next round finds it.
    for (const auto& [from, to] : *more)
      out.emplace_back(from, to == end ? unread : to);
  return out;
}

/// What of a file is no record. One that is gone is all damage.
std::vector<damage> damage_in(persistence::file_system& fs,
                              const scrubbed_file& what) {
  const auto scan = persistence::scan_log_file(
    fs, what.directory, what.lineage,
    {.session = what.file.session(), .roll = what.file.roll()});
  if (what.asks_again && scan && scan->padding)
    return {{*scan->padding, what.next}};
  if (what.below) {
    if (scan && scan->valid_end >= *what.below)
      return {};
    if (!scan)
      return {{what.file, *what.below}};
    return all_damage(fs, what, *scan, *what.below, *what.below);
  }
  if (!scan)
    return {{what.file, what.next}};
  const position size{scan->begin.value + scan->size};
  // The session of a publisher that died has no seal.
  const bool ended = scan->seal
                     || (what.copy && what.next.session() != what.file.session()
                         && scan->valid_end == size);
  if (ended && !scan->damaged && scan->valid_end == size)
    return {};
  return all_damage(fs, what, *scan, size, what.next);
}

} // namespace

file_scrub::file_scrub(sequencer_state& of) : of_{of} {}

/// @returns whether the log is there.
bool file_scrub::list_files(const std::string& directory,
                            const lineage_id& lineage,
                            std::optional<copy_id> copy) {
  auto files = persistence::list_log_files(*of_.env->fs, directory);
  if (!files)
    return files.failure().code != errc::not_found;
  const auto kept = copy ? position{} : of_.core->state()->out_begin;
  if (!copy)
    *files = kept_files(*std::move(files), kept);
  for (size_t i = 0; i + 1 < files->size(); ++i) {
    const auto& each = (*files)[i];
    const auto& next = (*files)[i + 1];
    if (each.archived && each.size == 0)
      continue;
    to_scrub_.push_back(
      {directory, lineage, position::of(each.session, each.roll, 0),
       position::of(next.session, next.roll, 0), each.size, copy});
  }
  if (copy && !files->empty()) {
    const auto& last = files->back();
    const auto begin = position::of(last.session, last.roll, 0);
    const auto merged = of_.core->merged(*copy);
    if (merged > begin && merged.session() == last.session
        && merged.roll() == last.roll)
      to_scrub_.push_back(
        {directory, lineage, begin, merged, last.size, copy, merged});
  }
  const auto written = of_.core->out_end();
  if (!copy && !files->empty() && written.offset() != 0)
    to_scrub_.push_back({directory, lineage, file_of(written), written,
                         files->back().size, copy, written});
  for (const auto& gone : missing_files(*files, kept)) {
    // The copy of a log whose first files were collected begins late.
    if (copy
        && gone < position::of(files->front().session, files->front().roll, 0))
      continue;
    to_scrub_.push_back({directory, lineage, gone,
                         position::of(gone.session(), gone.roll() + 1, 0), 0,
                         copy});
  }
  return true;
}

void file_scrub::tick() {
  const auto now_ns = of_.env->clock->monotonic_ns();
  if (*scrubbing_ || now_ns < at_ns_ || of_.core->state() == nullptr)
    return;
  at_ns_ = now_ns + pause_min_ns;
  if (to_scrub_.empty()) {
    if (const auto displaced = of_.core->check_names())
      return of_.fail(displaced);
    list_files(of_.core->out_directory(), of_.core->state()->layout.lineage,
               {});
    std::vector<copy_id> gone;
    for (const auto& [copy, sink] : of_.sinks) {
      const auto& input = of_.core->inputs().name(copy);
      // Before its sink has opened it, a copy has no directory yet.
      if (of_.core->inputs().recorded_end(copy) == position{})
        continue;
      if (!list_files(of_.core->inputs().directory_of(input), input.lineage,
                      copy))
        gone.push_back(copy);
    }
    for (const auto copy : gone)
      of_.input_mends->gone(copy);
    return;
  }
  auto what = std::move(to_scrub_.front());
  to_scrub_.pop_front();
  what.asks_again = !what.copy && !of_.peers->all().empty();
  const auto kept = what.copy ? of_.core->needless_of(*what.copy)
                              : of_.core->state()->out_begin;
  if (what.file < file_of(kept))
    return; // It may be gone by now.
  ++scrubbed_;
  at_ns_ += static_cast<int64_t>(what.bytes) * ns_per_byte;
  *scrubbing_ = true;
  of_.submit([what = std::move(what), world = of_.env, running = scrubbing_,
              me = sequencer_self_actor{of_.self}] {
    for (const auto& [from, to] : damage_in(*world->fs, what)) {
      if (what.copy)
        caf::anon_send(me, lacking_atom::value, *what.copy, from, to);
      else
        caf::anon_send(me, mend_atom::value, from);
    }
    *running = false;
  });
}

void file_scrub::forget(copy_id copy) {
  std::erase_if(to_scrub_, [&](const auto& each) { return each.copy == copy; });
}

} // namespace millrace::rt
