// What a stream keeps while clocks are wrong, nodes are away, or nothing is
// published.

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/text/json_text.hpp>
#include <millrace/sim/world/failure_test.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "report.hpp"
#include "small_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

constexpr const char* every_row
  = R"({"tablename":"trade","starttime":"1900-01-01","endtime":"2200-01-01"})";

table_row quoted(int64_t size, size_t note_bytes = 50) {
  return {{"sym", "A"}, {"size", size}, {"note", std::string(note_bytes, 'x')}};
}

/// RT nodes alone keep this stream: nobody needs anything of it.
std::string kept_stream(const std::string& retention) {
  test_support::cluster_text out{"kept", "data", {}};
  out.stream("market", "roll_size = \"64KiB\"\ngc_grace = \"2s\"\n" + retention)
    .table("trade", "market",
           {"time:timestamp", "sym:symbol", "size:int", "note:string"},
           "time = \"time\"\nsymbol = \"sym\"\n");
  for (const std::string name : {"rt0", "rt1", "rt2"})
    out.node(name, 7001 + name.back() - '0').process(name, "rt", name, {});
  out.node("disc", 7010).process("disc", "discovery", "disc", {});
  return out.text();
}

class RetentionSim : public ::testing::Test {
protected:
  text::json_value said_by(const std::string& node) {
    auto said = text::parse_json(w.status(node, "rt/market"));
    return said ? *said : text::json_value::object();
  }
  std::string leader() {
    for (const std::string name : {"rt0", "rt1", "rt2"})
      if (w.at(name).alive()
          && said_by(name).at("leads").boolean().value_or(false))
        return name;
    return {};
  }
  static position file_after(position first, uint64_t count) {
    return position::of(first.session(), first.roll() + count, 0);
  }
  position begin() {
    return position{
      said_by(leader()).at("collection").at("begin").natural().value_or(0)};
  }
  void publish(table_publisher& feed, int count) {
    for (int i = 1; i <= count; ++i)
      feed.publish(quoted(i, 12'000), rt::ack_level::committed);
  }
  bool told(const std::string& id) {
    for (const auto* name : {"rt0", "rt1", "rt2"})
      if (has_notice(w, name, id))
        return true;
    return false;
  }

  world w{1};
};

/// Goal: a message whose time is far ahead, of a publisher whose clock was
/// wrong, keeps no file, and those after it no more than that.
TEST_F(RetentionSim, AMessageOfTheFutureKeepsNoFile) {
  w.add_cluster_text(kept_stream("retention_age = \"60s\"\n"));
  auto& feed = w.add_publisher("feed", "trade");
  w.run_for(2s);
  const auto first = begin();
  constexpr auto five_years = std::chrono::hours{24 * 365 * 5};
  w.jump_clock("feed", five_years);
  feed.publish(quoted(0), rt::ack_level::committed);
  w.jump_clock("feed", -five_years);
  publish(feed, 60);
  w.run_for(10min);
  EXPECT_GT(begin(), file_after(first, 5));
  EXPECT_TRUE(told("future_messages"));
}

/// Goal: what goes by age does not go because the clock of the node that leads
/// jumped ahead; once that has lasted it does.
TEST_F(RetentionSim, AClockThatJumpsAheadLetsNothingGoAtOnce) {
  w.add_cluster_text(kept_stream("retention_age = \"1d\"\n"));
  auto& feed = w.add_publisher("feed", "trade");
  w.run_for(2s);
  const auto first = begin();
  publish(feed, 60);
  w.run_for(5s);
  w.jump_clock(leader(), std::chrono::hours{24 * 30});
  w.run_for(1min);
  EXPECT_EQ(begin(), first);
  EXPECT_TRUE(told("clock_jump"));
  w.run_for(62min);
  EXPECT_GT(begin(), file_after(first, 5));
}

/// Goal: a life that begins with a wrong clock lets nothing go by it at once.
TEST_F(RetentionSim, AStartWithAWrongClockLetsNothingGoAtOnce) {
  w.add_cluster_text(kept_stream("retention_age = \"1d\"\n"));
  auto& feed = w.add_publisher("feed", "trade");
  w.run_for(2s);
  const auto first = begin();
  publish(feed, 60);
  w.run_for(5s);
  for (const auto* name : {"rt0", "rt1", "rt2"}) {
    w.kill(name);
    w.jump_clock(name, std::chrono::hours{24 * 30});
    w.restart(name);
  }
  w.run_for(5min);
  EXPECT_EQ(begin(), first);
  w.run_for(62min);
  EXPECT_GT(begin(), file_after(first, 5));
}

/// Goal: a node that was away for longer than the stream is kept holds, when it
/// is back, what the others do, and nothing beside it.
TEST_F(RetentionSim, WhatWentWhileANodeWasAwayGoesThere) {
  w.add_cluster_text(kept_stream("retention_size = \"128KiB\"\n"));
  auto& feed = w.add_publisher("feed", "trade");
  w.run_for(2s);
  publish(feed, 20);
  w.run_for(2s);
  const std::string away = leader() == "rt2" ? "rt1" : "rt2";
  for (int i = 0; i < 2; ++i) {
    w.kill(away);
    w.run_for(5s);
    publish(feed, 60);
    w.run_for(15s);
    w.restart(away);
    ASSERT_TRUE(w.eventually(60s, [&] {
      const auto end = said_by(leader()).at("end").natural().value_or(0);
      return end != 0 && said_by(away).at("end").natural() == end;
    }));
    w.run_for(5s);
    for (const auto& path : w.at(away).disk().paths()) {
      EXPECT_EQ(path.find(".aside"), std::string::npos) << path;
      EXPECT_EQ(path.find(".gone"), std::string::npos) << path;
    }
    EXPECT_TRUE(has_notice(w, away, "catching_up", "removed here as well"));
  }
}

/// Goal: a reset while a wiped node catches up ends no process: the state that
/// it was offered is older than the stream by then, and it gets a later one.
TEST(QuietStreamSim, AResetWhileANodeCatchesUpEndsNoProcess) {
  size_t offered_anew = 0;
  for_each_seed(12, [&](uint64_t seed) {
    world w{seed, {.faults_may_miss = true}};
    w.add_cluster_text(small_cluster(3));
    auto& feed = w.add_publisher("feed", "trade");
    const auto said_by = [&](const std::string& node) {
      auto said = text::parse_json(w.status(node, "rt/market"));
      return said ? *said : text::json_value::object();
    };
    w.run_for(2s);
    for (int i = 1; i <= 40; ++i)
      feed.publish(quoted(i, 12'000), rt::ack_level::committed);
    std::string leader;
    for (const std::string name : {"rt0", "rt1", "rt2"})
      if (said_by(name).at("leads").boolean().value_or(false))
        leader = name;
    const std::string wiped = leader == "rt2" ? "rt1" : "rt2";
    w.kill(wiped, restart_empty_after(100ms));
    for (const std::string name : {"rt0", "rt1", "rt2"})
      if (name != wiped)
        w.slow(wiped, name, 400'000);
    w.run_for(400ms + std::chrono::milliseconds{40 * seed});
    const auto handle
      = caf::actor_cast<operated_stream_actor>(w.find(leader, "rt/market"));
    (void)w.ask<status_facts>(handle, 10s, reset_atom_v, cut_mode::forced,
                              session_number{});
    for (int i = 41; i <= 45; ++i)
      feed.publish(quoted(i, 2000), rt::ack_level::committed);
    w.run_for(5s);
    w.heal();
    if (!w.eventually(60s, [&] {
          const auto end = said_by(leader).at("end").natural().value_or(0);
          return end != 0 && said_by(wiped).at("end").natural() == end;
        }))
      w.fail(wiped + " does not catch up");
    if (has_notice(w, wiped, "ended"))
      w.fail("its process ended");
    offered_anew += has_notice(w, wiped, "catching_up", "begins at");
  });
  EXPECT_GT(offered_anew, 0u) << "no state was older than the stream";
}

/// Goal: an election in a stream where nothing is published lets nobody think
/// that a node stands still: it has all, and is read from.
TEST(QuietStreamSim, AllNodesAreReadFromAfterAnElection) {
  for_each_seed(4, [&](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(small_cluster(3));
    auto& feed = w.add_publisher("feed", "trade");
    const auto leader = [&] {
      for (const std::string name : {"rt0", "rt1", "rt2"})
        if (w.at(name).alive()
            && w.status(name, "rt/market").find("\"leads\":true")
                 != std::string::npos)
          return name;
      return std::string{};
    };
    w.run_for(2s);
    feed.publish(quoted(1), rt::ack_level::committed);
    w.run_for(5s);
    const auto old = leader();
    w.kill(old);
    w.run_for(5s);
    w.restart(old);
    w.run_for(15s);
    for (const auto* name : {"rt0", "rt1", "rt2"})
      if (has_notice(w, name, "stands_still"))
        w.fail(std::string{name} + " takes itself for one that stands still");
    // A partial partition: the rdb reaches both others.
    w.cut("rdb", leader());
    w.kill("rdb");
    w.restart("rdb");
    w.run_for(20s);
    const auto got = w.query(every_row);
    if (!got || got->rows.size() != 1)
      w.fail(got ? std::to_string(got->rows.size()) + " rows"
                 : to_string(got.failure()));
    w.heal();
  });
}

/// Goal: a subscriber whose copy has no room says so, and goes on when there
/// is.
TEST(CopyOnAFullDiskSim, ItIsToldAndGoesOn) {
  world w{1};
  w.add_cluster_text(small_cluster(1));
  auto& feed = w.add_publisher("feed", "trade");
  int count = 0;
  std::string lost;
  w.host("mine",
         [&](nodes::process_host& host,
             const nodes::process_config&) -> result<nodes::hosted_process> {
           rt::subscription_handlers on;
           on.on_message = [&](const rt::message&, position) { ++count; };
           on.on_event = [](const stream_event&) {};
           on.on_lost = [&](const error& why) { lost = to_string(why); };
           auto heard = host.subscribe("market", std::move(on),
                                       {.local_copy = "/copy/market"});
           if (!heard)
             return heard.failure();
           return nodes::hosted_process{
             caf::actor_cast<caf::strong_actor_ptr>(heard->subscriber)};
         });
  w.run_for(3s);
  feed.publish(quoted(1), rt::ack_level::committed);
  w.run_for(1s);
  w.at("mine").disk().leave_free(200);
  constexpr int all = 300;
  for (int i = 2; i <= all; ++i)
    feed.publish(quoted(i, 10'000),
                 i == all ? rt::ack_level::committed : rt::ack_level::recorded);
  w.run_for(20s);
  EXPECT_LT(count, all);
  EXPECT_TRUE(has_notice(w, "mine", "copy_full", "/copy/market"));
  EXPECT_NE(lost.find("no_space"), std::string::npos) << lost;
  w.at("mine").disk().set_quota(std::nullopt);
  EXPECT_TRUE(w.eventually(30s, [&] { return count == all; }));
  EXPECT_TRUE(has_notice(w, "mine", "copy_goes_on"));
}

} // namespace
} // namespace millrace::sim
