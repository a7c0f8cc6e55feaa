#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/actors/torq/gateway/gateway.hpp>
#include <millrace/actors/torq/hdb/hdb.hpp>
#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/actors/torq/registry/discovery.hpp>
#include <millrace/actors/torq/registry/registrar.hpp>
#include <millrace/nodes/assembly/endpoints.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/assembly/period_timer.hpp>
#include <millrace/nodes/host/listen_fault.hpp>
#include <millrace/nodes/node/feed_process.hpp>
#include <millrace/nodes/node/merge_checkpoints.hpp>
#include <millrace/nodes/node/node.hpp>

#include <caf/io/middleman.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace millrace::nodes {

namespace {

using namespace std::chrono_literals;

/// Tables of the configuration that a process holds.
std::vector<table_schema> schemas_of(const cluster_config& config,
                                     const process_config& process) {
  std::vector<table_schema> out;
  for (const auto& name : process.tables)
    out.push_back(config.table(name)->schema);
  return out;
}

bool is_order(const caf::error& reason) {
  return !reason || reason == caf::exit_reason::user_shutdown
         || reason == caf::exit_reason::normal;
}

} // namespace

node::node(node_start how)
  : config_{std::move(how.config)}, name_{std::move(how.name)}, log_{std::move(
                                                                  how.log)} {}

result<std::unique_ptr<node>> node::start(node_start how) {
  std::unique_ptr<node> made{new node{std::move(how)}};
  if (auto fault = made->open())
    return fault;
  return made;
}

error node::open() {
  const auto* me = config_.node(name_);
  if (me == nullptr)
    return {errc::config,
            config_.path + ": no [[node]] is named '" + name_ + "'"};
  auto made = runtime::create({.host = config_.address, .port = me->port});
  if (!made)
    return made.failure();
  runtime_ = *std::move(made);
  auto locked
    = node_lock::acquire(runtime_->env(), config_.node_directory(name_));
  if (!locked)
    return locked.failure();
  lock_ = *std::move(locked);
  auto& system = runtime_->system();
  auto door = system.spawn(
    front_door, name_, runtime_->locals(),
    [this](const std::string& process) { return start_process(process); });
  door_ = caf::actor_cast<caf::actor>(runtime_->keep(door));
  runtime_->locals()->put(std::string{front_door_name},
                          caf::actor_cast<caf::strong_actor_ptr>(door));
  auto port
    = system.middleman().publish(door, me->port, config_.address.c_str(), true);
  if (!port) {
    auto fault = listen_fault(config_.address, me->port);
    fault.context = config_.path + ": node '" + name_ + "': " + fault.context;
    return fault;
  }
  port_ = *port;
  registrar_ = runtime_->keep(
    system.spawn(torq::registrar, &runtime_->env(), runtime_->connector(),
                 endpoints_of(config_, process_type::discovery)));
  // In the order of the roles: those that others need come first.
  for (const auto type :
       {process_type::discovery, process_type::rt, process_type::hdb,
        process_type::rdb, process_type::gateway, process_type::feed})
    for (const auto& process : me->processes)
      if (config_.process(process)->type == type)
        if (auto fault = start_process(process))
          return fault;
  return {};
}

error node::start_process(const std::string& process) {
  const std::scoped_lock lock{starting_};
  const auto* what = config_.process(process);
  if (what == nullptr)
    return {errc::not_found,
            config_.path + ": no [[process]] is named '" + process + "'"};
  if (runtime_->locals()->find(process))
    return {errc::already_exists,
            "process '" + process + "' runs on node '" + name_ + "'"};
  switch (what->type) {
    case process_type::discovery:
      return start_discovery(*what);
    case process_type::rt:
      return start_rt(*what);
    case process_type::feed:
      return start_feed(*what);
    case process_type::rdb:
      return start_rdb(*what);
    case process_type::hdb:
      return start_hdb(*what);
    case process_type::gateway:
      return start_gateway(*what);
  }
  return {errc::internal, "process type"};
}

