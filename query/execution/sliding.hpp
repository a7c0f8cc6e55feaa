#pragma once

#include <cstddef>
#include <vector>

namespace millrace::query {

/// The fold of the last values of a sequence by an associative `Fold`, without
/// taking anything back: what a value did to a rounded sum leaves with it.
/// Amortised two folds per value. Fold: `value operator()(older, newer)`.
template <class Value, class Fold>
class sliding {
public:
  explicit sliding(size_t count) : count_{count} {}

  /// Takes the next value; @returns the fold of the last `count`.
  Value add(const Value& value) {
    if (older_.size() + newer_.size() == count_) {
      if (older_.empty()) {
        // Each place holds the fold of all values from there on.
        for (auto i = newer_.size(); i-- > 0;)
          older_.push_back(older_.empty() ? newer_[i]
                                          : Fold{}(newer_[i], older_.back()));
        newer_.clear();
      }
      older_.pop_back();
    }
    all_newer_ = newer_.empty() ? value : Fold{}(all_newer_, value);
    newer_.push_back(value);
    if (older_.empty())
      return all_newer_;
    return Fold{}(older_.back(), all_newer_);
  }

private:
  size_t count_;
  std::vector<Value> older_;
  std::vector<Value> newer_;
  Value all_newer_{};
};

} // namespace millrace::query
