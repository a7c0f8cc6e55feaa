// A kdb+ client at the port of a simulated cluster: whatever happens behind the
// port, each question has one answer, in order, and none that is wrong.

#include <millrace/messages/text/json_text.hpp>
#include <millrace/nodes/servers/kdb/codec.hpp>
#include <millrace/sim/world/failure_test.hpp>
#include <millrace/sim/world/seeds.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>
#include <millrace/tests/support/kdb_values.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "door_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;
using nodes::kdb::kind;
using nodes::kdb::message_kind;
using nodes::kdb::value;

const auto cluster_with_port = cluster_with_door(R"(name = "kdb1"
type = "kdb"
port = 5000
connections_max = 3
publish = ["market"]
)",
                                                 "rt1");

/// What a program of a user's would be.
class kdb_program {
public:
  explicit kdb_program(world& in) : in_{in}, at_{in.at("door").connect(5000)} {
    if (at_)
      at_->send(std::string{"u:p\3\0", 5});
  }

  [[nodiscard]] port_client& port() { return *at_; }

  void ask(const std::string& text) {
    at_->send(*write_message(message_kind::sync, nodes::kdb::text_value(text)));
  }

  void send(message_kind how, std::vector<value> what) {
    at_->send(*write_message(how, nodes::kdb::list_of(std::move(what))));
  }

  /// Rows that were pushed within the time, until there are `count`: the last
  /// column.
  std::vector<int64_t> pushed(size_t count, duration limit = 60s) {
    std::vector<int64_t> out;
    while (out.size() < count) {
      const auto message = next(limit);
      if (message.parts.size() != 3)
        break;
      EXPECT_EQ(message.parts[0], nodes::kdb::symbol_atom("upd"));
      const auto& sizes = message.parts[2].parts[0].parts[1].parts.back();
      for (size_t i = 0; i < sizes.size(); ++i)
        out.push_back(sizes.item<int64_t>(i));
    }
    return out;
  }

  /// The next answer; an error as its text, `nothing` after the time.
  value next(duration limit = 60s) {
    value nothing;
    (void)in_.run_until(
      [&] {
        read();
        return !answers_.empty() || !at_->is_open();
      },
      limit);
    read();
    if (answers_.empty())
      return nothing;
    auto out = std::move(answers_.front());
    answers_.pop_front();
    return out;
  }

private:
  void read() {
    unread_ += at_->take();
    if (!unread_.empty() && !logged_in_) {
      EXPECT_EQ(unread_.front(), 3);
      unread_.erase(0, 1);
      logged_in_ = true;
    }
    while (unread_.size() >= nodes::kdb::header_bytes) {
      const auto header = nodes::kdb::read_header(unread_);
      ASSERT_TRUE(header);
      if (unread_.size() < header->size)
        return;
      auto what = nodes::kdb::read_message(
        std::string_view{unread_}.substr(0, header->size));
      ASSERT_TRUE(what) << to_string(what.failure());
      answers_.push_back(*std::move(what));
      unread_.erase(0, header->size);
    }
  }

  world& in_;
  std::unique_ptr<port_client> at_;
  std::string unread_;
  bool logged_in_ = false;
  std::deque<value> answers_;
};

void publish_rows(world& in, int count) {
  auto& feed = in.add_publisher("feed", "trade");
  for (int i = 0; i < count; ++i)
    feed.publish({{"sym", "A"}, {"size", i}});
  ASSERT_TRUE(in.eventually(30s, [&] { return feed.settled(); }));
}

TEST(KdbDoorSim, AnswersWhatIsPublished) {
  world w{1};
  w.add_cluster_text(cluster_with_port);
  publish_rows(w, 5);
  kdb_program client{w};
  client.ask("count trade");
  client.ask("exec sum size by sym from trade");
  EXPECT_EQ(client.next(), nodes::kdb::atom_of(kind::long_, int64_t{5}));
  const auto sums = client.next();
  ASSERT_EQ(sums.type, kind::dictionary);
  EXPECT_EQ(sums.parts[1], nodes::kdb::vector_of<int64_t>(kind::long_, {10}));
}

