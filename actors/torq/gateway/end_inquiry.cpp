#include <millrace/actors/torq/gateway/end_inquiry.hpp>
#include <millrace/messages/base/planted_bug.hpp>

#include <algorithm>
#include <utility>

namespace millrace::torq {

end_inquiry::effects end_inquiry::ask(uint64_t question) {
  waiting_.push_back(question);
  return served_.empty() ? begin() : effects{};
}

/// @pre no inquiry is under way
end_inquiry::effects end_inquiry::begin() {
  if (waiting_.empty())
    return {};
  served_ = std::exchange(waiting_, {});
  best_.reset();
  sole_ = false;
  floor_asked_ = floor_;
  return put();
}

end_inquiry::effects end_inquiry::put() {
  ++number_;
  open_ = reachable_;
  if (open_.empty())
    return finish(false);
  return {number_, open_, {}};
}

end_inquiry::effects end_inquiry::again() {
  undecided_ = false;
  best_.reset(); // The stream may have begun another life.
  return put();
}

end_inquiry::effects end_inquiry::settle() { return finish(false); }

end_inquiry::effects end_inquiry::answered(uint64_t number, size_t node,
                                           const answer& what) {
  if (number != number_ || open_.erase(node) == 0)
    return {};
  if (best_ && best_->life == what.end.life)
    best_->at = std::max(best_->at, what.end.at);
  else if (!best_ || what.leads)
    best_ = what.end;
  sole_ = what.sole;
  if (what.leads || MILLRACE_PLANTED(believe_a_follower))
    return finish(true);
  undecided_ = open_.empty();
  return {};
}

end_inquiry::effects end_inquiry::failed(uint64_t number, size_t node) {
  if (number != number_ || open_.erase(node) == 0)
    return {};
  if (!open_.empty())
    return {};
  if (!best_)
    return finish(false);
  undecided_ = true;
  return {};
}

end_inquiry::effects end_inquiry::finish(bool sure) {
  open_.clear();
  undecided_ = false;
  sure_ = sure;
  end_ = best_;
  if (end_)
    raise(*end_, true);
  if (end_ && sole_)
    lower(*end_);
  auto resolved = std::exchange(served_, {});
  auto out = begin();
  out.resolved.insert(out.resolved.begin(), resolved.begin(), resolved.end());
  return out;
}

void end_inquiry::gave(const stream_place& upper) { raise(upper, false); }

/// What was answered when this was asked is not in the log any more.
void end_inquiry::lower(const stream_place& to) {
  if (to.life != floor_asked_.life || to.at >= floor_asked_.at)
    return;
  floor_ = to;
  ++set_backs_;
}

void end_inquiry::raise(const stream_place& to, bool from_stream) {
  if (!to.life.is_known())
    return;
  if (!floor_.life.is_known()) {
    floor_ = to;
  } else if (floor_.life == to.life) {
    floor_.at = std::max(floor_.at, to.at);
  } else if (from_stream) {
    // An RDB may still be of the earlier life, the stream is not.
    floor_ = to;
    ++new_lives_;
  }
}

} // namespace millrace::torq
