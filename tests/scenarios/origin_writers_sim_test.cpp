// Several publishers of one origin. By default one writes it at a time, and a
// later one fences the earlier; of a replicated origin all publish the same
// sequence, of which each message is merged once.

#include <caf/stateful_actor.hpp>

#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

const std::string origin = "quotes";

/// What a program that writes the origin is to do, and did.
struct writer {
  std::string name;
  /// Publishes the same sequence from its first id on, in each life.
  bool replays = false;
  int64_t step = 0; ///< Of explicit ids, from below 0 on; 0: none are.
  uint64_t messages = uint64_t{1} << 40; ///< To publish, in each life.
  duration pause_max = 20ms;
  bool stops = false; ///< As soon as all is merged.
  bool closed = false;

  std::set<std::string> attempted;
  std::map<std::string, uint64_t> accepted; ///< Ids, by payload.
  std::set<std::string> merged;
  std::map<errc, uint64_t> refusals;
  uint64_t accepted_by_life = 0;
  std::optional<duration> first_at; ///< Of its newest life.
  std::optional<duration> fenced_at;
  std::string fenced;
};

using writer_actor = caf::typed_actor<caf::reacts_to<caf::tick_atom>>;

struct writer_state {
  explicit writer_state(writer_actor::pointer owner) : self{owner} {}

  void tick() {
    while (!unmerged.empty()
           && unmerged.front().first
                <= out->reached(rt::ack_level::committed)) {
      is->merged.insert(unmerged.front().second);
      unmerged.pop_front();
    }
    if (is->stops && !is->closed && unmerged.empty()) {
      EXPECT_FALSE(out->close());
      is->closed = true;
    }
    for (uint64_t i = 0; !is->closed && !is->stops && i <= in->draw(6); ++i)
      publish();
    const auto pause = duration{static_cast<int64_t>(
      in->draw(static_cast<uint64_t>(is->pause_max.count()) + 1))};
    self->delayed_send(self, caf::timespan{pause}, caf::tick_atom_v);
  }

  void publish() {
    if (next > is->messages)
      return;
    message_header header;
    auto text = origin + "/" + std::to_string(next);
    if (is->step != 0)
      header.id = static_cast<int64_t>(next) * is->step - 100;
    if (is->replays)
      header.id = static_cast<int64_t>(next);
    else
      text = is->name + "/" + std::to_string(life) + "/" + std::to_string(next);
    is->attempted.insert(text);
    const auto token = out->publish(bytes_of(text), header);
    if (!token) {
      ++is->refusals[token.failure().code];
      if (token.failure().code == errc::fenced && !is->fenced_at) {
        is->fenced_at = in->now();
        is->fenced = token.failure().context;
      }
      return;
    }
    if (!is->first_at)
      is->first_at = in->now();
    is->accepted[text] = magnitude(token->id);
    ++is->accepted_by_life;
    ++next;
    unmerged.emplace_back(token->end, std::move(text));
  }

  writer_actor::pointer self;
  world* in = nullptr;
  std::shared_ptr<rt::publisher> out;
  std::shared_ptr<writer> is;
  uint64_t life = 0;
  uint64_t next = 1;
  std::deque<std::pair<position, std::string>> unmerged;
};

writer_actor::behavior_type
writing(writer_actor::stateful_pointer<writer_state> self, node* me,
        std::shared_ptr<rt::publisher> out, std::shared_ptr<writer> is) {
  auto& state = self->state;
  state.in = &me->owner();
  state.out = std::move(out);
  state.is = std::move(is);
  state.life = me->lives();
  self->send(self, caf::tick_atom_v);
  return {[self](caf::tick_atom) { self->state.tick(); }};
}

class writers_run {
public:
  writers_run(uint64_t seed, size_t node_count, bool replicated,
              id_policy ids = id_policy::strict)
    : w{seed, {.faults_may_miss = true}} {
    rt.roll_bytes = 4096 << w.draw(5);
    rt.checkpoint_bytes = 1024 << w.draw(7);
    plan.config.streams.front().ids = ids;
    if (replicated)
      plan.config.streams.front().replicated_origins = {origin};
    for (size_t i = 0; i < node_count; ++i) {
      rt_names.push_back("rt" + std::to_string(i));
      add_rt_node(plan, rt_names.back(), rt);
    }
    names = rt_names;
    for (const auto* name : {"a", "b"}) {
      auto& is = name == std::string{"a"} ? a : b;
      is->name = name;
      is->replays = replicated;
      plan.add_program(
        name,
        [is](nodes::process_host& host,
             const nodes::process_config&) -> result<nodes::hosted_process> {
          auto& me = simulated(host);
          is->first_at.reset();
          is->fenced_at.reset();
          is->accepted_by_life = 0;
          is->closed = is->stops = false;
          auto made
            = me.publish("market", {.name = is->replays ? origin : me.name(),
                                    .writer = is->replays ? me.name() : "",
                                    .origin = origin,
                                    .replay = is->replays});
          if (!made)
            return made.failure();
          return nodes::hosted_process{caf::actor_cast<caf::strong_actor_ptr>(
            me.spawn(writing, &me, made->out, is))};
        });
      names.emplace_back(name);
    }
    w.add_cluster(plan.config, plan.options);
  }

