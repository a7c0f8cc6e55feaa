#include <millrace/nodes/node/connection_guard.hpp>
#include <millrace/nodes/node/connection_thread.hpp>
#include <millrace/nodes/node/guarded_middleman.hpp>
#include <millrace/nodes/node/peer_connect.hpp>
#include <millrace/nodes/node/peer_wire.hpp>
#include <millrace/nodes/node/scheduling.hpp>

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/middleman_actor_impl.hpp>
#include <caf/io/network/acceptor_impl.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/stream.hpp>
#include <caf/io/receive_policy.hpp>
#include <caf/io/scribe.hpp>

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
using caf::io::network::rw_state;
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

/// Ends that were told why they are not wanted. They are closed later: what one
/// has said and nobody read would have the system throw away, at a close, what
/// it was told.
class dismissed_ends {
public:
  dismissed_ends() = default;
  dismissed_ends(const dismissed_ends&) = delete;
  dismissed_ends& operator=(const dismissed_ends&) = delete;
  ~dismissed_ends() {
    for (const auto each : sockets_)
      ::close(each);
  }

  /// @param socket is closed by it; -1: there was none left
  void add(int socket) {
    if (socket < 0)
      return;
    ::shutdown(socket, SHUT_WR);
    sockets_.push_back(socket);
    if (sockets_.size() > dismissed_max) {
      ::close(sockets_.front());
      sockets_.pop_front();
    }
  }

private:
  std::deque<int> sockets_;
};

