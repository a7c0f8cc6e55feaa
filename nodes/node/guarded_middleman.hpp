#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/assembly/refused_connections.hpp>
#include <millrace/nodes/host/local_users.hpp>
#include <millrace/nodes/tls/member_identity.hpp>
#include <millrace/nodes/tls/renewable.hpp>
#include <millrace/persistence/disk/env.hpp>

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace millrace::nodes {

/// Why connections of this process came to nothing: `permission` where one of
/// both ends refused the other, else `unavailable`. Thread safe.
class told_refusals {
public:
  void put(const std::string& host, uint16_t port, error why);
  /// Another connection to there begins.
  void forget(const std::string& host, uint16_t port);
  /// Of the last one to there, for all who wanted it; none: nothing is known.
  [[nodiscard]] error find(const std::string& host, uint16_t port);

private:
  std::mutex mutex_;
  std::map<std::pair<std::string, uint16_t>, error> why_;
};

/// What a guarded middleman works with. All parts outlive it.
struct connection_keeping {
  admitted_users users; ///< Whose processes may connect to its ports.
  persistence::clock_source* clock = nullptr;
  std::shared_ptr<refused_connections> refused;
  std::shared_ptr<told_refusals> told;
  /// What it proves itself by, on connections that begin; null: all are in the
  /// clear.
  std::shared_ptr<renewable<member_identity>> identity;

  [[nodiscard]] std::shared_ptr<const member_identity> shown() const {
    return identity ? identity->now() : nullptr;
  }
};

/// A `caf::io::middleman_actor` beside that of the system. What it
/// connects and what connects to the ports that it opens begins as
/// `connection_guard` says, and is looked at by one all its life:
/// - who connects is a process of an admitted user, if it is of this host, and
///   shows a certificate of the cluster, if there are any;
/// - who is connected to shows one that is for the address that was asked;
/// - one that does not say within 5 s that it is of Millrace is closed when
///   another connects; so is the one that waited longest of more than 128;
/// - without a descriptor for it a connection is closed, and the port goes on.
/// What is refused is told to the other end, and to `refused`.
[[nodiscard]] caf::actor
guarded_middleman(caf::actor_system& system,
                  std::shared_ptr<const connection_keeping> how);

} // namespace millrace::nodes
