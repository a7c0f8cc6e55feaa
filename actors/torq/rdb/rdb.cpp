#include <millrace/actors/rt/subscribe/subscriber.hpp>
#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/actors/torq/rdb/write_down.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <caf/actor_cast.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace millrace::torq {

namespace {

constexpr auto tick_interval = std::chrono::milliseconds{50};
constexpr auto request_deadline = std::chrono::seconds{3};
constexpr int64_t retry_write_ns = 200'000'000;
constexpr int64_t retry_tell_ns = 500'000'000;
/// Drops give memory back in steps: applying goes on at this share of the
/// limit.
constexpr double resume_share = 0.9;
/// A gateway's question may be under way for so long before its time runs.
constexpr int64_t drop_margin_ns = 1'000'000'000;
/// Whoever waits for a partition says so again within this time, or is gone.
constexpr int64_t install_patience_ns = 5'000'000'000;

void reject(rdb_store& store, const error& fault) {
  ++store.rejected_batches;
  const std::scoped_lock lock{store.reject_mutex};
  store.last_reject = to_string(fault);
}

/// What the subscriber calls: the only writer beside drops.
std::shared_ptr<rt::subscription_handlers>
handlers_of(const std::shared_ptr<rdb_store>& store, persistence::env* env,
            const rdb_actor& owner) {
  auto out = std::make_shared<rt::subscription_handlers>();
  auto view = std::make_shared<batch_view>();
  out->on_message = [store, view, env](const rt::message& m, position end) {
    if (m.kind != payload_kind::table_batch)
      return;
    env->crash_point("rdb.before_insert");
    if (auto fault = decode_batch(m.payload, *view))
      return reject(*store, fault);
    const std::scoped_lock lock{store->writing};
    if (store->tables.table(view->table) == nullptr)
      return; // Another RDB's table.
    if (auto fault = store->tables.append(*view, end))
      return reject(*store, fault);
    store->rows += view->row_count;
  };
  out->on_event = [store](const stream_event& event) {
    if (event.kind != event_kind::schema)
      return;
    auto schema = decode_table_schema(event.schema.data(), event.schema.size());
    if (!schema)
      return reject(*store, schema.failure());
    const std::scoped_lock lock{store->writing};
    const auto* table = store->tables.table(schema->name);
    if (table == nullptr || table->schema().version >= schema->version)
      return;
    if (auto fault = store->tables.declare(*schema))
      reject(*store, fault);
  };
  out->on_batch_end = [store, owner](position end) {
    {
      const std::scoped_lock lock{store->writing};
      if (end <= store->tables.snapshot()->end)
        return;
      store->tables.publish(end);
      store->byte_count = store->tables.byte_count();
    }
    if (store->wake_wanted.exchange(false))
      caf::anon_send(owner, wake_atom_v);
  };
  out->on_period = [store, env, owner](int64_t period, position end) {
    env->crash_point("rdb.before_eod_mark");
    ++store->period_ends_untold;
    {
      const std::scoped_lock lock{store->writing};
      store->tables.end_period(end);
    }
    caf::anon_send(owner, period_atom_v, period, end.value);
  };
  return out;
}

} // namespace

void rdb_state::start(connector_actor to_others, registrar_actor registry) {
  connector = std::move(to_others);
  store = std::make_shared<rdb_store>();
  for (const auto& table : settings.tables)
    if (auto fault = store->tables.declare(table)) {
      self->quit(to_caf(fault));
      return;
    }
  if (!settings.hdb_directory.empty()) {
    auto manifest
      = persistence::read_hdb_manifest(*env->fs, settings.hdb_directory);
    if (manifest) {
      std::optional<position> cutover;
      for (const auto& table : settings.tables) {
        const auto at = manifest->cutover(settings.stream, table.name);
        cutover = std::min(cutover.value_or(position{~uint64_t{0}}),
                           at.value_or(position{}));
      }
      if (cutover && cutover->value != 0)
        store->tables.reset(*cutover);
      // Written before; whether an HDB serves it is not known yet.
      if (cutover && cutover->value != 0)
        ended.push_back(
          {std::numeric_limits<int64_t>::min(), *cutover, manifest->version});
    } else if (manifest.failure().code != errc::not_found) {
      self->quit(to_caf(manifest.failure()));
      return;
    }
  }
  // Readers see the empty tables before the first message comes.
  store->tables.publish(store->tables.begin());
  subscribe();
  if (registry)
    self->send(registry, watch_atom_v, std::string{"hdb"},
               caf::actor_cast<watcher_actor>(self));
  self->send(self, caf::tick_atom_v);
}

