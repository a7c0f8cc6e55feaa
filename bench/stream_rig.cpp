#include <millrace/actors/rt/sequencer.hpp>
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

result<std::unique_ptr<stream_rig>>
stream_rig::create(const std::string& directory, bool cached) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  std::unique_ptr<stream_rig> out{new stream_rig};
  auto host = nodes::runtime::create({});
  if (!host)
    return host.failure();
  out->host_ = *std::move(host);
  auto& env = out->host_->env();
  auto core = rt::sequencer_core::open(
    env, {.stream = "bench", .directory = directory + "/rt", .cached = cached},
    std::make_unique<no_state_store>());
  if (!core)
    return core.failure();
  auto node = out->host_->system().spawn(
    rt::sequencer, &env,
    std::make_shared<std::unique_ptr<rt::sequencer_core>>(*std::move(core)),
    rt::sequencer_settings{});
  out->host_->keep(node);
  out->host_->locals()->put("rt/bench",
                            caf::actor_cast<caf::strong_actor_ptr>(node));
  auto publisher = rt::publisher::open(
    env, {.topic = "bench", .log_path = directory + "/pub", .cached = cached});
  if (!publisher)
    return publisher.failure();
  out->publisher_ = *std::move(publisher);
  rt::pusher_options options;
  options.rt = out->rt();
  options.stream = "bench";
  out->host_->keep(out->host_->system().spawn(
    rt::pusher, &env, out->publisher_, out->host_->connector(), options));
  if (auto fault = out->publisher_->wait_verified(std::chrono::seconds{10}))
    return fault;
  return out;
}

void stream_rig::subscribe(start_spec start,
                           std::function<void(const rt::message&)> on_message,
                           std::function<void(const error&)> on_failure) {
  auto handlers = std::make_shared<rt::subscription_handlers>();
  handlers->on_message = [call = std::move(on_message)](const rt::message& m,
                                                        position) { call(m); };
  handlers->on_failure = std::move(on_failure);
  rt::subscriber_options options;
  options.topic = "bench";
  options.rt = rt();
  options.start = start;
  host_->keep(host_->system().spawn(
    rt::subscriber, &host_->env(), host_->connector(), std::move(options),
    std::make_shared<rt::subscription>("bench"), std::move(handlers)));
}

} // namespace millrace::bench
