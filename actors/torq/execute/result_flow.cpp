#include <millrace/actors/torq/execute/result_flow.hpp>

#include <algorithm>
#include <utility>

namespace millrace::torq {

result_flow::effects result_flow::made(size_t part, std::vector<chunk> pieces) {
  auto& to = ready_[part];
  for (auto& piece : pieces) {
    ready_bytes_ += piece.size();
    to.push_back(std::move(piece));
  }
  return go();
}

result_flow::effects result_flow::taken(uint64_t bytes) {
  is_open_ = true;
  taken_bytes_ = std::max(taken_bytes_, bytes);
  return go();
}

result_flow::effects result_flow::go() {
  effects out;
  for (auto next = ready_.begin();
       is_open_ && next != ready_.end() && next->first == give_next_;
       next = ready_.begin()) {
    auto& pieces = next->second;
    while (!pieces.empty() && given_bytes_ < taken_bytes_ + window_bytes) {
      given_bytes_ += pieces.front().size();
      ready_bytes_ -= pieces.front().size();
      out.give.push_back(std::move(pieces.front()));
      pieces.pop_front();
    }
    if (!pieces.empty())
      break;
    ready_.erase(next);
    ++give_next_;
  }
  // The part that is given next is always made: nothing waits for it in vain.
  while (make_next_ < parts_ && make_next_ < give_next_ + ahead_max
         && ready_bytes_ < window_bytes)
    out.make.push_back(make_next_++);
  if (is_open_ && give_next_ == parts_)
    out.over = !std::exchange(is_over_, true);
  return out;
}

} // namespace millrace::torq
