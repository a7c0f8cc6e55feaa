#include <millrace/nodes/servers/kdb/door_core.hpp>

#include <algorithm>
#include <utility>

namespace millrace::nodes::kdb {

namespace {

/// What a client may send ahead while a request of it is being done.
constexpr size_t ahead_bytes_max = 256 * 1024;

size_t byte_count(const value& of) {
  auto out = sizeof of + of.bytes.size() + of.text.size();
  for (const auto& each : of.symbols)
    out += sizeof each + each.size();
  for (const auto& each : of.parts)
    out += byte_count(each);
  return out;
}

} // namespace

const session* door_core::find(connection_id which) const {
  const auto found = clients_.find(which);
  return found == clients_.end() ? nullptr : &found->second.talk;
}

door_facts door_core::facts() const {
  auto out = facts_;
  out.connections = clients_.size();
  return out;
}

door_effects door_core::step(const connection_event& what, int64_t now_ns) {
  door_effects out;
  std::visit([&](const auto& each) { act(each, now_ns, out); }, what);
  return out;
}

void door_core::act(const connection_opened& what, int64_t now_ns,
                    door_effects&) {
  auto& made = clients_.emplace(what.id, client{limits_.session}).first->second;
  made.opened_ns = made.progress_ns = now_ns;
  ++facts_.connections_total;
}

void door_core::act(const bytes_received& what, int64_t now_ns,
                    door_effects& out) {
  const auto found = clients_.find(what.id);
  if (found == clients_.end())
    return;
  facts_.bytes_in += what.bytes.size();
  auto& of = found->second;
  of.paused = true;
  take(what.id, of, of.talk.received(what.bytes), now_ns, out);
}

void door_core::act(const input_ended& what, int64_t, door_effects& out) {
  const auto found = clients_.find(what.id);
  if (found == clients_.end())
    return;
  auto& of = found->second;
  // A client of text has asked, and reads on.
  if (!of.talk.is_text() || (!of.current && of.waiting.empty()))
    leave(what.id, of, out);
}

/// What it sent to be done without an answer is done all the same.
void door_core::leave(connection_id id, client& of, door_effects& out) {
  of.leaving = true;
  if (of.current && of.current->wants_answer) {
    out.emplace_back(give_up{id});
    of.current.reset();
  }
  go_on(id, of, out);
}

void door_core::act(const bytes_sent& what, int64_t now_ns, door_effects& out) {
  const auto found = clients_.find(what.id);
  if (found == clients_.end())
    return;
  auto& of = found->second;
  facts_.bytes_out += what.bytes;
  of.unsent_bytes -= std::min(of.unsent_bytes, what.bytes);
  of.progress_ns = now_ns;
  (void)account(what.id, of, out);
}

void door_core::act(const connection_closed& what, int64_t, door_effects& out) {
  const auto found = clients_.find(what.id);
  if (found != clients_.end())
    leave(what.id, found->second, out);
}

void door_core::act(const connection_refused& what, int64_t,
                    door_effects& out) {
  ++facts_.refused;
  facts_.last_refusal = what.why.context;
  out.emplace_back(
    tell_of{"refused", "a connection was refused: " + what.why.context});
}

void door_core::take(connection_id id, client& of, session_effects effects,
                     int64_t now_ns, door_effects& out) {
  for (auto& effect : effects) {
    if (auto* sent = std::get_if<send_bytes>(&effect)) {
      if (of.unsent_bytes == 0)
        of.progress_ns = now_ns;
      of.unsent_bytes += sent->bytes.size();
      out.emplace_back(send_to{id, std::move(sent->bytes)});
    } else if (auto* asked = std::get_if<handle_request>(&effect)) {
      of.waiting_bytes += byte_count(asked->what);
      of.waiting.push_back(std::move(*asked));
    } else if (auto* ended = std::get_if<end_connection>(&effect)) {
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
  if (account(id, of, out))
    go_on(id, of, out);
}

void door_core::go_on(connection_id id, client& of, door_effects& out) {
  while (!of.current && !of.waiting.empty()) {
    auto next = std::move(of.waiting.front());
    of.waiting.pop_front();
    of.waiting_bytes -= byte_count(next.what);
    if (of.leaving && next.wants_answer)
      continue;
    of.current = handle_request{next.id, next.wants_answer, {}};
    ++facts_.requests;
    out.emplace_back(
      take_up{id, next.id, next.wants_answer, std::move(next.what)});
  }
  if (of.leaving) {
    if (!of.current) {
      forget(id, out);
      out.emplace_back(drop_connection{id});
    }
    return;
  }
  if (of.paused && !of.finishing
      && (!of.current
          || of.waiting_bytes + of.talk.held_bytes() < ahead_bytes_max)) {
    of.paused = false;
    out.emplace_back(read_on{id});
  }
}

bool door_core::account(connection_id id, client& of, door_effects& out) {
  const auto held = of.talk.held_bytes() + of.waiting_bytes + of.unsent_bytes;
  const bool grew = held > of.counted_bytes;
  facts_.held_bytes += held;
  facts_.held_bytes -= of.counted_bytes;
  of.counted_bytes = held;
  if (!grew || facts_.held_bytes <= limits_.bytes_max)
    return true;
  refuse(id,
         "its connection of '" + of.talk.user() + "' holds "
           + std::to_string(held) + " bytes, and all together more than the "
           + std::to_string(limits_.bytes_max) + " of memory_max",
         out);
  return false;
}

void door_core::refuse(connection_id id, const std::string& why,
                       door_effects& out) {
  ++facts_.refused;
  facts_.last_refusal = why;
  out.emplace_back(tell_of{"dropped", "a client was dropped: " + why});
  forget(id, out);
  out.emplace_back(drop_connection{id});
}

void door_core::forget(connection_id id, door_effects& out) {
  const auto found = clients_.find(id);
  if (found == clients_.end())
    return;
  facts_.held_bytes -= found->second.counted_bytes;
  if (found->second.current)
    out.emplace_back(give_up{id});
  clients_.erase(found);
}

door_effects door_core::answered(connection_id from, uint64_t request,
                                 std::string message, bool failed,
                                 int64_t now_ns) {
  door_effects out;
  const auto found = clients_.find(from);
  if (found == clients_.end() || !found->second.current
      || found->second.current->id != request)
    return out;
  auto& of = found->second;
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
  if (account(from, of, out))
    go_on(from, of, out);
  return out;
}

door_effects door_core::push(connection_id to, std::string message,
                             int64_t now_ns) {
  door_effects out;
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
  session_effects one;
  one.emplace_back(send_bytes{std::move(message)});
  take(to, found->second, std::move(one), now_ns, out);
  return out;
}

door_effects door_core::end(connection_id which, const std::string& why) {
  door_effects out;
  if (clients_.contains(which))
    refuse(which, why, out);
  return out;
}

door_effects door_core::tick(int64_t now_ns) {
  door_effects out;
  std::vector<std::pair<connection_id, std::string>> late;
  for (const auto& [id, of] : clients_)
    if (!of.talk.is_logged_in() && now_ns - of.opened_ns >= limits_.login_ns)
      late.emplace_back(id, "it did not log in in time");
    else if (of.unsent_bytes != 0
             && now_ns - of.progress_ns >= limits_.stall_ns)
      late.emplace_back(id, "'" + of.talk.user() + "' takes nothing of the "
                              + std::to_string(of.unsent_bytes)
                              + " bytes that are for it");
  for (const auto& [id, why] : late)
    refuse(id, why, out);
  return out;
}

} // namespace millrace::nodes::kdb
