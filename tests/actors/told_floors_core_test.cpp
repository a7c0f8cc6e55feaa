// Which of what consumers say is worth an entry of the group's log.

#include <millrace/actors/rt/archive/told_floors.hpp>

#include <gtest/gtest.h>

namespace millrace::rt {
namespace {

constexpr int64_t told_second = 1'000'000'000;
constexpr int64_t told_hour = 3600 * told_second;

struct told_step {
  const char* what;
  int64_t at_ns;
  std::optional<position> says; ///< None: nothing comes.
  bool noted;
  consumer_floor::step_type step = consumer_floor::tells;
};

position told_at(uint64_t roll, uint64_t offset) {
  return position::of(0, roll, offset);
}

/// What is noted is agreed on at once.
void play(const std::vector<told_step>& steps) {
  told_floors told;
  told_floors::agreed known{{}, 3, 7, 10 * told_hour};
  for (const auto& each : steps) {
    if (each.says)
      told.take({"c", each.step, {}, 7, 3, *each.says}, "host#1", each.at_ns);
    const auto* said
      = told.due("c", known, each.at_ns, 10 * told_hour + each.at_ns);
    EXPECT_EQ(said != nullptr, each.noted) << each.what;
    if (said != nullptr) {
      known.floor = std::max(known.floor, said->floor);
      known.heard_ns = 10 * told_hour + each.at_ns;
    }
  }
}

TEST(ToldFloorsCoreTest, AFloorIsNotedWhenItFreesAFileOrIsMuch) {
  constexpr auto mib = uint64_t{1} << 20;
  play(
    {{"it begins", 0, told_at(0, 64), false},
     {"a message later", told_second, told_at(0, 128), false},
     {"a MiB less one byte", 2 * told_second, told_at(0, mib - 1), false},
     {"a MiB", 3 * told_second, told_at(0, mib), true},
     {"another one, too soon", 3 * told_second + 1, told_at(0, 2 * mib), false},
     {"the same a second after it was noted", 4 * told_second, std::nullopt,
      true},
     {"a file", 5 * told_second, told_at(1, 0), true},
     {"nothing new", 6 * told_second, told_at(1, 0), false}});
}

TEST(ToldFloorsCoreTest, ALittleIsNotedNowAndThenAndAtTheEnd) {
  play({{"it begins", 0, told_at(0, 64), false},
        {"not yet", 9 * told_second, told_at(0, 96), false},
        {"after ten seconds", 10 * told_second, told_at(0, 128), true},
        {"nothing new", 30 * told_second, told_at(0, 128), false},
        {"a little, long after that", 30 * told_second, told_at(0, 160), true},
        {"it ends", 30 * told_second + 1, told_at(0, 192), true,
         consumer_floor::leaves},
        {"once", 30 * told_second + 2, std::nullopt, false}});
}

TEST(ToldFloorsCoreTest, ThatItIsThereIsNotedOncePerHour) {
  play({{"it begins", 0, told_at(0, 0), false},
        {"it is there", told_hour - 1, told_at(0, 0), false},
        {"for an hour", told_hour, told_at(0, 0), true},
        {"and a second", told_hour + told_second, told_at(0, 0), false},
        {"and is gone", 3 * told_hour, std::nullopt, false}});
}

/// What a subscription said whose name another one took says nothing.
TEST(ToldFloorsCoreTest, OnlyWhoHasTheNameIsHeard) {
  told_floors told;
  told.take({"c", consumer_floor::tells, {}, 7, 3, told_at(1, 0)}, "one#1", 0);
  const auto later = 20 * told_second;
  EXPECT_EQ(told.due("c", {{}, 4, 8, 0}, later, later), nullptr);
  EXPECT_EQ(told.due("c", {{}, 3, 8, 0}, later, later), nullptr);
  EXPECT_NE(told.due("c", {{}, 3, 7, 0}, later, later), nullptr);
  EXPECT_EQ(told.due("other", {{}, 3, 7, 0}, later, later), nullptr);
  // The next one begins with what it says itself.
  told.take({"c", consumer_floor::tells, {}, 8, 4, told_at(0, 64)}, "two#2",
            later);
  EXPECT_EQ(told.find("c")->floor, told_at(0, 64));
  EXPECT_EQ(told.find("c")->process, "two#2");
}

TEST(ToldFloorsCoreTest, WhoIsSilentOrLeftIsNotConnected) {
  told_floors told;
  consumer_floor what{"c", consumer_floor::tells, {}, 7, 3, {}};
  told.take(what, "one#1", 0);
  EXPECT_NE(told.connected("c", told_floors::silence_ns - 1), nullptr);
  EXPECT_EQ(told.connected("c", told_floors::silence_ns), nullptr);
  what.step = consumer_floor::leaves;
  told.take(what, "one#1", 0);
  EXPECT_EQ(told.connected("c", 0), nullptr);
  EXPECT_NE(told.find("c"), nullptr);
}

} // namespace
} // namespace millrace::rt
