#include <millrace/messages/base/reconnection.hpp>

#include <algorithm>
#include <utility>

namespace millrace {

void reconnection::begin_anew() noexcept {
  begin();
  failure_ = {};
  pause_ns_ = 0;
}

void reconnection::found(int64_t now_ns) noexcept {
  phase_ = phase_type::connected;
  failure_ = {};
  heard_at_ns_ = now_ns;
}

void reconnection::heard(int64_t now_ns) noexcept {
  heard_at_ns_ = now_ns;
  pause_ns_ = 0;
}

void reconnection::lost(error why, int64_t now_ns) {
  phase_ = phase_type::away;
  failure_ = std::move(why);
  pause_ns_ = std::clamp(pause_ns_ * 2, pace_.first_ns, pace_.max_ns);
  retry_at_ns_ = now_ns + pause_ns_;
}

bool reconnection::silent(int64_t now_ns) const noexcept {
  return connected() && pace_.silence_ns != 0
         && now_ns - heard_at_ns_ > pace_.silence_ns;
}

} // namespace millrace
