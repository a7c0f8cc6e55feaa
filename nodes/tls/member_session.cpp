#include <millrace/messages/base/result.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/tls/bio_internal.hpp>
#include <millrace/nodes/tls/certificate_files_internal.hpp>
#include <millrace/nodes/tls/member_session.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <utility>

namespace millrace::nodes {

/// What OpenSSL reads from and writes to.
struct member_session::wire {
  member_transport& through;
  std::string* beginning; ///< Null: it is not of interest any more.
  bool is_gone = false;

  long read(char* into, size_t most) {
    const auto got = through.read(into, most);
    if (got < 0)
      is_gone = true;
    if (got > 0 && beginning != nullptr)
      beginning->append(into, std::min(static_cast<size_t>(got),
                                       beginning_max - beginning->size()));
    return got;
  }
  long write(const char* from, size_t count) {
    const auto put = through.write(from, count);
    if (put < 0)
      is_gone = true;
    return put;
  }
};

namespace {

/// Who a certificate says that it is, for a line of a log.
std::string names_text(const X509* certificate) {
  constexpr size_t bytes_max = 256;
  auto out = certificate == nullptr ? "" : text::joined(names_of(*certificate));
  for (auto& each : out)
    if (static_cast<unsigned char>(each) < ' ' || each == '\x7f')
      each = '?';
  return out.empty() ? "no host" : out.substr(0, bytes_max);
}

/// Why the certificate of the other end is not taken, and what to do.
std::string verdict_text(long verdict, const std::string& names,
                         const std::string& wanted) {
  const std::string why = X509_verify_cert_error_string(verdict);
  switch (verdict) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "its certificate is for " + names + ", and not for " + wanted
             + ": the certificate of a node names the address of the node "
               "(subjectAltName)";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid now (" + why
             + "): give it a new one, and look at the clocks of both";
    default:
      return "its certificate is not of this cluster (" + why
             + "): one of tls_authority has to have signed it";
  }
}

/// What an alert of the other end means, and what to do; empty: nothing known.
std::string alert_text(int reason) {
  switch (reason) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "it wants a certificate, and this end has none";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return "it does not take the certificate of this end: another authority "
             "signed it than those of its tls_authority";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "it says that the certificate of this end has expired: give it a "
             "new one, and look at the clocks of both";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      return "it does not take the certificate of this end: it has to be for "
             "the address that was asked, for servers and for clients";
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return "it speaks no version of TLS that this end does: TLS 1.3";
    default:
      return {};
  }
}

} // namespace

member_session::member_session(std::shared_ptr<const member_identity> by,
                               member_transport& through)
  : by_{std::move(by)}, wire_{new wire{through, &beginning_}} {
  make(by_->accepting());
  SSL_set_accept_state(ssl_);
}

