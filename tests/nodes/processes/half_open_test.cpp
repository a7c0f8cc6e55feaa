// Two nodes with sockets between them, and a wire that goes dead without a
// word: what a cut cable or a machine without power looks like from afar.
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <chrono>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace millrace::nodes {
namespace {

using namespace std::chrono_literals;

/// Carries bytes between one guest and a port on loopback, until it goes dead:
/// then both keep their connection, and nothing passes.
class wire {
public:
  explicit wire(uint16_t to) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    auto here = at(0);
    EXPECT_EQ(::bind(listener_, as_address(here), sizeof here), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
    socklen_t size = sizeof here;
    EXPECT_EQ(::getsockname(listener_, as_address(here), &size), 0);
    port_ = ntohs(here.sin_port);
    carrier_ = std::thread{[this, to] { carry(to); }};
  }
  ~wire() {
    ended_ = true;
    carrier_.join();
    ::close(listener_);
  }
  [[nodiscard]] uint16_t port() const { return port_; }
  void die() { dead_ = true; }

private:
  static sockaddr_in at(uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return out;
  }
  static sockaddr* as_address(sockaddr_in& of) {
    return reinterpret_cast<sockaddr*>(&of);
  }

  void carry(uint16_t to) {
    pollfd comes{listener_, POLLIN, 0};
    while (!ended_ && ::poll(&comes, 1, 10) == 0)
      continue;
    if (ended_)
      return;
    const int guest = ::accept(listener_, nullptr, nullptr);
    const int host = ::socket(AF_INET, SOCK_STREAM, 0);
    auto there = at(to);
    EXPECT_EQ(::connect(host, as_address(there), sizeof there), 0);
    std::array<pollfd, 2> ends{{{guest, POLLIN, 0}, {host, POLLIN, 0}}};
    std::array<char, 65536> bytes{};
    while (!ended_) {
      if (::poll(ends.data(), dead_ ? 0 : ends.size(), 10) <= 0)
        continue;
      for (size_t i = 0; i < 2; ++i)
        if (ends[i].revents != 0) {
          const auto got = ::recv(ends[i].fd, bytes.data(), bytes.size(), 0);
          if (got <= 0)
            dead_ = true;
          else
            (void)::send(ends[1 - i].fd, bytes.data(), static_cast<size_t>(got),
                         MSG_NOSIGNAL);
        }
    }
    ::close(guest);
    ::close(host);
  }

  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> dead_ = false;
  std::atomic<bool> ended_ = false;
  std::thread carrier_;
};

TEST(HalfOpen, ADeadWireIsNoticedWithinThreeSecondsAndAnotherOneIsFound) {
  auto host = runtime::create(cluster_config{});
  auto guest = runtime::create(cluster_config{});
  ASSERT_TRUE(host && guest);
  const auto door = (*host)->spawn(
    front_door, cluster_key{"market", {}}, std::string{"/data"},
    std::string{"rt0"}, (*host)->locals(),
    [](const std::string& process) {
      return error{errc::not_found, process};
    },
    process_keeper_actor{}, std::function<status_facts()>{});
  (*host)->put("rt/trade", door);
  const auto port = (*host)->open_port(
    caf::actor_cast<caf::strong_actor_ptr>(door), 0, "127.0.0.1");
  ASSERT_TRUE(port);
  wire first{*port};
  auto found
    = (*guest)->find({"127.0.0.1", first.port(), "rt/trade", "market"}, 5s);
  ASSERT_TRUE(found) << to_string(found.failure());
  {
    caf::scoped_actor self{(*guest)->system()};
    const auto there = caf::actor_cast<caf::actor>(*found);
    self->monitor(there);
    // A living wire that carries nothing else is not taken for a dead one.
    self->receive([](const caf::down_msg&) { FAIL() << "too early"; },
                  caf::after(4s) >> [] {});
    first.die();
    const auto begin = std::chrono::steady_clock::now();
    self->receive([](const caf::down_msg&) {},
                  caf::after(10s) >> [] { FAIL() << "not noticed"; });
    // A busy machine may be somewhat late.
    EXPECT_LE(std::chrono::steady_clock::now() - begin, 4s);
  }
  wire second{*port};
  found
    = (*guest)->find({"127.0.0.1", second.port(), "rt/trade", "market"}, 10s);
  EXPECT_TRUE(found) << to_string(found.failure());
}

} // namespace
} // namespace millrace::nodes
