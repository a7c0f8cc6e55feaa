#include <millrace/sim/world/checkpoint_history.hpp>
#include <millrace/sim/world/node_life.hpp>
#include <millrace/sim/world/world.hpp>

#include <algorithm>
#include <utility>

namespace millrace::sim {

// -- ends of nodes ------------------------------------------------------------

/// A node ends, or its whole machine, and comes back as it is told.
std::string world::end_machine(const std::string& name, bool power,
                               survival left, const comeback& back) {
  if (back.on == comeback::disk::older && !backups_.contains(at(name).host_))
    return name + " was never backed up";
  const auto* disk = at(name).disk_;
  const bool another = back.on != comeback::disk::same;
  std::vector<std::string> ended;
  for (const auto& each : nodes_)
    if (each->alive_
        && (each->name_ == name || ((power || another) && each->disk_ == disk)))
      ended.push_back(each->name_);
  if (ended.empty() && !power)
    return name + " does not run";
  if (ended.empty()) {
    // What its processes left in the cache when they ended goes now.
    if (!without_power_.insert(disk).second)
      return "the machine of " + name + " has no power";
    mark(name, "its machine loses its power");
    at(name).disk_->cut_power(left);
    ended.push_back(name);
  }
  // One that is down comes back with its machine.
  if (std::find(ended.begin(), ended.end(), name) == ended.end())
    ended.push_back(name);
  for (const auto& each : ended)
    crash(each, {.power = power, .left = left});
  if (another)
    replace_disk(at(name), back.on);
  if (back.after)
    for (const auto& each : ended)
      after(*back.after,
            [this, each, lives = at(each).lives()] { revive(each, lives); });
  return {};
}

/// Begins the life after so many, unless somebody else did.
void world::revive(const std::string& name, uint64_t lives) {
  auto& who = at(name);
  if (!who.alive_ && who.lives() == lives)
    boot(who);
  bury_the_dead();
}

void world::kill(const std::string& name, comeback back) {
  inject({.kind = fault::what::kill, .node = name, .back = back});
}

void world::power_cut(const std::string& name, comeback back, survival left) {
  const fault what{.kind = fault::what::power, .node = name, .back = back};
  const auto by = ordered(what, to_text(what));
  if (by && has_nodes(what, *by))
    learn_fate(what, *by, end_machine(name, true, left, back));
}

void world::restart(const std::string& name) {
  inject({.kind = fault::what::restart, .node = name});
}

void world::pause(const std::string& name) {
  inject({.kind = fault::what::pause, .node = name});
}

void world::resume(const std::string& name) {
  inject({.kind = fault::what::resume, .node = name});
}

std::string world::stop(node& who) {
  if (!who.alive_)
    return who.name_ + " does not run";
  if (who.paused_)
    return who.name_ + " stands still already";
  who.paused_ = true;
  mark(who.name_, "stands still");
  connections_.paused(who.home());
  return {};
}

std::string world::go_on(node& who) {
  if (!who.paused_)
    return who.name_ + " does not stand still";
  who.paused_ = false;
  mark(who.name_, "goes on");
  connections_.resumed(who.home());
  return {};
}

void world::crash_at(const std::string& name, const std::string& point,
                     uint64_t count, crash_style style) {
  const fault what{.kind
                   = style.power ? fault::what::power_at : fault::what::crash,
                   .node = name,
                   .name = point,
                   .number = count,
                   .back = {style.restart_after}};
  const auto by = ordered(what, to_text(what));
  if (by && has_nodes(what, *by))
    learn_fate(what, *by, arm_crash(what, style, *by));
}

std::string world::arm_crash(const fault& what, const crash_style& how,
                             const order& by) {
  auto& who = at(what.node);
  if (what.back.on == comeback::disk::older && !backups_.contains(who.host_))
    return who.name_ + " was never backed up";
  mark(who.name_, "is to end: " + to_text(what));
  who.armed_.push_back({what.name, what.number, how, what.back.on});
  await(by, who.armed_.back().met, "was not passed so often");
  return {};
}

void world::jump_clock(const std::string& name, duration by) {
  inject({.kind = fault::what::clock, .node = name, .time = by});
}

void world::freeze_clock(const std::string& name) {
  inject({.kind = fault::what::freeze_clock, .node = name});
}

void world::drift_clock(const std::string& name, int64_t rate_ppm) {
  inject({.kind = fault::what::drift, .node = name, .rate_ppm = rate_ppm});
}

/// In two steps: hours of nanoseconds times a rate are too many.
duration world::wall_clock::ahead_at(duration now) const noexcept {
  constexpr int64_t million = 1'000'000;
  const auto passed = (now - read_at).count();
  return ahead
         + duration{passed / million * rate_ppm
                    + passed % million * rate_ppm / million};
}

/// @returns why not
std::string world::set_clock_rate(node& who, int64_t rate_ppm) {
  auto& clock = clocks_[who.host_];
  if (clock.rate_ppm == rate_ppm)
    return rate_ppm == stands_ppm ? "the clock of " + who.name_ + " stands"
                                  : "the clock of " + who.name_ + " runs so";
  clock = {clock.ahead_at(now()), now(), rate_ppm};
  mark(who.name_, rate_ppm == stands_ppm
                    ? std::string{"clock stands"}
                    : "clock gains " + std::to_string(rate_ppm) + " ppm");
  return {};
}

void world::swap_files(const std::string& name, const std::string& one,
                       const std::string& other) {
  inject({.kind = fault::what::swap,
          .node = name,
          .name = one,
          .other_name = other});
}

void world::make_read_only(const std::string& name) {
  inject({.kind = fault::what::read_only, .node = name});
}

void world::slow_disk(const std::string& name, duration by) {
  inject({.kind = fault::what::slow_disk, .node = name, .time = by});
}

/// How much longer something waits for the disk of its machine. Not all alike:
/// one may overtake another that began before it.
duration world::draw_slowness(const node& who) {
  const auto slow = slow_disks_.find(who.host_);
  if (slow == slow_disks_.end() || slow->second.count() <= 0)
    return {};
  const auto by = slow->second;
  return by / 2
         + duration{
           static_cast<int64_t>(draw(static_cast<uint64_t>(by.count()) + 1))};
}

/// Its process does nothing until it has what it read first since it had read
/// that many.
void world::wait_for_disk(node& who, uint64_t first_reads) {
  if (who.alive_ && who.lives_.back()->fs.first_reads() > first_reads)
    who.home().busy_until = now() + draw_slowness(who);
}

/// How long a job of its executor waits for the disk.
duration world::draw_delay(const node& who) {
  auto out = draw_slowness(who);
  if (chance(0.75)) {
    const auto most = draw(32) == 0 ? options_.io_slow_max : options_.io_max;
    out += duration{
      static_cast<int64_t>(draw(static_cast<uint64_t>(most.count()) + 1))};
  }
  return out;
}

void world::heal() {
  mark({}, "heal");
  heal_all_links();
  slow_disks_.clear();
  for (auto& [machine, clock] : clocks_)
    clock = {clock.ahead_at(now()), now()};
  for (auto& each : nodes_) {
    each->disk_->heal();
    (void)each->disk_->set_quota(std::nullopt);
    each->disk_->set_lying_sync(false);
    each->armed_.clear();
    if (each->paused_)
      (void)go_on(*each);
    if (!each->alive_)
      boot(*each);
    bury_the_dead();
  }
  settle_awaited();
}

// -- disks of machines --------------------------------------------------------

/// The disk of a machine, which is new if that is.
memory_file_system& world::disk_of(const std::string& machine) {
  auto& disk = disks_[machine];
  if (!disk) {
    disk = std::make_unique<memory_file_system>(random_());
    disk->tell_misuse([this, machine](const std::string& what) {
      fail("the disk of " + machine + ": " + what);
    });
  }
  return *disk;
}

struct world::backup {
  std::unique_ptr<memory_file_system> files;
  std::map<std::string, checkpoint_history> checkpoints; ///< By directory.
};

void world::back_up(const std::string& name) {
  inject({.kind = fault::what::back_up, .node = name});
}

void world::keep_disk(const node& who) {
  mark(who.name_, "backed up");
  auto kept = std::make_shared<backup>();
  kept->files = who.disk_->clone();
  for (const auto& [place, history] : checkpoints_)
    if (place.first == who.host_)
      kept->checkpoints[place.second] = *history;
  backups_[who.host_] = std::move(kept);
}

/// @pre no node lives on the machine; it was backed up, if it gets that
void world::replace_disk(node& who, comeback::disk on) {
  ++disk_counts_[who.host_];
  const backup* kept = nullptr;
  if (on == comeback::disk::older)
    kept = backups_.at(who.host_).get();
  mark(who.name_, kept ? "its disk is the older one" : "its disk is empty");
  if (kept)
    who.disk_->become(*kept->files);
  else
    who.disk_->become(memory_file_system{seed_});
  // Stores of ended lives still refer to them.
  for (auto& [place, history] : checkpoints_)
    if (place.first == who.host_) {
      const bool had = kept && kept->checkpoints.contains(place.second);
      *history
        = had ? kept->checkpoints.at(place.second) : checkpoint_history{};
    }
}

uint64_t world::disks_of(const std::string& name) const {
  for (const auto& each : nodes_)
    if (each->name_ == name) {
      const auto found = disk_counts_.find(each->host_);
      return 1 + (found == disk_counts_.end() ? 0 : found->second);
    }
  return 0;
}

} // namespace millrace::sim
