#include <millrace/actors/rt/subscribe/fatal_watch.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace millrace::rt {
namespace {

constexpr lineage_id watched_life{{1, 2}};

fatal_watch::place watched(uint64_t number,
                           const lineage_id& life = watched_life) {
  return {life, position{number}};
}

class FatalWatchTest : public ::testing::Test {
protected:
  /// Begins a life, that reads a stream of 100.
  std::unique_ptr<fatal_watch> begin(uint32_t park_after = 3) {
    auto opened = fatal_watch::open(disk, path, park_after, faulted);
    EXPECT_TRUE(opened) << to_string(opened.failure());
    auto out = *std::move(opened);
    out->flow_began(position{100});
    return out;
  }
  /// A life that takes messages from 1 on and ends without a word, as by a
  /// signal, while it takes that one; a fault of its own, or killed.
  void end_at(uint64_t last, bool killed = false) {
    auto watch = begin();
    for (uint64_t each = 1; each < last; ++each)
      if (!watch->is_parked(watched(each)))
        watch->watch(watched(each), [] {});
    watch->watch(watched(last), [&] { kept = disk.content(path); });
    watch.reset();
    put(kept);
    faulted = !killed;
  }
  void put(const std::vector<std::byte>& bytes) {
    ASSERT_FALSE(persistence::replace_file(disk, path, bytes));
  }
  bool is_parked(uint64_t number) {
    const auto before = disk.content(path);
    const bool out = begin()->is_parked(watched(number));
    if (!out)
      put(before);
    return out;
  }

