#include <millrace/actors/rt/sequence/period_ending.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

period_ending::period_ending(const merge_state& committed, int64_t grace_ns,
                             std::vector<std::string> participants)
  : grace_ns_{grace_ns}, participants_{std::move(participants)},
    last_ended_{committed.last_period} {
  for (const auto& [name, origin] : committed.origins)
    marked_.emplace(name, origin.period_marked);
}

std::vector<period_ending::effect> period_ending::step(const input& what,
                                                       int64_t now_ns) {
  std::vector<effect> out;
  std::visit([&](const auto& kind) { take(kind, now_ns, out); }, what);
  propose_due(now_ns, out);
  return out;
}

void period_ending::take(const asked& what, int64_t now_ns,
                         std::vector<effect>& out) {
  if (what.period <= last_ended_) {
    out.push_back(refuse{what.request, what.period});
    return;
  }
  const auto [found, is_new] = open_.try_emplace(what.period);
  auto& period = found->second;
  period.requests.push_back(what.request);
  if (!is_new)
    return;
  period.deadline_ns = now_ns + grace_ns_;
  for (const auto& each : what.connected)
    if (!marked(each.origin, what.period)) {
      period.awaited.insert(each.origin);
      out.push_back(ask{each.flow, what.period});
    }
  for (const auto& origin : participants_)
    if (!marked(origin, what.period))
      period.awaited.insert(origin);
}

bool period_ending::marked(const std::string& origin, period_id period) const {
  const auto mark = marked_.find(origin);
  return mark != marked_.end() && mark->second >= period;
}

void period_ending::take(const came& what, int64_t, std::vector<effect>& out) {
  for (const auto& [period, open] : open_)
    if (open.awaited.contains(what.who.origin))
      out.push_back(ask{what.who.flow, period});
}

void period_ending::take(const marker_merged& what, int64_t,
                         std::vector<effect>&) {
  auto& newest = marked_.try_emplace(what.origin, what.period).first->second;
  newest = std::max(newest, what.period);
  for (auto& [period, open] : open_)
    if (period <= what.period)
      open.awaited.erase(what.origin);
}

void period_ending::take(const period_ended& what, int64_t,
                         std::vector<effect>& out) {
  if (what.period >= last_ended_) {
    last_ended_ = what.period;
    last_end_ = what.end;
    last_absent_ = what.absent;
  }
  // An earlier one cannot end any more: it was passed over.
  while (!open_.empty() && open_.begin()->first <= last_ended_) {
    const auto& [period, open] = *open_.begin();
    for (const auto request : open.requests) {
      if (period == what.period)
        out.push_back(answer{request, what.end});
      else
        out.push_back(refuse{request, period});
    }
    open_.erase(open_.begin());
  }
}

void period_ending::propose_due(int64_t now_ns, std::vector<effect>& out) {
  for (auto& [period, open] : open_) {
    if (open.proposed || (!open.awaited.empty() && now_ns < open.deadline_ns))
      continue;
    open.proposed = true;
    out.push_back(
      propose{{period, {open.awaited.begin(), open.awaited.end()}}});
  }
}

} // namespace millrace::rt
