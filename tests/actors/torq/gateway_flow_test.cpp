// A GATEWAY FLOW between back ends that are told what to say, and when: words
// of a flow and of the back end that began it come in any order.

#include <millrace/actors/torq/gateway/gateway_flow.hpp>
#include <millrace/messages/protocol/registration.hpp>
#include <millrace/query/front/getdata.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

const error too_many{errc::limit_exceeded, "more than 5 rows"};

/// What a back end was asked, and the promise of its answer.
struct told_backend {
  std::optional<flow_id> flow;
  result_sink_actor sink;
  caf::response_promise promise;
  caf::message answer; ///< That it gives once it is told to.
  caf::actor who;
};

caf::behavior flow_backend(caf::event_based_actor* self,
                           std::shared_ptr<told_backend> told) {
  told->who = self;
  auto keep = [self, told](flow_id flow, const result_sink_actor& sink) {
    told->flow = flow;
    told->sink = sink;
    return told->promise = self->make_response_promise();
  };
  return {[told](caf::ok_atom) { told->promise.deliver(told->answer); },
          [keep](query_atom, const chunk&, rows_after, flow_id flow,
                 const result_sink_actor& sink) { return keep(flow, sink); },
          [keep](query_atom, const chunk&, manifest_version, flow_id flow,
                 const result_sink_actor& sink) { return keep(flow, sink); }};
}

caf::behavior source(caf::event_based_actor* self) {
  return {[](ack_atom, byte_number) {}, [self](stop_atom) { self->quit(); },
          [self](const caf::error& why) { self->quit(why); }};
}

/// What the client was told: how the flow ended.
caf::behavior client(caf::event_based_actor*,
                     std::shared_ptr<std::optional<error>> end) {
  return {[](chunk_atom, flow_id, const chunk&) {},
          [end](finished_atom, flow_id, const caf::error& fault) {
            *end = from_caf(fault);
          }};
}

struct settings : caf::actor_system_config {
  settings() {
    messages::register_with(*this);
    set("scheduler.policy", caf::atom("testing"));
    set("logger.inline-output", true);
  }
};

