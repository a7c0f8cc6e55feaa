#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/messages/data/lost_stream.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <utility>

// Which life of its stream an RDB follows, and of the HDB; what it leaves to
// its own next one.

namespace millrace::torq {

namespace {

/// Only while the one that asks for it lives: its next life has a note of its
/// own.
void keep(const persistence::env& world, const std::string& file,
          const stream_note& note, const std::atomic<bool>& lives,
          const rdb_self_actor& me) {
  if (!lives)
    return;
  const auto fault = write_stream_note(*world.fs, file, note);
  caf::anon_send(me, kept_atom::value, to_caf(fault), world.fs->exists(file));
}

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

void rdb_state::step(const hdb_presence::input& what) {
  for (const auto& effect : presence->step(what, env->clock->monotonic_ns()))
    std::visit([this](const auto& each) { act(each); }, effect);
}

void rdb_state::act(const hdb_presence::keep_note& what) {
  env->io->submit([me = rdb_self_actor{self}, world = env,
                   file = settings.note_file, note = what.note,
                   alive = lives] { keep(*world, file, note, *alive, me); });
}

/// Marks and the manifest may have megabytes.
void rdb_state::act(const hdb_presence::seek& what) {
  env->io->submit([me = rdb_self_actor{self}, fs = env->fs,
                   directory = settings.hdb_directory, stream = settings.stream,
                   tables = settings.tables, lost = settings.lost_beside,
                   was = what.was, file = settings.note_file,
                   kept = what.note_is_kept] {
    const auto manifest = persistence::read_hdb_manifest(*fs, directory);
    const auto beside = lost ? lost() : lost_database{};
    const bool is_lost
      = was.has_rows
          ? !manifest
              || lacks_rows_of(
                was, true,
                written_state_of(*manifest, stream, tables).knows_stream())
          : beside.is_gone(manifest.has_value());
    const bool is_back = manifest && !is_lost;
    // A folder that went as a whole says nothing.
    const bool is_removed
      = kept && !fs->exists(file)
        && fs->list(file.substr(0, file.find_last_of('/'))).has_value();
    const bool is_settled = !is_back && (is_removed || !is_lost);
    caf::anon_send(me, sought_atom::value, is_back, is_settled,
                   beside.losses.empty());
  });
}

/// While it starts, and not later.
void rdb_state::act(const hdb_presence::set_aside& what) {
  const auto kept = settings.note_file + "." + what.stream;
  auto fault = env->fs->exists(kept)
                 ? error{}
                 : env->fs->rename(settings.note_file, kept);
  if (!fault)
    fault = env->fs->sync_directory(kept.substr(0, kept.find_last_of('/')));
  if (fault)
    warn("note_not_kept", "what this rdb wrote of stream '" + what.stream
                            + "' is not kept: " + to_string(fault));
}

void rdb_state::act(const hdb_presence::tell& what) {
  if (what.is_warning)
    warn(what.id, what.text);
  else
    note(what.id, what.text);
}

void rdb_state::act(const hdb_presence::release&) {
  if (!unnoted)
    return;
  env->crash_point("rdb.before_notify");
  step(*std::exchange(unnoted, std::nullopt));
}

void rdb_state::act(const hdb_presence::leave& what) {
  self->quit(to_caf({errc::fenced, what.why}));
}

/// @param is_all nothing is missing that was in the database beside its rows
void rdb_state::sought(bool is_back, bool is_settled, bool is_all) {
  step(hdb_presence::sought{is_back, is_settled, is_all && has_all_of_stream(),
                            writing});
  if (!postponed || accounting || !presence->leaving().empty())
    return;
  const auto what = *std::exchange(postponed, std::nullopt);
  if (presence->waits())
    written(what.to, {}, {errc::unavailable, presence->waits_text()});
  else
    write(what);
}

/// It was read from its very begin, tells of no loss, and was all that the
/// database is known to have had of it.
bool rdb_state::has_all_of_stream() const {
  const std::scoped_lock lock{store->reject_mutex};
  return presence->note().has_rows && store->tables.begin() == position{}
         && progress.life().is_known()
         && progress.complete(store->tables.snapshot()->end)
         && store->losses.count() == 1;
}

/// Ends, to begin anew with what is there.
void rdb_state::leave_hdb(const std::string& why) {
  self->quit(to_caf(
    {errc::fenced, "the hdb in " + settings.hdb_directory + " " + why
                     + "; they are let go, and the stream is read again from "
                       "where that hdb ends"}));
}

/// Until it ends it answers no more: what comes now is of another stream than
/// the rows before.
void rdb_state::let_go(const std::string& why) {
  const auto snapshot = store->tables.snapshot();
  uint64_t rows = 0;
  for (const auto& table : snapshot->table_names())
    if (auto view = snapshot->view(table))
      rows += view->row_count();
  const auto stream = "stream '" + settings.stream + "' " + why;
  step(hdb_presence::let_go{
    progress.life(), stream + "; what it no longer brings may be missing",
    stream + "; " + std::to_string(rows)
      + " rows in memory were of the earlier one and are let go"});
  announce();
}

/// Whether the place of the HDB, where it is empty, is that of one that went.
/// It is asked before anything is written there.
std::function<bool()> rdb_state::was_there() const {
  if (presence->begins_anew())
    return [] { return false; };
  if (presence->had_hdb())
    return [] { return true; };
  if (!settings.lost_beside)
    return [] { return false; };
  return [lost = settings.lost_beside] { return lost().is_gone(false); };
}

/// Of no place in the stream: each answer is touched by it, until a period is
/// written down.
void rdb_state::act(const hdb_presence::add_loss& what) {
  persistence::hdb_loss loss;
  loss.from = store->tables.begin();
  loss.to = position{loss.from.value + 1};
  loss.text = what.text;
  {
    const std::scoped_lock lock{store->reject_mutex};
    store->losses.add(std::move(loss));
  }
  ++store->standing_losses;
}

/// Reads files: while it starts, and not later.
void rdb_state::start_presence(const written_state& held, bool is_read) {
  presence = std::make_unique<hdb_presence>(
    hdb_presence::settings{.stream = settings.stream,
                           .directory = settings.hdb_directory,
                           .note_file = settings.note_file,
                           .writes = settings.write_down});
  hdb_presence::started begin;
  const bool is_there = held.version != manifest_version{};
  begin.has_hdb = !is_read || is_there;
  begin.holds_stream = held.knows_stream();
  begin.knows_stream = (begin.has_hdb && !is_there) || held.knows_stream();
  auto left = read_stream_note(*env->fs, settings.note_file);
  if (left)
    begin.left = *std::move(left);
  else
    begin.damage = left.failure().context;
  if (!settings.hdb_directory.empty() && settings.lost_beside)
    begin.beside = settings.lost_beside();
  step(begin);
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
  if (!presence->leaving().empty())
    return;
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
      step(hdb_presence::followed{life});
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
