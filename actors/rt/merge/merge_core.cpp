#include <millrace/actors/rt/merge/merge_core.hpp>
#include <millrace/messages/base/planted_bug.hpp>

namespace millrace::rt {

using persistence::frame_view;
using persistence::record_kind;
using persistence::record_view;

namespace {

/// Header of records that the merge itself makes. Their time is not a clock's:
/// out/ must not depend on when an entry was applied.
message_header own_header() {
  message_header header;
  header.ts = null_long;
  header.id = 0;
  return header;
}

} // namespace

merge_state begun_state(const stream_layout& layout) {
  merge_state out;
  out.layout = layout;
  out.out_end = out.out_begin = layout.first;
  return out;
}

merge_core::merge_core(merge_state state, persistence::log_writer& out)
  : state_{std::move(state)}, out_{&out} {}

// Entries end at most one chunk after the roll size, far below 2^30.
bool merge_core::begins_file() const noexcept {
  const auto end = out_->appended_end();
  return end.offset() == 0 || end.offset() >= state_.layout.roll_bytes;
}

/// Files that an entry begins, before anything else of it: they are what a full
/// disk may refuse half way.
error merge_core::make_files(const merge_entry& entry) {
  if (stage_ == stage_type::begun) {
    if (out_->appended_end().offset() >= state_.layout.roll_bytes)
      if (auto fault = out_->roll())
        return fault;
    if (out_->appended_end().offset() == 0)
      if (auto fault = begin_file())
        return fault;
    stage_ = stage_type::has_file;
  }
  const auto* begin = std::get_if<begin_session>(&entry);
  if (stage_ == stage_type::has_file && begin != nullptr
      && out_->appended_end().session() < begin->session) {
    if (auto fault = out_->end_session())
      return fault;
    if (auto fault = begin_file())
      return fault;
  }
  stage_ = stage_type::has_session;
  return {};
}

/// A file begins with the state as it is before the entry.
error merge_core::begin_file() {
  began_file_ = true;
  state_.out_end = out_->appended_end();
  auto written = out_->append(record_kind::state, payload_kind::opaque,
                              own_header(), encode_at_file_begin(state_));
  return written ? error{} : written.failure();
}

result<std::vector<merge_effect>>
merge_core::apply(entry_index index, const merge_entry& entry,
                  std::span<const std::span<const std::byte>> parts) {
  if (index <= state_.applied_index)
    return std::vector<merge_effect>{};
  if (stage_ == stage_type::none) {
    effects_.clear();
    began_file_ = false;
    before_ = out_->appended_end();
    stage_ = stage_type::begun;
  }
  if (stage_ < stage_type::added) {
    if (auto fault = make_files(entry))
      return fault;
    if (auto fault = append_entry(entry, parts))
      return fault;
    stage_ = stage_type::added;
  }
  // Closes the open record: framing follows entries, not timing.
  if (auto fault = out_->write())
    return fault;
  stage_ = stage_type::none;
  state_.applied_index = index;
  state_.out_end = out_->recorded_end();
  return std::move(effects_);
}

error merge_core::append_entry(
  const merge_entry& entry, std::span<const std::span<const std::byte>> parts) {
  error fault;
  for (const auto& range : ranges_of(entry))
    if ((fault = apply_range(range, parts)))
      break;
  if (const auto* opened = std::get_if<open_input>(&entry))
    fault = apply_open(*opened);
  else if (const auto* event = std::get_if<stream_event>(&entry))
    fault = append_event(*event);
  else if (const auto* period = std::get_if<period_end>(&entry))
    fault = apply_period_end(*period);
  else if (const auto* cut = std::get_if<cut_begin>(&entry))
    apply_cut(*cut);
  else if (const auto* session = std::get_if<begin_session>(&entry))
    fault = apply_session(*session);
  else if (const auto* floors = std::get_if<note_floors>(&entry))
    apply_floors(*floors);
  else if (const auto* forgotten = std::get_if<forget_consumer>(&entry))
    state_.consumers.erase(forgotten->consumer);
  else if (const auto* claim = std::get_if<claim_origin>(&entry))
    apply_claim(*claim);
  return fault;
}

std::optional<merge_range> merge_core::needs(const merge_range& range) const {
  const auto found = state_.inputs.find(range.input);
  if (found == state_.inputs.end() || found->second.closed
      || found->second.fenced || range.lost
      || (range.to <= found->second.merged_end
          && !MILLRACE_PLANTED(forget_what_was_merged)))
    return std::nullopt;
  auto out = range;
  if (!MILLRACE_PLANTED(forget_what_was_merged))
    out.from = std::max(range.from, found->second.merged_end);
  return out;
}

/// Takes its own from the front of `parts`.
error merge_core::apply_range(
  const merge_range& range,
  std::span<const std::span<const std::byte>>& parts) {
  auto found = state_.inputs.find(range.input);
  if (found == state_.inputs.end() || found->second.closed
      || found->second.fenced
      || (range.to <= found->second.merged_end
          && !MILLRACE_PLANTED(forget_what_was_merged)))
    return {};
  auto& input = found->second;
  if (range.lost)
    return apply_lost(input, range);
  auto at = range.from;
  for (; at < range.to; parts = parts.subspan(1)) {
    MILLRACE_ASSERT(!parts.empty());
    if (auto fault = apply_part(input, at, parts.front()))
      return fault;
    at.value += parts.front().size();
  }
  MILLRACE_ASSERT(at == range.to);
  input.merged_end = range.to;
  return {};
}

error merge_core::apply_lost(merge_input& input, const merge_range& range) {
  const auto from = std::max(range.from, input.merged_end);
  input.merged_end = range.to;
  stream_event event;
  event.kind = event_kind::badtail;
  event.origin = input.directory;
  event.cause = std::to_string(range.to.value - from.value)
                + " bytes of the publisher's log at " + to_string(from)
                + " are damaged, and no copy has them";
  return append_event(event);
}

error merge_core::apply_part(merge_input& input, position at,
                             std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto parsed = persistence::parse_record(
      bytes, input.lineage, at, persistence::payload_check::skip);
    if (parsed.kind != persistence::parse_outcome::what::record)
      return {errc::corrupt, input.directory + ": " + to_string(at)
                               + ": verified input no longer parses: "
                               + std::string{parsed.reason}};
    if (at >= input.merged_end || MILLRACE_PLANTED(forget_what_was_merged))
      if (auto fault = apply_record(input, parsed.record))
        return fault;
    at.value += parsed.record.length;
    bytes = bytes.subspan(parsed.record.length);
  }
  return {};
}

