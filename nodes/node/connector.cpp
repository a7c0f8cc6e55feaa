#include <millrace/nodes/node/connector.hpp>
#include <millrace/nodes/node/guarded_middleman.hpp>

#include <caf/actor_cast.hpp>

#include <set>

namespace millrace::nodes {

namespace {
constexpr auto request_deadline = std::chrono::seconds{2};
} // namespace

caf::result<caf::strong_actor_ptr>
connector_state::connect(const endpoint& to) {
  if (to.port == port && to.host == host) {
    if (auto handle = locals->find(to.name))
      return handle;
    return to_caf({errc::not_found, to_string(to) + ": no such actor"});
  }
  // Of another cluster than its own this process knows the name only.
  auto asker = cluster->key();
  if (asker.name != to.cluster)
    asker = {to.cluster, {}};
  auto promise = self->make_response_promise<caf::strong_actor_ptr>();
  auto fail = [promise, to, said = told](const caf::error& fault) mutable {
    const auto why = from_caf(fault);
    if (const auto known = said->find(to.host, to.port)) {
      promise.deliver(
        to_caf({known.code, to_string(to) + ": " + known.context}));
      return;
    }
    // One of another cluster is there, and stays what it is.
    promise.deliver(
      to_caf({why.code == errc::config ? errc::config : errc::unavailable,
              to_string(to) + ": " + to_string(why)}));
  };
  self
    ->request(middleman, caf::timespan{request_deadline}, caf::connect_atom_v,
              to.host, to.port)
    .then(
      [this, to, asker, promise, fail](const caf::node_id&,
                                       const caf::strong_actor_ptr& door,
                                       const std::set<std::string>&) mutable {
        if (!door) {
          promise.deliver(to_caf(
            {errc::unavailable, to_string(to) + ": nobody answers there"}));
          return;
        }
        self
          ->request(caf::actor_cast<front_door_actor>(door),
                    caf::timespan{request_deadline}, resolve_atom_v, to.name,
                    asker)
          .then(
            [promise](const caf::strong_actor_ptr& found) mutable {
              promise.deliver(found);
            },
            fail);
      },
      fail);
  return promise;
}

connector_actor::behavior_type
connector(connector_actor::stateful_pointer<connector_state> self,
          std::shared_ptr<local_actors> locals,
          std::shared_ptr<known_cluster> cluster, std::string host,
          uint16_t port, caf::actor middleman,
          std::shared_ptr<told_refusals> told) {
  self->state.locals = std::move(locals);
  self->state.cluster = std::move(cluster);
  self->state.host = std::move(host);
  self->state.port = port;
  self->state.middleman = std::move(middleman);
  self->state.told = std::move(told);
  return {
    [self](caf::connect_atom, const endpoint& to) {
      return self->state.connect(to);
    },
  };
}

} // namespace millrace::nodes
