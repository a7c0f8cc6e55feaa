#include <millrace/actors/rt/sequence/input_repair.hpp>

#include <algorithm>

namespace millrace::rt {

std::vector<input_repair::effect> input_repair::step(const input& what,
                                                     int64_t now_ns) {
  effects out;
  std::visit([&](const auto& kind) { take(kind, now_ns, out); }, what);
  return out;
}

std::vector<copy_id> input_repair::open() const {
  std::vector<copy_id> out;
  for (const auto& [copy, ranges] : wanted_)
    out.push_back(copy);
  return out;
}

void input_repair::take(const lacking& what, int64_t now_ns, effects&) {
  auto& ranges = wanted_[what.copy];
  const auto known
    = std::find_if(ranges.begin(), ranges.end(), [&](const wanted& each) {
        // What entries name grows while it is fetched: the rest is next.
        return each.range.from <= what.range.from
               && (what.range.to <= each.range.to
                   || (what.agreed && each.agreed
                       && what.range.from < each.range.to));
      });
  if (known == ranges.end()) {
    wanted fresh;
    fresh.range = what.range;
    fresh.agreed = what.agreed;
    fresh.since_ns = fresh.ask_at_ns = now_ns;
    ranges.push_back(std::move(fresh));
    return;
  }
  // What is before it came, or nothing lies there for anybody to have.
  if (known->agreed == what.agreed && known->range.to == what.range.to)
    known->range.from = what.range.from;
  known->agreed = known->agreed || what.agreed;
}

input_repair::wanted* input_repair::asked_for(copy_id copy, position to) {
  const auto found = wanted_.find(copy);
  if (found == wanted_.end())
    return nullptr;
  auto& first = found->second.front();
  return first.asked && first.range.to == to ? &first : nullptr;
}

void input_repair::forget_agreed(copy_id copy) {
  const auto found = wanted_.find(copy);
  if (found == wanted_.end())
    return;
  std::erase_if(found->second, [](const wanted& each) { return each.agreed; });
  if (found->second.empty())
    wanted_.erase(found);
}

void input_repair::take(const answered& what, int64_t now_ns, effects&) {
  auto* first = asked_for(what.copy, what.to);
  if (first == nullptr)
    return;
  first->asked = false;
  first->ask_at_ns = first->since_ns = now_ns;
  first->waits = false;
  first->without.clear();
  first->range.from = std::max(first->range.from, what.end);
  if (first->range.from < first->range.to)
    return;
  ++mended_;
  auto& ranges = wanted_[what.copy];
  ranges.erase(ranges.begin());
  if (ranges.empty())
    wanted_.erase(what.copy);
}

void input_repair::take(const denied& what, int64_t now_ns, effects&) {
  auto* first = asked_for(what.copy, what.to);
  if (first == nullptr)
    return;
  first->asked = false;
  first->ask_at_ns = now_ns + settings_.pause_ns;
  if (!what.gone)
    first->without.insert(what.from);
  first->merged = first->merged || what.merged;
}

void input_repair::take(const passed& what, int64_t now_ns, effects& out) {
  const auto found = wanted_.find(what.copy);
  if (found == wanted_.end())
    return;
  auto& ranges = found->second;
  auto& first = ranges.front();
  if (first.asked || now_ns < first.ask_at_ns)
    return;
  const auto next = std::find_if(
    what.sources.begin(), what.sources.end(),
    [&](const source& each) { return !first.without.contains(each); });
  if (next != what.sources.end()) {
    first.asked = true;
    out.push_back(ask{what.copy, *next, first.range});
    return;
  }
  if (first.agreed) {
    if (first.merged)
      out.push_back(copies{what.copy, first.range});
    // Somebody had it: all are asked anew.
    first.merged = false;
    first.without.clear();
    first.ask_at_ns = now_ns + settings_.pause_ns;
    return;
  }
  if (what.away && !first.forsaken) {
    if (!first.waits && now_ns - first.since_ns >= settings_.patience_ns) {
      first.waits = true;
      out.push_back(waits{what.copy, first.range});
    }
    return;
  }
  ++given_up_;
  out.push_back(give_up{what.copy, first.range});
  ranges.erase(ranges.begin());
  if (ranges.empty())
    wanted_.erase(found);
}

void input_repair::take(const forsaken& what, int64_t, effects&) {
  const auto found = wanted_.find(what.copy);
  if (found == wanted_.end())
    return;
  for (auto& each : found->second)
    each.forsaken = each.forsaken || each.waits;
}

std::vector<std::pair<copy_id, input_part>>
input_repair::ranges_that(bool wait) const {
  std::vector<std::pair<copy_id, input_part>> out;
  for (const auto& [copy, ranges] : wanted_)
    for (const auto& each : ranges)
      if (each.waits == wait)
        out.emplace_back(copy, each.range);
  return out;
}

std::vector<std::pair<copy_id, input_part>> input_repair::waiting() const {
  return ranges_that(true);
}

std::vector<std::pair<copy_id, input_part>> input_repair::asked() const {
  return ranges_that(false);
}

bool input_repair::asks_for(copy_id copy, const input_part& range) const {
  const auto found = wanted_.find(copy);
  return found != wanted_.end()
         && std::any_of(
           found->second.begin(), found->second.end(), [&](const wanted& each) {
             return each.range.from <= range.from && range.to <= each.range.to;
           });
}

} // namespace millrace::rt
