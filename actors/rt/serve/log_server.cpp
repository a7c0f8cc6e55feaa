#include <millrace/actors/rt/archive/archive_survey.hpp>
#include <millrace/actors/rt/serve/log_server.hpp>
#include <millrace/messages/base/result.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace millrace::rt {

namespace {

constexpr auto look_after_interval = std::chrono::milliseconds{250};
constexpr int64_t handed_bytes = int64_t{4} << 20;
constexpr uint64_t reader_window_bytes = uint64_t{4} << 20;

/// Where a log begins whose first files went; the start: none did.
position begin_after_collected(persistence::file_system& fs,
                               const std::string& directory) {
  const auto files = persistence::list_log_files(fs, directory);
  if (!files || files->empty())
    return {};
  const auto gone
    = std::find_if(files->rbegin(), files->rend(), [](const auto& each) {
        return each.archived && each.size == 0;
      });
  if (gone == files->rend())
    return {};
  return gone == files->rbegin()
           ? position::of(gone->session, gone->roll + 1, 0)
           : position::of(std::prev(gone)->session, std::prev(gone)->roll, 0);
}

} // namespace

// -- those who read -----------------------------------------------------------

bool log_server_state::of_another_life(const start_spec& from) const {
  return from.life.is_known() && from.life != source->lineage();
}

/// Whether what was delivered before this place is not in the log: a power cut
/// took it, or an older copy of its disk was put in place of it.
bool log_server_state::set_back(const start_spec& from) const {
  if (from.kind != start_spec::at_position || !from.life.is_known()
      || of_another_life(from))
    return false;
  if (from.at > end())
    return true;
  if (from.before == 0)
    return false;
  const auto held = persistence::record_before(*env->fs, source->directory(),
                                               source->lineage(), from.at);
  return held && held->sum != from.before;
}

/// None: from the first record that is there.
/// @param gone what was delivered before it is not in the log
result<std::optional<position>>
log_server_state::resolve(const start_spec& from, bool gone) const {
  switch (from.kind) {
    case start_spec::begin:
      return std::optional<position>{};
    case start_spec::end:
      return std::optional{end()};
    case start_spec::at_position:
      if (of_another_life(from))
        return std::optional<position>{};
      if (!gone)
        return std::optional{from.at};
      // Up to its end the log may be the same, or not.
      return from.at > end() ? std::optional{end()} : std::optional<position>{};
    default:
      return error{errc::invalid_argument,
                   "start kind " + std::to_string(from.kind)};
  }
}

caf::result<source_actor, flow_grant>
log_server_state::subscribe(const start_spec& from, const sink_actor& to) {
  auto promise = self->make_response_promise<source_actor, flow_grant>();
  if (from.kind == start_spec::at_time)
    seek(from.time_ns, to, promise);
  else
    serve(from, to, promise);
  return promise;
}

/// Off this thread: where the index of times does not reach yet, all is read.
void log_server_state::seek(int64_t time_ns, const sink_actor& to,
                            subscriber_promise promise) {
  const auto number = seek_next++;
  seeking.emplace(number, sought_place{to, std::move(promise)});
  env->io->submit([number, time_ns, world = env,
                   directory = source->directory(),
                   me = log_server_self_actor{self}] {
    const auto found = persistence::find_time(*world->fs, directory, time_ns);
    caf::anon_send(me, place_atom::value, number, found ? *found : position{},
                   found ? caf::error{} : to_caf(found.failure()));
  });
}

void log_server_state::sought(uint64_t number, position at,
                              const caf::error& outcome) {
  auto found = seeking.extract(number);
  if (!found)
    return;
  if (outcome) {
    found.mapped().promise.deliver(outcome);
    return;
  }
  start_spec from;
  from.kind = start_spec::at_position;
  from.at = at;
  serve(from, found.mapped().to, std::move(found.mapped().promise));
}

void log_server_state::serve(const start_spec& from, const sink_actor& to,
                             subscriber_promise promise) {
  // What is written from now on is told to all who read.
  listen();
  const bool gone = set_back(from);
  const auto start = resolve(from, gone);
  auto shared = std::make_shared<tail_credit>(handed_bytes);
  auto sender = std::make_unique<flow_sender>(
    *env->fs,
    flow_options{.directory = source->directory(),
                 .window_bytes = reader_window_bytes},
    shared);
  auto fault = start ? sender->start(*start) : start.failure();
  if (fault) {
    lost({});
    promise.deliver(to_caf(fault));
    return;
  }
  // That much must be there.
  const auto now_end = end();
  sender->grew(now_end, {});
  auto taken = std::make_shared<shared_position>(sender->where().value);
  flow_grant grant;
  flow_last = flow_last.next();
  grant.flow = flow_last;
  grant.has_begin = true;
  grant.begin = start->value_or(sender->where());
  grant.life = source->lineage();
  grant.end = now_end;
  grant.set_back = gone;
  auto reading = self->spawn(
    feeder, std::make_shared<std::unique_ptr<flow_sender>>(std::move(sender)),
    to,
    feeder_options{.flow = grant.flow,
                   .mender = mender_actor{self},
                   .begin = begin,
                   .taken = taken});
  self->monitor(reading);
  children.add(reading);
  readers.push_back({reading, std::move(shared), to.node(), std::move(taken)});
  promise.deliver(source_actor{reading}, grant);
}

