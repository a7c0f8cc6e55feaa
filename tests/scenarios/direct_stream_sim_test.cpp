// A stream that no rt orders: its publisher's node serves the log, and those
// who subscribe read it there.

#include <millrace/messages/data/stream_actor_name.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/sim/world/cluster_plan.hpp>

#include "report.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

constexpr const char* direct_cluster = R"(
[cluster]
name = "t"
data = "/data"
process_types = ["ticker", "reader"]
[[stream]]
name = "ticks"
publisher = "p1"
roll_size = "64KiB"
[[node]]
name = "p"
port = 4001
[[node]]
name = "r"
port = 4002
[[node]]
name = "s"
port = 4003
[[process]]
name = "p1"
type = "ticker"
node = "p"
[[process]]
name = "r1"
type = "reader"
node = "r"
[[process]]
name = "s1"
type = "reader"
node = "s"
)";

/// What one reader was given, over all its lives.
struct direct_reading {
  rt::archived_exchange archived = rt::archived_exchange::follow;
  bool from_checkpoint = true;
  start_spec start{};
  std::string local_copy{};

  std::vector<std::string> payloads{};
  std::vector<position> ends{};
  std::vector<stream_event> events{};
  position checkpoint{};
  std::shared_ptr<rt::subscription> control{};

  nodes::process_factory program() {
    return
      [this](nodes::process_host& host,
             const nodes::process_config&) -> result<nodes::hosted_process> {
        rt::subscription_handlers on;
        on.on_message = [this](const rt::message& m, position end) {
          payloads.emplace_back(reinterpret_cast<const char*>(m.payload.data()),
                                m.payload.size());
          ends.push_back(end);
          checkpoint = end;
        };
        on.on_event = [this](const stream_event& event) {
          events.push_back(event);
          checkpoint = event.to;
        };
        auto from = start;
        if (from_checkpoint && checkpoint != position{}) {
          from = {};
          from.kind = start_spec::at_position;
          from.at = checkpoint;
        }
        auto running = host.subscribe(
          "ticks", std::move(on),
          {.start = from, .local_copy = local_copy, .archived = archived});
        if (!running)
          return running.failure();
        control = running->control;
        return nodes::hosted_process{
          caf::actor_cast<caf::strong_actor_ptr>(running->subscriber)};
      };
  }
};

class direct_run {
public:
  explicit direct_run(uint64_t seed) : w{seed} {}

  void boot() {
    cluster_options options;
    options.roles.add(
      "ticker",
      [this](nodes::process_host& host, const nodes::process_config& process)
        -> result<nodes::hosted_process> {
        out.reset();
        auto made = host.publish("ticks", {.name = process.name});
        if (!made)
          return made.failure();
        out = made->out;
        return nodes::hosted_process{
          caf::actor_cast<caf::strong_actor_ptr>(made->server)};
      });
    options.roles.add("reader", [this](nodes::process_host& host,
                                       const nodes::process_config& process) {
      return (process.name == "r1" ? r : s).program()(host, process);
    });
    options.supervised = {};
    w.add_cluster_text(direct_cluster, options);
  }

  /// So many more, each of about so many bytes.
  void publish(size_t count, rt::ack_level until = rt::ack_level::recorded,
               size_t bytes = 40) {
    for (size_t i = 0; i < count; ++i) {
      auto text = std::to_string(published.size()) + " ";
      text.resize(std::max(bytes, text.size()), 'x');
      const auto token
        = out->publish(std::as_bytes(std::span{text.data(), text.size()}));
      if (!token) {
        broken.push_back("not published: " + to_string(token.failure()));
        return;
      }
      published.push_back(text);
      last = token->end;
    }
    expect(w.eventually(10s, [&] { return out->reached(until) >= last; }),
           "not as safe as was asked");
  }
  void end_publisher(const crash_style& how = {}) {
    out.reset();
    w.crash("p", how);
  }
  void expect(bool holds, const std::string& what) {
    if (!holds)
      broken.push_back(what);
  }
  bool delivered(const direct_reading& to, const std::vector<std::string>& all,
                 duration limit = 20s) {
    return w.eventually(limit, [&] { return to.payloads == all; });
  }
  const std::string log_directory = "/data/pub/p1.ticks";

  world w;
  std::shared_ptr<rt::publisher> out;
  std::vector<std::string> published;
  position last;
  direct_reading r;
  direct_reading s;
  std::vector<std::string> broken;
};

