// What others than processes of Millrace may do to a node's port.

#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/nodes/host/local_users.hpp>
#include <millrace/nodes/node/checked_records.hpp>
#include <millrace/nodes/node/connection_guard.hpp>
#include <millrace/nodes/node/runtime.hpp>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <chrono>
#include <future>
#include <random>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace millrace::nodes {
namespace {

using namespace std::chrono_literals;

constexpr user_id nobody = 65534;

/// A connection that says what it wants.
class rude {
public:
  explicit rude(uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM, 0)} {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_
      = ::connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  rude(const rude&) = delete;
  rude& operator=(const rude&) = delete;
  ~rude() { ::close(fd_); }

  [[nodiscard]] int socket() const { return fd_; }
  [[nodiscard]] bool connected() const { return connected_; }
  void say(const std::string& bytes) {
    (void)::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  /// All until the other end closes.
  std::string hear() {
    std::string out;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;)
      out.append(buffer, static_cast<size_t>(got));
    return out;
  }

private:
  int fd_;
  bool connected_ = false;
};

std::string greeting_text() {
  const auto head = connection_guard::greeting();
  return {head.data(), head.size()};
}

class HostileConnections : public ::testing::Test {
protected:
  void open(cluster_config config = {}) {
    auto made = runtime::create(std::move(config));
    ASSERT_TRUE(made) << to_string(made.failure());
    host_ = *std::move(made);
    const auto door = host_->spawn(
      front_door, cluster_key{"market", {}}, std::string{"/data"},
      std::string{"rt0"}, host_->locals(),
      [](const std::string&) { return error{}; }, process_keeper_actor{},
      std::function<status_facts()>{});
    host_->put("rt/trade", door);
    door_ = caf::actor_cast<caf::strong_actor_ptr>(door);
    const auto opened = host_->open_port(door_, 0, "127.0.0.1");
    ASSERT_TRUE(opened) << to_string(opened.failure());
    port_ = *opened;
  }

  /// A process of Millrace still finds the node's actors.
  void expect_served() {
    auto guest = runtime::create(cluster_config{});
    ASSERT_TRUE(guest);
    const auto found
      = (*guest)->find({"127.0.0.1", port_, "rt/trade", "market"}, 5s);
    EXPECT_TRUE(found) << to_string(found.failure());
  }

  [[nodiscard]] int64_t refused() const {
    return host_->port_facts().at("refused_connections").integer().value_or(0);
  }

  std::unique_ptr<runtime> host_;
  caf::strong_actor_ptr door_;
  uint16_t port_ = 0;
};

TEST_F(HostileConnections, ForeignBytesEndTheirConnectionAlone) {
  open();
  std::string zeroes(32, '\0');
  zeroes[0] = 1;
  std::mt19937_64 random{7};
  std::string noise(4096, '\0');
  for (auto& each : noise)
    each = static_cast<char>(random());
  const std::vector<std::string> attacks{
    zeroes,
    noise,
    greeting_text() + noise,
    greeting_text() + zeroes,
    "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
    // Heads that announce four gigabytes.
    std::string("\2\0\0\0\xff\xff\xff\xff", 8) + std::string(24, '\1'),
    greeting_text() + std::string("\1\0\0\0\xff\xff\xff\xff", 8)
      + std::string(24, '\0'),
  };
  int64_t said = 0;
  for (int round = 0; round < 20; ++round)
    for (const auto& attack : attacks) {
      rude one{port_};
      ASSERT_TRUE(one.connected());
      one.say(attack);
      (void)one.hear(); // Until it is closed.
      ++said;
    }
  EXPECT_EQ(refused(), said);
  expect_served();
}

/// A true handshake of a client, as CAF writes it, without greeting and record.
std::string true_handshake() {
  const auto listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0
      || ::listen(listener, 1) != 0
      || ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    return {};
  auto guest = runtime::create(cluster_config{});
  if (!guest)
    return {};
  std::thread asks{[&] {
    (void)(*guest)->find(
      {"127.0.0.1", ntohs(at.sin_port), "rt/trade", "market"}, 0ms);
  }};
  const auto there = ::accept(listener, nullptr, nullptr);
  std::string taken;
  char buffer[4096];
  const auto before = connection_guard::head_bytes + record_head_bytes;
  for (ssize_t got = 1; got > 0 && taken.size() <= before;) {
    got = ::recv(there, buffer, sizeof buffer, 0);
    taken.append(buffer, static_cast<size_t>(std::max<ssize_t>(0, got)));
  }
  ::close(there);
  ::close(listener);
  asks.join();
  return taken.size() > before ? taken.substr(before) : std::string{};
}

std::string said_in_record(record_writer& by, const std::string& bytes) {
  const auto head = by.head_of(bytes);
  return std::string{head.data(), head.size()} + bytes;
}

TEST_F(HostileConnections, MutatedHandshakesEndNothing) {
  open();
  const auto taken = true_handshake();
  ASSERT_GT(taken.size(), connection_guard::head_bytes);
  std::mt19937_64 random{11};
  for (int round = 0; round < 500; ++round) {
    auto bytes = taken;
    for (auto flips = 1 + random() % 4; flips > 0; --flips)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    rude one{port_};
    ASSERT_TRUE(one.connected()) << round;
    record_writer by;
    one.say(greeting_text() + said_in_record(by, bytes));
    ::shutdown(one.socket(), SHUT_WR);
    (void)one.hear();
  }
  expect_served();
}

TEST_F(HostileConnections, BytesThatWereChangedOnTheWayEndTheirConnection) {
  open();
  const auto handshake = true_handshake();
  ASSERT_GT(handshake.size(), connection_guard::head_bytes);
  for (int round = 1; round <= 3; ++round) {
    rude one{port_};
    ASSERT_TRUE(one.connected()) << round;
    record_writer by;
    const auto first = said_in_record(by, handshake);
    auto next
      = said_in_record(by, std::string("\6", 1) + std::string(31, '\0'));
    next.back() ^= 1;
    one.say(greeting_text() + first + next);
    (void)one.hear(); // Until it is closed.
    EXPECT_EQ(refused(), round);
    EXPECT_NE(
      host_->port_facts().at("last_refused").text_or_empty().find("checksum"),
      std::string::npos);
  }
  expect_served();
}

TEST_F(HostileConnections, ThoseThatSayNothingAreFew) {
  open();
  std::vector<std::unique_ptr<rude>> silent;
  for (int i = 0; i < 200; ++i)
    silent.push_back(std::make_unique<rude>(port_));
  expect_served();
  EXPECT_GE(refused(), 200 - 128);
  // The first to come was the first to go: its stream has ended.
  EXPECT_TRUE(silent.front()->hear().empty());
}

TEST_F(HostileConnections, WithoutDescriptorsThePortGoesOnLater) {
  open();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  auto client = ::socket(AF_INET, SOCK_STREAM, 0);
  auto tight = before;
  tight.rlim_cur = static_cast<rlim_t>(client) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port_);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(client, reinterpret_cast<sockaddr*>(&at), sizeof at);
  const timeval patience{10, 0};
  ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  char byte = 0;
  EXPECT_LE(::recv(client, &byte, 1, 0), 0); // Closed, not left waiting.
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ::close(client);
  EXPECT_EQ(refused(), 1);
  expect_served();
}

