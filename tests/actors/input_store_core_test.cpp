#include <millrace/actors/rt/sequence/input_store.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <string>

namespace millrace::rt {
namespace {

constexpr position in_first(uint64_t offset) {
  return position::of(0, 0, offset);
}
constexpr position in_second(uint64_t offset) {
  return position::of(1, 0, offset);
}

class InputStoreTest : public ::testing::Test {
protected:
  void recorded(position from, position to) {
    store.recorded(copy, from, to, {});
    store.durable(copy, to);
  }

  /// "<from>-<to>" of each part that may be ordered, "!" for a lost one.
  std::string planned(position from = {}) const {
    std::string out;
    for (const auto& part : store.durable_from(copy, from))
      out += (part.lost ? "!" : "") + text(part.range) + " ";
    return out;
  }

  static std::string text(const input_part& part) {
    return to_string(part.from) + "-" + to_string(part.to);
  }

  std::string gap(position from, position to) const {
    const auto found = store.gap(copy, {from, to});
    return found ? text(*found) : "none";
  }

  sim::memory_file_system disk{1};
  input_store store{disk, "/in"};
  const copy_id copy = store.add({"a.market", {{5, 6}}});
};

std::string range_text(position from, position to) {
  return to_string(from) + "-" + to_string(to);
}

TEST_F(InputStoreTest, ACopyThatEndedEarlyNamesTheFirstThatItLacks) {
  recorded(in_first(0), in_first(100));
  recorded(in_second(0), in_second(50));
  const input_part agreed{in_first(50), in_first(300)};
  EXPECT_FALSE(store.holds(copy, agreed));
  EXPECT_EQ(gap(agreed.from, agreed.to),
            range_text(in_first(100), in_first(300)));
  EXPECT_TRUE(store.holds(copy, {in_second(0), in_second(50)}));
  // Filled part by part, before what was recorded long ago.
  recorded(in_first(100), in_first(200));
  EXPECT_EQ(gap(agreed.from, agreed.to),
            range_text(in_first(200), in_first(300)));
  recorded(in_first(200), in_first(300));
  EXPECT_TRUE(store.holds(copy, agreed));
  EXPECT_EQ(store.waiting_bytes(), 350u);
  store.merged(copy, in_second(50));
  EXPECT_EQ(store.waiting_bytes(), 0u);
  EXPECT_TRUE(store.all_merged(copy));
}

TEST_F(InputStoreTest, HoldsWhatIsDurableAndNothingElse) {
  const input_part all{in_first(0), in_first(100)};
  store.recorded(copy, all.from, all.to, {});
  EXPECT_FALSE(store.holds(copy, all));
  store.durable(copy, in_first(60));
  EXPECT_TRUE(store.holds(copy, {all.from, in_first(60)}));
  EXPECT_FALSE(store.holds(copy, all));
  store.durable(copy, all.to);
  EXPECT_TRUE(store.holds(copy, all));
}

TEST_F(InputStoreTest, WhatWasToldBeforeIsPassedOver) {
  recorded(in_first(0), in_first(100));
  recorded(in_first(40), in_first(100));
  recorded(in_first(40), in_first(160));
  EXPECT_EQ(store.waiting_bytes(), 160u);
  EXPECT_EQ(planned(), range_text(in_first(0), in_first(100)) + " "
                         + range_text(in_first(100), in_first(160)) + " ");
}

TEST_F(InputStoreTest, NothingIsOrderedAfterWhatStillLacks) {
  recorded(in_first(0), in_first(100));
  store.lacking(copy, {in_first(100), in_first(200)});
  recorded(in_first(200), in_first(300));
  EXPECT_EQ(planned(), range_text(in_first(0), in_first(100)) + " ");
  EXPECT_TRUE(store.lacks(copy, {in_first(0), in_first(300)}));
  EXPECT_FALSE(store.all_merged(copy));
  recorded(in_first(120), in_first(150));
  EXPECT_EQ(gap(in_first(0), in_first(300)),
            range_text(in_first(100), in_first(120)));
  recorded(in_first(100), in_first(120));
  EXPECT_EQ(gap(in_first(0), in_first(300)),
            range_text(in_first(150), in_first(200)));
  recorded(in_first(150), in_first(200));
  EXPECT_FALSE(store.lacks(copy, {in_first(0), in_first(300)}));
  EXPECT_TRUE(store.holds(copy, {in_first(0), in_first(300)}));
}

TEST_F(InputStoreTest, WhatNobodyHasIsOrderedAsLost) {
  recorded(in_first(0), in_first(100));
  store.lacking(copy, {in_first(100), in_second(0)});
  recorded(in_second(0), in_second(50));
  store.lost(copy, {in_first(100), in_second(0)});
  EXPECT_EQ(planned(), range_text(in_first(0), in_first(100)) + " !"
                         + range_text(in_first(100), in_second(0)) + " "
                         + range_text(in_second(0), in_second(50)) + " ");
  EXPECT_FALSE(store.holds(copy, {in_first(100), in_first(120)}));
}

TEST_F(InputStoreTest, WhatNobodyHasIsOrderedBeforeAnythingFollowsIt) {
  recorded(in_first(0), in_first(100));
  store.lacking(copy, {in_first(100), in_second(50)});
  store.lost(copy, {in_first(100), in_second(50)});
  EXPECT_EQ(planned(), range_text(in_first(0), in_first(100)) + " !"
                         + range_text(in_first(100), in_second(50)) + " ");
}

TEST_F(InputStoreTest, WhereNothingLiesNothingIsLost) {
  recorded(in_first(0), in_first(100));
  store.lacking(copy, {in_first(100), in_second(0)});
  recorded(in_second(0), in_second(50));
  store.absent(copy, {in_first(100), in_second(0)});
  EXPECT_EQ(planned(), range_text(in_first(0), in_first(100)) + " "
                         + range_text(in_second(0), in_second(50)) + " ");
}

TEST_F(InputStoreTest, ACopyThatBeginsAnewIsToldAgain) {
  recorded(in_first(0), in_first(100));
  store.merged(copy, in_first(40));
  store.restart(copy);
  EXPECT_EQ(store.waiting_bytes(), 0u);
  EXPECT_EQ(planned(), "");
  EXPECT_TRUE(store.holds(copy, {in_first(0), in_first(40)}));
  recorded(in_first(40), in_first(100));
  EXPECT_EQ(planned(), range_text(in_first(40), in_first(100)) + " ");
}

TEST_F(InputStoreTest, DamagedBytesAreNotHandedOut) {
  const input_name name{"a.market", {{5, 6}}};
  persistence::record_builder records{name.lineage, {}};
  const std::string payload = "payload";
  records.add(persistence::record_kind::messages, payload_kind::opaque, {},
              std::as_bytes(std::span{payload}));
  records.close_record();
  const auto directory = store.directory_of(name);
  ASSERT_FALSE(disk.create_directories(directory));
  const auto path = directory + "/log.0.0";
  EXPECT_EQ(store.bytes(name, {{}, records.end()}).failure().code,
            errc::not_found);
  auto file = disk.open(path, persistence::open_mode::write);
  ASSERT_TRUE(file);
  ASSERT_FALSE((*file)->write_at(0, records.bytes()));
  EXPECT_TRUE(store.bytes(name, {{}, records.end()}));
  for (uint64_t bit = 0; bit < records.bytes().size() * 8; bit += 3) {
    disk.flip_bit(path, bit);
    EXPECT_EQ(store.bytes(name, {{}, records.end()}).failure().code,
              errc::corrupt)
      << bit;
    disk.flip_bit(path, bit);
  }
}

} // namespace
} // namespace millrace::rt
