#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/file_system.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// What is kept of one user's secrets.
struct kept_secrets {
  std::string password; ///< Of argon2id. Empty: there is no password.
  std::string scram;    ///< Of the same one.
  std::vector<std::string> tokens; ///< Hashes.
  friend bool operator==(const kept_secrets&, const kept_secrets&) = default;
};
using secrets_by_user = std::map<std::string, kept_secrets>;

/// The name of a token, by which it is shown and removed: the start of its
/// hash.
[[nodiscard]] std::string token_name(const std::string& hash);

/// Reads a file of secrets: lines of a user, a kind (`password`, `scram`,
/// `token`) and what is kept. Every fault is a line `<file>:<line>: <reason>`
/// of one `config` error, and tells no secret.
[[nodiscard]] result<secrets_by_user> parse_secrets(std::string_view text,
                                                    const std::string& file);
[[nodiscard]] std::string to_text(const secrets_by_user& all);

/// The same of a file; a missing one is empty. `config` also when others than
/// its owner and its group could read it, or others than its owner write it, or
/// when it is a link.
[[nodiscard]] result<secrets_by_user> load_secrets(persistence::file_system& fs,
                                                   const std::string& path);
/// Replaces it, readable by its owner and its group.
[[nodiscard]] error save_secrets(persistence::file_system& fs,
                                 const std::string& path,
                                 const secrets_by_user& all);

/// Sets both forms of a password. `invalid_argument` for one that is empty, or
/// longer than 1 KiB, or no text.
[[nodiscard]] error set_password(kept_secrets& of, std::string_view password);

} // namespace millrace::nodes
