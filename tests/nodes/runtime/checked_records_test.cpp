// Records between processes: nothing passes that is not what was sent.

#include <millrace/nodes/node/checked_records.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace millrace::nodes {
namespace {

std::string record(record_writer& by, const std::string& bytes) {
  const auto head = by.head_of(bytes);
  return std::string{head.data(), head.size()} + bytes;
}

struct outcome {
  std::string text;
  bool is_damaged = false;
};

/// What is read of these bytes when they come in pieces of such a size.
outcome read_all(const std::string& bytes, size_t piece, size_t taken = 32) {
  record_reader reader;
  outcome out;
  for (size_t at = 0; at < bytes.size() && !reader.is_damaged();) {
    const auto room = reader.room();
    const auto count = std::min({piece, room.size(), bytes.size() - at});
    std::copy_n(bytes.data() + at, count, room.begin());
    at += count;
    reader.filled(count);
    while (reader.has_ready()) {
      std::string some(taken, '\0');
      some.resize(reader.take(some.data(), some.size()));
      out.text += some;
    }
  }
  out.is_damaged = reader.is_damaged();
  return out;
}

TEST(CheckedRecords, AreAsWritten) {
  record_writer by;
  // CRC-32C, by another implementation.
  EXPECT_EQ(record(by, "123456789"),
            std::string("\0\0\0\x09\x69\x34\xcf\x6f", 8) + "123456789");
}

TEST(CheckedRecords, ComeInAnyPieces) {
  record_writer by;
  std::string sent;
  std::string text;
  for (const size_t size :
       {size_t{1}, size_t{40}, record_bytes_max, size_t{7}}) {
    const std::string bytes(size, static_cast<char>('a' + size % 26));
    text += bytes;
    sent += record(by, bytes);
  }
  for (const size_t piece : {size_t{1}, size_t{8}, size_t{4096}, sent.size()}) {
    const auto got = read_all(sent, piece);
    EXPECT_EQ(got.text, text) << piece;
    EXPECT_FALSE(got.is_damaged);
  }
}

TEST(CheckedRecords, EveryFlippedBitIsNoticed) {
  record_writer by;
  const auto first = record(by, "one record");
  const auto sent = first + record(by, "and another") + record(by, "end");
  for (size_t bit = 0; bit < 8 * sent.size(); ++bit) {
    auto bytes = sent;
    bytes[bit / 8] ^= static_cast<char>(1 << bit % 8);
    // Lengths that grow want more than there is.
    const auto got = read_all(bytes + std::string(record_bytes_max, '\0'), 64);
    // The first head may be no record, and is then somebody else's to judge.
    if (bit < 32 && !got.is_damaged)
      EXPECT_EQ(got.text.substr(0, bytes.size()), bytes) << bit;
    else
      EXPECT_TRUE(got.is_damaged) << bit;
    if (bit >= 8 * first.size())
      EXPECT_EQ(got.text.substr(0, 10), "one record") << bit;
  }
}

TEST(CheckedRecords, WhatIsLeftOutDoubledOrOvertakenIsNoticed) {
  record_writer by;
  const auto one = record(by, "one");
  const auto two = record(by, "two");
  const auto three = record(by, "three");
  for (const auto& bytes : {one + three, one + one, one + two + two,
                            one + three + two, two + three})
    EXPECT_TRUE(read_all(bytes, 5).is_damaged);
  EXPECT_EQ(read_all(one + two + three, 5).text, "onetwothree");
}

TEST(CheckedRecords, WhatIsNoRecordFromTheStartComesAsItIs) {
  for (const std::string bytes :
       {"MILLRACE and why it does not want this one",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"}) {
    const auto got = read_all(bytes, 9);
    EXPECT_EQ(got.text, bytes);
    EXPECT_FALSE(got.is_damaged);
  }
}

TEST(CheckedRecords, NothingOfStrangersMakesItHoldMore) {
  std::mt19937_64 random{5};
  for (int round = 0; round < 200; ++round) {
    record_writer by;
    auto bytes = record(by, "a beginning");
    for (auto i = random() % 4096; i > 0; --i)
      bytes += static_cast<char>(random() % 3);
    const auto got = read_all(bytes, 1 + random() % 64);
    EXPECT_EQ(got.text.substr(0, 11), "a beginning");
    EXPECT_TRUE(got.text.size() == 11 || got.is_damaged);
  }
}

} // namespace
} // namespace millrace::nodes