  /// Until it has published some more.
  bool publishes(const writer& who, uint64_t count, duration limit = 20s) {
    const auto wanted = who.accepted_by_life + count;
    return w.run_until([&] { return who.accepted_by_life >= wanted; }, limit);
  }

  /// A clean end.
  void stop(writer& who) {
    who.stops = true;
    if (!w.run_until([&] { return who.closed; }, 20s))
      broken.push_back(who.name + " does not come to its end");
    w.crash(who.name);
  }

  std::vector<delivered> stream() {
    auto all
      = read_stream(w.at("rt0").disk(), stream_directory("rt0") + "/out");
    if (!all)
      broken.push_back(to_string(all.failure()));
    return all ? *std::move(all) : std::vector<delivered>{};
  }

  /// All nodes have all that one has.
  void settle() {
    heal(w, rt_names);
    for (int i = 0; i < 100; ++i) {
      w.run_for(300ms);
      const auto first
        = log_bytes(w.at("rt0").disk(), stream_directory("rt0") + "/out");
      const bool same
        = std::all_of(rt_names.begin(), rt_names.end(), [&](const auto& name) {
            return log_bytes(w.at(name).disk(), stream_directory(name) + "/out")
                   == first;
          });
      if (i > 10 && same)
        return;
    }
    broken.emplace_back("the nodes do not come to hold the same out/");
  }

  struct facts {
    uint64_t fences = 0;
    uint64_t losses = 0;
    std::map<std::string, uint64_t> ledger; ///< By kind.
  };
  facts told() {
    facts out;
    for (const auto& name : rt_names) {
      const auto said = text::parse_json(w.status(name, "rt/market"));
      if (!said)
        continue;
      out.fences += said->at("fences").natural().value_or(0);
      out.losses += said->at("losses").natural().value_or(0);
      const auto ledger = rt::loss_ledger::open(
        w.at(name).disk(), stream_directory(name) + "/losses.jsonl");
      if (!ledger)
        continue;
      const auto all = (*ledger)->after(0);
      for (const auto& each : all.at("losses").elements())
        ++out.ledger[*each.at("kind").text()];
    }
    return out;
  }

  /// Ids rise by one, each payload is of who accepted it, and nothing that a
  /// writer knows as merged is missing.
  /// @returns how often the writer changes
  size_t check(bool events_are_fine = false) {
    std::map<std::string, size_t> seen;
    std::string last_writer;
    size_t changes = 0;
    uint64_t last = 0;
    for (const auto& item : stream()) {
      if (item.kind == delivered::what::event && !events_are_fine)
        broken.push_back("an event: " + std::string{to_string(item.event.kind)}
                         + " " + item.event.cause);
      if (item.kind != delivered::what::message)
        continue;
      const auto id = magnitude(item.id);
      if (id != last + 1 && !events_are_fine)
        broken.push_back("id " + std::to_string(id) + " after "
                         + std::to_string(last));
      if (id <= last)
        broken.push_back("id " + std::to_string(id) + " comes twice");
      last = id;
      if (++seen[item.payload] != 1)
        broken.push_back(item.payload + " is merged twice");
      if (!a->attempted.contains(item.payload)
          && !b->attempted.contains(item.payload))
        broken.push_back(item.payload + " was never published");
      const auto by = item.payload.substr(0, item.payload.find('/'));
      changes += by != last_writer ? 1 : 0;
      last_writer = by;
    }
    for (const auto* who : {a.get(), b.get()})
      for (const auto& payload : who->merged)
        if (!seen.contains(payload))
          broken.push_back(payload + " was told as merged, and is not");
    for (auto& line : w.defects())
      broken.push_back(line);
    return changes;
  }

