// What a run is judged by: that no answer and no row is passed over, and that a
// call or a fault that does nothing is told.

#include <millrace/sim/world/failure_test.hpp>

#include <caf/send.hpp>

#include <cstdlib>
#include <memory>
#include <set>
#include <stdexcept>

#include "own_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

class JudgedRuns : public OwnCluster {};

table_row trade_of(int size) { return {{"sym", "A"}, {"size", size}}; }

fault_script script_of_text(const std::string& text) {
  auto out = parse_fault_script(text, "script");
  EXPECT_TRUE(out) << to_string(out.failure());
  return out ? *out : fault_script{};
}

// -- publishers ---------------------------------------------------------------

TEST_F(JudgedRuns, APublisherGoesOnByItselfWhenItsDiskHasRoomAgain) {
  uint64_t full = 0;
  for_each_seed(5, [&](uint64_t seed) {
    world w{seed};
    w.add_cluster(own_cluster);
    auto& feed = w.add_publisher("feed", "trade");
    w.play(script_of_text("at 20ms: full feed 0\nat 4s: heal\n"));
    for (int i = 1; i <= 20; ++i)
      feed.publish(trade_of(i));
    w.run_for(6s);
    w.expect_no_loss("trade");
    const auto got = w.query(
      R"({"tablename":"trade","starttime":"1900-01-01","endtime":"2200-01-01"})");
    ASSERT_TRUE(got) << to_string(got.failure());
    EXPECT_EQ(got->rows.size(), 20u);
    EXPECT_EQ(w.at("feed").lives(), 1u);
    full += w.faults_fired()["full"];
  });
  EXPECT_EQ(full, 5u);
}

TEST_F(JudgedRuns, ARowThatNobodyTakesIsNamedWithTheReason) {
  expect_failures();
  world w{1};
  w.add_cluster(own_cluster);
  w.kill("rt1");
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish(trade_of(7));
  ASSERT_EQ(caught.size(), 1u);
  EXPECT_TRUE(caught[0].starts_with("feed publishes nothing for 30 s: {"))
    << caught[0];
  EXPECT_NE(caught[0].find("\"size\":7}: origin_unverified: "),
            std::string::npos)
    << caught[0];
}

constexpr const char* notes_cluster = R"([cluster]
name = "notes"
data = "notes-data"
[[stream]]
name = "market"
[[table]]
name = "note"
stream = "market"
time = "time"
symbol = "sym"
columns = ["time:timestamp", "sym:symbol", "text:string"]
[[node]]
name = "rt1"
port = 7461
[[process]]
name = "rt1"
type = "rt"
node = "rt1"
)";

// It would be tried for as long as the test waits, and fill a screen.
TEST_F(JudgedRuns, ARowThatIsTooLargeIsToldAtOnceAndNotInFull) {
  expect_failures();
  world w{1};
  w.add_cluster_text(notes_cluster);
  auto& feed = w.add_publisher("feed", "note");
  feed.publish({{"sym", "A"}, {"text", "short"}});
  const auto begin = w.now();
  feed.publish({{"sym", "A"}, {"text", std::string(17 << 20, 'z')}});
  EXPECT_LT(w.now() - begin, 1s);
  ASSERT_EQ(caught.size(), 1u);
  EXPECT_LT(caught[0].size(), 1000u);
  EXPECT_NE(caught[0].find("feed cannot publish {"), std::string::npos);
  EXPECT_NE(caught[0].find("oversize"), std::string::npos) << caught[0];
}

TEST_F(JudgedRuns, ANullIsWrittenInMoreThanOneWay) {
  expect_failures();
  world w{1};
  w.add_cluster(own_cluster);
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish({{"sym", nullptr}, {"price", {}}, {"size", 1}});
  EXPECT_TRUE(caught.empty()) << caught.front();
  const char* none = nullptr;
  feed.publish({{"sym", none}, {"size", 1}});
  ASSERT_EQ(caught.size(), 1u);
  EXPECT_NE(caught[0].find("table 'trade', column 'sym': its text is a null "
                           "pointer"),
            std::string::npos)
    << caught[0];
  w.expect_no_loss("trade");
}

// -- gateways -----------------------------------------------------------------

