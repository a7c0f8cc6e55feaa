// One direction of a link behind the proxy of chaos: what passes, and when.

#include <millrace/tests/chaos/link_pipe.hpp>

#include <gtest/gtest.h>

#include <string>

namespace millrace::chaos {
namespace {

using namespace std::chrono_literals;

std::string text_of(std::span<const char> bytes) {
  return {bytes.begin(), bytes.end()};
}

struct LinkPipe : testing::Test {
  /// What goes on at this time.
  std::string pass(link_pipe::time now) {
    const auto out = text_of(pipe.due(now, rule));
    if (!out.empty())
      pipe.sent(out.size(), now, rule);
    return out;
  }
  void put(const std::string& text, link_pipe::time now) {
    pipe.take({text.data(), text.size()}, now, rule);
  }

  link_pipe pipe;
  link_rule rule;
};

TEST_F(LinkPipe, PassesAtOnceAndInOrder) {
  put("ab", 0s);
  put("c", 0s);
  EXPECT_EQ(pass(0s), "ab");
  EXPECT_EQ(pass(0s), "c");
  EXPECT_EQ(pass(0s), "");
  EXPECT_TRUE(pipe.is_empty());
  EXPECT_EQ(pipe.next_due(rule), std::nullopt);
}

TEST_F(LinkPipe, HoldsWhatIsDelayed) {
  rule.delay = 100ms;
  put("ab", 1s);
  EXPECT_EQ(pipe.next_due(rule), 1100ms);
  EXPECT_EQ(pass(1099ms), "");
  EXPECT_EQ(pass(1100ms), "ab");
}

TEST_F(LinkPipe, KeepsTheOrderWhenADelayEnds) {
  rule.delay = 100ms;
  put("first", 1s);
  rule.delay = 0s;
  put("second", 1s);
  EXPECT_EQ(pass(1s), "");
  EXPECT_EQ(pass(1100ms), "first");
  EXPECT_EQ(pass(1100ms), "second");
}

TEST_F(LinkPipe, PassesNothingWhileItIsCut) {
  put("ab", 0s);
  rule.is_cut = true;
  EXPECT_EQ(pass(1h), "");
  EXPECT_EQ(pipe.next_due(rule), std::nullopt);
  rule.is_cut = false;
  EXPECT_EQ(pass(1h), "ab");
}

TEST_F(LinkPipe, PassesSoManyBytesPerSecond) {
  rule.bytes_per_second = 1000;
  put(std::string(200, 'x'), 0s);
  size_t passed = 0;
  for (auto now = 0ms; now < 100ms; now += 1ms)
    passed += pass(now).size();
  EXPECT_EQ(passed, 100u);
  EXPECT_EQ(pipe.next_due(rule), 100ms);
}

TEST_F(LinkPipe, FlipsOneBitOfThePieceThatIsMeant) {
  rule.corrupt_in = 2;
  put("abc", 0s);
  put("abc", 0s);
  put("abc", 0s);
  EXPECT_EQ(pass(0s), "abc");
  EXPECT_EQ(pass(0s), "acc");
  EXPECT_EQ(pass(0s), "abc");
  EXPECT_EQ(rule.corrupt_in, 0u);
}

TEST_F(LinkPipe, TakesNoMoreThanItMayHold) {
  put(std::string(link_pipe::held_bytes_max, 'x'), 0s);
  EXPECT_TRUE(pipe.is_full());
  pass(0s);
  EXPECT_FALSE(pipe.is_full());
}

} // namespace
} // namespace millrace::chaos
