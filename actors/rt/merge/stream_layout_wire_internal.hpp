#pragma once

#include <millrace/actors/rt/merge/merge_entry.hpp>
#include <millrace/messages/schema/stream.capnp.h>

// How the layout of a stream lies in its first entry, and in a state.

namespace millrace::rt {

inline void write_layout(schema::StreamLayout::Builder into,
                         const stream_layout& layout) {
  into.setLineageHigh(layout.lineage.words[0]);
  into.setLineageLow(layout.lineage.words[1]);
  into.setRollBytes(layout.roll_bytes);
  into.setRecordBytes(layout.record_bytes);
  into.setIdPolicy(static_cast<uint8_t>(layout.ids));
  into.setFirstSession(static_cast<uint8_t>(layout.first.session()));
  into.setFirstRoll(static_cast<uint16_t>(layout.first.roll()));
}

inline result<stream_layout> read_layout(schema::StreamLayout::Reader in) {
  const auto ids = id_policy_of(in.getIdPolicy());
  if (!ids)
    return error{errc::malformed_message,
                 "a stream whose ids have a policy of a later release"};
  const auto first = position::of(in.getFirstSession(), in.getFirstRoll(), 0);
  if (!is_first_place(first))
    return error{errc::malformed_message,
                 "a stream that begins at " + to_string(first)};
  return stream_layout{{{in.getLineageHigh(), in.getLineageLow()}},
                       in.getRollBytes(),
                       in.getRecordBytes(),
                       *ids,
                       first};
}

} // namespace millrace::rt
