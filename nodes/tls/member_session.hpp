#pragma once

#include <millrace/nodes/tls/member_identity.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

// Of OpenSSL.
struct ssl_st;
struct x509_store_ctx_st;

namespace millrace::nodes {

/// A connection as a `member_session` uses it. Nothing blocks.
class member_transport {
public:
  virtual ~member_transport() = default;
  /// @returns how many bytes; 0: none now; -1: none any more.
  [[nodiscard]] virtual long read(char* into, size_t most) = 0;
  [[nodiscard]] virtual long write(const char* from, size_t count) = 0;
};

/// TLS between two processes of a cluster, either end. Both show certificates;
/// each takes those of the authorities of its identity alone, and the end that
/// connects one that is for the address that it wanted. What is not one of TLS
/// at the other end is known by how it begins. Before the other end is known it
/// holds some 100 KiB at the most. One owner.
class member_session {
public:
  enum class state {
    done,        ///< As far as was asked for.
    wants_read,  ///< Goes on when there is something to read.
    wants_write, ///< Goes on when there is room to write.
    over,        ///< The other end said that nothing follows, or is gone.
    failed,      ///< Of no use any more: see `fault()`.
  };
  struct step {
    state now = state::done;
    size_t count = 0; ///< Bytes read or written, also when it failed after.
  };

  /// The end that accepts. `through` outlives it.
  member_session(std::shared_ptr<const member_identity> by,
                 member_transport& through);
  /// The end that connects to this address or name of a host.
  member_session(std::shared_ptr<const member_identity> by,
                 member_transport& through, const std::string& address);
  ~member_session();
  member_session(const member_session&) = delete;
  member_session& operator=(const member_session&) = delete;

  [[nodiscard]] state shake_hands();
  /// @pre hands are shaken
  [[nodiscard]] step read(char* into, size_t most);
  [[nodiscard]] step write(const char* from, size_t count);
  /// There may be more to read, without a byte of the transport.
  [[nodiscard]] bool has_pending() const noexcept;
  /// Tells the other end that nothing follows, if there is room.
  void close();

  /// What went wrong, and what to do; empty: nothing did.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
  /// Whether the fault is that the other end is gone, for whatever reason.
  [[nodiscard]] bool is_gone() const noexcept { return is_gone_; }
  /// The first bytes of the other end, while hands are shaken: at most
  /// `beginning_max`.
  [[nodiscard]] const std::string& beginning() const noexcept {
    return beginning_;
  }
  static constexpr size_t beginning_max = 2048;

private:
  struct wire;

  // lint: allow(half_used): OpenSSL calls it.
  static int note_names(int is_good, x509_store_ctx_st* about);
  void make(ssl_ctx_st* context);
  state settle(int came);
  void fail(bool is_over);

  std::shared_ptr<const member_identity> by_;
  std::unique_ptr<wire> wire_;
  ssl_st* ssl_ = nullptr;
  std::string wanted_; ///< Where it connects to; empty: it accepts.
  std::string names_;  ///< Of the certificate that is not taken.
  bool is_ready_ = false;
  bool is_gone_ = false;
  std::string beginning_;
  std::string fault_;
};

} // namespace millrace::nodes
