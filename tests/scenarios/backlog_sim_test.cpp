#include <millrace/actors/rt/link/flow_sender.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/stream_checker.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "report.hpp"

// One publisher has more for RT than goes over at once: for hours there was no
// way, or there always is more than RT takes. Its own log takes it, and what
// the others publish is committed as soon as ever.

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

/// RT nodes, publishers "pub0", "pub1", ..., and a subscriber.
class backlog_run {
public:
  backlog_run(uint64_t seed, size_t node_count, bool cached,
              const std::vector<publisher_load>& loads)
    : w{seed} {
    rt_node_options rt;
    rt.cached = cached;
    rt.roll_bytes = 1 << 20;
    for (size_t i = 0; i < node_count; ++i) {
      rt_names.push_back("rt" + std::to_string(i));
      add_rt_node(plan, rt_names.back(), rt);
    }
    for (const auto& load : loads) {
      books.push_back(std::make_shared<ledger>());
      add_publisher(plan, name_of(books.size() - 1), load, books.back());
    }
    seen.resize(books.size());
    add_subscriber(plan, "reader", {}, read);
    w.add_cluster(plan.config, plan.options);
  }

  static std::string name_of(size_t index) {
    return "pub" + std::to_string(index);
  }

  /// Looks again and again at who was told what, until it holds, for `limit`.
  bool watch(
    duration limit, const std::function<bool()>& holds = [] { return false; }) {
    const auto end = w.now() + limit;
    while (!holds()) {
      if (w.now() >= end)
        return false;
      w.run_for(pace);
      for (size_t i = 0; i < books.size(); ++i)
        look(*books[i], seen[i]);
    }
    return true;
  }

  /// How long messages of a publisher waited for their commit, at most, of
  /// those that were published since the last call, or still wait.
  duration waited(size_t index) {
    auto& of = seen[index];
    auto out = std::exchange(of.waited_max, duration{});
    if (!of.waiting.empty())
      out = std::max(out, w.now() - of.waiting.front().at);
    return out;
  }

  /// Bytes of a publisher that are under way to an RT node: sent, and not on
  /// its disk.
  uint64_t under_way(size_t index, const std::string& rt) {
    const auto said = text::parse_json(w.status(name_of(index), "pusher"));
    const auto sent = said ? said->at("position").natural() : std::nullopt;
    uint64_t landed = 0;
    auto& disk = w.at(rt).disk();
    const auto inputs
      = stream_directory(rt) + "/in/" + name_of(index) + ".market";
    const auto lineages = disk.list(inputs);
    if (!sent || !lineages)
      return 0;
    for (const auto& each : *lineages)
      for (const auto& file : log_bytes(disk, inputs + "/" + each.name))
        landed += file.second.size();
    const auto offset = position{*sent}.offset();
    return offset > landed ? offset - landed : 0;
  }

  /// Its first so many messages are, and the publisher knows.
  bool is_committed(size_t index, uint64_t count) const {
    const auto& all = books[index]->entries;
    return all.size() >= count
           && std::next(all.begin(), static_cast<int64_t>(count) - 1)
                  ->second.back()
                  .told
                == rt::ack_level::committed;
  }
  bool settled(size_t index) const { return books[index]->settled; }
  bool all_settled() const {
    return std::all_of(books.begin(), books.end(),
                       [](const auto& each) { return each->settled; });
  }

  /// What does not hold of the stream at the end.
  void finish(std::vector<std::string>& broken) {
    const auto add = [&](std::vector<std::string> more) {
      for (auto& line : more)
        broken.push_back(std::move(line));
    };
    const auto directory = stream_directory("rt0") + "/out";
    auto stream = read_stream(w.at("rt0").disk(), directory);
    if (!stream)
      return broken.push_back(to_string(stream.failure()));
    w.run_until(
      [&] { return read->lives.back().items.size() >= stream->size(); }, 60s);
    add(check_stream(*stream, books, {rt::ack_level::recorded, {}, false}));
    add(check_reading(*stream, *read));
    if (read->lives.back().items.size() != stream->size())
      broken.push_back("the subscriber has "
                       + std::to_string(read->lives.back().items.size())
                       + " of " + std::to_string(stream->size()));
    for (const auto& name : rt_names)
      if (log_bytes(w.at(name).disk(), stream_directory(name) + "/out")
          != log_bytes(w.at("rt0").disk(), directory))
        broken.push_back(name + " does not hold what rt0 does");
    add(w.defects());
  }

