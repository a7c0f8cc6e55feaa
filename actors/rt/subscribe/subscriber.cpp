#include <millrace/actors/rt/link/feeder.hpp>
#include <millrace/actors/rt/subscribe/subscriber.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/data/lost_stream.hpp>
#include <millrace/messages/protocol/connect.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace millrace::rt {

namespace {
constexpr auto tick_interval = std::chrono::milliseconds{250};
constexpr auto request_deadline = subscriber_state::request_deadline;
} // namespace

start_spec subscriber_state::next_start() const {
  auto start = options.start;
  if (copy && copy->end()) {
    start.kind = start_spec::at_position;
    start.at = *copy->end();
  } else if (started) {
    start.kind = start_spec::at_position;
    start.at = out->where();
    if (MILLRACE_PLANTED(deliver_again_after_a_reconnect))
      start.at = options.start.at;
    if (begins_with_file)
      start.at = file_of(start.at);
  }
  if (start.kind == start_spec::at_position) {
    start.life = lineage;
    start.before = sum_before();
  }
  return start;
}

/// Of the record that ends where it goes on; 0: not known.
uint32_t subscriber_state::sum_before() const {
  if (!copy || !copy->end())
    return started && !begins_with_file ? out->sum() : 0;
  const auto last = persistence::record_before(*env->fs, options.local_copy,
                                               lineage, *copy->end());
  return last ? last->sum : 0;
}

void subscriber_state::step(const link_core::input& what) {
  for (const auto& effect : link.step(what, env->clock->monotonic_ns()))
    std::visit([this](const auto& each) { act(each); }, effect);
}

void subscriber_state::disconnect(const error& why) {
  ++asked;
  step(link_core::failed{why});
}

void subscriber_state::connect() {
  if (options.topic.starts_with('/'))
    return open_journal();
  connect_to<stream_server_actor>(
    self, connector, options.rt[asked % options.rt.size()],
    [this](const stream_server_actor& found) {
      rt = found;
      if (options.at_floor && !started)
        ask_floor();
      else
        subscribe(found);
    },
    [this](const error& fault) { refused(fault); });
}

void subscriber_state::subscribe(const stream_server_actor& at) {
  self
    ->request(at, caf::timespan{request_deadline}, caf::subscribe_atom_v,
              next_start(), caf::actor_cast<sink_actor>(self))
    .then([this](const source_actor& from,
                 const flow_grant& grant) { begin_flow(from, grant); },
          [this](const caf::error& fault) { refused(from_caf(fault)); });
}

/// A full path: this process tails the directory itself.
void subscriber_state::open_journal() {
  auto sender = std::make_unique<flow_sender>(
    *env->fs,
    flow_options{.directory = options.topic, .window_bytes = uint64_t{4} << 20},
    std::make_shared<tail_credit>(0));
  const auto start = next_start();
  std::optional<position> from;
  if (start.kind == start_spec::at_position)
    from = start.at;
  if (start.kind == start_spec::at_time) {
    auto found = persistence::find_time(*env->fs, options.topic, start.time_ns);
    if (!found)
      return refused(found.failure());
    from = *found;
  }
  if (start.kind == start_spec::end) {
    auto checked = persistence::verify_log(*env->fs, options.topic);
    if (!checked)
      return refused(checked.failure());
    from = checked->end;
  }
  if (auto fault = sender->start(from))
    return refused(fault);
  flow_grant grant;
  grant.flow = link.flow().next();
  grant.has_begin = true;
  grant.begin = from.value_or(sender->where());
  grant.life = sender->lineage();
  auto from_here = self->spawn(
    feeder, std::make_shared<std::unique_ptr<flow_sender>>(std::move(sender)),
    caf::actor_cast<sink_actor>(self),
    feeder_options{.flow = grant.flow, .polls = true});
  children.add(from_here);
  begin_flow(from_here, grant);
}

