#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/actors/torq/rdb/written_rows.hpp>

#include <algorithm>

// Who waits for a period to be written and served.

namespace millrace::torq {

namespace {

/// An actor that waits for a partition says so again within this time.
constexpr int64_t install_patience_ns = 1'000'000'000;

} // namespace

caf::result<period_report>
rdb_state::wait_installed(period_id period, position at, bool accepts) {
  if (!strange_stream.empty())
    return to_caf({errc::fenced, settings.process + ": " + strange_stream});
  auto promise = self->make_response_promise<period_report>();
  installs.push_back({period, at, accepts,
                      env->clock->monotonic_ns() + install_patience_ns,
                      promise});
  answer_installs();
  return promise;
}

/// They must last before their period is written down: after that the stream
/// does not bring them again.
void rdb_state::accept_rejects(period_id up_to) {
  accepting = true;
  env->io->submit([shared = store, up_to, me = rdb_self_actor{self}] {
    caf::anon_send(me, accepted_atom::value, up_to,
                   to_caf(shared->sync_letters()));
  });
}

void rdb_state::accepted(period_id up_to, const error& fault) {
  accepting = false;
  if (!fault)
    return step(period_ledger::accepted{up_to});
  last_failure = fault;
  for (auto& waits : installs)
    waits.accepts = false;
  answer_installs();
}

bool rdb_state::reached(const waiting_install& what) const {
  // Read in this order: an end that the snapshot shows is counted before.
  return store->tables.snapshot()->end >= what.at
         && store->period_ends_untold == 0;
}

bool rdb_state::decided(const waiting_install& what) const {
  if (!reached(what))
    return false;
  const auto* waits = ledger.waiting();
  return !ledger.awaits(what.period)
         || (!what.accepts && waits != nullptr && waits->period <= what.period);
}

void rdb_state::answer_installs() {
  const auto now = env->clock->monotonic_ns();
  if (const auto* held_one = ledger.waiting(); held_one && !accepting)
    for (const auto& waits : installs)
      if (waits.accepts && held_one->period <= waits.period && reached(waits))
        accept_rejects(waits.period);
  std::vector<waiting_install> due;
  std::erase_if(installs, [&](waiting_install& waits) {
    if (!decided(waits) && now <= waits.deadline_ns)
      return false;
    due.push_back(std::move(waits));
    return true;
  });
  for (auto& waits : due)
    report(std::move(waits));
}

/// A replica lets rows go once they are served, as others wrote them down:
/// those may have lost what it has.
void rdb_state::tell_let_go(position from, position to) {
  if (settings.write_down || settings.hdb_directory.empty()
      || !settings.on_warning)
    return;
  uint64_t own = 0;
  {
    const std::scoped_lock lock{store->reject_mutex};
    own = store->losses.count(from, to);
  }
  env->io->submit([fs = env->fs, directory = settings.hdb_directory,
                   stream = settings.stream, warn = settings.on_warning, own,
                   from, to] {
    const auto manifest = persistence::read_hdb_manifest(*fs, directory);
    if (!manifest)
      return; // Who serves it tells.
    uint64_t written = 0;
    std::string last;
    for (const auto& loss : manifest->losses)
      if (loss.stream == stream && loss.touches(from, to)
          && loss.kind == persistence::hdb_loss::stream_event) {
        written += loss.count;
        last = loss.text;
      }
    if (written > own)
      warn("let_go",
           "the rows up to " + to_string(to)
             + " are served, and go from memory some seconds after "
               "query_timeout; what is written down of them counts "
             + std::to_string(written) + " losses (the last: " + last
             + "), this replica " + std::to_string(own)
             + ": rows that it alone has are in no answer from now on");
  });
}

/// Reads what was written on a thread that may wait for the disk.
void rdb_state::report(waiting_install what) {
  const auto number = ++report_last;
  std::set<std::string> tables;
  for (const auto& table : settings.tables)
    tables.insert(table.name);
  env->io->submit(
    [fs = env->fs, directory = settings.hdb_directory, stream = settings.stream,
     tables = std::move(tables), period = what.period,
     unheld = settings.unheld_tables, number, served = ledger.served_end(),
     lacking = settings.lacking_by_hand, me = rdb_self_actor{self}] {
      period_report out;
      if (!directory.empty()) {
        auto written
          = read_written(*fs, directory, stream, tables, period, unheld);
        if (written) {
          out.served
            = written->covered != position{} && written->covered <= served;
          out.end = written->end;
          out.version = written->version;
          out.rows = std::move(written->rows);
          out.rejected_batches = written->rejected_batches;
          out.losses = written->losses;
          out.last_loss = std::move(written->last_loss);
          out.unheld_batches = written->unheld_batches;
        } else {
          out.failure = to_string(written.failure());
        }
      }
      if (!directory.empty() && lacking)
        out.lacks = lacking();
      caf::anon_send(me, period_read_atom::value, number, out);
    });
  reports.emplace(number, std::move(what));
}

void rdb_state::reported(uint64_t number, const period_report& written) {
  const auto found = reports.extract(number);
  auto& what = found.mapped();
  auto out = written;
  out.period = what.period;
  out.reached = reached(what);
  out.stands = store->tables.snapshot()->end;
  // One that ended before this life is served when the manifest that is served
  // holds it.
  out.served = out.reached && !ledger.awaits(what.period)
               && (out.served || ledger.serves(what.period));
  out.hdbs = ledger.living_hdbs();
  if (const auto* entry = ledger.find(what.period)) {
    out.end = entry->end;
    out.rejected_batches = entry->rejects;
    out.losses = entry->losses;
    if (out.losses != 0 && out.last_loss.empty())
      out.last_loss = facts().last_loss; // It is not written down.
    out.unheld_batches = entry->unheld;
  }
  const auto* waits = ledger.waiting();
  out.held = waits != nullptr && waits->period <= what.period;
  if (!out.reached) {
    out.failure = stalled();
  } else if (presence->waits() && !out.served) {
    out.held = true;
    out.failure = presence->waits_text();
  } else if (out.held) {
    out.failure.clear();
  } else if (out.failure.empty() && !out.served
             && !ledger.awaits(what.period)) {
    out.failure = settings.process + " passed no end of it, and the hdb in "
                  + settings.hdb_directory + " holds none";
  } else if (out.failure.empty() && out.version == manifest_version{}
             && last_failure) {
    out.failure = to_string(last_failure);
  }
  what.promise.deliver(out);
}

} // namespace millrace::torq
