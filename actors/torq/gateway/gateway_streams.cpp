#include <millrace/actors/torq/gateway/gateway.hpp>
#include <millrace/messages/data/lost_stream.hpp>

#include <algorithm>
#include <utility>

namespace millrace::torq {

namespace {

/// Who does not answer in this time may be asked again by the next question.
constexpr auto inquiry_deadline = std::chrono::seconds{1};
/// So long another node has to take the lead; later questions do not wait.
constexpr int64_t election_patience_ns = 3'000'000'000;

} // namespace

void gateway_state::connect_streams() {
  for (auto& [stream_name, stream] : streams)
    for (size_t node = 0; node < stream.nodes.size(); ++node)
      if (stream.nodes[node].link.due(env->clock->monotonic_ns()))
        connect_node(stream_name, node);
}

void gateway_state::connect_node(const std::string& stream, size_t node) {
  auto& entry = streams.at(stream).nodes[node];
  entry.link.begin();
  ++entry.tries_begun;
  connect_to<stream_server_actor>(
    self, connector, entry.at,
    [this, stream, node](const stream_server_actor& there) {
      auto& of = streams.at(stream);
      auto& to = of.nodes[node];
      to.link.found(env->clock->monotonic_ns());
      to.tries_ended = to.tries_begun;
      to.handle = there;
      self->monitor(there);
      of.ends.connected(node);
      of.by_way = false;
      run_waiting();
      inquire_waiting(stream);
    },
    // Tried again at the next tick, for ever.
    [this, stream, node](const error& why) {
      auto& to = streams.at(stream).nodes[node];
      to.link.lost(why, env->clock->monotonic_ns());
      to.tries_ended = to.tries_begun;
      run_waiting();
      inquire_waiting(stream);
    });
}

bool gateway_state::followed_stream::reachable() const {
  return std::any_of(nodes.begin(), nodes.end(),
                     [](const auto& node) { return node.handle != nullptr; });
}

/// Says once that nobody can be asked where a stream ends, and once that
/// somebody can be again.
void gateway_state::watch_streams() {
  const auto now = env->clock->monotonic_ns();
  for (auto& [stream_name, stream] : streams) {
    if (stream.reachable()) {
      if (std::exchange(stream.told_silent, false) && settings.on_note)
        settings.on_note("stream_found", found_stream_text(stream_name));
      stream.silent_since_ns = 0;
    } else if (stream.silent_since_ns == 0) {
      stream.silent_since_ns = now;
    } else if (!stream.told_silent && !stream.nodes.empty()
               && now - stream.silent_since_ns >= lost_stream_told_ns) {
      stream.told_silent = true;
      if (settings.on_warning)
        settings.on_warning(
          "stream_lost",
          lost_stream_text(stream_name,
                           stream.nodes.front().link.last_failure(),
                           "answers have what was there before, with a "
                           "warning"));
    }
  }
}

void gateway_state::lost_node(const caf::actor_addr& who) {
  for (auto& [stream_name, stream] : streams)
    for (size_t node = 0; node < stream.nodes.size(); ++node) {
      auto& entry = stream.nodes[node];
      if (!entry.handle || entry.handle.address() != who)
        continue;
      entry.handle = nullptr;
      entry.link.lost({errc::unavailable, "its process is gone"},
                      env->clock->monotonic_ns());
      stream.ends.lost(node);
      go_on(stream_name, stream.ends.failed(stream.asked, node));
    }
}

/// That nobody could be reached when it was tried last says nothing about now:
/// a node that is back may have ordered what this question is about.
void gateway_state::inquire(held_question what) {
  const auto& stream_name = settings.tables.at(what.plan.table).home.stream;
  auto& stream = streams.at(stream_name);
  if (stream.reachable())
    return ask_end(stream_name, std::move(what));
  held_inquiry held{std::move(what),
                    env->clock->monotonic_ns()
                      + std::chrono::nanoseconds{inquiry_deadline}.count(),
                    {}};
  for (const auto& node : stream.nodes)
    held.tries.push_back(node.tries_begun + 1);
  stream.unreached.push_back(std::move(held));
  inquire_waiting(stream_name);
}

/// Where nobody leads, some node soon does.
void gateway_state::inquire_again(const std::string& stream_name) {
  auto& stream = streams.at(stream_name);
  if (!stream.ends.is_undecided())
    return;
  const auto now = env->clock->monotonic_ns();
  const auto seen = std::exchange(stream.undecided_ns, now);
  // Where nobody asked meanwhile it was another time.
  if (stream.leaderless_since_ns == 0 || now - seen > election_patience_ns)
    stream.leaderless_since_ns = now;
  carry_out(stream_name, now - stream.leaderless_since_ns < election_patience_ns
                           ? stream.ends.again()
                           : stream.ends.settle());
}

/// Those for which each node was tried since they came, or one is there.
void gateway_state::inquire_waiting(const std::string& stream_name) {
  auto& stream = streams.at(stream_name);
  const auto now = env->clock->monotonic_ns();
  for (auto& held : std::exchange(stream.unreached, {})) {
    bool over = stream.reachable()
                || now >= std::min(held.until_ns, held.what.deadline_ns);
    if (!over) {
      over = true;
      for (size_t node = 0; node < stream.nodes.size(); ++node)
        over = over && stream.nodes[node].tries_ended >= held.tries[node];
    }
    if (over)
      ask_end(stream_name, std::move(held.what));
    else
      stream.unreached.push_back(std::move(held));
  }
  if (!stream.unreached.empty())
    for (size_t node = 0; node < stream.nodes.size(); ++node)
      if (stream.nodes[node].link.away())
        connect_node(stream_name, node);
}

position
gateway_state::written_down(const gateway_settings::table& table) const {
  position out;
  for (const auto* hdb : backends.candidates(backend_role::hdb, table.home))
    if (const auto cut = hdb->cut_of(table.schema.name))
      out = std::max(out, cut->cutover);
  return out == unread_cutover ? position{} : out;
}

/// A stream that nobody ever wrote down from may have nothing of the table.
std::string
gateway_state::unheld_text(const gateway_settings::table& table) const {
  const auto stream = streams.find(table.home.stream);
  const auto end
    = stream == streams.end() ? std::nullopt : stream->second.ends.end();
  const auto written = written_down(table);
  if (!end || !table.warning.empty() || written == position{}
      || written >= end->at)
    return {};
  return "no rdb holds what stream '" + table.home.stream + "' has of table '"
         + table.schema.name + "' (it ends at " + to_string(end->at)
         + "): that is in no answer";
}

/// As far as is known without asking. 0 is where each life begins.
bool gateway_state::is_of_this_life(const followed_stream& stream,
                                    position at) const {
  const auto floor = stream.ends.floor();
  return at == position{}
         || (floor.life.is_known() && stream.first.life == floor.life
             && at >= stream.first.at && at.session() <= floor.at.session());
}

/// A place that a question names, and that is of another life of its stream:
/// what it asks for nobody can know any more. None: it names no such place.
error gateway_state::strange_place(const held_question& what) const {
  const auto& stream_name = settings.tables.at(what.plan.table).home.stream;
  const auto stream = streams.find(stream_name);
  if (stream == streams.end())
    return {};
  const auto floor = stream->second.ends.floor();
  const auto& first = stream->second.first;
  if (!floor.life.is_known() || first.life != floor.life)
    return {};
  for (const auto& at : {what.at_least, what.as_of})
    if (at && *at != position{}
        && (*at < first.at
            || (stream->second.ends.is_sure()
                && at->session() > floor.at.session())))
      return {errc::bad_position,
              "stream '" + stream_name + "': " + to_string(*at)
                + " is no place of this life of it, which begins at "
                + to_string(first.at) + ": it is of an earlier one"};
  return {};
}

void gateway_state::ask_end(const std::string& stream_name,
                            held_question what) {
  auto& stream = streams.at(stream_name);
  const auto number = ++question_last;
  stream.waiting.emplace(number, std::move(what));
  carry_out(stream_name, stream.ends.ask(number));
}

void gateway_state::ask_node(const std::string& stream_name, uint64_t number,
                             size_t node) {
  const auto& stream = streams.at(stream_name);
  const auto& to = stream.nodes[node].handle;
  const auto hears
    = [this, stream_name, number, node](const stream_facts& facts) {
        hear(stream_name, number, node, facts);
      };
  const auto fails = [this, stream_name, number, node](const caf::error&) {
    go_on(stream_name, streams.at(stream_name).ends.failed(number, node));
  };
  const caf::timespan deadline{inquiry_deadline};
  if (stream.by_way)
    self->request(to, deadline, leader_atom_v).then(hears, fails);
  else
    self->request(to, deadline, facts_atom_v).then(hears, fails);
}

void gateway_state::hear(const std::string& stream_name, uint64_t number,
                         size_t node, const stream_facts& facts) {
  auto& stream = streams.at(stream_name);
  if (facts.leads)
    stream.leaderless_since_ns = 0;
  stream.stands_alone = facts.alone;
  if (facts.life.is_known())
    stream.first = {facts.first, facts.life};
  auto& of = stream.ends;
  const auto lives = of.new_lives();
  const auto set_backs = of.set_backs();
  const auto floor = of.floor().at;
  const auto done
    = of.answered(number, node,
                  {{facts.end, facts.life},
                   facts.leads,
                   facts.leads && facts.alone && stream.nodes.size() == 1});
  if (of.set_backs() != set_backs && settings.on_warning)
    settings.on_warning("set_back",
                        "stream '" + stream_name
                          + "' was set back to an older copy of its "
                            "log, which ends at "
                          + to_string(facts.end)
                          + "; answers began anew after they had "
                            "reached "
                          + to_string(floor));
  if (of.new_lives() != lives && settings.on_warning)
    settings.on_warning("new_life",
                        "stream '" + stream_name
                          + "' began a new life; answers began anew "
                            "after they had reached "
                          + to_string(floor));
  go_on(stream_name, done);
}

/// A group may have grown since this gateway was told who is in it: nodes that
/// it knows are asked once more at once, for the one that leads. One that has
/// no others leads soon, and may have been set back: then what it says itself
/// counts.
void gateway_state::go_on(const std::string& stream_name,
                          const end_inquiry::effects& what) {
  carry_out(stream_name, what);
  auto& stream = streams.at(stream_name);
  if (!stream.ends.is_undecided() || stream.stands_alone
      || std::exchange(stream.by_way, true))
    return;
  carry_out(stream_name, stream.ends.again());
}

void gateway_state::carry_out(const std::string& stream_name,
                              const end_inquiry::effects& what) {
  auto& stream = streams.at(stream_name);
  if (what.number != 0)
    stream.asked = what.number;
  for (const auto node : what.nodes)
    ask_node(stream_name, what.number, node);
  std::vector<std::string> warnings;
  if (!what.resolved.empty() && !stream.ends.end())
    warnings.push_back("no RT node of stream '" + stream_name
                       + "' answers: what it has after this cut is not known");
  else if (!what.resolved.empty() && !stream.ends.is_sure())
    warnings.push_back("no RT node that orders stream '" + stream_name
                       + "' answers: what was committed after this cut is not "
                         "known");
  for (const auto number : what.resolved)
    if (auto found = stream.waiting.extract(number))
      run(std::move(found.mapped()), warnings);
}

} // namespace millrace::torq
