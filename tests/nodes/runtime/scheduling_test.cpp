#include <millrace/nodes/node/scheduling.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
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

TEST(chained_scheduling, what_a_handler_sends_for_nobody_runs_next_there) {
  chained_config config{3};
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  const auto where = system.spawn([]() -> caf::behavior {
    return {[](const caf::actor& asker) {
      caf::anon_send(asker,
                     std::hash<std::thread::id>{}(std::this_thread::get_id()));
    }};
  });
  const auto first
    = system.spawn([where](caf::event_based_actor*) -> caf::behavior {
        return {[where](const caf::actor& asker) {
          caf::anon_send(where, asker);
          return std::hash<std::thread::id>{}(std::this_thread::get_id());
        }};
      });
  int same = 0;
  for (int i = 0; i < 200; ++i) {
    size_t one = 0;
    self->request(first, caf::infinite, caf::actor_cast<caf::actor>(self))
      .receive([&](size_t id) { one = id; }, [](const caf::error&) { FAIL(); });
    self->receive([&](size_t id) { same += id == one; });
  }
  // Not where it was still in its last handler, on another worker.
  EXPECT_GT(same, 150);
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

// -- the thread of the connections --------------------------------------------

struct placed_state {
  static constexpr const char* name = "pusher";
  placed_state() = default;
};

struct other_state {
  static constexpr const char* name = "subscriber";
  other_state() = default;
};

/// Says on which thread it runs, and passes on to `next`, if there is one.
template <class State>
caf::behavior says_where(caf::stateful_actor<State>* self, caf::actor next,
                         std::function<void(std::thread::id)> say) {
  return {[self, next, say](uint64_t number) {
    say(std::this_thread::get_id());
    if (next)
      self->send(next, number);
  }};
}

/// Threads that were said, in order.
class said_threads {
public:
  std::function<void(std::thread::id)> sink() {
    return [this](std::thread::id where) {
      const std::scoped_lock lock{mutex_};
      said_.push_back(where);
      changed_.notify_all();
    };
  }
  std::vector<std::thread::id> wait(size_t count) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, 60s, [&] { return said_.size() >= count; });
    return said_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread::id> said_;
};

class connection_thread_test : public testing::Test {
protected:
  template <class State>
  caf::actor spawn(caf::actor next = nullptr) {
    made_.push_back(
      system_.spawn(says_where<State>, std::move(next), said_.sink()));
    return made_.back();
  }
  ~connection_thread_test() override {
    for (const auto& each : made_)
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  }

  chained_config config_{2};
  caf::actor_system system_{config_};
  std::shared_ptr<connection_thread> here_ = connections_of(system_);
  said_threads said_;
  std::vector<caf::actor> made_;
};

TEST_F(connection_thread_test, runs_what_its_turn_made_ready) {
  const auto last = spawn<placed_state>();
  const auto first = spawn<placed_state>(last);
  const auto here = std::this_thread::get_id();
  for (size_t i = 1; i <= 100; ++i) {
    {
      const connection_thread::turn one{*here_};
      caf::anon_send(first, uint64_t{0});
    }
    ASSERT_EQ(said_.wait(2 * i).size(), 2 * i);
  }
  // A worker that has just run one of them may still be the one that has it.
  const auto said = said_.wait(200);
  EXPECT_GT(std::count(said.begin(), said.end(), here), 0);
}

TEST_F(connection_thread_test, leaves_those_that_may_wait_to_the_workers) {
  const auto other = spawn<other_state>();
  const auto first = spawn<placed_state>(other);
  {
    const connection_thread::turn one{*here_};
    caf::anon_send(first, uint64_t{0});
    caf::anon_send(other, uint64_t{0});
  }
  const auto said = said_.wait(3);
  ASSERT_EQ(said.size(), 3u);
  const auto here = std::this_thread::get_id();
  EXPECT_LE(std::count(said.begin(), said.end(), here), 1);
}

TEST_F(connection_thread_test, leaves_the_rest_of_a_long_turn_to_the_workers) {
  std::vector<caf::actor> many;
  for (size_t i = 0; i < 100; ++i)
    many.push_back(spawn<placed_state>());
  for (size_t round = 1; round <= 3; ++round) {
    {
      const connection_thread::turn one{*here_};
      for (const auto& each : many)
        caf::anon_send(each, uint64_t{0});
    }
    ASSERT_EQ(said_.wait(100 * round).size(), 100 * round);
  }
  const auto said = said_.wait(300);
  const auto here = std::this_thread::get_id();
  EXPECT_LE(std::count(said.begin(), said.end(), here), 3 * 32);
  EXPECT_GT(std::count(said.begin() + 200, said.end(), here), 0);
}

TEST_F(connection_thread_test, is_called_by_others_while_it_is_open) {
  const auto actor = spawn<placed_state>();
  caf::anon_send(actor, uint64_t{0});
  ASSERT_EQ(said_.wait(1).size(), 1u);
  std::atomic<caf::resumable*> call{nullptr};
  here_->open([&](caf::resumable* what) { call = what; });
  // The actor may still be at rest only soon: then a worker takes it.
  for (size_t came = 1; call == nullptr; ++came) {
    caf::anon_send(actor, uint64_t{0});
    if (call == nullptr)
      ASSERT_EQ(said_.wait(came + 1).size(), came + 1);
  }
  const auto before = said_.wait(1).size();
  std::thread other{
    [&] { EXPECT_EQ(call.load()->resume(nullptr, 1), caf::resumable::done); }};
  const auto where = other.get_id();
  other.join();
  ASSERT_EQ(said_.wait(before + 1).size(), before + 1);
  EXPECT_EQ(said_.wait(before + 1).back(), where);
  here_->close();
  caf::anon_send(actor, uint64_t{0});
  ASSERT_EQ(said_.wait(before + 2).size(), before + 2);
  EXPECT_NE(said_.wait(before + 2).back(), where);
}

} // namespace
} // namespace millrace::nodes
