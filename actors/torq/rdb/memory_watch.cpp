#include <millrace/actors/torq/rdb/memory_watch.hpp>

namespace millrace::torq {

bool memory_watch::look(uint64_t bytes, bool awaited) noexcept {
  if (bytes_max_ == 0)
    return false;
  const bool above = bytes > bytes_max_ && !awaited;
  const bool below = static_cast<double>(bytes)
                     < static_cast<double>(bytes_max_) * resume_share;
  if (paused_ ? !below && !awaited : !above)
    return false;
  paused_ = !paused_;
  return true;
}

std::string memory_watch::reason(uint64_t bytes) const {
  if (!paused_)
    return {};
  return "holds " + std::to_string(bytes) + " bytes, memory_max is "
         + std::to_string(bytes_max_);
}

} // namespace millrace::torq
