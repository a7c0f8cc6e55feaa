#include <millrace/actors/torq/registry/registrar.hpp>
#include <millrace/messages/protocol/connect.hpp>
#include <millrace/messages/protocol/own_message.hpp>

#include <caf/send.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {
constexpr caf::timespan tick_interval = std::chrono::milliseconds{500};
/// Nodes that start together find each other soon.
constexpr caf::timespan first_pause = std::chrono::milliseconds{50};
constexpr auto request_deadline = std::chrono::seconds{2};
} // namespace

void registrar_state::add(process_row row) {
  if (const auto said = readiness.find(row.name); said != readiness.end())
    row.ready = said->second;
  for (const auto& entry : registries)
    if (entry.handle)
      self->send(entry.handle, register_atom_v, row);
  std::erase_if(rows,
                [&](const process_row& old) { return old.name == row.name; });
  rows.push_back(std::move(row));
}

void registrar_state::remove(const std::string& process) {
  readiness.erase(process);
  std::erase_if(rows, [&](const process_row& row) {
    if (row.name != process)
      return false;
    for (const auto& entry : registries)
      if (entry.handle)
        self->send(entry.handle, caf::leave_atom_v, row);
    return true;
  });
}

void registrar_state::set_ready(const std::string& process, bool ready) {
  readiness[process] = ready;
  for (auto& row : rows)
    if (row.name == process)
      return add(process_row{row});
}

void registrar_state::watch(std::string type, watcher_actor who) {
  const wish asked{std::move(type), std::move(who)};
  // Who asks again wants to know what became of them.
  if (std::none_of(wishes.begin(), wishes.end(), [&](const wish& each) {
        return each.type == asked.type && each.who == asked.who;
      }))
    wishes.push_back(asked);
  for (const auto& entry : registries)
    if (entry.handle)
      ask(entry, asked);
}

void registrar_state::ask(const registry& from, const wish& what) {
  self
    ->request(from.handle, caf::timespan{request_deadline},
              caf::subscribe_atom_v, what.type, what.who)
    .then(
      [this, who = what.who](const std::vector<process_row>& known) {
        caf::anon_send(who, watch_atom_v, known);
      },
      [this, at = from.handle.address()](const caf::error&) { lost(at); });
}

void registrar_state::connect(size_t which) {
  auto& entry = registries[which];
  entry.link.begin();
  connect_to<discovery_actor>(
    self, connector, entry.at,
    [this, which](const discovery_actor& there) {
      auto& to = registries[which];
      to.link.found(env->clock->monotonic_ns());
      to.handle = there;
      self->monitor(to.handle);
      for (const auto& row : rows)
        self->send(to.handle, register_atom_v, row);
      for (const auto& what : wishes)
        ask(to, what);
    },
    // Tried again at the next tick, for ever.
    [this, which](const error& why) {
      registries[which].link.lost(why, env->clock->monotonic_ns());
    });
}

void registrar_state::lost(const caf::actor_addr& who) {
  for (auto& entry : registries)
    if (entry.handle && entry.handle.address() == who) {
      entry.handle = nullptr;
      entry.link.lost({errc::unavailable, "its process is gone"},
                      env->clock->monotonic_ns());
    }
}

void registrar_state::tick() {
  for (size_t i = 0; i < registries.size(); ++i) {
    const auto& entry = registries[i];
    if (entry.link.due(env->clock->monotonic_ns()))
      connect(i);
    else if (entry.handle)
      for (const auto& row : rows)
        self->send(entry.handle, register_atom_v, row);
  }
  const bool is_complete = std::all_of(
    registries.begin(), registries.end(),
    [](const registry& entry) { return entry.handle != nullptr; });
  pause = is_complete ? caf::timespan{0}
                      : std::clamp(2 * pause, first_pause, tick_interval);
  self->delayed_send(self, is_complete ? tick_interval : pause,
                     caf::tick_atom_v);
}

registrar_self_actor::behavior_type
registrar(registrar_self_actor::stateful_pointer<registrar_state> self,
          persistence::env* world, connector_actor connector,
          std::vector<endpoint> discoveries) {
  self->state.env = world;
  self->state.connector = std::move(connector);
  for (auto& at : discoveries) {
    registrar_state::registry entry;
    entry.at = std::move(at);
    self->state.registries.push_back(std::move(entry));
  }
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.lost(down.source); });
  self->send(self, caf::tick_atom_v);
  return {
    [self](register_atom, const process_row& row) { self->state.add(row); },
    [self](caf::leave_atom, const std::string& process) {
      self->state.remove(process);
    },
    [self](ready_atom, const std::string& process, bool ready) {
      self->state.set_ready(process, ready);
    },
    [self](caf::subscribe_atom, const std::string& type,
           const watcher_actor& who) { self->state.watch(type, who); },
    own_ticks(self),
  };
}

} // namespace millrace::torq