TEST(KdbDoorSim, AGatewayThatDiesIsWaitedFor) {
  for_each_seed(20, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(cluster_with_port);
    publish_rows(w, 3);
    kdb_program client{w};
    for (int i = 0; i < 4; ++i) {
      client.ask("count trade");
      if (i == static_cast<int>(seed % 3)) {
        w.run_for(std::chrono::microseconds{w.draw(2'000)});
        w.kill("db", restart_after(500ms));
      }
      EXPECT_EQ(client.next(), nodes::kdb::atom_of(kind::long_, int64_t{3}));
    }
    EXPECT_TRUE(w.defects().empty());
  });
}

TEST(KdbDoorSim, AQuestionOfAClientThatIsGoneEnds) {
  world w{7};
  w.add_cluster_text(cluster_with_port);
  publish_rows(w, 3);
  w.cut("door", "db");
  {
    kdb_program client{w};
    client.ask("count trade");
    w.run_for(100ms);
  }
  w.run_for(100ms);
  EXPECT_NE(w.status("door", "kdb1").find(R"("connections":0)"),
            std::string::npos)
    << w.status("door", "kdb1");
  w.heal_all_links();
  kdb_program other{w};
  other.ask("count trade");
  EXPECT_EQ(other.next(), nodes::kdb::atom_of(kind::long_, int64_t{3}));
}

TEST(KdbDoorSim, NobodyIsServedBeyondTheConnectionsThatItMayHave) {
  world w{3};
  w.add_cluster_text(cluster_with_port);
  publish_rows(w, 1);
  kdb_program one{w};
  kdb_program two{w};
  kdb_program three{w};
  w.run_for(100ms); // They have logged in.
  kdb_program four{w};
  w.run_for(100ms);
  EXPECT_FALSE(four.port().is_open());
  EXPECT_TRUE(one.port().is_open() && three.port().is_open());
  three.port().close();
  kdb_program five{w};
  five.ask("count trade");
  EXPECT_EQ(five.next(), nodes::kdb::atom_of(kind::long_, int64_t{1}));
  EXPECT_NE(w.status("door", "kdb1").find(R"("refused":1)"), std::string::npos);
}

TEST(KdbDoorSim, ThoseThatSayNothingMakePlaceForOthers) {
  world w{3};
  w.add_cluster_text(cluster_with_port);
  publish_rows(w, 1);
  kdb_program stays{w};
  w.run_for(100ms);
  std::vector<std::unique_ptr<port_client>> silent;
  for (int i = 0; i < 20; ++i)
    silent.push_back(w.at("door").connect(5000));
  w.run_for(100ms);
  // Who comes then is served, and who was there before.
  for (int i = 0; i < 2; ++i) {
    kdb_program comes{w};
    comes.ask("count trade");
    EXPECT_EQ(comes.next(), nodes::kdb::atom_of(kind::long_, int64_t{1}));
    stays.ask("count trade");
    EXPECT_EQ(stays.next(), nodes::kdb::atom_of(kind::long_, int64_t{1}));
  }
  const auto status = w.status("door", "kdb1");
  EXPECT_NE(status.find("neither logged in nor asked"), std::string::npos)
    << status;
}

TEST(KdbDoorSim, APortIsOpenAgainInTheNextLife) {
  world w{5};
  w.add_cluster_text(cluster_with_port);
  publish_rows(w, 2);
  kdb_program before{w};
  w.kill("door", restart_after(100ms));
  ASSERT_TRUE(
    w.eventually(10s, [&] { return w.at("door").connect(5000) != nullptr; }));
  EXPECT_FALSE(before.port().is_open());
  kdb_program after{w};
  after.ask("count trade");
  EXPECT_EQ(after.next(), nodes::kdb::atom_of(kind::long_, int64_t{2}));
}

/// (`.u.upd; `trade; (sym; size)), whose time is that at the port.
std::vector<value> update(int64_t size) {
  return {
    nodes::kdb::symbol_atom(".u.upd"), nodes::kdb::symbol_atom("trade"),
    nodes::kdb::list_of({nodes::kdb::symbols_of({size % 2 == 0 ? "A" : "B"}),
                         nodes::kdb::vector_of<int64_t>(kind::long_, {size})})};
}

std::vector<value> subscription(const std::string& symbol) {
  return {nodes::kdb::symbol_atom(".u.sub"), nodes::kdb::symbol_atom("trade"),
          nodes::kdb::symbol_atom(symbol)};
}

TEST(KdbDoorSim, WhatAFeedPublishesIsPushedAndAnswered) {
  for_each_seed(20, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(cluster_with_port);
    kdb_program all{w};
    kdb_program some{w};
    kdb_program feed{w};
    all.send(message_kind::sync, subscription(""));
    some.send(message_kind::sync, subscription("B"));
    EXPECT_EQ(all.next().parts[0], nodes::kdb::symbol_atom("trade"));
    EXPECT_EQ(some.next().parts[0], nodes::kdb::symbol_atom("trade"));
    std::vector<int64_t> sent;
    for (int64_t i = 0; i < 20; ++i) {
      // The last one waits until it is synced.
      feed.send(i == 19 ? message_kind::sync : message_kind::async, update(i));
      sent.push_back(i);
    }
    EXPECT_EQ(feed.next(), nodes::kdb::generic_null());
    EXPECT_EQ(all.pushed(20), sent);
    EXPECT_EQ(some.pushed(10),
              (std::vector<int64_t>{1, 3, 5, 7, 9, 11, 13, 15, 17, 19}));
    feed.ask("exec sum size from trade");
    EXPECT_EQ(feed.next(), nodes::kdb::atom_of(kind::long_, int64_t{190}));
    w.end_period("market", 9500);
    EXPECT_EQ(all.next(), nodes::kdb::list_of(
                            {nodes::kdb::symbol_atom(".u.end"),
                             nodes::kdb::atom_of(kind::date, int32_t{9500})}));
  });
}

TEST(KdbDoorSim, WhatWasAnsweredIsThereAfterAPowerCut) {
  for_each_seed(20, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(cluster_with_port);
    int64_t answered = 0;
    {
      kdb_program feed{w};
      for (int64_t i = 1; i <= 5; ++i) {
        // What a new publisher may do RT has to say, once.
        if (i == 2 && seed % 2 == 0)
          w.cut("door", "rt1");
        feed.send(message_kind::sync, update(i));
        if (feed.next(2s) == nodes::kdb::generic_null())
          answered = i;
      }
      w.power_cut("door", restart_after(1s));
    }
    w.heal_all_links();
    ASSERT_TRUE(
      w.eventually(30s, [&] { return w.at("door").connect(5000) != nullptr; }));
    EXPECT_EQ(answered, 5);
    kdb_program client{w};
    const auto wanted = answered * (answered + 1) / 2;
    EXPECT_TRUE(w.eventually(60s, [&] {
      client.ask("exec sum size from trade");
      const auto got = client.next();
      return got.type == kind::long_ && got.item<int64_t>(0) == wanted;
    }));
  });
}

