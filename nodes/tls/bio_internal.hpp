#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstddef>
#include <openssl/bio.h>

namespace millrace::nodes {

/// Bytes of ours as OpenSSL reads and writes them. `Wire` has
/// `long read(char* into, size_t most)` and `long write(const char*, size_t)`,
/// which return how many bytes went; 0: none now; -1: none any more.
template <class Wire>
class wire_bio {
public:
  /// @param wire outlives it
  [[nodiscard]] static BIO* over(Wire& wire) {
    auto* made = BIO_new(method());
    MILLRACE_ASSERT(made != nullptr); // Out of memory.
    BIO_set_data(made, &wire);
    BIO_set_init(made, 1);
    return made;
  }

private:
  static Wire& wire_of(BIO* bio) {
    BIO_clear_retry_flags(bio);
    return *static_cast<Wire*>(BIO_get_data(bio));
  }
  static int read(BIO* bio, char* into, int size) {
    const long got = wire_of(bio).read(into, static_cast<size_t>(size));
    if (got == 0)
      BIO_set_retry_read(bio);
    return got > 0 ? static_cast<int>(got) : -1;
  }
  static int write(BIO* bio, const char* from, int size) {
    const long put = wire_of(bio).write(from, static_cast<size_t>(size));
    if (put == 0)
      BIO_set_retry_write(bio);
    return put > 0 ? static_cast<int>(put) : -1;
  }
  static long control(BIO*, int what, long, void*) {
    return what == BIO_CTRL_FLUSH ? 1 : 0;
  }
  static const BIO_METHOD* method() {
    static const BIO_METHOD* made = [] {
      auto* out
        = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "millrace");
      MILLRACE_ASSERT(out != nullptr);
      BIO_meth_set_read(out, read);
      BIO_meth_set_write(out, write);
      BIO_meth_set_ctrl(out, control);
      return out;
    }();
    return made;
  }
};

} // namespace millrace::nodes
