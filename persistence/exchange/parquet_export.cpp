#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/exchange/exporter.hpp>
#include <millrace/persistence/exchange/parquet_file.hpp>

#include <algorithm>

namespace millrace::persistence {

namespace {

constexpr uint64_t rows_per_group = 1024 * 1024;
error write_rows(export_file& to, ordered_rows& rows,
                 export_progress& progress) {
  const auto& schema = rows.schema();
  parquet_file file{
    to,
    schema.name,
    schema.columns,
    {static_cast<uint32_t>(*schema.column_index(schema.symbol_column)),
     static_cast<uint32_t>(*schema.column_index(schema.time_column))}};
  if (auto fault = file.begin())
    return fault;
  for (uint64_t at = 0; at < rows.row_count(); at += rows_per_group) {
    const auto count = std::min(rows_per_group, rows.row_count() - at);
    if (auto fault = file.add(rows, at, count))
      return fault;
    progress.rows += count;
    if (auto fault = progress.step())
      return fault;
  }
  return file.finish();
}

error write_date(export_target& target,
                 const std::shared_ptr<const hdb_snapshot>& snapshot,
                 const std::string& table, int32_t date,
                 const std::vector<const hdb_part*>& parts,
                 export_progress& progress) {
  auto rows = ordered_rows::open(snapshot, table, parts);
  if (!rows)
    return rows.failure();
  const auto below = table + "/date=" + text::date_text(date, '-');
  if (const auto made = target.directory(below); !made)
    return made.failure();
  auto file = target.file(below + "/part-00000.parquet");
  if (!file)
    return file.failure();
  if (auto fault = write_rows(*file, *rows, progress))
    return fault;
  ++progress.files;
  progress.bytes += file->size();
  progress.rows_of[table] += rows->row_count();
  ++progress.partitions_of[table];
  return file->finish();
}

} // namespace

error export_parquet(file_system& fs, const std::string& path,
                     const std::shared_ptr<const hdb_snapshot>& snapshot,
                     const export_plan& plan, export_progress& progress) {
  for (const auto& [table, dates] : plan) {
    if (auto fault = check_export(*snapshot->schema(table)))
      return fault;
    for (const auto& [date, parts] : dates)
      for (const auto* part : parts)
        progress.rows_all += part->row_count;
  }
  auto target = export_target::begin(fs, path);
  if (!target)
    return target.failure();
  progress.took_over = target->took_over();
  for (const auto& [table, dates] : plan)
    for (const auto& [date, parts] : dates)
      if (auto fault
          = write_date(*target, snapshot, table, date, parts, progress))
        return fault;
  return target->commit();
}

} // namespace millrace::persistence
