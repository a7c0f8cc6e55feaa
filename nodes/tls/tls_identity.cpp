#include <millrace/nodes/tls/certificate_files_internal.hpp>
#include <millrace/nodes/tls/tls_identity.hpp>

#include <array>
#include <openssl/err.h>
#include <utility>

namespace millrace::nodes {

namespace {

/// By the sum that the certificate is signed with; by SHA-256 for weaker ones,
/// and where the signature has none.
std::string end_point_of(const X509& certificate) {
  int sum = NID_undef;
  X509_get_signature_info(const_cast<X509*>(&certificate), &sum, nullptr,
                          nullptr, nullptr);
  const EVP_MD* by = sum == NID_md5 || sum == NID_sha1 || sum == NID_undef
                       ? nullptr
                       : EVP_get_digestbynid(sum);
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  if (X509_digest(&certificate, by == nullptr ? EVP_sha256() : by, out.data(),
                  &size)
      != 1)
    return {};
  return {reinterpret_cast<const char*>(out.data()), size};
}

} // namespace

/// Reads one; its functions say what is wrong, or nothing.
class tls_identity_reader {
public:
  certificate_files files;

  std::string check_dates(int64_t now_s) {
    return files.check_dates(now_s, made_->warnings_);
  }

  std::string check_purpose() {
    auto& first = files.first();
    if (X509_check_purpose(&first, X509_PURPOSE_SSL_SERVER, 0) != 1)
      return "is not for servers, by its key usage";
    made_->names_ = names_of(first);
    if (made_->names_.empty())
      made_->warnings_.emplace_back(
        "names no host (subjectAltName): clients that check it refuse it");
    made_->end_point_ = end_point_of(first);
    made_->expires_s_ = files.expires_s();
    return {};
  }

  /// What both sides may agree on.
  std::string make_context() {
    auto* context = made_->context_ = SSL_CTX_new(TLS_server_method());
    if (context == nullptr)
      return last_openssl_fault();
    restrict_context(context);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1
        || SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
      return "cannot be used: " + last_openssl_fault();
    return files.put_into(context);
  }

  [[nodiscard]] std::shared_ptr<const tls_identity> made() const {
    return made_;
  }

private:
  std::shared_ptr<tls_identity> made_{new tls_identity};
};

tls_identity::~tls_identity() { SSL_CTX_free(context_); }

tls_identity_read read_tls_identity(std::string_view certificate,
                                    std::string_view key, int64_t now_s) {
  tls_identity_reader reader;
  tls_identity_read out;
  ERR_clear_error();
  out.certificate_fault = reader.files.read_certificates(certificate);
  out.key_fault = reader.files.read_key(key);
  if (out.certificate_fault.empty())
    out.certificate_fault = reader.check_dates(now_s);
  if (out.certificate_fault.empty())
    out.certificate_fault = reader.check_purpose();
  if (!out.certificate_fault.empty() || !out.key_fault.empty())
    return out;
  out.key_fault = reader.files.check_key();
  if (out.key_fault.empty())
    out.certificate_fault = reader.make_context();
  if (out.key_fault.empty() && out.certificate_fault.empty())
    out.identity = reader.made();
  return out;
}

} // namespace millrace::nodes
