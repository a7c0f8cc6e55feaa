#include <millrace/actors/rt/link/read_records.hpp>
#include <millrace/actors/rt/raft/raft_wire.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/messages/protocol/connect.hpp>
#include <millrace/persistence/log/log_directory.hpp>

#include <algorithm>

// What the sequencers of a stream's nodes say to each other: who they are until
// they are a group, Raft's messages then, and bytes of inputs that one lacks.

namespace millrace::rt {

namespace {

/// Of a hello: what more there is comes with the next one.
constexpr size_t inputs_told_max = 256;

/// Those that a group was founded with all vote.
raft_configuration founding_of(const std::vector<member_id>& told) {
  const std::set<member_id> ids{told.begin(), told.end()};
  std::vector<raft_member> members;
  for (const auto& id : ids)
    members.push_back({id, true});
  return raft_configuration{std::move(members)};
}

} // namespace

std::vector<member_id> ids_of(const raft_configuration& members) {
  std::vector<member_id> out;
  for (const auto& member : members.members())
    out.push_back(member.id);
  return out;
}

void sequencer_state::look_for_peers() {
  for (const auto node : peers->due(env->clock->monotonic_ns())) {
    const auto& at = peers->find(node)->at.at;
    connect_to<sequencer_actor>(
      self, settings.connector, at,
      [this, node](const sequencer_actor& handle) {
        self->monitor(handle);
        peers->found(node, handle, env->clock->monotonic_ns());
      },
      [this, node](const error& why) {
        peers->lost(node, why, env->clock->monotonic_ns());
      });
  }
}

/// The other node that leads, as far as this one knows.
result<sequencer_actor> sequencer_state::leading_peer() const {
  const auto* raft = core->group().raft();
  const auto leader = raft != nullptr ? raft->leader() : std::nullopt;
  const auto* peer = leader ? peers->find(leader->node) : nullptr;
  if (peer != nullptr && peer->handle)
    return peer->handle;
  auto why = "stream '" + core->options().stream + "': ";
  const auto waits_for = core->blocked();
  if (!core->group().leads())
    why += "no node orders it now";
  else if (waits_for)
    why += "the node that orders it cannot go on: " + to_string(waits_for);
  else
    why += "the node that orders it applies what was agreed on before it leads";
  return error{errc::unavailable, std::move(why)};
}

void sequencer_state::say_hello() {
  const auto now_ns = env->clock->monotonic_ns();
  if (settings.peers.empty() || now_ns < hello_at_ns)
    return;
  // Until they are a group, nothing else goes on.
  constexpr int64_t hello_interval_ns = 200'000'000;
  hello_at_ns = core->group().founded() ? now_ns + hello_interval_ns : now_ns;
  const auto& group = core->group();
  peer_hello what;
  what.from = group.self();
  what.founding = ids_of(group.founding().members);
  what.generation = group.founding().generation;
  what.forgot = group.forgot();
  if (group.leads()) {
    auto needless = archive->needless_entries(now_ns);
    if (!needless)
      return fail(needless.failure());
    what.needless = *needless;
    what.leaves_behind = archive->leaves_behind();
  }
  what.disk_percent = archive->disk_percent();
  what.sync_ns = disk->sync_ns(now_ns).value_or(0);
  for (const auto& [copy, sink] : sinks) {
    if (core->settled(copy))
      continue;
    if (what.inputs.size() == inputs_told_max)
      break;
    const auto& input = core->inputs().name(copy);
    what.inputs.push_back({input.directory, input.lineage, core->merged(copy),
                           core->inputs().recorded_end(copy)});
  }
  for (const auto& peer : peers->all())
    if (peer.handle)
      self->send(peer.handle, hello_atom_v, what);
}

void sequencer_state::take(const peer_hello& what) {
  const auto now_ns = env->clock->monotonic_ns();
  if (peers->find(what.from.node) == nullptr)
    return; // Not of this stream, as this node's configuration has it.
  peers->heard(what.from.node, now_ns);
  if (auto fault = core->heard(
        what.from, {founding_of(what.founding), what.generation}, what.forgot))
    return fail(fault);
  mind_place();
  take_in(what, now_ns);
  archive->heard(what);
  disk->heard(what, now_ns);
  if (what.needless != entry_index{}) {
    if (auto fault = core->compact(what.needless))
      return fail(fault);
    archive->leave_behind(what.leaves_behind);
  }
  if (core->group().leads()) {
    take_held(what);
    heard_of_claims(what);
  }
  progress(core->advance());
}

/// What a directory of an earlier life of the stream holds is nobody's stream
/// any more.
void sequencer_state::mind_place() {
  const auto* raft = core->group().raft();
  has_met_group = has_met_group || (raft != nullptr && raft->leader());
  const bool is_out = core->group().is_out_of_place();
  if (is_out == !foreign.empty())
    return;
  if (!is_out) {
    foreign.clear();
    note("foreign", "it is of the group of the other nodes again");
    return;
  }
  const auto what
    = core->options().directory
      + " is of another life of it than those of most other nodes that "
        "order it: this node follows none of them, and serves nobody; "
        "stop it, move that directory away, and start it: it is taken "
        "in as a new member, and copies what the stream has";
  warn("foreign", what);
  foreign = "stream '" + core->options().stream + "': " + what;
  const auto why = to_caf({errc::unavailable, foreign});
  for (auto& each : std::exchange(waiting, {}))
    each.promise.deliver(why);
  for (const auto& reader : readers)
    self->send_exit(reader.source, caf::exit_reason::user_shutdown);
  for (const auto& [flow, each] : std::exchange(publishers, {})) {
    self->demonitor(each.pusher.address());
    self->send(each.pusher, refused_atom_v, flow, why);
  }
}

/// One that has begun a moment ago may have the directory of another life, and
/// not know it yet.
bool sequencer_state::knows_its_place() const {
  constexpr int64_t patience_ns = 1'500'000'000;
  return foreign.empty()
         && (settings.peers.empty() || has_met_group
             || env->clock->monotonic_ns() - began_ns >= patience_ns);
}

/// A publisher may reach other nodes and not the leader, which is the one that
/// must have its bytes to order them.
void sequencer_state::take_held(const peer_hello& what) {
  const auto* peer = peers->find(what.from.node);
  if (!peer->handle)
    return;
  for (const auto& input : what.inputs) {
    const input_name known{input.directory, input.lineage};
    if (!is_input_directory(input.directory)) {
      ++strange_messages;
      continue;
    }
    if (!sink_of(known))
      continue;
    const auto copy = *core->inputs().find(known);
    const auto from = std::max({core->inputs().recorded_end(copy),
                                core->merged(copy), position{input.from}});
    if (from < input.to)
      input_mends->fetch_held(*peer, copy,
                              core->growing(copy, {from, input.to}));
  }
}

void sequencer_state::take_raft(founding_id group, const chunk& bytes) {
  if (!core->group().founded() || group != core->group().group_id()) {
    ++strange_messages;
    return;
  }
  auto message = decode_raft_message(bytes.bytes());
  if (!message) {
    ++strange_messages;
    return;
  }
  const auto now_ns = env->clock->monotonic_ns();
  peers->heard(message->from.node, now_ns);
  if (auto fault = core->group().received(*std::move(message), now_ns))
    return fail(fault);
  progress(core->advance());
}

void sequencer_state::send(const raft_message& what) {
  if (const auto* peer = peers->find(what.to.node);
      peer != nullptr && peer->handle)
    self->send(peer->handle, raft_atom_v, core->group().group_id(),
               chunk::copy_of(encode(what)));
}

/// A leader says it again with each heartbeat.
void sequencer_state::take_refused(const raft_core::refused& what) {
  if (what.why == raft_core::refusal::forgot) {
    const auto* forgetful = peers->find(what.from.node);
    return warn(
      "forgot",
      "member " + to_string(what.from)
        + (forgetful == nullptr ? "" : " (" + forgetful->at.name + ")")
        + " lacks what it had said it holds: its disk is an older "
          "copy. What it lacks is sent to it again");
  }
  if (what.why != raft_core::refusal::against_committed
      && what.why != raft_core::refusal::second_leader)
    return;
  constexpr int64_t again_ns = 60'000'000'000;
  const auto now_ns = env->clock->monotonic_ns();
  if (against == what.from && now_ns - against_at_ns < again_ns)
    return;
  against = what.from;
  against_at_ns = now_ns;
  const auto* peer = peers->find(what.from.node);
  warn(
    "refused",
    "member " + to_string(what.from)
      + (peer == nullptr ? "" : " (" + peer->at.name + ")")
      + " speaks against what was agreed on: its disk has lost what it held, "
        "or is an older copy. This node keeps what it has, and takes nothing "
        "from there: stop all rt nodes of the stream, and let 'millrace "
        "stream recover' go on with the log of this one ('--from')");
}

caf::result<position, chunk>
sequencer_state::serve_bytes(const input_range& what) {
  if (what.directory.empty())
    return serve_out(what);
  const auto copy = core->inputs().find({what.directory, what.lineage});
  // Who merged it needs no bytes, and all of them may have been collected.
  if (copy && what.to <= core->merged(*copy)
      && !env->fs->exists(
        core->inputs().directory_of(core->inputs().name(*copy)) + "/"
        + persistence::log_file_name(what.from.session(), what.from.roll())))
    return to_caf({errc::pruned, "input '" + what.directory
                                   + "': " + to_string(what.from)
                                   + " is merged and collected here"});
  const auto sink = copy ? sinks.find(*copy) : sinks.end();
  if (sink == sinks.end() || what.from >= what.to)
    return to_caf(
      {errc::not_found, "input '" + what.directory + "' is not held here"});
  return self->delegate(sink->second, fetch_atom_v, what.from, what.to);
}

/// Off this thread: a part is up to 256 KiB, and is verified.
caf::result<position, chunk>
sequencer_state::serve_out(const input_range& what) {
  constexpr size_t at_once_max = 16;
  const auto* state = core->state();
  if (state == nullptr || what.from >= what.to
      || state->layout.lineage != what.lineage)
    return to_caf({errc::not_found, "the merged log is not here"});
  if (out_readings.size() >= at_once_max)
    return to_caf(
      {errc::unavailable, "the disk has not given what was asked for before"});
  auto promise = self->make_response_promise<position, chunk>();
  const auto number = out_reading_next++;
  out_readings.emplace(number, promise);
  submit([what, number, world = env, directory = core->out_directory(),
          me = sequencer_self_actor{self}] {
    auto part = read_records(*world->fs, directory, what.from, what.to);
    if (part)
      caf::anon_send(me, part_atom::value, number, part->begin, part->bytes,
                     caf::error{});
    else
      caf::anon_send(me, part_atom::value, number, position{}, chunk{},
                     to_caf(part.failure()));
  });
  return promise;
}

void sequencer_state::read_out(uint64_t number, position begin,
                               const chunk& bytes, const caf::error& outcome) {
  auto promise = std::move(out_readings.extract(number).mapped());
  if (outcome)
    promise.deliver(outcome);
  else
    promise.deliver(begin, bytes);
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
