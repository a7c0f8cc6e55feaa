// Swarm: the seed draws a cluster (one or three RT nodes, publishers, rdbs,
// hdbs, gateways, sizes of files), what is published and when periods end, and
// a script of faults. Safety while faults last; then all is healed, and within
// bounds of virtual time everything that was promised is where it belongs,
// once.

#include <millrace/sim/world/failure_test.hpp>

#include <random>

#include "invariant_audits.hpp"
#include "swarm_drawing.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

/// A cluster as text, and the names of what is in it.
struct drawn_cluster {
  std::string toml;
  std::vector<std::string> nodes;
  std::vector<std::string> publishers;
  std::vector<std::string> discoveries;
};

class cluster_drawing {
public:
  /// @param members of RT; 0: one or three.
  explicit cluster_drawing(uint64_t seed, int members = 0)
    : random_{seed}, others_{~seed}, members_{members} {}

  drawn_cluster draw() {
    const auto kib = uint64_t{64} << below(5);
    out_.toml = "[cluster]\nname = \"swarm\"\ndata = \"data\"\n"
                "[period]\ngrace = \"1s\"\n"
                "[[stream]]\nname = \"market\"\nroll_size = \""
                + std::to_string(kib) + "KiB\"\n"
                + "[[table]]\nname = \"trade\"\nstream = \"market\"\n"
                  "time = \"time\"\nsymbol = \"sym\"\n"
                  "columns = [\"time:timestamp\", \"sym:symbol\", "
                  "\"price:float\", \"size:int\", \"note:string\"]\n";
    const auto drawn = below(2) == 0 ? 1 : 3;
    // One in eight is a group of five; one in four has two discoveries; one in
    // eight has a discovery and a gateway in one process of the system.
    const auto other = others_() % 8;
    const auto members = members_ != 0 ? members_ : other == 0 ? 5 : drawn;
    for (int i = 0; i < members; ++i)
      add("rt" + std::to_string(i), "rt");
    add("disc", "discovery");
    out_.discoveries.push_back("disc");
    if (other == 1)
      add_process("gw9", "gateway", "disc");
    if (other == 2 || other == 3) {
      add("disc1", "discovery");
      out_.discoveries.push_back("disc1");
    }
    const auto rdbs = 1 + below(2);
    for (uint64_t i = 0; i < rdbs; ++i)
      add("rdb" + std::to_string(i), "rdb",
          std::string{"tables = [\"trade\"]\nhdb = \"hdb\"\n"}
            + (i == 0 ? "" : "write_down = false\n"));
    const auto hdbs = 1 + below(2);
    for (uint64_t i = 0; i < hdbs; ++i)
      add("hdb" + std::to_string(i), "hdb", "hdb = \"hdb\"\n");
    const auto gateways = 1 + below(2);
    for (uint64_t i = 0; i < gateways; ++i)
      add("gw" + std::to_string(i), "gateway");
    const auto publishers = 1 + below(3);
    for (uint64_t i = 0; i < publishers; ++i) {
      out_.publishers.push_back("feed" + std::to_string(i));
      out_.nodes.push_back(out_.publishers.back());
    }
    return std::move(out_);
  }

private:
  uint64_t below(uint64_t limit) { return random_() % limit; }

  void add(const std::string& name, const std::string& type,
           const std::string& more = {}) {
    out_.toml += "[[node]]\nname = \"" + name + "\"\nport = "
                 + std::to_string(7000 + out_.nodes.size()) + "\n";
    add_process(name, type, name, more);
    out_.nodes.push_back(name);
  }
  void add_process(const std::string& name, const std::string& type,
                   const std::string& node, const std::string& more = {}) {
    out_.toml += "[[process]]\nname = \"" + name + "\"\ntype = \"" + type
                 + "\"\nnode = \"" + node + "\"\n" + more;
  }

  std::mt19937_64 random_;
  std::mt19937_64 others_; ///< For what was not drawn always.
  int members_;
  drawn_cluster out_;
};

