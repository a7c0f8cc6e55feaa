#include <millrace/actors/rt/link/read_records.hpp>
#include <millrace/actors/rt/publish/pusher.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/protocol/connect.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::rt {

namespace {
constexpr auto tick_interval = std::chrono::milliseconds{250};
constexpr auto request_deadline = std::chrono::seconds{3};
constexpr int64_t tail_bytes = int64_t{4} << 20;
/// While so many chunks are not merged, new messages gather at the publisher.
constexpr uint32_t chunks_in_flight_max = 4;
/// What two syncs at the RT node take in at the full speed of a disk.
constexpr uint64_t window_bytes = uint64_t{4} << 20;
} // namespace

void pusher_state::step(const link_core::input& what) {
  for (const auto& effect : link.step(what, env->clock->monotonic_ns()))
    std::visit([this](const auto& each) { act(each); }, effect);
}

void pusher_state::connect() {
  // Nobody takes what it has while this publisher lives.
  if (const auto why = source->fenced())
    return disconnect(why);
  connect_to<sequencer_actor>(
    self, connector, options.rt,
    [this](const sequencer_actor& found) {
      source->found_strange(to_string(options.rt), {});
      offer(found);
    },
    [this](const error& fault) {
      if (is_refusal(fault.code))
        source->found_strange(to_string(options.rt), fault);
      disconnect(fault);
    });
}

input_offer pusher_state::offered() const {
  input_offer what;
  // The last part of the path names the publisher: "<host>.<topic>".
  const auto& path = source->directory();
  what.directory = path.substr(path.rfind('/') + 1);
  what.stream = options.stream;
  what.lineage = source->lineage();
  what.origin = source->options().origin;
  what.life = source->life();
  what.seen = seen;
  what.merged_by = merged_log.by;
  what.merged = merged_log.end;
  return what;
}

void pusher_state::offer(const sequencer_actor& at) {
  rt = at;
  self
    ->request(at, caf::timespan{request_deadline}, offer_atom_v, offered(),
              pusher_actor{self})
    .then(
      [this, counts = source->may_verify()](const sink_actor& to,
                                            flow_grant grant) {
        // It may have been said before the log's fence was merged.
        grant.leads = grant.leads && counts;
        begin_flow(to, grant);
      },
      [this](const caf::error& fault) {
        const auto why = from_caf(fault);
        // Another life of the directory took its place, for good.
        if (why.code == errc::fenced)
          fenced(why);
        else
          refused(why);
      });
}

/// Only the node that leads knows what is merged of the origin, and who writes
/// it; others ask it.
void pusher_state::ask_what_is_merged() {
  if (asks || source->told() || !link.flowing() || !source->may_verify())
    return;
  asks = true;
  self->request(rt, caf::timespan{request_deadline}, origin_atom_v, offered())
    .then(
      [this](const flow_grant& facts) {
        asks = false;
        // Of the node that leads, also where it has lost what it had told.
        const bool news = std::exchange(seen, facts.epoch) != facts.epoch;
        learn(facts);
        if (news)
          ask_what_is_merged();
      },
      [this](const caf::error& fault) {
        asks = false;
        // Others are asked again at the next tick.
        if (auto why = from_caf(fault); why.code == errc::fenced)
          fenced(why);
      });
}

void pusher_state::learn(const flow_grant& facts) {
  seen = std::max(seen, facts.epoch);
  if (!facts.leads)
    return;
  auto cursors = decode_source_cursors(facts.cursors.bytes());
  if (!cursors)
    return disconnect(cursors.failure());
  const auto ids = id_policy_of(facts.ids);
  if (!ids)
    return disconnect(
      {errc::malformed_message,
       "an RT node whose ids have a policy of a later release"});
  source->verify({facts.watermark.value, *std::move(cursors), *ids});
}

void pusher_state::begin_flow(const sink_actor& to, const flow_grant& grant) {
  if (const auto why = source->fenced())
    return disconnect(why); // It was told while the node answered.
  sink = to;
  self->monitor(sink);
  if (!grant.has_begin)
    return start_flow({}, grant);
  const auto place
    = granted_place(*env->fs, source->directory(), source->lineage(),
                    grant.begin, grant.before_begin.value);
  if (!place)
    disagreed(place.failure());
  else if (place->shared)
    compare(*place, grant);
  else
    start_flow(place->at, grant);
}

/// RT has more than this log, which may have lost its end, or be another one.
void pusher_state::compare(const granted& place, const flow_grant& grant) {
  auto what
    = input_range{"", source->lineage(), place.shared->begin, grant.begin};
  what.directory = offered().directory;
  self->request(rt, caf::timespan{request_deadline}, fetch_atom_v, what)
    .then(
      [this, place, grant, to = sink](position begin, const chunk& bytes) {
        if (sink != to)
          return; // Another flow is asked for by now.
        uint32_t sum = 0;
        if (begin == place.shared->begin && bytes.size() >= sizeof sum)
          std::memcpy(&sum, bytes.bytes().data(), sizeof sum);
        if (sum == place.shared->sum)
          start_flow(place.at, grant);
        else
          disagreed(
            foreign_log(source->directory(), grant.begin, "and before it"));
      },
      [this, grant, to = sink](const caf::error& fault) {
        if (sink != to)
          return;
        const auto why = from_caf(fault);
        // No record begins there, in what is intact: a proof as good.
        if (why.code == errc::bad_position)
          disagreed(
            foreign_log(source->directory(), grant.begin, "and before it"));
        else
          disconnect(why);
      });
}

