#include <millrace/actors/rt/sequence/loss_ledger.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::rt {
namespace {

constexpr const char* ledger_path = "/s/losses.jsonl";
constexpr const char* count_path = "/s/losses.jsonl.count";

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

  /// Synced, so that it is noted how many there are.
  void add_three() {
    auto ledger = open();
    for (uint64_t i = 1; i <= 3; ++i)
      ASSERT_FALSE(ledger->add(gap(i * 100, i * 100 + 50)));
    ASSERT_FALSE(ledger->sync_job()());
    count_of_three = disk.content(count_path);
  }

  /// The file as it was, or a part of it, after `add_three`.
  void put(const std::vector<std::byte>& bytes) {
    ASSERT_FALSE(persistence::replace_file(disk, ledger_path, bytes));
    ASSERT_FALSE(persistence::replace_file(disk, count_path, count_of_three));
  }

  static void expect_damage(const loss_ledger& ledger, uint64_t missing) {
    EXPECT_NE(ledger.damage().find(": " + std::to_string(missing) + " of the"),
              std::string::npos)
      << ledger.damage();
    const auto newest = ledger.after(ledger.count() - 1);
    const auto& last = newest.at("losses").elements().back();
    EXPECT_EQ(last.at("kind").text_or_empty(), "ledger_damaged");
    EXPECT_EQ(last.at("missing").natural(), missing);
  }

  static size_t told(const loss_ledger& ledger, uint64_t after = 0) {
    return ledger.after(after).at("losses").elements().size();
  }

