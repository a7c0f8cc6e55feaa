#include <millrace/messages/protocol/registration.hpp>
#include <millrace/nodes/node/connector.hpp>
#include <millrace/nodes/node/runtime.hpp>
#include <millrace/nodes/node/scheduling.hpp>

#include <caf/io/middleman.hpp>
#include <caf/scheduler/coordinator.hpp>

#include <thread>

namespace millrace::nodes {

runtime_config::runtime_config() {
  messages::register_with(*this);
  load<caf::io::middleman>();
  load<caf::scheduler::coordinator<chained_scheduling>>();
  set("scheduler.max-threads",
      std::max<size_t>(4, std::thread::hardware_concurrency()));
  // Chunks are deserialized where they are received: handing them to another
  // thread costs more than reading them.
  set("middleman.workers", size_t{0});
  // One busy actor must not keep its worker from the others.
  set("scheduler.max-throughput", size_t{200});
}

result<std::unique_ptr<runtime>> runtime::create(runtime_options options) {
  auto real = real_env::create(options.env);
  if (!real)
    return real.failure();
  std::unique_ptr<runtime> made{new runtime{*std::move(real)}};
  made->connector_ = made->system_->spawn(
    nodes::connector, made->locals_, std::move(options.host), options.port);
  return made;
}

runtime::runtime(std::unique_ptr<real_env> real)
  : real_{std::move(real)}, system_{
                              std::make_unique<caf::actor_system>(config_)} {}

runtime::~runtime() {
  locals_->clear();
  {
    caf::scoped_actor self{*system_};
    std::vector<caf::strong_actor_ptr> last;
    {
      const std::scoped_lock lock{mutex_};
      last = std::move(kept_);
    }
    for (auto handle = last.rbegin(); handle != last.rend(); ++handle) {
      auto actor = caf::actor_cast<caf::actor>(*handle);
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
      self->wait_for(actor);
    }
    caf::anon_send_exit(connector_, caf::exit_reason::user_shutdown);
    connector_ = nullptr;
  }
  // Waits for actors that others had spawned, then for jobs that are running.
  system_.reset();
  real_.reset();
}

result<caf::strong_actor_ptr>
runtime::find(const endpoint& at, std::chrono::milliseconds deadline) {
  caf::scoped_actor self{*system_};
  const auto until
    = env().clock->monotonic_ns() + std::chrono::nanoseconds{deadline}.count();
  error last;
  do {
    caf::strong_actor_ptr found;
    self
      ->request(connector_, caf::timespan{std::chrono::seconds{5}},
                caf::connect_atom_v, at)
      .receive([&](const caf::strong_actor_ptr& handle) { found = handle; },
               [&](const caf::error& fault) { last = from_caf(fault); });
    if (found)
      return found;
    // A node that is starting refuses connections for a moment.
    self->receive(caf::after(std::chrono::milliseconds{50}) >> [] {});
  } while (env().clock->monotonic_ns() < until);
  return last ? last : error{errc::unavailable, to_string(at)};
}

} // namespace millrace::nodes