struct gateway_flow_test : testing::Test {
  gateway_flow_test() {
    world.clock = &clock;
    table_schema schema;
    schema.name = "trade";
    schema.columns
      = {{"time", column_type::timestamp}, {"sym", column_type::symbol}};
    schema.time_column = "time";
    schema.symbol_column = "sym";
    auto asked = query::parse_getdata(
      R"({"tablename":"trade","starttime":"2000-01-01",
          "endtime":"2001-01-01"})",
      [&](std::string_view) { return &schema; });
    EXPECT_TRUE(asked) << to_string(asked.failure());
    auto made = std::make_shared<gateway_request>();
    made->plan = asked->plan;
    auto& question = made->question;
    question.table = "trade";
    question.stream = "market";
    question.deadline_ns = 1'000'000'000'000;
    question.wants_rdb = question.wants_hdb = true;
    question.rdbs = {"rdb1"};
    question.hdbs.push_back({"hdb1", partition_cut{manifest_version{1}, {10}}});
    for (const auto& [name, held] : {std::pair{"rdb1", rdb}, {"hdb1", hdb}}) {
      backend one;
      one.row.name = name;
      one.handle
        = caf::actor_cast<caf::strong_actor_ptr>(spawn(flow_backend, held));
      one.load = loads[name];
      made->add(one);
    }
    flow = system.spawn(
      gateway_flow, &world, std::shared_ptr<const gateway_request>{made},
      flow_id{7},
      caf::actor_cast<result_sink_actor>(spawn(client, told_client)),
      int64_t{1'000'000'000});
    of_rdb = spawn(source);
    of_hdb = spawn(source);
    self->send(caf::actor_cast<caf::actor>(flow), start_atom::value);
    run();
    EXPECT_TRUE(hdb->flow);
  }
  ~gateway_flow_test() override {
    for (const auto& each : all)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    caf::anon_send_exit(flow, caf::exit_reason::kill);
    *rdb = *hdb = {};
    run();
    // Timers that nobody waits for.
    dynamic_cast<caf::detail::test_actor_clock&>(scheduler().clock())
      .cancel_all();
  }

  template <class... Ts>
  caf::actor spawn(Ts&&... what) {
    return all.emplace_back(system.spawn(std::forward<Ts>(what)...));
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() {
    while (scheduler().try_run_once()) {
    }
  }
  void hdb_begins() {
    answers(*hdb,
            caf::make_message(caf::actor_cast<result_source_actor>(of_hdb),
                              partition_cut{manifest_version{1}, {10}}));
  }
  void rdb_begins() {
    answers(*rdb,
            caf::make_message(caf::actor_cast<result_source_actor>(of_rdb),
                              rdb_cut{{20}}));
  }
  void answers(told_backend& who, caf::message answer) {
    who.answer = std::move(answer);
    caf::anon_send(who.who, caf::ok_atom_v);
    run();
  }
  /// Its last word, and its end.
  void rdb_flow_fails() {
    caf::anon_send(rdb->sink, finished_atom_v, *rdb->flow, to_caf(too_many));
    run();
    ends(of_rdb, to_caf(too_many));
  }
  void say_over() {
    caf::anon_send(rdb->sink, finished_atom_v, *rdb->flow, caf::error{});
    run();
  }
  void ends(const caf::actor& who, const caf::error& why) {
    caf::anon_send(who, why);
    run();
  }
  /// All rows come once the client takes them, and the HDB has given its.
  void is_whole() {
    caf::anon_send(caf::actor_cast<caf::actor>(flow), ack_atom_v,
                   byte_number{});
    run();
    EXPECT_FALSE(*told_client) << to_string(**told_client);
    caf::anon_send(hdb->sink, finished_atom_v, *hdb->flow, caf::error{});
    run();
    ASSERT_TRUE(*told_client);
    EXPECT_FALSE(**told_client) << to_string(**told_client);
  }
  /// How the question was refused before there was a cut.
  error refusal() {
    error out;
    self->receive([](const query_cut&) { FAIL() << "there is a cut"; },
                  [&](const caf::error& fault) { out = from_caf(fault); },
                  caf::after(caf::timespan{0}) >> [] { FAIL() << "no word"; });
    return out;
  }

  settings how;
  caf::actor_system system{how};
  test_support::manual_clock clock;
  persistence::env world;
  std::vector<caf::actor> all;
  std::shared_ptr<told_backend> rdb = std::make_shared<told_backend>();
  std::shared_ptr<told_backend> hdb = std::make_shared<told_backend>();
  std::shared_ptr<std::optional<error>> told_client
    = std::make_shared<std::optional<error>>();
  std::map<std::string, backend_load> loads;
  gateway_flow_actor flow;
  caf::actor of_rdb;
  caf::actor of_hdb;
  caf::scoped_actor self{system, true};
};

using GatewayFlowTest = gateway_flow_test;

TEST_F(GatewayFlowTest, AFaultThatComesBeforeTheAnswerIsTold) {
  hdb_begins();
  rdb_flow_fails();
  rdb_begins();
  EXPECT_EQ(refusal(), too_many);
}

TEST_F(GatewayFlowTest, AFaultThatComesBeforeTheCutIsTold) {
  rdb_begins();
  rdb_flow_fails();
  EXPECT_EQ(refusal(), too_many);
  // Questions after it go to others first.
  EXPECT_TRUE(loads["rdb1"].failed_lately(clock.monotonic_ns()));
  EXPECT_FALSE(loads["hdb1"].failed_lately(clock.monotonic_ns()));
}

TEST_F(GatewayFlowTest, AnEndThatOvertakesTheLastWordTellsTheFault) {
  rdb_begins();
  ends(of_rdb, to_caf(too_many));
  EXPECT_EQ(refusal(), too_many);
}

TEST_F(GatewayFlowTest, AFlowWithoutRowsMayBeOverBeforeTheAnswer) {
  hdb_begins();
  say_over();
  ends(of_rdb, caf::exit_reason::normal);
  rdb_begins();
  is_whole();
}

TEST_F(GatewayFlowTest, AFlowThatEndsBeforeItsLastWordIsWaitedFor) {
  hdb_begins();
  rdb_begins();
  ends(of_rdb, caf::exit_reason::normal);
  EXPECT_FALSE(*told_client);
  say_over();
  is_whole();
}

TEST_F(GatewayFlowTest, AFlowThatIsEndedIsLost) {
  hdb_begins();
  rdb_begins();
  ends(of_rdb, caf::exit_reason::kill);
  ASSERT_TRUE(*told_client);
  EXPECT_EQ((*told_client)->code, errc::backend_lost);
}

} // namespace
} // namespace millrace::torq
