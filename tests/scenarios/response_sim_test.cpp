// A publisher that waits for a response to its message, and consumers that give
// one.

#include <map>
#include <optional>

#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

using response = std::optional<result<std::vector<std::byte>>>;

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A program that answers every message, and notes what became of that.
struct responder {
  std::string name;
  start_spec start;
  std::shared_ptr<rt::subscription> control;
  std::vector<std::string> told;    ///< "" for an answer that counts.
  std::vector<std::string> refused; ///< At once.
  size_t seen = 0;

  result<nodes::hosted_process> begin(nodes::process_host& host) {
    rt::subscription_handlers handlers;
    handlers.on_message = [this](const rt::message& m, position) {
      ++seen;
      const auto answer
        = name + ":" + text_of({m.payload.begin(), m.payload.end()});
      const auto why = control->respond(
        m.header, bytes_of(answer), [this](const error& fault) {
          told.emplace_back(fault ? to_string(fault.code) : "");
        });
      if (why)
        refused.emplace_back(to_string(why.code));
    };
    auto running
      = host.subscribe("market", std::move(handlers), {.start = start});
    if (!running)
      return running.failure();
    control = running->control;
    return nodes::hosted_process{
      caf::actor_cast<caf::strong_actor_ptr>(running->subscriber)};
  }
};

/// RT nodes, a program that asks, and two that answer.
class response_run {
public:
  response_run(uint64_t seed, size_t node_count) : w{seed} {
    for (size_t i = 0; i < node_count; ++i)
      add_rt_node(plan, "rt" + std::to_string(i));
    plan.add_program(
      "asks", [this](nodes::process_host& host, const nodes::process_config&) {
        return begin(host);
      });
    for (const auto* name : {"one", "two"}) {
      all[name].name = name;
      plan.add_program(name, [this, name](nodes::process_host& host,
                                          const nodes::process_config&) {
        return all.at(name).begin(host);
      });
    }
    w.add_cluster(plan.config, plan.options);
    w.run_for(3s);
  }
  ~response_run() { made.out.reset(); }

  result<nodes::hosted_process> begin(nodes::process_host& host) {
    auto opened = host.publish("market", {.name = "asks", .origin = "asks"});
    if (!opened)
      return opened.failure();
    made = *std::move(opened);
    return nodes::hosted_process{
      caf::actor_cast<caf::strong_actor_ptr>(made.replicators.front())};
  }

  rt::publish_token ask(const std::string& text, int32_t to_ms = 5000) {
    message_header header;
    header.to = to_ms;
    auto token = made.out->request(bytes_of(text), header);
    if (!token) {
      broken.push_back("request: " + to_string(token.failure()));
      return {};
    }
    EXPECT_FALSE(made.out->flush(rt::ack_level::recorded, 0ms));
    return *token;
  }

  /// What comes of it.
  response await(const rt::publish_token& token) {
    response came;
    w.run_until([&] { return (came = made.out->response(token)).has_value(); },
                20s);
    return came;
  }

  void expect(bool holds, const std::string& what) {
    if (!holds)
      broken.push_back(what);
  }
  void expect_answer(const response& came, const std::string& to) {
    if (!came || !*came)
      return broken.push_back(
        "no response to " + to + ": "
        + (came ? to_string(came->failure()) : "nothing"));
    const auto text = text_of(**came);
    expect(text == "one:" + to || text == "two:" + to, "odd: " + text);
  }

  // Who answered is told until the world ends.
  std::map<std::string, responder> all;
  std::vector<std::string> broken;
  world w;
  cluster_plan plan;
  nodes::publication made;
};

class ResponseSim : public ::testing::TestWithParam<size_t> {};

/// Goal: the first answer of a consumer comes to who asked, and each of those
/// that answered hears whether its own counts.
TEST_P(ResponseSim, TheFirstAnswerComesToWhoAsked) {
  for_each_seed(10, [&](uint64_t seed) {
    response_run run{seed, GetParam()};
    for (const auto* text : {"a", "b", "c"})
      run.expect_answer(run.await(run.ask(text)), text);
    run.w.run_for(2s);
    size_t counted = 0;
    for (const auto& [name, each] : run.all) {
      run.expect(each.seen == 3 && each.told.size() == 3
                   && each.refused.empty(),
                 name + " answered " + std::to_string(each.told.size()));
      for (const auto& said : each.told) {
        counted += said.empty();
        run.expect(said.empty() || said == "already_exists"
                     || said == "not_found",
                   name + " was told " + said);
      }
    }
    run.expect(counted == 3, std::to_string(counted) + " answers counted");
    return report(seed, run.broken);
  });
}

