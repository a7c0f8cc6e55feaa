#include <millrace/actors/torq/rdb/batch_times.hpp>
#include <millrace/actors/torq/rdb/ingest.hpp>
#include <millrace/messages/data/table_batch.hpp>

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace millrace::torq {

namespace {

/// The word of the warning about a batch, and what it says of it.
struct reject_kind {
  const char* id = "rejected";
  const char* text = "fits no table";
};

/// What the handlers share. All of it is the subscriber's.
struct ingest {
  std::shared_ptr<rdb_store> store;
  persistence::env* env = nullptr;
  ingest_settings settings;
  std::shared_ptr<rt::subscription> control;
  rdb_self_actor owner;
  batch_view batch;
  std::string last_told; ///< Of this period.
  std::set<std::string, std::less<>> told_unheld{};
  position period_begin{};
  bool told_unwatched = false;

  void receive(const rt::message& m, position end);
  void take(const rt::message& m, position end);
  void park(const rt::message& m, position end);
  void refuse(const error& why);
  error open_letters();
  void find_letters();
  void take_letter_back(const rt::message& m, position end);
  bool reject(const rt::message& m, position end, const error& why,
              const reject_kind& kind = {});
  void count_unheld(const rt::message& m, position end);
  void take(const stream_event& event);
  void take_schema(const stream_event& event);
  void take_loss(const stream_event& event);
  void warn(std::string id, std::string text) const {
    caf::anon_send(owner, warned_atom::value, std::move(id), std::move(text));
  }
};

void ingest::receive(const rt::message& m, position end) {
  const rt::fatal_watch::place here{store->life, end};
  const auto take_it = [&] {
    env->crash_point("rdb.before_insert");
    take(m, end);
  };
  if (!settings.watch)
    return take_it();
  if (settings.watch->is_parked(here))
    return park(m, end);
  settings.watch->watch(here, take_it);
  if (settings.watch->fault() && !told_unwatched)
    warn("unwatched", "a batch that ends this rdb again and again would not be "
                      "passed over: "
                        + to_string(settings.watch->fault()));
  told_unwatched = bool{settings.watch->fault()};
}

/// What is in it nobody looks at: that may be what ends the process.
void ingest::park(const rt::message& m, position end) {
  batch.table = {};
  batch.row_count = 0;
  if (reject(m, end,
             {errc::internal,
              "it ended its rdb again and again whenever it was taken"},
             {"parked", "ended this rdb again and again, is passed over"}))
    ++store->parked_batches;
}

void ingest::take(const rt::message& m, position end) {
  batch.table = {};
  batch.row_count = 0;
  if (const auto fault = decode_batch(m.payload, batch))
    return void(reject(m, end, fault));
  // How far a feed has read, and no more.
  if (batch.row_count == 0)
    return;
  error fault;
  {
    const std::scoped_lock lock{store->writing};
    if (const auto* table = store->tables.table(batch.table)) {
      fault = check_times(batch, table->schema());
      if (!fault)
        fault = store->tables.append(batch, end);
    } else if (!store->stream_tables.contains(batch.table)) {
      // Before it is a dead letter: who adds the table meanwhile must know.
      store->undeclared.met(batch.table, end);
      fault = {errc::schema_mismatch, "table '" + std::string{batch.table}
                                        + "': no [[table]] of stream '"
                                        + settings.stream + "' is named so"};
    } else if (store->unheld_tables.contains(batch.table)) {
      count_unheld(m, end);
    }
  }
  if (fault.code == errc::limit_exceeded)
    return refuse(fault);
  if (fault)
    return void(reject(m, end, fault));
  // Only this thread sets it.
  if (store->letters && store->letters->waits_at(end))
    take_letter_back(m, end);
  if (const std::scoped_lock lock{store->reject_mutex}; !store->refused.empty())
    store->refused.clear();
}

/// What an earlier life could not take. Its rows are in the table either way.
void ingest::take_letter_back(const rt::message& m, position end) {
  error fault;
  {
    const std::scoped_lock lock{store->letters_mutex};
    fault = store->letters->take_back(settings.stream, end, m.header.on,
                                      m.header.id);
  }
  if (fault)
    warn("rejects", settings.reject_file + ": the batch at " + to_string(end)
                      + " is taken by now, and is listed as rejected still: "
                      + to_string(fault));
}

/// It stays in the stream, and is asked for again.
void ingest::refuse(const error& why) {
  {
    const std::scoped_lock lock{store->reject_mutex};
    store->refused = to_string(why);
  }
  control->refuse(why);
}

/// Those of earlier lives; none is made here, and what cannot be read now is
/// told when there is one to keep.
void ingest::find_letters() {
  const std::scoped_lock lock{store->letters_mutex};
  if (!store->letters && env->fs->exists(settings.reject_file))
    static_cast<void>(open_letters());
}

/// Under the lock of the letters.
error ingest::open_letters() {
  if (store->letters)
    return {};
  auto opened = dead_letters::open(*env->fs, settings.reject_file);
  // A directory in its place is no reason to stand still.
  if (!opened && env->fs->list(settings.reject_file)
      && !persistence::set_aside(*env->fs, settings.reject_file)) {
    warn("set_aside", settings.reject_file
                        + " is a directory, and is moved aside: what was "
                          "rejected before is not listed any more");
    opened = dead_letters::open(*env->fs, settings.reject_file);
  }
  if (!opened)
    return opened.failure();
  store->letters = *std::move(opened);
  return {};
}

/// @returns whether it is kept; if not it comes again.
bool ingest::reject(const rt::message& m, position end, const error& why,
                    const reject_kind& kind) {
  error fault;
  {
    const std::scoped_lock lock{store->letters_mutex};
    fault = open_letters();
    if (!fault)
      fault = store->letters->keep({settings.stream, end, m.header.on,
                                    m.header.id, batch.table, batch.row_count,
                                    to_string(why), m.payload});
  }
  if (fault) {
    refuse({fault.code, std::string{"a batch that "} + kind.text + " ("
                          + to_string(why)
                          + ") cannot be kept: " + fault.context});
    return false;
  }
  ++store->rejected_batches;
  ++store->period_rejects;
  auto text = to_string(why);
  {
    persistence::hdb_loss what;
    what.kind = persistence::hdb_loss::rejects;
    what.table = batch.table;
    what.from = what.to = end;
    what.text = "a batch of '" + std::string{m.header.on} + "' " + kind.text
                + " and is left out: " + text;
    const std::scoped_lock lock{store->reject_mutex};
    store->rejects.add(std::move(what));
    store->last_reject = text;
    store->refused.clear();
  }
  // Once per reason and period: the others are counted.
  if (text == last_told)
    return true;
  last_told = text;
  warn(kind.id, "a batch of '" + std::string{m.header.on} + "' at "
                  + to_string(end) + " " + kind.text + " and is kept in "
                  + settings.reject_file + ": " + text
                  + "; its period will not be written down until 'millrace eop "
                    "--accept-rejects'");
  return true;
}

/// Another RDB would have it; here and there it is stored nowhere. What is
/// written down of the period says so.
void ingest::count_unheld(const rt::message& m, position end) {
  ++store->unheld_batches;
  ++store->period_unheld;
  {
    const std::scoped_lock lock{store->reject_mutex};
    auto& all = store->unheld;
    const auto known
      = std::find_if(all.begin(), all.end(), [&](const auto& each) {
          return each.table == batch.table && each.from > period_begin;
        });
    if (known != all.end()) {
      known->to = end;
      ++known->count;
    } else {
      auto& what = all.emplace_back();
      what.kind = persistence::hdb_loss::unheld;
      what.table = batch.table;
      what.from = what.to = end;
      what.text = "batches of table '" + what.table
                  + "', which no rdb of the configuration held then: their "
                    "rows are not in this database";
    }
  }
  if (!told_unheld.emplace(batch.table).second)
    return;
  warn("unheld_table",
       "a batch of '" + std::string{m.header.on} + "' at " + to_string(end)
         + " is of table '" + std::string{batch.table}
         + "', which no rdb of the configuration holds: it is stored nowhere; "
           "others of the table are counted");
}

void ingest::take(const stream_event& event) {
  if (store->abandoned)
    return;
  if (event.kind == event_kind::ahead
      && (event.from != event.to || settings.sole_rt)) {
    // What comes now does not go on from what is here.
    store->abandoned = true;
    caf::anon_send(owner, set_back_atom::value, event.from, event.cause);
    return;
  }
  if (event.kind == event_kind::schema)
    take_schema(event);
  if (is_loss(event))
    take_loss(event);
}

void ingest::take_schema(const stream_event& event) {
  auto schema = decode_table_schema(event.schema.data(), event.schema.size());
  error fault = schema.failure();
  if (schema) {
    const std::scoped_lock lock{store->writing};
    const auto* table = store->tables.table(schema->name);
    if (table == nullptr || table->schema().version >= schema->version)
      return;
    fault = store->tables.declare(*schema);
  }
  if (fault)
    warn("rejected", "'" + event.origin + "' declares " + event.cause
                       + " otherwise than this rdb: " + to_string(fault));
}

/// Known before a snapshot shows what comes after it.
void ingest::take_loss(const stream_event& event) {
  std::string text;
  {
    const std::scoped_lock lock{store->reject_mutex};
    store->losses.add(event);
    text = store->losses.last();
  }
  ++store->period_losses;
  warn("stream_loss", std::move(text));
}

} // namespace

std::vector<persistence::hdb_loss>
rdb_store::lost(position from, position to, std::string_view table) const {
  const std::scoped_lock lock{reject_mutex};
  auto out = losses.places(from, to, table);
  for (auto& each : rejects.places(from, to, table))
    out.push_back(std::move(each));
  for (const auto& each : unheld)
    if (each.touches(from, to) && (table.empty() || each.table == table))
      out.push_back(each);
  return out;
}

error rdb_store::sync_letters() {
  const std::scoped_lock lock{letters_mutex};
  return letters ? letters->sync() : error{};
}

error rdb_store::drop(position cutover) {
  const std::scoped_lock lock{writing};
  auto fault = tables.drop(cutover);
  byte_count = tables.byte_count();
  return fault;
}

std::shared_ptr<rt::subscription_handlers>
ingest_handlers(const std::shared_ptr<rdb_store>& store, persistence::env& env,
                ingest_settings settings,
                std::shared_ptr<rt::subscription> control,
                const rdb_self_actor& owner) {
  auto out = std::make_shared<rt::subscription_handlers>();
  auto in = std::make_shared<ingest>(ingest{
    store, &env, std::move(settings), std::move(control), owner, {}, {}});
  out->on_flow = [in](lineage_id life, position end) {
    auto& into = *in->store;
    into.abandoned |= into.life.is_known() && life != into.life;
    if (!into.abandoned)
      into.life = life;
    if (in->settings.watch)
      in->settings.watch->flow_began(end);
    in->find_letters();
    caf::anon_send(in->owner, flow_atom::value, life, end);
  };
  out->on_lost = [in](const error& why) {
    caf::anon_send(in->owner, stream_lost_atom::value, to_caf(why));
  };
  out->on_failure = [in](const error& fault) {
    caf::anon_send(in->owner, ended_atom::value, to_caf(fault));
  };
  out->on_message = [in](const rt::message& m, position end) {
    if (m.kind != payload_kind::table_batch || in->store->abandoned)
      return;
    in->receive(m, end);
  };
  out->on_event = [in](const stream_event& event) { in->take(event); };
  out->on_batch_end = [in](position end) {
    auto& into = *in->store;
    if (into.abandoned)
      return;
    // An end of a period moved the snapshot already.
    if (const std::scoped_lock lock{into.writing};
        end > into.tables.snapshot()->end) {
      into.tables.publish(end);
      into.byte_count = into.tables.byte_count();
    }
    if (into.wake_wanted.exchange(false))
      caf::anon_send(in->owner, moved_atom::value);
  };
  out->on_period = [in](period_id period, position end) {
    auto& into = *in->store;
    if (into.abandoned)
      return;
    in->env->crash_point("rdb.before_eod_mark");
    ++into.period_ends_untold;
    {
      const std::scoped_lock lock{into.writing};
      into.tables.end_period(end);
    }
    in->last_told.clear();
    in->period_begin = end;
    const auto standing = end.value > into.live_from
                            ? into.standing_losses.exchange(0)
                            : into.standing_losses.load();
    caf::anon_send(in->owner, passed_atom::value, period, end,
                   std::exchange(into.period_rejects, 0),
                   standing + into.period_losses.exchange(0),
                   std::exchange(into.period_unheld, 0));
  };
  return out;
}

} // namespace millrace::torq
