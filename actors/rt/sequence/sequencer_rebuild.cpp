#include <millrace/actors/rt/link/read_records.hpp>
#include <millrace/actors/rt/sequence/out_rebuild.hpp>
#include <millrace/actors/rt/sequence/out_state.hpp>
#include <millrace/actors/rt/sequence/sequencer.hpp>

#include <algorithm>
#include <utility>

// How a sequencer mends its merged log: a closed file of out/ that a reader
// found damaged is made again from the inputs, or copied from another node,
// where it is the same byte for byte. Only then is the damage told.

namespace millrace::rt {

namespace {

/// What could not be mended is not tried again before.
constexpr int64_t give_up_ns = 600'000'000'000;
constexpr int mend_tries = 6;
constexpr int64_t retry_after_ns = 4'000'000'000;
constexpr auto out_fetch_deadline = std::chrono::seconds{1};

std::string name_of(position file) {
  return persistence::log_file_name(file.session(), file.roll());
}

} // namespace

caf::result<bool> sequencer_state::mend_out(position at) {
  const auto file = file_of(at);
  const auto now_ns = env->clock->monotonic_ns();
  std::erase_if(out_given_up, [&](const auto& entry) {
    return now_ns - entry.second > give_up_ns;
  });
  if (core->state() == nullptr || core->copying()
      || out_given_up.contains(file))
    return false;
  if (file < core->state()->out_begin)
    return to_caf({errc::pruned, core->out_directory() + "/" + name_of(file)});
  // What is written to another file of that name would be mended in vain.
  if (const auto displaced = core->check_names()) {
    fail(displaced);
    return to_caf(displaced);
  }
  auto promise = self->make_response_promise<bool>();
  out_mends[file].push_back(promise);
  const auto first = out_damaged.try_emplace(file, at).first;
  first->second = std::min(first->second, at);
  if (out_mends[file].size() == 1)
    settings.warn("out_damaged", "stream '" + core->options().stream + "': "
                                   + core->out_directory() + "/" + name_of(file)
                                   + " is damaged; it is made again");
  if (!out_mending)
    start_mend();
  return promise;
}

void sequencer_state::start_mend() {
  // While the whole log is copied there is nothing to make a file of it from.
  if (out_mends.empty() || out_mending || core->state() == nullptr
      || env->clock->monotonic_ns() < out_retry_at_ns)
    return;
  // In turn: one may need the state at the start of another, damaged too.
  auto next = out_mends.upper_bound(out_mended_last);
  if (next == out_mends.end())
    next = out_mends.begin();
  const auto file = next->first;
  out_mending = out_mended_last = file;
  auto from = core->rebuilt_from();
  if (!from)
    return rebuilt(file, to_caf(from.failure()));
  // The file that is written is mended where it stands.
  const auto end = core->out_end();
  rebuild_lacks->clear();
  submit([from = *std::move(from), file, end, world = env,
          lacks = rebuild_lacks, me = sequencer_self_actor{self}] {
    const auto fault = file == file_of(end)
                         ? rebuild_live_file(*world, from, end, *lacks)
                         : rebuild_out_file(*world, from, file, *lacks);
    caf::anon_send(me, mended_atom::value, file, to_caf(fault));
  });
}

void sequencer_state::rebuilt(position file, const caf::error& outcome) {
  const bool copied = copying && copying->file == file;
  const auto fault = from_caf(outcome);
  // Of what was let go nothing comes again, unless another node has the file.
  const bool is_final
    = settings.peers.empty()
      && (fault.code == errc::not_found || fault.code == errc::pruned)
      && std::none_of(rebuild_lacks->begin(), rebuild_lacks->end(),
                      [&](const auto& each) {
                        const auto copy = core->inputs().find(each.input);
                        return copy && may_come(*copy, each.range.from);
                      });
  // It is tried again when they are mended, which nothing else may ask for yet.
  for (const auto& [input, range] : std::exchange(*rebuild_lacks, {}))
    if (const auto copy = core->inputs().find(input))
      input_lacking(*copy, range.from, range.to);
  if (!fault || copied || settings.peers.empty()) {
    copying.reset();
    return end_mend(fault, is_final);
  }
  auto from = core->rebuilt_from();
  auto directory = from ? rebuild_directory(*env, *from)
                        : result<std::string>{from.failure()};
  if (!directory)
    return end_mend(directory.failure());
  auto copy = persistence::log_replica::open(*env, *directory, from->lineage);
  if (!copy)
    return end_mend(copy.failure());
  const auto end = core->out_end();
  copying.emplace(out_copy{
    file, *directory, *std::move(copy),
    file == file_of(end) ? std::optional{end} : std::nullopt, 0, fault});
  fetch_out();
}

void sequencer_state::fetch_out() {
  const auto& all = peers->all();
  while (copying->peer < all.size() && !all[copying->peer].handle)
    ++copying->peer;
  if (copying->peer == all.size()) {
    const auto why = copying->why;
    copying.reset();
    return end_mend(why);
  }
  const auto& lineage = core->state()->layout.lineage;
  const auto from = copying->copy->end().value_or(copying->file);
  self
    ->request(all[copying->peer].handle, caf::timespan{out_fetch_deadline},
              fetch_atom_v, input_range{"", lineage, from, core->out_end()})
    .then(
      [this](position begin, const chunk& bytes) { take_out(begin, bytes); },
      [this](const caf::error& fault) { deny_out(from_caf(fault)); });
}

void sequencer_state::deny_out(const error& why) {
  if (!copying)
    return;
  copying->why.context
    += "; " + peers->all()[copying->peer].at.name + ": " + to_string(why);
  if (why.code == errc::no_space)
    copying->why.code = why.code;
  ++copying->peer;
  fetch_out();
}

void sequencer_state::take_out(position begin, const chunk& bytes) {
  if (!copying)
    return;
  const auto file = copying->file;
  if (file_of(begin) == file) {
    if (auto fault = copying->copy->append(begin, bytes.bytes()))
      return deny_out(fault);
    if (!copying->until || copying->copy->end() < copying->until)
      return fetch_out();
  }
  // All is there; of a closed file the next one begins: it is whole, if its
  // seal came.
  auto from = core->rebuilt_from();
  if (!from)
    return deny_out(from.failure());
  auto job = copying->copy->begin_sync();
  submit([from = *std::move(from), file, world = env, run = std::move(job.run),
          made = copying->directory, until = copying->until,
          me = sequencer_self_actor{self}] {
    auto fault = run();
    if (!fault)
      fault = until ? patch_live_file(*world->fs, from, *until, made)
                    : replace_out_file(*world->fs, from, file, made);
    if (!fault)
      fault = world->fs->remove_all(made);
    caf::anon_send(me, mended_atom::value, file, to_caf(fault));
  });
}

/// @param why it could not be mended; empty: it was
/// @param is_final time alone does not help
void sequencer_state::end_mend(const error& why, bool is_final) {
  auto done = out_mends.extract(*std::exchange(out_mending, std::nullopt));
  const auto text = "stream '" + core->options().stream
                    + "': " + core->out_directory() + "/" + name_of(done.key());
  // A full disk takes nothing away: it is waited for.
  const bool full = why.code == errc::no_space;
  if (full && out_waits.insert(done.key()).second) {
    settings.warn("out_waits", text
                                 + " cannot be made again while there is no "
                                   "room for it: "
                                 + to_string(why)
                                 + "; those who read there wait. Make room: it "
                                   "goes on by itself");
    (void)core->reserve()->give();
  }
  if (why && !is_final && (full || ++out_tries[done.key()] < mend_tries)) {
    // An input that it is made of may be damaged too, and under repair.
    out_retry_at_ns = env->clock->monotonic_ns() + retry_after_ns;
    out_mends.insert(std::move(done));
    return;
  }
  out_tries.erase(done.key());
  out_waits.erase(done.key());
  const auto damaged = out_damaged.extract(done.key()).mapped();
  if (!why) {
    ++out_mended;
    settings.warn("out_mended", text + " is whole again");
  } else {
    out_given_up[done.key()] = env->clock->monotonic_ns();
    settings.warn("out_lost", text + " cannot be made again: " + to_string(why)
                                + "; subscribers get a badtail, and go on at "
                                  "the next file");
    note_out_lost(damaged, to_string(why));
  }
  for (auto& each : done.mapped())
    each.deliver(!why);
  start_mend();
}

/// Told to those who read it here; other nodes may have it whole.
void sequencer_state::note_out_lost(position at, const std::string& why) {
  const auto file = file_of(at);
  const auto end = core->out_end();
  loss gone;
  gone.kind = "out_lost";
  gone.from = at;
  gone.to = file == file_of(end)
              ? end
              : position::of(file.session(), file.roll() + 1, 0);
  gone.cause = "damaged on this node, and cannot be made again: " + why;
  note_loss(std::move(gone));
}

caf::result<position, chunk>
sequencer_state::serve_out(const input_range& what) const {
  const auto* state = core->state();
  if (state == nullptr || what.from >= what.to
      || state->layout.lineage != what.lineage)
    return to_caf({errc::not_found, "the merged log is not here"});
  auto part = read_records(*env->fs, core->out_directory(), what.from, what.to);
  if (!part)
    return to_caf(part.failure());
  return {part->begin, part->bytes};
}

} // namespace millrace::rt
