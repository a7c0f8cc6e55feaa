#include <millrace/nodes/tls/certificate_files_internal.hpp>
#include <millrace/nodes/tls/member_identity.hpp>

#include <algorithm>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <set>
#include <utility>

namespace millrace::nodes {

namespace {

using store_pointer
  = std::unique_ptr<X509_STORE, openssl_free<X509_STORE_free>>;
using check_pointer
  = std::unique_ptr<X509_STORE_CTX, openssl_free<X509_STORE_CTX_free>>;

constexpr int chain_length_max = 4;

} // namespace

/// Reads one; its functions say what is wrong, or nothing.
class member_identity_reader {
public:
  certificate_files files;

  std::string read_authority(std::string_view text, int64_t now_s) {
    if (auto fault = trusted_.read_certificates(text); !fault.empty())
      return fault;
    store_.reset(X509_STORE_new());
    if (!store_)
      return last_openssl_fault();
    size_t number = 0;
    for (const auto& each : trusted_.all()) {
      ++number;
      const auto which = "certificate " + std::to_string(number) + " of it ";
      if (X509_check_ca(each.get()) == 0)
        return which + "is of no authority, by its basic constraints";
      auto now = static_cast<time_t>(now_s);
      if (X509_cmp_time(X509_get0_notAfter(each.get()), &now) < 0)
        return which + "has expired";
      if (X509_STORE_add_cert(store_.get(), each.get()) != 1)
        return which + "cannot be used: " + last_openssl_fault();
    }
    return {};
  }

  std::string check_purpose() {
    auto& first = files.first();
    for (const auto purpose :
         {X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT})
      if (X509_check_purpose(&first, purpose, 0) != 1)
        return std::string{"is not for "}
               + (purpose == X509_PURPOSE_SSL_SERVER ? "servers" : "clients")
               + ", by its key usage, and a process of a cluster is both: "
                 "extendedKeyUsage = serverAuth, clientAuth";
    made_->names_ = names_of(first);
    made_->expires_s_ = files.expires_s();
    return {};
  }

  /// Whether the others, who trust the same, would take it, and until when.
  std::string check_chain(int64_t now_s) {
    if (auto fault = refused_at(now_s); !fault.empty())
      return "would be refused by the others of the cluster: " + fault
             + "; one of tls_authority has to have signed it";
    std::set<int64_t> ends;
    for (const auto* each : {&files.all(), &trusted_.all()})
      for (const auto& one : *each)
        if (const auto end = seconds_of(X509_get0_notAfter(one.get()));
            end && *end >= now_s)
          ends.insert(*end);
    for (const auto end : ends)
      if (!refused_at(end + 1).empty()) {
        made_->expires_s_ = end;
        break;
      }
    if (const auto own = seconds_of(X509_get0_notAfter(&files.first()));
        own && made_->expires_s_ < *own)
      if (const auto soon = ends_soon(made_->expires_s_, now_s); !soon.empty())
        made_->warnings_.push_back("is of an authority that " + soon
                                   + ": others refuse it from then on");
    return {};
  }

  std::string make_contexts() {
    auto fault = make(made_->accepting_, TLS_server_method());
    return fault.empty() ? make(made_->connecting_, TLS_client_method())
                         : fault;
  }

  std::string check_dates(int64_t now_s) {
    return files.check_dates(now_s, made_->warnings_);
  }

  [[nodiscard]] std::shared_ptr<const member_identity> made() const {
    return made_;
  }

private:
  /// Why others would not take it then; empty: they would.
  std::string refused_at(int64_t time_s) {
    auto* between = sk_X509_new_null();
    for (size_t i = 1; i < files.all().size(); ++i)
      sk_X509_push(between, files.all()[i].get());
    const check_pointer check{X509_STORE_CTX_new()};
    std::string out;
    if (!check
        || X509_STORE_CTX_init(check.get(), store_.get(), &files.first(),
                               between)
             != 1) {
      out = last_openssl_fault();
    } else {
      X509_STORE_CTX_set_time(check.get(), 0, time_s);
      if (X509_verify_cert(check.get()) != 1)
        out = X509_verify_cert_error_string(
          X509_STORE_CTX_get_error(check.get()));
    }
    sk_X509_free(between);
    ERR_clear_error();
    return out;
  }

  std::string make(SSL_CTX*& context, const SSL_METHOD* method) {
    context = SSL_CTX_new(method);
    if (context == nullptr)
      return last_openssl_fault();
    restrict_context(context);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_verify(
      context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_verify_depth(context, chain_length_max);
    // Many records are read at once.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 64 * 1024);
    SSL_CTX_set1_cert_store(context, store_.get());
    if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1)
      return "cannot be used: " + last_openssl_fault();
    return files.put_into(context);
  }

  certificate_files trusted_;
  std::shared_ptr<member_identity> made_{new member_identity};
  store_pointer store_;
};

member_identity::~member_identity() {
  SSL_CTX_free(accepting_);
  SSL_CTX_free(connecting_);
}

bool member_identity::is_for(const std::string& address) const {
  return std::find(names_.begin(), names_.end(), address) != names_.end();
}

int64_t member_identity::days_left(int64_t now_s) const noexcept {
  return whole_days(expires_s_ - now_s);
}

member_identity_read read_member_identity(std::string_view certificate,
                                          std::string_view key,
                                          std::string_view authority,
                                          int64_t now_s) {
  member_identity_reader reader;
  member_identity_read out;
  ERR_clear_error();
  out.certificate_fault = reader.files.read_certificates(certificate);
  out.key_fault = reader.files.read_key(key);
  out.authority_fault = reader.read_authority(authority, now_s);
  if (out.certificate_fault.empty())
    out.certificate_fault = reader.check_dates(now_s);
  if (out.certificate_fault.empty())
    out.certificate_fault = reader.check_purpose();
  if (out.certificate_fault.empty() && out.key_fault.empty())
    out.key_fault = reader.files.check_key();
  if (out.certificate_fault.empty() && out.authority_fault.empty())
    out.certificate_fault = reader.check_chain(now_s);
  if (!out.certificate_fault.empty() || !out.key_fault.empty()
      || !out.authority_fault.empty())
    return out;
  out.certificate_fault = reader.make_contexts();
  if (out.certificate_fault.empty())
    out.identity = reader.made();
  return out;
}

} // namespace millrace::nodes
