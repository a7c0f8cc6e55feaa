#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/messages/data/lost_stream.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <utility>

// Which life of its stream an RDB follows, and of the HDB; what it leaves to
// its own next one.

namespace millrace::torq {

namespace {

/// Of a stream that is set back over and over.
constexpr size_t noted_losses_max = 100;

} // namespace

/// One that lags says less, too: the manifest decides. It may have megabytes.
void rdb_state::look_for_an_older_hdb() {
  if (std::exchange(looking, true))
    return;
  env->io->submit([me = rdb_self_actor{self}, fs = env->fs,
                   directory = settings.hdb_directory, stream = settings.stream,
                   tables = settings.tables, held = ledger.held_end()] {
    const auto manifest = persistence::read_hdb_manifest(*fs, directory);
    const auto there = manifest
                         ? written_state_of(*manifest, stream, tables).cutover
                         : position{};
    caf::anon_send(me, looked_atom::value, held, manifest.has_value(), there);
  });
}

void rdb_state::looked(position held, bool is_read, position there) {
  looking = false;
  if (is_read && there < held)
    leave_hdb("went back: it ends at " + to_string(there)
              + ", and held the rows up to " + to_string(held));
}

/// Marks and the manifest may have megabytes.
void rdb_state::seek_gone_hdb() {
  sought_ns = env->clock->monotonic_ns();
  if (std::exchange(seeking, true))
    return;
  env->io->submit([me = rdb_self_actor{self}, fs = env->fs,
                   directory = settings.hdb_directory, stream = settings.stream,
                   tables = settings.tables, lost = settings.lost_beside,
                   was = noted, file = settings.note_file,
                   kept = note_is_kept] {
    const auto manifest = persistence::read_hdb_manifest(*fs, directory);
    const bool is_lost
      = was.has_rows
          ? !manifest
              || lacks_rows_of(
                was, true,
                written_state_of(*manifest, stream, tables).knows_stream())
          : lost && lost().is_gone(manifest.has_value());
    const bool is_back = manifest && !is_lost;
    // A folder that went as a whole says nothing.
    const bool is_removed
      = kept && !fs->exists(file)
        && fs->list(file.substr(0, file.find_last_of('/'))).has_value();
    const bool is_settled = !is_back && (is_removed || !is_lost);
    caf::anon_send(me, sought_atom::value, is_back, is_settled);
  });
}

void rdb_state::sought(bool is_back, bool is_settled) {
  seeking = false;
  // What is written just now is no old one that came back.
  if (!noted.gone.empty() && !writing) {
    if (is_back) {
      gone_is_back();
      // What the stream did not bring again counts as lost here.
      return leave_hdb("is there again, and the rows in memory were read as if "
                       "it held none");
    }
    if (is_settled && !noted.begins_anew)
      begin_anew();
    if (noted.gone.empty())
      return; // It leaves.
  }
  if (!postponed || accounting)
    return;
  const auto what = *std::exchange(postponed, std::nullopt);
  if (waits_for_hdb())
    written(what.to, {}, {errc::unavailable, waits_text()});
  else
    write(what);
}

void rdb_state::gone_is_back() {
  note("hdb_back", "the hdb in " + settings.hdb_directory + " is there again");
  noted.gone.clear();
  noted.begins_anew = false;
  remember(noted.life, {});
}

void rdb_state::begin_anew() {
  noted.begins_anew = true;
  warn("hdb_begun_anew", "an hdb is begun anew in " + settings.hdb_directory
                           + ", as somebody said that the one that was there "
                             "is lost; what stream '"
                           + settings.stream + "' has is written down to it");
  if (!has_all_of_stream())
    return remember(noted.life, {});
  // Nothing that was written of it is lost.
  noted = {.life = noted.life};
  remember(noted.life, {});
  leave_hdb("is begun anew, with all rows of its stream");
}

/// It was read from its very begin, tells of no loss, and was all that the
/// database is known to have had.
bool rdb_state::has_all_of_stream() const {
  if (!lost_beside().losses.empty())
    return false;
  const std::scoped_lock lock{store->reject_mutex};
  return noted.has_rows && store->tables.begin() == position{}
         && progress.life().is_known()
         && progress.complete(store->tables.snapshot()->end)
         && store->losses.count() == 1;
}

bool rdb_state::waits_for_hdb() const {
  return !noted.gone.empty() && !noted.begins_anew;
}

std::string rdb_state::waits_text() const {
  return noted.gone + "; "
         + (settings.write_down ? "nothing is written down, and the stream is "
                                  "kept, until it is there again; "
                                : "")
         + "if it is lost for good, remove " + remedy + " while it runs";
}

/// Ends, to begin anew with what is there.
void rdb_state::leave_hdb(const std::string& why) {
  self->quit(to_caf(
    {errc::fenced, "the hdb in " + settings.hdb_directory + " " + why
                     + "; they are let go, and the stream is read again from "
                       "where that hdb ends"}));
}

void rdb_state::let_go(const std::string& why) {
  remember(progress.life(), "stream '" + settings.stream + "' " + why
                              + "; what it no longer brings may be missing");
  const auto snapshot = store->tables.snapshot();
  uint64_t rows = 0;
  for (const auto& table : snapshot->table_names())
    if (auto view = snapshot->view(table))
      rows += view->row_count();
  self->quit(to_caf({errc::fenced, "stream '" + settings.stream + "' " + why
                                     + "; " + std::to_string(rows)
                                     + " rows in memory were of the earlier "
                                       "one and are let go"}));
}

/// @param loss empty: none
void rdb_state::remember(lineage_id life, const std::string& loss) {
  noted.life = life;
  if (!loss.empty() && noted.losses.size() < noted_losses_max)
    noted.losses.push_back(loss);
  const auto fault = write_stream_note(*env->fs, settings.note_file, noted);
  // One of before can be removed as well.
  note_is_kept = !fault || env->fs->exists(settings.note_file);
  noted_ns = env->clock->monotonic_ns();
  const bool was_stale = std::exchange(note_is_stale, static_cast<bool>(fault));
  if (fault && !was_stale)
    warn("note_not_kept",
         "what the next life of this rdb should know of stream '"
           + settings.stream + "' is not kept: " + to_string(fault));
}

/// The rows here are of this life, which is another one than those that an
/// earlier life of this rdb had.
void rdb_state::compare_lives(lineage_id life) {
  std::string loss;
  if (noted.life.is_known() && noted.life != life && noted.losses.empty()) {
    loss = "stream '" + settings.stream
           + "' began a new life: its log is another one than this rdb had "
             "followed; what it no longer brings may be missing";
    add_loss(loss);
    warn("stream_loss", loss);
  }
  const auto before = noted;
  if (noted.gone.empty()
      && (lacks_rows() || (!noted.has_rows && lost_beside().is_gone(has_hdb))))
    miss_hdb();
  if (earlier.knows_stream())
    note_place();
  if (before != noted || noted.life != life)
    remember(life, loss);
}

void rdb_state::miss_hdb() {
  const auto& place = settings.hdb_directory;
  const auto beside = lost_beside();
  if (!noted.has_rows)
    noted.gone = (beside.losses.empty() ? "the hdb in " + place + " is gone"
                                        : beside.losses.front())
                 + "; what it held may be missing";
  else if (has_hdb && noted.directory == place)
    noted.gone = "the hdb in " + place
                 + " is another one than that which held rows of stream '"
                 + settings.stream
                 + "', and has none (another disk?); what the stream does not "
                   "bring again may be missing";
  else if (noted.directory.empty() || noted.directory == place)
    noted.gone = "the hdb in " + place + ", which held rows of stream '"
                 + settings.stream
                 + "', is not there (a disk that is not mounted?); what the "
                   "stream does not bring again may be missing";
  else
    noted.gone = "rows of stream '" + settings.stream
                 + "' were written down to " + noted.directory
                 + ", and the hdb in " + place
                 + " has none; what the stream does not bring again may be "
                   "missing";
  tell_gone(beside);
}

void rdb_state::set_note_aside(const std::string& stream) {
  const auto kept = settings.note_file + "." + stream;
  auto fault = env->fs->exists(kept)
                 ? error{}
                 : env->fs->rename(settings.note_file, kept);
  if (!fault)
    fault = env->fs->sync_directory(kept.substr(0, kept.find_last_of('/')));
  if (fault)
    warn("note_not_kept", "what this rdb wrote of stream '" + stream
                            + "' is not kept: " + to_string(fault));
}

void rdb_state::tell_gone(const lost_database& beside) {
  look_for_remedy(beside);
  add_loss(noted.gone);
  warn("hdb_gone", waits_text());
}

void rdb_state::look_for_remedy(const lost_database& beside) {
  auto files = beside.files;
  files.insert(files.begin(), settings.note_file);
  remedy = text::listed(files);
}

lost_database rdb_state::lost_beside() const {
  return settings.hdb_directory.empty() || !settings.lost_beside
           ? lost_database{}
           : settings.lost_beside();
}

bool rdb_state::lacks_rows() const {
  const bool is_unread = has_hdb && earlier.version == manifest_version{};
  return !settings.hdb_directory.empty()
         && lacks_rows_of(noted, has_hdb, is_unread || earlier.knows_stream());
}

void rdb_state::note_place() {
  noted.has_rows = true;
  noted.directory = settings.hdb_directory;
  noted.stream = settings.stream;
}

/// Whether the place of the HDB, where it is empty, is that of one that went.
/// It is asked before anything is written there.
std::function<bool()> rdb_state::was_there() const {
  if (noted.begins_anew)
    return [] { return false; };
  if (has_hdb || noted.has_rows)
    return [] { return true; };
  if (!settings.lost_beside)
    return [] { return false; };
  return [lost = settings.lost_beside] { return lost().is_gone(false); };
}

/// Of no place in the stream: each answer is touched by it, until a period is
/// written down.
void rdb_state::add_loss(const std::string& what) {
  persistence::hdb_loss loss;
  loss.from = store->tables.begin();
  loss.to = position{loss.from.value + 1};
  loss.text = what;
  {
    const std::scoped_lock lock{store->reject_mutex};
    store->losses.add(std::move(loss));
  }
  ++store->standing_losses;
}

/// The manifest tells of the losses now.
void rdb_state::note_written() {
  if (noted.losses.empty() && noted.gone.empty() && noted.has_rows
      && noted.directory == settings.hdb_directory)
    return;
  note_place();
  noted.losses.clear();
  noted.gone.clear();
  noted.begins_anew = false;
  remember(noted.life, {});
}

void rdb_state::read_note() {
  auto left = read_stream_note(*env->fs, settings.note_file);
  if (!left) {
    warn("damaged", "what the last life of this rdb left to this one about "
                    "stream '"
                      + settings.stream
                      + "' is not known: " + left.failure().context);
    note_is_kept = true;
    if (settings.hdb_directory.empty()
        || (has_hdb
            && (earlier.version == manifest_version{}
                || earlier.knows_stream())))
      return;
    note_place();
    noted.gone = "there is no hdb of stream '" + settings.stream + "' in "
                 + settings.hdb_directory
                 + ", and whether there was one is not known; what it held may "
                   "be missing";
    return tell_gone(lost_beside());
  }
  // What it did for another stream is nothing that this one lacks, and no less
  // there: it is kept as of an rdb of another name.
  if (left->stream.empty() || left->stream == settings.stream)
    noted = *std::move(left);
  else if (left->has_rows)
    set_note_aside(left->stream);
  for (const auto& loss : noted.losses)
    add_loss(loss);
  if (noted.gone.empty())
    return;
  note_is_kept = true;
  const auto beside = lost_beside();
  const bool is_lost = noted.has_rows ? lacks_rows() : beside.is_gone(has_hdb);
  if (has_hdb && !is_lost)
    return gone_is_back();
  look_for_remedy(beside);
  add_loss(noted.gone);
  if (!is_lost && !noted.begins_anew)
    begin_anew();
}

void rdb_state::stream_set_back(position at, const std::string& cause) {
  // What the HDB holds is not let go of.
  if (at > store->tables.begin())
    return let_go("was set back to an older copy of its log, which does not "
                  "hold what came before "
                  + to_string(at));
  strange_stream = "the hdb in " + settings.hdb_directory + " holds stream '"
                   + settings.stream + "' up to " + to_string(at)
                   + ", where its log has not been, or not so (" + cause
                   + "): an older copy of that log was put in place of it; "
                     "bring the newer one back, or move the hdb and "
                   + settings.note_file + " away, and restart this process";
  warn("strange_stream", strange_stream);
  announce();
  wake();
}

void rdb_state::flow_lost(const error& why) {
  is_cut_off = true;
  warn("stream_lost",
       lost_stream_text(settings.stream, why, "no new rows come"));
}

void rdb_state::flow_began(lineage_id life, position end) {
  if (std::exchange(is_cut_off, false))
    note("stream_found", found_stream_text(settings.stream));
  const bool followed = progress.life().is_known();
  if (followed && life != progress.life())
    return let_go("began a new life: its log is another one");
  if (strange_stream.empty() && earlier.life.is_known()
      && earlier.life != life) {
    strange_stream
      = "the hdb in " + settings.hdb_directory + " holds stream '"
        + settings.stream + "' up to " + to_string(earlier.held_to)
        + " of another life of it, whose log is gone; bring that log back, "
          "or move the hdb and "
        + settings.note_file + " away";
    warn("strange_stream", strange_stream);
  }
  if (!followed && !earlier.life.is_known() && earlier.held_to != position{})
    warn("lineage_unknown",
         "the hdb in " + settings.hdb_directory + " holds stream '"
           + settings.stream + "' up to " + to_string(earlier.held_to)
           + ", and its manifest is of a format that does not say of which "
             "life of it; it is taken for the one that is there");
  if (strange_stream.empty()) {
    store->live_from = end.value;
    if (!followed)
      compare_lives(life);
    progress.flow(life, end);
  }
  announce();
  wake();
}

/// Without it the rdb works as well.
std::shared_ptr<rt::fatal_watch> rdb_state::open_watch() {
  if (settings.watch_file.empty())
    return nullptr;
  auto opened = rt::fatal_watch::open(*env->fs, settings.watch_file,
                                      settings.park_after, env->ended_by_fault);
  if (opened && settings.on_warning && !(*opened)->damage().empty())
    settings.on_warning("damaged", (*opened)->damage());
  if (opened)
    return *std::move(opened);
  if (settings.on_warning)
    settings.on_warning("unwatched",
                        "a batch that ends this rdb again and again would not "
                        "be passed over: "
                          + to_string(opened.failure()));
  return nullptr;
}

} // namespace millrace::torq
