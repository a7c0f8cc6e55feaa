#include <millrace/messages/text/hex_text.hpp>
#include <millrace/nodes/users/secrets.hpp>

#include <algorithm>
#include <argon2.h>
#include <charconv>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <optional>
#include <span>
#include <utility>

namespace millrace::nodes {

namespace {

constexpr uint32_t argon2_passes = 2;
constexpr uint32_t argon2_kib = 19 * 1024;
constexpr uint32_t argon2_lanes = 1;
constexpr size_t hash_bytes = 32;
/// What a port pays for a hash that another program made.
constexpr uint32_t argon2_passes_max = 8;
constexpr uint32_t argon2_kib_max = 64 * 1024;
constexpr uint32_t scram_iterations_max = 1'000'000;
constexpr std::string_view scram_name = "SCRAM-SHA-256$";

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

error bad_scram() {
  return {errc::invalid_argument, "is no verifier of SCRAM-SHA-256"};
}

/// "m=19456": the number after `name`, which goes with what stands before it.
std::optional<uint32_t> cost_in(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name))
    return std::nullopt;
  text.remove_prefix(name.size());
  uint32_t out = 0;
  const auto [end, fault]
    = std::from_chars(text.data(), text.data() + text.size(), out);
  if (fault != std::errc{})
    return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return out;
}

} // namespace

result<std::string> random_secret(size_t bytes) {
  std::string out(bytes, '\0');
  if (RAND_bytes(raw(out), static_cast<int>(bytes)) != 1)
    return error{errc::unavailable, "the system gives no random numbers"};
  return out;
}

result<std::string> password_hash(std::string_view password,
                                  std::string_view salt) {
  std::string out(argon2_encodedlen(argon2_passes, argon2_kib, argon2_lanes,
                                    static_cast<uint32_t>(salt.size()),
                                    hash_bytes, Argon2_id),
                  '\0');
  const auto code = argon2id_hash_encoded(
    argon2_passes, argon2_kib, argon2_lanes, password.data(), password.size(),
    salt.data(), salt.size(), hash_bytes, out.data(), out.size());
  if (code != ARGON2_OK)
    return error{errc::unavailable,
                 std::string{"argon2id: "} + argon2_error_message(code)};
  out.resize(out.find('\0'));
  return out;
}

bool is_password_of(const std::string& hash, std::string_view password) {
  return is_password_hash(hash)
         && argon2id_verify(hash.c_str(), password.data(), password.size())
              == ARGON2_OK;
}

bool is_password_hash(const std::string& text) {
  std::string_view rest{text};
  constexpr std::string_view begin = "$argon2id$v=19$";
  if (!rest.starts_with(begin) || rest.find('\0') != rest.npos)
    return false;
  rest.remove_prefix(begin.size());
  const auto memory = cost_in(rest, "m=");
  const auto passes = memory ? cost_in(rest, ",t=") : std::nullopt;
  const auto lanes = passes ? cost_in(rest, ",p=") : std::nullopt;
  return lanes && *memory <= argon2_kib_max && *passes <= argon2_passes_max
         && *lanes <= 4 && rest.starts_with('$');
}

result<scram_verifier> make_scram_verifier(std::string_view password,
                                           std::string_view salt) {
  scram_verifier out;
  out.salt = salt;
  std::string salted(hash_bytes, '\0');
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                        raw(salt), static_cast<int>(salt.size()),
                        static_cast<int>(out.iterations), EVP_sha256(),
                        static_cast<int>(salted.size()), raw(salted))
      != 1)
    return error{errc::unavailable, "PBKDF2 is not there"};
  out.stored_key = sha256(hmac_sha256(salted, "Client Key"));
  out.server_key = hmac_sha256(salted, "Server Key");
  return out;
}

std::string to_text(const scram_verifier& of) {
  return std::string{scram_name} + std::to_string(of.iterations) + ":"
         + to_base64(of.salt) + "$" + to_base64(of.stored_key) + ":"
         + to_base64(of.server_key);
}

result<scram_verifier> read_scram_verifier(std::string_view text) {
  if (!text.starts_with(scram_name))
    return bad_scram();
  text.remove_prefix(scram_name.size());
  scram_verifier out;
  const auto count = cost_in(text, "");
  if (!count || *count == 0 || *count > scram_iterations_max
      || !text.starts_with(':'))
    return bad_scram();
  out.iterations = *count;
  text.remove_prefix(1);
  for (auto [into, ends] : {std::pair{&out.salt, '$'},
                            {&out.stored_key, ':'},
                            {&out.server_key, '\0'}}) {
    const auto end = ends == '\0' ? text.size() : text.find(ends);
    if (end == text.npos)
      return bad_scram();
    auto bytes = from_base64(text.substr(0, end));
    if (!bytes || bytes->empty())
      return bad_scram();
    *into = *std::move(bytes);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (out.stored_key.size() != hash_bytes
      || out.server_key.size() != hash_bytes)
    return bad_scram();
  return out;
}

std::string token_hash(std::string_view token) {
  std::string out;
  const auto sum = sha256(token);
  text::append_hex(out, std::as_bytes(std::span{sum}));
  return out;
}

result<std::string> make_token() {
  constexpr size_t token_bytes = 32;
  const auto secret = random_secret(token_bytes);
  if (!secret)
    return secret.failure();
  std::string out = "mrt_";
  text::append_hex(out, std::as_bytes(std::span{*secret}));
  return out;
}

std::string sha256(std::string_view bytes) {
  std::string out(hash_bytes, '\0');
  const auto done = EVP_Digest(bytes.data(), bytes.size(), raw(out), nullptr,
                               EVP_sha256(), nullptr);
  MILLRACE_ASSERT(done == 1);
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string out(hash_bytes, '\0');
  const auto* done
    = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(bytes),
           bytes.size(), raw(out), nullptr);
  MILLRACE_ASSERT(done != nullptr);
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const auto size
    = EVP_EncodeBlock(raw(out), raw(bytes), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

result<std::string> from_base64(std::string_view text) {
  const error bad{errc::invalid_argument, "is no base64"};
  if (text.size() % 4 != 0 || text.size() > 1u << 20)
    return bad;
  const auto last = text.find_last_not_of('=');
  const auto padding = last == text.npos ? text.size() : text.size() - last - 1;
  // It would be taken for a zero within the text.
  if (padding > 2
      || text.substr(0, text.size() - padding).find('=') != text.npos
      || text.find_first_of(" \t\r\n-") != text.npos)
    return bad;
  std::string out(text.size() / 4 * 3, '\0');
  const auto size
    = EVP_DecodeBlock(raw(out), raw(text), static_cast<int>(text.size()));
  if (size < 0)
    return bad;
  out.resize(static_cast<size_t>(size) - padding);
  return out;
}

bool is_same_secret(std::string_view left, std::string_view right) noexcept {
  return left.size() == right.size()
         && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

} // namespace millrace::nodes
