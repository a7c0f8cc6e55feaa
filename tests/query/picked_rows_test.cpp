#include <millrace/query/execution/picked_rows.hpp>

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace millrace::query {
namespace {

// Goal: rows are those that were added, in their order, however they came.
// Method: a list of them; ranges that go on and that do not, rows one by one
// and others taken out, read in pieces of any size.
TEST(PickedRowsTest, AreThoseThatWereAdded) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    std::mt19937_64 random{seed};
    picked_rows picked;
    std::vector<uint32_t> wanted;
    uint32_t next = 0;
    for (auto steps = random() % 8; steps > 0; --steps) {
      next += random() % 3 == 0 ? static_cast<uint32_t>(random() % 40) : 0;
      const auto count = static_cast<uint32_t>(random() % 50);
      std::vector<uint16_t> rows;
      switch (random() % 4) {
        case 0:
        case 1:
          picked.add_range(next, next + count);
          for (uint32_t i = 0; i < count; ++i)
            wanted.push_back(next + i);
          break;
        case 2:
          picked.add(next, nullptr, count);
          for (uint32_t i = 0; i < count; ++i)
            wanted.push_back(next + i);
          break;
        default:
          for (uint32_t i = 0; i < count; ++i)
            if (random() % 4 != 0) {
              rows.push_back(static_cast<uint16_t>(i));
              wanted.push_back(next + i);
            }
          picked.add(next, rows.data(), static_cast<uint32_t>(rows.size()));
      }
      next += count;
      if (random() % 10 == 0 && !wanted.empty()) {
        wanted.erase(wanted.begin());
        picked.list().erase(picked.list().begin());
      }
    }
    ASSERT_EQ(picked.size(), wanted.size());
    const auto most = 1 + random() % 70;
    std::vector<uint32_t> found;
    for (size_t start = 0; start < picked.size(); start += most) {
      const auto piece = picked.from(start, most);
      for (size_t i = 0; i < piece.count; ++i)
        found.push_back(piece.row(i));
    }
    ASSERT_EQ(found, wanted) << "seed " << seed;
    picked.clear();
    ASSERT_EQ(picked.size(), 0u);
    picked.add_range(5, 7);
    ASSERT_EQ(picked.list(), (std::vector<uint32_t>{5, 6}));
  }
}

} // namespace
} // namespace millrace::query
