#include <millrace/nodes/node/connection_guard.hpp>
#include <millrace/nodes/node/guarded_middleman.hpp>

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/middleman_actor_impl.hpp>
#include <caf/io/network/acceptor_impl.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/scribe_impl.hpp>
#include <caf/io/receive_policy.hpp>

#include <cerrno>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace millrace::nodes {

namespace {

using caf::io::network::default_multiplexer;
using caf::io::network::native_socket;
using caf::io::network::operation;
using shared_keeping = std::shared_ptr<const connection_keeping>;

constexpr int64_t greeting_ns_max = 5'000'000'000;
constexpr size_t waiting_max = 128;
/// Ends that were told why they are not wanted and may still read it.
constexpr size_t dismissed_max = 16;

/// A connection that has not shown yet that it is one of Millrace.
struct stranger {
  int socket = -1;
};

/// The accept of CAF's acceptor. Without a free descriptor the one held back is
/// given to the connection that waits, to close it: left alone, it would make
/// the poller turn round for as long as there is none.
class accept_or_close {
public:
  explicit accept_or_close(shared_keeping how) : how_{std::move(how)} {
    hold();
  }
  accept_or_close(const accept_or_close&) = delete;
  accept_or_close& operator=(const accept_or_close&) = delete;
  ~accept_or_close() { release(); }

  bool try_accept(native_socket& made, native_socket at) {
    made = ::accept4(at, nullptr, nullptr, SOCK_CLOEXEC);
    if (made >= 0)
      return true;
    if (errno != EMFILE && errno != ENFILE)
      return false;
    const std::string why = std::strerror(errno);
    how_->refused->add("descriptors",
                       "a connection was closed: " + why
                         + "; raise the limit of descriptors (ulimit -n)",
                       how_->clock->monotonic_ns());
    release();
    if (const auto taken = ::accept4(at, nullptr, nullptr, SOCK_CLOEXEC);
        taken >= 0)
      ::close(taken);
    hold();
    return false;
  }

private:
  void hold() { held_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
  void release() {
    if (held_ >= 0)
      ::close(held_);
    held_ = -1;
  }

  shared_keeping how_;
  int held_ = -1;
};

class guarded_scribe final : public caf::io::network::scribe_impl {
public:
  using refuser = std::function<void(const connection_guard&)>;

  guarded_scribe(default_multiplexer& mpx, native_socket socket,
                 connection_guard::end which, refuser refused)
    : scribe_impl{mpx, socket}, guard_{which},
      stranger_{std::make_shared<stranger>(stranger{socket})}, refused_{
                                                                 std::move(
                                                                   refused)} {}

  [[nodiscard]] std::weak_ptr<stranger> waiting() const { return stranger_; }

  bool consume(caf::execution_unit* ctx, const void* bytes,
               size_t count) override {
    const auto verdict = guard_.take({static_cast<const char*>(bytes), count});
    if (guard_.met())
      stranger_.reset();
    switch (verdict) {
      case connection_guard::verdict::pass:
        return scribe_impl::consume(ctx, bytes, count);
      case connection_guard::verdict::consumed:
        configure_read(caf::io::receive_policy::exactly(guard_.wanted()));
        return true;
      case connection_guard::verdict::refused:
        break;
    }
    stranger_.reset();
    refused_(guard_);
    ::shutdown(stream_.fd(), SHUT_RDWR);
    io_failure(ctx, operation::read);
    return false;
  }

private:
  connection_guard guard_;
  std::shared_ptr<stranger> stranger_; ///< Null: it is none any more.
  refuser refused_;
};

class guarded_doorman final : public caf::io::doorman {
public:
  guarded_doorman(default_multiplexer& mpx, native_socket socket,
                  shared_keeping how)
    : doorman{caf::io::network::accept_hdl_from_socket(socket)}, how_{how},
      acceptor_{mpx, socket, std::move(how)} {}

  ~guarded_doorman() override {
    for (const auto fd : dismissed_)
      ::close(fd);
  }

  bool new_connection() override {
    if (detached())
      return false;
    const auto socket = acceptor_.accepted_socket();
    const auto user = peer_user(socket);
    if (const auto why = how_->users.refusal(user); !why.empty()) {
      dismiss(socket, why);
      return true;
    }
    if (!user && !how_->users.all())
      how_->refused->warn("users",
                          "all users of this host may connect: "
                            + user.failure().context,
                          how_->clock->monotonic_ns());
    make_room();
    auto& mpx = acceptor_.backend();
    auto scribe = caf::make_counted<guarded_scribe>(
      mpx, socket, connection_guard::end::accepted,
      [how = how_, at = port()](const connection_guard& guard) {
        how->refused->add("foreign_bytes",
                          "a connection to port " + std::to_string(at)
                            + " was closed: " + guard.why(),
                          how->clock->monotonic_ns());
      });
    waiting_.push_back({how_->clock->monotonic_ns(), scribe->waiting()});
    const auto handle = scribe->hdl();
    parent()->add_scribe(std::move(scribe));
    return doorman::new_connection(&mpx, handle);
  }

