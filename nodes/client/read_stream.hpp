#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/nodes/assembly/process_host.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <string>

namespace millrace::nodes {

/// Reads a stream up to a place in it, and blocks meanwhile.
/// @param on gets messages and events, one after another, in other threads, and
/// none after this returned; its other handlers are not called
/// @returns `timeout` when nothing comes for ten seconds before `end`, or what
/// ended the subscription
[[nodiscard]] error read_to_end(runtime& host, const std::string& stream,
                                position end,
                                const rt::subscription_handlers& on,
                                subscribe_options how);

} // namespace millrace::nodes
