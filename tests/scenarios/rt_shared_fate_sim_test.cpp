// What befalls two of three RT nodes at a time, all links in turn, or the
// clocks of machines. Nothing is lost, and the stream goes on when it is over.

#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>

#include "effects.hpp"
#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

class shared_fate {
protected:
  static uint64_t committed(const rt_scenario& run) {
    uint64_t out = 0;
    for (const auto& book : run.books)
      for (const auto& [id, entries] : book->entries)
        out += entries.back().told == rt::ack_level::committed;
    return out;
  }

  /// What is wrong once all disks have room again.
  static std::vector<std::string> after_room(rt_scenario& run) {
    std::vector<std::string> broken;
    if (!run.w.run_until([&] { return run.settled(); }, 60s)) {
      broken.push_back("not all committed after there was room");
      run.ask_all(broken);
    }
    for (const auto& name : run.rt_names)
      if (run.w.at(name).lives() != 1)
        broken.push_back(name + " went down");
    return with(std::move(broken), run.finish());
  }

  static std::string leader_of(rt_scenario& run) {
    for (const auto& name : run.rt_names)
      if (run.w.status(name, "rt/market").find("\"leads\":true")
          != std::string::npos)
        return name;
    return {};
  }

  static bool told(rt_scenario& run, std::string_view id) {
    return std::any_of(
      run.rt_names.begin(), run.rt_names.end(),
      [&](const std::string& name) { return has_notice(run.w, name, id); });
  }

  static std::vector<std::string> with(std::vector<std::string> first,
                                       std::vector<std::string> more) {
    for (auto& line : more)
      first.push_back(std::move(line));
    return first;
  }
};

class RtSharedFateSim : public ::testing::TestWithParam<bool>,
                        protected shared_fate {
protected:
  bool cached() const { return GetParam(); }
};
class RtLyingDiskSim : public ::testing::Test, protected shared_fate {};

/// The third copy takes their place.
TEST_P(RtSharedFateSim, TheSameBytesRotOnTwoOfThree) {
  effects seen{{effect::rot}};
  size_t noticed = 0;
  for_each_seed(15, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    std::vector<std::string> broken;
    if (!run.w.run_until([&] { return run.settled() && run.caught_up(); }, 60s))
      broken.push_back("not all committed");
    const auto intact = run.w.draw(3);
    const auto bit = run.w.draw(10'000);
    for (size_t i = 0; i < 3; ++i) {
      const auto out = stream_directory(run.rt_names[i]) + "/out";
      auto& disk = run.w.at(run.rt_names[i]).disk();
      const auto files = persistence::list_log_files(disk, out);
      if (i == intact || !files || files->empty())
        continue;
      const auto path = out + "/"
                        + persistence::log_file_name(files->front().session,
                                                     files->front().roll);
      if (const auto size = disk.content(path).size(); size != 0)
        seen.flip(disk, path, bit % (size * 8));
    }
    run.w.run_for(60s);
    noticed += told(run, "out_damaged");
    if (told(run, "out_lost"))
      broken.push_back("a file is given up of which there is a copy");
    return report(seed, with(std::move(broken), run.finish()));
  });
  EXPECT_TRUE(noticed > 0 || has_few_seeds()) << "nobody looked at it";
}

