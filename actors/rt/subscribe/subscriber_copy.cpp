#include <millrace/actors/rt/subscribe/subscriber.hpp>
#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

// The local copy of a subscriber: what is delivered from it, what goes of it,
// and its disk without room.

namespace millrace::rt {

namespace {

constexpr uint32_t copy_chunk_bytes = 256u << 10;

} // namespace

/// One of an earlier life of the stream is set aside, as it is where that ends
/// in the middle of a run.
error subscriber_state::open_copy(const flow_grant& grant) {
  auto opened
    = persistence::log_replica::open(*env, options.local_copy, lineage);
  if (!opened && opened.failure().code == errc::fenced) {
    if (auto fault = persistence::set_aside(*env->fs, options.local_copy))
      return fault;
    stream_event event;
    event.kind = event_kind::reset;
    event.from = event.to = grant.begin;
    event.cause = "the copy was set aside: " + opened.failure().context;
    if (options.warn)
      options.warn("copy_set_aside", event.cause);
    // Who came with a place of it was told.
    if (!grant.other_life)
      out->take(event);
    opened = persistence::log_replica::open(*env, options.local_copy, lineage);
  }
  if (!opened)
    return opened.failure();
  copy = *std::move(opened);
  return {};
}

/// Where the stream goes on in the same file after what is lost, so does the
/// copy.
error subscriber_state::pass_in_copy(const stream_event& lost) {
  if (!copy || lost.kind != event_kind::badtail || copy->end() != lost.from
      || file_of(lost.from) != file_of(lost.to) || lost.to.value % 8 != 0
      || lost.to.value < lost.from.value + persistence::record_header_bytes)
    return {};
  return copy->append(lost.from,
                      persistence::encode_padding(lineage, lost.from, lost.to));
}

void subscriber_state::catch_up_from_copy() {
  auto item = copy_reader->next_chunk(copy_chunk_bytes);
  if (!item) {
    fail(item.failure());
    return finish_if_ended();
  }
  if (const auto* part = std::get_if<persistence::log_chunk>(&*item)) {
    if (auto fault = out->take(lineage, part->begin, part->bytes))
      fail(fault);
  } else if (const auto* event = std::get_if<stream_event>(&*item)) {
    if (event->kind == event_kind::badtail)
      return copy_again(event->from);
    out->take(*event);
  } else {
    copy_reader.reset();
  }
  finish_if_ended();
}

/// The copy is damaged: the stream still has what it held from there on.
void subscriber_state::copy_again(position from) {
  copy_reader.reset();
  ++copies_mended;
  if (auto fault = copy->cut(from)) {
    fail(fault);
    return finish_if_ended();
  }
  step(link_core::restarted{});
}

/// What does not fit is asked for again from the copy's end, until it does.
/// Nobody is to take that for a quiet stream.
void subscriber_state::wait_for_room(const error& why) {
  if (!std::exchange(waits_for_room, true)) {
    told_lost = false;
    flowless_ns = env->clock->monotonic_ns();
    if (options.warn)
      options.warn("copy_full",
                   to_string(why)
                     + ": nothing more is delivered until its disk "
                       "has room");
  }
  disconnect(why);
}

void subscriber_state::has_room() {
  if (!std::exchange(waits_for_room, false))
    return;
  told_lost = false;
  flowless_ns = 0;
  if (options.warn)
    options.warn("copy_goes_on",
                 options.local_copy + ": there is room again, and it goes on");
}

/// Never what was not delivered yet.
void subscriber_state::collect_copy() {
  if (!copy || collecting_copy)
    return;
  position below;
  if (options.archived == archived_exchange::follow
      || options.archived == archived_exchange::lead)
    below = std::min(stream_begin, out->where());
  if (options.archived != archived_exchange::lead)
    below = std::max(below, std::min(control->pruned().asked, out->where()));
  if (below <= copy_asked)
    return;
  collecting_copy = true;
  env->io->submit([world = env, directory = options.local_copy, below,
                   me = subscriber_self_actor{self}] {
    auto begin = persistence::begin_after(*world->fs, directory, below);
    auto fault
      = begin ? persistence::collect_log(*world, directory, *begin).failure()
              : begin.failure();
    caf::anon_send(me, collected_atom_v, below, to_caf(fault));
  });
}

void subscriber_state::copy_collected(position below,
                                      const caf::error& outcome) {
  collecting_copy = false;
  const auto fault = from_caf(outcome);
  if (!fault)
    copy_asked = below;
  if (options.archived != archived_exchange::lead)
    control->note_pruned(fault ? position{} : below, fault);
}

} // namespace millrace::rt
