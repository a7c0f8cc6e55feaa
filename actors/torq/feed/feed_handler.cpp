#include <millrace/actors/torq/feed/feed_handler.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <caf/actor_cast.hpp>
#include <nlohmann/json.hpp>

#include <deque>
#include <map>

namespace millrace::torq {

namespace {

constexpr auto tick_interval = std::chrono::milliseconds{10};
/// One job reads and publishes about so long, then lets others have the pool.
constexpr int64_t slice_ns = 5'000'000;
/// RT answers after its grace for missing publishers; asked again after this.
constexpr auto period_deadline = std::chrono::seconds{60};

using cursor_map = std::map<std::string, source_cursor>;

/// How far sources were published, as one witness knows it.
struct published_so_far {
  uint64_t last_id = 0; ///< Magnitude.
  cursor_map cursors;
};

/// From the publisher's own log: also what was not merged yet.
result<published_so_far> read_own_log(persistence::env& world,
                                      const rt::publisher& out) {
  auto reader = persistence::log_reader::open(
    *world.fs, {.directory = out.directory()}, {});
  if (!reader)
    return reader.failure();
  published_so_far found;
  for (;;) {
    auto item = (*reader)->next();
    if (!item)
      return item.failure();
    if (std::holds_alternative<persistence::log_end>(*item))
      return found;
    const auto* message = std::get_if<persistence::log_message>(&*item);
    if (message == nullptr)
      continue;
    found.last_id = magnitude(message->frame.header.id);
    if (message->frame.kind != payload_kind::table_batch)
      continue;
    if (auto cursor = peek_cursor(message->frame.payload);
        cursor && !cursor->name.empty())
      found.cursors[cursor->name] = *cursor;
  }
}

/// Cursors as RT tells them.
cursor_map parse_cursors(const std::string& text) {
  cursor_map out;
  const auto merged = nlohmann::json::parse(text, nullptr, false);
  if (merged.is_object())
    for (const auto& [key, at] : merged.items())
      out[key]
        = {key, at.value("offset", uint64_t{0}), at.value("row", uint64_t{0})};
  return out;
}

/// What either knows of each source; where both do, the one that saw more.
cursor_map newest_of(published_so_far log, published_so_far rt) {
  // A log that lost its tail in a power cut stands behind what RT merged of it.
  if (log.last_id < rt.last_id)
    std::swap(log, rt);
  log.cursors.merge(rt.cursors);
  return std::move(log.cursors);
}

} // namespace

/// What the pool job works on: one job at a time.
struct feed_handler_state::shared_work {
  persistence::env* env = nullptr;
  std::shared_ptr<rt::publisher> out;
  std::shared_ptr<batch_source> source;
  std::shared_ptr<feed_progress> progress;
  feed::pacer pacer{feed::replay_speed{}};
  std::vector<table_schema> schemas;
  bool again = false;
  uint64_t backlog_bytes_max = 0;

  // What RT said of this origin, from the pusher's handler.
  std::mutex told_mutex;
  std::string merged_cursors;
  uint64_t merged_id = 0; ///< Magnitude.
  std::atomic<bool> told{false};

  bool opened = false;
  std::optional<feed::parsed_batch> waiting; ///< Read, but not yet due.
  struct published {
    position end;
    uint64_t bytes;
  };
  std::deque<published> backlog;
  uint64_t backlog_bytes = 0;

  struct outcome {
    bool finished = false;
    int64_t due_ns = 0; ///< When to go on; 0: at once.
    error fault;
    std::optional<int64_t> period_over; ///< Goes on when it has ended.
  };

  error open() {
    cursor_map cursors;
    if (!again) {
      published_so_far merged;
      {
        const std::scoped_lock lock{told_mutex};
        merged = {merged_id, parse_cursors(merged_cursors)};
      }
      auto logged = read_own_log(*env, *out);
      if (!logged)
        return logged.failure();
      cursors = newest_of(*std::move(logged), std::move(merged));
    }
    std::vector<source_cursor> known;
    for (auto& [key, cursor] : cursors)
      known.push_back(std::move(cursor));
    if (auto fault = source->open(known))
      return fault;
    for (const auto& schema : schemas) {
      auto token = out->publish(encode(schema), {}, payload_kind::table_schema);
      if (!token)
        return token.failure();
    }
    return {};
  }

  outcome run() {
    if (!opened) {
      if (auto fault = open())
        return {.fault = fault};
      opened = true;
    }
    const auto begin = env->clock->monotonic_ns();
    for (auto now = begin; now - begin < slice_ns;
         now = env->clock->monotonic_ns()) {
      if (full())
        return {.due_ns = now + slice_ns};
      if (!waiting) {
        auto batch = source->next();
        if (!batch)
          return {.fault = batch.failure()};
        if (!*batch)
          return {.finished = true, .fault = source->close()};
        waiting = *std::move(batch);
        if (const auto over = source->period_over())
          return {.period_over = over};
      }
      if (const auto due = pacer.due(waiting->first_time, now); due > now)
        return {.due_ns = due};
      if (auto fault = publish(*waiting)) {
        if (fault.code == errc::no_space
            || fault.code == errc::origin_unverified)
          return {.due_ns = now + 2 * slice_ns};
        return {.fault = fault};
      }
      waiting.reset();
    }
    return {};
  }

