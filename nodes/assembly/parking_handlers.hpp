#pragma once

#include <millrace/actors/rt/subscribe/subscription.hpp>
#include <millrace/nodes/assembly/process_host.hpp>

#include <memory>
#include <string>

namespace millrace::nodes {

/// The handlers of a subscription of `process`, with those messages left out
/// that ended the process again and again, inside `on_message`: see
/// `rt::fatal_watch`. Such a message is kept where `millrace rejects` lists it,
/// and a warning `parked` tells of it; one that cannot be kept comes again. A
/// failure of the files: the process is not to begin.
/// @param control of the subscription
[[nodiscard]] result<rt::subscription_handlers>
parking_handlers(process_host& host, const std::string& process,
                 const std::string& stream, rt::subscription_handlers handlers,
                 std::shared_ptr<rt::subscription> control);

} // namespace millrace::nodes
