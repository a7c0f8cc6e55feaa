#pragma once

#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/nodes/servers/gateway/door_actor.hpp>
#include <millrace/nodes/servers/gateway/gateway_link.hpp>
#include <millrace/nodes/servers/port/port_core.hpp>
#include <millrace/nodes/servers/port/port_inbox.hpp>
#include <millrace/nodes/servers/port/told_lines.hpp>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::nodes {

/// What the state of a door does whatever its protocol is: the port, the core
/// of its connections and the gateway meet here. `State`, which derives from
/// it, has `act` for each `Input` of its inbox but connection events, and
/// `perform` for `take_up` and `give_up`; its settings name `address`, `port`,
/// `gateways`, `limits` and `on_warning`.
template <class State, class Actor, class Core, class Input, class Settings>
struct door_state {
  /// User-declared on purpose: CAF 0.17 paren-initializes C++20 aggregates.
  explicit door_state(typename Actor::pointer owner) : self{owner} {}
  door_state(const door_state&) = delete;
  door_state& operator=(const door_state&) = delete;
  ~door_state() {
    if (inbox)
      inbox->close();
  }

  /// @param open a port that nobody listens to yet
  void begin(persistence::env* world, Settings how,
             std::unique_ptr<listener> open, connector_actor connector,
             const registrar_actor& registry) {
    env = world;
    core = Core{how.limits};
    settings = std::move(how);
    gateway.emplace(self, world, std::move(connector), settings.gateways);
    inbox = std::make_shared<port_inbox<Input>>(
      [me = caf::actor_cast<Actor>(self)] {
        caf::anon_send(me, inbox_atom::value);
      });
    port = std::move(open);
    port->begin(
      [to = inbox](connection_event what) { to->put(std::move(what)); });
    self->set_down_handler([this](const caf::down_msg& down) { lost(down); });
    if (registry)
      self->send(registry, caf::subscribe_atom_v, std::string{"gateway"},
                 caf::actor_cast<watcher_actor>(self));
    self->send(self, caf::tick_atom_v);
  }

  /// What a door does that has no message of its own.
  door_actor::behavior_type behavior() {
    return {
      [this](status_atom) { return derived().status(); },
      [this](watch_atom, const std::vector<process_row>& rows) {
        gateway->know(rows);
      },
      [this](inbox_atom) { take_inbox(); },
      [this](caf::tick_atom) {
        if (from_itself(self))
          tick();
      },
    };
  }

  void take_inbox() {
    for (auto& what : inbox->take())
      std::visit([this](auto& each) { derived().act(each); }, what);
  }

  void act(const connection_event& what) {
    perform(core.step(what, env->clock->monotonic_ns()));
  }

  void perform(typename Core::effects effects) {
    in_turn.perform(std::move(effects),
                    [this](auto& what) { derived().perform(what); });
  }
  void perform(send_to& what) { port->send(what.to, std::move(what.bytes)); }
  void perform(const read_on& what) { port->read_on(what.from); }
  void perform(const finish_connection& what) { port->finish(what.which); }
  void perform(const drop_connection& what) { port->drop(what.which); }
  void perform(const tell_of& what) { tell(what.id, what.text); }

  /// Comes several times per second.
  void tick() {
    constexpr auto interval = std::chrono::milliseconds{250};
    perform(core.tick(env->clock->monotonic_ns()));
    gateway->tick();
    self->delayed_send(self, caf::timespan{interval}, caf::tick_atom_v);
  }

  void lost(const caf::down_msg& down) {
    if (const auto gone = gateway->lost(down.source); !gone.empty())
      tell("gateway_lost",
           gone + " is gone: questions wait for it, or for another one");
  }

  void tell(const std::string& id, const std::string& text) {
    const auto line = lines.next(id, text, env->clock->monotonic_ns());
    if (line && settings.on_warning)
      settings.on_warning(id, *line);
  }

  /// What every port says of itself.
  [[nodiscard]] status_facts status_as(const char* role) const {
    const auto facts = core.facts();
    return {{"role", role},
            {"listens", settings.address + ":" + std::to_string(settings.port)},
            {"gateway", gateway->gateway()},
            {"connections", facts.connections},
            {"connections_total", facts.connections_total},
            {"requests", facts.requests},
            {"failed", facts.failed},
            {"refused", facts.refused},
            {"last_refusal", facts.last_refusal},
            {"bytes_in", facts.bytes_in},
            {"bytes_out", facts.bytes_out},
            {"held_bytes", facts.held_bytes}};
  }

  typename Actor::pointer self;
  persistence::env* env = nullptr;
  Settings settings;
  /// Questions are by connection: each has one at a time.
  std::optional<gateway_link<typename Actor::base>> gateway;
  std::shared_ptr<port_inbox<Input>> inbox;
  std::unique_ptr<listener> port;
  Core core;
  effects_in_turn<typename Core::effect> in_turn;
  told_lines lines;

private:
  State& derived() { return static_cast<State&>(*this); }
};

} // namespace millrace::nodes
