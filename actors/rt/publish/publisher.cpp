#include <millrace/actors/rt/publish/publisher.hpp>

namespace millrace::rt {

namespace {

/// A buffer is handed to the system at this size at the latest.
constexpr size_t write_bytes_max = 256u << 10;
/// Without a listener: at this size, by the next publish after this time, or by
/// the flush job, whichever comes first.
constexpr size_t journal_write_bytes = 64u << 10;
constexpr int64_t journal_write_interval_ns = 50'000;

/// Lies in a directory whose tail a power cut may have taken, until the log
/// goes on behind what RT had of it. Needs no sync: after another power cut the
/// directory is in doubt by itself.
std::string doubt_mark(const std::string& directory) {
  return directory + "/.unverified";
}

/// No RT numbers with it, or it need not be asked.
bool numbers_alone(const publisher_options& options) {
  return options.topic.starts_with('/') || options.start_offline;
}

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

result<std::unique_ptr<publisher>> publisher::open(persistence::env& world,
                                                   publisher_options options) {
  if (options.topic.empty())
    return error{errc::invalid_argument, "topic: must not be empty"};
  std::string directory = options.topic;
  if (!options.topic.starts_with('/')) {
    if (options.log_path.empty())
      return error{errc::invalid_argument,
                   "topic '" + options.topic
                     + "': not a full path, and no log_path to put it in"};
    directory = options.log_path + "/" + options.host + "." + options.topic;
  }
  if (options.origin.empty())
    options.origin = options.host + "." + options.topic;
  if (options.origin.size() > persistence::origin_bytes_max)
    return error{errc::invalid_argument,
                 "origin: longer than "
                   + std::to_string(persistence::origin_bytes_max) + " bytes"};
  // In doubt until recovery says otherwise: it makes an unclean directory look
  // clean to the next life before it returns.
  const bool asks_rt = !numbers_alone(options);
  const auto mark = doubt_mark(directory);
  const bool doubted = asks_rt && world.fs->exists(mark);
  if (asks_rt && !doubted && world.fs->exists(directory))
    if (auto made = world.fs->open(mark, persistence::open_mode::write); !made)
      return made.failure();
  persistence::log_writer_options log;
  log.directory = directory;
  log.session = persistence::session_policy::next;
  log.roll_bytes = options.roll_bytes;
  auto writer = persistence::log_writer::open(world, std::move(log));
  if (!writer) {
    // Another owner's directory is not ours to mark.
    if (asks_rt && !doubted && writer.failure().code == errc::locked)
      (void)world.fs->remove(mark);
    return writer.failure();
  }
  std::unique_ptr<publisher> opened{new publisher{
    world, std::move(options), std::move(directory), *std::move(writer)}};
  opened->settle_doubt(doubted);
  return opened;
}

publisher::publisher(persistence::env& world, publisher_options options,
                     std::string directory,
                     std::unique_ptr<persistence::log_writer> writer)
  : env_{&world}, options_{std::move(options)}, directory_{std::move(
                                                  directory)},
    lineage_{writer->lineage()}, writer_{std::move(writer)} {
  for (const auto& [origin, id] : writer_->recovered_ids())
    last_ids_.emplace(origin, id);
  writer_->on_write = [this](const persistence::log_writer::written& part) {
    if (!listener_)
      return;
    pulled_ = false; // It will ask again when it passed this on.
    listener_(part.begin, part.end, part.bytes);
  };
}

/// Decides whether the ids of the directory may simply go on.
void publisher::settle_doubt(bool marked) {
  const bool known = last_ids_.contains(options_.origin);
  default_last_id_ = &last_ids_[options_.origin];
  if (numbers_alone(options_)) {
    verified_ = true;
    return;
  }
  // A directory with its whole history numbers by itself. A new one must hear
  // first what RT has already seen, and so must one that may have lost its
  // tail: RT may hold more of it. That doubt outlives this process.
  if (!known || (writer_->recovered_clean() && !marked)) {
    verified_ = known;
    // A mark that stays costs the next life a question.
    (void)env_->fs->remove(doubt_mark(directory_));
    return;
  }
  // What was lost and never came to RT was never seen: its ids are free.
  const auto& surviving = writer_->surviving_ids();
  const auto found = surviving.find(options_.origin);
  *default_last_id_ = found == surviving.end() ? 0 : found->second;
  doubted_ = true;
}

publisher::~publisher() {
  std::unique_lock lock{mutex_};
  listener_ = nullptr;
  // Jobs hold `this`: they must have ended before the memory goes.
  changed_.wait(lock, [this] { return !flush_pending_ && !sync_running_; });
}

error publisher::check_id(const message_header& header, std::string_view on,
                          int64_t& id) const {
  int64_t last = 0;
  if (on == options_.origin)
    last = *default_last_id_;
  else if (const auto found = last_ids_.find(on); found != last_ids_.end())
    last = found->second;
  const auto expected = magnitude(last) + 1;
  if (header.id == null_long) {
    id = static_cast<int64_t>(expected);
    return {};
  }
  id = header.id;
  if (id == 0)
    return {errc::bad_id, "origin '" + std::string{on} + "': id 0 after "
                            + std::to_string(last)};
  if (last != 0 && magnitude(id) != expected)
    return {errc::bad_id,
            "origin '" + std::string{on} + "': id " + std::to_string(id)
              + " does not follow " + std::to_string(last) + "; expected "
              + std::to_string(expected) + " or -" + std::to_string(expected)};
  return {};
}

result<publish_token> publisher::publish(std::span<const std::byte> payload,
                                         const message_header& header,
                                         payload_kind kind) {
  if (payload.size() > payload_bytes_max)
    return error{errc::oversize, "payload of " + std::to_string(payload.size())
                                   + " bytes, at most "
                                   + std::to_string(payload_bytes_max)};
  if (header.to != null_int && header.to < 0)
    return error{errc::invalid_argument,
                 "header field to: " + std::to_string(header.to)
                   + " is negative"};
  if (header.on.size() > persistence::origin_bytes_max)
    return error{errc::invalid_argument, "header field on: too long"};
  auto complete = header;
  if (complete.on.empty())
    complete.on = options_.origin;
  // One look at a clock a message: it is a tenth of what a message costs.
  const auto now = env_->clock->now_ns();
  if (complete.ts == null_long)
    complete.ts = now;
  const std::scoped_lock lock{mutex_};
  if (failure_)
    return failure_;
  if (!verified_)
    return error{errc::origin_unverified,
                 "origin '" + options_.origin
                   + "': RT has not yet told its last id; retry"};
  if (auto fault = check_id(header, complete.on, complete.id))
    return fault;
  // While the disk is full one buffer waits; nothing more is taken in.
  if (out_of_space_)
    if (auto fault = write_locked())
      return fault;
  auto end = writer_->append(persistence::record_kind::messages, kind, complete,
                             payload);
  if (!end)
    return keep(end.failure());
  if (complete.on == options_.origin) {
    *default_last_id_ = complete.id;
    doubt_ends_ = doubted_;
  } else {
    last_ids_.insert_or_assign(std::string{complete.on}, complete.id);
  }
  if (should_write(now)) {
    last_write_ns_ = now;
    // A full disk is told to the next caller: this message is in the buffer.
    if (auto fault = write_locked(); fault && fault.code != errc::no_space)
      return fault;
  } else if (!listener_ && !flush_pending_) {
    schedule_flush();
  }
  return publish_token{*end, complete.id};
}

bool publisher::should_write(int64_t now_ns) const {
  const auto buffered = writer_->buffered_bytes();
  // A wall clock that went back counts as time that passed.
  const auto passed = static_cast<uint64_t>(now_ns - last_write_ns_);
  if (!listener_)
    return buffered >= journal_write_bytes
           || passed >= static_cast<uint64_t>(journal_write_interval_ns);
  constexpr std::chrono::nanoseconds interval{write_interval_max};
  return buffered >= write_bytes_max || pulled_.load(std::memory_order_relaxed)
         || passed >= static_cast<uint64_t>(interval.count());
}

bool publisher::pull(bool insist) {
  std::unique_lock lock{mutex_, std::defer_lock};
  if (insist) {
    lock.lock();
  } else if (!lock.try_lock()) {
    pulled_ = true;
    return false;
  }
  pulled_ = true;
  if (!failure_ && !out_of_space_ && writer_->buffered_bytes() != 0)
    // A failure is kept and told to every later call.
    (void)write_locked();
  return true;
}

error publisher::write_locked() {
  env_->crash_point("pub.before_write");
  auto fault = writer_->write();
  if (!fault && doubt_ends_) {
    // The log holds an id behind RT's watermark now. A mark that stays costs
    // the next life a question.
    doubted_ = doubt_ends_ = false;
    (void)env_->fs->remove(doubt_mark(directory_));
  }
  if (!fault)
    env_->crash_point("pub.after_write");
  changed_.notify_all();
  return keep(fault);
}

/// A full disk is a condition that passes; any other failure is final.
error publisher::keep(const error& fault) {
  out_of_space_ = fault.code == errc::no_space;
  if (fault && !out_of_space_)
    failure_ = fault;
  return fault;
}

void publisher::retry() {
  const std::scoped_lock lock{mutex_};
  if (out_of_space_ && !failure_)
    (void)write_locked();
}

void publisher::schedule_flush() {
  flush_pending_ = true;
  env_->io->submit([this] { run_flush(); });
}

void publisher::run_flush() {
  const std::scoped_lock lock{mutex_};
  flush_pending_ = false;
  if (!failure_ && writer_->buffered_bytes() != 0) {
    last_write_ns_ = env_->clock->now_ns();
    // A failure is kept and told to every later call.
    (void)write_locked();
  }
  changed_.notify_all();
}

void publisher::schedule_sync() {
  if (sync_running_) {
    sync_wanted_ = true;
    return;
  }
  sync_running_ = true;
  sync_wanted_ = false;
  env_->io->submit([this] { run_sync(); });
}

void publisher::run_sync() {
  std::unique_lock lock{mutex_};
  if (!failure_ && writer_->buffered_bytes() != 0)
    (void)write_locked();
  if (!failure_) {
    auto job = writer_->begin_sync();
    lock.unlock();
    env_->crash_point("pub.before_sync");
    auto outcome = job.run();
    env_->crash_point("pub.after_sync");
    lock.lock();
    writer_->finish_sync(job.end, outcome);
    if (outcome)
      failure_ = outcome;
  }
  sync_running_ = false;
  if (sync_wanted_ && !failure_)
    schedule_sync();
  changed_.notify_all();
}

position publisher::reached_locked(ack_level level) const {
  if (level == ack_level::recorded
      || (level == ack_level::synced && options_.cached))
    return writer_->recorded_end();
  if (level == ack_level::synced || is_local_journal())
    return options_.cached ? writer_->recorded_end() : writer_->synced_end();
  return committed_;
}

position publisher::reached(ack_level level) const {
  const std::scoped_lock lock{mutex_};
  return reached_locked(level);
}

position publisher::appended() const {
  const std::scoped_lock lock{mutex_};
  return writer_->appended_end();
}

error publisher::await(position end, ack_level level,
                       std::chrono::milliseconds deadline) {
  std::unique_lock lock{mutex_};
  const bool needs_sync
    = !options_.cached
      && (level == ack_level::synced
          || (level == ack_level::committed && is_local_journal()));
  if (writer_->recorded_end() < end && !failure_)
    if (auto fault = write_locked())
      return fault;
  if (needs_sync && writer_->synced_end() < end && !failure_)
    schedule_sync();
  const bool done = changed_.wait_for(
    lock, deadline, [&] { return failure_ || reached_locked(level) >= end; });
  if (reached_locked(level) >= end)
    return {};
  if (failure_)
    return failure_;
  (void)done;
  auto got = std::string{"published"};
  for (const auto step : {ack_level::recorded, ack_level::synced})
    if (reached_locked(step) >= end)
      got = name_of(step);
  return {errc::timeout, "not " + name_of(level) + " after "
                           + std::to_string(deadline.count())
                           + " ms; reached: " + got};
}

error publisher::wait(const publish_token& token, ack_level level,
                      std::chrono::milliseconds deadline) {
  return await(token.end, level, deadline);
}

error publisher::flush(ack_level level, std::chrono::milliseconds deadline) {
  return await(appended(), level, deadline);
}

error publisher::wait_verified(std::chrono::milliseconds deadline) {
  std::unique_lock lock{mutex_};
  if (changed_.wait_for(lock, deadline, [this] { return verified_; }))
    return {};
  return {errc::origin_unverified,
          "origin '" + options_.origin + "': no answer from an RT node of '"
            + options_.topic + "' after " + std::to_string(deadline.count())
            + " ms"};
}

error publisher::close() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return !sync_running_; });
  if (failure_)
    return failure_.code == errc::closed ? error{} : failure_;
  auto fault = writer_->close();
  failure_ = fault ? fault : error{errc::closed, directory_ + ": closed"};
  changed_.notify_all();
  return fault;
}

void publisher::listen(listener on_write) {
  const std::scoped_lock lock{mutex_};
  listener_ = std::move(on_write);
  pulled_ = true;
  // Nobody will ask for what gathered while the last listener was behind.
  if (!listener_ && !failure_ && writer_->buffered_bytes() != 0)
    (void)write_locked();
}

void publisher::verify(int64_t watermark) {
  const std::scoped_lock lock{mutex_};
  // RT may hold more than a log that lost its tail: a reused id would be
  // dropped as a duplicate.
  if (magnitude(watermark) > magnitude(*default_last_id_))
    *default_last_id_ = watermark;
  verified_ = true;
  changed_.notify_all();
}

void publisher::set_committed(position end) {
  const std::scoped_lock lock{mutex_};
  if (end > committed_)
    committed_ = end;
  changed_.notify_all();
}

} // namespace millrace::rt
