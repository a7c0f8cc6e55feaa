#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace millrace::bench {

/// A file descriptor that closes with its owner.
class descriptor {
public:
  explicit descriptor(int number = -1) noexcept : number_{number} {}
  ~descriptor();
  descriptor(descriptor&& from) noexcept
    : number_{std::exchange(from.number_, -1)} {}
  descriptor& operator=(descriptor&& from) noexcept {
    std::swap(number_, from.number_);
    return *this;
  }

  [[nodiscard]] int get() const noexcept { return number_; }
  void close() noexcept { *this = descriptor{}; }

private:
  int number_;
};

/// `unavailable`, with what errno says of it.
[[nodiscard]] error system_error(const std::string& what);

/// A TCP port of this host that takes connections.
struct listener {
  descriptor socket;
  uint16_t port = 0;
};
[[nodiscard]] result<listener> listen_locally();
[[nodiscard]] result<descriptor> accept_one(const listener& from);
[[nodiscard]] result<descriptor> connect_locally(uint16_t port);

/// Sends all of it, however long that blocks.
[[nodiscard]] error send_all(const descriptor& to,
                             std::span<const std::byte> bytes);
/// The same to a file.
[[nodiscard]] error write_all(const descriptor& to,
                              std::span<const std::byte> bytes);
/// At least one byte. 0: the other side closed. `timeout` when a connection
/// that was made here is silent for a minute.
[[nodiscard]] result<size_t> receive(const descriptor& from,
                                     std::span<std::byte> into);

} // namespace millrace::bench