constexpr const char* two_gateways = R"([cluster]
name = "pair"
data = "pair-data"
[[stream]]
name = "market"
[[table]]
name = "trade"
stream = "market"
time = "time"
symbol = "sym"
columns = ["time:timestamp", "sym:symbol", "price:float", "size:int"]
[[node]]
name = "rt1"
port = 7461
[[node]]
name = "db"
port = 7462
[[node]]
name = "g1"
port = 7463
[[node]]
name = "g2"
port = 7464
[[process]]
name = "rt1"
type = "rt"
node = "rt1"
[[process]]
name = "discovery1"
type = "discovery"
node = "db"
[[process]]
name = "rdb1"
type = "rdb"
node = "db"
tables = ["trade"]
hdb = "pair-data/hdb"
[[process]]
name = "gw1"
type = "gateway"
node = "g1"
[[process]]
name = "gw2"
type = "gateway"
node = "g2"
)";

constexpr const char* all_trades
  = R"({"tablename":"trade","starttime":"1900-01-01","endtime":"2200-01-01"})";

/// With an actor in the place of some processes of a type.
cluster_options with_instead(const std::string& type,
                             const std::string& process_name,
                             caf::behavior (*other)(),
                             cluster_options out = {}) {
  const auto real = *out.roles.find(type);
  out.roles.add(
    type,
    [=](nodes::process_host& host,
        const nodes::process_config& process) -> result<nodes::hosted_process> {
      if (process.name != process_name)
        return real(host, process);
      auto made = host.spawn([=](caf::event_based_actor*) { return other(); });
      auto tables = text::json_value::array();
      tables.add("trade");
      // As a store says of itself.
      return nodes::hosted_process{caf::actor_cast<caf::strong_actor_ptr>(made),
                                   {{"hdb", process.hdb_directory},
                                    {"stream", "market"},
                                    {"tables", std::move(tables)}}};
    });
  return out;
}

cluster_options with_second_gateway(caf::behavior (*other)()) {
  return with_instead("gateway", "gw2", other);
}

caf::behavior mute_gateway() {
  return {[](query_atom, const std::string&) -> caf::result<bundle, query_cut> {
    return to_caf({errc::unavailable, "says nothing"});
  }};
}

caf::behavior empty_gateway() {
  return {[](query_atom, const std::string&) -> caf::result<bundle, query_cut> {
    return {bundle{}, query_cut{}};
  }};
}

TEST_F(JudgedRuns, EachGatewayMustAnswer) {
  world w{1};
  w.add_cluster_text(two_gateways, with_second_gateway(mute_gateway));
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish(trade_of(1), rt::ack_level::committed);
  w.run_for(1s);
  expect_failures();
  EXPECT_TRUE(w.expect_true_answer("trade"));
  ASSERT_EQ(caught.size(), 1u);
  EXPECT_NE(caught[0].find("gw2 does not answer, while gw1 does: "),
            std::string::npos)
    << caught[0];
  EXPECT_TRUE(has_text(w.losses("trade"), "gw2 does not answer"));
  caught.clear();
  EXPECT_TRUE(w.query(all_trades));
  ASSERT_EQ(caught.size(), 1u);
  EXPECT_TRUE(caught[0].starts_with("query: for a minute, gw2 does not "
                                    "answer, while gw1 does: "))
    << caught[0];
}

caf::behavior no_store() {
  return {[](int) {}};
}

/// Goal: what is registered as an rdb or hdb, and is none, ends nobody, and is
/// named.
TEST_F(JudgedRuns, WhatIsNoStoreIsNotAsked) {
  world w{1};
  w.add_cluster_text(std::string{two_gateways} + R"(
[[process]]
name = "rdb2"
type = "rdb"
node = "db"
tables = ["trade"]
hdb = "pair-data/hdb"
write_down = false
[[process]]
name = "hdb1"
type = "hdb"
node = "db"
hdb = "pair-data/hdb"
[[process]]
name = "hdb2"
type = "hdb"
node = "db"
hdb = "pair-data/hdb"
)",
                     with_instead("rdb", "rdb2", no_store,
                                  with_instead("hdb", "hdb2", no_store)));
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish(trade_of(1), rt::ack_level::committed);
  w.end_period("market", 9000);
  feed.publish(trade_of(2), rt::ack_level::committed);
  w.run_for(5s);
  for (int i = 0; i < 4; ++i) {
    const auto got = w.query(all_trades);
    ASSERT_TRUE(got) << to_string(got.failure());
    EXPECT_EQ(got->rows.size(), 2u);
  }
  for (const auto* node : {"g1", "g2", "db"}) {
    EXPECT_EQ(w.at(node).lives(), 1u) << node;
    std::set<std::string> named;
    for (const auto& each : w.at(node).notices()) {
      EXPECT_NE(each.id, "ended") << node << ": " << each.text;
      if (each.id == "backend_unfit")
        named.insert(each.text.substr(0, each.text.find(' ')));
    }
    // An rdb looks for hdbs alone.
    EXPECT_EQ(named, node == std::string{"db"}
                       ? std::set<std::string>{"hdb2"}
                       : (std::set<std::string>{"rdb2", "hdb2"}))
      << node;
  }
}