void subscriber_state::begin_flow(const source_actor& from,
                                  const flow_grant& grant) {
  source = from;
  const auto before = std::exchange(lineage, grant.life);
  told_ahead = false;
  hopeless = 0;
  if (!waits_for_room) {
    told_lost = false;
    flowless_ns = 0;
  }
  self->monitor(source);
  out->begin_flow(grant.life, grant.end);
  if (!std::exchange(started, true)) {
    out->start_at(grant.set_back ? options.start.at : grant.begin);
    registers_at = out->where();
    if (grant.set_back)
      tell_set_back(grant.begin);
  } else if (grant.other_life
             || (before != lineage_id{} && before != lineage)) {
    tell_new_life(grant.begin);
  } else if (grant.set_back) {
    tell_set_back(grant.begin);
  }
  if (!control->active())
    return finish_if_ended();
  if (!options.local_copy.empty() && !copy) {
    if (auto fault = open_copy(grant)) {
      if (fault.code == errc::no_space)
        return wait_for_room(fault);
      fail(fault);
      return finish_if_ended();
    }
    // What the copy holds already is delivered from it; the flow goes on
    // after its end.
    if (copy->end())
      return step(link_core::restarted{});
  }
  if (copy && copy->end() && out->where() < *copy->end()) {
    auto reader = persistence::log_reader::open(
      *env->fs, {.directory = options.local_copy}, out->where());
    if (!reader) {
      fail(reader.failure());
      return finish_if_ended();
    }
    copy_reader = *std::move(reader);
    self->send(self, deliver_atom::value);
  }
  step(link_core::granted{grant.flow});
}

/// What was said of the log before is not of this one.
void subscriber_state::forget_places() {
  floor.reset();
  const std::scoped_lock lock{control->pruning_};
  control->floor_.needed.reset();
  control->prune_ = {};
}

/// What it stood in is gone: the stream goes on from the start of another log.
void subscriber_state::tell_new_life(position begin) {
  stream_event event;
  event.kind = event_kind::reset;
  event.from = out->where();
  event.to = begin;
  event.cause = "the stream began a new life: its log is another one";
  told_ahead = false;
  stream_begin = copy_asked = {};
  if (copy) {
    // Nothing of the new log goes on after it.
    copy_reader.reset();
    copy.reset();
    begins_with_file = false;
    if (auto fault = persistence::set_aside(*env->fs, options.local_copy))
      return fail(fault);
    event.cause += "; the copy of the one before was set aside";
  }
  out->take(event);
  forget_places();
  registers_at = begin;
  consumer.begin_life();
}

/// Others than those that were delivered lie there now, or will.
void subscriber_state::tell_set_back(position begin) {
  stream_event event;
  event.kind = event_kind::ahead;
  event.from = out->where();
  event.to = begin;
  event.cause = "the stream was set back: its log does not hold what was "
                "delivered before";
  forget_places();
  out->take(event);
  // So is what it knows of consumers.
  floor.reset();
  consumer.begin_life();
  if (copy)
    if (auto fault = copy->cut(begin))
      fail(fault);
}

void subscriber_state::deliver_waiting() {
  if (paused || !control->active())
    return finish_if_ended();
  if (copy_reader) {
    catch_up_from_copy();
    if (control->active())
      self->send(self, deliver_atom::value);
    return;
  }
  while (!held.empty() && !paused && control->active()) {
    const auto next = std::move(held.front());
    held.pop_front();
    std::visit([this](const auto& each) { deliver(each); }, next);
  }
}

void subscriber_state::refused(const error& why) {
  if (why.code == errc::ahead && !told_ahead) {
    // The stream ends before where we stood: told once, then we wait for it.
    told_ahead = true;
    stream_event event;
    event.kind = event_kind::ahead;
    event.from = event.to = next_start().at;
    event.cause = why.context;
    // What the copy holds beyond the stream is still to be delivered.
    out->tell(event);
  }
  const bool journal = options.topic.starts_with('/');
  const bool never
    = why.code == errc::bad_position || why.code == errc::invalid_argument
      || why.code == errc::corrupt
      || (why.code == errc::not_found && journal)
      // Another cluster is there. One that took the place of ours may go again.
      || (why.code == errc::config && !started);
  hopeless = never ? hopeless + 1 : 0;
  // One node's fault is not the stream's: the others are asked first.
  if (never && (journal || hopeless >= options.rt.size())) {
    fail(why);
    return finish_if_ended();
  }
  disconnect(why);
}

void subscriber_state::act(const link_core::drop&) {
  if (source) {
    self->demonitor(source.address());
    self->send(source, stop_atom_v);
    source = nullptr;
  }
  // They come again, from where this stands then.
  if (!MILLRACE_PLANTED(keep_what_comes_again))
    held.clear();
}

void subscriber_state::act(const link_core::acknowledge& what) {
  self->send(source, ack_atom_v, flow_ack{link.flow(), what.bytes, {}});
}

void subscriber_state::take(flow_id from_flow, position begin,
                            const chunk& bytes) {
  if (!link.runs(from_flow))
    return;
  step(link_core::heard{from_flow});
  if (holds_back())
    held.push_back(held_chunk{begin, bytes});
  else
    deliver(held_chunk{begin, bytes});
}

