#include <millrace/actors/rt/subscribe/subscriber.hpp>
#include <millrace/actors/torq/execute/bundle_source.hpp>
#include <millrace/actors/torq/execute/query_flow.hpp>
#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/actors/torq/rdb/write_down.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <caf/actor_cast.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {

constexpr auto tick_interval = std::chrono::milliseconds{50};
constexpr auto request_deadline = std::chrono::seconds{3};

/// The rows here do not go on from what the HDB holds: another attempt would
/// fail the same way.
bool is_of_another_hdb(const error& fault) {
  return fault.code == errc::invalid_argument
         || fault.code == errc::already_exists || fault.code == errc::fenced;
}

} // namespace

// -- beginning ----------------------------------------------------------------

void rdb_state::start(connector_actor to_others, registrar_actor discoveries) {
  connector = std::move(to_others);
  registry = std::move(discoveries);
  memory = memory_watch{settings.memory_max_bytes};
  questions_memory = {settings.query_memory_max_bytes, settings.process,
                      settings.queries_memory_max_bytes};
  store = std::make_shared<rdb_store>();
  store->stream_tables = settings.stream_tables;
  store->unheld_tables = settings.unheld_tables;
  for (const auto& table : settings.tables)
    if (auto fault = store->tables.declare(table))
      return self->quit(to_caf(fault));
  auto before = read_manifest();
  // What was written down is not known: all rows of the stream are held, and
  // served, until the manifest can be read again.
  if (!before && settings.on_warning)
    settings.on_warning(
      before.failure().code == errc::permission ? "refused" : "damaged",
      to_string(before.failure())
        + "; what was written down is not known: all rows of the stream are "
          "held, and no period is written, until it can be read");
  earlier = before ? *before : written_state{};
  store->life = earlier.life;
  std::optional<period_ledger::written_before> known;
  if (earlier.cutover != position{}) {
    known = {earlier.cutover, earlier.version};
    store->tables.reset(earlier.cutover);
  }
  progress = {settings.stream, store->tables.begin()};
  ledger
    = period_ledger{{settings.write_down && !settings.hdb_directory.empty(),
                     settings.query_timeout_ns},
                    known};
  start_presence(earlier, before.has_value());
  // Readers see the empty tables before the first message comes.
  store->tables.publish(store->tables.begin());
  subscribe();
  if (registry)
    self->send(registry, caf::subscribe_atom_v,
               std::string{to_string(backend_role::hdb)},
               caf::actor_cast<watcher_actor>(self));
  announce();
  self->send(self, caf::tick_atom_v);
}

result<written_state> rdb_state::read_manifest() const {
  if (settings.hdb_directory.empty())
    return written_state{};
  const auto manifest
    = persistence::read_hdb_manifest(*env->fs, settings.hdb_directory);
  if (!manifest && manifest.failure().code == errc::not_found)
    return written_state{};
  if (!manifest)
    return manifest.failure();
  return written_state_of(*manifest, settings.stream, settings.tables);
}

void rdb_state::subscribe() {
  rt::subscriber_options options;
  options.topic = settings.stream;
  options.rt = settings.rt;
  // Also the first one is named: a log that begins later lost what was before.
  options.start.kind = start_spec::at_position;
  options.start.at = store->tables.begin();
  options.start.life = store->life;
  options.consumer = settings.process;
  options.is_declared = true;
  const auto control = std::make_shared<rt::subscription>(settings.stream);
  subscriber
    = self->spawn(rt::subscriber, env, connector, std::move(options), control,
                  ingest_handlers(store, *env,
                                  {.stream = settings.stream,
                                   .sole_rt = settings.rt.size() == 1,
                                   .reject_file = settings.reject_file,
                                   .watch = open_watch()},
                                  control, rdb_self_actor{self}));
  children.add(subscriber);
  self->monitor(subscriber);
}

// -- questions ----------------------------------------------------------------