/// Nobody can order anything. Publishers log on, and all of it is committed
/// once there is room, without a restart.
TEST_P(RtSharedFateSim, DisksOfTwoOfThreeAreFull) {
  effects seen{{effect::refusal}};
  size_t stood = 0;
  for_each_seed(15, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    std::vector<std::string> broken;
    if (!run.w.run_until([&] { return run.books[0]->accepted > 5; }, 10s))
      broken.push_back("nothing was accepted");
    const auto roomy = run.w.draw(3);
    for (size_t i = 0; i < 3; ++i)
      if (i != roomy) {
        const auto& name = run.rt_names[i];
        auto& disk = run.w.at(name).disk();
        // With all that is kept for this they would go on for longer.
        auto reserve = disk.open(stream_directory(name) + "/.reserve",
                                 persistence::open_mode::write);
        if (!reserve || (*reserve)->truncate(64 << 10))
          broken.push_back(name + " has no reserve");
        disk.leave_free(run.w.draw(500));
      }
    run.w.run_for(10s);
    const auto before = committed(run);
    run.w.run_for(10s);
    stood += !run.settled() && committed(run) == before;
    for (const auto& name : run.rt_names)
      run.w.at(name).disk().set_quota(std::nullopt);
    seen.look(run.w, run.rt_names);
    return report(seed, with(std::move(broken), after_room(run)));
  });
  EXPECT_TRUE(stood > 0 || has_few_seeds()) << "they went on ordering";
}

/// Goal: disks that refuse writes for want of room at any moment, although they
/// tell of room (a quota, others that take it first), end nothing: what waits
/// is ordered once there is room.
TEST_P(RtSharedFateSim, DisksThatAreFullerThanTheyTell) {
  effects seen{{effect::refusal}};
  for_each_seed(15, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), seed % 2 == 0 ? 1u : 3u};
    std::vector<std::string> broken;
    const std::array<std::string, 3> logs{"/out/", "/raft/", "/history/"};
    const std::array calls{sim::disk_call::write, sim::disk_call::open};
    for (int i = 0; i < 20; ++i) {
      auto& disk
        = run.w.at(run.rt_names[run.w.draw(run.rt_names.size())]).disk();
      (void)disk.fail(calls[run.w.draw(2)], run.w.draw(20) + 1, errc::no_space,
                      run.w.draw(300) + 1, logs[run.w.draw(3)]);
      run.w.run_for(500ms);
    }
    if (run.w.story().find("ended: no_space") != std::string::npos)
      broken.push_back("an RT process ended: " + run.w.story());
    for (const auto& name : run.rt_names)
      run.w.at(name).disk().heal();
    seen.look(run.w, run.rt_names);
    return report(seed, with(std::move(broken), after_room(run)));
  });
}

/// A leader that is alone writes what nobody agrees on, and ends. The others go
/// on without it, and their log begins with an entry whose number it has as
/// well, as another one: it gets theirs, though it lacks no number.
TEST_P(RtSharedFateSim, ALogThatOnlySeemsToHaveWhatWasAgreedOnIsReplaced) {
  size_t seemed = 0;
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3, rt_scenario::files::copied};
    std::vector<std::string> broken;
    const auto fact = [&](const std::string& name, const char* key) {
      const auto said = text::parse_json(run.w.status(name, "rt/market"));
      return said ? said->at("group").at(key).natural().value_or(0) : 0;
    };
    const auto publishers = [&](bool live) {
      for (const auto& name : run.names)
        if (name.starts_with("pub"))
          live ? run.w.restart(name) : run.w.crash(name);
    };
    if (!run.w.run_until([&] { return run.books[0]->accepted > 5; }, 10s))
      broken.push_back("nothing was accepted");
    const auto alone = leader_of(run);
    if (alone.empty())
      return report(seed, {"nobody leads"});
    for (const auto& name : run.rt_names)
      if (name != alone)
        run.w.crash(name);
    run.w.run_for(std::chrono::milliseconds{100 + run.w.draw(300)});
    const auto agreed = fact(alone, "commit");
    const auto last = fact(alone, "durable");
    run.w.crash(alone);
    for (const auto& name : run.rt_names)
      if (name != alone)
        run.w.restart(name);
    uint64_t begin = 0;
    for (int i = 0; i < 200 && begin <= agreed; ++i) {
      run.w.run_for(50ms);
      if (const auto leads = leader_of(run); !leads.empty())
        begin = fact(leads, "log_begin");
    }
    // So that it begins there still when the first one is back.
    publishers(false);
    run.w.run_for(1s);
    if (const auto leads = leader_of(run); !leads.empty())
      begin = fact(leads, "log_begin");
    seemed += begin > agreed && begin <= last;
    run.w.restart(alone);
    bool agree = false;
    for (int i = 0; i < 100 && !agree; ++i) {
      run.w.run_for(300ms);
      agree = run.copies_agree();
    }
    if (!agree) {
      broken.push_back(alone + " did not catch up");
      run.ask_all(broken);
    }
    publishers(true);
    return report(seed, with(std::move(broken), run.finish()));
  });
  EXPECT_TRUE(seemed > 0 || has_few_seeds()) << "its log was too short";
}

