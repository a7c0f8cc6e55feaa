#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <ctime>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string>
#include <string_view>

// Certificates as an authority makes them, and OpenSSL's own client.

namespace millrace::nodes {

struct made_certificate {
  std::string certificate; ///< PEM
  std::string key;
};

struct certificate_wish {
  /// Signs it; null: it does so itself.
  const made_certificate* by = nullptr;
  bool signs = false;           ///< It is an authority.
  std::string subject = "test"; ///< Its common name.
  int64_t begins_s = -60;       ///< From now on.
  int64_t ends_s = 100 * 86'400;
  std::string names = "DNS:db.example, DNS:*.sub.example, IP:127.0.0.1, IP:::1";
  std::string usage{}; ///< Extended; empty: none is said.
  int rsa_bits = 0;    ///< 0: P-256.
  std::string password{};
};

inline std::string pem_of(BIO* from) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(from, &data);
  std::string out{data, static_cast<size_t>(size)};
  BIO_free(from);
  return out;
}

inline void extend(X509* what, int kind, const std::string& value) {
  auto* made = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  EXPECT_NE(made, nullptr) << value;
  X509_add_ext(what, made, -1);
  X509_EXTENSION_free(made);
}

inline BIO* reader_of(const std::string& text) {
  return BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
}

inline made_certificate make_certificate(const certificate_wish& how = {}) {
  auto* key = how.rsa_bits != 0
                ? EVP_RSA_gen(static_cast<unsigned>(how.rsa_bits))
                : EVP_EC_gen("P-256");
  auto* made = X509_new();
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 7);
  X509_gmtime_adj(X509_getm_notBefore(made), how.begins_s);
  X509_gmtime_adj(X509_getm_notAfter(made), how.ends_s);
  X509_set_pubkey(made, key);
  auto* name = X509_get_subject_name(made);
  X509_NAME_add_entry_by_txt(
    name, "CN", MBSTRING_ASC,
    reinterpret_cast<const unsigned char*>(how.subject.c_str()), -1, -1, 0);
  auto* signer = key;
  auto* issuer = made;
  if (how.by != nullptr) {
    auto* from = reader_of(how.by->certificate);
    issuer = PEM_read_bio_X509(from, nullptr, nullptr, nullptr);
    BIO_free(from);
    from = reader_of(how.by->key);
    signer = PEM_read_bio_PrivateKey(from, nullptr, nullptr, nullptr);
    BIO_free(from);
  }
  X509_set_issuer_name(made, X509_get_subject_name(issuer));
  if (how.signs)
    extend(made, NID_basic_constraints, "critical, CA:TRUE");
  if (!how.names.empty())
    extend(made, NID_subject_alt_name, how.names);
  if (!how.usage.empty())
    extend(made, NID_ext_key_usage, how.usage);
  X509_sign(made, signer, EVP_sha256());
  if (how.by != nullptr) {
    X509_free(issuer);
    EVP_PKEY_free(signer);
  }
  made_certificate out;
  auto* certificate = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate, made);
  out.certificate = pem_of(certificate);
  auto* secret = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(
    secret, key, how.password.empty() ? nullptr : EVP_aes_256_cbc(),
    reinterpret_cast<const unsigned char*>(how.password.data()),
    static_cast<int>(how.password.size()), nullptr, nullptr);
  out.key = pem_of(secret);
  X509_free(made);
  EVP_PKEY_free(key);
  return out;
}

/// The end of a client.
class tls_peer {
public:
  /// @param trusted the certificate that it takes; empty: any
  explicit tls_peer(int version = TLS1_3_VERSION,
                    const std::string& trusted = {})
    : context_{SSL_CTX_new(TLS_client_method())} {
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    SSL_CTX_set_security_level(context_, 0); // As an old client.
    if (!trusted.empty()) {
      auto* from
        = BIO_new_mem_buf(trusted.data(), static_cast<int>(trusted.size()));
      auto* read = PEM_read_bio_X509(from, nullptr, nullptr, nullptr);
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), read);
      X509_free(read);
      BIO_free(from);
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    }
    ssl = SSL_new(context_);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
  }
  tls_peer(const tls_peer&) = delete;
  tls_peer& operator=(const tls_peer&) = delete;
  ~tls_peer() {
    SSL_free(ssl);
    SSL_CTX_free(context_);
  }

  /// Takes what the server sent, and goes on.
  void hear(std::string_view bytes) {
    BIO_write(SSL_get_rbio(ssl), bytes.data(), static_cast<int>(bytes.size()));
    char piece[20'000];
    while (true) {
      const auto count = SSL_read(ssl, piece, sizeof piece);
      if (count <= 0) {
        const auto why = SSL_get_error(ssl, count);
        is_over = why == SSL_ERROR_ZERO_RETURN;
        if (why == SSL_ERROR_SSL)
          fault = ERR_reason_error_string(ERR_peek_error());
        ERR_clear_error();
        return;
      }
      got.append(piece, static_cast<size_t>(count));
    }
  }
  void say(std::string_view plain) {
    EXPECT_EQ(SSL_write(ssl, plain.data(), static_cast<int>(plain.size())),
              static_cast<int>(plain.size()));
  }
  /// What it has for the server.
  [[nodiscard]] std::string take() {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(SSL_get_wbio(ssl), &data);
    std::string out{data, static_cast<size_t>(size)};
    (void)BIO_reset(SSL_get_wbio(ssl));
    return out;
  }

  SSL* ssl = nullptr;
  std::string got;   ///< Of the server, without TLS.
  std::string fault; ///< Of OpenSSL.
  bool is_over = false;

private:
  SSL_CTX* context_ = nullptr;
};

} // namespace millrace::nodes
