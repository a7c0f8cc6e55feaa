#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/servers/port/effects_in_turn.hpp>
#include <millrace/nodes/servers/port/listener.hpp>
#include <millrace/nodes/servers/port/port_effects.hpp>
#include <millrace/nodes/servers/port/port_session.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::nodes {

/// All connections of one port: what is to be done next for whom, what they may
/// hold, and for how long they are waited for. Pure; one owner.
template <port_session Session>
class port_core {
public:
  using request_type = typename Session::request_type;
  using effect
    = std::variant<send_to, read_on, finish_connection, drop_connection,
                   begin_tls_of, take_up<request_type>, give_up, login_asked,
                   login_ended, tell_of>;
  using effects = std::vector<effect>;
  using limits = port_limits<Session>;

  explicit port_core(limits how = {}) : limits_{how} {}

  [[nodiscard]] effects step(const connection_event& what, int64_t now_ns) {
    effects out;
    std::visit([&](const auto& each) { act(each, now_ns, out); }, what);
    return out;
  }
  /// What came of the request that was taken up. `failed`: the message is an
  /// error. Of one that wants no answer the message is empty, or its fault.
  [[nodiscard]] effects answered(connection_id from, uint64_t request,
                                 std::string message, bool failed,
                                 int64_t now_ns);
  /// The verdict on what a client said of itself.
  [[nodiscard]] effects judged(connection_id from, const login_verdict& what,
                               int64_t now_ns);
  /// A message that nobody asked for, or an answer that is one.
  [[nodiscard]] effects push(connection_id to, std::string message,
                             int64_t now_ns);
  /// A client cannot be served any more as it was told.
  [[nodiscard]] effects end(connection_id which, const std::string& why) {
    effects out;
    if (clients_.contains(which))
      refuse(which, why, out);
    return out;
  }
  /// Ends what is over its time; now and then.
  [[nodiscard]] effects tick(int64_t now_ns);

  /// A client waits for what comes to it: it is not idle.
  void keep(connection_id which, bool waits) {
    if (const auto found = clients_.find(which); found != clients_.end())
      found->second.waits = waits;
  }

  /// Null: the connection is gone.
  [[nodiscard]] const Session* find(connection_id which) const {
    const auto found = clients_.find(which);
    return found == clients_.end() ? nullptr : &found->second.talk;
  }
  /// What a client did not take yet, and since when it took nothing of it.
  struct unsent_facts {
    size_t bytes = 0;
    int64_t since_ns = 0;
  };
  [[nodiscard]] unsent_facts unsent(connection_id which) const {
    const auto found = clients_.find(which);
    return found == clients_.end() ? unsent_facts{}
                                   : unsent_facts{found->second.unsent_bytes,
                                                  found->second.progress_ns};
  }
  /// Whether so many bytes more may be held for a client.
  [[nodiscard]] bool has_room(size_t bytes) const noexcept {
    return facts_.held_bytes + bytes <= limits_.bytes_max;
  }
  /// How many other connections are logged in as a user.
  [[nodiscard]] uint64_t others_of(connection_id which,
                                   const std::string& user) const {
    return static_cast<uint64_t>(
      std::count_if(clients_.begin(), clients_.end(), [&](const auto& each) {
        const auto& of = each.second;
        return each.first != which && of.login == user && !of.leaving
               && !of.finishing;
      }));
  }
  /// Who is logged in now.
  [[nodiscard]] std::set<standing_login> logged_in() const {
    std::set<standing_login> out;
    for (const auto& [id, of] : clients_)
      if (!of.login.empty() && !of.leaving && !of.finishing)
        out.insert({of.login, of.proof});
    return out;
  }
  /// Ends the connections of those whose login holds no more.
  [[nodiscard]] effects log_out(const std::set<standing_login>& gone) {
    effects out;
    std::vector<std::pair<connection_id, std::string>> ended;
    for (const auto& [id, of] : clients_)
      if (gone.contains({of.login, of.proof}))
        ended.emplace_back(id, of.login);
    for (const auto& [id, user] : ended)
      refuse(id,
             "user '" + user
               + "' was removed, or its password or token is another one now",
             out);
    return out;
  }
  /// Its address; empty: it is gone.
  [[nodiscard]] std::string peer_of(connection_id which) const {
    const auto found = clients_.find(which);
    return found == clients_.end() ? std::string{} : found->second.peer;
  }
  [[nodiscard]] port_facts facts() const {
    auto out = facts_;
    out.connections = clients_.size();
    return out;
  }

private:
  /// What a client may send ahead while a request of it is being done.
  static constexpr size_t ahead_bytes_max = 256 * 1024;
  static constexpr int64_t probe_ns = 1'000'000'000;

