// Who decides which files of a stream go: its subscribers follow, keep theirs,
// or lead.

#include <millrace/messages/protocol/interfaces.hpp>

#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

constexpr uint64_t message_count = 400; // In three files of the stream.

/// An RT node or three, a publisher, and three subscribers with copies.
class prune_run {
public:
  /// Comes back when everybody has so many messages.
  prune_run(uint64_t seed, size_t node_count, uint64_t first = message_count)
    : w{seed} {
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
    if (!w.run_until([&] { return delivered(first); }, 60s))
      broken.push_back("not all was delivered");
  }

  void add(const std::string& name, rt::archived_exchange archived) {
    readings[name] = std::make_shared<reading>();
    add_subscriber(plan, name,
                   {.local_copy = "/copy/market",
                    .archived = archived,
                    .checkpoint_every = 1},
                   readings[name]);
  }

  bool delivered(uint64_t count) {
    if (count == message_count && !book->settled)
      return false;
    for (const auto& [name, read] : readings)
      if (read->lives.empty() || read->lives.back().items.size() < count)
        return false;
    return true;
  }

  /// What an RT node says to an operator; it passes on what the leader decides.
  template <class... Words>
  status_facts ask(const std::string& name, const Words&... asked) {
    const auto handle = w.find(name, "rt/market");
    if (!handle) {
      broken.push_back(name + " is not there");
      return {};
    }
    auto got = w.ask<status_facts>(
      caf::actor_cast<operated_stream_actor>(handle), 10s, asked...);
    if (!got)
      broken.push_back(name + ": " + to_string(got.failure()));
    return got ? std::get<0>(*got) : status_facts{};
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
      const auto file = file_of(at);
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
    while (file_of(items[last + 1].begin) == position{})
      ++last;
    run.prune("leads", items[last - 1].end);
    run.expect_begin("rt0", position{});
    run.prune("leads", items[last].end);
    run.expect_begin("rt0", file_of(items[last + 1].begin));
    return report(seed, run.broken);
  });
}

/// All messages once, in order, and between them a reset in the same place: it
/// begins where the session before it ended.
void check_reset(prune_run& run) {
  std::optional<delivered> place;
  for (const auto& [name, read] : run.readings) {
    int64_t last = 0;
    size_t events = 0;
    for (const auto& item : read->lives.back().items) {
      if (item.kind == delivered::what::message && item.id != ++last)
        run.broken.push_back(name + ": " + std::to_string(item.id)
                             + " in the place of " + std::to_string(last));
      if (item.kind != delivered::what::event)
        continue;
      ++events;
      if (item.event.kind != event_kind::reset || item.event.from.session() != 0
          || item.event.to.session() != 1 || item.event.from == position{}
          || (place && !(*place == item)))
        run.broken.push_back(name + ": another event at "
                             + to_string(item.begin));
      place = item;
    }
    if (events != 1 || last != static_cast<int64_t>(message_count))
      run.broken.push_back(name + ": " + std::to_string(events)
                           + " events, and the last message is "
                           + std::to_string(last));
  }
}

TEST(PruneSim, AResetIsAtOnePlaceForAllAndLosesNobodyAMessage) {
  for (const size_t node_count : {1, 3})
    for_each_seed(2, [&](uint64_t seed) {
      prune_run run{seed, node_count, message_count / 2};
      const auto dry
        = run.ask("rt0", reset_atom_v, cut_mode::dry, session_number{});
      if (dry.at("session").natural().value_or(0) != 1)
        run.broken.push_back("nothing would be reset: " + dry.dump());
      (void)run.ask("rt0", reset_atom_v, cut_mode::careful, session_number{});
      if (!run.w.run_until([&] { return run.delivered(message_count); }, 60s))
        run.broken.push_back("not all was delivered");
      run.w.run_for(8s);
      check_reset(run);
      const auto begin = position::of(1, 0, 0);
      for (const auto& name : run.rt_names)
        run.expect_begin(name, begin);
      run.expect_begin("follows", begin);
      run.expect_begin("keeps", position{});
      return report(seed, run.broken);
    });
}

