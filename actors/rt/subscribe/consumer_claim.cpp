#include <millrace/actors/rt/subscribe/consumer_claim.hpp>

namespace millrace::rt {

namespace {

constexpr int64_t tell_interval_ns = 1'000'000'000;

} // namespace

consumer_floor consumer_claim::said(consumer_floor::step_type step,
                                    position needs_from,
                                    const lineage_id& life) const {
  return {consumer_, step, life, holder_, claim_, needs_from};
}

std::optional<consumer_floor>
consumer_claim::next(position begins, std::optional<position> needs_from,
                     const lineage_id& life, int64_t now_ns) {
  if (!is_wanted() || stands_ == lost || asked_
      || (stands_ == held && now_ns < next_at_ns_))
    return std::nullopt;
  asked_ = true;
  next_at_ns_ = now_ns + tell_interval_ns;
  switch (stands_) {
    case unknown:
      return said(consumer_floor::asks, {}, life);
    case seen:
      return said(consumer_floor::claims, needs_from.value_or(begins), life);
    default:
      return said(consumer_floor::tells, needs_from.value_or(position{}), life);
  }
}

std::optional<consumer_floor>
consumer_claim::last(std::optional<position> needs_from,
                     const lineage_id& life) {
  if (stands_ != held)
    return std::nullopt;
  return said(consumer_floor::leaves, needs_from.value_or(position{}), life);
}

bool consumer_claim::answered(const consumer_facts& facts) {
  asked_ = false;
  facts_ = facts;
  if (stands_ == unknown) {
    was_new_ = !facts.is_known;
    claim_ = facts.claim + 1;
    stands_ = seen;
  } else if (stands_ == seen) {
    stands_ = held;
    next_at_ns_ = 0;
    return true;
  }
  return false;
}

bool consumer_claim::refused(const error& why) {
  asked_ = false;
  if (why.code == errc::fenced && stands_ == held) {
    stands_ = lost;
    return true;
  }
  // Another one was faster: the last one has the name.
  if (why.code == errc::fenced)
    stands_ = unknown;
  return why.code == errc::limit_exceeded || why.code == errc::invalid_argument;
}

void consumer_claim::begin_life() {
  if (stands_ == lost)
    return;
  stands_ = unknown;
  claim_ = 0;
  next_at_ns_ = 0;
}

} // namespace millrace::rt