caf::result<bundle, rdb_cut> rdb_state::query(const chunk& plan_bytes,
                                              rows_after rows) {
  auto plan = query::decode_plan(plan_bytes.bytes());
  if (!plan)
    return to_caf(plan.failure());
  auto what = question(*std::move(plan), rows);
  auto promise = self->make_response_promise<bundle, rdb_cut>();
  what.promise = promise;
  ask(std::move(what));
  return promise;
}

caf::result<result_source_actor, rdb_cut>
rdb_state::query(const chunk& plan_bytes, rows_after rows, flow_id flow,
                 result_sink_actor sink) {
  auto plan = query::decode_flow(plan_bytes.bytes());
  if (!plan)
    return to_caf(plan.failure());
  auto what = question(*std::move(plan), rows);
  what.flow = flow;
  what.sink = std::move(sink);
  auto promise = self->make_response_promise<result_source_actor, rdb_cut>();
  what.promise = promise;
  ask(std::move(what));
  return promise;
}

rdb_question rdb_state::question(query::logical_plan plan,
                                 rows_after rows) const {
  const auto patience_ns
    = rows.patience_ns > 0
        ? std::min(rows.patience_ns, settings.query_timeout_ns)
        : settings.query_timeout_ns;
  // A promise takes the sender with it.
  return {std::move(plan), rows, env->clock->monotonic_ns() + patience_ns,
          self->current_sender()};
}

void rdb_state::ask(rdb_question what) {
  const auto end = store->tables.snapshot()->end;
  if (ready(end) && what.ready(progress.life(), end)) {
    answer(std::move(what));
  } else if (memory.paused()) {
    refuse(what, errc::limit_exceeded);
  } else if (!strange_stream.empty()) {
    refuse(what, errc::unavailable);
  } else {
    waiting.add(std::move(what));
    store->wake_wanted = true;
    // The snapshot may have moved before the wish was seen.
    wake();
  }
}

void rdb_state::refuse(const rdb_question& what, errc code) {
  const auto reason = memory.reason(store->byte_count);
  auto promise = what.promise;
  const auto end = store->tables.snapshot()->end;
  if (const auto why = standing(end); reason.empty() && !why.empty()) {
    promise.deliver(to_caf({errc::unavailable, settings.process + ": " + why}));
    return;
  }
  promise.deliver(
    to_caf({code, settings.process + ": has not reached "
                    + to_string(what.rows.first_wanted()) + "; it stands at "
                    + to_string(end) + (reason.empty() ? "" : ": " + reason)}));
}

void rdb_state::answer(rdb_question what) {
  auto promise = what.promise;
  const auto snapshot = store->tables.snapshot();
  if (what.rows.cutover == unread_cutover)
    what.rows.cutover = snapshot->begin;
  if (what.rows.upto < what.rows.cutover) {
    promise.deliver(
      to_caf({errc::moved, "rows up to " + to_string(what.rows.upto)
                             + " are not held here any more"}));
    return;
  }
  if (what.rows.cutover < snapshot->begin) {
    promise.deliver(
      to_caf({errc::moved, "rows after " + to_string(what.rows.cutover)
                             + " are in the HDB now"}));
    return;
  }
  const auto upper = what.rows.upto == newest ? snapshot->end : what.rows.upto;
  rdb_cut cut{upper, progress.life(), {}};
  const auto flow = what.flow;
  auto sink = std::move(what.sink);
  auto bound = bind(std::move(what), *snapshot, cut);
  if (!bound) {
    promise.deliver(to_caf(bound.failure()));
    return;
  }
  auto work = *std::move(bound);
  if (sink) {
    auto source
      = self->spawn(query_flow, env, std::move(work), flow, std::move(sink));
    self->request(source, caf::infinite, start_atom::value)
      .then(
        [promise, cut, source](bool) mutable {
          promise.deliver(result_source_actor{source}, cut);
        },
        [promise](caf::error& fault) mutable {
          promise.deliver(std::move(fault));
        });
    return;
  }
  const auto asker = caf::actor_cast<caf::actor_addr>(work->asker);
  const auto held = work->memory;
  auto job = self->spawn(query_job, env, std::move(work));
  self->request(job, caf::infinite, start_atom::value)
    .then(
      [this, promise, cut, asker, held](const chunks& partial) mutable {
        promise.deliver(bundle_of(self, partial, asker, held), cut);
      },
      [promise](caf::error& fault) mutable {
        promise.deliver(std::move(fault));
      });
}

