#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/messages/protocol/own_message.hpp>

#include <caf/actor_cast.hpp>

namespace millrace::rt {

namespace {

constexpr auto alone_interval = std::chrono::milliseconds{100};
constexpr auto group_interval = std::chrono::milliseconds{20};

std::vector<source_cursor> cursors_of(const merge_state& state,
                                      const std::string& origin) {
  std::vector<source_cursor> out;
  if (const auto found = state.origins.find(origin);
      found != state.origins.end())
    for (const auto& [name, cursor] : found->second.cursors)
      out.push_back(cursor);
  return out;
}

} // namespace

void sequencer_state::start(persistence::env* world,
                            std::unique_ptr<sequencer_core> whose,
                            sequencer_settings how) {
  env = world;
  core = std::move(whose);
  settings = std::move(how);
  began_ns = env->clock->monotonic_ns();
  children.attach(self);
  self->set_down_handler([this](caf::down_msg& down) { went(down.source); });
  peers = std::make_unique<peer_links>(settings.peers);
  static const merge_state nothing;
  periods = std::make_unique<period_desk>(
    *this, core->state() != nullptr ? *core->state() : nothing,
    settings.period_grace_ns);
  input_mends = std::make_unique<input_mending>(*this);
  out_mends = std::make_unique<out_mending>(*this, settings.peers);
  scrub = std::make_unique<file_scrub>(*this);
  disk = std::make_unique<disk_watch>(*this, settings);
  catch_up = std::make_unique<stream_catch_up>(*this);
  archive = std::make_unique<stream_archive>(*this);
  // A subscriber that goes from node to node tells their flows apart.
  flow_last = flow_id{env->random() << 20};
  // Inputs whose bytes were durable but not yet ordered are taken up even if
  // their publisher never comes back.
  for (const auto& input : core->known_inputs())
    (void)sink_of(input); // One that is closed needs no copy.
  if (!core->forgot().empty())
    warn("forgot", core->forgot());
  else if (const auto& why = core->group().why_set_aside(); !why.empty())
    warn("forgot", why
                     + ": this node goes on as another member of the group, "
                       "once a majority that forgot nothing takes it in; if "
                       "there is none, 'millrace stream recover' says what is "
                       "left");
  for (const auto& remark : core->remarks())
    warn("begins_anew", remark);
  remove_gone();
  told_losses = core->losses().lost();
  if (const auto& other = core->group().whose(); !other.empty())
    warn(
      "foreign",
      core->options().directory + ": by the group's log it is that of " + other
        + ", and this node does not vote with it: if directories were "
          "swapped, stop both nodes and swap them back, which loses nothing; "
          "a copy of another node's directory is taken in as a new member");
  growth = log_growth{core->out_end()};
  self->send(self, caf::tick_atom_v);
}

result<input_sink_actor> sequencer_state::sink_of(const input_name& input,
                                                  bool was_here) {
  auto grant = core->open_input(input);
  if (!grant)
    return grant.failure();
  if (const auto found = sinks.find(grant->copy); found != sinks.end())
    return found->second;
  input_sink_options how;
  how.copy = grant->copy;
  how.directory = grant->directory;
  how.lineage = input.lineage;
  how.merged = grant->merged;
  how.merged_by = core->life();
  how.vouched = grant->vouched;
  how.was_here = was_here;
  how.cached = core->options().cached;
  how.reserve = core->reserve();
  auto sink
    = self->spawn(input_sink, env, std::move(how), input_owner_actor{self});
  children.add(sink);
  sinks.emplace(grant->copy, sink);
  input_mends->runs(grant->copy);
  archive->collect(sink, grant->copy);
  return sink;
}

/// All that is known of its copy is forgotten: another sink reads it anew.
void sequencer_state::drop_sink(copy_id copy, const caf::error& fault) {
  disk->forget(copy);
  sinks.erase(copy);
  input_mends->forget(copy);
  core->restart_input(copy);
  std::erase_if(publishers,
                [&](const auto& entry) { return entry.second.copy == copy; });
  std::erase_if(offers, [&](waiting_offer& offer) {
    if (offer.copy == copy)
      offer.promise.deliver(fault);
    return offer.copy == copy;
  });
}

caf::result<sink_actor, flow_grant>
sequencer_state::offer(const input_offer& what, const pusher_actor& from) {
  if (what.stream != core->options().stream)
    return to_caf({errc::not_found, "stream '" + what.stream
                                      + "' is not here; this is '"
                                      + core->options().stream + "'"});
  if (!is_input_directory(what.directory))
    return to_caf({errc::invalid_argument,
                   "publisher directory '" + what.directory
                     + "' is not a plain name of at most "
                     + std::to_string(input_directory_bytes_max) + " bytes"});
  const input_name input{what.directory, what.lineage};
  if (!foreign.empty())
    return to_caf({errc::unavailable, foreign});
  auto sink = sink_of(input);
  if (!sink) {
    if (sink.failure().code == errc::fenced)
      note_refused(input, sink.failure());
    return to_caf(sink.failure());
  }
  const auto copy = *core->inputs().find(input);
  if (core->standing_of(what.origin, input, what.life)
      == sequencer_core::standing_type::fenced) {
    const auto why = to_caf(core->why_fenced(what.origin, what.directory));
    self->send(from, refused_atom_v, why);
    return why;
  }
  const auto flow = flow_last = flow_last.next();
  // One live replicator per input: a newer connection replaces an older one.
  if (std::erase_if(
        publishers,
        [&](const auto& entry) { return entry.second.copy == copy; })
      == 0)
    note("publisher_began", "publisher '" + what.origin + "' began");
  publishers[flow] = {from, what.origin, copy, what.life};
  if (what.merged_by.is_known())
    unnoted_lives[copy] = what;
  self->monitor(from);
  periods->step(period_ending::came{{flow, marks_as(what.origin, copy)}});
  progress(core->advance());
  auto promise = self->make_response_promise<sink_actor, flow_grant>();
  self->request(*sink, caf::infinite, flow_atom::value, flow, from)
    .then(
      [this, promise, flow, copy, sink = *sink,
       what](bool has_position, position end, uint32_t before) {
        offers.push_back({promise, caf::actor_cast<sink_actor>(sink), flow,
                          copy, what.origin, what.life, has_position, end,
                          before});
        grant_offers();
      },
      [promise](caf::error& fault) mutable {
        promise.deliver(std::move(fault));
      });
  return promise;
}

/// A publisher learns its watermark when it writes its origin, and all that its
/// input holds is merged: a log that lost its tail goes on after what came
/// here, not inside it. A node that does not lead takes the bytes in at once,
/// and tells no watermark; nor does one to a publisher that did not claim its
/// origin yet.
void sequencer_state::grant_offers() {
  note_earlier_lives();
  const bool leads = core->leads();
  std::erase_if(offers, [&](waiting_offer& offer) {
    if (core->group().leads() && !(leads && core->settled(offer.copy)))
      return false;
    flow_grant answer;
    answer.flow = offer.flow;
    answer.has_begin = offer.has_position;
    answer.begin = offer.end;
    answer.before_begin = record_sum{offer.before};
    answer.merged = core->merged(offer.copy);
    answer.epoch = core->epoch_of(offer.origin);
    answer.life = core->life();
    if (leads
        && core->standing_of(offer.origin, core->inputs().name(offer.copy),
                             offer.life)
             == sequencer_core::standing_type::writes)
      tell(offer.origin, answer);
    offer.promise.deliver(offer.sink, answer);
    return true;
  });
}

/// Another life of its directory took the place of a publisher's: it is to hear
/// so at once, and not when its connection ends. Its next offer is refused.
void sequencer_state::end_closed_flows() {
  std::erase_if(publishers, [this](const auto& entry) {
    const auto& [flow, each] = entry;
    if (!core->closed(each.copy))
      return false;
    warn(
      "publisher_replaced",
      "publisher '" + each.origin
        + "': another life of its directory publishes by now; what it records "
          "from now on is not taken in");
    self->demonitor(each.pusher.address());
    self->send(each.pusher, refused_atom_v, flow,
               to_caf({errc::unavailable,
                       "another life of its directory publishes by now"}));
    return true;
  });
}

/// What the stream has of an origin. @pre this node leads.
void sequencer_state::tell(const std::string& origin,
                           flow_grant& answer) const {
  const auto& state = *core->state();
  answer.leads = true;
  answer.epoch = core->epoch_of(origin);
  answer.ids = static_cast<uint8_t>(state.layout.ids);
  if (const auto found = state.origins.find(origin);
      found != state.origins.end())
    answer.watermark = message_id{found->second.watermark};
  answer.cursors = chunk::copy_of(encode(cursors_of(state, origin)));
}

/// What was agreed on when the stream began stays, whatever a node is told.
void sequencer_state::tell_agreed() const {
  const auto agreed = core->state()->layout.ids;
  const auto wanted = core->options().ids;
  if (wanted != agreed)
    warn("id_policy",
         "its ids are " + std::string{to_string(agreed)}
           + ", as was agreed on when it began, and the configuration says '"
           + std::string{to_string(wanted)}
           + "', which has no effect: set id_policy = \""
           + std::string{to_string(agreed)}
           + "\" there, or create another stream");
}

/// The log can no longer be trusted: die, and let recovery decide.
void sequencer_state::fail(const error& fault) {
  if (fault.code == errc::no_space)
    (void)core->reserve()->give(); // For the next life.
  self->quit(to_caf(fault));
}

void sequencer_state::progress(const result<sequencer_effects>& outcome) {
  if (!outcome)
    return fail(outcome.failure());
  for (const auto& message : outcome->sends)
    send(message);
  if (!outcome->stranded.empty())
    catch_up->offer(outcome->stranded);
  refused_messages += outcome->refused.size();
  for (const auto& refused : outcome->refused)
    take_refused(refused);
  if (outcome->changed)
    tell_changes();
  hand_out(outcome->out);
  for (const auto copy : outcome->merged)
    if (const auto sink = sinks.find(copy); sink != sinks.end())
      self->send(sink->second, merged_atom::value, core->merged(copy),
                 core->life(), core->leads());
  for (const auto& input : outcome->opened)
    (void)sink_of(input, false); // One that is closed again needs no copy.
  if (core->leads() != led_for_sure) {
    led_for_sure = core->leads();
    if (led_for_sure) {
      periods->led();
      tell_agreed();
    } else {
      periods->give_up();
    }
  }
  for (const auto& fact : outcome->facts)
    if (const auto* marker = std::get_if<marker_merged>(&fact))
      periods->step(*marker);
    else if (const auto* ended = std::get_if<period_ended>(&fact))
      periods->ended(*ended);
    else if (const auto* session = std::get_if<session_begun>(&fact))
      begun(*session);
    else if (const auto* claim = std::get_if<origin_claimed>(&fact))
      claimed(*claim);
  grant_offers();
  mind_claims();
  serve_waiting();
  tell_facts_that_wait();
  archive->answer_cuts();
  answer_floors();
  give_up_resets();
  if (outcome->collects)
    archive->collect_needless();
  if (core->needs_sync())
    disk->start_sync();
  if (core->checkpoint_due() || (snapshot_wanted() && !checkpoint))
    start_checkpoint();
}

void sequencer_state::start_checkpoint() {
  if (env->clock->monotonic_ns() < checkpoint_at_ns)
    return;
  auto begun = core->begin_checkpoint();
  if (!begun) {
    if (begun.failure().code != errc::no_space)
      return fail(begun.failure());
    return no_room_for_checkpoint(begun.failure());
  }
  checkpoint = *std::move(begun);
  submit(
    [run = checkpoint->sync.run, world = env, me = sequencer_self_actor{self}] {
      world->crash_point("rt.before_snapshot");
      caf::anon_send(me, checkpoint_atom::value, to_caf(run()));
    });
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
  disk->troubled(why);
}

void sequencer_state::out_synced(const caf::error& outcome) {
  const auto job = std::exchange(checkpoint, std::nullopt);
  if (auto fault = core->finish_checkpoint(*job, from_caf(outcome)))
    return fail(fault);
  if (core->not_saved())
    no_room_for_checkpoint(core->not_saved());
  else
    told_unsaved.clear();
  answer_snapshots();
  progress(core->advance());
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

void sequencer_state::went(const caf::actor_addr& who) {
  std::erase_if(waiting_claims.fenced, [&](const fenced_publisher& each) {
    return each.pusher.address() == who;
  });
  peers->went(who, env->clock->monotonic_ns());
  if (std::erase_if(readers,
                    [&](const log_reading& reader) {
                      return reader.source.address() == who;
                    })
      != 0)
    settings.detail("reader_ended", "stream '" + core->options().stream
                                      + "': a subscriber ended");
  core->set_followed(!readers.empty());
  std::erase_if(publishers, [&](const auto& entry) {
    if (entry.second.pusher.address() != who)
      return false;
    note("publisher_ended", "publisher '" + entry.second.origin + "' ended");
    return true;
  });
}

caf::result<bool> sequencer_state::stop() {
  auto fault = core->close();
  self->quit(caf::exit_reason::user_shutdown);
  if (fault)
    return to_caf(fault);
  return true;
}

void sequencer_state::tick() {
  if (!from_itself(self))
    return;
  out_mends->tick();
  growth.note(env->clock->monotonic_ns(), core->out_end(), core->messages());
  if (auto fault = core->group().tick(env->clock->monotonic_ns()))
    return fail(fault);
  look_for_peers();
  mind_place();
  say_hello();
  input_mends->retry();
  disk->mind(); // Before what holds it up is tried again.
  input_mends->mend();
  disk->mind_reserve();
  mind_readers();
  scrub->tick();
  end_closed_flows();
  periods->tick();
  progress(core->advance());
  mind_consumers();
  if (env->clock->monotonic_ns() >= waiting_claims.look_at_ns)
    mind_fenced();
  archive->tick();
  tell_losses();
  const auto pause = settings.peers.empty() ? alone_interval : group_interval;
  self->delayed_send(self, caf::timespan{pause}, caf::tick_atom_v);
}

// lint: allow(length): one handler per message of its interface.
sequencer_self_actor::behavior_type
sequencer(sequencer_self_actor::stateful_pointer<sequencer_state> self,
          persistence::env* world,
          std::shared_ptr<std::unique_ptr<sequencer_core>> core,
          sequencer_settings settings) {
  auto* me = &self->state;
  me->start(world, std::move(*core), std::move(settings));
  return {
    [me](status_atom) { return me->status(); },
    [me](offer_atom, const input_offer& what, const pusher_actor& from) {
      return me->offer(what, from);
    },
    [me](caf::subscribe_atom, const start_spec& from, const sink_actor& to) {
      return me->subscribe(from, to);
    },
    [me](hello_atom, const peer_hello& what) { me->take(what); },
    [me](raft_atom, founding_id group, const chunk& bytes) {
      me->take_raft(group, bytes);
    },
    [me](fetch_atom, const input_range& what) { return me->serve_bytes(what); },
    [me](recorded_atom, copy_id copy, position from, position to,
         const chunk& bytes) {
      me->input_mends->has_room(copy);
      me->disk->recorded(copy, from, to, bytes);
    },
    [me](refused_atom, const input_offer& what) {
      me->publisher_refused(what);
    },
    [me](durable_atom, copy_id of, position end) {
      me->disk->durable(of, end);
    },
    [me](lacking_atom, copy_id copy, position from, position to) {
      me->input_mends->lacking(copy, from, to);
    },
    [me](refused_atom, copy_id copy, const caf::error& why) {
      me->input_mends->refused(copy, why);
    },
    [me](failed_atom, copy_id copy, const caf::error& fault) {
      me->input_mends->failed(copy, fault);
    },
    [me](end_period_atom, period_id period) {
      return me->periods->end(period);
    },
    [me](facts_atom) { return me->tell_facts(); },
    [me](leader_atom) { return me->tell_facts_of_leader(); },
    [me](origin_atom, const input_offer& of) { return me->origin_facts(of); },
    [me](respond_atom, const message_response& what) {
      return me->respond(what);
    },
    [me](floor_atom, const consumer_floor& what) {
      return me->take_floor(what);
    },
    [me](prune_atom, position at, cut_mode mode) {
      return me->archive->prune(at, mode);
    },
    [me](archive_atom, position at, cut_mode mode) {
      return me->archive->archive_up_to(at, mode);
    },
    [me](reset_atom, cut_mode mode, session_number session) {
      return me->reset(mode, session);
    },
    [me](forget_atom, const std::string& consumer, bool dry) {
      return me->forget(consumer, dry);
    },
    [me](snapshot_atom) { return me->take_snapshot_now(); },
    [me](give_up_atom, bool dry) { return me->input_mends->give_up(dry); },
    [me](losses_atom, loss_number number) { return me->losses_after(number); },
    [me](lead_atom, const std::string& who) {
      return me->archive->take_lead(who);
    },
    [me](sought_atom, uint64_t number, position at, const caf::error& outcome) {
      me->sought(number, at, outcome);
    },
    [me](surveyed_atom) { me->archive->files_seen(); },
    [me](disk_atom, uint32_t percent) { me->archive->disk_seen(percent); },
    [me](collected_atom, const caf::error& outcome) {
      if (outcome)
        me->warn("not_collected", to_string(from_caf(outcome))
                                    + "; tried again at the next start");
    },
    [me](collected_atom, entry_index last, const caf::error& outcome) {
      me->archive->history_collected(last, outcome);
    },
    [me](collected_atom, position below, const caf::error& outcome) {
      me->archive->out_collected(below, outcome);
    },
    [me](committed_atom, position end, const caf::error& outcome) {
      me->disk->group_synced(end, outcome);
    },
    [me](checkpoint_atom, const caf::error& why) { me->out_synced(why); },
    [me](snapshot_atom, founding_id group, const chunk& bytes) {
      me->catch_up->take(group, bytes);
    },
    [me](copied_atom, const caf::error& why) { me->catch_up->copied(why); },
    [me](fetch_atom, entry_index index, byte_number from) {
      return me->catch_up->serve(index, from);
    },
    [me](members_atom, node_id leaving, node_id joining) {
      return me->change_members(leaving, joining);
    },
    [me](caf::tick_atom) { me->tick(); },
    [me](mend_atom, position at) { return me->out_mends->mend(at); },
    [me](mended_atom, position, const caf::error& outcome) {
      me->out_mends->ended(outcome);
    },
    [me](salvaged_atom, const caf::error& outcome) {
      me->out_mends->salvaged(outcome);
    },
    [me](part_atom, uint64_t number, position begin, const chunk& bytes,
         const caf::error& outcome) {
      me->read_out(number, begin, bytes, outcome);
    },
    [me](stop_atom) { return me->stop(); },
  };
}

} // namespace millrace::rt
