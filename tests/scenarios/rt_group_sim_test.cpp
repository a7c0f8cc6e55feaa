// Three RT nodes order one stream, and each keeps all of it.

#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

class RtGroupSim : public ::testing::TestWithParam<bool> {
protected:
  bool cached() const { return GetParam(); }
};

TEST_P(RtGroupSim, NothingIsLostWithoutFaults) {
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    return report(seed, run.finish());
  });
}

TEST_P(RtGroupSim, NodesCrashAndComeBack) {
  for_each_seed(30, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    for (uint64_t i = 0; i < 1 + run.w.draw(5); ++i)
      run.w.after(std::chrono::milliseconds{run.w.draw(4000)}, [&run] {
        run.w.crash(run.names[run.w.draw(run.names.size())], run.any_crash());
      });
    run.w.run_for(std::chrono::milliseconds{500 + run.w.draw(4000)});
    return report(seed, run.finish());
  });
}

TEST_P(RtGroupSim, NodesStandStillAndGoOn) {
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    for (uint64_t i = 0; i < 1 + run.w.draw(4); ++i) {
      const auto at = std::chrono::milliseconds{run.w.draw(3000)};
      const auto who = run.names[run.w.draw(run.names.size())];
      run.w.after(at, [&run, who] { run.w.pause(who); });
      run.w.after(at + std::chrono::milliseconds{run.w.draw(4000)},
                  [&run, who] { run.w.resume(who); });
    }
    run.w.run_for(std::chrono::milliseconds{500 + run.w.draw(4000)});
    return report(seed, run.finish());
  });
}

INSTANTIATE_TEST_SUITE_P(Modes, RtGroupSim, ::testing::Bool(),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::sim