void pusher_state::start_flow(std::optional<position> from,
                              const flow_grant& grant) {
  sender = std::make_unique<flow_sender>(
    *env->fs,
    flow_options{.directory = source->directory(),
                 .window_bytes = window_bytes,
                 .parts_in_flight_max = chunks_in_flight_max,
                 .damage = persistence::damage_policy::resync},
    credit);
  if (auto fault = sender->start(from))
    return disconnect(fault);
  // So much must be there: what is no record before it is damage.
  sender->grew(source->reached(ack_level::recorded), {});
  holds = grant.has_begin ? grant.begin : position{};
  step(link_core::granted{grant.flow});
  learn(grant);
  ask_what_is_merged();
  pump();
  if (sender)
    merged(grant.merged, grant.life);
}

caf::result<position, chunk> pusher_state::fetch(position from,
                                                 position to) const {
  if (from >= to)
    return to_caf({errc::invalid_argument, "an empty range is asked for"});
  auto part = read_records(*env->fs, source->directory(), from, to);
  if (!part)
    return to_caf(part.failure());
  return {part->begin, part->bytes};
}

/// This log is another one than that which RT has: RT is to know as well.
void pusher_state::disagreed(const error& why) {
  if (why.code == errc::fenced)
    self->send(rt, refused_atom_v, offered());
  refused(why);
}

/// What can never come to be is told at once to those that wait for it.
void pusher_state::refused(const error& why) {
  if (why.code == errc::fenced)
    source->refuse(why);
  disconnect(why);
}

/// Another publisher writes the origin, or has the place of this one's
/// directory: this one ends, whatever it still has.
void pusher_state::fenced(const error& why) {
  source->fence(why);
  disconnect(why);
}

void pusher_state::act(const link_core::drop&) {
  sender.reset();
  if (sink)
    self->demonitor(sink.address());
  sink = nullptr;
  pull_if_idle();
}

void pusher_state::act(const link_core::ping&) {
  self->send(sink, caf::ping_atom_v, link.flow());
}

void pusher_state::grew(position end, const chunk& tail) {
  owes_pull = true;
  if (link.flowing()) {
    sender->grew(end, tail);
    pump();
  } else if (!tail.empty()) {
    credit->give(static_cast<int64_t>(tail.size()));
  }
  pull_if_idle();
}

/// Without a flow nobody acknowledges, and the log is to be written all the
/// same.
void pusher_state::pull_if_idle() {
  if (owes_pull && (!sender || sender->idle()))
    pull(false);
}

void pusher_state::pull(bool insist) {
  if (source->pull(insist))
    owes_pull = false;
  else
    self->send(self, pull_atom::value);
}

void pusher_state::pump() {
  const auto flow = link.flow();
  while (link.flowing()) {
    auto item = sender->next();
    if (!item)
      return disconnect(item.failure());
    if (!*item)
      return;
    env->crash_point("pub.before_send");
    if (auto* part = std::get_if<flow_sender::part>(&**item))
      self->send(sink, chunk_atom_v, flow, part->begin, std::move(part->bytes));
    else
      self->send(sink, event_atom_v, flow,
                 chunk::copy_of(encode(std::get<stream_event>(**item))));
    env->crash_point("pub.after_send");
  }
}

void pusher_state::acked(const flow_ack& ack) {
  if (!link.runs(ack.flow))
    return;
  step(link_core::heard{ack.flow});
  const bool takes = ack.bytes != 0 || sender->sent() == 0;
  if (takes && std::exchange(in_trouble, false))
    source->found_trouble(to_string(options.rt), {});
  sender->acked(ack.bytes);
  merged(ack.merged, ack.merged_by);
  collected({ack.collected, ack.released});
  pump();
  pull_if_idle();
}

void pusher_state::merged(position end, const lineage_id& by) {
  // An earlier session ends before the next one begins: when all of it is
  // merged, so is everything up to where the log goes on.
  // So it is where RT held more than this log, and nothing was sent since.
  const bool all
    = end >= sender->last_sent() || (sender->sent() == 0 && end >= holds);
  if (sender->drained() && all)
    end = std::max(end, sender->where());
  if (MILLRACE_PLANTED(commit_what_was_sent))
    end = sender->last_sent();
  source->set_committed(end);
  if (!by.is_known())
    return;
  // When this one was offered, RT has heard what an earlier life had.
  if (by != merged_log.by)
    merged_log = {by, {}};
  merged_log.end = std::max(merged_log.end, end);
  if (auto job = source->merged_by(merged_log.by, merged_log.end))
    in_background(std::move(job));
}

