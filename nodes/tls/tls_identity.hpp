#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// Of OpenSSL.
struct ssl_ctx_st;

namespace millrace::nodes {

/// Down, also below 0.
[[nodiscard]] constexpr int64_t whole_days(int64_t seconds) noexcept {
  constexpr int64_t day_s = 86'400;
  return seconds < 0 ? seconds / day_s - 1 : seconds / day_s;
}

/// What a port proves itself by: a certificate and its key, checked. Clients
/// prove themselves otherwise. Immutable; threads may share it.
class tls_identity {
public:
  tls_identity(const tls_identity&) = delete;
  tls_identity& operator=(const tls_identity&) = delete;
  ~tls_identity();

  /// The names and addresses of hosts that the certificate is for, as it has
  /// them: one that begins with "*." is for all names of one label more.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept {
    return names_;
  }
  /// What binds a login to the certificate: tls-server-end-point of RFC 5929.
  [[nodiscard]] const std::string& end_point() const noexcept {
    return end_point_;
  }
  /// Until the certificate ends, or one of those that follow it in the file;
  /// below 0: it has.
  /// @param now_s seconds since 1970
  [[nodiscard]] int64_t days_left(int64_t now_s) const noexcept {
    return whole_days(expires_s_ - now_s);
  }
  /// What is no fault, and should be looked at.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept {
    return warnings_;
  }
  /// For `tls_session`.
  [[nodiscard]] ssl_ctx_st* context() const noexcept { return context_; }

private:
  friend class tls_identity_reader;
  tls_identity() = default;

  ssl_ctx_st* context_ = nullptr;
  std::vector<std::string> names_;
  std::vector<std::string> warnings_;
  std::string end_point_;
  int64_t expires_s_ = 0;
};

/// What came of reading a certificate and a key.
struct tls_identity_read {
  std::shared_ptr<const tls_identity> identity; ///< Null: there is a fault.
  std::string certificate_fault;                ///< Empty: none.
  std::string key_fault;
};

/// Reads PEM: a certificate, followed by those between it and one that clients
/// trust, and the key of the first. Refused is what no client would take (an
/// expired certificate, one of somebody else's key, one that is not for
/// servers), and a key that wants a password.
/// @param now_s seconds since 1970
[[nodiscard]] tls_identity_read read_tls_identity(std::string_view certificate,
                                                  std::string_view key,
                                                  int64_t now_s);

} // namespace millrace::nodes
