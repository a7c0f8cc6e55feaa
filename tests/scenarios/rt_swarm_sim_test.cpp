// Swarm of RT: the seed draws one node or three, publishers, subscribers with
// copies and checkpoints, sizes, ends of periods that are asked for again, and
// a script of faults for some of them. Then all is healed, and the stream is
// held against the books of its publishers, the logs of the nodes against one
// another, and each delivery of each subscriber against the stream.

#include <millrace/sim/world/failure_test.hpp>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include "invariant_audits.hpp"
#include "rt_scenario.hpp"
#include "swarm_drawing.hpp"

namespace millrace::sim {
namespace {

/// What a run of the swarm is made of.
struct plan_of_run {
  size_t members = 1;
  bool cached = false;
  rt_scenario::files sizes = rt_scenario::files::drawn;
  bool damages_feeds = false;
  int64_t grace_ns = 5'000'000'000; ///< Of the end of a period.
  fault_mix mix;
};

std::vector<std::string> rt_names(size_t members) {
  std::vector<std::string> out;
  for (size_t i = 0; i < members; ++i)
    out.push_back("rt" + std::to_string(i));
  return out;
}

/// Operators, and timers of several nodes, ask for the end of the same period.
void end_periods(rt_scenario& run) {
  const auto pause_ms = 100 + int64_t(run.w.draw(600));
  for (int64_t period = 1; period <= 8; ++period)
    for (uint64_t times = 1 + run.w.draw(4); times > 0; --times)
      run.w.after(
        std::chrono::milliseconds{pause_ms * period + int64_t(run.w.draw(100))},
        [&run, period] {
          const auto& name = run.rt_names[run.w.draw(run.rt_names.size())];
          if (auto handle = run.w.find(name, "rt/market"))
            run.w.request<position>(
              caf::actor_cast<sequencer_actor>(handle), 10s,
              [](const result<std::tuple<position>>&) {}, end_period_atom_v,
              period_id{period});
        });
}

/// One that cannot take more for a while, as an rdb at its limit of memory.
void pause_subscribers(rt_scenario& run) {
  const auto tell = [&run](const std::string& name, bool pause) {
    if (auto handle = run.w.find(name, "subscriber"))
      caf::anon_send(caf::actor_cast<subscriber_actor>(handle), pause_atom_v,
                     pause);
  };
  for (uint64_t i = 0; i < run.w.draw(6); ++i) {
    const std::string name = run.w.draw(2) == 0 ? "plain" : "copy";
    const auto at = std::chrono::milliseconds{run.w.draw(4000)};
    run.w.after(at, [tell, name] { tell(name, true); });
    run.w.after(at + std::chrono::milliseconds{run.w.draw(1500)},
                [tell, name] { tell(name, false); });
  }
  // Who still stands goes on before all is looked at.
  run.w.after(6s, [tell] {
    tell("plain", false);
    tell("copy", false);
  });
}

/// Looked at where nothing harms files: what is damaged is held by fewer.
bool keeps_files(const fault_mix& mix) {
  return mix.rotting.empty() && mix.misplacing.empty() && mix.shortening.empty()
         && mix.disks_lost.empty() && mix.disks_set_back.empty();
}

void audit_collection(rt_scenario& run,
                      const std::shared_ptr<collection_audit>& audit) {
  for (const auto& each : audit->look())
    run.w.fail(each);
  run.w.after(200ms, [&run, audit] { audit_collection(run, audit); });
}

void run_swarm(uint64_t seed, const plan_of_run& how,
               const fault_script& script, fired_faults& fired) {
  rt_scenario run{seed,
                  how.cached,
                  how.members,
                  how.sizes,
                  {.sync_share = 0.3, .period_grace_ns = how.grace_ns}};
  run.powered = cuts_power(script);
  if (how.damages_feeds)
    for (const auto& each : script)
      if (each.what.kind == fault::what::rot)
        run.damaged.insert(each.what.node + ".market");
  // A subscription ends when its own copy cannot be read, or written.
  if (how.mix.disk_errors)
    run.expected_failures = {errc::storage_failed};
  run.periods = true;
  end_periods(run);
  pause_subscribers(run);
  run.w.play(script);
  const auto audit = audit_of(run);
  if (keeps_files(how.mix))
    audit_collection(run, audit);
  // What rots is found when somebody reads it, or in time.
  run.w.run_for(how.mix.within * 2
                + (how.mix.rotting.empty() ? duration{500ms} : duration{30s}));
  (void)report(seed, run.finish());
  fired.add(run.w, script);
  fired.count("looks at what went", audit->looks());
}

/// Draws the rest of each run: `mix` says what it may have.
/// @param also seeds that found something, run each time
template <class Draw>
void swarm_of(uint64_t count, const Draw& draw,
              const std::vector<uint64_t>& also = {}) {
  fired_faults fired;
  const auto run = [&](uint64_t seed) {
    begins(seed);
    swarm_drawing drawing{seed};
    const plan_of_run how = draw(drawing);
    gtest_glue::run_drawn_script(
      seed, how.mix,
      [&](const fault_script& script) { run_swarm(seed, how, script, fired); });
  };
  for_each_seed(count, run);
  for (const auto seed : also)
    run(seed);
}

/// A plan with faults for some nodes of it.
plan_of_run any_plan(swarm_drawing& drawing, fault_mix mix, size_t members) {
  plan_of_run out{.members = members};
  // What a power cut takes of a cached stream was never promised.
  out.cached = drawing.one_in(6);
  mix.power_cuts = mix.power_cuts && !out.cached;
  mix.outages = mix.outages && !out.cached;
  auto all = rt_names(members);
  if (drawing.one_in(2))
    all.insert(all.end(), {"pub0", "plain", "copy", "saved"});
  else if (drawing.one_in(2))
    all.push_back("pub0");
  drawing.thin_out(mix);
  mix.nodes = drawing.some_of(all);
  mix.points = drawing.points_of(mix.nodes);
  mix.within = drawing.one_in(2) ? duration{2s} : duration{4s};
  out.grace_ns = drawing.one_in(2) ? 50'000'000 : 1'000'000'000;
  out.mix = std::move(mix);
  return out;
}

TEST(RtSwarmSim, NothingIsLostWhenANodeOrItsPeersDie) {
  swarm_of(15, [](swarm_drawing& drawing) {
    return any_plan(drawing, {.outages = true}, 1);
  });
}

TEST(RtSwarmSim, NothingIsLostWhenMembersOfAGroupDie) {
  swarm_of(15, [](swarm_drawing& drawing) {
    return any_plan(drawing, {.isolations = true, .outages = true}, 3);
  });
}

/// Leaders are cut off, die and come back, so that entries of several terms
/// meet in the logs of the group.
TEST(RtSwarmSim, NothingIsLostWhenLeadersChange) {
  swarm_of(15, [](swarm_drawing& drawing) {
    plan_of_run out{.members = 3, .grace_ns = 50'000'000};
    out.mix.nodes = rt_names(3);
    out.mix.within = 4s;
    out.mix.faults_max = 30;
    out.mix.isolations = true;
    out.mix.outages = drawing.one_in(2);
    out.mix.pauses = drawing.one_in(2);
    out.mix.power_cuts = !drawing.one_in(4);
    out.mix.points = drawing.points_of(out.mix.nodes);
    return out;
  });
}

/// Again and again, all of them or some, at one moment.
TEST(RtSwarmSim, NothingIsLostWhenManyLosePowerAtOnce) {
  swarm_of(
    15,
    [](swarm_drawing& drawing) {
      plan_of_run out{.members = size_t{drawing.one_in(2) ? 1u : 3u},
                      .grace_ns = 50'000'000};
      out.mix = {.kills = false, .pauses = false, .links = false};
      out.mix.outages = true;
      out.mix.disk_errors = drawing.one_in(3);
      out.mix.nodes = rt_names(out.members);
      out.mix.nodes.push_back("pub0");
      out.mix.faults_max = 30;
      out.mix.within = 2s;
      return out;
    },
    // A sync of a publisher fails, and later its machine loses its power.
    {74});
}

/// What was said before it was on a disk is gone with the power, and much is
/// said while a disk is slow.
TEST(RtSwarmSim, NothingIsLostWhenPowerGoesWhileDisksAreSlow) {
  swarm_of(30, [](swarm_drawing& drawing) {
    plan_of_run out{.members = size_t{drawing.one_in(2) ? 1u : 3u},
                    .grace_ns = 50'000'000};
    out.mix = {.kills = false, .pauses = false, .links = false};
    out.mix.power_cuts = out.members == 3;
    out.mix.isolations = out.members == 3 && drawing.one_in(2);
    out.mix.outages = true;
    out.mix.slow_disks = true;
    out.mix.nodes = rt_names(out.members);
    // What a publisher still has is lost nowhere.
    out.mix.nodes.push_back("pub0");
    out.mix.faults_max = 30;
    out.mix.within = 2s;
    return out;
  });
}

/// Publishers are cut off, their disks fill and fail, and their machines die:
/// what they recorded is all that there is of it for a while.
TEST(RtSwarmSim, NothingRecordedIsLostWhenPublishersFail) {
  swarm_of(15, [](swarm_drawing& drawing) {
    auto out
      = any_plan(drawing, {.isolations = true}, drawing.one_in(3) ? 3 : 1);
    out.cached = false;
    out.mix.disk_errors = true;
    out.mix.isolations = true;
    out.mix.nodes = {"pub0", "rt0"};
    out.mix.points = drawing.points_of({"pub0"});
    out.mix.faults_max = 12;
    return out;
  });
}

/// A network that damages what it carries.
TEST(RtSwarmSim, NothingIsLostWhenRecordsAreDamagedOnTheWay) {
  swarm_of(40, [](swarm_drawing& drawing) {
    auto out = any_plan(drawing, {}, drawing.one_in(2) ? 1 : 3);
    out.mix.corruption = true;
    out.mix.kills = drawing.one_in(2);
    out.mix.power_cuts = out.mix.power_cuts && drawing.one_in(2);
    out.mix.nodes = {"pub0", "rt0", "copy"};
    out.mix.points.clear();
    out.mix.faults_max = 20;
    return out;
  });
}

TEST(RtSwarmSim, NothingIsLostWhenDisksRefuse) {
  swarm_of(10, [](swarm_drawing& drawing) {
    auto out = any_plan(drawing, {.links = false}, drawing.one_in(2) ? 1 : 3);
    out.mix.disk_errors = true;
    return out;
  });
}

/// Publishers keep their logs: whatever rots at RT can be had again.
TEST(RtSwarmSim, NothingIsLostWhenRecordsRotAtRt) {
  swarm_of(10, [](swarm_drawing& drawing) {
    const size_t members = drawing.one_in(2) ? 1 : 3;
    auto out
      = any_plan(drawing, {.power_cuts = false, .isolations = true}, members);
    out.sizes = rt_scenario::files::kept;
    out.mix.nodes = rt_names(members);
    out.mix.nodes.insert(out.mix.nodes.end(), {"pub0", "plain", "copy"});
    // A publisher that begins another session closes its files: a lone node
    // collects them, and has nothing to make its merged log of.
    if (members == 1 && drawing.one_in(2))
      out.mix.kills = false;
    else if (members == 1)
      std::erase(out.mix.nodes, "pub0");
    out.mix.rotting = {"rt0"};
    out.mix.faults_max = 20;
    out.mix.rotting_parts = {"/in/", "/out/log."};
    out.mix.points.clear();
    return out;
  });
}

/// Files of one of three change places, or are cut by somebody: the others have
/// what it had.
TEST(RtSwarmSim, NothingIsLostWhenFilesOfRtAreMisplacedOrCut) {
  swarm_of(10,
           [](swarm_drawing& drawing) {
             auto out = any_plan(drawing, {.links = false}, 3);
             out.cached = false;
             out.mix.nodes = {"rt0", "pub0"};
             out.mix.power_cuts = false;
             out.mix.misplacing = {"rt0"};
             out.mix.shortening = {"rt0"};
             out.mix.harmed_files
               = {"out/log.0.0", "out/log.0.1", "out/log.0.2", "raft/log.0.0",
                  "history/log.0.0"};
             out.mix.points.clear();
             return out;
           },
           // The whole log is copied while a file of it is being mended; a file
           // changes places with one that was collected, with the one that is
           // written, before anybody heard of the group.
           {44, 75, 257, 363});
}

/// One of three is set back to an older copy of its disk: who leads finds that,
/// and sends it what it lacks.
TEST(RtSwarmSim, NothingIsLostWhenADiskOfRtIsSetBack) {
  swarm_of(10, [](swarm_drawing& drawing) {
    auto out = any_plan(drawing, {.power_cuts = false, .links = false}, 3);
    out.cached = false;
    out.mix.nodes = {"pub0", "copy"};
    out.mix.disks_set_back = {"rt1"};
    out.mix.faults_max = 6;
    out.mix.points.clear();
    return out;
  });
}

TEST(RtSwarmSim, WhatRotsAtAPublisherIsToldAndNothingElseIsLost) {
  swarm_of(10,
           [](swarm_drawing& drawing) {
             auto out = any_plan(drawing, {.isolations = true},
                                 drawing.one_in(2) ? 1 : 3);
             out.damages_feeds = true;
             out.mix.rotting = {"pub0"};
             out.mix.rotting_parts = {"/log."};
             return out;
           },
           // The end of one file and the start of the next, and nothing after
           // them; the record by which RT knows a publisher again; the first of
           // all; the newest one.
           {38, 77, 255, 346, 478, 592, 635});
}

} // namespace
} // namespace millrace::sim
