#include <millrace/actors/rt/sequence/left_group.hpp>
#include <millrace/actors/rt/sequence/stream_group.hpp>

#include <utility>

namespace millrace::rt {

result<std::vector<left_group>> find_left_groups(persistence::env& world,
                                                 const std::string& directory) {
  std::vector<left_group> out;
  const auto entries = world.fs->list(directory);
  if (!entries) {
    if (entries.failure().code == errc::not_found)
      return out;
    return entries.failure();
  }
  for (const auto& entry : *entries) {
    if (!entry.is_directory
        || (entry.name != group_log_name
            && !entry.name.starts_with(std::string{group_log_name}
                                       + std::string{persistence::aside_mark})))
      continue;
    const auto path = directory + "/" + entry.name;
    const auto founding = entry_log::founding_in(*world.fs, path);
    if (!founding || founding->empty())
      continue;
    auto log = entry_log::open(world, path);
    if (!log)
      continue;
    const auto held = (*log)->take_recovered();
    const raft_log entries_of{held.base, held.entries};
    out.push_back(
      {path, *founding, held.base.at.index, entries_of.last(), held.vote.term});
  }
  return out;
}

error make_group(persistence::env& world, const std::string& directory,
                 const left_group& from, node_id node,
                 group_generation generation) {
  auto& fs = *world.fs;
  const auto own = directory + "/" + std::string{group_log_name};
  const auto made = own + ".made";
  if (auto fault = fs.remove_all(made))
    return fault;
  {
    auto left = entry_log::open(world, from.directory);
    if (!left)
      return left.failure();
    auto held = (*left)->take_recovered();
    auto log = entry_log::open(world, made);
    if (!log)
      return log.failure();
    const group_founding founding{
      raft_configuration{
        {{{node, incarnation_id{(*log)->lineage().words[0]}}, /*votes*/ true}}},
      generation};
    held.vote.candidate = {};
    held.base.members = founding.members;
    // Its members are other ones from now on.
    for (auto& entry : held.entries)
      if (entry.kind == raft_entry_kind::configuration)
        entry = {entry.term, raft_entry_kind::no_op};
    if (auto fault = (*log)->found(founding, held, (*left)->state()))
      return fault;
    if (auto fault = (*log)->close())
      return fault;
  }
  if (fs.exists(own))
    if (auto fault = set_log_aside(fs, own))
      return fault;
  if (auto fault = fs.rename(made, own))
    return fault;
  return fs.sync_directory(directory);
}

} // namespace millrace::rt
