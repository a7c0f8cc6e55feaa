#pragma once

#include <millrace/actors/rt/merge/merge_entry.hpp>
#include <millrace/messages/schema/stream.capnp.h>
#include <millrace/messages/text/plain_name.hpp>

#include <vector>

// How floors of consumers lie in entries, and in a state.

namespace millrace::rt {

/// @pre as long as `floors`
inline void write_floors(capnp::List<schema::ConsumerFloor>::Builder into,
                         const std::vector<noted_floor>& floors) {
  unsigned i = 0;
  for (const auto& each : floors) {
    auto out = into[i++];
    out.setConsumer(each.consumer);
    out.setPosition(each.at.value);
    out.setClaim(each.claim);
    out.setHolder(each.holder);
    out.setHeardNs(each.heard_ns);
    out.setClaims(each.claims);
  }
}

inline result<std::vector<noted_floor>>
read_floors(capnp::List<schema::ConsumerFloor>::Reader from) {
  std::vector<noted_floor> out;
  for (auto in : from) {
    if (!text::is_plain_name(in.getConsumer().cStr()))
      return error{errc::malformed_message,
                   "a consumer whose name is not a plain one"};
    out.push_back({in.getConsumer(),
                   {in.getPosition()},
                   in.getClaim(),
                   in.getHolder(),
                   in.getHeardNs(),
                   in.getClaims()});
  }
  return out;
}

} // namespace millrace::rt
