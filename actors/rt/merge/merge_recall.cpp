#include <millrace/actors/rt/merge/merge_core.hpp>

#include <algorithm>

// How the merge takes what it appended before, where what that was made of is
// not at hand any more.

namespace millrace::rt {

using persistence::frame_view;
using persistence::record_kind;
using persistence::record_view;

error merge_core::recall_file(std::span<const std::byte> state) {
  if (out_->appended_end().offset() >= state_.layout.roll_bytes)
    if (auto fault = out_->roll())
      return fault;
  state_.out_end = out_->appended_end();
  message_header header;
  header.ts = null_long;
  header.id = 0;
  if (auto end
      = out_->append(record_kind::state, payload_kind::opaque, header, state);
      !end)
    return end.failure();
  return out_->write();
}

error merge_core::recall(entry_index index, const merge_entry& entry,
                         std::span<const recalled_part> parts) {
  for (const auto& range : ranges_of(entry)) {
    const auto found = state_.inputs.find(range.input);
    if (found != state_.inputs.end() && !found->second.closed
        && !found->second.fenced)
      found->second.merged_end = std::max(found->second.merged_end, range.to);
  }
  if (out_->appended_end().offset() >= state_.layout.roll_bytes)
    if (auto fault = out_->roll())
      return fault;
  for (const auto& part : parts) {
    if (auto fault = recall_part(part))
      return fault;
    // None of them joins the one before it.
    if (auto fault = out_->write())
      return fault;
  }
  state_.applied_index = index;
  state_.out_end = out_->recorded_end();
  return {};
}

error merge_core::recall_part(const recalled_part& part) {
  if (part.lost_to)
    return out_->append_lost(*part.lost_to);
  const auto& record = part.record;
  if (record.kind == record_kind::state && out_->appended_end().offset() == 0)
    return recall_file(record.frame_at(record.first_frame).payload);
  return recall_record(record);
}

error merge_core::recall_record(const record_view& record) {
  if (record.kind != record_kind::messages && record.kind != record_kind::event)
    return {errc::corrupt, "the merged log holds a record of kind "
                             + std::to_string(static_cast<int>(record.kind))
                             + " where messages of an input are expected"};
  for (auto at = record.first_frame; at < record.length;) {
    const auto frame = record.frame_at(at);
    at = frame.end;
    learn(record, frame);
    if (record.kind == record_kind::messages)
      continue;
    if (auto end = out_->append(record.kind, frame.kind, frame.header,
                                frame.payload, frame.payload_crc);
        !end)
      return end.failure();
  }
  if (record.kind == record_kind::event)
    return {};
  messages_ += record.frame_count;
  const auto first = record.frame_at(record.first_frame).header.id;
  auto end = out_->append(record, first, origin_of(record.origin).watermark);
  return end ? error{} : end.failure();
}

void merge_core::learn(const record_view& record, const frame_view& frame) {
  if (record.kind == record_kind::messages) {
    auto& origin = origin_of(record.origin);
    note_id(origin, frame.header.id, frame.payload_crc);
    if (frame.kind == payload_kind::table_batch)
      if (auto cursor = peek_cursor(frame.payload);
          cursor && !cursor->name.empty())
        origin.cursors[cursor->name] = *cursor;
    return;
  }
  const auto event = decode_stream_event(frame.payload);
  if (!event)
    return;
  if (event->kind == event_kind::gap)
    origin_of(event->origin).recent.clear();
  if (event->kind != event_kind::schema)
    return;
  if (const auto schema
      = decode_table_schema(event->schema.data(), event->schema.size())) {
    auto& newest = state_.schema_versions[schema->name];
    newest = std::max(newest, schema->version);
  }
}

} // namespace millrace::rt