/// Goal: who hears nothing of a reset may ask again, and resets once.
TEST(PruneSim, AResetOfANamedSessionIsDoneOnce) {
  for_each_seed(2, [&](uint64_t seed) {
    prune_run run{seed, 3, message_count / 2};
    (void)run.ask("rt0", reset_atom_v, cut_mode::careful, session_number{1});
    run.w.run_for(2s);
    const auto handle
      = caf::actor_cast<operated_stream_actor>(run.w.find("rt1", "rt/market"));
    const auto code_of = [&](uint64_t session) {
      return run.w
        .ask<status_facts>(handle, 10s, reset_atom_v, cut_mode::careful,
                           session_number{session})
        .failure()
        .code;
    };
    if (code_of(1) != errc::already_exists)
      run.broken.push_back("it was not refused");
    if (code_of(3) != errc::invalid_argument)
      run.broken.push_back("session 2 was passed over");
    run.w.run_for(2s);
    run.expect_begin("rt0", position::of(1, 0, 0));
    return report(seed, run.broken);
  });
}

/// The group's log begins anew on each node, and nobody else sees anything.
TEST(PruneSim, ASoftResetIsSeenByNoSubscriber) {
  for (const size_t node_count : {1, 3})
    for_each_seed(2, [&](uint64_t seed) {
      prune_run run{seed, node_count};
      const auto items = run.readings.at("follows")->lives.back().items;
      for (const auto& name : run.rt_names)
        if (run.ask(name, snapshot_atom_v)
              .at("checkpoint")
              .natural()
              .value_or(0)
            == 0)
          run.broken.push_back(name + " took no checkpoint");
      run.w.run_for(5s);
      for (const auto& name : run.rt_names)
        if (run.ask(name, snapshot_atom_v)
              .at("log_begins_after")
              .natural()
              .value_or(0)
            == 0)
          run.broken.push_back(name + " keeps its part of the group's log");
      if (run.readings.at("follows")->lives.back().items != items)
        run.broken.push_back("a subscriber saw something");
      return report(seed, run.broken);
    });
}

/// No consumer needs any of it: what the operator names goes.
TEST(PruneSim, WhatIsArchivedOnDemandGoesAtAllThatFollow) {
  for_each_seed(2, [&](uint64_t seed) {
    prune_run run{seed, 3};
    const auto file = file_of(run.middle());
    const auto dry
      = run.ask("rt0", archive_atom_v, run.middle(), cut_mode::dry);
    if (dry.at("begin").natural().value_or(0) != file.value)
      run.broken.push_back("would begin elsewhere: " + dry.dump());
    run.expect_begin("rt0", position{});
    (void)run.ask("rt0", archive_atom_v, run.middle(), cut_mode::careful);
    run.w.run_for(8s);
    for (const auto& name : run.rt_names)
      run.expect_begin(name, file);
    run.expect_begin("follows", file);
    run.expect_begin("keeps", position{});
    return report(seed, run.broken);
  });
}

/// Without the lead a prune is the subscriber's own affair.
TEST(PruneSim, OnlyTheLeadPrunesForOthers) {
  for_each_seed(2, [&](uint64_t seed) {
    prune_run run{seed, 3};
    const auto file = file_of(run.middle());
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
            || run.w.status(name, "rt/market").find("\"pruned_by\":\"\"")
                 == std::string::npos;
    if (!led)
      run.broken.push_back("no node says who leads");
    run.w.crash("leads");
    run.w.run_for(12s);
    for (const auto& name : run.rt_names)
      if (run.w.status(name, "rt/market").find("\"pruned_by\":\"\"")
          == std::string::npos)
        run.broken.push_back(name + " has a lead that is gone");
    return report(seed, run.broken);
  });
}

