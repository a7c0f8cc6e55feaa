// Invariants that no answer shows: what goes too early (I11), what is held
// (I15), who is told to be there (I17), and how often a fault is counted (I19).
// Each check is shown what breaks it, too.

#include <millrace/messages/text/json_text.hpp>
#include <millrace/sim/world/failure_test.hpp>
#include <millrace/sim/world/rt_nodes.hpp>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "invariant_audits.hpp"
#include "own_cluster.hpp"
#include "rt_scenario.hpp"
#include "small_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

class InvariantsSim : public OwnCluster {};

/// A number of what an actor answers to `status`.
uint64_t counted_by(world& w, const std::string& node, const std::string& actor,
                    const std::vector<std::string>& keys) {
  const auto said = text::parse_json(w.status(node, actor));
  EXPECT_TRUE(said) << node << ": " << w.status(node, actor);
  auto at = said ? *said : text::json_value{};
  for (const auto& key : keys)
    at = text::json_value{at.at(key)};
  EXPECT_TRUE(at.natural().has_value()) << node << " does not tell";
  return at.natural().value_or(~uint64_t{0});
}

uint64_t notices_of(world& w, const std::string& node, const std::string& id) {
  const auto& all = w.at(node).notices();
  return static_cast<uint64_t>(std::count_if(
    all.begin(), all.end(), [&](const auto& each) { return each.id == id; }));
}

// -- I19: each fault is counted once, where it was ----------------------------

