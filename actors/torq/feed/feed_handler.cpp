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
/// RT answers after its grace for missing publishers; asked again behind this.
constexpr auto period_deadline = std::chrono::seconds{60};
constexpr int64_t retry_period_ns = 500'000'000;

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

void feed_handler_state::submit() {
  job_running = true;
  env->pool->submit([shared = work, me = feed_actor{self}] {
    const auto outcome = shared->run();
    if (outcome.period_over)
      caf::anon_send(me, period_atom_v, *outcome.period_over);
    else
      caf::anon_send(me, job_atom_v, outcome.finished, outcome.due_ns,
                     to_caf(outcome.fault));
  });
}

void feed_handler_state::job_done(bool finished, int64_t due,
                                  const error& fault) {
  job_running = false;
  if (fault)
    return finish(fault);
  exhausted = finished;
  due_ns = due;
  if (!exhausted && due_ns == 0)
    submit();
}

void feed_handler_state::end_period() {
  ending_asked = true;
  auto failed = [this](const caf::error& why) {
    last_failure = from_caf(why);
    ending_asked = false;
    // Another feed of the same days, or this one in an earlier life, was first.
    if (last_failure.code == errc::already_exists) {
      last_failure = {};
      ending.reset();
    }
    due_ns = ending ? env->clock->monotonic_ns() + retry_period_ns : 0;
  };
  self
    ->request(connector, caf::timespan{period_deadline}, caf::connect_atom_v,
              settings.rt)
    .then(
      [this, failed](const caf::strong_actor_ptr& rt) {
        if (!rt)
          return failed(to_caf({errc::unavailable, to_string(settings.rt)}));
        self
          ->request(caf::actor_cast<sequencer_actor>(rt),
                    caf::timespan{period_deadline}, period_atom_v, *ending)
          .then(
            [this](uint64_t) {
              last_failure = {};
              ending_asked = false;
              ending.reset();
              due_ns = 0;
            },
            failed);
      },
      failed);
}

void feed_handler_state::tick() {
  const auto now = env->clock->monotonic_ns();
  // Without RT's word nobody knows where this source was left; a source that
  // is to be published again needs no word.
  const bool ready = work->told || settings.again;
  if (ready && !job_running && !exhausted && !ended && now >= due_ns) {
    if (!ending)
      submit();
    // Rows that are not merged before the end would belong to the next period.
    else if (!ending_asked
             && out->reached(rt::ack_level::committed) >= out->appended())
      end_period();
  }
  if (exhausted && !ended) {
    const auto end = out->appended();
    if (out->reached(rt::ack_level::committed) >= end) {
      settings.progress->merged = true;
      finish({});
    }
  }
  if (!ended)
    self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

void feed_handler_state::finish(const error& fault) {
  if (ended)
    return;
  ended = true;
  if (settings.on_done)
    settings.on_done(fault);
}

std::string feed_handler_state::status() const {
  nlohmann::json json;
  json["role"] = "feed";
  json["stream"] = settings.stream;
  json["rows"] = settings.progress->rows.load();
  json["batches"] = settings.progress->batches.load();
  json["finished"] = ended;
  if (ending)
    json["ending_period"] = *ending;
  if (last_failure)
    json["last_failure"] = to_string(last_failure);
  json["published"] = out->appended().value;
  json["merged"] = out->reached(rt::ack_level::committed).value;
  return json.dump();
}

feed_actor::behavior_type
feed_handler(feed_actor::stateful_pointer<feed_handler_state> self,
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
    [self](status_atom) { return self->state.status(); },
    [self](job_atom, bool finished, int64_t due_ns, const caf::error& fault) {
      self->state.job_done(finished, due_ns, from_caf(fault));
    },
    [self](period_atom, int64_t period) {
      self->state.job_running = false;
      self->state.ending = period;
    },
    [self](caf::tick_atom) { self->state.tick(); },
    [self](stop_atom) { self->quit(caf::exit_reason::user_shutdown); },
  };
}

} // namespace millrace::torq
