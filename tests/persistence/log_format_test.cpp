#include <millrace/persistence/log/bad_record.hpp>
#include <millrace/persistence/log/log_format.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>

namespace millrace::persistence {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

constexpr lineage_id test_lineage{{0x0123456789abcdef, 0xfedcba9876543210}};

// Bit by bit, straight from the polynomial.
uint32_t slow_crc32c(std::span<const std::byte> bytes) {
  uint32_t crc = ~0u;
  for (auto b : bytes) {
    crc ^= static_cast<uint32_t>(b);
    for (int i = 0; i < 8; ++i)
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  return ~crc;
}

TEST(Crc32cTest, KnownAnswers) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c({}), 0u);
  const std::vector<std::byte> zeroes(32);
  EXPECT_EQ(crc32c(zeroes), 0x8a9136aau); // RFC 3720, B.4
}

TEST(Crc32cTest, EqualsTheBitwiseSumAtEveryLengthAndSplit) {
  std::mt19937_64 random{1};
  std::vector<std::byte> bytes(1100);
  for (auto& b : bytes)
    b = static_cast<std::byte>(random());
  for (size_t n = 0; n <= bytes.size(); n += n < 300 ? 1 : 37) {
    const auto part = std::span{bytes}.first(n);
    const auto want = slow_crc32c(part);
    ASSERT_EQ(crc32c(part), want) << n;
    const auto cut = n / 3;
    ASSERT_EQ(crc32c(part.subspan(cut), crc32c(part.first(cut))), want) << n;
  }
}

TEST(LineageTest, TextRoundTrips) {
  EXPECT_EQ(to_string(test_lineage), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(lineage_of(to_string(test_lineage)), test_lineage);
  EXPECT_FALSE(lineage_of("0123"));
  EXPECT_FALSE(lineage_of("0123456789ABCDEFfedcba9876543210"));
  EXPECT_FALSE(lineage_of("0123456789abcdeffedcba987654321g"));
}

struct sample {
  record_kind kind;
  payload_kind payload;
  message_header header;
  std::string bytes;
};

std::vector<sample> samples() {
  std::vector<sample> all;
  for (int i = 0; i < 40; ++i) {
    sample s{i % 13 == 12 ? record_kind::event : record_kind::messages,
             i % 7 < 5 ? payload_kind::opaque : payload_kind::table_batch,
             {i % 11 < 8 ? "feed" : "another feed of a longer name",
              1'000'000 + i, i % 2 == 0 ? i + 1 : -(i + 1),
              i % 3 == 0 ? null_int : 100 * i},
             std::string(static_cast<size_t>(i * i), static_cast<char>(i))};
    all.push_back(std::move(s));
  }
  return all;
}

TEST(RecordTest, EveryFrameComesBackAsItWasPut) {
  const auto put = samples();
  const auto begin = position::of(3, 2, 4096);
  record_builder builder{test_lineage, begin};
  std::vector<position> ends;
  for (const auto& s : put)
    ends.push_back(
      builder.add(s.kind, s.payload, s.header, bytes_of(s.bytes), 2048));
  builder.close_record();
  EXPECT_EQ(builder.begin(), begin);
  auto rest = builder.bytes();
  auto at = begin;
  size_t i = 0;
  while (!rest.empty()) {
    const auto got
      = parse_record(rest, test_lineage, at, payload_check::verify);
    ASSERT_EQ(got.kind, parse_outcome::what::record) << got.reason;
    EXPECT_TRUE(got.record.length <= 2048 || got.record.frame_count == 1);
    auto offset = got.record.first_frame;
    for (uint32_t f = 0; f < got.record.frame_count; ++f, ++i) {
      const auto frame = got.record.frame_at(offset);
      EXPECT_EQ(got.record.kind, put[i].kind);
      EXPECT_EQ(frame.kind, put[i].payload);
      EXPECT_EQ(frame.header.on, put[i].header.on);
      EXPECT_EQ(frame.header.id, put[i].header.id);
      EXPECT_EQ(frame.header.ts, put[i].header.ts);
      EXPECT_EQ(frame.header.to, put[i].header.to);
      EXPECT_EQ(frame.begin, offset);
      ASSERT_EQ(frame.payload.size(), put[i].bytes.size());
      EXPECT_TRUE(std::equal(frame.payload.begin(), frame.payload.end(),
                             bytes_of(put[i].bytes).begin()));
      EXPECT_EQ(position{at.value + frame.end}, ends[i]);
      offset = frame.end;
    }
    EXPECT_EQ(offset, got.record.length);
    at.value += got.record.length;
    rest = rest.subspan(got.record.length);
  }
  EXPECT_EQ(i, put.size());
}

TEST(RecordTest, BytesToAddTellsWhatAddDoes) {
  record_builder builder{test_lineage, {}};
  for (const auto& s : samples()) {
    const auto before = builder.bytes().size();
    const auto told = builder.bytes_to_add(
      s.kind, s.payload, s.header.on,
      frame_bytes_of(static_cast<uint32_t>(s.bytes.size())), 2048);
    builder.add(s.kind, s.payload, s.header, bytes_of(s.bytes), 2048);
    EXPECT_EQ(builder.bytes().size() - before, told);
  }
}

TEST(RecordTest, AKnownPayloadSumGivesTheSameBytes) {
  record_builder a{test_lineage, {}};
  record_builder b{test_lineage, {}};
  for (const auto& s : samples()) {
    a.add(s.kind, s.payload, s.header, bytes_of(s.bytes));
    b.add(s.kind, s.payload, s.header, bytes_of(s.bytes),
          crc32c(bytes_of(s.bytes)), 64u << 10);
  }
  a.close_record();
  b.close_record();
  EXPECT_TRUE(std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin(),
                         b.bytes().end()));
}

