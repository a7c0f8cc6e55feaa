// A message that ends the one who takes it, whenever it is taken.
#include <millrace/actors/torq/feed/feed_work.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/sim/world/failure_test.hpp>
#include <millrace/sim/world/rt_nodes.hpp>
#include <millrace/sim/world/torq_nodes.hpp>
#include <millrace/tests/support/paths.hpp>

#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

bool has_warning(world& w, const std::string& node, const std::string& id) {
  const auto& notices = w.at(node).notices();
  return std::any_of(notices.begin(), notices.end(), [&](const auto& each) {
    return each.level == nodes::notice::severity::warning && each.id == id;
  });
}

int64_t lines_of(world& w, const std::string& node, const std::string& path) {
  const auto bytes = persistence::read_file(w.at(node).disk(), path, 64u << 20);
  return bytes ? std::count(bytes->begin(), bytes->end(), std::byte{'\n'}) : 0;
}

/// An RDB that has all of a feed.
struct fed_rdb {
  explicit fed_rdb(uint64_t seed) : w{seed} {
    rt_node_options rt;
    rt.period_grace_ns = 100'000'000;
    add_discovery(plan, "disc");
    add_rt_node(plan, "rt0", rt);
    add_feed(plan, "feed0", load, progress);
    add_hdb(plan, "hdb1", database);
    add_rdb(plan, "rdb1", database);
    w.add_cluster(plan.config, plan.options);
    EXPECT_TRUE(w.run_until([&] { return progress->merged.load(); }, 60s));
    const auto facts = w.ask<stream_facts>(
      caf::actor_cast<sequencer_actor>(w.find("rt0", "rt/market")), 5s,
      facts_atom_v);
    EXPECT_TRUE(facts);
    end = std::get<0>(*facts).end;
    EXPECT_TRUE(caught_up());
    all_rows = rows();
  }

  bool caught_up() {
    return w.run_until(
      [&] {
        const auto facts = facts_of_rdb(w, "rdb1");
        return facts && facts->end >= end;
      },
      30s);
  }
  rdb_facts rdb() {
    auto facts = facts_of_rdb(w, "rdb1");
    EXPECT_TRUE(facts) << to_string(facts.failure());
    return facts ? *std::move(facts) : rdb_facts{};
  }
  uint64_t rows() {
    uint64_t out = 0;
    for (const auto& [table, count] : rdb().rows)
      out += count;
    return out;
  }
  /// Its next life ends as it takes the `nth` message from the beginning, by a
  /// fault of its own or killed from outside.
  void end_at(uint64_t nth, bool killed = false) {
    if (w.at("rdb1").alive())
      w.crash("rdb1");
    w.crash_at("rdb1", "rdb.before_insert", nth, {.fault = !killed});
    w.restart("rdb1");
    ASSERT_TRUE(w.run_until([&] { return !w.at("rdb1").alive(); }, 30s));
  }
  int64_t letters() {
    return lines_of(w, "rdb1", plan.config.data_directory + "/rejects/rdb1");
  }
  period_report report(bool accepts) {
    const auto got = w.ask<period_report>(
      caf::actor_cast<rdb_actor>(w.find("rdb1", "rdb1")), 20s, installed_atom_v,
      period_id{9490}, period_end, accepts);
    EXPECT_TRUE(got) << to_string(got.failure());
    return got ? std::get<0>(*got) : period_report{};
  }

  world w;
  cluster_plan plan;
  feed_load load;
  database_options database;
  std::shared_ptr<torq::feed_progress> progress
    = std::make_shared<torq::feed_progress>();
  position end;
  position period_end;
  uint64_t all_rows = 0;
};

TEST(ParkedMessageSim, OneThatEndsTheRdbAgainAndAgainIsParked) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    fed_rdb run{seed};
    const auto nth = 2 + seed;
    for (int i = 0; i < 4; ++i) {
      run.end_at(nth);
      EXPECT_EQ(run.letters(), 0);
    }
    run.w.restart("rdb1");
    ASSERT_TRUE(run.caught_up()) << seed;
    EXPECT_EQ(run.letters(), 1);
    EXPECT_LT(run.rows(), run.all_rows);
    EXPECT_EQ(run.rdb().rejected_batches, 1u);
    EXPECT_NE(run.w.status("rdb1", "rdb1").find("\"parked_batches\":1"),
              std::string::npos);
    EXPECT_TRUE(has_warning(run.w, "rdb1", "parked"));
    const auto kept = run.rows();

    // So it stays, and holds its period back.
    run.w.crash("rdb1");
    run.w.restart("rdb1");
    ASSERT_TRUE(run.caught_up());
    EXPECT_EQ(run.rows(), kept);
    EXPECT_EQ(run.letters(), 1);
    const auto ended = run.w.ask<position>(
      caf::actor_cast<sequencer_actor>(run.w.find("rt0", "rt/market")), 5s,
      end_period_atom_v, period_id{9490});
    ASSERT_TRUE(ended) << to_string(ended.failure());
    run.period_end = std::get<0>(*ended);
    auto said = run.report(false);
    EXPECT_TRUE(said.held);
    EXPECT_FALSE(said.served);
    EXPECT_EQ(said.rejected_batches, 1u);
    for (int i = 0; i < 20 && !said.served; ++i)
      said = run.report(true);
    EXPECT_TRUE(said.served);
    EXPECT_EQ(run.w.defects(), std::vector<std::string>{});
  }
}

