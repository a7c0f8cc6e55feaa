#include <millrace/actors/rt/raft/raft_wire.hpp>
#include <millrace/actors/rt/sequence/out_copier.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>

#include <caf/actor_cast.hpp>

#include <algorithm>

// How a node that lacks what the group's log no longer holds is brought up: the
// leader offers the state that its log begins with; the node asks for it in
// parts, copies out/ up to there, and goes on with the log. So does one whose
// log names bytes of inputs that all others have merged and collected.

namespace millrace::rt {

namespace {
constexpr uint64_t state_part_bytes = 256u << 10;
constexpr auto part_deadline = std::chrono::seconds{3};
} // namespace

void sequencer_state::offer_snapshot(const std::vector<member_id>& to) {
  const auto what = core->group().snapshot();
  if (!what)
    return;
  for (const auto& id : to)
    if (const auto* peer = peers->find(id.node);
        peer != nullptr && peer->handle)
      self->send(peer->handle, snapshot_atom_v, core->group().group_id(),
                 chunk::copy_of(encode(*what)));
}

void sequencer_state::take_snapshot(founding_id group, const chunk& bytes) {
  const auto what = decode_raft_snapshot(bytes.bytes());
  if (!core->group().founded() || group != core->group().group_id() || !what) {
    ++strange_messages;
    return;
  }
  if (core->group().leads())
    return offer_later_state(what->base.at.index);
  const auto leader = core->group().raft()->leader();
  const auto* peer = leader ? peers->find(leader->node) : nullptr;
  const auto* state = core->state();
  const bool lacks_log = !core->group().holds(what->base.at);
  const bool copies_instead = lacks_merged && state != nullptr
                              && what->base.at.index > state->applied_index;
  if (!lacks_log && !copies_instead) {
    if (auto fault
        = core->group().needs_no_snapshot(*what, env->clock->monotonic_ns()))
      return fail(fault);
    return progress(core->advance());
  }
  // On a full disk there is no room for a copy either: it is offered again.
  if (catching_up || peer == nullptr || !peer->handle
      || disk->is_full(env->clock->monotonic_ns()))
    return;
  lacks_merged = false;
  catching_up = std::make_unique<catch_up>();
  catching_up->what = *what;
  catching_up->from = peer->handle;
  catching_up->events = std::make_shared<std::vector<stream_event>>();
  note("catching-up", "the state after entry " + to_string(what->base.at.index)
                        + " and the merged log before it are copied from "
                        + peer->at.name);
  fetch_state();
}

/// A member cannot apply what comes after an entry: its inputs are collected.
void sequencer_state::offer_later_state(entry_index after) {
  const auto asks = caf::actor_cast<sequencer_actor>(self->current_sender());
  const auto kept = core->group().snapshot();
  if (kept && kept->base.at.index > after)
    return self->send(asks, snapshot_atom_v, core->group().group_id(),
                      chunk::copy_of(encode(*kept)));
  // It asks again: then the group's log begins with this one.
  core->compact_at_any_cost();
  for (const auto& peer : peers->all())
    if (peer.handle == asks)
      core->group().want_later(peer.at.node);
  if (core->state() != nullptr && !checkpoint)
    start_checkpoint();
}

void sequencer_state::fetch_state() {
  const auto index = catching_up->what.base.at.index;
  if (catching_up->state.size() >= catching_up->what.state_bytes)
    return copy_out();
  self
    ->request(catching_up->from, caf::timespan{part_deadline}, fetch_atom_v,
              index, static_cast<uint64_t>(catching_up->state.size()))
    .then(
      [this](const chunk& part) {
        if (part.empty())
          return end_catching_up({errc::not_found, "the state is not whole"});
        const auto bytes = part.bytes();
        catching_up->state.insert(catching_up->state.end(), bytes.begin(),
                                  bytes.end());
        fetch_state();
      },
      [this](const caf::error& fault) { end_catching_up(from_caf(fault)); });
}

caf::result<chunk> sequencer_state::serve_state(entry_index index,
                                                uint64_t from) const {
  const auto& state = core->group().state();
  if (state.index != index || from >= state.bytes.size())
    return to_caf({errc::not_found, "the state as of entry " + to_string(index)
                                      + " is not kept here"});
  const std::span<const std::byte> all{state.bytes};
  return chunk::copy_of(
    all.subspan(from, std::min(state_part_bytes, all.size() - from)));
}

void sequencer_state::copy_out() {
  const auto state = decode_merge_state(catching_up->state);
  if (!state)
    return end_catching_up(state.failure());
  if (checkpoint)
    return end_catching_up(
      {errc::unavailable, "a checkpoint is under way; tried again"});
  if (mending->files().is_mending())
    return end_catching_up({errc::unavailable, "a file of the merged log is "
                                               "being mended; tried again"});
  if (core->is_between_entries())
    return end_catching_up(core->blocked());
  core->begin_copying();
  auto copier = self->spawn(
    out_copier, env,
    out_copier_options{core->out_directory(), state->layout.lineage,
                       state->out_end, catching_up->from, catching_up->events},
    copy_owner_actor{self});
  children.add(copier);
}

void sequencer_state::out_copied(const caf::error& outcome) {
  const auto fault = from_caf(outcome);
  if (fault)
    return end_catching_up(fault);
  auto done = std::exchange(catching_up, nullptr);
  const auto index = done->what.base.at.index;
  progress(
    core->install(done->what, {index, std::move(done->state)}, *done->events));
  begin_needless_copies_anew();
  // What was copied was handed out to nobody.
  for (const auto& reader : readers)
    self->send(reader.source, grew_atom::value, core->out_end(), chunk{});
  note("caught-up",
       "the merged log is here up to " + to_string(core->out_end()));
}

/// The leader offers it again.
void sequencer_state::end_catching_up(const error& why) {
  const auto ended = std::exchange(catching_up, nullptr);
  if (why.code == errc::moved)
    self->send(ended->from, snapshot_atom_v, core->group().group_id(),
               chunk::copy_of(encode(ended->what)));
  if (why.code == errc::malformed_message) {
    ++damaged_records;
    warn("damaged_on_the_way",
         "what came of the merged log of another node: " + to_string(why)
           + "; refused, and asked for again");
  } else if (why.code == errc::pruned && core->copying()) {
    warn("catching-up",
         to_string(why)
           + ": this node was away for longer than the stream is "
             "kept; what it held is removed here as well");
  } else {
    warn("catching-up", to_string(why));
    if (why.code == errc::no_space)
      disk_troubled(why);
  }
  if (!core->copying())
    return;
  // What is here is not the beginning of what the group has.
  const bool foreign = why.code == errc::fenced || why.code == errc::corrupt
                       || why.code == errc::bad_position
                       || why.code == errc::ahead;
  if (foreign)
    if (auto fault = core->set_out_aside())
      return fail(fault);
  if (why.code == errc::pruned)
    if (auto fault = core->give_out_up())
      return fail(fault);
  remove_gone();
  progress(core->end_copying());
}

/// Off this thread: there may be much of it.
void sequencer_state::remove_gone() {
  auto gone = core->gone_directories();
  if (gone.empty())
    return;
  submit(
    [world = env, gone = std::move(gone), me = sequencer_self_actor{self}] {
      error fault;
      for (const auto& each : gone)
        if (auto failed = world->fs->remove_all(each))
          fault = std::move(failed);
      caf::anon_send(me, collected_atom_v, to_caf(fault));
    });
}

// -- members ------------------------------------------------------------------

void sequencer_state::take_in(const peer_hello& what, int64_t now_ns) {
  const auto& who = what.from;
  auto& life = lives[who.node];
  if (life.who != who)
    life = {who, now_ns};
  // A word of an earlier life may come late.
  constexpr int64_t settled_ns = 600'000'000;
  if (now_ns - life.since_ns < settled_ns || !core->leads() || what.forgot
      || what.founding != ids_of(core->group().founding().members)
      || what.generation != core->group().founding().generation)
    return;
  if (auto fault = core->group().welcome(who, now_ns))
    fail(fault);
}

caf::result<bool> sequencer_state::change_members(node_id leaving,
                                                  node_id joining) {
  if (!core->leads())
    return ask_leader<bool>(members_atom_v, leaving, joining);
  std::optional<member_id> joins;
  if (joining == core->group().self().node)
    joins = core->group().self();
  else if (const auto found = lives.find(joining); found != lives.end())
    joins = found->second.who;
  if (joining != node_id{} && !joins)
    return to_caf({errc::unavailable,
                   "stream '" + core->options().stream
                     + "': the node that is to join was not heard of yet"});
  auto done = core->group().replace(leaving, joins, env->clock->monotonic_ns());
  if (!done)
    return to_caf(done.failure());
  progress(core->advance());
  return *done;
}

/// Who leads, who is a member, who went and came: a line per change.
void sequencer_state::tell_changes() {
  const auto& group = core->group();
  if (!group.founded())
    return;
  const auto& raft = *group.raft();
  std::string text = "term " + to_string(raft.term()) + ", ";
  const auto name_of = [&](const member_id& id) {
    if (id == group.self())
      return std::string{"this node"};
    const auto* peer = peers->find(id.node);
    if (peer == nullptr)
      return to_string(id); // The configuration has it no more.
    const auto life = lives.find(id.node);
    return life == lives.end() || life->second.who == id
             ? peer->at.name
             : "an earlier life of " + peer->at.name;
  };
  text += raft.leader() ? name_of(*raft.leader()) + " leads" : "nobody leads";
  text += "; members:";
  for (const auto& each : raft.members().members())
    text += " " + name_of(each.id) + (each.votes ? "" : " (learns)");
  if (text == told_group)
    return;
  told_group = text;
  note("group", text);
}

} // namespace millrace::rt
