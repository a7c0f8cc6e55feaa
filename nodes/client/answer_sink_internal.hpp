#pragma once

#include <millrace/messages/protocol/interfaces.hpp>

#include <caf/event_based_actor.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <variant>

namespace millrace::nodes {

/// What a RESULT SINK hears of an answer, in this order: its cut, its messages,
/// and its end or the fault that it ended with. A fault may come at any time,
/// and is the last.
struct answer_is_over {};
using answer_event = std::variant<query_cut, chunk, answer_is_over, error>;

/// A RESULT SINK that asks a GATEWAY. It hears from the one who takes the
/// messages in how many of their bytes that were, in all; it ends with the
/// answer, with the gateway, or when it is told to exit.
/// @param to called in the actor's handlers
caf::behavior answer_sink(caf::event_based_actor* self,
                          const gateway_actor& gateway,
                          const std::string& parameters,
                          std::chrono::milliseconds deadline,
                          std::function<void(answer_event)> to);

} // namespace millrace::nodes
