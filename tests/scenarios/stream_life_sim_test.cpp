// A stream that was wiped, and those who still have a place of its earlier
// life.

#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

struct wiped_run {
  explicit wiped_run(uint64_t seed, size_t rts = 1)
    : w{seed, {.faults_may_miss = true}} {
    rt_node_options rt;
    rt.draws_first_place = true;
    rt.roll_bytes = 4096 << w.draw(5);
    rt.checkpoint_bytes = 1024 << w.draw(7);
    for (size_t i = 0; i < rts; ++i) {
      rt_names.push_back("rt" + std::to_string(i));
      add_rt_node(plan, rt_names.back(), rt);
    }
    publisher_load load;
    load.messages = 100 + w.draw(200);
    // As many bytes in each life: places would be the same.
    load.payload_bytes_max = 0;
    book->origin = "pub0.market";
    add_publisher(plan, "pub0", load, book);
    subscriber_load sub;
    sub.checkpoint_every = 7;
    add_subscriber(plan, "sub0", sub, read);
    add_subscriber(plan, "late0", {}, late);
    add_subscriber(plan, "copy0", {.local_copy = "/copy/market"}, copied);
    w.add_cluster(plan.config, plan.options);
  }

  bool settles() {
    return w.run_until([&] { return book->settled; }, 60s)
           && w.run_until([&] { return read->reached() >= end(); }, 20s);
  }
  position end() {
    const auto said = text::parse_json(w.status("rt0", "rt/market"));
    return {said ? said->at("end").natural().value_or(0) : 0};
  }

  /// What each RT node has goes.
  bool wipe_stream() {
    for (const auto& name : rt_names) {
      w.crash(name);
      if (w.at(name).disk().remove_all(stream_directory(name)))
        return false;
    }
    return true;
  }
  /// How often the ledger of this node has what the publisher had told an
  /// earlier life.
  size_t told_lost(const std::string& name) {
    const auto ledger = rt::loss_ledger::open(
      w.at(name).disk(), stream_directory(name) + "/losses.jsonl");
    size_t told = 0;
    if (!ledger)
      return told;
    const auto all = (*ledger)->after(0);
    for (const auto& each : all.at("losses").elements())
      told += *each.at("kind").text() == "life_lost"
                  && each.at("input").text()->starts_with("pub0.market")
                ? 1
                : 0;
    return told;
  }
  void restart_stream() {
    for (const auto& name : rt_names)
      w.restart(name);
  }

  world w;
  cluster_plan plan;
  std::vector<std::string> rt_names;
  std::shared_ptr<ledger> book = std::make_shared<ledger>();
  std::shared_ptr<reading> read = std::make_shared<reading>();
  /// Into a copy.
  std::shared_ptr<reading> copied = std::make_shared<reading>();
  std::shared_ptr<reading> late = std::make_shared<reading>(); ///< From begin.
};

// All of RT and of the publisher goes, and the one who reads has stored a plain
// place: it is told, and misses nothing of the next life.
TEST(StreamLifeSim, APlaceOfAnEarlierLifeIsAnsweredByAReset) {
  for_each_seed(20, [](uint64_t seed) {
    std::vector<std::string> broken;
    wiped_run run{seed};
    if (!run.settles())
      broken.emplace_back("the first life does not come to its end");
    run.w.crash("sub0");
    run.w.crash("copy0");
    run.w.crash("pub0");
    run.w.crash("rt0");
    if (run.w.at("rt0").disk().remove_all(stream_directory("rt0"))
        || run.w.at("pub0").disk().remove_all("/pub"))
      broken.emplace_back("not wiped");
    *run.book = ledger{.origin = "pub0.market"};
    run.w.restart("rt0");
    run.w.restart("pub0");
    if (!run.w.run_until([&] { return run.book->settled; }, 60s))
      broken.emplace_back("the second life does not come to its end");
    run.w.restart("sub0");
    if (!run.w.run_until([&] { return run.read->reached() >= run.end(); }, 20s))
      broken.emplace_back("it does not read on");
    const auto& life = run.read->lives.back();
    if (!life.started_at)
      broken.emplace_back("it had no checkpoint");
    if (life.items.empty() || life.items[0].kind != delivered::what::event
        || life.items[0].event.kind != event_kind::reset
        || life.items[0].event.from != *life.started_at)
      broken.emplace_back("it is not told");
    const auto whole
      = read_stream(run.w.at("rt0").disk(), stream_directory("rt0") + "/out");
    if (!whole || life.items.size() != whole->size() + 1
        || !std::equal(whole->begin(), whole->end(), life.items.begin() + 1))
      broken.emplace_back("it is not given all of the stream");
    // One that has a copy of the earlier life keeps it, and says so.
    run.w.restart("copy0");
    if (!run.w.run_until([&] { return run.copied->reached() >= run.end(); },
                         20s))
      broken.emplace_back("what has a copy of it does not read on");
    const auto& again = run.copied->lives.back().items;
    if (again.empty() || again[0].kind != delivered::what::event
        || again[0].event.kind != event_kind::reset || !whole
        || !std::equal(whole->begin(), whole->end(), again.begin() + 1,
                       again.end()))
      broken.emplace_back("what has a copy of it is not told, or given others");
    for (auto& line : run.w.defects())
      broken.push_back(line);
    return report(seed, broken);
  });
}

