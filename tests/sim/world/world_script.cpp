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

} // namespace

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
  if (flips)
    who.disk_->flip_bit(path, what.number);
  else
    who.disk_->cut(path, what.number);
  damaged_.insert(who.host_);
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
  const auto& name = what.node;
  const link_delay slowly{{}, what.time};
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
      if (what.back.on != comeback::disk::same)
        return fail(to_text(what) + ": comes back on its own disk only");
      return crash_at(name, what.name, what.number,
                      {.restart_after = what.back.after});
    case fault::what::cut:
      return what.one_way ? cut_one_way(name, what.other)
                          : cut(name, what.other);
    case fault::what::reset:
      return reset_connection(name, what.other);
    case fault::what::half_open:
      return half_open(name, what.other);
    case fault::what::slow:
      return slow(name, what.other, what.number);
    case fault::what::delay:
      return delay(name, what.other, slowly);
    case fault::what::flip:
    case fault::what::shorten:
      return damage_file(at(name), what);
    case fault::what::fail:
      note(name, to_text(what));
      return at(name).disk_->fail(call_named(what.name), what.number);
    case fault::what::full:
      note(name, to_text(what));
      return at(name).disk_->set_quota(what.number);
    case fault::what::lie:
      note(name, to_text(what));
      return at(name).disk_->set_lying_sync(true);
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
