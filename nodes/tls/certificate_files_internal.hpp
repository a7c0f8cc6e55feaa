#pragma once

#include <millrace/nodes/tls/openssl_internal.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::nodes {

/// A certificate with those that lead to an authority, and its key, as they are
/// read from PEM. Its functions say what is wrong, or nothing.
class certificate_files {
public:
  std::string read_certificates(std::string_view text);
  std::string read_key(std::string_view text);
  /// @param warnings gets what is no fault yet
  std::string check_dates(int64_t now_s, std::vector<std::string>& warnings);
  /// Whether the key is that of the first certificate.
  std::string check_key();
  /// What a connection of this context shows. The key has to fit.
  std::string put_into(ssl_ctx_st* context);

  /// @pre read without a fault
  [[nodiscard]] X509& first() const noexcept { return *certificates_.front(); }
  [[nodiscard]] const std::vector<certificate_pointer>& all() const noexcept {
    return certificates_;
  }
  /// Of the one that ends first, seconds since 1970. @pre checked without a
  /// fault
  [[nodiscard]] int64_t expires_s() const noexcept { return expires_s_; }

private:
  std::vector<certificate_pointer> certificates_;
  key_pointer key_;
  int64_t expires_s_ = 0;
};

/// What both sides of every connection of a context may agree on: nothing is
/// negotiated anew, compressed or resumed.
void restrict_context(ssl_ctx_st* context);

/// Seconds since 1970; none: the certificate has no time there.
[[nodiscard]] std::optional<int64_t> seconds_of(const ASN1_TIME* time);

/// A warning, when it is less than 30 days until then; else empty.
[[nodiscard]] std::string ends_soon(int64_t end_s, int64_t now_s);

/// The names and addresses of hosts that a certificate is for.
[[nodiscard]] std::vector<std::string> names_of(const X509& certificate);

} // namespace millrace::nodes
