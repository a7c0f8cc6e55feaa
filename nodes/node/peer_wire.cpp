#include <millrace/nodes/host/local_ports.hpp>
#include <millrace/nodes/node/connection_guard.hpp>
#include <millrace/nodes/node/peer_connect.hpp>
#include <millrace/nodes/node/peer_wire.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/uio.h>
#include <utility>

namespace millrace::nodes {

namespace {

using caf::io::network::rw_state;

/// Of what is sent in one turn of the poller, so that others get theirs.
constexpr size_t write_bytes_max = size_t{1} << 20;

} // namespace

peer_wire::peer_wire(int socket,
                     std::shared_ptr<const member_identity> identity,
                     teller on_fault)
  : socket_{socket}, connects_{false}, step_{identity ? step::shaking
                                                      : step::open},
    greeting_due_{connection_guard::head_bytes}, on_fault_{
                                                   std::move(on_fault)} {
  if (identity)
    tls_ = std::make_unique<member_session>(std::move(identity), transport());
}

peer_wire::peer_wire(int socket,
                     std::shared_ptr<const member_identity> identity,
                     const std::string& address, bool is_connected,
                     teller on_fault)
  : socket_{socket}, connects_{true}, step_{step::connecting},
    greeting_due_{0}, on_fault_{std::move(on_fault)} {
  if (identity)
    tls_ = std::make_unique<member_session>(std::move(identity), transport(),
                                            address);
  if (is_connected)
    step_ = tls_ ? step::shaking : step::greeting;
}

peer_wire::~peer_wire() {
  if (tls_ && step_ == step::open)
    tls_->close();
}

peer_wire::state peer_wire::advance() {
  if (step_ == step::connecting)
    if (const auto now = finish_connecting(); now != state::open)
      return now;
  if (step_ == step::shaking) {
    if (const auto now = settle(tls_->shake_hands()); now != state::open)
      return now;
    step_ = connects_ ? step::greeting : step::open;
  }
  if (step_ == step::greeting)
    return greet();
  return step_ == step::failed ? state::failed : state::open;
}

peer_wire::state peer_wire::finish_connecting() {
  int reason = 0;
  socklen_t size = sizeof reason;
  if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &reason, &size) != 0)
    reason = errno;
  sockaddr_storage there{};
  socklen_t there_bytes = sizeof there;
  if (reason == 0
      && ::getpeername(socket_, reinterpret_cast<sockaddr*>(&there),
                       &there_bytes)
           != 0) {
    if (errno == ENOTCONN)
      return state::wants_write;
    reason = errno;
  }
  if (reason == 0 && meets_itself(socket_))
    reason = ECONNREFUSED;
  if (reason != 0)
    return fail({unreached_text(reason)});
  step_ = tls_ ? step::shaking : step::greeting;
  return state::open;
}

peer_wire::state peer_wire::greet() {
  const auto greeting = connection_guard::greeting();
  while (greeted_ < greeting.size()) {
    const auto* from = greeting.data() + greeted_;
    const auto count = greeting.size() - greeted_;
    if (tls_) {
      const auto put = tls_->write(from, count);
      greeted_ += put.count;
      if (const auto now = settle(put.now); now != state::open)
        return now;
      continue;
    }
    const auto put = write(from, count);
    if (put < 0)
      return fail({std::strerror(errno)});
    if (put == 0)
      return state::wants_write;
    greeted_ += static_cast<size_t>(put);
  }
  step_ = step::open;
  return state::open;
}

peer_wire::state peer_wire::settle(member_session::state came) {
  switch (came) {
    case member_session::state::done:
      return state::open;
    case member_session::state::wants_read:
      return state::wants_read;
    case member_session::state::wants_write:
      return state::wants_write;
    case member_session::state::over:
      return fail({"it ended the connection"});
    case member_session::state::failed:
      break;
  }
  return fail(shaken());
}

peer_wire::fault peer_wire::shaken() const {
  const auto& began = tls_->beginning();
  fault out{tls_->fault(), !tls_->is_gone()};
  if (!connection_guard::is_of_millrace(began))
    return out;
  out.is_clear = out.is_refusal = true;
  if (!connects_) {
    out.why = "it speaks without TLS, and this node with TLS alone: the "
              "configuration there needs the tls_certificate, tls_key and "
              "tls_authority of [cluster] that this one has";
    return out;
  }
  auto told = connection_guard::refusal_in(began);
  out.why = !told.empty()
              ? std::move(told)
              : "it speaks without TLS, and this end with TLS alone";
  return out;
}

peer_wire::state peer_wire::fail(fault what) {
  step_ = step::failed;
  what.is_spoken = has_spoken_;
  on_fault_(what);
  return state::failed;
}

