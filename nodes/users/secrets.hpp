#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

// What is kept of passwords and tokens. None of it tells them.

namespace millrace::nodes {

/// Bytes of a salt.
inline constexpr size_t salt_bytes = 16;

/// Bytes that nobody can guess, from the system's generator.
[[nodiscard]] result<std::string> random_secret(size_t bytes);

/// What argon2id makes of a password, with its salt and its costs, as text:
/// 19 MiB, two passes. Takes about 0.1 s.
/// @param salt of `salt_bytes`
[[nodiscard]] result<std::string> password_hash(std::string_view password,
                                                std::string_view salt);
/// Whether the text was made of this password. Takes as long as making it.
[[nodiscard]] bool is_password_of(const std::string& hash,
                                  std::string_view password);
/// Whether the text is such a hash, of costs that a port may be asked to pay.
[[nodiscard]] bool is_password_hash(const std::string& text);

/// What SCRAM-SHA-256 needs of a password to be convinced that a client has it.
struct scram_verifier {
  uint32_t iterations = 4096;
  std::string salt;
  std::string stored_key;
  std::string server_key;
  friend bool operator==(const scram_verifier&, const scram_verifier&)
    = default;
};
[[nodiscard]] result<scram_verifier>
make_scram_verifier(std::string_view password, std::string_view salt);
/// As PostgreSQL keeps it: "SCRAM-SHA-256$4096:salt$stored key:server key".
[[nodiscard]] std::string to_text(const scram_verifier& of);
[[nodiscard]] result<scram_verifier> read_scram_verifier(std::string_view text);

/// What is kept of a token: the digits of its SHA-256.
[[nodiscard]] std::string token_hash(std::string_view token);
/// A new token: 32 bytes, as text.
[[nodiscard]] result<std::string> make_token();

[[nodiscard]] std::string sha256(std::string_view bytes);
[[nodiscard]] std::string hmac_sha256(std::string_view key,
                                      std::string_view bytes);
[[nodiscard]] std::string to_base64(std::string_view bytes);
/// `invalid_argument` for a text that is none.
[[nodiscard]] result<std::string> from_base64(std::string_view text);
/// Takes as long wherever they differ.
[[nodiscard]] bool is_same_secret(std::string_view left,
                                  std::string_view right) noexcept;

} // namespace millrace::nodes