TEST(KdbDoorSim, ASubscriberThatDoesNotReadIsDroppedAndOthersAreServed) {
  world w{9};
  w.add_cluster_text(cluster_with_port);
  kdb_program slow{w};
  kdb_program quick{w};
  kdb_program feed{w};
  slow.send(message_kind::sync, subscription(""));
  quick.send(message_kind::sync, subscription(""));
  (void)slow.next();
  (void)quick.next();
  slow.port().stop_reading();
  feed.send(message_kind::sync, update(1));
  (void)feed.next();
  EXPECT_EQ(quick.pushed(1), std::vector<int64_t>{1});
  // It takes nothing for a minute.
  w.run_for(70s);
  EXPECT_FALSE(slow.port().is_open());
  feed.send(message_kind::sync, update(2));
  (void)feed.next();
  EXPECT_EQ(quick.pushed(1), std::vector<int64_t>{2});
  EXPECT_NE(w.status("door", "kdb1").find("takes nothing"), std::string::npos);
}

// Method: rows come faster than its minute passes, and more of them than the
// port may hold.
TEST(KdbDoorSim, WhatWaitsForASubscriberThatDoesNotReadIsBounded) {
  constexpr uint64_t memory_max = 1 << 20;
  constexpr size_t rows = 3'000;
  world w{10};
  w.add_cluster_text(cluster_with_door(R"(name = "kdb1"
type = "kdb"
port = 5000
memory_max = "1MiB"
publish = ["market"]
)"));
  kdb_program slow{w};
  kdb_program quick{w};
  kdb_program feed{w};
  for (auto* each : {&slow, &quick}) {
    each->send(message_kind::sync, subscription(""));
    (void)each->next();
  }
  slow.port().stop_reading();
  const std::vector<int64_t> sizes(rows, 1);
  uint64_t most = 0;
  size_t passed = 0;
  for (int i = 0; i < 30 && slow.port().is_open(); ++i) {
    feed.send(message_kind::sync,
              {nodes::kdb::symbol_atom(".u.upd"),
               nodes::kdb::symbol_atom("trade"),
               nodes::kdb::list_of(
                 {nodes::kdb::symbols_of(std::vector<std::string>(rows, "A")),
                  nodes::kdb::vector_of<int64_t>(kind::long_, sizes)})});
    (void)feed.next();
    EXPECT_EQ(quick.pushed(rows).size(), rows);
    ++passed;
    w.run_for(400ms);
    const auto status = text::parse_json(w.status("door", "kdb1"));
    ASSERT_TRUE(status) << to_string(status.failure());
    const auto held = status->at("held_bytes").natural().value_or(0);
    most = std::max(most, held);
    EXPECT_LE(held, memory_max);
  }
  EXPECT_FALSE(slow.port().is_open());
  EXPECT_GT(passed, 2u) << "it was dropped for less";
  EXPECT_GT(most, memory_max / 4) << "nothing waited for it";
  EXPECT_NE(w.status("door", "kdb1").find("of memory_max"), std::string::npos);
}

} // namespace
} // namespace millrace::sim