/// What of the publisher's directory is written or goes beside its log.
void pusher_state::in_background(std::function<error()> job) {
  env->io->submit([job = std::move(job), me = pusher_self_actor{self}] {
    caf::anon_send(me, collected_atom::value, to_caf(job()));
  });
}

void pusher_state::collected(const collected_copy& copy) {
  if (copy == told_collected)
    return;
  told_collected = copy;
  if (auto job = source->collected(to_string(options.rt), copy))
    in_background(std::move(job));
}

/// Who says nothing more, or nothing before RT has merged the fence of the log,
/// would never write what comes after damage of the newest record.
void pusher_state::pass_damage() {
  if (sender && !sender->stalled().empty())
    source->pass_damage(sender->where());
}

/// The first of its replicators that sees it tells.
void pusher_state::look_after_file() {
  auto found = source->look_after_file();
  if (found.empty())
    return;
  if (found != harm)
    options.warn(found);
  harm = std::move(found);
}

void pusher_state::tick() {
  source->retry();
  look_after_file();
  step(link_core::passed{});
  ask_what_is_merged();
  pump();
  pass_damage();
  // A stalled RT node must not keep what is published out of the log.
  if (owes_pull)
    pull(false);
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

void pusher_state::mark(period_id period) {
  const auto marker = encode(end_of_period{period, source->options().origin});
  // A refusal (closed, disk full) leaves the marker out; RT names this origin
  // as absent after its grace.
  (void)source->publish(marker, {}, payload_kind::end_of_period);
}

replicator_facts pusher_state::facts() const {
  replicator_facts now;
  now.phase = link.phase();
  if (sender)
    now.where = sender->where();
  now.last_failure = link.last_failure();
  now.collect_failure = collect_failure;
  now.harm = harm;
  now.refused_responses = source->refused_responses();
  return now;
}

status_facts to_status(const replicator_facts& facts) {
  const char* phases[] = {"idle", "connecting", "flowing"};
  status_facts out{{"phase", phases[static_cast<int>(facts.phase)]},
                   {"position", facts.where.value},
                   {"last_failure", to_string(facts.last_failure.code)},
                   {"collect_failure", facts.collect_failure
                                         ? to_string(facts.collect_failure)
                                         : ""},
                   {"harm", facts.harm},
                   {"refused_responses", facts.refused_responses}};
  return out;
}

pusher_self_actor::behavior_type
pusher(pusher_self_actor::stateful_pointer<pusher_state> self,
       persistence::env* world, std::shared_ptr<publisher> source,
       connector_actor connector, pusher_options options) {
  auto& state = self->state;
  state.env = world;
  state.source = std::move(source);
  state.connector = std::move(connector);
  state.link = link_core{{.peer = to_string(options.rt), .sends = true}};
  state.options = std::move(options);
  state.credit = std::make_shared<tail_credit>(tail_bytes);
  state.merged_log = state.source->merged_before();
  const auto listening = state.source->listen(
    [me = pusher_self_actor{self}, credit = state.credit](
      position, position end, std::span<const std::byte> bytes) {
      chunk tail;
      if (credit->take(static_cast<int64_t>(bytes.size())))
        tail = chunk::copy_of(bytes);
      caf::anon_send(me, grew_atom::value, end, std::move(tail));
    });
  self->set_down_handler([self](caf::down_msg& down) {
    if (self->state.sink && down.source == self->state.sink.address())
      self->state.disconnect(from_caf(down.reason));
  });
  self->attach_functor(
    [source = state.source, listening] { source->unlisten(listening); });
  self->send(self, caf::tick_atom_v);
  return {
    [self](status_atom) { return to_status(self->state.facts()); },
    [self](ack_atom, const flow_ack& ack) { self->state.acked(ack); },
    [self](grew_atom, position end, const chunk& tail) {
      self->state.grew(end, tail);
    },
    [self](pull_atom) {
      if (self->state.owes_pull)
        self->state.pull(true);
    },
    own_ticks(self),
    [self](collected_atom, const caf::error& outcome) {
      self->state.collect_failure = from_caf(outcome);
    },
    [self](stop_atom) { self->quit(); },
    [self](refused_atom, flow_id flow, const caf::error& why) {
      if (self->state.link.runs(flow))
        self->state.disconnect(from_caf(why));
    },
    [self](refused_atom, const caf::error& why) {
      self->state.fenced(from_caf(why));
    },
    [self](fetch_atom, position from, position to) {
      return self->state.fetch(from, to);
    },
    [self](mark_atom, period_id period) { self->state.mark(period); },
    [self](respond_atom, const message_response& what) -> caf::result<bool> {
      if (auto why
          = self->state.source->take_response(what.id, what.payload.bytes()))
        return to_caf(why);
      return true;
    },
  };
}

} // namespace millrace::rt
