// A process of one's own, "vwap", put through failures in a simulated cluster.
// docs/simulating_failures.md explains it.
#include <millrace/millrace.hpp>
#include <millrace/sim/world/failure_test.hpp>

#include <caf/stateful_actor.hpp>

using namespace millrace;
using namespace millrace::sim;
using namespace std::chrono_literals;

struct vwap_state {
  vwap_state() = default;
  double turnover = 0;
  int64_t size = 0;
};

/// Sums what it is told of trades, and says their mean price.
caf::behavior vwap_actor(caf::stateful_actor<vwap_state>* self) {
  return {
    [=](double price, int32_t size) {
      self->state.turnover += price * size;
      self->state.size += size;
    },
    [=](status_atom) {
      const auto& [turnover, size] = self->state;
      return size == 0 ? status_facts::object()
                       : status_facts{{"vwap", turnover / double(size)}};
    },
  };
}

/// Starts it on any host: a node, or a simulated one.
result<nodes::hosted_process> vwap(nodes::process_host& host,
                                   const nodes::process_config&) {
  auto me = host.spawn(vwap_actor);
  rt::subscription_handlers on;
  on.on_message = [me](const rt::message& message, position) {
    const auto batch = decode_batch(message.payload);
    for (uint32_t row = 0; batch && row < batch->row_count; ++row)
      caf::anon_send(me, batch->column("price")->as<double>()[row],
                     batch->column("size")->as<int32_t>()[row]);
  };
  if (auto heard = host.subscribe("market", on); !heard)
    return heard.failure();
  return nodes::hosted_process{caf::actor_cast<caf::strong_actor_ptr>(me)};
}

TEST(Vwap, SurvivesPowerCuts) {
  for_each_seed(50, [](uint64_t seed) {
    world w{seed};
    w.add_cluster("cluster.toml");
    auto& feed = w.add_publisher("feed", "trade");
    auto& mine = w.host("mine", vwap);
    feed.publish({{"sym", "A"}, {"price", 10.0}, {"size", 1}});
    w.power_cut("rt1", restart_after(1s));
    feed.publish({{"sym", "A"}, {"price", 20.0}, {"size", 3}});
    w.kill("mine", restart_after(100ms));
    EXPECT_TRUE(w.eventually(30s, [&] { return mine.status("vwap") == 17.5; }));
    w.expect_no_loss("trade");
  });
}

TEST(Vwap, SurvivesWhateverASeedDraws) {
  const fault_mix mix{.nodes = {"rt1", "db", "feed", "mine"}, .within = 2s};
  for_each_fault_script(20, mix, [](uint64_t seed, const fault_script& script) {
    world w{seed};
    w.add_cluster("cluster.toml");
    auto& feed = w.add_publisher("feed", "trade");
    auto& mine = w.host("mine", vwap);
    w.play(script);
    for (int i = 1; i <= 10; ++i)
      feed.publish({{"sym", "A"}, {"price", 2.0}, {"size", i}});
    w.run_for(5s);
    w.expect_no_loss("trade");
    EXPECT_TRUE(w.eventually(30s, [&] { return mine.status("vwap") == 2.0; }));
  });
}

TEST(Vwap, SurvivesAnHourThatIsSetBack) {
  world w{7};
  w.add_cluster("cluster.toml");
  auto& feed = w.add_publisher("feed", "trade");
  const auto script = parse_fault_script("at 100ms: clock feed -1h | lie db\n"
                                         "at 200ms: power db restart 1s\n"
                                         "at 2s: heal\n",
                                         "script");
  ASSERT_TRUE(script) << to_string(script.failure());
  w.play(*script);
  for (int i = 1; i <= 20; ++i)
    feed.publish({{"sym", "A"}, {"price", 2.0}, {"size", i}});
  w.run_for(3s);
  w.expect_no_loss("trade");
  const auto sum = w.query(R"({"tablename": "trade", "grouping": "sym",
    "starttime": "2000-01-01", "endtime": "2100-01-01",
    "aggregations": {"sum": "size"}})");
  ASSERT_TRUE(sum) << to_string(sum.failure());
  EXPECT_EQ(sum->rows.at(0).at(1), 210);
}