  /// Messages before the end of that period, once rt0 has it.
  uint64_t messages_in(period_id period) {
    const auto end_of = [&](const std::vector<delivered>& all) {
      return std::find_if(all.begin(), all.end(), [&](const delivered& item) {
        return item.kind == delivered::what::period && item.period == period;
      });
    };
    std::vector<delivered> all;
    if (!w.run_until(
          [&] {
            all = stream();
            return end_of(all) != all.end();
          },
          10s))
      broken.emplace_back("a node does not come to the end of a period");
    return static_cast<uint64_t>(
      std::count_if(all.cbegin(), end_of(all), [](const delivered& item) {
        return item.kind == delivered::what::message;
      }));
  }

  world w;
  cluster_plan plan;
  rt_node_options rt;
  std::vector<std::string> rt_names;
  std::vector<std::string> names;
  std::shared_ptr<writer> a = std::make_shared<writer>();
  std::shared_ptr<writer> b = std::make_shared<writer>();
  std::vector<std::string> broken;
};

class OriginWritersSim : public ::testing::TestWithParam<size_t> {};

TEST_P(OriginWritersSim, ALaterWriterFencesTheEarlierAtOnce) {
  for_each_seed(10, [&](uint64_t seed) {
    writers_run run{seed, GetParam(), false};
    run.w.crash("b");
    auto& broken = run.broken;
    if (!run.publishes(*run.a, 20))
      broken.emplace_back("the first does not publish");
    run.w.restart("b");
    if (!run.publishes(*run.b, 20))
      broken.emplace_back("the second does not publish");
    run.w.run_for(1s);
    if (!run.a->fenced_at || *run.a->fenced_at > *run.b->first_at + 500ms)
      broken.emplace_back("the first is not told at once");
    for (const auto* what : {"'quotes'", "'b.market'", "replicated_origins"})
      if (run.a->fenced.find(what) == std::string::npos)
        broken.push_back(std::string{what} + " is not in: " + run.a->fenced);
    // It stays so, however often it comes back.
    for (const auto& name : run.rt_names)
      run.w.reset_connection("a", name);
    const auto before = run.a->accepted_by_life;
    if (!run.publishes(*run.b, 100))
      broken.emplace_back("the second does not go on");
    if (run.a->accepted_by_life != before || run.b->fenced_at)
      broken.emplace_back("they fence each other");
    const auto told = run.told();
    if (told.fences == 0 || told.ledger.count("fenced") == 0
        || run.w.story().find("fenced") == std::string::npos)
      broken.emplace_back("RT does not tell of it");
    run.stop(*run.b);
    run.settle();
    if (run.check() != 2)
      broken.emplace_back("they are mixed");
    return report(seed, broken);
  });
}

TEST_P(OriginWritersSim, ACleanHandoverIsNoNews) {
  for_each_seed(10, [&](uint64_t seed) {
    writers_run run{seed, GetParam(), false};
    run.w.crash("b");
    auto& broken = run.broken;
    for (int i = 0; i < 4; ++i) {
      auto& who = i % 2 == 0 ? *run.a : *run.b;
      if (i != 0)
        run.w.restart(who.name);
      if (!run.publishes(who, 1 + run.w.draw(30)))
        broken.push_back(who.name + " does not publish");
      run.stop(who);
    }
    run.settle();
    if (run.check() != 4)
      broken.emplace_back("they did not take turns");
    const auto told = run.told();
    if (told.fences != 0 || told.losses != 0)
      broken.push_back(std::to_string(told.fences) + " fences, "
                       + std::to_string(told.losses) + " losses");
    return report(seed, broken);
  });
}

INSTANTIATE_TEST_SUITE_P(Nodes, OriginWritersSim,
                         ::testing::Values(size_t{1}, size_t{3}),
                         [](const auto& count) {
                           return count.param == 1 ? "alone" : "three";
                         });

