#include <millrace/nodes/assembly/connection_rules.hpp>
#include <millrace/sim/world/checkpoint_history.hpp>
#include <millrace/sim/world/exceptions.hpp>
#include <millrace/sim/world/last_words.hpp>
#include <millrace/sim/world/node_life.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>
#include <millrace/sim/world/world_account.hpp>

#include <caf/exit_reason.hpp>
#include <caf/scheduled_actor.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <stdexcept>

namespace millrace::sim {

// -- a node -------------------------------------------------------------------

node::node(world& owner, size_t number, std::string name, boot_function boot,
           nodes::cluster_config config)
  : process_host{std::move(config)}, world_{&owner}, number_{number},
    name_{std::move(name)}, boot_{std::move(boot)} {}

node::~node() = default;

persistence::env& node::env() noexcept {
  MILLRACE_ASSERT(!lives_.empty());
  return lives_.back()->env;
}

actor_home& node::home() const {
  MILLRACE_ASSERT(!lives_.empty());
  return *lives_.back()->home;
}

caf::actor_system& node::system() noexcept { return home().system(); }

void node::end() {
  if (alive_)
    world_->end_life(*this, {.restart_after = supervised_});
}

void node::adopt(caf::strong_actor_ptr handle) {
  if (!alive_) {
    world_->fail("spawn: " + name_ + " does not run");
    return world::end_actor(handle);
  }
  world_->adopt_actor(home(), *caf::actor_cast<caf::abstract_actor*>(handle));
}

void node::essential(const std::string&, const caf::actor& handle) {
  std::weak_ptr<life> weak{lives_.back()};
  caf::actor_cast<caf::abstract_actor*>(handle)->attach_functor(
    [this, weak](const caf::error&) {
      const auto mine = weak.lock();
      if (mine && mine->alive)
        world_->end_life(*this, {.restart_after = supervised_});
    });
}

// -- the world ----------------------------------------------------------------

world::world(uint64_t seed, world_options options)
  : seed_{seed}, options_{options}, random_{seed}, picker_{options.pick,
                                                           random_},
    connections_{seed,
                 {options.link, nodes::connection_silence_max,
                  nodes::connection_heartbeat},
                 *this} {
  last_words::add(*this);
  if (const auto flaw = flaw_of(options_); !flaw.empty()) {
    fail("world_options: " + flaw);
    options_ = {};
  }
  connections_.set_time(duration{1});
  (void)new_home(nowhere);
  mark({}, "who runs next: " + std::string{to_string(picks())});
}

world::~world() {
  const last_words::listener until_the_end{*this};
  account_world(count_use());
  end_faults();
  if (std::vector<std::string> all; std::uncaught_exceptions() == 0) {
    tell_defects(all);
    if (!all.empty())
      fail(all.size() == 1 ? all.front()
                           : all.front() + "\n  and "
                               + std::to_string(all.size() - 1) + " more");
  }
  keep_record();
  script_.clear();
  for (auto& each : publishers_)
    each->end();
  for (auto& who : nodes_) {
    if (who->alive_)
      end_life(*who, {});
    who->paused_ = false;
  }
  bury_the_dead();
  for (const auto& handle : homes_.front()->actors())
    end_actor(handle);
  bool busy = true;
  while (busy) {
    busy = false;
    for (auto& home : homes_)
      while (home->scheduler().try_run_once())
        busy = true;
  }
  homes_.clear();
}

actor_home& world::new_home(size_t node_number) {
  homes_.push_back(std::make_unique<actor_home>(system_settings_, connections_,
                                                homes_.size(), node_number));
  auto& made = *homes_.back();
  made.set_time(now());
  connections_.add(made);
  adopt(made, 0);
  return made;
}

uint64_t world::draw(uint64_t below) {
  if (below == 0) {
    fail("draw: there is no number below 0");
    return 0;
  }
  return random_() % below;
}

bool world::chance(double probability) {
  return static_cast<double>(random_() >> 11) * 0x1p-53 < probability;
}

void world::mix(uint64_t word) noexcept {
  trace_ = (trace_ ^ word) * 1099511628211ull;
}

// -- nodes --------------------------------------------------------------------

node& world::add_node(const std::string& name, node::boot_function boot_with,
                      node_options options) {
  if (!is_free("add_node", name))
    return at(name);
  std::unique_ptr<node> made{new node{*this, nodes_.size(), name,
                                      std::move(boot_with),
                                      std::move(options.config)}};
  made->supervised_ = options.supervised;
  made->host_ = options.host.empty() ? name : options.host;
  made->disk_ = &disk_of(made->host_);
  nodes_.push_back(std::move(made));
  auto& added = *nodes_.back();
  picker_.add_node(added.number_);
  boot(added);
  bury_the_dead();
  return added;
}

node& world::at(const std::string& name) {
  for (auto& who : nodes_)
    if (who->name_ == name)
      return *who;
  const auto what = "at: there is no node '" + name + "'";
  fail(what);
  throw std::out_of_range{what};
}

bool world::has_node(const std::string& name) const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [&](const auto& each) { return each->name_ == name; });
}

