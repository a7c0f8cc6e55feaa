// Durable consumers: what they need stays, whatever becomes of nodes and of
// themselves, and they go on where they were.

#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/messages/protocol/interfaces.hpp>

#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

constexpr uint64_t consumer_messages = 400; // In some files of the stream.

/// RT nodes that keep one file or so of what nobody needs, and a publisher.
class consumer_run {
public:
  consumer_run(uint64_t seed, size_t node_count, bool may_miss = false)
    : w{seed, {.faults_may_miss = may_miss}} {
    rt_node_options rt;
    rt.roll_bytes = 32 << 10;
    rt.checkpoint_bytes = 1024;
    for (size_t i = 0; i < node_count; ++i) {
      rt_names.push_back("rt" + std::to_string(i));
      add_rt_node(plan, rt_names.back(), rt);
    }
    plan.config.streams.front().retention_bytes = 1 << 10;
    publisher_load load;
    load.messages = consumer_messages;
    load.payload_bytes_max = 400;
    book = std::make_shared<ledger>();
    add_publisher(plan, "pub0", load, book);
  }

  void add(const std::string& name, const std::string& consumer,
           bool floor_follows = false) {
    readings[name] = std::make_shared<reading>();
    add_subscriber(plan, name,
                   {.consumer = consumer, .floor_follows = floor_follows},
                   readings[name]);
  }

  /// Comes back when all is published and everybody was given it, but `late`,
  /// which is down.
  void start(const std::string& late = {}) {
    w.add_cluster(plan.config, plan.options);
    if (!late.empty())
      w.crash(late);
    until(
      [&] {
        return book->settled
               && std::all_of(
                 readings.begin(), readings.end(), [&](const auto& each) {
                   return each.first == late || has_all(each.first);
                 });
      },
      "not all was delivered");
  }

  void until(const std::function<bool()>& holds, const std::string& what) {
    if (!w.run_until(holds, 60s))
      broken.push_back(what);
  }

  const std::vector<delivered>& items(const std::string& name) {
    return readings.at(name)->lives.back().items;
  }
  bool has_all(const std::string& name) {
    return !readings.at(name)->lives.empty() && !items(name).empty()
           && items(name).back().id == static_cast<int64_t>(consumer_messages);
  }

  /// Looked at by the disk, not by what anybody says.
  position begin_of(const std::string& name) {
    return first_file(*persistence::list_log_files(
      w.at(name).disk(), stream_directory(name) + "/out"));
  }
  void expect_begin(position at, const std::string& when) {
    for (const auto& name : rt_names)
      if (begin_of(name) != at)
        broken.push_back(when + ": " + name + " begins at "
                         + to_string(begin_of(name)) + ", not at "
                         + to_string(at));
  }
  /// The end of a message of the third file.
  position middle(const std::string& name) {
    const auto& all = items(name);
    size_t i = 0;
    while (i + 1 < all.size() && all[i].begin.roll() < 2)
      ++i;
    return all[i].end;
  }

  void restart_all() {
    for (const auto& name : rt_names)
      w.crash(name);
    for (const auto& name : rt_names)
      w.restart(name);
  }

  /// What a node says that is agreed on; none: it knows no such consumer.
  std::optional<position> agreed(const std::string& node,
                                 const std::string& consumer) {
    const auto said = text::parse_json(w.status(node, "rt/market"));
    if (!said)
      return std::nullopt;
    for (const auto& each : said->at("collection").at("consumers").elements())
      if (each.at("consumer").text_or_empty() == consumer)
        return position{each.at("agreed").natural().value_or(0)};
    return std::nullopt;
  }
  void expect_agreed(const std::string& consumer, position at,
                     const std::string& when) {
    for (const auto& name : rt_names)
      if (const auto got = agreed(name, consumer); got != at)
        broken.push_back(when + ": " + name + " has agreed on "
                         + (got ? to_string(*got) : "nothing") + ", not on "
                         + to_string(at));
  }

  result<status_facts> forget(const std::string& consumer, bool dry) {
    const auto handle = w.find("rt0", "rt/market");
    auto got
      = w.ask<status_facts>(caf::actor_cast<operated_stream_actor>(handle), 10s,
                            forget_atom_v, consumer, dry);
    return got ? result<status_facts>{std::get<0>(*got)} : got.failure();
  }
  result<consumer_facts> say(const consumer_floor& what) {
    const auto handle = w.find("rt0", "rt/market");
    auto got = w.ask<consumer_facts>(caf::actor_cast<sequencer_actor>(handle),
                                     10s, floor_atom_v, what);
    return got ? result<consumer_facts>{std::get<0>(*got)} : got.failure();
  }
  /// As a program that ends its subscription.
  bool leave(const std::string& name) {
    const auto handle = w.find(name, "subscriber");
    auto got = w.ask<bool>(caf::actor_cast<subscriber_actor>(handle), 10s,
                           caf::unsubscribe_atom_v);
    return got && std::get<0>(*got);
  }