  void graceful_shutdown() override {
    acceptor_.graceful_shutdown();
    detach(&acceptor_.backend(), false);
  }
  void launch() override { acceptor_.start(this); }
  [[nodiscard]] std::string addr() const override {
    auto out = caf::io::network::local_addr_of_fd(acceptor_.fd());
    return out ? *out : std::string{};
  }
  [[nodiscard]] uint16_t port() const override {
    auto out = caf::io::network::local_port_of_fd(acceptor_.fd());
    return out ? *out : uint16_t{0};
  }
  void add_to_loop() override { acceptor_.activate(this); }
  void remove_from_loop() override { acceptor_.passivate(); }

private:
  struct waiting {
    int64_t since_ns = 0;
    std::weak_ptr<stranger> who;
  };

  /// Tells it why. It is closed later: what it has said and nobody read would
  /// have the system throw away, at a close, what it was told.
  void dismiss(native_socket socket, const std::string& why) {
    how_->refused->add("refused",
                       "a connection to port " + std::to_string(port())
                         + " was refused: " + why,
                       how_->clock->monotonic_ns());
    const auto text = connection_guard::refusal(why);
    (void)::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(socket, SHUT_WR);
    dismissed_.push_back(socket);
    if (dismissed_.size() > dismissed_max) {
      ::close(dismissed_.front());
      dismissed_.pop_front();
    }
  }

  /// Of those that have not shown what they are.
  void make_room() {
    const auto now = how_->clock->monotonic_ns();
    std::erase_if(waiting_,
                  [](const waiting& each) { return each.who.expired(); });
    while (!waiting_.empty()
           && (waiting_.size() >= waiting_max
               || now - waiting_.front().since_ns > greeting_ns_max)) {
      if (const auto who = waiting_.front().who.lock())
        ::shutdown(who->socket, SHUT_RDWR);
      waiting_.pop_front();
      how_->refused->add("silent",
                         "a connection to port " + std::to_string(port())
                           + " was closed: it did not say what it is",
                         now);
    }
  }

  shared_keeping how_;
  caf::io::network::acceptor_impl<accept_or_close> acceptor_;
  std::deque<waiting> waiting_;
  std::deque<int> dismissed_;
};

class guarded_middleman_impl final : public caf::io::middleman_actor_impl {
public:
  guarded_middleman_impl(caf::actor_config& cfg, caf::actor broker,
                         shared_keeping how)
    : middleman_actor_impl{cfg, std::move(broker)}, how_{std::move(how)} {}

protected:
  caf::expected<caf::io::scribe_ptr> connect(const std::string& host,
                                             uint16_t port) override {
    auto socket = caf::io::network::new_tcp_connection(host, port);
    if (!socket)
      return std::move(socket.error());
    const auto greeting = connection_guard::greeting();
    // The buffer of a new connection has room for it.
    (void)::send(*socket, greeting.data(), greeting.size(), MSG_NOSIGNAL);
    return caf::make_counted<guarded_scribe>(
      mpx(), *socket, connection_guard::end::connecting,
      [how = how_, host, port](const connection_guard& guard) {
        how->told->put(host, port,
                       guard.was_told()
                         ? guard.why()
                         : "what listens there is no node: " + guard.why());
      });
  }

  caf::expected<caf::io::doorman_ptr> open(uint16_t port, const char* address,
                                           bool reuse) override {
    auto socket = caf::io::network::new_tcp_acceptor_impl(port, address, reuse);
    if (!socket)
      return std::move(socket.error());
    return caf::make_counted<guarded_doorman>(mpx(), *socket, how_);
  }

private:
  default_multiplexer& mpx() {
    return static_cast<default_multiplexer&>(system().middleman().backend());
  }

  shared_keeping how_;
};

} // namespace

void told_refusals::put(const std::string& host, uint16_t port,
                        std::string why) {
  const std::scoped_lock lock{mutex_};
  why_[{host, port}] = std::move(why);
}

std::string told_refusals::take(const std::string& host, uint16_t port) {
  const std::scoped_lock lock{mutex_};
  auto found = why_.extract({host, port});
  return found ? std::move(found.mapped()) : std::string{};
}

caf::actor guarded_middleman(caf::actor_system& system,
                             std::shared_ptr<const connection_keeping> how) {
  auto broker
    = system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
  return caf::actor_cast<caf::actor>(
    system.spawn<guarded_middleman_impl, caf::detached + caf::hidden>(
      std::move(broker), std::move(how)));
}

} // namespace millrace::nodes