void tell(int socket, const std::string& why) {
  const auto text = connection_guard::refusal(why);
  (void)::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// Writes what the wire takes; a failure is left to the next event.
class first_write {
public:
  explicit first_write(peer_wire& wire) : wire_{&wire} {}

  rw_state read_some(size_t& count, int, void*, size_t) {
    count = 0;
    return rw_state::success;
  }
  rw_state write_some(size_t& count, int socket, const void* from,
                      size_t most) {
    if (wire_->write_some(count, socket, from, most) == rw_state::failure)
      count = 0;
    return rw_state::success;
  }
  bool must_read_more(int, size_t) { return false; }

private:
  peer_wire* wire_;
};

/// The events of one connection. Before its wire is open nothing of CAF's is
/// read or written. What was read is handled in the turn of its event, as far
/// as the connection's thread may; what gathers to be written meanwhile goes to
/// the system at once, without waiting for an event.
class guarded_stream final : public caf::io::network::stream {
public:
  template <class... Ts>
  guarded_stream(default_multiplexer& mpx, native_socket socket,
                 std::shared_ptr<connection_thread> thread, Ts&&... how)
    : stream{mpx, socket}, thread_{std::move(thread)}, wire_{socket,
                                                             std::forward<Ts>(
                                                               how)...} {}

  [[nodiscard]] bool is_open() const noexcept { return wire_.is_open(); }

  void begin(caf::io::network::stream_manager* manager) {
    start(manager);
    // One that connects or shakes hands first has to write.
    if (!wire_.is_open())
      force_empty_write(manager);
    manager_ = manager;
  }

  void handle_event(operation op) override {
    const connection_thread::turn turn{*thread_};
    handle(op);
  }

  /// What gathered until the thread is done with what it does now is written.
  void write_soon() {
    if (std::exchange(writes_soon_, true))
      return;
    manager_->ref();
    backend().exec_later(&writer_);
  }

  /// It is to end when all that gathered is written.
  void write_before_end() {
    if (std::exchange(writes_soon_, false))
      flush(manager_);
  }

private:
  /// Holds the connection while the thread is to come to it.
  class writer final : public caf::resumable {
  public:
    explicit writer(guarded_stream& of) : of_{&of} {}
    [[nodiscard]] subtype_t subtype() const override { return function_object; }
    resume_result resume(caf::execution_unit*, size_t) override {
      of_->write_now();
      return done;
    }
    void intrusive_ptr_add_ref_impl() override { of_->manager_->ref(); }
    void intrusive_ptr_release_impl() override { of_->manager_->deref(); }

  private:
    guarded_stream* of_;
  };

  void write_now() {
    // While it is writing the poller tells when there is room for more.
    if (!std::exchange(writes_soon_, false) || manager_->detached()
        || state_.writing)
      return;
    flush(manager_);
    if (!state_.writing)
      return;
    first_write at_once{wire_};
    handle_event_impl(operation::write, at_once);
    // All is written: the poller never hears of it, nor says that it is done.
    if (!state_.writing)
      removed_from_loop(operation::write);
    wait_to_write();
  }

  void handle(operation op) {
    wire_.begin_event();
    if (op == operation::propagate_error)
      return handle_event_impl(op, wire_);
    if (wire_.is_open()) {
      if (op == operation::write && wire_.reading_waits_to_write())
        handle_event_impl(operation::read, wire_);
      pass_on(op);
      return wait_to_write();
    }
    switch (wire_.advance()) {
      case peer_wire::state::open:
        // What gathered meanwhile, on both sides. The end that accepted is not
        // greeted yet.
        if (wire_.connects())
          flush(manager_);
        pass_on(op);
        if (op == operation::write && wire_.has_pending())
          handle_event_impl(operation::read, wire_);
        return;
      case peer_wire::state::failed:
        return handle_event_impl(op, wire_);
      case peer_wire::state::wants_read:
        if (state_.writing) {
          backend().del(operation::write, fd(), this);
          state_.writing = false;
        }
        return;
      case peer_wire::state::wants_write:
        force_empty_write(manager_);
        return;
    }
  }

  /// An event that the poller had before it was told that nothing is to be
  /// written says nothing: CAF would make ready what gathers, believe that it
  /// is not writing, and throw it away for what gathers next.
  void pass_on(operation op) {
    if (op != operation::write || state_.writing)
      handle_event_impl(op, wire_);
  }

  void wait_to_write() {
    if (wire_.reading_waits_to_write())
      force_empty_write(manager_);
  }

  std::shared_ptr<connection_thread> thread_;
  peer_wire wire_;
  writer writer_{*this};
  bool writes_soon_ = false;
  /// Holds this one.
  caf::io::network::stream_manager* manager_ = nullptr;
};

class guarded_scribe final : public caf::io::scribe {
public:
  using refuser = std::function<void(const connection_guard&)>;

  template <class... Ts>
  guarded_scribe(default_multiplexer& mpx, native_socket socket,
                 std::shared_ptr<connection_thread> thread,
                 connection_guard::end which, refuser refused, Ts&&... wire)
    : scribe{caf::io::network::conn_hdl_from_socket(socket)},
      stream_{mpx, socket, std::move(thread), std::forward<Ts>(wire)...},
      guard_{which}, stranger_{std::make_shared<stranger>(stranger{socket})},
      refused_{std::move(refused)} {}

  [[nodiscard]] std::weak_ptr<stranger> waiting() const { return stranger_; }

  bool consume(caf::execution_unit* ctx, const void* bytes,
               size_t count) override {
    // Closed by CAF, it may still be read, by what was due before.
    if (detached())
      return false;
    const auto verdict = guard_.take({static_cast<const char*>(bytes), count});
    if (guard_.met())
      stranger_.reset();
    switch (verdict) {
      case connection_guard::verdict::pass:
        return scribe::consume(ctx, bytes, count);
      case connection_guard::verdict::consumed:
        configure_read(caf::io::receive_policy::exactly(guard_.wanted()));
        flush();
        return true;
      case connection_guard::verdict::refused:
        break;
    }
    stranger_.reset();
    refused_(guard_);
    ::shutdown(stream_.fd(), SHUT_RD);
    io_failure(ctx, operation::read);
    return false;
  }

  void configure_read(caf::io::receive_policy::config config) override {
    stream_.configure_read(config);
    if (!std::exchange(launched_, true))
      stream_.begin(this);
  }
  void ack_writes(bool enable) override { stream_.ack_writes(enable); }
  std::vector<char>& wr_buf() override { return stream_.wr_buf(); }
  std::vector<char>& rd_buf() override { return stream_.rd_buf(); }
  void graceful_shutdown() override {
    stream_.write_before_end();
    stream_.graceful_shutdown();
    detach(&stream_.backend(), false);
  }
  /// CAF's handshake waits for a greeting: one that speaks otherwise reads a
  /// refusal first.
  void flush() override {
    if (stream_.is_open() && guard_.is_greeted())
      stream_.write_soon();
  }
  [[nodiscard]] std::string addr() const override {
    auto out = caf::io::network::remote_addr_of_fd(stream_.fd());
    return out ? *out : std::string{};
  }
  [[nodiscard]] uint16_t port() const override {
    auto out = caf::io::network::remote_port_of_fd(stream_.fd());
    return out ? *out : uint16_t{0};
  }
  void add_to_loop() override { stream_.activate(this); }
  void remove_from_loop() override { stream_.passivate(); }

private:
  bool launched_ = false;
  guarded_stream stream_;
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

  bool new_connection() override {
    if (detached())
      return false;
    const auto socket = acceptor_.accepted_socket();
    const auto user = peer_user(socket);
    const auto why = refusal_of(user);
    if (!why.empty()) {
      count(why);
      tell(socket, why);
      gone_->add(socket);
      return true;
    }
    if (!user && user.failure().code == errc::unsupported && !how_->users.all())
      how_->refused->warn("users",
                          "all users of this host may connect: "
                            + user.failure().context,
                          how_->clock->monotonic_ns());
    make_room();
    auto& mpx = acceptor_.backend();
    auto scribe = accepted(mpx, socket);
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

  /// Of a process on another host the kernel here does not tell: its
  /// certificate does. Without these nobody else reaches the port.
  [[nodiscard]] std::string refusal_of(const result<user_id>& user) const {
    if (!user && user.failure().code == errc::not_found && how_->identity)
      return {};
    return how_->users.refusal(user);
  }

  void count(const std::string& why) const {
    how_->refused->add("refused",
                       "a connection to port " + std::to_string(port())
                         + " was refused: " + why,
                       how_->clock->monotonic_ns());
  }

  /// Refusals are told to the other end as well, in the clear: who shook no
  /// hands can read nothing else.
  caf::intrusive_ptr<guarded_scribe> accepted(default_multiplexer& mpx,
                                              native_socket socket) {
    auto about = [how = how_, gone = gone_, at = port(), socket](
                   const char* id, const std::string& why, bool is_told) {
      const auto from = caf::io::network::remote_addr_of_fd(socket);
      how->refused->add(id,
                        "a connection to port " + std::to_string(at)
                          + (from ? " from " + *from : std::string{})
                          + " was closed: " + why,
                        how->clock->monotonic_ns());
      if (is_told)
        tell(socket, why);
      gone->add(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
    };
    return caf::make_counted<guarded_scribe>(
      mpx, socket, connections_of(parent()->system()),
      connection_guard::end::accepted,
      [about, is_clear = !how_->identity](const connection_guard& guard) {
        about("foreign_bytes", guard.why(), is_clear && !guard.met());
      },
      how_->shown(),
      [about](const peer_wire::fault& fault) {
        if (fault.is_damage)
          about("bad_frame", fault.why, false);
        // A probe that asks whether somebody listens is nobody's mistake.
        else if (fault.is_spoken)
          about("tls", fault.why, fault.is_clear);
      });
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
  std::shared_ptr<dismissed_ends> gone_ = std::make_shared<dismissed_ends>();
};

class guarded_middleman_impl final : public caf::io::middleman_actor_impl {
public:
  guarded_middleman_impl(caf::actor_config& cfg, caf::actor broker,
                         shared_keeping how)
    : middleman_actor_impl{cfg, std::move(broker)}, how_{std::move(how)} {}

protected:
  caf::expected<caf::io::scribe_ptr> connect(const std::string& host,
                                             uint16_t port) override {
    how_->told->forget(host, port);
    const auto begun = begin_connect(
      host, port, how_->identity ? reachable::any : reachable::loopback);
    if (begun.socket < 0) {
      how_->told->put(
        host, port,
        {begun.is_refused ? errc::permission : errc::unavailable, begun.why});
      return caf::make_error(caf::sec::cannot_connect_to_node);
    }
    auto about = [how = how_, host, port](const std::string& why) {
      how->told->put(host, port, {errc::permission, why});
      how->refused->warn("connects",
                         host + ":" + std::to_string(port) + ": " + why,
                         how->clock->monotonic_ns());
    };
    return caf::make_counted<guarded_scribe>(
      mpx(), begun.socket, connections_of(system()),
      connection_guard::end::connecting,
      [about](const connection_guard& guard) {
        about(guard.was_told()
                ? guard.why()
                : "what listens there is no node: " + guard.why());
      },
      how_->shown(), host, begun.is_connected,
      [about, how = how_, host, port](const peer_wire::fault& fault) {
        if (fault.is_damage)
          how->refused->add("bad_frame",
                            "a connection to " + host + ":"
                              + std::to_string(port)
                              + " was closed: " + fault.why,
                            how->clock->monotonic_ns());
        else if (fault.is_refusal)
          about(fault.why);
        else
          how->told->put(host, port, {errc::unavailable, fault.why});
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

void told_refusals::put(const std::string& host, uint16_t port, error why) {
  const std::scoped_lock lock{mutex_};
  why_[{host, port}] = std::move(why);
}

void told_refusals::forget(const std::string& host, uint16_t port) {
  const std::scoped_lock lock{mutex_};
  why_.erase({host, port});
}

error told_refusals::find(const std::string& host, uint16_t port) {
  const std::scoped_lock lock{mutex_};
  const auto found = why_.find({host, port});
  return found == why_.end() ? error{} : found->second;
}

caf::actor guarded_middleman(caf::actor_system& system,
                             std::shared_ptr<const connection_keeping> how) {
  connections_of(system)->open(
    [mpx = &system.middleman().backend()](caf::resumable* what) {
      mpx->exec_later(what);
    });
  auto broker
    = system.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
  return caf::actor_cast<caf::actor>(
    system.spawn<guarded_middleman_impl, caf::detached + caf::hidden>(
      std::move(broker), std::move(how)));
}

} // namespace millrace::nodes
