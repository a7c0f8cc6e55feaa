#include <millrace/sim/world/checkpoint_history.hpp>
#include <millrace/sim/world/world.hpp>

#include <utility>

namespace millrace::sim {

// -- ends of nodes ------------------------------------------------------------

/// A node ends, or its whole machine, and comes back as it is told.
void world::end_machine(const std::string& name, bool power, survival left,
                        const comeback& back) {
  if (back.on == comeback::disk::older && !backups_.contains(at(name).host_))
    return fail("node '" + name + "' was never backed up");
  const auto* disk = at(name).disk_;
  const bool another = back.on != comeback::disk::same;
  std::vector<std::string> ended;
  for (const auto& each : nodes_)
    if (each->alive_
        && (each->name_ == name || ((power || another) && each->disk_ == disk)))
      ended.push_back(each->name_);
  for (const auto& each : ended)
    crash(each, {.power = power, .left = left});
  if (another)
    replace_disk(at(name), back.on);
  if (back.after)
    for (const auto& each : ended)
      after(*back.after, [this, each] { restart(each); });
}

void world::kill(const std::string& name, comeback back) {
  end_machine(name, false, survival::all, back);
}

void world::power_cut(const std::string& name, comeback back, survival left) {
  end_machine(name, true, left, back);
}

void world::jump_clock(const std::string& name, duration by) {
  note(name, "clock jumps by "
               + std::to_string(by / std::chrono::milliseconds{1}) + " ms");
  clock_jumps_[at(name).host_] += by;
}

void world::slow_disk(const std::string& name, duration by) {
  note(name, "disk slower by "
               + std::to_string(by / std::chrono::milliseconds{1}) + " ms");
  slow_disks_[at(name).host_] = by;
}

/// How long a job of its executor waits for the disk.
duration world::draw_delay(const node& who) {
  duration out{0};
  if (const auto slow = slow_disks_.find(who.host_);
      slow != slow_disks_.end() && slow->second.count() > 0) {
    // Not all alike: one may overtake another that began before it.
    const auto by = slow->second;
    out = by / 2
          + duration{
            static_cast<int64_t>(draw(static_cast<uint64_t>(by.count()) + 1))};
  }
  if (chance(0.75)) {
    const auto most = draw(32) == 0 ? options_.io_slow_max : options_.io_max;
    out += duration{
      static_cast<int64_t>(draw(static_cast<uint64_t>(most.count()) + 1))};
  }
  return out;
}

void world::heal() {
  note({}, "heal");
  heal_all_links();
  slow_disks_.clear();
  for (auto& each : nodes_) {
    each->disk_->heal();
    each->disk_->set_quota(std::nullopt);
    each->disk_->set_lying_sync(false);
    each->armed_.clear();
    resume(each->name_);
    restart(each->name_);
  }
}

// -- disks of machines --------------------------------------------------------

struct world::backup {
  std::unique_ptr<memory_file_system> files;
  std::map<std::string, checkpoint_history> checkpoints; ///< By directory.
};

void world::back_up(const std::string& name) {
  auto& who = at(name);
  note(name, "backed up");
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
  note(who.name_, kept ? "its disk is the older one" : "its disk is empty");
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
