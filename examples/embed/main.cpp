// A program with a Millrace node inside, and an actor of its own in it: the
// actor subscribes to the stream `market`, registers with discovery as a
// process of type "volume", and sums traded sizes by symbol. To have something
// to hear, the program publishes three rows itself.
#include <millrace/actors/rt/publish/publisher.hpp>
#include <millrace/actors/rt/publish/pusher.hpp>
#include <millrace/actors/rt/subscribe/subscriber.hpp>
#include <millrace/actors/torq/registry/registrar.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/nodes/node/node.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <caf/event_based_actor.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <string>

namespace {

using namespace millrace;
using namespace std::chrono_literals;

/// Sums the sizes of trades. Its state is its own: nobody locks anything.
struct volume_state {
  volume_state() = default;

  std::map<std::string, int64_t> total;
  uint64_t rows = 0;
  caf::typed_response_promise<std::string> waiting;
  uint64_t wanted = 0;

  std::string text() const {
    std::string out;
    for (const auto& [symbol, size] : total)
      out += symbol + " " + std::to_string(size) + "\n";
    return out;
  }
  void answer_if_complete() {
    if (wanted != 0 && rows >= wanted) {
      waiting.deliver(text());
      wanted = 0;
    }
  }
};

/// Runs in the subscriber, row by row; the batch dies with the call.
void hear(const rt::message& message, const caf::actor& volume) {
  if (message.kind != payload_kind::table_batch)
    return;
  const auto batch = decode_batch(message.payload);
  if (!batch || batch->table != "trade")
    return;
  const auto& symbols = batch->columns[1];
  const auto& sizes = batch->columns[3];
  for (uint32_t row = 0; row < batch->row_count; ++row)
    caf::anon_send(
      volume,
      std::string{
        symbols.symbol(reinterpret_cast<const uint32_t*>(symbols.values)[row])},
      int64_t{reinterpret_cast<const int32_t*>(sizes.values)[row]});
}

caf::behavior volume(caf::stateful_actor<volume_state>* self,
                     nodes::runtime* host, endpoint rt) {
  auto handlers = std::make_shared<rt::subscription_handlers>();
  handlers->on_message
    = [me = caf::actor{self}](const rt::message& message, position) {
        hear(message, me);
      };
  rt::subscriber_options options;
  options.topic = "market";
  options.rt = std::move(rt);
  host->keep(self->system().spawn(
    rt::subscriber, &host->env(), host->connector(), std::move(options),
    std::make_shared<rt::subscription>("market"), std::move(handlers)));
  return {
    // A trade.
    [self](const std::string& symbol, int64_t size) {
      self->state.total[symbol] += size;
      ++self->state.rows;
      self->state.answer_if_complete();
    },
    // Somebody asks for the sums once so many rows were heard.
    [self](uint64_t rows) -> caf::result<std::string> {
      self->state.waiting = self->make_response_promise<std::string>();
      self->state.wanted = rows;
      self->state.answer_if_complete();
      return self->state.waiting;
    },
  };
}

int fail(const error& failure) {
  std::fprintf(stderr, "embed: %s\n", to_string(failure).c_str());
  return nodes::exit_code_of(failure.code);
}

/// Three rows, as any program would publish them.
error publish(nodes::runtime& host, const nodes::cluster_config& config,
              const endpoint& rt) {
  rt::publisher_options options;
  options.topic = "market";
  options.log_path = config.log_path;
  options.host = "embed";
  auto opened = rt::publisher::open(host.env(), options);
  if (!opened)
    return opened.failure();
  std::shared_ptr<rt::publisher> out{*std::move(opened)};
  rt::pusher_options push;
  push.rt = rt;
  push.stream = "market";
  host.keep(host.system().spawn(rt::pusher, &host.env(), out, host.connector(),
                                std::move(push)));
  if (auto fault = out->wait_verified(10s))
    return fault;
  batch_builder rows{config.table("trade")->schema};
  for (const auto& [symbol, size] :
       {std::pair{"AIG", 100}, std::pair{"SPY", 300}, std::pair{"AIG", 50}}) {
    rows.append_null(0);
    rows.append_symbol(1, symbol);
    rows.append(2, 1.0);
    rows.append(3, int32_t{size});
    rows.end_row();
  }
  if (auto token = out->publish(rows.encode(), {}, payload_kind::table_batch);
      !token)
    return token.failure();
  if (auto fault = out->flush(rt::ack_level::committed, 10s))
    return fault;
  return out->close();
}

/// Asks discovery for processes of type "volume" until there is one.
result<std::string> find_volume(nodes::runtime& host,
                                const endpoint& discovery) {
  auto registry = host.find_as<discovery_actor>(discovery, 5s);
  if (!registry)
    return registry.failure();
  caf::scoped_actor self{host.system()};
  std::string found;
  for (int tries = 0; tries < 100 && found.empty(); ++tries) {
    self
      ->request(*registry, caf::timespan{5s}, lookup_atom_v,
                std::string{"volume"})
      .receive(
        [&](const std::vector<process_row>& rows) {
          for (const auto& row : rows)
            found = row.name + " on node " + row.node;
        },
        [](const caf::error&) {});
    if (found.empty())
      self->receive(caf::after(50ms) >> [] {});
  }
  if (found.empty())
    return error{errc::timeout, "discovery knows no volume process"};
  return found;
}

int run(const char* path) {
  auto config
    = nodes::load_configuration(persistence::posix_file_system(), path);
  if (!config)
    return fail(config.failure());
  auto node = nodes::node::start({.config = *config, .name = "embed"});
  if (!node)
    return fail(node.failure());
  auto& host = (*node)->actors();
  const auto rt = nodes::endpoint_of_stream(*config, "market");
  if (!rt)
    return fail(rt.failure());
  const auto discovery = nodes::endpoint_of(*config, "discovery1");
  if (!discovery)
    return fail(discovery.failure());

  const auto mine = host.keep(host.system().spawn(volume, &host, *rt));
  host.locals()->put("volume1", caf::actor_cast<caf::strong_actor_ptr>(mine));
  const auto registrar = host.keep(
    host.system().spawn(torq::registrar, &host.env(), host.connector(),
                        std::vector<endpoint>{*discovery}));
  process_row row;
  row.name = "volume1";
  row.type = "volume";
  row.node = (*node)->name();
  row.at = {config->address, config->node("embed")->port, "volume1"};
  row.attributes = "{}";
  caf::anon_send(registrar, register_atom_v, std::move(row));

  if (auto fault = publish(host, *config, *rt))
    return fail(fault);
  auto registered = find_volume(host, *discovery);
  if (!registered)
    return fail(registered.failure());
  std::printf("%s\n", registered->c_str());
  caf::scoped_actor self{host.system()};
  error fault;
  self->request(mine, caf::timespan{10s}, uint64_t{3})
    .receive([](const std::string& text) { std::printf("%s", text.c_str()); },
             [&](const caf::error& why) { fault = from_caf(why); });
  return fault ? fail(fault) : static_cast<int>(nodes::exit_ok);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: embed CONFIG\n");
    return nodes::exit_usage;
  }
  return run(argv[1]);
}
