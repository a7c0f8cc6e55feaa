#pragma once

#include <millrace/nodes/tls/tls_identity.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// Of OpenSSL.
struct ssl_ctx_st;

namespace millrace::nodes {

/// What a process of a cluster proves itself by to the others of it, and whose
/// certificates it takes: a certificate and its key, and the authorities that
/// sign those of the cluster. Checked. Immutable; threads may share it.
class member_identity {
public:
  member_identity(const member_identity&) = delete;
  member_identity& operator=(const member_identity&) = delete;
  ~member_identity();

  /// The names and addresses of hosts that the certificate is for.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept {
    return names_;
  }
  /// Whether those that connect to this address take the certificate for that
  /// of who listens there.
  [[nodiscard]] bool is_for(const std::string& address) const;
  /// Until others refuse the certificate: it ends, or the last authority of
  /// it. Below 0: they do. @param now_s seconds since 1970
  [[nodiscard]] int64_t days_left(int64_t now_s) const noexcept;
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept {
    return warnings_;
  }
  /// For `member_session`: of the end that accepts, of the one that connects.
  [[nodiscard]] ssl_ctx_st* accepting() const noexcept { return accepting_; }
  [[nodiscard]] ssl_ctx_st* connecting() const noexcept { return connecting_; }

private:
  friend class member_identity_reader;
  member_identity() = default;

  ssl_ctx_st* accepting_ = nullptr;
  ssl_ctx_st* connecting_ = nullptr;
  std::vector<std::string> names_;
  std::vector<std::string> warnings_;
  int64_t expires_s_ = 0;
};

/// What came of reading three files.
struct member_identity_read {
  std::shared_ptr<const member_identity> identity; ///< Null: there is a fault.
  std::string certificate_fault;                   ///< Empty: none.
  std::string key_fault;
  std::string authority_fault;
};

/// Reads PEM: a certificate, followed by those between it and an authority, the
/// key of the first, and the certificates of the authorities, of which nothing
/// else than these is trusted. Refused is what another process of the cluster
/// would refuse: an expired certificate, one of another authority, one that is
/// not for both servers and clients; a key that is another's or wants a
/// password; an authority that expired or may not sign.
/// @param now_s seconds since 1970
[[nodiscard]] member_identity_read
read_member_identity(std::string_view certificate, std::string_view key,
                     std::string_view authority, int64_t now_s);

} // namespace millrace::nodes
