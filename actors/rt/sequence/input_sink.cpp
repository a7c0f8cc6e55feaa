#include <millrace/actors/rt/sequence/input_sink.hpp>
#include <millrace/persistence/log/log_reader.hpp>

namespace millrace::rt {

error input_sink_state::open(persistence::env& world, input_sink_options how,
                             sequencer_actor whose) {
  env = &world;
  options = std::move(how);
  sequencer = std::move(whose);
  merged_end = options.merged.value;
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
      self->send(sequencer, event_atom_v, options.input,
                 chunk::copy_of(encode(*event)));
      continue;
    }
    if (const auto* part = std::get_if<persistence::log_chunk>(&*item))
      self->send(sequencer, grew_atom_v, options.input, part->begin.value,
                 part->end.value, chunk::copy_of(part->bytes));
  }
  // What was read back may only be in the page cache: sync it like new bytes.
  if (!options.cached)
    start_sync();
  return {};
}

caf::result<bool, uint64_t> input_sink_state::offer(uint64_t flow,
                                                    const pusher_actor& from) {
  current_flow = flow;
  source = from;
  bytes_taken = 0;
  broken = false;
  const auto end = replica->end();
  return {end.has_value(), end ? end->value : uint64_t{0}};
}

error input_sink_state::verify(position at,
                               std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const auto parsed = persistence::parse_record(
      bytes, options.lineage, at, persistence::payload_check::verify);
    if (parsed.kind != persistence::parse_outcome::what::record)
      return {errc::corrupt,
              options.directory + ": received bytes at " + to_string(at)
                + " are no record: " + std::string{parsed.reason}};
    at.value += parsed.record.length;
    bytes = bytes.subspan(parsed.record.length);
  }
  return {};
}

void input_sink_state::take(uint64_t flow, uint64_t begin, const chunk& bytes) {
  if (flow != current_flow || broken)
    return;
  const position at{begin};
  if (auto fault = verify(at, bytes.bytes())) {
    // Never stored, never acknowledged: the source starts again.
    broken = true;
    self->send(source, stop_atom_v);
    return;
  }
  env->crash_point("rt.before_append");
  if (auto fault = replica->append(at, bytes.bytes())) {
    if (fault.code != errc::no_space)
      return fail(fault);
    // The publisher keeps its bytes and offers them again until there is room.
    broken = true;
    self->send(source, stop_atom_v);
    return;
  }
  env->crash_point("rt.after_append");
  bytes_taken += bytes.size();
  self->send(sequencer, grew_atom_v, options.input, begin, begin + bytes.size(),
             bytes);
  if (options.cached)
    durable_end = begin + bytes.size();
  else
    start_sync();
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
      caf::anon_send(me, synced_atom_v, job.end.value, to_caf(outcome));
    });
}

void input_sink_state::synced(uint64_t end, const caf::error& outcome) {
  sync_running = false;
  const auto fault = from_caf(outcome);
  replica->finish_sync({end}, fault);
  if (fault)
    return fail(fault);
  durable_end = end;
  self->send(sequencer, durable_atom_v, options.input, end);
  if (replica->end() && replica->end()->value > end)
    start_sync();
}

void input_sink_state::event(uint64_t flow, const chunk& event_bytes) {
  if (flow == current_flow && !broken)
    self->send(sequencer, event_atom_v, options.input, event_bytes);
}

void input_sink_state::ping(uint64_t flow) {
  if (flow == current_flow && !broken)
    acknowledge();
}

void input_sink_state::merged_up_to(uint64_t end) {
  merged_end = std::max(merged_end, end);
  if (source && !broken)
    acknowledge();
}

void input_sink_state::acknowledge() {
  env->crash_point("rt.before_ack");
  self->send(source, ack_atom_v,
             flow_ack{current_flow, bytes_taken, durable_end, merged_end});
  env->crash_point("rt.after_ack");
}

void input_sink_state::fail(const error& fault) {
  broken = true;
  self->send(sequencer, failed_atom_v, options.input, to_caf(fault));
  self->quit(to_caf(fault));
}

std::string input_sink_state::status() const {
  return "{\"directory\":\"" + options.directory
         + "\",\"durable\":" + std::to_string(durable_end)
         + ",\"merged\":" + std::to_string(merged_end) + "}";
}

input_sink_actor::behavior_type
input_sink(input_sink_actor::stateful_pointer<input_sink_state> self,
           persistence::env* world, input_sink_options options,
           sequencer_actor sequencer) {
  if (auto fault
      = self->state.open(*world, std::move(options), std::move(sequencer))) {
    self->state.fail(fault);
    return input_sink_actor::behavior_type::make_empty_behavior();
  }
  return {
    [self](chunk_atom, uint64_t flow, uint64_t begin, const chunk& bytes) {
      self->state.take(flow, begin, bytes);
    },
    [self](event_atom, uint64_t flow, const chunk& event_bytes) {
      self->state.event(flow, event_bytes);
    },
    [self](caf::ping_atom, uint64_t flow) { self->state.ping(flow); },
    [self](status_atom) { return self->state.status(); },
    [self](offer_atom, uint64_t flow, const pusher_actor& from) {
      return self->state.offer(flow, from);
    },
    [self](merged_atom, uint64_t end) { self->state.merged_up_to(end); },
    [self](synced_atom, uint64_t end, const caf::error& outcome) {
      self->state.synced(end, outcome);
    },
  };
}

} // namespace millrace::rt
