#include <millrace/persistence/hdb/partition_columns_internal.hpp>
#include <millrace/persistence/hdb/partition_cut_internal.hpp>
#include <millrace/persistence/hdb/partition_sort_internal.hpp>
#include <millrace/persistence/hdb/partition_writer.hpp>

#include <algorithm>
#include <optional>
#include <set>

namespace millrace::persistence {

namespace {

/// One table on its way to the disk.
struct table_write {
  const table_view* view = nullptr;
  hdb_part part;
  std::string directory; ///< Path; empty when there are no rows.
  partition_order order;
  std::vector<dated_order> cuts; ///< Once sorted, if it is to be cut.
  /// By column, then the row files, then the sums.
  std::vector<written_files> columns;
};

/// Bytes of text that the segments of a string column have together.
uint64_t text_bytes(const table_view& view, size_t column) {
  uint64_t bytes = 0;
  for (const auto& segment : view.segments)
    if (segment.row_count != 0 && segment.columns[column].values)
      bytes += segment.columns[column].as<uint32_t>()[segment.row_count - 1];
  return bytes;
}

/// The first string column whose text is more than one part may hold.
std::optional<size_t> too_long(const table_view& view, uint64_t text_max) {
  const auto& columns = view.schema->columns;
  for (size_t c = 0; c < columns.size(); ++c)
    if (columns[c].type == column_type::string
        && text_bytes(view, c) > text_max)
      return c;
  return std::nullopt;
}

} // namespace

struct period_write::impl {
  hdb_writer* writer = nullptr;
  period_request request;
  std::vector<std::unique_ptr<table_write>> tables; ///< Not there already.
  int stage = 0;
  const hdb_manifest* planned = nullptr;
  bool committing = false;

