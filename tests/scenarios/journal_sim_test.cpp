// A topic that is a full path: a journal of one's own, which its writer may
// read again.

#include "report.hpp"
#include "rt_scenario.hpp"

namespace millrace::sim {
namespace {

constexpr const char* topic = "/fastssd/replay";

/// A program that publishes into a journal and reads it.
struct journal_program {
  nodes::publication out;
  std::vector<std::string> payloads; ///< Of all lives together.
  position checkpoint;

  result<nodes::hosted_process> start(node& me, start_spec from) {
    rt::subscription_handlers handlers;
    handlers.on_message = [this](const rt::message& m, position end) {
      payloads.emplace_back(reinterpret_cast<const char*>(m.payload.data()),
                            m.payload.size());
      checkpoint = end;
    };
    auto made = me.publish(topic, {.name = me.name()});
    if (!made)
      return made.failure();
    out = *std::move(made);
    auto running = me.subscribe(topic, std::move(handlers), {.start = from});
    if (!running)
      return running.failure();
    me.put("subscriber", running->subscriber);
    return nodes::hosted_process{
      caf::actor_cast<caf::strong_actor_ptr>(running->subscriber)};
  }

  void publish(const std::string& text) {
    ASSERT_TRUE(out.out->publish(bytes_of(text)));
    ASSERT_FALSE(out.out->flush(rt::ack_level::recorded, 1s));
  }
};

TEST(JournalSim, AProgramGoesOnFromItsCheckpointWithoutRt) {
  for_each_seed(5, [&](uint64_t seed) {
    world w{seed};
    cluster_plan plan;
    add_rt_node(plan, "rt0");
    journal_program program;
    plan.add_program(
      "app", [&](nodes::process_host& host, const nodes::process_config&) {
        start_spec from;
        if (program.checkpoint != position{}) {
          from.kind = start_spec::at_position;
          from.at = program.checkpoint;
        }
        return program.start(simulated(host), from);
      });
    w.add_cluster(plan.config, plan.options);
    w.run_for(1s);
    program.publish("one");
    program.publish("two");
    w.run_for(1s);
    std::vector<std::string> broken;
    const auto expect = [&](bool holds, const char* what) {
      if (!holds)
        broken.emplace_back(what);
    };
    // No replicator carries it anywhere, and the directory is the path itself.
    expect(program.out.replicators.empty(), "there is a replicator");
    expect(program.out.out->directory() == topic, "it lies elsewhere");
    expect(program.payloads == std::vector<std::string>{"one", "two"},
           "not read as it was written");
    program.out.out.reset();
    w.crash("app");
    w.restart("app");
    program.publish("three");
    w.run_for(1s);
    expect(program.payloads == std::vector<std::string>{"one", "two", "three"},
           "not read on from the checkpoint");
    program.out.out.reset();
    return report(seed, broken);
  });
}

} // namespace
} // namespace millrace::sim