  world w;
  cluster_plan plan;
  std::vector<std::string> rt_names;
  std::shared_ptr<ledger> book;
  std::map<std::string, std::shared_ptr<reading>> readings;
  std::vector<std::string> broken;
};

/// The retention would cut all but the newest file at once.
TEST(ConsumerSim, FloorsOutliveARestartOfAllNodes) {
  for (const size_t node_count : {1, 3})
    for_each_seed(2, [&](uint64_t seed) {
      consumer_run run{seed, node_count};
      run.add("risk", "risk");
      run.start();
      const auto at = run.middle("risk");
      if (file_of(at).roll() != 2)
        run.broken.push_back("the log has too few files");
      run.w.run_for(15s);
      run.expect_begin({}, "it said nothing");
      // Nobody who could say what it needs is there.
      run.w.crash("risk");
      run.restart_all();
      run.w.run_for(15s);
      run.expect_begin({}, "it is away");
      run.w.restart("risk");
      run.until([&] { return run.has_all("risk"); }, "it did not come back");
      if (run.items("risk").front().id != 1)
        run.broken.push_back("it does not go on where it was");
      run.readings["risk"]->control->needs_from(at);
      run.w.run_for(15s);
      run.expect_begin(file_of(at), "it said what it needs");
      run.w.crash("risk");
      run.restart_all();
      run.w.run_for(15s);
      run.expect_begin(file_of(at), "it is away again");
      run.expect_agreed("risk", at, "it is away again");
      return report(seed, run.broken);
    });
}

TEST(ConsumerSim, ALifeGoesOnWhereTheOneBeforeEnded) {
  for_each_seed(2, [&](uint64_t seed) {
    consumer_run run{seed, 3};
    run.add("follows", "follows", true);
    run.add("says", "says");
    run.start();
    const auto said = run.items("says")[100].end;
    run.readings["says"]->control->needs_from(said);
    for (const auto* name : {"follows", "says"}) {
      if (!run.leave(name))
        run.broken.push_back(std::string{name} + ": nothing was agreed on");
      run.w.crash(name);
    }
    run.restart_all();
    for (const auto* name : {"follows", "says"})
      run.w.restart(name);
    run.until([&] { return run.has_all("says"); }, "it did not come back");
    run.w.run_for(3s);
    if (run.items("says").front().id != 102)
      run.broken.push_back("goes on with message "
                           + std::to_string(run.items("says").front().id));
    if (!run.items("follows").empty())
      run.broken.push_back("what was delivered came again");
    return report(seed, run.broken);
  });
}

/// Before anything is there, and before anybody else says so.
TEST(ConsumerSim, OneThatNobodyKnowsIsKeptForFromItsBegin) {
  for_each_seed(2, [&](uint64_t seed) {
    consumer_run run{seed, 3};
    run.add("risk", "risk");
    run.start();
    run.w.run_for(5s);
    run.expect_agreed("risk", {}, "it is new");
    return report(seed, run.broken);
  });
}

TEST(ConsumerSim, OfTwoOfANameTheLastOneHasItAndBothAreTold) {
  for (const size_t node_count : {1, 3})
    for_each_seed(2, [&](uint64_t seed) {
      consumer_run run{seed, node_count};
      run.add("one", "risk");
      run.add("two", "risk");
      run.start("two");
      run.w.restart("two");
      run.until([&] { return run.has_all("two"); }, "the second got nothing");
      run.w.run_for(5s);
      // Its program is started again a second later, and takes the name back.
      std::vector<error> failures;
      for (const auto& life : run.readings["one"]->lives)
        failures.insert(failures.end(), life.failures.begin(),
                        life.failures.end());
      if (failures.empty() || failures[0].code != errc::fenced
          || failures[0].context.find("'risk'") == std::string::npos)
        run.broken.push_back("the first one was not told");
      if (!has_notice(run.w, "two", "consumer", "risk"))
        run.broken.push_back("the second one was not told");
      bool told = false;
      for (const auto& name : run.rt_names)
        told = told || has_notice(run.w, name, "consumer_taken_over", "risk");
      if (!told)
        run.broken.push_back("no node's log tells it");
      // The one before is of no weight any more, also after another election.
      run.w.crash("one");
      run.w.run_for(3s);
      run.restart_all();
      run.w.run_for(3s);
      position at;
      for (const auto& life : run.readings["two"]->lives)
        for (const auto& item : life.items)
          if (item.id == 200)
            at = item.end;
      run.readings["two"]->control->needs_from(at);
      run.w.run_for(15s);
      run.expect_agreed("risk", at, "the second has the name");
      return report(seed, run.broken);
    });
}

