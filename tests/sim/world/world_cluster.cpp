#include <millrace/sim/world/checkpoint_history.hpp>
#include <millrace/sim/world/world.hpp>

namespace millrace::sim {

result<std::unique_ptr<rt::state_store>>
node::open_checkpoints(const std::string& directory) {
  auto& history = world_->checkpoints_[{host_, directory}];
  // They go with their directory.
  if (!history || !disk_->exists(directory))
    history = std::make_unique<checkpoint_history>();
  if (auto fault = disk_->create_directories(directory))
    return fault;
  return history->open(disk_->boot_id(),
                       [this](uint64_t below) { return world_->draw(below); });
}

result<std::unique_ptr<persistence::hdb_index>>
node::open_hdb_index(const std::string&) {
  return persistence::hdb_index::open({});
}

result<std::unique_ptr<nodes::listener>>
node::listen(const nodes::listen_options& options) {
  return open_simulated_port(ports_, options);
}

std::unique_ptr<port_client> node::connect(uint16_t port) {
  if (!alive_ || !ports_->open.contains(port))
    return nullptr;
  return std::make_unique<port_client>(*ports_, port);
}

bool node::listens_at(const endpoint& at) const {
  const auto* me = config().node(name_);
  return me != nullptr && me->port == at.port
         && config().address_of(*me) == at.host;
}

} // namespace millrace::sim
