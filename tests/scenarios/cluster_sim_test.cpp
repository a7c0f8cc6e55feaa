// Whole clusters, booted in the simulator from configuration files.
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/nodes/assembly/front_door.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/sim/world/world.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "disk_trees.hpp"
#include "traded_cluster.hpp"

namespace millrace::sim {
namespace {

TEST(ClusterSim, TheExampleAsItStandsAnswersRightThroughCrashes) {
  auto config = nodes::load_configuration(
    persistence::posix_file_system(),
    test_support::source_path("examples/local.toml"));
  ASSERT_TRUE(config) << to_string(config.failure());
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    traded run{seed, *config};
    run.trade(300);
    run.expect_all();
    run.end_period(9000);
    run.trade(200);
    run.expect_all();
    for (const auto* name : {"hdb1", "rdb1", "gw1", "rt1"}) {
      run.w.crash(name, {.restart_after = 500ms});
      run.w.run_for(1s);
      run.trade(20);
      run.expect_all();
    }
    // They have one address: one machine, and one mains lead.
    run.w.crash("rdb1", {.power = true, .restart_after = 1s});
    EXPECT_FALSE(run.w.at("rt1").alive());
    run.w.run_for(2s);
    run.trade(50);
    run.expect_all();
    run.end_period(9001);
    run.expect_all();
    run.expect_no_defects();
  }
}

/// RT's machine lost the stream, and nothing else.
void lose_stream(traded& run, const nodes::cluster_config& config) {
  run.w.crash("rt1");
  ASSERT_FALSE(run.w.at("rt1").disk().remove_all(
    config.stream_directory("rt1", "market")));
  run.w.restart("rt1");
}

TEST(ClusterSim, AProcessThatEndsByItselfIsStartedAgainAndTold) {
  traded run{3, example()};
  run.trade(100);
  run.expect_all();
  for (const auto* name : {"rdb1", "hdb1", "gw1"}) {
    SCOPED_TRACE(name);
    const auto lives = run.w.at(name).lives();
    const auto victim = caf::actor_cast<caf::actor>(run.w.find(name, name));
    caf::anon_send(
      victim,
      caf::exit_msg{victim.address(), to_caf({errc::internal, "of the test"})});
    run.w.run_for(10ms);
    EXPECT_FALSE(run.w.find(name, name));
    run.trade(20);
    run.expect_all();
    // In the same node, which says so.
    EXPECT_EQ(run.w.at(name).lives(), lives);
    EXPECT_TRUE(told(run.w, name, "ended", "of the test"));
    const auto status
      = run.w.status(name, std::string{nodes::process_keeper_name});
    EXPECT_NE(status.find("\"ended\":1"), std::string::npos) << status;
    EXPECT_NE(status.find("of the test"), std::string::npos) << status;
  }
  run.expect_no_defects();
}

TEST(ClusterSim, AStoppedProcessStaysAwayUntilItIsStartedAgain) {
  traded run{4, example()};
  run.trade(50);
  const auto door = [&] {
    return caf::actor_cast<front_door_actor>(
      run.w.find("rdb1", std::string{nodes::front_door_name}));
  };
  EXPECT_FALSE(
    run.w.ask<std::string>(door(), 10s, stop_atom_v, std::string{"rdb1"})
      .failure());
  run.w.run_for(5s);
  EXPECT_FALSE(run.w.find("rdb1", "rdb1"));
  EXPECT_EQ(
    run.w.ask<std::string>(door(), 10s, stop_atom_v, std::string{"rdb1"})
      .failure()
      .code,
    errc::not_found);
  EXPECT_FALSE(
    run.w.ask<std::string>(door(), 10s, spawn_atom_v, std::string{"rdb1"})
      .failure());
  run.expect_all();
  run.expect_no_defects();
}

TEST(ClusterSim, TheRdbFollowsAStreamIntoItsNextLifeAndSaysSo) {
  const auto config = example();
  traded run{5, config};
  run.trade(200);
  run.expect_all();
  const auto of_before = run.stream_end();
  lose_stream(run, config);
  // What the publisher kept comes again.
  run.trade(30);
  run.expect_all();
  // Nobody can say whether what came up to there is in an answer.
  const auto refused = run.ask(of_before);
  EXPECT_EQ(refused.failure().code, errc::bad_position);
  EXPECT_NE(refused.failure().context.find("no place of this life"),
            std::string::npos)
    << refused.failure().context;
  EXPECT_TRUE(told(run.w, "rdb1", "ended", "began a new life"));
  EXPECT_TRUE(told(run.w, "gw1", "new_life", "began a new life"));
  // What it brings no more is not known: each answer says so, until a period
  // is written down, and that period then. Also what another life of the RDB
  // answers.
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(run.warnings.size(), 1u);
    EXPECT_NE(run.warnings[0].find("began a new life"), std::string::npos);
    run.w.crash("rdb1", {.restart_after = 100ms});
    run.w.run_for(1s);
    run.expect_all();
  }
  const auto facts = run.w.ask<rdb_facts>(
    caf::actor_cast<rdb_actor>(run.w.find("rdb1", "rdb1")), 5s, facts_atom_v);
  ASSERT_TRUE(facts) << to_string(facts.failure());
  EXPECT_EQ(std::get<0>(*facts).losses, 1u);
  run.end_period(9000);
  run.expect_all();
  EXPECT_EQ(run.warnings.size(), 1u);
  run.expect_no_defects();
}