error merge_core::apply_record(const merge_input& input,
                               const record_view& record) {
  if (record.kind == record_kind::event)
    return apply_said(record);
  if (record.kind == record_kind::marker)
    apply_marker(input, record);
  if (record.kind != record_kind::messages)
    return {};
  auto& origin = origin_of(record.origin);
  // Left by a life that was fenced: its numbers are those of another writer.
  if (!input.fenced_of.empty() && input.fenced_of.contains(record.origin)) {
    origin.duplicates += record.frame_count;
    return {};
  }
  auto whole = apply_whole(record, origin);
  if (!whole)
    return whole.failure();
  if (*whole)
    return {};
  auto offset = record.first_frame;
  for (uint32_t i = 0; i < record.frame_count; ++i) {
    const auto frame = record.frame_at(offset);
    if (auto fault = apply_frame(frame, origin))
      return fault;
    offset = frame.end;
  }
  return {};
}

merge_origin& merge_core::origin_of(std::string_view name) {
  const auto found = state_.origins.find(name);
  return found != state_.origins.end()
           ? found->second
           : state_.origins.emplace(std::string{name}, merge_origin{})
               .first->second;
}

/// What a publisher says without an id.
error merge_core::apply_said(const record_view& record) {
  for (auto at = record.first_frame; at < record.length;) {
    const auto frame = record.frame_at(at);
    at = frame.end;
    const auto said = decode_stream_event(frame.payload);
    if (!said)
      continue;
    error fault;
    if (said->kind == event_kind::reset)
      fault = apply_fence(*said);
    else if (said->kind == event_kind::schema)
      fault = apply_schema(said->origin, said->schema);
    if (fault)
      return fault;
  }
  return {};
}

/// A publisher that may have lost the end of its log says so there. Without a
/// cause nobody is to hear of it.
error merge_core::apply_fence(const stream_event& said) {
  if (said.cause.empty())
    return {};
  stream_event reset;
  reset.kind = event_kind::reset;
  reset.origin = said.origin;
  reset.last_id = said.last_id;
  reset.cause = said.cause;
  return append_event(reset);
}

/// One of several that write an origin has marked the end of a period: it
/// counts for its own log, and for the origin.
void merge_core::apply_marker(const merge_input& input,
                              const record_view& record) {
  for (auto at = record.first_frame; at < record.length;) {
    const auto frame = record.frame_at(at);
    at = frame.end;
    const auto marker = decode_end_of_period(frame.payload);
    if (!marker)
      continue;
    mark(input.directory, origin_of(input.directory), marker->period);
    if (frame.header.on != input.directory)
      mark(frame.header.on, origin_of(frame.header.on), marker->period);
  }
}

void merge_core::mark(std::string_view name, merge_origin& origin,
                      period_id period) {
  origin.period_marked = std::max(origin.period_marked, period);
  effects_.emplace_back(marker_merged{std::string{name}, period});
}

