// Disks of RT nodes that are full while a cluster is asked: an answer has all
// that was told as committed, or says that it may not, and whose disk is well
// answers.

#include <millrace/sim/world/failure_test.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "small_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

constexpr const char* all_rows
  = R"({"tablename":"trade","starttime":"1900-01-01","endtime":"2200-01-01"})";

std::vector<std::string> rt_nodes(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i)
    out.push_back("rt" + std::to_string(i));
  return out;
}

table_row sold(int64_t size, size_t note_bytes = 50) {
  return {{"sym", "A"}, {"size", size}, {"note", std::string(note_bytes, 'x')}};
}

/// A cluster, and a publisher of trades that has found it.
struct fed_cluster {
  fed_cluster(uint64_t seed, const std::string& text,
              const world_options& how = {})
    : w{seed, how}, feed{publisher(text)} {
    w.run_for(2s);
  }
  /// All is well again, and must be there.
  void heal() {
    w.heal();
    w.run_for(3s);
    w.expect_no_loss("trade");
  }

  world w;
  table_publisher& feed;

private:
  table_publisher& publisher(const std::string& text) {
    w.add_cluster_text(text);
    return w.add_publisher("feed", "trade");
  }
};

class FullDiskSim : public ::testing::TestWithParam<int> {};

/// Goal: what was committed is in an answer also where no RT node has room to
/// merge it after a power cut; or the answer says that some may be missing.
TEST_P(FullDiskSim, AnAnswerHasAllThatWasCommitted) {
  constexpr int64_t count = 10;
  size_t waited = 0;
  size_t told = 0; // By their status.
  for_each_seed(8, [&](uint64_t seed) {
    fed_cluster at{seed, small_cluster(GetParam())};
    auto& w = at.w;
    auto& feed = at.feed;
    w.kill("rdb");
    for (int64_t i = 1; i <= count; ++i)
      feed.publish(sold(i), rt::ack_level::committed);
    for (const auto& name : rt_nodes(GetParam()))
      w.power_cut(name);
    w.run_for(100ms);
    for (const auto& name : rt_nodes(GetParam())) {
      // What is kept for this is less than an entry may take.
      auto reserve = w.at(name).disk().open(
        "/data/rt/" + name + "/market/.reserve", persistence::open_mode::write);
      if (!reserve || (*reserve)->truncate(64 << 10))
        w.fail("the reserve of " + name + " is not there");
      w.at(name).disk().leave_free(300);
      w.restart(name);
    }
    w.restart("rdb");
    w.run_for(4s);
    const auto got = w.query(all_rows);
    const bool whole = got && got->rows.size() == count;
    if (got && !whole && got->warnings.empty())
      w.fail(std::to_string(got->rows.size()) + " of 10 rows, and no word");
    waited += whole ? 0 : 1;
    const auto says = [&](const std::string& name, const char* what) {
      return w.status(name, "rt/market").find(what) != std::string::npos;
    };
    for (const auto& name : rt_nodes(GetParam())) {
      told += says(name, "\"waits\":true") ? 1 : 0;
      if (says(name, "\"disk_percent\":0,"))
        w.fail(name + " does not look at its disk");
    }
    at.heal();
    for (const auto& name : rt_nodes(GetParam()))
      if (says(name, "\"waits\":true"))
        w.fail(name + " says that it waits, and has room");
  });
  EXPECT_GT(waited, 0u) << "no disk was full";
  EXPECT_GT(told, 0u) << "no node says that it waits";
}

/// Goal: a publisher is told of nothing that no log has yet, also where it
/// connects anew meanwhile.
TEST_P(FullDiskSim, NothingIsToldAsCommittedBeforeItIsWritten) {
  for_each_seed(8, [&](uint64_t seed) {
    fed_cluster at{seed, small_cluster(GetParam())};
    auto& w = at.w;
    auto& feed = at.feed;
    feed.publish(sold(1), rt::ack_level::committed);
    for (const auto& name : rt_nodes(GetParam()))
      (void)w.at(name).disk().fail(disk_call::write, 1, errc::no_space,
                                   1'000'000, "/out/");
    feed.publish(sold(2));
    w.run_for(200ms);
    for (const auto& name : rt_nodes(GetParam()))
      w.reset_connection("feed", name);
    w.run_for(3s);
    if (feed.settled())
      w.fail("what no node has written is told as committed");
    (void)w.expect_true_answer("trade"); // None is as well.
    at.heal();
  });
}

INSTANTIATE_TEST_SUITE_P(Nodes, FullDiskSim, ::testing::Values(1, 3),
                         [](const auto& mode) {
                           return mode.param == 1 ? "Alone" : "Group";
                         });

std::string leading(world& w) {
  for (const auto& name : rt_nodes(3))
    if (w.status(name, "rt/market").find("\"leads\":true") != std::string::npos)
      return name;
  return {};
}

