#include <millrace/actors/rt/sequence/stream_group.hpp>

#include <algorithm>
#include <utility>

// How a node becomes a member of a group, and stops being one.

namespace millrace::rt {

namespace {

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

} // namespace

error set_log_aside(persistence::file_system& fs,
                    const std::string& directory) {
  uint64_t number = 1;
  const auto name = [&] {
    return directory + std::string{aside_mark} + std::to_string(number);
  };
  while (fs.exists(name()))
    ++number;
  if (auto fault = fs.rename(directory, name()))
    return fault;
  return fs.sync_directory(parent_of(directory));
}

result<std::unique_ptr<stream_group>>
stream_group::open(persistence::env& world, settings how) {
  auto& fs = *world.fs;
  std::string why;
  const bool several = how.nodes.size() > 1;
  if (several) {
    const auto forgot = entry_log::forgot(fs, how.directory);
    if (!forgot)
      return forgot.failure();
    if (*forgot)
      why = "the machine went down while what this node had said to others was "
            "not yet synced";
  }
  if (!why.empty())
    if (auto fault = set_log_aside(fs, how.directory))
      return fault;
  auto log = entry_log::open(world, how.directory);
  if (!log && several && log.failure().code == errc::corrupt) {
    why = to_string(log.failure());
    if (auto fault = set_log_aside(fs, how.directory))
      return fault;
    log = entry_log::open(world, how.directory);
  }
  if (!log)
    return log.failure();
  std::unique_ptr<stream_group> group{
    new stream_group{world, std::move(how), *std::move(log)}};
  group->why_set_aside_ = std::move(why);
  if (auto fault = group->list_set_aside())
    return fault;
  group->forming_
    = {group->settings_.nodes, group->self_, !group->set_aside_.empty()};
  const auto now_ns = world.clock->monotonic_ns();
  if (!group->log_->founding().empty()) {
    if (auto fault = group->start(group->log_->take_recovered(), now_ns))
      return fault;
  } else if (group->settings_.nodes.size() == 1) {
    if (auto fault = group->found(*group->forming_.founding(), now_ns))
      return fault;
  }
  return group;
}

stream_group::stream_group(persistence::env& world, settings how,
                           std::unique_ptr<entry_log> log)
  : env_{&world}, settings_{std::move(how)}, log_{std::move(log)},
    self_{settings_.self, incarnation_id{log_->lineage().words[0]}},
    forming_{settings_.nodes, self_, false} {}

error stream_group::list_set_aside() {
  const auto parent = parent_of(settings_.directory);
  const auto prefix
    = settings_.directory.substr(parent.size() + 1) + std::string{aside_mark};
  const auto entries = env_->fs->list(parent);
  if (!entries)
    return entries.failure();
  for (const auto& entry : *entries)
    if (entry.is_directory && entry.name.starts_with(prefix))
      set_aside_.push_back(parent + "/" + entry.name);
  return {};
}

/// Kept while this node might be the one that holds most: once it votes again,
/// the group has all that it held.
error stream_group::forget_set_aside() {
  if (!raft_->members().votes(self_)
      || raft_->log().members_index() > raft_->commit_index())
    return {};
  for (const auto& each : std::exchange(set_aside_, {}))
    if (auto fault = env_->fs->remove_all(each))
      return fault;
  effects_.changed = true;
  return {};
}

error stream_group::heard(const member_id& from, const group_founding& founding,
                          bool forgot) {
  if (!founded()) {
    forming_.heard(from, founding, forgot);
    return {};
  }
  // While this one has a leader, it is the later group that is in the wrong.
  if (forgot || founding.generation <= founding_.generation || raft_->leader())
    return {};
  raft_.reset();
  log_.reset();
  if (auto fault = set_log_aside(*env_->fs, settings_.directory))
    return fault;
  return {errc::fenced,
          settings_.directory
            + ": 'stream recover' made a later group of this stream; the log "
              "of this node was set aside, start it again to join that"};
}

std::optional<group_founding> stream_group::to_found() const {
  return founded() ? std::nullopt : forming_.founding();
}

bool stream_group::continues(const group_founding& founding) const {
  return std::any_of(set_aside_.begin(), set_aside_.end(),
                     [&](const std::string& each) {
                       const auto had = entry_log::founding_in(*env_->fs, each);
                       return had && *had == founding;
                     });
}

error stream_group::found(const group_founding& founding, int64_t now_ns) {
  if (auto fault = log_->found(founding))
    return fault;
  raft_recovered found;
  found.base.members = founding.members;
  return start(std::move(found), now_ns);
}

stream_group::needless_entries stream_group::needless(entry_index checkpointed,
                                                      bool short_of_space,
                                                      int64_t now_ns) {
  constexpr int64_t away_ns = 3'000'000'000;
  needless_entries out{checkpointed, {}};
  const auto& log = raft_->log();
  std::map<member_id, lag> lags;
  for (const auto& peer : raft_->peers()) {
    if (peer.durable() >= checkpointed)
      continue;
    const auto known = lags_.find(peer.id());
    const auto now
      = known != lags_.end() && known->second.durable == peer.durable()
          ? known->second
          : lag{peer.durable(), now_ns};
    lags.emplace(peer.id(), now);
    const bool away = now_ns - peer.heard_at_ns >= away_ns;
    if ((away && short_of_space)
        || now_ns - now.since_ns >= settings_.gc_grace_ns) {
      out.left_behind.push_back(peer.id());
      continue;
    }
    const auto behind
      = log.bytes_after(std::max(peer.durable(), log.base().at.index));
    if (!away || behind <= settings_.behind_bytes_max)
      out.index = std::min(out.index, peer.durable());
  }
  lags_ = std::move(lags);
  return out;
}

// -- members ------------------------------------------------------------------

error stream_group::welcome(const member_id& who, int64_t now_ns) {
  if (!leads_for_sure() || raft_->members().votes(who))
    return {};
  member_id earlier;
  for (const auto& each : raft_->members().members()) {
    if (each.id.node == who.node && each.id != who)
      earlier = each.id;
    // In whose place does it come? That is for an operator to say.
    const auto is
      = [&](const group_forming::node& one) { return one.id == each.id.node; };
    if (std::none_of(settings_.nodes.begin(), settings_.nodes.end(), is)
        && !raft_->members().contains(who))
      return {};
  }
  const auto step = next_replacement_step(raft_->members(), earlier, who);
  return step ? run(raft_core::change{*step}, now_ns) : error{};
}

result<bool> stream_group::replace(node_id leaving,
                                   const std::optional<member_id>& joining,
                                   int64_t now_ns) {
  const auto& members = raft_->members().members();
  const auto found
    = std::find_if(members.begin(), members.end(), [&](const auto& each) {
        return each.id.node == leaving && (!joining || each.id != *joining);
      });
  std::optional<member_change> step;
  if (joining)
    step = next_replacement_step(
      raft_->members(), found == members.end() ? member_id{} : found->id,
      *joining);
  else if (found != members.end())
    step = member_change{member_change::kind_type::remove, found->id};
  if (!step)
    return raft_->log().members_index() <= raft_->commit_index();
  if (step->kind == member_change::kind_type::remove
      && raft_->members().is_alone(step->member))
    return error{errc::invalid_argument,
                 "the last member of a group cannot leave it"};
  if (auto fault = run(raft_core::change{*step}, now_ns))
    return fault;
  return false;
}

error stream_group::mind_disk(bool well, int64_t now_ns) {
  if (!founded())
    return {};
  if (std::exchange(disk_is_well_, well) != well)
    if (auto fault = run(raft_core::disk{well}, now_ns))
      return fault;
  // One that cannot take it over does not: then it is the next one's turn.
  constexpr int64_t again_ns = 1'000'000'000;
  if (well || !leads() || now_ns < hand_over_at_ns_)
    return {};
  std::vector<member_id> others;
  for (const auto& peer : raft_->peers())
    if (raft_->members().votes(peer.id())
        && now_ns - peer.heard_at_ns < raft_options{}.election_ns)
      others.push_back(peer.id());
  if (others.empty())
    return {};
  hand_over_at_ns_ = now_ns + again_ns;
  return run(raft_core::transfer{others[handed_over_++ % others.size()]},
             now_ns);
}

std::optional<raft_snapshot> stream_group::snapshot() const {
  if (!leads() || log_->state().index == entry_index{}
      || log_->state().index != raft_->log().base().at.index)
    return std::nullopt;
  return raft_snapshot{raft_->term(), raft_->log().base(),
                       log_->state().bytes.size()};
}

error stream_group::install(const raft_snapshot& what,
                            const entry_log::kept_state& state,
                            int64_t now_ns) {
  if (what.base.at.index <= told_)
    return {};
  if (auto fault = log_->keep(state))
    return fault;
  return run(raft_core::snapshot_installed{what.base, what.term}, now_ns);
}

} // namespace millrace::rt
