#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/wire.hpp>

#include <caf/actor_cast.hpp>

#include <chrono>
#include <utility>

namespace millrace {

/// Has `connector` find the actor at `at`, once: calls `reached` with its
/// handle, or `failed` with the error that says why not. Both run as handlers
/// of `self`; to try again is the caller's part.
template <class Handle, class Self, class Reached, class Failed>
void connect_to(Self* self, const connector_actor& connector,
                const endpoint& at, Reached reached, Failed failed) {
  constexpr auto deadline = std::chrono::seconds{3};
  self->request(connector, caf::timespan{deadline}, caf::connect_atom_v, at)
    .then(
      [at, reached = std::move(reached),
       failed](const caf::strong_actor_ptr& handle) mutable {
        // A proxy that died on its way arrives empty.
        if (handle)
          reached(caf::actor_cast<Handle>(handle));
        else
          failed(error{errc::unavailable, to_string(at) + ": no such actor"});
      },
      [failed](const caf::error& fault) mutable { failed(from_caf(fault)); });
}

} // namespace millrace