/// RT's machine gets an older copy of the stream back, and nothing else does.
class set_back {
public:
  set_back(traded& run, const nodes::cluster_config& config)
    : run_{run}, directory_{config.stream_directory("rt1", "market")} {}

  void back_up() {
    run_.w.crash("rt1");
    older_ = tree_of(run_.w.at("rt1").disk(), directory_);
    run_.w.restart("rt1");
  }
  void restore() {
    run_.w.crash("rt1");
    restore_tree(run_.w.at("rt1").disk(), directory_, older_);
    run_.w.restart("rt1");
  }

private:
  traded& run_;
  std::string directory_;
  file_map older_;
};

TEST(ClusterSim, AStreamThatWasSetBackIsReadAgainAndMixedWithNothing) {
  const auto config = example();
  size_t seen = 0;
  for (uint64_t seed = 10; seed < 18; ++seed) {
    SCOPED_TRACE(seed);
    traded run{seed, config};
    set_back stream{run, config};
    run.trade(100);
    run.expect_all();
    stream.back_up();
    run.trade(40);
    run.expect_all();
    stream.restore();
    // Before or after the RDB sees it, and more than what went, or less. What
    // went comes again from its publisher.
    if (seed % 2 == 0)
      run.w.run_for(3s);
    run.trade(seed % 4 < 2 ? 200 : 30);
    run.expect_all();
    // Unless all that went came again before anybody looked.
    const bool is_seen = told(run.w, "rdb1", "ended", "was set back");
    seen += is_seen ? 1 : 0;
    ASSERT_EQ(run.warnings.size(), is_seen ? 1u : 0u);
    if (is_seen)
      EXPECT_NE(run.warnings[0].find("was set back"), std::string::npos);
    run.end_period(9000);
    run.trade(10);
    run.expect_all();
    run.expect_no_defects();
  }
  EXPECT_GE(seen, 4u);
}

TEST(ClusterSim, AnHdbAheadOfAStreamThatWasSetBackIsNotMixedWithIt) {
  const auto config = example();
  traded run{15, config};
  set_back stream{run, config};
  run.trade(100);
  stream.back_up();
  run.trade(40);
  run.end_period(9000);
  run.expect_all();
  run.w.crash("rdb1");
  stream.restore();
  run.w.restart("rdb1");
  run.w.run_for(5s);
  const auto refused = run.ask({});
  EXPECT_EQ(refused.failure().code, errc::backend_lost);
  EXPECT_NE(refused.failure().context.find("older copy of that log"),
            std::string::npos)
    << to_string(refused.failure());
  EXPECT_TRUE(told(run.w, "rdb1", "strange_stream", "older copy of that log"));
}

