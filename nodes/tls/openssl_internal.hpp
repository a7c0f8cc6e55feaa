#pragma once

#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string>

namespace millrace::nodes {

template <auto Free>
struct openssl_free {
  template <class T>
  void operator()(T* what) const noexcept {
    Free(what);
  }
};
using bio_pointer = std::unique_ptr<BIO, openssl_free<BIO_free_all>>;
using key_pointer = std::unique_ptr<EVP_PKEY, openssl_free<EVP_PKEY_free>>;
using certificate_pointer = std::unique_ptr<X509, openssl_free<X509_free>>;

/// Why the last call failed, of the queue of this thread, which is empty then.
[[nodiscard]] std::string last_openssl_fault();

} // namespace millrace::nodes
