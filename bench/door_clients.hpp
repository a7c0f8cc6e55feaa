#pragma once

#include <millrace/bench/peer_server.hpp>
#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace millrace::bench {

// The least that a client of each protocol does: it asks, and looks at each
// message of the answer without making values of it. Each is of one thread, and
// fails with `unavailable` and what the server says of a refusal.

/// PostgreSQL's protocol, version 3.0.
class postgres_client {
public:
  /// Who asks first is let in: no password is known here.
  [[nodiscard]] static result<postgres_client> connect(uint16_t port);

  /// What a statement that was carried out gave.
  struct answer {
    uint64_t rows = 0;
    uint64_t bytes = 0; ///< Of the messages with rows.
  };
  /// One statement of the simple protocol, also COPY ... TO STDOUT.
  [[nodiscard]] result<answer> run(std::string_view statement);
  /// COPY ... FROM STDIN, with all of `rows`.
  [[nodiscard]] error copy_in(std::string_view statement,
                              std::string_view rows);
  /// A statement without parameters, parsed once.
  [[nodiscard]] error prepare(std::string_view statement);
  /// Binds and carries out what was prepared.
  [[nodiscard]] result<answer> run_prepared();

private:
  explicit postgres_client(std::unique_ptr<peer_socket> socket)
    : socket_{std::move(socket)} {}

  struct message {
    char type;
    std::string_view body; ///< Until the next one.
  };
  result<message> next();
  /// Up to where the server is ready for more.
  result<answer> take_all();

  std::unique_ptr<peer_socket> socket_;
};

/// kdb+'s IPC.
class kdb_client {
public:
  [[nodiscard]] static result<kdb_client> connect(uint16_t port);
  /// Asks and waits. @returns bytes of the answer
  [[nodiscard]] result<uint64_t> ask(std::string_view question);

private:
  explicit kdb_client(std::unique_ptr<peer_socket> socket)
    : socket_{std::move(socket)} {}
  std::unique_ptr<peer_socket> socket_;
};

/// HTTP/1.1, one connection.
class http_client {
public:
  [[nodiscard]] static result<http_client> connect(uint16_t port);
  /// @returns bytes of the answer's body
  [[nodiscard]] result<uint64_t> post(std::string_view target,
                                      std::string_view body);

private:
  explicit http_client(std::unique_ptr<peer_socket> socket)
    : socket_{std::move(socket)} {}
  result<uint64_t> take_chunks();
  std::unique_ptr<peer_socket> socket_;
};

} // namespace millrace::bench
