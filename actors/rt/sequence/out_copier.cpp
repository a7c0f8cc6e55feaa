#include <millrace/actors/rt/sequence/out_copier.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/persistence/log/bad_record.hpp>
#include <millrace/persistence/log/log_directory.hpp>

namespace millrace::rt {

namespace {
constexpr auto tick_interval = std::chrono::milliseconds{500};
constexpr auto request_deadline = std::chrono::seconds{3};
} // namespace

void out_copier_state::start() {
  auto opened
    = persistence::log_replica::open(*env, options.directory, options.lineage);
  if (!opened)
    return end(opened.failure());
  copy = *std::move(opened);
  const auto files = persistence::list_log_files(*env->fs, options.directory);
  if (!files)
    return end(files.failure());
  if (copy->end() && !files->empty()
      && position::of(files->front().session, files->front().roll, 0)
           > options.target)
    return end(begins_later(
      position::of(files->front().session, files->front().roll, 0)));
  if (copy->end() && *copy->end() >= options.target)
    return finish_if_reached();
  tick();
}

/// Files were let go since the state was taken: a later one is wanted.
error out_copier_state::begins_later(position begin) const {
  return {errc::moved, options.directory + ": the state that was offered is at "
                         + to_string(options.target)
                         + ", and the stream begins at " + to_string(begin)
                         + " by now"};
}

void out_copier_state::step(const link_core::input& what) {
  for (const auto& effect : link.step(what, env->clock->monotonic_ns()))
    std::visit([this](const auto& each) { act(each); }, effect);
}

void out_copier_state::act(const link_core::connect&) {
  start_spec from;
  if (copy->end()) {
    from.kind = start_spec::at_position;
    from.at = *copy->end();
  }
  self
    ->request(options.from, caf::timespan{request_deadline},
              caf::subscribe_atom_v, from, caf::actor_cast<sink_actor>(self))
    .then([this](const source_actor& at,
                 const flow_grant& grant) { begin_flow(at, grant); },
          [this](const caf::error& fault) {
            step(link_core::failed{from_caf(fault)});
          });
}

void out_copier_state::act(const link_core::acknowledge& what) {
  self->send(source, ack_atom_v, flow_ack{link.flow(), what.bytes, {}});
}

void out_copier_state::begin_flow(const source_actor& at,
                                  const flow_grant& grant) {
  source = at;
  self->monitor(source);
  step(link_core::granted{grant.flow});
}

void out_copier_state::take(flow_id flow, position begin, const chunk& bytes) {
  if (!link.runs(flow) || ended)
    return;
  step(link_core::heard{flow});
  if (begin > options.target && (!copy->end() || *copy->end() < options.target))
    return end(begins_later(begin));
  if (auto fault = persistence::check_received(
        options.directory, options.lineage, begin, bytes.bytes()))
    return end(fault);
  if (auto fault = copy->append(begin, bytes.bytes()))
    return end(fault);
  note_events(begin, bytes.bytes());
  step(link_core::taken{bytes.size()});
  finish_if_reached();
}

void out_copier_state::note_events(position at,
                                   std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto parsed = persistence::parse_record(
      bytes, options.lineage, at, persistence::payload_check::skip);
    MILLRACE_ASSERT(parsed.kind == persistence::parse_outcome::what::record);
    const auto& record = parsed.record;
    auto offset = record.first_frame;
    for (uint32_t i = 0; record.kind == persistence::record_kind::event
                         && i < record.frame_count;
         ++i) {
      const auto frame = record.frame_at(offset);
      if (auto event = decode_stream_event(frame.payload)) {
        event->from = position{at.value + (i == 0 ? 0 : frame.begin)};
        event->to = position{at.value + frame.end};
        options.events->push_back(*std::move(event));
      }
      offset = frame.end;
    }
    at.value += record.length;
    bytes = bytes.subspan(record.length);
  }
}

/// A log that is damaged there is no source.
void out_copier_state::event(flow_id flow, const chunk& bytes) {
  if (!link.runs(flow) || ended)
    return;
  const auto what = decode_stream_event(bytes.bytes());
  // Nothing can be added to what is here.
  if (what && what->kind == event_kind::pruned)
    return end({errc::pruned, options.directory + ": it ends at "
                                + to_string(what->from)
                                + ", and the stream begins at "
                                + to_string(what->to) + " by now"});
  end({errc::unavailable,
       options.directory + ": the log that is copied is damaged: "
         + (what ? what->cause : "an event that cannot be read")});
}

void out_copier_state::finish_if_reached() {
  if (*copy->end() < options.target)
    return;
  ended = true;
  auto job = copy->begin_sync();
  env->io->submit([job = std::move(job), me = out_copier_actor{self}] {
    caf::anon_send(me, synced_atom::value, to_caf(job.run()));
  });
}

void out_copier_state::tick() {
  if (ended)
    return;
  step(link_core::passed{});
  self->delayed_send(self, caf::timespan{tick_interval}, caf::tick_atom_v);
}

void out_copier_state::end(const error& fault) {
  ended = true;
  copy.reset(); // Before its owner opens the directory.
  self->send(owner, copied_atom::value, to_caf(fault));
  self->quit();
}

out_copier_actor::behavior_type
out_copier(out_copier_actor::stateful_pointer<out_copier_state> self,
           persistence::env* world, out_copier_options options,
           copy_owner_actor owner) {
  self->state.env = world;
  self->state.options = std::move(options);
  self->state.owner = std::move(owner);
  self->state.link = link_core{{.peer = self->state.options.directory
                                        + ": the node that it is copied from",
                                .pace = {.silence_ns = 3'000'000'000},
                                .acknowledge_bytes = 0}};
  self->set_down_handler([self](caf::down_msg&) {
    if (!self->state.ended)
      self->state.step(link_core::failed{
        {errc::unavailable, self->state.options.directory
                              + ": the node that it is copied from is gone"}});
  });
  self->state.start();
  return {
    [self](chunk_atom, flow_id flow, position begin, const chunk& bytes) {
      self->state.take(flow, begin, bytes);
    },
    [self](event_atom, flow_id flow, const chunk& bytes) {
      self->state.event(flow, bytes);
    },
    [self](caf::ping_atom, flow_id flow) {
      if (!self->state.ended)
        self->state.step(link_core::pinged{flow});
    },
    // What goes there while this copies is told as `pruned`.
    [](collected_atom, flow_id, position) {},
    own_ticks(self),
    [self](synced_atom, const caf::error& outcome) {
      self->state.end(from_caf(outcome));
    },
  };
}

} // namespace millrace::rt
