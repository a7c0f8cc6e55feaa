// Three RT nodes order one stream, and each keeps all of it.

#include "effects.hpp"
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
  effects seen{cached() ? std::vector{effect::end}
                        : std::vector{effect::end, effect::loss}};
  for_each_seed(30, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    for (uint64_t i = 0; i < 1 + run.w.draw(5); ++i)
      run.w.after(std::chrono::milliseconds{run.w.draw(4000)}, [&] {
        seen.crash(run.w, run.names[run.w.draw(run.names.size())],
                   run.any_crash());
      });
    run.w.run_for(std::chrono::milliseconds{500 + run.w.draw(4000)});
    const auto broken = run.finish();
    seen.look(run.w, run.names);
    return report(seed, broken);
  });
}

TEST_P(RtGroupSim, NodesStandStillAndGoOn) {
  effects seen{{effect::stop}};
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    for (uint64_t i = 0; i < 1 + run.w.draw(4); ++i) {
      const auto at = std::chrono::milliseconds{run.w.draw(3000)};
      const auto who = run.names[run.w.draw(run.names.size())];
      run.w.after(at, [&, who] { seen.pause(run.w, who); });
      run.w.after(at + std::chrono::milliseconds{run.w.draw(4000)},
                  [&run, who] { run.w.resume(who); });
    }
    run.w.run_for(std::chrono::milliseconds{500 + run.w.draw(4000)});
    return report(seed, run.finish());
  });
}

TEST_P(RtGroupSim, LinkFaultsAtAnyTime) {
  effects seen{{effect::lost_connection}};
  for_each_seed(30, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    for (uint64_t i = 0; i < 1 + run.w.draw(8); ++i)
      any_link_fault(run.w, run.w.chance(0.5) ? run.rt_names : run.names,
                     2500ms, 6s);
    if (run.w.chance(0.3))
      run.w.after(std::chrono::milliseconds{run.w.draw(2500)}, [&run] {
        run.w.crash(run.names[run.w.draw(run.names.size())], run.any_crash());
      });
    run.w.run_for(std::chrono::milliseconds{1000 + run.w.draw(8000)});
    const auto broken = run.finish();
    seen.look(run.w, run.names, 1);
    return report(seed, broken);
  });
}

/// Two of three nodes are a majority: while one is gone, everything is ordered.
TEST_P(RtGroupSim, TwoNodesGoOnWithoutTheThird) {
  for_each_seed(15, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    const auto gone = run.rt_names[run.w.draw(run.rt_names.size())];
    run.w.run_for(std::chrono::milliseconds{300 + run.w.draw(600)});
    run.w.crash(gone, {.power = !cached() && run.w.chance(0.5)});
    std::vector<std::string> broken;
    if (!run.w.run_until([&run] { return run.settled(); }, 30s)) {
      broken.push_back("not all committed without " + gone);
      run.ask_all(broken);
    }
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
}

/// A leader whose disk is full orders nothing: another node leads.
TEST_P(RtGroupSim, AFullDiskAtTheLeaderDoesNotStopTheStream) {
  effects seen{{effect::refusal}};
  for_each_seed(15, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    std::vector<std::string> broken;
    if (!run.w.run_until([&run] { return run.books[0]->accepted > 5; }, 10s))
      broken.push_back("nothing was accepted");
    run.w.run_for(std::chrono::milliseconds{run.w.draw(300)});
    std::string full;
    for (const auto& name : run.rt_names)
      if (run.w.status(name, "rt/market").find("\"leads\":true")
          != std::string::npos)
        full = name;
    if (!full.empty())
      run.w.at(full).disk().leave_free(run.w.draw(2000));
    // Its disk stays full: the others have what all publish.
    if (!run.w.run_until([&run] { return run.settled(); }, 40s)) {
      broken.push_back("not all committed while the disk of " + full
                       + " is full");
      run.ask_all(broken);
    }
    seen.look(run.w, run.rt_names);
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
}

/// Nothing comes after what a node copies from the others: who reads there gets
/// all of it even so.
TEST_P(RtGroupSim, WhoReadsAtANodeThatCatchesUpGetsWhatItCopies) {
  size_t copied = 0;
  for_each_seed(15, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3, rt_scenario::files::copied};
    std::vector<std::string> broken;
    if (!run.w.run_until([&] { return run.books[0]->accepted > 0; }, 10s))
      broken.push_back("nothing was accepted");
    for (const auto& name : run.names)
      if (name != "rt1" && name != "rt2")
        run.w.crash(name);
    // The others wait no longer for it than this.
    run.w.run_for(4s);
    for (const auto& name : run.names)
      if (name.starts_with("pub"))
        run.w.restart(name);
    if (!run.w.run_until([&run] { return run.settled(); }, 30s))
      broken.push_back("not all committed without rt0");
    run.w.restart("rt0");
    run.w.run_for(std::chrono::milliseconds{run.w.draw(40)});
    for (const auto* name : {"plain", "copy", "saved"})
      run.w.restart(name);
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    if (has_notice(run.w, "rt0", "caught_up"))
      ++copied;
    return report(seed, broken);
  });
  EXPECT_GT(copied, 0u) << "nobody had to copy";
}

