#include <millrace/messages/text/toml_section.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace millrace::text {
namespace {

TEST(TomlTest, ReadsCountsOfBytes) {
  EXPECT_EQ(parse_bytes("0"), 0u);
  EXPECT_EQ(parse_bytes("1234"), 1234u);
  EXPECT_EQ(parse_bytes("7B"), 7u);
  EXPECT_EQ(parse_bytes("64KiB"), 65'536u);
  EXPECT_EQ(parse_bytes("512 MiB"), 536'870'912u);
  EXPECT_EQ(parse_bytes("1GiB"), 1'073'741'824u);
  EXPECT_EQ(parse_bytes("3TiB"), 3'298'534'883'328u);
}

TEST(TomlTest, RefusesOtherTextsAsBytes) {
  for (const auto* text :
       {"", " ", "KiB", "-1", "1KB", "1kib", "1.5GiB", "1  KiB", "1KiB ",
        "9223372036854775808", "8388608TiB", "0x10"})
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
}

TEST(TomlTest, ReadsDurations) {
  EXPECT_EQ(parse_duration("0"), 0);
  EXPECT_EQ(parse_duration("250us"), 250'000);
  EXPECT_EQ(parse_duration("1ms"), 1'000'000);
  EXPECT_EQ(parse_duration("1h30m"), 5'400'000'000'000);
  EXPECT_EQ(parse_duration("-7h"), -25'200'000'000'000);
  EXPECT_EQ(parse_duration("1d2h3m4s5ms6us7ns"), 93'784'005'006'007);
}

TEST(TomlTest, RefusesOtherTextsAsDurations) {
  for (const auto* text : {"", "-", "5", "ms", "1x", "1m1h", "1s1s", "--1s",
                           "1.5s", "1 s", "106752d", "9223372036854775808ns"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(TomlTest, ReadsTimesOfDay) {
  EXPECT_EQ(parse_time_of_day("00:00"), 0);
  EXPECT_EQ(parse_time_of_day("17:00"), 61'200'000'000'000);
  EXPECT_EQ(parse_time_of_day("09:30:15"), 34'215'000'000'000);
  EXPECT_EQ(parse_time_of_day("24:00"), 86'400'000'000'000);
  for (const auto* text : {"", "1:00", "17.00", "24:01", "12:60", "12:00:60",
                           "12:00:0", "-1:00", "12:00 "})
    EXPECT_EQ(parse_time_of_day(text), std::nullopt) << text;
}

/// Goal: text without its quotes is told as such, whatever it begins with.
TEST(TomlTest, TextWithoutQuotesIsNamed) {
  for (const std::string value :
       {"trade", "false_start", "db", "1s", "00:00", "64KiB", "[market]",
        "[\"a\", trade]", "/tmp/x", "./x"}) {
    const auto read = parse_toml("# a\nname = " + value + " # b\n", "f.toml");
    ASSERT_FALSE(read) << value;
    EXPECT_TRUE(read.failure().context.starts_with("f.toml:2:name: "))
      << read.failure().context;
    EXPECT_NE(read.failure().context.find("text needs quotes"),
              std::string::npos)
      << read.failure().context;
  }
  for (const std::string line : {"a = 1\na = 2\n", "a = \"x\n", "a = [1\n"}) {
    const auto read = parse_toml(line, "f.toml");
    ASSERT_FALSE(read) << line;
    EXPECT_EQ(read.failure().context.find("text needs quotes"),
              std::string::npos)
      << read.failure().context;
  }
}

TEST(TomlTest, KeepsTheOrderAndPlacesOfTheFile) {
  auto root = parse_toml("z = 1\na = \"x\"\n[m]\n  k = [true, 2]\n", "f.toml");
  ASSERT_TRUE(root);
  ASSERT_EQ(root->entries.size(), 3u);
  EXPECT_EQ(root->entries[0].name, "z");
  EXPECT_EQ(root->entries[0].value.integer, 1);
  EXPECT_EQ(root->entries[1].name, "a");
  EXPECT_EQ(root->entries[1].value.text, "x");
  const auto& inner = root->entries[2].value.entries;
  ASSERT_EQ(inner.size(), 1u);
  EXPECT_EQ(inner[0].value.line, 4u);
  EXPECT_EQ(inner[0].value.column, 7u);
  ASSERT_EQ(inner[0].value.items.size(), 2u);
  EXPECT_TRUE(inner[0].value.items[0].boolean);
}

TEST(TomlTest, NamesThePlaceOfAFaultOfSyntax) {
  struct {
    const char* text;
    const char* starts;
  } cases[] = {
    {"a = 1\nb = \n", "f.toml:2:b: "},
    {"a = 1\na = 2\n", "f.toml:2:a: "},
    {"x = 1 y = 2\n", "f.toml:1:x: "},
    {"[t]\n[t]\n", "f.toml:2:[t]: "},
    {"a = \"\xff\xfe\"\n", "f.toml:1:a: "},
    {"a = 1\n b = '\xff'\n", "f.toml:2:b: a byte that is not UTF-8 (column 7)"},
    {"# \xed\xa0\x80", "f.toml:1:#: "},
    {"a = '\xf4\x90\x80\x80'", "f.toml:1:a: "},
    {"a = '\xc0\xaf'", "f.toml:1:a: "},
    {"a = '\xe2\x82", "f.toml:1:a: "},
    {"\x01\x02\x03", "f.toml:1:syntax: "},
  };
  for (const auto& each : cases) {
    const auto root = parse_toml(each.text, "f.toml");
    ASSERT_FALSE(root) << each.text;
    EXPECT_EQ(root.failure().code, errc::config);
    EXPECT_EQ(root.failure().context.find(each.starts), 0u)
      << root.failure().context;
    EXPECT_EQ(root.failure().context.find('\n'), std::string::npos);
  }
}

TEST(TomlTest, TakesTextOfAnyLanguage) {
  // Sequences of two, three and four bytes, and the largest code point.
  const std::string text = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x8a"
                           "\xf4\x8f\xbf\xbf";
  const auto root = parse_toml("a = '" + text + "'", "f");
  ASSERT_TRUE(root) << root.failure().context;
  EXPECT_EQ(root->entries[0].value.text, text);
}

/// Every prefix and every one-byte change of a file parses or is a `config`
/// error: the parser of the library throws for some, and none may escape.
TEST(TomlTest, NoDamageOfAFileEscapesAsAnException) {
  const std::string text = "[cluster]\nname = \"x\"\nt = 1979-05-27\n"
                           "n = -1.5e3\n[[node]]\nport = 1\nb = [1, 2]\n"
                           "c = {d = 'e', f = true}\n";
  for (size_t end = 0; end <= text.size(); ++end) {
    const auto cut = parse_toml(text.substr(0, end), "f");
    EXPECT_TRUE(cut || cut.failure().code == errc::config);
  }
  for (size_t at = 0; at < text.size(); ++at)
    for (char byte :
         {'\0', '\xff', '"', '[', '=', '\n', '9', '\'', '\\', '#'}) {
      auto other = text;
      other[at] = byte;
      const auto changed = parse_toml(other, "f");
      EXPECT_TRUE(changed || changed.failure().code == errc::config);
    }
}

} // namespace
} // namespace millrace::text