/// With the connection that they came by it ends: once for each.
void subscriber_state::tell_damage(const error& fault) {
  if (fault.code != errc::corrupt || options.rt.empty())
    return;
  ++damaged_records;
  if (options.warn)
    options.warn("damaged_on_the_way",
                 "records from "
                   + to_string(options.rt[asked % options.rt.size()])
                   + " were damaged on their way: " + to_string(fault)
                   + "; refused, and asked for again");
}

void subscriber_state::deliver(const held_chunk& what) {
  const auto bytes = what.bytes.bytes();
  env->crash_point("sub.before_apply");
  if (auto fault = out->take(lineage, what.begin, bytes)) {
    tell_damage(fault);
    return disconnect(fault);
  }
  env->crash_point("sub.after_apply");
  if (copy) {
    if (!copy->end() && what.begin.offset() != 0 && !begins_with_file) {
      begins_with_file = true;
      return step(link_core::restarted{});
    }
    if (auto fault = copy->append(what.begin, bytes)) {
      if (fault.code == errc::no_space)
        return wait_for_room(fault);
      fail(fault);
      return finish_if_ended();
    }
    begins_with_file = false;
    has_room();
  }
  step(link_core::taken{what.bytes.size()});
  finish_if_ended();
}

void subscriber_state::event(flow_id from_flow, const chunk& bytes) {
  if (!link.runs(from_flow))
    return;
  step(link_core::heard{from_flow});
  auto event = decode_stream_event(bytes.bytes());
  if (!event)
    return disconnect(event.failure());
  if (holds_back() && !MILLRACE_PLANTED(event_overtakes_held_messages))
    held.emplace_back(*std::move(event));
  else
    deliver(*event);
}

void subscriber_state::deliver(const stream_event& what) {
  out->take(what);
  if (auto fault = pass_in_copy(what))
    fail(fault);
  finish_if_ended();
}

void subscriber_state::fail(const error& fault) {
  if (out->fail(fault))
    return;
  failure = {fault.code, "stream '" + options.topic + "': " + fault.context};
  if (options.warn)
    options.warn("failed", "a subscription ended, and is not begun again: "
                             + to_string(failure));
}

/// What a callback threw leaves it where nobody knows: it is not called again.
caf::error subscriber_state::threw(const std::exception_ptr& what) {
  std::string said;
  try {
    std::rethrow_exception(what);
  } catch (const std::exception& known) {
    said = known.what();
  } catch (...) {
    said = "what is no std::exception";
  }
  control->stopped_ = true;
  const error fault{errc::internal, "stream '" + options.topic
                                      + "': a callback threw after "
                                      + to_string(out->where()) + ": " + said};
  if (options.warn)
    options.warn("threw", fault.context + "; its subscription ended with it");
  return to_caf(fault);
}

void subscriber_state::finish_if_ended() {
  if (control->active() || leaves())
    return;
  if (source)
    self->send(source, stop_atom_v);
  if (ended)
    ended->deliver(agreed);
  if (failure)
    self->quit(to_caf(failure));
  else
    self->quit();
}

// -- files that are needed no more --------------------------------------------

/// Again and again: the lease ends when nobody says that he holds it.
void subscriber_state::take_lead() {
  constexpr int64_t interval_ns = 2'000'000'000;
  const auto now_ns = env->clock->monotonic_ns();
  if (options.archived != archived_exchange::lead || !rt || now_ns < lead_at_ns)
    return;
  lead_at_ns = now_ns + interval_ns;
  self
    ->request(rt, caf::timespan{request_deadline}, lead_atom_v,
              caf::to_string(self->address()))
    .then([this](const std::string& holder) { lead = holder; },
          [this](const caf::error&) { lead.clear(); });
}

void subscriber_state::prune_stream() {
  const auto wish = control->pruned();
  if (options.archived != archived_exchange::lead || !rt || pruning
      || wish.asked <= wish.done || lead.empty())
    return;
  if (lead != caf::to_string(self->address()))
    return control->note_pruned(
      {}, {errc::locked, "stream '" + options.topic + "': subscriber " + lead
                           + " leads, and decides what goes"});
  pruning = true;
  self
    ->request(rt, caf::timespan{request_deadline}, prune_atom_v, wish.asked,
              cut_mode::careful)
    .then(
      [this, at = wish.asked](const status_facts&) {
        pruning = false;
        control->note_pruned(at, {});
      },
      [this](const caf::error& fault) {
        pruning = false;
        control->note_pruned({}, from_caf(fault));
      });
}

