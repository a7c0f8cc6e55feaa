#pragma once

#include <millrace/messages/data/ids.hpp>

#include <caf/meta/type_name.hpp>

#include <cstdint>
#include <string>

namespace millrace {

/// A cluster as its nodes and clients know it: those of one name whose ids are
/// known and differ have different data, and are strangers to each other.
struct cluster_key {
  std::string name;
  cluster_id id;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cluster_key& x) {
  return f(caf::meta::type_name("cluster_key"), x.name, x.id);
}

/// Where an actor lives: a node's address, the actor's name there, and the
/// cluster that the node must be of.
struct endpoint {
  std::string host;
  uint16_t port = 0;
  std::string name;
  std::string cluster;
  friend bool operator==(const endpoint&, const endpoint&) = default;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, endpoint& x) {
  return f(caf::meta::type_name("endpoint"), x.host, x.port, x.name, x.cluster);
}

[[nodiscard]] std::string to_string(const endpoint& at);

} // namespace millrace
