#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/actors/rt/raft/raft_wire.hpp>
#include <millrace/messages/data/events.hpp>
#include <millrace/messages/data/table_batch.hpp>
#include <millrace/nodes/node/checked_records.hpp>
#include <millrace/nodes/node/connection_guard.hpp>

#include <algorithm>
#include <string>

#include "fuzz_target.hpp"

namespace millrace::fuzz {

namespace {

/// What a reader may do with a batch that was taken, without a look at bounds.
void read_values(const batch_view& batch) {
  size_t sum = 0;
  for (const auto& column : batch.columns) {
    const auto width = width_of(column.type);
    for (size_t i = 0; i < size_t{batch.row_count} * width; ++i)
      sum += static_cast<size_t>(column.values[i]);
    if (column.type == column_type::symbol
        || column.type == column_type::string)
      for (uint32_t row = 0; row < batch.row_count; ++row)
        for (const auto c : column.text(row))
          sum += static_cast<unsigned char>(c);
  }
  volatile auto used = sum;
  (void)used;
}

} // namespace

void table_batch(input given) {
  aligned_copy copy{given};
  const auto bytes = copy.bytes();
  (void)peek_cursor(bytes);
  if (const auto batch = decode_batch(bytes))
    read_values(*batch);
}

void stream_event(input given) {
  aligned_copy copy{given};
  const auto bytes = copy.bytes();
  if (const auto event = decode_stream_event(bytes)) {
    const auto again = decode_stream_event(encode(*event));
    MILLRACE_ASSERT(again && *again == *event);
  }
  if (const auto cursors = decode_source_cursors(bytes)) {
    const auto again = decode_source_cursors(encode(*cursors));
    MILLRACE_ASSERT(again && *again == *cursors);
  }
  (void)decode_end_of_period(bytes);
  if (const auto schema = decode_table_schema(bytes.data(), bytes.size())) {
    (void)validate(*schema);
    const auto again = encode(*schema);
    const auto read = decode_table_schema(again.data(), again.size());
    MILLRACE_ASSERT(read && *read == *schema);
  }
}

void group_entry(input given) {
  aligned_copy copy{given};
  const auto bytes = copy.bytes();
  if (const auto entry = rt::decode_merge_entry(bytes)) {
    (void)rt::ranges_of(*entry);
    MILLRACE_ASSERT(rt::decode_merge_entry(encode(*entry)));
  }
  if (const auto state = rt::decode_merge_state(bytes))
    MILLRACE_ASSERT(rt::decode_merge_state(encode(*state)));
  if (const auto message = rt::decode_raft_message(bytes))
    MILLRACE_ASSERT(rt::decode_raft_message(encode(*message)));
  if (const auto snapshot = rt::decode_raft_snapshot(bytes)) {
    const auto again = rt::decode_raft_snapshot(encode(*snapshot));
    MILLRACE_ASSERT(again && *again == *snapshot);
  }
}

void peer_greeting(input given) {
  using nodes::connection_guard;
  const auto how = take_choice(given);
  connection_guard guard{how & 1 ? connection_guard::end::connecting
                                 : connection_guard::end::accepted};
  const auto text = text_of(given);
  (void)connection_guard::is_of_millrace(text);
  (void)connection_guard::refusal_in(text);
  auto left = std::span<const char>{text.data(), text.size()};
  size_t wanted = connection_guard::head_bytes;
  bool is_head = true;
  // As the middleman asks: 32 bytes, what they announce, and so on.
  while (wanted <= left.size()) {
    const auto piece = left.first(wanted);
    left = left.subspan(wanted);
    const auto came = guard.take(piece);
    if (came == connection_guard::verdict::refused) {
      MILLRACE_ASSERT(!guard.why().empty());
      (void)connection_guard::refusal(guard.why());
      return;
    }
    if (came == connection_guard::verdict::consumed) {
      wanted = guard.wanted();
      MILLRACE_ASSERT(wanted <= connection_guard::handshake_bytes_max);
      continue;
    }
    uint32_t announced = 0;
    if (is_head)
      for (size_t i = 4; i < 8; ++i)
        announced = announced << 8 | static_cast<unsigned char>(piece[i]);
    is_head = !is_head || announced == 0;
    wanted = is_head ? connection_guard::head_bytes : announced;
    MILLRACE_ASSERT(wanted <= connection_guard::frame_bytes_max);
  }
}

void peer_records(input given) {
  const auto how = take_choice(given);
  const std::string text{text_of(given)};
  std::string sent = text;
  const bool is_true = (how & 1) != 0;
  if (is_true) { // Heads that fit, of records of some size.
    nodes::record_writer by;
    sent.clear();
    const size_t size = 1 + how / 2;
    for (size_t at = 0; at < text.size(); at += size) {
      const auto some = text.substr(at, size);
      const auto head = by.head_of(some);
      sent.append(head.data(), head.size()).append(some);
    }
  }
  nodes::record_reader reader;
  std::string got;
  for (size_t at = 0; at < sent.size() && !reader.is_damaged();) {
    const auto room = reader.room();
    MILLRACE_ASSERT(!room.empty());
    const auto count = std::min<size_t>({room.size(), sent.size() - at, 61});
    std::copy_n(sent.data() + at, count, room.begin());
    at += count;
    reader.filled(count);
    char some[7];
    while (reader.has_ready())
      got.append(some, reader.take(some, sizeof some));
  }
  MILLRACE_ASSERT(!is_true || got == text);
  MILLRACE_ASSERT(got.size() <= sent.size());
}

} // namespace millrace::fuzz