TEST_F(JudgedRuns, EachGatewayMustAnswerTheSame) {
  world w{1};
  w.add_cluster_text(two_gateways, with_second_gateway(empty_gateway));
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish(trade_of(1), rt::ack_level::committed);
  w.run_for(1s);
  expect_failures();
  EXPECT_TRUE(w.expect_true_answer("trade"));
  ASSERT_EQ(caught.size(), 1u);
  EXPECT_NE(caught[0].find("answer of gw2: {"), std::string::npos) << caught[0];
  EXPECT_TRUE(has_text(w.losses("trade"), "answer of gw2: {"));
  caught.clear();
  const auto got = w.query(all_trades);
  ASSERT_TRUE(got) << to_string(got.failure());
  EXPECT_EQ(got->rows.size(), 1u);
  EXPECT_EQ(caught, std::vector<std::string>{
                      "query: for a minute, gw2 answers otherwise than gw1: 0 "
                      "rows, and 1"});
}

// Its node lives, so that nothing excuses it.
TEST_F(JudgedRuns, AGatewayThatEndsAgainAndAgainIsTold) {
  cluster_options options;
  const auto real = *options.roles.find("gateway");
  options.roles.add(
    "gateway",
    [=](nodes::process_host& host,
        const nodes::process_config& process) -> result<nodes::hosted_process> {
      if (process.name != "gw2")
        return real(host, process);
      auto made = host.spawn([](caf::event_based_actor* self) -> caf::behavior {
        self->delayed_send(self, caf::timespan{1ms}, 1);
        return {[self](int) { self->quit(); }};
      });
      return nodes::hosted_process{
        caf::actor_cast<caf::strong_actor_ptr>(made)};
    });
  world w{1};
  w.add_cluster_text(two_gateways, options);
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish(trade_of(1), rt::ack_level::committed);
  const auto broken = w.losses("trade");
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_TRUE(broken[0].starts_with("gw2 does not ")) << broken[0];
}

// Nobody asks one that cannot answer for what was done to it.
TEST_F(JudgedRuns, AGatewayThatStandsStillOrIsCutOffIsLeftOut) {
  for_each_seed(4, [](uint64_t seed) {
    world w{seed};
    w.add_cluster_text(two_gateways);
    auto& feed = w.add_publisher("feed", "trade");
    feed.publish(trade_of(1), rt::ack_level::committed);
    const std::string one = seed % 2 == 0 ? "g1" : "g2";
    if (seed <= 2)
      w.pause(one);
    else
      w.cut(one, "db");
    feed.publish(trade_of(2), rt::ack_level::committed);
    w.run_for(1s);
    EXPECT_TRUE(w.expect_true_answer("trade"));
    w.expect_no_loss("trade");
    const auto got = w.query(all_trades);
    ASSERT_TRUE(got) << to_string(got.failure());
    EXPECT_EQ(got->rows.size(), 2u);
  });
}

// Two that are asked at once need not see the same of what comes meanwhile.
TEST_F(JudgedRuns, GatewaysNeedNotAgreeWhileRowsCome) {
  world w{3};
  w.add_cluster_text(two_gateways);
  auto& feed = w.add_publisher("feed", "trade");
  for (int i = 1; i <= 20; ++i) {
    feed.publish(trade_of(i));
    EXPECT_TRUE(w.query(all_trades));
  }
  w.expect_no_loss("trade");
}

TEST(GatewayAnswers, FloatsMayDifferInTheirLastDigitsAndRowsInTheirOrder) {
  using rows = std::vector<std::vector<text::json_value>>;
  const auto answer = [](rows all) {
    return query_answer{{"sym", "sum"}, std::move(all), {}};
  };
  const auto one = answer({{"A", 0.3}, {"B", 1}});
  EXPECT_TRUE(is_same_answer(one, answer({{"A", 0.1 + 0.2}, {"B", 1}})));
  EXPECT_TRUE(is_same_answer(one, answer({{"B", 1}, {"A", 0.3}})));
  EXPECT_FALSE(is_same_answer(one, answer({{"A", 0.31}, {"B", 1}})));
  EXPECT_FALSE(is_same_answer(one, answer({{"A", 0.3}})));
  EXPECT_FALSE(is_same_answer(one, answer({{"A", {}}, {"B", 1}})));
}

