#include <millrace/nodes/assembly/front_door.hpp>

#include <caf/actor_cast.hpp>

#include <map>

namespace millrace::nodes {

namespace {
constexpr auto status_deadline = std::chrono::seconds{1};
} // namespace

caf::result<caf::strong_actor_ptr>
front_door_state::resolve(const std::string& what,
                          const cluster_key& of) const {
  if (of.name != cluster.name)
    return to_caf({errc::config, "node '" + node + "' is of cluster '"
                                   + cluster.name + "', and was asked for '"
                                   + what + "' of cluster '" + of.name + "'"});
  if (of.id != cluster.id && of.id != cluster_id{}
      && cluster.id != cluster_id{})
    return to_caf({errc::config,
                   "node '" + node + "' is of another cluster '" + cluster.name
                     + "': its data is in " + data
                     + "; let the configuration name that directory, or other "
                       "ports; if it names that one, what was there was "
                       "removed or replaced while the node ran: 'millrace "
                       "down' ends it"});
  if (auto handle = locals->find(what))
    return handle;
  return to_caf(
    {errc::not_found, "node '" + node + "' hosts no '" + what + "'"});
}

caf::result<std::string> front_door_state::spawn(const std::string& process) {
  if (auto fault = spawner(process))
    return to_caf(fault);
  return process;
}

caf::result<std::string> front_door_state::stop(const std::string& process) {
  if (!keeper)
    return to_caf(
      {errc::unsupported, "node '" + node + "' cannot stop '" + process + "'"});
  return self->delegate(keeper, stop_atom_v, process);
}

/// Answers once every local actor has, or has let its deadline pass.
caf::result<status_facts> front_door_state::status() {
  struct gathering {
    std::map<std::string, status_facts> processes;
    size_t missing = 0;
  };
  auto promise = self->make_response_promise<status_facts>();
  auto all = std::make_shared<gathering>();
  auto handles = locals->all();
  handles.erase(std::string{front_door_name});
  all->missing = handles.size() + 1;
  const auto own = of_node ? of_node() : status_facts{};
  auto done = [promise, all, own, at = node]() mutable {
    if (--all->missing != 0)
      return;
    // What became of a process is told with it.
    const auto kept
      = std::exchange(all->processes[std::string{process_keeper_name}], {});
    all->processes.erase(std::string{process_keeper_name});
    for (const auto& [process, ending] : kept.at("endings").entries()) {
      auto& row = all->processes[process];
      if (!row.is_object())
        row = text::json_value::object();
      for (const auto& [key, value] : ending.entries())
        row[key] = value;
    }
    status_facts out{{"node", at}, {"processes", all->processes}};
    for (const auto& [key, value] : own.entries())
      out.add(key, value);
    promise.deliver(std::move(out));
  };
  for (const auto& [key, handle] : handles)
    self
      ->request(caf::actor_cast<status_actor>(handle),
                caf::timespan{status_deadline}, status_atom_v)
      .then(
        [all, done, key = key](const status_facts& said) mutable {
          all->processes[key] = said;
          done();
        },
        [all, done, key = key](const caf::error& fault) mutable {
          all->processes[key]
            = status_facts{{"error", to_string(from_caf(fault))}};
          done();
        });
  done();
  return promise;
}

front_door_actor::behavior_type
front_door(front_door_actor::stateful_pointer<front_door_state> self,
           cluster_key cluster, std::string data, std::string node,
           std::shared_ptr<local_actors> locals,
           std::function<error(const std::string&)> spawner,
           process_keeper_actor keeper, std::function<status_facts()> of_node) {
  self->state.cluster = std::move(cluster);
  self->state.data = std::move(data);
  self->state.node = std::move(node);
  self->state.locals = std::move(locals);
  self->state.spawner = std::move(spawner);
  self->state.keeper = std::move(keeper);
  self->state.of_node = std::move(of_node);
  return {
    [self](status_atom) { return self->state.status(); },
    [self](resolve_atom, const std::string& what, const cluster_key& of) {
      return self->state.resolve(what, of);
    },
    [self](spawn_atom, const std::string& process) {
      return self->state.spawn(process);
    },
    [self](stop_atom, const std::string& process) {
      return self->state.stop(process);
    },
  };
}

} // namespace millrace::nodes
