#include <millrace/actors/torq/execute/query_job.hpp>
#include <millrace/actors/torq/hdb/hdb.hpp>

#include <nlohmann/json.hpp>

namespace millrace::torq {

namespace {
constexpr auto tick_interval = std::chrono::milliseconds{500};
/// Look-ups for more symbols than this cost more than they save.
constexpr size_t indexed_symbols_max = 64;
} // namespace

uint64_t hdb_state::refresh() {
  if (!store) {
    auto opened = persistence::hdb_store::open(*env->fs, settings.directory);
    if (!opened) {
      // Nothing written yet is no failure; anything else is told in status.
      last_failure
        = opened.failure().code == errc::not_found ? error{} : opened.failure();
      return 0;
    }
    store = *std::move(opened);
  } else {
    auto news = store->refresh();
    last_failure = news.failure();
  }
  auto newest = store->snapshot();
  const auto version = newest->version();
  if (!versions.contains(version)) {
    env->crash_point("hdb.before_open");
    for (auto& [old, entry] : versions)
      if (entry.replaced_at_ns == 0)
        entry.replaced_at_ns = env->clock->monotonic_ns();
    update_index(newest);
    versions[version] = {std::move(newest), 0};
    env->crash_point("hdb.after_open");
  }
  return version;
}

void hdb_state::update_index(
  std::shared_ptr<const persistence::hdb_snapshot> newest) {
  if (!index)
    return;
  env->io->submit([slot = index, snapshot = std::move(newest)] {
    const std::scoped_lock lock{slot->updating};
    if (slot->version.load() >= snapshot->version())
      return;
    // A failure leaves the index behind: queries then look at every part.
    if (auto added = slot->index->update(*snapshot))
      slot->version = snapshot->version();
  });
}

std::optional<std::set<std::string>>
hdb_state::parts_of_symbols(const query::logical_plan& plan,
                            const persistence::hdb_snapshot& pinned) const {
  const auto schema = pinned.schema(plan.table);
  if (!index || !plan.symbols || !schema
      || plan.symbols->size() > indexed_symbols_max
      || plan.symbol_column != schema->symbol_column
      || index->version.load() != pinned.version())
    return std::nullopt;
  std::set<std::string> paths;
  for (const auto& symbol : *plan.symbols) {
    const auto rows = index->index->rows(plan.table, symbol);
    if (!rows)
      return std::nullopt;
    for (const auto& range : *rows)
      paths.insert(range.part);
  }
  return paths;
}

void hdb_state::forget_old() {
  const auto now = env->clock->monotonic_ns();
  std::erase_if(versions, [&](const auto& item) {
    return item.second.replaced_at_ns != 0
           && now - item.second.replaced_at_ns > settings.query_timeout_ns;
  });
}

result<std::shared_ptr<const persistence::hdb_snapshot>>
hdb_state::pin(uint64_t version) {
  if (versions.empty() || version > versions.rbegin()->first)
    (void)refresh();
  if (versions.empty()) {
    if (last_failure)
      return last_failure;
    return std::shared_ptr<const persistence::hdb_snapshot>{};
  }
  if (version == 0)
    return versions.rbegin()->second.snapshot;
  const auto found = versions.find(version);
  if (found == versions.end())
    return error{errc::moved, settings.process + ": serves versions "
                                + std::to_string(versions.begin()->first)
                                + " to "
                                + std::to_string(versions.rbegin()->first)
                                + ", not " + std::to_string(version)};
  return found->second.snapshot;
}

caf::result<chunks, query_cut> hdb_state::query(const chunk& plan_bytes,
                                                uint64_t version) {
  auto plan = query::decode_plan(plan_bytes.bytes());
  if (!plan)
    return to_caf(plan.failure());
  auto snapshot = pin(version);
  if (!snapshot)
    return to_caf(snapshot.failure());
  auto work = std::make_shared<query_work>();
  if (const auto& pinned = *snapshot) {
    work->cut.manifest = pinned->version();
    work->cut.upper = versions.rbegin()->first;
    if (const auto stream = settings.streams.find(plan->table);
        stream != settings.streams.end())
      if (auto at = pinned->manifest().cutover(stream->second, plan->table))
        work->cut.cutover = at->value;
    const auto wanted = parts_of_symbols(*plan, *pinned);
    for (const auto* part : pinned->parts(plan->table)) {
      if (wanted && !wanted->contains(part->path()))
        continue;
      auto view = pinned->view(*part);
      if (!view)
        return to_caf(view.failure());
      work->parts.push_back(*std::move(view));
    }
  }
  work->plan = *std::move(plan);
  work->deadline_ns = env->clock->monotonic_ns() + settings.query_timeout_ns;
  auto job = self->spawn(query_job, env, std::move(work));
  auto promise = self->make_response_promise<chunks, query_cut>();
  self->request(job, caf::infinite, start_atom_v)
    .then(
      [promise](const chunks& partial, const query_cut& cut) mutable {
        promise.deliver(partial, cut);
      },
      [promise](caf::error& fault) mutable {
        promise.deliver(std::move(fault));
      });
  return promise;
}

void hdb_state::tick() {
  (void)refresh();
  forget_old();
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

std::string hdb_state::status() const {
  nlohmann::json out;
  out["role"] = "hdb";
  out["directory"] = settings.directory;
  out["version"] = versions.empty() ? 0 : versions.rbegin()->first;
  auto tables = nlohmann::json::object();
  std::set<std::string> partitions;
  if (!versions.empty()) {
    const auto& manifest = versions.rbegin()->second.snapshot->manifest();
    for (const auto& part : manifest.parts) {
      tables[part.table]
        = tables.value(part.table, uint64_t{0}) + part.row_count;
      partitions.insert(part.partition);
    }
    auto cutovers = nlohmann::json::object();
    for (const auto& [table, stream] : settings.streams)
      if (auto at = manifest.cutover(stream, table))
        cutovers[table] = at->value;
    out["cutovers"] = std::move(cutovers);
  }
  out["rows"] = std::move(tables);
  out["partitions"] = partitions;
  if (index)
    out["indexed_version"] = index->version.load();
  if (last_failure)
    out["last_failure"] = to_string(last_failure);
  return out.dump();
}

hdb_actor::behavior_type hdb(hdb_actor::stateful_pointer<hdb_state> self,
                             persistence::env* world, hdb_settings settings,
                             std::shared_ptr<hdb_index_slot> index) {
  self->state.env = world;
  self->state.index = std::move(index);
  self->state.settings = std::move(settings);
  self->state.tick();
  return {
    [self](status_atom) { return self->state.status(); },
    [self](query_atom, const chunk& plan, uint64_t version) {
      return self->state.query(plan, version);
    },
    [self](refresh_atom) { return self->state.refresh(); },
    [self](caf::tick_atom) { self->state.tick(); },
  };
}

} // namespace millrace::torq