  sim::memory_file_system disk{1};
  const std::string path = "/data/taken/rdb1";
  bool faulted = false; ///< The life before the next one ended by a fault.
  std::vector<std::byte> kept;
};

TEST_F(FatalWatchTest, WhatEndsThreeLivesThatWatchIsParked) {
  end_at(7); // Not watched: nothing had happened before.
  for (int i = 0; i < 2; ++i) {
    end_at(7);
    EXPECT_FALSE(is_parked(7)) << i;
  }
  end_at(7);
  EXPECT_TRUE(is_parked(7));
  EXPECT_FALSE(is_parked(6));
  EXPECT_FALSE(is_parked(8));
  EXPECT_FALSE(begin()->is_parked(watched(7, lineage_id{{1, 3}})));
  // For good.
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(begin()->is_parked(watched(7)));
}

TEST_F(FatalWatchTest, OnlyInARow) {
  for (const auto at : {7, 7, 7, 9, 7, 7, 9, 9, 7, 7})
    end_at(static_cast<uint64_t>(at));
  EXPECT_FALSE(is_parked(7));
  EXPECT_FALSE(is_parked(9));
}

TEST_F(FatalWatchTest, AnotherOneMayFollow) {
  for (const auto at : {7, 7, 7, 7, 9, 9, 9})
    end_at(static_cast<uint64_t>(at));
  const auto watch = begin();
  EXPECT_TRUE(watch->is_parked(watched(7)));
  EXPECT_TRUE(watch->is_parked(watched(9)));
  EXPECT_FALSE(watch->is_parked(watched(8)));
}

TEST_F(FatalWatchTest, ALifeThatEndsAsItShouldIsNotWatchedAfter) {
  for (int i = 0; i < 10; ++i) {
    auto watch = begin();
    for (uint64_t each = 1; each <= 100; ++each) {
      watch->watch(watched(each), [] {});
      EXPECT_EQ(
        std::string(reinterpret_cast<const char*>(disk.content(path).data()),
                    disk.content(path).size())
          .find("taking"),
        std::string::npos);
    }
  }
}

TEST_F(FatalWatchTest, NothingIsWrittenOnceAllIsTakenAgain) {
  end_at(7);
  auto watch = begin();
  for (uint64_t each = 1; each <= 100; ++each)
    watch->watch(watched(each), [] {});
  const auto written = disk.content(path);
  watch->watch(watched(101), [&] { EXPECT_EQ(disk.content(path), written); });
}

TEST_F(FatalWatchTest, AnExceptionCountsFromTheFirstOneOn) {
  for (int i = 0; i < 3; ++i) {
    auto watch = begin();
    EXPECT_FALSE(watch->is_parked(watched(7)));
    EXPECT_THROW(
      watch->watch(watched(7), [] { throw std::runtime_error{"x"}; }),
      std::runtime_error);
  }
  EXPECT_TRUE(begin()->is_parked(watched(7)));
}

TEST_F(FatalWatchTest, WhatCannotBeReadCountsForNothing) {
  end_at(7);
  end_at(7);
  end_at(7);
  put(std::vector<std::byte>(disk.content(path).size(), std::byte{'x'}));
  end_at(7);
  EXPECT_FALSE(is_parked(7));
  end_at(7);
  end_at(7);
  EXPECT_TRUE(is_parked(7));
}

TEST_F(FatalWatchTest, ADamagedListIsToldAndItsGoodLinesCount) {
  for (int i = 0; i < 4; ++i)
    end_at(7);
  for (int i = 0; i < 3; ++i)
    end_at(9);
  (void)begin();
  auto bytes = disk.content(path + ".parked");
  bytes[bytes.size() - 3] = std::byte{'x'};
  ASSERT_FALSE(persistence::replace_file(disk, path + ".parked", bytes));
  {
    const auto watch = begin();
    EXPECT_NE(watch->damage().find(".parked: 1 lines"), std::string::npos)
      << watch->damage();
    EXPECT_TRUE(watch->is_parked(watched(7)));
    EXPECT_FALSE(watch->is_parked(watched(9)));
    EXPECT_EQ(disk.content(path + ".parked.damaged"), bytes);
  }
  EXPECT_EQ(begin()->damage(), "");
  // It is watched on.
  for (int i = 0; i < 3; ++i)
    end_at(9);
  EXPECT_TRUE(is_parked(9));
  EXPECT_TRUE(is_parked(7));
}

TEST_F(FatalWatchTest, WhoWasKilledCountsNothing) {
  end_at(7);
  // Each life is watched, and was killed while it took the message.
  for (int i = 0; i < 10; ++i)
    end_at(7, true);
  EXPECT_FALSE(is_parked(7));
  end_at(7);
  end_at(7);
  end_at(7, true);
  EXPECT_FALSE(is_parked(7));
}

TEST_F(FatalWatchTest, AKillInBetweenKeepsTheCount) {
  end_at(7);
  end_at(7);
  end_at(7);
  // Killed before it came to the message.
  auto watch = begin();
  kept = disk.content(path);
  watch.reset();
  put(kept);
  faulted = false;
  end_at(7);
  EXPECT_TRUE(is_parked(7));
}

TEST_F(FatalWatchTest, ParkedIsWhatSurvivesAPowerCut) {
  for (int i = 0; i < 4; ++i)
    end_at(7);
  (void)begin(); // It is parked with this.
  disk.cut_power(sim::survival::nothing);
  EXPECT_TRUE(begin()->is_parked(watched(7)));
}

TEST_F(FatalWatchTest, ZeroWatchesNothing) {
  auto watch = begin(0);
  int taken = 0;
  watch->watch(watched(7), [&] { ++taken; });
  watch.reset();
  EXPECT_EQ(taken, 1);
  EXPECT_FALSE(disk.exists(path));
}

TEST_F(FatalWatchTest, ADiskThatRefusesIsTold) {
  end_at(7);
  auto watch = begin();
  disk.fail(sim::disk_call::write, 1);
  watch->watch(watched(1), [] {});
  int taken = 0;
  disk.fail(sim::disk_call::write, 1);
  watch->watch(watched(2), [&] {
    EXPECT_TRUE(watch->fault());
    ++taken;
  });
  EXPECT_EQ(taken, 1);
}

} // namespace
} // namespace millrace::rt