/// Goal: a leader that has no room for what is agreed on hands over, also where
/// nothing more comes, and questions are answered by others.
TEST(FullDiskOfOneSim, ALeaderWithoutRoomHandsOver) {
  for_each_seed(8, [&](uint64_t seed) {
    fed_cluster at{seed, small_cluster(3), {.faults_may_miss = true}};
    auto& w = at.w;
    auto& feed = at.feed;
    feed.publish(sold(1), rt::ack_level::committed);
    const auto full = leading(w);
    (void)w.at(full).disk().fail(disk_call::write, 1, errc::no_space, 1'000'000,
                                 "/out/");
    feed.publish(sold(2));
    w.run_for(10s);
    if (leading(w).empty() || leading(w) == full)
      w.fail(full + " leads, and has no room");
    const auto got = w.query(all_rows);
    if (!got || got->rows.size() != 2 || !got->warnings.empty())
      w.fail("with a full disk of " + full + ": "
             + (got ? std::to_string(got->rows.size()) + " of 2 rows"
                    : to_string(got.failure())));
    at.heal();
  });
}

/// Goal: a node that was left behind on a full disk comes on once it has room,
/// also where no publisher comes any more: the others have all that is needed.
TEST(FullDiskOfOneSim, ANodeThatWasLeftBehindComesOnByItself) {
  auto text = small_cluster(3);
  const std::string roll = "roll_size = \"64KiB\"\n";
  text.replace(text.find(roll), roll.size(), roll + "gc_grace = \"5s\"\n");
  size_t copied = 0;
  for_each_seed(8, [&](uint64_t seed) {
    fed_cluster at{seed, text, {.faults_may_miss = true}};
    auto& w = at.w;
    auto& feed = at.feed;
    feed.publish(sold(1), rt::ack_level::committed);
    const std::string full = leading(w) == "rt2" ? "rt1" : "rt2";
    w.at(full).disk().leave_free(100);
    for (int64_t i = 2; i <= 60; ++i) {
      feed.publish(sold(i, 12'000), rt::ack_level::committed);
      w.run_for(300ms);
    }
    w.kill("feed");
    w.at(full).disk().set_quota(std::nullopt);
    const auto end = [&](const std::string& name) {
      const auto said = text::parse_json(w.status(name, "rt/market"));
      return said ? said->at("end").natural().value_or(0) : 0;
    };
    const auto leader = leading(w);
    if (!w.eventually(60s, [&] { return end(full) == end(leader); }))
      w.fail(full + " stands at " + std::to_string(end(full)) + " of "
             + std::to_string(end(leader)));
    for (const auto& each : w.at(full).notices())
      copied += each.id == "input_begins_anew" ? 1 : 0;
    w.restart("feed");
    w.run_for(3s);
    w.expect_no_loss("trade");
  });
  EXPECT_GT(copied, 0u) << "no node was left behind";
}

/// Goal: who asks while another node takes the lead waits for that, however
/// long nobody had asked before.
TEST(FullDiskOfOneSim, AnElectionIsWaitedForAlsoAfterAPause) {
  for_each_seed(8, [&](uint64_t seed) {
    fed_cluster at{seed, small_cluster(3)};
    auto& w = at.w;
    auto& feed = at.feed;
    feed.publish(sold(1), rt::ack_level::committed);
    (void)w.query(all_rows);
    w.run_for(20s);
    feed.publish(sold(2), rt::ack_level::committed);
    const auto leader = leading(w);
    w.kill(leader);
    const auto got = w.query(all_rows);
    if (!got || got->rows.size() != 2 || !got->warnings.empty())
      w.fail(!got ? to_string(got.failure())
                  : std::to_string(got->rows.size()) + " rows, "
                      + (got->warnings.empty() ? "" : got->warnings.front()));
    w.restart(leader);
    w.run_for(3s);
    w.expect_no_loss("trade");
  });
}

/// Goal: a node that cannot merge what its group agrees on keeps nobody who
/// reads from it: questions are answered while its disk is full.
TEST(FullDiskOfOneSim, NobodyReadsFromANodeThatStandsStill) {
  size_t told = 0;
  for (const auto& full : rt_nodes(3))
    for_each_seed(6, [&](uint64_t seed) {
      fed_cluster at{seed, small_cluster(3), {.faults_may_miss = true}};
      auto& w = at.w;
      auto& feed = at.feed;
      feed.publish(sold(1), rt::ack_level::committed);
      w.at(full).disk().leave_free(100);
      for (int64_t i = 2; i <= 12; ++i)
        feed.publish(sold(i, 500), rt::ack_level::committed);
      const auto got = w.query(all_rows);
      if (!got || got->rows.size() != 12)
        w.fail("with a full disk of " + full + ": "
               + (got ? std::to_string(got->rows.size()) + " of 12 rows"
                      : to_string(got.failure())));
      for (const auto& each : w.at(full).notices())
        told += each.id == "stands_still" ? 1 : 0;
      at.heal();
    });
  EXPECT_GT(told, 0u) << "nobody read from such a node";
}

} // namespace
} // namespace millrace::sim
