#include <millrace/nodes/servers/port/tcp_listener.hpp>
#include <millrace/nodes/servers/port/tls_listener.hpp>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "tls_peer.hpp"

namespace millrace::nodes {
namespace {

/// Sends back what it hears, from a thread of its own, as a door does.
class echo {
public:
  explicit echo(std::unique_ptr<listener> port) : port_{std::move(port)} {
    port_->begin([this](connection_event what) {
      const std::scoped_lock lock{mutex_};
      heard_.push_back(std::move(what));
      woken_.notify_one();
    });
    thread_ = std::thread{[this] { run(); }};
  }
  ~echo() {
    {
      const std::scoped_lock lock{mutex_};
      ends_ = true;
      woken_.notify_one();
    }
    thread_.join();
  }

private:
  void run() {
    while (true) {
      connection_event next;
      {
        std::unique_lock lock{mutex_};
        woken_.wait(lock, [this] { return ends_ || !heard_.empty(); });
        if (ends_)
          return;
        next = std::move(heard_.front());
        heard_.pop_front();
      }
      if (auto* came = std::get_if<bytes_received>(&next)) {
        port_->send(came->id, std::move(came->bytes));
        port_->read_on(came->id);
      } else if (const auto* over = std::get_if<input_ended>(&next)) {
        port_->finish(over->id);
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<connection_event> heard_;
  bool ends_ = false;
  std::unique_ptr<listener> port_;
  std::thread thread_;
};

/// A socket that is bound to a free port of loopback, and its address.
std::pair<int, sockaddr_in> free_socket() {
  const int made = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(made, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  socklen_t size = sizeof at;
  ::getsockname(made, reinterpret_cast<sockaddr*>(&at), &size);
  return {made, at};
}

// Goal: what the port's thread and the door's do to a connection at one time
// comes out in order. One writes while the other reads, each more than is on
// its way at once.
TEST(TlsThreadsTest, BothThreadsServeAConnection) {
  const auto pem = make_certificate();
  auto identity
    = read_tls_identity(pem.certificate, pem.key, std::time(nullptr)).identity;
  ASSERT_TRUE(identity);
  const auto [probe, at] = free_socket();
  ::close(probe);
  auto port
    = open_tcp_listener({.address = "127.0.0.1", .port = ntohs(at.sin_port)});
  ASSERT_TRUE(port) << port.failure().context;
  const echo server{make_tls_listener(
    *std::move(port), std::make_shared<renewable<tls_identity>>(identity),
    tls_start::at_once)};

  const int made = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::connect(made, reinterpret_cast<const sockaddr*>(&at), sizeof at),
            0);
  tls_peer client{TLS1_3_VERSION, pem.certificate};
  std::string bytes(2'000'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i * 7 + i / 251);
  std::thread writer;
  std::mutex mutex; // Of the client: what OpenSSL has is not for two threads.
  const auto flush = [&] {
    std::string out;
    {
      const std::scoped_lock lock{mutex};
      out = client.take();
    }
    for (size_t sent = 0; sent < out.size();) {
      const auto count
        = ::send(made, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
      ASSERT_GT(count, 0);
      sent += static_cast<size_t>(count);
    }
  };
  client.hear("");
  flush();
  char piece[16'384];
  while (!client.is_over) {
    const auto count = ::recv(made, piece, sizeof piece, 0);
    ASSERT_GT(count, 0) << client.fault;
    {
      const std::scoped_lock lock{mutex};
      client.hear({piece, static_cast<size_t>(count)});
      ASSERT_EQ(client.fault, "");
    }
    if (!writer.joinable() && SSL_is_init_finished(client.ssl) == 1) {
      flush(); // The end of the handshake.
      writer = std::thread{[&] {
        for (size_t i = 0; i < bytes.size(); i += 50'000) {
          {
            const std::scoped_lock lock{mutex};
            client.say(std::string_view{bytes}.substr(i, 50'000));
          }
          flush();
        }
        {
          const std::scoped_lock lock{mutex};
          SSL_shutdown(client.ssl);
        }
        flush();
      }};
    }
  }
  writer.join();
  EXPECT_EQ(client.got, bytes);
  ::close(made);
}

} // namespace
} // namespace millrace::nodes
