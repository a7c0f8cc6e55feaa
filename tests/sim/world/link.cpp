#include <millrace/sim/world/link.hpp>

#include <algorithm>

namespace millrace::sim {

using namespace std::chrono_literals;

duration link_table::draw(const link_delay& between) {
  const auto width = static_cast<uint64_t>((between.max - between.min).count());
  return between.min + duration{static_cast<int64_t>(random_() % (width + 1))};
}

duration link_table::delay_of(const link& some) {
  return draw(some.delay.value_or(usual_));
}

duration link_table::travel(size_t from, size_t to) {
  return delay_of(links_[{from, to}]);
}

void link_table::send(size_t from, size_t to, parcel what, duration now) {
  auto& way = links_[{from, to}];
  auto start = now;
  if (way.bytes_per_second != 0) {
    // Beside its bytes each message has a header.
    constexpr uint64_t header_bytes = 64;
    const auto ns = (what.bytes.size() + header_bytes) * 1'000'000'000
                    / way.bytes_per_second;
    start = way.busy_until
      = std::max(way.busy_until, now) + duration{static_cast<int64_t>(ns)};
  }
  way.last_arrival = std::max(way.last_arrival, start + delay_of(way));
  events_.emplace(way.last_arrival, event{{from, to}, std::move(what)});
}

std::optional<parcel> link_table::arrived(duration now) {
  while (released_.empty() && !events_.empty()
         && events_.begin()->first <= now) {
    auto due = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    auto& way = links_[due.of];
    if (due.what) {
      auto& into = way.blocked_since ? way.held : released_;
      into.push_back(*std::move(due.what));
    } else if (!way.cut && way.blocked_since) {
      way.blocked_since.reset();
      released_ = std::exchange(way.held, {});
    }
  }
  if (released_.empty())
    return std::nullopt;
  auto first = std::move(released_.front());
  released_.pop_front();
  return first;
}

std::optional<duration> link_table::next_due() const {
  if (!released_.empty())
    return duration{};
  if (events_.empty())
    return std::nullopt;
  return events_.begin()->first;
}

void link_table::cut(size_t from, size_t to, duration now) {
  auto& way = links_[{from, to}];
  way.cut = true;
  if (!way.blocked_since)
    way.blocked_since = now;
}

duration link_table::next_try(duration cut_at, duration now) {
  constexpr duration pause_max = 120s;
  auto pause = duration{200ms};
  auto next = cut_at + pause;
  while (next < now) {
    pause = std::min(pause * 2, pause_max);
    next += pause;
  }
  return next;
}

void link_table::heal(size_t from, size_t to, duration at) {
  if (std::exchange(links_[{from, to}].cut, false))
    events_.emplace(at, event{{from, to}, std::nullopt});
}

void link_table::slow(size_t from, size_t to, uint64_t bytes_per_second,
                      duration now) {
  auto& way = links_[{from, to}];
  if (std::exchange(way.bytes_per_second, bytes_per_second) == bytes_per_second)
    return;
  // What was not yet on its way goes at the new pace.
  way.busy_until = way.last_arrival = now;
  std::vector<parcel> waiting;
  for (auto it = events_.begin(); it != events_.end();)
    if (it->second.of == pair{from, to} && it->second.what) {
      waiting.push_back(*std::move(it->second.what));
      it = events_.erase(it);
    } else {
      ++it;
    }
  for (auto& what : waiting)
    send(from, to, std::move(what), now);
}

void link_table::delay(size_t from, size_t to,
                       std::optional<link_delay> how_long) {
  links_[{from, to}].delay = how_long;
}

std::optional<duration> link_table::blocked_since(size_t from,
                                                  size_t to) const {
  const auto found = links_.find({from, to});
  return found == links_.end() ? std::nullopt : found->second.blocked_since;
}

bool link_table::is_harmed(size_t from, size_t to) const {
  const auto found = links_.find({from, to});
  return found != links_.end()
         && (found->second.blocked_since || found->second.delay
             || found->second.bytes_per_second != 0);
}

} // namespace millrace::sim