/// A name is let go only by who is not there, and not by the configuration.
TEST(ConsumerSim, AConsumerIsForgottenWhenItIsGoneAndFilesGo) {
  for (const size_t node_count : {1, 3})
    for_each_seed(2, [&](uint64_t seed) {
      consumer_run run{seed, node_count};
      run.add("risk", "risk");
      run.start();
      const auto expect
        = [&](const result<status_facts>& got, errc code, const char* when) {
            const auto is = got ? errc::none : got.failure().code;
            if (is != code)
              run.broken.push_back(
                std::string{when} + ": "
                + (got ? got->dump() : to_string(got.failure())));
          };
      expect(run.forget("nobody", false), errc::not_found, "unknown");
      expect(run.forget("risk", false), errc::invalid_argument, "connected");
      run.w.crash("risk");
      run.w.run_for(8s);
      const auto dry = run.forget("risk", true);
      expect(dry, errc::none, "dry");
      if (dry && dry->at("bytes").natural().value_or(0) == 0)
        run.broken.push_back("nothing was kept for it: " + dry->dump());
      run.w.run_for(8s);
      run.expect_begin({}, "dry");
      expect(run.forget("risk", false), errc::none, "gone");
      run.w.run_for(15s);
      for (const auto& name : run.rt_names) {
        if (run.begin_of(name) == position{})
          run.broken.push_back(name + " keeps what nobody needs");
        if (run.agreed(name, "risk"))
          run.broken.push_back(name + " knows who was forgotten");
      }
      return report(seed, run.broken);
    });
}

TEST(ConsumerSim, TooManyAreRefusedByName) {
  for_each_seed(1, [&](uint64_t seed) {
    consumer_run run{seed, 1};
    run.start();
    for (uint64_t i = 0; i < rt::consumers_max; ++i)
      if (!run.say(
            {"c" + std::to_string(i), consumer_floor::claims, {}, 7, 1, {}}))
        run.broken.push_back("not the " + std::to_string(i) + "th");
    const auto one_more
      = run.say({"one_more", consumer_floor::claims, {}, 7, 1, {}});
    if (one_more || one_more.failure().code != errc::limit_exceeded
        || one_more.failure().context.find("one_more") == std::string::npos)
      run.broken.push_back("one more than there may be");
    if (!has_notice(run.w, "rt0", "consumers_full", "one_more"))
      run.broken.push_back("the log does not tell it");
    // Of a name that is no name, and of another life, nothing is taken.
    for (const consumer_floor& wrong :
         {consumer_floor{"../c", consumer_floor::claims, {}, 7, 1, {}},
          consumer_floor{"c0", consumer_floor::tells, {{9, 9}}, 7, 1, {}},
          consumer_floor{"c0", consumer_floor::tells, {}, 8, 1, {}}})
      if (run.say(wrong))
        run.broken.push_back("taken: " + wrong.consumer);
    return report(seed, run.broken);
  });
}

/// Nodes, links and the consumer itself fail while all goes on: no message is
/// passed over, though retention takes all that it may.
TEST(ConsumerSim, NoMessageIsPassedOverWhateverFails) {
  for_each_seed(12, [&](uint64_t seed) {
    consumer_run run{seed, 3, true};
    run.add("risk", "risk", true);
    run.w.add_cluster(run.plan.config, run.plan.options);
    std::vector<std::string> names = run.rt_names;
    names.emplace_back("risk");
    for (int fault = 0; fault < 12; ++fault) {
      run.w.run_for(std::chrono::milliseconds{200 + run.w.draw(2500)});
      const auto& who = names[run.w.draw(names.size())];
      if (run.w.chance(0.4)) {
        const auto& other = names[run.w.draw(names.size())];
        if (other != who)
          run.w.cut(who, other);
      } else if (run.w.at(who).alive()) {
        run.w.crash(
          who, any_crash(run.w, {.power_share = 0.5, .restart_within = 3s}));
      }
      if (run.w.chance(0.5))
        run.w.heal_all_links();
    }
    names.emplace_back("pub0");
    heal(run.w, names);
    // By one life of it or another: a later one gets what is left.
    run.until(
      [&] {
        const auto& lives = run.readings["risk"]->lives;
        return run.book->settled
               && std::any_of(lives.begin(), lives.end(), [](const auto& life) {
                    return !life.items.empty()
                           && life.items.back().id
                                == static_cast<int64_t>(consumer_messages);
                  });
      },
      "not all was delivered");
    int64_t last = 0;
    for (const auto& life : run.readings["risk"]->lives)
      for (const auto& item : life.items) {
        if (item.kind == delivered::what::event)
          run.broken.push_back("told of " + item.event.cause);
        if (item.kind != delivered::what::message)
          continue;
        // What is not agreed on yet comes again.
        if (item.id > last + 1)
          run.broken.push_back("message " + std::to_string(item.id) + " after "
                               + std::to_string(last));
        last = std::max(last, item.id);
      }
    run.w.run_for(15s);
    if (const auto first = run.agreed("rt0", "risk"))
      run.expect_agreed("risk", *first, "at the end");
    else
      run.broken.push_back("nobody knows it");
    return report(seed, run.broken);
  });
}

} // namespace
} // namespace millrace::sim
