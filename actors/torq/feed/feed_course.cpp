#include <millrace/actors/torq/feed/feed_course.hpp>

namespace millrace::torq {

feed_course::effects feed_course::step(const input& what, int64_t now_ns) {
  effects out;
  if (!over_)
    std::visit([&](const auto& each) { on(each, now_ns, out); }, what);
  return out;
}

void feed_course::on(const tick& what, int64_t now, effects& out) {
  if (exhausted_) {
    if (what.all_merged)
      finish({}, out);
    return;
  }
  if (!what.resumable || publishing_ || now < due_ns_)
    return;
  if (!ending_) {
    publishing_ = out.publish_slice = true;
  } else if (!ending_asked_ && what.all_merged) {
    // Rows that are not merged before the end would belong to the next period.
    ending_asked_ = true;
    out.to_end = ending_;
  }
}

void feed_course::on(const slice_done& what, int64_t, effects& out) {
  publishing_ = false;
  if (what.fault)
    return finish(what.fault, out);
  ending_ = what.period_over;
  exhausted_ = what.at_end;
  due_ns_ = what.due_ns;
  if (!exhausted_ && !ending_ && due_ns_ == 0)
    publishing_ = out.publish_slice = true;
}

void feed_course::on(const period_ended& what, int64_t now, effects&) {
  ending_asked_ = false;
  // Another feed of the same days, or this one in an earlier life, was first.
  if (!what.fault || what.fault.code == errc::already_exists) {
    last_failure_ = {};
    ending_.reset();
    due_ns_ = 0;
    return;
  }
  last_failure_ = what.fault;
  due_ns_ = now + retry_period_ns;
}

void feed_course::finish(const error& fault, effects& out) {
  over_ = out.over = true;
  out.fault = last_failure_ = fault;
}

} // namespace millrace::torq
