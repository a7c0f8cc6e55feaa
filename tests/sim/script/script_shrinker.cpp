#include <millrace/sim/script/script_shrinker.hpp>

#include <algorithm>
#include <utility>

namespace millrace::sim {

script_shrinker::script_shrinker(fault_script failing)
  : smallest_{std::move(failing)}, piece_{smallest_.size()} {}

/// The smallest so far without the piece that is in question.
fault_script script_shrinker::proposal() const {
  fault_script out;
  for (size_t i = 0; i < smallest_.size(); ++i)
    if (i < at_ || i >= at_ + piece_)
      out.push_back(smallest_[i]);
  return out;
}

std::optional<fault_script> script_shrinker::next() {
  while (piece_ > 0 && at_ >= smallest_.size()) {
    at_ = 0;
    // Single faults may become superfluous by what went after them.
    if (piece_ > 1)
      piece_ /= 2;
    else if (!std::exchange(spared_, false))
      piece_ = 0;
  }
  if (piece_ == 0 || smallest_.empty())
    return std::nullopt;
  return proposal();
}

void script_shrinker::tried(bool fails) {
  if (!fails) {
    at_ += piece_;
    return;
  }
  smallest_ = proposal();
  if (piece_ == 1)
    spared_ = true;
  piece_ = std::min(piece_, std::max<size_t>(1, smallest_.size()));
}

} // namespace millrace::sim
