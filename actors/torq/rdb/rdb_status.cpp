#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/messages/text/json_value.hpp>

namespace millrace::torq {

rdb_facts rdb_state::facts() const {
  const auto snapshot = store->tables.snapshot();
  rdb_facts out;
  out.stream = settings.stream;
  out.begin = snapshot->begin;
  out.end = snapshot->end;
  out.bytes = store->byte_count;
  for (const auto& table : snapshot->table_names())
    if (auto view = snapshot->view(table))
      out.rows[table] = view->row_count();
  out.rejected_batches = earlier.rejected_batches + store->rejected_batches;
  {
    const std::scoped_lock lock{store->reject_mutex};
    out.last_reject
      = store->last_reject.empty() ? earlier.last_reject : store->last_reject;
    out.losses = earlier.losses + store->losses.count();
    out.last_loss
      = store->losses.last().empty() ? earlier.last_loss : store->losses.last();
  }
  out.unheld_batches = store->unheld_batches;
  out.ready = announcement().ready;
  out.standing = standing(out.end);
  out.refuses = !strange_stream.empty();
  out.replayed_percent = progress.percent(out.end);
  out.stalled = stalled();
  out.periods_held = ledger.held();
  out.served_end = ledger.served_end();
  if (last_failure)
    out.last_failure = to_string(last_failure);
  out.held = held();
  out.newest_time = snapshot->newest_time();
  return out;
}

status_facts rdb_state::status() const {
  auto out = to_status(facts());
  out.add("parked_batches", store->parked_batches.load());
  questions_memory.add_to(out);
  out.add("periods_to_write", ledger.unwritten());
  if (presence->waits())
    out.add("gone", text::json_value::array()).add(presence->waits_text());
  if (!settings.unserved.empty()) {
    auto& told = out.add("unserved", text::json_value::object());
    for (const auto& [table, why] : settings.unserved)
      told.add(table, why);
  }
  return out;
}

status_facts to_status(const rdb_facts& facts) {
  status_facts out{{"role", "rdb"},
                   {"stream", facts.stream},
                   {"begin", facts.begin.value},
                   {"position", facts.end.value},
                   {"ready", facts.ready},
                   {"bytes", facts.bytes},
                   {"rows", facts.rows},
                   {"rejected_batches", facts.rejected_batches},
                   {"paused", !facts.stalled.empty()},
                   {"periods_held", facts.periods_held},
                   {"served_position", facts.served_end.value}};
  if (!facts.standing.empty()) {
    out.add("standing", facts.standing);
    out.add("refuses", facts.refuses);
    out.add("replayed_percent", facts.replayed_percent);
  }
  out.add("losses", facts.losses);
  if (facts.unheld_batches != 0)
    out.add("unheld_batches", facts.unheld_batches);
  if (!facts.last_loss.empty())
    out.add("last_loss", facts.last_loss);
  if (!facts.stalled.empty())
    out.add("stalled", facts.stalled);
  if (!facts.held.empty())
    out.add("held", facts.held);
  if (!facts.last_reject.empty())
    out.add("last_reject", facts.last_reject);
  if (!facts.last_failure.empty())
    out.add("last_failure", facts.last_failure);
  return out;
}

} // namespace millrace::torq
