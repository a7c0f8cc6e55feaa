#pragma once

#include <deque>
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

namespace millrace::nodes {

/// Does effects in their order: what one of them leads to is done after those
/// that are there. One owner.
template <class Effect>
class effects_in_turn {
public:
  /// @param perform takes each alternative of an effect, and may come back here
  template <class Perform>
  void perform(std::vector<Effect> effects, Perform perform) {
    std::move(effects.begin(), effects.end(), std::back_inserter(undone_));
    if (std::exchange(is_performing_, true))
      return;
    while (!undone_.empty()) {
      auto next = std::move(undone_.front());
      undone_.pop_front();
      std::visit(perform, next);
    }
    is_performing_ = false;
  }

private:
  std::deque<Effect> undone_;
  bool is_performing_ = false;
};

} // namespace millrace::nodes
