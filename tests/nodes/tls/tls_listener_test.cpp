#include <millrace/nodes/servers/port/tls_listener.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tls_peer.hpp"

namespace millrace::nodes {
namespace {

using ::testing::HasSubstr;

/// A port without a network: what it is asked for is noted, and what happens
/// there the test says.
struct noted_port {
  listener::teller tell;
  std::string sent;       ///< Not told to have gone yet.
  std::string done;       ///< Other calls, a word each.
  bool is_closed = false; ///< By finish or drop.
};

class noted_listener final : public listener {
public:
  explicit noted_listener(noted_port& at) : at_{at} {}
  void begin(teller tell) override { at_.tell = std::move(tell); }
  void read_on(connection_id) override { at_.done += "read "; }
  void send(connection_id, std::string bytes) override { at_.sent += bytes; }
  void finish(connection_id) override { at_.done += "finish "; }
  void drop(connection_id) override { at_.done += "drop "; }

private:
  noted_port& at_;
};

class TlsListenerTest : public ::testing::Test {
protected:
  void open(tls_start when) {
    made
      = make_tls_listener(std::make_unique<noted_listener>(port), shown, when);
    made->begin([this](connection_event what) {
      std::visit([this](auto& each) { note(each); }, what);
    });
    port.tell(connection_opened{1, "10.0.0.1"});
  }
  static std::shared_ptr<const tls_identity> identity() {
    static const auto made = [] {
      const auto pem = make_certificate();
      return read_tls_identity(pem.certificate, pem.key, std::time(nullptr))
        .identity;
    }();
    return made;
  }

  void note(const connection_opened& what) {
    told += what.shakes_hands ? "opened for a handshake, " : "opened, ";
  }
  void note(const tls_ready&) { told += "ready, "; }
  void note(const tls_failed& what) {
    told += "failed: " + what.why.context + ", ";
  }
  void note(bytes_received& what) {
    told += "bytes, ";
    plain += what.bytes;
  }
  void note(const input_ended&) { told += "ended, "; }
  void note(const bytes_sent& what) { gone += what.bytes; }
  void note(const connection_closed& what) {
    told += "closed: " + what.why.context + ", ";
  }
  void note(const connection_refused&) { told += "refused, "; }

  /// What both sides have for one another, until there is nothing.
  void talk() {
    while (true) {
      const auto to_server = client.take();
      if (!to_server.empty())
        port.tell(bytes_received{1, to_server});
      const auto to_client = std::exchange(port.sent, {});
      if (!to_client.empty()) {
        port.tell(bytes_sent{1, to_client.size()});
        client.hear(to_client);
      } else if (to_server.empty()) {
        return;
      }
    }
  }
  void shake() {
    client.hear("");
    talk();
  }
  std::string said() { return std::exchange(told, {}); }
  std::string done() { return std::exchange(port.done, {}); }