// Both crash and come back, and nothing is lost, doubled or told.
TEST(DirectStreamSim, SubscribersGoOnWhereTheyWere) {
  for_each_seed(10, [&](uint64_t seed) {
    direct_run run{seed};
    run.boot();
    run.publish(300);
    run.expect(run.delivered(run.r, run.published), "not all came");
    run.end_publisher();
    run.w.run_for(1s);
    run.w.restart("p");
    run.publish(300);
    run.expect(run.delivered(run.r, run.published),
               "not all came after the publisher's crash");
    run.w.crash("r");
    run.publish(100);
    run.w.restart("r");
    run.expect(run.delivered(run.r, run.published),
               "not all came after the subscriber's crash");
    run.expect(run.delivered(run.s, run.published), "not all came to another");
    run.expect(run.r.events.empty() && run.s.events.empty(),
               "there was an event");
    run.out.reset();
    return report(seed, run.broken);
  });
}

TEST(DirectStreamSim, LinksAreCutAndHeal) {
  for_each_seed(5, [&](uint64_t seed) {
    direct_run run{seed};
    run.boot();
    run.publish(50);
    run.expect(run.delivered(run.r, run.published), "not all came at first");
    for (int i = 0; i < 5; ++i) {
      if (i % 2 == 0)
        run.w.cut("p", "r");
      else
        run.w.half_open("p", "r");
      run.publish(50);
      run.w.run_for(5s);
      run.w.heal("p", "r");
      run.expect(run.delivered(run.r, run.published), "not all came");
    }
    run.expect(run.r.events.empty(), "there was an event");
    run.out.reset();
    return report(seed, run.broken);
  });
}

// `committed` means `synced`, and what was synced survives. What was not may be
// lost: who was given it is told.
TEST(DirectStreamSim, APowerCutOfThePublisherLosesNothingSynced) {
  for_each_seed(20, [&](uint64_t seed) {
    direct_run run{seed};
    run.boot();
    run.publish(100, rt::ack_level::committed);
    const auto safe = run.published.size();
    run.publish(30);
    run.w.run_for(std::chrono::milliseconds(run.w.draw(200)));
    run.end_publisher({.power = true});
    const auto given = run.r.payloads.size();
    run.w.restart("p");
    const auto before = std::exchange(run.published, {});
    run.publish(20, rt::ack_level::committed, 50);
    const auto& fresh = run.published;
    run.expect(run.w.eventually(30s,
                                [&] {
                                  return run.r.payloads.size() >= fresh.size()
                                         && std::equal(fresh.rbegin(),
                                                       fresh.rend(),
                                                       run.r.payloads.rbegin());
                                }),
               "what was published after it did not come");
    // From a fresh start: what was safe is there, in order.
    run.s.payloads.clear();
    run.s.events.clear();
    run.s.from_checkpoint = false;
    run.w.crash("s");
    run.w.restart("s");
    run.expect(
      run.w.eventually(
        30s, [&] { return run.s.payloads.size() >= safe + fresh.size(); }),
      "what was synced is lost");
    const auto kept
      = run.s.payloads.size() - std::min(run.s.payloads.size(), fresh.size());
    run.expect(kept <= before.size()
                 && std::equal(before.begin(),
                               before.begin() + static_cast<ptrdiff_t>(kept),
                               run.s.payloads.begin()),
               "the log is another one");
    if (given > kept)
      run.expect(!run.r.events.empty(),
                 "what was delivered and lost was not told");
    run.out.reset();
    return report(seed, run.broken);
  });
}

TEST(DirectStreamSim, AWipedPublisherIsAReset) {
  for_each_seed(5, [&](uint64_t seed) {
    direct_run run{seed};
    run.s.local_copy = "/copy/ticks";
    run.boot();
    run.publish(100);
    run.expect(run.delivered(run.r, run.published), "not all came");
    run.end_publisher();
    run.expect(!run.w.at("p").disk().remove_all(run.log_directory),
               "not wiped");
    run.w.restart("p");
    const auto first = run.published;
    run.publish(50);
    run.expect(run.delivered(run.r, run.published), "not all came after it");
    run.expect(run.r.events.size() == 1
                 && run.r.events.front().kind == event_kind::reset
                 && run.r.events.front().from == run.r.ends[first.size() - 1],
               "no reset in its place");
    // A copy of the log before is kept beside that of the new one.
    run.expect(run.delivered(run.s, run.published),
               "not all came to the copy after it");
    run.expect(run.s.events.size() == 1, "no reset for the one with a copy");
    run.expect(run.w.at("s").disk().exists(run.s.local_copy + ".aside.1"),
               "the copy is not set aside");
    run.end_publisher();
    run.w.restart("p");
    run.publish(50);
    run.expect(run.delivered(run.s, run.published), "the copy does not go on");
    run.out.reset();
    return report(seed, run.broken);
  });
}

