#include <millrace/actors/rt/archive/told_floors.hpp>

#include <algorithm>

namespace millrace::rt {

namespace {

constexpr uint64_t note_bytes = uint64_t{1} << 20;
constexpr int64_t note_interval_ns = 1'000'000'000;
constexpr int64_t note_patience_ns = 10'000'000'000;
constexpr int64_t heard_interval_ns = int64_t{3600} * 1'000'000'000;

/// Files go whole: only one that ends before a floor is free of it.
bool frees_a_file(position from, position to) {
  return from.session() != to.session() || from.roll() != to.roll();
}

} // namespace

void told_floors::take(const consumer_floor& what, const std::string& process,
                       int64_t now_ns) {
  auto& into = said_[what.consumer];
  if (into.claim != what.claim || into.holder != what.holder)
    into = {what.claim, what.holder, {}, process, now_ns, false, false, now_ns};
  into.floor = std::max(into.floor, what.needs_from);
  into.heard_at_ns = now_ns;
  into.left = what.step == consumer_floor::leaves;
  into.urgent = into.left;
}

const told_floors::said* told_floors::find(const std::string& consumer) const {
  const auto found = said_.find(consumer);
  return found == said_.end() ? nullptr : &found->second;
}

const told_floors::said* told_floors::connected(const std::string& consumer,
                                                int64_t now_ns) const {
  const auto* found = find(consumer);
  const bool there = found != nullptr && !found->left
                     && now_ns - found->heard_at_ns < silence_ns;
  return there ? found : nullptr;
}

const told_floors::said* told_floors::due(const std::string& consumer,
                                          const agreed& known, int64_t now_ns,
                                          int64_t wall_ns) {
  const auto found = said_.find(consumer);
  if (found == said_.end() || found->second.claim != known.claim
      || found->second.holder != known.holder)
    return nullptr;
  auto& what = found->second;
  const bool moved = what.floor > known.floor;
  const auto since_ns = now_ns - what.noted_at_ns;
  const bool forgotten = wall_ns - known.heard_ns >= heard_interval_ns
                         && now_ns - what.heard_at_ns < silence_ns;
  const bool is_much
    = moved
      && (what.left || frees_a_file(known.floor, what.floor)
          || what.floor.value - known.floor.value >= note_bytes);
  if (!(moved && what.urgent)
      && !(since_ns >= note_interval_ns && (is_much || forgotten))
      && !(since_ns >= note_patience_ns && moved))
    return nullptr;
  what.urgent = false;
  what.noted_at_ns = now_ns;
  return &what;
}

} // namespace millrace::rt
