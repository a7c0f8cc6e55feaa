#include <millrace/actors/rt/publish/awaited_responses.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::rt {
namespace {

constexpr int64_t second_ns = 1'000'000'000;

std::vector<std::byte> response_of(size_t size, char with = 'r') {
  return std::vector<std::byte>(size, static_cast<std::byte>(with));
}

TEST(AwaitedResponsesTest, TheFirstResponseCounts) {
  awaited_responses all;
  ASSERT_FALSE(all.expect(7, second_ns, 0));
  EXPECT_EQ(all.fetch(7, 0), std::nullopt);
  EXPECT_FALSE(all.take(7, response_of(3, 'a'), 1));
  EXPECT_EQ(all.take(7, response_of(3, 'b'), 2).code, errc::already_exists);
  const auto came = all.fetch(7, 3);
  ASSERT_TRUE(came && *came);
  EXPECT_EQ(**came, response_of(3, 'a'));
  EXPECT_EQ(all.refused(), 1u);
  // Told once.
  EXPECT_EQ(all.fetch(7, 4)->failure().code, errc::not_found);
  EXPECT_EQ(all.take(7, response_of(1), 4).code, errc::not_found);
}

TEST(AwaitedResponsesTest, AResponseThatCameInTimeIsKeptAfterTheDeadline) {
  awaited_responses all;
  ASSERT_FALSE(all.expect(-7, second_ns, 0));
  ASSERT_FALSE(all.take(-7, response_of(2), second_ns - 1));
  const auto came = all.fetch(-7, 5 * second_ns);
  ASSERT_TRUE(came);
  EXPECT_TRUE(*came);
}

TEST(AwaitedResponsesTest, TooLateIsATimeoutForBoth) {
  awaited_responses all;
  ASSERT_FALSE(all.expect(1, second_ns, 0));
  EXPECT_EQ(all.take(1, response_of(1), second_ns).code, errc::timeout);
  EXPECT_EQ(all.fetch(1, second_ns)->failure().code, errc::timeout);
  EXPECT_EQ(all.waiting(), 0u);
}

TEST(AwaitedResponsesTest, WhatWasNotRequestedHasNone) {
  awaited_responses all;
  EXPECT_EQ(all.take(1, response_of(1), 0).code, errc::not_found);
  EXPECT_EQ(all.fetch(1, 0)->failure().code, errc::not_found);
  ASSERT_FALSE(all.expect(2, second_ns, 0));
  all.forget(2);
  EXPECT_EQ(all.take(2, response_of(1), 0).code, errc::not_found);
}

TEST(AwaitedResponsesTest, ManyAreRefusedUntilOldOnesGo) {
  awaited_responses all;
  const auto many = static_cast<int64_t>(awaited_responses::waiting_max);
  for (int64_t id = 1; id <= many; ++id)
    ASSERT_FALSE(all.expect(id, second_ns, 0));
  EXPECT_EQ(all.expect(many + 1, second_ns, 0).code, errc::limit_exceeded);
  // Nobody fetches what became of them.
  const auto later = second_ns + awaited_responses::kept_ns;
  EXPECT_EQ(all.expect(many + 1, later, later - 1).code, errc::limit_exceeded);
  EXPECT_FALSE(all.expect(many + 1, later + second_ns, later + second_ns));
  EXPECT_EQ(all.waiting(), 1u);
}

TEST(AwaitedResponsesTest, BytesThatNobodyFetchesAreBounded) {
  awaited_responses all;
  constexpr size_t size = 1u << 20;
  const auto fit = static_cast<int64_t>(awaited_responses::bytes_max / size);
  for (int64_t id = 1; id <= fit + 1; ++id)
    ASSERT_FALSE(all.expect(id, second_ns, 0));
  for (int64_t id = 1; id <= fit; ++id)
    ASSERT_FALSE(all.take(id, response_of(size), 0));
  EXPECT_EQ(all.take(fit + 1, response_of(1), 0).code, errc::limit_exceeded);
  ASSERT_TRUE(*all.fetch(1, 0));
  EXPECT_FALSE(all.take(fit + 1, response_of(size), 0));
}

} // namespace
} // namespace millrace::rt
