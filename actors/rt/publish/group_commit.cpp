#include <millrace/actors/rt/publish/group_commit.hpp>
#include <millrace/messages/base/planted_bug.hpp>

#include <string>

namespace millrace::rt {

namespace {

/// A buffer is handed to the system at this size at the latest.
constexpr size_t write_bytes_max = 256u << 10;
/// Without a listener: at this size, by the next publish after this time, or by
/// the flush job, whichever comes first.
constexpr size_t journal_write_bytes = 64u << 10;
constexpr int64_t journal_write_interval_ns = 50'000;

std::string name_of(ack_level level) {
  switch (level) {
    case ack_level::recorded:
      return "recorded";
    case ack_level::synced:
      return "synced";
    case ack_level::committed:
      return "committed";
  }
  return "unknown";
}

} // namespace

group_commit::group_commit(persistence::env& world,
                           std::unique_ptr<persistence::log_writer> writer,
                           origin_doubt& doubt, settings how)
  : env_{&world}, doubt_{&doubt}, settings_{std::move(how)}, writer_{std::move(
                                                               writer)} {
  writer_->on_write = [this](const persistence::log_writer::written& part) {
    if (listeners_.empty())
      return;
    pulled_ = false; // They will ask again when they passed this on.
    for (const auto& [number, told] : listeners_)
      told(part.begin, part.end, part.bytes);
  };
}

group_commit::~group_commit() {
  std::unique_lock held{mutex_};
  listeners_.clear();
  // Jobs hold `this`: they must have ended before the memory goes.
  changed_.wait(held, [this] { return !flush_pending_ && !sync_running_; });
}

result<position> group_commit::append(payload_kind kind,
                                      const message_header& header,
                                      std::span<const std::byte> payload) {
  auto end
    = announce(persistence::record_kind::messages, kind, header, payload);
  if (end)
    ++messages_;
  return end;
}

result<position> group_commit::announce(persistence::record_kind kind,
                                        payload_kind what,
                                        const message_header& header,
                                        std::span<const std::byte> payload) {
  // While the disk is full one buffer waits; nothing more is taken in.
  if (out_of_space_)
    if (auto fault = write())
      return fault;
  auto end = writer_->append(kind, what, header, payload);
  return end ? end : keep(end.failure());
}

result<position> group_commit::append(const stream_event& event) {
  message_header header;
  header.on = event.origin;
  auto end = writer_->append(persistence::record_kind::event,
                             payload_kind::opaque, header, encode(event));
  if (!end)
    return keep(end.failure());
  if (auto fault = write(); fault && fault.code != errc::no_space)
    return fault;
  return end;
}

error group_commit::appended_at(int64_t now_ns) {
  if (is_time(now_ns)) {
    last_write_ns_ = now_ns;
    // A full disk is told to the next caller: this message is in the buffer.
    auto fault = write();
    return fault.code == errc::no_space ? error{} : fault;
  }
  if (listeners_.empty() && !flush_pending_)
    schedule_flush();
  return {};
}

bool group_commit::is_time(int64_t now_ns) const {
  const auto buffered = writer_->buffered_bytes();
  // A wall clock that went back counts as time that passed.
  const auto passed = static_cast<uint64_t>(now_ns - last_write_ns_);
  if (listeners_.empty())
    return buffered >= journal_write_bytes
           || passed >= static_cast<uint64_t>(journal_write_interval_ns);
  constexpr std::chrono::nanoseconds interval{write_interval_max};
  return buffered >= write_bytes_max || pulled_.load(std::memory_order_relaxed)
         || passed >= static_cast<uint64_t>(interval.count());
}

bool group_commit::pull(bool insist) {
  std::unique_lock held{mutex_, std::defer_lock};
  if (insist) {
    held.lock();
  } else if (!held.try_lock()) {
    pulled_ = true;
    return false;
  }
  pulled_ = true;
  if (!failure_ && !out_of_space_ && writer_->buffered_bytes() != 0)
    // A failure is kept and told to every later call.
    (void)write();
  return true;
}

error group_commit::write() {
  env_->crash_point("pub.before_write");
  auto fault = writer_->write();
  if (!fault) {
    doubt_->written();
    env_->crash_point("pub.after_write");
    // In a stream that is cached nobody else asks for one.
    if (writer_->unsynced_files() > persistence::unsynced_files_max)
      schedule_sync();
  }
  changed_.notify_all();
  return keep(fault);
}

/// A full disk is a condition that passes; any other failure is final.
error group_commit::keep(const error& fault) {
  out_of_space_ = fault.code == errc::no_space;
  if (fault && !out_of_space_)
    failure_ = fault;
  return fault;
}

void group_commit::retry() {
  const std::scoped_lock held{mutex_};
  if (out_of_space_ && !failure_)
    (void)write();
}

void group_commit::pass(position damage) {
  const std::scoped_lock held{mutex_};
  const bool newest = file_of(damage) == file_of(writer_->recorded_end());
  // The first of its replicators that meets it passes it for all.
  if (newest && !failure_ && !out_of_space_)
    go_on_in_next_file();
}

std::string group_commit::look_after_file() {
  const std::scoped_lock held{mutex_};
  if (failure_ || out_of_space_)
    return {};
  const auto displaced
    = settings_.directory
      + ": a file of the log was moved, removed or replaced while it was "
        "written; ";
  if (!writer_->has_its_name())
    if (const auto fault = writer_->restore_name())
      return displaced + "it cannot be put back: " + to_string(fault);
  if (writer_->take_restored())
    return displaced + "it was put back, and nothing is lost";
  if (!writer_->is_cut())
    return {};
  const auto end = writer_->recorded_end();
  go_on_in_next_file();
  return settings_.directory
         + ": the newest file of the log was cut while it was written: what "
         + (settings_.journal ? "its readers lack" : "RT lacks")
         + " of it before " + to_string(end)
         + " is lost, also where it was said to be recorded or synced, and "
           "subscribers get a badtail";
}

/// A failure is kept and told to every later call.
void group_commit::go_on_in_next_file() {
  if (!keep(writer_->roll())) {
    // The log ends there now, and all before it may be committed.
    const auto begin = writer_->recorded_end();
    for (const auto& [number, told] : listeners_)
      told(begin, begin, {});
  }
  changed_.notify_all();
}

void group_commit::schedule_flush() {
  flush_pending_ = true;
  env_->io->submit([this] { run_flush(); });
}

void group_commit::run_flush() {
  const std::scoped_lock held{mutex_};
  flush_pending_ = false;
  if (!failure_ && writer_->buffered_bytes() != 0) {
    last_write_ns_ = env_->clock->now_ns();
    // A failure is kept and told to every later call.
    (void)write();
  }
  changed_.notify_all();
}

void group_commit::schedule_sync() {
  if (sync_running_) {
    sync_wanted_ = true;
    return;
  }
  sync_running_ = true;
  sync_wanted_ = false;
  env_->io->submit([this] { run_sync(); });
}

void group_commit::run_sync() {
  std::unique_lock held{mutex_};
  if (!failure_ && writer_->buffered_bytes() != 0)
    (void)write();
  if (!failure_) {
    auto job = writer_->begin_sync();
    held.unlock();
    env_->crash_point("pub.before_sync");
    auto outcome = job.run();
    env_->crash_point("pub.after_sync");
    held.lock();
    writer_->finish_sync(MILLRACE_PLANTED(sync_covers_later_writes)
                           ? writer_->recorded_end()
                           : job.end,
                         outcome);
    if (outcome)
      failure_ = outcome;
  }
  sync_running_ = false;
  if (sync_wanted_ && !failure_)
    schedule_sync();
  changed_.notify_all();
}

position group_commit::reached_now(ack_level level) const {
  if (level == ack_level::recorded
      || (level == ack_level::synced && settings_.cached)
      || MILLRACE_PLANTED(acknowledge_before_sync))
    return writer_->recorded_end();
  if (level == ack_level::synced || settings_.journal)
    return settings_.cached ? writer_->recorded_end() : writer_->synced_end();
  return committed_;
}

position group_commit::reached(ack_level level) const {
  const std::scoped_lock held{mutex_};
  return reached_now(level);
}

uint64_t group_commit::messages() const {
  const std::scoped_lock held{mutex_};
  return messages_;
}

void group_commit::want_sync() {
  const std::scoped_lock held{mutex_};
  if (!settings_.cached && !failure_ && !out_of_space_ && !sync_running_
      && writer_->synced_end() < writer_->appended_end())
    schedule_sync();
}

bool group_commit::is_disk_full() const {
  const std::scoped_lock held{mutex_};
  return out_of_space_;
}

position group_commit::appended_end() const {
  const std::scoped_lock held{mutex_};
  return writer_->appended_end();
}

error group_commit::await(position end, ack_level level,
                          std::chrono::milliseconds deadline) {
  std::unique_lock held{mutex_};
  const bool needs_sync
    = !settings_.cached
      && (level == ack_level::synced
          || (level == ack_level::committed && settings_.journal));
  if (writer_->recorded_end() < end && !failure_)
    if (auto fault = write())
      return fault;
  if (needs_sync && writer_->synced_end() < end && !failure_)
    schedule_sync();
  const bool ordered = level == ack_level::committed && !settings_.journal;
  changed_.wait_for(held, deadline, [&] {
    return failure_ || reached_now(level) >= end || (ordered && refusal_);
  });
  if (reached_now(level) >= end)
    return {};
  if (failure_)
    return failure_;
  if (ordered && refusal_)
    return refusal_;
  auto got = std::string{"published"};
  for (const auto step : {ack_level::recorded, ack_level::synced})
    if (reached_now(step) >= end)
      got = name_of(step);
  return {errc::timeout, "not " + name_of(level) + " within "
                           + std::to_string(deadline.count())
                           + " ms; so far only " + got
                           + (ordered ? "; kept in " + settings_.directory
                                          + ", and sent by the next publisher "
                                            "there: do not publish it again"
                                      : std::string{})};
}

void group_commit::refuse(const error& why) {
  const std::scoped_lock held{mutex_};
  refusal_ = why;
  changed_.notify_all();
}

error group_commit::close() {
  std::unique_lock held{mutex_};
  changed_.wait(held, [this] { return !sync_running_; });
  if (failure_)
    return failure_.code == errc::closed ? error{} : failure_;
  auto fault = writer_->close();
  failure_
    = fault ? fault : error{errc::closed, settings_.directory + ": closed"};
  changed_.notify_all();
  return fault;
}

uint64_t group_commit::listen(listener on_write) {
  const std::scoped_lock held{mutex_};
  listeners_.emplace(++listener_last_, std::move(on_write));
  pulled_ = true;
  return listener_last_;
}

void group_commit::unlisten(uint64_t number) {
  const std::scoped_lock held{mutex_};
  listeners_.erase(number);
  pulled_ = true;
  // Nobody will ask for what gathered while the last listener was slower.
  if (listeners_.empty() && !failure_ && writer_->buffered_bytes() != 0)
    (void)write();
}

void group_commit::set_committed(position end) {
  const std::scoped_lock held{mutex_};
  if (end > committed_)
    committed_ = end;
  changed_.notify_all();
}

} // namespace millrace::rt