void rdb_state::subscribe() {
  rt::subscriber_options options;
  options.topic = settings.stream;
  options.rt = settings.rt;
  const auto begin = store->tables.begin();
  if (begin.value != 0) {
    options.start.kind = start_spec::at_position;
    options.start.position = begin.value;
  }
  subscriber = self->spawn(rt::subscriber, env, connector, std::move(options),
                           std::make_shared<rt::subscription>(settings.stream),
                           handlers_of(store, env, rdb_actor{self}));
  children.add(subscriber);
  self->monitor(subscriber);
}

bool rdb_state::ready(const waiting_query& what) const {
  const auto end = store->tables.snapshot()->end.value;
  return end >= what.cutover && end >= what.at_least;
}

caf::result<chunks, query_cut>
rdb_state::query(const chunk& plan_bytes, uint64_t cutover, uint64_t at_least) {
  auto plan = query::decode_plan(plan_bytes.bytes());
  if (!plan)
    return to_caf(plan.failure());
  waiting_query what;
  what.plan = *std::move(plan);
  what.cutover = cutover;
  what.at_least = at_least;
  what.deadline_ns = env->clock->monotonic_ns() + settings.query_timeout_ns;
  what.promise = self->make_response_promise<chunks, query_cut>();
  auto promise = what.promise;
  if (ready(what)) {
    answer(std::move(what));
  } else if (paused) {
    what.promise.deliver(not_reached(what, errc::limit_exceeded));
  } else {
    waiting.push_back(std::move(what));
    store->wake_wanted = true;
    // The snapshot may have moved before the wish was seen.
    wake();
  }
  return promise;
}

caf::error rdb_state::not_reached(const waiting_query& what, errc code) const {
  return to_caf(
    {code, settings.process + ": has not reached "
             + to_string(position{std::max(what.cutover, what.at_least)})
             + "; it stands at " + to_string(store->tables.snapshot()->end)
             + (paused ? ": " + stall_reason() : std::string{})});
}

void rdb_state::answer(waiting_query what) {
  const auto snapshot = store->tables.snapshot();
  if (what.cutover < snapshot->begin.value) {
    what.promise.deliver(
      to_caf({errc::moved, "rows behind " + to_string(position{what.cutover})
                             + " are in the HDB now"}));
    return;
  }
  const auto upper = snapshot->end;
  auto view = snapshot->view(what.plan.table, {what.cutover}, upper);
  if (!view) {
    what.promise.deliver(to_caf(view.failure()));
    return;
  }
  auto work = std::make_shared<query_work>();
  work->plan = std::move(what.plan);
  work->parts.push_back(*std::move(view));
  work->cut = {0, what.cutover, upper.value};
  work->deadline_ns = what.deadline_ns;
  auto job = self->spawn(query_job, env, std::move(work));
  self->request(job, caf::infinite, start_atom_v)
    .then([promise = what.promise](
            const chunks& partial,
            const query_cut& cut) mutable { promise.deliver(partial, cut); },
          [promise = what.promise](caf::error& fault) mutable {
            promise.deliver(std::move(fault));
          });
}

void rdb_state::wake() {
  const auto now = env->clock->monotonic_ns();
  std::deque<waiting_query> still;
  for (auto& what : waiting) {
    if (ready(what))
      answer(std::move(what));
    else if (now > what.deadline_ns)
      what.promise.deliver(not_reached(what, errc::timeout));
    else
      still.push_back(std::move(what));
  }
  waiting = std::move(still);
  if (!waiting.empty())
    store->wake_wanted = true;
}

void rdb_state::period_passed(int64_t period, uint64_t end) {
  --store->period_ends_untold;
  if (end <= served_position)
    return;
  ended.push_back({period, {end}});
  write_next();
}

void rdb_state::write_next() {
  if (writing || !settings.write_down || settings.hdb_directory.empty()
      || env->clock->monotonic_ns() < retry_write_at_ns)
    return;
  position from{served_position};
  const ended_period* next = nullptr;
  for (const auto& entry : ended) {
    if (entry.version == 0) {
      next = &entry;
      break;
    }
    from = entry.end;
  }
  if (next == nullptr)
    return;
  persistence::period_request request;
  request.stream = settings.stream;
  request.period = next->period;
  request.partition = persistence::date_partition_name(next->period);
  request.from = from;
  request.to = next->end;
  const auto snapshot = store->tables.snapshot();
  for (const auto& table : settings.tables) {
    auto view = snapshot->view(table.name, from, next->end);
    if (!view) {
      last_failure = view.failure();
      retry_write_at_ns = env->clock->monotonic_ns() + retry_write_ns;
      return;
    }
    request.tables.push_back(*std::move(view));
  }
  writing = true;
  write_down::start(
    *env, settings.hdb_directory, std::move(request),
    [me = rdb_actor{self}, period = next->period,
     end = next->end.value](uint64_t version, const error& fault) {
      caf::anon_send(me, job_atom_v, period, end, version, to_caf(fault));
    });
}