/// Goal: whose RT node does not have the publisher answers all the same.
TEST_P(ResponseSim, AnAnswerFindsItsWayFromNodeToNode) {
  if (GetParam() == 1)
    GTEST_SKIP() << "there is one node";
  for_each_seed(10, [&](uint64_t seed) {
    response_run run{seed, GetParam()};
    // They read from the first node, and the publisher reaches the others.
    run.w.cut("asks", "rt0");
    run.w.run_for(10s);
    for (const auto* text : {"a", "b"})
      run.expect_answer(run.await(run.ask(text)), text);
    run.w.heal();
    return report(seed, run.broken);
  });
}

/// Goal: without an answer the timeout says how far the message got.
TEST_P(ResponseSim, WithoutAnAnswerTheTimeoutSaysHowFarItGot) {
  response_run run{1, GetParam()};
  for (const auto* name : {"one", "two"})
    run.w.crash(name);
  run.w.run_for(1s);
  auto came = run.await(run.ask("a", 700));
  ASSERT_TRUE(came && !*came);
  EXPECT_EQ(came->failure().code, errc::timeout);
  EXPECT_NE(came->failure().context.find("it is committed"), std::string::npos)
    << came->failure().context;
  // Who comes later reads what nobody waits for any more.
  run.w.restart("one");
  run.w.run_for(3s);
  EXPECT_EQ(run.all.at("one").told, std::vector<std::string>{"not_found"});
  // Of what is of long ago nobody is asked.
  run.w.crash("one");
  run.w.run_for(2min);
  run.w.restart("one");
  run.w.run_for(3s);
  EXPECT_EQ(run.all.at("one").refused, std::vector<std::string>{"timeout"});
  // And where no node is.
  for (size_t i = 0; i < GetParam(); ++i)
    run.w.crash("rt" + std::to_string(i));
  came = run.await(run.ask("b", 700));
  ASSERT_TRUE(came && !*came);
  EXPECT_NE(came->failure().context.find("it is not committed"),
            std::string::npos)
    << came->failure().context;
}

/// Goal: an answer to a publisher that is gone is told as such.
TEST_P(ResponseSim, WhoIsGoneIsNotAnswered) {
  response_run run{1, GetParam()};
  for (const auto* name : {"one", "two"})
    run.w.crash(name);
  run.ask("a", 60'000);
  run.w.run_for(2s);
  run.made.out.reset();
  run.w.crash("asks");
  run.w.run_for(5s);
  run.w.restart("one");
  run.w.run_for(5s);
  EXPECT_EQ(run.all.at("one").told, std::vector<std::string>{"unavailable"});
}

/// Goal: whatever becomes of connections and nodes meanwhile, who asked is told
/// one thing, and it is an answer or a timeout.
TEST_P(ResponseSim, UnderFaultsThereIsAnAnswerOrATimeout) {
  size_t answered = 0;
  for_each_seed(40, [&](uint64_t seed) {
    response_run run{seed, GetParam()};
    for (int i = 0; i < 20; ++i) {
      const auto fault = run.w.draw(4);
      const auto rt = "rt" + std::to_string(run.w.draw(GetParam()));
      if (fault == 0)
        run.w.cut("asks", rt);
      else if (fault == 1)
        run.w.cut(run.w.chance(0.5) ? "one" : "two", rt);
      else if (fault == 2)
        run.w.crash(rt);
      const auto text = std::to_string(i);
      const auto token = run.ask(text, 3000);
      if (fault == 2)
        run.w.restart(rt);
      const auto came = run.await(token);
      run.expect(came.has_value(), "nothing was told of " + text);
      if (came && *came) {
        run.expect_answer(came, text);
        ++answered;
      } else if (came) {
        run.expect(came->failure().code == errc::timeout,
                   to_string(came->failure()));
      }
      run.expect(run.made.out->response(token)->failure().code
                   == errc::not_found,
                 "told twice of " + text);
      run.w.heal();
    }
    return report(seed, run.broken);
  });
  EXPECT_GT(answered, 400u);
}

INSTANTIATE_TEST_SUITE_P(Nodes, ResponseSim, ::testing::Values(1, 3));

} // namespace
} // namespace millrace::sim
