#include <millrace/actors/rt/publish/granted_place.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_writer.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace millrace::rt {
namespace {

/// A publisher's log: session 0 with messages 1 and 2, session 1 with message 3
/// and not ended.
class GrantedPlaceTest : public ::testing::Test {
protected:
  GrantedPlaceTest() {
    env.fs = &disk;
    env.random = [] { return uint64_t{7}; };
    session();
    first = write("one");
    second = write("two");
    EXPECT_FALSE(writer->close());
    sealed = position{disk.content("/pub/log.0.0").size()};
    session();
    third = write("three");
    lineage = writer->lineage();
  }

  void session() {
    writer.reset();
    auto opened = persistence::log_writer::open(
      env, {.directory = "/pub", .reserve_bytes = 0});
    ASSERT_TRUE(opened) << to_string(opened.failure());
    writer = *std::move(opened);
  }

  position write(const std::string& text) {
    auto end = writer->append(persistence::record_kind::messages,
                              payload_kind::opaque, {"a", ++id, 0, null_int},
                              std::as_bytes(std::span{text}));
    EXPECT_TRUE(end);
    EXPECT_FALSE(writer->write());
    return *end;
  }

  uint32_t sum(position end) {
    const auto found = persistence::record_before(disk, "/pub", lineage, end);
    return found ? found->sum : 0;
  }

  result<position> place(position end, uint32_t of) {
    auto found = granted_place(disk, "/pub", lineage, end, of);
    if (!found)
      return found.failure();
    shared = found->shared;
    return found->at;
  }

  sim::memory_file_system disk{1};
  persistence::env env;
  std::unique_ptr<persistence::log_writer> writer;
  lineage_id lineage;
  position first;
  position second;
  position sealed;
  position third;
  int64_t id = 0;
  std::optional<persistence::record_place> shared;
};

TEST_F(GrantedPlaceTest, TheSameLogGoesOnWhereItsCopyEnds) {
  for (const auto end : {first, second, sealed, third}) {
    EXPECT_NE(sum(end), 0u);
    EXPECT_EQ(*place(end, sum(end)), end);
    EXPECT_FALSE(shared);
    EXPECT_EQ(*place(end, 0), end);
  }
  EXPECT_EQ(*place(position::of(1, 0, 0), 0), position::of(1, 0, 0));
}

TEST_F(GrantedPlaceTest, OtherContentOfTheSameLengthIsAnotherLog) {
  EXPECT_EQ(place(third, sum(third) ^ 1).failure().code, errc::fenced);
}

TEST_F(GrantedPlaceTest, APlaceInsideARecordIsOfAnotherLog) {
  EXPECT_EQ(place({first.value + 8}, 1).failure().code, errc::fenced);
}

TEST_F(GrantedPlaceTest, MoreThanIsWrittenNowIsOfAnotherLog) {
  EXPECT_EQ(place({third.value + 64}, 1).failure().code, errc::fenced);
  EXPECT_EQ(place(position::of(4, 0, 64), 1).failure().code, errc::fenced);
}

TEST_F(GrantedPlaceTest, ALostTailGoesOnAtTheNextSession) {
  disk.cut("/pub/log.0.0", first.offset());
  EXPECT_EQ(*place(second, 1), position::of(1, 0, 0));
  // If it is the same log, RT has this one too.
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->begin, position{});
  EXPECT_EQ(shared->sum, sum(first));
  disk.cut("/pub/log.0.0", 0);
  EXPECT_EQ(*place(second, 1), position::of(1, 0, 0));
  EXPECT_FALSE(shared);
}

TEST_F(GrantedPlaceTest, ASealThatRtHasNotIsNoRecordToCompare) {
  // Recovery sealed what a lost tail left.
  EXPECT_EQ(*place({sealed.value + 64}, 1), position::of(1, 0, 0));
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->begin, first);
  EXPECT_EQ(shared->sum, sum(second));
}

TEST_F(GrantedPlaceTest, DamageBeforeThePlaceSaysNothingOfIt) {
  disk.flip_bit("/pub/log.0.0", first.offset() * 8 + 64);
  EXPECT_EQ(*place(second, 1), second);
}

TEST_F(GrantedPlaceTest, CollectedFilesAreNotMissed) {
  ASSERT_FALSE(disk.mark_archived("/pub/log.0.0"));
  disk.cut("/pub/log.0.0", 0);
  EXPECT_EQ(*place(second, 1), second);
  ASSERT_FALSE(disk.remove("/pub/log.0.0"));
  EXPECT_EQ(*place(second, 1), second);
}

} // namespace
} // namespace millrace::rt
