#include <millrace/actors/torq/rdb/loss_log.hpp>

#include <algorithm>

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
  ++count_;
  last_ = text_of(event);
  const auto from = std::min(event.from, event.to);
  const auto to = std::max(event.from, event.to);
  if (places_.size() < kept_max) {
    persistence::hdb_loss place;
    place.from = from;
    place.to = to;
    place.text = last_;
    places_.push_back(std::move(place));
    return;
  }
  auto& joined = places_.back();
  joined.from = std::min(joined.from, from);
  joined.to = std::max(joined.to, to);
  ++joined.count;
}

uint64_t loss_log::count(position from, position to) const {
  uint64_t out = 0;
  for (const auto& each : places_)
    if (each.touches(from, to))
      out += each.count;
  return out;
}

std::vector<persistence::hdb_loss> loss_log::places(position from,
                                                    position to) const {
  std::vector<persistence::hdb_loss> out;
  for (const auto& each : places_)
    if (each.touches(from, to))
      out.push_back(each);
  return out;
}

void loss_log::forget(position up_to) {
  std::erase_if(places_, [&](const auto& each) { return each.to <= up_to; });
}

} // namespace millrace::torq
