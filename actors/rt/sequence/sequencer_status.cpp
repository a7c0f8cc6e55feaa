#include <millrace/actors/rt/sequence/group_status.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/messages/text/json_value.hpp>

// What the sequencer says of itself.

namespace millrace::rt {

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
  auto& absent = out.add("last_period_absent", text::json_value::array());
  for (const auto& origin : all.last_period_absent)
    absent.add(origin);
  auto& origins = out.add("origins", text::json_value::object());
  if (const auto* state = core->state())
    for (const auto& [origin_name, origin] : state->origins)
      origins.add(origin_name, {{"last_id", origin.watermark},
                                {"duplicates", origin.duplicates}});
  out.add("group",
          group_status(core->group(), *peers, env->clock->monotonic_ns()));
  const auto& alone = core->forgot();
  out.add("forgot", alone.empty() ? core->group().why_set_aside() : alone);
  out.add("strange_messages", strange_messages);
  out.add("repair", repair_status());
  out.add("refused_messages", refused_messages);
  out.add("against", against ? to_string(*against) : std::string{});
  out.add("unreadable_messages", core->group().unreadable());
  out.add("copying", core->copying());
  out.add("losses", core->losses().count());
  tell_collection(out.add("collection", text::json_value::object()));
  return out;
}

status_facts sequencer_state::losses_after(uint64_t number) const {
  return core->losses().after(number);
}

} // namespace millrace::rt
