// What a gateway says of itself.
#include <millrace/actors/torq/gateway/gateway.hpp>
#include <millrace/messages/text/utf8.hpp>

#include <algorithm>

namespace millrace::torq {

/// A refusal is told to those who look at the log as it usually is, an answer
/// to those who want to see each.
void gateway_state::tell_ending(const asker& whose, const error& how,
                                int64_t took_ns) {
  constexpr size_t why_max = 400;
  const auto& tell = how ? settings.on_note : settings.on_detail;
  if (!tell || (how && how.code == errc::cancelled))
    return;
  auto text = (whose.shown.empty() ? "a question" : whose.shown)
              + (how ? ": " + text::shown_on_line(to_string(how), why_max, ' ')
                     : std::string{})
              + " (" + std::to_string(took_ns / 1'000'000) + " ms)";
  if (!how)
    return tell("answered", text);
  const auto untold = refusals.came(env->clock->monotonic_ns());
  if (!untold)
    return;
  if (*untold != 0)
    text += "; " + std::to_string(*untold)
            + " more were refused since the last "
              "line about one";
  tell("refused", text);
}

status_facts gateway_state::status() const {
  auto out = to_status(facts());
  questions_memory.add_to(out);
  return out;
}

/// A plan of several steps is one question, whichever of its steps run.
size_t gateway_state::open_questions() const {
  const auto count_whole = [](const auto& held, auto question_of) {
    return static_cast<size_t>(
      std::count_if(held.begin(), held.end(), [&](const auto& each) {
        return !question_of(each).part_of;
      }));
  };
  auto out = plans.size()
             + count_whole(
               under_way,
               [](const auto& each) -> const auto& { return each.second.what; })
             + count_whole(
               waiting, [](const auto& each) -> const auto& { return each; });
  for (const auto& [stream_name, stream] : streams)
    out += count_whole(
             stream.waiting,
             [](const auto& each) -> const auto& { return each.second; })
           + count_whole(
             stream.unreached,
             [](const auto& each) -> const auto& { return each.what; });
  return out;
}

gateway_facts gateway_state::facts() const {
  gateway_facts out;
  out.answered = times.answered();
  out.refused = times.refused();
  out.questions = times.to_json();
  out.running = open_questions();
  const auto now_ns = env->clock->monotonic_ns();
  for (const auto& [backend_name, entry] : backends.all()) {
    auto& told = out.backends[backend_name];
    told = {entry.role,
            entry.handle != nullptr,
            entry.role == backend_role::rdb
              ? entry.standing && entry.standing->ready
              : entry.handle != nullptr && !entry.unfit,
            {},
            entry.unfit.context};
    if (!entry.handle && entry.lost_at_ns != 0)
      told.gone_ms = (now_ns - entry.lost_at_ns) / 1'000'000;
  }
  for (const auto& [backend_name, lines] : declared_otherwise)
    if (!lines.empty())
      out.declared_otherwise[backend_name] = lines;
  for (const auto& [stream_name, stream] : streams)
    out.floors[stream_name] = stream.ends.floor().at;
  return out;
}

status_facts to_status(const gateway_facts& facts) {
  status_facts out{{"role", "gateway"},
                   {"answered", facts.answered},
                   {"refused", facts.refused},
                   {"running", facts.running},
                   {"questions", facts.questions}};
  auto& list = out.add("backends", text::json_value::object());
  for (const auto& [backend_name, entry] : facts.backends) {
    text::json_value told{{"type", to_string(entry.role)},
                          {"connected", entry.connected},
                          {"ready", entry.ready}};
    if (entry.gone_ms)
      told.add("gone_ms", *entry.gone_ms);
    if (!entry.unfit.empty())
      told.add("unfit", entry.unfit);
    list.add(backend_name, std::move(told));
  }
  if (!facts.declared_otherwise.empty()) {
    auto& differing = out.add("declared_otherwise", text::json_value::object());
    for (const auto& [backend_name, lines] : facts.declared_otherwise)
      differing.add(backend_name, lines);
  }
  auto& floors = out.add("floors", text::json_value::object());
  for (const auto& [stream_name, at] : facts.floors)
    floors.add(stream_name, at.value);
  return out;
}

} // namespace millrace::torq