std::vector<std::string> world::node_names() const {
  std::vector<std::string> out;
  for (const auto& each : nodes_)
    out.push_back(each->name_);
  return out;
}

caf::strong_actor_ptr world::find(const std::string& node_name,
                                  const std::string& actor_name) {
  for (auto& some : nodes_)
    if (some->name_ == node_name && some->alive_)
      return some->locals()->find(actor_name);
  return nullptr;
}

std::string world::status(const std::string& node_name,
                          const std::string& actor_name) {
  const auto handle = find(node_name, actor_name);
  if (!handle)
    return "nobody there";
  const auto facts = facts_of(handle);
  return facts ? facts->dump() : to_string(facts.failure());
}

void world::boot(node& who) {
  MILLRACE_ASSERT(!who.alive_);
  auto life
    = std::make_shared<node::life>(who, new_home(who.number_), random_());
  life->io.life = life->pool.life = life;
  life->env.fs = &life->fs;
  life->env.clock = &life->clock;
  life->env.io = &life->io;
  life->env.pool = &life->pool;
  life->env.random = [raw = life.get()] { return raw->random(); };
  life->env.crash_point
    = [this, weak = std::weak_ptr<node::life>{life}](const char* point) {
        if (auto mine = weak.lock())
          pass(mine, point);
      };
  life->env.ended_by_fault = who.faulted_;
  who.lives_.push_back(life);
  who.alive_ = true;
  without_power_.erase(who.disk_);
  who.boot_failure_ = {};
  mix(who.number_ + 1'000'003);
  mark(who.name_, "life " + std::to_string(who.lives_.size()) + " begins");
  within(context::boot, *life->home, [&] {
    who.connector_ = make_connector(who);
    try {
      who.boot_failure_ = who.boot_(who);
    } catch (const crash_signal&) {
      throw;
    } catch (...) {
      who.boot_failure_ = {errc::internal, what_was_thrown()};
    }
    if (who.boot_failure_)
      mark(who.name_, "does not come up: " + to_string(who.boot_failure_));
    if (who.boot_failure_ && life->alive)
      end_life(who, {.restart_after = who.supervised_});
  });
  wait_for_disk(who, 0);
}

void world::crash(const std::string& name, crash_style style) {
  if (!has_node(name))
    return fail("crash: there is no node '" + name + "'");
  auto& who = at(name);
  if (who.alive_)
    end_life(who, style);
  bury_the_dead();
}

void world::after(duration delay, std::function<void()> action) {
  script_.emplace(now() + delay, std::move(action));
}

/// Code of a node passes a crash point. In a handler or a boot the process ends
/// right here by an exception; a job of an executor runs to its end instead,
/// but all it can still reach is dead.
void world::pass(const std::shared_ptr<node::life>& owner, const char* point) {
  if (!owner->alive)
    return;
  ++passed_[point];
  auto& armed = owner->owner->armed_;
  for (auto it = armed.begin(); it != armed.end(); ++it) {
    if (it->point != point || --it->left > 0)
      continue;
    const auto [name, left, style, on, met] = *it;
    *met = true;
    armed.erase(it);
    ++fired_[style.power ? "power-at" : "crash"];
    auto& who = *owner->owner;
    who.disk_after_ = on;
    end_life(who, style);
    for (const auto& other : nodes_)
      if (on != comeback::disk::same && other->disk_ == who.disk_
          && other->alive_)
        end_life(*other, style);
    if (running_ == context::actor || running_ == context::boot)
      throw crash_signal{};
    return;
  }
}

void world::end_life(node& who, const crash_style& style) {
  MILLRACE_ASSERT(who.alive_);
  who.lives_.back()->alive = false;
  who.alive_ = false;
  who.paused_ = false;
  who.dying_ = true;
  who.restart_after_ = style.restart_after;
  who.faulted_ = style.fault;
  ++crashes_;
  mix(who.number_ + 2'000'003);
  mark(who.name_, style.power ? "ends without power" : "ends");
  who.lives_.back()->fs.end();
  connections_.ended(who.home(), style.power);
  if (!style.power || !without_power_.insert(who.disk_).second)
    return;
  for (auto& other : nodes_)
    if (other->disk_ == who.disk_ && other->alive_)
      end_life(*other, style);
  who.disk_->cut_power(style.left);
}

void world::bury_the_dead() {
  if (running_ != context::outside)
    return;
  for (auto& who : nodes_)
    if (who->dying_)
      bury(*who);
  for (auto& who : nodes_)
    if (const auto on = std::exchange(who->disk_after_, comeback::disk::same);
        on != comeback::disk::same)
      replace_disk(*who, on);
}

