#include <millrace/actors/rt/sequence/sequencer.hpp>

// Those that read the merged log from this node: where they begin, and what is
// handed to them.

namespace millrace::rt {

namespace {

constexpr int64_t subscriber_wait_ns = 2'000'000'000;
constexpr int64_t tail_bytes = int64_t{4} << 20;
/// So long nothing may be merged here that the group agreed on, before those
/// who read go to another node.
constexpr int64_t still_patience_ns = 3'000'000'000;

} // namespace

/// As it was agreed on, and not where the files begin that are there: one that
/// is missing is damage. None: the stream has not begun.
std::optional<position> sequencer_state::begin_of_stream() const {
  return core->state() == nullptr ? std::optional<position>{}
                                  : std::optional{core->state()->out_begin};
}

result<std::optional<position>>
sequencer_state::resolve(const start_spec& from) const {
  switch (from.kind) {
    case start_spec::begin:
      return begin_of_stream();
    case start_spec::end:
      return std::optional<position>{core->out_end()};
    case start_spec::at_position:
      if (of_another_life(from) || begins_anew(from))
        return begin_of_stream();
      return core->state() == nullptr
               ? std::optional{from.at}
               : std::optional{std::max(from.at, core->state()->layout.first)};
    default:
      return error{errc::invalid_argument,
                   "start kind " + std::to_string(from.kind)};
  }
}

bool sequencer_state::of_another_life(const start_spec& from) const {
  return from.life.is_known() && core->state() != nullptr
         && from.life != core->life();
}

/// No place of this life of the stream; 0 is where each begins.
/// @pre this node knows where the stream ends, or that the place is before it
bool sequencer_state::is_strange(position at) const {
  const auto* state = core->state();
  return state != nullptr && at != position{}
         && (at < state->layout.first
             || at.session() > state->out_end.session());
}

bool sequencer_state::begins_anew(const start_spec& from) const {
  return from.kind == start_spec::at_position && !from.life.is_known()
         && is_strange(from.at);
}

error sequencer_state::strange_place(position at) const {
  return {errc::bad_position,
          "stream '" + core->options().stream + "': " + to_string(at)
            + " is no place of this life of it, which begins at "
            + to_string(core->state()->layout.first)
            + ": it is of an earlier one"};
}

/// Whether what was delivered before this place is not in the log: an older
/// copy of its disk was put in place of it.
bool sequencer_state::set_back(const start_spec& from) const {
  if (from.kind != start_spec::at_position || !from.life.is_known()
      || core->state() == nullptr || of_another_life(from))
    return false;
  if (from.at > core->out_end()) {
    // One of several may have been deposed, and not know it yet.
    return core->leads() && is_alone();
  }
  if (from.before == 0)
    return false;
  const auto held = persistence::record_before(*env->fs, core->out_directory(),
                                               core->life(), from.at);
  return held && held->sum != from.before;
}

/// A node that lags, as one that does not lead may, cannot say that a place is
/// beyond the end of the stream.
bool sequencer_state::reached(const start_spec& from) const {
  const auto* raft = core->group().raft();
  if (!knows_its_place())
    return false;
  return (raft != nullptr && knows_end(raft->group_commit_index()))
         || (core->state() != nullptr
             && (from.kind != start_spec::at_position || of_another_life(from)
                 || from.at <= core->out_end()));
}

/// A place that this node has not reached yet is waited for.
caf::result<source_actor, flow_grant>
sequencer_state::subscribe(const start_spec& from, const sink_actor& to) {
  if (stands_still)
    return to_caf(
      {errc::unavailable, "stream '" + core->options().stream
                            + "': this node stands still, while others go on"});
  if (!foreign.empty())
    return to_caf({errc::unavailable, foreign});
  auto promise = self->make_response_promise<source_actor, flow_grant>();
  if (reached(from)) {
    serve(from, to, promise);
    return promise;
  }
  waiting.push_back(
    {promise, from, to, env->clock->monotonic_ns() + subscriber_wait_ns});
  return promise;
}

void sequencer_state::serve_waiting() {
  const auto now_ns = env->clock->monotonic_ns();
  std::erase_if(waiting, [&](waiting_subscriber& each) {
    const bool served_now = reached(each.from);
    if (!served_now && now_ns < each.until_ns)
      return false;
    if (!served_now) {
      each.promise.deliver(
        to_caf({errc::unavailable, "stream '" + core->options().stream
                                     + "': this node has not reached "
                                     + to_string(each.from.at)}));
      return true;
    }
    serve(each.from, each.sink, each.promise);
    return true;
  });
}

void sequencer_state::serve(const start_spec& from, const sink_actor& to,
                            subscriber_promise promise) {
  if (from.kind == start_spec::at_time)
    return seek(from.time_ns, to, std::move(promise));
  auto served = open_tail(from, to);
  if (served)
    promise.deliver(served->source, served->grant);
  else
    promise.deliver(to_caf(served.failure()));
}

/// Off this thread: where the index of times does not reach yet, all is read.
void sequencer_state::seek(int64_t time_ns, const sink_actor& to,
                           subscriber_promise promise) {
  const auto number = seek_next++;
  seeking.emplace(number, sought_start{to, std::move(promise)});
  submit([number, time_ns, world = env, directory = core->out_directory(),
          me = sequencer_self_actor{self}] {
    const auto found = persistence::find_time(*world->fs, directory, time_ns);
    caf::anon_send(me, sought_atom::value, number, found ? *found : position{},
                   found ? caf::error{} : to_caf(found.failure()));
  });
}

void sequencer_state::sought(uint64_t number, position at,
                             const caf::error& outcome) {
  auto found = seeking.extract(number);
  if (outcome) {
    found.mapped().promise.deliver(outcome);
    return;
  }
  start_spec from;
  from.kind = start_spec::at_position;
  from.at = at;
  serve(from, found.mapped().sink, std::move(found.mapped().promise));
}

/// A flow of out/ from there on.
result<sequencer_state::opened_tail>
sequencer_state::open_tail(const start_spec& from, const sink_actor& to) {
  auto start = resolve(from);
  if (!start)
    return start.failure();
  const bool gone = set_back(from);
  // Up to its end the log may be the same, or not.
  if (gone)
    start = from.at > core->out_end() ? std::optional{core->out_end()}
                                      : begin_of_stream();
  auto credit = std::make_shared<tail_credit>(tail_bytes);
  auto sender = std::make_unique<flow_sender>(
    *env->fs,
    flow_options{.directory = core->out_directory(),
                 .window_bytes = uint64_t{4} << 20},
    credit);
  if (auto fault = sender->start(*start))
    return fault;
  // That much must be there.
  if (core->state() != nullptr)
    sender->grew(core->out_end(), {});
  auto taken = std::make_shared<shared_position>(sender->where().value);
  flow_grant grant;
  flow_last = flow_last.next();
  grant.flow = flow_last;
  grant.has_begin = true;
  grant.begin = start->value_or(sender->where());
  grant.life = core->life();
  grant.end = core->out_end();
  grant.set_back = gone;
  grant.other_life = begins_anew(from);
  auto source = self->spawn(
    feeder, std::make_shared<std::unique_ptr<flow_sender>>(std::move(sender)),
    to,
    feeder_options{.flow = grant.flow,
                   .mender = mender_actor{self},
                   .begin = archive->out_collected_end(),
                   .taken = taken});
  self->monitor(source);
  children.add(source);
  readers.push_back({source, std::move(credit), to.node(), std::move(taken)});
  settings.detail("reader_began", "stream '" + core->options().stream
                                    + "': a subscriber reads from "
                                    + to_string(grant.begin));
  core->set_followed(true);
  return opened_tail{source, grant};
}

/// A disk that is full, or an input that only waits, holds this node up and no
/// other one: a connection that brings nothing is of no use to those who read.
void sequencer_state::mind_readers() {
  const auto now_ns = env->clock->monotonic_ns();
  const auto* raft = core->group().raft();
  const auto merged
    = core->state() != nullptr ? core->state()->applied_index : entry_index{};
  const bool lags = raft != nullptr && raft->leader() && !core->group().leads()
                    && core->group().has_agreed_after(merged);
  if (!lags || merged != stands_at) {
    stands_at = merged;
    stands_since_ns = now_ns;
    stands_still = false;
    return;
  }
  if (now_ns - stands_since_ns < still_patience_ns)
    return;
  if (!std::exchange(stands_still, true) && !readers.empty())
    warn("stands_still", "nothing that was agreed on is merged here: "
                           + std::to_string(readers.size())
                           + " subscribers are to read from other nodes");
  for (const auto& reader : readers)
    self->send_exit(reader.source, caf::exit_reason::user_shutdown);
}

void sequencer_state::hand_out(
  const std::vector<sequencer_effects::out_part>& parts) {
  for (const auto& [end, bytes] : parts) {
    growth.grew(end);
    for (const auto& reader : readers) {
      const bool granted
        = reader.credit->take(static_cast<int64_t>(bytes.size()));
      self->send(reader.source, grew_atom::value, end,
                 granted ? bytes : chunk{});
    }
  }
}

} // namespace millrace::rt
