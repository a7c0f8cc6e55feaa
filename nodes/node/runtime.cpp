#include <millrace/messages/data/types.hpp>
#include <millrace/messages/protocol/registration.hpp>
#include <millrace/nodes/assembly/cluster_tls.hpp>
#include <millrace/nodes/assembly/connection_rules.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>
#include <millrace/nodes/host/cluster_identity.hpp>
#include <millrace/nodes/host/thread_limit.hpp>
#include <millrace/nodes/node/connector.hpp>
#include <millrace/nodes/node/guarded_middleman.hpp>
#include <millrace/nodes/node/merge_checkpoints.hpp>
#include <millrace/nodes/node/quiet_clock.hpp>
#include <millrace/nodes/node/runtime.hpp>
#include <millrace/nodes/node/scheduling.hpp>
#include <millrace/nodes/node/start_hint.hpp>
#include <millrace/nodes/servers/port/tcp_listener.hpp>

#include <caf/io/middleman.hpp>

#include <thread>

namespace millrace::nodes {

namespace {

unsigned scheduler_threads() {
  return std::max(4u, std::thread::hardware_concurrency());
}

/// Of the environment, the scheduler, its clock, the middleman, connections,
/// stores, and some that wait for ports and files.
unsigned threads_of(const real_env_options& options) {
  constexpr unsigned others = 20;
  return options.io_threads
         + std::max(options.pool_threads, std::thread::hardware_concurrency())
         + scheduler_threads() + others;
}

} // namespace

runtime_config::runtime_config() {
  messages::register_with(*this);
  load<caf::io::middleman>();
  load<quietly_timed<chained_scheduling>>();
  set("scheduler.max-threads", size_t{scheduler_threads()});
  // Chunks are deserialized where they are received: handing them to another
  // thread costs more than reading them.
  set("middleman.workers", size_t{0});
  // TCP alone says for a quarter of an hour that a peer without power, or
  // after a cut, is there; and CAF opens no other connection while it has one.
  set("middleman.heartbeat-interval", caf::timespan{connection_heartbeat});
  set("middleman.connection-timeout", caf::timespan{connection_silence_max});
  // One busy actor must not keep its worker from the others.
  set("scheduler.max-throughput", size_t{200});
}

result<std::unique_ptr<runtime>> runtime::create(cluster_config config,
                                                 runtime_options options) {
  const node_config* node = nullptr;
  if (!options.node.empty()) {
    const auto known = configured_node(config, options.node);
    if (!known)
      return error{errc::config, known.failure().context};
    node = *known;
  }
  const auto address
    = node == nullptr ? std::string{} : config.address_of(*node);
  const auto port = node == nullptr ? uint16_t{0} : node->port;
  if (node != nullptr)
    if (auto refused = lacks_threads(threads_of(options.env)))
      return refused;
  auto real = real_env::create(options.env);
  if (!real)
    return real.failure();
  auto users = admitted_users::of(config.users);
  if (!users)
    return error{errc::config,
                 config.path + ": cluster.users: " + users.failure().context};
  std::vector<std::string> warnings;
  std::vector<std::string> listens;
  if (node != nullptr)
    listens.push_back(node->name);
  auto& world = (*real)->world();
  file_watch watch{
    config.tls.is_on()
      ? std::vector<std::string>{config.tls.certificate, config.tls.key,
                                 config.tls.authority}
      : std::vector<std::string>{},
    [clock = world.clock] { return clock->now_ns() + epoch_2000_ns; }};
  auto identity
    = load_cluster_tls(*world.fs, *world.clock, config, listens, warnings);
  if (!identity)
    return identity.failure();
  for (const auto& each : warnings)
    options.log.warning("certificate", each);
  const thread_visit visit;
  std::unique_ptr<runtime> made{
    new runtime{std::move(config), std::move(options), *std::move(real), *users,
                *std::move(identity), std::move(watch), std::move(listens)}};
  if (node != nullptr) {
    if (auto fault = made->found_cluster())
      return fault;
  } else if (!made->config().data_directory.empty()) {
    const auto& data = made->config().data_directory;
    auto known = asked_cluster_id(*made->env().fs, data);
    if (!known)
      return known.failure();
    // Each host has data of its own: their certificates say what they are of.
    if (!made->config().spans_hosts()) {
      if (*known != unfounded_cluster)
        made->cluster_->id = known->value;
      else
        made->cluster_->look = [fs = made->env().fs, data] {
          const auto id = asked_cluster_id(*fs, data);
          return id ? *id : cluster_id{};
        };
    }
  }
  made->connector_ = made->system_->spawn(
    nodes::connector, made->locals(), made->cluster_, address, port,
    made->middleman_, made->keeping_->told);
  return made;
}

runtime::runtime(cluster_config config, runtime_options options,
                 std::unique_ptr<real_env> real, const admitted_users& users,
                 std::shared_ptr<const member_identity> identity,
                 file_watch watch, std::vector<std::string> listens)
  : process_host{std::move(config)}, log_{std::move(options.log)},
    on_failure_{std::move(options.on_failure)}, real_{std::move(real)},
    system_{std::make_unique<caf::actor_system>(actor_config_)},
    cluster_{std::make_shared<known_cluster>()} {
  cluster_->name = this->config().name;
  auto tell = [this](const std::string& id, const std::string& text) {
    log_.warning(id, text);
  };
  std::shared_ptr<renewable<member_identity>> shown;
  if (identity)
    shown = std::make_shared<renewable<member_identity>>(
      std::move(identity), std::move(watch),
      [this, listens = std::move(listens)] {
        std::vector<std::string> warnings;
        auto out = load_cluster_tls(*env().fs, *env().clock, this->config(),
                                    listens, warnings);
        for (const auto& each : warnings)
          log_.warning("certificate", each);
        return out;
      },
      [this](const member_identity& used, const error& fault) {
        const auto now_s
          = (env().clock->now_ns() + epoch_2000_ns) / 1'000'000'000;
        log_.write(fault ? log_level::error : log_level::info, "certificate",
                   renewal_text(used.days_left(now_s), fault));
      });
  keeping_ = std::make_shared<const connection_keeping>(connection_keeping{
    users, env().clock, std::make_shared<refused_connections>(std::move(tell)),
    std::make_shared<told_refusals>(), std::move(shown)});
  middleman_ = guarded_middleman(*system_, keeping_);
}

runtime::~runtime() {
  const thread_visit visit;
  ending_ = true;
  forget_actors();
  {
    guest self{*system_};
    // One may still make others: they end after it.
    while (auto actor = caf::actor_cast<caf::actor>(take_last())) {
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
      self->wait_for(actor);
    }
    forget_actors();
    caf::anon_send_exit(connector_, caf::exit_reason::user_shutdown);
    connector_ = nullptr;
    // It heeds nothing less.
    caf::anon_send_exit(middleman_, caf::exit_reason::kill);
    self->wait_for(middleman_);
    middleman_ = nullptr;
  }
  connections_of(*system_)->close();
  // Waits for actors that others had spawned, then for jobs that are running.
  system_.reset();
  real_.reset();
}

void runtime::adopt(caf::strong_actor_ptr handle) {
  const std::scoped_lock lock{mutex_};
  kept_.push_back(std::move(handle));
}

caf::strong_actor_ptr runtime::take_last() {
  const std::scoped_lock lock{mutex_};
  if (kept_.empty())
    return nullptr;
  auto last = std::move(kept_.back());
  kept_.pop_back();
  return last;
}

cluster_key runtime::cluster() const { return cluster_->key(); }

/// A directory that this user may not write is another one's to found.
error runtime::found_cluster() {
  if (config().data_directory.empty())
    return {}; // It has none: a guest of the cluster, known by its name.
  auto found = found_cluster_id(env(), config().data_directory);
  if (found && !config().spans_hosts())
    cluster_->id = found->value;
  return found || found.failure().code == errc::permission ? error{}
                                                           : found.failure();
}

result<std::unique_ptr<rt::state_store>>
runtime::open_checkpoints(const std::string& directory) {
  return open_merge_checkpoints(env(), directory);
}

result<std::unique_ptr<persistence::hdb_index>>
runtime::open_hdb_index(const std::string& directory) {
  if (auto fault = env().fs->create_directories(directory))
    return fault;
  return persistence::hdb_index::open(directory);
}

void runtime::tell(const notice& what) {
  const auto level = what.level == notice::severity::error ? log_level::error
                     : what.level == notice::severity::warning
                       ? log_level::warning
                     : what.level == notice::severity::info ? log_level::info
                                                            : log_level::debug;
  log_.as(what.type, what.process).write(level, what.id, what.text);
}

result<std::unique_ptr<listener>>
runtime::listen(const listen_options& options) {
  auto guarded = options;
  if (options.admits_all)
    return open_tcp_listener(guarded);
  guarded.refuse = [users = keeping_->users](int socket) {
    return users.refusal(peer_user(socket));
  };
  return open_tcp_listener(guarded);
}

void runtime::essential(const std::string& process, const caf::actor& handle) {
  handle->attach_functor([this, process](const caf::error& reason) {
    if (ending_ || reason == caf::exit_reason::user_shutdown || !on_failure_)
      return;
    // Nobody told it to end.
    on_failure_(process, reason ? from_caf(reason)
                                : error{errc::closed, "ended without a fault"});
  });
}

result<uint16_t> runtime::open_port(const caf::strong_actor_ptr& door,
                                    uint16_t port, const std::string& address) {
  guest self{*system_};
  result<uint16_t> out = error{};
  self
    ->request(middleman_, caf::infinite, caf::publish_atom_v, port, door,
              std::set<std::string>{}, address, true)
    .receive([&](uint16_t opened) { out = opened; },
             [&](const caf::error& fault) {
               out = error{errc::unavailable, to_string(from_caf(fault))};
             });
  return out;
}

text::json_value runtime::port_facts() const {
  auto out = keeping_->refused->facts();
  if (const auto& identity = keeping_->identity) {
    if (out.is_null())
      out = text::json_value::object();
    const auto now_s
      = (keeping_->clock->now_ns() + epoch_2000_ns) / 1'000'000'000;
    out.add("certificate_days", identity->now()->days_left(now_s));
    if (const auto fault = identity->fault())
      out.add("certificate_fault", fault.context);
  }
  return out;
}

void runtime::close_port(const caf::strong_actor_ptr& door, uint16_t port) {
  guest self{*system_};
  self
    ->request(middleman_, caf::infinite, caf::unpublish_atom_v,
              caf::actor_cast<caf::actor_addr>(door), port)
    .receive([] {}, [](const caf::error&) {});
}

result<caf::strong_actor_ptr>
runtime::find(const endpoint& at, std::chrono::milliseconds deadline) {
  guest self{*system_};
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
    if (is_refusal(last.code))
      return last;
    // A node that is starting refuses connections for a moment.
    self.pause(std::chrono::milliseconds{50});
  } while (env().clock->monotonic_ns() < until);
  if (!last)
    last = {errc::unavailable, to_string(at)};
  if (last.code == errc::unavailable)
    last.context += start_hint(config(), {at});
  return last;
}

} // namespace millrace::nodes
