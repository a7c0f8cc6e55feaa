#include <millrace/actors/rt/sequence/space_reserve.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/assembly/guest.hpp>
#include <millrace/nodes/host/data_owner.hpp>
#include <millrace/nodes/host/last_words.hpp>
#include <millrace/nodes/host/listen_fault.hpp>
#include <millrace/nodes/host/process_usage.hpp>
#include <millrace/nodes/node/load_libraries.hpp>
#include <millrace/nodes/node/node.hpp>

#include <unistd.h>

namespace millrace::nodes {

using namespace std::chrono_literals;

namespace {

/// What the streams of a node keep for a full disk.
/// @returns whether there was any.
bool give_reserves(persistence::file_system& fs, const cluster_config& config,
                   const std::string& node) {
  bool any = false;
  for (const auto& process : config.processes)
    if (process.type == process_type::rt && process.node == node)
      for (const auto& stream : process.streams)
        any |= rt::space_reserve::give(
          fs, config.stream_directory(process.name, stream));
  return any;
}

/// What a node says of itself beside its processes.
status_facts facts_of(const runtime& host) {
  auto out = status_facts::object();
  if (auto refused = host.port_facts(); !refused.is_null())
    out.add("port", std::move(refused));
  if (const auto usage = usage_of_process(::getpid()))
    out.add("usage", {{"cpu_ms", usage->cpu_ms},
                      {"memory_bytes", usage->resident_bytes}});
  return out;
}

} // namespace

node::node(const node_start& how) : name_{how.name}, log_{how.log} {}

result<std::unique_ptr<node>> node::start(node_start how) {
  std::unique_ptr<node> made{new node{how}};
  if (auto fault = made->open(std::move(how))) {
    if (made->lock_)
      made->lock_->keep_failure(fault);
    return fault;
  }
  return made;
}

error node::open(node_start how) {
  last_words::install();
  std::vector<std::string> spared;
  if (auto fault = load_libraries(how.config, {name_}, &how.roles, spared))
    return fault;
  for (const auto& each : spared)
    log_.warning("load", each);
  auto made = runtime::create(
    std::move(how.config),
    {.node = name_,
     .log = log_,
     .on_failure = [this](const std::string& process, const error& why) {
       failed(process, why);
     }});
  if (!made)
    return made.failure();
  runtime_ = *std::move(made);
  auto& world = runtime_->env();
  if (auto fault = check_data_owner(config()))
    return fault;
  const auto directory = config().node_directory(name_);
  auto locked = node_lock::acquire(world, directory);
  if (!locked && locked.failure().code == errc::no_space
      && give_reserves(*world.fs, config(), name_))
    locked = node_lock::acquire(world, directory);
  if (!locked)
    return locked.failure();
  lock_ = *std::move(locked);
  if (!lock_->overwritten().empty())
    log_.warning("overwritten", lock_->overwritten() + "; it is written anew");
  world.ended_by_fault = lock_->before() && lock_->before()->signal != 0;
  if (const auto& before = lock_->before())
    log_.warning(
      "died",
      "the life before, process " + std::to_string(before->pid) + " since "
        + text::time_text(before->started_ns) + ", " + end_of(*before)
        + (before->seen_ns == 0 ? ""
                                : "; it was last seen alive at "
                                    + text::time_text(before->seen_ns)));
  processes_
    = std::make_shared<node_assembly>(*runtime_, name_, std::move(how.roles));
  const auto door = processes_->open_door(
    [host = runtime_.get()] { return facts_of(*host); });
  door_ = caf::actor_cast<caf::strong_actor_ptr>(door);
  const auto& mine = *config().node(name_);
  const auto& address = config().address_of(mine);
  const auto wanted = mine.port;
  auto port = runtime_->open_port(door_, wanted, address);
  if (!port) {
    auto fault = listen_fault(address, wanted);
    fault.context = config().path + ": node '" + name_ + "': " + fault.context;
    return fault;
  }
  port_ = *port;
  return processes_->start_all();
}

error node::start_process(const std::string& process) {
  return processes_->start(process);
}

void node::failed(const std::string& process, const error& why) {
  log_.error("failed", process + ": " + to_string(why));
  const std::scoped_lock lock{mutex_};
  if (!failure_)
    failure_ = {why.code, "process '" + process + "': " + why.context};
  changed_.notify_all();
}

void node::stop() {
  {
    const std::scoped_lock lock{mutex_};
    if (std::exchange(stopped_, true))
      return;
  }
  changed_.notify_all();
  if (!runtime_)
    return;
  runtime_->expect_end();
  if (processes_) {
    guest self{runtime_->system()};
    for (const auto& stream : processes_->close())
      self->request(stream, 10s, stop_atom_v)
        .receive([](bool) {},
                 [this](const caf::error& fault) {
                   log_.error("stop", to_string(from_caf(fault)));
                 });
  }
  if (port_ != 0)
    runtime_->close_port(door_, port_);
  door_ = nullptr;
  runtime_->locals()->clear();
}

node::~node() {
  stop();
  processes_.reset();
  runtime_.reset();
  lock_.reset();
}

error node::wait(const std::function<bool()>& interrupted) {
  std::unique_lock lock{mutex_};
  auto& clock = *runtime_->env().clock;
  int64_t marked_ns = 0;
  bool is_told = false;
  while (!failure_ && !stopped_ && !interrupted()) {
    if (clock.monotonic_ns() - marked_ns > 1'000'000'000) {
      marked_ns = clock.monotonic_ns();
      const auto fault = lock_->mark_alive();
      if (fault && !std::exchange(is_told, true))
        log_.warning("mark", to_string(fault));
    }
    changed_.wait_for(lock, 50ms);
  }
  if (failure_)
    lock_->keep_failure(failure_);
  return failure_;
}

} // namespace millrace::nodes