  struct client {
    explicit client(typename Session::limits_type how) : talk{how} {}
    Session talk;
    std::string peer;
    std::string login;       ///< Who it proved to be; empty: nobody.
    std::string proof;       ///< @see login_verdict
    std::string judged_by;   ///< The same of a login that is not told yet.
    bool is_judged = false;  ///< The verdict on its login is awaited.
    bool is_known = false;   ///< It logged in, or asked something.
    bool waits = false;      ///< For what comes to it, without asking.
    int64_t awaited_ns = 0;  ///< Since when what it sends is waited for.
    int64_t progress_ns = 0; ///< It took something, or nothing was for it.
    int64_t active_ns = 0;   ///< It sent or took something, or was answered.
    bool was_awaited = true;
    bool shakes_hands = false; ///< Since `awaited_ns`, which is for it then.
    std::deque<handle_request<request_type>> waiting;
    size_t waiting_bytes = 0;
    /// Without what is asked.
    std::optional<handle_request<request_type>> current;
    size_t unsent_bytes = 0;
    bool paused = false;
    bool finishing = false;
    bool leaving = false;    ///< It sends no more, and reads nothing.
    bool input_over = false; ///< It sends no more, and waits for answers.
    int64_t probed_ns = 0;   ///< Since then it was not asked if it is there.
    uint64_t counted_bytes = 0;
  };

  void make_place_for(connection_id newcomer, effects& out);
  void act(const connection_opened& what, int64_t now_ns, effects& out);
  void act(const tls_ready& what, int64_t now_ns, effects& out);
  void act(const tls_failed& what, int64_t now_ns, effects& out);
  void act(const bytes_received& what, int64_t now_ns, effects& out);
  void act(const input_ended& what, int64_t now_ns, effects& out);
  void act(const bytes_sent& what, int64_t now_ns, effects& out);
  void act(const connection_closed& what, int64_t now_ns, effects& out);
  void act(const connection_refused& what, int64_t now_ns, effects& out);
  void take(connection_id id, client& of, session_effects_of<request_type> done,
            int64_t now_ns, effects& out);
  void leave(connection_id id, client& of, effects& out);
  void finish(connection_id id, client& of, effects& out);
  void probe(connection_id id, client& of, int64_t now_ns, effects& out);
  void end_idle(int64_t now_ns, effects& out);
  void go_on(connection_id id, client& of, effects& out);
  /// Recounts what it holds. Where all together hold too much those go that
  /// take nothing of what is for them, and then itself. @returns whether it is
  /// there
  bool account(connection_id id, client& of, int64_t now_ns, effects& out);
  /// Of those that take nothing the one for which most waits.
  [[nodiscard]] std::optional<connection_id> stalled(int64_t now_ns) const;
  void refuse(connection_id id, const std::string& why, effects& out);
  void no_tls_with(const std::string& peer, const std::string& why,
                   effects& out);
  void forget(connection_id id, effects& out);

  limits limits_;
  std::map<connection_id, client> clients_;
  port_facts facts_;
};

template <port_session Session>
void port_core<Session>::act(const connection_opened& what, int64_t now_ns,
                             effects& out) {
  auto& made = clients_.emplace(what.id, client{limits_.session}).first->second;
  made.awaited_ns = made.progress_ns = made.active_ns = now_ns;
  made.peer = what.peer;
  made.shakes_hands = what.shakes_hands;
  ++facts_.connections_total;
  if (clients_.size() > limits_.connections_max)
    make_place_for(what.id, out);
}