result<bool> merge_core::apply_whole(const record_view& record,
                                     merge_origin& origin) {
  // Other payloads say something to the merge itself.
  if (record.payload != payload_kind::opaque)
    return false;
  auto last = origin.watermark;
  for (auto at = record.first_frame; at < record.length;) {
    const auto frame = record.frame_at(at);
    if (!id_follows(state_.layout.ids, frame.header.id, last))
      return false;
    last = frame.header.id;
    at = frame.end;
  }
  for (auto at = record.first_frame; at < record.length;) {
    const auto frame = record.frame_at(at);
    note_id(origin, frame.header.id, frame.payload_crc);
    at = frame.end;
  }
  const auto first = record.frame_at(record.first_frame).header.id;
  messages_ += record.frame_count;
  auto end = out_->append(record, first, origin.watermark);
  return end ? result<bool>{true} : result<bool>{end.failure()};
}

void merge_core::note_id(merge_origin& origin, int64_t id,
                         uint32_t payload_crc) const {
  if (state_.layout.ids == id_policy::monotonic)
    origin.recent_apart.add(id, payload_crc);
  else
    origin.recent.add(magnitude(id), payload_crc);
  origin.watermark = id;
}

std::optional<uint32_t> merge_core::known_crc(const merge_origin& origin,
                                              int64_t id) const {
  return state_.layout.ids == id_policy::monotonic
           ? origin.recent_apart.of(id)
           : origin.recent.of(magnitude(id), magnitude(origin.watermark));
}

error merge_core::apply_frame(const frame_view& frame, merge_origin& origin) {
  const auto id = frame.header.id;
  const auto last = origin.watermark;
  if (!is_newer_id(state_.layout.ids, id, last)
      && !MILLRACE_PLANTED(forget_what_was_merged)) {
    ++origin.duplicates;
    if (const auto sum = known_crc(origin, id);
        sum && *sum != frame.payload_crc) {
      stream_event conflict;
      conflict.kind = event_kind::id_conflict;
      conflict.origin = frame.header.on;
      conflict.first_id = conflict.last_id = frame.header.id;
      conflict.cause = "another payload came with the same id; dropped";
      return append_event(conflict);
    }
    return {};
  }
  if (state_.layout.ids == id_policy::strict && last != 0
      && !id_follows(id_policy::strict, id, last)) {
    stream_event gap;
    gap.kind = event_kind::gap;
    gap.origin = frame.header.on;
    gap.first_id = static_cast<int64_t>(magnitude(last) + 1);
    gap.last_id = static_cast<int64_t>(magnitude(id) - 1);
    gap.cause = "ids missing in the publisher's log";
    if (auto fault = append_event(gap))
      return fault;
    origin.recent.clear();
  }
  note_id(origin, id, frame.payload_crc);
  return take(frame, origin);
}

error merge_core::take(const frame_view& frame, merge_origin& origin) {
  switch (frame.kind) {
    case payload_kind::end_of_period: {
      if (const auto marker = decode_end_of_period(frame.payload))
        mark(frame.header.on, origin, marker->period);
      return {};
    }
    case payload_kind::table_schema:
      return apply_schema(frame.header.on, frame.payload);
    case payload_kind::table_batch:
      if (auto cursor = peek_cursor(frame.payload);
          cursor && !cursor->name.empty())
        origin.cursors[cursor->name] = *cursor;
      break;
    case payload_kind::opaque:
      break;
  }
  ++messages_;
  auto end = out_->append(record_kind::messages, frame.kind, frame.header,
                          frame.payload, frame.payload_crc);
  return end ? error{} : end.failure();
}

error merge_core::apply_schema(std::string_view origin,
                               std::span<const std::byte> encoded) {
  auto schema = decode_table_schema(encoded.data(), encoded.size());
  if (!schema)
    return {};
  auto& newest = state_.schema_versions[schema->name];
  if (schema->version <= newest)
    return {};
  newest = schema->version;
  stream_event event;
  event.kind = event_kind::schema;
  event.origin = origin;
  event.cause
    = "table '" + schema->name + "' version " + std::to_string(schema->version);
  event.schema.assign(encoded.begin(), encoded.end());
  return append_event(event);
}

error merge_core::apply_open(const open_input& entry) {
  bool known = false;
  for (auto& [id, input] : state_.inputs)
    if (input.directory == entry.directory && id != entry.input) {
      input.closed = true;
      known = true;
    }
  state_.inputs[entry.input] = {entry.directory, entry.lineage, {}};
  if (!known)
    return {};
  // The directory began a new life: what its old one still held is unknown.
  stream_event reset;
  reset.kind = event_kind::reset;
  reset.origin = entry.directory;
  reset.cause = "the publisher's directory began a new life";
  if (const auto found = state_.origins.find(entry.directory);
      found != state_.origins.end())
    reset.last_id = found->second.watermark;
  return append_event(reset);
}