// The first reaches one node alone, which is cut off from the others: what it
// records there after the second came is not merged between the messages of
// that. It comes when the first is started again, as far as it is not too late.
TEST(OriginWritersSimGroup, AWriterBeyondAPartitionIsFencedWhenItEnds) {
  for_each_seed(10, [&](uint64_t seed) {
    writers_run run{seed, 3, false};
    run.w.crash("b");
    auto& broken = run.broken;
    if (!run.publishes(*run.a, 20))
      broken.emplace_back("the first does not publish");
    const auto lonely = run.rt_names[run.w.draw(3)];
    for (const auto& name : run.rt_names)
      if (name != lonely) {
        run.w.cut("a", name);
        run.w.cut(lonely, name);
      }
    run.w.cut("b", lonely);
    run.w.run_for(std::chrono::milliseconds{run.w.draw(6000)});
    run.w.restart("b");
    if (!run.publishes(*run.b, 50, 40s))
      broken.emplace_back("the second does not publish");
    const bool told_early = run.a->fenced_at.has_value();
    if (!run.publishes(*run.a, 1) || told_early)
      broken.emplace_back("the first hears of it through a cut");
    run.w.heal_all_links();
    if (!run.w.run_until([&] { return run.a->fenced_at.has_value(); }, 20s))
      broken.emplace_back("the first is not told");
    if (!run.publishes(*run.b, 20))
      broken.emplace_back("the second does not go on");
    run.stop(*run.b);
    run.settle();
    if (run.check() != 2)
      broken.emplace_back("they are mixed");
    const auto before = run.stream().size();
    run.w.crash("a");
    run.w.restart("a");
    if (!run.publishes(*run.a, 20))
      broken.emplace_back("the first does not come back");
    run.stop(*run.a);
    run.settle();
    run.check(true);
    // What it had recorded is there, or its id has another payload.
    std::set<std::string> merged;
    std::set<uint64_t> conflicts;
    for (const auto& item : run.stream())
      if (item.kind == delivered::what::message)
        merged.insert(item.payload);
      else if (item.event.kind == event_kind::id_conflict)
        conflicts.insert(magnitude(item.event.first_id));
    if (run.stream().size() <= before)
      broken.emplace_back("nothing more is merged");
    for (const auto& [payload, id] : run.a->accepted)
      if (!merged.contains(payload) && !conflicts.contains(id))
        broken.push_back(payload + " is lost in silence");
    return report(seed, broken);
  });
}

TEST(OriginWritersSimGroup, OneIsFencedWhateverFailsMeanwhile) {
  for_each_seed(20, [&](uint64_t seed) {
    writers_run run{seed, 3, false};
    run.w.crash("b");
    auto& broken = run.broken;
    run.w.run_for(std::chrono::milliseconds{run.w.draw(3000)});
    for (uint64_t i = 0; i < run.w.draw(6); ++i)
      any_link_fault(run.w, run.names, 2s, 3s);
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      run.w.after(std::chrono::milliseconds{run.w.draw(3000)}, [&run] {
        run.w.crash(run.rt_names[run.w.draw(3)],
                    any_crash(run.w, {.restart_within = 2s}));
      });
    run.w.restart("b");
    run.w.run_for(5s);
    run.w.heal();
    if (!run.w.run_until([&] { return run.a->fenced_at || run.b->fenced_at; },
                         30s))
      broken.emplace_back("none is fenced");
    auto& winner = run.a->fenced_at ? *run.b : *run.a;
    if (!run.publishes(winner, 20, 30s))
      broken.emplace_back("the one that is not fenced does not go on");
    if (winner.fenced_at)
      broken.emplace_back("both are fenced");
    run.stop(winner);
    run.settle();
    if (run.check() > 2)
      broken.emplace_back("they are mixed");
    return report(seed, broken);
  });
}

// Ids that jump, of a program that numbers by itself, through lives of nodes.
TEST_P(OriginWritersSim, MonotonicIdsArriveInTheirOrderAndNoneTwice) {
  for_each_seed(10, [&](uint64_t seed) {
    writers_run run{seed, GetParam(), false, id_policy::monotonic};
    auto& broken = run.broken;
    run.a->step = 3;
    run.w.crash("b");
    for (int i = 0; i < 3; ++i) {
      if (!run.publishes(*run.a, 5 + run.w.draw(30)))
        broken.emplace_back("it does not publish");
      run.w.crash(run.rt_names[run.w.draw(run.rt_names.size())],
                  any_crash(run.w, {.power_share = 0.5, .restart_within = 1s}));
    }
    run.w.run_for(2s);
    run.stop(*run.a);
    run.settle();
    int64_t due = -97;
    size_t count = 0;
    for (const auto& item : run.stream()) {
      if (item.kind != delivered::what::message)
        broken.emplace_back("an event: " + item.event.cause);
      else if (++count; item.id != std::exchange(due, due + 3))
        broken.push_back("id " + std::to_string(item.id));
    }
    if (count != run.a->accepted.size())
      broken.push_back(std::to_string(count) + " of "
                       + std::to_string(run.a->accepted.size()));
    return report(seed, broken);
  });
}