  error begin_table(const table_view& view);
  error make_directories();
  std::vector<std::function<error()>> sort_jobs();
  error part_by_date();
  std::vector<std::function<error()>> column_jobs();
  std::vector<std::function<error()>> sums_jobs();
  error sync_directories();
};

period_write::period_write(std::unique_ptr<impl> state)
  : impl_{std::move(state)} {}

period_write::~period_write() = default;

result<std::unique_ptr<period_write>>
period_write::begin(hdb_writer& writer, period_request request,
                    const hdb_manifest* planned) {
  auto state = std::make_unique<impl>();
  state->writer = &writer;
  state->planned = planned == nullptr ? &writer.manifest() : planned;
  state->request = std::move(request);
  for (const auto& view : state->request.tables)
    if (auto fault = state->begin_table(view))
      return fault;
  if (!state->request.partition.empty())
    if (auto fault = state->make_directories())
      return fault;
  return std::unique_ptr<period_write>{new period_write{std::move(state)}};
}

error period_write::impl::begin_table(const table_view& view) {
  auto table = std::make_unique<table_write>();
  table->view = &view;
  auto& part = table->part;
  part.stream = request.stream;
  part.table = view.schema->name;
  part.period = request.period;
  part.partition = request.partition.empty()
                     ? date_partition_name(request.period)
                     : request.partition;
  part.stripe = request.stripe;
  part.stripe_count = request.stripe_count;
  const auto begin = request.begins.find(part.table);
  part.from = begin == request.begins.end() ? request.from : begin->second;
  part.to = request.to;
  part.schema_version = view.schema->version;
  if (!request.amends) {
    // Its rows may have gone to several dates, all at once.
    if (request.partition.empty() && planned->holds(part))
      return {};
    auto here = planned->contains(part);
    if (!here)
      return here.failure();
    if (*here)
      return {};
  }
  const auto rows = view.row_count();
  if (rows > UINT32_MAX)
    return {errc::limit_exceeded, "table '" + part.table
                                    + "': " + std::to_string(rows)
                                    + " rows are more than one part holds"};
  if (!request.partition.empty())
    if (const auto column = too_long(view, request.text_max))
      return too_much_text(*view.schema, *column);
  part.row_count = static_cast<uint32_t>(rows);
  part.directory = writer->next_version();
  part.zones.resize(view.schema->columns.size());
  table->columns.resize(view.schema->columns.size() + 1);
  if (rows != 0)
    table->directory = writer->directory() + "/" + part.path();
  tables.push_back(std::move(table));
  return {};
}

uint64_t period_write::row_count() const noexcept {
  uint64_t rows = 0;
  for (const auto& table : impl_->tables)
    rows += table->part.row_count;
  return rows;
}

std::vector<std::function<error()>> period_write::next_stage() {
  switch (impl_->stage++) {
    case 0: {
      auto jobs = impl_->sort_jobs();
      if (!jobs.empty())
        return jobs;
      [[fallthrough]];
    }
    case 1:
      if (auto fault = impl_->part_by_date())
        return {[fault] { return fault; }};
      return impl_->column_jobs();
    case 2:
      return impl_->sums_jobs();
    default:
      return {};
  }
}

std::vector<std::function<error()>> period_write::impl::sort_jobs() {
  std::vector<std::function<error()>> jobs;
  for (auto& table : tables) {
    if (table->directory.empty())
      continue;
    jobs.emplace_back(
      [one = table.get(), cut = request.partition.empty(),
       text_max = request.text_max,
       undated = request.undated.value_or(request.period)]() -> error {
        auto order = sort_rows(*one->view);
        if (!order)
          return order.failure();
        if (!cut) {
          one->order = std::move(*order);
          return {};
        }
        auto cuts = cut_by_date(std::move(*order), *one->view->schema, undated);
        if (!cuts)
          return cuts.failure();
        one->cuts = std::move(*cuts);
        if (too_long(*one->view, text_max))
          one->cuts
            = cut_by_text(std::move(one->cuts), *one->view->schema, text_max);
        return {};
      });
  }
  return jobs;
}

/// Rows lie in the partition of their own date: a range with rows of several
/// becomes as many parts, its stripes.
error period_write::impl::part_by_date() {
  if (!request.partition.empty())
    return {};
  std::vector<std::unique_ptr<table_write>> parts;
  for (auto& table : tables) {
    auto cuts = std::move(table->cuts);
    const auto count = static_cast<uint32_t>(cuts.size());
    for (uint32_t i = 0; i < count; ++i) {
      auto part = std::make_unique<table_write>();
      part->view = table->view;
      part->part = table->part;
      part->part.partition = date_partition_name(cuts[i].date);
      part->part.stripe = i;
      part->part.stripe_count = count;
      part->part.row_count = cuts[i].order.row_count;
      if (i != 0)
        part->part.directory = writer->next_version();
      part->directory = writer->directory() + "/" + part->part.path();
      part->columns.resize(table->columns.size());
      part->order = std::move(cuts[i].order);
      parts.push_back(std::move(part));
    }
    if (count == 0)
      parts.push_back(std::move(table));
  }
  tables = std::move(parts);
  return make_directories();
}

error period_write::impl::make_directories() {
  std::vector<std::string> paths;
  for (const auto& table : tables)
    if (!table->directory.empty())
      paths.push_back(table->part.path());
  if (paths.empty())
    return {};
  if (auto fault = writer->announce(paths))
    return fault;
  auto& fs = *writer->world().fs;
  for (const auto& table : tables) {
    if (table->directory.empty())
      continue;
    // A power cut may have undone the removal of an earlier attempt.
    if (auto fault = fs.remove_all(table->directory))
      return fault;
    if (auto fault = fs.create_directories(table->directory))
      return fault;
  }
  return {};
}

std::vector<std::function<error()>> period_write::impl::column_jobs() {
  std::vector<std::function<error()>> jobs;
  auto* fs = writer->world().fs;
  for (auto& table : tables) {
    if (table->directory.empty())
      continue;
    for (size_t i = 0; i < table->columns.size(); ++i)
      jobs.emplace_back([one = table.get(), i, fs]() -> error {
        auto written
          = i + 1 < one->columns.size()
              ? write_column(*fs, one->directory, *one->view, one->order, i)
              : write_row_files(*fs, one->directory, one->order);
        if (!written)
          return written.failure();
        one->columns[i] = std::move(*written);
        return {};
      });
  }
  return jobs;
}

std::vector<std::function<error()>> period_write::impl::sums_jobs() {
  std::vector<std::function<error()>> jobs;
  auto* fs = writer->world().fs;
  for (auto& table : tables) {
    if (table->directory.empty())
      continue;
    jobs.emplace_back([one = table.get(), fs]() -> error {
      auto written = write_sums(*fs, one->directory, one->columns);
      if (!written)
        return written.failure();
      one->columns.push_back(std::move(*written));
      return {};
    });
  }
  return jobs;
}

error period_write::impl::sync_directories() {
  std::set<std::string> parents;
  auto* fs = writer->world().fs;
  for (const auto& table : tables) {
    if (table->directory.empty())
      continue;
    if (auto fault = fs->sync_directory(table->directory))
      return fault;
    const auto partition = writer->directory() + "/" + table->part.partition;
    parents.insert(partition + "/" + table->part.table);
    parents.insert(partition);
    parents.insert(writer->directory());
  }
  for (const auto& parent : parents)
    if (auto fault = fs->sync_directory(parent))
      return fault;
  return {};
}

result<written_parts> period_write::finish() {
  auto& state = *impl_;
  written_parts out;
  if (auto fault = state.sync_directories())
    return fault;
  for (auto& table : state.tables) {
    auto part = table->part;
    for (size_t i = 0; i < table->columns.size(); ++i) {
      auto& column = table->columns[i];
      MILLRACE_ASSERT(table->directory.empty() || i > part.zones.size()
                      || !column.files.empty());
      if (i < part.zones.size())
        part.zones[i] = column.zone;
      for (auto& file : column.files)
        part.files.push_back(std::move(file.facts));
    }
    if (const auto& schema = *table->view->schema;
        out.schemas.empty() || out.schemas.back() != schema)
      out.schemas.push_back(schema);
    out.parts.push_back(std::move(part));
  }
  return out;
}

error period_write::commit() {
  auto& state = *impl_;
  if (state.tables.empty())
    return {};
  auto& world = state.writer->world();
  auto written = finish();
  if (!written)
    return written.failure();
  world.crash_point("rdb.after_flush");
  world.crash_point("rdb.before_manifest");
  state.committing = true;
  if (auto fault = state.writer->commit(
        std::move(written->parts), written->schemas, {}, state.request.account))
    return fault;
  world.crash_point("rdb.after_manifest");
  return {};
}

void period_write::abandon() {
  if (impl_->committing)
    return;
  for (const auto& table : impl_->tables)
    if (!table->directory.empty())
      // Best effort: what stays is removed by the writer's next open.
      (void)impl_->writer->world().fs->remove_all(table->directory);
}

} // namespace millrace::persistence
