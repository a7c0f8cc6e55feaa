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

stream_catch_up::stream_catch_up(sequencer_state& of) : of_{of} {}

void stream_catch_up::offer(const std::vector<member_id>& to) {
  const auto what = of_.core->group().snapshot();
  if (!what)
    return;
  for (const auto& id : to)
    if (const auto* peer = of_.peers->find(id.node);
        peer != nullptr && peer->handle)
      of_.self->send(peer->handle, snapshot_atom_v,
                     of_.core->group().group_id(),
                     chunk::copy_of(encode(*what)));
}

void stream_catch_up::take(founding_id group, const chunk& bytes) {
  const auto what = decode_raft_snapshot(bytes.bytes());
  if (!of_.core->group().founded() || group != of_.core->group().group_id()
      || !what) {
    ++of_.strange_messages;
    return;
  }
  if (of_.core->group().leads())
    return offer_later(what->base.at.index);
  const auto leader = of_.core->group().raft()->leader();
  const auto* peer = leader ? of_.peers->find(leader->node) : nullptr;
  const auto* state = of_.core->state();
  const bool lacks_log = !of_.core->group().holds(what->base.at);
  const bool copies_instead = lacks_merged_ && state != nullptr
                              && what->base.at.index > state->applied_index;
  if (!lacks_log && !copies_instead) {
    if (auto fault = of_.core->group().needs_no_snapshot(
          *what, of_.env->clock->monotonic_ns()))
      return of_.fail(fault);
    return of_.progress(of_.core->advance());
  }
  // On a full disk there is no room for a copy either: it is offered again.
  if (under_way_ || peer == nullptr || !peer->handle
      || of_.disk->is_full(of_.env->clock->monotonic_ns()))
    return;
  lacks_merged_ = false;
  under_way_ = std::make_unique<copy_of_all>();
  under_way_->what = *what;
  under_way_->from = peer->handle;
  under_way_->events = std::make_shared<std::vector<stream_event>>();
  of_.note("catching_up", "the state after entry "
                            + to_string(what->base.at.index)
                            + " and the merged log before it are copied from "
                            + peer->at.name);
  fetch_state();
}

/// A member cannot apply what comes after an entry: its inputs are collected.
void stream_catch_up::offer_later(entry_index after) {
  const auto asks
    = caf::actor_cast<sequencer_actor>(of_.self->current_sender());
  const auto kept = of_.core->group().snapshot();
  if (kept && kept->base.at.index > after)
    return of_.self->send(asks, snapshot_atom_v, of_.core->group().group_id(),
                          chunk::copy_of(encode(*kept)));
  // It asks again: then the group's log begins with this one.
  of_.core->compact_at_any_cost();
  for (const auto& peer : of_.peers->all())
    if (peer.handle == asks)
      of_.core->group().want_later(peer.at.node);
  if (of_.core->state() != nullptr && !of_.checkpoint)
    of_.start_checkpoint();
}

void stream_catch_up::fetch_state() {
  const auto index = under_way_->what.base.at.index;
  if (under_way_->state.size() >= under_way_->what.state_bytes)
    return copy_out();
  of_.self
    ->request(under_way_->from, caf::timespan{part_deadline}, fetch_atom_v,
              index, byte_number{under_way_->state.size()})
    .then(
      [this](const chunk& part) {
        if (part.empty())
          return end({errc::not_found, "the state is not whole"});
        const auto bytes = part.bytes();
        under_way_->state.insert(under_way_->state.end(), bytes.begin(),
                                 bytes.end());
        fetch_state();
      },
      [this](const caf::error& fault) { end(from_caf(fault)); });
}

caf::result<chunk> stream_catch_up::serve(entry_index index,
                                          byte_number first) const {
  const auto& state = of_.core->group().state();
  const auto from = first.value;
  if (state.index != index || from >= state.bytes.size())
    return to_caf({errc::not_found, "the state as of entry " + to_string(index)
                                      + " is not kept here"});
  const std::span<const std::byte> all{state.bytes};
  return chunk::copy_of(
    all.subspan(from, std::min(state_part_bytes, all.size() - from)));
}

void stream_catch_up::copy_out() {
  const auto state = decode_merge_state(under_way_->state);
  if (!state)
    return end(state.failure());
  if (of_.checkpoint)
    return end({errc::unavailable, "a checkpoint is under way; tried again"});
  if (of_.out_mends->files().is_mending())
    return end({errc::unavailable, "a file of the merged log is "
                                   "being mended; tried again"});
  if (of_.core->is_between_entries())
    return end(of_.core->blocked());
  of_.core->begin_copying();
  auto copier = of_.self->spawn(
    out_copier, of_.env,
    out_copier_options{of_.core->out_directory(), state->layout.lineage,
                       state->out_end, under_way_->from, under_way_->events},
    copy_owner_actor{of_.self});
  of_.children.add(copier);
}

void stream_catch_up::copied(const caf::error& outcome) {
  const auto fault = from_caf(outcome);
  if (fault)
    return end(fault);
  auto done = std::exchange(under_way_, nullptr);
  const auto index = done->what.base.at.index;
  of_.progress(of_.core->install(done->what, {index, std::move(done->state)},
                                 *done->events));
  of_.input_mends->begin_needless_anew();
  // What was copied was handed out to nobody.
  for (const auto& reader : of_.readers)
    of_.self->send(reader.source, grew_atom::value, of_.core->out_end(),
                   chunk{});
  of_.note("caught_up",
           "the merged log is here up to " + to_string(of_.core->out_end()));
}

/// The leader offers it again.
void stream_catch_up::end(const error& why) {
  const auto ended = std::exchange(under_way_, nullptr);
  if (why.code == errc::moved)
    of_.self->send(ended->from, snapshot_atom_v, of_.core->group().group_id(),
                   chunk::copy_of(encode(ended->what)));
  if (why.code == errc::malformed_message) {
    ++of_.damaged_records;
    of_.warn("damaged_on_the_way",
             "what came of the merged log of another node: " + to_string(why)
               + "; refused, and asked for again");
  } else if (why.code == errc::pruned && of_.core->copying()) {
    of_.warn("catching_up",
             to_string(why)
               + ": this node was away for longer than the stream is "
                 "kept; what it held is removed here as well");
  } else {
    of_.warn("catching_up", to_string(why));
    if (why.code == errc::no_space)
      of_.disk->troubled(why);
  }
  if (!of_.core->copying())
    return;
  // What is here is not the beginning of what the group has.
  const bool foreign = why.code == errc::fenced || why.code == errc::corrupt
                       || why.code == errc::bad_position
                       || why.code == errc::ahead;
  if (foreign)
    if (auto fault = of_.core->set_out_aside())
      return of_.fail(fault);
  if (why.code == errc::pruned)
    if (auto fault = of_.core->give_out_up())
      return of_.fail(fault);
  of_.remove_gone();
  of_.progress(of_.core->end_copying());
}

/// Bytes that an entry names are collected once all have merged them; a node
/// that forgot what it had merged gets the state and out/ of the one that
/// leads.
void stream_catch_up::ask(const sequencer_actor& leader) {
  lacks_merged_ = true;
  raft_snapshot mine;
  mine.base.at.index = of_.core->state()->applied_index;
  of_.self->send(leader, snapshot_atom_v, of_.core->group().group_id(),
                 chunk::copy_of(encode(mine)));
}

} // namespace millrace::rt
