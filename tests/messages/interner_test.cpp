#include <millrace/messages/text/interner.hpp>

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace millrace::text {
namespace {

TEST(InternerTest, CodesAreDenseAndInOrder) {
  interner texts;
  EXPECT_EQ(texts.code(""), 0u);
  EXPECT_EQ(texts.code("b"), 1u);
  EXPECT_EQ(texts.code("a"), 2u);
  EXPECT_EQ(texts.code("b"), 1u);
  EXPECT_EQ(texts.code(std::string_view{"\0", 1}), 3u);
  EXPECT_EQ(texts.size(), 4u);
  EXPECT_EQ(texts.text(0), "");
  EXPECT_EQ(texts.text(2), "a");
  EXPECT_EQ(texts.ends(), (std::vector<uint32_t>{0, 1, 2, 3}));
  EXPECT_EQ(texts.bytes(), std::string("ba\0", 3));
}

// Against a map, over several growths of the index.
TEST(InternerTest, AgreesWithAMap) {
  std::mt19937_64 random{6};
  interner texts;
  std::map<std::string, uint32_t> wanted{{"", 0}};
  for (int i = 0; i < 20'000; ++i) {
    const auto text = std::to_string(random() % 5'000);
    const auto next = static_cast<uint32_t>(wanted.size());
    const auto code = wanted.emplace(text, next).first->second;
    ASSERT_EQ(texts.code(text), code);
    ASSERT_EQ(texts.text(code), text);
  }
  EXPECT_EQ(texts.size(), wanted.size());
}

TEST(InternerTest, StartsAgainWhenTakenOrCleared) {
  interner texts;
  static_cast<void>(texts.code("a"));
  const auto [ends, bytes] = texts.take();
  EXPECT_EQ(ends, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(bytes, "a");
  EXPECT_EQ(texts.size(), 1u);
  EXPECT_EQ(texts.code("x"), 1u);
  texts.clear();
  EXPECT_EQ(texts.size(), 1u);
  EXPECT_EQ(texts.bytes(), "");
  EXPECT_EQ(texts.code("y"), 1u);
  EXPECT_EQ(texts.text(1), "y");
}

} // namespace
} // namespace millrace::text
