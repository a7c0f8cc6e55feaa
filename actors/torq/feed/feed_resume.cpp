#include <millrace/actors/torq/feed/feed_resume.hpp>
#include <millrace/persistence/log/log_reader.hpp>

#include <utility>

namespace millrace::torq {

result<published_so_far> read_own_log(persistence::env& world,
                                      const std::string& directory) {
  auto reader
    = persistence::log_reader::open(*world.fs, {.directory = directory}, {});
  if (!reader)
    return reader.failure();
  published_so_far found;
  for (;;) {
    auto item = (*reader)->next();
    if (!item)
      return item.failure();
    if (std::holds_alternative<persistence::log_end>(*item))
      return found;
    const auto* message = std::get_if<persistence::log_message>(&*item);
    if (message == nullptr)
      continue;
    found.last_id = magnitude(message->frame.header.id);
    if (message->frame.kind != payload_kind::table_batch)
      continue;
    if (auto cursor = peek_cursor(message->frame.payload);
        cursor && !cursor->name.empty())
      found.cursors[cursor->name] = *cursor;
  }
}

cursor_map newest_of(published_so_far log, published_so_far rt) {
  // A log that lost its tail in a power cut lags what RT merged of it.
  if (log.last_id < rt.last_id)
    std::swap(log, rt);
  log.cursors.merge(rt.cursors);
  return std::move(log.cursors);
}

} // namespace millrace::torq
