#include <millrace/actors/rt/link/read_records.hpp>
#include <millrace/actors/rt/sequence/input_sink.hpp>
#include <millrace/messages/base/planted_bug.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/persistence/log/bad_record.hpp>
#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <chrono>

namespace millrace::rt {

error input_sink_state::open(persistence::env& world, input_sink_options how,
                             input_owner_actor whose) {
  env = &world;
  options = std::move(how);
  owner = std::move(whose);
  merged_end = options.merged;
  const bool is_gone = options.was_here
                       && std::max(options.merged, options.vouched) > position{}
                       && !world.fs->exists(options.directory);
  auto opened
    = persistence::log_replica::open(world, options.directory, options.lineage,
                                     {std::max(options.merged, options.vouched),
                                      persistence::log_replica::damage::keep});
  if (!opened)
    return opened.failure();
  replica = *std::move(opened);
  if (is_gone)
    self->send(owner, refused_atom::value, options.copy,
               to_caf({errc::not_found, options.directory + ": is gone"}));
  options.was_here = true;
  for (const auto& [from, to] : replica->damaged())
    if (to <= options.merged)
      self->send(owner, lacking_atom::value, options.copy, from, to);
  const auto end = replica->end();
  if (!end)
    return {};
  // A copy that lost what was merged gets it again from its publisher.
  if (*end > options.merged)
    return hand_over_unmerged();
  // It says where the copy goes on.
  self->send(owner, recorded_atom::value, options.copy, *end, *end, chunk{});
  return {};
}

namespace {

/// Whether what was sent is at fault, or the disk is full: the copy is as it
/// was, and takes the same bytes later.
bool can_come_again(const error& fault) {
  return fault.code == errc::malformed_message || fault.code == errc::corrupt
         || fault.code == errc::no_space || fault.code == errc::bad_position;
}

/// Without a publisher, and with all of it merged, a copy holds nothing open,
/// not even its lock: any number of publishers may have come once.
void settle(input_sink_state& sink) {
  if (!sink.rests || !sink.replica || sink.source || sink.sync_running
      || sink.collecting || !sink.mended.empty())
    return;
  if (const auto end = sink.replica->end(); end && *end != sink.merged_end)
    return;
  if (sink.replica->unsynced_files() != 0)
    return sink.start_sync();
  sink.replica.reset();
}

/// Opens a copy again, as a new life of this node would.
/// @returns whether that went well; if not, the sink has failed.
bool wake(input_sink_state& sink) {
  if (sink.replica)
    return true;
  auto how = sink.options;
  how.merged = sink.merged_end;
  const auto fault = sink.open(*sink.env, std::move(how), sink.owner);
  if (fault)
    sink.fail(fault);
  return !fault;
}

} // namespace

/// Tells of whole records, and apart of padding: the place of bytes that the
/// publisher, or this copy, lost.
void input_sink_state::tell(position begin, const chunk& bytes) {
  position at = begin;
  position told = begin;
  const auto all = bytes.bytes();
  const auto pass_on = [&](position end) {
    if (told == end)
      return;
    const auto part
      = all.subspan(told.value - begin.value, end.value - told.value);
    self->send(owner, recorded_atom::value, options.copy, told, end,
               part.size() == all.size() ? bytes : chunk::copy_of(part));
  };
  for (auto rest = all; !rest.empty();) {
    const auto parsed = persistence::parse_record(
      rest, options.lineage, at, persistence::payload_check::skip);
    MILLRACE_ASSERT(parsed.kind == persistence::parse_outcome::what::record);
    const position end{at.value + parsed.record.length};
    if (parsed.record.kind == persistence::record_kind::padding) {
      pass_on(at);
      self->send(owner, lacking_atom::value, options.copy, at, end);
      told = end;
    }
    at = end;
    rest = rest.subspan(parsed.record.length);
  }
  pass_on(at);
}

/// Bytes that became durable before the last stop, but were never ordered.
error input_sink_state::hand_over_unmerged() {
  std::optional<position> from;
  if (options.merged.value != 0)
    from = options.merged;
  auto reader = persistence::log_reader::open(
    *env->fs,
    {.directory = options.directory,
     .damage = persistence::damage_policy::resync},
    from);
  if (!reader)
    return reader.failure();
  for (;;) {
    auto item = (*reader)->next_chunk(256u << 10);
    if (!item)
      return item.failure();
    if (std::holds_alternative<persistence::log_end>(*item))
      break;
    if (const auto* event = std::get_if<stream_event>(&*item)) {
      // A session without its end is no fault of the copy; a file that is gone
      // is.
      const auto gone = options.directory + "/"
                        + persistence::log_file_name(event->from.session(),
                                                     event->from.roll());
      if (event->kind == event_kind::badtail || !env->fs->exists(gone))
        self->send(owner, lacking_atom::value, options.copy, event->from,
                   event->to);
      continue;
    }
    const auto& part = std::get<persistence::log_chunk>(*item);
    tell(part.begin, chunk::copy_of(part.bytes));
  }
  // What was read back may only be in the page cache: sync it like new bytes.
  if (!options.cached)
    start_sync();
  return {};
}

caf::result<bool, position, uint32_t>
input_sink_state::offer(flow_id flow, const pusher_actor& from) {
  if (!wake(*this))
    return to_caf(
      {errc::unavailable, options.directory + ": cannot be opened"});
  self->monitor(from);
  current_flow = flow;
  source = from;
  bytes_taken = bytes_acknowledged = 0;
  broken = false;
  const auto end = replica->end();
  if (!end)
    return {false, position{}, uint32_t{0}};
  const auto before = persistence::record_before(*env->fs, options.directory,
                                                 options.lineage, *end);
  // What stands for lost records is in no log of a publisher.
  const bool is_theirs
    = before && before->kind != persistence::record_kind::padding;
  return {true, *end, is_theirs ? before->sum : 0};
}

error input_sink_state::verify(position at,
                               std::span<const std::byte> bytes) const {
  if (MILLRACE_PLANTED(take_damaged_bytes))
    return {};
  return persistence::check_received(options.directory, options.lineage, at,
                                     bytes);
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
  tell(begin, bytes);
  if (options.cached)
    durable_end = end;
  if (MILLRACE_PLANTED(order_before_sync))
    self->send(owner, durable_atom::value, options.copy, end);
  if (!options.cached
      || replica->unsynced_files() > persistence::unsynced_files_max)
    start_sync();
  return {};
}

/// Puts records where the copy lacks them. They are told when they are durable:
/// what is told counts as such below the durable end.
error input_sink_state::mend(position begin, chunk bytes) {
  if (auto fault = verify(begin, bytes.bytes()))
    return fault;
  if (auto fault = replica->mend(begin, bytes.bytes()))
    return fault;
  mended.emplace_back(begin, std::move(bytes));
  mended_in_sync = sync_running ? mended_in_sync : 0;
  if (!options.cached) {
    start_sync();
    return {};
  }
  mended_in_sync = mended.size();
  tell_mended();
  return {};
}

void input_sink_state::tell_mended() {
  for (size_t i = 0; i < mended_in_sync; ++i)
    tell(mended[i].first, mended[i].second);
  mended.erase(mended.begin(),
               mended.begin() + static_cast<ptrdiff_t>(mended_in_sync));
  mended_in_sync = 0;
}

void input_sink_state::take(flow_id flow, position begin, const chunk& bytes) {
  if (flow != current_flow || broken || !wake(*this))
    return;
  // What is left is for what frees room: entries, checkpoints, and the bytes
  // that others have agreed on.
  if (options.reserve && options.reserve->given())
    return refuse(
      {errc::no_space,
       options.directory + ": the disk was full, and has too little room yet"});
  const auto fault = grow(begin, bytes);
  if (!fault) {
    bytes_taken += bytes.size();
    if (options.cached)
      acknowledge_many();
    return;
  }
  if (!can_come_again(fault))
    return fail(fault);
  refuse(fault);
}

/// Never acknowledged: the source starts again, or, where the disk is full,
/// offers its bytes until there is room.
void input_sink_state::refuse(const error& fault) {
  broken = true;
  if (source)
    self->send(source, refused_atom_v, current_flow, to_caf(fault));
  tell_refused(fault, "from its publisher");
}

/// What is wrong with the disk, or with what came.
void input_sink_state::tell_refused(error fault, const char* from) {
  if (fault.code == errc::malformed_message)
    fault.context += std::string{", in what came "} + from;
  else if (fault.code != errc::no_space)
    return;
  self->send(owner, refused_atom_v, options.copy, to_caf(fault));
}

void input_sink_state::fill(position begin, const chunk& bytes) {
  if (!wake(*this))
    return;
  const auto end = replica->end();
  error fault;
  if (!end || begin >= *end) {
    fault = grow(begin, bytes);
  } else {
    // A file may have gone on here by now.
    const auto old
      = file_of(begin) == file_of(*end)
          ? std::min<uint64_t>(bytes.size(), end->value - begin.value)
          : bytes.size();
    fault = mend(begin, chunk::copy_of(bytes.bytes().first(old)));
    if (!fault && old < bytes.size())
      fault = grow(*end, chunk::copy_of(bytes.bytes().subspan(old)));
  }
  tell_refused(fault, "for a place that lacked it");
  // What another node sent is asked for again.
  if (fault && !can_come_again(fault))
    fail(fault);
}

/// What is lost for good keeps its place, so that all after it is a log.
void input_sink_state::pad(position from, position to) {
  if (!wake(*this))
    return;
  const auto end = replica->end();
  // With it a file may begin, as one does that lost its first records.
  const bool begins_file = from.offset() == 0 && (!end || *end < from);
  if (!begins_file && (!end || *end < from || file_of(*end) != file_of(from)))
    return; // A copy that ends before it has no place to keep.
  const bool is_new = begins_file || *end < to;
  if (!is_new && to <= merged_end)
    return; // It was had from what lies there, or told.
  const auto begin = begins_file || !is_new ? from : *end;
  const auto bytes = persistence::encode_padding(options.lineage, begin, to);
  auto fault
    = is_new ? grow(begin, chunk::copy_of(bytes)) : replica->mend(begin, bytes);
  if (fault && fault.code != errc::no_space)
    return fail(fault);
  if (!options.cached)
    start_sync();
}

caf::result<position, chunk> input_sink_state::fetch(position from,
                                                     position to) const {
  auto part = read_records(*env->fs, options.directory, from, to);
  if (!part)
    return to_caf(part.failure());
  return {part->begin, part->bytes};
}

void input_sink_state::start_sync() {
  if (sync_running)
    return;
  sync_running = true;
  mended_in_sync = mended.size();
  auto job = replica->begin_sync();
  env->io->submit(
    [job = std::move(job), world = env, me = input_sink_actor{self}] {
      world->crash_point("rt.before_sync");
      auto outcome = job.run();
      world->crash_point("rt.after_sync");
      caf::anon_send(me, synced_atom::value, job.end, to_caf(outcome));
    });
}

void input_sink_state::synced(position end, const caf::error& outcome) {
  sync_running = false;
  const auto fault = from_caf(outcome);
  replica->finish_sync(end, fault);
  if (fault)
    return fail(fault);
  if (options.cached)
    return; // What is written counts already.
  durable_end
    = MILLRACE_PLANTED(sync_covers_later_bytes) ? *replica->end() : end;
  tell_mended();
  self->send(owner, durable_atom::value, options.copy, durable_end);
  acknowledge_many();
  if ((replica->end() && *replica->end() > end) || !mended.empty())
    start_sync();
}

/// The publisher's log is damaged. Inside a file the copy goes on after it: the
/// place of what lacks is kept by padding, and others are asked for it. A
/// session of the publisher that did not end is no loss of the log: ids tell.
void input_sink_state::event(flow_id flow, const chunk& event_bytes) {
  if (flow != current_flow || broken || !wake(*this))
    return;
  const auto event = decode_stream_event(event_bytes.bytes());
  if (!event || event->kind != event_kind::badtail
      || MILLRACE_PLANTED(resend_a_damaged_chunk_for_ever))
    return;
  const auto end = replica->end().value_or(file_of(event->from));
  if (event->to <= end)
    return;
  if (file_of(end) != file_of(event->to)) {
    self->send(owner, lacking_atom::value, options.copy, end, event->to);
    return;
  }
  const auto fault = grow(end, chunk::copy_of(persistence::encode_padding(
                                 options.lineage, end, event->to)));
  if (fault.code == errc::no_space)
    refuse(fault);
  else if (fault)
    fail(fault);
}

void input_sink_state::ping(flow_id flow) {
  if (flow == current_flow && source && !broken)
    acknowledge();
}

void input_sink_state::merged_up_to(position end, const lineage_id& by,
                                    bool leads) {
  options.merged_by = by;
  merged_end = std::max(merged_end, end);
  if (!source || broken)
    return;
  if (leads)
    acknowledge();
  else
    acknowledge_soon();
}

/// Only a publisher that cannot reach the node that leads waits for these: one
/// message tells it of all that is merged in between.
void input_sink_state::acknowledge_soon() {
  constexpr std::chrono::milliseconds gathers{2};
  if (!std::exchange(owes_acknowledgement, true))
    self->delayed_send(self, caf::timespan{gathers}, caf::tick_atom_v);
}

void input_sink_state::collect(position below, position released) {
  collect_next = std::max(collect_next, below);
  if (released > released_end) {
    released_end = released;
    if (source && !broken)
      acknowledge();
  }
  if (collecting || collect_next <= collected_end)
    return;
  collecting = true;
  env->io->submit([world = env, directory = options.directory,
                   floor = collect_next, me = input_sink_actor{self}] {
    auto went = persistence::collect_log(*world, directory, floor);
    caf::anon_send(me, collected_atom::value, floor,
                   went ? caf::error{} : to_caf(went.failure()));
  });
}

void input_sink_state::collected(position below, const caf::error& outcome) {
  collecting = false;
  collect_failure = from_caf(outcome);
  // The files stay until more is to go: then they are tried again.
  if (outcome)
    return;
  collected_end = below;
  if (source && !broken)
    acknowledge();
  collect(collect_next, released_end);
}

/// Where what is taken in is not ordered for long, as on a node that catches
/// up, its publisher goes on as fast as the disk.
void input_sink_state::acknowledge_many() {
  constexpr uint64_t many = 512u << 10;
  if (source && !broken && bytes_taken - bytes_acknowledged >= many)
    acknowledge();
}

void input_sink_state::acknowledge() {
  bytes_acknowledged = bytes_taken;
  env->crash_point("rt.before_ack");
  self->send(source, ack_atom_v,
             flow_ack{current_flow, bytes_taken,
                      MILLRACE_PLANTED(commit_what_is_not_ordered)
                        ? replica->end().value_or(merged_end)
                        : merged_end,
                      collected_end, released(), options.merged_by});
  env->crash_point("rt.after_ack");
}

void input_sink_state::fail(const error& fault) {
  broken = true;
  self->send(owner, failed_atom::value, options.copy, to_caf(fault));
  self->quit(to_caf(fault));
}

status_facts to_status(const input_facts& facts) {
  return {{"directory", facts.directory},
          {"durable", facts.durable.value},
          {"merged", facts.merged.value},
          {"collected", facts.collected.value},
          {"released", facts.released.value},
          {"collect_failure",
           facts.collect_failure ? to_string(facts.collect_failure) : ""}};
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
  self->set_down_handler([self](caf::down_msg& down) {
    if (!self->state.source || down.source != self->state.source.address())
      return;
    self->state.source = pusher_actor{};
    self->state.rests = true;
    settle(self->state);
  });
  settle(self->state);
  return {
    [self](chunk_atom, flow_id flow, position begin, const chunk& bytes) {
      self->state.take(flow, begin, bytes);
    },
    [self](event_atom, flow_id flow, const chunk& event_bytes) {
      self->state.event(flow, event_bytes);
    },
    [self](caf::ping_atom, flow_id flow) { self->state.ping(flow); },
    // A publisher's files go after their copies here.
    [](collected_atom, flow_id, position) {},
    [self](status_atom) { return to_status(self->state.facts()); },
    [self](flow_atom, flow_id flow, const pusher_actor& from) {
      self->state.rests = false;
      return self->state.offer(flow, from);
    },
    [self](merged_atom, position end, const lineage_id& by, bool leads) {
      self->state.merged_up_to(end, by, leads);
      settle(self->state);
    },
    [self](fill_atom, position begin, const chunk& bytes) {
      self->state.rests = false;
      self->state.fill(begin, bytes);
    },
    [self](lost_atom, position from, position to) {
      self->state.rests = false;
      self->state.pad(from, to);
    },
    [self](fetch_atom, position from, position to) {
      return self->state.fetch(from, to);
    },
    [self](collect_atom, position below, position released) {
      self->state.collect(below, released);
    },
    [self](collected_atom, position below, const caf::error& outcome) {
      self->state.collected(below, outcome);
      settle(self->state);
    },
    [self](synced_atom, position end, const caf::error& outcome) {
      self->state.synced(end, outcome);
      settle(self->state);
    },
    [self](caf::tick_atom) {
      auto& state = self->state;
      if (from_itself(self) && std::exchange(state.owes_acknowledgement, false)
          && state.source && !state.broken)
        state.acknowledge();
    },
  };
}

} // namespace millrace::rt
