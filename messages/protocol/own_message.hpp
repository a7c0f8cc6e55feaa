#pragma once

#include <caf/atom.hpp>

namespace millrace {

/// Whether the message that `self` has in hand was sent by `self`: a tick that
/// asks for the next one is of no use to others, who would start a second chain
/// of them. Of a handler of an actor.
template <class Self>
[[nodiscard]] bool from_itself(Self* self) noexcept {
  const auto& sender = self->current_sender();
  return sender && sender.get() == self->ctrl();
}

/// The handler of the ticks by which an actor's state keeps itself going.
template <class Self>
[[nodiscard]] auto own_ticks(Self* self) {
  return [self](caf::tick_atom) {
    if (from_itself(self))
      self->state.tick();
  };
}

} // namespace millrace