/// Those that say nothing shut a port to nobody.
template <port_session Session>
void port_core<Session>::make_place_for(connection_id newcomer, effects& out) {
  auto why = std::to_string(limits_.connections_max) + " connections are open";
  // By their numbers the oldest come first.
  for (const auto& [id, of] : clients_)
    if (id != newcomer && !of.is_known && !of.leaving && !of.finishing)
      return refuse(id, why + ", and it had neither logged in nor asked", out);
  std::string told;
  const auto& of = clients_.at(newcomer);
  if constexpr (requires { of.talk.no_place(size_t{}); })
    if (!of.shakes_hands)
      told = of.talk.no_place(limits_.connections_max);
  act(connection_refused{{errc::limit_exceeded, std::move(why)}}, 0, out);
  forget(newcomer, out);
  const bool is_told = !told.empty();
  if (is_told)
    out.emplace_back(send_to{newcomer, std::move(told)});
  if (is_told)
    out.emplace_back(finish_connection{newcomer});
  else
    out.emplace_back(drop_connection{newcomer});
}

template <port_session Session>
void port_core<Session>::act(const tls_ready& what, int64_t now_ns, effects&) {
  const auto found = clients_.find(what.id);
  if (found == clients_.end())
    return;
  ++facts_.tls_connections;
  if constexpr (requires { found->second.talk.bind_to(what.end_point); })
    found->second.talk.bind_to(what.end_point);
  found->second.shakes_hands = false;
  found->second.awaited_ns = found->second.active_ns = now_ns;
}

template <port_session Session>
void port_core<Session>::act(const tls_failed& what, int64_t now_ns,
                             effects& out) {
  const auto found = clients_.find(what.id);
  if (found == clients_.end())
    return;
  no_tls_with(found->second.peer, what.why.context, out);
  act(connection_closed{what.id, what.why}, now_ns, out);
}

template <port_session Session>
void port_core<Session>::no_tls_with(const std::string& peer,
                                     const std::string& why, effects& out) {
  ++facts_.refused;
  ++facts_.tls_failed;
  facts_.last_refusal = "TLS with " + peer + " failed: " + why;
  out.emplace_back(
    tell_of{"tls_failed", facts_.last_refusal, peer + ": " + why});
}

template <port_session Session>
void port_core<Session>::act(const bytes_received& what, int64_t now_ns,
                             effects& out) {
  const auto found = clients_.find(what.id);
  if (found == clients_.end())
    return;
  facts_.bytes_in += what.bytes.size();
  auto& of = found->second;
  of.paused = true;
  of.active_ns = now_ns;
  take(what.id, of, of.talk.received(what.bytes), now_ns, out);
}

template <port_session Session>
auto port_core<Session>::judged(connection_id from, const login_verdict& what,
                                int64_t now_ns) -> effects {
  effects out;
  if (const auto found = clients_.find(from); found != clients_.end()) {
    found->second.is_judged = false;
    found->second.judged_by = what.proof;
    take(from, found->second, found->second.talk.judged(what), now_ns, out);
  }
  return out;
}

template <port_session Session>
void port_core<Session>::act(const input_ended& what, int64_t now_ns,
                             effects& out) {
  const auto found = clients_.find(what.id);
  if (found == clients_.end())
    return;
  auto& of = found->second;
  of.probed_ns = now_ns;
  // It has asked, and reads on.
  if (of.talk.reads_on() && (of.current || !of.waiting.empty()))
    of.input_over = true;
  else if (of.talk.reads_on() && of.unsent_bytes != 0)
    finish(what.id, of, out);
  else
    leave(what.id, of, out);
}

template <port_session Session>
void port_core<Session>::finish(connection_id id, client& of, effects& out) {
  if (!std::exchange(of.finishing, true))
    out.emplace_back(finish_connection{id});
}

/// What it sent to be done without an answer is done all the same.
template <port_session Session>
void port_core<Session>::leave(connection_id id, client& of, effects& out) {
  of.leaving = true;
  if (of.current && of.current->wants_answer) {
    out.emplace_back(give_up{id});
    of.current.reset();
  }
  go_on(id, of, out);
}

