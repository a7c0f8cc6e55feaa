#include <millrace/sim/world/table_publisher.hpp>
#include <millrace/sim/world/world.hpp>

#include <algorithm>
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

/// The first file below a directory whose path ends with /`name`; empty: none.
std::string file_ending(memory_file_system& disk, const std::string& directory,
                        const std::string& name) {
  const auto entries = disk.list(directory.empty() ? "/" : directory);
  if (!entries)
    return {};
  for (const auto& entry : *entries) {
    const auto path = directory + "/" + entry.name;
    if (!entry.is_directory && path.ends_with("/" + name))
      return path;
    if (entry.is_directory)
      if (auto found = file_ending(disk, path, name); !found.empty())
        return found;
  }
  return {};
}

/// All files of a directory, and of those below it, with this in their paths.
void files_with(memory_file_system& disk, const std::string& directory,
                const std::string& part, std::vector<std::string>& out) {
  const auto entries = disk.list(directory.empty() ? "/" : directory);
  if (!entries)
    return;
  for (const auto& entry : *entries) {
    const auto path = directory + "/" + entry.name;
    if (entry.is_directory)
      files_with(disk, path, part, out);
    else if (entry.size > 0 && path.find(part) != std::string::npos)
      out.push_back(path);
  }
}

/// Whether it takes effect now; the others may find nothing, or wait.
bool acts_at_once(const fault& what) {
  switch (what.kind) {
    case fault::what::crash:
    case fault::what::power_at:
    case fault::what::corrupt:
    case fault::what::flip:
    case fault::what::rot:
    case fault::what::shorten:
    case fault::what::fail:
    case fault::what::full:
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

void world::rot_file(node& who, const fault& what) {
  std::vector<std::string> paths;
  files_with(*who.disk_, {}, what.name, paths);
  uint64_t bits = 0;
  for (const auto& path : paths)
    bits += 8 * who.disk_->content(path).size();
  if (bits == 0)
    return note(who.name_, "has no file with " + what.name + " in its path");
  auto bit = what.number % bits;
  for (const auto& path : paths) {
    const auto here = 8 * who.disk_->content(path).size();
    if (bit < here) {
      expect_damage(who);
      who.disk_->flip_bit(path, bit);
      ++fired_["rot"];
      return note(who.name_, "bit " + std::to_string(bit) + " rots: " + path);
    }
    bit -= here;
  }
}

/// What is not there cannot be damaged: a line of the record says so.
void world::damage_file(node& who, const fault& what) {
  const auto path = what.name.starts_with('/')
                      ? what.name
                      : file_ending(*who.disk_, {}, what.name);
  if (path.empty() || !who.disk_->exists(path))
    return note(who.name_, "has no file " + what.name);
  const auto size = who.disk_->content(path).size();
  const bool flips = what.kind == fault::what::flip;
  if ((flips ? what.number / 8 + 1 : what.number) > size)
    return note(who.name_, path + " has " + std::to_string(size)
                             + " bytes only: nothing is damaged");
  expect_damage(who);
  if (flips)
    who.disk_->flip_bit(path, what.number);
  else
    who.disk_->cut(path, what.number);
  ++fired_[flips ? "flip" : "shorten"];
  note(who.name_, to_text(what) + ": " + path);
}

bool world::is_damaged(const std::string& name) {
  return damaged_.contains(at(name).host_);
}

void world::inject(const fault& what) {
  for (const auto& name : {what.node, what.other})
    if (!name.empty()
        && std::none_of(nodes_.begin(), nodes_.end(),
                        [&](const auto& each) { return each->name_ == name; }))
      return fail(to_text(what) + ": there is no node '" + name + "'");
  if (acts_at_once(what))
    ++fired_[to_text(what).substr(0, to_text(what).find(' '))];
  const auto& name = what.node;
  const link_delay slowly{{}, what.time};
  const crash_style there{.power = what.kind == fault::what::power_at,
                          .restart_after = what.back.after};
  switch (what.kind) {
    case fault::what::kill:
      return kill(name, what.back);
    case fault::what::power:
      return power_cut(name, what.back);
    case fault::what::restart:
      return restart(name);
    case fault::what::pause:
      return pause(name);
    case fault::what::resume:
      return resume(name);
    case fault::what::crash:
    case fault::what::power_at:
      if (what.back.on != comeback::disk::same)
        return fail(to_text(what) + ": comes back on its own disk only");
      note(name, "is to end: " + to_text(what));
      return crash_at(name, what.name, what.number, there);
    case fault::what::cut:
      return what.one_way ? cut_one_way(name, what.other)
                          : cut(name, what.other);
    case fault::what::reset:
      return what.number == 0
               ? reset_connection(name, what.other)
               : reset_connection_at(name, what.other, what.number);
    case fault::what::corrupt:
      corrupt_at(name, what.other, what.number);
      return what.one_way ? void() : corrupt_at(what.other, name, what.number);
    case fault::what::half_open:
      return half_open(name, what.other);
    case fault::what::slow:
      return slow(name, what.other, what.number);
    case fault::what::delay:
      return delay(name, what.other, slowly);
    case fault::what::flip:
    case fault::what::shorten:
      return damage_file(at(name), what);
    case fault::what::rot:
      return rot_file(at(name), what);
    case fault::what::fail:
      note(name, to_text(what));
      return at(name).disk_->fail(call_named(what.name), what.number);
    case fault::what::full:
      note(name, to_text(what));
      return at(name).disk_->set_quota(what.number);
    case fault::what::lie:
      note(name, to_text(what));
      return at(name).disk_->set_lying_sync(true);
    case fault::what::slow_disk:
      return slow_disk(name, what.time);
    case fault::what::clock:
      return jump_clock(name, what.time);
    case fault::what::back_up:
      return back_up(name);
    case fault::what::heal:
      return name.empty() ? heal() : heal(name, what.other);
  }
}

void world::play(const fault_script& script) {
  for (const auto& each : script)
    after(each.at, [this, what = each.what] { inject(what); });
}

} // namespace millrace::sim
