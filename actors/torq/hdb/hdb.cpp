#include <millrace/actors/torq/execute/bundle_source.hpp>
#include <millrace/actors/torq/execute/query_flow.hpp>
#include <millrace/actors/torq/hdb/hdb.hpp>
#include <millrace/actors/torq/hdb/partition_losses.hpp>
#include <millrace/actors/torq/hdb/unread_partitions.hpp>
#include <millrace/messages/base/caught.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/persistence/hdb/hdb_contents.hpp>
#include <millrace/persistence/hdb/part_dates.hpp>
#include <millrace/persistence/memory/memory_table.hpp>

#include <caf/send.hpp>

namespace millrace::torq {

namespace {
constexpr auto tick_interval = std::chrono::milliseconds{500};
/// Look-ups for more symbols than this cost more than they save.
constexpr size_t indexed_symbols_max = 64;
} // namespace

manifest_version hdb_state::refresh() {
  if (!store) {
    auto opened = persistence::hdb_store::open(*env->fs, settings.directory);
    if (!opened) {
      // Nothing written yet is not a failure; anything else is told.
      const bool none = opened.failure().code == errc::not_found;
      note(none ? error{} : opened.failure());
      if (none)
        look_for_losses(nullptr);
      recall();
      return {};
    }
    store = *std::move(opened);
    note({});
    const auto rolls
      = persistence::read_table_rolls(*env->fs, settings.directory);
    if (!rolls && rolls.failure().code == errc::corrupt && settings.on_warning)
      settings.on_warning("rolls_damaged",
                          rolls.failure().context
                            + ": while the manifest cannot be read, dates up "
                              "to two days away count as well; the next "
                              "commit makes it again");
  } else {
    auto news = store->refresh();
    note(news.failure());
  }
  auto latest = store->snapshot();
  const manifest_version version{latest->version()};
  // A manifest that was brought back from a copy counts versions anew.
  if (const auto same = versions.find(version);
      version == serving && same->second.snapshot == latest)
    return version;
  if (version < serving && settings.on_warning)
    settings.on_warning("went_back",
                        settings.directory
                          + ": its manifest went back from "
                            "version "
                          + std::to_string(serving.value) + " to "
                          + std::to_string(version.value)
                          + ": an older copy was put in its place, and is "
                            "served; what was written since comes again from "
                            "the stream, as far as that keeps it");
  env->crash_point("hdb.before_open");
  for (auto& [old, entry] : versions)
    if (entry.replaced_at_ns == 0)
      entry.replaced_at_ns = env->clock->monotonic_ns();
  update_index(latest);
  look_for_undeclared(latest->manifest());
  look_for_outgrown(latest->manifest());
  look_for_strayed(latest->manifest());
  look_for_losses(&latest->manifest());
  contents = persistence::contents_of(latest->manifest());
  versions[version] = {std::move(latest), 0};
  serving = version;
  env->crash_point("hdb.after_open");
  for (const auto& who : watchers)
    caf::anon_send(who, announce_atom_v, announcement());
  return version;
}

void hdb_state::look_for_undeclared(const persistence::hdb_manifest& manifest) {
  std::map<std::string, uint64_t> found;
  for (const auto& part : manifest.parts)
    if (part.row_count != 0 && !settings.tables.contains(part.table))
      found[part.table] += part.row_count;
  std::erase_if(undeclared,
                [&](const auto& table) { return !found.contains(table); });
  for (const auto& [table, rows] : found)
    if (undeclared.insert(table).second && settings.on_undeclared)
      settings.on_undeclared(table, rows);
}

/// A process whose configuration is newer writes partitions that this one, and
/// with it the questions to it, does not know how to take.
void hdb_state::look_for_outgrown(const persistence::hdb_manifest& manifest) {
  std::map<std::string, std::string> found;
  for (const auto& [table, declared] : settings.tables) {
    const auto* newest = manifest.newest_schema(table);
    if (newest == nullptr)
      continue;
    auto mine = declared;
    mine.version = newest->version;
    if (mine == *newest)
      continue;
    if (const auto fault = persistence::check_evolution(*newest, mine))
      found.emplace(table, fault.context);
  }
  for (const auto& [table, why] : found)
    if (!outgrown.contains(table) && settings.on_outgrown)
      settings.on_outgrown(table, why);
  outgrown = std::move(found);
}

/// Questions find them by their times; what goes by a partition's name does
/// not.
void hdb_state::look_for_strayed(const persistence::hdb_manifest& manifest) {
  auto found
    = persistence::strayed_rows(settings.directory, manifest, settings.tables);
  for (const auto& [table, what] : found)
    if (!strayed.contains(table) && settings.on_warning)
      settings.on_warning("strayed", what);
  strayed = std::move(found);
}

void hdb_state::note(error fault) {
  if (fault == last_failure)
    return;
  last_failure = std::move(fault);
  if (settings.on_damage)
    settings.on_damage(last_failure);
}

std::vector<std::string>
hdb_state::warnings_of(const query::logical_plan& plan,
                       const persistence::hdb_snapshot* pinned) const {
  std::vector<std::string> out;
  if (const auto* lost = mark ? mark->loss_of(plan.table) : nullptr)
    out.push_back(*lost);
  const auto stream = settings.streams.find(plan.table);
  if (pinned == nullptr || stream == settings.streams.end())
    return out;
  add_missing(out, losses_among(pinned->manifest(), plan, stream->second,
                                pinned->schema(plan.table).get()));
  return out;
}

manifest_version hdb_state::newest() const { return serving; }

hdb_announcement hdb_state::announcement() const {
  hdb_announcement out;
  out.process = settings.process;
  out.manifest = newest();
  if (versions.empty())
    return out;
  const auto& snapshot = *versions.at(serving).snapshot;
  for (const auto& [table, stream] : settings.streams)
    if (const auto at = snapshot.cutover(stream, table))
      out.cutovers[table] = *at;
  out.contents = contents;
  return out;
}

void hdb_state::watch(const hdb_watcher_actor& who) {
  forget(who.address());
  watchers.push_back(who);
  self->monitor(who);
  // What cannot be read is not known: nothing is announced until it can.
  if (!versions.empty() || !last_failure)
    caf::anon_send(who, announce_atom_v, announcement());
}

/// Those who watch are told up to where the partitions account for it.
caf::result<table_intake> hdb_state::take_table(const table_news& news) {
  const auto& name_of_it = news.schema.name;
  const auto known = settings.tables.find(name_of_it);
  if (known != settings.tables.end() && known->second == news.schema)
    return table_intake{table_outcome::known, {}};
  if (known != settings.tables.end())
    return to_caf(
      {errc::already_exists,
       settings.process + ": knows another table '" + name_of_it + "'"});
  settings.tables.emplace(name_of_it, news.schema);
  settings.streams.emplace(name_of_it, news.stream);
  undeclared.erase(name_of_it);
  if (!versions.empty() || !last_failure)
    for (const auto& who : watchers)
      caf::anon_send(who, announce_atom_v, announcement());
  return table_intake{};
}

void hdb_state::forget(const caf::actor_addr& who) {
  std::erase_if(watchers,
                [&](const auto& each) { return each.address() == who; });
}

void hdb_state::update_index(
  std::shared_ptr<const persistence::hdb_snapshot> newest) {
  if (!index)
    return;
  env->io->submit([slot = index, snapshot = std::move(newest),
                   warn = settings.on_warning] {
    const std::scoped_lock lock{slot->updating};
    if (slot->identity == snapshot->identity())
      return;
    // A failure leaves the index behind: queries then look at every part.
    slot->identity = 0;
    auto fault = caught(
      "the index", [&] { return slot->index->update(*snapshot).failure(); });
    slot->last_failure = fault ? to_string(fault) : std::string{};
    if (fault && warn)
      warn("index_failed",
           slot->last_failure
             + "; questions look into each part until the next version of the "
               "database, which tries again");
    if (fault)
      return;
    slot->version = snapshot->version();
    slot->identity = snapshot->identity();
  });
}

std::optional<std::set<std::string>>
hdb_state::parts_of_symbols(const query::logical_plan& plan,
                            const persistence::hdb_snapshot& pinned) const {
  const auto schema = pinned.schema(plan.table);
  if (!index || !plan.symbols || !schema
      || plan.symbols->size() > indexed_symbols_max
      || plan.symbol_column != schema->symbol_column
      || (index->identity.load() != pinned.identity()
          && !MILLRACE_PLANTED(believe_a_stale_index)))
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
hdb_state::pin(std::optional<manifest_version> version) {
  if (version == manifest_version{}) {
    // Who believes that there is nothing must hear when it cannot be read.
    if (versions.empty())
      (void)refresh();
    if (versions.empty() && last_failure)
      return last_failure;
    return std::shared_ptr<const persistence::hdb_snapshot>{};
  }
  if (!version || !versions.contains(*version)) {
    (void)refresh();
    if (versions.empty() && last_failure)
      return last_failure;
    if (!version)
      version = newest();
    if (version == manifest_version{})
      return std::shared_ptr<const persistence::hdb_snapshot>{};
  }
  const auto found = versions.find(*version);
  if (found == versions.end())
    return error{errc::moved,
                 settings.process + ": serves "
                   + (versions.empty()
                        ? "nothing"
                        : "versions " + to_string(versions.begin()->first)
                            + " to " + to_string(newest()))
                   + ", not " + to_string(*version)};
  return found->second.snapshot;
}

bool hdb_state::has_none_of(const query::logical_plan& plan) const {
  const auto table = settings.tables.find(plan.table);
  if (!versions.empty() || table == settings.tables.end())
    return false;
  auto there = env->fs->list(settings.directory);
  if (!there)
    return false;
  std::erase_if(*there, [&](const auto& entry) {
    return !entry.is_directory
           || !persistence::is_partition(*env->fs, settings.directory,
                                         entry.name);
  });
  // One that is gone as well may have held them.
  if (mark)
    for (const auto& each : mark->partitions_of(plan.table))
      there->push_back({.name = each, .is_directory = true});
  const auto rolls
    = persistence::read_table_rolls(*env->fs, settings.directory);
  return none_holds_rows_of(*there, plan, table->second,
                            rolls ? std::optional{*rolls} : std::nullopt);
}

position hdb_state::cutover_of(const std::string& table,
                               const persistence::hdb_snapshot& pinned) const {
  const auto stream = settings.streams.find(table);
  if (stream == settings.streams.end())
    return {};
  return pinned.cutover(stream->second, table).value_or(position{});
}

uint64_t hdb_state::add_parts(const query::logical_plan& plan,
                              const persistence::hdb_snapshot& pinned,
                              std::vector<persistence::table_view>& parts,
                              std::vector<std::string>& warnings) const {
  add_missing(warnings, warnings_of(plan, &pinned));
  const auto wanted = parts_of_symbols(plan, pinned);
  uint64_t left_out = 0;
  for (const auto* part : pinned.parts(plan.table))
    if (!wanted || wanted->contains(part->path()))
      parts.push_back(pinned.view(*part));
    else
      ++left_out;
  return left_out;
}

result<hdb_state::bound_query>
hdb_state::bind(query::logical_plan plan,
                std::optional<manifest_version> version) {
  auto snapshot = pin(version);
  const auto* joined = plan.joined.tables.get();
  if (!snapshot
      && !(joined ? has_none_of(joined->left) && has_none_of(joined->right)
                  : has_none_of(plan)))
    return snapshot.failure();
  bound_query out{std::make_shared<query_work>(), {}};
  auto& [work, cut] = out;
  // Without a manifest nothing is pinned, and nothing of the plan is here.
  if (const auto pinned = snapshot ? *snapshot : nullptr) {
    cut.manifest = manifest_version{pinned->version()};
    cut.cutover = cutover_of(plan.table, *pinned);
    if (joined) {
      if (cutover_of(joined->right.table, *pinned) != cut.cutover)
        return error{errc::moved, settings.process + ": the partitions of '"
                                    + plan.table + "' and '"
                                    + joined->right.table
                                    + "' end at different places"};
      work->parts_left_out
        = add_parts(joined->left, *pinned, work->parts, cut.warnings)
          + add_parts(joined->right, *pinned, work->right_parts, cut.warnings);
    } else {
      work->parts_left_out
        = add_parts(plan, *pinned, work->parts, cut.warnings);
    }
  } else {
    if (!snapshot)
      cut.cutover = unread_cutover;
    if (joined)
      add_missing(cut.warnings, warnings_of(joined->right, nullptr));
    add_missing(cut.warnings,
                warnings_of(joined ? joined->left : plan, nullptr));
  }
  work->memory
    = questions_memory.account("the query on table '" + plan.table + "'");
  work->plan = std::move(plan);
  work->deadline_ns = env->clock->monotonic_ns() + settings.query_timeout_ns;
  work->asker = self->current_sender();
  work->process = settings.process;
  return out;
}

caf::result<bundle, partition_cut>
hdb_state::query(const chunk& plan_bytes,
                 std::optional<manifest_version> version) {
  auto plan = query::decode_plan(plan_bytes.bytes());
  if (!plan)
    return to_caf(plan.failure());
  auto bound = bind(*std::move(plan), version);
  if (!bound)
    return to_caf(bound.failure());
  const auto asker = caf::actor_cast<caf::actor_addr>(bound->work->asker);
  const auto held = bound->work->memory;
  auto job = self->spawn(query_job, env, std::move(bound->work));
  auto promise = self->make_response_promise<bundle, partition_cut>();
  self->request(job, caf::infinite, start_atom::value)
    .then(
      [this, promise, asker, held,
       cut = bound->cut](const chunks& partial) mutable {
        promise.deliver(bundle_of(self, partial, asker, held), cut);
      },
      [this, promise](caf::error& fault) mutable {
        met(from_caf(fault));
        promise.deliver(std::move(fault));
      });
  return promise;
}

caf::result<result_source_actor, partition_cut>
hdb_state::query(const chunk& plan_bytes,
                 std::optional<manifest_version> version, flow_id flow,
                 result_sink_actor sink) {
  auto plan = query::decode_flow(plan_bytes.bytes());
  if (!plan)
    return to_caf(plan.failure());
  auto bound = bind(*std::move(plan), version);
  if (!bound)
    return to_caf(bound.failure());
  // As a merger has them.
  std::stable_sort(
    bound->work->parts.begin(), bound->work->parts.end(),
    [](const auto& a, const auto& b) { return a.part_order < b.part_order; });
  auto source = self->spawn(query_flow, env, std::move(bound->work), flow,
                            std::move(sink));
  self->monitor(source);
  flows.insert(source.address());
  auto promise
    = self->make_response_promise<result_source_actor, partition_cut>();
  self->request(source, caf::infinite, start_atom::value)
    .then(
      [promise, source, cut = bound->cut](bool) mutable {
        promise.deliver(result_source_actor{source}, cut);
      },
      [promise](caf::error& fault) mutable {
        promise.deliver(std::move(fault));
      });
  return promise;
}

void hdb_state::lost(const caf::down_msg& what) {
  forget(what.source);
  // A flow that failed ends with its fault.
  if (flows.erase(what.source) != 0)
    met(from_caf(what.reason));
}

void hdb_state::met(const error& fault) {
  if (damage.is_news(fault) && settings.on_damaged_file)
    settings.on_damaged_file(damage.last());
}

void hdb_state::tick() {
  (void)refresh();
  forget_old();
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

hdb_facts hdb_state::facts() const {
  hdb_facts out;
  out.directory = settings.directory;
  out.version = newest();
  out.cutovers = announcement().cutovers;
  if (!versions.empty()) {
    const auto& manifest = versions.at(serving).snapshot->manifest();
    for (const auto& part : manifest.parts) {
      out.rows[part.table] += part.row_count;
      out.partitions.insert(part.partition);
    }
    for (const auto& loss : manifest.losses)
      if (loss.kind != persistence::hdb_loss::unheld)
        out.losses += loss.count;
  }
  if (mark) {
    const auto losses = mark->losses();
    out.losses += losses.size();
    for (const auto& [table, loss] : losses)
      out.gone.push_back(loss);
  }
  if (index) {
    out.indexed = manifest_version{index->version.load()};
    // An update that is under way is not waited for.
    if (const std::unique_lock lock{index->updating, std::try_to_lock}; lock)
      out.index_failure = index->last_failure;
  }
  if (last_failure)
    out.last_failure = to_string(last_failure);
  out.undeclared = undeclared;
  out.outgrown = outgrown;
  out.strayed = strayed;
  out.damaged_queries = damage.queries();
  out.damage = damage.last();
  return out;
}

status_facts to_status(const hdb_facts& facts) {
  status_facts out{{"role", "hdb"},
                   {"directory", facts.directory},
                   {"version", facts.version.value}};
  if (facts.version != manifest_version{}) {
    auto& cutovers = out.add("cutovers", text::json_value::object());
    for (const auto& [table, at] : facts.cutovers)
      cutovers.add(table, at.value);
  }
  out.add("rows", facts.rows);
  auto& partitions = out.add("partitions", text::json_value::array());
  for (const auto& partition : facts.partitions)
    partitions.add(partition);
  out.add("losses", facts.losses);
  if (!facts.gone.empty()) {
    out.add("gone", facts.gone);
    out.add("standing", facts.gone.front());
  }
  if (facts.indexed)
    out.add("indexed_version", facts.indexed->value);
  if (!facts.last_failure.empty())
    out.add("last_failure", facts.last_failure);
  if (!facts.last_failure.empty() && facts.version == manifest_version{}) {
    // Each question fails of it.
    out.add("refuses", true);
    out.add("standing", facts.last_failure);
  }
  if (!facts.undeclared.empty()) {
    auto& tables = out.add("undeclared", text::json_value::array());
    for (const auto& table : facts.undeclared)
      tables.add(table);
  }
  if (!facts.outgrown.empty()) {
    auto& tables = out.add("outgrown", text::json_value::object());
    for (const auto& [table, why] : facts.outgrown)
      tables.add(table, why);
  }
  if (!facts.strayed.empty())
    out.add("strayed", facts.strayed);
  if (facts.damaged_queries != 0) {
    out.add("damaged_queries", facts.damaged_queries);
    out.add("damage", facts.damage);
  }
  if (!facts.index_failure.empty())
    out.add("index_failure", facts.index_failure);
  return out;
}

hdb_self_actor::behavior_type
hdb(hdb_self_actor::stateful_pointer<hdb_state> self, persistence::env* world,
    hdb_settings settings, std::shared_ptr<hdb_index_slot> index) {
  self->state.env = world;
  self->state.index = std::move(index);
  self->state.settings = std::move(settings);
  self->state.questions_memory = {
    self->state.settings.query_memory_max_bytes, self->state.settings.process,
    self->state.settings.queries_memory_max_bytes};
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.lost(down); });
  self->state.tick();
  return {
    [self](status_atom) {
      auto out = to_status(self->state.facts());
      self->state.questions_memory.add_to(out);
      return out;
    },
    [self](query_atom, const chunk& plan) {
      return self->state.query(plan, std::nullopt);
    },
    [self](query_atom, const chunk& plan, manifest_version version) {
      return self->state.query(plan, version);
    },
    [self](query_atom, const chunk& plan, flow_id flow,
           result_sink_actor sink) {
      return self->state.query(plan, std::nullopt, flow, std::move(sink));
    },
    [self](query_atom, const chunk& plan, manifest_version version,
           flow_id flow, result_sink_actor sink) {
      return self->state.query(plan, version, flow, std::move(sink));
    },
    [self](refresh_atom) { return self->state.refresh(); },
    [self](caf::subscribe_atom, const hdb_watcher_actor& who) {
      self->state.watch(who);
    },
    [self](take_table_atom, const table_news& news) {
      return self->state.take_table(news);
    },
    own_ticks(self),
  };
}

} // namespace millrace::torq
