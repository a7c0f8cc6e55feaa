#include <millrace/nodes/tls/member_session.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tls_peer.hpp"

namespace millrace::nodes {
namespace {

using ::testing::HasSubstr;
using state = member_session::state;

/// One direction of a connection, with as much room as it is given.
struct pipe {
  std::string bytes;
  size_t room = std::string::npos;
  bool is_closed = false;
};

class end_of_pipes : public member_transport {
public:
  end_of_pipes(pipe& in, pipe& out) : in_{in}, out_{out} {}

  long read(char* into, size_t most) override {
    const auto count = std::min(most, in_.bytes.size());
    if (count == 0)
      return in_.is_closed ? -1 : 0;
    std::copy_n(in_.bytes.begin(), count, into);
    in_.bytes.erase(0, count);
    return static_cast<long>(count);
  }
  long write(const char* from, size_t count) override {
    if (out_.is_closed)
      return -1;
    count = std::min(count, out_.room - std::min(out_.room, out_.bytes.size()));
    out_.bytes.append(from, count);
    return static_cast<long>(count);
  }

private:
  pipe& in_;
  pipe& out_;
};

/// One that signs.
made_certificate make_authority(const char* name) {
  return make_certificate(
    {.signs = true, .subject = name, .begins_s = -30 * 86'400, .names = ""});
}

std::shared_ptr<const member_identity>
identity(const made_certificate& of, const made_certificate& trusted,
         int64_t at_s = std::time(nullptr)) {
  auto made
    = read_member_identity(of.certificate, of.key, trusted.certificate, at_s);
  EXPECT_TRUE(made.identity)
    << made.certificate_fault << made.key_fault << made.authority_fault;
  return made.identity;
}

/// Two ends and what is between them.
struct connection {
  connection(std::shared_ptr<const member_identity> server,
             std::shared_ptr<const member_identity> client,
             const std::string& address = "127.0.0.1")
    : accepting{std::move(server), server_end}, connecting{std::move(client),
                                                           client_end,
                                                           address} {}

  /// Both go on until neither can.
  void shake() {
    for (int turn = 0; turn < 10; ++turn) {
      of_client = connecting.shake_hands();
      of_server = accepting.shake_hands();
    }
  }

  pipe there;
  pipe back;
  end_of_pipes server_end{there, back};
  end_of_pipes client_end{back, there};
  member_session accepting;
  member_session connecting;
  state of_client = state::wants_read;
  state of_server = state::wants_read;
};

class MemberSessionTest : public ::testing::Test {
protected:
  made_certificate ca = make_authority("ca");
  made_certificate other = make_authority("other");
  std::shared_ptr<const member_identity> good
    = identity(make_certificate({.by = &ca}), ca);
};

TEST_F(MemberSessionTest, CarriesBytesBothWaysUnderAnyRoom) {
  std::mt19937_64 random{3};
  std::string text(300'000, '\0');
  for (auto& each : text)
    each = static_cast<char>(random());
  for (const size_t room :
       {size_t{1}, size_t{700}, size_t{20'000}, std::string::npos}) {
    connection pair{good, good};
    pair.there.room = pair.back.room = room;
    while (pair.of_client != state::done || pair.of_server != state::done) {
      ASSERT_NE(pair.of_client, state::failed) << pair.connecting.fault();
      ASSERT_NE(pair.of_server, state::failed) << pair.accepting.fault();
      pair.shake();
    }
    EXPECT_EQ(pair.accepting.beginning(), "");
    for (const bool forth : {true, false}) {
      auto& from = forth ? pair.connecting : pair.accepting;
      auto& to = forth ? pair.accepting : pair.connecting;
      std::string got;
      std::string piece(50'000, '\0');
      const size_t wanted = room == 1 ? 3'000 : text.size();
      size_t sent = 0;
      while (got.size() < wanted) {
        if (sent < wanted) {
          const auto put = from.write(text.data() + sent, wanted - sent);
          ASSERT_NE(put.now, state::failed) << from.fault();
          sent += put.count;
        }
        const auto read = to.read(piece.data(), piece.size());
        ASSERT_NE(read.now, state::failed) << to.fault();
        got.append(piece, 0, read.count);
      }
      EXPECT_TRUE(std::equal(got.begin(), got.end(), text.begin()));
    }
  }
}

TEST_F(MemberSessionTest, WhatIsHereIsReadWithoutTheTransport) {
  connection pair{good, good};
  pair.shake();
  (void)pair.connecting.write("abcdef", 6);
  char piece[3];
  EXPECT_EQ(pair.accepting.read(piece, 3).count, 3u);
  EXPECT_TRUE(pair.accepting.has_pending());
  EXPECT_EQ(pair.accepting.read(piece, 3).count, 3u);
  EXPECT_FALSE(pair.accepting.has_pending());
}

TEST_F(MemberSessionTest, EndsAreToldFromFaults) {
  {
    connection pair{good, good};
    pair.shake();
    pair.connecting.close();
    char piece[8];
    EXPECT_EQ(pair.accepting.read(piece, 8).now, state::over);
  }
  {
    connection pair{good, good};
    pair.shake();
    pair.there.is_closed = true; // Without a word.
    char piece[8];
    EXPECT_EQ(pair.accepting.read(piece, 8).now, state::over);
    EXPECT_EQ(pair.accepting.fault(), "");
  }
  {
    connection pair{good, good};
    (void)pair.connecting.shake_hands();
    pair.there.is_closed = true;
    EXPECT_EQ(pair.accepting.shake_hands(), state::failed);
    EXPECT_TRUE(pair.accepting.is_gone());
  }
  {
    connection pair{good, good};
    pair.shake();
    (void)pair.connecting.write("abcdef", 6);
    pair.there.bytes[10] ^= 1; // Somebody in between.
    char piece[8];
    EXPECT_EQ(pair.accepting.read(piece, 8).now, state::failed);
    EXPECT_FALSE(pair.accepting.is_gone());
    EXPECT_EQ(pair.accepting.read(piece, 8).now, state::failed);
    EXPECT_EQ(pair.accepting.write("x", 1).now, state::failed);
  }
}

TEST_F(MemberSessionTest, EachEndRefusesTheOtherByName) {
  const auto day_s = 86'400;
  const auto now_s = std::time(nullptr);
  const auto foreign = identity(make_certificate({.by = &other}), other);
  // Its own file was good when it was read.
  const auto expired = identity(
    make_certificate({.by = &ca, .begins_s = -9 * day_s, .ends_s = -day_s}), ca,
    now_s - 2 * day_s);
  const auto elsewhere
    = identity(make_certificate({.by = &ca, .names = "IP:10.0.0.9"}), ca);
  const auto nobody = identity(make_certificate({.by = &ca, .names = ""}), ca);
  struct {
    std::shared_ptr<const member_identity> server;
    std::shared_ptr<const member_identity> client;
    std::string address;
    const char* of_client;
    const char* of_server;
  } const cases[] = {
    {good, good, "127.0.0.1", "", ""},
    {good, good, "::1", "", ""},
    {good, good, "db.example", "", ""},
    {good, elsewhere, "127.0.0.1", "", ""}, // Who connects may be anywhere.
    {elsewhere, good, "127.0.0.1",
     "its certificate is for 10.0.0.9, and not for 127.0.0.1",
     "does not take the certificate"},
    {nobody, good, "127.0.0.1", "is for no host", "does not take"},
    {good, good, "127.0.0.2", "and not for 127.0.0.2", "does not take"},
    {good, good, "other.example", "and not for other.example", "does not take"},
    {foreign, good, "127.0.0.1", "one of tls_authority has to have signed it",
     "another authority signed it"},
    {good, foreign, "127.0.0.1", "one of tls_authority has to have signed it",
     "another authority signed it"},
    {expired, good, "127.0.0.1", "is not valid now", "has expired"},
    {good, expired, "127.0.0.1", "has expired", "is not valid now"},
  };
  for (const auto& each : cases) {
    connection pair{each.server, each.client, each.address};
    pair.shake();
    char piece[8];
    // What the server says of a client's certificate comes after its own hands
    // are shaken.
    if (pair.of_client == state::done)
      (void)pair.connecting.read(piece, 8);
    if (pair.of_server == state::done)
      (void)pair.accepting.read(piece, 8);
    EXPECT_THAT(pair.connecting.fault(), HasSubstr(each.of_client));
    EXPECT_THAT(pair.accepting.fault(), HasSubstr(each.of_server));
    EXPECT_EQ(pair.connecting.fault().empty(), *each.of_client == '\0')
      << pair.connecting.fault();
    EXPECT_EQ(pair.accepting.fault().empty(), *each.of_server == '\0')
      << pair.accepting.fault();
  }
}

TEST_F(MemberSessionTest, ClientsOfOthersAreRefused) {
  struct {
    int version;
    const char* of_server;
  } const cases[] = {{TLS1_3_VERSION, "it shows no certificate"},
                     {TLS1_2_VERSION, "unsupported protocol"}};
  for (const auto& each : cases) {
    pipe in;
    pipe out;
    end_of_pipes through{in, out};
    member_session session{good, through};
    tls_peer peer{each.version};
    for (int turn = 0; turn < 4; ++turn) {
      peer.hear(out.bytes);
      out.bytes.clear();
      in.bytes += peer.take();
      (void)session.shake_hands();
    }
    EXPECT_THAT(session.fault(), HasSubstr(each.of_server));
  }
}

TEST_F(MemberSessionTest, WhatIsNoTlsIsKnownByHowItBegins) {
  for (const std::string& said :
       {std::string{"MILLRACE\0\0\0\1", 12} + std::string(20, '\0'),
        std::string{"GET / HTTP/1.1\r\n\r\n"}, std::string(5'000, 'x')}) {
    for (const bool accepts : {true, false}) {
      pipe in{said};
      pipe out;
      end_of_pipes through{in, out};
      std::unique_ptr<member_session> session{
        accepts ? new member_session{good, through}
                : new member_session{good, through, "127.0.0.1"}};
      EXPECT_EQ(session->shake_hands(), state::failed);
      EXPECT_EQ(session->fault(), "what it sent is not TLS");
      EXPECT_EQ(session->beginning(),
                said.substr(0, member_session::beginning_max));
    }
  }
}

TEST_F(MemberSessionTest, AnyBytesEndInAFaultOrAWait) {
  std::string hello;
  {
    connection pair{good, good};
    (void)pair.connecting.shake_hands();
    hello = pair.there.bytes;
  }
  std::mt19937_64 random{17};
  for (int round = 0; round < 2'000; ++round) {
    pipe in{hello};
    for (auto flips = 1 + random() % 4; flips > 0; --flips)
      in.bytes[random() % in.bytes.size()] = static_cast<char>(random());
    in.bytes.resize(1 + random() % in.bytes.size());
    in.is_closed = round % 2 == 0;
    pipe out;
    end_of_pipes through{in, out};
    member_session session{good, through};
    for (int turn = 0; turn < 4; ++turn)
      EXPECT_NE(session.shake_hands(), state::done);
  }
}

} // namespace
} // namespace millrace::nodes