// -- rows of a process of one's own -------------------------------------------

/// Publishes a trade of the size that it is sent.
struct own_publisher {
  std::shared_ptr<std::vector<published_batch>> published
    = std::make_shared<std::vector<published_batch>>();

  nodes::process_factory factory() const {
    return [published = published](
             nodes::process_host& host,
             const nodes::process_config&) -> result<nodes::hosted_process> {
      auto out = host.publish("market", {.name = "desk"});
      if (!out)
        return out.failure();
      auto me = host.spawn([published, &host, to = out->out](
                             caf::event_based_actor*) -> caf::behavior {
        return {[=, &host](int size) {
          const auto row
            = encode_row(host.config().table("trade")->schema, trade_of(size),
                         host.env().clock->now_ns());
          if (to->publish(*row, {}, payload_kind::table_batch))
            published->push_back({*row});
        }};
      });
      nodes::hosted_process made{caf::actor_cast<caf::strong_actor_ptr>(me)};
      for (const auto& each : out->replicators)
        made.parts.push_back(caf::actor_cast<caf::strong_actor_ptr>(each));
      return made;
    };
  }
};

TEST_F(JudgedRuns, RowsOfAProcessOfOnesOwnAreJudgedByItsLedger) {
  const own_publisher mine;
  world w{2};
  w.add_cluster(own_cluster);
  auto& feed = w.add_publisher("feed", "trade");
  w.host("desk", mine.factory());
  w.run_for(1s);
  feed.publish(trade_of(1));
  for (const int size : {5, 6})
    caf::anon_send(caf::actor_cast<caf::actor>(w.find("desk", "desk")), size);
  ASSERT_TRUE(w.run_until([&] { return mine.published->size() == 2; }, 10s));
  w.run_for(2s);
  const auto unknown = w.losses("trade");
  EXPECT_FALSE(has_text(unknown, "was never published")) << unknown.front();
  EXPECT_TRUE(has_text(unknown, "has rows of desk.market, of which the world "
                                "knows nothing: add_ledger tells it"));
  w.add_ledger("trade", [mine] { return *mine.published; });
  w.expect_no_loss("trade");
  // One that is on its way is waited for.
  caf::anon_send(caf::actor_cast<caf::actor>(w.find("desk", "desk")), 8);
  ASSERT_TRUE(w.run_until([&] { return mine.published->size() == 3; }, 10s));
  w.expect_no_loss("trade");
  EXPECT_TRUE(w.expect_true_answer("trade"));
  // One that is not there, and one that is no batch.
  auto lost = mine.published->front();
  const auto& schema = w.at("desk").config().table("trade")->schema;
  lost.bytes = *encode_row(schema, trade_of(7), 0);
  mine.published->push_back(lost);
  EXPECT_TRUE(has_text(w.losses("trade"), "\"size\":7} is there 0 times, and "
                                          "was promised 1 time"));
  mine.published->back().is_promised = false;
  w.expect_no_loss("trade");
  mine.published->push_back({});
  EXPECT_TRUE(has_text(w.losses("trade"), "the ledger of 'trade' has what is "
                                          "no batch"));
}

// -- what runs nothing, and calls that make no sense --------------------------

std::string told_by(const std::function<void()>& run) {
  const auto failed = gtest_glue::failures_of(run);
  return failed.size() == 1 ? failed[0].message
                            : std::to_string(failed.size()) + " failures";
}

TEST(JudgedRunsOfOthers, ATestThatRunsNothingFails) {
  ::unsetenv("MILLRACE_SIM_SEED");
  ::unsetenv("MILLRACE_SIM_SEEDS");
  EXPECT_NE(told_by([] {
              for_each_seed(0, [](uint64_t) { FAIL(); });
            }).find("a test of 0 seeds runs nothing"),
            std::string::npos);
  const auto of_mix = [](const fault_mix& mix) {
    return told_by([&] {
      gtest_glue::run_drawn_script(1, mix, [](const fault_script&) { FAIL(); });
    });
  };
  EXPECT_NE(of_mix({}).find("fault_mix: there are no nodes"),
            std::string::npos);
  EXPECT_NE(
    of_mix(
      {.nodes = {"a"}, .kills = false, .power_cuts = false, .pauses = false})
      .find("fault_mix: one node alone has no links"),
    std::string::npos);
  EXPECT_NE(of_mix({.nodes = {"a"}, .misplacing = {"a"}, .harmed_files = {"x"}})
              .find("fault_mix: files are to change places"),
            std::string::npos);
  ::setenv("MILLRACE_SIM_SCRIPT", "/no/such.faults", 1);
  const auto missing = told_by([] {
    gtest_glue::run_drawn_script(1, {.nodes = {"a"}},
                                 [](const fault_script&) { FAIL(); });
  });
  ::unsetenv("MILLRACE_SIM_SCRIPT");
  EXPECT_NE(missing.find("/no/such.faults: cannot be read"), std::string::npos)
    << missing;
}

