#include <millrace/feed/source/text_identity.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/nodes/assembly/changed_by_hand.hpp>
#include <millrace/nodes/assembly/feed_process.hpp>
#include <millrace/nodes/assembly/history_load.hpp>
#include <millrace/nodes/assembly/table_schemas.hpp>
#include <millrace/persistence/hdb/part_dates.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <latch>
#include <mutex>
#include <utility>

namespace millrace::nodes {

namespace {

constexpr int64_t commit_interval_ns = 1'000'000'000;

/// Streams of files in a manifest: no stream of a configuration is named so.
constexpr std::string_view load_prefix = "/load/";

std::string load_stream(uint32_t generation, const std::string& source) {
  return std::string{load_prefix} + std::to_string(generation) + "/" + source;
}

/// Generation and source of such a stream.
std::optional<std::pair<uint32_t, std::string>>
parse_load_stream(std::string_view stream) {
  if (!stream.starts_with(load_prefix))
    return std::nullopt;
  stream.remove_prefix(load_prefix.size());
  uint32_t generation = 0;
  const auto [end, fault]
    = std::from_chars(stream.data(), stream.data() + stream.size(), generation);
  const auto length = static_cast<size_t>(end - stream.data());
  if (fault != std::errc{} || length >= stream.size() || *end != '/')
    return std::nullopt;
  return std::pair{generation, std::string{stream.substr(length + 1)}};
}

error run_jobs(persistence::executor& pool,
               std::vector<std::function<error()>> jobs) {
  std::latch done{static_cast<ptrdiff_t>(jobs.size())};
  std::mutex mutex;
  error first;
  for (auto& job : jobs)
    pool.submit([&, run = std::move(job)] {
      if (const auto fault = run()) {
        const std::scoped_lock lock{mutex};
        if (!first)
          first = fault;
      }
      done.count_down();
    });
  done.wait();
  return first;
}

error run_stages(persistence::period_write& write, persistence::executor& pool,
                 const std::function<bool()>& stopped) {
  for (auto jobs = write.next_stage(); !jobs.empty();
       jobs = write.next_stage()) {
    // There may be tens of thousands of partitions.
    if (stopped)
      for (auto& job : jobs)
        job = [&stopped, run = std::move(job)] {
          return stopped() ? error{errc::cancelled,
                                   "interrupted; the same command goes on "
                                   "after the rows that are written"}
                           : run();
        };
    if (auto fault = run_jobs(pool, std::move(jobs))) {
      write.abandon();
      return fault;
    }
  }
  return {};
}

std::set<std::string> partitions_of(const persistence::written_parts& written) {
  std::set<std::string> out;
  for (const auto& part : written.parts)
    out.insert(part.partition);
  return out;
}

/// Whether rows of a part may be of the dates of these partitions.
bool meets(persistence::part_dates& dates, const persistence::hdb_part& part,
           const std::set<std::string>& partitions) {
  if (partitions.contains(part.partition))
    return true;
  const auto own = dates.dates_of(part);
  if (!own)
    return false;
  // Such names ascend as their dates do.
  const auto at
    = partitions.lower_bound(persistence::date_partition_name(own->first));
  return at != partitions.end()
         && *at <= persistence::date_partition_name(own->second);
}

/// Whether rows of another text of this file's name are of the dates of these:
/// it was changed, or has grown, since it was loaded.
error check_names(const persistence::hdb_manifest& manifest,
                  const table_schema& schema, const std::string& source,
                  const persistence::written_parts& written) {
  const auto mine = feed::parse_text_identity(source);
  const auto partitions = partitions_of(written);
  auto dates = persistence::part_dates::open(manifest, schema);
  if (!dates)
    return dates.failure();
  for (const auto& here : manifest.parts) {
    const auto of = parse_load_stream(here.stream);
    if (!of || here.row_count == 0 || here.table != schema.name)
      continue;
    const auto other = feed::parse_text_identity(of->second);
    if (other.name != mine.name || other.text == mine.text
        || !meets(*dates, here, partitions))
      continue;
    return {errc::already_exists,
            mine.name + ": another text of this name was loaded, which "
              + here.partition
              + " has rows of; --replace puts these in the place of all rows "
                "of their dates"};
  }
  return {};
}

/// Where rows of a part came from, for messages.
std::string origin_of(const persistence::hdb_part& part) {
  const auto of = parse_load_stream(part.stream);
  return of ? "of a load of " + feed::parse_text_identity(of->second).name
            : "of stream '" + part.stream + "'";
}

/// By partition, whose rows, and how many: each named, of many the first ones.
std::string
rows_text(const std::map<std::string, std::map<std::string, uint64_t>>& there) {
  constexpr size_t named_max = 5;
  std::string out;
  size_t named = 0;
  for (const auto& [partition, kinds] : there) {
    if (++named > named_max) {
      out
        += ", and " + std::to_string(there.size() - named_max) + " dates more";
      break;
    }
    uint64_t all = 0;
    for (const auto& [kind, rows] : kinds)
      all += rows;
    text::add_to_list(out,
                      partition + " has " + std::to_string(all)
                        + " rows already (" + kinds.begin()->first
                        + (kinds.size() == 1 ? "" : " and others") + ")",
                      ", ");
  }
  return out;
}

/// Why rows of these partitions are not there any more, of those that have rows
/// now.
std::string lost_text(const std::set<std::string>& lost,
                      const std::set<std::string>& filled) {
  std::string dropped;
  std::string replaced;
  for (const auto& partition : lost)
    (filled.contains(partition) ? replaced : dropped) += " " + partition;
  std::string out;
  if (!replaced.empty())
    out = "other rows took the place of its own of" + replaced + " since";
  if (!dropped.empty())
    text::add_to_list(
      out, std::string{"its rows of"} + dropped + " were dropped", ", and ");
  return out;
}

} // namespace

result<std::unique_ptr<history_load>>
history_load::open(persistence::env& world, const cluster_config& config,
                   options given,
                   std::shared_ptr<feed::batch_source_counters> counters) {
  auto directory = config.home_of(given.what.table);
  if (directory.empty())
    return error{errc::not_found, config.path + ": no rdb writes table '"
                                    + given.what.table
                                    + "' down, and there is no hdb"};
  if (auto fault = check_not_gone(*world.fs, config, directory))
    return fault;
  auto schema = settle_loaded(*world.fs, config, directory, given.what.table);
  if (!schema)
    return schema.failure();
  std::unique_ptr<history_load> out{new history_load{
    world, *std::move(schema), std::move(directory), given.replaces}};
  out->dry_ = given.dry;
  out->beside_ = given.beside;
  out->names_ = std::move(given.names);
  for (const auto& path : given.what.files)
    out->names_.insert(path.substr(path.rfind('/') + 1));
  out->stopped_ = std::move(given.stopped);
  out->bytes_max_ = given.bytes_max;
  feed_run run;
  run.read = std::move(counters);
  auto from = given.source ? given.source(out->schema_)
                           : files_of(world, config, given.what,
                                      given.reject_path, run, true);
  if (!from)
    return from.failure();
  out->from_ = *std::move(from);
  // Who takes the place of rows holds the directory from before it looks
  // which there are until its own are there.
  if (out->replaces_ && !out->dry_)
    if (auto fault = out->open_writer())
      return fault;
  if (auto fault = out->read_standings())
    return fault;
  out->clear();
  return out;
}

/// Of the newest generation of each source.
history_load::standings
history_load::standings_in(const persistence::hdb_manifest& manifest) const {
  standings out;
  for (const auto& part : manifest.parts) {
    const auto of = parse_load_stream(part.stream);
    if (!of || part.table != schema_.name)
      continue;
    auto& now = out[of->second];
    if (of->first > now.generation)
      now = {of->first, {}};
    if (of->first == now.generation && part.to.value > now.there.offset)
      now.there
        = {of->second, part.to.value, static_cast<uint64_t>(part.period)};
  }
  return out;
}

/// Nobody else may have loaded of the same text since its rows were looked for:
/// what was read here begins after those that were there then.
error history_load::check_standing(const persistence::hdb_manifest& now) {
  const auto there = standings_in(now)[read_.name];
  const auto& mine = standings_[read_.name];
  if (mine.generation == there.generation
      && mine.there.offset == there.there.offset)
    return {};
  return {errc::busy, feed::parse_text_identity(read_.name).name
                        + ": another load of it wrote meanwhile; the same "
                          "command goes on after the rows that are there"};
}

result<position> history_load::cutover(const std::string& stream) const {
  const auto manifest = persistence::read_hdb_manifest(*env_->fs, directory_);
  if (!manifest)
    return manifest.failure();
  return manifest->cutover(stream, schema_.name).value_or(position{});
}

error history_load::read_standings() {
  const auto manifest = persistence::read_hdb_manifest(*env_->fs, directory_);
  if (!manifest && manifest.failure().code != errc::not_found)
    return manifest.failure();
  // Partitions, those of the newest generation of a source by it.
  std::map<std::string, std::set<std::string>> gone;
  std::set<std::string> filled;
  if (manifest) {
    version_ = manifest->version;
    standings_ = standings_in(*manifest);
    for (const auto& part : manifest->parts) {
      if (part.table != schema_.name)
        continue;
      if (part.row_count != 0)
        filled.insert(part.partition);
      else if (const auto of = parse_load_stream(part.stream);
               of && of->first == standings_.at(of->second).generation)
        gone[of->second].insert(part.partition);
    }
  }
  std::vector<source_cursor> cursors;
  for (auto& [source, now] : standings_) {
    if (replaces_)
      now = {now.generation + 1, {}};
    else if (const auto& lost = gone[source]; !lost.empty())
      displaced_[source] = lost_text(lost, filled);
    else
      cursors.push_back(now.there);
  }
  return from_->open(cursors);
}

void history_load::clear() {
  store_ = std::make_unique<persistence::memory_store>();
  store_end_ = {};
  rows_held_ = 0;
  // Of its own schema, which was validated.
  const auto fault = store_->declare(schema_);
  MILLRACE_ASSERT(!fault);
}

result<bool> history_load::step() {
  auto batch = from_->next();
  if (!batch) {
    // Rows before a fault stay, but they replace none.
    if (!replaces_) {
      auto fault = write();
      if (auto late = settle(); late && !fault)
        fault = std::move(late);
      if (fault)
        return fault;
    }
    return batch.failure();
  }
  if (!*batch) {
    auto fault = write();
    if (!fault || !replaces_)
      if (auto late = replaces_ ? replace() : settle(); late && !fault)
        fault = std::move(late);
    if (!fault)
      fault = from_->close();
    return fault ? result<bool>{fault} : result<bool>{false};
  }
  error fault;
  // After the last row lines were refused: what is written counts them, too.
  const bool is_full
    = (*batch)->rows != 0
      && (rows_held_ >= rows_per_write || store_->byte_count() >= bytes_max_);
  if ((*batch)->cursor.name != read_.name || is_full)
    fault = write();
  if (!fault)
    fault = take(**batch);
  if (fault && !replaces_) // The failure is told first.
    if (const auto late = settle())
      fault.context
        += "; nor are the rows of files before it there: " + to_string(late);
  return fault ? result<bool>{fault} : result<bool>{true};
}

/// Rows of one text come once.
error history_load::begin_source(const std::string& name) {
  const auto mine = feed::parse_text_identity(name);
  for (const auto& each : read_before_)
    if (const auto other = feed::parse_text_identity(each);
        other.same_rows(mine))
      return {errc::already_exists, mine.name + ": is the same text as "
                                      + other.name
                                      + ": its rows would come twice"};
  for (const auto& [each, why] : displaced_)
    if (feed::parse_text_identity(each).same_rows(mine))
      return {errc::already_exists,
              mine.name + ": was loaded, and " + why
                + "; --replace loads it anew, in the place of all rows of all "
                  "its dates, also of those that streams brought"};
  read_before_.push_back(name);
  return {};
}

error history_load::take(const feed::parsed_batch& batch) {
  const auto rows = decode_batch(batch.bytes);
  if (!rows)
    return rows.failure();
  if (rows->row_count != 0 && batch.first_time == null_long)
    return {errc::bad_data,
            batch.cursor.name + ": its rows have no time, and so no date"};
  if (batch.cursor.name != read_.name)
    if (auto fault = begin_source(batch.cursor.name))
      return fault;
  if (dry_) {
    read_ = batch.cursor;
    rows_committed_ += rows->row_count;
    return {};
  }
  store_end_.value += 8;
  if (auto fault = store_->append(*rows, store_end_))
    return fault;
  rows_held_ += rows->row_count;
  read_ = batch.cursor;
  return {};
}

/// The files of what is held; nobody sees them yet.
result<persistence::written_parts>
history_load::write_rows(persistence::hdb_writer& writer) {
  store_->publish(store_end_);
  const auto& now = standings_[read_.name];
  persistence::period_request request;
  request.stream = load_stream(now.generation, read_.name);
  request.period = static_cast<int64_t>(read_.row);
  request.from = {now.there.offset};
  request.to = {read_.offset};
  streams_.insert(request.stream);
  auto view = store_->snapshot()->view(schema_.name);
  if (!view)
    return view.failure();
  request.tables.push_back(*std::move(view));
  auto write
    = persistence::period_write::begin(writer, std::move(request), &planned_);
  if (!write)
    return write.failure();
  if (auto fault = run_stages(**write, *env_->pool, stopped_))
    return fault;
  auto written = (*write)->finish();
  auto fault = written.failure();
  if (!fault && !replaces_)
    fault = check_names(planned_, schema_, read_.name, *written);
  if (!fault && !replaces_ && !beside_)
    fault = check_empty(*written);
  if (!fault && replaces_)
    fault = check_replaced(*written);
  if (fault) {
    (*write)->abandon();
    return fault;
  }
  return written;
}

/// Whether a stream of a manifest is a source of this load, by its name: what
/// has its name and another text is refused by itself.
bool history_load::is_own(const std::string& stream) const {
  const auto of = parse_load_stream(stream);
  if (!of)
    return false;
  const auto name = feed::parse_text_identity(of->second).name;
  return names_.contains(name)
         || names_.contains(name.substr(0, name.find('#')));
}

/// Refuses dates that have rows of others: the same ones may be among them,
/// which nothing tells of rows that a stream brought, or of another layout.
error history_load::check_empty(
  const persistence::written_parts& written) const {
  const auto partitions = partitions_of(written);
  auto dates = persistence::part_dates::open(planned_, schema_);
  if (!dates)
    return dates.failure();
  auto there = elsewhere_;
  std::erase_if(there,
                [&](const auto& at) { return !partitions.contains(at.first); });
  for (const auto& here : planned_.parts)
    if (here.row_count != 0 && here.table == schema_.name
        && !is_own(here.stream) && meets(*dates, here, partitions))
      there[here.partition][origin_of(here)] += here.row_count;
  if (there.empty())
    return {};
  return {errc::already_exists,
          feed::parse_text_identity(read_.name).name + ": of table '"
            + schema_.name + "' " + rows_text(there)
            + ". --beside adds these to them, as where each file or symbol of "
              "a day is loaded by a command of its own; --replace puts these "
              "in the place of all rows of their dates"};
}

result<uint64_t> history_load::rows_of(const std::string& partition) const {
  const auto manifest = persistence::read_hdb_manifest(*env_->fs, directory_);
  uint64_t out = 0;
  if (!manifest)
    return manifest.failure().code == errc::not_found ? result<uint64_t>{out}
                                                      : manifest.failure();
  for (const auto& part : manifest->parts)
    if (part.table == schema_.name && part.partition == partition)
      out += part.row_count;
  return out;
}

void history_load::count_before(const persistence::hdb_manifest& manifest,
                                const persistence::written_parts& written) {
  std::set<std::string> fresh;
  for (const auto& part : written.parts)
    if (partitions_.insert(part.partition).second)
      fresh.insert(part.partition);
  for (const auto& here : manifest.parts)
    if (here.table == schema_.name && fresh.contains(here.partition)
        && !streams_.contains(here.stream))
      rows_before_ += here.row_count;
}

error history_load::open_writer() {
  auto opened
    = persistence::hdb_writer::open(*env_, directory_, {.before = survey_});
  if (!opened)
    return opened.failure();
  writer_ = *std::move(opened);
  planned_ = writer_->manifest();
  opened_ns_ = env_->clock->monotonic_ns();
  return {};
}

/// Of what waits.
error history_load::commit(const persistence::emptied_parts& emptied) {
  auto written = std::exchange(waiting_, {});
  count_before(writer_->manifest(), written);
  uint64_t rows = 0;
  for (const auto& part : written.parts)
    rows += part.row_count;
  env_->crash_point("rdb.before_manifest");
  if (auto fault
      = writer_->commit(std::move(written.parts), written.schemas, emptied))
    return fault;
  env_->crash_point("rdb.after_manifest");
  rows_committed_ += rows;
  version_ = writer_->manifest().version;
  return {};
}

/// What waits counts; others may write there.
error history_load::settle() {
  error fault;
  if (!waiting_.parts.empty())
    fault = commit({});
  if (writer_)
    survey_ = writer_->survey();
  writer_.reset();
  return fault;
}

error history_load::write() {
  if (rows_held_ == 0)
    return {};
  if (!writer_)
    if (auto fault = open_writer())
      return fault;
  if (!replaces_)
    if (auto fault = check_standing(planned_))
      return fault;
  auto written = write_rows(*writer_);
  if (!written)
    return written.failure();
  planned_.parts.insert(planned_.parts.end(), written->parts.begin(),
                        written->parts.end());
  std::move(written->parts.begin(), written->parts.end(),
            std::back_inserter(waiting_.parts));
  std::move(written->schemas.begin(), written->schemas.end(),
            std::back_inserter(waiting_.schemas));
  standings_[read_.name].there = read_;
  clear();
  const auto open_for = env_->clock->monotonic_ns() - opened_ns_;
  return replaces_ || open_for < commit_interval_ns ? error{} : settle();
}

/// The names of partitions say which rows go: all of each, and no others.
error history_load::check_replaced(
  const persistence::written_parts& written) const {
  const auto partitions = partitions_of(written);
  return persistence::check_homes(
    directory_, writer_->manifest(), schema_, [&](int64_t date) {
      return partitions.contains(persistence::date_partition_name(date));
    });
}

result<std::map<std::string, uint64_t>> history_load::rows_beside() const {
  const auto manifest = persistence::read_hdb_manifest(*env_->fs, directory_);
  if (!manifest)
    return manifest.failure();
  std::map<std::string, uint64_t> out;
  for (const auto& part : manifest->parts)
    if (part.table == schema_.name && part.row_count != 0
        && partitions_.contains(part.partition)
        && !streams_.contains(part.stream))
      out[part.partition] += part.row_count;
  return out;
}

/// All that waits takes the place of what else its dates have.
error history_load::replace() {
  if (waiting_.parts.empty()) {
    writer_.reset(); // Of a dry one there was none.
    return {};
  }
  if (auto fault = check_replaced(waiting_))
    return fault;
  persistence::emptied_parts emptied;
  const auto partitions = partitions_of(waiting_);
  std::map<std::string, uint64_t> gone;
  for (const auto& here : writer_->manifest().parts) {
    if (here.row_count == 0 || here.table != schema_.name
        || !partitions.contains(here.partition))
      continue;
    rows_replaced_ += here.row_count;
    if (!parse_load_stream(here.stream))
      stream_rows_replaced_[here.partition] += here.row_count;
    gone[here.partition] += here.row_count;
    emptied.directories.insert(here.directory);
  }
  for (const auto& [partition, rows] : gone)
    emptied.entries.push_back({0, env_->clock->now_ns(), schema_.name,
                               partition, rows,
                               "rows of a load took their place"});
  auto fault = commit(emptied);
  if (fault) {
    rows_replaced_ = 0;
    stream_rows_replaced_.clear();
  }
  writer_.reset();
  return fault;
}

} // namespace millrace::nodes
