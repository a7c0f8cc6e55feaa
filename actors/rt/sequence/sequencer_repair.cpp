#include <millrace/actors/rt/raft/raft_wire.hpp>
#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>

#include <algorithm>

// How a sequencer mends its copies of inputs: what one lacks comes from another
// node or from the publisher; what nobody has is told as an event. A copy whose
// sink fails stands still alone, and begins anew.

namespace millrace::rt {

namespace {

constexpr int64_t retry_ns = 1'000'000'000;
/// What a full disk refuses is told again that long after the last refusal.
constexpr int64_t refused_again_ns = 10'000'000'000;
constexpr auto fetch_deadline = std::chrono::seconds{1};

std::string describe(const input_part& range) {
  return to_string(range.from) + " to " + to_string(range.to);
}

} // namespace

/// Its copy stands still, not the node: the publisher offers its log again, and
/// whoever has the bytes gives them again.
void sequencer_state::input_failed(copy_id copy, const caf::error& fault) {
  const auto why = from_caf(fault);
  const auto input = to_string(core->inputs().name(copy));
  // The log says it once per cause, however often it is tried.
  auto& failed = failed_inputs[copy];
  if (failed.why != to_string(why))
    settings.warn("input_failed",
                  "stream '" + core->options().stream + "': input " + input
                    + " stands still: " + to_string(why)
                    + "; tried again every second, other inputs go on");
  failed = {to_string(why), env->clock->monotonic_ns() + retry_ns};
  disk_troubled(why);
  ++input_failures;
  drop_sink(copy, fault);
}

/// All that is known of its copy is forgotten: another sink reads it anew.
void sequencer_state::drop_sink(copy_id copy, const caf::error& fault) {
  pace.forget(copy.value);
  unsynced_ends.erase(copy);
  sinks.erase(copy);
  lacks.erase(copy);
  repair.forget(copy);
  core->restart_input(copy);
  std::erase_if(publishers,
                [&](const auto& entry) { return entry.second.copy == copy; });
  std::erase_if(offers, [&](waiting_offer& offer) {
    if (offer.copy == copy)
      offer.promise.deliver(fault);
    return offer.copy == copy;
  });
}

void sequencer_state::input_refused(copy_id copy, const caf::error& fault) {
  const auto why = from_caf(fault);
  if (why.code == errc::not_found) {
    ++inputs_gone;
    gone_inputs.push_back(copy);
    return;
  }
  if (why.code == errc::malformed_message) {
    ++damaged_records;
    return warn("damaged_on_the_way",
                "input " + to_string(core->inputs().name(copy)) + ": "
                  + to_string(why) + "; refused, and asked for again");
  }
  const auto& refused = without_room[copy];
  const auto now_ns = env->clock->monotonic_ns();
  if (refused == 0 || now_ns - refused > refused_again_ns)
    warn("input_refused", "input " + to_string(core->inputs().name(copy)) + ": "
                            + to_string(why)
                            + "; its publisher offers it again until there is "
                              "room, other inputs go on");
  without_room[copy] = now_ns;
  disk_troubled(why);
}

/// All that were found since the last tick: somebody took a whole directory.
void sequencer_state::tell_gone_inputs() {
  if (gone_inputs.empty())
    return;
  const auto& first = core->inputs().name(gone_inputs.front());
  const auto more = gone_inputs.size() - 1;
  warn("input_gone",
       core->inputs().directory_of(first) + ": is gone"
         + (more == 0
              ? ""
              : ", and those of " + std::to_string(more) + " more publishers")
         + "; it begins anew with what the publisher and other nodes still "
           "have. What is merged is in out/, and cannot be made again from "
           "here where out/ is damaged");
  gone_inputs.clear();
}

/// A full disk, mostly: due again, and until then the group keeps more.
void sequencer_state::no_room_for_checkpoint(const error& why) {
  constexpr int64_t again_ns = 500'000'000;
  checkpoint_at_ns = env->clock->monotonic_ns() + again_ns;
  ++checkpoints_refused;
  if (told_unsaved.empty())
    warn("checkpoint", to_string(why)
                         + "; the checkpoint is not taken, and tried again: "
                           "until then a restart takes longer");
  told_unsaved = to_string(why);
  if (why.code == errc::no_space && core->reserve()->give())
    checkpoint_at_ns = 0;
  for (auto& each : std::exchange(snapshots, {}))
    each.promise.deliver(to_caf(why));
  disk_troubled(why);
}

/// This node orders nothing that it cannot write, and the others of its stream
/// may be well.
void sequencer_state::disk_troubled(const error& why) {
  step(disk_trouble::failed{why});
}

void sequencer_state::mind_disk() {
  const auto now_ns = env->clock->monotonic_ns();
  step(disk_trouble::passed{core->blocked()});
  if (auto fault = mind_pace(now_ns))
    return fail(fault);
  const auto how = !disk->why().empty() ? stream_group::disk_health::failing
                   : is_slow            ? stream_group::disk_health::slow
                                        : stream_group::disk_health::well;
  if (auto fault = core->group().mind_disk(how, now_ns))
    return fail(fault);
}

void sequencer_state::step(const disk_trouble::input& what) {
  for (const auto& effect : disk->step(what, env->clock->monotonic_ns()))
    std::visit([this](const auto& each) { act(each); }, effect);
}

void sequencer_state::act(const disk_trouble::make_room&) {
  (void)core->reserve()->give();
}

void sequencer_state::act(const disk_trouble::struck& what) const {
  warn("disk", to_string(what.why)
                 + "; while this lasts, another node is to lead the stream");
}

void sequencer_state::act(const disk_trouble::healed&) const {
  note("disk", "it takes what comes again; this node may lead the stream");
}

void sequencer_state::act(const disk_trouble::blocked& what) const {
  warn("order_blocked",
       (settings.peers.empty() ? "nothing is ordered until "
                               : "nothing is merged on this node until ")
         + to_string(what.why) + " is mended");
}

/// What is kept for a full disk: told when it goes, and taken again.
void sequencer_state::mind_reserve() {
  constexpr int64_t again_ns = 1'000'000'000;
  const auto& reserve = core->reserve();
  if (reserve->given() != told_reserve) {
    told_reserve = reserve->given();
    if (told_reserve)
      warn("reserve",
           core->options().directory
             + ": the disk is full, and the room that was kept for this is in "
               "use: nothing new is taken in from publishers until there is "
               "more. Make room: files that nobody needs go by themselves");
    else
      note("reserve", "the disk has room again: publishers are served");
  }
  const auto now_ns = env->clock->monotonic_ns();
  if (*reserving || now_ns < reserve_at_ns || reserve->is_kept())
    return;
  reserve_at_ns = now_ns + again_ns;
  *reserving = true;
  submit([reserve, running = reserving] {
    (void)reserve->take();
    *running = false;
  });
}

/// Its directory was removed under its sink, which writes into nothing.
void sequencer_state::input_gone(copy_id copy) {
  self->send_exit(sinks.at(copy), caf::exit_reason::kill);
  const auto& input = core->inputs().name(copy);
  input_failed(copy, to_caf({errc::not_found, core->inputs().directory_of(input)
                                                + ": was removed"}));
}

void sequencer_state::retry_inputs() {
  tell_gone_inputs();
  const auto now_ns = env->clock->monotonic_ns();
  std::vector<copy_id> due;
  for (const auto& [copy, failed] : failed_inputs)
    if (!sinks.contains(copy) && now_ns >= failed.retry_at_ns)
      due.push_back(copy);
  for (const auto copy : due) {
    auto why = failed_inputs[copy].why;
    // One that is closed needs none.
    (void)sink_of(core->inputs().name(copy), begun_anew.erase(copy) == 0);
    failed_inputs[copy] = {std::move(why), now_ns + retry_ns};
  }
}

/// A copy that ends before what was copied of the merged log: what lies between
/// others may have let go, and nobody needs it any more. It begins anew, at
/// what comes next.
void sequencer_state::begin_needless_copies_anew() {
  for (uint32_t number = 1; number <= core->inputs().count(); ++number) {
    const copy_id copy{number};
    const auto end = core->inputs().recorded_end(copy);
    if (end == position{} || end >= core->merged(copy) || core->closed(copy))
      continue;
    const auto& input = core->inputs().name(copy);
    if (const auto sink = sinks.find(copy); sink != sinks.end())
      self->send_exit(sink->second, caf::exit_reason::kill);
    const auto directory = core->inputs().directory_of(input);
    const error why{errc::unavailable, directory + ": the copy ends at "
                                         + to_string(end) + ", and all before "
                                         + to_string(core->merged(copy))
                                         + " is merged: it begins anew"};
    note("input_begins_anew", "input " + to_string(input) + ": " + why.context);
    drop_sink(copy, to_caf(why));
    failed_inputs[copy]
      = {to_string(why), env->clock->monotonic_ns() + retry_ns};
    begun_anew.insert(copy);
    begun_at[copy] = file_of(core->merged(copy));
    std::erase_if(to_scrub,
                  [&](const auto& each) { return each.copy == copy; });
    if (auto fault = env->fs->remove_all(directory))
      warn("input_failed", to_string(fault));
  }
}

/// Whether somebody may still have what an input lacks there: it was not let
/// go, nor given up.
bool sequencer_state::may_come(copy_id copy, position from) const {
  const auto file = file_of(from);
  const auto begun = begun_at.find(copy);
  return file >= file_of(core->needless_of(copy))
         && (begun == begun_at.end() || file >= begun->second)
         && !given_up.contains({copy, from});
}

/// A place that is asked for in vain is found again and again.
bool sequencer_state::is_news(copy_id copy, position from) {
  constexpr int64_t again_ns = 60'000'000'000;
  const auto now_ns = env->clock->monotonic_ns();
  std::erase_if(told_lacks, [&](const auto& each) {
    return now_ns - each.second >= again_ns;
  });
  return told_lacks.try_emplace({copy, from}, now_ns).second;
}

void sequencer_state::input_lacking(copy_id copy, position from, position to) {
  const input_part range{from, to};
  if (!may_come(copy, from))
    return;
  // Whoever reads it finds it again, as long as it is not mended.
  if (!repair.asks_for(copy, range) && is_news(copy, from))
    warn("input_damaged", "input " + to_string(core->inputs().name(copy))
                            + " lacks " + describe(range)
                            + "; other nodes and its publisher are asked for "
                              "it");
  core->lacking(copy, range);
  if (core->inputs().lacks(copy, range))
    lacks[copy].push_back(range);
  else // Nothing waits for it: it is merged, or known to be held.
    step_repair(input_repair::lacking{copy, range});
}

/// Bytes that an entry names usually come from the publisher a moment later:
/// what still lacks at the next tick is asked for, as is what damage took.
void sequencer_state::mend_inputs() {
  const auto missing = core->missing();
  const bool still = missing && missed && missing->copy == missed->copy
                     && missing->range.from == missed->range.from;
  missed = missing;
  if (still)
    step_repair(
      input_repair::lacking{missing->copy, missing->range, /*agreed*/ true});
  // A group of one has nobody that could still have it, but the publisher.
  const bool several = core->options().nodes.size() > 1;
  // What the others have merged and collected comes with the merged log.
  const bool agreed = several && !(core->recalls() && leading_peer());
  const auto damaged = core->damaged();
  for (const auto& [copy, range] : damaged)
    step_repair(
      input_repair::lacking{copy, core->growing(copy, range), agreed});
  for (auto& [copy, ranges] : lacks) {
    std::erase_if(ranges, [&, of = copy](const input_part& range) {
      return !core->inputs().lacks(of, range);
    });
    for (const auto& range : ranges)
      if (const auto gap = core->inputs().gap(copy, range))
        step_repair(input_repair::lacking{copy, *gap});
  }
  std::erase_if(lacks, [](const auto& entry) { return entry.second.empty(); });
  for (const auto copy : repair.open()) {
    const bool waited_for
      = (missing && missing->copy == copy)
        || (!damaged.empty() && damaged.front().copy == copy);
    if (!waited_for)
      repair.forget_agreed(copy); // It came another way.
    auto sources = sources_of(copy);
    // It is not lost with them.
    if (waited_for && !damaged.empty() && several && !agreed)
      sources.away = false;
    step_repair(sources);
  }
  core->retry();
}

pusher_actor sequencer_state::pusher_of(copy_id copy) const {
  for (const auto& [flow, publisher] : publishers)
    if (publisher.copy == copy)
      return publisher.pusher;
  return {};
}

input_repair::passed sequencer_state::sources_of(copy_id copy) const {
  input_repair::passed out{copy, {}, false};
  const auto* raft = core->group().raft();
  // None has the number 0.
  const auto leader
    = raft != nullptr ? raft->leader().value_or(member_id{}).node : node_id{};
  for (const auto& peer : peers->all()) {
    const input_repair::source node{peer.at.node};
    if (!peer.handle)
      out.away = true;
    else if (leader == peer.at.node)
      out.sources.insert(out.sources.begin(), node);
    else
      out.sources.push_back(node);
  }
  if (pusher_of(copy))
    out.sources.emplace_back();
  else if (!core->closed(copy)) // Then its directory is another one by now.
    out.away = true;
  return out;
}

void sequencer_state::step_repair(const input_repair::input& what) {
  for (const auto& effect : repair.step(what, env->clock->monotonic_ns()))
    std::visit([this](const auto& each) { act(each); }, effect);
}

void sequencer_state::act(const input_repair::ask& what) {
  const auto came = [this, what](position begin, const chunk& bytes) {
    // What an entry names was there: its source has collected it.
    if (begin >= what.range.to && core->is_blocked_on(what.copy, what.range))
      return step_repair(
        input_repair::denied{what.copy, what.range.to, what.from});
    filled(what.copy, what.range, begin, bytes);
  };
  const auto denied = [this, what](const caf::error& fault) {
    const auto why = from_caf(fault);
    const bool has_none
      = why.code == errc::not_found || why.code == errc::corrupt
        || why.code == errc::ahead || why.code == errc::bad_position
        || why.code == errc::pruned;
    step_repair(input_repair::denied{what.copy, what.range.to, what.from,
                                     !has_none, why.code == errc::pruned});
  };
  const caf::timespan deadline{fetch_deadline};
  if (what.from.node == input_repair::source::publisher) {
    const auto pusher = pusher_of(what.copy);
    if (!pusher)
      return step_repair(
        input_repair::denied{what.copy, what.range.to, what.from, true});
    self
      ->request(pusher, deadline, fetch_atom_v, what.range.from, what.range.to)
      .then(came, denied);
    return;
  }
  const auto* peer = peers->find(what.from.node);
  if (peer == nullptr || !peer->handle)
    return step_repair(
      input_repair::denied{what.copy, what.range.to, what.from, true});
  const auto& input = core->inputs().name(what.copy);
  self
    ->request(peer->handle, deadline, fetch_atom_v,
              input_range{input.directory, input.lineage, what.range.from,
                          what.range.to})
    .then(came, denied);
}

void sequencer_state::filled(copy_id copy, input_part range, position begin,
                             const chunk& bytes) {
  // What comes later says that nothing lies before it.
  const bool nothing = begin >= range.to;
  if (nothing)
    core->absent(copy, range);
  else if (const auto sink = sinks.find(copy); sink != sinks.end())
    self->send(sink->second, fill_atom::value, begin, bytes);
  const auto before = repair.mended();
  step_repair(input_repair::answered{
    copy, range.to, nothing ? range.to : position{begin.value + bytes.size()}});
  // A node that only lags mends nothing, and one without room keeps nothing.
  const bool damage = lacks.contains(copy) || range.to <= core->merged(copy);
  if (damage && !nothing && repair.mended() > before
      && !disk->is_full(env->clock->monotonic_ns())) {
    told_lacks.erase({copy, range.from});
    settings.warn("input_mended", "stream '" + core->options().stream
                                    + "': input "
                                    + to_string(core->inputs().name(copy))
                                    + ": has its bytes before "
                                    + to_string(range.to) + " again");
  }
  progress(core->advance());
}

void sequencer_state::act(const input_repair::give_up& what) {
  const auto damaged = core->damaged();
  const bool recalled
    = core->options().nodes.size() > 1 && core->recalls()
      && std::any_of(damaged.begin(), damaged.end(), [&](const auto& each) {
           return each.copy == what.copy && overlap(each.range, what.range);
         });
  if (recalled)
    return leading_peer() ? fail(core->give_up_recall(
             "of input " + to_string(core->inputs().name(what.copy))
             + " nobody has " + describe(what.range)))
                          : void();
  settings.warn("input_lost", "stream '" + core->options().stream + "': input "
                                + to_string(core->inputs().name(what.copy))
                                + ": nobody has " + describe(what.range)
                                + " any more; what of it was not merged is told"
                                  " to subscribers as badtail");
  // Of a range over several files the last one begins with what is lost.
  const auto place = std::max(what.range.from, file_of(what.range.to));
  given_up.insert({what.copy, what.range.from});
  // Its padding there is found as well.
  if (place < what.range.to)
    given_up.insert({what.copy, place});
  loss gone;
  gone.kind = "input_lost";
  gone.input = to_string(core->inputs().name(what.copy));
  gone.from = what.range.from;
  gone.to = what.range.to;
  gone.cause = "damaged here, and nobody has it any more";
  note_loss(std::move(gone));
  // What is merged its subscribers have had.
  if (what.range.to > core->merged(what.copy)) {
    core->lost(what.copy, what.range);
    if (core->options().nodes.size() == 1)
      core->declare_lost(what.copy, what.range);
  }
  // A copy that ends before it cannot go on without its place, also where the
  // others agreed on the loss first.
  if (const auto sink = sinks.find(what.copy);
      place < what.range.to && sink != sinks.end())
    self->send(sink->second, lost_atom::value, place, what.range.to);
  progress(core->advance());
}

/// Bytes that an entry names are collected once all have merged them; a node
/// that forgot what it had merged gets the state and out/ of the one that
/// leads.
void sequencer_state::act(const input_repair::copies& what) {
  const auto leader = leading_peer();
  const auto* state = core->state();
  if (!leader || state == nullptr || catching_up
      || !core->is_blocked_on(what.copy, what.range))
    return;
  if (!lacks_merged)
    warn("input_collected",
         "input " + to_string(core->inputs().name(what.copy)) + ": "
           + describe(what.range)
           + " is merged and collected on other nodes, and was not merged "
             "here: the merged log is copied from the one that leads");
  lacks_merged = true;
  raft_snapshot mine;
  mine.base.at.index = state->applied_index;
  self->send(*leader, snapshot_atom_v, core->group().group_id(),
             chunk::copy_of(encode(mine)));
}

void sequencer_state::act(const input_repair::waits& what) const {
  warn("input_waits",
       "input " + to_string(core->inputs().name(what.copy)) + " lacks "
         + describe(what.range)
         + ", which its publisher or a node that is away may have: nothing "
           "after it is ordered before they are back; 'millrace stream "
           "give-up' takes it for lost");
}

text::json_value sequencer_state::told_ranges(
  const std::vector<std::pair<copy_id, input_part>>& ranges) const {
  auto out = text::json_value::array();
  for (const auto& [copy, range] : ranges)
    out.add({{"input", to_string(core->inputs().name(copy))},
             {"from", range.from.value},
             {"to", range.to.value}});
  return out;
}

caf::result<status_facts> sequencer_state::give_up(bool dry) {
  if (!core->group().leads())
    return ask_leader<status_facts>(give_up_atom_v, dry);
  status_facts out{{"stream", core->options().stream},
                   {"lost", told_ranges(repair.waiting())},
                   {"asked", told_ranges(repair.asked())}};
  if (dry)
    return out;
  for (const auto& [copy, range] : repair.waiting()) {
    warn("given_up", "input " + to_string(core->inputs().name(copy)) + ": "
                       + describe(range)
                       + " is taken for lost on demand, though its publisher "
                         "or a node is away");
    step_repair(input_repair::forsaken{copy});
    step_repair(sources_of(copy));
  }
  return out;
}

/// What another node holds of an input whose publisher does not come here.
void sequencer_state::fetch_held(const peer_links::peer& from, copy_id copy,
                                 input_part range) {
  if (!fetching.insert(copy).second)
    return;
  const auto& input = core->inputs().name(copy);
  self
    ->request(from.handle, caf::timespan{fetch_deadline}, fetch_atom_v,
              input_range{input.directory, input.lineage, range.from, range.to})
    .then(
      [this, copy](position begin, const chunk& bytes) {
        fetching.erase(copy);
        if (const auto sink = sinks.find(copy); sink != sinks.end())
          self->send(sink->second, fill_atom::value, begin, bytes);
      },
      // Asked again as long as it lacks.
      [this, copy](const caf::error&) { fetching.erase(copy); });
}

text::json_value sequencer_state::repair_status() const {
  text::json_value out{{"mended", repair.mended()},
                       {"lost", repair.given_up()},
                       {"input_failures", input_failures},
                       {"inputs_gone", inputs_gone},
                       {"files_scrubbed", scrubbed},
                       {"out_mended", mending->files().mended_files()},
                       {"out_given_up", mending->files().given_up_files()}};
  auto& standing = out.add("standing_still", text::json_value::object());
  for (const auto& [copy, failed] : failed_inputs)
    standing.add(to_string(core->inputs().name(copy)), failed.why);
  out.add("asked_for", told_ranges(repair.asked()));
  out.add("waited_for", told_ranges(repair.waiting()));
  if (const auto why = core->blocked())
    out.add("blocked", to_string(why));
  if (!disk->why().empty())
    out.add("disk", disk->why());
  out.add("reserve", core->reserve()->state());
  out.add("checkpoints_refused", checkpoints_refused);
  if (!told_unsaved.empty())
    out.add("checkpoint", told_unsaved);
  return out;
}

} // namespace millrace::rt
