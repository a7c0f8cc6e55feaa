#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/exchange/exporter.hpp>
#include <millrace/persistence/exchange/parquet_column_internal.hpp>
#include <millrace/persistence/exchange/parquet_encoding.hpp>

#include <algorithm>
#include <cstring>

namespace millrace::persistence {

namespace {

constexpr uint64_t rows_per_group = 1024 * 1024;
constexpr std::string_view parquet_magic = "PAR1";
constexpr int32_t codec_zstd = 6;

/// Numbers of Parquet's logical types and of those that stood for them before.
enum logical : int16_t {
  logical_string = 1,
  logical_date = 6,
  logical_timestamp = 8,
  logical_integer = 10,
  logical_uuid = 14
};
constexpr int32_t converted_utf8 = 0;
constexpr int32_t converted_date = 6;
constexpr int32_t converted_uint8 = 11;
constexpr int32_t converted_int16 = 16;

struct row_group {
  uint64_t rows = 0;
  std::vector<parquet_chunk> columns;
};

/// A union whose one member is a struct without fields.
void empty_member(thrift_writer& to, int16_t number) {
  to.begin(number);
  to.end();
}

void put_integer(thrift_writer& to, int32_t converted, int8_t bits,
                 bool is_signed) {
  to.field(6, converted);
  to.begin(10);
  to.begin(logical_integer);
  to.byte_field(1, bits);
  to.field(2, is_signed);
  to.end();
  to.end();
}

/// What a column means, beside its type. Times of day and lengths of time are
/// numbers: Parquet's times of day are neither negative nor beyond a day.
void put_meaning(thrift_writer& to, column_type type) {
  switch (type) {
    case column_type::char_:
    case column_type::symbol:
    case column_type::string:
      to.field(6, converted_utf8);
      to.begin(10);
      empty_member(to, logical_string);
      to.end();
      break;
    case column_type::byte_:
      put_integer(to, converted_uint8, 8, false);
      break;
    case column_type::short_:
      put_integer(to, converted_int16, 16, true);
      break;
    case column_type::date:
    case column_type::month:
      to.field(6, converted_date);
      to.begin(10);
      empty_member(to, logical_date);
      to.end();
      break;
    case column_type::timestamp:
      // Not "adjusted to UTC", though it is: readers cut such to microseconds.
      to.begin(10);
      to.begin(logical_timestamp);
      to.field(1, false);
      to.begin(2);
      empty_member(to, 3); // Nanoseconds.
      to.end();
      to.end();
      to.end();
      break;
    case column_type::guid:
      to.begin(10);
      empty_member(to, logical_uuid);
      to.end();
      break;
    default:
      break;
  }
}

void put_schema(thrift_writer& to, const table_schema& schema) {
  to.list(2, thrift_writer::structure, schema.columns.size() + 1);
  to.begin();
  to.field(4, std::string_view{schema.name});
  to.field(5, static_cast<int32_t>(schema.columns.size()));
  to.end();
  for (const auto& column : schema.columns) {
    to.begin();
    to.field(1, static_cast<int32_t>(parquet_type_of(column.type)));
    if (column.type == column_type::guid)
      to.field(2, int32_t{16});
    to.field(3, int32_t{parquet_optional(column.type)});
    to.field(4, std::string_view{column.name});
    put_meaning(to, column.type);
    to.end();
  }
}

void put_chunk(thrift_writer& to, const column_schema& column,
               const parquet_chunk& chunk) {
  to.begin();
  to.field(2, static_cast<int64_t>(chunk.begin));
  to.begin(3);
  to.field(1, static_cast<int32_t>(parquet_type_of(column.type)));
  const std::vector<int32_t> encodings
    = chunk.dictionary ? std::vector{0, 3, 8} : std::vector{0, 3};
  to.list(2, thrift_writer::i32, encodings.size());
  for (const auto each : encodings)
    to.element(each);
  to.list(3, thrift_writer::binary, 1);
  to.element(column.name);
  to.field(4, codec_zstd);
  to.field(5, static_cast<int64_t>(chunk.rows));
  to.field(6, static_cast<int64_t>(chunk.plain_bytes));
  to.field(7, static_cast<int64_t>(chunk.bytes));
  to.field(9, static_cast<int64_t>(chunk.data));
  if (chunk.dictionary)
    to.field(11, static_cast<int64_t>(*chunk.dictionary));
  to.begin(12);
  to.field(3, static_cast<int64_t>(chunk.nulls));
  if (chunk.low) {
    to.field(5, std::string_view{*chunk.high});
    to.field(6, std::string_view{*chunk.low});
  }
  to.end();
  to.end();
  to.end();
}

void put_sorting(thrift_writer& to, const table_schema& schema) {
  to.list(4, thrift_writer::structure, 2);
  for (const auto& name : {schema.symbol_column, schema.time_column}) {
    to.begin();
    to.field(1, static_cast<int32_t>(*schema.column_index(name)));
    to.field(2, false);
    to.field(3, true); // Nulls first.
    to.end();
  }
}

std::string footer_of(const table_schema& schema,
                      const std::vector<row_group>& groups, uint64_t rows) {
  thrift_writer to;
  to.field(1, int32_t{2});
  put_schema(to, schema);
  to.field(3, static_cast<int64_t>(rows));
  to.list(4, thrift_writer::structure, groups.size());
  for (const auto& group : groups) {
    to.begin();
    uint64_t plain = 0;
    uint64_t bytes = 0;
    to.list(1, thrift_writer::structure, group.columns.size());
    for (size_t i = 0; i < group.columns.size(); ++i) {
      put_chunk(to, schema.columns[i], group.columns[i]);
      plain += group.columns[i].plain_bytes;
      bytes += group.columns[i].bytes;
    }
    to.field(2, static_cast<int64_t>(plain));
    to.field(3, static_cast<int64_t>(group.rows));
    put_sorting(to, schema);
    to.field(5, static_cast<int64_t>(group.columns.front().begin));
    to.field(6, static_cast<int64_t>(bytes));
    to.end();
  }
  // What the columns are here, which Parquet has fewer words for.
  to.list(5, thrift_writer::structure, schema.columns.size());
  for (const auto& column : schema.columns) {
    to.begin();
    to.field(1, std::string_view{"millrace.type." + column.name});
    to.field(2, to_string(column.type));
    to.end();
  }
  to.field(6, std::string_view{"Millrace"});
  to.list(7, thrift_writer::structure, schema.columns.size());
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    to.begin();
    empty_member(to, 1); // Values compare as their types do.
    to.end();
  }
  return to.bytes() + '\0';
}

std::span<const std::byte> bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span{text});
}

