#include <millrace/actors/rt/sequence/loss_ledger.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace millrace::rt {
namespace {

constexpr const char* ledger_path = "/s/losses.jsonl";

class LossLedgerTest : public ::testing::Test {
protected:
  std::unique_ptr<loss_ledger> open() {
    auto opened = loss_ledger::open(disk, ledger_path);
    EXPECT_TRUE(opened) << to_string(opened.failure());
    return *std::move(opened);
  }

  static loss gap(uint64_t from, uint64_t to) {
    loss out;
    out.kind = "gap";
    out.life = {{7, 8}};
    out.from = position{from};
    out.to = position{to};
    out.origin = "feed";
    out.first_id = 3;
    out.last_id = -5;
    out.cause = "\"lines\"\nof a cause";
    return out;
  }

  static size_t told(const loss_ledger& ledger, uint64_t after = 0) {
    return ledger.after(after).at("losses").elements().size();
  }

  sim::memory_file_system disk{1};
};

TEST_F(LossLedgerTest, KeepsAllThatIsKnownOfALoss) {
  {
    auto ledger = open();
    ASSERT_FALSE(ledger->add(gap(100, 200)));
  }
  const auto all = open()->after(0);
  EXPECT_EQ(all.at("count").natural(), 1u);
  EXPECT_EQ(all.at("first").natural(), 1u);
  const auto& one = all.at("losses").elements().at(0);
  EXPECT_EQ(one.at("number").natural(), 1u);
  EXPECT_EQ(*one.at("kind").text(), "gap");
  EXPECT_EQ(one.at("from").natural(), 100u);
  EXPECT_EQ(one.at("to").natural(), 200u);
  EXPECT_EQ(*one.at("origin").text(), "feed");
  EXPECT_EQ(one.at("first_id").integer(), 3);
  EXPECT_EQ(one.at("last_id").integer(), -5);
  EXPECT_EQ(*one.at("cause").text(), "\"lines\"\nof a cause");
}

/// Entries are applied again after a crash.
TEST_F(LossLedgerTest, KnowsWhatItHas) {
  auto ledger = open();
  for (int life = 0; life < 2; ++life) {
    ASSERT_FALSE(ledger->add(gap(100, 200)));
    ASSERT_FALSE(ledger->add(gap(300, 400)));
    ledger = open();
  }
  EXPECT_EQ(ledger->count(), 2u);
  // Another loss at the same place: a group that forgot what it had agreed on.
  auto other = gap(150, 200);
  ASSERT_FALSE(ledger->add(other));
  EXPECT_EQ(ledger->count(), 3u);
  // Of another life of the stream, and cuts, which have places of their own.
  other.life = {{9, 9}};
  ASSERT_FALSE(ledger->add(other));
  other.kind = "pruned";
  ASSERT_FALSE(ledger->add(other));
  EXPECT_EQ(ledger->count(), 5u);
}

/// What a node alone decided may well be the same twice.
TEST_F(LossLedgerTest, WritesDownEachRefusal) {
  auto ledger = open();
  auto refused = gap(1, 2);
  refused.kind = "refused";
  refused.input = "host.market/00";
  ASSERT_FALSE(ledger->add(refused));
  ASSERT_FALSE(ledger->add(refused));
  EXPECT_EQ(ledger->count(), 2u);
}

TEST_F(LossLedgerTest, PassesOverATornAndADamagedLine) {
  {
    auto ledger = open();
    for (uint64_t i = 1; i <= 3; ++i)
      ASSERT_FALSE(ledger->add(gap(i * 100, i * 100 + 50)));
  }
  const auto size = disk.content(ledger_path).size();
  disk.cut(ledger_path, size - 3);
  disk.flip_bit(ledger_path, 3);
  auto ledger = open();
  EXPECT_EQ(told(*ledger), 1u);
  ASSERT_FALSE(ledger->add(gap(300, 350)));
  EXPECT_EQ(told(*open()), 2u);
}

TEST_F(LossLedgerTest, KeepsTheNewestOfMany) {
  constexpr uint64_t many = 2 * loss_ledger::kept_max + 10;
  {
    auto ledger = open();
    for (uint64_t i = 1; i <= many; ++i)
      ASSERT_FALSE(ledger->add(gap(i * 100, i * 100 + 50)));
  }
  auto ledger = open();
  EXPECT_EQ(ledger->count(), many);
  const auto first = *ledger->after(0).at("first").natural();
  EXPECT_EQ(first, many - loss_ledger::kept_max + 1);
  EXPECT_EQ(told(*ledger), loss_ledger::part_max);
  EXPECT_EQ(told(*ledger, many - 2), 2u);
  EXPECT_EQ(told(*ledger, many), 0u);
}

TEST_F(LossLedgerTest, AFullDiskChangesNothing) {
  auto ledger = open();
  ASSERT_FALSE(ledger->add(gap(100, 200)));
  disk.set_quota(disk.content(ledger_path).size() + 5);
  EXPECT_EQ(ledger->add(gap(300, 400)).code, errc::no_space);
  disk.set_quota({});
  ASSERT_FALSE(ledger->add(gap(300, 400)));
  EXPECT_EQ(told(*open()), 2u);
}

TEST_F(LossLedgerTest, ASyncSurvivesAPowerCut) {
  {
    auto ledger = open();
    ASSERT_FALSE(ledger->add(gap(100, 200)));
    ASSERT_FALSE(ledger->sync_job()());
    disk.cut_power(sim::survival::nothing);
  }
  EXPECT_EQ(open()->count(), 1u);
}

} // namespace
} // namespace millrace::rt