template <port_session Session>
void port_core<Session>::act(const bytes_sent& what, int64_t now_ns,
                             effects& out) {
  const auto found = clients_.find(what.id);
  if (found == clients_.end())
    return;
  auto& of = found->second;
  facts_.bytes_out += what.bytes;
  of.unsent_bytes -= std::min(of.unsent_bytes, what.bytes);
  of.progress_ns = of.active_ns = now_ns;
  (void)account(what.id, of, now_ns, out);
}

template <port_session Session>
void port_core<Session>::act(const connection_closed& what, int64_t,
                             effects& out) {
  const auto found = clients_.find(what.id);
  if (found != clients_.end())
    leave(what.id, found->second, out);
}

template <port_session Session>
void port_core<Session>::act(const connection_refused& what, int64_t,
                             effects& out) {
  ++facts_.refused;
  facts_.last_refusal = what.why.context;
  out.emplace_back(
    tell_of{"refused", "a connection was refused: " + what.why.context});
}

template <port_session Session>
void port_core<Session>::take(connection_id id, client& of,
                              session_effects_of<request_type> done,
                              int64_t now_ns, effects& out) {
  for (auto& each : done) {
    if (auto* sent = std::get_if<send_bytes>(&each)) {
      if (of.unsent_bytes == 0)
        of.progress_ns = now_ns;
      of.unsent_bytes += sent->bytes.size();
      out.emplace_back(send_to{id, std::move(sent->bytes)});
    } else if (auto* asked = std::get_if<handle_request<request_type>>(&each)) {
      of.is_known = true;
      of.waiting_bytes += byte_count(asked->what);
      of.waiting.push_back(std::move(*asked));
    } else if (auto* says = std::get_if<login_attempt>(&each)) {
      of.is_judged = true;
      out.emplace_back(login_asked{id, of.peer, std::move(*says)});
    } else if (auto* told = std::get_if<login_told>(&each)) {
      ++(told->is_accepted ? facts_.logins : facts_.logins_failed);
      if (told->is_accepted) {
        of.is_known = true;
        of.login = told->user;
        of.proof = of.judged_by;
      }
      out.emplace_back(login_ended{id, of.peer, std::move(*told)});
    } else if (std::holds_alternative<start_tls>(each)) {
      of.shakes_hands = true;
      of.awaited_ns = now_ns;
      out.emplace_back(begin_tls_of{id});
    } else if (auto* ended = std::get_if<end_connection>(&each)) {
      of.finishing = true;
      out.emplace_back(finish_connection{id});
      if (ended->why == errc::none)
        continue;
      ++facts_.refused;
      facts_.last_refusal = ended->text;
      out.emplace_back(
        tell_of{"ended", "a connection of '" + of.talk.user()
                           + "' was ended for what it sent: " + ended->text});
      if (of.current)
        out.emplace_back(give_up{id});
      of.current.reset();
      of.waiting.clear();
      of.waiting_bytes = 0;
    }
  }
  if constexpr (requires { of.talk.has_begun(); })
    of.is_known = of.is_known || of.talk.has_begun();
  if (const bool is_awaited = of.talk.is_awaited();
      is_awaited != std::exchange(of.was_awaited, is_awaited) && is_awaited)
    of.awaited_ns = now_ns;
  if (account(id, of, now_ns, out))
    go_on(id, of, out);
}

template <port_session Session>
void port_core<Session>::go_on(connection_id id, client& of, effects& out) {
  while (!of.current && !of.waiting.empty()) {
    auto next = std::move(of.waiting.front());
    of.waiting.pop_front();
    of.waiting_bytes -= byte_count(next.what);
    if (of.leaving && next.wants_answer)
      continue;
    of.current.emplace();
    of.current->id = next.id;
    of.current->wants_answer = next.wants_answer;
    ++facts_.requests;
    out.emplace_back(take_up<request_type>{id, next.id, next.wants_answer,
                                           std::move(next.what)});
  }
  if (of.leaving) {
    if (!of.current) {
      forget(id, out);
      out.emplace_back(drop_connection{id});
    }
    return;
  }
  if (of.input_over && !of.current)
    return finish(id, of, out);
  if (of.paused && !of.finishing
      && ((!of.current && !of.is_judged)
          || of.waiting_bytes + of.talk.held_bytes() < ahead_bytes_max)) {
    of.paused = false;
    out.emplace_back(read_on{id});
  }
}

