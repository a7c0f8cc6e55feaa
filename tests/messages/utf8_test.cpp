#include <millrace/messages/text/hex_text.hpp>
#include <millrace/messages/text/utf8.hpp>

#include <gtest/gtest.h>

#include <array>

namespace millrace::text {
namespace {

using namespace std::string_view_literals;

TEST(Utf8Test, TellsWhereTextStopsBeingWellFormed) {
  struct {
    std::string_view text;
    size_t prefix;
  } const cases[] = {
    {"", 0},
    {"plain", 5},
    {"\0"sv, 1},
    {"\x7f", 1},
    {"\xc2\x80", 2},     // The first of two bytes.
    {"\xdf\xbf", 2},     // The last.
    {"\xe0\xa0\x80", 3}, // The first of three.
    {"\xed\x9f\xbf", 3}, // The last before the surrogates.
    {"\xee\x80\x80", 3}, // The first after them.
    {"\xef\xbf\xbf", 3},
    {"\xf0\x90\x80\x80", 4},  // The first of four.
    {"\xf4\x8f\xbf\xbf", 4},  // The last of all.
    {"a\x80", 1},             // A continuation alone.
    {"a\xc0\x80", 1},         // Overlong NUL.
    {"a\xc1\xbf", 1},         // Overlong.
    {"a\xe0\x80\x80", 1},     // Overlong.
    {"a\xe0\x9f\xbf", 1},     // Overlong.
    {"a\xf0\x80\x80\x80", 1}, // Overlong.
    {"a\xf0\x8f\xbf\xbf", 1}, // Overlong.
    {"a\xed\xa0\x80", 1},     // A high surrogate.
    {"a\xed\xbf\xbf", 1},     // A low surrogate.
    {"a\xf4\x90\x80\x80", 1}, // Beyond U+10FFFF.
    {"a\xf5\x80\x80\x80", 1},
    {"a\xff", 1},
    {"\xc3\xa9\xe2\x82", 2}, // Cut off.
    {"\xf0\x9f\x98", 0},
    {"\xe2\x82\x28", 0}, // The third byte continues nothing.
    {"\xc3\xa9\xe2\x82\xac!", 6},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(valid_utf8_prefix(each.text), each.prefix) << each.text;
    EXPECT_EQ(valid_utf8(each.text), each.prefix == each.text.size());
  }
}

TEST(Utf8Test, LengthIsThatOfTheFirstSequence) {
  EXPECT_EQ(utf8_length("a\xff"), 1u);
  EXPECT_EQ(utf8_length("\xc3\xa9\xff"), 2u);
  EXPECT_EQ(utf8_length("\xe2\x82\xac"), 3u);
  EXPECT_EQ(utf8_length("\xf0\x9f\x98\x80x"), 4u);
  EXPECT_EQ(utf8_length("\xff"), 0u);
  EXPECT_EQ(utf8_length("\xe2\x82"), 0u);
}

TEST(Utf8Test, CountsCharacters) {
  EXPECT_EQ(utf8_count(""), 0u);
  EXPECT_EQ(utf8_count("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 4u);
}

TEST(Utf8Test, ControlCharactersShow) {
  std::string out;
  append_visible(out, "a\0b\r\n\t\x1b[31m\x7f\xc3\xa9"sv);
  EXPECT_EQ(out, "a\\x00b\\x0d\\x0a\\x09\\x1b[31m\\x7f\xc3\xa9");
}

TEST(Utf8Test, IsCutForALineBetweenCharactersOnly) {
  // Of one, two, three and four bytes, twice.
  const std::string text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf0\x9f\x98"
                           "\x80\xe2\x82\xac\xc3\xa9z";
  for (size_t most = 0; most < text.size(); ++most) {
    const auto shown = shown_on_line(text, most, '?');
    ASSERT_TRUE(shown.ends_with("...")) << most;
    const auto kept = shown.substr(0, shown.size() - 3);
    EXPECT_TRUE(valid_utf8(kept)) << most;
    EXPECT_TRUE(text.starts_with(kept)) << most;
    EXPECT_LE(kept.size(), most);
    // No character more would fit.
    EXPECT_GT(kept.size() + utf8_length(text.substr(kept.size())), most);
  }
  EXPECT_EQ(shown_on_line(text, text.size(), '?'), text);
  EXPECT_EQ(shown_on_line(text, std::string_view::npos, '?'), text);
}

TEST(Utf8Test, IsOnOneLineWhateverItHolds) {
  EXPECT_EQ(shown_on_line("a\nb\x1b[0m\x7f", 64, '?'), "a?b?[0m?");
  EXPECT_EQ(shown_on_line("select\n\tfrom t", 8, ' '), "select  ...");
  EXPECT_EQ(shown_on_line("", 0, ' '), "");
  EXPECT_EQ(shown_on_line("ab", 0, ' '), "...");
  // Of what is not UTF-8 anyway, not everything goes.
  EXPECT_EQ(shown_on_line(std::string(20, '\x80'), 10, '?'),
            std::string(10, '\x80') + "...");
}

TEST(HexTextTest, GoesRoundBothWays) {
  const std::string bytes{"\x00\x7f\x80\xff", 4};
  std::string digits;
  append_hex(digits, std::as_bytes(std::span{bytes}));
  EXPECT_EQ(digits, "007f80ff");
  EXPECT_EQ(parse_hex(digits), bytes);
  EXPECT_EQ(parse_hex("007F80fF"), bytes);
  EXPECT_EQ(parse_hex(""), "");
  for (const auto text :
       {"0"sv, "0g"sv, "-1"sv, "+1"sv, " 0"sv, "0x00"sv, "\0\0"sv, "00 "sv})
    EXPECT_EQ(parse_hex(text), std::nullopt) << text;
}

TEST(HexTextTest, GuidsGoRoundBothWays) {
  std::array<std::byte, guid_bytes> bytes{};
  const auto text = "00112233-4455-6677-8899-aabbccddeeff"sv;
  ASSERT_TRUE(parse_guid(text, bytes));
  EXPECT_EQ(bytes[15], std::byte{0xff});
  std::string out;
  append_guid(out, bytes.data());
  EXPECT_EQ(out, text);
  EXPECT_TRUE(parse_guid("00112233-4455-6677-8899-AABBCCDDEEFF", bytes));
  for (const auto bad : {""sv, "00112233-4455-6677-8899-aabbccddeef"sv,
                         "00112233-4455-6677-8899-aabbccddeeff0"sv,
                         "0011223-34455-6677-8899-aabbccddeeff"sv,
                         "00112233445566778899aabbccddeeff----"sv,
                         "{0112233-4455-6677-8899-aabbccddeef}"sv,
                         "0011223g-4455-6677-8899-aabbccddeeff"sv})
    EXPECT_FALSE(parse_guid(bad, bytes)) << bad;
}

} // namespace
} // namespace millrace::text
