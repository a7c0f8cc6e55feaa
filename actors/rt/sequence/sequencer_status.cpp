#include <millrace/actors/rt/sequence/group_status.hpp>
#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <algorithm>

// What the sequencer says of itself.

namespace millrace::rt {

namespace {

/// Who asks has given up by then.
constexpr int64_t facts_patience_ns = 5'000'000'000;

} // namespace

stream_facts sequencer_state::facts() const {
  stream_facts out;
  out.stream = core->options().stream;
  out.cached = core->options().cached;
  out.end = core->out_end();
  out.life = core->life();
  out.publishers = publishers.size();
  out.subscribers = readers.size();
  out.pending_bytes = core->inputs().waiting_bytes();
  out.leads = core->leads();
  out.alone = is_alone();
  if (const auto* state = core->state()) {
    out.first = state->layout.first;
    out.entries = state->applied_index;
    for (const auto& [origin_name, origin] : state->origins)
      out.duplicates += origin.duplicates;
    out.last_period = state->last_period;
    if (periods->ending().last_ended() == out.last_period) {
      out.last_period_end = periods->ending().last_end();
      out.last_period_absent = periods->ending().last_absent();
    }
  }
  return out;
}

bool sequencer_state::is_alone() const {
  const auto* raft = core->group().raft();
  return raft != nullptr && raft->members().members().size() == 1;
}

/// This node leads, and has applied all that the group agreed on up to there.
bool sequencer_state::knows_end(entry_index agreed) const {
  return core->leads() && core->group().raft()->commit_index() >= agreed;
}

/// Others may have applied, and told publishers of, what the disk of this node
/// does not have yet: where the stream ends this node says once it has it. The
/// leader is believed.
bool sequencer_state::may_tell_facts(entry_index agreed) const {
  return !core->is_between_entries()
         && (!core->group().leads() || knows_end(agreed));
}

caf::result<stream_facts> sequencer_state::tell_facts() {
  if (!foreign.empty())
    return to_caf({errc::unavailable, foreign});
  const auto* raft = core->group().raft();
  if (raft == nullptr || may_tell_facts(raft->group_commit_index()))
    return facts();
  auto promise = self->make_response_promise<stream_facts>();
  facts_asked.push_back(
    {raft->group_commit_index(), promise, env->clock->monotonic_ns()});
  return promise;
}

/// A group may have grown since those who ask were told who is in it.
caf::result<stream_facts> sequencer_state::tell_facts_of_leader() {
  if (!core->leads() && leading_peer())
    return ask_leader<stream_facts>(facts_atom_v);
  return tell_facts();
}

void sequencer_state::tell_facts_that_wait() {
  std::erase_if(facts_asked, [&](waiting_facts& each) {
    if (may_tell_facts(each.agreed))
      each.promise.deliver(facts());
    else if (env->clock->monotonic_ns() - each.since_ns > facts_patience_ns)
      each.promise.deliver(to_caf(
        {errc::unavailable,
         "stream '" + core->options().stream
           + "': what was agreed on is not merged yet"
           + (core->blocked() ? ": " + to_string(core->blocked()) : "")}));
    else
      return false;
    return true;
  });
}

text::json_value sequencer_state::repair_status() const {
  auto out = text::json_value::object();
  input_mends->tell(out);
  out.add("files_scrubbed", scrub->scrubbed());
  out.add("out_mended", out_mends->files().mended_files());
  out.add("out_given_up", out_mends->files().given_up_files());
  input_mends->tell_standing(out);
  const auto why = core->blocked();
  if (why)
    out.add("blocked", to_string(why));
  // Nothing new is taken in, or ordered, until its disk is mended.
  out.add("waits",
          why || core->reserve()->given() || input_mends->lacks_room());
  if (!disk->trouble().empty())
    out.add("disk", disk->trouble());
  out.add("reserve", core->reserve()->state());
  out.add("checkpoints_refused", checkpoints_refused);
  if (!told_unsaved.empty())
    out.add("checkpoint", told_unsaved);
  return out;
}

status_facts sequencer_state::status() const {
  const auto all = facts();
  status_facts out{{"role", "rt"},
                   {"stream", all.stream},
                   {"mode", all.cached ? "cached" : "synced"},
                   {"end", all.end.value},
                   {"end_text", to_string(all.end)},
                   {"leads", all.leads},
                   {"entries", all.entries.value},
                   {"publishers", all.publishers},
                   {"subscribers", all.subscribers},
                   {"pending_bytes", all.pending_bytes},
                   {"duplicates", all.duplicates}};
  if (const auto* state = core->state())
    out.add("id_policy", to_string(state->layout.ids));
  auto& absent = out.add("last_period_absent", text::json_value::array());
  for (const auto& origin : all.last_period_absent)
    absent.add(origin);
  auto& origins = out.add("origins", text::json_value::object());
  // Half of an entry is not told.
  if (const auto* state = core->state(); state && !core->is_between_entries())
    for (const auto& [origin_name, origin] : state->origins)
      origins.add(origin_name, origin_status(origin_name, origin));
  out.add("fences", waiting_claims.fences);
  out.add("group",
          group_status(core->group(), *peers, env->clock->monotonic_ns()));
  const auto& alone = core->forgot();
  out.add("forgot", alone.empty() ? core->group().why_set_aside() : alone);
  out.add("foreign", foreign);
  out.add("strange_messages", strange_messages);
  out.add("damaged_records", damaged_records);
  out.add("repair", repair_status());
  out.add("disk", disk->status());
  out.add("refused_messages", refused_messages);
  out.add("against", against ? to_string(*against) : std::string{});
  out.add("unreadable_messages", core->group().unreadable());
  out.add("copying", core->copying());
  out.add("losses", core->losses().lost());
  out.add("let_go", core->losses().let_go());
  tell_growth(growth, readers, env->clock->monotonic_ns(), out);
  archive->tell(out.add("collection", text::json_value::object()));
  return out;
}

status_facts sequencer_state::losses_after(loss_number number) const {
  return core->losses().after(number.value);
}

// -- losses -------------------------------------------------------------------

void sequencer_state::note_loss(loss what) {
  if (auto fault = core->note_loss(std::move(what)))
    fail(fault);
}

/// A line now and then, however many there are.
void sequencer_state::tell_losses() {
  constexpr int64_t interval_ns = 10'000'000'000;
  const auto now_ns = env->clock->monotonic_ns();
  const auto count = core->losses().lost();
  if (count == told_losses || now_ns < tell_losses_at_ns)
    return;
  tell_losses_at_ns = now_ns + interval_ns;
  warn("losses", std::to_string(count - told_losses)
                   + " more were written down, all in all "
                   + std::to_string(count)
                   + ": 'millrace stream losses' lists them");
  told_losses = count;
}

} // namespace millrace::rt
