#include <millrace/actors/rt/link/link_core.hpp>

#include <algorithm>
#include <string>

namespace millrace::rt {

std::vector<link_core::effect> link_core::step(const input& what,
                                               int64_t now_ns) {
  effects out;
  std::visit([&](const auto& kind) { take(kind, now_ns, out); }, what);
  return out;
}

void link_core::take(const passed&, int64_t now_ns, effects& out) {
  if (phase_ == phase_type::idle && now_ns >= retry_at_ns_) {
    phase_ = phase_type::connecting;
    out.push_back(connect{});
  } else if (flowing() && now_ns - heard_at_ns_ > settings_.silence_ns) {
    const auto seconds = std::to_string(settings_.silence_ns / 1'000'000'000);
    take(failed{{errc::timeout,
                 settings_.peer + ": silent for " + seconds + " s"}},
         now_ns, out);
  } else if (flowing() && settings_.sends) {
    out.push_back(ping{});
  }
}

void link_core::take(const granted& what, int64_t now_ns, effects& out) {
  phase_ = phase_type::flowing;
  flow_ = what.flow;
  failure_ = {};
  backoff_ns_ = 0;
  heard_at_ns_ = now_ns;
  bytes_taken_ = bytes_acknowledged_ = 0;
  // The peer sends nothing before it knows that this end knows the flow.
  if (!settings_.sends)
    acknowledge_all(out);
}

void link_core::take(const failed& what, int64_t now_ns, effects& out) {
  phase_ = phase_type::idle;
  failure_ = what.why;
  backoff_ns_ = backoff_ns_ == 0
                  ? settings_.backoff_first_ns
                  : std::min(settings_.backoff_max_ns, backoff_ns_ * 2);
  retry_at_ns_ = now_ns + backoff_ns_;
  out.push_back(drop{});
}

void link_core::take(const restarted&, int64_t, effects& out) {
  phase_ = phase_type::connecting;
  failure_ = {};
  backoff_ns_ = 0;
  out.push_back(drop{});
  out.push_back(connect{});
}

void link_core::take(const heard& what, int64_t now_ns, effects&) {
  if (runs(what.flow))
    heard_at_ns_ = now_ns;
}

void link_core::take(const pinged& what, int64_t now_ns, effects& out) {
  if (!runs(what.flow))
    return;
  heard_at_ns_ = now_ns;
  acknowledge_all(out);
}

void link_core::take(const taken& what, int64_t, effects& out) {
  if (!flowing())
    return;
  bytes_taken_ += what.bytes;
  if (bytes_taken_ - bytes_acknowledged_ >= settings_.acknowledge_bytes)
    acknowledge_all(out);
}

void link_core::acknowledge_all(effects& out) {
  bytes_acknowledged_ = bytes_taken_;
  out.push_back(acknowledge{bytes_taken_});
}

} // namespace millrace::rt
