#pragma once

// The map of the system: each actor that others know, and every message that
// they may send to it. What an actor sends to itself, or to one that only it
// knows, stands in its own header. Bulk and structured content travels as
// `chunk`s of Cap'n Proto; what each one holds is said beside the message. No
// floating-point number goes through CAF's serialiser.

#include <millrace/messages/protocol/node_interfaces.hpp>
#include <millrace/messages/protocol/rt_interfaces.hpp>
#include <millrace/messages/protocol/torq_interfaces.hpp>
