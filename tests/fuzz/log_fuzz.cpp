#include <millrace/persistence/log/log_reader.hpp>
#include <millrace/persistence/log/log_writer.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <algorithm>
#include <optional>

#include "fuzz_target.hpp"

namespace millrace::fuzz {

namespace {

using namespace persistence;

constexpr lineage_id fuzzed_lineage{{1, 2}};

template <class T>
T number_at(std::span<const std::byte> bytes, size_t at) {
  T out{};
  std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

void put_sum(std::span<std::byte> bytes, size_t at, uint32_t sum) {
  std::memcpy(bytes.data() + at, &sum, sizeof sum);
}

/// Makes the checksums of the record at the front those of its bytes, as far as
/// it has any, so that what stands after them is looked at.
/// @returns its length; none: it is no record
std::optional<size_t> sum_record(std::span<std::byte> bytes, position at) {
  if (bytes.size() < record_header_bytes)
    return std::nullopt;
  const auto length = number_at<uint32_t>(bytes, 4);
  if (length < record_header_bytes || length % 8 != 0 || length > bytes.size())
    return std::nullopt;
  const auto frames = number_at<uint32_t>(bytes, 12);
  size_t offset = record_header_bytes + padded(number_at<uint16_t>(bytes, 16));
  if (offset > length)
    return length;
  auto sum = crc32c(std::as_bytes(std::span{fuzzed_lineage.words}));
  sum = crc32c(std::as_bytes(std::span{&at.value, 1}), sum);
  sum = crc32c(bytes.subspan(4, offset - 4), sum);
  for (uint32_t i = 0; i < frames && offset + frame_header_bytes <= length;
       ++i) {
    const auto size = number_at<uint32_t>(bytes, offset + 20);
    if (size > length - offset - frame_header_bytes)
      break;
    put_sum(bytes, offset + 24,
            crc32c(bytes.subspan(offset + frame_header_bytes, size)));
    sum = crc32c(bytes.subspan(offset, frame_header_bytes), sum);
    offset += frame_bytes_of(size);
  }
  put_sum(bytes, 0, sum);
  return length;
}

void sum_records(std::span<std::byte> bytes, position at) {
  while (const auto length = sum_record(bytes, at)) {
    bytes = bytes.subspan(*length);
    at.value += *length;
  }
}

void walk(const parse_outcome& parsed) {
  if (parsed.kind != parse_outcome::what::record
      || parsed.record.kind == record_kind::padding)
    return;
  const auto& record = parsed.record;
  uint32_t offset = record.first_frame;
  for (uint32_t i = 0; i < record.frame_count; ++i) {
    MILLRACE_ASSERT(offset < record.length);
    const auto frame = record.frame_at(offset);
    MILLRACE_ASSERT(frame.end <= record.length);
    (void)crc32c(frame.payload);
    (void)decode_stream_event(frame.payload);
    (void)decode_seal(frame.payload);
    offset = frame.end;
  }
}

void put(sim::memory_file_system& disk, const std::string& path, input bytes) {
  auto made = disk.open(path, open_mode::write);
  MILLRACE_ASSERT(made);
  MILLRACE_ASSERT(!(*made)->write_at(0, bytes));
}

/// Reads all of it, and nothing for ever.
template <class Next>
void read_to_end(const Next& next, size_t bytes) {
  for (size_t items = 0;; ++items) {
    // Each record is one item, or some, and each piece of damage one more.
    MILLRACE_ASSERT(items <= bytes + 64);
    const auto item = next();
    if (!item || std::holds_alternative<log_end>(*item))
      return;
  }
}

void read_log(sim::memory_file_system& disk, damage_policy damage,
              size_t bytes) {
  const log_reader_options options{.directory = "/log", .damage = damage};
  if (auto reader = log_reader::open(disk, options, {}))
    read_to_end([&] { return (*reader)->next(); }, bytes);
  if (auto reader = log_reader::open(disk, options, {}))
    read_to_end([&] { return (*reader)->next_chunk(256); }, bytes);
}

} // namespace

void log_record(input given) {
  const auto how = take_choice(given);
  aligned_copy copy{given};
  const position at{how & 2 ? uint64_t{1} << 30 : 0};
  if (how & 1)
    (void)sum_record(copy.bytes(), at);
  for (const auto check : {payload_check::verify, payload_check::skip})
    walk(parse_record(copy.bytes(), fuzzed_lineage, at, check));
}

void log_directory(input given) {
  const auto how = take_choice(given);
  // The first file, the second one, and what stands beside them.
  const auto files = given.size() / 2;
  aligned_copy first{given.first(how & 4 ? files : given.size())};
  aligned_copy second{given.subspan(how & 4 ? files : given.size())};
  if (how & 1) {
    sum_records(first.bytes(), {0});
    sum_records(second.bytes(), {uint64_t{1} << 30});
  }
  sim::memory_file_system disk;
  MILLRACE_ASSERT(!disk.create_directories("/log"));
  MILLRACE_ASSERT(!write_lineage(disk, "/log", fuzzed_lineage));
  put(disk, "/log/" + log_file_name(0, 0), first.bytes());
  if (how & 4)
    put(disk, "/log/" + log_file_name(how & 8 ? 1 : 0, how & 8 ? 0 : 1),
        second.bytes());
  if (how & 16) {
    put(disk, "/log/.synced", given.first(std::min<size_t>(given.size(), 600)));
    put(disk, "/log/.ids", given);
  }
  read_log(disk, how & 2 ? damage_policy::resync : damage_policy::next_file,
           given.size());
  (void)verify_log(disk, "/log");
  (void)find_time(disk, "/log", 1000);
  env world;
  world.fs = &disk;
  world.random = [] { return uint64_t{7}; };
  const auto session = how & 32   ? session_policy::resume
                       : how & 64 ? session_policy::rebuild
                                  : session_policy::next;
  {
    auto writer
      = log_writer::open(world, {.directory = "/log", .session = session});
    if (writer) {
      const auto payload = std::as_bytes(std::span{"payload"});
      if ((*writer)->append(record_kind::messages, payload_kind::opaque,
                            {"feed", 1, 1, null_int}, payload))
        (void)(*writer)->close();
    }
  }
  read_log(disk, damage_policy::resync, given.size() + 4096);
}

} // namespace millrace::fuzz