std::vector<std::byte> one_record(position at) {
  record_builder builder{test_lineage, at};
  for (int i = 0; i < 4; ++i)
    builder.add(record_kind::messages, payload_kind::opaque,
                {"origin", 5, i + 1, null_int},
                bytes_of(std::string_view{"payload bytes"}.substr(
                  0, static_cast<size_t>(3 * i))));
  builder.close_record();
  return {builder.bytes().begin(), builder.bytes().end()};
}

TEST(RecordTest, EverySingleBitFlipIsSeen) {
  const auto at = position::of(0, 1, 8);
  auto bytes = one_record(at);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1u << (bit % 8));
    bytes[bit / 8] ^= mask;
    EXPECT_NE(parse_record(bytes, test_lineage, at, payload_check::verify).kind,
              parse_outcome::what::record)
      << "bit " << bit;
    bytes[bit / 8] ^= mask;
  }
  EXPECT_EQ(parse_record(bytes, test_lineage, at, payload_check::verify).kind,
            parse_outcome::what::record);
}

TEST(RecordTest, EveryTruncationIsIncomplete) {
  const auto at = position::of(0, 1, 8);
  const auto bytes = one_record(at);
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_EQ(parse_record(std::span{bytes}.first(n), test_lineage, at,
                           payload_check::verify)
                .kind,
              parse_outcome::what::incomplete)
      << n;
}

TEST(RecordTest, AnotherPlaceOrLineageNeverPasses) {
  const auto at = position::of(2, 1, 4096);
  const auto bytes = one_record(at);
  for (auto other : {position::of(2, 1, 4104), position::of(2, 2, 4096),
                     position::of(3, 1, 4096), position::of(0, 0, 0)})
    EXPECT_EQ(
      parse_record(bytes, test_lineage, other, payload_check::verify).kind,
      parse_outcome::what::damaged);
  EXPECT_EQ(parse_record(bytes, {{1, 2}}, at, payload_check::verify).kind,
            parse_outcome::what::damaged);
}

TEST(RecordTest, RandomBytesAreNeverARecord) {
  std::mt19937_64 random{7};
  std::vector<std::byte> bytes(4096);
  for (int round = 0; round < 2000; ++round) {
    for (auto& b : bytes)
      b = static_cast<std::byte>(random());
    // Give it the look of a header, so that more than the first check runs.
    bytes[8] = std::byte{1};
    bytes[9] = std::byte{1};
    bytes[11] = std::byte{0};
    const uint32_t length = static_cast<uint32_t>(random() % 512) * 8;
    std::memcpy(bytes.data() + 4, &length, 4);
    std::memset(bytes.data() + 17, 0, 7);
    EXPECT_NE(parse_record(bytes, test_lineage, {}, payload_check::verify).kind,
              parse_outcome::what::record);
  }
}

// The bytes of the format: they never change within a version.
TEST(RecordTest, WhatWasReceivedNamesItsPlaceAndIsNotStoredDamage) {
  const position at{4096};
  auto bytes = encode_padding(test_lineage, at, {at.value + 512});
  const auto second
    = encode_padding(test_lineage, {at.value + 512}, {at.value + 1024});
  bytes.insert(bytes.end(), second.begin(), second.end());
  EXPECT_FALSE(check_received("/copy", test_lineage, at, bytes));
  EXPECT_FALSE(check_received("/copy", test_lineage, at, {}));
  const auto told = [&](std::span<const std::byte> what) {
    const auto fault = check_received("/copy", test_lineage, at, what);
    EXPECT_EQ(fault.code, errc::malformed_message);
    EXPECT_NE(fault.context.find("/copy"), std::string::npos);
    EXPECT_NE(fault.context.find(to_string(position{at.value + 512})),
              std::string::npos)
      << fault.context;
    return fault.context;
  };
  EXPECT_TRUE(told(std::span{bytes}.first(700)).ends_with("bytes are missing"));
  bytes[520] ^= std::byte{1};
  EXPECT_FALSE(told(bytes).ends_with(": "));
}

TEST(RecordTest, GoldenBytes) {
  record_builder builder{test_lineage, position::of(1, 2, 64)};
  for (const auto& s : samples())
    builder.add(s.kind, s.payload, s.header, bytes_of(s.bytes), 2048);
  builder.close_record();
  const auto path = test_support::data_path("log/records_v1.bin");
  if (std::getenv("MILLRACE_WRITE_GOLDEN") != nullptr)
    std::ofstream{path, std::ios::binary}.write(
      reinterpret_cast<const char*>(builder.bytes().data()),
      static_cast<std::streamsize>(builder.bytes().size()));
  std::ifstream in{path, std::ios::binary};
  ASSERT_TRUE(in) << path;
  const std::string golden{std::istreambuf_iterator<char>{in}, {}};
  ASSERT_EQ(golden.size(), builder.bytes().size());
  EXPECT_EQ(std::memcmp(golden.data(), builder.bytes().data(), golden.size()),
            0);
}

} // namespace
} // namespace millrace::persistence
