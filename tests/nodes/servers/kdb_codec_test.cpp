#include <millrace/nodes/servers/kdb/codec.hpp>
#include <millrace/tests/support/kdb_values.hpp>

#include <gtest/gtest.h>

#include <random>

namespace millrace::nodes::kdb {
namespace {

/// "01 02 ..." as bytes.
std::string bytes_of(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i < hex.size();) {
    if (hex[i] == ' ') {
      ++i;
      continue;
    }
    out += static_cast<char>(
      std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16));
    i += 2;
  }
  return out;
}

value symbols_of(std::vector<std::string> names) {
  value out;
  out.type = kind::symbol;
  out.symbols = std::move(names);
  return out;
}

value pair_of(kind type, value left, value right) {
  value out;
  out.type = type;
  out.parts.push_back(std::move(left));
  out.parts.push_back(std::move(right));
  return out;
}

value table_of(std::vector<std::string> names, std::vector<value> columns) {
  value out;
  out.type = kind::table;
  out.parts.push_back(pair_of(kind::dictionary, symbols_of(std::move(names)),
                              list_of(std::move(columns))));
  return out;
}

/// `til 1000` as a response.
std::string til(int64_t count) {
  std::vector<int64_t> numbers;
  for (int64_t i = 0; i < count; ++i)
    numbers.push_back(i);
  return *write_message(message_kind::response,
                        vector_of(kind::long_, numbers));
}

TEST(KdbCodecTest, WritesAndReadsWhatClientsSee) {
  value failed;
  failed.type = kind::error;
  failed.text = "type";
  struct golden {
    message_kind sent;
    value what;
    std::string_view hex;
  };
  const std::vector<golden> cases{
    {message_kind::sync, text_value("sum 1 2 3"),
     "01 01 00 00 17 00 00 00  0a 00 09 00 00 00  73 75 6d 20 31 20 32 20 33"},
    {message_kind::sync,
     list_of({text_value("sum"),
              vector_of(kind::float_, std::vector<double>{1, 2, 3})}),
     "01 01 00 00 35 00 00 00  00 00 02 00 00 00  0a 00 03 00 00 00 73 75 6d "
     "09 00 03 00 00 00 00 00 00 00 00 00 f0 3f 00 00 00 00 00 00 00 40 00 00 "
     "00 00 00 00 08 40"},
    {message_kind::async,
     list_of({text_value(".u.upd"), symbol_atom("trade"),
              list_of({atom_of(kind::timespan, int64_t{1}), symbol_atom("A"),
                       atom_of(kind::float_, 1.5),
                       atom_of(kind::long_, int64_t{5})})}),
     "01 00 00 00 45 00 00 00  00 00 03 00 00 00  0a 00 06 00 00 00 2e 75 2e "
     "75 70 64  f5 74 72 61 64 65 00 00 00 04 00 00 00  f0 01 00 00 00 00 00 "
     "00 00  f5 41 00  f7 00 00 00 00 00 00 f8 3f  f9 05 00 00 00 00 00 00 "
     "00"},
    {message_kind::response, generic_null(), "01 02 00 00 0a 00 00 00  65 00"},
    {message_kind::response, failed,
     "01 02 00 00 0e 00 00 00  80 74 79 70 65 00"},
    {message_kind::response,
     pair_of(kind::dictionary, symbols_of({"hi", "lo"}),
             vector_of(kind::float_, std::vector<double>{2, 1.5})),
     "01 02 00 00 2b 00 00 00  63  0b 00 02 00 00 00 68 69 00 6c 6f 00 09 00 "
     "02 00 00 00 00 00 00 00 00 00 00 40 00 00 00 00 00 00 f8 3f"},
    {message_kind::response,
     pair_of(
       kind::dictionary, table_of({"sym"}, {symbols_of({"A"})}),
       table_of({"size"}, {vector_of(kind::long_, std::vector<int64_t>{300})})),
     "01 02 00 00 46 00 00 00  63 62 00 63 0b 00 01 00 00 00 73 79 6d 00   00 "
     "00 01 00 00 00 0b 00 01 00 00 00 41 00 62 00 63 0b 00 01 00 00 00 73 69 "
     "7a 65 00 00 00 01 00 00 00 07 00 01 00 00 00 2c 01 00 00 00 00 00 00"},
  };
  for (const auto& [sent, what, hex] : cases) {
    const auto bytes = bytes_of(hex);
    const auto written = write_message(sent, what);
    ASSERT_TRUE(written);
    EXPECT_EQ(*written, bytes) << hex;
    EXPECT_EQ(read_header(bytes)->kind, sent);
    const auto read = read_message(bytes);
    ASSERT_TRUE(read) << hex << ": " << read.failure().context;
    EXPECT_EQ(*read, what) << hex;
  }
}

TEST(KdbCodecTest, ReadsBigEndian) {
  const auto read = read_message(
    bytes_of("00 01 00 00 00 00 00 17  0a 00 00 00 00 09  73 75 6d 20 31 20 32 "
             "20 33"));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, text_value("sum 1 2 3"));
  const auto number
    = read_message(bytes_of("00 01 00 00 00 00 00 0d fa 00 00 00 02"));
  ASSERT_TRUE(number);
  EXPECT_EQ(*number, atom_of(kind::int_, int32_t{2}));
}