void subscriber_state::watch_flow() {
  const auto now_ns = env->clock->monotonic_ns();
  if ((link.flowing() && !waits_for_room) || told_lost)
    return;
  if (flowless_ns == 0)
    flowless_ns = now_ns;
  if (now_ns - flowless_ns < lost_stream_told_ns)
    return;
  told_lost = true;
  out->lose_flow(link.last_failure());
}

void subscriber_state::tick() {
  if (!control->active())
    return finish_if_ended();
  step(link_core::passed{});
  watch_flow();
  tell_floor();
  take_lead();
  prune_stream();
  collect_copy();
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

uint64_t subscriber_state::held_bytes() const {
  uint64_t out = 0;
  for (const auto& each : held)
    if (const auto* part = std::get_if<held_chunk>(&each))
      out += part->bytes.bytes().size();
  return out;
}

status_facts subscriber_state::status() const {
  status_facts said{{"topic", options.topic},
                    {"position", out->where().value},
                    {"delivered", out->delivered()},
                    {"connected", link.flowing()},
                    {"copies_mended", copies_mended},
                    {"damaged_records", damaged_records},
                    {"paused", paused},
                    {"held_bytes", held_bytes()},
                    {"responses", answers_taken},
                    {"responses_refused", answers_refused}};
  if (options.archived == archived_exchange::lead)
    said.add("lead", lead);
  if (consumer.is_wanted())
    said.add("consumer", {{"name", consumer.name()},
                          {"held", consumer.has_name()},
                          {"was_new", consumer.was_new()},
                          {"floor", consumer.floor().value}});
  if (link.last_failure())
    said.add("last_failure", to_string(link.last_failure()));
  return said;
}

subscriber_self_actor::behavior_type
subscriber(subscriber_self_actor::stateful_pointer<subscriber_state> self,
           persistence::env* world, connector_actor connector,
           subscriber_options options, std::shared_ptr<subscription> control,
           std::shared_ptr<subscription_handlers> handlers) {
  auto& state = self->state;
  state.env = world;
  state.connector = std::move(connector);
  state.link = link_core{{.peer = "an RT node of '" + options.topic + "'"}};
  state.options = std::move(options);
  if (!state.options.consumer.empty())
    state.consumer = consumer_claim{state.options.consumer, world->random()};
  state.control = control;
  state.children.attach(self);
  state.out
    = std::make_unique<delivery>(std::move(control), std::move(*handlers));
  if (state.options.start.kind == start_spec::at_position
      && !state.options.at_floor) {
    state.out->start_at(state.options.start.at);
    state.started = true;
    state.registers_at = state.options.start.at;
    state.lineage = state.options.start.life;
  }
  self->set_exception_handler(
    [self](std::exception_ptr& what) { return self->state.threw(what); });
  self->set_down_handler([self](caf::down_msg& down) {
    auto& me = self->state;
    if (me.source && down.source == me.source.address()) {
      me.source = nullptr;
      me.disconnect({errc::unavailable, "the source of the flow is gone"});
    }
  });
  state.carry_answers();
  self->send(self, caf::tick_atom_v);
  return {
    [self](chunk_atom, flow_id flow, position begin, const chunk& bytes) {
      self->state.take(flow, begin, bytes);
    },
    [self](event_atom, flow_id flow, const chunk& bytes) {
      self->state.event(flow, bytes);
    },
    [self](caf::ping_atom, flow_id flow) {
      self->state.step(link_core::pinged{flow});
    },
    [self](collected_atom, flow_id flow, position below) {
      auto& me = self->state;
      if (me.link.runs(flow))
        me.stream_begin = std::max(me.stream_begin, below);
    },
    [self](collected_atom, position below, const caf::error& outcome) {
      self->state.copy_collected(below, outcome);
    },
    [self](status_atom) { return self->state.status(); },
    [self](caf::unsubscribe_atom) { return self->state.end(); },
    [self](pause_atom, bool pause) {
      self->state.paused = pause;
      if (!pause)
        self->state.deliver_waiting();
    },
    [self](floor_atom, position floor) {
      self->state.floor = floor;
      self->state.tell_floor();
    },
    own_ticks(self),
    [self](deliver_atom) { self->state.deliver_waiting(); },
    [self](respond_atom) { self->state.send_answers(); },
  };
}

} // namespace millrace::rt