namespace {

/// What an actor would have begun with: CAF keeps it, and all that it holds,
/// until the first turn.
struct never_begun : caf::local_actor {
  static void forget(caf::local_actor& actor) {
    actor.*& never_begun::initial_behavior_fac_ = nullptr;
  }
};

} // namespace

/// Ends an actor at once: it handles nothing more, not even what waits in its
/// mailbox, as an exit message would let it.
void world::end_actor(const caf::strong_actor_ptr& handle) {
  auto* const actor = dynamic_cast<caf::scheduled_actor*>(handle->get());
  if (actor == nullptr || actor->getf(caf::abstract_actor::is_cleaned_up_flag))
    return;
  // One that never ran must not begin to when its first turn comes.
  actor->setf(caf::abstract_actor::is_initialized_flag);
  never_begun::forget(*actor);
  actor->context(nullptr);
  actor->quit(caf::exit_reason::kill);
  (void)actor->finalize();
}

/// Ends all that a dead process has left: its jobs fail on the dead disk, its
/// actors are killed, and those that knew them are told.
void world::bury(node& who) {
  who.dying_ = false;
  who.forget_actors();
  who.connector_ = nullptr;
  auto& home = who.home();
  const auto mine = [&](const job& some) { return some.owner->owner == &who; };
  // Jobs first: what waits for their end must not wait for ever.
  run_all_jobs(mine);
  for (const auto& handle : home.actors())
    end_actor(handle);
  run_all_jobs(mine);
  while (!home.jobs().empty())
    run_actor(home, 0);
  home.cancel_timers();
  if (who.restart_after_)
    after(
      *std::exchange(who.restart_after_, std::nullopt),
      [this, name = who.name_, lives = who.lives()] { revive(name, lives); });
}

void world::run_all_jobs(const std::function<bool(const job&)>& mine) {
  for (;;) {
    for (auto it = sleeping_.begin(); it != sleeping_.end();)
      if (mine(it->second)) {
        ready_.push_back(std::move(it->second));
        it = sleeping_.erase(it);
      } else {
        ++it;
      }
    if (const auto due = std::find_if(ready_.begin(), ready_.end(), mine);
        due != ready_.end()) {
      run_job(static_cast<size_t>(due - ready_.begin()));
    } else {
      return;
    }
  }
}

// -- steps --------------------------------------------------------------------

void world::submit(const std::shared_ptr<node::life>& owner,
                   std::function<void()> run, bool blocking) {
  MILLRACE_ASSERT(owner);
  if (!run)
    return fail("submit: a job of " + owner->owner->name_ + " is empty");
  duration delay{0};
  if (owner->alive && blocking)
    delay = draw_delay(*owner->owner);
  if (delay.count() == 0)
    ready_.push_back({owner, std::move(run), blocking, ++jobs_seen_});
  else
    sleeping_.emplace(now() + delay,
                      job{owner, std::move(run), blocking, ++jobs_seen_});
}

template <class F>
void world::for_each_home(F what) {
  what(*homes_.front());
  for (auto& who : nodes_)
    if (who->alive_)
      what(who->home());
}

void world::adopt_actor(actor_home& home, caf::abstract_actor& actor) {
  if (home.know(actor, actors_seen_ + 1))
    ++actors_seen_;
}

/// New actors announce themselves by their first job.
void world::adopt(actor_home& home, size_t first_job) {
  auto& jobs = home.jobs();
  for (auto i = first_job; i < jobs.size(); ++i)
    if (jobs[i]->subtype() == caf::resumable::scheduled_actor)
      adopt_actor(home, dynamic_cast<caf::scheduled_actor&>(*jobs[i]));
}

void world::within(context kind, actor_home& home,
                   const std::function<void()>& code) {
  const auto before = running_;
  const auto first = home.jobs().size();
  const auto crashed = crashes_;
  std::string thrown;
  heard_console console;
  running_ = kind;
  {
    const heard_console::listening until_the_end{console};
    try {
      code();
    } catch (const crash_signal&) {
    } catch (...) {
      thrown = what_was_thrown();
    }
  }
  running_ = before;
  // A crash is not news: it is what was asked for.
  if (const auto said = console.said(); crashes_ == crashed && !said.empty()) {
    std::cout << said;
    for (const auto& each : exceptions_in(said))
      defect(home.node(), "an actor died by an exception: " + each);
  }
  adopt(home, first > 0 && kind == context::actor ? first - 1 : first);
  if (!thrown.empty())
    fail((home.node() == nowhere ? "outside" : nodes_[home.node()]->name_)
         + (kind == context::job ? ": a job of env.io or env.pool threw: "
                                 : ": what runs there threw: ")
         + thrown);
}

