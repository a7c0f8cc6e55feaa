#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/log/items.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace millrace::nodes {

using text::json_value;
using namespace persistence;

namespace {

/// Empty where a message has no time.
std::string time_text(int64_t ts) {
  return ts == null_long ? std::string{} : text::time_text(ts);
}

std::string kind_text(record_kind record, payload_kind payload) {
  if (record == record_kind::marker)
    return "period_end";
  switch (payload) {
    case payload_kind::opaque:
      return "opaque";
    case payload_kind::table_batch:
      return "table_batch";
    case payload_kind::table_schema:
      return "table_schema";
    case payload_kind::end_of_period:
      return "end_of_period";
  }
  return fmt::format("kind {}", static_cast<int>(payload));
}

// What a payload holds, in a few words: rows of a batch, text, else bytes.
std::string payload_text(const frame_view& frame, uint32_t bytes_max) {
  if (frame.kind == payload_kind::table_batch)
    if (auto batch = decode_batch(frame.payload))
      return fmt::format("{} rows of {}", batch->row_count, batch->table);
  const auto shown
    = frame.payload.first(std::min<size_t>(frame.payload.size(), bytes_max));
  bool printable = true;
  for (const auto b : shown)
    printable = printable && static_cast<uint8_t>(b) >= 0x20
                && static_cast<uint8_t>(b) < 0x7f;
  std::string out;
  if (printable)
    out.assign(reinterpret_cast<const char*>(shown.data()), shown.size());
  else
    text::append_hex(out, shown);
  if (shown.size() < frame.payload.size())
    out += "...";
  return out;
}

json_value number_json(int64_t x) {
  return x == null_long ? json_value() : json_value(x);
}

} // namespace

json_value item_json(const log_message& message, uint32_t bytes_max) {
  const auto& frame = message.frame;
  const auto& header = frame.header;
  return {{"type", "message"},
          {"begin", message.begin.value},
          {"end", message.end.value},
          {"place", to_string(message.begin)},
          {"kind", kind_text(message.kind, frame.kind)},
          {"on", std::string{header.on}},
          {"id", number_json(header.id)},
          {"ts", header.ts == null_long ? json_value()
                                        : json_value(time_text(header.ts))},
          {"to", header.to == null_int ? json_value() : json_value(header.to)},
          {"bytes", frame.payload.size()},
          {"crc", fmt::format("{:08x}", frame.payload_crc)},
          {"payload", payload_text(frame, bytes_max)}};
}

json_value item_json(const stream_event& event) {
  return {{"type", "event"},          {"event", to_string(event.kind)},
          {"from", event.from.value}, {"to", event.to.value},
          {"origin", event.origin},   {"first_id", event.first_id},
          {"last_id", event.last_id}, {"cause", event.cause}};
}

std::string item_line(const log_message& message, uint32_t bytes_max) {
  const auto& header = message.frame.header;
  return fmt::format(
    "{:<24} {:<13} {:<20} {:>12} {:<30} {:>8} {}", to_string(message.begin),
    kind_text(message.kind, message.frame.kind), header.on,
    header.id == null_long ? "-" : std::to_string(header.id),
    header.ts == null_long ? "-" : time_text(header.ts),
    message.frame.payload.size(), payload_text(message.frame, bytes_max));
}

std::string item_line(const stream_event& event) {
  return fmt::format("{:<24} event {}: from {} to {}{}{}",
                     to_string(event.from), to_string(event.kind),
                     to_string(event.from), to_string(event.to),
                     event.cause.empty() ? "" : ": ", event.cause);
}

std::string item_head() {
  return fmt::format("{:<24} {:<13} {:<20} {:>12} {:<30} {:>8} {}", "place",
                     "kind", "on", "id", "ts", "bytes", "payload");
}

} // namespace millrace::nodes