TEST(ParkedMessageSim, EndsAtOtherMessagesParkNone) {
  fed_rdb run{4};
  for (const auto nth : {5, 6, 5, 5, 7, 5, 5, 6, 6})
    run.end_at(static_cast<uint64_t>(nth));
  run.w.restart("rdb1");
  ASSERT_TRUE(run.caught_up());
  EXPECT_EQ(run.rows(), run.all_rows);
  EXPECT_EQ(run.letters(), 0);
}

// As the system does where memory is short: each time at about the same place.
TEST(ParkedMessageSim, WhoIsKilledFromOutsideParksNothing) {
  fed_rdb run{7};
  for (int i = 0; i < 10; ++i)
    run.end_at(5, true);
  // Once by a fault, so that messages are watched, and killed again.
  run.end_at(5);
  for (int i = 0; i < 10; ++i)
    run.end_at(5, true);
  run.w.restart("rdb1");
  ASSERT_TRUE(run.caught_up());
  EXPECT_EQ(run.rows(), run.all_rows);
  EXPECT_EQ(run.letters(), 0);
}

// Who mended its defect lets it be taken again.
TEST(ParkedMessageSim, OneThatIsTakenAfterAllIsNotListedAnyMore) {
  fed_rdb run{8};
  for (int i = 0; i < 4; ++i)
    run.end_at(4);
  run.w.restart("rdb1");
  ASSERT_TRUE(run.caught_up());
  ASSERT_EQ(run.letters(), 1);
  run.w.crash("rdb1");
  ASSERT_FALSE(run.w.at("rdb1").disk().remove(run.plan.config.data_directory
                                              + "/taken/rdb1.parked"));
  for (int life = 0; life < 2; ++life) {
    run.w.restart("rdb1");
    ASSERT_TRUE(run.caught_up());
    EXPECT_EQ(run.rows(), run.all_rows);
    EXPECT_EQ(run.rdb().rejected_batches, 0u);
    // It says once that it is taken.
    EXPECT_EQ(run.letters(), 2);
    run.w.crash("rdb1");
  }
}

TEST(ParkedMessageSim, OneThatCannotBeKeptComesAgain) {
  fed_rdb run{5};
  for (int i = 0; i < 4; ++i)
    run.end_at(4);
  // It is parked, and there is no room for a letter.
  run.w.restart("rdb1");
  run.w.at("rdb1").disk().fail(disk_call::open, 1, errc::no_space, 1000,
                               "/rejects/");
  ASSERT_TRUE(run.w.run_until([&] { return !run.rdb().stalled.empty(); }, 30s));
  EXPECT_EQ(run.letters(), 0);
  run.w.at("rdb1").disk().heal();
  ASSERT_TRUE(run.caught_up());
  EXPECT_EQ(run.letters(), 1);
}

struct count_state {
  count_state() = default;
  int64_t rows = 0;
};

caf::behavior count_actor(caf::stateful_actor<count_state>* self) {
  return {
    [=](uint32_t rows) { self->state.rows += rows; },
    [=](status_atom) {
      return status_facts{{"rows", self->state.rows}};
    },
  };
}

/// Counts rows, and ends at each that has a certain price.
result<nodes::hosted_process> counter(nodes::process_host& host,
                                      const nodes::process_config& process) {
  auto me = host.spawn(count_actor);
  rt::subscription_handlers on;
  on.on_message = [me, &host](const rt::message& message, position) {
    const auto batch = decode_batch(message.payload);
    if (!batch)
      return;
    for (uint32_t row = 0; row < batch->row_count; ++row)
      if (batch->column("price")->as<double>()[row] == 13.0)
        host.env().crash_point("counter.unlucky");
    caf::anon_send(me, batch->row_count);
  };
  nodes::subscribe_options how;
  how.parks_as = process.name;
  if (auto heard = host.subscribe("market", std::move(on), how); !heard)
    return heard.failure();
  return nodes::hosted_process{caf::actor_cast<caf::strong_actor_ptr>(me)};
}

