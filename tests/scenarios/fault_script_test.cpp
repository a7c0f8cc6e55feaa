// Faults as text: what is read, what is refused, and what can be spared.

#include <millrace/sim/script/failed_part.hpp>
#include <millrace/sim/script/fault_mix.hpp>
#include <millrace/sim/script/fault_script.hpp>
#include <millrace/sim/script/script_shrinker.hpp>

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

fault_script read_script(const std::string& text) {
  auto got = parse_fault_script(text, "f");
  EXPECT_TRUE(got) << to_string(got.failure());
  return got ? *got : fault_script{};
}

TEST(FaultScript, SaysWhatIsDoneWhen) {
  const auto got = read_script("# first\n"
                               "at 3s: cut rt0 <-> rt1 | flip rdb1 log.0.0 412 "
                               "| kill rt2 | heal   # and last\n"
                               "\n"
                               "at 3s500ms: power rt0 restart 1s empty\n");
  const fault_script expected{
    {3s, {.kind = fault::what::cut, .node = "rt0", .other = "rt1"}},
    {3s,
     {.kind = fault::what::flip,
      .node = "rdb1",
      .name = "log.0.0",
      .number = 412}},
    {3s, {.kind = fault::what::kill, .node = "rt2"}},
    {3s, {.kind = fault::what::heal}},
    {3500ms,
     {.kind = fault::what::power,
      .node = "rt0",
      .back = {1s, comeback::disk::empty}}}};
  EXPECT_EQ(got, expected);
}

TEST(FaultScript, IsWrittenAsItIsRead) {
  for (const std::string line : {"kill a",
                                 "kill a restart 1s500ms",
                                 "power a restart 1ms older",
                                 "crash a rt.after_append 3 restart 2s",
                                 "restart a",
                                 "pause a",
                                 "resume a",
                                 "back-up a",
                                 "heal",
                                 "heal a <-> b",
                                 "cut a -> b",
                                 "cut a <-> b",
                                 "reset a <-> b",
                                 "reset a <-> b 7",
                                 "power-at a rt.after_append 3 restart 2s",
                                 "corrupt a -> b 1",
                                 "corrupt a <-> b 4",
                                 "rot a /log. 12345678",
                                 "half-open a <-> b",
                                 "slow a <-> b 1000",
                                 "delay a <-> b 20us",
                                 "flip a out/log.0.0 7",
                                 "shorten a log.0.0 100",
                                 "fail a sync-directory 2",
                                 "full a 65536",
                                 "lie a",
                                 "slow-disk a 800ms",
                                 "clock a -1s",
                                 "clock a 0",
                                 "swap a out/log.0.0 in/log.0.0",
                                 "remove a out/log.0.0",
                                 "read-only a",
                                 "freeze-clock a",
                                 "drift a 500",
                                 "drift a -999999",
                                 "drift a 0",
                                 "try kill a restart 1s",
                                 "try heal"}) {
    const auto text = "at 1s: " + line + "\n";
    EXPECT_EQ(to_text(read_script(text)), text);
  }
  EXPECT_EQ(to_text(read_script("at 0: lie a\nat 0: full b 64KiB")),
            "at 0: lie a | full b 65536\n");
  EXPECT_EQ(to_text(fault_script{}), "");
}

TEST(FaultScript, APartitionIsTheCutsBetweenItsGroups) {
  const auto got = read_script("at 1s: kill x | partition a b / c / d\n"
                               "at 2s: try partition a / b\n");
  EXPECT_EQ(to_text(got),
            "at 1s: kill x | cut a <-> c | cut b <-> c | cut a <-> d | "
            "cut b <-> d | cut c <-> d\n"
            "at 2s: try cut a <-> b\n");
  EXPECT_EQ(read_script(to_text(got)), got);
  EXPECT_EQ(got[3].place, "f:1");
}