  bool full() {
    const auto merged = out->reached(rt::ack_level::committed);
    while (!backlog.empty() && backlog.front().end <= merged) {
      backlog_bytes -= backlog.front().bytes;
      backlog.pop_front();
    }
    return backlog_bytes >= backlog_bytes_max;
  }

  error publish(const feed::parsed_batch& batch) {
    auto token = out->publish(batch.bytes, {}, payload_kind::table_batch);
    if (!token)
      return token.failure();
    backlog.push_back({token->end, batch.bytes.size()});
    backlog_bytes += batch.bytes.size();
    progress->rows += batch.rows;
    ++progress->batches;
    return {};
  }
};

void feed_handler_state::start(connector_actor to_others) {
  connector = std::move(to_others);
  rt::pusher_options options;
  options.rt = settings.rt;
  options.stream = settings.stream;
  options.on_cursors
    = [shared = work](const std::string& cursors, int64_t watermark) {
        {
          const std::scoped_lock lock{shared->told_mutex};
          shared->merged_cursors = cursors;
          shared->merged_id = magnitude(watermark);
        }
        shared->told = true;
        shared->progress->connected = true;
      };
  replicator = self->spawn(rt::pusher, env, out, connector, std::move(options));
  children.add(replicator);
  self->send(self, caf::tick_atom_v);
}

void feed_handler_state::step(const feed_course::input& what) {
  const auto done = course.step(what, env->clock->monotonic_ns());
  if (done.publish_slice)
    publish_slice();
  if (done.to_end)
    end_period(*done.to_end);
  if (!done.over)
    return;
  if (!done.fault)
    settings.progress->merged = true;
  if (settings.on_done)
    settings.on_done(done.fault);
}

void feed_handler_state::publish_slice() {
  env->pool->submit([shared = work, me = feed_self_actor{self}] {
    const auto outcome = shared->run();
    if (outcome.period_over)
      caf::anon_send(me, period_over_atom::value,
                     period_id{*outcome.period_over});
    else
      caf::anon_send(me, job_atom_v, outcome.finished, outcome.due_ns,
                     to_caf(outcome.fault));
  });
}

void feed_handler_state::end_period(period_id period) {
  auto failed = [this](const caf::error& why) {
    step(feed_course::period_ended{from_caf(why)});
  };
  self
    ->request(connector, caf::timespan{period_deadline}, caf::connect_atom_v,
              settings.rt)
    .then(
      [this, period, failed](const caf::strong_actor_ptr& rt) {
        if (!rt)
          return failed(to_caf({errc::unavailable, to_string(settings.rt)}));
        self
          ->request(caf::actor_cast<sequencer_actor>(rt),
                    caf::timespan{period_deadline}, period_atom_v, period.value)
          .then([this](uint64_t) { step(feed_course::period_ended{}); },
                failed);
      },
      failed);
}

void feed_handler_state::tick() {
  // Without RT's word nobody knows where this source was left; a source that
  // is to be published again needs no word.
  step(feed_course::tick{work->told || settings.again,
                         out->reached(rt::ack_level::committed)
                           >= out->appended()});
  if (!course.is_over())
    self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

feed_facts feed_handler_state::facts() const {
  feed_facts now;
  now.stream = settings.stream;
  now.rows = settings.progress->rows;
  now.batches = settings.progress->batches;
  now.finished = course.is_over();
  now.ending = course.ending();
  if (course.last_failure())
    now.last_failure = to_string(course.last_failure());
  now.published = out->appended();
  now.merged = out->reached(rt::ack_level::committed);
  return now;
}

std::string to_json(const feed_facts& facts) {
  nlohmann::json out;
  out["role"] = "feed";
  out["stream"] = facts.stream;
  out["rows"] = facts.rows;
  out["batches"] = facts.batches;
  out["finished"] = facts.finished;
  if (facts.ending)
    out["ending_period"] = facts.ending->value;
  if (!facts.last_failure.empty())
    out["last_failure"] = facts.last_failure;
  out["published"] = facts.published.value;
  out["merged"] = facts.merged.value;
  return out.dump();
}

feed_self_actor::behavior_type
feed_handler(feed_self_actor::stateful_pointer<feed_handler_state> self,
             persistence::env* world, feed_settings settings,
             std::shared_ptr<rt::publisher> out,
             std::shared_ptr<batch_source> source, connector_actor connector) {
  auto& state = self->state;
  state.env = world;
  state.settings = std::move(settings);
  state.out = out;
  state.children.attach(self);
  state.work = std::make_shared<feed_handler_state::shared_work>();
  state.work->env = world;
  state.work->out = std::move(out);
  state.work->source = std::move(source);
  state.work->progress = state.settings.progress;
  state.work->pacer = feed::pacer{state.settings.speed};
  state.work->schemas = state.settings.schemas;
  state.work->again = state.settings.again;
  state.work->backlog_bytes_max = state.settings.backlog_bytes_max;
  state.start(std::move(connector));
  return {
    [self](status_atom) { return to_json(self->state.facts()); },
    [self](job_atom, bool finished, int64_t due_ns, const caf::error& fault) {
      self->state.step(
        feed_course::slice_done{finished, due_ns, {}, from_caf(fault)});
    },
    [self](period_over_atom, period_id period) {
      self->state.step(feed_course::slice_done{.period_over = period});
    },
    [self](caf::tick_atom) { self->state.tick(); },
    [self](stop_atom) { self->quit(caf::exit_reason::user_shutdown); },
  };
}

} // namespace millrace::torq
