#include <millrace/actors/rt/link/read_records.hpp>
#include <millrace/persistence/log/log_directory.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <algorithm>

namespace millrace::rt {

namespace {
constexpr uint64_t part_bytes_max = 256u << 10;

/// The newest file that was collected stays, empty.
bool is_collected(persistence::file_system& fs, const std::string& directory,
                  position at) {
  const auto files = persistence::list_log_files(fs, directory);
  return files
         && std::any_of(files->begin(), files->end(), [&](const auto& each) {
              return each.archived && each.size == 0
                     && position::of(each.session, each.roll, 0) >= file_of(at);
            });
}
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
  // After a session that did not end goes on what the log holds, and after
  // files that all have merged.
  while (item) {
    const auto* event = std::get_if<stream_event>(&*item);
    if (event == nullptr)
      break;
    const bool passes = event->kind == event_kind::reset
                        || (event->kind == event_kind::pruned
                            && is_collected(fs, directory, event->from));
    if (!passes)
      break;
    item = next();
  }
  if (!item)
    return item.failure();
  const auto* part = std::get_if<persistence::log_chunk>(&*item);
  if (part == nullptr || part->lost)
    return error{errc::not_found,
                 directory + ": holds no record at " + to_string(from)};
  return read_part{part->begin, chunk::copy_of(part->bytes)};
}

} // namespace millrace::rt
