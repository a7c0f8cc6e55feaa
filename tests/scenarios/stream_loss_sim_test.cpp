// A stream whose RT node goes and comes back: what questions see of it, and
// what the logs of the others tell.
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/persistence/disk/file_system.hpp>
#include <millrace/sim/world/world.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "traded_cluster.hpp"

namespace millrace::sim {
namespace {

nodes::cluster_config example_cluster() {
  auto config = nodes::load_configuration(
    persistence::posix_file_system(),
    test_support::source_path("examples/local.toml"));
  EXPECT_TRUE(config) << to_string(config.failure());
  return config ? *std::move(config) : nodes::cluster_config{};
}

/// How many lines of a node's log have this word, whatever their level.
size_t lines(world& w, const std::string& node, const std::string& id,
             const std::string& text = {}) {
  const auto& all = w.at(node).notices();
  return static_cast<size_t>(
    std::count_if(all.begin(), all.end(), [&](const auto& each) {
      return each.id == id && each.text.find(text) != std::string::npos;
    }));
}

TEST(StreamLossSim, AQuestionSeesWhatWasPublishedSinceRtIsBack) {
  traded run{5, example_cluster()};
  run.trade(50);
  run.expect_all();
  for (const auto pause : {0ms, 50ms, 100ms, 150ms, 200ms}) {
    SCOPED_TRACE(pause.count());
    run.w.crash("rt1");
    run.w.run_for(3s + pause);
    // Nobody knows what the stream has, and that is said.
    ASSERT_TRUE(run.ask_now());
    ASSERT_EQ(run.warnings.size(), 1u);
    EXPECT_NE(run.warnings[0].find("no RT node of stream 'market' answers"),
              std::string::npos);
    run.w.restart("rt1");
    // As soon as it answers anybody.
    ASSERT_TRUE(run.w.run_until(
      [&] {
        const auto rt = run.w.find("rt1", "rt/market");
        const auto said
          = rt ? run.w.ask<stream_facts>(caf::actor_cast<sequencer_actor>(rt),
                                         5s, facts_atom_v)
               : error{errc::unavailable, "not yet"};
        return said && std::get<0>(*said).leads;
      },
      10s));
    const auto got = run.ask_now();
    ASSERT_TRUE(got) << to_string(got.failure());
    EXPECT_EQ(*got, run.expected);
    EXPECT_EQ(run.warnings, std::vector<std::string>{});
  }
  run.expect_no_defects();
}

TEST(StreamLossSim, WhoNeedsAStreamSaysOnceThatItIsGoneAndThatItIsBack) {
  traded run{6, example_cluster()};
  run.trade(50);
  run.expect_all();
  run.w.crash("rt1", {.restart_after = 500ms});
  run.trade(5);
  run.expect_all();
  for (const auto* node : {"rdb1", "gw1"}) {
    EXPECT_EQ(lines(run.w, node, "stream_lost"), 0u) << node;
    EXPECT_EQ(lines(run.w, node, "stream_found"), 0u) << node;
  }
  for (size_t times = 1; times <= 2; ++times) {
    run.w.crash("rt1");
    run.w.run_for(20s);
    for (const auto* node : {"rdb1", "gw1"}) {
      EXPECT_EQ(lines(run.w, node, "stream_lost", "'market'"), times) << node;
      EXPECT_EQ(lines(run.w, node, "stream_found"), times - 1) << node;
    }
    run.w.restart("rt1");
    run.w.run_for(5s);
    for (const auto* node : {"rdb1", "gw1"}) {
      EXPECT_EQ(lines(run.w, node, "stream_lost"), times) << node;
      EXPECT_EQ(lines(run.w, node, "stream_found", "'market'"), times) << node;
    }
  }
  run.expect_no_defects();
}

TEST(StreamLossSim, ALogTellsWhoPublishesAndWhatWasRefused) {
  auto config = example_cluster();
  config.logging.level = "DBG";
  traded run{7, config};
  run.trade(5);
  run.expect_all();
  EXPECT_EQ(lines(run.w, "rt1", "publisher_began", "'trader"), 1u);
  EXPECT_EQ(lines(run.w, "rt1", "publisher_ended"), 0u);
  EXPECT_GE(lines(run.w, "rt1", "reader_began"), 1u);
  run.w.crash("trader");
  run.w.run_for(1s);
  EXPECT_EQ(lines(run.w, "rt1", "publisher_ended", "'trader"), 1u);
  EXPECT_GE(lines(run.w, "gw1", "answered", "getdata: {\"tablename\""), 1u);
  const auto ask = [&](const std::string& text) {
    return run.w
      .ask<bundle, query_cut>(
        caf::actor_cast<gateway_actor>(run.w.find("gw1", "gw1")), 20s,
        query_atom_v, R"({"language":"qsql","text":")" + text + "\"}")
      .failure();
  };
  EXPECT_TRUE(ask("select summ from trade"));
  EXPECT_EQ(lines(run.w, "gw1", "refused", "qsql: select summ from trade: "),
            1u);
  EXPECT_EQ(lines(run.w, "gw1", "refused", "summ"), 1u);
  // One who asks in a loop fills no disk.
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(ask("select " + std::string(1000, 'x') + " from trade"));
  EXPECT_EQ(lines(run.w, "gw1", "refused"), 20u);
  run.w.run_for(60s);
  EXPECT_TRUE(ask("select summ from trade"));
  EXPECT_EQ(lines(run.w, "gw1", "refused", "; 81 more were refused"), 1u);
  for (const auto& each : run.w.at("gw1").notices())
    EXPECT_LT(each.text.size(), 800u) << each.text.substr(0, 300);
  run.expect_no_defects();
}

} // namespace
} // namespace millrace::sim
