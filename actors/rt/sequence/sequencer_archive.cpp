#include <millrace/actors/rt/sequence/sequencer.hpp>
#include <millrace/persistence/log/log_collect.hpp>

// What becomes of old files: copies of inputs go when nobody needs them any
// more; the merged log is cut where the node that leads says so.

namespace millrace::rt {

namespace {

constexpr int64_t look_interval_ns = 5'000'000'000;

/// The closed files of out/ from `begin` on, and its disk. Blocks.
result<archive_files>
survey_files(persistence::file_system& fs, const std::string& directory,
             position begin, bool with_times,
             std::map<position, std::optional<int64_t>>& times) {
  archive_files out;
  auto all = persistence::list_log_files(fs, directory);
  if (!all)
    return all.failure();
  const persistence::log_file_info* before = nullptr;
  for (const auto& file : *all) {
    const auto at = position::of(file.session, file.roll, 0);
    if (at < begin || (file.archived && file.size == 0))
      continue;
    if (before != nullptr) {
      const auto from = position::of(before->session, before->roll, 0);
      if (with_times && !times.contains(from)) {
        auto newest = persistence::newest_time(fs, directory, *before);
        if (!newest)
          return newest.failure();
        times[from] = *newest;
      }
      out.closed.push_back(
        {from, at, before->size, with_times ? times[from] : std::nullopt});
    }
    before = &file;
  }
  if (before != nullptr)
    out.live_bytes = before->size;
  auto free = fs.free_bytes(directory);
  if (!free)
    return free.failure();
  auto total = fs.total_bytes(directory);
  if (!total)
    return total.failure();
  out.disk_total_bytes = *total;
  out.disk_used_bytes = *total - std::min(*free, *total);
  return out;
}

text::json_value to_json(const archive_floors& floors) {
  auto out = text::json_value::array();
  for (const auto& [consumer, at] : floors)
    out.add(
      {{"consumer", consumer},
       {"needs_from", at ? text::json_value(at->value) : text::json_value()}});
  return out;
}

/// What `prune` answers: where the log begins, or would begin, which files go,
/// and which consumers lose what.
text::json_value prune_report(const std::string& stream,
                              const archive_files& files,
                              const archive_decision& cut,
                              const archive_floors& losers) {
  auto names = text::json_value::array();
  for (const auto& file : files.closed)
    if (file.end <= cut.begin)
      names.add({{"file", persistence::log_file_name(file.begin.session(),
                                                     file.begin.roll())},
                 {"bytes", file.bytes}});
  return {{"stream", stream},
          {"begin", cut.begin.value},
          {"bytes", cut.bytes},
          {"files", std::move(names)},
          {"losers", to_json(losers)}};
}

std::string names_of(const archive_floors& losers) {
  std::string out;
  for (const auto& [consumer, at] : losers)
    out += (out.empty() ? "'" : ", '") + consumer + "' ("
           + (at ? "needs all from " + to_string(*at)
                 : "has not told what it needs")
           + ")";
  return out;
}

} // namespace

// -- files that nobody needs --------------------------------------------------

void sequencer_state::collect_needless() {
  for (const auto& [copy, sink] : sinks)
    if (const auto below = core->needless_of(copy); below != position{})
      self->send(sink, collect_atom_v, below);
  collect_out();
}

void sequencer_state::collect_out() {
  const auto below = core->needless_out();
  if (collecting_out || below <= out_collected_end)
    return;
  collecting_out = true;
  env->io->submit([world = env, directory = core->out_directory(), below,
                   me = sequencer_self_actor{self}] {
    auto went = persistence::collect_log(*world, directory, below);
    caf::anon_send(me, collect_atom_v, below,
                   went ? caf::error{} : to_caf(went.failure()));
  });
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
  note("collected",
         "the merged log begins at " + to_string(below)
           + ", older files are gone");
  collect_out();
}

// -- what consumers need ------------------------------------------------------

void sequencer_state::take_floor(const std::string& consumer, position at) {
  auto& known = told_floors[consumer];
  known = std::max(known, at);
}

/// Whoever leads decides what goes.
void sequencer_state::pass_floors_on() {
  constexpr int64_t interval_ns = 1'000'000'000;
  const auto now_ns = env->clock->monotonic_ns();
  if (core->group().leads() || told_floors.empty() || now_ns < floors_at_ns)
    return;
  floors_at_ns = now_ns + interval_ns;
  if (const auto leader = leading_peer())
    for (const auto& [consumer, at] : told_floors)
      self->send(*leader, floor_atom_v, consumer, at);
}

archive_floors sequencer_state::floors() const {
  archive_floors out;
  for (const auto& consumer : settings.consumers)
    out.emplace(consumer, std::nullopt);
  for (const auto& [consumer, at] : told_floors)
    out[consumer] = at;
  return out;
}

// -- where the merged log is cut ----------------------------------------------

/// The archiver: looks at the files now and then, off this thread.
void sequencer_state::look_at_files() {
  const auto now_ns = env->clock->monotonic_ns();
  if (looking || now_ns < look_at_ns || !settings.retention.any()
      || !core->leads())
    return;
  looking = true;
  look_at_ns = now_ns + look_interval_ns;
  env->io->submit([world = env, directory = core->out_directory(),
                   begin = core->state()->out_begin,
                   with_times = settings.retention.age_max_ns != 0,
                   into = looked, me = sequencer_self_actor{self}] {
    auto seen
      = survey_files(*world->fs, directory, begin, with_times, into->times);
    into->failure = seen ? error{} : seen.failure();
    if (seen)
      into->files = *std::move(seen);
    caf::anon_send(me, collect_atom_v);
  });
}

void sequencer_state::files_seen() {
  looking = false;
  if (looked->failure)
    return warn("archiver", to_string(looked->failure));
  if (!core->leads())
    return;
  const auto what = archive(looked->files, floors(), settings.retention,
                            env->clock->now_ns());
  if (what.held_by != held_by && !what.held_by.empty())
    warn("retention-held",
           "files stay beyond the retention, because consumer '" + what.held_by
             + "' may need them");
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

caf::result<std::string> sequencer_state::prune(position at, bool dry,
                                                bool forced) {
  if (!core->leads()) {
    const auto leader = leading_peer();
    if (!leader)
      return to_caf(leader.failure());
    return self->delegate(*leader, prune_atom_v, at, dry, forced);
  }
  std::map<position, std::optional<int64_t>> no_times;
  const auto files = survey_files(*env->fs, core->out_directory(),
                                  core->state()->out_begin, false, no_times);
  if (!files)
    return to_caf(files.failure());
  const auto cut = cut_at(*files, at);
  const auto losing = losers(floors(), cut.begin);
  auto report
    = prune_report(core->options().stream, *files, cut, losing).dump();
  if (dry || cut.files == 0)
    return report;
  if (!losing.empty()) {
    if (!forced)
      return to_caf({errc::invalid_argument,
                     "stream '" + core->options().stream + "': a cut at "
                       + to_string(cut.begin) + " would lose messages for "
                       + names_of(losing)
                       + "; forced, it is done all the same"});
    warn("pruned-below-floor",
           "cut at " + to_string(cut.begin)
             + " by force: messages are lost for " + names_of(losing));
  }
  note("pruned",
         "cut at " + to_string(cut.begin)
           + " on demand: " + std::to_string(cut.files) + " files of "
           + std::to_string(cut.bytes) + " bytes");
  if (auto fault = core->propose_cut(cut.begin))
    return to_caf(fault);
  auto promise = self->make_response_promise<std::string>();
  cuts.push_back({cut.begin, std::move(report), promise});
  progress(core->advance());
  return promise;
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

void sequencer_state::tell_collection(text::json_value& into) const {
  const auto* state = core->state();
  into.add("begin", state != nullptr ? state->out_begin.value : 0);
  into.add("collected", out_collected_end.value);
  into.add("held_by", held_by);
  into.add("failure", collect_failure ? to_string(collect_failure) : "");
  into.add("consumers", to_json(floors()));
}

} // namespace millrace::rt
