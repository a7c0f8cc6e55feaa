#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace millrace::nodes {

/// A user of this host, as the system numbers them.
using user_id = uint32_t;

/// "market (uid 1001)", "uid 1001" when it has no name.
[[nodiscard]] std::string user_text(user_id user);

/// The user whose process holds the other end of a TCP connection within this
/// host, as the kernel tells (sock_diag(7)). Does not block.
/// `not_found`: that end is closed, or on another host; `unsupported`: this
/// kernel does not tell.
[[nodiscard]] result<user_id> peer_user(int connection);

/// The users whose processes may talk to those of a cluster: root, the one that
/// runs this process, and those that `[cluster] users` names. Thread safe.
class admitted_users {
public:
  /// Root and the one that runs this process.
  admitted_users();

  /// @param names of users, "*" for all
  /// @returns `config` for a name that this host does not know.
  [[nodiscard]] static result<admitted_users>
  of(const std::vector<std::string>& names);

  [[nodiscard]] bool admits(user_id user) const noexcept {
    return all_ || users_.contains(user);
  }
  /// Why one at the other end of a connection may not be there; empty: it may.
  /// One that the kernel does not tell may, as the log says.
  [[nodiscard]] std::string refusal(const result<user_id>& peer) const;
  [[nodiscard]] bool all() const noexcept { return all_; }

private:
  bool all_ = false;
  std::set<user_id> users_;
};

} // namespace millrace::nodes
