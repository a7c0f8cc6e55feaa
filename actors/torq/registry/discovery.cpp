#include <millrace/actors/torq/registry/discovery.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <caf/send.hpp>

#include <algorithm>

namespace millrace::torq {

void discovery_state::enroll(process_row row) {
  const auto known = rows.find(row.name);
  if (known == rows.end() && rows.size() >= rows_max)
    return;
  env->crash_point("disc.before_register");
  const auto now = env->clock->monotonic_ns();
  auto& heard = heard_ns[row.name];
  const bool was_gone = known == rows.end() || now - heard > silence_ns
                        || known->second.available != known->second.ready;
  heard = now;
  row.last_seen_ns = env->clock->now_ns();
  row.available = row.ready;
  const bool is_news = was_gone || known->second.at != row.at
                       || known->second.ready != row.ready
                       || known->second.attributes != row.attributes;
  rows[row.name] = row;
  env->crash_point("disc.after_register");
  if (!is_news)
    return;
  const std::vector<process_row> news{row};
  for (const auto& entry : watchers)
    if (entry.type.empty() || entry.type == row.type)
      caf::anon_send(entry.who, watch_atom_v, news);
}

/// One that was started elsewhere meanwhile stays.
void discovery_state::remove(const process_row& row) {
  const auto known = rows.find(row.name);
  if (known != rows.end() && known->second.at == row.at)
    known->second.available = false;
}

/// After it stood still this may come before its tick.
std::vector<process_row> discovery_state::lookup(const std::string& type) {
  expire();
  std::vector<process_row> found;
  for (const auto& [key, row] : rows)
    if (type.empty() || row.type == type)
      found.push_back(row);
  return found;
}

std::vector<process_row> discovery_state::watch(const std::string& type,
                                                const watcher_actor& who) {
  // One watcher may have several types, and asks again after a reconnect.
  const auto is_same_actor = [&](const watcher& entry) {
    return entry.who.address() == who.address();
  };
  if (std::none_of(watchers.begin(), watchers.end(), is_same_actor))
    self->monitor(who);
  std::erase_if(watchers, [&](const watcher& entry) {
    return is_same_actor(entry) && entry.type == type;
  });
  watchers.push_back({type, who});
  return lookup(type);
}

void discovery_state::expire() {
  const auto now = env->clock->monotonic_ns();
  for (auto& [key, row] : rows)
    if (now - heard_ns[key] > silence_ns)
      row.available = false;
}

void discovery_state::forget(const caf::actor_addr& who) {
  std::erase_if(
    watchers, [&](const watcher& entry) { return entry.who.address() == who; });
}

discovery_facts discovery_state::facts() const {
  discovery_facts out;
  out.registered = rows.size();
  for (const auto& [key, row] : rows)
    out.available += row.available ? 1 : 0;
  out.watchers = watchers.size();
  return out;
}

status_facts to_status(const discovery_facts& facts) {
  return {{"role", "discovery"},
          {"registered", facts.registered},
          {"available", facts.available},
          {"watchers", facts.watchers}};
}

discovery_self_actor::behavior_type
discovery(discovery_self_actor::stateful_pointer<discovery_state> self,
          persistence::env* world) {
  self->state.env = world;
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.forget(down.source); });
  self->send(self, caf::tick_atom_v);
  return {
    [self](status_atom) { return to_status(self->state.facts()); },
    [self](register_atom, const process_row& row) { self->state.enroll(row); },
    [self](caf::leave_atom, const process_row& row) {
      self->state.remove(row);
    },
    [self](lookup_atom, const std::string& type) {
      return self->state.lookup(type);
    },
    [self](caf::subscribe_atom, const std::string& type,
           const watcher_actor& who) { return self->state.watch(type, who); },
    [self](caf::tick_atom) {
      if (!from_itself(self))
        return;
      self->state.expire();
      self->delayed_send(self, caf::timespan{std::chrono::milliseconds{250}},
                         caf::tick_atom_v);
    },
  };
}

} // namespace millrace::torq
