// A process type of one's own in a shared library: "volume" sums the sizes that
// were traded, by symbol, and tells them to `millrace status`. A configuration
// names the library in `load`.
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/assembly/library.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <map>
#include <string>

using namespace millrace;

namespace {

struct volume_state {
  volume_state() = default;
  std::map<std::string, int64_t> total;
};

caf::behavior volume(caf::stateful_actor<volume_state>* self) {
  return {
    [self](const std::string& symbol, int32_t size) {
      self->state.total[symbol] += size;
    },
    [self](status_atom) {
      return status_facts{{"role", "volume"}, {"total", self->state.total}};
    },
  };
}

/// Starts a process of the type on the host that is asked to.
result<nodes::hosted_process>
start_volume(nodes::process_host& host, const nodes::process_config& process) {
  const auto stream = process.settings.find("stream");
  if (stream == process.settings.end())
    return error{errc::config,
                 "process '" + process.name + "': its settings name no stream"};
  auto me = host.spawn(volume);
  rt::subscription_handlers on;
  on.on_message = [me](const rt::message& message, position) {
    if (message.kind != payload_kind::table_batch)
      return;
    const auto batch = decode_batch(message.payload);
    if (!batch || batch->table != "trade")
      return;
    for (uint32_t row = 0; row < batch->row_count; ++row)
      caf::anon_send(me, std::string{batch->column("sym")->text(row)},
                     batch->column("size")->as<int32_t>()[row]);
  };
  auto heard = host.subscribe(stream->second, on,
                              {.start = start_spec{.kind = start_spec::begin}});
  if (!heard)
    return heard.failure();
  return nodes::hosted_process{caf::actor_cast<caf::strong_actor_ptr>(me)};
}

void register_types(nodes::role_table& roles) {
  roles.add("volume", start_volume);
}

} // namespace

MILLRACE_LIBRARY(register_types)