/// Files of the merged log or of inputs, now and then, and of one node.
TEST_P(RtSharedFateSim, ReadsAreRefusedOnOneNode) {
  effects seen{{effect::refusal}};
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    run.expected_failures = {errc::storage_failed, errc::closed};
    const auto name = run.rt_names[run.w.draw(3)];
    for (uint64_t i = 0; i < 1 + run.w.draw(4); ++i)
      run.w.after(std::chrono::milliseconds{run.w.draw(3000)}, [&run, name] {
        run.w.at(name).disk().fail(disk_call::read, 1 + run.w.draw(4),
                                   errc::storage_failed, 1 + run.w.draw(3),
                                   run.w.chance(0.5) ? "/out/" : "/in/");
      });
    // Who starts reads more.
    if (run.w.chance(0.5))
      run.w.after(std::chrono::milliseconds{run.w.draw(3000)}, [&run, name] {
        run.w.crash(name, {.restart_after = 200ms});
      });
    run.w.run_for(5s);
    const auto broken = run.finish();
    seen.look(run.w, run.rt_names);
    return report(seed, broken);
  });
}

/// As of a file system that the kernel made read-only: the others order what
/// comes, and the node is back once it may write.
TEST_P(RtSharedFateSim, TheDiskOfOneTakesNothingAnyMore) {
  effects seen{{effect::refusal}};
  for_each_seed(15, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    std::vector<std::string> broken;
    if (!run.w.run_until([&] { return run.books[0]->accepted > 5; }, 10s))
      broken.push_back("nothing was accepted");
    run.w.run_for(std::chrono::milliseconds{run.w.draw(300)});
    const auto name = run.rt_names[run.w.draw(3)];
    auto& disk = run.w.at(name).disk();
    for (const auto call :
         {disk_call::write, disk_call::sync, disk_call::truncate,
          disk_call::rename, disk_call::remove, disk_call::sync_directory})
      disk.fail(call, 1, errc::storage_failed, uint64_t{1} << 40);
    if (!run.w.run_until([&run] { return run.settled(); }, 40s)) {
      broken.push_back("not all committed without " + name);
      run.ask_all(broken);
    }
    seen.look(run.w, run.rt_names);
    disk.heal();
    if (!run.becomes_member(name)) {
      broken.push_back(name + " is no member again");
      run.ask_all(broken);
    }
    return report(seed, with(std::move(broken), run.finish()));
  });
}

/// One of three says "synced" and forgets at a power cut. It takes part again
/// once it has what it lacks; the others have all of it.
TEST_F(RtLyingDiskSim, TheDiskOfOneForgetsWhatItSaidItSynced) {
  size_t forgot = 0;
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, false, 3};
    std::vector<std::string> broken;
    if (!run.w.run_until([&] { return run.books[0]->accepted > 5; }, 10s))
      broken.push_back("nothing was accepted");
    // A leader that goes may be followed by one that lacks the same.
    const auto leads = leader_of(run);
    const auto name = *std::find_if(run.rt_names.begin(), run.rt_names.end(),
                                    [&](auto& each) { return each != leads; });
    auto& disk = run.w.at(name).disk();
    disk.set_lying_sync(true);
    if (run.w.chance(0.5))
      run.w.run_for(std::chrono::milliseconds{100 + run.w.draw(1500)});
    else if (!run.w.run_until([&] { return run.settled(); }, 60s))
      broken.push_back("not all committed");
    // Inputs are synced before they are acknowledged.
    const bool rests = run.settled();
    if (rests)
      run.w.run_for(5s);
    const auto logs = [&] {
      auto files = tree_of(disk, stream_directory(name) + "/in");
      std::erase_if(files, [](const auto& each) {
        return each.first.find("/log.") == std::string::npos;
      });
      return files;
    };
    const auto before = logs();
    run.w.crash(name, {.power = true, .left = survival::nothing});
    forgot += rests && logs() != before;
    disk.set_lying_sync(false);
    run.w.run_for(std::chrono::milliseconds{run.w.draw(3000)});
    run.w.restart(name);
    if (!run.becomes_member(name)) {
      broken.push_back(name + " is no member again");
      run.ask_all(broken);
    }
    return report(seed, with(std::move(broken), run.finish()));
  });
  EXPECT_TRUE(forgot > 0 || has_few_seeds())
    << "what was said to be synced was there";
}