void rdb_state::wake() {
  const auto end = store->tables.snapshot()->end;
  announce();
  auto due = waiting.take(ready(end), progress.life(), end,
                          env->clock->monotonic_ns());
  for (auto& what : due.ready)
    answer(std::move(what));
  for (const auto& what : due.late)
    refuse(what, errc::timeout);
  if (!waiting.empty())
    store->wake_wanted = true;
}

// -- ends of periods ----------------------------------------------------------

void rdb_state::period_passed(const period_ledger::passed& what) {
  --store->period_ends_untold;
  step(what);
  note("period_ended", "period " + to_string(what.period) + " of stream '"
                         + settings.stream + "' ended at "
                         + to_string(what.end));
  if (const auto* waits = ledger.waiting(); waits && waits->end == what.end)
    warn("period_held", held());
}

/// Why an ended period is not written down; empty: none waits.
std::string rdb_state::held() const {
  const auto* waits = ledger.waiting();
  if (waits == nullptr)
    return {};
  return "period " + to_string(waits->period)
         + " is not written down: " + std::to_string(waits->rejects)
         + " batches of it are set aside ('millrace rejects' lists them); "
           "'millrace eop --accept-rejects' writes it without them";
}

void rdb_state::written(position end, manifest_version version,
                        const error& fault) {
  writing = false;
  join_next();
  // It is tried again and again, and each time another file may be the first
  // that fails: a kind of failure is told once, and now and then again.
  constexpr int64_t told_again_ns = 60'000'000'000;
  const auto now = env->clock->monotonic_ns();
  const bool is_news = fault
                       && (fault.code != last_failure.code
                           || now - not_written_ns >= told_again_ns);
  if (is_news) {
    not_written_ns = now;
    warn("not_written", "the rows up to " + to_string(end)
                          + " are not written down yet, and are tried again: "
                          + to_string(fault));
  }
  if (!fault)
    note("written", "the rows up to " + to_string(end) + " are in manifest "
                      + std::to_string(version.value) + " of "
                      + settings.hdb_directory);
  last_failure = fault;
  if (is_of_another_hdb(fault))
    return leave_hdb("does not hold what the rows in memory go on from: "
                     + fault.context);
  const period_ledger::written done{end, version, fault};
  if (fault)
    return step(done);
  unnoted = done;
  step(hdb_presence::written{});
}

void rdb_state::step(const period_ledger::input& what) {
  const auto done = ledger.step(what, env->clock->monotonic_ns());
  if (done.to_write)
    write(*done.to_write);
  for (const auto& hdb : done.to_tell)
    tell(hdb);
  if (const auto served = ledger.served_end(); served > told_served) {
    tell_let_go(std::max(told_served, store->tables.snapshot()->begin), served);
    told_served = served;
  }
  if (done.to_drop) {
    env->crash_point("rdb.before_purge");
    if (auto fault = store->drop(*done.to_drop))
      last_failure = fault;
    {
      const std::scoped_lock lock{store->reject_mutex};
      store->losses.forget(*done.to_drop);
      store->rejects.forget(*done.to_drop);
      std::erase_if(store->unheld,
                    [&](const auto& each) { return each.to <= *done.to_drop; });
    }
    step(hdb_presence::written{});
    env->crash_point("rdb.after_purge");
  }
  answer_installs();
}