TEST(KdbCodecTest, CompressesAsKdbDoes) {
  const auto plain = til(1000);
  ASSERT_EQ(plain.size(), 8014u);
  const auto packed = compressed(plain);
  EXPECT_EQ(packed.size(), 3276u);
  EXPECT_EQ(packed.substr(0, 28),
            bytes_of("01 02 01 00 cc 0c 00 00 4e 1f 00 00 40 07 00 e8 03 00 00 "
                     "00 06 01 ad 00 05 02 00 05"));
  EXPECT_EQ(*expanded(packed), plain);
  const auto zeros
    = *write_message(message_kind::response,
                     vector_of(kind::float_, std::vector<double>(1000, 0.0)));
  EXPECT_EQ(compressed(zeros).size(), 87u);
  EXPECT_EQ(*expanded(compressed(zeros)), zeros);
  std::mt19937_64 random{1};
  std::vector<int64_t> noise;
  for (int i = 0; i < 1000; ++i)
    noise.push_back(static_cast<int64_t>(random()));
  const auto noisy
    = *write_message(message_kind::response, vector_of(kind::long_, noise));
  EXPECT_EQ(compressed(noisy), noisy);
}

// As kdb+ does: a client on this host has the bytes sooner as they are.
TEST(KdbCodecTest, ClientsOfOtherHostsGetLongMessagesCompressed) {
  EXPECT_TRUE(is_sent_compressed(3, "192.0.2.7"));
  EXPECT_TRUE(is_sent_compressed(1, "2001:db8::7"));
  EXPECT_FALSE(is_sent_compressed(0, "192.0.2.7"));
  for (const auto* local :
       {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", ""})
    EXPECT_FALSE(is_sent_compressed(3, local)) << local;
}

TEST(KdbCodecTest, CompressesAnythingToItself) {
  std::mt19937_64 random{2};
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const auto letters = 1 + random() % 6;
    for (auto count = random() % 3000; count > 0; --count)
      text += static_cast<char>('a' + random() % letters);
    const auto plain = *write_message(message_kind::sync, text_value(text));
    const auto packed = compressed(plain);
    if (packed != plain) {
      const auto again = expanded(packed);
      ASSERT_TRUE(again) << again.failure().context;
      EXPECT_EQ(*again, plain);
    }
  }
}

TEST(KdbCodecTest, RefusesWhatCannotBe) {
  const auto fault = [](std::string_view hex) {
    return read_message(bytes_of(hex)).failure().context;
  };
  EXPECT_EQ(fault("01 01 00 00 0e 00 00 00 07 00 ff ff ff 7f"),
            "kdb+ message: byte 10: a list is longer than its message");
  EXPECT_EQ(fault("02 01 00 00 09 00 00 00 65"),
            "kdb+ message: byte 0: the byte order is 0 or 1");
  EXPECT_EQ(fault("01 01 00 00 08 00 00 00"),
            "kdb+ message: byte 4: a message has 9 bytes at least");
  EXPECT_EQ(fault("01 01 00 00 ff ff ff 7f 65"),
            "a message of 2147483647 bytes; at most 16777216 are read");
  EXPECT_EQ(fault("01 01 00 00 0b 00 00 00 65 00 00"),
            "kdb+ message: byte 10: bytes follow the object");
  EXPECT_EQ(fault("01 01 00 00 0b 00 00 00 f5 41 42"),
            "kdb+ message: byte 9: a text has no end");
  std::string deep = bytes_of("01 01 00 00 00 00 00 00");
  for (size_t i = 0; i < value_depth_max + 2; ++i)
    deep += bytes_of("00 00 01 00 00 00");
  deep[4] = static_cast<char>(deep.size());
  EXPECT_EQ(read_message(deep).failure().code, errc::malformed_message);
  EXPECT_EQ(
    expanded(bytes_of("01 02 01 00 0d 00 00 00 ff ff ff 7f 00")).failure().code,
    errc::malformed_message);
}

/// Bytes changed anywhere are read or refused, compressed or not.
TEST(KdbCodecTest, SurvivesAnyBytes) {
  const auto plain = *write_message(
    message_kind::sync,
    list_of({text_value(".u.upd"), symbol_atom("t"),
             table_of({"a", "b"},
                      {symbols_of({"x", "y"}),
                       vector_of(kind::long_, std::vector<int64_t>{1, 2})})}));
  const std::vector<std::string> seeds{plain, compressed(til(400))};
  std::mt19937 random{3};
  size_t read = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = seeds[random() % seeds.size()];
    for (auto changes = 1 + random() % 4; changes > 0; --changes)
      bytes[header_bytes + random() % (bytes.size() - header_bytes)]
        = static_cast<char>(random());
    if (read_message(bytes))
      ++read;
  }
  EXPECT_GT(read, 100u);
}

TEST(KdbCodecTest, ObjectsHaveNoMoreRoomThanTheyMay) {
  // Few bytes each in the message, many in memory.
  std::vector<value> many(object_bytes_max / sizeof(value) + 1,
                          atom_of(kind::boolean, uint8_t{1}));
  const auto message = write_message(message_kind::sync, list_of(many));
  ASSERT_TRUE(message);
  EXPECT_EQ(read_message(*message).failure().code, errc::oversize);
  const auto names = write_message(
    message_kind::sync, symbols_of(std::vector<std::string>(
                          object_bytes_max / sizeof(std::string) + 1, "")));
  ASSERT_TRUE(names);
  EXPECT_EQ(read_message(*names).failure().code, errc::oversize);
}

} // namespace
} // namespace millrace::nodes::kdb
