#include <millrace/actors/torq/rdb/ingest.hpp>
#include <millrace/messages/data/table_batch.hpp>

#include <caf/send.hpp>

namespace millrace::torq {

namespace {

void reject(rdb_store& store, const error& fault) {
  ++store.rejected_batches;
  const std::scoped_lock lock{store.reject_mutex};
  store.last_reject = to_string(fault);
}

void take_batch(rdb_store& store, const batch_view& batch, position end) {
  const std::scoped_lock lock{store.writing};
  if (store.tables.table(batch.table) == nullptr)
    return; // Another RDB's table.
  if (auto fault = store.tables.append(batch, end))
    reject(store, fault);
}

void take_schema(rdb_store& store, const stream_event& event) {
  auto schema = decode_table_schema(event.schema.data(), event.schema.size());
  if (!schema)
    return reject(store, schema.failure());
  const std::scoped_lock lock{store.writing};
  const auto* table = store.tables.table(schema->name);
  if (table == nullptr || table->schema().version >= schema->version)
    return;
  if (auto fault = store.tables.declare(*schema))
    reject(store, fault);
}

} // namespace

error rdb_store::drop(position cutover) {
  const std::scoped_lock lock{writing};
  auto fault = tables.drop(cutover);
  byte_count = tables.byte_count();
  return fault;
}

std::shared_ptr<rt::subscription_handlers>
ingest_handlers(const std::shared_ptr<rdb_store>& store, persistence::env& env,
                const rdb_self_actor& owner) {
  auto out = std::make_shared<rt::subscription_handlers>();
  auto view = std::make_shared<batch_view>();
  out->on_message
    = [store, view, world = &env](const rt::message& m, position end) {
        if (m.kind != payload_kind::table_batch)
          return;
        world->crash_point("rdb.before_insert");
        if (auto fault = decode_batch(m.payload, *view))
          return reject(*store, fault);
        take_batch(*store, *view, end);
      };
  out->on_event = [store](const stream_event& event) {
    if (event.kind == event_kind::schema)
      take_schema(*store, event);
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
  out->on_period
    = [store, world = &env, owner](period_id period, position end) {
        world->crash_point("rdb.before_eod_mark");
        ++store->period_ends_untold;
        {
          const std::scoped_lock lock{store->writing};
          store->tables.end_period(end);
        }
        caf::anon_send(owner, passed_atom::value, period, end);
      };
  return out;
}

} // namespace millrace::torq
