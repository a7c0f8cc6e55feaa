#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/users/grants.hpp>
#include <millrace/nodes/users/secrets.hpp>
#include <millrace/nodes/users/user_secrets.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace millrace::nodes {

/// How a client proves who it is.
enum class login_way : uint8_t {
  password,
  token,
  scram, ///< By an exchange: its session asks for the verifier, and judges.
};
[[nodiscard]] std::string_view to_string(login_way way) noexcept;

/// What a client says of itself.
struct login_attempt {
  login_way way = login_way::password;
  std::string user;   ///< Of a token: empty.
  std::string secret; ///< The password, or the token.
  friend bool operator==(const login_attempt&, const login_attempt&) = default;
};

/// What comes of it. Of SCRAM: the verifier, of somebody who is not there too.
struct login_verdict {
  bool is_accepted = false; ///< Not of SCRAM.
  std::string user;         ///< Whose it is.
  std::optional<scram_verifier> verifier;
  error fault;       ///< Why nobody can log in now.
  std::string proof; ///< What is kept of the secret that it is judged by.
};

/// Who is logged in, and by what that is kept of a secret.
struct standing_login {
  std::string user;
  std::string proof;
  friend auto operator<=>(const standing_login&, const standing_login&)
    = default;
};

/// What a session found: whether a client is who it says.
struct login_told {
  std::string user;
  bool is_accepted = false;
  friend bool operator==(const login_told&, const login_told&) = default;
};

/// Judges the logins of a port. Thread safe.
class login_judge {
public:
  using loader = std::function<result<secrets_by_user>()>;

  /// @param load the secrets as they are now
  /// @param users those that the configuration names: others have no secret
  [[nodiscard]] static result<login_judge>
  make(loader load, std::map<std::string, user_grants> users);

  /// Takes about 0.1 s and 19 MiB for a password, whether it is the right one,
  /// another one, or its user is not there.
  [[nodiscard]] login_verdict judge(const login_attempt& what) const;
  /// Of these, those whose user or secret is not there any more.
  [[nodiscard]] result<std::set<standing_login>>
  gone_of(const std::set<standing_login>& all) const;
  /// Of one that nobody knows: nothing.
  [[nodiscard]] const user_grants& grants_of(const std::string& user) const;

private:
  login_judge() = default;

  loader load_;
  std::map<std::string, user_grants> users_;
  std::string nobody_;      ///< Hash of a password that nobody has.
  std::string mock_secret_; ///< For verifiers of users who are not there.
};

} // namespace millrace::nodes
