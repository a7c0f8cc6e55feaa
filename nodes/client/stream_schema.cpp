#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/client/find_stream.hpp>
#include <millrace/nodes/client/stream_schema.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

constexpr auto silence_max = 10s;

/// What the thread that waits and the callbacks share.
struct schema_search {
  std::mutex mutex;
  std::condition_variable changed;
  std::string table;
  position end;
  std::optional<table_schema> newest;
  uint64_t steps = 0;
  bool done = false;
  error fault;

  void take(std::span<const std::byte> bytes) {
    auto schema = decode_table_schema(bytes.data(), bytes.size());
    if (schema && schema->name == table
        && (!newest || schema->version >= newest->version))
      newest = *std::move(schema);
  }
  void step(position reached) {
    ++steps;
    done = done || reached >= end;
    changed.notify_all();
  }
};

rt::subscription_handlers
search_handlers(const std::shared_ptr<schema_search>& into) {
  rt::subscription_handlers on;
  on.on_message = [into](const rt::message& message, position at) {
    const std::scoped_lock held{into->mutex};
    if (message.kind == payload_kind::table_schema)
      into->take(message.payload);
    into->step(at);
  };
  on.on_event = [into](const stream_event& event) {
    const std::scoped_lock held{into->mutex};
    if (event.kind == event_kind::schema)
      into->take(event.schema);
    into->step(event.to);
  };
  on.on_batch_end = [into](position reached) {
    const std::scoped_lock held{into->mutex};
    into->step(reached);
  };
  on.on_failure = [into](const error& why) {
    const std::scoped_lock held{into->mutex};
    into->fault = why;
    into->changed.notify_all();
  };
  return on;
}

} // namespace

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
  auto search = std::make_shared<schema_search>();
  search->table = table;
  search->end = *end;
  search->done = *end == position{};
  auto control = std::make_shared<rt::subscription>(stream);
  const auto running = host.subscribe(stream, search_handlers(search),
                                      {.control = control, .at = at});
  if (!running)
    return running.failure();
  std::optional<table_schema> found;
  error fault;
  {
    std::unique_lock lock{search->mutex};
    for (auto seen = search->steps; !search->done && !search->fault;
         seen = search->steps) {
      const auto goes_on = [&] {
        return search->done || search->fault || search->steps != seen;
      };
      if (!search->changed.wait_for(lock, silence_max, goes_on))
        search->fault = {errc::timeout, "stream '" + stream
                                          + "': it cannot be read up to its "
                                            "end "
                                          + to_string(*end) + " now"};
    }
    found = search->newest;
    fault = search->fault;
  }
  control->unsubscribe();
  if (fault)
    return fault;
  if (!found)
    return error{errc::not_found,
                 "stream '" + stream + "' tells nothing of a table '" + table
                   + "': name a configuration that declares it (--config)"};
  return *std::move(found);
}

} // namespace millrace::nodes