template <class Handle>
void node::host(const process_config& process, Handle handle,
                const std::string& attributes) {
  runtime_->keep(handle);
  watch_over(process.name, caf::actor_cast<caf::actor>(handle));
  runtime_->locals()->put(process.name,
                          caf::actor_cast<caf::strong_actor_ptr>(handle));
  process_row row;
  row.name = process.name;
  row.type = std::string{to_string(process.type)};
  row.node = name_;
  row.at = {config_.address, port_, process.name};
  row.attributes = attributes;
  caf::anon_send(registrar_, register_atom_v, std::move(row));
  log_.as(std::string{to_string(process.type)}, process.name)
    .info("started", "serves on node " + name_);
}

void node::watch_over(const std::string& process, const caf::actor& handle) {
  handle->attach_functor([this, process](const caf::error& reason) {
    if (!stopping_ && !is_order(reason))
      failed(process, reason);
  });
}

/// Storage and state are one with their actor: when it dies by a fault, the
/// node goes down with it, and recovery decides what is true.
void node::failed(const std::string& process, const caf::error& reason) {
  const auto fault = from_caf(reason);
  log_.error("failed", process + ": " + to_string(fault));
  const std::scoped_lock lock{mutex_};
  if (!failure_)
    failure_ = {fault.code, "process '" + process + "': " + fault.context};
  changed_.notify_all();
}

error node::start_discovery(const process_config& process) {
  host(process, runtime_->system().spawn(torq::discovery, &runtime_->env()),
       "{}");
  return {};
}

error node::start_rt(const process_config& process) {
  auto& env = runtime_->env();
  std::vector<sequencer_actor> streams;
  for (const auto& stream : process.streams) {
    const auto* settings = config_.stream(stream);
    if (settings->retention_age_ns != 0 || settings->retention_bytes != 0)
      return {errc::config, config_.path + ": stream '" + stream
                              + "': retention: collecting old log files is not "
                                "supported yet"};
    rt::sequencer_options options;
    options.stream = stream;
    options.directory
      = config_.data_directory + "/rt/" + process.name + "/" + stream;
    options.cached = settings->mode == stream_mode::cached;
    // Entries end at most one chunk behind it.
    options.roll_bytes
      = std::min<uint64_t>(settings->roll_bytes, uint64_t{900} << 20);
    auto store = open_merge_checkpoints(env, options.directory + "/state");
    if (!store)
      return store.failure();
    auto core = rt::sequencer_core::open(env, options, *std::move(store));
    if (!core)
      return core.failure();
    auto handle = runtime_->system().spawn(
      rt::sequencer, &env,
      std::make_shared<std::unique_ptr<rt::sequencer_core>>(*std::move(core)),
      rt::sequencer_settings{.period_grace_ns = config_.period.grace_ns});
    streams.push_back(handle);
    {
      const std::scoped_lock lock{mutex_};
      sequencers_.push_back(handle);
    }
    runtime_->locals()->put("rt/" + stream,
                            caf::actor_cast<caf::strong_actor_ptr>(handle));
    if (stream == process.streams.front()) {
      host(process, handle,
           nlohmann::json{{"streams", process.streams}}.dump());
    } else {
      runtime_->keep(handle);
      watch_over(process.name, caf::actor_cast<caf::actor>(handle));
    }
  }
  if (config_.period.clock) {
    auto timer = runtime_->keep(runtime_->system().spawn(
      period_timer, &env, config_.period.rule, std::move(streams)));
    runtime_->locals()->put("period-timer",
                            caf::actor_cast<caf::strong_actor_ptr>(timer));
  }
  return {};
}

