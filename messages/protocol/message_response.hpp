#pragma once

#include <millrace/messages/data/types.hpp>
#include <millrace/messages/protocol/wire.hpp>

#include <caf/meta/type_name.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace millrace {

inline constexpr size_t response_bytes_max = 1u << 20;

/// What a consumer answers to a message whose publisher waits for that: it goes
/// from the consumer's RT node to the publisher, and is in no log.
struct message_response {
  std::string on;         ///< Origin of the message,
  int64_t id = null_long; ///< and its id.
  chunk payload;          ///< At most `response_bytes_max`.
  /// By another RT node, which has no such publisher: it is asked no more.
  bool passed_on = false;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, message_response& x) {
  return f(caf::meta::type_name("message_response"), x.on, x.id, x.payload,
           x.passed_on);
}

} // namespace millrace
