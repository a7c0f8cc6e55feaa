#include <millrace/actors/rt/raft/raft_wire.hpp>
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

input_mending::input_mending(sequencer_state& of) : of_{of} {}

/// Its copy stands still, not the node: the publisher offers its log again, and
/// one that has the bytes gives them again.
void input_mending::failed(copy_id copy, const caf::error& fault) {
  const auto why = from_caf(fault);
  const auto input = to_string(of_.core->inputs().name(copy));
  // The log says it once per cause, however often it is tried.
  auto& failed = failed_[copy];
  if (failed.why != to_string(why))
    of_.settings.warn("input_failed",
                      "stream '" + of_.core->options().stream + "': input "
                        + input + " stands still: " + to_string(why)
                        + "; tried again every second, other inputs go on");
  failed = {to_string(why), of_.env->clock->monotonic_ns() + retry_ns,
            why.code == errc::no_space};
  of_.disk->troubled(why);
  ++failures_;
  of_.drop_sink(copy, fault);
}

void input_mending::refused(copy_id copy, const caf::error& fault) {
  const auto why = from_caf(fault);
  if (why.code == errc::not_found) {
    ++gone_count_;
    gone_.push_back(copy);
    return;
  }
  if (why.code == errc::malformed_message) {
    ++of_.damaged_records;
    return of_.warn("damaged_on_the_way",
                    "input " + to_string(of_.core->inputs().name(copy)) + ": "
                      + to_string(why) + "; refused, and asked for again");
  }
  const auto& refused = without_room_[copy];
  const auto now_ns = of_.env->clock->monotonic_ns();
  if (refused == 0 || now_ns - refused > refused_again_ns)
    of_.warn("input_refused",
             "input " + to_string(of_.core->inputs().name(copy)) + ": "
               + to_string(why)
               + "; its publisher offers it again until there is "
                 "room, other inputs go on");
  without_room_[copy] = now_ns;
  waiting_for_room_.insert(copy);
  of_.disk->troubled(why);
}

/// All that were found since the last tick: somebody took a whole directory.
void input_mending::tell_gone() {
  if (gone_.empty())
    return;
  const auto& first = of_.core->inputs().name(gone_.front());
  const auto more = gone_.size() - 1;
  of_.warn("input_gone",
           of_.core->inputs().directory_of(first) + ": is gone"
             + (more == 0 ? ""
                          : ", and those of " + std::to_string(more)
                              + " more publishers")
             + "; it begins anew with what the publisher and other nodes still "
               "have. What is merged is in out/, and cannot be made again from "
               "here where out/ is damaged");
  gone_.clear();
}

/// Its directory was removed under its sink, which writes into nothing.
void input_mending::gone(copy_id copy) {
  of_.self->send_exit(of_.sinks.at(copy), caf::exit_reason::kill);
  const auto& input = of_.core->inputs().name(copy);
  failed(copy, to_caf({errc::not_found, of_.core->inputs().directory_of(input)
                                          + ": was removed"}));
}

void input_mending::retry() {
  tell_gone();
  const auto now_ns = of_.env->clock->monotonic_ns();
  std::vector<copy_id> due;
  for (const auto& [copy, failed] : failed_)
    if (!of_.sinks.contains(copy) && now_ns >= failed.retry_at_ns)
      due.push_back(copy);
  for (const auto copy : due) {
    const auto before = failed_[copy];
    // One that is closed needs none.
    (void)of_.sink_of(of_.core->inputs().name(copy),
                      begun_anew_.erase(copy) == 0);
    // Where it fails for the same cause, that was told.
    failed_[copy] = {before.why, now_ns + retry_ns, before.is_full};
  }
}

/// A copy that ends before what was copied of the merged log: what lies between
/// others may have let go, and nobody needs it any more. It begins anew, at
/// what comes next.
void input_mending::begin_needless_anew() {
  for (uint32_t number = 1; number <= of_.core->inputs().count(); ++number) {
    const copy_id copy{number};
    const auto end = of_.core->inputs().recorded_end(copy);
    if (end == position{} || end >= of_.core->merged(copy)
        || of_.core->closed(copy))
      continue;
    const auto& input = of_.core->inputs().name(copy);
    if (const auto sink = of_.sinks.find(copy); sink != of_.sinks.end())
      of_.self->send_exit(sink->second, caf::exit_reason::kill);
    const auto directory = of_.core->inputs().directory_of(input);
    const error why{errc::unavailable, directory + ": the copy ends at "
                                         + to_string(end) + ", and all before "
                                         + to_string(of_.core->merged(copy))
                                         + " is merged: it begins anew"};
    of_.note("input_begins_anew",
             "input " + to_string(input) + ": " + why.context);
    of_.drop_sink(copy, to_caf(why));
    failed_[copy] = {to_string(why), of_.env->clock->monotonic_ns() + retry_ns};
    begun_anew_.insert(copy);
    begun_at_[copy] = file_of(of_.core->merged(copy));
    of_.scrub->forget(copy);
    if (auto fault = of_.env->fs->remove_all(directory))
      of_.warn("input_failed", to_string(fault));
  }
}

