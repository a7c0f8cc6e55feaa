#include <millrace/actors/rt/archive/archive_survey.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/persistence/log/log_collect.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>

// What becomes of old files: copies of inputs go when nobody needs them any
// more; the merged log is cut where the node that leads says so.

namespace millrace::rt {

namespace {

constexpr int64_t archive_look_ns = 5'000'000'000;

} // namespace

stream_archive::stream_archive(sequencer_state& of) : of_{of} {}

// -- files that nobody needs --------------------------------------------------

void stream_archive::collect_needless() {
  for (const auto& [copy, sink] : of_.sinks)
    collect(sink, copy);
  collect_out();
  collect_history();
}

void stream_archive::collect(const input_sink_actor& sink, copy_id copy) {
  if (const auto below = of_.core->needless_of(copy); below != position{})
    of_.self->send(sink, collect_atom::value, below,
                   leaves_behind_ ? below : position{});
}

// -- nodes that are away ------------------------------------------------------

/// What the group need not keep, as this node decides that leads.
result<entry_index> stream_archive::needless_entries(int64_t now_ns) {
  auto fullest = disk_percent_;
  for (const auto& peer : of_.peers->all())
    if (peer.handle)
      fullest = std::max(fullest, peer_disk_percents_[peer.at.node]);
  const auto what = of_.core->group().needless(
    of_.core->checkpointed(), fullest > of_.settings.gc_disk_percent, now_ns);
  tell_left_behind(what.left_behind);
  if (auto fault = of_.core->compact(what.index))
    return fault;
  leave_behind(!what.left_behind.empty());
  return what.index;
}

/// Those that are new, and those that came on again: a line each.
void stream_archive::tell_left_behind(const std::vector<member_id>& members) {
  std::vector<std::string> names;
  for (const auto& id : members) {
    const auto* peer = of_.peers->find(id.node);
    names.push_back(peer != nullptr ? peer->at.name : to_string(id));
  }
  const auto has
    = [](const std::vector<std::string>& all, const std::string& one) {
        return std::find(all.begin(), all.end(), one) != all.end();
      };
  for (const auto& each : names)
    if (!has(left_behind_, each))
      of_.warn(
        "left_behind",
        each + " is away or does not come on, and "
          + (disk_percent_ > of_.settings.gc_disk_percent
               ? "a disk is fuller than "
                   + std::to_string(of_.settings.gc_disk_percent) + " percents"
               : "gc_grace is over")
          + ": files that it lacks go; when it is back it copies the merged "
            "log from the others");
  for (const auto& each : left_behind_)
    if (!has(names, each))
      of_.note("left_behind", each + " is no longer left behind");
  left_behind_ = std::move(names);
}

void stream_archive::leave_behind(bool any) {
  if (std::exchange(leaves_behind_, any) != any && any)
    collect_needless();
}

void stream_archive::look_at_disk() {
  const auto now_ns = of_.env->clock->monotonic_ns();
  if (looking_at_disk_ || now_ns < disk_look_at_ns_)
    return;
  looking_at_disk_ = true;
  disk_look_at_ns_ = now_ns + archive_look_ns;
  of_.submit([world = of_.env, directory = of_.core->options().directory,
              me = sequencer_self_actor{of_.self}] {
    const auto free = world->fs->free_bytes(directory);
    const auto total = world->fs->total_bytes(directory);
    uint32_t percent = 0;
    if (free && total && *total != 0)
      percent
        = static_cast<uint32_t>(100 - std::min(*free, *total) * 100 / *total);
    caf::anon_send(me, disk_atom::value, percent);
  });
}

void stream_archive::disk_seen(uint32_t percent) {
  looking_at_disk_ = false;
  disk_percent_ = percent;
}

void stream_archive::collect_out() {
  const auto below = of_.core->needless_out();
  const auto* state = of_.core->state();
  // Nothing was ever before the first file.
  const auto gone = std::max(
    out_collected_end_, state != nullptr ? state->layout.first : position{});
  if (collecting_out_ || below <= gone)
    return;
  collecting_out_ = true;
  of_.submit([world = of_.env, directory = of_.core->out_directory(), below,
              me = sequencer_self_actor{of_.self}] {
    auto went = persistence::collect_log(*world, directory, below);
    caf::anon_send(me, collected_atom::value, below,
                   went ? caf::error{} : to_caf(went.failure()));
  });
}

void stream_archive::collect_history() {
  const auto last = of_.core->needless_history();
  if (collecting_history_ || last <= history_collected_end_)
    return;
  collecting_history_ = true;
  of_.submit([world = of_.env,
              directory = of_.core->options().directory + "/history", last,
              me = sequencer_self_actor{of_.self}] {
    caf::anon_send(me, collected_atom::value, last,
                   to_caf(merge_history::collect(*world, directory, last)));
  });
}

/// What is left is tried again when more is to go.
void stream_archive::history_collected(entry_index last,
                                       const caf::error& outcome) {
  collecting_history_ = false;
  if (outcome)
    return of_.warn("not_collected", to_string(from_caf(outcome)));
  history_collected_end_ = last;
  collect_history();
}

void stream_archive::out_collected(position below, const caf::error& outcome) {
  collecting_out_ = false;
  collect_failure_ = from_caf(outcome);
  if (collect_failure_) {
    // Tried again when more is to go.
    of_.warn("not_collected", to_string(collect_failure_));
    return;
  }
  out_collected_end_ = below;
  for (const auto& reader : of_.readers)
    of_.self->send(reader.source, collected_atom_v, below);
  of_.note("collected", "the merged log begins at " + to_string(below)
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
void stream_archive::mind_clock() {
  if (of_.settings.retention.age_max_ns == 0)
    return;
  const auto jump_ns
    = age_clock_.look(of_.env->clock->now_ns(), of_.env->clock->monotonic_ns());
  if (jump_ns != 0)
    of_.warn(
      "clock_jump",
      "the clock of this host went " + std::to_string(jump_ns / 1'000'000'000)
        + " s ahead: in an hour files go by it (retention_age); until then "
          "it can be set right");
}

/// The archiver: looks at the files now and then, off this thread.
void stream_archive::look_at_files() {
  mind_clock();
  const auto now_ns = of_.env->clock->monotonic_ns();
  if (looking_ || now_ns < look_at_ns_ || !of_.settings.retention.any()
      || !of_.core->leads())
    return;
  looking_ = true;
  look_at_ns_ = now_ns + archive_look_ns;
  of_.submit([world = of_.env, directory = of_.core->out_directory(),
              begin = of_.core->state()->out_begin,
              wall_ns = of_.settings.retention.age_max_ns != 0
                          ? std::optional{age_clock_.now_ns(now_ns)}
                          : std::nullopt,
              into = looked_, me = sequencer_self_actor{of_.self}] {
    auto seen
      = survey_files(*world->fs, directory, begin, wall_ns, into->times);
    into->failure = seen ? error{} : seen.failure();
    if (seen)
      into->files = *std::move(seen);
    caf::anon_send(me, surveyed_atom::value);
  });
}

void stream_archive::files_seen() {
  looking_ = false;
  if (looked_->failure)
    return of_.warn("archiver", to_string(looked_->failure));
  if (!of_.core->leads())
    return;
  const auto what
    = archive(looked_->files, of_.floors(), of_.settings.retention,
              age_clock_.now_ns(of_.env->clock->monotonic_ns(),
                                newest_of(looked_->files)));
  if (const auto of_future = looked_->files.of_future)
    of_.warn("future_messages",
             "the file at " + to_string(*of_future)
               + " has messages of the future: by retention_age it counts as "
                 "written when it was first seen");
  if (what.held_by != held_by_ && !what.held_by.empty())
    of_.warn("retention_held",
             "files stay beyond the retention, because consumer '"
               + what.held_by + "' may need them"
               + (of_.is_configured(what.held_by)
                    ? ""
                    : ": 'millrace consumer rm' forgets one that is gone for "
                      "good"));
  held_by_ = what.held_by;
  if (what.files == 0 || what.begin <= of_.core->state()->out_begin)
    return;
  of_.note("archived", std::to_string(what.files) + " files of "
                         + std::to_string(what.bytes)
                         + " bytes go by the retention, up to "
                         + to_string(what.begin));
  auto fault = of_.core->propose_cut(what.begin);
  // Another node leads by now, and looks for itself.
  if (fault && fault.code != errc::unavailable)
    return of_.fail(fault);
  of_.progress(of_.core->advance());
}

/// A cut is at a message of the stream, or where a file begins.
error stream_archive::check_cut(position at) const {
  if (of_.is_strange(at))
    return of_.strange_place(at);
  if (at > of_.core->out_end())
    return {errc::ahead, "stream '" + of_.core->options().stream
                           + "': " + to_string(at) + " lies beyond its end "
                           + to_string(of_.core->out_end())};
  const auto* state = of_.core->state();
  if (at.offset() == 0 || state == nullptr || at <= state->out_begin)
    return {};
  return persistence::log_reader::open(
           *of_.env->fs, {.directory = of_.core->out_directory()}, at)
    .failure();
}

/// What a cut on demand is decided by: when files were written is none of it.
result<archive_files> stream_archive::files_now() const {
  std::map<position, std::optional<int64_t>> no_times;
  return survey_files(*of_.env->fs, of_.core->out_directory(),
                      of_.core->state()->out_begin, std::nullopt, no_times);
}

result<stream_archive::cut_plan> stream_archive::plan_cut(position at) const {
  if (auto fault = check_cut(at))
    return fault;
  auto files = files_now();
  if (!files)
    return files.failure();
  const auto begin
    = persistence::begin_after(*of_.env->fs, of_.core->out_directory(), at);
  if (!begin)
    return begin.failure();
  auto all = cut_at(*files, *begin);
  return cut_plan{*std::move(files), std::move(all)};
}

/// What consumers lose is written down.
error stream_archive::overrule(const archive_decision& cut,
                               const archive_floors& losing, cut_mode mode) {
  if (losing.empty())
    return {};
  if (mode != cut_mode::forced)
    return {errc::invalid_argument,
            "stream '" + of_.core->options().stream + "': a cut at "
              + to_string(cut.begin) + " would lose messages for "
              + names_of(losing) + "; with --force it is done all the same"};
  loss what;
  what.kind = "overruled";
  what.from = of_.core->state()->out_begin;
  what.to = cut.begin;
  what.cause = "cut at " + to_string(cut.begin)
               + " by force: messages are lost for " + names_of(losing);
  of_.warn("pruned_below_floor", what.cause);
  of_.note_loss(std::move(what));
  return {};
}

caf::result<status_facts> stream_archive::prune(position at, cut_mode mode) {
  if (!of_.core->leads())
    return of_.ask_leader<status_facts>(prune_atom_v, at, mode);
  const auto plan = plan_cut(at);
  if (!plan)
    return to_caf(plan.failure());
  const auto& cut = plan->all;
  const auto losing = losers(of_.floors(), cut.begin);
  auto report
    = prune_report(of_.core->options().stream, plan->files, cut, losing);
  if (mode == cut_mode::dry || cut.files == 0)
    return report;
  if (auto fault = overrule(cut, losing, mode))
    return to_caf(fault);
  of_.note("pruned", "cut at " + to_string(cut.begin)
                       + " on demand: " + std::to_string(cut.files)
                       + " files of " + std::to_string(cut.bytes) + " bytes");
  return this->cut(cut, std::move(report));
}

/// Answered when it holds on whatever nodes live.
caf::result<status_facts> stream_archive::cut(const archive_decision& what,
                                              status_facts report) {
  if (auto fault = of_.core->propose_cut(what.begin))
    return to_caf(fault);
  auto promise = of_.self->make_response_promise<status_facts>();
  cuts_.push_back({what.begin, std::move(report), promise});
  of_.progress(of_.core->advance());
  return promise;
}

caf::result<status_facts> stream_archive::archive_up_to(position at,
                                                        cut_mode mode) {
  if (!of_.core->leads())
    return of_.ask_leader<status_facts, operated_stream_actor>(archive_atom_v,
                                                               at, mode);
  const auto plan = plan_cut(at);
  if (!plan)
    return to_caf(plan.failure());
  const auto& [files, all] = *plan;
  archive_policy once;
  once.up_to = all.begin;
  const auto what
    = archive(files, of_.floors(), once, of_.env->clock->now_ns());
  auto report = prune_report(of_.core->options().stream, files, what, {});
  report.add("held_files", all.files - what.files);
  report.add("held_bytes", all.bytes - what.bytes);
  report.add("holders", to_json(losers(of_.floors(), all.begin)));
  if (mode == cut_mode::dry || what.files == 0)
    return report;
  of_.note("archived", std::to_string(what.files) + " files of "
                         + std::to_string(what.bytes)
                         + " bytes go on demand, up to "
                         + to_string(what.begin));
  return cut(what, std::move(report));
}

/// Committed and applied: it holds from now on, on whatever nodes live.
void stream_archive::answer_cuts() {
  std::erase_if(cuts_, [this](waiting_cut& each) {
    if (of_.core->state() != nullptr
        && of_.core->state()->out_begin >= each.begin) {
      each.promise.deliver(std::move(each.report));
      return true;
    }
    if (of_.core->group().leads())
      return false;
    each.promise.deliver(
      to_caf({errc::unavailable, "stream '" + of_.core->options().stream
                                   + "': this node does not order it any "
                                     "more; whether it was cut, it may tell"}));
    return true;
  });
}

/// A program that subscribes may decide for all what is needed no more: one at
/// a time, for as long as it says so.
caf::result<std::string> stream_archive::take_lead(const std::string& who) {
  if (!of_.core->leads())
    return of_.ask_leader<std::string>(lead_atom_v, who);
  if (lead_.take(who, of_.env->clock->monotonic_ns()))
    of_.note("lead", lead_.describe());
  return lead_.holder();
}

void stream_archive::tell(text::json_value& into) const {
  const auto* state = of_.core->state();
  into.add("begin", state != nullptr ? state->out_begin.value : 0);
  into.add("collected", out_collected_end_.value);
  into.add("held_by", held_by_);
  auto& behind = into.add("left_behind", text::json_value::array());
  for (const auto& each : left_behind_)
    behind.add(each);
  into.add("disk_percent", disk_percent_);
  into.add("pruned_by", lead_.told(of_.env->clock->monotonic_ns()));
  into.add("failure", collect_failure_ ? to_string(collect_failure_) : "");
  of_.tell_consumers(into);
}

void stream_archive::heard(const peer_hello& what) {
  peer_disk_percents_[what.from.node] = what.disk_percent;
}

void stream_archive::tick() {
  look_at_files();
  look_at_disk();
}

} // namespace millrace::rt