TEST(JudgedRunsOfOthers, AFailureThatNeedsNoFaultSaysSo) {
  const auto script = script_of_text("at 0: kill db\n");
  const auto run = [](const fault_script&) { FAIL() << "always"; };
  const auto failed = gtest_glue::failures_of([&] { run(script); });
  EXPECT_NE(told_by([&] {
              gtest_glue::report_shortest(script, failed, run);
            }).find("it fails without any of its 1 faults"),
            std::string::npos);
}

TEST_F(JudgedRuns, ACallThatMakesNoSenseEndsNoProgram) {
  expect_failures();
  const auto said = [](auto&& call) {
    caught.clear();
    call();
    return caught.size() == 1 ? caught.front()
                              : std::to_string(caught.size()) + " failures";
  };
  EXPECT_EQ(said([] {
              const world odd{1, {.link = {2s, 1s}}};
            }),
            "world_options: link: a message cannot travel for 2000000000 ns at "
            "least and 1000000000 ns at most");
  world w{6};
  w.add_cluster(own_cluster);
  EXPECT_EQ(said([&] { w.corrupt_at("rt1", "db", 0); }),
            "corrupt rt1 -> db 0: '0' is not a count: they begin at 1");
  EXPECT_EQ(said([&] {
              w.delay("rt1", "db", {2s, 1s});
            }),
            "delay rt1 <-> db 1s: a message cannot travel for 2000000000 ns at "
            "least and 1000000000 ns at most");
  EXPECT_EQ(said([&] { w.add_publisher("discovery1", "trade"); }),
            "add_publisher 'discovery1': " + own_cluster
              + ": there is a process 'discovery1' already");
  EXPECT_EQ(said([&] { w.host("gw1", vwap); }),
            "host 'gw1': " + own_cluster
              + ": there is a process 'gw1' already");
  EXPECT_EQ(said([&] { (void)w.draw(0); }), "draw: there is no number below 0");
  EXPECT_EQ(said([&] { w.add_ledger("trade", {}); }),
            "add_ledger: the ledger of 'trade' is an empty function");
  w.kill("rt1");
  EXPECT_EQ(
    said([&] {
      (void)w.at("rt1").spawn(
        [](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
    }),
    "spawn: rt1 does not run");
  auto& disk = w.at("db").disk();
  EXPECT_EQ(said([&] { disk.flip_bit("/x", 3); }),
            "the disk of db: flip_bit: /x has no bit 3");
  EXPECT_EQ(said([&] { EXPECT_TRUE(disk.content("/x").empty()); }),
            "the disk of db: content: there is no file /x");
  EXPECT_EQ(said([&] { disk.swap("/x", "/y"); }),
            "the disk of db: swap: /x and /y are not two files");
  EXPECT_EQ(said([&] { (void)disk.fail(disk_call::sync, 0); }),
            "the disk of db: fail: counts begin at 1");
  EXPECT_EQ(said([&] { EXPECT_THROW((void)w.at("moon"), std::out_of_range); }),
            "at: there is no node 'moon'");
}

TEST_F(JudgedRuns, ADiskThatIsNeverFullIsAFaultThatMetNothing) {
  expect_failures();
  {
    world w{6};
    w.add_cluster(own_cluster);
    w.play(script_of_text("at 1ms: full db 1TiB\nat 500ms: heal\n"
                          "at 600ms: try full db 1TiB\n"));
    w.run_for(1s);
    EXPECT_EQ(w.faults_missed().at("full"), 1u);
  }
  EXPECT_EQ(caught, std::vector<std::string>{
                      "script:1: at 1ms: full db 1099511627776: its disk "
                      "was never full"});
}

} // namespace
} // namespace millrace::sim
