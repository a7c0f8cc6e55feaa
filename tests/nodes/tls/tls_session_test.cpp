#include <millrace/nodes/tls/tls_session.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tls_peer.hpp"

namespace millrace::nodes {
namespace {

using ::testing::HasSubstr;

const made_certificate& certificate() {
  static const auto made = make_certificate();
  return made;
}

std::shared_ptr<const tls_identity> identity() {
  static const auto made = read_tls_identity(
    certificate().certificate, certificate().key, std::time(nullptr));
  EXPECT_TRUE(made.identity);
  return made.identity;
}

std::string random_bytes(size_t count) {
  std::mt19937 random{7};
  std::string out(count, '\0');
  for (auto& c : out)
    c = static_cast<char>(random());
  return out;
}

/// A server and a client that hear one another.
struct both_ends {
  explicit both_ends(int version = TLS1_3_VERSION,
                     const std::string& trusted = {})
    : client{version, trusted} {}

  /// What the client has goes to the server, in pieces, and back.
  tls_session::outcome pass(size_t piece = 1u << 20) {
    tls_session::outcome out;
    while (true) {
      const auto bytes = client.take();
      if (bytes.empty())
        return out;
      for (size_t at = 0; at < bytes.size(); at += piece) {
        auto came = server.received(std::string_view{bytes}.substr(at, piece));
        out.plain += came.plain;
        out.is_ready |= came.is_ready;
        out.is_over |= came.is_over;
        if (came.fault)
          out.fault = came.fault;
        client.hear(came.sealed);
      }
    }
  }
  tls_session::outcome shake(size_t piece = 1u << 20) {
    client.hear("");
    return pass(piece);
  }

  tls_session server{identity()};
  tls_peer client;
};

TEST(TlsSessionTest, BytesComeThroughInWhateverPieces) {
  for (const auto version : {TLS1_2_VERSION, TLS1_3_VERSION})
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{1} << 20}) {
      both_ends at{version, certificate().certificate};
      EXPECT_FALSE(at.server.is_ready());
      EXPECT_TRUE(at.shake(piece).is_ready);
      EXPECT_TRUE(at.server.is_ready());
      EXPECT_EQ(at.client.fault, "");
      at.client.say("question");
      EXPECT_EQ(at.pass(piece).plain, "question");
      at.client.hear(at.server.seal("answer"));
      EXPECT_EQ(at.client.got, "answer");
    }
}

TEST(TlsSessionTest, WhatFollowsTheHandshakeAtOnceIsNotLost) {
  both_ends at;
  at.client.hear("");
  at.client.hear(at.server.received(at.client.take()).sealed);
  at.client.say("early");
  const auto came = at.server.received(at.client.take());
  EXPECT_TRUE(came.is_ready);
  EXPECT_EQ(came.plain, "early");
}

TEST(TlsSessionTest, LargeTransfersComeThrough) {
  const auto bytes = random_bytes(5'000'000);
  for (const auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    both_ends at{version};
    (void)at.shake();
    at.client.say(bytes);
    EXPECT_EQ(at.pass(64 * 1024).plain, bytes);
    for (size_t i = 0; i < bytes.size(); i += 1'000'000)
      at.client.hear(
        at.server.seal(std::string_view{bytes}.substr(i, 1'000'000)));
    EXPECT_EQ(at.client.got, bytes);
  }
}

TEST(TlsSessionTest, WhatIsNoTlsIsRefusedByWhatItIs) {
  struct {
    std::string bytes;
    const char* says;
  } const cases[] = {
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "it speaks HTTP without TLS"},
    {std::string{"me:secret\3\0", 11}, "what it sent is not TLS"},
    {random_bytes(500), ""},
    {std::string(5000, '\0'), ""},
    {std::string(100'000, '\x16'), ""},
  };
  for (const auto& each : cases) {
    tls_session made{identity()};
    const auto came = made.received(each.bytes);
    EXPECT_TRUE(came.fault);
    EXPECT_FALSE(came.is_ready);
    EXPECT_EQ(came.plain, "");
    EXPECT_LT(came.sealed.size(), 100u);
    EXPECT_THAT(came.fault.context, HasSubstr(each.says));
    // Nothing helps it any more.
    EXPECT_EQ(made.received(each.bytes).sealed, "");
    EXPECT_EQ(made.seal("x"), "");
    EXPECT_EQ(made.close(), "");
  }
}

TEST(TlsSessionTest, ATruncatedHandshakeWaits) {
  both_ends at;
  at.client.hear("");
  const auto bytes = at.client.take();
  const auto came
    = at.server.received(std::string_view{bytes}.substr(0, bytes.size() - 1));
  EXPECT_FALSE(came.fault);
  EXPECT_EQ(came.sealed, "");
  EXPECT_FALSE(at.server.is_ready());
  EXPECT_EQ(at.server.seal("x"), "");
  EXPECT_NE(at.server.received(bytes.substr(bytes.size() - 1)).sealed, "");
}

TEST(TlsSessionTest, AChangedByteEndsIt) {
  both_ends at;
  (void)at.shake();
  at.client.say("question");
  auto bytes = at.client.take();
  bytes[bytes.size() / 2] ^= 1;
  const auto came = at.server.received(bytes);
  EXPECT_TRUE(came.fault);
  EXPECT_EQ(came.plain, "");
  EXPECT_NE(came.sealed, ""); // An alert.
  at.client.hear(came.sealed);
  EXPECT_NE(at.client.fault, "");
}

TEST(TlsSessionTest, BothEndsSayThatNothingFollows) {
  for (const auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    both_ends at{version};
    (void)at.shake();
    at.client.say("last");
    SSL_shutdown(at.client.ssl);
    const auto came = at.pass();
    EXPECT_EQ(came.plain, "last");
    EXPECT_TRUE(came.is_over);
    EXPECT_FALSE(came.fault);
    at.client.hear(at.server.seal("answer"));
    at.client.hear(at.server.close());
    EXPECT_TRUE(at.client.is_over);
    EXPECT_EQ(at.client.got, "answer");
    EXPECT_EQ(at.server.received("garbage").plain, "");
  }
}

TEST(TlsSessionTest, ItIsNotNegotiatedAnew) {
  both_ends at{TLS1_2_VERSION};
  (void)at.shake();
  SSL_renegotiate(at.client.ssl);
  SSL_do_handshake(at.client.ssl);
  const auto came = at.pass();
  EXPECT_FALSE(came.is_ready);
  EXPECT_EQ(at.client.fault, "no renegotiation");
  // Keys change without it.
  both_ends other;
  (void)other.shake();
  SSL_key_update(other.client.ssl, SSL_KEY_UPDATE_REQUESTED);
  other.client.say("after");
  EXPECT_EQ(other.pass().plain, "after");
  other.client.hear(other.server.seal("answer"));
  EXPECT_EQ(other.client.got, "answer");
}

TEST(TlsSessionTest, OldVersionsAndOthersCertificatesAreRefused) {
  for (const auto version : {TLS1_VERSION, TLS1_1_VERSION}) {
    both_ends old{version};
    EXPECT_THAT(old.shake().fault.context, HasSubstr("unsupported protocol"));
  }
  for (const auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    both_ends at{version, make_certificate().certificate};
    const auto came = at.shake();
    EXPECT_THAT(came.fault.context, HasSubstr("the client ended it: "));
    EXPECT_FALSE(came.is_ready);
  }
}

} // namespace
} // namespace millrace::nodes