TEST(FaultScript, EveryFaultHasItsPlace) {
  const std::pair<const char*, const char*> cases[] = {
    {"kill a", "f:1:1: 'kill' is not the beginning of 'at <time>: <fault>'"},
    {"at noon: heal", "f:1:4: 'noon' is not a time, such as 3s or 1s500ms"},
    {"at -1s: heal", "f:1:4: '-1s' is not a time, such as 3s or 1s500ms"},
    {"at 1s heal", "f:1:7: 'heal' stands where ':' should"},
    {"at 1s", "f:1:6: ':' is missing after the time"},
    {"at 1s: explode a", "f:1:8: 'explode' is not a fault"},
    {"at 1s: kill", "f:1:12: a node is missing"},
    {"at 1s: kill a restart", "f:1:22: a time is missing"},
    {"at 1s: kill a restart 1s new",
     "f:1:26: 'new' is not a disk: empty or older"},
    {"at 1s: cut a b", "f:1:14: 'b' is not -> or <->"},
    {"at 1s: cut a <-> a", "f:1:18: 'a' has no link to itself"},
    {"at 1s: reset a -> b", "f:1:16: '->' is for cut and corrupt only: <->"},
    {"at 1s: reset a <-> b 0", "f:1:22: '0' is not a count: they begin at 1"},
    {"at 1s: corrupt a b", "f:1:18: 'b' is not -> or <->"},
    {"at 1s: rot a /log. x", "f:1:20: 'x' is not a number"},
    {"at 1s: power-at a", "f:1:18: a crash point is missing"},
    {"at 1s: flip a log.0.0 x", "f:1:23: 'x' is not a number"},
    {"at 1s: fail a dance",
     "f:1:15: 'dance' is not a disk call: open, read, write, sync, truncate, "
     "rename, remove, sync-directory or list"},
    {"at 1s: fail a sync 0", "f:1:20: '0' is not a count: they begin at 1"},
    {"at 1s: full a much",
     "f:1:15: 'much' is not a size, such as 512 or 64KiB"},
    {"at 1s: slow-disk a -1s",
     "f:1:20: '-1s' is not a time, such as 3s or 1s500ms"},
    {"at 1s: swap a x", "f:1:16: another file is missing"},
    {"at 1s: swap a x x", "f:1:17: 'x' changes places with itself"},
    {"at 1s: remove a", "f:1:16: a file is missing"},
    {"at 1s: read-only a b", "f:1:20: 'b' is one word too many"},
    {"at 1s: drift a fast",
     "f:1:16: 'fast' is not a rate in ppm, from -999999 to 999999"},
    {"at 1s: drift a 1000000",
     "f:1:16: '1000000' is not a rate in ppm, from -999999 to 999999"},
    {"at 1s: partition a b", "f:1:21: / and another group is missing"},
    {"at 1s: partition a /", "f:1:21: a node is missing"},
    {"at 1s: partition / a", "f:1:18: '/' stands where a node should"},
    {"at 1s: partition a b / a", "f:1:24: 'a' is in two groups"},
    {"at 1s: pause a b", "f:1:16: 'b' is one word too many"},
    {"at 1s: heal | ", "f:1:15: a fault is missing"},
    {"at 1s: try", "f:1:11: a fault is missing"},
    {"at 1s: try try heal", "f:1:12: 'try' is not a fault"},
    {"at 1s: lie\nat 2s: lie b\nat x: lie",
     "f:1:11: a node is missing\n"
     "f:3:4: 'x' is not a time, such as 3s or 1s500ms"},
  };
  for (const auto& [text, wanted] : cases) {
    const auto got = parse_fault_script(text, "f");
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.failure().code, errc::invalid_argument);
    EXPECT_NE(to_string(got.failure()).find(wanted), std::string::npos)
      << text << "\n"
      << to_string(got.failure());
  }
}

TEST(FaultScript, ADrawnOneEndsWhatItBegins) {
  const fault_mix mix{.nodes = {"a", "b", "c"}, .disk_errors = true};
  std::set<fault::what> seen;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const auto script = draw_faults(seed, mix);
    EXPECT_EQ(script, draw_faults(seed, mix));
    EXPECT_EQ(read_script(to_text(script)), script);
    ASSERT_FALSE(script.empty());
    EXPECT_EQ(script.back().what, fault{.may_miss = true});
    std::multiset<std::string> stopped;
    for (const auto& each : script) {
      seen.insert(each.what.kind);
      if (each.what.kind == fault::what::pause)
        stopped.insert(each.what.node);
      if (each.what.kind == fault::what::kill
          || each.what.kind == fault::what::power)
        EXPECT_TRUE(each.what.back.after);
    }
  }
  EXPECT_GE(seen.size(), 12u);
}

TEST(FaultScript, ADrawnOneMeetsDisksAndLinksOfTheMix) {
  const fault_mix mix{.nodes = {"a", "b", "c"},
                      .isolations = true,
                      .outages = true,
                      .corruption = true,
                      .disks_lost = {"b"},
                      .rotting = {"c"},
                      .points = {{"a", "rt.after_sync"}}};
  bool alone = false;
  bool lost = false;
  bool rots = false;
  bool corrupts = false;
  bool together = false;
  std::set<fault::what> at_points;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const auto script = draw_faults(seed, mix);
    EXPECT_EQ(read_script(to_text(script)), script);
    for (const auto& each : script) {
      const auto cuts = std::count_if(
        script.begin(), script.end(), [&](const timed_fault& other) {
          return other.at == each.at && other.what.node == each.what.node
                 && other.what.kind == fault::what::cut;
        });
      alone |= cuts == 2;
      if (each.what.back.on == comeback::disk::empty) {
        lost = true;
        EXPECT_EQ(each.what.node, "b");
      }
      if (each.what.kind == fault::what::rot) {
        rots = true;
        EXPECT_EQ(each.what.node, "c");
      }
      if (!each.what.name.empty() && each.what.node == "a") {
        at_points.insert(each.what.kind);
        EXPECT_EQ(each.what.name, "rt.after_sync");
        EXPECT_TRUE(each.what.back.after);
      }
      corrupts |= each.what.kind == fault::what::corrupt;
      together
        |= 3
           == std::count_if(script.begin(), script.end(), [&](const auto& as) {
                return as.at == each.at && as.what.kind == fault::what::power;
              });
    }
  }
  EXPECT_TRUE(alone && lost && rots && corrupts && together);
  EXPECT_EQ(at_points, (std::set{fault::what::crash, fault::what::power_at}));
}

