#include <millrace/actors/rt/raft/raft_durability.hpp>

#include <algorithm>

namespace millrace::rt {

void raft_durability::keep(entry_index kept) {
  kept_ = std::min(kept_, kept);
  index_ = std::min(index_, kept);
}

uint64_t raft_durability::begin(bool votes) {
  ++last_;
  if (votes)
    vote_ = last_;
  if (kept_ != everything)
    under_way_.push_back({last_, kept_});
  kept_ = everything;
  return last_;
}

bool raft_durability::done(uint64_t ticket, entry_index index,
                           entry_index last) {
  if (ticket < done_ || ticket > last_)
    return false;
  for (const auto& each : under_way_)
    if (each.ticket > ticket)
      index = std::min(index, each.kept);
  if (index > last)
    return false;
  done_ = ticket;
  while (!under_way_.empty() && under_way_.front().ticket <= ticket)
    under_way_.pop_front();
  index_ = std::max(index_, index);
  return true;
}

bool operator==(const raft_durability& a, const raft_durability& b) noexcept {
  if (a.index_ != b.index_ || a.kept_ != b.kept_
      || a.last_ - a.done_ != b.last_ - b.done_
      || a.vote_is_durable() != b.vote_is_durable()
      || (!a.vote_is_durable() && a.vote_ - a.done_ != b.vote_ - b.done_))
    return false;
  const auto same
    = [&](const raft_durability::job& x, const raft_durability::job& y) {
        return x.ticket - a.done_ == y.ticket - b.done_ && x.kept == y.kept;
      };
  return std::equal(a.under_way_.begin(), a.under_way_.end(),
                    b.under_way_.begin(), b.under_way_.end(), same);
}

} // namespace millrace::rt
