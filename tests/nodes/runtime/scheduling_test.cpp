#include <millrace/nodes/node/scheduling.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace millrace::nodes {
namespace {

using namespace std::chrono_literals;

struct chained_config : caf::actor_system_config {
  explicit chained_config(size_t workers) {
    load<caf::scheduler::coordinator<chained_scheduling>>();
    set("scheduler.max-threads", workers);
    set("scheduler.max-throughput", size_t{5});
  }
};

/// Passes a number on, one less, to `next`; tells `last` when it is zero.
caf::behavior pass(caf::event_based_actor* self, caf::actor last) {
  auto next = std::make_shared<caf::actor>();
  return {
    [next](caf::link_atom, const caf::actor& to) { *next = to; },
    [=](uint64_t left) {
      if (left == 0)
        self->send(last, caf::ok_atom_v);
      else
        self->send(*next, left - 1);
    },
    [=](caf::close_atom) {
      *next = nullptr;
      self->quit();
    },
  };
}

/// Actors in a ring, which hold each other until they are told to close.
class ring {
public:
  ring(caf::actor_system& system, size_t size, const caf::actor& last) {
    for (size_t i = 0; i < size; ++i)
      members_.push_back(system.spawn(pass, last));
    for (size_t i = 0; i < size; ++i)
      caf::anon_send(members_[i], caf::link_atom_v, members_[(i + 1) % size]);
  }
  ~ring() {
    for (const auto& member : members_)
      caf::anon_send(member, caf::close_atom_v);
  }
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;

  void start(uint64_t hops) { caf::anon_send(members_[0], hops); }

private:
  std::vector<caf::actor> members_;
};

void expect_ok(caf::scoped_actor& self) {
  bool came = false;
  self->receive([&](caf::ok_atom) { came = true; }, caf::after(60s) >> [] {});
  ASSERT_TRUE(came);
}

TEST(chained_scheduling, runs_long_chains_side_by_side) {
  chained_config config{4};
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  std::vector<std::unique_ptr<ring>> rings;
  for (int i = 0; i < 8; ++i)
    rings.push_back(
      std::make_unique<ring>(system, 5, caf::actor_cast<caf::actor>(self)));
  for (auto& each : rings)
    each->start(20'000);
  for (size_t i = 0; i < rings.size(); ++i)
    expect_ok(self);
}

TEST(chained_scheduling, an_endless_chain_leaves_its_worker_to_others) {
  chained_config config{1};
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  const auto me = caf::actor_cast<caf::actor>(self);
  ring endless{system, 2, me};
  endless.start(~uint64_t{0});
  for (int i = 0; i < 20; ++i) {
    ring short_one{system, 3, me};
    short_one.start(50);
    expect_ok(self);
  }
}

TEST(chained_scheduling, wakes_workers_that_went_to_sleep) {
  chained_config config{3};
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  ring each{system, 3, caf::actor_cast<caf::actor>(self)};
  // Pushes race with workers that are just going to sleep.
  for (int i = 0; i < 2'000; ++i) {
    each.start(3);
    expect_ok(self);
    const auto until
      = std::chrono::steady_clock::now() + std::chrono::microseconds{i % 50};
    while (std::chrono::steady_clock::now() < until) {
    }
  }
}

struct counted_job final : caf::resumable, caf::ref_counted {
  resume_result resume(caf::execution_unit*, size_t) override { return done; }
  void intrusive_ptr_add_ref_impl() override { ref(); }
  void intrusive_ptr_release_impl() override { deref(); }
};

TEST(ready_queue, gives_every_job_to_exactly_one_thread) {
  constexpr size_t count = 50'000;
  ready_queue queue;
  counted_job job;
  counted_job end;
  std::atomic<size_t> taken{0};
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i)
    workers.emplace_back([&] {
      while (queue.pop() == &job)
        ++taken;
    });
  std::vector<std::thread> pushers;
  for (int i = 0; i < 2; ++i)
    pushers.emplace_back([&] {
      for (size_t j = 0; j < count; ++j)
        queue.push(&job);
    });
  for (auto& each : pushers)
    each.join();
  for (size_t i = 0; i < workers.size(); ++i)
    queue.push(&end);
  for (auto& each : workers)
    each.join();
  EXPECT_EQ(taken, 2 * count);
  EXPECT_EQ(queue.try_pop(), nullptr);
}

} // namespace
} // namespace millrace::nodes