TEST(DirectStreamSim, StartsAreThoseOfAnyStream) {
  direct_run run{3};
  run.boot();
  run.publish(20);
  run.w.run_for(2s);
  const auto noon = run.w.at("p").env().clock->now_ns();
  run.publish(20);
  run.w.run_for(1s);
  const auto again = [&](start_spec from) {
    run.s.payloads.clear();
    run.s.ends.clear();
    run.s.events.clear();
    run.s.from_checkpoint = false;
    run.s.start = from;
    run.w.crash("s");
    run.w.restart("s");
    run.w.run_for(5s);
    return run.s.payloads;
  };
  const auto tail = [&](size_t from) {
    return std::vector<std::string>{run.published.begin()
                                      + static_cast<ptrdiff_t>(from),
                                    run.published.end()};
  };
  EXPECT_EQ(again({.kind = start_spec::begin}), run.published);
  EXPECT_EQ(again({.kind = start_spec::end}), tail(40));
  run.publish(1);
  run.w.run_for(1s);
  EXPECT_EQ(run.s.payloads, tail(40));
  start_spec from;
  from.kind = start_spec::at_position;
  from.at = run.r.ends[9];
  EXPECT_EQ(again(from), tail(10));
  from = {};
  from.kind = start_spec::at_time;
  from.time_ns = noon;
  EXPECT_EQ(again(from), tail(20));
  // A place that is no message's is refused, one beyond the end waited for.
  from = {};
  from.kind = start_spec::at_position;
  from.at = {run.r.ends.back().value + (1 << 20)};
  EXPECT_TRUE(again(from).empty());
  ASSERT_FALSE(run.s.events.empty());
  EXPECT_EQ(run.s.events.front().kind, event_kind::ahead);
  EXPECT_EQ(run.broken, std::vector<std::string>{});
  run.out.reset();
}

// What the lead needs no more goes at the publisher and in copies that follow.
TEST(DirectStreamSim, TheLeadPrunesThePublishersFiles) {
  for_each_seed(5, [&](uint64_t seed) {
    direct_run run{seed};
    run.r.archived = rt::archived_exchange::lead;
    run.s.local_copy = "/copy/ticks";
    run.boot();
    run.publish(400, rt::ack_level::committed, 1000);
    run.expect(run.delivered(run.r, run.published), "not all came");
    run.expect(run.delivered(run.s, run.published), "not all came to the copy");
    const auto first = [&](const std::string& node, const std::string& path) {
      const auto files
        = persistence::list_log_files(run.w.at(node).disk(), path);
      for (const auto& each : *files)
        if (each.size != 0)
          return position::of(each.session, each.roll, 0);
      return position{};
    };
    const auto place = run.r.ends[250];
    run.r.control->prune(place);
    run.w.run_for(15s);
    const auto begin = file_of(place);
    run.expect(begin.roll() > 0, "one file only");
    run.expect(first("p", run.log_directory) == begin,
               "the publisher's files did not go");
    run.expect(first("s", run.s.local_copy) == begin,
               "the files of the copy did not go");
    run.expect(run.r.control->pruned().done >= place,
               "it was not told to the lead");
    run.expect(has_notice(run.w, "p", "pruned"), "no line of the log");
    run.expect(run.w.status("p", "rt/ticks").find("\"pruned_by\":\"process ")
                 != std::string::npos,
               "it does not say who decides");
    // Who asks for what went is told, also after the publisher's next start.
    run.end_publisher();
    run.w.restart("p");
    run.publish(1);
    run.r.archived = rt::archived_exchange::follow;
    run.r.from_checkpoint = false;
    run.r.start.kind = start_spec::at_position;
    run.r.payloads.clear();
    run.w.crash("r");
    run.w.restart("r");
    const std::vector<std::string> rest{run.published.end() - 1,
                                        run.published.end()};
    run.expect(run.w.eventually(20s,
                                [&] {
                                  return !run.r.payloads.empty()
                                         && run.r.payloads.back()
                                              == rest.front();
                                }),
               "it does not go on");
    run.expect(!run.r.events.empty()
                 && run.r.events.front().kind == event_kind::pruned
                 && run.r.events.front().to == begin,
               "no pruned event");
    run.out.reset();
    return report(seed, run.broken);
  });
}