  sim::memory_file_system disk{1};
  std::vector<std::byte> count_of_three;
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
TEST_F(LossLedgerTest, WhatWasLetGoIsNoLossAndOneLinePerDay) {
  constexpr int64_t day_ns = 86'400'000'000'000;
  const auto cut = [](uint64_t from, uint64_t to, int64_t time_ns) {
    auto out = gap(from, to);
    out.kind = "pruned";
    out.origin.clear();
    out.cause = "the files before it were let go";
    out.time_ns = time_ns;
    return out;
  };
  {
    auto ledger = open();
    ASSERT_FALSE(ledger->add(gap(10, 20)));
    for (uint64_t i = 0; i < 1000; ++i)
      ASSERT_FALSE(ledger->add(cut(i * 100, i * 100 + 100, 5)));
    EXPECT_EQ(ledger->count(), 2u);
    EXPECT_EQ(ledger->lost(), 1u);
    // Applied again.
    ASSERT_FALSE(ledger->add(cut(500, 600, 7)));
    ASSERT_FALSE(ledger->add(gap(200'000, 200'100)));
    ASSERT_FALSE(ledger->add(cut(100'000, 100'100, 6)));
    ASSERT_FALSE(ledger->add(cut(100'100, 100'200, day_ns)));
    ASSERT_FALSE(ledger->sync_job()());
  }
  auto ledger = open();
  EXPECT_EQ(ledger->damage(), "");
  EXPECT_EQ(ledger->count(), 5u);
  EXPECT_EQ(ledger->lost(), 2u);
  const auto all = ledger->after(0);
  const auto& lines = all.at("losses").elements();
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[1].at("from").natural(), 0u);
  EXPECT_EQ(lines[1].at("to").natural(), 100'000u);
  // And goes on after a start.
  ASSERT_FALSE(ledger->add(cut(100'200, 100'300, day_ns + 1)));
  EXPECT_EQ(ledger->count(), 5u);
}

TEST_F(LossLedgerTest, WritesDownEachRefusal) {
  auto ledger = open();
  auto refused = gap(1, 2);
  refused.kind = "refused";
  refused.input = "host.market/00";
  ASSERT_FALSE(ledger->add(refused));
  ASSERT_FALSE(ledger->add(refused));
  EXPECT_EQ(ledger->count(), 2u);
}

TEST_F(LossLedgerTest, ATornLineIsWrittenAgain) {
  {
    auto ledger = open();
    for (uint64_t i = 1; i <= 3; ++i)
      ASSERT_FALSE(ledger->add(gap(i * 100, i * 100 + 50)));
  }
  disk.cut(ledger_path, disk.content(ledger_path).size() - 3);
  auto ledger = open();
  EXPECT_EQ(ledger->damage(), "");
  EXPECT_EQ(told(*ledger), 2u);
  ASSERT_FALSE(ledger->add(gap(300, 350)));
  EXPECT_EQ(told(*open()), 3u);
}

// Any byte: a digit that is another one is as wrong as a line that is none.
TEST_F(LossLedgerTest, ALineThatIsNotAsItWasWrittenIsToldOnce) {
  add_three();
  const auto good = disk.content(ledger_path);
  for (uint64_t byte = 0; byte + 1 < good.size(); byte += 7) {
    SCOPED_TRACE(byte);
    if (good[byte] == std::byte{'\n'})
      continue; // It takes the next one along.
    put(good);
    disk.flip_bit(ledger_path, byte * 8);
    const auto ledger = open();
    expect_damage(*ledger, 1);
    EXPECT_EQ(ledger->count(), 4u);
    EXPECT_EQ(told(*ledger), 3u);
    const auto paths = disk.paths();
    EXPECT_TRUE(std::any_of(paths.begin(), paths.end(), [](const auto& path) {
      return path.find(".aside.") != path.npos;
    }));
    // It is one of them now.
    EXPECT_EQ(open()->damage(), "");
    EXPECT_EQ(told(*open()), 3u);
  }
}

TEST_F(LossLedgerTest, WhatIsGoneIsMissed) {
  add_three();
  const auto good = disk.content(ledger_path);
  const auto first = std::find(good.begin(), good.end(), std::byte{'\n'});
  const auto line = static_cast<uint64_t>(first - good.begin()) + 1;
  for (const uint64_t size : {line, uint64_t{0}}) {
    SCOPED_TRACE(size);
    put({good.begin(), good.begin() + static_cast<int64_t>(size)});
    expect_damage(*open(), size == 0 ? 3 : 2);
    EXPECT_EQ(open()->damage(), "");
  }
  ASSERT_FALSE(disk.remove(ledger_path));
  auto ledger = open();
  EXPECT_NE(ledger->damage(), "");
  ASSERT_FALSE(ledger->add(gap(900, 950)));
  EXPECT_EQ(open()->count(), ledger->count());
}

TEST_F(LossLedgerTest, OneOfAnEarlierReleaseIsReadAndGoneOnWith) {
  {
    auto ledger = open();
    ASSERT_FALSE(ledger->add(gap(100, 150)));
  }
  std::string text;
  for (const auto byte : disk.content(ledger_path))
    text += static_cast<char>(byte);
  text.erase(text.find(",\"missing\""),
             text.rfind('}') - text.find(",\"missing\""));
  ASSERT_FALSE(disk.remove(ledger_path));
  ASSERT_FALSE(persistence::replace_file(
    disk, ledger_path, std::as_bytes(std::span<const char>{text})));
  auto ledger = open();
  EXPECT_EQ(ledger->damage(), "");
  EXPECT_EQ(told(*ledger), 1u);
  ASSERT_FALSE(ledger->add(gap(300, 350)));
  EXPECT_EQ(open()->damage(), "");
  EXPECT_EQ(told(*open()), 2u);
}

// Also of a ledger that was shortened: which is the oldest is not guessed.
TEST_F(LossLedgerTest, ASecondStartAfterDamageSaysNothingMore) {
  {
    auto ledger = open();
    for (uint64_t i = 1; i <= 2 * loss_ledger::kept_max + 1; ++i)
      ASSERT_FALSE(ledger->add(gap(i * 100, i * 100 + 50)));
    ASSERT_FALSE(ledger->sync_job()());
  }
  for (const uint64_t byte : {uint64_t{20}, uint64_t{100'000}})
    disk.flip_bit(ledger_path, byte * 8);
  expect_damage(*open(), 2);
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(open()->damage(), "");
}

// As an earlier release writes, that was put back for a while.
TEST_F(LossLedgerTest, ALineWithoutASumBehindOthersIsTold) {
  add_three();
  auto bytes = disk.content(ledger_path);
  const std::string_view more{R"({"number":4,"kind":"gap"})"
                              "\n"};
  for (const char each : more)
    bytes.push_back(static_cast<std::byte>(each));
  disk.overwrite(ledger_path, 0, bytes);
  expect_damage(*open(), 1);
  EXPECT_EQ(open()->count(), 5u);
  EXPECT_EQ(open()->damage(), "");
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
