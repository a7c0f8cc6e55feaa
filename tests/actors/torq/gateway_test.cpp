// A GATEWAY over a back end that is told what to say: what it hears from those
// that ask for it, before its own word of a lost connection.

#include <millrace/actors/torq/gateway/gateway.hpp>
#include <millrace/messages/protocol/registration.hpp>
#include <millrace/query/execution/partial.hpp>
#include <millrace/tests/support/manual_clock.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

const char* const all_trades
  = R"({"tablename":"trade","starttime":"2000-01-01","endtime":"2001-01-01"})";

const char* const joined_trades
  = R"({"language":"sql","text":"select count(*) from trade a join )"
    R"((select sym, count(*) n from trade group by sym) b on a.sym = b.sym"})";

/// What an HDB says to each question, in order; then nothing.
struct hdb_words {
  std::vector<caf::message> to_ask;
  size_t asked = 0;

  caf::message next() {
    return asked < to_ask.size() ? to_ask[asked++] : caf::message{};
  }
};

caf::behavior told_hdb(caf::event_based_actor* self,
                       std::shared_ptr<hdb_words> words) {
  const auto say = [self, words] {
    auto promise = self->make_response_promise();
    if (auto word = words->next(); !word.empty())
      promise.deliver(std::move(word));
    return promise;
  };
  return {[](caf::subscribe_atom, const hdb_watcher_actor&) {},
          [say](query_atom, const chunk&) { return say(); },
          [say](query_atom, const chunk&, manifest_version) { return say(); },
          [say](query_atom, const chunk&, flow_id, const result_sink_actor&) {
            return say();
          }};
}

/// What is no back end, whatever it is registered as.
constexpr uint16_t stranger_port = 7;

caf::behavior stranger(caf::event_based_actor*) {
  return {[](int) {}};
}

caf::behavior connector(caf::event_based_actor*, const caf::actor& found,
                        const caf::actor& other) {
  return {[found, other](caf::connect_atom, const endpoint& at) {
    return caf::actor_cast<caf::strong_actor_ptr>(
      at.port == stranger_port ? other : found);
  }};
}

caf::behavior flow_source(caf::event_based_actor* self) {
  return {[](ack_atom, byte_number) {}, [self](stop_atom) { self->quit(); }};
}

caf::behavior flow_client(caf::event_based_actor*) {
  return {[](chunk_atom, flow_id, const chunk&) {},
          [](finished_atom, flow_id, const caf::error&) {}};
}

struct told_settings : caf::actor_system_config {
  told_settings() {
    messages::register_with(*this);
    set("scheduler.policy", caf::atom("testing"));
    set("logger.inline-output", true);
  }
};

struct gateway_test : testing::Test {
  gateway_test() {
    world.clock = &clock;
    gateway_settings settings;
    settings.process = "gateway1";
    settings.on_warning = [this](const std::string& id, const std::string&) {
      warned.push_back(id);
    };
    settings.running_max = 2;
    settings.hdbs = {{"hdb1", "/hdb"}, {"hdb2", "/copy"}};
    auto& table = settings.tables["trade"];
    table.schema.name = "trade";
    table.schema.columns
      = {{"time", column_type::timestamp}, {"sym", column_type::symbol}};
    table.schema.time_column = "time";
    table.schema.symbol_column = "sym";
    table.home = {"market", "trade", "/hdb"};
    table.in_hdb = true;
    const auto hdb = spawn(told_hdb, words);
    asked = caf::actor_cast<caf::actor>(system.spawn(
      gateway, &world, std::move(settings),
      caf::actor_cast<connector_actor>(spawn(connector, hdb, spawn(stranger))),
      registrar_actor{}));
    all.push_back(asked);
    comes("hdb1", "/hdb");
  }
  ~gateway_test() override {
    for (const auto& each : all)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    *words = {};
    run();
    // Timers that nobody waits for.
    timers().cancel_all();
  }

