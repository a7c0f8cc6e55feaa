#include <millrace/actors/rt/link/feeder.hpp>
#include <millrace/messages/protocol/own_message.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <utility>

namespace millrace::rt {

namespace {
constexpr auto poll_interval = std::chrono::milliseconds{2};
constexpr auto ping_interval = std::chrono::milliseconds{500};
} // namespace

void feeder_state::pump() {
  while (started && !mending) {
    auto item = sender->next();
    if (!item) {
      // The log under a subscriber became unreadable: the subscriber sees its
      // source go, and asks again from where it stands.
      self->quit(to_caf(item.failure()));
      return;
    }
    if (!*item)
      return mend_end();
    if (auto* part = std::get_if<flow_sender::part>(&**item)) {
      if (mender && part->lost && asked_at != part->begin) {
        held = std::move(*part);
        return ask_mender(held->begin, std::nullopt);
      }
      asked_at.reset();
      self->send(sink, chunk_atom_v, flow, part->begin, std::move(part->bytes));
    } else if (!take(std::get<stream_event>(**item))) {
      return;
    }
  }
}

/// A file that is missing reads as one that was collected: the mender knows.
bool feeder_state::take(const stream_event& event) {
  const bool may_be_damage
    = event.kind == event_kind::badtail || event.kind == event_kind::pruned;
  if (!mender || !may_be_damage) {
    send(event);
    return true;
  }
  if (asked_at != event.from || asked_for != event.kind) {
    ask_mender(event.from, event);
    return false;
  }
  // What was said to be whole is not asked for again. It was not collected.
  auto told = event;
  told.kind = event_kind::badtail;
  send(told);
  return true;
}

/// Nothing intact follows damage yet: no reader is told, but what is written
/// must be there.
void feeder_state::mend_end() {
  const auto at = sender->where();
  if (mender && sender->ends_early() && asked_at != at)
    ask_mender(at, std::nullopt);
}

void feeder_state::ask_mender(position at, std::optional<stream_event> event) {
  asked_for = event ? event->kind : event_kind::badtail;
  // Unless the mender says that it was collected.
  if (event)
    event->kind = event_kind::badtail;
  mending = true;
  asked_at = at;
  self->request(mender, caf::infinite, mend_atom::value, at)
    .then([this, at, event](bool whole) { mended(whole, at, event); },
          [this, at, event](const caf::error& why) {
            // It ends, and judged nothing: its next life is asked again.
            if (from_caf(why).code != errc::pruned)
              return self->quit(why);
            auto told = event;
            if (told)
              told->kind = event_kind::pruned;
            mended(false, at, told);
          });
}

void feeder_state::mended(bool whole, position at,
                          const std::optional<stream_event>& event) {
  mending = false;
  const auto lost = std::exchange(held, std::nullopt);
  if (whole) {
    if (auto fault = sender->go_back(at, lost ? lost->bytes.size() : 0))
      return self->quit(to_caf(fault));
  } else if (lost) {
    self->send(sink, chunk_atom_v, flow, lost->begin, lost->bytes);
  } else if (event) {
    send(*event);
  }
  pump();
}

void feeder_state::send(const stream_event& event) {
  self->send(sink, event_atom_v, flow, chunk::copy_of(encode(event)));
}

void feeder_state::acked(const flow_ack& ack) {
  if (ack.flow != flow)
    return;
  started = true;
  sender->acked(ack.bytes);
  tell_taken();
  pump();
}

void feeder_state::tell_taken() {
  if (taken)
    taken->store(sender->taken().value, std::memory_order_relaxed);
}

status_facts to_status(const feeder_facts& facts) {
  return {{"position", facts.where.value},
          {"taken", facts.taken.value},
          {"sent_bytes", facts.sent_bytes}};
}

feeder_actor::behavior_type
feeder(feeder_actor::stateful_pointer<feeder_state> self,
       std::shared_ptr<std::unique_ptr<flow_sender>> sender, sink_actor sink,
       feeder_options options) {
  auto& state = self->state;
  state.sender = std::move(*sender);
  state.sink = std::move(sink);
  state.flow = options.flow;
  state.polls = options.polls;
  state.mender = std::move(options.mender);
  state.begin = options.begin;
  state.taken = std::move(options.taken);
  state.tell_taken();
  self->monitor(state.sink);
  self->set_down_handler(
    [self](caf::down_msg& down) { self->quit(down.reason); });
  self->delayed_send(self, caf::timespan{0}, caf::tick_atom_v);
  return {
    [self](status_atom) { return to_status(self->state.facts()); },
    [self](ack_atom, const flow_ack& ack) { self->state.acked(ack); },
    [self](grew_atom, position end, const chunk& tail) {
      self->state.sender->grew(end, tail);
      self->state.pump();
    },
    [self](collected_atom, position below) { self->state.begin = below; },
    [self](caf::tick_atom) {
      if (!from_itself(self))
        return;
      auto& me = self->state;
      me.pump();
      self->send(me.sink, caf::ping_atom_v, me.flow);
      // Again and again: the sink may have come to it only now.
      if (me.begin != position{})
        self->send(me.sink, collected_atom_v, me.flow, me.begin);
      self->delayed_send(self,
                         me.polls ? caf::timespan{poll_interval}
                                  : caf::timespan{ping_interval},
                         caf::tick_atom_v);
    },
    [self](stop_atom) { self->quit(); },
  };
}

} // namespace millrace::rt