TEST(FaultScript, ADrawnOneHarmsClocksFilesAndDisksOfTheMix) {
  const fault_mix mix{.nodes = {"a", "b"},
                      .clocks = true,
                      .read_only = true,
                      .disks_set_back = {"a"},
                      .misplacing = {"b"},
                      .shortening = {"b"},
                      .harmed_files = {"x", "y"}};
  std::set<fault::what> seen;
  bool older = false;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const auto script = draw_faults(seed, mix);
    EXPECT_EQ(read_script(to_text(script)), script);
    std::set<std::string> kept;
    std::map<std::string, int> beyond; // Clocks that do not run as they should.
    for (const auto& each : script) {
      const auto& what = each.what;
      seen.insert(what.kind);
      if (what.kind == fault::what::back_up)
        kept.insert(what.node);
      if (what.back.on == comeback::disk::older) {
        older = true;
        EXPECT_TRUE(kept.contains(what.node)) << to_text(script);
      }
      if (what.kind == fault::what::freeze_clock || what.rate_ppm != 0)
        ++beyond[what.node];
      else if (what.kind == fault::what::drift)
        --beyond[what.node];
      if (what.kind == fault::what::swap || what.kind == fault::what::shorten)
        EXPECT_EQ(what.node, "b");
      if (what.kind == fault::what::swap)
        EXPECT_NE(what.name, what.other_name);
    }
    for (const auto& [node, left] : beyond)
      EXPECT_EQ(left, 0) << node << "\n" << to_text(script);
  }
  EXPECT_TRUE(older);
  for (const auto kind :
       {fault::what::clock, fault::what::freeze_clock, fault::what::drift,
        fault::what::read_only, fault::what::swap, fault::what::shorten})
    EXPECT_TRUE(seen.contains(kind)) << to_text(fault{.kind = kind});
}

TEST(FaultScript, WhatIsNoneSaysWhy) {
  EXPECT_EQ(flaw_of({.kind = fault::what::kill, .node = "a"}), "");
  EXPECT_EQ(flaw_of({.kind = fault::what::kill}), "a node is missing");
  EXPECT_EQ(flaw_of({.kind = fault::what::cut, .node = "a"}),
            "-> or <-> is missing");
  EXPECT_EQ(flaw_of({.kind = fault::what::fail, .node = "a", .name = "sync"}),
            "'0' is not a count: they begin at 1");
  EXPECT_EQ(flaw_of({.kind = fault::what::kill, .node = "a", .back = {-1s}}),
            "'-1s' is not a time, such as 3s or 1s500ms");
}

TEST(FailedPart, IsTheSameWithOtherNumbers) {
  const failed_part lost{"f.hpp", 7,
                         "Failed\ntable 'trade' lost rows:\n"
                         "  merged log of rt1: {\"a\":1} is there 0 times\n"
                         "  and 3 more"};
  auto other = lost;
  other.message = "Failed\ntable 'trade' lost rows:\n"
                  "  merged log of rt2: {\"b\":{}} is there 17 times\n"
                  "  a reader is late";
  EXPECT_TRUE(is_same_failure(lost, other));
  other.line = 8;
  EXPECT_FALSE(is_same_failure(lost, other));
  other = lost;
  other.message = "Failed\ntable 'trade' lost rows:\n  a reader is late";
  EXPECT_FALSE(is_same_failure(lost, other)) << "something else of the list";
  other.message = "Failed\nnode 'rt1' was never backed up";
  EXPECT_FALSE(is_same_failure(lost, other));
  other.message = "Failed\n";
  EXPECT_FALSE(is_same_failure(lost, other));
}

/// Shrinks a script of so many faults of which `needed` fail together.
size_t shrunk_in(size_t count, const std::set<std::string>& needed) {
  fault_script all;
  for (size_t i = 0; i < count; ++i)
    all.push_back({1s, {.kind = fault::what::lie, .node = std::to_string(i)}});
  script_shrinker shrinker{all};
  size_t runs = 0;
  while (const auto less = shrinker.next()) {
    ++runs;
    std::set<std::string> there;
    for (const auto& each : *less)
      there.insert(each.what.node);
    shrinker.tried(
      std::includes(there.begin(), there.end(), needed.begin(), needed.end()));
  }
  std::set<std::string> left;
  for (const auto& each : shrinker.smallest())
    left.insert(each.what.node);
  EXPECT_EQ(left, needed);
  return runs;
}

TEST(ScriptShrinker, LeavesWhatIsNeeded) {
  EXPECT_EQ(shrunk_in(8, {}), 1u);
  EXPECT_LE(shrunk_in(16, {"3"}), 16u);
  EXPECT_LE(shrunk_in(16, {"0", "15"}), 40u);
  for (size_t count = 1; count <= 9; ++count)
    for (size_t one = 0; one < count; ++one)
      for (size_t other = one; other < count; ++other)
        (void)shrunk_in(count, {std::to_string(one), std::to_string(other)});
}

} // namespace
} // namespace millrace::sim
