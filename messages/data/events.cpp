#include <millrace/messages/data/capnp_io.hpp>
#include <millrace/messages/data/events.hpp>
#include <millrace/messages/schema/stream.capnp.h>

namespace millrace {

std::string_view to_string(event_kind kind) noexcept {
  switch (kind) {
    case event_kind::badtail:
      return "badtail";
    case event_kind::reset:
      return "reset";
    case event_kind::gap:
      return "gap";
    case event_kind::pruned:
      return "pruned";
    case event_kind::ahead:
      return "ahead";
    case event_kind::id_conflict:
      return "id_conflict";
    case event_kind::schema:
      return "schema";
  }
  return "unknown";
}

std::vector<std::byte> encode(const stream_event& event) {
  ::capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::StreamEvent>();
  root.setKind(static_cast<uint8_t>(event.kind));
  root.setFromPosition(event.from.value);
  root.setToPosition(event.to.value);
  root.setOrigin(event.origin);
  root.setFirstId(event.first_id);
  root.setLastId(event.last_id);
  root.setCause(event.cause);
  root.setSchema(::capnp::Data::Reader(
    reinterpret_cast<const kj::byte*>(event.schema.data()),
    event.schema.size()));
  return messages::to_bytes(builder);
}

result<stream_event> decode_stream_event(std::span<const std::byte> payload) {
  return messages::read_as<schema::StreamEvent>(
    payload, [](schema::StreamEvent::Reader root) -> result<stream_event> {
      stream_event out;
      out.kind = static_cast<event_kind>(root.getKind());
      if (to_string(out.kind) == "unknown")
        return error{errc::malformed_message,
                     "event kind " + std::to_string(root.getKind())};
      out.from = {root.getFromPosition()};
      out.to = {root.getToPosition()};
      out.origin = root.getOrigin();
      out.first_id = root.getFirstId();
      out.last_id = root.getLastId();
      out.cause = root.getCause();
      const auto bytes = root.getSchema();
      const auto* first = reinterpret_cast<const std::byte*>(bytes.begin());
      out.schema.assign(first, first + bytes.size());
      return out;
    });
}

} // namespace millrace
