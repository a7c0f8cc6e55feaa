#include <millrace/actors/rt/archive/archive_survey.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>

// What becomes of old files: copies of inputs go when nobody needs them any
// more; the merged log is cut where the node that leads says so.

namespace millrace::rt {

namespace {

constexpr int64_t look_interval_ns = 5'000'000'000;

} // namespace

// -- files that nobody needs --------------------------------------------------

void sequencer_state::collect_needless() {
  for (const auto& [copy, sink] : sinks)
    collect(sink, copy);
  collect_out();
  collect_history();
}

void sequencer_state::collect(const input_sink_actor& sink, copy_id copy) {
  if (const auto below = core->needless_of(copy); below != position{})
    self->send(sink, collect_atom::value, below,
               leaves_behind ? below : position{});
}

// -- nodes that are away ------------------------------------------------------

/// What the group need not keep, as this node decides that leads.
result<entry_index> sequencer_state::needless_entries(int64_t now_ns) {
  auto fullest = disk_percent;
  for (const auto& peer : peers->all())
    if (peer.handle)
      fullest = std::max(fullest, peer_disk_percents[peer.at.node]);
  const auto what = core->group().needless(
    core->checkpointed(), fullest > settings.gc_disk_percent, now_ns);
  tell_left_behind(what.left_behind);
  if (auto fault = core->compact(what.index))
    return fault;
  leave_behind(!what.left_behind.empty());
  return what.index;
}

/// Those that are new, and those that came on again: a line each.
void sequencer_state::tell_left_behind(const std::vector<member_id>& members) {
  std::vector<std::string> names;
  for (const auto& id : members) {
    const auto* peer = peers->find(id.node);
    names.push_back(peer != nullptr ? peer->at.name : to_string(id));
  }
  const auto has
    = [](const std::vector<std::string>& all, const std::string& one) {
        return std::find(all.begin(), all.end(), one) != all.end();
      };
  for (const auto& each : names)
    if (!has(left_behind, each))
      warn("left-behind",
           each + " is away or does not come on, and "
             + (disk_percent > settings.gc_disk_percent
                  ? "a disk is fuller than "
                      + std::to_string(settings.gc_disk_percent) + " percents"
                  : "gc_grace is over")
             + ": files that it lacks go; when it is back it copies the merged "
               "log from the others");
  for (const auto& each : left_behind)
    if (!has(names, each))
      note("left-behind", each + " is no longer left behind");
  left_behind = std::move(names);
}

void sequencer_state::leave_behind(bool any) {
  if (std::exchange(leaves_behind, any) != any && any)
    collect_needless();
}

void sequencer_state::look_at_disk() {
  const auto now_ns = env->clock->monotonic_ns();
  // A node that is alone waits for nobody.
  if (looking_at_disk || now_ns < disk_look_at_ns || settings.peers.empty())
    return;
  looking_at_disk = true;
  disk_look_at_ns = now_ns + look_interval_ns;
  submit([world = env, directory = core->options().directory,
          me = sequencer_self_actor{self}] {
    const auto free = world->fs->free_bytes(directory);
    const auto total = world->fs->total_bytes(directory);
    uint32_t percent = 0;
    if (free && total && *total != 0)
      percent
        = static_cast<uint32_t>(100 - std::min(*free, *total) * 100 / *total);
    caf::anon_send(me, disk_atom::value, percent);
  });
}

void sequencer_state::disk_seen(uint32_t percent) {
  looking_at_disk = false;
  disk_percent = percent;
}

void sequencer_state::collect_out() {
  const auto below = core->needless_out();
  if (collecting_out || below <= out_collected_end)
    return;
  collecting_out = true;
  submit([world = env, directory = core->out_directory(), below,
          me = sequencer_self_actor{self}] {
    auto went = persistence::collect_log(*world, directory, below);
    caf::anon_send(me, collected_atom::value, below,
                   went ? caf::error{} : to_caf(went.failure()));
  });
}

void sequencer_state::collect_history() {
  const auto last = core->needless_history();
  if (collecting_history || last <= history_collected_end)
    return;
  collecting_history = true;
  submit([world = env, directory = core->options().directory + "/history", last,
          me = sequencer_self_actor{self}] {
    caf::anon_send(me, collected_atom::value, last,
                   to_caf(merge_history::collect(*world, directory, last)));
  });
}

/// What is left is tried again when more is to go.
void sequencer_state::history_collected(entry_index last,
                                        const caf::error& outcome) {
  collecting_history = false;
  if (outcome)
    return warn("not-collected", to_string(from_caf(outcome)));
  history_collected_end = last;
  collect_history();
}

void sequencer_state::out_collected(position below, const caf::error& outcome) {
  collecting_out = false;
  collect_failure = from_caf(outcome);
  if (collect_failure) {
    // Tried again when more is to go.
    warn("not-collected", to_string(collect_failure));
    return;
  }
  out_collected_end = below;
  for (const auto& reader : readers)
    self->send(reader.source, collected_atom_v, below);
  note("collected", "the merged log begins at " + to_string(below)
                      + ", older files are gone");
  collect_out();
}

// -- where the merged log is cut ----------------------------------------------

namespace {

/// When the newest message of the closed files was published.
int64_t newest_of(const archive_files& files) {
  int64_t newest = null_long;
  for (const auto& file : files.closed)
    newest = std::max(newest, file.newest_ts.value_or(null_long));
  return std::max<int64_t>(newest, 0);
}

} // namespace

/// What goes by age goes for good: a clock that is wrong is to be seen first.
void sequencer_state::mind_archive_clock() {
  if (settings.retention.age_max_ns == 0)
    return;
  const auto jump_ns
    = age_clock.look(env->clock->now_ns(), env->clock->monotonic_ns());
  if (jump_ns != 0)
    warn("clock_jump",
         "the clock of this host went "
           + std::to_string(jump_ns / 1'000'000'000)
           + " s ahead: in an hour files go by it (retention_age); until then "
             "it can be set right");
}

/// The archiver: looks at the files now and then, off this thread.
void sequencer_state::look_at_files() {
  mind_archive_clock();
  const auto now_ns = env->clock->monotonic_ns();
  if (looking || now_ns < look_at_ns || !settings.retention.any()
      || !core->leads())
    return;
  looking = true;
  look_at_ns = now_ns + look_interval_ns;
  submit([world = env, directory = core->out_directory(),
          begin = core->state()->out_begin,
          wall_ns = settings.retention.age_max_ns != 0
                      ? std::optional{age_clock.now_ns(now_ns)}
                      : std::nullopt,
          into = looked, me = sequencer_self_actor{self}] {
    auto seen
      = survey_files(*world->fs, directory, begin, wall_ns, into->times);
    into->failure = seen ? error{} : seen.failure();
    if (seen)
      into->files = *std::move(seen);
    caf::anon_send(me, surveyed_atom::value);
  });
}

void sequencer_state::files_seen() {
  looking = false;
  if (looked->failure)
    return warn("archiver", to_string(looked->failure));
  if (!core->leads())
    return;
  const auto what = archive(
    looked->files, floors(), settings.retention,
    age_clock.now_ns(env->clock->monotonic_ns(), newest_of(looked->files)));
  if (const auto of_future = looked->files.of_future)
    warn("future_messages",
         "the file at " + to_string(*of_future)
           + " has messages of the future: by retention_age it counts as "
             "written when it was first seen");
  if (what.held_by != held_by && !what.held_by.empty())
    warn("retention-held",
         "files stay beyond the retention, because consumer '" + what.held_by
           + "' may need them"
           + (is_configured(what.held_by)
                ? ""
                : ": 'millrace consumer rm' forgets one that is gone for "
                  "good"));
  held_by = what.held_by;
  if (what.files == 0 || what.begin <= core->state()->out_begin)
    return;
  note("archived",
       std::to_string(what.files) + " files of " + std::to_string(what.bytes)
         + " bytes go by the retention, up to " + to_string(what.begin));
  auto fault = core->propose_cut(what.begin);
  // Another node leads by now, and looks for itself.
  if (fault && fault.code != errc::unavailable)
    return fail(fault);
  progress(core->advance());
}

/// A cut is at a message of the stream, or where a file begins.
error sequencer_state::check_cut(position at) const {
  if (at > core->out_end())
    return {errc::ahead, "stream '" + core->options().stream
                           + "': " + to_string(at) + " lies beyond its end "
                           + to_string(core->out_end())};
  const auto* state = core->state();
  if (at.offset() == 0 || state == nullptr || at <= state->out_begin)
    return {};
  return persistence::log_reader::open(*env->fs,
                                       {.directory = core->out_directory()}, at)
    .failure();
}

/// What a cut on demand is decided by: when files were written is none of it.
result<archive_files> sequencer_state::files_now() const {
  std::map<position, std::optional<int64_t>> no_times;
  return survey_files(*env->fs, core->out_directory(), core->state()->out_begin,
                      std::nullopt, no_times);
}

caf::result<status_facts> sequencer_state::prune(position at, bool dry,
                                                 bool forced) {
  if (!core->leads())
    return ask_leader<status_facts>(prune_atom_v, at, dry, forced);
  if (auto fault = check_cut(at))
    return to_caf(fault);
  const auto files = files_now();
  if (!files)
    return to_caf(files.failure());
  const auto begin
    = persistence::begin_after(*env->fs, core->out_directory(), at);
  if (!begin)
    return to_caf(begin.failure());
  const auto cut = cut_at(*files, *begin);
  const auto losing = losers(floors(), cut.begin);
  auto report = prune_report(core->options().stream, *files, cut, losing);
  if (dry || cut.files == 0)
    return report;
  if (!losing.empty()) {
    if (!forced)
      return to_caf({errc::invalid_argument,
                     "stream '" + core->options().stream + "': a cut at "
                       + to_string(cut.begin) + " would lose messages for "
                       + names_of(losing)
                       + "; with --force it is done all the same"});
    const auto lost = "cut at " + to_string(cut.begin)
                      + " by force: messages are lost for " + names_of(losing);
    warn("pruned-below-floor", lost);
    loss what;
    what.kind = "overruled";
    what.from = core->state()->out_begin;
    what.to = cut.begin;
    what.cause = lost;
    note_loss(std::move(what));
  }
  note("pruned", "cut at " + to_string(cut.begin)
                   + " on demand: " + std::to_string(cut.files) + " files of "
                   + std::to_string(cut.bytes) + " bytes");
  return this->cut(cut, std::move(report));
}

/// Answered when it holds on whatever nodes live.
caf::result<status_facts> sequencer_state::cut(const archive_decision& what,
                                               status_facts report) {
  if (auto fault = core->propose_cut(what.begin))
    return to_caf(fault);
  auto promise = self->make_response_promise<status_facts>();
  cuts.push_back({what.begin, std::move(report), promise});
  progress(core->advance());
  return promise;
}

/// What the archiver would do if the retention went up to there.
caf::result<status_facts> sequencer_state::archive_up_to(position at,
                                                         bool dry) {
  if (!core->leads())
    return ask_leader<status_facts, operated_stream_actor>(archive_atom::value,
                                                           at, dry);
  if (auto fault = check_cut(at))
    return to_caf(fault);
  const auto files = files_now();
  if (!files)
    return to_caf(files.failure());
  const auto begin
    = persistence::begin_after(*env->fs, core->out_directory(), at);
  if (!begin)
    return to_caf(begin.failure());
  archive_policy once;
  once.up_to = *begin;
  const auto all = cut_at(*files, *begin);
  const auto what = archive(*files, floors(), once, env->clock->now_ns());
  auto report = prune_report(core->options().stream, *files, what, {});
  report.add("held_files", all.files - what.files);
  report.add("held_bytes", all.bytes - what.bytes);
  report.add("holders", to_json(losers(floors(), all.begin)));
  if (dry || what.files == 0)
    return report;
  note("archived", std::to_string(what.files) + " files of "
                     + std::to_string(what.bytes)
                     + " bytes go on demand, up to " + to_string(what.begin));
  return cut(what, std::move(report));
}

/// Committed and applied: it holds from now on, on whatever nodes live.
void sequencer_state::answer_cuts() {
  std::erase_if(cuts, [this](waiting_cut& each) {
    if (core->state() != nullptr && core->state()->out_begin >= each.begin) {
      each.promise.deliver(std::move(each.report));
      return true;
    }
    if (core->group().leads())
      return false;
    each.promise.deliver(
      to_caf({errc::unavailable, "stream '" + core->options().stream
                                   + "': this node does not order it any "
                                     "more; whether it was cut, it may tell"}));
    return true;
  });
}

/// A program that subscribes may decide for all what is needed no more: one at
/// a time, for as long as it says so.
caf::result<std::string> sequencer_state::take_lead(const std::string& who) {
  if (!core->leads())
    return ask_leader<std::string>(lead_atom_v, who);
  if (lead.take(who, env->clock->monotonic_ns()))
    note("lead", lead.describe());
  return lead.holder();
}

// -- losses -------------------------------------------------------------------

void sequencer_state::note_loss(loss what) {
  if (auto fault = core->note_loss(std::move(what)))
    fail(fault);
}

/// It is offered again and again.
void sequencer_state::note_refused(const input_name& input, const error& why,
                                   position at) {
  if (!refused_inputs.insert(input).second)
    return;
  warn("input_refused", to_string(why));
  loss what;
  what.kind = "refused";
  what.input = to_string(input);
  what.from = what.to = at;
  what.cause = to_string(why);
  note_loss(std::move(what));
}

/// What it says of itself is not believed to be text.
void sequencer_state::publisher_refused(const input_offer& what) {
  const input_name input{what.directory, what.lineage};
  const auto copy = core->inputs().find(input);
  if (what.stream != core->options().stream || !copy) {
    ++strange_messages;
    return;
  }
  const auto at = core->inputs().recorded_end(*copy);
  note_refused(
    input,
    {errc::fenced,
     "publisher directory '" + what.directory
       + "': its publisher has other messages than the stream has up to "
       + to_string(at)
       + ": its log was copied or put back, and published elsewhere; "
         "what it has is not sent, and its publisher says what to do"},
    at);
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

void sequencer_state::tell_collection(text::json_value& into) const {
  const auto* state = core->state();
  into.add("begin", state != nullptr ? state->out_begin.value : 0);
  into.add("collected", out_collected_end.value);
  into.add("held_by", held_by);
  auto& behind = into.add("left_behind", text::json_value::array());
  for (const auto& each : left_behind)
    behind.add(each);
  into.add("disk_percent", disk_percent);
  into.add("pruned_by", lead.told(env->clock->monotonic_ns()));
  into.add("failure", collect_failure ? to_string(collect_failure) : "");
  tell_consumers(into);
}

} // namespace millrace::rt
