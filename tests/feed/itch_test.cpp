// Goal: what ITCH 5.0 says of trades and orders comes as rows, and other files
// are told from it. Method: messages put together here, byte by byte.
#include <millrace/messages/text/civil_time.hpp>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

std::string network(uint64_t value, size_t size) {
  std::string out;
  for (size_t i = size; i-- > 0;)
    out += static_cast<char>(value >> (8 * i));
  return out;
}

/// A message after its length; its first bytes are those of each message.
std::string itch(char type, uint64_t locate, uint64_t time_ns,
                 const std::string& rest) {
  const auto body
    = type + network(locate, 2) + network(0, 2) + network(time_ns, 6) + rest;
  return network(body.size(), 2) + body;
}

constexpr uint64_t second = 1'000'000'000;

std::string directory(uint64_t locate, const std::string& symbol) {
  return itch('R', locate, second, symbol + std::string(20, ' '));
}

std::string added(uint64_t order, char side, uint64_t shares, uint64_t price) {
  return itch('A', 7, 2 * second,
              network(order, 8) + side + network(shares, 4) + "AAPL    "
                + network(price, 4));
}

std::string day() {
  return itch('S', 0, 0, "O") + directory(7, "AAPL    ")
         + added(1, 'B', 300, 1'000'000) + added(2, 'S', 50, 1'001'000)
         + itch('E', 7, 3 * second,
                network(1, 8) + network(100, 4) + network(90, 8))
         + itch('C', 7, 4 * second,
                network(1, 8) + network(50, 4) + network(91, 8) + "N"
                  + network(999'900, 4))
         + itch('U', 7, 5 * second,
                network(1, 8) + network(3, 8) + network(40, 4)
                  + network(998'000, 4))
         + itch('X', 7, 6 * second, network(3, 8) + network(15, 4))
         + itch('D', 7, 7 * second, network(3, 8))
         + itch('E', 7, 8 * second,
                network(77, 8) + network(5, 4) + network(92, 8))
         + itch('P', 9, 9 * second,
                network(0, 8) + "B" + network(10, 4) + "IBM     "
                  + network(1'500'000, 4) + network(93, 8))
         + itch('Q', 9, 10 * second,
                network(5'000'000'000, 8) + "IBM     " + network(1'500'100, 4)
                  + network(94, 8) + "O")
         + itch('B', 9, 11 * second, network(93, 8)) + network(0, 2);
}

outcome read_day(std::string_view preset_name, const std::string& text) {
  sim::memory_file_system disk;
  put_file(disk, "a.itch", text);
  auto options = preset_options(preset_name, {"a.itch"});
  options.date = *text::parse_date("2024-01-02");
  return read_all(disk, options);
}

/// Of 2024-01-02 in New York.
std::string at(int64_t seconds) {
  return std::to_string((757'486'800 + seconds) * 1'000'000'000);
}

TEST(ItchTest, Trades) {
  const auto got = read_day("itch-trade", day());
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_TRUE(got.rejects.empty()) << got.rejects[0].reason;
  EXPECT_EQ(rows_of(got),
            (std::vector<std::string>{
              at(3) + "|AAPL|100|100|E|B|1|90",
              at(4) + "|AAPL|99.989999999999995|50|C|B|0|91",
              at(8) + "|AAPL|nan|5|E| |1|92",
              at(9) + "|IBM|150|10|P|B|1|93",
              at(10) + "|IBM|150.00999999999999|5000000000|Q| |1|94",
              at(11) + "|IBM|nan|null|B| |0|93",
            }));
}

TEST(ItchTest, Orders) {
  const auto got = read_day("itch-order", day());
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(rows_of(got), (std::vector<std::string>{
                            at(2) + "|AAPL|A|B|100|300|1|null",
                            at(2) + "|AAPL|A|S|100.09999999999999|50|2|null",
                            at(3) + "|AAPL|E|B|100|100|1|null",
                            at(4) + "|AAPL|C|B|99.989999999999995|50|1|null",
                            at(5) + "|AAPL|U|B|99.799999999999997|40|3|1",
                            at(6) + "|AAPL|X|B|99.799999999999997|15|3|null",
                            at(7) + "|AAPL|D|B|99.799999999999997|25|3|null",
                            at(8) + "|AAPL|E| |nan|5|77|null",
                          }));
}

TEST(ItchTest, OfWhatIsCutOffItsWholeMessagesCount) {
  const auto one = added(1, 'B', 300, 1'000'000);
  const auto got = read_day("itch-order", one + one.substr(0, one.size() - 1));
  EXPECT_EQ(got.failed.code, errc::corrupt);
  EXPECT_EQ(got.rows(), 1u);
}

TEST(ItchTest, WhatIsCutOrIsNoItchIsTold) {
  const auto one = added(1, 'B', 300, 1'000'000);
  struct {
    std::string text;
    errc code;
    std::string fault;
  } const cases[] = {
    {"time,sym\n", errc::bad_data, "is not a file of ITCH 5.0"},
    {network(3, 2) + "abc", errc::bad_data, "3 bytes that begins with byte 97"},
    {one + one.substr(0, one.size() - 1), errc::corrupt,
     "at byte 38: the file ends inside a message"},
    {one + "\x01", errc::corrupt, "the file ends inside a message"},
    {one + itch('D', 7, 1, "short"), errc::corrupt,
     "at byte 38: a message of 16 bytes that begins with byte 68"},
  };
  for (const auto& each : cases) {
    const auto got = read_day("itch-order", each.text);
    EXPECT_EQ(got.failed.code, each.code);
    EXPECT_NE(got.failed.context.find(each.fault), std::string::npos)
      << got.failed.context;
  }
}

} // namespace
} // namespace millrace::feed
