#pragma once

#include <millrace/nodes/users/secrets.hpp>

#include <string>
#include <string_view>

namespace millrace::nodes {

/// What a server says and hears in SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC
/// 5802, RFC 7677), as PostgreSQL has it: the name of the user is known before.
/// One login; used in the order of its functions.
class scram_exchange {
public:
  /// The client was told of SCRAM-SHA-256-PLUS. Not called: there is no channel
  /// to bind to, and a client that binds is refused.
  /// @param end_point of the server's certificate: tls-server-end-point
  /// @param is_bound the client chose it
  void offer_binding(std::string end_point, bool is_bound);
  /// The first message of the client. `invalid_argument` says what is wrong.
  [[nodiscard]] error hear_first(std::string_view message);
  /// The answer to it.
  /// @param nonce that nobody had before, without a comma
  [[nodiscard]] std::string challenge(scram_verifier of,
                                      std::string_view nonce);
  /// What proves that the client has the password: what it is answered.
  /// `permission`: it does not have it.
  [[nodiscard]] result<std::string> hear_proof(std::string_view message) const;

private:
  bool is_offered_ = false;
  bool is_bound_ = false;
  std::string end_point_;
  std::string header_; ///< "n,,", and the end point of a client that binds.
  std::string first_;  ///< What follows it.
  std::string nonce_;  ///< Of the client, then of both.
  std::string challenge_;
  scram_verifier verifier_;
};

/// The verifier of somebody who is not there: equal for a name as long as the
/// process lives, and fulfilled by no password.
/// @param secret nobody else's
[[nodiscard]] scram_verifier mock_verifier(std::string_view secret,
                                           std::string_view user);

} // namespace millrace::nodes
