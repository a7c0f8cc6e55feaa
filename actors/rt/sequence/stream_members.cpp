#include <millrace/actors/rt/sequence/stream_group.hpp>

#include <algorithm>
#include <span>
#include <utility>

// How a node becomes a member of a group, and stops being one.

namespace millrace::rt {

namespace {

bool is_away(const raft_peer& peer, int64_t now_ns) noexcept {
  constexpr int64_t away_ns = 3'000'000'000;
  return now_ns - peer.heard_at_ns >= away_ns;
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

} // namespace

error set_log_aside(persistence::file_system& fs,
                    const std::string& directory) {
  if (auto fault = persistence::set_aside(fs, directory))
    return fault;
  return fs.sync_directory(parent_of(directory));
}

namespace {

result<std::vector<std::string>> logs_aside(persistence::file_system& fs,
                                            const std::string& directory) {
  const auto parent = parent_of(directory);
  const auto prefix = directory.substr(parent.size() + 1)
                      + std::string{persistence::aside_mark};
  std::vector<std::string> out;
  const auto entries = fs.list(parent);
  if (!entries && entries.failure().code != errc::not_found)
    return entries.failure();
  if (entries)
    for (const auto& entry : *entries)
      if (entry.is_directory && entry.name.starts_with(prefix))
        out.push_back(parent + "/" + entry.name);
  return out;
}

// Each life of a node leaves its number in the directory of its log and beside
// it: one that was put back from an earlier life has another there.

/// Empty: there is none.
result<std::string> read_life(persistence::file_system& fs,
                              const std::string& path) {
  const auto bytes = persistence::read_own_file(fs, path);
  if (!bytes && bytes.failure().code != errc::not_found)
    return bytes.failure();
  return bytes ? std::string{reinterpret_cast<const char*>(bytes->data()),
                             bytes->size()}
               : std::string{};
}

std::string life_inside(const std::string& directory) {
  return directory + "/.life";
}

std::string life_beside(const std::string& directory) {
  return directory + ".life";
}

/// A crash between the writes leaves both numbers beside it.
result<bool> is_of_last_life(persistence::file_system& fs,
                             const std::string& directory) {
  const auto inside = read_life(fs, life_inside(directory));
  if (!inside)
    return inside.failure();
  const auto beside = read_life(fs, life_beside(directory));
  if (!beside)
    return beside.failure();
  return inside->empty() || beside->empty()
         || (" " + *beside + " ").find(" " + *inside + " ")
              != std::string::npos;
}

/// On a full disk the last number stays.
error begin_life(persistence::file_system& fs, const std::string& directory,
                 uint64_t number) {
  const auto last = read_life(fs, life_inside(directory));
  if (!last)
    return last.failure();
  const auto next = std::to_string(number);
  const std::pair<std::string, std::string> steps[]
    = {{life_beside(directory), *last + " " + next},
       {life_inside(directory), next},
       {life_beside(directory), next}};
  for (const auto& [path, text] : steps)
    if (auto fault
        = persistence::replace_file(fs, path, std::as_bytes(std::span{text})))
      return fault.code == errc::no_space ? error{} : fault;
  return {};
}

/// What this life of the log may not vouch for; empty: nothing is missing.
/// @param first no log was set aside before it.
result<std::string> forgotten(persistence::file_system& fs,
                              const entry_log& log,
                              const std::string& directory,
                              const raft_recovered& found,
                              const applied_trace& applied, bool first) {
  if (!log.founding().empty()) {
    const auto last = is_of_last_life(fs, directory);
    if (!last)
      return last.failure();
    if (!*last)
      return directory + ": it was put back from an older copy";
  }
  // A log that comes after another one may still lag behind out/.
  if (!first)
    return std::string{};
  if (log.founding().empty())
    return applied.any ? directory
                           + ": the group's log is gone, and out/ has what was "
                             "agreed on there"
                       : std::string{};
  auto why = disagreement(found, applied);
  return why.empty() ? why : directory + ": " + why;
}

} // namespace

result<std::unique_ptr<stream_group>>
stream_group::open(persistence::env& world, settings how,
                   const applied_trace& applied) {
  auto& fs = *world.fs;
  const bool several = how.nodes.size() > 1;
  std::string why;
  if (several) {
    const auto forgot = entry_log::forgot(fs, how.directory);
    if (!forgot)
      return forgot.failure();
    if (*forgot)
      why = "the machine went down while what this node had said to others was "
            "not yet synced";
  }
  const auto aside = logs_aside(fs, how.directory);
  if (!aside)
    return aside.failure();
  std::unique_ptr<entry_log> log;
  raft_recovered found;
  const auto open_log = [&]() -> error {
    auto opened = entry_log::open(world, how.directory);
    if (!opened)
      return opened.failure();
    log = *std::move(opened);
    found = log->take_recovered();
    return {};
  };
  if (why.empty()) {
    if (auto fault = open_log()) {
      if (fault.code != errc::corrupt)
        return fault;
      why = to_string(fault);
    } else {
      auto lacks
        = forgotten(fs, *log, how.directory, found, applied, aside->empty());
      if (!lacks)
        return lacks.failure();
      why = *std::move(lacks);
    }
  }
  if (!why.empty()) {
    log.reset();
    if (auto fault = set_log_aside(fs, how.directory))
      return fault;
    if (auto fault = open_log())
      return fault;
  } else if (aside->empty()) {
    const entry_index last{found.base.at.index.value + found.entries.size()};
    found.committed = std::min(applied.last, last);
  }
  if (auto fault = begin_life(fs, how.directory, world.random()))
    return fault;
  std::unique_ptr<stream_group> group{
    new stream_group{world, std::move(how), std::move(log)}};
  group->why_set_aside_ = std::move(why);
  if (auto fault = group->list_set_aside())
    return fault;
  group->forming_
    = {group->settings_.nodes, group->self_, !group->set_aside_.empty()};
  group->look_whose(found);
  const auto now_ns = world.clock->monotonic_ns();
  if (!group->log_->founding().empty()) {
    if (auto fault = group->start(std::move(found), now_ns))
      return fault;
  } else if (!several && group->set_aside_.empty()) {
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
  auto aside = logs_aside(*env_->fs, settings_.directory);
  if (!aside)
    return aside.failure();
  set_aside_ = *std::move(aside);
  for (const auto& each : set_aside_)
    // One that cannot be read is as good as none.
    if (const auto had = entry_log::founding_in(*env_->fs, each);
        had && !had->empty()
        && (left_founding_.empty()
            || had->generation >= left_founding_.generation))
      left_founding_ = *had;
  return {};
}

/// The incarnation stands in the directory, the node in the configuration.
void stream_group::look_whose(const raft_recovered& found) {
  auto known = log_->founding().members.members();
  const raft_log log{found.base, found.entries};
  if (log.members().contains(self_))
    return;
  known.insert(known.end(), log.members().members().begin(),
               log.members().members().end());
  for (const auto& each : known)
    if (each.id.incarnation == self_.incarnation
        && each.id.node != self_.node) {
      whose_ = to_string(each.id);
      for (const auto& node : settings_.nodes)
        if (node.id == each.id.node)
          whose_ = node.name;
    }
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

error stream_group::leave() {
  raft_.reset();
  log_.reset();
  return set_log_aside(*env_->fs, settings_.directory);
}

error stream_group::heard(const member_id& from, const group_founding& founding,
                          bool forgot) {
  if (!founded()) {
    forming_.heard(from, founding, forgot);
    return {};
  }
  if (!forgot && !founding.empty() && group_id_of(founding) != group_id_)
    of_others_.insert(from.node);
  else
    of_others_.erase(from.node);
  // While this one has a leader, it is the later group that is in the wrong.
  if (forgot || founding.generation <= founding_.generation || raft_->leader())
    return {};
  if (auto fault = leave())
    return fault;
  return {errc::fenced,
          settings_.directory
            + ": 'stream recover' made a later group of this stream; the log "
              "of this node was set aside, start it again to join that"};
}

bool stream_group::is_out_of_place() const {
  return founded() && !raft_->leader()
         && 2 * of_others_.size() > settings_.nodes.size();
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
  raft_recovered found;
  found.base.members = founding.members;
  auto fault = log_->found(founding);
  if (!fault)
    fault = start(std::move(found), now_ns);
  // Nothing was said to anybody yet: once more when somebody is heard.
  full_ = fault.code == errc::no_space ? fault : error{};
  return full_ ? error{} : fault;
}

error stream_group::found_alone(entry_index applied,
                                std::vector<std::byte> state, int64_t now_ns) {
  MILLRACE_ASSERT(!founded() && settings_.nodes.size() == 1);
  group_founding founding{raft_configuration{{{self_, /*votes*/ true}}},
                          group_generation{1}};
  for (const auto& each : set_aside_)
    if (const auto had = entry_log::founding_in(*env_->fs, each))
      founding.generation
        = std::max(founding.generation, had->generation.next());
  raft_recovered left;
  left.base.members = founding.members;
  if (applied != entry_index{}) {
    left.vote.term = raft_term{1};
    left.base.at = {applied, left.vote.term};
  }
  if (auto fault = log_->found(
        founding, left,
        {state.empty() ? entry_index{} : applied, std::move(state)}))
    return fault;
  return start(std::move(left), now_ns);
}

stream_group::needless_entries stream_group::needless(entry_index checkpointed,
                                                      bool short_of_space,
                                                      int64_t now_ns) {
  needless_entries out{checkpointed, {}};
  const auto& log = raft_->log();
  std::map<member_id, lag> lags;
  for (const auto& peer : raft_->peers()) {
    if (peer.durable() >= checkpointed
        || (later_wanted_.contains(peer.id().node)
            && peer.phase() == raft_peer::phase_type::snapshot))
      continue;
    const auto known = lags_.find(peer.id());
    const auto now
      = known != lags_.end() && known->second.durable == peer.durable()
          ? known->second
          : lag{peer.durable(), now_ns};
    lags.emplace(peer.id(), now);
    const bool away = is_away(peer, now_ns);
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

/// Why a member may not leave now; empty: it may.
std::string stream_group::why_stays(const member_id& who,
                                    int64_t now_ns) const {
  const auto lives = [&](const member_id& id) {
    const auto& peers = raft_->peers();
    return id == self_
           || std::any_of(peers.begin(), peers.end(),
                          [&](const raft_peer& each) {
                            return each.id() == id && !is_away(each, now_ns);
                          });
  };
  // One whose disk is full is heard, and takes nothing.
  const auto takes = [&](const member_id& id) {
    constexpr int64_t patience_ns = 5'000'000'000;
    if (id == self_)
      return !full_;
    const auto& peers = raft_->peers();
    return std::any_of(peers.begin(), peers.end(), [&](const raft_peer& each) {
      return each.id() == id && !is_away(each, now_ns)
             && (each.durable() >= raft_->log().last_index()
                 || now_ns - each.came_on_ns < patience_ns);
    });
  };
  const auto& nodes = settings_.nodes;
  const auto node
    = std::find_if(nodes.begin(), nodes.end(),
                   [&](const auto& each) { return each.id == who.node; });
  if (node != nodes.end() && lives(who))
    return "'" + node->name
           + "' runs, and by the configuration it orders the stream: it would "
             "be taken in again at once; stop it, or take the stream out of "
             "its "
             "configuration on all nodes and start them again, and then remove "
             "it";
  size_t voters = 0;
  size_t well = 0;
  for (const auto& each : raft_->members().members())
    if (each.votes && each.id != who) {
      ++voters;
      well += takes(each.id) ? 1 : 0;
    }
  if (voters > 0 && well < voters / 2 + 1)
    return "of the " + std::to_string(voters) + " members that would stay only "
           + std::to_string(well)
           + " are heard and take what is agreed on, which is no majority: "
             "nobody could order the stream; start the others, or make room on "
             "their disks, first";
  return {};
}

result<bool> stream_group::replace(node_id leaving,
                                   const std::optional<member_id>& joining,
                                   int64_t now_ns) {
  const auto& members = raft_->members().members();
  const auto found
    = std::find_if(members.begin(), members.end(), [&](const auto& each) {
        return each.id.node == leaving && (!joining || each.id != *joining);
      });
  if (found != members.end() && (!joining || joining->node != leaving))
    if (const auto why = why_stays(found->id, now_ns); !why.empty())
      return error{errc::invalid_argument, why};
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

error stream_group::hand_over(const member_id& to, int64_t now_ns) {
  return run(raft_core::transfer{to}, now_ns);
}

error stream_group::mind_disk(disk_health how, int64_t now_ns) {
  if (!founded())
    return {};
  const bool well = how == disk_health::well;
  if (std::exchange(disk_is_well_, well) != well)
    if (auto fault = run(raft_core::disk{well}, now_ns))
      return fault;
  // One that cannot take it over does not: then it is the next one's turn.
  constexpr int64_t again_ns = 1'000'000'000;
  if (how != disk_health::failing || !leads() || now_ns < hand_over_at_ns_)
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

bool stream_group::holds(const raft_place& agreed) const noexcept {
  return raft_
         && (agreed.index <= raft_->commit_index()
             || (agreed.index <= written_
                 && raft_->log().term_at(agreed.index) == agreed.term));
}

error stream_group::needs_no_snapshot(const raft_snapshot& what,
                                      int64_t now_ns) {
  return run(raft_core::snapshot_offered{what.base.at, what.term}, now_ns);
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
