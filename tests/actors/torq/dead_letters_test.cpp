#include <millrace/actors/torq/rdb/dead_letters.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace millrace::torq {
namespace {

struct dead_letters_test : testing::Test {
  std::unique_ptr<dead_letters> open() {
    auto out = dead_letters::open(fs, path());
    EXPECT_TRUE(out) << to_string(out.failure());
    return *std::move(out);
  }
  [[nodiscard]] std::string path() const { return directory + "/new/rdb1"; }
  std::string text() {
    const auto bytes = persistence::read_file(fs, path(), 1u << 20);
    EXPECT_TRUE(bytes) << to_string(bytes.failure());
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
  }

  persistence::file_system& fs = persistence::posix_file_system();
  test_support::temporary_directory home;
  std::string directory = home.path();
  std::array<std::byte, 2> payload{std::byte{0x0a}, std::byte{0xff}};
};

using DeadLettersTest = dead_letters_test;

TEST_F(DeadLettersTest, KeepsWhatItIsGivenInALine) {
  auto letters = open();
  ASSERT_FALSE(letters->keep(
    {"market", {40}, "pub.market", -7, "trade", 3, "a \"reason\"", payload}));
  ASSERT_FALSE(letters->sync());
  const auto all = text();
  ASSERT_TRUE(all.ends_with('\n'));
  const auto letter = text::parse_json(all);
  ASSERT_TRUE(letter) << to_string(letter.failure());
  EXPECT_EQ(letter->at("stream").text()->c_str(), std::string{"market"});
  EXPECT_EQ(letter->at("position").natural(), 40u);
  EXPECT_EQ(*letter->at("origin").text(), "pub.market");
  EXPECT_EQ(letter->at("id").integer(), -7);
  EXPECT_EQ(*letter->at("table").text(), "trade");
  EXPECT_EQ(letter->at("rows").integer(), 3);
  EXPECT_EQ(*letter->at("reason").text(), "a \"reason\"");
  EXPECT_EQ(*letter->at("payload").text(), "0aff");
}

// A restart of the rdb replays the stream from its cutover.
TEST_F(DeadLettersTest, ALetterThatComesAgainIsKeptOnce) {
  for (int life = 0; life < 2; ++life) {
    auto letters = open();
    for (uint64_t at : {40, 80, 40})
      ASSERT_FALSE(letters->keep({"s", {at}, "o", 1, "t", 1, "r", payload}));
  }
  const auto all = text();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 2);
}

TEST_F(DeadLettersTest, ATornLineIsCutOff) {
  std::string whole;
  {
    auto letters = open();
    ASSERT_FALSE(letters->keep({"s", {40}, "o", 1, "t", 1, "r", payload}));
    whole = text();
    ASSERT_FALSE(letters->keep({"s", {80}, "o", 2, "t", 1, "r", payload}));
  }
  const auto both = text();
  std::filesystem::resize_file(path(), both.size() - 3);
  auto letters = open();
  EXPECT_EQ(text(), whole);
  ASSERT_FALSE(letters->keep({"s", {80}, "o", 2, "t", 1, "r", payload}));
  EXPECT_EQ(text(), both);
}

} // namespace
} // namespace millrace::torq