/// Whether somebody may still have what an input lacks there: it was not let
/// go, nor given up.
bool input_mending::may_come(copy_id copy, position from) const {
  const auto file = file_of(from);
  const auto begun = begun_at_.find(copy);
  return file >= file_of(of_.core->needless_of(copy))
         && (begun == begun_at_.end() || file >= begun->second)
         && !given_up_.contains({copy, from});
}

/// A place that is asked for in vain is found again and again.
bool input_mending::is_news(copy_id copy, position from) {
  constexpr int64_t again_ns = 60'000'000'000;
  const auto now_ns = of_.env->clock->monotonic_ns();
  std::erase_if(told_lacks_, [&](const auto& each) {
    return now_ns - each.second >= again_ns;
  });
  return told_lacks_.try_emplace({copy, from}, now_ns).second;
}

void input_mending::lacking(copy_id copy, position from, position to) {
  const input_part range{from, to};
  if (!may_come(copy, from))
    return;
  // A reader finds it again, as long as it is not mended.
  if (!repair_.asks_for(copy, range) && is_news(copy, from))
    of_.warn("input_damaged",
             "input " + to_string(of_.core->inputs().name(copy)) + " lacks "
               + describe(range)
               + "; other nodes and its publisher are asked for "
                 "it");
  of_.core->lacking(copy, range);
  if (of_.core->inputs().lacks(copy, range))
    lacks_[copy].push_back(range);
  else // Nothing waits for it: it is merged, or known to be held.
    step(input_repair::lacking{copy, range});
}

/// Bytes that an entry names usually come from the publisher a moment later:
/// what still lacks at the next tick is asked for, as is what damage took.
void input_mending::mend() {
  const auto missing = of_.core->missing();
  const bool still = missing && missed_ && missing->copy == missed_->copy
                     && missing->range.from == missed_->range.from;
  missed_ = missing;
  if (still)
    step(input_repair::lacking{missing->copy, missing->range, /*agreed*/ true});
  // A group of one has nobody that could still have it, but the publisher.
  const bool several = of_.core->options().nodes.size() > 1;
  // What the others have merged and collected comes with the merged log.
  const bool agreed = several && !(of_.core->recalls() && of_.leading_peer());
  const auto damaged = of_.core->damaged();
  for (const auto& [copy, range] : damaged)
    step(input_repair::lacking{copy, of_.core->growing(copy, range), agreed});
  for (auto& [copy, ranges] : lacks_) {
    std::erase_if(ranges, [&, of = copy](const input_part& range) {
      return !of_.core->inputs().lacks(of, range);
    });
    for (const auto& range : ranges)
      if (const auto gap = of_.core->inputs().gap(copy, range))
        step(input_repair::lacking{copy, *gap});
  }
  std::erase_if(lacks_, [](const auto& entry) { return entry.second.empty(); });
  for (const auto copy : repair_.open()) {
    const bool waited_for
      = (missing && missing->copy == copy)
        || (!damaged.empty() && damaged.front().copy == copy);
    if (!waited_for)
      repair_.forget_agreed(copy); // It came another way.
    auto sources = sources_of(copy);
    // It is not lost with them.
    if (waited_for && !damaged.empty() && several && !agreed)
      sources.away = false;
    step(sources);
  }
  of_.core->retry();
}

pusher_actor input_mending::pusher_of(copy_id copy) const {
  for (const auto& [flow, publisher] : of_.publishers)
    if (publisher.copy == copy)
      return publisher.pusher;
  return {};
}

