#include <millrace/persistence/columns/table_view.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/persistence/hdb/hdb_store.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#define XXH_INLINE_ALL
#include <algorithm>
#include <xxhash.h>

#include "fuzz_target.hpp"

namespace millrace::fuzz {

namespace {

using namespace persistence;

/// docs/hdb_format.md: the checksum covers the payload, and what is before it.
void sum_manifest(std::span<std::byte> bytes) {
  if (bytes.size() < 32)
    return;
  const uint64_t payload_bytes = bytes.size() - 32;
  std::memcpy(bytes.data() + 16, &payload_bytes, sizeof payload_bytes);
  const uint64_t sum = XXH3_64bits_withSeed(
    bytes.data() + 32, bytes.size() - 32, XXH3_64bits(bytes.data(), 24));
  std::memcpy(bytes.data() + 24, &sum, sizeof sum);
}

void ask_of(const persistence::hdb_manifest& manifest) {
  for (const auto& part : manifest.parts) {
    (void)part.path();
    (void)part.identity();
    (void)manifest.contains(part);
    (void)manifest.holds(part);
    (void)manifest.newest_schema(part.table);
  }
  (void)manifest.cutovers();
  (void)lines_of(manifest.losses);
}

table_schema part_schema() {
  table_schema out;
  out.name = "t";
  out.columns = {{"time", column_type::timestamp},
                 {"sym", column_type::symbol},
                 {"size", column_type::int_},
                 {"note", column_type::string}};
  out.time_column = "time";
  out.symbol_column = "sym";
  return out;
}

/// All of a segment, as a query would read it.
void read_segment(const segment_view& segment, uint32_t columns) {
  std::vector<uint32_t> all(columns);
  for (uint32_t i = 0; i < columns; ++i)
    all[i] = i;
  std::shared_ptr<const held_bytes> keep;
  const auto opened = segment.source->open(all, true, keep);
  if (opened) {
    for (const auto& range : opened->ranges)
      (void)(range.end - range.begin);
    for (const auto& column : opened->columns)
      if (column.dictionary)
        for (uint32_t code = 0; code < column.dictionary->size(); ++code)
          (void)column.dictionary->find(column.dictionary->text(code));
  }
  for (uint32_t i = 0; i < columns; ++i)
    (void)segment.source->read(i, 0, segment.row_count);
  (void)segment.source->read_order(0, segment.row_count);
}

} // namespace

void hdb_manifest(input given) {
  const auto how = take_choice(given);
  aligned_copy copy{given};
  if (how & 1)
    sum_manifest(copy.bytes());
  const auto read = decode_hdb_manifest(copy.bytes());
  if (!read)
    return;
  ask_of(*read);
  const auto again = decode_hdb_manifest(encode(*read));
  MILLRACE_ASSERT(again);
  MILLRACE_ASSERT(again->parts.size() == read->parts.size());
}

void hdb_part(input given) {
  // Zero bytes stand in the files: these are cut by lengths, a byte each.
  static constexpr std::array<const char*, 9> names{
    "time", "sym",       "sym.ends", "sym.text", "size",
    "note", "note.text", ".ranges",  ".order"};
  const auto rows = take_choice(given) % 16u;
  if (rows == 0)
    return;
  const auto schema = part_schema();
  persistence::hdb_manifest manifest;
  manifest.version = 2;
  manifest.schemas = {schema};
  persistence::hdb_part part;
  part.stream = "s";
  part.table = "t";
  part.partition = "2024.01.02";
  part.period = 8767;
  part.to = {8192};
  part.directory = 2;
  part.row_count = rows;
  part.zones.resize(schema.columns.size());
  sim::memory_file_system disk;
  MILLRACE_ASSERT(!disk.create_directories("/hdb/" + part.path()));
  for (const auto* name : names) {
    const size_t length = take_choice(given);
    const auto bytes = take_first(given, length);
    auto made = disk.open("/hdb/" + part.path() + "/" + name, open_mode::write);
    MILLRACE_ASSERT(made);
    MILLRACE_ASSERT(!(*made)->write_at(0, bytes));
    part.files.push_back(
      {name, bytes.size(), XXH3_64bits(bytes.data(), bytes.size())});
  }
  manifest.parts = {part};
  MILLRACE_ASSERT(!replace_file(disk, "/hdb/manifest", encode(manifest)));
  auto store = hdb_store::open(disk, "/hdb");
  if (!store)
    return;
  const auto snapshot = (*store)->snapshot();
  for (const auto* each : snapshot->parts("t")) {
    const auto view = snapshot->view(*each);
    for (const auto& segment : view.segments)
      read_segment(segment, static_cast<uint32_t>(schema.columns.size()));
  }
  (void)check_part(disk, "/hdb", part);
}

} // namespace millrace::fuzz