template <port_session Session>
bool port_core<Session>::account(connection_id id, client& of, int64_t now_ns,
                                 effects& out) {
  const auto held = of.talk.held_bytes() + of.waiting_bytes + of.unsent_bytes;
  const bool grew = held > of.counted_bytes;
  facts_.held_bytes += held;
  facts_.held_bytes -= of.counted_bytes;
  of.counted_bytes = held;
  bool is_there = true;
  while (grew && is_there && facts_.held_bytes > limits_.bytes_max) {
    const auto who = stalled(now_ns).value_or(id);
    is_there = who != id;
    const auto& its = clients_.at(who);
    refuse(who,
           "its connection of '" + its.talk.user() + "' holds "
             + std::to_string(its.counted_bytes)
             + " bytes, and all together more than the "
             + std::to_string(limits_.bytes_max) + " of memory_max",
           out);
  }
  return is_there;
}

template <port_session Session>
std::optional<connection_id> port_core<Session>::stalled(int64_t now_ns) const {
  constexpr int64_t still_ns = 1'000'000'000;
  std::optional<connection_id> out;
  size_t most = 0;
  for (const auto& [id, of] : clients_)
    if (of.unsent_bytes > most && now_ns - of.progress_ns >= still_ns) {
      most = of.unsent_bytes;
      out = id;
    }
  return out;
}

template <port_session Session>
void port_core<Session>::refuse(connection_id id, const std::string& why,
                                effects& out) {
  ++facts_.refused;
  facts_.last_refusal = why;
  out.emplace_back(tell_of{"dropped", "a client was dropped: " + why});
  forget(id, out);
  out.emplace_back(drop_connection{id});
}

template <port_session Session>
void port_core<Session>::forget(connection_id id, effects& out) {
  const auto found = clients_.find(id);
  if (found == clients_.end())
    return;
  facts_.held_bytes -= found->second.counted_bytes;
  if (found->second.current)
    out.emplace_back(give_up{id});
  clients_.erase(found);
}

template <port_session Session>
typename port_core<Session>::effects
port_core<Session>::answered(connection_id from, uint64_t request,
                             std::string message, bool failed, int64_t now_ns) {
  effects out;
  const auto found = clients_.find(from);
  if (found == clients_.end() || !found->second.current
      || found->second.current->id != request)
    return out;
  auto& of = found->second;
  of.active_ns = now_ns;
  const bool wants_answer = of.current->wants_answer;
  of.current.reset();
  facts_.failed += failed;
  if (wants_answer) {
    take(from, of, of.talk.answered(request, std::move(message)), now_ns, out);
    return out;
  }
  if (failed)
    out.emplace_back(
      tell_of{"async_failed", "'" + of.talk.user()
                                + "' sent what cannot be "
                                  "done, and waits for no answer: "
                                + message});
  if (account(from, of, now_ns, out))
    go_on(from, of, out);
  return out;
}

template <port_session Session>
typename port_core<Session>::effects
port_core<Session>::push(connection_id to, std::string message,
                         int64_t now_ns) {
  effects out;
  const auto found = clients_.find(to);
  if (found == clients_.end() || found->second.leaving
      || found->second.finishing)
    return out;
  if (found->second.unsent_bytes + message.size() > limits_.push_bytes) {
    refuse(to,
           "'" + found->second.talk.user()
             + "' is too slow: " + std::to_string(found->second.unsent_bytes)
             + " bytes of what it subscribed to wait for it",
           out);
    return out;
  }
  session_effects_of<request_type> one;
  one.emplace_back(send_bytes{std::move(message)});
  take(to, found->second, std::move(one), now_ns, out);
  return out;
}

} // namespace millrace::nodes

#include <millrace/nodes/servers/port/port_core_tick.hpp>
