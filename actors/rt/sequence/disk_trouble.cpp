#include <millrace/actors/rt/sequence/disk_trouble.hpp>

namespace millrace::rt {

std::vector<disk_trouble::effect> disk_trouble::step(const input& what,
                                                     int64_t now_ns) {
  effects out;
  std::visit([&](const auto& kind) { take(kind, now_ns, out); }, what);
  return out;
}

void disk_trouble::take(const failed& what, int64_t now_ns, effects& out) {
  if (!settings_.has_peers)
    return;
  if (what.why.code == errc::no_space)
    full_until_ns_ = now_ns + settings_.trouble_ns;
  if (why_.empty())
    out.push_back(struck{what.why});
  why_ = to_string(what.why);
  struck_until_ns_ = now_ns + settings_.trouble_ns;
}

void disk_trouble::take(const passed& what, int64_t now_ns, effects& out) {
  const auto& why = what.blocked;
  if (why.code == errc::no_space)
    out.push_back(make_room{});
  // What is damaged, or not here, may come again.
  if (!why || why.code == errc::corrupt || why.code == errc::not_found)
    blocked_since_ns_.reset();
  else if (!blocked_since_ns_)
    blocked_since_ns_ = now_ns;
  else if (now_ns - *blocked_since_ns_ > settings_.patience_ns)
    take(failed{why}, now_ns, out);
  if (!why_.empty() && now_ns >= struck_until_ns_) {
    why_.clear();
    out.push_back(healed{});
  }
  tell(why, now_ns, out);
}

void disk_trouble::tell(const error& why, int64_t now_ns, effects& out) {
  if (!why) {
    if (now_ns - seen_at_ns_ > settings_.told_ns)
      told_ = {};
    return;
  }
  seen_at_ns_ = now_ns;
  if (why == told_ || (why.code == errc::no_space && told_.code == why.code))
    return;
  told_ = why;
  out.push_back(blocked{why});
}

} // namespace millrace::rt