  /// Discovery names it.
  void comes(const std::string& hdb, const std::string& directory,
             uint16_t port = 0) {
    process_row row;
    row.name = hdb;
    row.at.port = port;
    row.type = "hdb";
    row.attributes = text::json_value{{"hdb", directory}};
    caf::anon_send(asked, watch_atom_v, std::vector<process_row>{row});
    run();
  }
  template <class... Ts>
  caf::actor spawn(Ts&&... what) {
    return all.emplace_back(system.spawn(std::forward<Ts>(what)...));
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  caf::detail::test_actor_clock& timers() {
    return dynamic_cast<caf::detail::test_actor_clock&>(scheduler().clock());
  }
  void run() {
    while (scheduler().try_run_once()) {
    }
  }
  /// The gateway looks for what is away at each of its ticks.
  void a_second_passes() {
    for (int i = 0; i < 4; ++i) {
      clock.advance(250'000'000);
      timers().advance_time(std::chrono::milliseconds{250});
      run();
    }
  }
  /// Questions, as its status has them.
  std::optional<uint64_t> running() {
    self->send(asked, status_atom_v);
    run();
    std::optional<uint64_t> out;
    self->receive(
      [&](const status_facts& said) { out = said.at("running").natural(); },
      caf::after(caf::timespan{0}) >> [] {});
    return out;
  }
  /// What it was told by now: "", "answered" or the fault.
  template <class... Answer>
  std::string word() {
    std::string out;
    self->receive(
      [&](const Answer&...) { out = "answered"; },
      [&](const caf::error& fault) { out = to_string(from_caf(fault)); },
      caf::after(caf::timespan{0}) >> [] {});
    return out;
  }

  told_settings how;
  caf::actor_system system{how};
  test_support::manual_clock clock{1'000'000'000};
  persistence::env world;
  std::vector<caf::actor> all;
  std::shared_ptr<hdb_words> words = std::make_shared<hdb_words>();
  std::vector<std::string> warned;
  caf::actor asked;
  caf::scoped_actor self{system, true};
};

using GatewayTest = gateway_test;

const caf::error gone = caf::sec::request_receiver_down;

TEST_F(GatewayTest, AQuestionWhoseBackEndWentIsAskedAgainWhenItIsBack) {
  const error word_of_it{errc::invalid_argument, "said when it was back"};
  words->to_ask
    = {caf::make_message(gone), caf::make_message(to_caf(word_of_it))};
  self->send(asked, query_atom_v,
             std::string{R"({"tablename":"trade","starttime":"2000-01-01",
               "endtime":"2001-01-01","aggregations":{"count":"sym"}})"});
  run();
  EXPECT_EQ(words->asked, 1u);
  EXPECT_EQ((word<bundle, query_cut>()), "") << "it waits";
  EXPECT_EQ(warned, std::vector<std::string>{"backend_lost"});
  a_second_passes();
  EXPECT_EQ(words->asked, 2u);
  EXPECT_EQ((word<bundle, query_cut>()), to_string(word_of_it));
}

const caf::message damaged
  = caf::make_message(to_caf({errc::corrupt, "the home's files"}));
const char* const trades_counted
  = R"({"tablename":"trade","starttime":"2000-01-01","endtime":"2001-01-01",
        "aggregations":{"count":"sym"}})";

TEST_F(GatewayTest, ACopyThatHasNotComeYetIsWaitedForWhereFilesAreDamaged) {
  const error word_of_it{errc::invalid_argument, "said by the copy"};
  words->to_ask
    = {damaged, damaged, damaged, caf::make_message(to_caf(word_of_it))};
  self->send(asked, query_atom_v, std::string{trades_counted});
  run();
  EXPECT_EQ(words->asked, 1u);
  EXPECT_EQ((word<bundle, query_cut>()), "") << "it waits";
  comes("hdb2", "/copy");
  EXPECT_EQ((word<bundle, query_cut>()), "") << "it has told nothing yet";
  hdb_announcement news;
  news.process = "hdb2";
  news.contents["trade"] = 1;
  caf::anon_send(asked, announce_atom_v, news);
  run();
  EXPECT_EQ(words->asked, 4u);
  EXPECT_EQ((word<bundle, query_cut>()), to_string(word_of_it));
}