/// The text of a refusal that a process of another user hears.
std::string heard_by(user_id user, uint16_t port) {
  int ends[2];
  if (::pipe(ends) != 0)
    return "no pipe";
  const auto child = ::fork();
  if (child == 0) {
    if (::setuid(user) != 0)
      ::_exit(1);
    rude other{port};
    other.say(greeting_text());
    ::shutdown(other.socket(), SHUT_WR);
    const auto said = other.hear();
    (void)!::write(ends[1], said.data(), said.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string out;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<size_t>(got));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return out;
}

TEST_F(HostileConnections, AnotherUserIsRefusedByName) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root can be somebody else";
  open();
  const auto said = heard_by(nobody, port_);
  EXPECT_NE(said.find("nobody (uid 65534) may not connect"), std::string::npos)
    << said;
  EXPECT_EQ(refused(), 1);
  EXPECT_NE(
    host_->port_facts().at("last_refused").text_or_empty().find("nobody"),
    std::string::npos);
  expect_served();
}

TEST_F(HostileConnections, ThoseThatTheClusterNamesMayConnect) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root can be somebody else";
  for (const char* name : {"nobody", "*"}) {
    cluster_config config;
    config.users = {name};
    open(std::move(config));
    EXPECT_EQ(heard_by(nobody, port_).find("may not connect"),
              std::string::npos)
      << name;
    EXPECT_EQ(refused(), 0) << name;
  }
  cluster_config config;
  config.path = "c.toml";
  config.users = {"no-such-user"};
  const auto made = runtime::create(std::move(config));
  ASSERT_FALSE(made);
  EXPECT_NE(made.failure().context.find("'no-such-user' is no user"),
            std::string::npos)
    << made.failure().context;
}

TEST_F(HostileConnections, APortForOthersRefusesAnotherUserToo) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root can be somebody else";
  open();
  const auto free = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(free, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  socklen_t size = sizeof at;
  ::getsockname(free, reinterpret_cast<sockaddr*>(&at), &size);
  ::close(free);
  const auto port = ntohs(at.sin_port);
  auto listener = host_->listen({.address = "127.0.0.1", .port = port});
  ASSERT_TRUE(listener) << to_string(listener.failure());
  std::promise<std::string> told;
  (*listener)->begin([&](connection_event what) {
    if (const auto* refused = std::get_if<connection_refused>(&what))
      told.set_value(refused->why.context);
  });
  EXPECT_EQ(heard_by(nobody, port), "");
  EXPECT_NE(told.get_future().get().find("nobody"), std::string::npos);
}

TEST(LocalUsers, TheUserAtTheOtherEndIsKnown) {
  const auto listener = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  at.sin6_addr = in6addr_loopback;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
    GTEST_SKIP() << "no IPv6 here";
  ASSERT_EQ(::listen(listener, 1), 0);
  socklen_t size = sizeof at;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  const auto client = ::socket(AF_INET6, SOCK_STREAM, 0);
  ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  const auto there = ::accept(listener, nullptr, nullptr);
  const auto user = peer_user(there);
  ASSERT_TRUE(user) << to_string(user.failure());
  EXPECT_EQ(*user, ::geteuid());
  EXPECT_FALSE(peer_user(listener));
  for (const auto fd : {client, there, listener})
    ::close(fd);
}

} // namespace
} // namespace millrace::nodes
