// How a subscription takes the name of a durable consumer, keeps it, loses it.

#include <millrace/actors/rt/subscribe/consumer_claim.hpp>

#include <gtest/gtest.h>

#include <map>

namespace millrace::rt {
namespace {

constexpr int64_t claim_second = 1'000'000'000;
const lineage_id claim_life{{1, 2}};

/// The part of the stream: what it has agreed on, by the rule of `noted_floor`.
struct agreed_names {
  struct known {
    uint64_t claim = 0;
    uint64_t holder = 0;
  };
  std::map<std::string, known> all;

  void answer(consumer_claim& to, const consumer_floor& what) {
    const auto found = all.find(what.consumer);
    const uint64_t claim = found == all.end() ? 0 : found->second.claim;
    const auto has = found != all.end() && claim == what.claim
                     && found->second.holder == what.holder;
    if (what.step == consumer_floor::claims && !has) {
      if (what.claim != claim + 1)
        return (void)to.refused({errc::fenced, {}});
      all[what.consumer] = {what.claim, what.holder};
    } else if (what.step != consumer_floor::asks && !has) {
      return (void)to.refused({errc::fenced, {}});
    }
    (void)to.answered(facts(what.consumer, found != all.end()));
  }
  consumer_facts facts(const std::string& consumer, bool was_known) {
    consumer_facts out;
    out.life = claim_life;
    out.is_known = was_known;
    if (all.contains(consumer))
      out.claim = all.at(consumer).claim;
    return out;
  }
};

std::optional<consumer_floor> next_of(consumer_claim& of, int64_t now_ns = 0) {
  return of.next({}, {}, claim_life, now_ns);
}

void take_name(agreed_names& names, consumer_claim& by) {
  for (int step = 0; step < 2; ++step) {
    const auto what = next_of(by);
    ASSERT_TRUE(what);
    names.answer(by, *what);
  }
  EXPECT_TRUE(by.has_name());
}

TEST(ConsumerClaimCoreTest, ItAsksTakesTheNameAndTellsOncePerSecond) {
  agreed_names names;
  consumer_claim mine{"c", 7};
  const auto asks = next_of(mine);
  ASSERT_TRUE(asks);
  EXPECT_EQ(asks->step, consumer_floor::asks);
  EXPECT_FALSE(next_of(mine)) << "one question at a time";
  names.answer(mine, *asks);
  EXPECT_TRUE(mine.was_new());
  const auto claims = mine.next(position{640}, std::nullopt, claim_life, 0);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->step, consumer_floor::claims);
  EXPECT_EQ(claims->claim, 1u);
  EXPECT_EQ(claims->needs_from, position{640}) << "kept from where it begins";
  names.answer(mine, *claims);
  const auto tells = mine.next({}, position{704}, claim_life, 0);
  ASSERT_TRUE(tells);
  EXPECT_EQ(tells->step, consumer_floor::tells);
  EXPECT_EQ(tells->needs_from, position{704});
  names.answer(mine, *tells);
  EXPECT_FALSE(next_of(mine, claim_second - 1));
  EXPECT_TRUE(next_of(mine, claim_second));
}

TEST(ConsumerClaimCoreTest, TheLastOneThatTakesTheNameHasIt) {
  agreed_names names;
  consumer_claim first{"c", 7};
  consumer_claim second{"c", 8};
  take_name(names, first);
  take_name(names, second);
  EXPECT_FALSE(second.was_new());
  const auto tells = next_of(first);
  ASSERT_TRUE(tells);
  EXPECT_TRUE(first.refused({errc::fenced, {}}));
  EXPECT_TRUE(first.is_replaced());
  EXPECT_FALSE(next_of(first, 100 * claim_second)) << "for good";
  EXPECT_FALSE(first.last({}, claim_life));
  EXPECT_TRUE(second.last({}, claim_life));
}

/// Whichever is faster: the other one takes the name after it.
TEST(ConsumerClaimCoreTest, OfTwoThatBeginAtOnceBothKnow) {
  agreed_names names;
  consumer_claim one{"c", 7};
  consumer_claim other{"c", 8};
  for (auto* each : {&one, &other})
    names.answer(*each, *next_of(*each));
  for (auto* each : {&one, &other})
    names.answer(*each, *next_of(*each));
  EXPECT_TRUE(one.has_name());
  EXPECT_FALSE(other.has_name());
  take_name(names, other);
  names.answer(one, *next_of(one, claim_second));
  EXPECT_TRUE(one.is_replaced());
}

/// One that was asked, and was given up, may arrive when all is over.
TEST(ConsumerClaimCoreTest, WhatArrivesLateTakesNoName) {
  agreed_names names;
  consumer_claim first{"c", 7};
  names.answer(first, *next_of(first));
  const auto late = *next_of(first);
  (void)first.refused({errc::timeout, {}});
  const auto again = *next_of(first);
  names.answer(first, again);
  EXPECT_TRUE(first.has_name());
  consumer_claim second{"c", 8};
  take_name(names, second);
  consumer_claim nobody{"c", 7};
  names.answer(nobody, late);
  EXPECT_EQ(names.all.at("c").holder, 8u);
  names.answer(second, *next_of(second, claim_second));
  EXPECT_TRUE(second.has_name());
}

TEST(ConsumerClaimCoreTest, AnAnswerThatWasLostIsAskedForAgain) {
  agreed_names names;
  consumer_claim mine{"c", 7};
  names.answer(mine, *next_of(mine));
  consumer_claim lost{"c", 7};
  names.answer(lost, *next_of(mine)); // Agreed on, and the answer is lost.
  EXPECT_FALSE(mine.refused({errc::timeout, {}}));
  names.answer(mine, *next_of(mine));
  EXPECT_TRUE(mine.has_name());
  EXPECT_EQ(names.all.at("c").claim, 1u);
}

/// A stream that begins anew knows nobody.
TEST(ConsumerClaimCoreTest, InAnotherLifeTheNameIsTakenAnew) {
  agreed_names names;
  consumer_claim mine{"c", 7};
  take_name(names, mine);
  agreed_names other;
  mine.begin_life();
  EXPECT_FALSE(mine.has_name());
  take_name(other, mine);
  EXPECT_EQ(other.all.at("c").claim, 1u);
}

TEST(ConsumerClaimCoreTest, WhatCanNeverSucceedIsSaid) {
  consumer_claim mine{"c", 7};
  (void)next_of(mine);
  EXPECT_FALSE(mine.refused({errc::unavailable, {}}));
  (void)next_of(mine);
  EXPECT_TRUE(mine.refused({errc::limit_exceeded, {}}));
}

} // namespace
} // namespace millrace::rt