void rdb_state::written(int64_t, uint64_t cutover, uint64_t version,
                        const caf::error& fault) {
  writing = false;
  if (fault) {
    // Rows stay in memory; the same write is tried again.
    last_failure = from_caf(fault);
    retry_write_at_ns = env->clock->monotonic_ns() + retry_write_ns;
    return;
  }
  last_failure = {};
  for (auto& entry : ended)
    if (entry.end.value == cutover)
      entry.version = version;
  env->crash_point("rdb.before_notify");
  tell_hdbs();
  write_next();
}

void rdb_state::tell_hdbs() {
  for (auto& [hdb_name, entry] : hdbs.all()) {
    if (!entry.handle)
      continue;
    self
      ->request(caf::actor_cast<hdb_actor>(entry.handle),
                caf::timespan{request_deadline}, refresh_atom_v)
      .then([this, hdb_name
                   = hdb_name](uint64_t version) { served(version, hdb_name); },
            // Told again at a later tick.
            [](const caf::error&) {});
  }
}

void rdb_state::served(uint64_t version, const std::string& hdb) {
  if (auto* entry = hdbs.find(hdb))
    entry->manifest = std::max(entry->manifest, version);
  const auto now = env->clock->monotonic_ns();
  const auto begin = store->tables.snapshot()->begin;
  for (auto& entry : ended) {
    if (entry.version == 0)
      break;
    bool by_all = true;
    bool by_any = false;
    for (const auto& [key, other] : hdbs.all()) {
      const bool has = other.manifest >= entry.version;
      by_any |= has;
      by_all &= has || !other.handle;
    }
    if (by_any && entry.end.value > served_position) {
      served_position = entry.end.value;
      served_version = entry.version;
    }
    if (by_any && by_all && !entry.served) {
      entry.served = true;
      // Queries planned before the partition appeared still want these rows.
      entry.drop_at_ns = entry.end <= begin
                           ? now
                           : now + settings.query_timeout_ns + drop_margin_ns;
    }
  }
  answer_installs();
}

bool rdb_state::installed(const waiting_install& what) const {
  if (!what.period)
    return what.position <= served_position;
  // Read in this order: an end that the snapshot shows is counted before.
  if (store->tables.snapshot()->end.value < what.position
      || store->period_ends_untold != 0)
    return false;
  return std::none_of(ended.begin(), ended.end(), [&](const auto& entry) {
    return entry.period <= *what.period && entry.end.value > served_position;
  });
}

void rdb_state::answer_installs() {
  const auto now = env->clock->monotonic_ns();
  std::erase_if(installs, [this, now](waiting_install& waits) {
    if (installed(waits))
      waits.promise.deliver(served_version);
    else if (now > waits.deadline_ns)
      waits.promise.deliver(
        to_caf({errc::timeout, settings.process + ": no hdb serves up to "
                                 + to_string(position{waits.position})}));
    else
      return false;
    return true;
  });
}

void rdb_state::drop_served() {
  const auto now = env->clock->monotonic_ns();
  while (!ended.empty() && ended.front().served
         && now >= ended.front().drop_at_ns) {
    if (ended.front().end > store->tables.snapshot()->begin) {
      env->crash_point("rdb.before_purge");
      {
        const std::scoped_lock lock{store->writing};
        if (auto fault = store->tables.drop(ended.front().end))
          last_failure = fault;
        store->byte_count = store->tables.byte_count();
      }
      env->crash_point("rdb.after_purge");
    }
    ended.pop_front();
  }
}

caf::result<uint64_t> rdb_state::wait_installed(uint64_t at,
                                                std::optional<int64_t> period) {
  auto promise = self->make_response_promise<uint64_t>();
  installs.push_back(
    {at, period, env->clock->monotonic_ns() + install_patience_ns, promise});
  answer_installs();
  return promise;
}

