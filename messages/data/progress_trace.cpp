#include <millrace/messages/data/progress_trace.hpp>

#include <algorithm>

namespace millrace {

namespace {

constexpr int64_t ns_per_ms = 1'000'000;

} // namespace

text::json_value to_json(const stream_lag& lag) {
  return {{"bytes", lag.bytes},
          {"messages", lag.messages},
          {"ms", lag.time_ns / ns_per_ms},
          {"at_least", lag.at_least}};
}

/// Of the older half every second place goes: what is long ago is told less
/// exactly.
void progress_trace::add(const place& now) {
  places_.push_back(now);
  if (places_.size() <= places_max)
    return;
  size_t kept = 1;
  for (size_t i = 1; i < places_.size(); ++i)
    if (i >= places_max / 2 || i % 2 == 0)
      places_[kept++] = places_[i];
  places_.resize(kept);
}

void progress_trace::move(const place& now, int64_t interval_ns) {
  if (places_.size() > 1
      && now.at_ns - places_[places_.size() - 2].at_ns < interval_ns)
    places_.back() = now;
  else
    add(now);
}

std::optional<stream_lag> progress_trace::lag_of(position at,
                                                 int64_t now_ns) const {
  if (places_.empty())
    return std::nullopt;
  const auto& newest = places_.back();
  stream_lag out;
  if (at >= newest.end)
    return out;
  const auto past
    = std::find_if(places_.begin(), places_.end(),
                   [&](const place& each) { return each.end > at; });
  out.time_ns = std::max<int64_t>(0, now_ns - past->at_ns);
  out.at_least = past == places_.begin();
  const auto& known = out.at_least ? *past : *(past - 1);
  out.messages = newest.messages - known.messages;
  out.bytes = newest.bytes - known.bytes;
  // Of the bytes after the place before it, those up to it are not lag.
  if (!out.at_least && file_of(known.end) == file_of(at))
    out.bytes -= std::min(out.bytes, at.value - known.end.value);
  if (out.at_least && file_of(known.end) == file_of(at))
    out.bytes += known.end.value - at.value;
  return out;
}

std::optional<progress_trace::rates>
progress_trace::rates_over(int64_t span_ns) const {
  if (places_.empty())
    return std::nullopt;
  const auto& newest = places_.back();
  const place* from = nullptr;
  for (const auto& each : places_)
    if (newest.at_ns - each.at_ns >= span_ns)
      from = &each;
  if (from == nullptr || from->at_ns == newest.at_ns)
    return std::nullopt;
  const auto per_second = [&](uint64_t count) {
    return static_cast<uint64_t>(
      static_cast<double>(count) * 1e9
      / static_cast<double>(newest.at_ns - from->at_ns));
  };
  return rates{per_second(newest.messages - from->messages),
               per_second(newest.bytes - from->bytes)};
}

text::json_value progress_trace::to_json(int64_t now_ns) const {
  auto out = text::json_value::array();
  for (const auto& each : places_)
    out.add({{"age_ms", (now_ns - each.at_ns) / ns_per_ms},
             {"end", each.end.value},
             {"messages", each.messages},
             {"bytes", each.bytes}});
  return out;
}

progress_trace progress_trace::from_json(const text::json_value& told) {
  progress_trace out;
  for (const auto& each : told.elements())
    out.places_.push_back({-each.at("age_ms").integer().value_or(0) * ns_per_ms,
                           {each.at("end").natural().value_or(0)},
                           each.at("messages").natural().value_or(0),
                           each.at("bytes").natural().value_or(0)});
  return out;
}

} // namespace millrace