error node::start_rdb(const process_config& process) {
  if (!process.symbols.empty())
    return {errc::config, config_.path + ": process '" + process.name
                            + "': symbols: an rdb of some symbols only is not "
                              "supported yet"};
  torq::rdb_settings settings;
  settings.process = process.name;
  settings.stream = config_.table(process.tables.front())->stream;
  settings.tables = schemas_of(config_, process);
  settings.hdb_directory = process.hdb_directory;
  settings.write_down = process.write_down;
  settings.memory_max_bytes = process.memory_max_bytes;
  settings.query_timeout_ns = process.query_timeout_ns;
  settings.on_stall
    = [log = log_.as("rdb", process.name)](const std::string& reason) {
        if (reason.empty())
          log.info("resumed", "memory is free, applying goes on");
        else
          log.warning("stalled", reason);
      };
  auto rt = endpoint_of_stream(config_, settings.stream);
  if (!rt)
    return rt.failure();
  settings.rt = *rt;
  const nlohmann::json attributes{{"stream", settings.stream},
                                  {"tables", process.tables}};
  host(process,
       runtime_->system().spawn(torq::rdb, &runtime_->env(), settings,
                                runtime_->connector(), registrar_),
       attributes.dump());
  return {};
}

error node::start_hdb(const process_config& process) {
  torq::hdb_settings settings;
  settings.process = process.name;
  settings.directory = process.hdb_directory;
  settings.query_timeout_ns = process.query_timeout_ns;
  for (const auto& table : config_.tables)
    settings.streams[table.schema.name] = table.stream;
  const auto directory = config_.data_directory + "/hdb-index/" + process.name;
  if (auto fault = runtime_->env().fs->create_directories(directory))
    return fault;
  auto index = persistence::hdb_index::open(directory);
  if (!index)
    return index.failure();
  host(process,
       runtime_->system().spawn(
         torq::hdb, &runtime_->env(), settings,
         std::make_shared<torq::hdb_index_slot>(*std::move(index))),
       "{}");
  return {};
}

error node::start_gateway(const process_config& process) {
  torq::gateway_settings settings;
  settings.process = process.name;
  settings.query_timeout_ns = process.query_timeout_ns;
  settings.result_rows_max = process.result_rows_max;
  settings.result_bytes_max = process.memory_max_bytes;
  for (const auto& table : config_.tables)
    settings.tables[table.schema.name]
      = {table.schema, table.stream, false, false};
  // Those that only `spawn` starts may never come.
  const bool has_hdb = std::any_of(
    config_.processes.begin(), config_.processes.end(), [](const auto& other) {
      return other.type == process_type::hdb && !other.node.empty();
    });
  for (const auto& other : config_.processes)
    if (other.type == process_type::rdb && !other.node.empty())
      for (const auto& name : other.tables)
        settings.tables.at(name).in_rdb = true;
  for (auto& [name, table] : settings.tables)
    table.in_hdb = has_hdb;
  host(process,
       runtime_->system().spawn(torq::gateway, &runtime_->env(), settings,
                                runtime_->connector(), registrar_),
       "{}");
  return {};
}

error node::start_feed(const process_config& process) {
  auto made = start_feed_process(*runtime_, config_, process, {});
  if (!made)
    return made.failure();
  const nlohmann::json attributes{{"table", process.table}};
  host(process, made->handle, attributes.dump());
  return {};
}

void node::stop() {
  std::vector<sequencer_actor> streams;
  {
    const std::scoped_lock lock{mutex_};
    if (stopped_)
      return;
    stopped_ = true;
    streams = std::move(sequencers_);
  }
  stopping_ = true;
  changed_.notify_all();
  if (!runtime_)
    return;
  {
    caf::scoped_actor self{runtime_->system()};
    for (const auto& stream : streams)
      self->request(stream, 10s, stop_atom_v)
        .receive([](bool) {},
                 [this](const caf::error& fault) {
                   log_.error("stop", to_string(from_caf(fault)));
                 });
  }
  streams.clear();
  if (port_ != 0)
    (void)runtime_->system().middleman().unpublish(door_, port_);
  door_ = nullptr;
  registrar_ = nullptr;
  runtime_->locals()->clear();
}

node::~node() {
  stop();
  runtime_.reset();
  lock_.reset();
}

error node::wait(const std::function<bool()>& interrupted) {
  std::unique_lock lock{mutex_};
  while (!failure_ && !stopped_ && !interrupted())
    changed_.wait_for(lock, 50ms);
  return failure_;
}

} // namespace millrace::nodes