  duration pace = 100ms; ///< Between two looks.
  world w;
  cluster_plan plan;
  std::vector<std::string> rt_names;
  std::vector<std::shared_ptr<ledger>> books;
  std::shared_ptr<reading> read = std::make_shared<reading>();

private:
  struct awaited {
    uint64_t id = 0;
    duration at{};
  };
  struct watched {
    uint64_t last_id = 0;
    std::deque<awaited> waiting;
    duration waited_max{};
  };

  void look(const ledger& book, watched& of) {
    for (auto next = book.entries.upper_bound(of.last_id);
         next != book.entries.end(); ++next) {
      of.last_id = next->first;
      of.waiting.push_back({next->first, w.now()});
    }
    while (!of.waiting.empty()
           && book.entries.at(of.waiting.front().id).back().told
                == rt::ack_level::committed) {
      of.waited_max = std::max(of.waited_max, w.now() - of.waiting.front().at);
      of.waiting.pop_front();
    }
  }

  std::vector<watched> seen;
};

std::string seconds_of(duration time) {
  return std::to_string(std::chrono::duration<double>(time).count()) + " s";
}

class BacklogSim : public ::testing::TestWithParam<size_t> {
protected:
  /// What the others publish meanwhile.
  static publisher_load little(uint64_t messages, duration pause_max) {
    publisher_load out;
    out.messages = messages;
    out.pause_max = pause_max;
    return out;
  }
};

