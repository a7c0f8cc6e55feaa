// Who decides which files of a stream go: its subscribers follow, keep theirs,
// or lead.

#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

constexpr uint64_t message_count = 400; // In three files of the stream.

/// An RT node or three, a publisher, and three subscribers with copies.
class prune_run {
public:
  prune_run(uint64_t seed, size_t node_count) : w{seed} {
    rt_node_options rt;
    rt.roll_bytes = 32 << 10;
    rt.checkpoint_bytes = 1024;
    for (size_t i = 0; i < node_count; ++i) {
      rt_names.push_back("rt" + std::to_string(i));
      add_rt_node(plan, rt_names.back(), rt);
    }
    publisher_load load;
    load.messages = message_count;
    load.payload_bytes_max = 400;
    book = std::make_shared<ledger>();
    add_publisher(plan, "pub0", load, book);
    add("follows", rt::archived_exchange::follow);
    add("keeps", rt::archived_exchange::own);
    add("leads", rt::archived_exchange::lead);
    w.add_cluster(plan.config, plan.options);
    if (!w.run_until([this] { return all_delivered(); }, 60s))
      broken.push_back("not all was delivered");
  }

  void add(const std::string& name, rt::archived_exchange archived) {
    readings[name] = std::make_shared<reading>();
    add_subscriber(plan, name,
                   {.local_copy = "/copy/market", .archived = archived},
                   readings[name]);
  }

  bool all_delivered() {
    if (!book->settled)
      return false;
    for (const auto& [name, read] : readings)
      if (read->lives.empty()
          || read->lives.back().items.size() < message_count)
        return false;
    return true;
  }

  /// Of the files that are not empty, the first.
  position begin_of(const std::string& name) {
    const bool is_rt = name.starts_with("rt");
    return first_file(*persistence::list_log_files(
      w.at(name).disk(),
      is_rt ? stream_directory(name) + "/out" : std::string{"/copy/market"}));
  }

  /// The end of a message at about the middle that is not the last of its file.
  position middle() const {
    const auto& items = readings.at("leads")->lives.back().items;
    size_t at = 250;
    while (file_of(items[at + 1].begin) != file_of(items[at].begin))
      ++at;
    return items[at].end;
  }
  static position file_of(position at) {
    return position::of(at.session(), at.roll(), 0);
  }

  void prune(const std::string& name, position at) {
    readings.at(name)->control->prune(at);
    w.run_for(8s);
  }

  void expect_begin(const std::string& name, position at) {
    if (begin_of(name) != at)
      broken.push_back(name + " begins at " + to_string(begin_of(name))
                       + ", not at " + to_string(at));
  }

  world w;
  cluster_plan plan;
  std::vector<std::string> rt_names;
  std::shared_ptr<ledger> book;
  std::map<std::string, std::shared_ptr<reading>> readings;
  std::vector<std::string> broken;
};

TEST(PruneSim, WhatTheLeadPrunesGoesEverywhereButWhereItIsKept) {
  for (const size_t node_count : {1, 3})
    for_each_seed(2, [&](uint64_t seed) {
      prune_run run{seed, node_count};
      const auto at = run.middle();
      const auto file = prune_run::file_of(at);
      if (file == position{})
        run.broken.push_back("the log has too few files");
      run.prune("leads", at);
      for (const auto& name : run.rt_names)
        run.expect_begin(name, file);
      run.expect_begin("follows", file);
      run.expect_begin("leads", file);
      run.expect_begin("keeps", position{});
      if (run.readings["leads"]->control->pruned().done != at)
        run.broken.push_back("the lead does not know it");
      run.prune("keeps", at);
      run.expect_begin("keeps", file);
      return report(seed, run.broken);
    });
}

/// A position that a callback got may be the end of a file's last message.
TEST(PruneSim, AFileWhoseLastMessageIsBeforeThePositionGoes) {
  for_each_seed(2, [&](uint64_t seed) {
    prune_run run{seed, 1};
    const auto& items = run.readings["leads"]->lives.back().items;
    size_t last = 0;
    while (prune_run::file_of(items[last + 1].begin) == position{})
      ++last;
    run.prune("leads", items[last - 1].end);
    run.expect_begin("rt0", position{});
    run.prune("leads", items[last].end);
    run.expect_begin("rt0", prune_run::file_of(items[last + 1].begin));
    return report(seed, run.broken);
  });
}

/// Without the lead a prune is the subscriber's own affair.
TEST(PruneSim, OnlyTheLeadPrunesForOthers) {
  for_each_seed(2, [&](uint64_t seed) {
    prune_run run{seed, 3};
    const auto file = prune_run::file_of(run.middle());
    run.prune("follows", run.middle());
    run.expect_begin("follows", file);
    for (const auto& name : run.rt_names)
      run.expect_begin(name, position{});
    run.expect_begin("keeps", position{});
    run.expect_begin("leads", position{});
    // The lease is told, and goes on to another when its holder is gone.
    bool led = false;
    for (const auto& name : run.rt_names)
      led = led
            || run.w.status(name, "rt/market").find("\"lead\":\"\"")
                 == std::string::npos;
    if (!led)
      run.broken.push_back("no node says who leads");
    run.w.crash("leads");
    run.w.run_for(12s);
    for (const auto& name : run.rt_names)
      if (run.w.status(name, "rt/market").find("\"lead\":\"\"")
          == std::string::npos)
        run.broken.push_back(name + " has a lead that is gone");
    return report(seed, run.broken);
  });
}

} // namespace
} // namespace millrace::sim