  noted_port port;
  tls_peer client;
  std::shared_ptr<renewable<tls_identity>> shown
    = std::make_shared<renewable<tls_identity>>(identity());
  std::unique_ptr<listener> made;
  std::string told;
  std::string plain;
  size_t gone = 0;
};

TEST_F(TlsListenerTest, WhoListensHearsWhatIsPlain) {
  open(tls_start::at_once);
  EXPECT_EQ(said(), "opened for a handshake, ");
  shake();
  EXPECT_EQ(said(), "ready, ");
  EXPECT_THAT(done(), HasSubstr("read ")); // Nobody else asks for it.
  client.say("question");
  talk();
  EXPECT_EQ(said(), "bytes, ");
  EXPECT_EQ(done(), ""); // Who has bytes asks for more.
  EXPECT_EQ(plain, "question");
  EXPECT_EQ(gone, 0u) << "bytes of TLS are nobody's";
  made->send(1, "answer");
  made->finish(1);
  EXPECT_EQ(done(), "finish ");
  talk();
  EXPECT_EQ(client.got, "answer");
  EXPECT_TRUE(client.is_over);
  EXPECT_EQ(gone, 6u);
  port.tell(connection_closed{1, {}});
  EXPECT_EQ(said(), "closed: , ");
}

TEST_F(TlsListenerTest, WhatIsForASlowClientIsSealedInPortions) {
  open(tls_start::at_once);
  shake();
  const std::string bytes(3'000'000, 'x');
  made->send(1, bytes);
  made->finish(1);
  EXPECT_LT(port.sent.size(), 300'000u);
  EXPECT_GT(port.sent.size(), 250'000u);
  EXPECT_EQ(done().find("finish"), std::string::npos);
  // It takes a part of a record.
  client.hear(port.sent.substr(0, 100));
  port.sent.erase(0, 100);
  port.tell(bytes_sent{1, 100});
  EXPECT_EQ(gone, 0u);
  talk();
  EXPECT_EQ(client.got, bytes);
  EXPECT_EQ(gone, bytes.size());
  EXPECT_TRUE(client.is_over);
  EXPECT_EQ(done(), "finish ");
}

TEST_F(TlsListenerTest, AFailedHandshakeIsToldOnceAndIsTheEnd) {
  open(tls_start::at_once);
  (void)said();
  port.tell(bytes_received{1, "GET / HTTP/1.1\r\n\r\n"});
  EXPECT_THAT(said(), HasSubstr("failed: it speaks HTTP without TLS"));
  EXPECT_EQ(done(), "finish "); // It may hear why.
  port.tell(bytes_received{1, "more"});
  port.tell(bytes_sent{1, 7});
  port.tell(connection_closed{1, {}});
  made->send(1, "x");
  made->finish(1);
  EXPECT_EQ(said(), "");
  EXPECT_EQ(done(), "");
}

TEST_F(TlsListenerTest, DamageAfterTheHandshakeIsTheEndAtOnce) {
  open(tls_start::at_once);
  shake();
  (void)said();
  (void)done();
  port.tell(bytes_received{1, std::string(100, 'x')});
  EXPECT_THAT(said(), HasSubstr("failed: "));
  EXPECT_EQ(done(), "drop ");
}

TEST_F(TlsListenerTest, AnEndWithoutAWordIsNoEndOfWhatTheClientSays) {
  open(tls_start::at_once);
  port.tell(input_ended{1});
  EXPECT_THAT(said(), HasSubstr("closed: the client left without a word, "))
    << "who only looks whether the port is open has done nothing";
  EXPECT_EQ(done(), "drop ");
  port.tell(connection_opened{2, "10.0.0.1"});
  client.hear("");
  port.tell(bytes_received{2, client.take()});
  port.tell(input_ended{2});
  EXPECT_THAT(said(), HasSubstr("failed: the client left in its handshake, "));
  // Or by a fault.
  for (const auto& [id, word] : {std::pair{connection_id{3}, "failed: "},
                                 {connection_id{4}, "closed: "}}) {
    port.tell(connection_opened{id, "10.0.0.1"});
    if (id == 3)
      port.tell(bytes_received{id, "\x16\3\1"});
    (void)said();
    port.tell(connection_closed{id, {errc::closed, "reset"}});
    EXPECT_TRUE(said().starts_with(word)) << id;
  }
}

TEST_F(TlsListenerTest, TheWordIsAnEndOfInput) {
  open(tls_start::at_once);
  shake();
  (void)said();
  client.say("last");
  SSL_shutdown(client.ssl);
  port.tell(bytes_received{1, client.take()});
  port.tell(input_ended{1});
  EXPECT_EQ(said(), "bytes, ended, ");
  made->send(1, "answer");
  client.hear(port.sent);
  EXPECT_EQ(client.got, "answer");
}

TEST_F(TlsListenerTest, AProtocolAsksForItAmidItsOwn) {
  open(tls_start::when_asked);
  EXPECT_EQ(said(), "opened, ");
  port.tell(bytes_received{1, "may I?"});
  EXPECT_EQ(plain, "may I?");
  made->send(1, "S");
  made->begin_tls(1);
  EXPECT_EQ(std::exchange(port.sent, {}), "S");
  port.tell(bytes_sent{1, 1});
  EXPECT_EQ(gone, 1u);
  shake();
  EXPECT_EQ(said(), "bytes, ready, ");
  client.say(" yes");
  talk();
  EXPECT_EQ(plain, "may I? yes");
}

TEST_F(TlsListenerTest, WhoAsksForKeysAndTakesNothingIsEnded) {
  open(tls_start::at_once);
  shake();
  (void)said();
  for (int i = 0; i < 100'000 && told.empty(); ++i) {
    SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(client.ssl);
    port.tell(bytes_received{1, client.take()});
  }
  EXPECT_THAT(said(), HasSubstr("failed: "));
  EXPECT_LT(port.sent.size(), 200'000u);
}

} // namespace
} // namespace millrace::nodes