TEST(ClusterSim, WhatAStreamLostIsCountedToldAndInEachAnswerItTouches) {
  const auto config = example();
  traded run{8, config};
  run.trade(100);
  run.expect_all();
  EXPECT_EQ(run.warnings, std::vector<std::string>{});
  // What the publisher had not sent yet is not known.
  run.w.crash("trader");
  ASSERT_FALSE(run.w.at("trader").disk().remove_all(config.log_path));
  run.w.restart("trader");
  run.trade(20);
  run.expect_all();
  ASSERT_EQ(run.warnings.size(), 1u);
  EXPECT_NE(run.warnings[0].find("reset at "), std::string::npos)
    << run.warnings[0];
  EXPECT_TRUE(told(run.w, "rdb1", "stream_loss", "reset at "));
  const auto facts = run.w.ask<rdb_facts>(
    caf::actor_cast<rdb_actor>(run.w.find("rdb1", "rdb1")), 5s, facts_atom_v);
  ASSERT_TRUE(facts) << to_string(facts.failure());
  EXPECT_EQ(std::get<0>(*facts).losses, 1u);
  EXPECT_EQ(std::get<0>(*facts).last_loss, run.warnings[0]);
  const auto lost = run.warnings;
  // A new life reads of it again.
  run.w.crash("rdb1", {.restart_after = 100ms});
  run.w.run_for(1s);
  run.expect_all();
  EXPECT_EQ(run.warnings, lost);
  // It is not forgotten with the rows' place in memory, nor by anybody's end.
  run.end_period(9000);
  run.expect_all();
  EXPECT_EQ(run.warnings, lost);
  run.w.run_for(60s);
  for (const auto* name : {"rdb1", "hdb1"})
    run.w.crash(name, {.restart_after = 100ms});
  run.w.run_for(1s);
  run.trade(10);
  run.end_period(9001);
  run.expect_all();
  EXPECT_EQ(run.warnings, lost);
  run.expect_no_defects();
}

TEST(ClusterSim, AnHdbOfAnotherLifeOfTheStreamIsNotMixedWithIt) {
  const auto config = example();
  traded run{6, config};
  run.trade(200);
  run.end_period(9000);
  run.expect_all();
  lose_stream(run, config);
  run.trade(30);
  run.w.run_for(5s);
  const auto refused = run.ask({});
  EXPECT_EQ(refused.failure().code, errc::backend_lost);
  EXPECT_NE(refused.failure().context.find("of another life of it"),
            std::string::npos)
    << to_string(refused.failure());
  EXPECT_TRUE(told(run.w, "rdb1", "strange_stream", "of another life of it"));
  run.expect_no_defects();
}

// Method: the rows of the days before are let go, the manifest rots, and the
// HDB starts again: it cannot tell up to where it has them.
TEST(ClusterSim, WhatIsInMemoryIsAnsweredWhileAnHdbCannotReadItsManifest) {
  const auto config = example();
  traded run{31, config};
  auto& disk = run.w.at("rdb1").disk();
  const auto manifest = config.process("rdb1")->hdb_directory + "/manifest";
  run.trade(100);
  run.end_period(9000);
  run.w.run_for(90s);
  run.first_time += 10 * 86'400'000'000'000;
  run.expected.clear();
  run.trade(40);
  const auto good = disk.content(manifest);
  auto bad = good;
  bad[bad.size() / 2] ^= std::byte{1};
  ASSERT_FALSE(persistence::replace_file(disk, manifest, bad));
  run.w.crash("hdb1", {.restart_after = 100ms});
  run.w.run_for(5s);
  const auto today = run.ask({}, "2026-01-01");
  EXPECT_TRUE(today && *today == run.expected) << to_string(today.failure());
  const auto all = run.ask({});
  EXPECT_EQ(all.failure().code, errc::corrupt) << to_string(all.failure());
  ASSERT_FALSE(persistence::replace_file(disk, manifest, good));
  run.w.run_for(5s);
  EXPECT_TRUE(run.ask({}));
  run.expect_no_defects();
}