/// What a node missed it gets from the others, though all publishers are gone.
TEST_P(RtGroupSim, ANodeThatComesBackNeedsNoPublisher) {
  for_each_seed(15, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    const auto gone = run.rt_names[run.w.draw(run.rt_names.size())];
    run.w.run_for(std::chrono::milliseconds{run.w.draw(600)});
    // All must have been there once.
    std::vector<std::string> broken;
    if (!run.w.run_until([&run] { return run.books[0]->accepted > 0; }, 10s))
      broken.push_back("nothing was accepted");
    run.w.crash(gone);
    if (!run.w.run_until([&run] { return run.settled(); }, 30s))
      broken.push_back("not all committed without " + gone);
    for (const auto& name : run.names)
      if (name.starts_with("pub"))
        run.w.crash(name);
    run.w.restart(gone);
    // Looked at now and then: reading the whole log is expensive.
    bool agree = false;
    for (int i = 0; i < 100 && !agree; ++i) {
      run.w.run_for(300ms);
      agree = run.copies_agree();
    }
    if (!agree) {
      broken.push_back(gone + " did not catch up");
      run.ask_all(broken);
    }
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
}

/// A publisher that reaches one node only: the others get its bytes from there.
TEST_P(RtGroupSim, BytesReachNodesThatTheirPublisherDoesNot) {
  for_each_seed(15, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    // The group must be there before its order is needed.
    run.w.run_for(500ms);
    const auto reached = run.w.draw(3);
    for (size_t i = 0; i < 3; ++i)
      if (i != reached)
        run.w.cut("pub0", run.rt_names[i]);
    std::vector<std::string> broken;
    if (!run.w.run_until([&run] { return run.settled(); }, 60s)) {
      broken.push_back("not all committed through " + run.rt_names[reached]);
      run.ask_all(broken);
    }
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
}

/// Nodes lose their disks, one after the other: each comes back as another
/// member, is brought up by the others, and votes again.
TEST_P(RtGroupSim, NodesThatLoseTheirDisksAreTakenInAgain) {
  for_each_seed(15, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    std::vector<std::string> broken;
    for (uint64_t i = 0; i < 1 + run.w.draw(4); ++i) {
      run.w.run_for(std::chrono::milliseconds{500 + run.w.draw(2000)});
      const auto gone = run.rt_names[run.w.draw(run.rt_names.size())];
      run.w.crash(gone);
      run.w.run_for(std::chrono::milliseconds{run.w.draw(5000)});
      run.wipe(gone);
      run.w.restart(gone);
      if (!run.becomes_member(gone)) {
        broken.push_back(gone + " is no member again");
        run.ask_all(broken);
        break;
      }
    }
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    return report(seed, broken);
  });
}

/// A node of a cached stream that lost its power has forgotten what it said: as
/// long as one at a time does, nothing is lost, and the order stays.
TEST_P(RtGroupSim, PowerCutsOneAtATimeLoseNothing) {
  effects seen{{effect::end, effect::loss}};
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    std::vector<std::string> broken;
    for (uint64_t i = 0; i < 1 + run.w.draw(4); ++i) {
      run.w.run_for(std::chrono::milliseconds{300 + run.w.draw(2000)});
      const auto gone = run.rt_names[run.w.draw(run.rt_names.size())];
      seen.crash(run.w, gone, {.power = true, .left = survival::nothing});
      run.w.run_for(std::chrono::milliseconds{run.w.draw(5000)});
      run.w.restart(gone);
      if (!run.becomes_member(gone)) {
        broken.push_back(gone + " is no member again");
        run.ask_all(broken);
        break;
      }
    }
    for (auto& line : run.finish())
      broken.push_back(std::move(line));
    seen.look(run.w, run.rt_names);
    return report(seed, broken);
  });
}

/// When all have forgotten, nobody orders anything anew: the nodes say so, and
/// what an operator does decides.
TEST(RtGroupPowerSim, AMajorityThatForgotOrdersNothing) {
  effects seen{{effect::loss}};
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, true, 3};
    run.w.run_for(std::chrono::milliseconds{500 + run.w.draw(2000)});
    for (const auto& name : run.rt_names)
      seen.crash(run.w, name, {.power = true, .left = survival::some});
    std::map<std::string, size_t> before;
    const auto size_of = [&](const std::string& name) {
      size_t bytes = 0;
      for (const auto& [file, content] :
           log_bytes(run.w.at(name).disk(), stream_directory(name) + "/out"))
        bytes += content.size();
      return bytes;
    };
    for (const auto& name : run.rt_names)
      before[name] = size_of(name);
    for (const auto& name : run.rt_names)
      run.w.restart(name);
    run.w.run_for(20s);
    std::vector<std::string> broken;
    for (const auto& name : run.rt_names) {
      if (size_of(name) > before[name])
        broken.push_back(name + " ordered something");
      const auto said = run.w.status(name, "rt/market");
      if (said.find("\"role\":\"forgot\"") == std::string::npos)
        broken.push_back(name + " does not say it: " + said);
      if (!has_notice(run.w, name, "forgot"))
        broken.push_back(name + " logs nothing");
    }
    return report(seed, broken);
  });
}

INSTANTIATE_TEST_SUITE_P(Modes, RtGroupSim, ::testing::Bool(),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::sim
