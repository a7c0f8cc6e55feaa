// Swarm of the whole path: feeds, RT, an rdb that writes down, two hdbs, a
// gateway that is asked all the time, and periods that end meanwhile. The seed
// draws whom faults meet, and which. Each answer is held against the merged
// log, at the place of the stream that the answer itself names.

#include <millrace/sim/world/failure_test.hpp>

#include "chain_scenario.hpp"
#include "swarm_drawing.hpp"

namespace millrace::sim {
namespace {

void chain_swarm(uint64_t count, const std::vector<std::string>& nodes,
                 const fault_mix& allowed, bool complete) {
  fired_faults fired;
  for_each_seed(count, [&](uint64_t seed) {
    begins(seed);
    swarm_drawing drawing{seed};
    auto mix = allowed;
    drawing.thin_out(mix);
    // What is there for nothing else is not left out.
    mix.disk_errors
      = mix.disk_errors || (allowed.disk_errors && !allowed.kills);
    mix.nodes = drawing.some_of(nodes);
    mix.points = drawing.points_of(mix.nodes);
    mix.within = 3500ms;
    gtest_glue::run_drawn_script(seed, mix, [&](const fault_script& script) {
      // Rows leave the rdb so long after an hdb has them, and who waits for
      // a back end gives up.
      chain_scenario run{
        seed, {.query_timeout_ns = duration{seed % 2 == 0 ? 1s : 5s}.count()}};
      run.is_complete = complete;
      run.w.play(script);
      run.w.run_for(7500ms);
      (void)report(seed, run.finish());
      fired.add(run.w, script);
    });
  });
}

/// The stream itself is whole: each answer has all that was merged when it was
/// asked for.
TEST(ChainSwarmSim, AnswersAreWholeWhenBackEndsComeAndGo) {
  chain_swarm(12, {"rdb1", "hdb1", "hdb2", "gw1", "disc"},
              {.power_cuts = false, .disk_errors = true}, true);
}

/// Their disks refuse, at any call, and are full for a while.
TEST(ChainSwarmSim, AnswersAreWholeWhenDisksRefuse) {
  chain_swarm(12, {"rdb1", "hdb1", "gw1"},
              {.kills = false,
               .power_cuts = false,
               .pauses = false,
               .links = false,
               .disk_errors = true},
              true);
}

TEST(ChainSwarmSim, AnswersAreTrueWhateverFails) {
  chain_swarm(12, {"rdb1", "hdb1", "hdb2", "gw1", "rt0", "feed0"},
              {.disk_errors = true, .isolations = true, .outages = true},
              false);
}

} // namespace
} // namespace millrace::sim
