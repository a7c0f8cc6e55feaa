#include <millrace/actors/rt/sequence/out_repair.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

std::vector<out_repair::effect> out_repair::step(const input& what,
                                                 int64_t now_ns) {
  effects out;
  std::visit([&](const auto& kind) { take(kind, now_ns, out); }, what);
  return out;
}

bool out_repair::has_given_up(position at, int64_t now_ns) const {
  const auto found = given_up_.find(file_of(at));
  return found != given_up_.end()
         && now_ns - found->second <= settings_.given_up_ns;
}

void out_repair::take(const asked& what, int64_t now_ns, effects& out) {
  const auto file = file_of(what.at);
  given_up_.erase(file);
  const auto [known, is_new] = wanted_.try_emplace(file, wanted{what.at});
  known->second.at = std::min(known->second.at, what.at);
  if (is_new)
    out.push_back(damaged{file});
  if (stage_ == stage::idle)
    start(now_ns, out);
}

void out_repair::take(const passed& what, int64_t now_ns, effects& out) {
  begin_ = what.begin;
  std::erase_if(given_up_, [&](const auto& each) {
    return now_ns - each.second > settings_.given_up_ns;
  });
  if (stage_ == stage::idle)
    start(now_ns, out);
}

/// In turn: one may need the state at the start of another, damaged too.
void out_repair::start(int64_t now_ns, effects& out) {
  std::erase_if(wanted_, [&](const auto& each) {
    const bool gone = each.first < file_of(begin_);
    if (gone)
      out.push_back(pruned{each.first});
    return gone;
  });
  if (wanted_.empty() || now_ns < retry_at_ns_)
    return;
  auto next = wanted_.upper_bound(file_);
  if (next == wanted_.end())
    next = wanted_.begin();
  file_ = next->first;
  is_final_ = false;
  stage_ = stage::rebuilding;
  out.push_back(rebuild{file_});
}

void out_repair::take(const rebuilt& what, int64_t now_ns, effects& out) {
  if (stage_ != stage::rebuilding)
    return;
  if (!what.why || settings_.peers.empty()) {
    // Of what was let go nothing comes again, unless another node has the file.
    const bool was_let_go
      = what.why.code == errc::not_found || what.why.code == errc::pruned;
    return failed(what.why, was_let_go && !what.may_come, now_ns, out);
  }
  stage_ = stage::opening;
  why_ = what.why;
  out.push_back(copy{file_, why_});
}

void out_repair::take(const opened& what, int64_t now_ns, effects& out) {
  if (stage_ != stage::opening)
    return;
  stage_ = stage::fetching;
  until_ = what.until;
  from_ = file_;
  peer_ = 0;
  fetch_on(now_ns, out);
}

void out_repair::fetch_on(int64_t now_ns, effects& out) {
  if (peer_ == settings_.peers.size())
    return failed(why_, false, now_ns, out);
  out.push_back(fetch{settings_.peers[peer_].node, from_});
}

void out_repair::take(const came& what, int64_t now_ns, effects& out) {
  if (stage_ != stage::fetching)
    return;
  if (file_of(what.begin) == file_) {
    from_ = what.end;
    if (!until_ || from_ < *until_)
      return fetch_on(now_ns, out);
  }
  stage_ = stage::placing;
  out.push_back(place{file_, until_});
}

void out_repair::take(const denied& what, int64_t now_ns, effects& out) {
  if (stage_ != stage::fetching && stage_ != stage::placing)
    return;
  stage_ = stage::fetching;
  why_.context
    += "; " + settings_.peers[peer_].name + ": " + to_string(what.why);
  if (what.why.code == errc::no_space)
    why_.code = what.why.code;
  ++peer_;
  fetch_on(now_ns, out);
}

void out_repair::take(const away&, int64_t now_ns, effects& out) {
  if (stage_ != stage::fetching)
    return;
  ++peer_;
  fetch_on(now_ns, out);
}

void out_repair::take(const placed& what, int64_t now_ns, effects& out) {
  if (stage_ == stage::opening || stage_ == stage::placing)
    failed(what.why, false, now_ns, out);
}

void out_repair::take(const salvaged& what, int64_t now_ns, effects& out) {
  if (stage_ != stage::salvaging)
    return;
  if (!what.why)
    return finish({}, what.holes, now_ns, out);
  auto why = why_;
  // That it is not all there was said of the way before.
  if (what.why.code == errc::no_space || is_final_)
    why = what.why;
  finish(why, {}, now_ns, out);
}

/// @param why nobody has it whole; empty: it is mended
/// @param is_final time alone does not help
void out_repair::failed(const error& why, bool is_final, int64_t now_ns,
                        effects& out) {
  auto& each = wanted_.at(file_);
  // A full disk takes nothing away: it is waited for.
  if (!why || why.code == errc::no_space || file_ < file_of(begin_))
    return finish(why, {}, now_ns, out);
  stage_ = stage::salvaging;
  why_ = why;
  is_final_ = is_final || ++each.tries >= settings_.tries;
  out.push_back(salvage{file_, is_final_});
}

/// @param why it is not in its place; empty: it is, with these holes
void out_repair::finish(const error& why, std::vector<out_hole> holes,
                        int64_t now_ns, effects& out) {
  stage_ = stage::idle;
  const auto found = wanted_.find(file_);
  auto& each = found->second;
  const bool full = why.code == errc::no_space;
  const bool lacked
    = std::erase_if(holes, [](const auto& hole) { return hole.is_known; }) != 0;
  if (!why && holes.empty() && lacked) {
    given_up_[file_] = now_ns;
    out.push_back(lacks{file_});
    wanted_.erase(found);
  } else if (!why && holes.empty()) {
    ++mended_;
    out.push_back(mended{file_});
    wanted_.erase(found);
  } else if (full || (why && !is_final_)) {
    if (full && !std::exchange(each.full, true))
      out.push_back(waits{file_, why});
    retry_at_ns_ = now_ns + settings_.retry_after_ns;
  } else if (file_ >= file_of(begin_)) {
    given_up_[file_] = now_ns;
    out.push_back(lost{file_, each.at, why ? why : why_, std::move(holes)});
    wanted_.erase(found);
  }
  start(now_ns, out);
}

} // namespace millrace::rt
