#include <millrace/actors/rt/link/link_core.hpp>

#include <string>

namespace millrace::rt {

std::vector<link_core::effect> link_core::step(const input& what,
                                               int64_t now_ns) {
  effects out;
  std::visit([&](const auto& kind) { take(kind, now_ns, out); }, what);
  return out;
}

void link_core::take(const passed&, int64_t now_ns, effects& out) {
  if (peer_.due(now_ns)) {
    peer_.begin();
    out.push_back(connect{});
  } else if (peer_.silent(now_ns)) {
    const auto seconds
      = std::to_string(settings_.pace.silence_ns / 1'000'000'000);
    take(failed{{errc::timeout,
                 settings_.peer + ": silent for " + seconds + " s"}},
         now_ns, out);
  } else if (flowing() && settings_.sends) {
    out.push_back(ping{});
  }
}

void link_core::take(const granted& what, int64_t now_ns, effects& out) {
  peer_.found(now_ns);
  peer_.heard(now_ns);
  flow_ = what.flow;
  bytes_taken_ = bytes_acknowledged_ = 0;
  // The peer sends nothing before it knows that this end knows the flow.
  if (!settings_.sends)
    acknowledge_all(out);
}

void link_core::take(const failed& what, int64_t now_ns, effects& out) {
  peer_.lost(what.why, now_ns);
  out.push_back(drop{});
}

void link_core::take(const restarted&, int64_t, effects& out) {
  peer_.begin_anew();
  out.push_back(drop{});
  out.push_back(connect{});
}

void link_core::take(const heard& what, int64_t now_ns, effects&) {
  if (runs(what.flow))
    peer_.heard(now_ns);
}

void link_core::take(const pinged& what, int64_t now_ns, effects& out) {
  if (!runs(what.flow))
    return;
  peer_.heard(now_ns);
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