TEST(ParkedMessageSim, AProcessOfOnesOwnComesPastIt) {
  world w{6, {.faults_may_miss = true}}; // The last is past it.
  w.add_cluster(
    test_support::source_path("examples/failure_test/cluster.toml"));
  auto& feed = w.add_publisher("feed", "trade");
  auto& mine = w.host("mine", counter);
  w.add_crash_point("counter.unlucky");
  for (const double price : {10.0, 11.0, 13.0, 14.0})
    feed.publish({{"sym", "A"}, {"price", price}, {"size", 1}});
  ASSERT_TRUE(w.eventually(30s, [&] { return mine.status("rows") == 4; }));
  for (int i = 0; i < 5; ++i) {
    w.crash("mine");
    w.crash_at("mine", "counter.unlucky", 1, {.fault = true});
    w.restart("mine");
    if (i < 4) {
      ASSERT_TRUE(w.run_until([&] { return !w.at("mine").alive(); }, 30s)) << i;
    }
  }
  // Armed as before, and it is not taken any more.
  EXPECT_TRUE(w.eventually(30s, [&] { return mine.status("rows") == 3; }));
  EXPECT_TRUE(has_warning(w, "mine", "parked"));
  feed.publish({{"sym", "A"}, {"price", 15.0}, {"size", 1}});
  EXPECT_TRUE(w.eventually(30s, [&] { return mine.status("rows") == 4; }));
}

/// Counts rows from the beginning; its callback throws at those of a certain
/// price, so often as `throws` says.
nodes::process_factory throwing_counter(std::shared_ptr<int> throws,
                                        bool parks) {
  return
    [throws, parks](
      nodes::process_host& host,
      const nodes::process_config& process) -> result<nodes::hosted_process> {
      auto me = host.spawn(count_actor);
      rt::subscription_handlers on;
      on.on_message = [me, throws](const rt::message& message, position) {
        const auto batch = decode_batch(message.payload);
        if (!batch)
          return;
        for (uint32_t row = 0; row < batch->row_count; ++row)
          if (batch->column("price")->as<double>()[row] == 13.0
              && (*throws)-- > 0)
            throw std::runtime_error{"unlucky"};
        caf::anon_send(me, batch->row_count);
      };
      nodes::subscribe_options how{.start
                                   = start_spec{.kind = start_spec::begin}};
      if (parks)
        how.parks_as = process.name;
      if (auto heard = host.subscribe("market", std::move(on), how); !heard)
        return heard.failure();
      return nodes::hosted_process{caf::actor_cast<caf::strong_actor_ptr>(me)};
    };
}

int errors_of(world& w, const std::string& node, const std::string& id,
              const std::string& text) {
  const auto& notices = w.at(node).notices();
  return static_cast<int>(
    std::count_if(notices.begin(), notices.end(), [&](const auto& each) {
      return each.level == nodes::notice::severity::error && each.id == id
             && each.text.find(text) != std::string::npos;
    }));
}

// Nothing is left that looks alive and takes nothing.
TEST(ThrowingCallbackSim, EndsItsProcessWhichIsStartedAgainAndTold) {
  world w{9};
  w.allow_exceptions();
  w.add_cluster(
    test_support::source_path("examples/failure_test/cluster.toml"));
  auto& feed = w.add_publisher("feed", "trade");
  auto& mine
    = w.host("mine", throwing_counter(std::make_shared<int>(2), false));
  for (const double price : {10.0, 13.0, 14.0})
    feed.publish({{"sym", "A"}, {"price", price}, {"size", 1}});
  EXPECT_TRUE(w.eventually(60s, [&] { return mine.status("rows") == 3; }));
  EXPECT_EQ(errors_of(w, "mine", "threw", "stream 'market': a callback threw"),
            2);
  EXPECT_EQ(errors_of(w, "mine", "ended", "unlucky; it is started again"), 2);
}

TEST(ThrowingCallbackSim, AMessageThatIsThrownAtAgainAndAgainIsParked) {
  world w{10};
  w.allow_exceptions();
  w.add_cluster(
    test_support::source_path("examples/failure_test/cluster.toml"));
  auto& feed = w.add_publisher("feed", "trade");
  auto& mine
    = w.host("mine", throwing_counter(std::make_shared<int>(1000), true));
  for (const double price : {10.0, 13.0, 14.0})
    feed.publish({{"sym", "A"}, {"price", price}, {"size", 1}});
  EXPECT_TRUE(w.eventually(120s, [&] { return mine.status("rows") == 2; }));
  EXPECT_TRUE(has_warning(w, "mine", "parked"));
  EXPECT_EQ(errors_of(w, "mine", "ended", "unlucky"), 3);
}

} // namespace
} // namespace millrace::sim
