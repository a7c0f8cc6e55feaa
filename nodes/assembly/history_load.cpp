#include <millrace/feed/source/source.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/assembly/feed_process.hpp>
#include <millrace/nodes/assembly/history_load.hpp>
#include <millrace/nodes/assembly/table_schemas.hpp>
#include <millrace/persistence/hdb/hdb_writer.hpp>
#include <millrace/persistence/hdb/partition_writer.hpp>

#include <algorithm>
#include <charconv>
#include <latch>
#include <mutex>

namespace millrace::nodes {

namespace {

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

/// Where the rows of a table are written down.
result<std::string> hdb_of(const cluster_config& config,
                           const std::string& table) {
  for (const auto& process : config.processes)
    if (process.type == process_type::rdb && process.write_down
        && !process.hdb_directory.empty()
        && std::count(process.tables.begin(), process.tables.end(), table) != 0)
      return process.hdb_directory;
  for (const auto& process : config.processes)
    if (process.type == process_type::hdb)
      return process.hdb_directory;
  return error{errc::not_found, config.path + ": no rdb writes table '" + table
                                  + "' down, and there is no hdb"};
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

error run_write(persistence::period_write& write, persistence::executor& pool) {
  for (auto jobs = write.next_stage(); !jobs.empty(); jobs = write.next_stage())
    if (auto fault = run_jobs(pool, std::move(jobs))) {
      write.abandon();
      return fault;
    }
  return write.commit();
}

} // namespace

result<std::unique_ptr<history_load>>
history_load::open(persistence::env& world, const cluster_config& config,
                   options given,
                   std::shared_ptr<feed::batch_source_counters> counters) {
  auto directory = hdb_of(config, given.what.table);
  if (!directory)
    return directory.failure();
  auto schema = settle_loaded(*world.fs, config, *directory, given.what.table);
  if (!schema)
    return schema.failure();
  std::unique_ptr<history_load> out{new history_load{
    world, *std::move(schema), *std::move(directory), given.replaces}};
  for (const auto& file : given.what.files) {
    const auto sources
      = feed::list_sources(*world.fs, file, {}, *counters->stop);
    if (!sources)
      return sources.failure();
    for (const auto& source : *sources)
      out->kept_.push_back(source.identity + "@");
  }
  feed_run run;
  run.read = std::move(counters);
  auto from = files_of(world, config, given.what, given.reject_path, run, true);
  if (!from)
    return from.failure();
  out->from_ = *std::move(from);
  if (auto fault = out->read_standings())
    return fault;
  out->clear();
  return out;
}

error history_load::read_standings() {
  const auto manifest = persistence::read_hdb_manifest(*env_->fs, directory_);
  if (!manifest && manifest.failure().code != errc::not_found)
    return manifest.failure();
  std::map<std::string, bool> replaced; // Of the newest generation.
  if (manifest)
    for (const auto& part : manifest->parts) {
      const auto of = parse_load_stream(part.stream);
      if (!of || part.table != schema_.name)
        continue;
      auto& now = standings_[of->second];
      if (of->first > now.generation) {
        now = {of->first, {}};
        replaced[of->second] = false;
      }
      if (of->first < now.generation)
        continue;
      replaced[of->second] |= part.row_count == 0;
      if (part.to.value > now.there.offset)
        now.there
          = {of->second, part.to.value, static_cast<uint64_t>(part.period)};
    }
  std::vector<source_cursor> cursors;
  for (auto& [source, now] : standings_) {
    if (!replaced[source]) {
      cursors.push_back(now.there);
      continue;
    }
    const bool wanted
      = std::any_of(kept_.begin(), kept_.end(), [&](const auto& begin) {
          return source.starts_with(begin);
        });
    if (wanted && !replaces_)
      return {errc::already_exists,
              source.substr(0, source.find('@'))
                + ": was loaded, and other rows took the place of its own "
                  "since; --replace loads it anew"};
    now = {now.generation + 1, {}};
  }
  return from_->open(cursors);
}

/// Whether a part is of these files, as they are loaded now.
bool history_load::is_own(const persistence::hdb_part& part) const {
  const auto of = parse_load_stream(part.stream);
  if (!of || std::none_of(kept_.begin(), kept_.end(), [&](const auto& begin) {
        return of->second.starts_with(begin);
      }))
    return false;
  const auto now = standings_.find(of->second);
  return now != standings_.end() && now->second.generation == of->first;
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
    // Rows before a fault stay.
    if (auto fault = write())
      return fault;
    return batch.failure();
  }
  if (!*batch) {
    if (auto fault = write())
      return fault;
    if (auto fault = from_->close())
      return fault;
    return false;
  }
  if ((*batch)->cursor.name != read_.name || rows_held_ >= rows_per_write)
    if (auto fault = write())
      return fault;
  if (auto fault = take(**batch))
    return fault;
  return true;
}

error history_load::take(const feed::parsed_batch& batch) {
  const auto rows = decode_batch(batch.bytes);
  if (!rows)
    return rows.failure();
  if (rows->row_count != 0 && batch.first_time == null_long)
    return {errc::bad_data,
            batch.cursor.name + ": its rows have no time, and so no date"};
  store_end_.value += 8;
  if (auto fault = store_->append(*rows, store_end_))
    return fault;
  rows_held_ += rows->row_count;
  read_ = batch.cursor;
  return {};
}

error history_load::write() {
  if (rows_held_ == 0)
    return {};
  store_->publish(store_end_);
  auto& now = standings_[read_.name];
  persistence::period_request request;
  request.stream = load_stream(now.generation, read_.name);
  request.period = static_cast<int64_t>(read_.row);
  request.from = {now.there.offset};
  request.to = {read_.offset};
  if (replaces_)
    request.replaces
      = [this](const persistence::hdb_part& there) { return !is_own(there); };
  auto view = store_->snapshot()->view(schema_.name);
  if (!view)
    return view.failure();
  request.tables.push_back(*std::move(view));
  auto writer = persistence::hdb_writer::open(*env_, directory_);
  if (!writer)
    return writer.failure();
  auto write = persistence::period_write::begin(**writer, std::move(request));
  if (!write)
    return write.failure();
  if (auto fault = run_write(**write, *env_->pool))
    return fault;
  rows_replaced_ += (*write)->rows_replaced();
  for (const auto& part : (*writer)->manifest().parts)
    if (part.stream == load_stream(now.generation, read_.name)
        && part.to.value == read_.offset)
      partitions_.insert(part.partition);
  rows_written_ += rows_held_;
  now.there = read_;
  clear();
  return {};
}

} // namespace millrace::nodes