/// One after the other is cut off, until all are; then they are whole again in
/// another order.
TEST_P(RtSharedFateSim, LinksStopAndGoOnInAnyOrder) {
  effects seen{{effect::lost_connection}};
  size_t stood = 0;
  for_each_seed(20, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    run.w.run_for(500ms);
    std::vector<std::pair<std::string, std::string>> links;
    for (const auto& node : run.rt_names)
      for (const auto& other : run.names)
        if (other != node && (!other.starts_with("rt") || other > node))
          links.emplace_back(node, other);
    const auto in_any_order = [&] {
      for (size_t i = links.size(); i > 1; --i)
        std::swap(links[i - 1], links[run.w.draw(i)]);
    };
    for (uint64_t round = 0; round < 2; ++round) {
      in_any_order();
      for (const auto& [one, other] : links) {
        run.w.cut(one, other);
        run.w.run_for(std::chrono::milliseconds{run.w.draw(300)});
      }
      const auto before = committed(run);
      run.w.run_for(std::chrono::milliseconds{run.w.draw(4000)});
      stood += !run.settled() && committed(run) == before;
      in_any_order();
      for (const auto& [one, other] : links) {
        run.w.heal(one, other);
        run.w.run_for(std::chrono::milliseconds{run.w.draw(300)});
      }
    }
    const auto broken = run.finish();
    seen.look(run.w, run.names, 1);
    return report(seed, broken);
  });
  EXPECT_TRUE(stood > 0 || has_few_seeds())
    << "something went on without any link";
}

/// The clock of one machine stands, that of another is ten seconds ahead, that
/// of the third gains half a millisecond in each second. Nobody leads for
/// another reason than before, and nothing is lost.
TEST_P(RtSharedFateSim, ClocksStandRunAheadAndDrift) {
  for_each_seed(10, [&](uint64_t seed) {
    rt_scenario run{seed, cached(), 3};
    std::vector<std::string> broken;
    if (!run.w.run_until([&] { return run.books[0]->accepted > 5; }, 10s))
      broken.push_back("nothing was accepted");
    const auto leads = leader_of(run);
    const auto before = run.w.at("rt0").env().clock->now_ns();
    run.w.jump_clock("rt1", 10s);
    constexpr auto step = 100ms;
    for (int i = 0; i < 300; ++i) {
      run.w.run_for(step);
      run.w.jump_clock("rt0", -step);
      run.w.jump_clock("rt2", step / 2000);
    }
    const auto passed = run.w.at("rt0").env().clock->now_ns() - before;
    if (passed > 1'000'000'000)
      broken.push_back("its clock does not stand");
    if (leader_of(run) != leads)
      broken.push_back("another node leads");
    return report(seed, with(std::move(broken), run.finish()));
  });
}

INSTANTIATE_TEST_SUITE_P(Modes, RtSharedFateSim, ::testing::Values(false, true),
                         [](const auto& mode) {
                           return mode.param ? "cached" : "synced";
                         });

} // namespace
} // namespace millrace::sim