// Nobody has another copy: damage is told at its place, and the rest comes.
TEST(DirectStreamSim, DamageOfThePublishersLogIsABadtail) {
  for_each_seed(10, [&](uint64_t seed) {
    direct_run run{seed};
    run.boot();
    run.publish(200, rt::ack_level::committed, 1000);
    run.expect(run.delivered(run.r, run.published), "not all came");
    auto& disk = run.w.at("p").disk();
    const bool closed = run.w.chance(0.5);
    const auto files = persistence::list_log_files(disk, run.log_directory);
    const auto& hit = closed ? files->front() : files->back();
    const auto path = run.log_directory + "/"
                      + persistence::log_file_name(hit.session, hit.roll);
    disk.flip_bit(path, run.w.draw(disk.content(path).size() * 8));
    run.s.payloads.clear();
    run.s.events.clear();
    run.s.from_checkpoint = false;
    run.w.crash("s");
    run.w.restart("s");
    run.w.run_for(5s);
    run.publish(5);
    run.expect(run.w.eventually(20s,
                                [&] {
                                  return !run.s.payloads.empty()
                                         && run.s.payloads.back()
                                              == run.published.back();
                                }),
               "it does not go on after the damage");
    run.expect(run.s.payloads.size() == run.published.size()
                 || (!run.s.events.empty()
                     && run.s.events.front().kind == event_kind::badtail),
               "something is missing, and nobody said so");
    run.expect(run.delivered(run.r, run.published),
               "who had it all is held up");
    run.out.reset();
    return report(seed, run.broken);
  });
}

// One who takes nothing holds up nobody else, and not the publisher.
TEST(DirectStreamSim, ASlowSubscriberHoldsUpNobody) {
  direct_run run{5};
  run.boot();
  run.publish(10);
  run.w.run_for(1s);
  run.w.pause("s");
  run.publish(3000, rt::ack_level::committed, 4000);
  EXPECT_TRUE(run.delivered(run.r, run.published, 2s));
  run.w.resume("s");
  EXPECT_TRUE(run.delivered(run.s, run.published, 60s));
  EXPECT_EQ(run.broken, std::vector<std::string>{});
  run.out.reset();
}

constexpr const char* direct_fed_cluster = R"(
[cluster]
name = "t"
data = "/data"
process_types = ["reader"]
[[stream]]
name = "ticks"
publisher = "f1"
roll_size = "64KiB"
[[table]]
name = "trade"
stream = "ticks"
columns = ["time:timestamp", "sym:symbol", "price:float", "size:int",
           "ex:symbol", "cond:symbol"]
[[node]]
name = "p"
port = 4001
[[node]]
name = "r"
port = 4002
[[process]]
name = "f1"
type = "feed"
node = "p"
[process.generator]
trades = 5000
symbols = 5
trade_table = "trade"
[[process]]
name = "r1"
type = "reader"
node = "r"
)";

// A feed goes on where its own log ends, also when files of it were pruned.
TEST(DirectStreamSim, AFeedPublishesEachRowOnce) {
  for_each_seed(5, [&](uint64_t seed) {
    world w{seed};
    std::vector<std::string> broken;
    uint64_t rows = 0;
    position end;
    cluster_options options;
    options.roles.add(
      "reader",
      [&](nodes::process_host& host,
          const nodes::process_config&) -> result<nodes::hosted_process> {
        rt::subscription_handlers on;
        on.on_message = [&](const rt::message& m, position at) {
          end = at;
          if (const auto batch = decode_batch(m.payload);
              m.kind == payload_kind::table_batch && batch)
            rows += batch->row_count;
        };
        auto running = host.subscribe("ticks", std::move(on));
        if (!running)
          return running.failure();
        return nodes::hosted_process{
          caf::actor_cast<caf::strong_actor_ptr>(running->subscriber)};
      });
    w.add_cluster_text(direct_fed_cluster, options);
    const auto expect = [&](bool holds, const char* what) {
      if (!holds)
        broken.emplace_back(what);
    };
    w.run_for(std::chrono::milliseconds(w.draw(300)));
    w.crash("p", {.restart_after = 1s});
    expect(w.eventually(60s, [&] { return rows == 5000; }), "not all rows");
    const auto finished = [&] {
      return w.status("p", "f1").find("\"finished\":true") != std::string::npos;
    };
    expect(w.eventually(30s, finished), "it does not end");
    const auto server = w.find("p", stream_actor_name("ticks"));
    expect(server != nullptr, "nobody serves the stream");
    if (server != nullptr) {
      const auto pruned
        = w.ask<status_facts>(caf::actor_cast<stream_server_actor>(server), 10s,
                              prune_atom_v, end, cut_mode::careful);
      expect(pruned.has_value(), "not pruned");
      if (pruned)
        expect(!std::get<0>(*pruned).at("files").elements().empty(),
               "no file went");
    }
    w.crash("p", {.restart_after = 1s});
    w.run_for(2s);
    expect(w.eventually(30s, finished), "it does not end again");
    w.run_for(3s);
    expect(rows == 5000, "rows came twice");
    return report(seed, broken);
  });
}

} // namespace
} // namespace millrace::sim
