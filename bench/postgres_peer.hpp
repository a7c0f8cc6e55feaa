#pragma once

#include <millrace/bench/door_clients.hpp>

#include <memory>
#include <string>

namespace millrace::bench {

/// A PostgreSQL server of its own, as its package sets it up, with a cluster of
/// databases below a directory. It ends with this object.
class postgres_peer {
public:
  /// `unavailable` says how to install it.
  [[nodiscard]] static result<std::unique_ptr<postgres_peer>>
  start(const std::string& directory);
  ~postgres_peer();

  [[nodiscard]] uint16_t port() const noexcept { return port_; }
  /// The directory of its programs, psql among them.
  [[nodiscard]] const std::string& programs() const noexcept {
    return programs_;
  }

private:
  postgres_peer() = default;
  uint16_t port_ = 0;
  std::string programs_;
  std::unique_ptr<peer_server> server_;
};

} // namespace millrace::bench
