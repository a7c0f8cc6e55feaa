#include <millrace/actors/torq/rdb/period_ledger.hpp>
#include <millrace/messages/base/planted_bug.hpp>

#include <algorithm>

namespace millrace::torq {

period_ledger::period_ledger(settings given,
                             std::optional<written_before> before)
  : settings_{given} {
  if (!before)
    return;
  begin_ = before->cutover;
  ended_.push_back({.period = period_id::before_all(),
                    .end = before->cutover,
                    .version = before->version});
}

period_ledger::effects period_ledger::step(const input& what, int64_t now_ns) {
  effects out;
  std::visit([&](const auto& each) { on(each, now_ns, out); }, what);
  judge(now_ns);
  return out;
}

size_t period_ledger::unwritten() const noexcept {
  if (!settings_.writes)
    return 0;
  return static_cast<size_t>(
    std::count_if(ended_.begin(), ended_.end(), [](const ended_period& each) {
      return each.version == manifest_version{};
    }));
}

void period_ledger::on(const passed& what, int64_t now, effects& out) {
  if (what.end <= served_end_)
    return;
  ended_.push_back({.period = what.period,
                    .end = what.end,
                    .rejects = what.rejects,
                    .losses = what.losses,
                    .unheld = what.unheld,
                    .waits = settings_.writes && what.rejects != 0});
  write_next(now, out);
}

void period_ledger::on(const accepted& what, int64_t now, effects& out) {
  for (auto& entry : ended_)
    if (entry.period <= what.period)
      entry.waits = false;
  write_next(now, out);
}

void period_ledger::on(const written& what, int64_t now, effects& out) {
  writing_ = false;
  if (what.fault && !MILLRACE_PLANTED(take_a_failed_write_for_done)) {
    // Rows stay in memory; the same write is tried again.
    retry_write_at_ns_ = now + retry_write_ns;
    return;
  }
  for (auto& entry : ended_)
    if (entry.end == what.end)
      entry.version = MILLRACE_PLANTED(take_a_failed_write_for_done)
                        ? std::max(what.version, manifest_version{1})
                        : what.version;
  tell_all(out);
  write_next(now, out);
}

void period_ledger::on(const hdb_came& what, int64_t, effects& out) {
  hdbs_[what.name] = {true, {}};
  out.to_tell.push_back(what.name);
}

void period_ledger::on(const hdb_left& what, int64_t, effects&) {
  hdbs_[what.name].lives = false;
}

void period_ledger::on(const hdb_serves& what, int64_t, effects&) {
  hdbs_[what.name].cutover = what.cutover;
}

void period_ledger::judge(int64_t now) {
  for (auto& entry : ended_) {
    // Another directory may have it: that is not the one that is written here.
    if (settings_.writes && !MILLRACE_PLANTED(drop_rows_before_they_are_served)
        && entry.version == manifest_version{})
      break;
    bool by_all = true;
    bool by_any = false;
    for (const auto& [name, hdb] : hdbs_) {
      const bool has = hdb.cutover >= entry.end
                       || MILLRACE_PLANTED(drop_rows_before_they_are_served);
      by_any |= has;
      by_all &= has || !hdb.lives;
    }
    if (by_any)
      served_end_ = std::max(served_end_, entry.end);
    if (by_any && by_all && !entry.served) {
      entry.served = true;
      // Queries planned before the partition appeared still want these rows.
      entry.drop_at_ns = entry.end <= begin_
                           ? now
                           : now + settings_.query_timeout_ns + drop_margin_ns;
    }
  }
}

void period_ledger::on(const tick&, int64_t now, effects& out) {
  write_next(now, out);
  drop_served(now, out);
  const bool unserved
    = std::any_of(ended_.begin(), ended_.end(), [](const auto& entry) {
        return entry.version != manifest_version{} && !entry.served;
      });
  if (unserved && now >= next_tell_ns_) {
    next_tell_ns_ = now + retry_tell_ns;
    tell_all(out);
  }
}

void period_ledger::write_next(int64_t now, effects& out) {
  if (writing_ || !settings_.writes || now < retry_write_at_ns_)
    return;
  auto from = begin_;
  for (const auto& entry : ended_) {
    if (entry.waits)
      return; // Nor any after it: ranges leave no gap.
    if (entry.version == manifest_version{}) {
      writing_ = true;
      out.to_write = write{entry.period, from, entry.end};
      return;
    }
    from = entry.end;
  }
}

void period_ledger::tell_all(effects& out) const {
  for (const auto& [name, hdb] : hdbs_)
    if (hdb.lives)
      out.to_tell.push_back(name);
}

void period_ledger::drop_served(int64_t now, effects& out) {
  while (!ended_.empty() && ended_.front().served
         && now >= ended_.front().drop_at_ns) {
    if (ended_.front().end > begin_) {
      begin_ = MILLRACE_PLANTED(drop_a_period_too_many) ? ended_.back().end
                                                        : ended_.front().end;
      out.to_drop = begin_;
    }
    dropped_ = ended_.front();
    ended_.pop_front();
  }
}

position period_ledger::held_end() const noexcept {
  auto end = std::max(begin_, served_end_);
  for (const auto& entry : ended_)
    if (entry.version != manifest_version{})
      end = std::max(end, entry.end);
  return end;
}

bool period_ledger::serves(period_id period) const noexcept {
  if (awaits(period))
    return false;
  return (dropped_ && period <= dropped_->period)
         || std::any_of(ended_.begin(), ended_.end(), [&](const auto& entry) {
              return period <= entry.period;
            });
}

bool period_ledger::awaits(period_id period) const noexcept {
  if (dropped_ && period <= dropped_->period)
    return false;
  for (const auto& entry : ended_) {
    if (entry.end > served_end_)
      return true;
    if (entry.period >= period)
      break;
  }
  return false;
}

const period_ledger::ended_period*
period_ledger::find(period_id period) const noexcept {
  if (dropped_ && dropped_->period == period)
    return &*dropped_;
  const auto found
    = std::find_if(ended_.begin(), ended_.end(),
                   [&](const auto& entry) { return entry.period == period; });
  return found == ended_.end() ? nullptr : &*found;
}

const period_ledger::ended_period* period_ledger::waiting() const noexcept {
  const auto found
    = std::find_if(ended_.begin(), ended_.end(),
                   [](const auto& entry) { return entry.waits; });
  return found == ended_.end() ? nullptr : &*found;
}

uint64_t period_ledger::living_hdbs() const noexcept {
  return static_cast<uint64_t>(
    std::count_if(hdbs_.begin(), hdbs_.end(),
                  [](const auto& each) { return each.second.lives; }));
}

} // namespace millrace::torq