/// While nobody reads, the publisher writes by itself.
void log_server_state::listen() {
  if (*listening != 0)
    return;
  *listening = source->listen(
    [me = log_server_self_actor{self}, shared = credit](
      position, position written, std::span<const std::byte> bytes) {
      chunk tail;
      if (shared->take(static_cast<int64_t>(bytes.size())))
        tail = chunk::copy_of(bytes);
      caf::anon_send(me, grew_atom::value, written, std::move(tail));
    });
}

void log_server_state::lost(const caf::actor_addr& who) {
  std::erase_if(readers, [&](const log_reading& each) {
    return each.source.address() == who;
  });
  if (readers.empty())
    if (const auto number = listening->exchange(0); number != 0)
      source->unlisten(number);
}

void log_server_state::grew(position written, const chunk& tail) {
  const auto size = static_cast<int64_t>(tail.size());
  if (!tail.empty())
    credit->give(size);
  for (const auto& reader : readers) {
    const bool granted = !tail.empty() && reader.credit->take(size);
    self->send(reader.source, grew_atom::value, written,
               granted ? tail : chunk{});
  }
  ask_for_more();
}

/// All that was written is passed on: the publisher may write what gathered.
void log_server_state::ask_for_more() {
  if (*listening != 0 && !source->pull(false))
    self->send(self, insist_atom::value);
}

/// Nobody else has a copy: what is damaged is lost. The log goes on after it.
caf::result<bool> log_server_state::mend(position at) {
  if (file_of(at) < begin)
    return to_caf({errc::pruned, source->directory() + ": " + to_string(at)});
  source->pass_damage(at);
  return false;
}

// -- files that are needed no more --------------------------------------------

/// As at a SEQUENCER: one at a time decides, for as long as it says so.
caf::result<std::string> log_server_state::take_lead(const std::string& who) {
  if (lead.take(who, env->clock->monotonic_ns()) && options.note)
    options.note("lead", "stream '" + options.stream + "': " + lead.describe());
  return lead.holder();
}

caf::result<bool> log_server_state::respond(const message_response& what) {
  const auto& origin = source->options().origin;
  if (what.on != origin)
    return to_caf(
      {errc::not_found, "origin '" + what.on
                          + "': nobody waits for a response, as its "
                            "publisher is one of '"
                          + origin + "'"});
  if (auto why = source->take_response(what.id, what.payload.bytes()))
    return to_caf(why);
  return true;
}

/// What consumers need is agreed on by RT nodes, of which there are none.
caf::result<consumer_facts>
log_server_state::take_floor(const consumer_floor& what) const {
  return to_caf({errc::invalid_argument, "stream '" + options.stream
                                           + "': no rt orders it, so nobody "
                                             "keeps what consumer '"
                                           + what.consumer + "' needs"});
}

caf::result<status_facts> log_server_state::prune(position at, cut_mode mode) {
  if (at > end())
    return to_caf(
      {errc::ahead, "stream '" + options.stream + "': " + to_string(at)
                      + " lies beyond its end " + to_string(end())});
  const auto& directory = source->directory();
  std::map<position, std::optional<int64_t>> no_times;
  const auto files
    = survey_files(*env->fs, directory, {}, std::nullopt, no_times);
  if (!files)
    return to_caf(files.failure());
  const auto below = persistence::begin_after(*env->fs, directory, at);
  if (!below)
    return to_caf(below.failure());
  const auto cut = cut_at(*files, *below);
  auto report = prune_report(options.stream, *files, cut, {});
  if (mode == cut_mode::dry || cut.files == 0)
    return report;
  auto promise = self->make_response_promise<status_facts>();
  prunes.push_back({cut.begin, std::move(report), promise});
  if (prunes.size() == 1)
    collect();
  return promise;
}

/// Off this thread: all that goes is read for what it says of sources.
void log_server_state::collect() {
  const auto below = prunes.front().below;
  env->io->submit(
    [job = source->collect(below), below, me = log_server_self_actor{self}] {
      caf::anon_send(me, collected_atom_v, below, to_caf(job()));
    });
}

