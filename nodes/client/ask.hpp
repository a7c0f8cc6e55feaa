#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/node/runtime.hpp>

namespace millrace::nodes {

/// Asks an actor and waits for its answer: for threads of commands and
/// programs, not for handlers.
/// @returns why there is none: what the actor said, `timeout` after `patience`,
///   or `unavailable` when it is gone
template <class Answer, class Handle, class... Words>
[[nodiscard]] result<Answer> ask(runtime& host, const Handle& whom,
                                 caf::timespan patience,
                                 const Words&... words) {
  result<Answer> out{error{errc::internal, "no answer"}};
  guest self{host.system()};
  self->request(whom, patience, words...)
    .receive([&out](const Answer& said) { out = said; },
             [&out](const caf::error& why) { out = from_caf(why); });
  return out;
}

} // namespace millrace::nodes