/// Files of the merged log of rt1 are harmed, each once.
/// @param faults with the number of the file in the log for its name
void expect_counted(uint64_t seed, const std::vector<fault>& faults) {
  world w{seed};
  w.add_cluster_text(small_cluster(3));
  auto& feed = w.add_publisher("feed", "trade");
  const std::string note(12'000, 'x');
  for (int i = 0; i < 30; ++i)
    feed.publish({{"sym", "A"}, {"size", i}, {"note", note}},
                 rt::ack_level::committed);
  w.run_for(3s);
  const auto paths = w.at("rt1").disk().paths();
  const auto any
    = std::find_if(paths.begin(), paths.end(), [](const auto& path) {
        return path.find("/out/log.") != path.npos;
      });
  ASSERT_NE(any, paths.end());
  const auto files = persistence::list_log_files(
    w.at("rt1").disk(), any->substr(0, any->rfind('/')));
  for (auto each : faults) {
    const auto& file = files->at(std::stoul(each.name));
    each.name = "out/" + persistence::log_file_name(file.session, file.roll);
    w.inject(each);
  }
  w.run_for(150s);
  feed.publish({{"sym", "B"}}, rt::ack_level::committed);
  for (const auto* node : {"rt0", "rt1", "rt2"}) {
    const auto wanted = node == std::string{"rt1"} ? faults.size() : 0;
    const auto expect = [&](const char* what, uint64_t told, uint64_t right) {
      EXPECT_EQ(told, right) << "I19: " << what << " at " << node << " after "
                             << faults.size() << " faults";
    };
    const auto ask = [&](const std::vector<std::string>& keys) {
      return counted_by(w, node, "rt/market", keys);
    };
    expect("mended", ask({"repair", "out_mended"}), wanted);
    expect("told as damaged", notices_of(w, node, "out_damaged"), wanted);
    expect("told as mended", notices_of(w, node, "out_mended"), wanted);
    expect("given up", ask({"repair", "out_given_up"}), 0);
    expect("lost", ask({"losses"}), 0);
  }
  w.expect_no_loss("trade");
}

TEST_F(InvariantsSim, WhatIsHarmedAtRtIsCountedOnce) {
  const auto harm = [](fault::what kind, int file, uint64_t number) {
    return fault{.kind = kind,
                 .node = "rt1",
                 .name = std::to_string(file),
                 .number = number};
  };
  uint64_t seed = 0;
  for (const auto& one :
       {harm(fault::what::flip, 0, 40'000), harm(fault::what::flip, 1, 7),
        harm(fault::what::shorten, 0, 5'000), harm(fault::what::shorten, 1, 0),
        harm(fault::what::remove, 0, 0)}) {
    SCOPED_TRACE(to_text(one));
    expect_counted(++seed, {one});
  }
  SCOPED_TRACE("several");
  expect_counted(++seed, {harm(fault::what::flip, 0, 40'000),
                          harm(fault::what::shorten, 1, 30'000)});
}

TEST_F(InvariantsSim, ADeletedPublisherLogIsOneLossEverywhere) {
  for_each_seed(4, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(small_cluster(3));
    auto& feed = w.add_publisher("feed", "trade");
    for (uint64_t times = 1; times <= 2; ++times) {
      feed.publish({{"sym", "A"}, {"size", 1}}, rt::ack_level::committed);
      w.kill("feed", restart_empty_after(1s));
      w.run_for(5s);
      feed.publish({{"sym", "A"}, {"size", 2}}, rt::ack_level::committed);
      w.run_for(5s);
      for (const auto* node : {"rt0", "rt1", "rt2"})
        EXPECT_EQ(counted_by(w, node, "rt/market", {"losses"}), times)
          << "I19: losses at " << node;
    }
    w.expect_no_loss("trade");
  });
}

// -- I15: what is held is bounded ---------------------------------------------

// A subscriber that takes nothing for a while: it holds no more than a window,
// and a part of it, and misses nothing afterwards.
TEST_F(InvariantsSim, WhatASlowSubscriberHoldsIsBounded) {
  constexpr uint64_t window = 4 << 20;
  constexpr uint64_t part = 256 << 10;
  for_each_seed(2, [](uint64_t seed) {
    world w{seed};
    auto book = std::make_shared<ledger>();
    auto read = std::make_shared<reading>();
    cluster_plan plan;
    add_rt_node(plan, "rt0");
    add_publisher(plan, "feed", {.messages = 5000, .payload_bytes_max = 3000},
                  book);
    add_subscriber(plan, "reader", {}, read);
    w.add_cluster(plan.config, plan.options);
    w.run_for(500ms);
    const auto pause = [&](bool on) {
      caf::anon_send(
        caf::actor_cast<subscriber_actor>(w.find("reader", "subscriber")),
        pause_atom_v, on);
    };
    pause(true);
    uint64_t most = 0;
    for (int i = 0; i < 400 && !book->settled; ++i) {
      w.run_for(100ms);
      most
        = std::max(most, counted_by(w, "reader", "subscriber", {"held_bytes"}));
      EXPECT_LE(most, window + part) << "I15: held by a slow subscriber";
    }
    EXPECT_TRUE(book->settled) << "it holds up nobody else";
    EXPECT_GE(most, window / 2) << "it was not slow";
    pause(false);
    EXPECT_TRUE(w.run_until(
      [&] { return read->lives[0].items.size() == book->accepted; }, 60s));
    EXPECT_EQ(counted_by(w, "reader", "subscriber", {"held_bytes"}), 0u);
  });
}

// -- I17: who is down is told of no more --------------------------------------

TEST_F(InvariantsSim, DiscoveryTellsOfNobodyWhoIsDown) {
  for_each_seed(5, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(small_cluster(1));
    const discovery_audit audit{w, {"disc"}};
    w.run_for(2s);
    w.kill("rdb");
    w.power_cut("gw");
    w.run_for(5s);
    EXPECT_GT(audit.dead_rows(), 0u) << "nothing was looked at";
    w.restart("rdb");
    w.run_for(5s);
  });
}

/// A discovery that has heard of "db", and never of its end.
TEST_F(InvariantsSim, ADiscoveryThatForgetsNobodyIsFound) {
  for (const bool prompt : {true, false}) {
    SCOPED_TRACE(prompt);
    caught.clear();
    world w{1};
    w.add_node("db", [](node&) -> error { return {}; });
    w.add_node("disc", [](node& me) -> error {
      me.put("disc", me.spawn([](caf::event_based_actor*) -> caf::behavior {
        return {[](lookup_atom, const std::string&) {
          process_row row;
          row.name = row.node = "db";
          row.available = true;
          return std::vector{row};
        }};
      }));
      return {};
    });
    expect_failures();
    const discovery_audit audit{w, {"disc"}, prompt};
    w.run_for(2s);
    w.kill("db");
    w.run_for(2s);
    EXPECT_TRUE(caught.empty());
    w.run_for(5s);
    EXPECT_EQ(caught,
              std::vector<std::string>{
                "I17: discovery tells of 'db' as available, and its node "
                "'db' has been down for three seconds"});
  }
}

/// What it answers when it goes on is asked of it before its clock tells.
TEST_F(InvariantsSim, ADiscoveryThatStoodStillTellsOfNobodyWhoIsDown) {
  for_each_seed(5, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(small_cluster(1));
    w.run_for(2s);
    std::vector<process_row> told;
    w.pause("disc");
    w.request<std::vector<process_row>>(
      caf::actor_cast<discovery_actor>(w.find("disc", "disc")), 30s,
      [&told](const auto& got) {
        if (got)
          told = std::get<0>(*got);
      },
      lookup_atom_v, std::string{});
    w.kill("rdb");
    w.run_for(5s);
    EXPECT_TRUE(told.empty());
    w.resume("disc");
    EXPECT_TRUE(w.run_until([&] { return !told.empty(); }, 5s));
    for (const auto& row : told)
      EXPECT_FALSE(row.node == "rdb" && row.available) << seed;
  });
}

// -- I11: nothing goes that somebody needs ------------------------------------

/// All files of a publisher's log but the newest go, by somebody's hand.
void remove_older_logs(world& w, const std::string& name,
                       const std::string& directory) {
  const auto& disk = w.at(name).disk();
  std::string newest;
  for (int roll = 0; roll < 1000; ++roll) {
    const auto path = directory + "/log.0." + std::to_string(roll);
    const auto all = disk.paths();
    if (std::find(all.begin(), all.end(), path) == all.end()
        || disk.content(path).empty())
      continue;
    if (!newest.empty())
      w.inject({.kind = fault::what::remove, .node = name, .name = newest});
    newest = path;
  }
}

// The swarm looks at what went; here it goes by hand, before RT has it, as it
// does in about half of the runs.
TEST_F(InvariantsSim, AFileThatGoesTooEarlyIsFound) {
  int found = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    rt_scenario run{
      seed, false, 3, rt_scenario::files::small, {.sync_share = 1}};
    const auto audit = audit_of(run);
    run.w.run_for(800ms);
    EXPECT_TRUE(audit->look().empty());
    for (const auto& rt : run.rt_names)
      run.w.cut("pub0", rt);
    run.w.run_for(3s);
    EXPECT_TRUE(audit->look().empty()) << "it keeps what nobody has";
    remove_older_logs(run.w, "pub0", "/pub/pub0.market");
    const auto broken = audit->look();
    found += !broken.empty() && broken[0].starts_with("I11: pub0.market let go")
               ? 1
               : 0;
  }
  EXPECT_GE(found, 5);
}

} // namespace
} // namespace millrace::sim
