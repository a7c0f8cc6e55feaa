#include <millrace/nodes/tls/certificate_files_internal.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <ctime>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <optional>
#include <utility>

namespace millrace::nodes {

namespace {

constexpr int64_t day_s = 86'400;
constexpr int64_t expiry_warning_days = 30;

bio_pointer reader_of(std::string_view text) {
  return bio_pointer{
    BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

/// Nobody can be asked for the password of a key.
int refuse_password(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

std::string day_text(int64_t at_s) {
  const std::time_t at = at_s;
  std::tm parts{};
  std::array<char, 32> out{};
  ::gmtime_r(&at, &parts);
  return {out.data(),
          std::strftime(out.data(), out.size(), "%Y-%m-%d %H:%M UTC", &parts)};
}

std::string text_of(const GENERAL_NAME& name) {
  if (name.type == GEN_DNS)
    return {
      reinterpret_cast<const char*>(ASN1_STRING_get0_data(name.d.dNSName)),
      static_cast<size_t>(ASN1_STRING_length(name.d.dNSName))};
  if (name.type != GEN_IPADD)
    return {};
  const auto* bytes = ASN1_STRING_get0_data(name.d.iPAddress);
  const auto size = ASN1_STRING_length(name.d.iPAddress);
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (size != 4 && size != 16)
    return {};
  ::inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, out.data(), out.size());
  return out.data();
}

} // namespace

// Implements openssl_internal.hpp.
std::string last_openssl_fault() {
  const auto code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0)
    return "OpenSSL does not say why";
  if (const auto* text = ERR_reason_error_string(code))
    return text;
  std::array<char, 256> out{};
  ERR_error_string_n(code, out.data(), out.size());
  return out.data();
}

std::optional<int64_t> seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1)
    return std::nullopt;
  return ::timegm(&parts);
}

std::string ends_soon(int64_t end_s, int64_t now_s) {
  if (end_s - now_s >= expiry_warning_days * day_s)
    return {};
  return end_s <= now_s ? "expired on " + day_text(end_s)
                        : "expires on " + day_text(end_s) + ", in "
                            + std::to_string((end_s - now_s) / day_s) + " days";
}

std::vector<std::string> names_of(const X509& certificate) {
  std::vector<std::string> out;
  auto* all = static_cast<GENERAL_NAMES*>(
    X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i)
    if (auto text = text_of(*sk_GENERAL_NAME_value(all, i)); !text.empty())
      out.push_back(std::move(text));
  GENERAL_NAMES_free(all);
  return out;
}

std::string certificate_files::read_certificates(std::string_view text) {
  const auto from = reader_of(text);
  while (certificate_pointer each{
    PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr)})
    certificates_.push_back(std::move(each));
  const auto end = ERR_peek_last_error();
  const bool is_whole = ERR_GET_LIB(end) == ERR_LIB_PEM
                        && ERR_GET_REASON(end) == PEM_R_NO_START_LINE;
  auto fault = last_openssl_fault();
  if (!is_whole)
    return "certificate " + std::to_string(certificates_.size() + 1)
           + " of it cannot be read: " + fault;
  return certificates_.empty() ? "holds no certificate in PEM" : "";
}

std::string certificate_files::read_key(std::string_view text) {
  bool was_asked = false;
  key_.reset(PEM_read_bio_PrivateKey(reader_of(text).get(), nullptr,
                                     refuse_password, &was_asked));
  const auto fault = key_ ? std::string{} : last_openssl_fault();
  ERR_clear_error();
  if (was_asked)
    return "is encrypted, and a node has nobody to ask for the password: "
           "write it with 'openssl pkey', and keep it from others";
  return key_ ? "" : "holds no private key in PEM: " + fault;
}

std::string certificate_files::check_dates(int64_t now_s,
                                           std::vector<std::string>& warnings) {
  const auto begin = seconds_of(X509_get0_notBefore(&first()));
  const auto end = seconds_of(X509_get0_notAfter(&first()));
  if (!begin || !end)
    return "does not say when it is valid";
  if (now_s < *begin)
    return "is not valid before " + day_text(*begin);
  if (now_s >= *end)
    return "expired on " + day_text(*end);
  expires_s_ = *end;
  if (auto soon = ends_soon(*end, now_s); !soon.empty())
    warnings.push_back(std::move(soon));
  for (size_t i = 1; i < certificates_.size(); ++i) {
    const auto its = seconds_of(X509_get0_notAfter(certificates_[i].get()));
    // The chain ends with the first of them.
    if (!its || *its >= expires_s_)
      continue;
    expires_s_ = *its;
    if (auto soon = ends_soon(*its, now_s); !soon.empty())
      warnings.push_back("certificate " + std::to_string(i + 1) + " of it "
                         + soon);
  }
  return {};
}

std::string certificate_files::check_key() {
  const auto fits = [this](const certificate_pointer& each) {
    const bool out = X509_check_private_key(each.get(), key_.get()) == 1;
    ERR_clear_error();
    return out;
  };
  if (fits(certificates_.front()))
    return {};
  return std::any_of(certificates_.begin(), certificates_.end(), fits)
           ? "is of another certificate of the file: that one has to come "
             "first"
           : "is not of the certificate";
}

std::string certificate_files::put_into(SSL_CTX* context) {
  if (SSL_CTX_use_certificate(context, certificates_.front().get()) != 1)
    return "cannot be used: " + last_openssl_fault();
  for (size_t i = 1; i < certificates_.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, certificates_[i].get()) != 1)
      return "certificate " + std::to_string(i + 1)
             + " of it cannot be used: " + last_openssl_fault();
  if (SSL_CTX_use_PrivateKey(context, key_.get()) != 1)
    return "cannot be used with its key: " + last_openssl_fault();
  return {};
}

void restrict_context(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET
                                 | SSL_OP_NO_COMPRESSION);
  // Nothing is kept of a connection that is gone.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

} // namespace millrace::nodes