void rdb_state::write(const period_ledger::write& what) {
  if (accounting || presence->waits() || !presence->leaving().empty()) {
    postponed = what;
    return step(hdb_presence::wanted{});
  }
  writing = true;
  persistence::period_request request;
  request.stream = settings.stream;
  request.period = what.period.value;
  request.from = what.from;
  request.to = what.to;
  request.account = {progress.life(), store->lost(what.from, what.to)};
  const auto snapshot = store->tables.snapshot();
  for (const auto& table : settings.tables) {
    // A table that came later than another is read from where the stream
    // begins; what the HDB has of the others is not written again.
    const auto held = earlier.cutovers.find(table.name);
    const auto from = held == earlier.cutovers.end()
                        ? what.from
                        : std::max(what.from, held->second);
    if (from >= what.to)
      continue;
    if (from != what.from)
      request.begins.emplace(table.name, from);
    auto view = snapshot->view(table.name, from,
                               MILLRACE_PLANTED(write_down_rows_after_the_end)
                                 ? snapshot->end
                                 : what.to);
    if (!view) {
      self->send(self, written_atom::value, what.to, manifest_version{},
                 to_caf(view.failure()));
      return;
    }
    request.tables.push_back(*std::move(view));
  }
  write_down::start(
    *env, settings.hdb_directory, was_there(), std::move(request),
    [me = rdb_self_actor{self}, end = what.to](manifest_version version,
                                               const error& fault) {
      caf::anon_send(me, written_atom::value, end, version, to_caf(fault));
    });
}

void rdb_state::tell(const std::string& hdb) {
  const auto* entry = hdbs.find(hdb);
  if (entry == nullptr || !entry->handle)
    return;
  self
    ->request(caf::actor_cast<hdb_actor>(entry->handle),
              caf::timespan{request_deadline}, refresh_atom_v)
    // It announces what it serves then. Told again at a later tick.
    .then([](manifest_version) {}, [](const caf::error&) {});
}

// -- HDBs ---------------------------------------------------------------------

void rdb_state::watch(const std::vector<process_row>& rows) {
  for (const auto& fresh :
       hdbs.update(rows, {backend_role::hdb}, env->clock->monotonic_ns())) {
    step(period_ledger::hdb_left{fresh});
    if (is_ours(*hdbs.find(fresh)))
      connect(fresh);
  }
}

/// What others serve says nothing of what was written here.
bool rdb_state::is_ours(const backend& hdb) const {
  return hdb.directory == settings.hdb_directory;
}

void rdb_state::connect(const std::string& backend_name) {
  connect_backend(self, hdbs, backend_name, connector, *env->clock,
                  [this](const std::string& hdb) {
                    if (!is_ours(*hdbs.find(hdb)))
                      return;
                    step(period_ledger::hdb_came{hdb});
                    follow_backend<hdb_actor, hdb_watcher_actor>(
                      self, hdbs, hdb, [this, hdb](const error& why) {
                        warn("backend_unfit",
                             why.context
                               + ": what it serves does not count; stop it, or "
                                 "give it another type");
                        step(period_ledger::hdb_left{hdb});
                      });
                  });
}

void rdb_state::hear(const hdb_announcement& news) {
  const auto* from = hdbs.find(news.process);
  if (from == nullptr || !is_ours(*from))
    return;
  std::optional<position> least;
  for (const auto& table : settings.tables) {
    const auto found = news.cutovers.find(table.name);
    const auto at = found == news.cutovers.end() ? position{} : found->second;
    least = std::min(least.value_or(at), at);
  }
  if (least.value_or(position{}) < ledger.held_end())
    look_for_an_older_hdb();
  step(period_ledger::hdb_serves{news.process, least.value_or(position{})});
}

void rdb_state::lost(const caf::down_msg& down) {
  if (subscriber && down.source == subscriber.address())
    return self->quit(to_caf({errc::closed, "its subscription of stream '"
                                              + settings.stream + "' ended"}));
  std::erase_if(
    watchers, [&](const auto& each) { return each.address() == down.source; });
  if (const auto who = hdbs.lost(down.source, env->clock->monotonic_ns());
      !who.empty())
    step(period_ledger::hdb_left{who});
}