// Only what RT had is gone, and publishers know what it was: the ledger of the
// next life tells, once, also when both begin again.
TEST(StreamLifeSim, WhatAnEarlierLifeHadIsALoss) {
  for_each_seed(20, [](uint64_t seed) {
    std::vector<std::string> broken;
    wiped_run run{seed, seed % 2 == 0 ? 1u : 3u};
    if (!run.settles())
      broken.emplace_back("the first life does not come to its end");
    if (run.w.chance(0.5))
      run.w.crash("pub0", any_crash(run.w, {.restart_within = 2s}));
    if (!run.wipe_stream())
      broken.emplace_back("not wiped");
    for (int life = 0; life < 3; ++life) {
      run.restart_stream();
      run.w.run_for(10s);
      for (const auto& name : run.rt_names)
        if (const auto told = run.told_lost(name); told != 1)
          broken.push_back(name + " tells " + std::to_string(told) + " times");
      if (run.w.chance(0.5)) {
        run.w.crash("pub0");
        run.w.restart("pub0");
      }
      for (const auto& name : run.rt_names)
        run.w.crash(name);
    }
    if (run.w.story().find("life_lost") == std::string::npos)
      broken.emplace_back("RT's log does not tell");
    for (auto& line : run.w.defects())
      broken.push_back(line);
    return report(seed, broken);
  });
}

// One node's disk is put back as it was in an earlier life: it says what is
// wrong, and nobody takes what it has for the stream.
TEST(StreamLifeSim, ADirectoryOfAnEarlierLifeServesNobody) {
  for_each_seed(20, [](uint64_t seed) {
    std::vector<std::string> broken;
    wiped_run run{seed, 3};
    if (!run.settles())
      broken.emplace_back("the first life does not come to its end");
    run.w.back_up("rt2");
    run.w.crash("pub0");
    if (!run.wipe_stream() || run.w.at("pub0").disk().remove_all("/pub"))
      broken.emplace_back("not wiped");
    *run.book = ledger{.origin = "pub0.market"};
    run.restart_stream();
    run.w.restart("pub0");
    if (!run.w.run_until([&] { return run.book->settled; }, 60s))
      broken.emplace_back("the second life does not come to its end");
    run.w.kill("rt2", restart_older_after(0s));
    run.w.run_for(run.w.chance(0.5) ? 10ms : 5s);
    for (int life = 0; life < 4; ++life) {
      run.w.crash("late0");
      run.w.restart("late0");
      run.w.run_for(6s);
      const auto whole
        = read_stream(run.w.at("rt0").disk(), stream_directory("rt0") + "/out");
      const auto& items = run.late->lives.back().items;
      if (!whole || items != *whole)
        broken.push_back("it is given " + std::to_string(items.size())
                         + " messages, which are not the stream's");
    }
    if (run.w.story().find("is of another life") == std::string::npos)
      broken.emplace_back("nobody says what is wrong");
    if (run.told_lost("rt2") != 0)
      broken.emplace_back("it tells a loss that is none");
    for (auto& line : run.w.defects())
      broken.push_back(line);
    return report(seed, broken);
  });
}

} // namespace
} // namespace millrace::sim
