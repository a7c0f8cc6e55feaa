#include <millrace/nodes/assembly/node_assembly.hpp>
#include <millrace/sim/world/checkpoint_history.hpp>
#include <millrace/sim/world/world.hpp>

namespace millrace::sim {

void world::add_cluster(const nodes::cluster_config& cluster,
                        const cluster_options& options) {
  for (const auto& each : cluster.nodes) {
    const auto machine = options.machines.find(each.name);
    add_node(each.name,
             [roles = options.roles](node& me) {
               auto processes
                 = std::make_shared<nodes::node_assembly>(me, me.name(), roles);
               // It holds the processes while it lives.
               (void)processes->open_door();
               return processes->start_all();
             },
             {.supervised = options.supervised,
              .host = machine == options.machines.end() ? cluster.name
                                                        : machine->second,
              .config = cluster});
  }
}

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
  return std::unique_ptr<persistence::hdb_index>{};
}

bool node::listens_at(const endpoint& at) const {
  const auto* me = config().node(name_);
  return me != nullptr && me->port == at.port && config().address == at.host;
}

} // namespace millrace::sim