// Two feeds of the same sequence: one is slow, one dies and is read again from
// its beginning; nodes die, too.
TEST_P(OriginWritersSim, OfAReplicatedOriginEachMessageIsMergedOnce) {
  for_each_seed(10, [&](uint64_t seed) {
    writers_run run{seed, GetParam(), true};
    auto& broken = run.broken;
    run.a->messages = run.b->messages = 100 + run.w.draw(200);
    run.b->pause_max = std::chrono::milliseconds{20 + run.w.draw(200)};
    run.w.crash("b");
    run.w.run_for(std::chrono::milliseconds{run.w.draw(1000)});
    run.w.restart("b");
    for (uint64_t i = 0; i < 1 + run.w.draw(3); ++i)
      run.w.after(std::chrono::milliseconds{run.w.draw(3000)}, [&run] {
        run.w.crash(
          run.w.chance(0.7) ? "a" : "b",
          {.restart_after = std::chrono::milliseconds{100 + run.w.draw(900)}});
      });
    if (run.w.chance(0.5))
      run.w.after(std::chrono::milliseconds{run.w.draw(3000)}, [&run] {
        run.w.crash(run.rt_names[run.w.draw(run.rt_names.size())],
                    any_crash(run.w, {.restart_within = 2s}));
      });
    run.w.run_for(4s);
    run.w.heal();
    if (!run.w.run_until(
          [&] {
            return run.a->accepted_by_life >= run.a->messages
                   && run.b->accepted_by_life >= run.b->messages;
          },
          60s))
      broken.emplace_back("they do not come to their end");
    run.stop(*run.a);
    run.stop(*run.b);
    run.settle();
    run.check();
    uint64_t count = 0;
    for (const auto& item : run.stream())
      if (item.kind == delivered::what::message
          && item.payload != origin + "/" + std::to_string(++count))
        broken.push_back(item.payload + " where number " + std::to_string(count)
                         + " is due");
    if (count != run.a->messages)
      broken.push_back(std::to_string(count) + " of "
                       + std::to_string(run.a->messages) + " are merged");
    if (run.told().fences != 0)
      broken.emplace_back("one is fenced");
    return report(seed, broken);
  });
}

// A period ends when each of them has marked it, in no id of what they publish;
// one that is away is not waited for, and one that comes back marks it as well.
TEST_P(OriginWritersSim, WritersOfOneSequenceMarkTheEndsOfPeriods) {
  for_each_seed(10, [&](uint64_t seed) {
    writers_run run{seed, GetParam(), true};
    auto& broken = run.broken;
    run.a->messages = run.b->messages = 400;
    run.b->pause_max = 60ms;
    const auto end_period = [&](int64_t period) {
      return run.w.ask<position>(
        caf::actor_cast<sequencer_actor>(run.w.find("rt0", "rt/market")), 20s,
        end_period_atom_v, period_id{period});
    };
    if (!run.publishes(*run.a, 20) || !run.publishes(*run.b, 5))
      broken.emplace_back("they do not publish");
    uint64_t before = 0;
    for (int64_t period = 9000; period < 9004; ++period) {
      const auto alone = period == 9002;
      if (alone)
        run.w.crash(run.w.chance(0.5) ? "a" : "b", {.restart_after = 8s});
      run.w.run_for(std::chrono::milliseconds{50 + run.w.draw(500)});
      // What one that is down had recorded comes when it is back.
      before = 0;
      for (const auto* who : {run.a.get(), run.b.get()})
        if (run.w.at(who->name).alive())
          before = std::max(before, who->accepted_by_life);
      const auto asked_at = run.w.now();
      const auto ended = end_period(period);
      if (!ended)
        broken.push_back("period " + std::to_string(period) + ": "
                         + to_string(ended.failure()));
      if (!alone && run.w.now() - asked_at > 3s)
        broken.push_back("period " + std::to_string(period)
                         + " waited for somebody");
      // What either had published when it was asked for is in it.
      const auto count = run.messages_in(period_id{period});
      if (count < before)
        broken.push_back("period " + std::to_string(period) + " has "
                         + std::to_string(count) + " of "
                         + std::to_string(before));
      if (run.w.story().find("without the marker") != std::string::npos)
        broken.emplace_back("one is said to be absent");
    }
    if (!run.w.run_until(
          [&] {
            return run.a->accepted_by_life >= run.a->messages
                   && run.b->accepted_by_life >= run.b->messages;
          },
          90s))
      broken.emplace_back("they do not come to their end");
    run.stop(*run.a);
    run.stop(*run.b);
    run.settle();
    run.check();
    uint64_t count = 0;
    size_t periods = 0;
    for (const auto& item : run.stream()) {
      count += item.kind == delivered::what::message ? 1 : 0;
      periods += item.kind == delivered::what::period ? 1 : 0;
    }
    if (count != run.a->messages || periods != 4)
      broken.push_back(std::to_string(count) + " messages, "
                       + std::to_string(periods) + " periods");
    return report(seed, broken);
  });
}

} // namespace
} // namespace millrace::sim
