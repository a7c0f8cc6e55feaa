#include <millrace/query/execution/like.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

// Texts that are searched at once match as each of them does by itself.

namespace millrace::query {
namespace {

using engine = std::mt19937_64;

std::string drawn_text(engine& draw, size_t size_max, int letters) {
  std::string out(std::uniform_int_distribution<size_t>{0, size_max}(draw),
                  ' ');
  for (auto& c : out)
    c = static_cast<char>(
      'a' + std::uniform_int_distribution<int>{0, letters - 1}(draw));
  return out;
}

/// Whether each of some texts matches, searched at once from the `first` on.
std::vector<uint8_t> sought(const like_pattern& pattern,
                            const std::vector<std::string>& texts,
                            size_t first) {
  std::string bytes;
  std::vector<uint32_t> ends;
  for (const auto& text : texts) {
    bytes += text;
    ends.push_back(static_cast<uint32_t>(bytes.size()));
  }
  std::vector<uint8_t> found(texts.size() - first, 0);
  pattern.seek(bytes.data(), first == 0 ? 0 : ends[first - 1],
               std::span{ends}.subspan(first), found.data());
  return found;
}

TEST(TextSearchTest, FindsWhatEachTextHas) {
  engine draw{7};
  for (int round = 0; round < 600; ++round) {
    const int letters = 1 + round % 4;
    auto word = drawn_text(draw, 1 + round % 9, letters);
    if (word.empty())
      word = "a";
    const like_pattern pattern{"*" + word + "*"};
    ASSERT_TRUE(pattern.seeks_word());
    std::vector<std::string> texts(1 + round % 60);
    for (auto& text : texts)
      text = drawn_text(draw, round % 3 == 0 ? 3 : 70, letters);
    const size_t first = round % texts.size();
    const auto found = sought(pattern, texts, first);
    for (size_t i = 0; i < found.size(); ++i)
      ASSERT_EQ(found[i] != 0, pattern.matches(texts[first + i]))
        << word << " in " << texts[first + i];
  }
}

/// As many bytes as are looked through at once, and more.
TEST(TextSearchTest, FindsWhatEachOfManyTextsHas) {
  engine draw{8};
  for (const size_t bytes : {130'900, 131'071, 131'072, 131'200, 300'000})
    for (const auto* word : {"a", "ab", "aba", "abba", "ababa", "abbabbab"}) {
      const like_pattern pattern{"*" + std::string{word} + "*"};
      std::vector<std::string> texts;
      size_t held = 0;
      while (held < bytes) {
        auto text = drawn_text(draw, held % 7 == 0 ? 300 : 70, 3);
        text.resize(std::min(text.size(), bytes - held));
        held += text.size();
        texts.push_back(std::move(text));
      }
      const auto found = sought(pattern, texts, 0);
      for (size_t i = 0; i < found.size(); ++i)
        ASSERT_EQ(found[i] != 0, pattern.matches(texts[i]))
          << word << " in " << texts[i];
    }
}

TEST(TextSearchTest, FindsNothingAcrossTexts) {
  const like_pattern pattern{"*late*"};
  EXPECT_EQ(sought(pattern, {"la", "te", "late", "", "lat", "elate"}, 0),
            (std::vector<uint8_t>{0, 0, 1, 0, 0, 1}));
}

/// What looks like the word everywhere costs no more than its length.
TEST(TextSearchTest, StaysLinear) {
  const std::string word = "a" + std::string(20'000, 'b') + "ca";
  const like_pattern pattern{"*" + word + "*"};
  std::string text;
  while (text.size() < 4'000'000)
    text += "aa" + std::string(20'000, 'b') + "aaa";
  EXPECT_EQ(sought(pattern, {text, text + word}, 0),
            (std::vector<uint8_t>{0, 1}));
  const like_pattern same{"*" + std::string(50'000, 'a') + "ba*"};
  EXPECT_EQ(sought(same, {std::string(4'000'000, 'a')}, 0),
            (std::vector<uint8_t>{0}));
}

TEST(TextSearchTest, LeavesOtherPatternsAlone) {
  for (const auto* text :
       {"late", "late*", "*late", "*l?te*", "*a*b*", "*", "", "*[ab]*"})
    EXPECT_FALSE(like_pattern{text}.seeks_word()) << text;
}

} // namespace
} // namespace millrace::query
