#include <millrace/nodes/servers/port/tcp_listener.hpp>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <netinet/tcp.h>
#include <thread>
#include <utility>

namespace millrace::nodes {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t read_bytes = 64 * 1024;
/// Written at once, so that a slow client's progress is seen.
constexpr size_t write_bytes = 256 * 1024;
/// When the system has no descriptor left for another connection.
constexpr std::chrono::milliseconds accept_pause{100};
/// A peer that is gone without a word is noticed within a minute.
constexpr int keep_alive_s = 30;
constexpr int keep_alive_pause_s = 10;
constexpr int keep_alive_tries = 3;

error fault_of(const error_code& code) {
  return {errc::closed, code.message()};
}

struct connection : std::enable_shared_from_this<connection> {
  connection(connection_id number, tcp::socket accepted)
    : id{number}, socket{std::move(accepted)} {}

  connection_id id;
  tcp::socket socket;
  std::deque<std::string> unsent;
  size_t sent_of_first = 0;
  bool reading = false;
  bool writing = false;
  bool finishing = false;
};

/// All but its calls runs in its thread.
class tcp_listener final : public listener {
public:
  tcp_listener(const listen_options& how) : options_{how} {}

  ~tcp_listener() override {
    context_.stop();
    if (thread_.joinable())
      thread_.join();
  }

  error open() {
    error_code fault;
    const auto address = asio::ip::make_address(options_.address, fault);
    if (fault)
      return {errc::unavailable, where() + fault.message()};
    const tcp::endpoint at{address, options_.port};
    if (acceptor_.open(at.protocol(), fault)
        || acceptor_.set_option(tcp::acceptor::reuse_address{true}, fault)
        || acceptor_.bind(at, fault) || acceptor_.listen(128, fault))
      return {fault == asio::error::address_in_use  ? errc::locked
              : fault == asio::error::access_denied ? errc::permission
                                                    : errc::unavailable,
              where() + fault.message()};
    return {};
  }

  void begin(teller tell) override {
    tell_ = std::move(tell);
    accept();
    thread_ = std::thread{[this] { context_.run(); }};
  }

  void read_on(connection_id id) override {
    with(id, [this](const auto& at) { read(at); });
  }

  void send(connection_id id, std::string bytes) override {
    if (bytes.empty())
      return;
    with(id, [this, bytes = std::move(bytes)](const auto& at) mutable {
      at->unsent.push_back(std::move(bytes));
      write(at);
    });
  }

  void finish(connection_id id) override {
    with(id, [this](const auto& at) {
      at->finishing = true;
      if (at->unsent.empty())
        close(at, {});
    });
  }

  void drop(connection_id id) override {
    with(id, [this](const auto& at) { close(at, {}); });
  }

private:
  using shared_connection = std::shared_ptr<connection>;

  std::string where() const {
    return "cannot listen on " + options_.address + ":"
           + std::to_string(options_.port) + ": ";
  }

  /// Calls of several threads, that follow each other, are carried out so: what
  /// the context itself is given by its own thread may come after what others
  /// give it later.
  template <class F>
  void with(connection_id id, F what) {
    asio::post(in_order_, [this, id, what = std::move(what)]() mutable {
      if (const auto found = connections_.find(id); found != connections_.end())
        what(shared_connection{found->second});
    });
  }

  void accept() {
    acceptor_.async_accept([this](const error_code& fault, tcp::socket made) {
      if (fault == asio::error::operation_aborted)
        return;
      if (fault) {
        tell_(connection_refused{{errc::unavailable, fault.message()}});
        pause_.expires_after(accept_pause);
        pause_.async_wait([this](const error_code&) { accept(); });
        return;
      }
      if (connections_.size() >= options_.connections_max)
        tell_(connection_refused{
          {errc::limit_exceeded, std::to_string(options_.connections_max)
                                   + " connections are open"}});
      else if (const auto why = options_.refuse
                                  ? options_.refuse(made.native_handle())
                                  : std::string{};
               !why.empty())
        tell_(connection_refused{{errc::permission, why}});
      else
        take(std::move(made));
      accept();
    });
  }

  void take(tcp::socket made) {
    error_code ignored;
    made.set_option(tcp::no_delay{true}, ignored);
    made.set_option(asio::socket_base::keep_alive{true}, ignored);
    using idle
      = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
    using pause
      = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
    using tries
      = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>;
    made.set_option(idle{keep_alive_s}, ignored);
    made.set_option(pause{keep_alive_pause_s}, ignored);
    made.set_option(tries{keep_alive_tries}, ignored);
    made.non_blocking(true, ignored);
    const auto peer = made.remote_endpoint(ignored).address().to_string();
    const auto id = ++last_id_;
    const auto at = std::make_shared<connection>(id, std::move(made));
    connections_.emplace(id, at);
    tell_(connection_opened{id, peer});
    read(at);
  }

  void read(const shared_connection& at) {
    if (std::exchange(at->reading, true))
      return;
    // Memory for what comes is taken when it is there.
    at->socket.async_wait(tcp::socket::wait_read, [this, at](error_code fault) {
      at->reading = false;
      if (connections_.contains(at->id))
        take_bytes(at, fault);
    });
  }

  void take_bytes(const shared_connection& at, error_code fault) {
    size_t count = 0;
    if (!fault)
      count = at->socket.read_some(asio::buffer(buffer_), fault);
    if (fault == asio::error::would_block)
      return read(at);
    if (fault == asio::error::eof) {
      at->reading = true; // There is nothing more.
      return tell_(input_ended{at->id});
    }
    if (fault)
      return close(at, fault_of(fault));
    tell_(bytes_received{at->id, {buffer_.data(), count}});
  }

  void write(const shared_connection& at) {
    if (at->unsent.empty() || std::exchange(at->writing, true))
      return;
    const auto& first = at->unsent.front();
    const auto size = std::min(first.size() - at->sent_of_first, write_bytes);
    at->socket.async_write_some(
      asio::buffer(first.data() + at->sent_of_first, size),
      [this, at](const error_code& fault, size_t count) {
        at->writing = false;
        if (!connections_.contains(at->id))
          return;
        if (fault)
          return close(at, fault_of(fault));
        at->sent_of_first += count;
        if (at->sent_of_first == at->unsent.front().size()) {
          at->unsent.pop_front();
          at->sent_of_first = 0;
        }
        tell_(bytes_sent{at->id, count});
        if (!at->unsent.empty())
          write(at);
        else if (at->finishing)
          close(at, {});
      });
  }

  void close(const shared_connection& at, const error& why) {
    if (connections_.erase(at->id) == 0)
      return;
    error_code ignored;
    at->socket.shutdown(tcp::socket::shutdown_both, ignored);
    at->socket.close(ignored);
    tell_(connection_closed{at->id, why});
  }

  listen_options options_;
  asio::io_context context_{1};
  asio::strand<asio::io_context::executor_type> in_order_{
    context_.get_executor()};
  tcp::acceptor acceptor_{context_};
  asio::steady_timer pause_{context_};
  teller tell_;
  std::array<char, read_bytes> buffer_{};
  std::map<connection_id, shared_connection> connections_;
  connection_id last_id_ = 0;
  std::thread thread_;
};

} // namespace

result<std::unique_ptr<listener>>
open_tcp_listener(const listen_options& options) {
  auto made = std::make_unique<tcp_listener>(options);
  if (auto fault = made->open())
    return fault;
  return std::unique_ptr<listener>{std::move(made)};
}

} // namespace millrace::nodes
