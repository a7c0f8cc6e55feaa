// Faults of disks and clocks: what each does, when it cannot, and that a
// cluster lives through it.

#include <millrace/sim/world/failure_test.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "effects.hpp"
#include "own_cluster.hpp"
#include "small_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

class InjectorSim : public OwnCluster {
protected:
  static std::vector<table_row> rows(int count) {
    std::vector<table_row> out;
    for (int i = 0; i < count; ++i)
      out.push_back({{"sym", std::string(1, static_cast<char>('A' + i % 4))},
                     {"size", i},
                     {"note", std::string(12'000, 'x')}});
    return out;
  }
};

fault_script fault_lines(const std::string& text) {
  auto out = parse_fault_script(text, "script");
  EXPECT_TRUE(out) << to_string(out.failure());
  return out ? *out : fault_script{};
}

/// A machine with two files, and nobody who looks at them.
class IdleMachine : public InjectorSim {
protected:
  IdleMachine() {
    auto& a = w.add_node("a", [](node&) -> error { return {}; });
    for (const std::string name : {"one", "two", "like-two"}) {
      EXPECT_FALSE(a.fs().create_directories("/d"));
      auto file = a.fs().open("/d/" + name, persistence::open_mode::write);
      EXPECT_TRUE(file);
      const auto text = name.substr(name.size() - 3);
      EXPECT_FALSE((*file)->write_at(0, std::as_bytes(std::span{text})));
    }
  }

  std::string content(const std::string& path) {
    const auto bytes = w.at("a").disk().content(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  /// The wall clock of the machine, and that of the world.
  int64_t ahead() {
    const auto shows = w.at("a").env().clock->now_ns();
    return shows - world_options{}.epoch_ns - w.now().count();
  }

  world w{1};
};

TEST_F(IdleMachine, FilesChangePlacesOrGo) {
  w.play(fault_lines("at 1s: swap a one two\nat 2s: remove a d/two\n"));
  w.run_for(1500ms);
  EXPECT_EQ(content("/d/one"), "two");
  EXPECT_EQ(content("/d/two"), "one");
  w.run_for(1s);
  EXPECT_FALSE(w.at("a").disk().exists("/d/two"));
  EXPECT_EQ(w.faults_fired(),
            (std::map<std::string, uint64_t>{{"swap", 1}, {"remove", 1}}));
}

TEST_F(IdleMachine, WhatCannotBeHarmedIsTold) {
  expect_failures();
  w.swap_files("a", "two", "like-two");
  w.swap_files("a", "one", "three");
  w.swap_files("a", "one", "/d/one");
  w.inject({.kind = fault::what::remove, .node = "a", .name = "/d"});
  w.freeze_clock("a");
  w.freeze_clock("a");
  w.drift_clock("a", 0);
  w.drift_clock("a", 0);
  w.drift_clock("a", drift_ppm_max + 1);
  w.make_read_only("a");
  w.make_read_only("a");
  w.make_read_only("b");
  w.heal();
  const std::vector<std::string> wanted{
    "swap a two like-two: /d/two and /d/like-two of a are alike",
    "swap a one three: a has no file 'three'",
    "swap a one /d/one: both are /d/one of a",
    "remove a /d: a has no file '/d'",
    "freeze-clock a: the clock of a stands",
    "drift a 0: the clock of a runs so",
    "drift a 1000000: '1000000' is not a rate in ppm, from -999999 to 999999",
    "read-only a: the disk of a is read-only already",
    "read-only b: there is no node 'b'",
    "read-only a: nothing was to be changed there"};
  EXPECT_EQ(caught, wanted);
}

TEST_F(IdleMachine, ClocksStandAndDriftUntilTheyAreHealed) {
  EXPECT_EQ(ahead(), 0);
  w.freeze_clock("a");
  w.run_for(10s);
  EXPECT_EQ(ahead(), -10'000'000'000);
  w.jump_clock("a", 1h);
  w.run_for(1s);
  EXPECT_EQ(ahead(), 3'589'000'000'000);
  w.heal();
  w.run_for(10s);
  EXPECT_EQ(ahead(), 3'589'000'000'000) << "it shows what it showed, and runs";
  w.jump_clock("a", -3'589s);
  w.drift_clock("a", 500);
  w.run_for(10h);
  EXPECT_EQ(ahead(), 18'000'000'000);
  w.drift_clock("a", -100'000);
  w.run_for(100s);
  EXPECT_EQ(ahead(), 8'000'000'000);
  w.drift_clock("a", 0);
  w.run_for(100s);
  EXPECT_EQ(ahead(), 8'000'000'000);
  const std::map<std::string, uint64_t> fired{
    {"clock", 2}, {"drift", 3}, {"freeze-clock", 1}};
  EXPECT_EQ(w.faults_fired(), fired);
}

TEST_F(IdleMachine, ADiskThatMayOnlyBeReadIsHealed) {
  w.make_read_only("a");
  EXPECT_EQ(w.faults_fired().count("read-only"), 0u) << "it has met nothing";
  EXPECT_EQ(w.at("a").fs().create_directories("/e").code, errc::permission);
  EXPECT_EQ(w.at("a").fs().create_directories("/f").code, errc::permission);
  EXPECT_EQ(w.faults_fired().at("read-only"), 1u);
  EXPECT_EQ(w.faults_fired().at("refused disk calls"), 2u);
  w.heal();
  EXPECT_FALSE(w.at("a").fs().create_directories("/e"));
}

// -- a cluster lives through it -----------------------------------------------

/// Two of a node's files that hold something, and not the same, change places.
/// @param below in whose paths this is
/// @returns false: they are alike
bool swap_any_files(world& w, const std::string& name,
                    const std::string& below) {
  auto& disk = w.at(name).disk();
  auto paths = disk.paths();
  std::erase_if(paths, [&](const auto& path) {
    return path.find(below) == std::string::npos || disk.content(path).empty();
  });
  const auto one = w.draw(paths.size());
  const auto other = (one + 1 + w.draw(paths.size() - 1)) % paths.size();
  if (disk.content(paths[one]) == disk.content(paths[other]))
    return false;
  w.swap_files(name, paths[one], paths[other]);
  return true;
}

/// Whether a node has said that a directory is of another log.
bool names_a_foreign_log(world& w, const std::string& name) {
  const auto& said = w.at(name).notices();
  return std::any_of(said.begin(), said.end(), [](const auto& each) {
    return each.level != nodes::notice::severity::info
           && each.text.find("holds lineage") != std::string::npos;
  });
}

// Whichever they are, while the node runs or while it is down: what they held
// is made again from the others; where a directory says that it is of another
// log, that is told, and nothing is taken from it (S15).
TEST_F(InjectorSim, FilesOfOneOfThreeRtNodesChangePlaces) {
  int mended = 0;
  int named = 0;
  for_each_seed(30, [&](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(small_cluster(3));
    auto& feed = w.add_publisher("feed", "trade");
    for (int i = 0; i < 3; ++i)
      feed.publish_all(rows(8), rt::ack_level::committed);
    const bool runs = seed % 2 == 0;
    if (!runs)
      w.kill("rt1", restart_after(1s));
    if (!swap_any_files(w, "rt1", "/rt1/"))
      return;
    feed.publish_all(rows(8));
    if (runs)
      w.power_cut("rt1", restart_after(1s));
    feed.publish_all(rows(8));
    w.run_for(30s);
    if (names_a_foreign_log(w, "rt1")) {
      ++named;
      w.kill("rt1");
    } else {
      ++mended;
      EXPECT_TRUE(w.at("rt1").alive());
    }
    w.expect_no_loss("trade");
  });
  if (!has_few_seeds()) {
    EXPECT_GE(mended, 20);
    EXPECT_LE(named, 10);
  }
}

// What a publisher has, and nobody else, may be lost with its files, and is
// told then; what was committed stays, and nobody is given what was not
// published.
TEST_F(InjectorSim, FilesOfAPublisherChangePlaces) {
  for_each_seed(40, [&](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(small_cluster(1));
    auto& feed = w.add_publisher("feed", "trade");
    feed.publish_all(rows(8), rt::ack_level::committed);
    w.cut("feed", "rt0");
    for (int i = 0; i < 3; ++i)
      feed.publish_all(rows(8));
    const bool runs = seed % 2 == 0;
    if (!runs)
      w.kill("feed", restart_after(1s));
    if (!swap_any_files(w, "feed", "/log."))
      return;
    w.run_for(100ms);
    if (runs)
      w.power_cut("feed", restart_after(1s));
    w.run_for(2s);
    w.heal("feed", "rt0");
    w.run_for(30s);
    w.expect_no_loss("trade");
  });
}

// Never wrong rows: an answer is whole, or it is refused.
TEST_F(InjectorSim, FilesOfAnHdbChangePlaces) {
  int refused = 0;
  for_each_seed(50, [&](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(small_cluster(1));
    auto& feed = w.add_publisher("feed", "trade");
    for (int64_t period = 9000; period < 9002; ++period) {
      feed.publish_all(rows(8), rt::ack_level::committed);
      w.end_period("market", period);
      w.run_for(1s);
    }
    w.run_for(20s);
    EXPECT_TRUE(w.expect_true_answer("trade"));
    if (!swap_any_files(w, "hdb", "/hdb/2"))
      return;
    if (w.draw(2) == 0)
      w.kill("hdb", restart_after(1s));
    w.run_for(5s);
    refused += w.expect_true_answer("trade") ? 0 : 1;
  });
  if (!has_few_seeds())
    EXPECT_GE(refused, 10);
}

/// Disks of these may only be read from a moment on, for a while; rows come,
/// and a period ends meanwhile, where RT can take them.
void read_only_for_a_while(const std::string& victim, int members) {
  uint64_t met = 0;
  for_each_seed(6, [&](uint64_t seed) {
    world w{seed, {.faults_may_miss = true}};
    w.add_cluster_text(small_cluster(members));
    auto& feed = w.add_publisher("feed", "trade");
    std::vector<table_row> some;
    for (int i = 0; i < 6; ++i)
      some.push_back({{"sym", "A"}, {"size", i}});
    feed.publish_all(some, rt::ack_level::committed);
    w.make_read_only(victim);
    if (victim != "feed")
      feed.publish_all(some);
    if (victim != "feed" && (victim != "rt0" || members > 1))
      w.end_period("market", 9000);
    w.run_for(1s * static_cast<int64_t>(1 + w.draw(15)));
    met += w.faults_fired()["read-only"];
    w.heal();
    feed.publish_all(some, rt::ack_level::committed);
    w.run_for(20s);
    w.expect_no_loss("trade");
    EXPECT_TRUE(w.at(victim).alive());
  });
  if (!has_few_seeds())
    EXPECT_GE(met, 1u) << victim;
}

TEST_F(InjectorSim, ThePublishersDiskMayOnlyBeRead) {
  // It meets that with the first row that comes then.
  for_each_seed(6, [&](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(small_cluster(seed % 2 == 0 ? 3 : 1));
    auto& feed = w.add_publisher("feed", "trade");
    feed.publish({{"sym", "A"}, {"size", 1}}, rt::ack_level::committed);
    w.make_read_only("feed");
    w.after(3s, [&w] { w.heal(); });
    feed.publish({{"sym", "A"}, {"size", 2}});
    feed.publish({{"sym", "A"}, {"size", 3}}, rt::ack_level::committed);
    EXPECT_GE(w.at("feed").lives(), 2u) << "it ends, as after a failed sync";
    EXPECT_EQ(w.faults_fired().at("read-only"), 1u);
    w.run_for(5s);
    w.expect_no_loss("trade");
  });
}

TEST_F(InjectorSim, TheDiskOfOneOfThreeRtNodesMayOnlyBeRead) {
  read_only_for_a_while("rt0", 3);
  read_only_for_a_while("rt1", 3);
}

TEST_F(InjectorSim, TheDiskOfTheOnlyRtNodeMayOnlyBeRead) {
  read_only_for_a_while("rt0", 1);
}

/// The rdb writes down what the hdb, on the same disk, is to serve.
TEST_F(InjectorSim, TheDiskOfRdbAndHdbMayOnlyBeRead) {
  read_only_for_a_while("rdb", 1);
  read_only_for_a_while("hdb", 3);
}

} // namespace
} // namespace millrace::sim
