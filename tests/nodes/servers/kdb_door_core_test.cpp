#include <millrace/nodes/servers/kdb/door_core.hpp>

#include <gtest/gtest.h>

namespace millrace::nodes::kdb {
namespace {

constexpr int64_t second_ns = 1'000'000'000;

std::string sync_text(const std::string& text) {
  return *write_message(message_kind::sync, text_value(text));
}
std::string async_text(const std::string& text) {
  return *write_message(message_kind::async, text_value(text));
}
std::string long_answer(int64_t number) {
  return answer_message(atom_of(kind::long_, number));
}

/// What was done, a line each.
std::string said(const door_core::effects& effects) {
  std::string out;
  for (const auto& each : effects) {
    if (const auto* sent = std::get_if<send_to>(&each))
      out += "send " + std::to_string(sent->to) + " "
             + std::to_string(sent->bytes.size());
    else if (const auto* more = std::get_if<read_on>(&each))
      out += "read " + std::to_string(more->from);
    else if (const auto* done = std::get_if<finish_connection>(&each))
      out += "finish " + std::to_string(done->which);
    else if (const auto* dropped = std::get_if<drop_connection>(&each))
      out += "drop " + std::to_string(dropped->which);
    else if (const auto* taken = std::get_if<take_up<value>>(&each))
      out += "take " + std::to_string(taken->from) + " "
             + std::to_string(taken->request) + " " + taken->what.bytes;
    else if (const auto* gone = std::get_if<give_up>(&each))
      out += "give up " + std::to_string(gone->from);
    else if (const auto* told = std::get_if<tell_of>(&each))
      out += "tell " + told->id
             + (told->about.empty() ? "" : " of " + told->about);
    else
      out += "something else";
    out += "\n";
  }
  return out;
}

class KdbDoorTest : public ::testing::Test {
protected:
  std::string step(const connection_event& what, int64_t now_ns = 0) {
    return said(door.step(what, now_ns));
  }
  void log_in(connection_id id) {
    (void)step(connection_opened{id});
    EXPECT_EQ(step(bytes_received{id, std::string{"u:p\3\0", 5}}),
              "send " + std::to_string(id) + " 1\nread " + std::to_string(id)
                + "\n");
    (void)step(bytes_sent{id, 1});
  }

