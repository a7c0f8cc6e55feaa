#include <millrace/actors/rt/link/read_records.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>

namespace millrace::rt {

namespace {
constexpr uint64_t part_bytes_max = 256u << 10;
} // namespace

result<read_part> read_records(persistence::file_system& fs,
                               const std::string& directory, position from,
                               position to) {
  auto reader
    = persistence::log_reader::open(fs, {.directory = directory}, from);
  if (!reader)
    return reader.failure();
  const auto next = [&] {
    return (*reader)->next_chunk(static_cast<uint32_t>(
      std::min<uint64_t>(part_bytes_max, to.value - from.value)));
  };
  auto item = next();
  // After a session that did not end goes on what the log holds.
  while (item) {
    const auto* event = std::get_if<stream_event>(&*item);
    if (event == nullptr || event->kind != event_kind::reset)
      break;
    item = next();
  }
  if (!item)
    return item.failure();
  const auto* part = std::get_if<persistence::log_chunk>(&*item);
  if (part == nullptr)
    return error{errc::not_found,
                 directory + ": holds no record at " + to_string(from)};
  return read_part{part->begin, chunk::copy_of(part->bytes)};
}

} // namespace millrace::rt
