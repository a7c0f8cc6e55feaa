#include <millrace/actors/torq/rdb/kept_life.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <span>
#include <string>

namespace millrace::torq {
namespace {

constexpr stream_life kept_before{0x0123456789abcdef, 0xf};
constexpr const char* kept_path = "/hdb/.life.market";

std::string kept_text(const sim::memory_file_system& disk) {
  const auto bytes = disk.content(kept_path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(KeptLifeTest, IsOneLineThatAnotherOneReads) {
  sim::memory_file_system disk;
  const auto none = read_kept_life(disk, "/hdb", "market");
  ASSERT_TRUE(none) << to_string(none.failure());
  EXPECT_FALSE(none->is_known());
  ASSERT_FALSE(keep_life(disk, "/hdb", "market", kept_before));
  EXPECT_EQ(kept_text(disk), "0123456789abcdef000000000000000f\n");
  const auto kept = read_kept_life(disk, "/hdb", "market");
  ASSERT_TRUE(kept) << to_string(kept.failure());
  EXPECT_EQ(*kept, kept_before);
  // Each stream has its own.
  const auto other = read_kept_life(disk, "/hdb", "other");
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->is_known());
}

TEST(KeptLifeTest, AnythingElseIsDamageByName) {
  for (const std::string damaged :
       {"", "\n", "0123456789abcdef000000000000000f",
        "0123456789abcdef000000000000000\n",
        "0123456789abcdef000000000000000g\n",
        "0123456789abcdef000000000000000f\n\n"}) {
    SCOPED_TRACE(damaged);
    sim::memory_file_system disk;
    ASSERT_FALSE(disk.create_directories("/hdb"));
    ASSERT_FALSE(persistence::replace_file(
      disk, kept_path,
      std::as_bytes(std::span{damaged.data(), damaged.size()})));
    const auto kept = read_kept_life(disk, "/hdb", "market");
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.failure().code, errc::corrupt);
    EXPECT_NE(kept.failure().context.find(kept_path), std::string::npos);
  }
}

} // namespace
} // namespace millrace::torq