TEST_P(BacklogSim, APublisherThatWasApartForHoursCatchesUpBesideTheOthers) {
  for_each_seed(1, [&](uint64_t seed) {
    // Several nodes cost more to run: there an hour has as much as six.
    const auto hour = GetParam() == 1 ? duration{1h} : duration{10min};
    const duration pause = hour / 180;
    auto far = little(4'400, pause);
    far.burst_max = 6;
    far.roll_bytes = 64 << 10;
    const auto near = little(18'000, pause);
    backlog_run run{seed, GetParam(), seed % 2 == 0, {far, near, near}};
    auto& book = *run.books[0];
    run.pace = 1s;
    std::vector<std::string> broken;
    run.watch(60s);
    for (const auto& name : run.rt_names)
      run.w.cut("pub0", name);
    // Its log may have so much: what some three hours bring.
    run.w.at("pub0").disk().leave_free(700 << 10);
    const auto before = book.accepted;
    run.watch(2 * hour);
    const auto early = book.refused;
    if (book.refusals[errc::no_space] != 0)
      broken.push_back("refused before its log was full");
    run.watch(4 * hour);
    const auto held = book.accepted - before;
    if (held < 3'000)
      broken.push_back("its log took but " + std::to_string(held));
    // Told to who publishes, each time: nothing else became of a message.
    if (book.refusals[errc::no_space] == 0
        || book.refusals[errc::no_space] != book.refused - early
        || book.attempts != book.accepted + book.refused)
      broken.push_back("of " + std::to_string(book.attempts) + ", "
                       + std::to_string(book.accepted) + " were accepted, "
                       + std::to_string(book.refusals[errc::no_space])
                       + " refused for want of space");
    for (const size_t other : {1, 2})
      if (const auto most = run.waited(other); most > 5s + pause)
        broken.push_back("meanwhile " + run.name_of(other) + " waited for "
                         + seconds_of(most));
    for (const auto& name : run.rt_names)
      run.w.heal("pub0", name);
    const auto accepted = book.accepted;
    const auto healed = run.w.now();
    // What it holds: its program looks every 20 s at the most, and
    // the link is to be tried again.
    if (!run.watch(60s, [&] { return run.is_committed(0, accepted); }))
      broken.push_back("what was held is not committed after a minute");
    const auto took = run.w.now() - healed;
    for (const size_t other : {1, 2})
      if (const auto most = run.waited(other); most > 5s + pause)
        broken.push_back("while it caught up " + run.name_of(other)
                         + " waited for " + seconds_of(most));
    // Its files went, and it goes on by itself.
    if (!run.watch(6 * hour, [&] { return book.accepted >= far.messages; }))
      broken.push_back("it did not go on");
    std::printf("[   held   ] %lu messages, committed %s after the cut\n", held,
                seconds_of(took).c_str());
    if (run.settled(1) || run.settled(2))
      broken.push_back("the others had nothing to publish any more");
    if (!run.watch(6 * hour, [&] { return run.all_settled(); }))
      broken.push_back("not all is committed");
    run.finish(broken);
    // Hours take their time: one seed, however many others have.
    (void)report(seed, broken);
    return false;
  });
}

TEST_P(BacklogSim, APublisherOfTenTimesWhatRtTakesHoldsNobodyUp) {
  constexpr uint64_t rate = 256 << 10; // Bytes per second that RT takes of it.
  for_each_seed(4, [&](uint64_t seed) {
    publisher_load much;
    much.messages = 5'000;
    much.payload_bytes_max = 4'000;
    much.pause_max = 8ms;
    const auto some = little(12'000, 100ms);
    backlog_run run{seed, GetParam(), seed % 2 == 0, {much, some, some}};
    std::vector<std::string> broken;
    run.watch(2s, [&] { return run.books[0]->accepted > 0; });
    const auto begin = run.w.now();
    for (const auto& name : run.rt_names) {
      run.w.slow("pub0", name, rate);
      // And each sync of RT takes its time.
      run.w.slow_disk(name, 20ms);
    }
    // Its own log takes all of it at once.
    if (!run.watch(20s,
                   [&] { return run.books[0]->accepted >= much.messages; }))
      broken.push_back("it could not publish");
    const auto published = run.w.now() - begin;
    if (run.books[0]->refusals[errc::no_space] != 0)
      broken.push_back("its log refused");
    uint64_t most = 0;
    while (!run.settled(0) && run.w.now() - begin < 10 * 60s) {
      run.watch(500ms);
      for (const auto& name : run.rt_names)
        most = std::max(most, run.under_way(0, name));
    }
    const auto took = run.w.now() - begin;
    if (!run.settled(0))
      broken.push_back("not all of it is committed");
    if (took < 8 * published)
      broken.push_back("RT took it in " + seconds_of(took) + ", published in "
                       + seconds_of(published) + ": that is not ten times");
    for (const size_t other : {1, 2})
      if (const auto waited = run.waited(other); waited > 2s)
        broken.push_back(run.name_of(other) + " waited for "
                         + seconds_of(waited));
    // The window of a publisher, and a part that may exceed it; each message
    // has some bytes beside its part, which are 1 to 2 of 100.
    constexpr uint64_t window_bytes = 4 << 20;
    const auto parts = window_bytes + rt::flow_options{}.chunk_bytes;
    if (most == 0 || most > parts + parts / 50)
      broken.push_back(std::to_string(most) + " bytes were under way");
    if (run.settled(1) || run.settled(2))
      broken.push_back("the others had nothing to publish any more");
    if (!run.watch(10 * 60s, [&] { return run.all_settled(); }))
      broken.push_back("not all is committed");
    run.finish(broken);
    return report(seed, broken);
  });
}

INSTANTIATE_TEST_SUITE_P(Nodes, BacklogSim, ::testing::Values(1u, 3u),
                         [](const auto& of) {
                           return of.param == 1 ? "Alone" : "Group";
                         });

} // namespace
} // namespace millrace::sim
