#include <millrace/actors/rt/sequence/out_rebuild.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::rt {
namespace {

TEST(MissingFilesTest, AreThoseBeforeAndBetween) {
  using persistence::log_file_info;
  const auto named
    = [](const std::vector<log_file_info>& files, position begin = {}) {
        std::string out;
        for (const auto file : missing_files(files, begin))
          out += persistence::log_file_name(file.session(), file.roll()) + " ";
        return out;
      };
  EXPECT_EQ(named({}), "");
  EXPECT_EQ(named({{0, 0, 8}, {0, 1, 8}, {1, 0, 8}}), "");
  EXPECT_EQ(named({{0, 2, 8}, {0, 4, 8}}), "log.0.0 log.0.1 log.0.3 ");
  // Collected, up to a tombstone.
  EXPECT_EQ(named({{0, 2, 0, true}, {0, 4, 8}}), "log.0.3 ");
  EXPECT_EQ(named({{3, 1, 8}}), "log.3.0 ");
  // Nothing was ever before its begin.
  const auto begin = position::of(137, 4211, 0);
  EXPECT_EQ(named({{137, 4211, 8}, {137, 4212, 8}}, begin), "");
  EXPECT_EQ(named({{137, 4213, 8}}, begin), "log.137.4211 log.137.4212 ");
  EXPECT_EQ(named({{138, 1, 8}}, begin), "log.138.0 ");
}

} // namespace
} // namespace millrace::rt