void log_server_state::collected(position below, const caf::error& outcome) {
  collect_failure = from_caf(outcome);
  auto done = std::move(prunes.front());
  prunes.erase(prunes.begin());
  if (collect_failure) {
    if (options.warn)
      options.warn("not_collected", "stream '" + options.stream
                                      + "': " + to_string(collect_failure));
    done.promise.deliver(outcome);
  } else {
    begin = std::max(begin, below);
    for (const auto& reader : readers)
      self->send(reader.source, collected_atom_v, begin);
    if (options.note)
      options.note("pruned", "stream '" + options.stream
                               + "': its log begins at " + to_string(begin)
                               + ", older files are gone");
    done.promise.deliver(std::move(done.report));
  }
  if (!prunes.empty())
    collect();
}

// -- what goes on by itself ---------------------------------------------------

void log_server_state::look_after_log() {
  source->retry();
  // Nobody else asks for one, and `committed` means `synced` here.
  source->want_sync();
  auto found = source->look_after_file();
  if (found.empty())
    return;
  if (found != harm && options.warn)
    options.warn("log_harmed", "stream '" + options.stream + "': " + found);
  harm = std::move(found);
}

void log_server_state::tick() {
  look_after_log();
  ask_for_more();
  const auto now_end = end();
  growth.grew(now_end);
  growth.note(env->clock->monotonic_ns(), now_end, source->messages());
  self->delayed_send(self, caf::timespan{look_after_interval},
                     caf::tick_atom_v);
}

// -- what it says of itself ---------------------------------------------------

stream_facts log_server_state::facts() const {
  stream_facts out;
  out.stream = options.stream;
  out.cached = options.cached;
  out.end = end();
  out.life = source->lineage();
  out.publishers = 1;
  out.subscribers = readers.size();
  out.leads = out.alone = true;
  return out;
}

status_facts log_server_state::status() const {
  const auto now_ns = env->clock->monotonic_ns();
  status_facts out{{"role", "publisher"},
                   {"stream", options.stream},
                   {"mode", options.cached ? "cached" : "synced"},
                   {"published_by", options.process},
                   {"end", end().value},
                   {"end_text", to_string(end())},
                   {"leads", true},
                   {"publishers", 1},
                   {"subscribers", readers.size()},
                   {"pending_bytes", 0},
                   {"duplicates", 0},
                   {"losses", 0},
                   {"harm", harm}};
  tell_growth(growth, readers, now_ns, out);
  auto& collection = out.add("collection", text::json_value::object());
  collection.add("begin", begin.value);
  collection.add("collected", begin.value);
  collection.add("held_by", "");
  collection.add("left_behind", text::json_value::array());
  collection.add("pruned_by", lead.told(now_ns));
  collection.add("failure", collect_failure ? to_string(collect_failure) : "");
  collection.add("consumers", to_json(archive_floors{}));
  return out;
}

log_server_self_actor::behavior_type
log_server(log_server_self_actor::stateful_pointer<log_server_state> self,
           persistence::env* world, std::shared_ptr<publisher> source,
           log_server_options options) {
  auto& state = self->state;
  state.env = world;
  state.source = std::move(source);
  state.options = std::move(options);
  state.credit = std::make_shared<tail_credit>(handed_bytes);
  state.begin = begin_after_collected(*world->fs, state.source->directory());
  state.children.attach(self);
  self->set_down_handler(
    [self](caf::down_msg& down) { self->state.lost(down.source); });
  self->attach_functor([source = state.source, listening = state.listening] {
    if (const auto number = listening->exchange(0); number != 0)
      source->unlisten(number);
  });
  self->send(self, caf::tick_atom_v);
  return {
    [self](status_atom) { return self->state.status(); },
    [self](caf::subscribe_atom, const start_spec& from, const sink_actor& to) {
      return self->state.subscribe(from, to);
    },
    [self](facts_atom) { return self->state.facts(); },
    [self](leader_atom) { return self->state.facts(); },
    [self](floor_atom, const consumer_floor& what) {
      return self->state.take_floor(what);
    },
    [self](prune_atom, position at, cut_mode mode) {
      return self->state.prune(at, mode);
    },
    [self](lead_atom, const std::string& who) {
      return self->state.take_lead(who);
    },
    [self](respond_atom, const message_response& what) {
      return self->state.respond(what);
    },
    [self](mend_atom, position at) { return self->state.mend(at); },
    [self](grew_atom, position written, const chunk& tail) {
      self->state.grew(written, tail);
    },
    [self](insist_atom) {
      if (*self->state.listening != 0)
        (void)self->state.source->pull(true);
    },
    [self](place_atom, uint64_t number, position at,
           const caf::error& outcome) {
      self->state.sought(number, at, outcome);
    },
    [self](collected_atom, position below, const caf::error& outcome) {
      self->state.collected(below, outcome);
    },
    own_ticks(self),
  };
}

} // namespace millrace::rt
