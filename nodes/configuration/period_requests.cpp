#include <millrace/nodes/configuration/period_requests.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

/// Notes which periods are over: each of them when several passed at once (a
/// machine that slept, a node that was away), so that none is passed over.
void note_due(period_requests::standing& stream, period_id current) {
  for (auto& next = stream.of.next; next < current; next = next.next())
    stream.due.push_back(next);
}

} // namespace

period_requests::period_requests(std::vector<asked_stream> streams) {
  streams_.reserve(streams.size());
  for (auto& each : streams)
    streams_.push_back({.of = std::move(each)});
}

std::vector<period_requests::effect> period_requests::step(const input& what,
                                                           int64_t now_ns) {
  std::vector<effect> out;
  std::visit([&](const auto& kind) { take(kind, now_ns, out); }, what);
  return out;
}

void period_requests::take(const tick& what, int64_t now_ns,
                           std::vector<effect>& out) {
  for (size_t i = 0; i < streams_.size(); ++i) {
    if (what.current)
      note_due(streams_[i], *what.current);
    ask_next(i, now_ns, out);
  }
}

void period_requests::take(const answered& what, int64_t now_ns,
                           std::vector<effect>& out) {
  auto& stream = streams_[what.stream];
  const auto period = stream.due.front();
  stream.asked = false;
  if (what.fault && what.fault.code != errc::already_exists) {
    stream.next_ask_ns = now_ns + stream.pause_ns;
    stream.pause_ns = std::min(2 * stream.pause_ns, pause_max_ns);
    if (what.fault != stream.failure)
      out.push_back(tell{what.stream, period, what.fault});
    stream.failure = what.fault;
    return;
  }
  if (stream.failure)
    out.push_back(tell{what.stream, period, {}});
  stream.ended = period;
  stream.due.pop_front();
  stream.asks = 0;
  stream.failure = {};
  stream.pause_ns = pause_min_ns;
  stream.next_ask_ns = now_ns;
  ask_next(what.stream, now_ns, out);
}

void period_requests::ask_next(size_t stream, int64_t now_ns,
                               std::vector<effect>& out) {
  auto& of = streams_[stream];
  if (of.due.empty() || of.asked || now_ns < of.next_ask_ns)
    return;
  of.asked = true;
  ++of.asks;
  out.push_back(ask{stream, of.due.front()});
}

} // namespace millrace::nodes