/// What is said is heard soon, by all that live: a sign of life that travels
/// for seconds, or that somebody hears who stood still, may be of the dead.
bool is_prompt(const fault_script& script) {
  return std::none_of(script.begin(), script.end(), [](const auto& each) {
    return each.what.kind == fault::what::pause
           || (!each.what.other.empty() && each.what.kind != fault::what::heal);
  });
}

/// What a publisher waits for: mostly for nothing.
rt::ack_level level_of(uint64_t drawn) {
  return drawn == 0   ? rt::ack_level::committed
         : drawn <= 2 ? rt::ack_level::synced
                      : rt::ack_level::recorded;
}

/// Rows of one symbol or several, with notes of up to so many bytes.
std::vector<table_row> drawn_rows(world& w, uint64_t number,
                                  uint64_t note_bytes) {
  std::vector<table_row> out;
  for (auto left = w.draw(3) == 0 ? 1 + w.draw(5) : 1; left > 0; --left) {
    const auto symbol = std::string(1, static_cast<char>('A' + w.draw(4)));
    out.push_back({{"sym", symbol},
                   {"price", 0.25 * double(number)},
                   {"size", 100 * number + left},
                   {"note", std::string(w.draw(note_bytes), 'x')}});
  }
  return out;
}

/// All is healed, whatever a script that was shrunk has left of that.
void expect_all(world& w, const fault_script& script, fired_faults* fired) {
  w.run_for(12s);
  w.heal();
  w.expect_no_loss("trade");
  // Rows that an hdb serves have left the rdbs by then.
  w.run_for(60s);
  w.expect_no_loss("trade");
  if (fired != nullptr)
    fired->add(w, script);
}

void swarm(uint64_t seed, const drawn_cluster& cluster,
           const fault_script& script, fired_faults* fired = nullptr) {
  world w{seed};
  w.add_cluster_text(cluster.toml);
  std::vector<table_publisher*> feeds;
  for (const auto& name : cluster.publishers)
    feeds.push_back(&w.add_publisher(name, "trade"));
  const discovery_audit audit{w, cluster.discoveries, is_prompt(script)};
  w.play(script);
  const auto rows = 10 + w.draw(30);
  // Rows come as long as faults do, or all of them early.
  const auto pause_ms = w.draw(2) == 0 ? 0 : 250;
  // Files of logs are full soon, or never.
  const auto note_bytes = w.draw(3) == 0 ? 16'000 : 10;
  int64_t period = 9000;
  for (uint64_t i = 0; i < rows; ++i) {
    const auto rows_now = drawn_rows(w, i, note_bytes);
    feeds[w.draw(feeds.size())]->publish_all(rows_now, level_of(w.draw(8)));
    if (w.draw(12) == 0)
      w.end_period("market", period++);
    // An operator asks for it again.
    if (period > 9000 && w.draw(24) == 0)
      w.end_period("market", period - 1);
    if (w.draw(4) == 0)
      (void)w.expect_true_answer("trade");
    w.run_for(1ms * static_cast<int64_t>(w.draw(1 + pause_ms)));
  }
  expect_all(w, script, fired);
  if (fired != nullptr)
    fired->count("dead rows of discovery", audit.dead_rows());
}

constexpr auto storm_interval = 10min;