TEST(ClusterSim, AnOlderManifestUnderARunningRdbIsFilledUpFromTheStream) {
  const auto config = example();
  // Before the RDB lets go of what the HDB serves, and after.
  for (const auto served_for : {1s, 60s}) {
    SCOPED_TRACE(served_for.count());
    traded run{16, config};
    auto& disk = run.w.at("rdb1").disk();
    const auto manifest = config.process("rdb1")->hdb_directory + "/manifest";
    run.trade(100);
    run.end_period(9000);
    const auto older = disk.content(manifest);
    run.trade(50);
    run.end_period(9001);
    run.trade(20);
    run.expect_all();
    run.w.run_for(served_for);
    ASSERT_FALSE(persistence::replace_file(disk, manifest, older));
    run.w.run_for(90s);
    run.expect_all();
    EXPECT_TRUE(told(run.w, "rdb1", "ended", "went back"));
    EXPECT_TRUE(told(run.w, "hdb1", "went_back", "an older copy"));
    run.trade(10);
    run.end_period(9002);
    run.expect_all();
    EXPECT_EQ(run.warnings, std::vector<std::string>{});
    run.expect_no_defects();
  }
}

// Method: its RT cannot be reached when it starts, so that it has nothing of
// what it will have to answer.
TEST(ClusterSim, AnRdbIsNotReadyBeforeItHasReadWhatWasThere) {
  traded run{33, example()};
  run.trade(200);
  run.expect_all();
  run.w.crash("rdb1");
  run.w.cut("rdb1", "rt1");
  run.w.restart("rdb1");
  const auto is_ready = [&] {
    const auto status = text::parse_json(run.w.status("rdb1", "rdb1"));
    return status && status->at("ready").boolean().value_or(false);
  };
  EXPECT_FALSE(run.w.run_until(is_ready, 5s));
  const auto standing = text::parse_json(run.w.status("rdb1", "rdb1"));
  ASSERT_TRUE(standing) << to_string(standing.failure());
  EXPECT_NE(standing->at("standing").text_or_empty(), "");
  run.w.heal("rdb1", "rt1");
  EXPECT_TRUE(run.w.run_until(is_ready, 60s));
  run.expect_all();
  run.expect_no_defects();
}

// The RDB stands at the end of what went, alive or when it starts again: that
// nothing lies between is known, though the file is gone.
TEST(ClusterSim, AResetThatLosesNothingIsToldAsAResetAndNothingElse) {
  traded run{18, example()};
  run.trade(100);
  run.end_period(9000);
  run.w.run_for(60s);
  const auto done = run.w.ask<status_facts>(
    caf::actor_cast<operated_stream_actor>(run.w.find("rt1", "rt/market")), 20s,
    reset_atom_v, cut_mode::careful, session_number{});
  ASSERT_TRUE(done) << to_string(done.failure());
  for (int life = 0; life < 3; ++life) {
    run.trade(10);
    run.expect_all();
    ASSERT_EQ(run.warnings.size(), 1u);
    EXPECT_NE(run.warnings[0].find("an operator reset it"), std::string::npos)
      << run.warnings[0];
    run.w.crash("rdb1", {.restart_after = 100ms});
    run.w.run_for(5s);
  }
  run.end_period(9001);
  run.expect_all();
  EXPECT_EQ(run.warnings.size(), 1u);
  run.expect_no_defects();
}

/// A process of a program's own: sums what is traded, and tells it as status.
struct vwap_host {
  std::shared_ptr<volumes> seen = std::make_shared<volumes>();