  door_core door{{.bytes_max = 64 * 1024}};
};

TEST_F(KdbDoorTest, TakesUpOneRequestOfAClientAfterTheOther) {
  log_in(1);
  log_in(2);
  EXPECT_EQ(step(bytes_received{1, sync_text("a") + async_text("b")}),
            "take 1 1 a\nread 1\n");
  EXPECT_EQ(step(bytes_received{2, sync_text("c")}), "take 2 1 c\nread 2\n");
  EXPECT_EQ(said(door.answered(1, 1, long_answer(5), false, 0)),
            "send 1 17\ntake 1 2 b\n");
  EXPECT_EQ(said(door.answered(1, 2, {}, false, 0)), "");
  // Nobody reads it, so it is told.
  EXPECT_EQ(step(bytes_received{1, async_text("d")}), "take 1 3 d\nread 1\n");
  EXPECT_EQ(said(door.answered(1, 3, "type: no", true, 0)),
            "tell async_failed\n");
  EXPECT_EQ(door.facts().requests, 4u);
  EXPECT_EQ(door.facts().failed, 1u);
}

TEST_F(KdbDoorTest, AClientThatGoesIsAnsweredNoMoreAndItsFeedIsTakenUp) {
  log_in(1);
  (void)step(bytes_received{1, sync_text("a") + async_text("b") + sync_text("c")
                                 + async_text("d")});
  EXPECT_EQ(step(connection_closed{1, {}}), "give up 1\ntake 1 2 b\n");
  EXPECT_EQ(said(door.answered(1, 1, long_answer(5), false, 0)), "");
  EXPECT_EQ(said(door.answered(1, 2, {}, false, 0)), "take 1 4 d\n");
  EXPECT_EQ(said(door.answered(1, 4, {}, false, 0)), "drop 1\n");
  EXPECT_EQ(door.facts().connections, 0u);
  EXPECT_EQ(door.facts().held_bytes, 0u);
}

TEST_F(KdbDoorTest, AClientOfTextHasItsAnswerAfterItSendsNoMore) {
  (void)step(connection_opened{1});
  EXPECT_EQ(step(bytes_received{1, std::string{"u:p\0tables[]\0", 13}}),
            "take 1 1 tables[]\nread 1\n");
  EXPECT_EQ(step(input_ended{1}), "");
  EXPECT_EQ(said(door.answered(1, 1, "quote trade\n", false, 0)),
            "send 1 12\nfinish 1\n");
  EXPECT_EQ(step(bytes_sent{1, 12}), "");
  EXPECT_EQ(step(connection_closed{1, {}}), "drop 1\n");
}

TEST_F(KdbDoorTest, WhoDoesNotLogInOrTakesNothingIsDropped) {
  (void)step(connection_opened{1});
  log_in(2);
  EXPECT_EQ(said(door.tick(4 * second_ns)), "");
  EXPECT_EQ(said(door.tick(5 * second_ns)), "tell dropped\ndrop 1\n");
  (void)step(bytes_received{2, sync_text("a")});
  (void)door.answered(2, 1, std::string(1000, 'x'), false, 10 * second_ns);
  EXPECT_EQ(said(door.tick(69 * second_ns)), "");
  (void)step(bytes_sent{2, 10}, 69 * second_ns);
  EXPECT_EQ(said(door.tick(70 * second_ns)), "");
  EXPECT_EQ(said(door.tick(129 * second_ns)), "tell dropped\ndrop 2\n");
  EXPECT_EQ(door.facts().refused, 2u);
}

/// A port may say for how long its clients may be idle.
TEST_F(KdbDoorTest, WhoIsIdleForLongerThanItMayIsEnded) {
  door = door_core{{.idle_ns = 600 * second_ns}};
  log_in(1);
  log_in(2);
  log_in(3);
  (void)step(bytes_received{2, sync_text("a")}, 500 * second_ns);
  door.keep(3, true);
  EXPECT_EQ(said(door.tick(59 * second_ns)), "");
  EXPECT_EQ(door.facts().idle, 0u);
  EXPECT_EQ(said(door.tick(599 * second_ns)), "");
  EXPECT_EQ(door.facts().idle, 1u);
  // The second one waits for its answer, the third for what comes.
  EXPECT_EQ(said(door.tick(600 * second_ns)), "finish 1\n");
  EXPECT_EQ(door.facts().idle_ended, 1u);
  (void)step(connection_closed{1, {}}, 600 * second_ns);
  EXPECT_EQ(said(door.tick(2000 * second_ns)), "");
  (void)door.answered(2, 1, long_answer(5), false, 2000 * second_ns);
  (void)step(bytes_sent{2, 17}, 2001 * second_ns);
  door.keep(3, false);
  EXPECT_EQ(said(door.tick(2600 * second_ns)), "finish 3\n");
  EXPECT_EQ(said(door.tick(2601 * second_ns)), "finish 2\n");
  EXPECT_EQ(door.facts().idle_ended, 3u);
  EXPECT_EQ(door.facts().refused, 0u);
}

TEST_F(KdbDoorTest, ClientsMayBeIdleForEver) {
  log_in(1);
  EXPECT_EQ(said(door.tick(1'000'000 * second_ns)), "");
  EXPECT_EQ(door.facts().idle, 1u);
  EXPECT_EQ(door.facts().idle_ended, 0u);
}

/// Who says nothing holds a place until another one wants it.
TEST_F(KdbDoorTest, ThoseThatSayNothingMakePlace) {
  door = door_core{{.connections_max = 3}};
  (void)step(connection_opened{1});
  log_in(2);
  (void)step(connection_opened{3});
  EXPECT_EQ(step(connection_opened{4}), "tell dropped\ndrop 1\n");
  EXPECT_EQ(door.facts().last_refusal, "3 connections are open, and it had "
                                       "neither logged in nor asked");
  // The oldest of those first, no matter who has logged in meanwhile.
  EXPECT_EQ(step(bytes_received{3, std::string{"u:p\3\0", 5}}),
            "send 3 1\nread 3\n");
  EXPECT_EQ(step(connection_opened{5}), "tell dropped\ndrop 4\n");
  (void)step(bytes_received{5, std::string{"u:p\3\0", 5}});
  // All are known: there is no place.
  EXPECT_EQ(step(connection_opened{6}), "tell refused\ndrop 6\n");
  EXPECT_EQ(step(bytes_received{6, std::string{"u:p\3\0", 5}}), "");
  EXPECT_EQ(door.facts().connections, 3u);
  EXPECT_EQ(door.facts().refused, 3u);
  EXPECT_EQ(door.facts().last_refusal, "3 connections are open");
  // One that goes leaves its own.
  (void)step(connection_closed{2, {}});
  EXPECT_EQ(step(connection_opened{7}), "");
}

/// Where a password is asked for, to say a name is not enough.
TEST_F(KdbDoorTest, WhoIsNotProvenMakesPlace) {
  port_limits<session> limits;
  limits.session.asks_login = true;
  limits.connections_max = 1;
  door = door_core{limits};
  (void)step(connection_opened{1});
  (void)step(bytes_received{1, std::string{"ada:guess\3\0", 11}});
  EXPECT_EQ(step(connection_opened{2}), "tell dropped\ndrop 1\n");
  (void)step(bytes_received{2, std::string{"ada:right\3\0", 11}});
  (void)door.judged(2, {.is_accepted = true, .user = "ada"}, 0);
  EXPECT_EQ(step(connection_opened{3}), "tell refused\ndrop 3\n");
}

TEST_F(KdbDoorTest, WhoGoesBeyondTheMemoryOfAllIsDropped) {
  log_in(1);
  log_in(2);
  // The beginning of a long message.
  auto header = sync_text("a").substr(0, 4);
  header += std::string{"\0\0\20\0", 4};
  EXPECT_EQ(step(bytes_received{1, header + std::string(40'000, 'x')}),
            "read 1\n");
  EXPECT_EQ(step(bytes_received{2, header + std::string(20'000, 'x')}),
            "read 2\n");
  EXPECT_FALSE(door.has_room(10'000));
  EXPECT_EQ(step(bytes_received{2, std::string(20'000, 'x')}),
            "tell dropped\ndrop 2\n");
  EXPECT_TRUE(door.has_room(10'000));
  EXPECT_EQ(step(bytes_received{1, std::string(20'000, 'x')}), "read 1\n");
}

// Who asks a little last is not the one that took the room.
TEST_F(KdbDoorTest, WhoTakesNothingMakesRoomForOthers) {
  log_in(1);
  log_in(2);
  (void)door.push(1, std::string(50'000, 'p'), second_ns);
  auto header = sync_text("a").substr(0, 4);
  header += std::string{"\0\0\20\0", 4};
  // A moment later it may still take it.
  EXPECT_EQ(
    step(bytes_received{2, header + std::string(10'000, 'x')}, second_ns + 1),
    "read 2\n");
  EXPECT_EQ(step(bytes_received{2, std::string(20'000, 'x')}, 3 * second_ns),
            "tell dropped\ndrop 1\nread 2\n");
}

TEST_F(KdbDoorTest, WhatIsNoMessageEndsItsConnectionAlone) {
  log_in(1);
  log_in(2);
  EXPECT_EQ(step(bytes_received{1, "GET / HTTP/1.1\r\n\r\n"}),
            "finish 1\ntell ended\n");
  EXPECT_EQ(step(connection_closed{1, {}}), "drop 1\n");
  EXPECT_EQ(step(bytes_received{2, sync_text("a")}), "take 2 1 a\nread 2\n");
  EXPECT_EQ(step(connection_refused{{errc::limit_exceeded, "2 are open"}}),
            "tell refused\n");
  EXPECT_EQ(door.facts().refused, 2u);
  EXPECT_EQ(door.facts().last_refusal, "2 are open");
}

TEST_F(KdbDoorTest, ReadsNoFurtherThanAClientMaySendAhead) {
  log_in(1);
  door_core roomy{{.bytes_max = 64 << 20}};
  (void)roomy.step(connection_opened{1}, 0);
  (void)roomy.step(bytes_received{1, std::string{"u\3\0", 3}}, 0);
  const std::string much(300'000, 'x');
  auto out
    = said(roomy.step(bytes_received{1, sync_text("a") + async_text(much)}, 0));
  EXPECT_EQ(out, "take 1 1 a\n");
  out = said(roomy.answered(1, 1, long_answer(1), false, 0));
  EXPECT_EQ(out, "send 1 17\ntake 1 2 " + much + "\nread 1\n");
}

TEST_F(KdbDoorTest, ASubscriberThatIsTooSlowIsDropped) {
  door_core pushing{{.push_bytes = 100, .bytes_max = 1 << 20}};
  (void)pushing.step(connection_opened{1}, 0);
  (void)pushing.step(bytes_received{1, std::string{"u\3\0", 3}}, 0);
  EXPECT_EQ(said(pushing.push(1, std::string(60, 'x'), 0)), "send 1 60\n");
  (void)pushing.step(bytes_sent{1, 50}, 0);
  EXPECT_EQ(said(pushing.push(1, std::string(60, 'x'), 0)), "send 1 60\n");
  EXPECT_EQ(said(pushing.push(1, std::string(60, 'x'), 0)),
            "tell dropped\ndrop 1\n");
  EXPECT_EQ(said(pushing.push(1, std::string(60, 'x'), 0)), "");
  EXPECT_EQ(pushing.facts().held_bytes, 0u);
  EXPECT_NE(pushing.facts().last_refusal.find("too slow"), std::string::npos);
}

TEST_F(KdbDoorTest, AHandshakeIsWaitedForAsLongAsALogin) {
  (void)step(connection_opened{1, "10.0.0.1", true});
  (void)step(connection_opened{2, "10.0.0.2", true}, 4 * second_ns);
  EXPECT_EQ(said(door.tick(5 * second_ns)),
            "tell tls_failed of 10.0.0.1: the handshake is not done in time\n"
            "drop 1\n");
  EXPECT_EQ(door.facts().last_refusal,
            "TLS with 10.0.0.1 failed: the handshake is not done in time");
  // The login that follows has a time of its own.
  EXPECT_EQ(step(tls_ready{2}, 6 * second_ns), "");
  EXPECT_EQ(said(door.tick(10 * second_ns)), "");
  EXPECT_EQ(said(door.tick(11 * second_ns)), "tell dropped\ndrop 2\n");
  EXPECT_EQ(door.facts().tls_failed, 1u);
  EXPECT_EQ(door.facts().tls_connections, 1u);
  EXPECT_EQ(door.facts().connections, 0u);
}

TEST_F(KdbDoorTest, AFailureOfTlsIsToldWithItsAddressAndIsAnEnd) {
  (void)step(connection_opened{1, "10.0.0.1", true});
  (void)step(connection_opened{2, "10.0.0.2", true});
  (void)step(tls_ready{2});
  (void)step(bytes_received{2, std::string{"u:p\3\0", 5}});
  (void)step(bytes_received{2, sync_text("a")});
  EXPECT_EQ(step(tls_failed{1, {errc::malformed_message, "no TLS"}}),
            "tell tls_failed of 10.0.0.1: no TLS\ndrop 1\n");
  EXPECT_EQ(step(tls_failed{2, {errc::malformed_message, "damaged"}}),
            "tell tls_failed of 10.0.0.2: damaged\ngive up 2\ndrop 2\n");
  EXPECT_EQ(door.facts().refused, 2u);
  EXPECT_EQ(door.facts().tls_failed, 2u);
  EXPECT_EQ(door.facts().held_bytes, 0u);
  EXPECT_EQ(step(tls_failed{2, {}}), "");
}

} // namespace
} // namespace millrace::nodes::kdb