TEST_F(GatewayTest, WhatIsNoBackEndIsNamedAndNotAsked) {
  comes("hdb3", "/hdb", stranger_port);
  EXPECT_EQ(warned, std::vector<std::string>{"backend_unfit"});
  const error word_of_it{errc::invalid_argument, "said by the hdb"};
  const auto said = caf::make_message(to_caf(word_of_it));
  words->to_ask = {said, said, said};
  for (size_t i = 1; i <= words->to_ask.size(); ++i) {
    self->send(asked, query_atom_v, std::string{trades_counted});
    run();
    EXPECT_EQ(words->asked, i);
    EXPECT_EQ((word<bundle, query_cut>()), to_string(word_of_it));
  }
  self->send(asked, status_atom_v);
  run();
  self->receive(
    [&](const status_facts& facts) {
      const auto& told = facts.at("backends").at("hdb3");
      EXPECT_EQ(told.at("ready").boolean(), false);
      EXPECT_NE(told.at("unfit").text_or_empty().find("registered as hdb"),
                std::string::npos);
    },
    caf::after(caf::timespan{0}) >> [] { FAIL() << "it is gone"; });
}

TEST_F(GatewayTest, ACopyThatDoesNotComeIsNamedWithTheDamage) {
  words->to_ask = {damaged};
  self->send(asked, query_atom_v, std::string{trades_counted});
  for (int i = 0; i < 9; ++i)
    a_second_passes();
  EXPECT_EQ((word<bundle, query_cut>()), "") << "it waits";
  a_second_passes();
  a_second_passes();
  EXPECT_EQ(words->asked, 1u);
  const auto said = word<bundle, query_cut>();
  EXPECT_NE(said.find("the home's files; hdb2, which may have a copy"),
            std::string::npos)
    << said;
}

TEST_F(GatewayTest, APlanOfSeveralStepsCountsAsOneQuestion) {
  const std::string joined = joined_trades;
  EXPECT_EQ(running(), 0u);
  // The stores say nothing.
  self->send(asked, query_atom_v, joined);
  run();
  EXPECT_EQ((word<bundle, query_cut>()), "");
  EXPECT_EQ(running(), 1u);
  self->send(asked, query_atom_v, std::string{all_trades});
  run();
  EXPECT_EQ(running(), 2u);
  self->send(asked, query_atom_v, joined);
  run();
  EXPECT_EQ((word<bundle, query_cut>()),
            "busy: gateway1: 2 queries run or wait; retry later");
}

TEST_F(GatewayTest, WhoIsGoneAsksNothingAnyMore) {
  const auto client = spawn(flow_client);
  caf::send_as(client, asked, query_atom_v, std::string{joined_trades});
  caf::send_as(client, asked, query_atom_v, std::string{all_trades});
  run();
  EXPECT_EQ(running(), 2u);
  caf::anon_send_exit(client, caf::exit_reason::kill);
  run();
  EXPECT_EQ(running(), 0u);
}

TEST_F(GatewayTest, AFlowWhoseBackEndWentIsAskedForAgainWhenItIsBack) {
  words->to_ask = {
    caf::make_message(gone),
    caf::make_message(caf::actor_cast<result_source_actor>(spawn(flow_source)),
                      partition_cut{})};
  self->send(asked, query_atom_v, std::string{all_trades}, flow_id{1},
             caf::actor_cast<result_sink_actor>(spawn(flow_client)));
  run();
  EXPECT_EQ(words->asked, 1u);
  EXPECT_EQ((word<result_source_actor, query_cut>()), "") << "it waits";
  EXPECT_EQ(warned, std::vector<std::string>{"backend_lost"});
  a_second_passes();
  EXPECT_EQ(words->asked, 2u);
  EXPECT_EQ((word<result_source_actor, query_cut>()), "answered");
}

} // namespace
} // namespace millrace::torq
