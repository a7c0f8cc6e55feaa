#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/bench/stream_rig.hpp>

#include <filesystem>
#include <optional>
#include <vector>

namespace millrace::bench {

namespace {

/// Checkpoints of a node that nobody restarts.
class no_state_store final : public rt::state_store {
public:
  result<std::optional<std::vector<std::byte>>> load() override {
    return std::optional<std::vector<std::byte>>{};
  }
  error save(std::span<const std::byte>) override { return {}; }
};

} // namespace

error host_node(nodes::runtime& host, const std::string& directory,
                bool cached) {
  auto& env = host.env();
  auto core = rt::sequencer_core::open(
    env, {.stream = "bench", .directory = directory, .cached = cached},
    std::make_unique<no_state_store>());
  if (!core)
    return core.failure();
  auto node = host.keep(host.system().spawn(
    rt::sequencer, &env,
    std::make_shared<std::unique_ptr<rt::sequencer_core>>(*std::move(core)),
    rt::sequencer_settings{}));
  host.locals()->put("rt/bench", caf::actor_cast<caf::strong_actor_ptr>(node));
  return {};
}

result<std::shared_ptr<rt::publisher>>
host_publisher(nodes::runtime& host, const endpoint& rt,
               const std::string& directory, bool cached) {
  auto opened = rt::publisher::open(
    host.env(), {.topic = "bench", .log_path = directory, .cached = cached});
  if (!opened)
    return opened.failure();
  std::shared_ptr<rt::publisher> out{*std::move(opened)};
  rt::pusher_options options;
  options.rt = rt;
  options.stream = "bench";
  host.keep(host.system().spawn(rt::pusher, &host.env(), out, host.connector(),
                                options));
  if (auto fault = out->wait_verified(std::chrono::seconds{10}))
    return fault;
  return out;
}

void host_subscriber(nodes::runtime& host, const endpoint& rt, reading what) {
  auto handlers = std::make_shared<rt::subscription_handlers>();
  handlers->on_message = [call = std::move(what.on_message)](
                           const rt::message& m, position) { call(m); };
  handlers->on_failure = std::move(what.on_failure);
  rt::subscriber_options options;
  options.topic = "bench";
  options.rt = rt;
  options.start = what.start;
  options.local_copy = what.local_copy;
  host.keep(host.system().spawn(
    rt::subscriber, &host.env(), host.connector(), std::move(options),
    std::make_shared<rt::subscription>("bench"), std::move(handlers)));
}

result<std::unique_ptr<stream_rig>>
stream_rig::create(const std::string& directory, bool cached) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  std::unique_ptr<stream_rig> out{new stream_rig};
  auto host = nodes::runtime::create({});
  if (!host)
    return host.failure();
  out->host_ = *std::move(host);
  if (auto fault = host_node(*out->host_, directory + "/rt", cached))
    return fault;
  auto publisher
    = host_publisher(*out->host_, out->rt(), directory + "/pub", cached);
  if (!publisher)
    return publisher.failure();
  out->publisher_ = *std::move(publisher);
  return out;
}

} // namespace millrace::bench