error merge_core::apply_period_end(const period_end& entry) {
  if (entry.period <= state_.last_period
      && !MILLRACE_PLANTED(end_a_period_twice))
    return {};
  state_.last_period = entry.period;
  auto end
    = out_->append(record_kind::marker, payload_kind::end_of_period,
                   own_header(), encode(end_of_period{entry.period, {}}));
  if (!end)
    return end.failure();
  effects_.emplace_back(period_ended{entry.period, *end, entry.absent});
  return {};
}

void merge_core::apply_cut(const cut_begin& entry) {
  const auto newest = file_of(out_->appended_end());
  const auto begin = std::min(file_of(entry.begin), newest);
  if (begin <= state_.out_begin)
    return;
  effects_.emplace_back(log_cut{state_.out_begin, begin});
  state_.out_begin = begin;
}

void merge_core::apply_floors(const note_floors& entry) {
  for (const auto& each : entry.floors)
    apply_floor(each);
}

void merge_core::apply_floor(const noted_floor& floor) {
  auto found = state_.consumers.find(floor.consumer);
  const bool is_new = found == state_.consumers.end();
  const uint64_t claim = is_new ? 0 : found->second.claim;
  const bool takes = floor.claims && floor.claim == claim + 1;
  const bool registers = floor.claims && floor.claim == 0 && is_new;
  const bool tells = !floor.claims && !is_new && floor.claim == claim
                     && floor.holder == found->second.holder;
  if (!takes && !registers && !tells)
    return;
  if (is_new) {
    if (state_.consumers.size() >= consumers_max)
      return;
    found = state_.consumers.emplace(floor.consumer, merge_consumer{}).first;
    found->second.floor = state_.out_begin;
  }
  auto& known = found->second;
  const auto at = std::min(floor.at, out_->appended_end());
  // Who takes the name may need what the one before did not: an rdb that
  // lost what it had written down.
  const bool anew = takes && !MILLRACE_PLANTED(keep_a_floor_that_was_left);
  known.floor = std::max(anew ? state_.out_begin : known.floor, at);
  known.claim = floor.claim;
  known.holder = floor.holder;
  known.heard_ns = std::max(known.heard_ns, floor.heard_ns);
}

void merge_core::apply_claim(const claim_origin& entry) {
  const auto input = state_.inputs.find(entry.input);
  const auto known = state_.claims.find(entry.origin);
  const auto epoch = known == state_.claims.end() ? 0 : known->second.epoch;
  if (input == state_.inputs.end() || input->second.closed
      || entry.after != epoch)
    return;
  // A life of the log that wrote another origin is over; where it was fenced
  // that stays.
  for (auto& [origin, claim] : state_.claims) {
    const bool is_other = origin != entry.origin;
    std::erase_if(claim.writers, [&](const origin_writer& each) {
      return (each.input == entry.input && !(is_other && each.fenced))
             || state_.inputs.at(each.input).closed;
    });
  }
  auto& claim = state_.claims[entry.origin];
  claim.epoch = epoch + 1;
  claim.shared = entry.shared;
  origin_claimed done{entry.origin, claim.epoch, entry.input, {}};
  for (auto& writer : claim.writers) {
    if (claim.shared || writer.fenced
        || MILLRACE_PLANTED(fence_no_earlier_writer))
      continue;
    writer.fenced = true;
    state_.inputs.at(writer.input).fenced = true;
    state_.inputs.at(writer.input).fenced_of.insert(entry.origin);
    done.fenced.push_back(writer);
  }
  claim.writers.push_back({entry.input, entry.life});
  input->second.fenced = false;
  input->second.fenced_of.erase(entry.origin);
  effects_.emplace_back(std::move(done));
}

/// The session may be there, and its event may not: where a file that was full
/// ended the one before, and in a later life that begins with the state of the
/// session's first file.
error merge_core::apply_session(const begin_session& entry) {
  const auto here = out_->appended_end();
  if (here.session() != entry.session || here.roll() != 0 || !began_file_)
    return {};
  effects_.emplace_back(
    session_begun{before_, position::of(entry.session, 0, 0)});
  stream_event reset;
  reset.kind = event_kind::reset;
  reset.cause = entry.cause;
  return append_event(std::move(reset));
}

error merge_core::append_event(stream_event event) {
  const auto begin = out_->appended_end();
  auto end = out_->append(record_kind::event, payload_kind::opaque,
                          own_header(), encode(event));
  if (!end)
    return end.failure();
  if (event.from == position{} && event.to == position{}) {
    event.from = begin;
    event.to = *end;
  }
  effects_.emplace_back(event_merged{std::move(event)});
  return {};
}

} // namespace millrace::rt
