#include <millrace/actors/torq/rdb/rdb.hpp>
#include <millrace/actors/torq/rdb/write_down.hpp>

#include <algorithm>

// Tables that come while the RDB runs.

namespace millrace::torq {

namespace {

/// Others who write to the HDB's directory are waited for so long.
constexpr int64_t join_patience_ns = 5'000'000'000;
constexpr int64_t join_retry_ns = 200'000'000;

} // namespace

caf::result<table_intake> rdb_state::take_table(const table_news& news) {
  const auto& name_of_it = news.schema.name;
  if (news.stream != settings.stream)
    return to_caf({errc::invalid_argument,
                   settings.process + ": follows stream '" + settings.stream
                     + "', and table '" + name_of_it + "' is of '" + news.stream
                     + "'"});
  const auto known
    = std::find_if(settings.tables.begin(), settings.tables.end(),
                   [&](const auto& each) { return each.name == name_of_it; });
  if (known != settings.tables.end() && *known != news.schema)
    return to_caf(
      {errc::already_exists,
       settings.process + ": holds another table '" + name_of_it + "'"});
  if (known != settings.tables.end()
      || (!news.is_held && settings.stream_tables.contains(name_of_it)))
    return table_intake{table_outcome::known, {}};
  auto promise = self->make_response_promise<table_intake>();
  const auto deadline_ns = env->clock->monotonic_ns() + join_patience_ns;
  joins.push_back({news, promise, deadline_ns});
  join_next();
  return promise;
}

/// One after the other, and none while a period is written: what is written
/// must be of all tables that the HDB will expect the next one of.
void rdb_state::join_next() {
  while (!joins.empty() && !accounting && !writing
         && env->clock->monotonic_ns() >= join_at_ns) {
    const auto& what = joins.front();
    if (what.news.is_held && !settings.hdb_directory.empty())
      return account(what.news.schema);
    hold({});
  }
}

/// Finds out up to where the HDB accounts for a table, and where it is behind
/// its others has it say that it lacks nothing up to there. A manifest may have
/// megabytes: not for a handler.
void rdb_state::account(const table_schema& table) {
  accounting = true;
  persistence::period_request request;
  request.stream = settings.stream;
  request.account = {progress.life(), {}};
  persistence::table_view none;
  none.schema = std::make_shared<const table_schema>(table);
  request.tables.push_back(std::move(none));
  env->io->submit([me = rdb_self_actor{self}, env = env,
                   directory = settings.hdb_directory, held = settings.tables,
                   writes = settings.write_down,
                   request = std::move(request)]() mutable {
    const auto told = [me](position end, const error& fault) {
      caf::anon_send(me, accounted_atom::value, end, to_caf(fault));
    };
    const auto manifest = persistence::read_hdb_manifest(*env->fs, directory);
    if (!manifest)
      return told({}, manifest.failure().code == errc::not_found
                        ? error{}
                        : manifest.failure());
    const auto standing = standing_of(*manifest, request.stream, held,
                                      request.tables.front().schema->name);
    if (!standing.behind || !writes)
      return told(standing.cutover, {});
    request.period = standing.behind->period;
    request.from = standing.behind->from;
    request.to = standing.behind->to;
    write_down::start(
      *env, directory, [] { return true; }, std::move(request),
      [told, end = standing.behind->to](manifest_version, const error& fault) {
        told(end, fault);
      });
  });
}

void rdb_state::accounted(position end, const error& fault) {
  accounting = false;
  const auto now = env->clock->monotonic_ns();
  if (fault.code == errc::locked && now < joins.front().deadline_ns)
    join_at_ns = now + join_retry_ns;
  else if (fault)
    end_join(fault);
  else
    hold(end);
  join_next();
  if (postponed && !accounting)
    write(*std::exchange(postponed, std::nullopt));
}

void rdb_state::end_join(const error& why) {
  auto what = std::move(joins.front());
  joins.pop_front();
  join_at_ns = 0;
  warn("table_not_taken",
       "table '" + what.news.schema.name + "': " + to_string(why));
  what.promise.deliver(to_caf(why));
}

/// From now on its rows are taken from the stream. Those that came before, and
/// that the HDB does not account for, are in it.
/// @param cutover up to where the HDB accounts for the table
void rdb_state::hold(position cutover) {
  auto what = std::move(joins.front());
  joins.pop_front();
  join_at_ns = 0;
  const auto& news = what.news;
  const auto& name_of_it = news.schema.name;
  error fault;
  position last_met;
  {
    const std::scoped_lock lock{store->writing};
    if (news.is_held)
      fault = store->tables.declare(news.schema);
    if (!fault && news.is_held)
      store->tables.publish(store->tables.end());
    if (!fault) {
      store->stream_tables.insert(name_of_it);
      if (!news.in_rdb)
        store->unheld_tables.insert(name_of_it);
      last_met = store->undeclared.last(name_of_it);
    }
  }
  if (fault) {
    what.promise.deliver(to_caf(fault));
    return;
  }
  settings.stream_tables.insert(name_of_it);
  if (news.is_held)
    settings.tables.push_back(news.schema);
  const auto snapshot = store->tables.snapshot();
  const auto begin = news.is_held ? cutover : snapshot->begin;
  if (begin >= snapshot->begin && last_met <= begin) {
    note("table_taken", "table '" + name_of_it + "' is "
                          + (news.is_held ? "held" : "known") + " from now on");
    what.promise.deliver(table_intake{});
    return wake();
  }
  what.promise.deliver(table_intake{table_outcome::reads_again, {}});
  self->quit(to_caf(
    {errc::fenced,
     "table '" + name_of_it + "' was added, and "
       + (last_met > begin ? "batches of it came before, the last of them at "
                               + to_string(last_met)
                           : "the hdb in " + settings.hdb_directory
                               + " accounts for it up to " + to_string(begin))
       + ": the stream is read again from there"}));
}

} // namespace millrace::torq
