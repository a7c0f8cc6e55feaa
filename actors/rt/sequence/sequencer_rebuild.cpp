#include <millrace/actors/rt/sequence/sequencer.hpp>

#include <utility>

// How a sequencer mends its merged log: a closed file of out/ that a reader
// found damaged is made again from the inputs, or copied from another node, as
// `out_repair` says. Only then is the damage told.

namespace millrace::rt {

namespace {

constexpr auto out_fetch_deadline = std::chrono::seconds{1};

std::string name_of(position file) {
  return persistence::log_file_name(file.session(), file.roll());
}

out_repair::settings mend_settings(const std::vector<peer_settings>& peers) {
  out_repair::settings out;
  for (const auto& each : peers)
    out.peers.push_back({each.node, each.name});
  return out;
}

} // namespace

out_mending::out_mending(sequencer_state& of,
                         const std::vector<peer_settings>& peers)
  : of_{of}, files_{mend_settings(peers)} {}

caf::result<bool> out_mending::mend(position at) {
  const auto file = file_of(at);
  const auto* state = of_.core->state();
  if (state == nullptr || of_.core->copying()
      || files_.has_given_up(file, of_.env->clock->monotonic_ns()))
    return false;
  if (file < state->out_begin)
    return to_caf({errc::pruned, path_of(file)});
  // What is written to another file of that name would be mended in vain.
  if (const auto displaced = of_.core->check_names()) {
    of_.fail(displaced);
    return to_caf(displaced);
  }
  auto promise = of_.self->make_response_promise<bool>();
  askers_[file].push_back(promise);
  step(out_repair::asked{at});
  return promise;
}

void out_mending::tick() {
  // While the whole log is copied there is nothing to make a file of it from.
  if (const auto* state = of_.core->state())
    step(out_repair::passed{state->out_begin});
}

void out_mending::step(const out_repair::input& what) {
  const auto effects = files_.step(what, of_.env->clock->monotonic_ns());
  if (!files_.is_mending())
    copy_.reset();
  for (const auto& effect : effects)
    std::visit([this](const auto& each) { act(each); }, effect);
}

std::string out_mending::path_of(position file) const {
  return of_.core->out_directory() + "/" + name_of(file);
}

void out_mending::act(const out_repair::damaged& what) {
  of_.warn("out_damaged", path_of(what.file) + " is damaged; it is made again");
}

void out_mending::act(const out_repair::rebuild& what) {
  copy_.reset();
  auto from = of_.core->rebuilt_from();
  if (!from)
    return step(out_repair::rebuilt{from.failure()});
  // The file that is written is mended where it stands.
  const auto end = of_.core->out_end();
  lacks_->clear();
  of_.submit([from = *std::move(from), file = what.file, end, world = of_.env,
              lacks = lacks_, me = sequencer_self_actor{of_.self}] {
    const auto fault = file == file_of(end)
                         ? rebuild_live_file(*world, from, end, *lacks)
                         : rebuild_out_file(*world, from, file, *lacks);
    caf::anon_send(me, mended_atom::value, file, to_caf(fault));
  });
}

void out_mending::ended(const caf::error& outcome) {
  if (copy_)
    return step(out_repair::placed{from_caf(outcome)});
  const auto lacks = std::exchange(*lacks_, {});
  out_repair::rebuilt done{from_caf(outcome)};
  for (const auto& [input, range] : lacks)
    if (const auto copy = of_.core->inputs().find(input))
      done.may_come
        = done.may_come || of_.input_mends->may_come(*copy, range.from);
  // It is tried again when they are mended, which nothing else may ask for yet.
  for (const auto& [input, range] : lacks)
    if (const auto copy = of_.core->inputs().find(input))
      of_.input_mends->lacking(*copy, range.from, range.to);
  step(done);
}

void out_mending::act(const out_repair::copy& what) {
  auto from = of_.core->rebuilt_from();
  auto directory = from ? rebuild_directory(*of_.env, *from)
                        : result<std::string>{from.failure()};
  if (!directory)
    return step(out_repair::placed{directory.failure()});
  auto copy
    = persistence::log_replica::open(*of_.env, *directory, from->lineage);
  if (!copy)
    return step(out_repair::placed{copy.failure()});
  directory_ = *std::move(directory);
  copy_ = *std::move(copy);
  const auto end = of_.core->out_end();
  out_repair::opened done;
  if (what.file == file_of(end))
    done.until = end;
  step(done);
}

void out_mending::act(const out_repair::fetch& what) {
  const auto* peer = of_.peers->find(what.node);
  if (peer == nullptr || !peer->handle)
    return step(out_repair::away{});
  const auto& lineage = of_.core->state()->layout.lineage;
  of_.self
    ->request(peer->handle, caf::timespan{out_fetch_deadline}, fetch_atom_v,
              input_range{"", lineage, what.from, of_.core->out_end()})
    .then(
      [this, file = file_of(what.from)](position begin, const chunk& bytes) {
        if (file_of(begin) == file)
          if (auto fault = copy_->append(begin, bytes.bytes()))
            return step(out_repair::denied{fault});
        step(out_repair::came{begin, copy_->end().value_or(file)});
      },
      [this](const caf::error& fault) {
        step(out_repair::denied{from_caf(fault)});
      });
}

void out_mending::act(const out_repair::place& what) {
  auto from = of_.core->rebuilt_from();
  if (!from)
    return step(out_repair::denied{from.failure()});
  auto job = copy_->begin_sync();
  of_.submit([from = *std::move(from), what, world = of_.env,
              run = std::move(job.run), made = directory_,
              me = sequencer_self_actor{of_.self}] {
    auto fault = run();
    if (!fault)
      fault = what.until ? patch_live_file(*world->fs, from, *what.until, made)
                         : replace_out_file(*world->fs, from, what.file, made);
    if (!fault)
      fault = world->fs->remove_all(made);
    caf::anon_send(me, mended_atom::value, what.file, to_caf(fault));
  });
}

void out_mending::act(const out_repair::salvage& what) {
  auto from = of_.core->rebuilt_from();
  if (!from)
    return step(out_repair::salvaged{from.failure(), {}});
  const auto end = of_.core->out_end();
  holes_->clear();
  of_.submit([from = *std::move(from), what, end, world = of_.env,
              holes = holes_, me = sequencer_self_actor{of_.self}] {
    const auto until
      = what.file == file_of(end) ? std::optional{end} : std::nullopt;
    const auto fault
      = salvage_out_file(*world, from, what.file, until, what.may_lose, *holes);
    caf::anon_send(me, salvaged_atom::value, to_caf(fault));
  });
}

void out_mending::salvaged(const caf::error& outcome) {
  step(out_repair::salvaged{from_caf(outcome),
                            std::exchange(*holes_, std::vector<out_hole>{})});
}

void out_mending::act(const out_repair::waits& what) {
  of_.warn("out_waits",
           path_of(what.file)
             + " cannot be made again while there is no room for it: "
             + to_string(what.why)
             + "; those who read there wait. Make room: it goes on by "
               "itself");
  (void)of_.core->reserve()->give();
}

void out_mending::act(const out_repair::mended& what) {
  of_.warn("out_mended", path_of(what.file) + " is whole again");
  for (auto& each : askers_of(what.file))
    each.deliver(true);
}

/// Told to those who read it here; other nodes may have it whole.
void out_mending::act(const out_repair::lost& what) {
  const auto end = of_.core->out_end();
  auto parts = what.holes;
  if (parts.empty())
    parts.push_back({what.at, what.file == file_of(end)
                                ? end
                                : position::of(what.file.session(),
                                               what.file.roll() + 1, 0)});
  std::string places;
  for (const auto& [from, to, is_known] : parts) {
    loss gone;
    gone.kind = "out_lost";
    gone.from = from;
    gone.to = to;
    gone.cause = "damaged on this node, and cannot be made again: "
                 + to_string(what.why);
    of_.note_loss(std::move(gone));
    places += (places.empty() ? "" : ", ") + to_string(from) + " to "
              + to_string(to);
  }
  of_.warn("out_lost",
           path_of(what.file) + " cannot be made again: " + to_string(what.why)
             + (what.holes.empty()
                  ? "; subscribers get a badtail, and go on at the next file"
                  : "; subscribers get a badtail of " + places
                      + ", and all that is intact around it"));
  for (auto& each : askers_of(what.file))
    each.deliver(!what.holes.empty());
}

void out_mending::act(const out_repair::lacks& what) {
  of_.note("out_lacks",
           path_of(what.file) + ": nobody has what was told as lost of it");
  for (auto& each : askers_of(what.file))
    each.deliver(false);
}

void out_mending::act(const out_repair::pruned& what) {
  for (auto& each : askers_of(what.file))
    each.deliver(to_caf({errc::pruned, path_of(what.file)}));
}

std::vector<out_mending::promise> out_mending::askers_of(position file) {
  return askers_.extract(file).mapped();
}

} // namespace millrace::rt
