#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/messages/base/planted_bug.hpp>

#include <caf/send.hpp>

#include <algorithm>

// Whether the rows here are an answer.

namespace millrace::torq {

bool rdb_state::ready(position end) const {
  return strange_stream.empty() && presence->leaving().empty()
         && (progress.complete(end)
             || MILLRACE_PLANTED(ready_before_it_is_replayed));
}

std::string rdb_state::standing(position end) const {
  if (!strange_stream.empty())
    return strange_stream;
  const auto& leaving = presence->leaving();
  return !leaving.empty() ? leaving : progress.standing(end);
}

rdb_announcement rdb_state::announcement() const {
  return {settings.process, progress.life(),
          ready(store->tables.snapshot()->end) && stalled().empty()};
}

void rdb_state::announce() {
  if (!ready(store->tables.snapshot()->end))
    store->wake_wanted = true;
  // The snapshot may have moved before the wish was seen.
  const auto news = announcement();
  if (announced_ready == news.ready)
    return;
  announced_ready = news.ready;
  for (const auto& who : watchers)
    caf::anon_send(who, announce_atom_v, news);
  if (registry)
    self->send(registry, ready_atom_v, settings.process, news.ready);
}

void rdb_state::watch(const rdb_watcher_actor& who) {
  std::erase_if(watchers, [&](const auto& each) { return each == who; });
  watchers.push_back(who);
  self->monitor(who);
  caf::anon_send(who, announce_atom_v, announcement());
}

std::string rdb_state::stalled() const {
  if (const auto reason = memory.reason(store->byte_count); !reason.empty())
    return reason + "; "
           + (presence->waits()
                ? presence->waits_text()
                : "goes on when the end of a period frees memory");
  const std::scoped_lock lock{store->reject_mutex};
  return store->refused;
}

void rdb_state::tell_stall() {
  const auto reason = stalled();
  if (reason.empty() == !told_stall)
    return;
  told_stall = !reason.empty();
  if (settings.on_stall)
    settings.on_stall(reason);
}

void rdb_state::watch_memory() {
  const auto end = store->tables.snapshot()->end;
  const bool awaited
    = std::any_of(installs.begin(), installs.end(),
                  [end](const auto& waits) { return waits.at > end; });
  const uint64_t bytes = store->byte_count;
  if (!subscriber)
    return;
  // A restart begins at the oldest cutover that is written down: after this.
  // Of a stream that it refuses it says nothing.
  if (strange_stream.empty())
    self->send(subscriber, floor_atom_v, store->tables.snapshot()->begin);
  if (!memory.look(bytes, awaited))
    return;
  self->send(subscriber, pause_atom_v, memory.paused());
  announce();
}

} // namespace millrace::torq