// -- time, and what is seen ---------------------------------------------------

void rdb_state::warn(const std::string& id, const std::string& text) {
  if (settings.on_warning)
    settings.on_warning(id, text);
}

void rdb_state::tick() {
  const auto now = env->clock->monotonic_ns();
  if (!waiting.empty())
    wake();
  step(period_ledger::tick{});
  join_next();
  watch_memory();
  tell_stall();
  step(hdb_presence::passed{writing});
  for (auto& [hdb_name, entry] : hdbs.all())
    if (is_ours(entry) && entry.link.due(now))
      connect(hdb_name);
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

// lint: allow(length): one handler per message of its interface.
rdb_self_actor::behavior_type
rdb(rdb_self_actor::stateful_pointer<rdb_state> self, persistence::env* world,
    rdb_settings settings, connector_actor connector,
    registrar_actor registry) {
  auto& state = self->state;
  state.env = world;
  state.settings = std::move(settings);
  state.children.attach(self);
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.lost(down); });
  state.start(std::move(connector), std::move(registry));
  return {
    [self](status_atom) { return self->state.status(); },
    [self](facts_atom) { return self->state.facts(); },
    [self](query_atom, const chunk& plan, rows_after rows) {
      return self->state.query(plan, rows);
    },
    [self](query_atom, const chunk& plan, rows_after rows, flow_id flow,
           result_sink_actor sink) {
      return self->state.query(plan, rows, flow, std::move(sink));
    },
    [self](watch_atom, const std::vector<process_row>& rows) {
      self->state.watch(rows);
    },
    [self](caf::subscribe_atom, const rdb_watcher_actor& who) {
      self->state.watch(who);
    },
    [self](flow_atom, lineage_id life, position end) {
      self->state.flow_began(life, end);
    },
    [self](stream_lost_atom, const caf::error& why) {
      self->state.flow_lost(from_caf(why));
    },
    [self](set_back_atom, position at, const std::string& cause) {
      self->state.stream_set_back(at, cause);
    },
    [self](ended_atom, const caf::error& fault) { self->quit(fault); },
    [self](take_table_atom, const table_news& news) {
      return self->state.take_table(news);
    },
    [self](accounted_atom, position end, const caf::error& fault) {
      self->state.accounted(end, from_caf(fault));
    },
    [self](installed_atom, period_id period, position at, bool accept) {
      return self->state.wait_installed(period, at, accept);
    },
    [self](warned_atom, const std::string& id, const std::string& text) {
      self->state.warn(id, text);
    },
    [self](accepted_atom, period_id up_to, const caf::error& fault) {
      self->state.accepted(up_to, from_caf(fault));
    },
    [self](announce_atom, const hdb_announcement& news) {
      self->state.hear(news);
    },
    [self](looked_atom, position held, bool is_read, position there) {
      self->state.looked(held, is_read, there);
    },
    [self](sought_atom, bool is_back, bool is_settled, bool is_all) {
      self->state.sought(is_back, is_settled, is_all);
    },
    [self](kept_atom, const caf::error& fault, bool is_there) {
      self->state.step(hdb_presence::kept{from_caf(fault), is_there});
    },
    [self](period_read_atom, uint64_t number, const period_report& written) {
      self->state.reported(number, written);
    },
    [self](passed_atom, period_id period, position end, uint64_t rejects,
           uint64_t losses, uint64_t unheld) {
      self->state.period_passed({period, end, rejects, losses, unheld});
    },
    [self](written_atom, position end, manifest_version version,
           const caf::error& fault) {
      self->state.written(end, version, from_caf(fault));
    },
    own_ticks(self),
    [self](moved_atom) { self->state.wake(); },
  };
}

} // namespace millrace::torq
