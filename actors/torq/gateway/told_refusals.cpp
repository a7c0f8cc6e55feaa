#include <millrace/actors/torq/gateway/told_refusals.hpp>

#include <utility>

namespace millrace::torq {

std::optional<uint64_t> told_refusals::came(int64_t now_ns) {
  constexpr int64_t minute_ns = 60'000'000'000;
  if (begin_ns_ == 0 || now_ns - begin_ns_ >= minute_ns) {
    begin_ns_ = now_ns;
    told_ = 0;
  }
  if (told_ == per_minute) {
    ++untold_;
    return std::nullopt;
  }
  ++told_;
  return std::exchange(untold_, 0);
}

} // namespace millrace::torq