long peer_wire::read(char* into, size_t most) {
  if (is_draining_)
    return 0;
  while (true) {
    const auto got = ::recv(socket_, into, most, 0);
    has_spoken_ |= got > 0;
    if (got > 0)
      return got;
    if (got < 0 && errno == EINTR)
      continue;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
  }
}

long peer_wire::write(const char* from, size_t count) {
  while (true) {
    const auto put = ::send(socket_, from, count, MSG_NOSIGNAL);
    if (put > 0)
      return put;
    if (put < 0 && errno == EINTR)
      continue;
    return put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
  }
}

rw_state peer_wire::read_some(size_t& count, int, void* into, size_t most) {
  count = 0;
  if (step_ != step::open)
    return step_ == step::failed ? rw_state::failure : rw_state::success;
  if (!tls_)
    return read_records(count, into, most);
  const auto got = tls_->read(static_cast<char*>(into), most);
  count = got.count;
  reading_waits_to_write_ = got.now == member_session::state::wants_write;
  // What came before an end is taken first; the end is met again.
  if (count > 0)
    return rw_state::success;
  if (got.now == member_session::state::failed)
    fail({tls_->fault(), true});
  return got.now == member_session::state::failed
             || got.now == member_session::state::over
           ? rw_state::failure
           : rw_state::success;
}

rw_state peer_wire::write_some(size_t& count, int, const void* from,
                               size_t most) {
  count = 0;
  if (step_ == step::failed)
    return rw_state::failure;
  if (most == 0 || step_ != step::open)
    return rw_state::success;
  if (!tls_)
    return write_records(count, static_cast<const char*>(from), most);
  const auto put = tls_->write(static_cast<const char*>(from),
                               std::min(most, write_bytes_max));
  count = put.count;
  if (put.now == member_session::state::failed)
    fail({tls_->fault(), true});
  return put.now == member_session::state::failed
             || put.now == member_session::state::over
           ? rw_state::failure
           : rw_state::success;
}

rw_state peer_wire::read_records(size_t& count, void* into, size_t most) {
  auto* const to = static_cast<char*>(into);
  if (greeting_due_ > 0) {
    const auto got = read(to, std::min(most, greeting_due_));
    count = got > 0 ? static_cast<size_t>(got) : 0;
    greeting_due_ -= count;
    return got < 0 ? rw_state::failure : rw_state::success;
  }
  // No call of the system finds out that there is no more: the poller tells
  // again.
  while (!reader_.has_ready() && !reader_.is_damaged() && !is_drained_) {
    const auto room = reader_.room();
    const auto got = read(room.data(), room.size());
    if (got < 0)
      return rw_state::failure;
    is_drained_ = static_cast<size_t>(got) < room.size();
    reader_.filled(static_cast<size_t>(got));
  }
  count = reader_.take(to, most);
  if (count > 0 || !reader_.is_damaged())
    return rw_state::success;
  fail({.why = "what came is not what the other end sent: a checksum does not "
               "fit",
        .is_damage = true});
  return rw_state::failure;
}

long peer_wire::write_record(const char* from, size_t most) {
  if (record_bytes_ == 0) {
    record_bytes_ = std::min(most, record_bytes_max);
    record_put_ = 0;
    head_ = writer_.head_of({from, record_bytes_});
  }
  // CAF gives the same bytes again until they count as written.
  while (record_put_ < head_.size() + record_bytes_) {
    std::array<iovec, 2> parts;
    const auto of_head = std::min(record_put_, head_.size());
    const auto of_rest = record_put_ - of_head;
    parts[0] = {head_.data() + of_head, head_.size() - of_head};
    parts[1] = {const_cast<char*>(from) + of_rest, record_bytes_ - of_rest};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const auto put = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (put > 0)
      record_put_ += static_cast<size_t>(put);
    else if (put == 0 || errno != EINTR)
      return put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
  }
  return static_cast<long>(std::exchange(record_bytes_, 0));
}

rw_state peer_wire::write_records(size_t& count, const char* from,
                                  size_t most) {
  most = std::min(most, write_bytes_max);
  // A record that is begun may be of more bytes than are left of this turn.
  while (count < most) {
    const auto put = write_record(from + count, most - count);
    if (put < 0)
      return rw_state::failure;
    if (put == 0)
      break;
    count += static_cast<size_t>(put);
  }
  return rw_state::success;
}

bool peer_wire::must_read_more(int, size_t) {
  if (step_ != step::open)
    return false;
  if (!tls_)
    return reader_.has_ready();
  // The rest of what is here already; the poller tells of what comes.
  is_draining_ = true;
  return has_pending();
}

} // namespace millrace::nodes
