#include <millrace/actors/rt/sequence/group_status.hpp>
#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <algorithm>

// What the sequencer says of itself.

namespace millrace::rt {

namespace {

constexpr int64_t rate_span_ns = 10'000'000'000;
constexpr int64_t trace_interval_ns = 1'000'000'000;
/// Whoever asks has given up by then.
constexpr int64_t facts_patience_ns = 5'000'000'000;

} // namespace

/// For those who ask how far behind somebody is. What was copied from another
/// node was not merged here: it is counted anew.
void sequencer_state::note_progress() {
  const progress_trace::place now{env->clock->monotonic_ns(), core->out_end(),
                                  core->messages(), trace_bytes};
  if (now.messages < traced_messages)
    trace = {};
  traced_messages = now.messages;
  trace.move(now, trace_interval_ns);
}

void sequencer_state::count_bytes(position end) {
  trace_bytes += file_of(end) == file_of(trace_end)
                   ? end.value - std::min(end, trace_end).value
                   : end.offset();
  trace_end = end;
}

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
  if (const auto* state = core->state()) {
    out.entries = state->applied_index;
    for (const auto& [origin_name, origin] : state->origins)
      out.duplicates += origin.duplicates;
    out.last_period = state->last_period;
    if (ending->last_ended() == out.last_period) {
      out.last_period_end = ending->last_end();
      out.last_period_absent = ending->last_absent();
    }
  }
  return out;
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
  const auto* raft = core->group().raft();
  if (raft == nullptr || may_tell_facts(raft->group_commit_index()))
    return facts();
  auto promise = self->make_response_promise<stream_facts>();
  facts_asked.push_back(
    {raft->group_commit_index(), promise, env->clock->monotonic_ns()});
  return promise;
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
  out.add("strange_messages", strange_messages);
  out.add("damaged_records", damaged_records);
  out.add("repair", repair_status());
  out.add("disk", pace_status());
  out.add("refused_messages", refused_messages);
  out.add("against", against ? to_string(*against) : std::string{});
  out.add("unreadable_messages", core->group().unreadable());
  out.add("copying", core->copying());
  out.add("losses", core->losses().lost());
  out.add("let_go", core->losses().let_go());
  const auto now_ns = env->clock->monotonic_ns();
  const auto rates = trace.rates_over(rate_span_ns);
  out.add("rate", {{"messages_per_s", rates ? text::json_value{rates->messages}
                                            : text::json_value{}},
                   {"bytes_per_s", rates ? text::json_value{rates->bytes}
                                         : text::json_value{}}});
  tell_readers(out);
  out.add("progress", trace.to_json(now_ns));
  tell_collection(out.add("collection", text::json_value::object()));
  return out;
}

/// How far each connected subscriber is behind, with a name or without, by what
/// it acknowledged; the one that is farthest behind first.
void sequencer_state::tell_readers(text::json_value& into) const {
  const auto now_ns = env->clock->monotonic_ns();
  std::vector<std::pair<position, const tail_reader*>> all;
  for (const auto& each : readers)
    all.emplace_back(position{each.taken->load(std::memory_order_relaxed)},
                     &each);
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  stream_lag most;
  auto rows = text::json_value::array();
  for (const auto& [at, reader] : all) {
    const auto lag = trace.lag_of(at, now_ns).value_or(stream_lag{});
    if (reader == all.front().second)
      most = lag;
    // A hash of the host, and the number of the process there.
    const auto process = caf::to_string(reader->process);
    rows.add({{"process", process},
              {"pid", process.substr(process.rfind('#') + 1)},
              {"position", at.value},
              {"lag", to_json(lag)}});
  }
  into.add("subscriber_lag", to_json(most));
  into.add("connected", std::move(rows));
}

status_facts sequencer_state::losses_after(uint64_t number) const {
  return core->losses().after(number);
}

} // namespace millrace::rt
