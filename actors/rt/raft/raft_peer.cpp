#include <millrace/actors/rt/raft/raft_peer.hpp>

#include <algorithm>

namespace millrace::rt {

uint64_t raft_peer::window(uint64_t in_flight_max) const noexcept {
  switch (phase_) {
    case phase_type::probing:
      return waits_ ? 0 : in_flight_max;
    case phase_type::replicating: {
      const auto in_flight = next_.value - durable_.value - 1;
      return in_flight_max - std::min(in_flight_max, in_flight);
    }
    case phase_type::snapshot:
      return 0;
  }
  return 0;
}

void raft_peer::sent(entry_index last) {
  if (phase_ == phase_type::probing)
    waits_ = true;
  else if (last >= next_) {
    next_ = last.next();
    requests_.push_back(last);
  }
}

bool raft_peer::accepted(entry_index durable, entry_index held) {
  const bool more = durable > durable_;
  durable_ = std::max(durable_, durable);
  if (held >= durable_)
    denials_ = 0;
  held = std::max(held, durable_);
  while (!requests_.empty() && requests_.front() <= durable_)
    requests_.pop_front();
  const bool caught_up
    = phase_ == phase_type::probing
        ? held.next() >= next_
        : phase_ == phase_type::snapshot && durable_ >= snapshot_;
  if (caught_up) {
    phase_ = phase_type::replicating;
    next_ = held.next();
  }
  next_ = std::max(next_, durable_.next());
  return more;
}

raft_peer::answer_type raft_peer::missed(const raft_append_response& answer,
                                         const raft_log& log) {
  // One that was sent before the acknowledgement may come after it, doubled; to
  // believe it then costs no more than to send some entries again.
  constexpr uint8_t denials_max = 4;
  const auto& what = *answer.refusal;
  if (phase_ == phase_type::snapshot || what.previous < durable_)
    return answer_type::old;
  if (phase_ == phase_type::probing && what.previous.next() != next_)
    return answer_type::old;
  const bool denies = what.previous == durable_;
  if (denies && ++denials_ < denials_max)
    return answer_type::old;
  if (denies) {
    denials_ = 0;
    durable_ = std::min(answer.durable, entry_index{what.previous.value - 1});
  }
  // Below the base nothing is known of terms: a snapshot will be needed.
  const auto agreed
    = what.hint.index < log.base().at.index
        ? what.hint.index
        : log.last_at_most(what.hint.index, what.hint.term).index;
  phase_ = phase_type::probing;
  waits_ = false;
  requests_.clear();
  next_
    = std::max(std::min(agreed, entry_index{what.previous.value - 1}), durable_)
        .next();
  return denies ? answer_type::forgets : answer_type::news;
}

void raft_peer::begin_snapshot(entry_index index) {
  phase_ = phase_type::snapshot;
  snapshot_ = index;
  requests_.clear();
}

void raft_peer::end_snapshot(bool delivered) {
  if (phase_ != phase_type::snapshot)
    return;
  phase_ = phase_type::probing;
  // A failed one is tried again with the next sign of life, not at once.
  waits_ = true;
  if (delivered)
    next_ = std::max(next_, snapshot_.next());
}

} // namespace millrace::rt
