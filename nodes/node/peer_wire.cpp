#include <millrace/nodes/node/connection_guard.hpp>
#include <millrace/nodes/node/peer_connect.hpp>
#include <millrace/nodes/node/peer_wire.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <utility>

namespace millrace::nodes {

namespace {

using caf::io::network::rw_state;

/// Of what is sent in one turn of the poller, so that others get theirs.
constexpr size_t write_bytes_max = size_t{1} << 20;
/// What is asked for in smaller pieces is read so much at a time: a frame of
/// CAF is asked for in two.
constexpr size_t ahead_bytes = size_t{16} << 10;

} // namespace

peer_wire::peer_wire(int socket,
                     std::shared_ptr<const member_identity> identity,
                     teller on_fault)
  : socket_{socket}, connects_{false}, step_{identity ? step::shaking
                                                      : step::open},
    on_fault_{std::move(on_fault)} {
  if (identity)
    tls_ = std::make_unique<member_session>(std::move(identity), transport());
}

peer_wire::peer_wire(int socket,
                     std::shared_ptr<const member_identity> identity,
                     const std::string& address, bool is_connected,
                     teller on_fault)
  : socket_{socket}, connects_{true}, step_{step::connecting}, on_fault_{
                                                                 std::move(
                                                                   on_fault)} {
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

/// One call of the system for many small pieces, and none to find out that
/// there is no more: the poller tells again.
long peer_wire::read_ahead(char* into, size_t most) {
  if (taken_ == came_) {
    if (is_drained_)
      return 0;
    if (most >= ahead_bytes) {
      const auto got = read(into, most);
      is_drained_ = got < static_cast<long>(most);
      return got;
    }
    ahead_.resize(ahead_bytes);
    const auto got = read(ahead_.data(), ahead_.size());
    taken_ = 0;
    came_ = got > 0 ? static_cast<size_t>(got) : 0;
    is_drained_ = came_ < ahead_bytes;
    if (got <= 0)
      return got;
  }
  const auto count = std::min(most, came_ - taken_);
  std::memcpy(into, ahead_.data() + taken_, count);
  taken_ += count;
  return static_cast<long>(count);
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
  if (!tls_) {
    const auto got = read_ahead(static_cast<char*>(into), most);
    count = got > 0 ? static_cast<size_t>(got) : 0;
    return got < 0 ? rw_state::failure : rw_state::success;
  }
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
  if (!tls_) {
    const auto put = write(static_cast<const char*>(from), most);
    count = put > 0 ? static_cast<size_t>(put) : 0;
    return put < 0 ? rw_state::failure : rw_state::success;
  }
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

bool peer_wire::must_read_more(int, size_t) {
  if (step_ != step::open)
    return false;
  if (!tls_)
    return taken_ < came_;
  // The rest of what is here already; the poller tells of what comes.
  is_draining_ = true;
  return tls_->has_pending();
}

} // namespace millrace::nodes
