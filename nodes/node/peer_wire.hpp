#pragma once

#include <millrace/nodes/node/checked_records.hpp>
#include <millrace/nodes/tls/member_session.hpp>

#include <caf/io/network/rw_state.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace millrace::nodes {

/// The bytes of one connection between processes, below CAF's frames: a socket
/// that does not block, and TLS on it where the cluster has certificates, else
/// records with checksums after the greeting. It is a policy of CAF's streams.
/// One that connects waits for that, shakes hands, and sends the greeting of
/// `connection_guard`, before it is open. Does not close the socket. One owner.
class peer_wire final : private member_transport {
public:
  enum class state {
    open,
    wants_read,
    wants_write,
    failed, ///< `on_fault` was told why.
  };
  /// What a connection that was no good is told by.
  struct fault {
    std::string why;
    /// It is in what the other end did or is; else it was not reached.
    bool is_refusal = false;
    /// The other end speaks without TLS, and may be told so.
    bool is_clear = false;
    /// The other end has said anything at all.
    bool is_spoken = false;
    /// Bytes are not those that the other end sent.
    bool is_damage = false;
  };
  using teller = std::function<void(const fault&)>;

  /// The end that accepted.
  /// @param identity null: in the clear
  peer_wire(int socket, std::shared_ptr<const member_identity> identity,
            teller on_fault);
  /// The end that connects.
  /// @param is_connected whether it is already
  peer_wire(int socket, std::shared_ptr<const member_identity> identity,
            const std::string& address, bool is_connected, teller on_fault);
  ~peer_wire() override;

  /// Goes on until it is open, or has to wait. Called again while it is not.
  [[nodiscard]] state advance();
  [[nodiscard]] bool is_open() const noexcept { return step_ == step::open; }
  [[nodiscard]] bool connects() const noexcept { return connects_; }
  /// What was to be read cannot go on until there is room to write.
  [[nodiscard]] bool reading_waits_to_write() const noexcept {
    return reading_waits_to_write_;
  }
  /// There may be something to read that no event tells of.
  [[nodiscard]] bool has_pending() const noexcept {
    return is_open() && (tls_ ? tls_->has_pending() : reader_.has_ready());
  }
  /// The poller has something for it.
  void begin_event() noexcept { is_draining_ = is_drained_ = false; }

  // Of a policy.
  caf::io::network::rw_state read_some(size_t& count, int socket, void* into,
                                       size_t most);
  caf::io::network::rw_state write_some(size_t& count, int socket,
                                        const void* from, size_t most);
  bool must_read_more(int socket, size_t threshold);

private:
  enum class step { connecting, shaking, greeting, open, failed };

  member_transport& transport() noexcept { return *this; }
  long read(char* into, size_t most) override;
  long write(const char* from, size_t count) override;
  state settle(member_session::state came);
  state finish_connecting();
  state greet();
  caf::io::network::rw_state read_records(size_t& count, void* into,
                                          size_t most);
  caf::io::network::rw_state write_records(size_t& count, const char* from,
                                           size_t most);
  /// @returns bytes put; -1: none any more
  long write_record(const char* from, size_t most);
  state fail(fault what);
  /// What stands after a failed handshake, by how the other end began.
  [[nodiscard]] fault shaken() const;

  int socket_;
  bool connects_;
  step step_;
  bool is_draining_ = false;
  bool is_drained_ = false; ///< Nothing is there to read until an event tells.
  bool reading_waits_to_write_ = false;
  bool has_spoken_ = false;
  size_t greeted_ = 0;
  size_t greeting_due_; ///< Of the other end, in the clear and no record.
  record_reader reader_;
  record_writer writer_;
  record_writer::head head_{};
  size_t record_bytes_ = 0; ///< That follow the head; 0: no record is begun.
  size_t record_put_ = 0;   ///< Of the head and them.
  std::unique_ptr<member_session> tls_;
  teller on_fault_;
};

} // namespace millrace::nodes
