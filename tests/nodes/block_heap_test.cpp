#include <millrace/nodes/host/block_heap.hpp>
#include <millrace/nodes/host/idle_memory.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

namespace millrace::nodes {
namespace {

constexpr auto unit = block_heap::unit_bytes;

TEST(BlockHeapTest, BlocksAreWritableAndApart) {
  block_heap heap{64, 0};
  auto* a = heap.allocate(unit + 1);
  auto* b = heap.allocate(1);
  ASSERT_NE(a, nullptr);
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % unit, 0u);
  EXPECT_TRUE(heap.owns(a));
  EXPECT_FALSE(heap.owns(&heap));
  std::memset(a, 1, unit + 1);
  std::memset(b, 2, 1);
  EXPECT_EQ(static_cast<char*>(a)[unit], 1);
  heap.release(a);
  heap.release(b);
}

TEST(BlockHeapTest, WhatIsGivenBackIsKeptUpToALimit) {
  block_heap heap{64, 3 * unit};
  auto* a = heap.allocate(2 * unit);
  auto* b = heap.allocate(2 * unit);
  heap.release(a);
  EXPECT_EQ(heap.kept_bytes(), 2 * unit);
  heap.release(b);
  EXPECT_EQ(heap.kept_bytes(), 2 * unit);
  // The one that stayed is the next one of its size, and of no other.
  auto* small = heap.allocate(unit);
  EXPECT_NE(small, b);
  EXPECT_EQ(heap.allocate(2 * unit), b);
  EXPECT_EQ(heap.kept_bytes(), 0u);
}

TEST(BlockHeapTest, WhatNobodyUsedSinceTheLastLookGoesBack) {
  block_heap heap{64, 8 * unit};
  auto* a = static_cast<char*>(heap.allocate(2 * unit));
  *a = 1;
  heap.release(a);
  EXPECT_EQ(heap.give_back_unused(), 0u) << "it was used";
  EXPECT_EQ(heap.kept_bytes(), 2 * unit);
  EXPECT_EQ(heap.give_back_unused(), 2 * unit);
  EXPECT_EQ(heap.kept_bytes(), 0u);
  EXPECT_EQ(heap.give_back_unused(), 0u);
  ASSERT_EQ(heap.allocate(2 * unit), a);
  EXPECT_EQ(*a, 0);
}

TEST(IdleMemoryTest, ArenasAreTrimmedOnceAfterWork) {
  constexpr int64_t second = 1'000'000'000;
  idle_memory memory;
  EXPECT_FALSE(memory.look(1 * second, 0)) << "it did nothing";
  EXPECT_FALSE(memory.look(2 * second, second / 2)) << "it works";
  EXPECT_FALSE(memory.look(2 * second + 1, second / 2)) << "too early";
  EXPECT_TRUE(memory.look(3 * second, second / 2 + 1000));
  EXPECT_FALSE(memory.look(4 * second, second / 2 + 2000)) << "once";
}

TEST(BlockHeapTest, WhatIsNotKeptGoesBackToTheSystem) {
  block_heap heap{8, 0};
  auto* a = static_cast<char*>(heap.allocate(unit));
  *a = 1;
  heap.release(a);
  ASSERT_EQ(heap.allocate(unit), a);
  EXPECT_EQ(*a, 0);
}

TEST(BlockHeapTest, NeighboursJoinUntilAllIsOneAgain) {
  block_heap heap{4, 0};
  void* blocks[4];
  for (auto& block : blocks)
    block = heap.allocate(unit);
  EXPECT_EQ(heap.allocate(1), nullptr);
  for (const auto i : {1, 3, 0, 2})
    heap.release(blocks[i]);
  EXPECT_EQ(heap.allocate(4 * unit), blocks[0]);
}

TEST(BlockHeapTest, NoBlockIsGivenTwice) {
  block_heap heap{200, 20 * unit};
  std::map<char*, size_t> held;
  std::mt19937 random{1};
  for (int i = 0; i < 5'000; ++i) {
    if (held.size() > 20 || (random() % 2 == 0 && !held.empty())) {
      auto each = held.begin();
      std::advance(each, random() % held.size());
      EXPECT_EQ(*each->first, static_cast<char>(each->second));
      heap.release(each->first);
      held.erase(each);
      continue;
    }
    const auto bytes = 1 + random() % (5 * unit);
    auto* made = static_cast<char*>(heap.allocate(bytes));
    ASSERT_NE(made, nullptr);
    const auto next = held.lower_bound(made);
    ASSERT_TRUE(next == held.end() || made + bytes <= next->first);
    ASSERT_TRUE(next == held.begin()
                || std::prev(next)->first + std::prev(next)->second <= made);
    *made = static_cast<char>(bytes);
    held.emplace(made, bytes);
  }
}

TEST(BlockHeapTest, WithoutAddressesThereAreNoBlocks) {
  block_heap heap{size_t{1} << 40, 0};
  EXPECT_EQ(heap.allocate(unit), nullptr);
  EXPECT_FALSE(heap.owns(&heap));
}

} // namespace
} // namespace millrace::nodes