/// A cluster that lives for hours: faults come in storms, of seconds each, and
/// rows all the time.
void long_swarm(uint64_t seed, const drawn_cluster& cluster,
                const fault_script& script, fired_faults* fired) {
  world w{seed};
  w.add_cluster_text(cluster.toml);
  std::vector<table_publisher*> feeds;
  for (const auto& name : cluster.publishers)
    feeds.push_back(&w.add_publisher(name, "trade"));
  w.play(script);
  const auto note_bytes = w.draw(2) == 0 ? 16'000 : 10;
  int64_t period = 9000;
  auto ends = w.now() + 20min;
  // One that was shrunk may be empty.
  const auto last = script.empty() ? duration{20min} : script.back().at;
  for (uint64_t i = 0; w.now() < last; ++i) {
    const auto rows_now = drawn_rows(w, i, note_bytes);
    feeds[w.draw(feeds.size())]->publish_all(rows_now, level_of(w.draw(8)));
    if (w.now() >= ends) {
      w.end_period("market", period++);
      ends = w.now() + 1min * static_cast<int64_t>(10 + w.draw(40));
    }
    if (w.draw(16) == 0)
      (void)w.expect_true_answer("trade");
    // A storm meets rows that come one upon the other.
    const bool is_storm = w.now() % storm_interval < 15s;
    w.run_for(1ms * static_cast<int64_t>(w.draw(is_storm ? 500 : 60'000)));
  }
  expect_all(w, script, fired);
}

/// What happens to the disks of publishers; files: they are cut.
enum class loss { none, whole_disks, bits, files };

void swarm_with(uint64_t count, fault_mix mix, loss of_feeds = loss::none) {
  fired_faults fired;
  for_each_seed(count, [&](uint64_t seed) {
    begins(seed);
    const auto cluster = cluster_drawing{seed}.draw();
    mix.nodes = cluster.nodes;
    if (of_feeds == loss::whole_disks) {
      mix.disks_lost = cluster.publishers;
      mix.faults_max = 16;
    }
    if (of_feeds == loss::bits)
      mix.rotting = cluster.publishers;
    if (of_feeds == loss::files) {
      mix.shortening = cluster.publishers;
      mix.harmed_files
        = {"log.0.0", "log.0.1", "log.0.2", "log.0.3", "log.0.4"};
    }
    mix.within = 5s;
    if (mix.kills)
      mix.points = swarm_drawing{seed}.points_of(mix.nodes);
    gtest_glue::run_drawn_script(seed, mix, [&](const fault_script& script) {
      swarm(seed, cluster, script, &fired);
    });
  });
}

/// Scripts of a mix one after the other.
fault_script storms_of(uint64_t seed, const fault_mix& mix, uint64_t count) {
  fault_script out;
  for (uint64_t i = 0; i < count; ++i)
    for (auto each : draw_faults(seed * 1000 + i, mix)) {
      each.at += static_cast<int64_t>(i + 1) * storm_interval;
      out.push_back(std::move(each));
    }
  return out;
}

/// What is rare among everything is common among a few.
void long_swarm_with(uint64_t count, fault_mix mix) {
  fired_faults fired;
  for_each_seed(count, [&](uint64_t seed) {
    begins(seed);
    const auto cluster = cluster_drawing{seed}.draw();
    mix.nodes = cluster.nodes;
    mix.within = 5s;
    if (mix.kills)
      mix.points = swarm_drawing{seed}.points_of(mix.nodes);
    constexpr uint64_t storms = 15;
    gtest_glue::run_script(storms_of(seed, mix, storms),
                           [&](const fault_script& script) {
                             long_swarm(seed, cluster, script, &fired);
                           });
  });
}

TEST(SwarmSim, NothingIsLostInHoursOfDeaths) {
  long_swarm_with(5, {.power_cuts = false, .pauses = false, .links = false});
}

TEST(SwarmSim, NothingIsLostInHoursOfPowerCuts) {
  long_swarm_with(5, {.pauses = false, .links = false, .outages = true});
}

TEST(SwarmSim, NothingIsLostInHoursOfAnything) {
  long_swarm_with(7, {.isolations = true, .slow_disks = true});
}

TEST(SwarmSim, NothingIsLostWhenProcessesDie) {
  swarm_with(10, {.power_cuts = false, .pauses = false, .links = false});
}

TEST(SwarmSim, NothingIsLostWhenMachinesDie) {
  swarm_with(10, {.pauses = false, .links = false, .outages = true});
}

TEST(SwarmSim, NothingIsLostWhenLinksFail) {
  swarm_with(10, {.kills = false, .power_cuts = false, .pauses = true});
}

TEST(SwarmSim, NothingIsLostWhateverFails) { swarm_with(20, {}); }

TEST(SwarmSim, NothingIsLostWhenNodesAreAlone) {
  swarm_with(10, {.kills = false, .pauses = false, .isolations = true});
}

TEST(SwarmSim, NothingIsLostWhenRtIsDisturbed) {
  fired_faults fired;
  for_each_seed(10, [&](uint64_t seed) {
    begins(seed);
    const auto cluster = cluster_drawing{seed, 3}.draw();
    const fault_mix mix{.nodes = {"rt0", "rt1", "rt2"},
                        .within = 5s,
                        .faults_max = 16,
                        .isolations = true};
    gtest_glue::run_drawn_script(seed, mix, [&](const fault_script& script) {
      swarm(seed, cluster, script, &fired);
    });
  });
}

TEST(SwarmSim, WhatIsCommittedOutlivesThePublisher) {
  swarm_with(10, {.pauses = false, .isolations = true}, loss::whole_disks);
}

TEST(SwarmSim, WhatIsDamagedIsNeverServed) {
  swarm_with(10, {.pauses = false}, loss::bits);
}

TEST(SwarmSim, NothingIsLostWhenDisksRefuse) {
  swarm_with(10, {.pauses = false, .links = false, .disk_errors = true});
}

/// Publishers connect anew while RT nodes wait for room.
TEST(SwarmSim, NothingIsLostWhenDisksAndLinksRefuse) {
  swarm_with(10, {.pauses = false, .disk_errors = true});
}

TEST(SwarmSim, NothingIsLostWhateverClocksShow) {
  swarm_with(10, {.pauses = false, .links = false, .clocks = true});
}

TEST(SwarmSim, NothingIsLostWhenDisksMayOnlyBeRead) {
  swarm_with(10, {.pauses = false, .links = false, .read_only = true});
}

TEST(SwarmSim, WhatIsCutAtAPublisherIsNeverServed) {
  swarm_with(15, {.power_cuts = false, .pauses = false}, loss::files);
}

/// An rdb and the hdb that it writes down to, whose disk is an older one: what
/// they lack is in RT.
TEST(SwarmSim, NothingIsLostWhenDisksAreSetBack) {
  fired_faults fired;
  for_each_seed(10, [&](uint64_t seed) {
    begins(seed);
    const auto cluster = cluster_drawing{seed}.draw();
    const fault_mix mix{.nodes = cluster.nodes,
                        .within = 5s,
                        .pauses = false,
                        .links = false,
                        .disks_set_back = {"rdb0"}};
    gtest_glue::run_drawn_script(seed, mix, [&](const fault_script& script) {
      swarm(seed, cluster, script, &fired);
    });
  });
}

/// How many of some seeds miss something when these disks say "synced", forget
/// it at a power cut, and all machines lose their power.
int found_with_lying_disks(const std::string& prefix) {
  int found = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const auto cluster = cluster_drawing{seed}.draw();
    fault_script script;
    for (const auto& name : cluster.nodes)
      if (name.starts_with(prefix))
        script.push_back({0s, {.kind = fault::what::lie, .node = name}});
    for (const auto& name : cluster.nodes)
      script.push_back({1500ms,
                        {.kind = fault::what::power,
                         .node = name,
                         .back = {500ms, comeback::disk::same},
                         // Some share a machine.
                         .may_miss = true}});
    found += gtest_glue::fails_quietly([&] { swarm(seed, cluster, script); });
  }
  return found;
}

// A simulator that misses nothing when something is gone proves nothing.
TEST(SwarmSim, DisksThatLieAreFound) {
  EXPECT_EQ(found_with_lying_disks("none of them"), 0);
  EXPECT_GE(found_with_lying_disks("rt"), 1);
}

} // namespace
} // namespace millrace::sim
