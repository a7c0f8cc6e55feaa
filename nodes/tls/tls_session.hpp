#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/nodes/tls/tls_identity.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

// Of OpenSSL.
struct ssl_st;

namespace millrace::nodes {

/// The server's end of TLS on one connection: bytes of the network in, bytes of
/// the client out, and back. Touches no socket and no clock. It holds a record
/// that is not whole yet, of at most 17 KiB, and what is not done of a
/// handshake; nothing of what it was given and gave back. One owner.
class tls_session {
public:
  /// What bytes of the network come to.
  struct outcome {
    std::string plain;     ///< Of the client, in order.
    std::string sealed;    ///< For the network, also when there is a fault.
    bool is_ready = false; ///< The handshake was done by these bytes.
    bool is_over = false;  ///< The client said that nothing follows.
    error fault{};         ///< Not none: the connection is of no use now.
  };

  explicit tls_session(std::shared_ptr<const tls_identity> by);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  [[nodiscard]] outcome received(std::string_view bytes);
  /// What goes to the network for bytes for the client. Empty: there was a
  /// fault. @pre is_ready()
  [[nodiscard]] std::string seal(std::string_view plain);
  /// What tells the client that nothing follows.
  [[nodiscard]] std::string close();
  /// The handshake is done.
  [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }

private:
  struct wire;

  bool shake_hands(outcome& into);
  void unseal(outcome& into);
  void fail(outcome& into);

  std::shared_ptr<const tls_identity> by_;
  std::unique_ptr<wire> wire_;
  ssl_st* ssl_ = nullptr;
  bool is_ready_ = false;
  bool is_over_ = false;
  bool has_failed_ = false;
};

} // namespace millrace::nodes