void world::run_actor(actor_home& home, size_t index) {
  auto& jobs = home.jobs();
  std::swap(jobs.front(), jobs[index]);
  auto* const who
    = home.node() == nowhere ? nullptr : nodes_[home.node()].get();
  const auto before = who ? who->lives_.back()->fs.first_reads() : 0;
  within(context::actor, home, [&] { home.scheduler().try_run_once(); });
  if (who != nullptr)
    wait_for_disk(*who, before);
}

void world::run_job(size_t index) {
  auto some = std::move(ready_[index]);
  ready_.erase(ready_.begin() + static_cast<std::ptrdiff_t>(index));
  const auto before = some.owner->fs.first_reads();
  within(context::job, *some.owner->home, [&] { some.run(); });
  if (!some.has_waited && some.owner->alive)
    wait_for_disk(*some.owner->owner, before);
}

void world::fire_due() {
  while (!sleeping_.empty() && sleeping_.begin()->first <= now()) {
    ready_.push_back(std::move(sleeping_.begin()->second));
    sleeping_.erase(sleeping_.begin());
  }
  for_each_home([](actor_home& home) { home.fire_timers(); });
  while (!script_.empty() && script_.begin()->first <= now()) {
    auto action = std::move(script_.begin()->second);
    script_.erase(script_.begin());
    action();
  }
  if (const auto done = connections_.run())
    mix(done + 5'000'011);
}

std::optional<duration> world::next_due() {
  std::optional<duration> next = connections_.next_due();
  const auto earlier = [&](duration due) {
    if (!next || due < *next)
      next = due;
  };
  for_each_home([&](actor_home& home) {
    if (home.busy_until > now())
      earlier(home.busy_until);
    if (!home.timers().empty())
      earlier(home.timers().begin()->first.time_since_epoch());
  });
  if (!sleeping_.empty())
    earlier(sleeping_.begin()->first);
  if (!script_.empty())
    earlier(script_.begin()->first);
  return next;
}

void world::advance_to(duration time) {
  if (time <= now())
    return;
  connections_.set_time(time);
  for_each_home([&](actor_home& home) { home.set_time(time); });
}

/// An actor of a home; that costs, so only for a picker that wants to know.
picker::candidate world::who_is(actor_home& home, size_t index) const {
  picker::candidate out{0, home.node()};
  if (!picker_.knows_who())
    return out;
  const auto* actor
    = dynamic_cast<const caf::scheduled_actor*>(home.jobs()[index]);
  out.who = actor == nullptr ? 0 : 2 * home.number_of(actor->id());
  return out;
}

/// What may run: everything but the nodes that are stopped.
std::vector<world::choice> world::choices() {
  std::vector<choice> out;
  for_each_home([&](actor_home& home) {
    if (home.paused_since || home.busy_until > now())
      return;
    for (size_t i = 0; i < home.jobs().size(); ++i)
      out.push_back({&home, i, who_is(home, i)});
  });
  for (size_t i = 0; i < ready_.size(); ++i) {
    const auto& owner = *ready_[i].owner;
    if (!owner.owner->paused_ && owner.home->busy_until <= now())
      out.push_back(
        {nullptr, i, {2 * ready_[i].number + 1, owner.owner->number_, true}});
  }
  return out;
}

bool world::step(duration until) {
  if (running_ != context::outside) {
    fail("the world cannot run from within a step of its own");
    return false;
  }
  bury_the_dead();
  fire_due();
  bury_the_dead();
  const auto all = choices();
  if (all.empty()) {
    const auto due = next_due();
    if (!due || *due > until)
      return false;
    advance_to(*due);
    return true;
  }
  std::vector<picker::candidate> who;
  who.reserve(all.size());
  for (const auto& each : all)
    who.push_back(each.who);
  const auto& chosen = all[picker_.pick(who)];
  ++steps_;
  mix(static_cast<uint64_t>(now().count()));
  if (chosen.home != nullptr) {
    const auto* actor
      = dynamic_cast<caf::scheduled_actor*>(chosen.home->jobs()[chosen.index]);
    mix(actor == nullptr ? 0 : chosen.home->number_of(actor->id()));
    run_actor(*chosen.home, chosen.index);
  } else {
    mix(chosen.who.node + 4'000'037);
    run_job(chosen.index);
  }
  bury_the_dead();
  advance_to(now()
             + duration{static_cast<int64_t>(
               draw(static_cast<uint64_t>(options_.step_max.count()) + 1))});
  return true;
}

bool world::run_until(const std::function<bool()>& holds, duration limit) {
  const auto end = now() + limit;
  while (!holds()) {
    if (now() >= end)
      return false;
    if (!step(end))
      advance_to(end);
  }
  return true;
}

void world::run_for(duration time) {
  (void)run_until([] { return false; }, time);
}

} // namespace millrace::sim