member_session::member_session(std::shared_ptr<const member_identity> by,
                               member_transport& through,
                               const std::string& address)
  : by_{std::move(by)}, wire_{new wire{through, &beginning_}}, wanted_{
                                                                 address} {
  make(by_->connecting());
  SSL_set_connect_state(ssl_);
  in6_addr parsed{};
  const bool is_number = inet_pton(AF_INET, address.c_str(), &parsed) == 1
                         || inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
  auto* rules = SSL_get0_param(ssl_);
  X509_VERIFY_PARAM_set_hostflags(rules,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
                                    | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const auto taken
    = is_number
        ? X509_VERIFY_PARAM_set1_ip_asc(rules, address.c_str())
        : X509_VERIFY_PARAM_set1_host(rules, address.c_str(), address.size());
  MILLRACE_ASSERT(taken == 1); // Out of memory: unchecked it must not go on.
}

void member_session::make(SSL_CTX* context) {
  ssl_ = SSL_new(context);
  MILLRACE_ASSERT(ssl_ != nullptr); // Out of memory.
  auto* bio = wire_bio<wire>::over(*wire_);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  SSL_set_verify(ssl_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                 note_names);
}

/// Of OpenSSL, per certificate that it looked at: keeps for whom the one is
/// that it does not take, which is gone afterwards.
int member_session::note_names(int is_good, X509_STORE_CTX* about) {
  if (is_good == 1)
    return 1;
  auto* ssl = static_cast<SSL*>(
    X509_STORE_CTX_get_ex_data(about, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& self = *static_cast<member_session*>(SSL_get_app_data(ssl));
  self.names_ = names_text(X509_STORE_CTX_get0_cert(about));
  return 0;
}

member_session::~member_session() { SSL_free(ssl_); }

/// @param came what a function of OpenSSL returned that did not do it
member_session::state member_session::settle(int came) {
  switch (SSL_get_error(ssl_, came)) {
    case SSL_ERROR_WANT_READ:
      return state::wants_read;
    case SSL_ERROR_WANT_WRITE:
      return state::wants_write;
    case SSL_ERROR_ZERO_RETURN:
      return state::over;
    default:
      break;
  }
  // Between processes that know one another, an end is an end: what follows it
  // by length is known.
  const bool is_over = wire_->is_gone && ERR_peek_error() == 0;
  if (is_over && is_ready_)
    return state::over;
  is_gone_ = is_over;
  fail(is_over);
  return state::failed;
}

void member_session::fail(bool is_over) {
  const auto reason = ERR_GET_REASON(ERR_peek_error());
  const auto verdict = SSL_get_verify_result(ssl_);
  auto text = last_openssl_fault();
  if (is_over)
    fault_ = "it ended the connection amid the handshake of TLS";
  else if (auto known = alert_text(reason); !known.empty())
    fault_ = std::move(known);
  else if (reason > SSL_AD_REASON_OFFSET)
    fault_ = "it ended the handshake of TLS: " + text;
  else if (verdict != X509_V_OK)
    fault_ = verdict_text(verdict, names_, wanted_);
  else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    fault_ = "it shows no certificate, and a process of this cluster has one: "
             "tls_certificate, tls_key and tls_authority of [cluster]";
  else if (!is_ready_
           && (reason == SSL_R_WRONG_VERSION_NUMBER
               || reason == SSL_R_HTTP_REQUEST
               || reason == SSL_R_HTTPS_PROXY_REQUEST))
    fault_ = "what it sent is not TLS";
  else
    fault_ = "TLS failed: " + text;
}

member_session::state member_session::shake_hands() {
  if (!fault_.empty())
    return state::failed;
  if (is_ready_)
    return state::done;
  ERR_clear_error();
  const auto came = SSL_do_handshake(ssl_);
  if (came != 1)
    return settle(came);
  is_ready_ = true;
  wire_->beginning = nullptr;
  beginning_ = {};
  return state::done;
}

member_session::step member_session::read(char* into, size_t most) {
  if (!fault_.empty())
    return {state::failed};
  step out;
  while (out.count < most) {
    size_t count = 0;
    ERR_clear_error();
    const auto came
      = SSL_read_ex(ssl_, into + out.count, most - out.count, &count);
    if (came != 1) {
      out.now = settle(came);
      return out;
    }
    out.count += count;
  }
  return out;
}

member_session::step member_session::write(const char* from, size_t count) {
  if (!fault_.empty())
    return {state::failed};
  step out;
  while (out.count < count) {
    size_t put = 0;
    ERR_clear_error();
    const auto came
      = SSL_write_ex(ssl_, from + out.count, count - out.count, &put);
    if (came != 1) {
      out.now = settle(came);
      return out;
    }
    out.count += put;
  }
  return out;
}

bool member_session::has_pending() const noexcept {
  return SSL_has_pending(ssl_) == 1;
}

void member_session::close() {
  if (!is_ready_ || !fault_.empty())
    return;
  ERR_clear_error();
  (void)SSL_shutdown(ssl_); // One way: the answer to it is not waited for.
  ERR_clear_error();
}

} // namespace millrace::nodes
