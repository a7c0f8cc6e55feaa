#include <millrace/messages/base/result.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace millrace {
namespace {

using texts = std::vector<std::string>;

result<texts> two_texts() {
  return texts{"longer than any small buffer is", "and so is this one here"};
}

TEST(ResultTest, ALoopOverATemporaryKeepsItsValueAlive) {
  // A reference into the temporary would be dangling here, and would compile.
  static_assert(std::is_same_v<decltype(*two_texts()), texts>);
  std::string all;
  for (auto& text : *two_texts())
    all += text + ";";
  EXPECT_EQ(all, "longer than any small buffer is;and so is this one here;");
}

TEST(ResultTest, AValueIsMovedOutOfATemporaryAndReadInPlaceElsewhere) {
  result<std::unique_ptr<int>> made{std::make_unique<int>(7)};
  static_assert(std::is_same_v<decltype(*made), std::unique_ptr<int>&>);
  const auto* const place = made->get();
  EXPECT_EQ((*made).get(), place);
  const auto taken = *std::move(made);
  EXPECT_EQ(taken.get(), place);
}

TEST(ResultDeathTest, ReadingAFailureEndsTheProcessWithItsText) {
  const result<int> failed{error{errc::not_found, "table 'trade'"}};
  EXPECT_DEATH((void)*failed, "not_found: table 'trade'");
}

} // namespace
} // namespace millrace
