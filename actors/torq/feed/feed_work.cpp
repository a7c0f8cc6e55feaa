#include <millrace/actors/torq/feed/feed_resume.hpp>
#include <millrace/actors/torq/feed/feed_work.hpp>

#include <utility>

namespace millrace::torq {

namespace {

/// One job reads and publishes about so long, then lets others have the pool.
constexpr int64_t slice_ns = 5'000'000;
/// And looks again after this for what is still to come.
constexpr int64_t wait_ns = 20'000'000;

/// What the publisher takes up again by itself is tried again.
feed_course::slice_done refused(const error& fault, int64_t now) {
  if (fault.code == errc::no_space || fault.code == errc::origin_unverified)
    return {.due_ns = now + 2 * slice_ns};
  return {.fault = fault};
}

} // namespace

feed_work::feed_work(persistence::env& world,
                     std::shared_ptr<rt::publisher> out,
                     std::shared_ptr<feed::batch_source> source,
                     std::shared_ptr<feed_progress> progress, options given)
  : env_{&world}, out_{std::move(out)}, source_{std::move(source)},
    progress_{std::move(progress)}, options_{std::move(given)},
    pacer_{options_.speed} {}

error feed_work::open() {
  cursor_map cursors;
  if (!options_.again) {
    published_so_far merged;
    if (auto told = out_->told()) {
      merged.last_id = magnitude(told->watermark);
      for (auto& cursor : told->cursors)
        merged.cursors[cursor.name] = std::move(cursor);
    }
    auto logged = read_own_log(*env_, out_->directory());
    if (!logged)
      return logged.failure();
    cursors = newest_of(*std::move(logged), std::move(merged));
  }
  std::vector<source_cursor> known;
  for (auto& [key, cursor] : cursors)
    known.push_back(std::move(cursor));
  return source_->open(known);
}

error feed_work::announce() {
  for (; announced_ < options_.schemas.size(); ++announced_) {
    auto token = out_->publish(encode(options_.schemas[announced_]), {},
                               payload_kind::table_schema);
    if (!token)
      return token.failure();
  }
  return {};
}

feed_course::slice_done feed_work::run() {
  if (!opened_) {
    if (auto fault = open())
      return {.fault = fault};
    opened_ = true;
  }
  const auto begin = env_->clock->monotonic_ns();
  if (auto fault = announce())
    return refused(fault, begin);
  for (auto now = begin; now - begin < slice_ns;
       now = env_->clock->monotonic_ns()) {
    if (full())
      return {.due_ns = now + slice_ns};
    if (!waiting_) {
      auto batch = source_->next();
      if (!batch)
        return {.fault = batch.failure()};
      if (!*batch && source_->waiting())
        return {.due_ns = now + wait_ns};
      if (!*batch)
        return {.at_end = true, .fault = source_->close()};
      waiting_ = *std::move(batch);
      if (const auto over = source_->period_over())
        return {.period_over = period_id{*over}};
    }
    if (const auto due = pacer_.due(waiting_->first_time, now); due > now)
      return {.due_ns = due};
    if (auto fault = publish(*waiting_))
      return refused(fault, now);
    waiting_.reset();
  }
  return {};
}

bool feed_work::full() {
  progress_->recorded.up_to(out_->reached(rt::ack_level::recorded));
  const auto merged
    = merged_bytes_.up_to(out_->reached(rt::ack_level::committed));
  return published_bytes_ - merged >= options_.backlog_bytes_max;
}

error feed_work::publish(const feed::parsed_batch& batch) {
  auto token = out_->publish(batch.bytes, {}, payload_kind::table_batch);
  if (!token)
    return token.failure();
  published_bytes_ += batch.bytes.size();
  merged_bytes_.add(token->end, batch.bytes.size());
  progress_->rows += batch.rows;
  progress_->recorded.add(token->end, batch.rows);
  ++progress_->batches;
  return {};
}

} // namespace millrace::torq
