#include <millrace/persistence/disk/crash_point_names.hpp>
#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>

#include <algorithm>
#include <exception>
#include <string>

namespace millrace::sim {

namespace {

disk_call call_named(const std::string& name) {
  static_assert(disk_call_names.size()
                == static_cast<size_t>(disk_call::list) + 1);
  const auto* const found
    = std::find(disk_call_names.begin(), disk_call_names.end(), name);
  MILLRACE_ASSERT(found != disk_call_names.end());
  return static_cast<disk_call>(found - disk_call_names.begin());
}

/// A file by its path, or by the end of it; empty: there is none.
std::string path_of(const memory_file_system& disk, const std::string& name) {
  for (const auto& path : disk.paths())
    if (path == name || (!name.starts_with('/') && path.ends_with("/" + name)))
      return path;
  return {};
}

/// All files with this in their paths, and something in them.
std::vector<std::string> files_with(const memory_file_system& disk,
                                    const std::string& part) {
  auto out = disk.paths();
  std::erase_if(out, [&](const auto& path) {
    return path.find(part) == std::string::npos || disk.content(path).empty();
  });
  return out;
}

/// Whether it takes effect now; the others wait for their moment, or are told
/// by what they met.
bool acts_at_once(const fault& what) {
  switch (what.kind) {
    case fault::what::crash:
    case fault::what::power_at:
    case fault::what::corrupt:
    case fault::what::fail:
    case fault::what::full:
    case fault::what::read_only:
      return false;
    case fault::what::reset:
      return what.number == 0;
    default:
      return true;
  }
}

} // namespace

std::map<std::string, uint64_t> world::faults_fired() const {
  auto out = fired_;
  for (const auto& [machine, disk] : disks_)
    if (const auto refused = disk->refused())
      out["refused disk calls"] += refused;
  for (const auto& [machine, disk] : disks_)
    out["read-only"] += disk->times_read_only();
  for (const auto& [machine, disk] : disks_)
    out["full"] += disk->times_full();
  out["reset"] += connections_.resets();
  out["corrupt"] += connections_.corruptions();
  std::erase_if(out, [](const auto& each) { return each.second == 0; });
  return out;
}

void world::expect_damage(const node& who) {
  damaged_.insert(who.host_);
  for (const auto& each : publishers_)
    if (at(each->name()).host_ == who.host_)
      each->expect_damage();
}

std::string world::rot_file(node& who, const fault& what) {
  const auto paths = files_with(*who.disk_, what.name);
  uint64_t bits = 0;
  for (const auto& path : paths)
    bits += 8 * who.disk_->content(path).size();
  if (bits == 0)
    return who.name_ + " has no file with '" + what.name + "' in its path";
  auto bit = what.number % bits;
  for (const auto& path : paths) {
    const auto here = 8 * who.disk_->content(path).size();
    if (bit < here) {
      expect_damage(who);
      const auto before = who.disk_->content(path);
      who.disk_->flip_bit(path, bit);
      MILLRACE_ASSERT(who.disk_->content(path) != before);
      mark(who.name_, "bit " + std::to_string(bit) + " rots: " + path);
      break;
    }
    bit -= here;
  }
  return {};
}

std::string world::damage_file(node& who, const fault& what) {
  const auto path = path_of(*who.disk_, what.name);
  if (path.empty())
    return who.name_ + " has no file '" + what.name + "'";
  if (what.kind == fault::what::remove) {
    expect_damage(who);
    who.disk_->lose(path);
    mark(who.name_, "is gone: " + path);
    return {};
  }
  const auto size = who.disk_->content(path).size();
  const bool flips = what.kind == fault::what::flip;
  if (flips ? what.number / 8 >= size : what.number >= size)
    return path + " of " + who.name_ + " has " + std::to_string(size)
           + " bytes only";
  expect_damage(who);
  const auto before = who.disk_->content(path);
  if (flips)
    who.disk_->flip_bit(path, what.number);
  else
    who.disk_->cut(path, what.number);
  MILLRACE_ASSERT(who.disk_->content(path) != before);
  mark(who.name_, to_text(what) + ": " + path);
  return {};
}

std::string world::swap_files(node& who, const fault& what) {
  const auto one = path_of(*who.disk_, what.name);
  const auto other = path_of(*who.disk_, what.other_name);
  if (one.empty() || other.empty())
    return who.name_ + " has no file '"
           + (one.empty() ? what.name : what.other_name) + "'";
  if (one == other)
    return "both are " + one + " of " + who.name_;
  if (who.disk_->content(one) == who.disk_->content(other))
    return one + " and " + other + " of " + who.name_ + " are alike";
  expect_damage(who);
  who.disk_->swap(one, other);
  mark(who.name_, "change places: " + one + ", " + other);
  return {};
}

std::string world::refuse_changes(node& who, const order& by) {
  if (who.disk_->is_read_only())
    return "the disk of " + who.name_ + " is read-only already";
  mark(who.name_, "its disk is read-only");
  await(by, who.disk_->set_read_only(), "nothing was to be changed there");
  return {};
}

bool world::is_damaged(const std::string& name) {
  return damaged_.contains(at(name).host_);
}

std::string world::carry_out(const fault& what, const order& by) {
  auto& who = at(what.node);
  const auto milliseconds
    = std::to_string(what.time / std::chrono::milliseconds{1}) + " ms";
  switch (what.kind) {
    case fault::what::kill:
    case fault::what::power: {
      const bool power = what.kind == fault::what::power;
      return end_machine(who.name_, power,
                         power ? survival::some : survival::all, what.back);
    }
    case fault::what::restart:
      if (who.alive_)
        return who.name_ + " runs already";
      boot(who);
      bury_the_dead();
      return {};
    case fault::what::pause:
      return stop(who);
    case fault::what::resume:
      return go_on(who);
    case fault::what::crash:
    case fault::what::power_at:
      return arm_crash(what,
                       {.power = what.kind == fault::what::power_at,
                        .restart_after = what.back.after},
                       by);
    case fault::what::flip:
    case fault::what::shorten:
    case fault::what::remove:
      return damage_file(who, what);
    case fault::what::swap:
      return swap_files(who, what);
    case fault::what::rot:
      return rot_file(who, what);
    case fault::what::fail:
      mark(who.name_, to_text(what));
      await(by, who.disk_->fail(call_named(what.name), what.number),
            "its disk was not asked so often");
      return {};
    case fault::what::full:
      mark(who.name_, to_text(what));
      await(by, who.disk_->set_quota(what.number), "its disk was never full");
      return {};
    case fault::what::lie:
      mark(who.name_, to_text(what));
      who.disk_->set_lying_sync(true);
      return {};
    case fault::what::slow_disk:
      mark(who.name_, "disk slower by " + milliseconds);
      slow_disks_[who.host_] = what.time;
      return {};
    case fault::what::clock:
      mark(who.name_, "clock jumps by " + milliseconds);
      clocks_[who.host_].ahead += what.time;
      return {};
    case fault::what::freeze_clock:
      return set_clock_rate(who, stands_ppm);
    case fault::what::drift:
      return set_clock_rate(who, what.rate_ppm);
    case fault::what::read_only:
      return refuse_changes(who, by);
    default:
      keep_disk(who);
      return {};
  }
}

void world::inject(const fault& what) {
  if (const auto by = ordered(what, to_text(what)))
    inject(what, *by);
}

void world::inject(const fault& what, const order& by) {
  if (!has_nodes(what, by))
    return;
  if (what.kind == fault::what::delay)
    return delay(what.node, what.other, {{}, what.time});
  if (what.node.empty())
    heal();
  learn_fate(what, by,
             what.node.empty()    ? std::string{}
             : what.other.empty() ? carry_out(what, by)
                                  : carry_out_on_link(what, by));
}

void world::play(const fault_script& script) {
  for (const auto& each : script) {
    auto text = to_text(fault_script{each});
    text.pop_back(); // The end of its line.
    if (!each.place.empty())
      text = each.place + ": " + text;
    const auto by = ordered(each.what, text);
    if (!by)
      continue;
    if (each.at < duration{0}) {
      fail(text + ": a script has no time before its begin");
      continue;
    }
    const auto number = ++planned_last_;
    planned_[number] = *by;
    after(each.at, [this, number, what = each.what] {
      inject(what, planned_.extract(number).mapped());
    });
  }
}

// -- what becomes of faults ---------------------------------------------------

/// None, and the run fails, if it makes no sense.
std::optional<world::order> world::ordered(const fault& what,
                                           const std::string& text) {
  if (const auto flaw = flaw_of(what); !flaw.empty()) {
    fail(text + ": " + flaw);
    return std::nullopt;
  }
  const bool at_point
    = what.kind == fault::what::crash || what.kind == fault::what::power_at;
  if (at_point && !persistence::is_crash_point(what.name)
      && !own_points_.contains(what.name)) {
    fail(text + ": '" + what.name
         + "' is not the name of a crash point, nor was it added by "
           "'add_crash_point'");
    return std::nullopt;
  }
  return order{text, what.node, to_text(fault{.kind = what.kind}),
               what.may_miss || options_.faults_may_miss};
}

bool world::has_nodes(const fault& what, const order& by) {
  for (const auto& name : {what.node, what.other})
    if (!name.empty() && !has_node(name)) {
      fail(by.text + ": there is no node '" + name + "'");
      return false;
    }
  return true;
}

void world::learn_fate(const fault& what, const order& by,
                       const std::string& why) {
  if (!why.empty())
    miss(by, why);
  else if (acts_at_once(what))
    ++fired_[by.word];
}

void world::await(const order& by, std::shared_ptr<const bool> met,
                  const char* why_not) {
  awaited_.push_back({by, std::move(met), why_not});
  settle_awaited(); // It may have taken the place of another one.
}

/// What waited, and cannot come any more, was missed.
void world::settle_awaited() {
  std::vector<awaited_fault> lost;
  std::erase_if(awaited_, [&](const awaited_fault& each) {
    const bool over = each.met.use_count() == 1;
    if (over && !*each.met)
      lost.push_back(each);
    return over || *each.met;
  });
  for (const auto& each : lost)
    miss(each.by, each.why_not);
}

void world::miss(const order& by, const std::string& why) {
  ++missed_[by.word];
  if (!by.may_miss)
    return fail(by.text + ": " + why);
  mark(by.node, "missed: " + by.text + ": " + why);
}

/// Faults that have not come to happen when the world ends. They are no news of
/// a run that failed before.
void world::end_faults() {
  std::string all;
  const auto missed = [&](const order& by, const std::string& why) {
    ++missed_[by.word];
    mark(by.node, "missed: " + by.text + ": " + why);
    if (!by.may_miss)
      all += "\n  " + by.text + ": " + why;
  };
  for (const auto& each : awaited_)
    if (!*each.met)
      missed(each.by, each.why_not);
  for (const auto& [number, by] : planned_)
    missed(by, "its time did not come");
  if (!all.empty() && failures_.empty() && std::uncaught_exceptions() == 0)
    fail("the world ends, and these faults did not come to happen:" + all);
}

} // namespace millrace::sim
