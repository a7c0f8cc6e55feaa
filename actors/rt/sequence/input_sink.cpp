#include <millrace/actors/rt/sequence/input_sink.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/persistence/log/log_reader.hpp>

namespace millrace::rt {

namespace {
constexpr uint64_t fetch_bytes = 256u << 10;
} // namespace

error input_sink_state::open(persistence::env& world, input_sink_options how,
                             input_owner_actor whose) {
  env = &world;
  options = std::move(how);
  owner = std::move(whose);
  merged_end = options.merged;
  auto opened = persistence::log_replica::open(world, options.directory,
                                               options.lineage, options.merged);
  if (!opened)
    return opened.failure();
  replica = *std::move(opened);
  if (replica->end())
    return hand_over_unmerged();
  return {};
}

/// Bytes that became durable before the last stop, but were never ordered.
error input_sink_state::hand_over_unmerged() {
  std::optional<position> from;
  if (options.merged.value != 0)
    from = options.merged;
  auto reader = persistence::log_reader::open(
    *env->fs, {.directory = options.directory}, from);
  if (!reader)
    return reader.failure();
  for (;;) {
    auto item = (*reader)->next_chunk(256u << 10);
    if (!item)
      return item.failure();
    if (std::holds_alternative<persistence::log_end>(*item))
      break;
    if (const auto* event = std::get_if<stream_event>(&*item)) {
      self->send(owner, event_atom_v, options.copy,
                 chunk::copy_of(encode(*event)));
      continue;
    }
    if (const auto* part = std::get_if<persistence::log_chunk>(&*item))
      self->send(owner, recorded_atom_v, options.copy, part->begin, part->end,
                 chunk::copy_of(part->bytes));
  }
  // What was read back may only be in the page cache: sync it like new bytes.
  if (!options.cached)
    start_sync();
  return {};
}

caf::result<bool, position> input_sink_state::offer(flow_id flow,
                                                    const pusher_actor& from) {
  current_flow = flow;
  source = from;
  bytes_taken = 0;
  broken = false;
  const auto end = replica->end();
  return {end.has_value(), end.value_or(position{})};
}

error input_sink_state::verify(position at,
                               std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const auto parsed = persistence::parse_record(
      bytes, options.lineage, at, persistence::payload_check::verify);
    if (parsed.kind != persistence::parse_outcome::what::record)
      return {errc::corrupt,
              options.directory + ": the bytes received at " + to_string(at)
                + " are not a record: " + std::string{parsed.reason}};
    at.value += parsed.record.length;
    bytes = bytes.subspan(parsed.record.length);
  }
  return {};
}

/// Appends what of `bytes` the copy does not have yet: a publisher and other
/// nodes may send the same. `bad_position` when something lies between.
error input_sink_state::grow(position begin, chunk bytes) {
  if (auto fault = verify(begin, bytes.bytes()))
    return fault;
  if (const auto end = replica->end(); end && begin < *end) {
    const auto known = end->value - begin.value;
    if (begin.session() != end->session() || begin.roll() != end->roll()
        || known >= bytes.size())
      return {};
    bytes = chunk::copy_of(bytes.bytes().subspan(known));
    begin = *end;
  }
  env->crash_point("rt.before_append");
  if (auto fault = replica->append(begin, bytes.bytes()))
    return fault;
  env->crash_point("rt.after_append");
  const position end{begin.value + bytes.size()};
  self->send(owner, recorded_atom_v, options.copy, begin, end, bytes);
  if (options.cached)
    durable_end = end;
  else
    start_sync();
  return {};
}

void input_sink_state::take(flow_id flow, position begin, const chunk& bytes) {
  if (flow != current_flow || broken)
    return;
  const auto fault = grow(begin, bytes);
  if (!fault) {
    bytes_taken += bytes.size();
    return;
  }
  if (fault.code != errc::corrupt && fault.code != errc::no_space
      && fault.code != errc::bad_position)
    return fail(fault);
  // Never acknowledged: the source starts again, or, where the disk is full,
  // offers its bytes until there is room.
  broken = true;
  self->send(source, refused_atom_v, current_flow);
}

