#pragma once

#include <millrace/nodes/servers/port/port_core.hpp>

// What port_core does as time passes; port_core.hpp includes it.

namespace millrace::nodes {

/// To one that sends no more it cannot be told whether it reads, or went, but
/// by sending.
template <port_session Session>
void port_core<Session>::probe(connection_id id, client& of, int64_t now_ns,
                               effects& out) {
  if constexpr (requires { of.talk.probe(); }) {
    if (!of.input_over || !of.current || now_ns - of.probed_ns < probe_ns)
      return;
    of.probed_ns = now_ns;
    if (auto bytes = of.talk.probe(); !bytes.empty()) {
      of.unsent_bytes += bytes.size();
      out.emplace_back(send_to{id, std::move(bytes)});
    }
  }
}

template <port_session Session>
typename port_core<Session>::effects port_core<Session>::tick(int64_t now_ns) {
  effects out;
  std::vector<std::pair<connection_id, std::string>> late;
  std::vector<connection_id> unshaken;
  for (const auto& [id, of] : clients_)
    if (of.shakes_hands) {
      if (now_ns - of.awaited_ns >= limits_.patience_ns)
        unshaken.push_back(id);
    } else if (of.talk.is_awaited()
               && now_ns - of.awaited_ns >= limits_.patience_ns)
      late.emplace_back(id, "what it began to send is not there in time");
    else if (of.unsent_bytes != 0
             && now_ns - of.progress_ns >= limits_.stall_ns)
      late.emplace_back(id, "'" + of.talk.user() + "' takes nothing of the "
                              + std::to_string(of.unsent_bytes)
                              + " bytes that are for it");
  for (const auto id : unshaken) {
    no_tls_with(peer_of(id), "the handshake is not done in time", out);
    forget(id, out);
    out.emplace_back(drop_connection{id});
  }
  for (const auto& [id, why] : late)
    refuse(id, why, out);
  for (auto& [id, of] : clients_)
    probe(id, of, now_ns, out);
  end_idle(now_ns, out);
  return out;
}

template <port_session Session>
void port_core<Session>::end_idle(int64_t now_ns, effects& out) {
  constexpr int64_t counted_ns = 60'000'000'000;
  facts_.idle = 0;
  for (auto& [id, of] : clients_) {
    if (of.current || of.unsent_bytes != 0 || of.finishing || of.leaving
        || of.waits || of.shakes_hands)
      continue;
    const auto idle_ns = now_ns - of.active_ns;
    facts_.idle += idle_ns >= counted_ns;
    if (limits_.idle_ns == 0 || idle_ns < limits_.idle_ns)
      continue;
    of.finishing = true;
    ++facts_.idle_ended;
    if constexpr (requires { of.talk.idle_end(); })
      out.emplace_back(send_to{id, of.talk.idle_end()});
    out.emplace_back(finish_connection{id});
  }
}

} // namespace millrace::nodes