/// A program that is away while files go, and its copy with them.
class away_program {
public:
  away_program(uint64_t seed, size_t node_count)
    : run{seed, node_count}, all{follows().lives.back().items} {
    while (file_of(all[last + 1].begin) == position{})
      ++last;
    for (const auto& each : all)
      if (begins.empty() || file_of(each.begin) != begins.back())
        begins.push_back(file_of(each.begin));
    const auto files = persistence::list_log_files(
      run.w.at("rt0").disk(), stream_directory("rt0") + "/out");
    end_of_file = position::of(0, 0, files->front().size);
  }

  reading& follows() { return *run.readings.at("follows"); }

  /// Its checkpoint stands at `place`, and so many files go meanwhile.
  void comes_back(position place, size_t files_gone) {
    run.w.crash("follows");
    auto& disk = run.w.at("follows").disk();
    const auto checkpoint = std::to_string(place.value) + " 0";
    if (disk.remove_all("/copy/market")
        || persistence::replace_file(disk, "/app/checkpoint",
                                     bytes_of(checkpoint)))
      run.broken.push_back("the disk refused");
    (void)run.ask("rt0", archive_atom_v, begins[files_gone], cut_mode::careful);
    run.w.run_for(8s);
    for (const auto& name : run.rt_names)
      run.expect_begin(name, begins[files_gone]);
    run.w.restart("follows");
    if (!run.w.run_until(
          [&] {
            return follows().lives.size() == 2 && !got().empty()
                   && got().back() == all.back();
          },
          60s))
      run.broken.push_back("not all was delivered");
    run.w.run_for(2s);
    run.expect_begin("follows", begins[files_gone]);
  }

  const std::vector<delivered>& got() { return follows().lives.back().items; }

  /// All from there on, once and in its place, after so many of others.
  void expect_rest(size_t from, size_t others) {
    const auto& items = got();
    if (items.size() < others
        || !std::equal(items.begin() + static_cast<ptrdiff_t>(others),
                       items.end(), all.begin() + static_cast<ptrdiff_t>(from),
                       all.end()))
      run.broken.push_back("not the rest after message "
                           + std::to_string(from));
  }

  prune_run run;
  std::vector<delivered> all;
  size_t last = 0; ///< Of the messages of the first file.
  std::vector<position> begins;
  position end_of_file; ///< The first, its seal included.
};

/// However the end of the file is written.
TEST(PruneSim, WhoStandsAtTheEndOfAFileThatWentMissesNothing) {
  for (const size_t node_count : {1, 3})
    for (int spelling = 0; spelling < 3; ++spelling)
      for_each_seed(2, [&](uint64_t seed) {
        away_program test{seed, node_count};
        const auto place = spelling == 0   ? test.all[test.last].end
                           : spelling == 1 ? test.end_of_file
                                           : test.begins[1];
        test.comes_back(place, 1);
        test.expect_rest(test.last + 1, 0);
        return report(seed, test.run.broken);
      });
}

TEST(PruneSim, WhoStandsBeforeWhatWentIsToldOnceOfIt) {
  for (const size_t node_count : {1, 3})
    for (const size_t files_gone : {1, 2})
      for_each_seed(2, [&](uint64_t seed) {
        away_program test{seed, node_count};
        if (test.begins.size() < 3)
          test.run.broken.push_back("the log has too few files");
        // One message of the file is not read, or all of the next file is not.
        const auto place = test.all[test.last - 2 + files_gone].end;
        test.comes_back(place, files_gone);
        size_t from = 0;
        while (test.all[from].begin < test.begins[files_gone])
          ++from;
        test.expect_rest(from, 1);
        const auto& told = test.got().front();
        if (told.kind != delivered::what::event
            || told.event.kind != event_kind::pruned || told.begin != place
            || told.end != test.begins[files_gone])
          test.run.broken.push_back("another event at "
                                    + to_string(told.begin));
        return report(seed, test.run.broken);
      });
}

} // namespace
} // namespace millrace::sim
