#pragma once

// For the sources of `world` alone: what a process is made of while it lives.

#include <millrace/sim/world/process_disk.hpp>
#include <millrace/sim/world/world.hpp>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>

namespace millrace::sim {

class world::sim_executor final : public persistence::executor {
public:
  sim_executor(world& owner, bool blocking)
    : owner_{owner}, blocking_{blocking} {}
  void submit(std::function<void()> job) override {
    owner_.submit(life.lock(), std::move(job), blocking_);
  }
  std::weak_ptr<node::life> life;

private:
  world& owner_;
  bool blocking_;
};

class world::sim_clock final : public persistence::clock_source {
public:
  sim_clock(world& owner, std::string machine)
    : owner_{owner}, machine_{std::move(machine)} {}
  int64_t now_ns() override {
    const auto now = owner_.now();
    const auto mine = owner_.clocks_.find(machine_);
    const auto ahead
      = mine == owner_.clocks_.end() ? duration{} : mine->second.ahead_at(now);
    return owner_.options_.epoch_ns + (now + ahead).count();
  }
  // Time passes while code looks at it: a loop until then must end.
  int64_t monotonic_ns() override {
    owner_.advance_to(owner_.now() + std::chrono::microseconds{1});
    return owner_.now().count();
  }

private:
  world& owner_;
  std::string machine_;
};

struct node::life {
  life(node& whose, actor_home& where, uint64_t seed)
    : owner{&whose}, home{&where}, random{seed}, fs{*whose.disk_, breath},
      clock{*whose.world_, whose.host_}, io{*whose.world_, true},
      pool{*whose.world_, false} {}

  node* owner;
  actor_home* home;
  std::shared_ptr<bool> breath = std::make_shared<bool>(true);
  bool& alive = *breath;
  std::mt19937_64 random;
  process_disk fs;
  world::sim_clock clock;
  world::sim_executor io;
  world::sim_executor pool;
  persistence::env env;
};

} // namespace millrace::sim
