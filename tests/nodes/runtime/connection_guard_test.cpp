#include <millrace/nodes/node/connection_guard.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::nodes {
namespace {

using guard = connection_guard;

/// A head of CAF's frames: kind, length of what follows.
std::string frame(char kind, uint32_t bytes) {
  std::string out(guard::head_bytes, '\0');
  out[0] = kind;
  for (int i = 0; i < 4; ++i)
    out[4 + i] = static_cast<char>(bytes >> (24 - 8 * i));
  return out;
}

std::string greeting() {
  const auto head = guard::greeting();
  return {head.data(), head.size()};
}

std::string greeting_of_version(char version) {
  auto out = greeting();
  out[11] = version;
  return out;
}

const std::string hello = frame(1, 10);
const std::string ten(10, 'x');

/// What becomes of pieces: 'p' passed, 'c' consumed, 'r' refused.
std::string verdicts(guard::end which, const std::vector<std::string>& pieces,
                     std::string* why = nullptr) {
  guard of{which};
  std::string out;
  for (const auto& piece : pieces)
    out += "pcr"[static_cast<int>(of.take(piece))];
  if (why != nullptr)
    *why = of.why();
  return out;
}

TEST(ConnectionGuard, TheGreetingIsAsWritten) {
  EXPECT_EQ(greeting(),
            std::string("MILLRACE\0\0\0\7", 12) + std::string(20, '\0'));
  EXPECT_EQ(guard::refusal("no"),
            std::string("MILLRACE\xff\xff\xff\xff\0\0\0\2", 16)
              + std::string(16, '\0') + "no");
}

TEST(ConnectionGuard, WhoConnectsIsOneOfMillrace) {
  struct {
    const char* what;
    std::vector<std::string> pieces;
    std::string verdicts;
    std::string why;
  } const cases[]{
    {"frames pass",
     {greeting(), hello, ten, frame(2, 10), ten, frame(6, 0), frame(3, 10), ten,
      hello, ten},
     "cppppppppp",
     ""},
    {"no greeting", {hello}, "r", "not of Millrace"},
    {"a one and zeroes", {frame(1, 0)}, "r", "not of Millrace"},
    {"another protocol",
     {"GET / HTTP/1.1\r\nHost: localhos\r\n"},
     "r",
     "not of Millrace"},
    {"TLS",
     {std::string("\x16\x03\x01\x02\0", 5) + std::string(27, 'x')},
     "r",
     "it speaks TLS, and this node does without"},
    {"another release", {greeting_of_version(1)}, "r", "version 1"},
    {"a message before the handshake",
     {greeting(), frame(2, 10)},
     "cr",
     "not of Millrace"},
    {"a handshake of the other side",
     {greeting(), frame(0, 10)},
     "cr",
     "not of Millrace"},
    {"a handshake of nothing", {greeting(), frame(1, 0)}, "cr", "of 0 bytes"},
    {"a long handshake", {greeting(), frame(1, 65'537)}, "cr", "65537 bytes"},
    {"four gigabytes",
     {greeting(), hello, ten, frame(2, 0xffffffff)},
     "cppr",
     "4294967295 bytes"},
    {"a message of nothing",
     {greeting(), hello, ten, frame(2, 0)},
     "cppr",
     "of 0 bytes"},
    {"a heartbeat with bytes",
     {greeting(), hello, ten, frame(6, 1)},
     "cppr",
     "of 1 bytes"},
    {"no kind of frame",
     {greeting(), hello, ten, frame(7, 1)},
     "cppr",
     "no kind"},
    {"a kind below zero",
     {greeting(), hello, ten, frame('\xff', 1)},
     "cppr",
     "no kind"},
    {"a piece of another length",
     {greeting(), hello, "x"},
     "cpr",
     "1 bytes where 10"},
    {"after a refusal", {hello, greeting()}, "rr", "not of Millrace"},
  };
  for (const auto& each : cases) {
    std::string why;
    EXPECT_EQ(verdicts(guard::end::accepted, each.pieces, &why), each.verdicts)
      << each.what;
    EXPECT_NE(why.find(each.why), std::string::npos)
      << each.what << ": " << why;
  }
}

TEST(ConnectionGuard, WhatItConnectedToIsOneOfMillraceOrSaysWhyNot) {
  const auto refusal = guard::refusal("you are another");
  const auto head = refusal.substr(0, guard::head_bytes);
  struct {
    const char* what;
    std::vector<std::string> pieces;
    std::string verdicts;
    std::string why;
  } const cases[]{
    {"frames pass",
     {frame(0, 10), ten, frame(2, 10), ten, frame(6, 0)},
     "ppppp",
     ""},
    {"a refusal",
     {head, refusal.substr(guard::head_bytes)},
     "cr",
     "you are another"},
    {"a greeting", {greeting()}, "r", "not of Millrace"},
    {"no handshake", {frame(2, 10)}, "r", "not of Millrace"},
    {"another protocol",
     {"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"},
     "r",
     "not of Millrace"},
  };
  for (const auto& each : cases) {
    std::string why;
    EXPECT_EQ(verdicts(guard::end::connecting, each.pieces, &why),
              each.verdicts)
      << each.what;
    EXPECT_NE(why.find(each.why), std::string::npos)
      << each.what << ": " << why;
  }
  guard told{guard::end::connecting};
  EXPECT_EQ(told.take(head), guard::verdict::consumed);
  EXPECT_EQ(told.wanted(), refusal.size() - guard::head_bytes);
}

TEST(ConnectionGuard, ALongRefusalIsCut) {
  const auto text = guard::refusal(std::string(5000, 'x'));
  EXPECT_EQ(text.size(), guard::head_bytes + guard::refusal_bytes_max);
}

} // namespace
} // namespace millrace::nodes