void rdb_state::watch(const std::vector<process_row>& rows) {
  for (const auto& fresh : hdbs.update(rows, {"hdb"}))
    connect(fresh);
}

void rdb_state::connect(const std::string& backend_name) {
  connect_backend(self, hdbs, backend_name, connector, *env->clock,
                  [this] { tell_hdbs(); });
}

void rdb_state::watch_memory() {
  if (settings.memory_max_bytes == 0 || !subscriber)
    return;
  const auto used = store->byte_count.load();
  const auto end = store->tables.snapshot()->end.value;
  const bool awaited
    = std::any_of(installs.begin(), installs.end(),
                  [end](const auto& waits) { return waits.position > end; });
  const bool above = used > settings.memory_max_bytes && !awaited;
  const bool below
    = static_cast<double>(used)
      < static_cast<double>(settings.memory_max_bytes) * resume_share;
  if (paused ? !below && !awaited : !above)
    return;
  paused = !paused;
  self->send(subscriber, pause_atom_v, paused);
  if (settings.on_stall)
    settings.on_stall(stall_reason());
}

std::string rdb_state::stall_reason() const {
  if (!paused)
    return {};
  return "holds " + std::to_string(store->byte_count.load())
         + " bytes, memory_max is " + std::to_string(settings.memory_max_bytes)
         + "; goes on when the end of a period frees memory";
}

void rdb_state::tick() {
  const auto now = env->clock->monotonic_ns();
  if (!waiting.empty())
    wake();
  write_next();
  drop_served();
  answer_installs();
  watch_memory();
  bool unserved = false;
  for (const auto& entry : ended)
    unserved |= entry.version != 0 && !entry.served;
  if (unserved && now >= next_tell_ns) {
    next_tell_ns = now + retry_tell_ns;
    tell_hdbs();
  }
  for (auto& [hdb_name, entry] : hdbs.all())
    if (!entry.handle && !entry.connecting && now >= entry.retry_at_ns)
      connect(hdb_name);
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

std::string rdb_state::status() const {
  const auto snapshot = store->tables.snapshot();
  nlohmann::json out;
  out["role"] = "rdb";
  out["stream"] = settings.stream;
  out["position"] = snapshot->end.value;
  out["begin"] = snapshot->begin.value;
  out["bytes"] = store->byte_count.load();
  out["paused"] = paused;
  if (paused)
    out["stalled"] = stall_reason();
  out["rejected_batches"] = store->rejected_batches.load();
  auto tables = nlohmann::json::object();
  for (const auto& table : snapshot->table_names())
    if (auto view = snapshot->view(table))
      tables[table] = view->row_count();
  out["rows"] = std::move(tables);
  out["periods_to_write"] = ended.size();
  out["served_position"] = served_position;
  {
    const std::scoped_lock lock{store->reject_mutex};
    if (!store->last_reject.empty())
      out["last_reject"] = store->last_reject;
  }
  if (last_failure)
    out["last_failure"] = to_string(last_failure);
  return out.dump();
}

rdb_actor::behavior_type rdb(rdb_actor::stateful_pointer<rdb_state> self,
                             persistence::env* world, rdb_settings settings,
                             connector_actor connector,
                             registrar_actor registry) {
  auto& state = self->state;
  state.env = world;
  state.settings = std::move(settings);
  state.children.attach(self);
  self->set_down_handler([self](caf::down_msg& down) {
    auto& me = self->state;
    if (me.subscriber && down.source == me.subscriber.address())
      self->quit(down.reason);
    else
      me.hdbs.lost(down.source);
  });
  state.start(std::move(connector), std::move(registry));
  return {
    [self](status_atom) { return self->state.status(); },
    [self](query_atom, const chunk& plan, uint64_t cutover, uint64_t at_least) {
      return self->state.query(plan, cutover, at_least);
    },
    [self](watch_atom, const std::vector<process_row>& rows) {
      self->state.watch(rows);
    },
    [self](installed_atom, uint64_t at) {
      return self->state.wait_installed(at, std::nullopt);
    },
    [self](installed_atom, int64_t period, uint64_t at) {
      return self->state.wait_installed(at, period);
    },
    [self](period_atom, int64_t period, uint64_t end) {
      self->state.period_passed(period, end);
    },
    [self](job_atom, int64_t period, uint64_t cutover, uint64_t version,
           const caf::error& fault) {
      self->state.written(period, cutover, version, fault);
    },
    [self](caf::tick_atom) { self->state.tick(); },
    [self](wake_atom) { self->state.wake(); },
  };
}

} // namespace millrace::torq
