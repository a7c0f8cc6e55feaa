#include <millrace/actors/torq/hdb/met_damage.hpp>

#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

TEST(MetDamageTest, EachDamageIsToldOnceAndEveryQueryCounted) {
  struct step {
    error fault;
    bool news;
    uint64_t queries;
  };
  const step steps[] = {
    {{}, false, 0},
    {{errc::timeout, "late"}, false, 0},
    {{errc::moved, "hdb/a/price: replaced"}, false, 0},
    {{errc::corrupt, "hdb/a/price: the checksum differs"}, true, 1},
    {{errc::corrupt, "hdb/a/price: the checksum differs"}, false, 2},
    {{errc::corrupt, "hdb/a/price: missing"}, true, 3},
    {{errc::storage_failed, "hdb/b/price: read: I/O error"}, true, 4},
    {{errc::corrupt, "hdb/a/price: the checksum differs"}, false, 5},
  };
  met_damage met;
  EXPECT_EQ(met.last(), "");
  for (const auto& each : steps) {
    EXPECT_EQ(met.is_news(each.fault), each.news) << to_string(each.fault);
    EXPECT_EQ(met.queries(), each.queries);
  }
  EXPECT_EQ(met.last(), "corrupt: hdb/a/price: the checksum differs");
}

TEST(MetDamageTest, WhatIsKnownIsBounded) {
  met_damage met;
  for (size_t i = 0; i < met_damage::known_max; ++i)
    EXPECT_TRUE(met.is_news({errc::corrupt, std::to_string(i)}));
  EXPECT_TRUE(met.is_news({errc::corrupt, "one more"}));
  EXPECT_TRUE(met.is_news({errc::corrupt, "one more"})) << "told, not known";
  EXPECT_FALSE(met.is_news({errc::corrupt, "7"}));
}

} // namespace
} // namespace millrace::torq