  result<nodes::hosted_process>
  operator()(nodes::process_host& host,
             const nodes::process_config& process) const {
    rt::subscription_handlers on;
    seen->clear();
    on.on_message = [seen = seen](const rt::message& message, position) {
      if (message.kind != payload_kind::table_batch)
        return;
      const auto batch = decode_batch(message.payload);
      ASSERT_TRUE(batch);
      for (uint32_t row = 0; row < batch->row_count; ++row)
        (*seen)[std::string{batch->column("sym")->text(row)}]
          += batch->column("size")->as<int32_t>()[row];
    };
    auto running = host.subscribe(process.settings.at("stream"), std::move(on));
    if (!running)
      return running.failure();
    return nodes::hosted_process{
      caf::actor_cast<caf::strong_actor_ptr>(running->subscriber)};
  }
};

constexpr const char* own_types = R"([cluster]
name = "own"
data = "/own"
process_types = ["vwap"]
[[stream]]
name = "market"
[[table]]
name = "trade"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "price:float", "size:int",
           "ex:symbol", "cond:symbol"]
[[node]]
name = "rt1"
port = 7401
[[node]]
name = "calc"
port = 7402
[[process]]
name = "discovery1"
type = "discovery"
node = "rt1"
[[process]]
name = "rt1"
type = "rt"
node = "rt1"
[[process]]
name = "vwap1"
type = "vwap"
node = "calc"
[process.settings]
stream = "market"
[[process]]
name = "vwap2"
type = "vwap"
[process.settings]
stream = "market"
)";

TEST(ClusterSim, AProcessOfOnesOwnStartsFromTheFileAndBySpawn) {
  auto config = nodes::parse_configuration(own_types, "own.toml");
  ASSERT_TRUE(config) << to_string(config.failure());
  const vwap_host vwap;
  cluster_options options;
  options.roles.add("vwap", vwap);
  traded run{7, *config, options};
  run.trade(100);
  ASSERT_TRUE(run.w.run_until([&] { return *vwap.seen == run.expected; }, 10s));
  const auto door = [&] {
    return caf::actor_cast<front_door_actor>(
      run.w.find("rt1", std::string{nodes::front_door_name}));
  };
  const auto spawn = [&](const std::string& process) {
    return run.w.ask<std::string>(door(), 10s, spawn_atom_v, process).failure();
  };
  vwap.seen->clear();
  ASSERT_FALSE(spawn("vwap2"));
  EXPECT_TRUE(run.w.run_until([&] { return *vwap.seen == run.expected; }, 10s));
  EXPECT_EQ(spawn("vwap2").code, errc::already_exists);
  EXPECT_EQ(spawn("vwap3").code, errc::not_found);
  // The hosts registered both.
  std::map<std::string, std::string> where;
  auto rows = run.w.ask<std::vector<process_row>>(
    caf::actor_cast<discovery_actor>(run.w.find("rt1", "discovery1")), 10s,
    lookup_atom_v, std::string{"vwap"});
  ASSERT_TRUE(rows) << to_string(rows.failure());
  for (const auto& row : std::get<0>(*rows))
    where[row.name] = row.node;
  const std::map<std::string, std::string> expected{{"vwap1", "calc"},
                                                    {"vwap2", "rt1"}};
  EXPECT_EQ(where, expected);
  run.expect_no_defects();
}

TEST(ClusterSim, ANodeThatKnowsNoSuchTypeSaysWhereTheFileNamesIt) {
  auto config = nodes::parse_configuration(own_types, "own.toml");
  ASSERT_TRUE(config) << to_string(config.failure());
  world w{1};
  w.add_cluster(*config);
  EXPECT_FALSE(w.at("rt1").boot_failure());
  const auto fault = w.at("calc").boot_failure();
  EXPECT_EQ(fault.code, errc::config);
  EXPECT_EQ(fault.context,
            "own.toml:28:process.type: process 'vwap1': this program knows no "
            "type 'vwap', only discovery, rt, hdb, rdb, gateway, "
            "kdb, http, postgres, feed");
}

} // namespace
} // namespace millrace::sim
