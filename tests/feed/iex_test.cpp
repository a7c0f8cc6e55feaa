#include <gmock/gmock.h>

#include <algorithm>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

template <class T>
std::string little(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string big_16(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string message(const std::string& body) {
  return little(static_cast<uint16_t>(body.size())) + body;
}

const std::string message_head
  = little(uint64_t{1'499'700'600'000'000'001}) + "AAPL    ";
const std::string quote_message
  = std::string{"Q\x40"} + message_head + little(uint32_t{100})
    + little(uint64_t{1'452'500}) + little(uint64_t{0}) + little(uint32_t{0});
const std::string trade_message
  = std::string{"T\x20"} + message_head + little(uint32_t{7})
    + little(uint64_t{1'452'600}) + little(uint64_t{4711});
const std::string level_message = std::string{"5\x01"} + message_head
                                  + little(uint32_t{300})
                                  + little(uint64_t{1'452'700});

std::string packet(const std::string& transport, bool tagged = false) {
  const auto udp = big_16(1) + big_16(2) + big_16(transport.size() + 8)
                   + big_16(0) + transport;
  std::string ip = "\x45" + std::string(1, '\0') + big_16(udp.size() + 20)
                   + std::string(5, '\0') + "\x11" + std::string(10, '\0');
  const auto ethernet = std::string(12, 'm')
                        + (tagged ? big_16(0x8100) + big_16(5) : "")
                        + big_16(0x0800) + ip + udp;
  return little(uint32_t{0}) + little(uint32_t{0})
         + little(static_cast<uint32_t>(ethernet.size()))
         + little(static_cast<uint32_t>(ethernet.size())) + ethernet;
}

std::string transport(uint16_t protocol, uint16_t count,
                      const std::string& messages) {
  return std::string("\x01\0", 2) + little(protocol) + std::string(10, '\0')
         + little(count) + std::string(24, '\0') + messages;
}

std::string file(uint32_t magic, const std::string& packets) {
  return little(magic) + std::string(16, '\0') + little(uint32_t{1}) + packets;
}

outcome read_packets(std::string_view preset_name, const std::string& all) {
  sim::memory_file_system disk;
  put_file(disk, "a.pcap", all);
  return read_all(disk, preset_options(preset_name, {"a.pcap"}));
}

/// A number of a recording's headers, in either order of bytes.
template <class T>
std::string ordered(T value, bool big) {
  auto out = little(value);
  if (big)
    std::reverse(out.begin(), out.end());
  return out;
}

std::string block(uint32_t kind, std::string body, bool big) {
  body.resize((body.size() + 3) / 4 * 4);
  const auto length = ordered(static_cast<uint32_t>(body.size() + 12), big);
  return ordered(kind, big) + length + body + length;
}

std::string section(bool big, uint16_t link = 1) {
  return block(0x0a0d0d0a,
               ordered(uint32_t{0x1a2b3c4d}, big) + ordered(uint16_t{1}, big)
                 + std::string(2, '\0') + std::string(8, '\xff'),
               big)
         + block(1, ordered(link, big) + std::string(6, '\0'), big);
}

/// As its own kind of block: enhanced, simple, or obsolete.
std::string packet_in(uint32_t kind, const std::string& ethernet, bool big) {
  const auto size = ordered(static_cast<uint32_t>(ethernet.size()), big);
  return block(
    kind, (kind == 3 ? size : std::string(12, '\0') + size + size) + ethernet,
    big);
}

/// Goal: a recording gives the same rows in whatever form it was written.
/// Method: the same packet as pcap of either order, and in each kind of block
/// of pcapng, among other blocks and over two sections of other orders.
TEST(IexTest, FormsOfRecordingsGiveTheSameRows) {
  const auto plain = packet(transport(0x8003, 1, message(trade_message)));
  const auto wanted = read_packets("iex-trade", file(0xa1b2c3d4, plain));
  ASSERT_EQ(wanted.rows(), 1u) << to_string(wanted.failed);
  const auto ethernet = plain.substr(16);
  const auto size = static_cast<uint32_t>(ethernet.size());
  const auto turned = ordered(uint32_t{0xa1b2c3d4}, true)
                      + std::string(16, '\0') + ordered(uint32_t{1}, true)
                      + std::string(8, '\0') + ordered(size, true)
                      + ordered(size, true) + ethernet;
  EXPECT_EQ(read_packets("iex-trade", turned).batches.at(0).bytes.size(),
            wanted.batches.at(0).bytes.size());
  for (const bool big : {false, true})
    for (const uint32_t kind : {6u, 3u, 2u}) {
      SCOPED_TRACE(std::to_string(kind) + (big ? " big" : " little"));
      const auto once = section(big) + block(5, std::string(9, 's'), big)
                        + packet_in(kind, ethernet, big);
      const auto got = read_packets("iex-trade", once);
      EXPECT_FALSE(got.failed) << to_string(got.failed);
      EXPECT_EQ(got.rows(), 1u);
      const auto twice = read_packets(
        "iex-trade", once + section(!big) + packet_in(6, ethernet, !big));
      EXPECT_FALSE(twice.failed) << to_string(twice.failed);
      EXPECT_EQ(twice.rows(), 2u);
      // Each byte that is missing is told, and no row is made up.
      for (size_t cut = 1; cut < once.size(); cut += 7)
        EXPECT_TRUE(
          read_packets("iex-trade", once.substr(0, once.size() - cut)).rows()
          == 0);
      EXPECT_THAT(
        to_string(read_packets("iex-trade", section(big, 113)
                                              + packet_in(kind, ethernet, big))
                    .failed),
        testing::HasSubstr("link type 113"));
    }
  auto stray = packet_in(6, ethernet, false);
  stray[8] = 3; // An interface that no block describes.
  EXPECT_THAT(
    to_string(read_packets("iex-trade", section(false) + stray).failed),
    testing::HasSubstr("does not fit its block or interface"));
}

TEST(IexTest, MessagesOfEachKind) {
  const auto all = file(
    0xa1b2c3d4,
    packet(transport(0x8003, 2,
                     message("S" + message_head) + message(quote_message)))
      + packet("another protocol, long enough to look at its numbers.....")
      + packet(transport(0x8003, 1, message(trade_message)), true)
      + packet(transport(0x8004, 1, message(level_message))));
  const std::string time = "553015800000000001|AAPL|";
  EXPECT_EQ(rows_of(read_packets("iex-trade", all)),
            std::vector<std::string>{time + "145.25999999999999|7|4711|32"});
  EXPECT_EQ(rows_of(read_packets("iex-quote", all)),
            std::vector<std::string>{time + "145.25|nan|100|null|64"});
  EXPECT_EQ(rows_of(read_packets("iex-level", all)),
            std::vector<std::string>{time + "S|145.27000000000001|300|1"});
}

TEST(IexTest, WhatIsCutOrIsNoRecordingIsTold) {
  const auto one = packet(transport(0x8003, 1, message(trade_message)));
  struct {
    std::string text;
    std::string fault;
  } const cases[] = {
    {"time,sym\n", "is not a recording of packets"},
    {std::string(24, 'x'), "is not a recording of packets"},
    {file(0xa1b2c3d4, one.substr(0, 10)), "ends inside a packet"},
    {file(0xa1b2c3d4, one + one.substr(0, one.size() - 1)),
     "ends inside a packet"},
    {file(0xa1b23c4d, packet(transport(0x8003, 2, message(trade_message)))),
     "message 2 of 2 is cut off"},
    {file(0xa1b2c3d4, std::string(16, '\x7f')), "a packet of"},
  };
  for (const auto& each : cases) {
    const auto got = read_packets("iex-trade", each.text);
    EXPECT_NE(got.failed.context.find(each.fault), std::string::npos)
      << got.failed.context;
    EXPECT_EQ(got.failed.context.substr(0, 6), "a.pcap");
  }
}

TEST(IexTest, OfWhatIsCutOffItsWholeMessagesCount) {
  const auto one = packet(transport(0x8003, 1, message(trade_message)));
  const auto got = read_packets(
    "iex-trade", file(0xa1b2c3d4, one + one + one.substr(0, one.size() - 1)));
  EXPECT_NE(got.failed.context.find("ends inside a packet"), std::string::npos);
  EXPECT_EQ(got.rows(), 2u);
  // A tail of zeros is no end: what stands before it may be of zeros, too.
  const auto zeros = read_packets(
    "iex-trade", file(0xa1b2c3d4, one + one.substr(0, one.size() - 20)
                                    + std::string(30, '\0')));
  EXPECT_TRUE(zeros.failed);
  EXPECT_EQ(zeros.rows(), 0u);
}

TEST(IexTest, ARecordingOfTheOtherProtocolIsTold) {
  const auto tops
    = file(0xa1b2c3d4, packet(transport(0x8003, 1, message(trade_message))));
  const auto deep
    = file(0xa1b2c3d4, packet(transport(0x8004, 1, message(level_message))));
  EXPECT_NE(read_packets("iex-level", tops).failed.context.find("of TOPS"),
            std::string::npos);
  EXPECT_NE(read_packets("iex-quote", deep).failed.context.find("of DEEP"),
            std::string::npos);
  // Both have trades, if there are any.
  EXPECT_FALSE(read_packets("iex-trade", deep).failed);
  EXPECT_EQ(read_packets("iex-trade", tops).rows(), 1u);
}

TEST(IexTest, ARecordedDay) {
  MILLRACE_NEEDS_SHARED_DATA();
  const auto path = shared_data() + "/iex/TOPS16.pcapng.gz";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << path << " is not there";
  for (const auto& [name, rows] :
       {std::pair{"iex-quote", 27'217u}, {"iex-trade", 6'390u}}) {
    const auto got = read_all(persistence::posix_file_system(),
                              preset_options(name, {path}));
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_TRUE(got.rejects.empty()) << got.rejects[0].reason;
    EXPECT_EQ(got.rows(), rows);
  }
}

} // namespace
} // namespace millrace::feed