error write_rows(export_file& file, ordered_rows& rows,
                 export_progress& progress) {
  if (auto fault = file.append(bytes_of_text(parquet_magic)))
    return fault;
  const auto& schema = rows.schema();
  std::vector<row_group> groups;
  for (uint64_t at = 0; at < rows.row_count(); at += rows_per_group) {
    auto& group = groups.emplace_back();
    group.rows = std::min(rows_per_group, rows.row_count() - at);
    for (size_t i = 0; i < schema.columns.size(); ++i) {
      auto chunk = write_parquet_column(file, rows, i, at, group.rows);
      if (!chunk)
        return chunk.failure();
      group.columns.push_back(*std::move(chunk));
      if (auto fault = progress.step())
        return fault;
    }
    progress.rows += group.rows;
  }
  auto footer = footer_of(schema, groups, rows.row_count());
  const auto size = static_cast<uint32_t>(footer.size());
  footer.append(reinterpret_cast<const char*>(&size), sizeof size);
  footer += parquet_magic;
  return file.append(bytes_of_text(footer));
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
  for (const auto& [table, dates] : plan)
    for (const auto& [date, parts] : dates)
      if (auto fault
          = write_date(*target, snapshot, table, date, parts, progress))
        return fault;
  return target->commit();
}

} // namespace millrace::persistence
