#include <millrace/actors/torq/rdb/loss_log.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace millrace::torq {

namespace {

std::string text_of(const stream_event& event) {
  std::string out{to_string(event.kind)};
  out += " at " + to_string(event.from);
  if (!event.origin.empty())
    out += ", origin '" + event.origin + "'";
  if (event.kind == event_kind::gap)
    out += ", ids " + std::to_string(event.first_id) + " to "
           + std::to_string(event.last_id);
  if (!event.cause.empty())
    out += ": " + event.cause;
  return out;
}

} // namespace

bool is_loss(const stream_event& event) noexcept {
  switch (event.kind) {
    case event_kind::badtail:
    case event_kind::reset:
    case event_kind::gap:
    case event_kind::pruned:
    case event_kind::ahead:
    case event_kind::id_conflict:
      return true;
    case event_kind::schema:
      return false;
  }
  return true;
}

void loss_log::add(const stream_event& event) {
  persistence::hdb_loss what;
  what.from = std::min(event.from, event.to);
  what.to = std::max(event.from, event.to);
  what.text = text_of(event);
  add(std::move(what));
}

void loss_log::add(persistence::hdb_loss what) {
  count_ += what.count;
  last_ = what.text;
  if (places_.size() < kept_max)
    return places_.push_back(std::move(what));
  auto& joined = places_.back();
  joined.from = std::min(joined.from, what.from);
  joined.to = std::max(joined.to, what.to);
  joined.count += what.count;
  if (joined.table != what.table)
    joined.table.clear();
}

uint64_t loss_log::count(position from, position to) const {
  uint64_t out = 0;
  for (const auto& each : places_)
    if (each.touches(from, to))
      out += each.count;
  return out;
}

std::vector<persistence::hdb_loss>
loss_log::places(position from, position to, std::string_view table) const {
  std::vector<persistence::hdb_loss> out;
  std::map<std::pair<std::string_view, std::string_view>, size_t> same;
  for (const auto& each : places_) {
    if (!each.touches(from, to)
        || (!table.empty() && !each.table.empty() && each.table != table))
      continue;
    const auto [at, fresh]
      = same.try_emplace({each.table, each.text}, out.size());
    if (fresh) {
      out.push_back(each);
      continue;
    }
    auto& joined = out[at->second];
    joined.from = std::min(joined.from, each.from);
    joined.to = std::max(joined.to, each.to);
    joined.count += each.count;
  }
  return out;
}

void loss_log::forget(position up_to) {
  std::erase_if(places_, [&](const auto& each) { return each.to <= up_to; });
}

} // namespace millrace::torq
