#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/read_stream.hpp>
#include <millrace/nodes/client/stream_schema.hpp>

#include <optional>
#include <span>

namespace millrace::nodes {

result<table_schema> schema_in_stream(runtime& host, const std::string& stream,
                                      const named_places& at,
                                      const std::string& table) {
  const auto nodes
    = places_of_stream(host.config(), stream, stream_use::subscribe, at);
  if (!nodes)
    return nodes.failure();
  const auto end = stream_end(host, stream, *nodes);
  if (!end)
    return end.failure();
  std::optional<table_schema> found;
  const auto take = [&](std::span<const std::byte> bytes) {
    auto schema = decode_table_schema(bytes.data(), bytes.size());
    if (schema && schema->name == table
        && (!found || schema->version >= found->version))
      found = *std::move(schema);
  };
  rt::subscription_handlers on;
  on.on_message = [&](const rt::message& message, position) {
    if (message.kind == payload_kind::table_schema)
      take(message.payload);
  };
  on.on_event = [&](const stream_event& event) {
    if (event.kind == event_kind::schema)
      take(event.schema);
  };
  if (auto fault = read_to_end(host, stream, *end, on, {.at = at}))
    return fault;
  if (!found)
    return error{errc::not_found,
                 "stream '" + stream + "' tells nothing of a table '" + table
                   + "': name a configuration that declares it (--config)"};
  return *std::move(found);
}

} // namespace millrace::nodes
