#include <millrace/actors/rt/publish/collected_cursors.hpp>
#include <millrace/persistence/log/log_format.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <cstring>
#include <map>
#include <span>
#include <utility>

namespace millrace::rt {

namespace {

std::string cursors_path(const std::string& directory) {
  return directory + "/.cursors";
}

error damaged_cursors(const std::string& path) {
  return {errc::corrupt,
          path
            + ": is damaged: how far the sources were read, of what was pruned "
              "of this log, is not known; put it back from a backup, or remove "
              "it, and they are published again from their beginning"};
}

} // namespace

result<std::vector<source_cursor>>
collected_cursors(persistence::file_system& fs, const std::string& directory) {
  const auto path = cursors_path(directory);
  if (!fs.exists(path))
    return std::vector<source_cursor>{};
  const auto bytes = persistence::read_own_file(fs, path);
  if (!bytes)
    return bytes.failure();
  uint32_t sum = 0;
  if (bytes->size() < sizeof sum)
    return damaged_cursors(path);
  std::memcpy(&sum, bytes->data(), sizeof sum);
  const std::span<const std::byte> rest{bytes->data() + sizeof sum,
                                        bytes->size() - sizeof sum};
  if (persistence::crc32c(rest) != sum)
    return damaged_cursors(path);
  // What is read in place lies at a multiple of eight bytes.
  const std::vector<std::byte> aligned{rest.begin(), rest.end()};
  return decode_source_cursors(aligned);
}

error keep_cursors(persistence::file_system& fs, const std::string& directory,
                   position below) {
  auto before = collected_cursors(fs, directory);
  if (!before)
    return before.failure();
  std::map<std::string, source_cursor> newest;
  for (auto& each : *before)
    newest[each.name] = std::move(each);
  auto reader
    = persistence::log_reader::open(fs, {.directory = directory}, std::nullopt);
  if (!reader)
    return reader.failure();
  bool any = false;
  for (;;) {
    const auto item = (*reader)->next();
    if (!item)
      return item.failure();
    if (std::holds_alternative<persistence::log_end>(*item))
      break;
    const auto* message = std::get_if<persistence::log_message>(&*item);
    if (message == nullptr)
      continue;
    if (message->begin >= below)
      break;
    if (message->frame.kind != payload_kind::table_batch)
      continue;
    if (auto cursor = peek_cursor(message->frame.payload);
        cursor && !cursor->name.empty()) {
      newest[cursor->name] = *cursor;
      any = true;
    }
  }
  if (!any)
    return {};
  std::vector<source_cursor> all;
  for (auto& [name, cursor] : newest)
    all.push_back(std::move(cursor));
  const auto encoded = encode(all);
  const auto sum = persistence::crc32c(encoded);
  std::vector<std::byte> bytes(sizeof sum + encoded.size());
  std::memcpy(bytes.data(), &sum, sizeof sum);
  std::memcpy(bytes.data() + sizeof sum, encoded.data(), encoded.size());
  return persistence::replace_own_file(fs, cursors_path(directory), bytes);
}

} // namespace millrace::rt
