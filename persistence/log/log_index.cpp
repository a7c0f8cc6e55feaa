#include <millrace/persistence/log/log_internal.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>
#include <limits>

namespace millrace::persistence {

namespace {

using detail::append_to;
using detail::load;
using detail::store;

constexpr uint64_t magic = 0x31304449474c524d; // "MRLGID01"
constexpr uint64_t step_bytes = 256u << 10;
/// An index is written again when this much of its file is not covered, and
/// when its file is whole.
constexpr uint64_t uncovered_bytes_max = 8u << 20;
constexpr size_t head_bytes = 56;

/// A place to begin: every message before `offset` has ts <= `ts_max`.
struct index_entry {
  int64_t ts_max = std::numeric_limits<int64_t>::min();
  uint64_t offset = 0;
};

/// Sparse index of one file up to `covered`, the end of a record.
struct time_index {
  uint64_t covered = 0;
  int64_t ts_max = std::numeric_limits<int64_t>::min();
  std::vector<index_entry> entries{{}};
};

// Layout: crc u32 over what follows, count u32, magic, lineage (16), file
// begin u64, covered u64, ts_max i64, then entries of i64 ts_max, u64 offset.
std::vector<std::byte> encode(const time_index& index,
                              const lineage_id& lineage, position begin) {
  std::vector<std::byte> out;
  append_to(out, uint32_t{0});
  append_to(out, static_cast<uint32_t>(index.entries.size()));
  append_to(out, magic);
  append_to(out, lineage.words[0]);
  append_to(out, lineage.words[1]);
  append_to(out, begin.value);
  append_to(out, index.covered);
  append_to(out, index.ts_max);
  for (const auto& entry : index.entries) {
    append_to(out, entry.ts_max);
    append_to(out, entry.offset);
  }
  store(out.data(), crc32c(std::span{out}.subspan(4)));
  return out;
}

std::optional<time_index> decode(std::span<const std::byte> in,
                                 const lineage_id& lineage, position begin) {
  if (in.size() < head_bytes
      || load<uint32_t>(in.data()) != crc32c(in.subspan(4))
      || load<uint64_t>(in.data() + 8) != magic
      || load<uint64_t>(in.data() + 16) != lineage.words[0]
      || load<uint64_t>(in.data() + 24) != lineage.words[1]
      || load<uint64_t>(in.data() + 32) != begin.value)
    return std::nullopt;
  const size_t count = load<uint32_t>(in.data() + 4);
  if (count == 0 || in.size() != head_bytes + count * 16)
    return std::nullopt;
  time_index index;
  index.covered = load<uint64_t>(in.data() + 40);
  index.ts_max = load<int64_t>(in.data() + 48);
  index.entries.clear();
  for (size_t i = 0; i < count; ++i)
    index.entries.push_back(
      {load<int64_t>(in.data() + head_bytes + i * 16),
       load<uint64_t>(in.data() + head_bytes + i * 16 + 8)});
  return index;
}

// Extends the index over the intact records after what it covers. Damage ends
// it: what follows is scanned each time. Tells whether it came to the seal.
result<bool> extend(time_index& index, detail::record_window& window) {
  for (;;) {
    auto found = window.at(index.covered);
    if (!found)
      return found.failure();
    if (found->kind != parse_outcome::what::record)
      return false;
    const auto& record = found->record;
    if (index.covered - index.entries.back().offset >= step_bytes)
      index.entries.push_back({index.ts_max, index.covered});
    if (record.kind == record_kind::messages)
      for (auto at = record.first_frame; at < record.length;) {
        const auto frame = record.frame_at(at);
        index.ts_max = std::max(index.ts_max, frame.header.ts);
        at = frame.end;
      }
    index.covered += record.length;
    if (record.kind == record_kind::seal)
      return true;
  }
}

result<time_index> index_of(file_system& fs, const std::string& directory,
                            const lineage_id& lineage,
                            const log_file_info& info, file& log) {
  const auto path = detail::index_path(directory, info.session, info.roll);
  const auto begin = position::of(info.session, info.roll, 0);
  std::optional<time_index> stored;
  if (auto bytes = read_own_file(fs, path))
    stored = decode(*bytes, lineage, begin);
  auto size = log.size();
  if (!size)
    return size.failure();
  // A log that was cut back has less than its index tells of.
  if (stored && stored->covered > *size)
    stored.reset();
  auto index = stored.value_or(time_index{});
  const auto before = index.covered;
  detail::record_window window{log, lineage, info.session, info.roll,
                               payload_check::skip};
  const auto whole = extend(index, window);
  if (!whole)
    return whole.failure();
  if (!stored || *whole || index.covered - before > uncovered_bytes_max)
    // The index only saves time: where it cannot be kept (a full or read-only
    // disk), it is made again at the next call.
    (void)replace_file(fs, path, encode(index, lineage, begin));
  return index;
}

} // namespace

result<std::optional<int64_t>> newest_time(file_system& fs,
                                           const std::string& directory,
                                           const log_file_info& of) {
  auto lineage = read_lineage(fs, directory);
  if (!lineage)
    return lineage.failure();
  auto opened = fs.open(detail::log_path(directory, of.session, of.roll),
                        open_mode::read);
  if (!opened)
    return opened.failure();
  auto index = index_of(fs, directory, *lineage, of, **opened);
  if (!index)
    return index.failure();
  if (index->ts_max == std::numeric_limits<int64_t>::min())
    return std::optional<int64_t>{};
  return std::optional{index->ts_max};
}

result<position> find_time(file_system& fs, const std::string& directory,
                           int64_t ts_ns) {
  auto lineage = read_lineage(fs, directory);
  if (!lineage)
    return lineage.failure();
  auto files = list_log_files(fs, directory);
  if (!files)
    return files.failure();
  std::optional<position> end;
  for (const auto& info : *files) {
    if (info.archived && info.size == 0)
      continue;
    auto opened = fs.open(detail::log_path(directory, info.session, info.roll),
                          open_mode::read);
    if (!opened)
      return opened.failure();
    auto index = index_of(fs, directory, *lineage, info, **opened);
    if (!index)
      return index.failure();
    // The last place before which every ts is smaller; in a file without the
    // time, the end of what the index covers (damage may follow).
    auto from = index->covered;
    if (index->ts_max >= ts_ns) {
      const auto after = std::partition_point(
        index->entries.begin(), index->entries.end(),
        [ts_ns](const index_entry& entry) { return entry.ts_max < ts_ns; });
      // Nothing is before the smallest time there is.
      from = after == index->entries.begin() ? 0 : std::prev(after)->offset;
    } else if (from >= info.size) {
      end = position::of(info.session, info.roll, from);
      continue;
    }
    auto reader = log_reader::open(fs,
                                   {.directory = directory,
                                    .damage = damage_policy::resync,
                                    .payloads = payload_check::verify},
                                   position::of(info.session, info.roll, from));
    if (!reader)
      return reader.failure();
    for (;;) {
      auto item = (*reader)->next();
      if (!item)
        return item.failure();
      if (std::holds_alternative<log_end>(*item))
        return std::get<log_end>(*item).end;
      const auto* message = std::get_if<log_message>(&*item);
      if (message == nullptr)
        continue;
      if (message->kind == record_kind::messages
          && message->frame.header.ts >= ts_ns)
        return message->begin;
      // On to the next file by its index.
      if (message->begin.roll() != info.roll
          || message->begin.session() != info.session)
        break;
    }
  }
  if (end)
    return *end;
  auto reader = log_reader::open(fs, {.directory = directory}, {});
  if (!reader)
    return reader.failure();
  return (*reader)->where();
}

} // namespace millrace::persistence
