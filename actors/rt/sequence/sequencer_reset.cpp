#include <millrace/actors/rt/archive/archive_survey.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>

#include <utility>

// What an operator resets: the stream, which goes on in its next session, or
// what the group's log keeps of it.

namespace millrace::rt {

/// All of the stream goes that is there now. What publishers recorded is not
/// merged again: ids, and how far each input is, stay.
/// @param wanted the session that is to begin; 0: the next one.
caf::result<status_facts> sequencer_state::reset(cut_mode mode,
                                                 session_number wanted) {
  if (!core->leads())
    return ask_leader<status_facts, operated_stream_actor>(reset_atom_v, mode,
                                                           wanted);
  const auto end = core->out_end();
  if (end.session() >= position::session_max)
    return to_caf({errc::limit_exceeded, "stream '" + core->options().stream
                                           + "': there is no session after "
                                           + std::to_string(end.session())});
  const auto session = end.session() + 1;
  const auto given = wanted.value;
  if (given != 0 && given < session)
    return to_caf(
      {errc::already_exists, "stream '" + core->options().stream + "': session "
                               + std::to_string(given)
                               + " has begun: it was reset, and is not again"});
  if (given > session)
    return to_caf(
      {errc::invalid_argument, "stream '" + core->options().stream
                                 + "': session " + std::to_string(session)
                                 + " is next, not " + std::to_string(given)});
  auto files = archive->files_now();
  if (!files)
    return to_caf(files.failure());
  // The one that is written is closed first.
  const auto begin = position::of(session, 0, 0);
  const auto live = file_of(end);
  files->closed.push_back(
    {live, begin, std::exchange(files->live_bytes, 0), std::nullopt});
  const auto what = cut_at(*files, begin);
  const auto losing = losers(floors(), end);
  auto report = prune_report(core->options().stream, *files, what, losing);
  report.add("session", session);
  report.add("end", end.value);
  if (mode == cut_mode::dry)
    return report;
  if (!losing.empty() && mode != cut_mode::forced)
    return to_caf({errc::invalid_argument,
                   "stream '" + core->options().stream
                     + "': a reset would lose messages for " + names_of(losing)
                     + "; with --force it is done all the same"});
  warn("reset", "the stream goes on in session " + std::to_string(session)
                  + " on demand, and what lies before it goes");
  if (auto fault
      = core->propose_session(begin_session{session, "an operator reset it"}))
    return to_caf(fault);
  auto promise = self->make_response_promise<status_facts>();
  resets.push_back({session, mode, std::move(report), promise});
  progress(core->advance());
  return promise;
}

/// Consumers may need what was merged since it was asked for.
void sequencer_state::begun(const session_begun& what) {
  note("reset", "the merged log goes on at " + to_string(what.begin)
                  + ", with a 'reset' for all subscribers");
  for (auto& each : std::exchange(resets, {})) {
    if (each.session != what.begin.session()) {
      resets.push_back(std::move(each));
      continue;
    }
    const auto losing = losers(floors(), what.before);
    if (!losing.empty() && each.mode != cut_mode::forced) {
      each.promise.deliver(to_caf(
        {errc::invalid_argument,
         "stream '" + core->options().stream + "': it goes on at "
           + to_string(what.begin) + ", and what lies before it stays for "
           + names_of(losing) + "; archive it when nobody needs it"}));
      continue;
    }
    if (!losing.empty()) {
      loss lost;
      lost.kind = "overruled";
      lost.from = core->state()->out_begin;
      lost.to = what.begin;
      lost.cause = "reset by force: messages are lost for " + names_of(losing);
      warn("pruned_below_floor", lost.cause);
      note_loss(std::move(lost));
    }
    if (auto fault = core->propose_cut(what.begin)) {
      each.promise.deliver(to_caf(fault));
      continue;
    }
    // Proposed with the next step.
    archive->wait_for({what.begin, std::move(each.report), each.promise});
  }
}

/// Another node leads by now, or the session ended by itself.
void sequencer_state::give_up_resets() {
  const bool leads = core->group().leads();
  std::erase_if(resets, [&](waiting_reset& each) {
    const auto begin = position::of(each.session, 0, 0);
    if (leads && core->out_end() < begin)
      return false;
    each.promise.deliver(to_caf(
      {errc::unavailable,
       "stream '" + core->options().stream + "': "
         + (leads ? "its session was full, and ended before it was reset; try "
                    "again"
                  : "this node does not order it any more; when it ends after "
                      + to_string(begin)
                      + " it was reset, and 'millrace stream prune' there "
                        "removes what lies before")}));
    return true;
  });
}

caf::result<status_facts> sequencer_state::take_snapshot_now() {
  const auto* state = core->state();
  if (state == nullptr)
    return to_caf({errc::unavailable, "stream '" + core->options().stream
                                        + "': nothing of it is here yet"});
  core->compact_at_any_cost();
  auto promise = self->make_response_promise<status_facts>();
  snapshots.push_back({state->applied_index, promise});
  progress(core->advance());
  return promise;
}

void sequencer_state::answer_snapshots() {
  std::erase_if(snapshots, [this](waiting_snapshot& each) {
    if (core->checkpointed() < each.applied)
      return false;
    each.promise.deliver(
      status_facts{{"stream", core->options().stream},
                   {"checkpoint", core->checkpointed().value},
                   {"log_begins_after", core->group().begin().value},
                   {"end", core->out_end().value}});
    return true;
  });
}

} // namespace millrace::rt
