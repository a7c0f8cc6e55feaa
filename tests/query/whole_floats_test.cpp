#include <millrace/messages/data/types.hpp>
#include <millrace/query/execution/whole_floats.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

// Whole numbers become the floats that a conversion of the language makes of
// them, to the last bit, many at a time and those that are left over.

namespace millrace::query {
namespace {

constexpr auto infinite_float = std::numeric_limits<double>::infinity();

void expect_floats(const std::vector<int64_t>& from) {
  for (const bool infinities : {false, true}) {
    std::vector<double> to(from.size());
    floats_of_whole(from.data(), static_cast<uint32_t>(from.size()), infinities,
                    to.data());
    for (size_t i = 0; i < from.size(); ++i) {
      if (from[i] == null_long) {
        ASSERT_TRUE(std::isnan(to[i]));
        continue;
      }
      auto wanted = static_cast<double>(from[i]);
      if (infinities && from[i] == inf_long)
        wanted = infinite_float;
      if (infinities && from[i] == -inf_long)
        wanted = -infinite_float;
      ASSERT_EQ(std::bit_cast<uint64_t>(to[i]), std::bit_cast<uint64_t>(wanted))
        << from[i];
    }
  }
}

TEST(WholeFloatsTest, RoundAsAConversionDoes) {
  std::mt19937_64 random{3};
  for (const size_t count : {0u, 1u, 3u, 4u, 5u, 1023u, 1024u})
    for (int round = 0; round < 200; ++round) {
      std::vector<int64_t> from;
      for (size_t i = 0; i < count; ++i) {
        // Of every size, and halfway between two floats, or beside that.
        const auto drawn = static_cast<int64_t>(random() >> random() % 64);
        const auto half
          = (int64_t{1} << 53 | static_cast<int64_t>(random() % 8)) * 512 + 256
            + static_cast<int64_t>(random() % 3) - 1;
        const auto x = random() % 4 == 0 ? half : drawn;
        from.push_back(random() % 2 == 0 ? x : -x);
      }
      expect_floats(from);
    }
}

TEST(WholeFloatsTest, EndsAndNulls) {
  expect_floats({0, 1, -1, null_long, inf_long, -inf_long, inf_long - 1,
                 -inf_long + 1, 0xffffffff, 0x100000000, -0xffffffff,
                 -0x100000000, (int64_t{1} << 53) + 1, -(int64_t{1} << 53) - 1,
                 int64_t{1} << 62, null_long});
}

} // namespace
} // namespace millrace::query
