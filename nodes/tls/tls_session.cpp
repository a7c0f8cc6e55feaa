#include <millrace/messages/base/result.hpp>
#include <millrace/nodes/tls/bio_internal.hpp>
#include <millrace/nodes/tls/openssl_internal.hpp>
#include <millrace/nodes/tls/tls_session.hpp>

#include <array>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <utility>

namespace millrace::nodes {

/// What OpenSSL reads from and writes to: a connection that waits keeps no
/// buffer, as a memory BIO of OpenSSL would.
struct tls_session::wire {
  std::string_view in;
  std::string out;

  long read(char* into, size_t most) {
    const auto count = in.copy(into, most);
    in.remove_prefix(count);
    return static_cast<long>(count);
  }
  long write(const char* from, size_t count) {
    out.append(from, count);
    return static_cast<long>(count);
  }
};

tls_session::tls_session(std::shared_ptr<const tls_identity> by)
  : by_{std::move(by)}, wire_{std::make_unique<wire>()} {
  ssl_ = SSL_new(by_->context());
  MILLRACE_ASSERT(ssl_ != nullptr); // Out of memory.
  auto* bio = wire_bio<wire>::over(*wire_);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
}

tls_session::~tls_session() { SSL_free(ssl_); }

tls_session::outcome tls_session::received(std::string_view bytes) {
  outcome out;
  if (has_failed_ || is_over_)
    return out;
  wire_->in = bytes;
  ERR_clear_error();
  if (is_ready_ || shake_hands(out))
    unseal(out);
  wire_->in = {};
  out.sealed = std::exchange(wire_->out, {});
  return out;
}

/// false: it is not done.
bool tls_session::shake_hands(outcome& into) {
  const auto came = SSL_do_handshake(ssl_);
  if (came == 1)
    return into.is_ready = is_ready_ = true;
  if (SSL_get_error(ssl_, came) != SSL_ERROR_WANT_READ)
    fail(into);
  return false;
}

void tls_session::unseal(outcome& into) {
  std::array<char, SSL3_RT_MAX_PLAIN_LENGTH> piece;
  while (true) {
    const auto count
      = SSL_read(ssl_, piece.data(), static_cast<int>(piece.size()));
    if (count > 0) {
      into.plain.append(piece.data(), static_cast<size_t>(count));
      continue;
    }
    const auto why = SSL_get_error(ssl_, count);
    if (why == SSL_ERROR_ZERO_RETURN)
      into.is_over = is_over_ = true;
    else if (why != SSL_ERROR_WANT_READ)
      fail(into);
    return;
  }
}

void tls_session::fail(outcome& into) {
  has_failed_ = true;
  const auto code = ERR_peek_error();
  const auto reason = ERR_GET_REASON(code);
  auto text = last_openssl_fault();
  if (reason == SSL_R_HTTP_REQUEST)
    text = "it speaks HTTP without TLS: the address begins with https://";
  else if (reason == SSL_R_WRONG_VERSION_NUMBER && !is_ready_)
    text = "what it sent is not TLS";
  else if (reason > SSL_AD_REASON_OFFSET)
    text = "the client ended it: " + text;
  into.fault = {errc::malformed_message, std::move(text)};
}

std::string tls_session::seal(std::string_view plain) {
  if (has_failed_ || !is_ready_ || plain.empty())
    return {};
  ERR_clear_error();
  size_t count = 0;
  // It takes all, for the wire does.
  if (SSL_write_ex(ssl_, plain.data(), plain.size(), &count) != 1
      || count != plain.size()) {
    has_failed_ = true;
    ERR_clear_error();
    wire_->out.clear();
    return {};
  }
  return std::exchange(wire_->out, {});
}

std::string tls_session::close() {
  if (has_failed_ || !is_ready_)
    return {};
  ERR_clear_error();
  (void)SSL_shutdown(ssl_); // One way: the answer to it is not waited for.
  ERR_clear_error();
  return std::exchange(wire_->out, {});
}

} // namespace millrace::nodes
