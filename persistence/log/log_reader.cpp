#include <millrace/persistence/log/log_cursor.hpp>
#include <millrace/persistence/log/log_reader.hpp>

namespace millrace::persistence {

using detail::log_cursor;
using what = log_cursor::what;

struct log_reader::impl {
  explicit impl(log_cursor placed) : cursor{std::move(placed)} {}

  log_cursor cursor;
  // The record that is being delivered frame by frame.
  bool delivering = false;
  bool salvaging = false;
  uint32_t frame = 0; ///< Offset of the next frame.

  [[nodiscard]] position where() const;
  void begin_record(bool salvage);
  void end_record();
  [[nodiscard]] result<item> deliver();
  [[nodiscard]] result<item> deliver_event(const frame_view& frame,
                                           position begin, position end);
  [[nodiscard]] result<item> report_damage(uint32_t bad);
};

position log_reader::impl::where() const {
  const auto& record = cursor.record();
  if (delivering && frame > record.first_frame)
    return position{cursor.record_begin().value + frame};
  return cursor.where();
}

void log_reader::impl::begin_record(bool salvage) {
  delivering = true;
  salvaging = salvage;
  frame = cursor.first_frame() != 0 ? cursor.first_frame()
                                    : cursor.record().first_frame;
}

void log_reader::impl::end_record() {
  delivering = false;
  cursor.pass_record();
}

result<log_reader::item> log_reader::impl::deliver_event(const frame_view& view,
                                                         position begin,
                                                         position end) {
  auto event = decode_stream_event(view.payload);
  if (!event)
    return error{event.failure().code,
                 to_string(begin) + ": event: " + event.failure().context};
  if (event->from == position{} && event->to == position{}) {
    event->from = begin;
    event->to = end;
  }
  return item{*std::move(event)};
}

result<log_reader::item> log_reader::impl::report_damage(uint32_t bad) {
  const auto& record = cursor.record();
  std::optional<uint32_t> good;
  for (auto at = record.frame_at(bad).end; at < record.length && !good;) {
    const auto next = record.frame_at(at);
    if (crc32c(next.payload) == next.payload_crc)
      good = at;
    at = next.end;
  }
  delivering = false;
  auto decided = cursor.damage_in_record(bad, good);
  if (!decided)
    return decided.failure();
  if (*decided == what::event)
    return item{cursor.take_event()};
  return item{log_end{cursor.where()}};
}

result<log_reader::item> log_reader::impl::deliver() {
  const auto& record = cursor.record();
  const auto view = record.frame_at(frame);
  if (salvaging && crc32c(view.payload) != view.payload_crc)
    return report_damage(frame);
  const auto base = cursor.record_begin().value;
  const position begin{frame == record.first_frame ? base : base + frame};
  const position end{base + view.end};
  const auto kind = record.kind;
  frame = view.end;
  if (frame >= record.length)
    end_record(); // The view into the window stays until the next look.
  if (kind == record_kind::event)
    return deliver_event(view, begin, end);
  return item{log_message{begin, end, kind, view}};
}

result<std::unique_ptr<log_reader>>
log_reader::open(file_system& fs, log_reader_options options,
                 std::optional<position> from) {
  auto lineage = read_lineage(fs, options.directory);
  if (!lineage)
    return lineage.failure();
  log_cursor cursor{fs, std::move(options), *lineage};
  if (auto fault = cursor.start(from))
    return fault;
  return std::unique_ptr<log_reader>{
    new log_reader{std::make_unique<impl>(std::move(cursor))}};
}

log_reader::log_reader(std::unique_ptr<impl> state) : impl_{std::move(state)} {}

log_reader::~log_reader() = default;

const lineage_id& log_reader::lineage() const noexcept {
  return impl_->cursor.lineage();
}

position log_reader::where() const noexcept { return impl_->where(); }

void log_reader::limit(position end) { impl_->cursor.set_limit(end); }

const std::string& log_reader::stalled() const noexcept {
  return impl_->cursor.stalled();
}

result<log_reader::item> log_reader::next() {
  auto& state = *impl_;
  for (;;) {
    if (state.delivering)
      return state.deliver();
    auto seen = state.cursor.look(true);
    if (!seen)
      return seen.failure();
    switch (*seen) {
      case what::event:
        return item{state.cursor.take_event()};
      case what::end:
        return item{log_end{state.where()}};
      case what::record:
      case what::salvage:
        switch (state.cursor.record().kind) {
          case record_kind::messages:
          case record_kind::event:
          case record_kind::marker:
            state.begin_record(*seen == what::salvage);
            break;
          case record_kind::state:
          case record_kind::seal:
            if (*seen == what::salvage)
              return state.report_damage(state.cursor.record().first_frame);
            state.cursor.pass_record();
            break;
          case record_kind::padding:
            return item{state.cursor.pass_lost()};
        }
        break;
    }
  }
}

result<log_reader::chunk_item> log_reader::next_chunk(uint32_t bytes_max) {
  auto& state = *impl_;
  // A record that `next` has begun goes out whole.
  state.delivering = false;
  auto seen = state.cursor.look(false);
  if (!seen)
    return seen.failure();
  if (*seen == what::event)
    return chunk_item{state.cursor.take_event()};
  if (*seen == what::end)
    return chunk_item{log_end{state.where()}};
  const auto begin = state.cursor.record_begin();
  const bool lost = state.cursor.record().kind == record_kind::padding;
  const auto bytes = state.cursor.run(bytes_max);
  state.cursor.pass_run(bytes);
  return chunk_item{
    log_chunk{begin, position{begin.value + bytes.size()}, bytes, lost}};
}

} // namespace millrace::persistence