void input_sink_state::fill(position begin, const chunk& bytes) {
  const auto fault = grow(begin, bytes);
  // What another node sent is asked for again.
  if (fault && fault.code != errc::corrupt && fault.code != errc::no_space
      && fault.code != errc::bad_position)
    fail(fault);
}

caf::result<position, chunk> input_sink_state::fetch(position from,
                                                     position to) const {
  auto reader = persistence::log_reader::open(
    *env->fs, {.directory = options.directory}, from);
  if (!reader)
    return to_caf(reader.failure());
  auto item = (*reader)->next_chunk(
    static_cast<uint32_t>(std::min<uint64_t>(fetch_bytes,
                                             to.value - from.value)));
  if (!item)
    return to_caf(item.failure());
  const auto* part = std::get_if<persistence::log_chunk>(&*item);
  if (part == nullptr)
    return to_caf({errc::not_found, options.directory + ": holds no record at "
                                      + to_string(from)});
  return {part->begin, chunk::copy_of(part->bytes)};
}

void input_sink_state::start_sync() {
  if (sync_running)
    return;
  sync_running = true;
  auto job = replica->begin_sync();
  env->io->submit(
    [job = std::move(job), world = env, me = input_sink_actor{self}] {
      world->crash_point("rt.before_sync");
      auto outcome = job.run();
      world->crash_point("rt.after_sync");
      caf::anon_send(me, synced_atom_v, job.end, to_caf(outcome));
    });
}

void input_sink_state::synced(position end, const caf::error& outcome) {
  sync_running = false;
  const auto fault = from_caf(outcome);
  replica->finish_sync(end, fault);
  if (fault)
    return fail(fault);
  durable_end = end;
  self->send(owner, durable_atom_v, options.copy, end);
  if (replica->end() && *replica->end() > end)
    start_sync();
}

void input_sink_state::event(flow_id flow, const chunk& event_bytes) {
  if (flow == current_flow && !broken)
    self->send(owner, event_atom_v, options.copy, event_bytes);
}

void input_sink_state::ping(flow_id flow) {
  if (flow == current_flow && !broken)
    acknowledge();
}

void input_sink_state::merged_up_to(position end) {
  merged_end = std::max(merged_end, end);
  if (source && !broken)
    acknowledge();
}

void input_sink_state::acknowledge() {
  env->crash_point("rt.before_ack");
  self->send(source, ack_atom_v,
             flow_ack{current_flow, bytes_taken, merged_end});
  env->crash_point("rt.after_ack");
}

void input_sink_state::fail(const error& fault) {
  broken = true;
  self->send(owner, failed_atom_v, options.copy, to_caf(fault));
  self->quit(to_caf(fault));
}

std::string to_json(const input_facts& facts) {
  const text::json_value out{{"directory", facts.directory},
                             {"durable", facts.durable.value},
                             {"merged", facts.merged.value}};
  return out.dump();
}

input_sink_actor::behavior_type
input_sink(input_sink_actor::stateful_pointer<input_sink_state> self,
           persistence::env* world, input_sink_options options,
           input_owner_actor owner) {
  if (auto fault
      = self->state.open(*world, std::move(options), std::move(owner))) {
    self->state.fail(fault);
    return input_sink_actor::behavior_type::make_empty_behavior();
  }
  return {
    [self](chunk_atom, flow_id flow, position begin, const chunk& bytes) {
      self->state.take(flow, begin, bytes);
    },
    [self](event_atom, flow_id flow, const chunk& event_bytes) {
      self->state.event(flow, event_bytes);
    },
    [self](caf::ping_atom, flow_id flow) { self->state.ping(flow); },
    [self](status_atom) { return to_json(self->state.facts()); },
    [self](offer_atom, flow_id flow, const pusher_actor& from) {
      return self->state.offer(flow, from);
    },
    [self](merged_atom, position end) { self->state.merged_up_to(end); },
    [self](fill_atom, position begin, const chunk& bytes) {
      self->state.fill(begin, bytes);
    },
    [self](fetch_atom, position from, position to) {
      return self->state.fetch(from, to);
    },
    [self](synced_atom, position end, const caf::error& outcome) {
      self->state.synced(end, outcome);
    },
  };
}

} // namespace millrace::rt
