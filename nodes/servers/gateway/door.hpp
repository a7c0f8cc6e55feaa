#pragma once

#include <millrace/messages/data/restricted_question.hpp>
#include <millrace/messages/data/types.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/utf8.hpp>
#include <millrace/nodes/servers/gateway/door_actor.hpp>
#include <millrace/nodes/servers/gateway/gateway_link.hpp>
#include <millrace/nodes/servers/gateway/login_judged.hpp>
#include <millrace/nodes/servers/port/port_core.hpp>
#include <millrace/nodes/servers/port/port_inbox.hpp>
#include <millrace/nodes/servers/port/told_lines.hpp>
#include <millrace/nodes/tls/tls_identity.hpp>
#include <millrace/nodes/users/login_queue.hpp>
#include <millrace/nodes/users/login_watch.hpp>
#include <millrace/nodes/users/port_access.hpp>
#include <millrace/nodes/users/question_rates.hpp>

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
/// it, has `act` for each `Input` of its inbox but connection events,
/// `perform` for `take_up` and `give_up`, and `schema_of` and `add` for the
/// tables that its clients may name; its settings name `address`, `port`,
/// `gateways`, `limits`, `tables`, `access`, `tls` and `on_warning`. Where
/// `access` is null, its clients are the cluster's own, and may do all.
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
             registrar_actor from) {
    env = world;
    registry = std::move(from);
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
    ask_registry_for("gateway");
    if constexpr (requires { derived().rdbs; })
      if (!settings.publishers.empty())
        ask_registry_for("rdb");
    self->send(self, caf::tick_atom_v);
  }

  /// What a door does that has no message of its own.
  door_actor::behavior_type behavior() {
    return {
      [this](status_atom) { return derived().status(); },
      [this](watch_atom, const std::vector<process_row>& rows) { know(rows); },
      [this](inbox_atom) { take_inbox(); },
      [this](caf::tick_atom) {
        if (from_itself(self))
          tick();
      },
      [this](take_table_atom, const table_news& news) {
        return take_table(news);
      },
    };
  }

  /// The processes of a type, now and when they change.
  void ask_registry_for(const char* type) {
    if (registry)
      self->send(registry, caf::subscribe_atom_v, std::string{type},
                 caf::actor_cast<watcher_actor>(self));
  }

  void know(const std::vector<process_row>& rows) {
    std::vector<process_row> gateways;
    for (const auto& row : rows)
      if (row.type == "gateway")
        gateways.push_back(row);
    gateway->know(gateways);
    if constexpr (requires { derived().rdbs; })
      derived().rdbs.know(rows);
  }

  /// From now on clients may name it.
  caf::result<table_intake> take_table(const table_news& news) {
    if (const table_schema* known = derived().schema_of(news.schema.name)) {
      if (*known == news.schema)
        return table_intake{table_outcome::known, {}};
      return to_caf({errc::already_exists, "the port knows another table '"
                                             + news.schema.name + "'"});
    }
    derived().add(news);
    return table_intake{};
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
  void perform(const begin_tls_of& what) { port->begin_tls(what.which); }
  void perform(const tell_of& what) { tell(what.id, what.text, what.about); }
  void perform(login_asked& what) {
    if (const auto refused
        = logins.add(what.from, what.peer, std::move(what.what))) {
      tell("logins_refused", "a login from " + core.peer_of(*refused)
                               + " was refused: too many wait");
      perform(core.judged(*refused,
                          {.fault = {errc::busy, "too many logins wait"}},
                          env->clock->monotonic_ns()));
    }
    judge_next();
  }
  void perform(const login_ended& what) {
    const auto& [user, is_accepted] = what.what;
    logins.told(what.peer, user, is_accepted, env->clock->monotonic_ns());
    if (is_accepted)
      return audit("user '" + user + "' at " + what.peer + " logged in");
    const auto line
      = lines.next("login_failed " + what.peer,
                   "a login of '" + shown_user(user) + "' from " + what.peer
                     + " failed: the user or the secret is wrong",
                   env->clock->monotonic_ns());
    if (line && settings.on_warning)
      settings.on_warning("login_failed", *line);
  }
  void act(login_judged& what) {
    logins.judged();
    if (what.verdict.fault)
      tell("no_logins", "nobody can log in: " + to_string(what.verdict.fault));
    if (what.verdict.is_accepted) {
      what.verdict.fault = refusal_of(what.from, what.verdict.user);
      what.verdict.is_accepted = !what.verdict.fault;
    }
    perform(core.judged(what.from, what.verdict, env->clock->monotonic_ns()));
    judge_next();
  }
  void act(logins_looked_at& what) {
    if (!what.gone)
      tell("no_logins", "whether those who are logged in may stay is not "
                        "known: "
                          + to_string(what.gone.failure()));
    const auto ended = logged_in.looked(std::move(what.gone));
    for (const auto& each : ended)
      audit("user '" + each.user
            + "' is logged out: it was removed, or its secret is another one");
    perform(core.log_out(ended));
  }
  /// Who was removed, or has another secret, does not stay.
  // lint: allow(half_used): it goes on by itself.
  void look_at_logins() {
    if (!settings.access)
      return;
    auto all = core.logged_in();
    if (all.empty() || !logged_in.due(env->clock->monotonic_ns()))
      return;
    env->io->submit(
      [access = settings.access, to = inbox, all = std::move(all)] {
        to->put(logins_looked_at{access->judge.gone_of(all)});
      });
  }
  /// One at a time: a password takes its time and memory, so that others do
  /// not guess it.
  // lint: allow(half_used): it goes on by itself.
  void judge_next() {
    auto next = logins.next(env->clock->monotonic_ns(), [this](uint64_t which) {
      return core.find(which) != nullptr;
    });
    if (!next)
      return;
    MILLRACE_ASSERT(settings.access);
    env->io->submit([access = settings.access, to = inbox,
                     id = next->connection, what = std::move(next->what)] {
      to->put(login_judged{id, access->judge.judge(what)});
    });
  }

  /// Why a client may not do this with a table: it is not there, or not for
  /// this user. None: it may, and that is in the log.
  [[nodiscard]] error refusal_of_table(connection_id from,
                                       const std::string& user, table_use use,
                                       const std::string& table) {
    if (!settings.tables.contains(table))
      return {errc::not_found, "there is no table '" + table + "'"};
    const auto* grants = grants_of(user);
    auto out = grants ? grants->refusal(use, table) : error{};
    audit(from, user, to_string(use), table, !out);
    return out;
  }
  /// Null: all.
  [[nodiscard]] const user_grants* grants_of(const std::string& user) const {
    return settings.access ? &settings.access->judge.grants_of(user) : nullptr;
  }
  /// Asks the gateway for a client: the one way to it. What the client may not
  /// ask about is not there for its question, whatever that says.
  void ask_gateway(connection_id from, const std::string& user,
                   gateway_errand what) {
    if (const auto* grants = grants_of(user)) {
      const auto& limits = grants->limits;
      if (const auto wait_ns
          = rates.wait_ns(user, limits.rate_max, env->clock->monotonic_ns())) {
        ++refused_by_limits;
        const auto rate = " asks more than " + std::to_string(limits.rate_max)
                          + " questions per second (rate_max)";
        tell("rate_max", "user '" + user + "' at " + core.peer_of(from) + rate,
             user);
        return what.fail(
          {errc::busy, "user '" + user + "'" + rate
                         + "; the next one may be asked in "
                         + std::to_string(wait_ns / 1'000'000 + 1) + " ms"});
      }
      restricted_question asked{
        .user = user,
        .peer = core.peer_of(from),
        .rows_max = limits.rows_max,
        .bytes_max = limits.memory_max_bytes,
        .priority_max = limits.priority,
      };
      for (const auto& each : settings.tables)
        if (grants->may(table_use::query, each.first))
          asked.tables.insert(each.first);
      asked.question = std::move(what.parameters);
      what.parameters = to_json(asked);
    }
    gateway->ask(from, std::move(what));
  }
  /// Why a client that proved who it is does not get in; none: it does.
  [[nodiscard]] error refusal_of(connection_id from, const std::string& user) {
    const auto* grants = grants_of(user);
    const auto most = grants ? grants->limits.connections_max : 0;
    if (most == 0 || core.others_of(from, user) < most)
      return {};
    ++refused_by_limits;
    const auto why = "user '" + user + "' has " + std::to_string(most)
                     + " connections, as many as it may (connections_max)";
    tell("connections_max", core.peer_of(from) + " was refused: " + why, user);
    return {errc::busy, why};
  }
  /// A line of what a user did, or was refused. Nothing where nobody logs in.
  void audit(const std::string& text) const {
    if (settings.access && settings.access->on_audit)
      settings.access->on_audit(text);
  }
  void audit(connection_id from, const std::string& user, std::string_view verb,
             const std::string& what, bool is_allowed) {
    if (!settings.access)
      return;
    const auto text = "user '" + user + "' at " + core.peer_of(from) + ": "
                      + std::string{verb} + " '" + shown_user(what)
                      + "': " + (is_allowed ? "allowed" : "refused");
    // A feed publishes again and again.
    if (const auto line
        = lines.next("audit " + text, text, env->clock->monotonic_ns()))
      audit(*line);
  }
  /// What a client calls itself, or a table, as a line of a log can have it.
  [[nodiscard]] static std::string shown_user(const std::string& name) {
    constexpr size_t shown_max = 64;
    return text::shown_on_line(name, shown_max, '?');
  }

  /// Comes several times per second.
  void tick() {
    constexpr auto interval = std::chrono::milliseconds{250};
    perform(core.tick(env->clock->monotonic_ns()));
    gateway->tick();
    judge_next();
    look_at_logins();
    self->delayed_send(self, caf::timespan{interval}, caf::tick_atom_v);
  }

  void lost(const caf::down_msg& down) {
    if (const auto gone = gateway->lost(down.source); !gone.empty())
      tell("gateway_lost",
           gone + " is gone: questions wait for it, or for another one");
  }

  void tell(const std::string& id, const std::string& text,
            const std::string& about = {}) {
    const auto line
      = lines.next(id + " " + about, text, env->clock->monotonic_ns());
    if (line && settings.on_warning)
      settings.on_warning(id, *line);
  }

  /// What every port says of itself.
  [[nodiscard]] status_facts status_as(const char* role) const {
    const auto facts = core.facts();
    status_facts out{
      {"role", role},
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
      {"held_bytes", facts.held_bytes},
      {"idle", facts.idle},
      {"idle_ended", facts.idle_ended},
      {"login", settings.access ? "password" : "system"},
      {"tls", settings.tls != nullptr}};
    if (settings.tls) {
      out.add("tls_connections", facts.tls_connections);
      out.add("tls_failed", facts.tls_failed);
      // The clock counts from 2000, certificates from 1970.
      out.add("certificate_days",
              settings.tls->now()->days_left(
                (env->clock->now_ns() + epoch_2000_ns) / 1'000'000'000));
      if (const auto fault = settings.tls->fault())
        out.add("certificate_fault", fault.context);
    }
    if (settings.access) {
      out.add("logins", facts.logins);
      out.add("logins_failed", facts.logins_failed);
      out.add("logins_waiting", logins.waiting());
      out.add("refused_by_limits", refused_by_limits);
    }
    return out;
  }

  typename Actor::pointer self;
  persistence::env* env = nullptr;
  Settings settings;
  registrar_actor registry; ///< Null: nobody is found but who is configured.
  /// Questions are by connection: each has one at a time.
  std::optional<gateway_link<typename Actor::base>> gateway;
  std::shared_ptr<port_inbox<Input>> inbox;
  std::unique_ptr<listener> port;
  Core core;
  effects_in_turn<typename Core::effect> in_turn;
  told_lines lines;
  login_queue logins; ///< That wait for their verdicts.
  login_watch logged_in;
  question_rates rates;
  uint64_t refused_by_limits = 0; ///< Of users: questions and connections.

private:
  State& derived() { return static_cast<State&>(*this); }
};

} // namespace millrace::nodes
