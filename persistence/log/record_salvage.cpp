#include <millrace/persistence/log/record_salvage.hpp>

#include <algorithm>
#include <cstdint>

namespace millrace::persistence {

namespace {

/// Intact frames of a record, one after the other.
struct frame_run {
  std::vector<uint32_t> begins; ///< Of each, in the record.
  uint32_t end = 0;             ///< Of the last.
};

/// No encoding of a state consists of it.
constexpr std::byte lost_state_byte{0xff};

bool fits(uint32_t from, uint32_t to) {
  return to == from || to >= from + record_header_bytes;
}

std::vector<frame_run> intact_frames(const record_view& record) {
  std::vector<frame_run> out;
  bool goes_on = false;
  for (auto at = record.first_frame; at < record.length;) {
    const auto frame = record.frame_at(at);
    const bool intact = crc32c(frame.payload) == frame.payload_crc;
    if (intact && !goes_on)
      out.emplace_back();
    if (intact) {
      out.back().begins.push_back(at);
      out.back().end = frame.end;
    }
    goes_on = intact;
    at = frame.end;
  }
  return out;
}

/// Those that can be kept: each has room for the head of a record, and what
/// lies between them is nothing, or room for padding.
std::vector<frame_run> with_room(std::vector<frame_run> all,
                                 const record_view& record) {
  const auto head = record.first_frame;
  std::vector<frame_run> out;
  uint32_t end = 0;
  for (auto& run : all) {
    auto& begins = run.begins;
    while (
      !begins.empty()
      && (begins.front() < end + head || !fits(end, begins.front() - head)))
      begins.erase(begins.begin());
    if (begins.empty())
      continue;
    end = run.end;
    out.push_back(std::move(run));
  }
  if (!out.empty() && !fits(end, record.length)) {
    auto& last = out.back();
    last.end = last.begins.back();
    last.begins.pop_back();
    if (last.begins.empty())
      out.pop_back();
  }
  return out;
}

/// What fills the place of one record.
class refill {
public:
  refill(const lineage_id& lineage, position from, std::byte* to)
    : lineage_{lineage}, from_{from}, to_{to} {}

  void pad(size_t begin, size_t end) {
    if (begin == end)
      return;
    const auto bytes
      = encode_padding(lineage_, {from_.value + begin}, {from_.value + end});
    std::copy(bytes.begin(), bytes.end(), to_ + begin);
  }

  void keep(const record_view& record, const frame_run& run) {
    const auto place = run.begins.front() - record.first_frame;
    record_builder again{lineage_, {from_.value + place}};
    again.add_frames(record.kind, record.payload, record.origin,
                     {record.data + run.begins.front(), record.data + run.end},
                     static_cast<uint32_t>(run.begins.size()),
                     record_bytes_max);
    again.close_record();
    std::copy(again.bytes().begin(), again.bytes().end(), to_ + place);
  }

  void lose_state(const record_view& record) {
    const auto frame = record.frame_at(record.first_frame);
    const std::vector<std::byte> nothing(frame.payload.size(), lost_state_byte);
    record_builder again{lineage_, from_};
    again.add(record.kind, record.payload, frame.header, nothing,
              record_bytes_max);
    again.close_record();
    std::copy(again.bytes().begin(), again.bytes().end(), to_);
  }

private:
  lineage_id lineage_;
  position from_;
  std::byte* to_;
};

} // namespace

std::vector<std::byte> salvage_records(std::span<const std::byte> damaged,
                                       const lineage_id& lineage,
                                       position from) {
  std::vector<std::byte> out(damaged.size());
  size_t at = 0;
  while (at < damaged.size()) {
    const auto parsed = parse_record(damaged.subspan(at), lineage,
                                     {from.value + at}, payload_check::skip);
    if (parsed.kind != parse_outcome::what::record)
      break;
    const auto& record = parsed.record;
    refill place{lineage, {from.value + at}, out.data() + at};
    if (record.kind == record_kind::state && record.frame_count == 1) {
      place.lose_state(record);
      at += record.length;
      continue;
    }
    uint32_t end = 0;
    if (record.kind == record_kind::messages
        || record.kind == record_kind::event
        || record.kind == record_kind::marker)
      for (const auto& run : with_room(intact_frames(record), record)) {
        place.pad(end, run.begins.front() - record.first_frame);
        place.keep(record, run);
        end = run.end;
      }
    place.pad(end, record.length);
    at += record.length;
  }
  refill{lineage, from, out.data()}.pad(at, out.size());
  return out;
}

bool is_lost_state(const record_view& record) noexcept {
  if (record.kind != record_kind::state)
    return false;
  const auto payload = record.frame_at(record.first_frame).payload;
  return !payload.empty()
         && std::all_of(payload.begin(), payload.end(),
                        [](std::byte each) { return each == lost_state_byte; });
}

bool are_salvaged_of(std::span<const std::byte> salvaged,
                     std::span<const std::byte> whole,
                     const lineage_id& lineage, position from) {
  if (salvaged.size() != whole.size())
    return false;
  // All of a frame but the way back to its record, which is another one.
  constexpr size_t back_at = 28;
  const auto same = [&](size_t begin, size_t end) {
    return std::equal(salvaged.begin() + static_cast<ptrdiff_t>(begin),
                      salvaged.begin() + static_cast<ptrdiff_t>(end),
                      whole.begin() + static_cast<ptrdiff_t>(begin));
  };
  bool lost = false;
  for (size_t at = 0; at < salvaged.size();) {
    const auto parsed = parse_record(salvaged.subspan(at), lineage,
                                     {from.value + at}, payload_check::skip);
    if (parsed.kind != parse_outcome::what::record)
      return false;
    const auto& record = parsed.record;
    lost = lost || record.kind == record_kind::padding;
    for (auto offset = record.first_frame;
         record.kind != record_kind::padding && offset < record.length;) {
      const auto end = record.frame_at(offset).end;
      if (!same(at + offset, at + offset + back_at)
          || !same(at + offset + frame_header_bytes, at + end))
        return false;
      offset = end;
    }
    at += record.length;
  }
  return lost;
}

} // namespace millrace::persistence
