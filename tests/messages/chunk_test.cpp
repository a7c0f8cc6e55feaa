#include <millrace/messages/data/chunk.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <thread>
#include <vector>

namespace millrace {
namespace {

TEST(ChunkTest, CopiesShareTheMemory) {
  auto [whole, memory] = chunk::allocate(100'000);
  std::fill_n(memory, 100'000, std::byte{7});
  memory[50'000] = std::byte{9};
  const auto copy = whole;
  whole = {};
  EXPECT_EQ(copy.data(), memory);
  EXPECT_EQ(copy.bytes()[50'000], std::byte{9});
  EXPECT_EQ(copy.bytes()[99'999], std::byte{7});
}

TEST(ChunkTest, MemoryIsUsedAgainOnlyWhenNobodyHoldsIt) {
  for (const size_t size : {0u, 1u, 16'384u, 16'385u, 32'768u, 32'769u,
                            262'144u, 1'048'576u, 1'048'577u}) {
    std::vector<chunk> held;
    std::set<const std::byte*> places;
    for (int i = 0; i < 20; ++i) {
      auto fresh = chunk::allocate(size);
      std::fill_n(fresh.memory, size, static_cast<std::byte>(i));
      EXPECT_EQ(fresh.shared.size(), size);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(fresh.memory) % 16, 0u);
      if (size != 0) {
        EXPECT_TRUE(places.insert(fresh.memory).second) << size;
      }
      held.push_back(std::move(fresh.shared));
    }
    for (int i = 0; i < 20; ++i)
      for (const auto byte : held[static_cast<size_t>(i)].bytes())
        ASSERT_EQ(byte, static_cast<std::byte>(i)) << size;
  }
}

TEST(ChunkTest, ThreadsMayHandChunksToEachOther) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([i] {
      std::vector<chunk> held;
      for (int round = 0; round < 500; ++round) {
        auto fresh = chunk::allocate(size_t{20'000} << (round % 4));
        fresh.memory[0] = static_cast<std::byte>(i);
        fresh.memory[fresh.shared.size() - 1] = static_cast<std::byte>(round);
        held.push_back(std::move(fresh.shared));
        const auto& old = held[held.size() / 2];
        ASSERT_EQ(old.bytes().front(), static_cast<std::byte>(i));
        if (held.size() > 8)
          held.erase(held.begin(), held.begin() + 4);
      }
    });
  for (auto& each : threads)
    each.join();
}

} // namespace
} // namespace millrace