input_repair::passed input_mending::sources_of(copy_id copy) const {
  input_repair::passed out{copy, {}, false};
  const auto* raft = of_.core->group().raft();
  // None has the number 0.
  const auto leader
    = raft != nullptr ? raft->leader().value_or(member_id{}).node : node_id{};
  for (const auto& peer : of_.peers->all()) {
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
  else if (!of_.core->closed(copy)) // Then its directory is another one by now.
    out.away = true;
  return out;
}

void input_mending::step(const input_repair::input& what) {
  for (const auto& effect : repair_.step(what, of_.env->clock->monotonic_ns()))
    std::visit([this](const auto& each) { act(each); }, effect);
}

void input_mending::act(const input_repair::ask& what) {
  const auto came = [this, what](position begin, const chunk& bytes) {
    // What an entry names was there: its source has collected it.
    if (begin >= what.range.to
        && of_.core->is_blocked_on(what.copy, what.range))
      return step(input_repair::denied{what.copy, what.range.to, what.from});
    filled(what.copy, what.range, begin, bytes);
  };
  const auto denied = [this, what](const caf::error& fault) {
    const auto why = from_caf(fault);
    const bool has_none
      = why.code == errc::not_found || why.code == errc::corrupt
        || why.code == errc::ahead || why.code == errc::bad_position
        || why.code == errc::pruned;
    step(input_repair::denied{what.copy, what.range.to, what.from, !has_none,
                              why.code == errc::pruned});
  };
  const caf::timespan deadline{fetch_deadline};
  if (what.from.node == input_repair::source::publisher) {
    const auto pusher = pusher_of(what.copy);
    if (!pusher)
      return step(
        input_repair::denied{what.copy, what.range.to, what.from, true});
    of_.self
      ->request(pusher, deadline, fetch_atom_v, what.range.from, what.range.to)
      .then(came, denied);
    return;
  }
  const auto* peer = of_.peers->find(what.from.node);
  if (peer == nullptr || !peer->handle)
    return step(
      input_repair::denied{what.copy, what.range.to, what.from, true});
  const auto& input = of_.core->inputs().name(what.copy);
  of_.self
    ->request(peer->handle, deadline, fetch_atom_v,
              input_range{input.directory, input.lineage, what.range.from,
                          what.range.to})
    .then(came, denied);
}

void input_mending::filled(copy_id copy, input_part range, position begin,
                           const chunk& bytes) {
  // What comes later says that nothing lies before it.
  const bool nothing = begin >= range.to;
  if (nothing)
    of_.core->absent(copy, range);
  else if (const auto sink = of_.sinks.find(copy); sink != of_.sinks.end())
    of_.self->send(sink->second, fill_atom::value, begin, bytes);
  const auto before = repair_.mended();
  step(input_repair::answered{
    copy, range.to, nothing ? range.to : position{begin.value + bytes.size()}});
  // The next part of it at once.
  step(sources_of(copy));
  // A node that only lags mends nothing, and one without room keeps nothing.
  const bool damage
    = lacks_.contains(copy) || range.to <= of_.core->merged(copy);
  if (damage && !nothing && repair_.mended() > before
      && !of_.disk->is_full(of_.env->clock->monotonic_ns())) {
    told_lacks_.erase({copy, range.from});
    of_.settings.warn("input_mended",
                      "stream '" + of_.core->options().stream + "': input "
                        + to_string(of_.core->inputs().name(copy))
                        + ": has its bytes before " + to_string(range.to)
                        + " again");
  }
  of_.progress(of_.core->advance());
}

void input_mending::act(const input_repair::give_up& what) {
  const auto damaged = of_.core->damaged();
  const bool recalled
    = of_.core->options().nodes.size() > 1 && of_.core->recalls()
      && std::any_of(damaged.begin(), damaged.end(), [&](const auto& each) {
           return each.copy == what.copy && overlap(each.range, what.range);
         });
  if (recalled)
    return of_.leading_peer() ? of_.fail(of_.core->give_up_recall(
             "of input " + to_string(of_.core->inputs().name(what.copy))
             + " nobody has " + describe(what.range)))
                              : void();
  of_.settings.warn("input_lost",
                    "stream '" + of_.core->options().stream + "': input "
                      + to_string(of_.core->inputs().name(what.copy))
                      + ": nobody has " + describe(what.range)
                      + " any more; what of it was not merged is told"
                        " to subscribers as badtail");
  // Of a range over several files the last one begins with what is lost.
  const auto place = std::max(what.range.from, file_of(what.range.to));
  given_up_.insert({what.copy, what.range.from});
  // Its padding there is found as well.
  if (place < what.range.to)
    given_up_.insert({what.copy, place});
  loss gone;
  gone.kind = "input_lost";
  gone.input = to_string(of_.core->inputs().name(what.copy));
  gone.from = what.range.from;
  gone.to = what.range.to;
  gone.cause = "damaged here, and nobody has it any more";
  of_.note_loss(std::move(gone));
  // What is merged its subscribers have had.
  if (what.range.to > of_.core->merged(what.copy)) {
    of_.core->lost(what.copy, what.range);
    if (of_.core->options().nodes.size() == 1)
      of_.core->declare_lost(what.copy, what.range);
  }
  // A copy that ends before it cannot go on without its place, also where the
  // others agreed on the loss first.
  if (const auto sink = of_.sinks.find(what.copy);
      place < what.range.to && sink != of_.sinks.end())
    of_.self->send(sink->second, lost_atom::value, place, what.range.to);
  of_.progress(of_.core->advance());
}

/// Bytes that an entry names are collected once all have merged them; a node
/// that forgot what it had merged gets the state and out/ of the one that
/// leads.
void input_mending::act(const input_repair::copies& what) {
  const auto leader = of_.leading_peer();
  const auto* state = of_.core->state();
  if (!leader || state == nullptr || of_.catch_up->is_under_way()
      || !of_.core->is_blocked_on(what.copy, what.range))
    return;
  if (!of_.catch_up->lacks_merged())
    of_.warn("input_collected",
             "input " + to_string(of_.core->inputs().name(what.copy)) + ": "
               + describe(what.range)
               + " is merged and collected on other nodes, and was not merged "
                 "here: the merged log is copied from the one that leads");
  of_.catch_up->ask(*leader);
}

void input_mending::act(const input_repair::waits& what) const {
  of_.warn("input_waits",
           "input " + to_string(of_.core->inputs().name(what.copy)) + " lacks "
             + describe(what.range)
             + ", which its publisher or a node that is away may have: nothing "
               "after it is ordered before they are back; 'millrace stream "
               "give-up' takes it for lost");
}

text::json_value input_mending::told_ranges(
  const std::vector<std::pair<copy_id, input_part>>& ranges) const {
  auto out = text::json_value::array();
  for (const auto& [copy, range] : ranges)
    out.add({{"input", to_string(of_.core->inputs().name(copy))},
             {"from", range.from.value},
             {"to", range.to.value}});
  return out;
}

caf::result<status_facts> input_mending::give_up(bool dry) {
  if (!of_.core->group().leads())
    return of_.ask_leader<status_facts>(give_up_atom_v, dry);
  status_facts out{{"stream", of_.core->options().stream},
                   {"lost", told_ranges(repair_.waiting())},
                   {"asked", told_ranges(repair_.asked())}};
  if (dry)
    return out;
  for (const auto& [copy, range] : repair_.waiting()) {
    of_.warn("given_up",
             "input " + to_string(of_.core->inputs().name(copy)) + ": "
               + describe(range)
               + " is taken for lost on demand, though its publisher "
                 "or a node is away");
    step(input_repair::forsaken{copy});
    step(sources_of(copy));
  }
  return out;
}

/// What another node holds of an input whose publisher does not come here.
void input_mending::fetch_held(const peer_links::peer& from, copy_id copy,
                               input_part range) {
  if (!fetching_.insert(copy).second)
    return;
  const auto& input = of_.core->inputs().name(copy);
  of_.self
    ->request(from.handle, caf::timespan{fetch_deadline}, fetch_atom_v,
              input_range{input.directory, input.lineage, range.from, range.to})
    .then(
      [this, copy](position begin, const chunk& bytes) {
        fetching_.erase(copy);
        if (const auto sink = of_.sinks.find(copy); sink != of_.sinks.end())
          of_.self->send(sink->second, fill_atom::value, begin, bytes);
      },
      // Asked again as long as it lacks.
      [this, copy](const caf::error&) { fetching_.erase(copy); });
}

void input_mending::forget(copy_id copy) {
  lacks_.erase(copy);
  repair_.forget(copy);
}

void input_mending::tell(text::json_value& into) const {
  into.add("mended", repair_.mended());
  into.add("lost", repair_.given_up());
  into.add("input_failures", failures_);
  into.add("inputs_gone", gone_count_);
}

/// A publisher that is gone waits for nothing.
bool input_mending::lacks_room() const {
  return std::any_of(failed_.begin(), failed_.end(),
                     [this](const auto& each) {
                       return each.second.is_full
                              && !of_.sinks.contains(each.first);
                     })
         || std::any_of(of_.publishers.begin(), of_.publishers.end(),
                        [this](const auto& each) {
                          return waiting_for_room_.contains(each.second.copy);
                        });
}

void input_mending::tell_standing(text::json_value& into) const {
  auto& standing = into.add("standing_still", text::json_value::object());
  for (const auto& [copy, failed] : failed_)
    if (!of_.sinks.contains(copy))
      standing.add(to_string(of_.core->inputs().name(copy)), failed.why);
  into.add("asked_for", told_ranges(repair_.asked()));
  into.add("waited_for", told_ranges(repair_.waiting()));
}

} // namespace millrace::rt
