#include <millrace/persistence/hdb/announced_parts.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace millrace::persistence {
namespace {

const std::string list = "/hdb/.announced";

class AnnouncedPartsTest : public testing::Test {
protected:
  AnnouncedPartsTest() { EXPECT_FALSE(disk_.create_directories("/hdb")); }

  std::vector<std::string> found() {
    auto paths = announced_parts{disk_, "/hdb"}.read();
    EXPECT_TRUE(paths) << to_string(paths.failure());
    std::sort(paths->begin(), paths->end());
    return *paths;
  }

  std::string text() {
    const auto bytes = *read_file(disk_, list);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  void put(const std::string& text) {
    ASSERT_FALSE(replace_file(disk_, list, std::as_bytes(std::span{text})));
  }

  sim::memory_file_system disk_{1};
};

using paths = std::vector<std::string>;

TEST_F(AnnouncedPartsTest, GrowsByWhatIsNewAndShrinksByWhatIsNamed) {
  EXPECT_EQ(found(), paths{});
  announced_parts mine{disk_, "/hdb"};
  ASSERT_FALSE(mine.add({"2024-01-02/trade/2", "2024-01-02/quote/3"}));
  const auto first = text();
  ASSERT_FALSE(mine.add({"2024-01-03/trade/4"}));
  EXPECT_TRUE(text().starts_with(first));
  disk_.cut_power(sim::survival::nothing);
  EXPECT_EQ(found(), (paths{"2024-01-02/quote/3", "2024-01-02/trade/2",
                            "2024-01-03/trade/4"}));
  ASSERT_FALSE(mine.forget({"2024-01-02/trade/2", "2024-01-09/other/9"}));
  EXPECT_EQ(found(), (paths{"2024-01-02/quote/3", "2024-01-03/trade/4"}));
  ASSERT_FALSE(mine.forget({"2024-01-02/quote/3", "2024-01-03/trade/4"}));
  EXPECT_FALSE(disk_.exists(list));
}

TEST_F(AnnouncedPartsTest, WhatIsCutOffOrDamagedNamesNothing) {
  announced_parts mine{disk_, "/hdb"};
  ASSERT_FALSE(mine.add({"2024-01-02/trade/2"}));
  const auto first = text();
  ASSERT_FALSE(mine.add({"2024-01-03/trade/12", "2024-01-03/trade/13"}));
  const auto whole = text();
  for (auto length = first.size(); length + 1 < whole.size(); ++length) {
    put(whole.substr(0, length));
    ASSERT_EQ(found(), paths{"2024-01-02/trade/2"}) << length;
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    auto flipped = whole;
    flipped[at] ^= 1;
    put(flipped);
    for (const auto& path : found())
      ASSERT_NE(whole.find(path + "\n"), whole.npos) << at << ": " << path;
  }
}

TEST_F(AnnouncedPartsTest, AFailedAddIsFollowedByAWholeList) {
  announced_parts mine{disk_, "/hdb"};
  ASSERT_FALSE(mine.add({"2024-01-02/trade/2"}));
  disk_.fail(sim::disk_call::sync, 1, errc::no_space);
  EXPECT_EQ(mine.add({"2024-01-03/trade/3"}).code, errc::no_space);
  disk_.heal();
  ASSERT_FALSE(mine.add({"2024-01-04/trade/4"}));
  EXPECT_EQ(found(), (paths{"2024-01-02/trade/2", "2024-01-03/trade/3",
                            "2024-01-04/trade/4"}));
}

TEST_F(AnnouncedPartsTest, ListsOfEarlierReleasesAreRead) {
  put("2024-01-02/trade/2\n2024-01-02/quote/3\nend");
  EXPECT_EQ(found(), (paths{"2024-01-02/quote/3", "2024-01-02/trade/2"}));
  put("2024-01-02/trade/2\n2024-01-02/quo");
  EXPECT_EQ(found(), paths{});
  put("../outside/2\n/etc/x/2\n2024-01-02/.trade/2\nend");
  EXPECT_EQ(found(), paths{});
}

} // namespace
} // namespace millrace::persistence
