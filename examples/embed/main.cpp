// A program with a Millrace node inside and a process type of its own: "volume"
// sums traded sizes by symbol. examples/README.md says how to spawn one.
#include <millrace/millrace.hpp>
#include <millrace/nodes/assembly/guest.hpp>

#include <caf/event_based_actor.hpp>

#include <atomic>
#include <cstdio>

using namespace millrace;

std::atomic<bool> told{false};

/// Prints its sums once it was told of three trades.
caf::behavior volume(caf::event_based_actor*) {
  return {[total = std::map<std::string, int>{},
           rows = 0](const std::string& symbol, int32_t size) mutable {
    total[symbol] += size;
    if (++rows != 3)
      return;
    for (const auto& [name, sum] : total)
      std::printf("%s %d\n", name.c_str(), sum);
    told = true;
  }};
}

/// Starts a process of the type on the host that is asked to.
result<nodes::hosted_process>
start_volume(nodes::process_host& host, const nodes::process_config& process) {
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
  if (auto heard = host.subscribe(process.settings.at("stream"), on); !heard)
    return heard.failure();
  return nodes::hosted_process{caf::actor_cast<caf::strong_actor_ptr>(me)};
}

error run(const char* path) {
  auto config
    = nodes::load_configuration(persistence::posix_file_system(), path);
  if (!config)
    return config.failure();
  nodes::node_start how{.config = *config, .name = "embed"};
  how.roles.add("volume", start_volume);
  auto node = nodes::node::start(std::move(how));
  if (!node)
    return node.failure();
  auto& host = (*node)->actors();
  nodes::guest self{host.system()};
  caf::anon_send(host.registrar(), caf::subscribe_atom_v, std::string{"volume"},
                 caf::actor_cast<watcher_actor>(caf::actor{self}));
  for (size_t known = 0; known == 0;)
    self->receive([&](watch_atom, const std::vector<process_row>& rows) {
      for (const auto& row : rows)
        std::printf("%s on node %s\n", row.name.c_str(), row.node.c_str());
      known = rows.size();
    });
  return (*node)->wait([] { return told.load(); });
}

int main(int argc, char** argv) {
  const auto fault = run(argc > 1 ? argv[1] : "cluster.toml");
  if (fault)
    std::fprintf(stderr, "embed: %s\n", to_string(fault).c_str());
  return fault ? nodes::exit_code_of(fault.code) : nodes::exit_ok;
}
