#include <millrace/persistence/log/log_internal.hpp>
#include <millrace/persistence/log/session_mark.hpp>

#include <algorithm>
#include <xxhash.h>

namespace millrace::persistence {
namespace detail {

error record_window::fill(uint64_t offset, size_t bytes) {
  valid_ = 0;
  begin_ = offset;
  if (buffer_.size() < bytes) {
    // A short file needs no large buffer.
    auto size = source_->size();
    if (!size)
      return size.failure();
    const auto rest = *size > offset ? *size - offset : 0;
    const auto useful
      = static_cast<size_t>(std::min<uint64_t>(bytes, rest + 8));
    if (buffer_.size() < useful)
      buffer_.resize(useful);
  }
  const auto into = std::span{buffer_}.first(std::min(buffer_.size(), bytes));
  auto got = source_->read_at(offset, into);
  if (!got)
    return got.failure();
  valid_ = *got;
  more_ = *got == into.size();
  return {};
}

parse_outcome record_window::parse(uint64_t offset) const {
  const auto skipped = static_cast<size_t>(offset - begin_);
  return parse_record(std::span{buffer_}.first(valid_).subspan(skipped),
                      lineage_, position::of(session_, roll_, offset), check_);
}

result<parse_outcome> record_window::at(uint64_t offset) {
  if (valid_ != 0 && offset >= begin_ && offset < begin_ + valid_) {
    auto found = parse(offset);
    if (found.kind == parse_outcome::what::record)
      return found;
  }
  // Also damage is looked at again: the writer may have been in the middle.
  if (auto fault = fill(offset, window_bytes_))
    return fault;
  auto found = parse(offset);
  if (found.kind == parse_outcome::what::incomplete
      && valid_ >= record_header_bytes) {
    const auto length = load<uint32_t>(buffer_.data() + 4);
    if (length > valid_ && more_) {
      if (auto fault = fill(offset, length))
        return fault;
      found = parse(offset);
    }
  }
  if (found.kind != parse_outcome::what::record)
    valid_ = 0;
  return found;
}

std::span<const std::byte> record_window::run_from(uint64_t offset,
                                                   const record_view& first,
                                                   uint32_t bytes_max,
                                                   uint64_t limit) {
  auto end = offset + first.length;
  while (first.kind != record_kind::seal && first.kind != record_kind::padding
         && end < begin_ + valid_) {
    const auto found = parse(end);
    if (found.kind != parse_outcome::what::record
        || found.record.kind == record_kind::padding)
      break;
    const auto next = end + found.record.length;
    if (next > limit || next - offset > bytes_max)
      break;
    end = next;
    if (found.record.kind == record_kind::seal)
      break;
  }
  return std::span{buffer_}.subspan(static_cast<size_t>(offset - begin_),
                                    static_cast<size_t>(end - offset));
}

namespace {

// Cheap signs of a record header; most offsets fail here.
bool looks_like_record(const std::byte* at, size_t available) {
  return available >= record_header_bytes
         && load<uint8_t>(at + 8) == log_format_version
         && load<uint8_t>(at + 9) >= 1 && load<uint8_t>(at + 9) <= 6
         && load<uint8_t>(at + 11) == 0 && load<uint16_t>(at + 18) == 0
         && load<uint32_t>(at + 20) == 0 && load<uint32_t>(at + 4) % 8 == 0;
}

// Whether the first frame points back to the record, where it is in sight.
bool first_frame_fits(const std::byte* at, size_t available) {
  const auto origin = load<uint16_t>(at + 16);
  if (origin > origin_bytes_max)
    return false;
  const size_t first = record_header_bytes + padded(origin);
  if (load<uint8_t>(at + 9) == static_cast<uint8_t>(record_kind::padding)
      || available < first + frame_header_bytes)
    return true;
  return load<uint32_t>(at + first + 28) == first;
}

} // namespace

result<std::optional<uint64_t>> record_ending_at(file& source,
                                                 const lineage_id& lineage,
                                                 uint64_t session,
                                                 uint64_t roll, uint64_t end) {
  using answer = std::optional<uint64_t>;
  if (end % 8 != 0)
    return answer{};
  const auto reach_max = std::min<uint64_t>(end, record_bytes_max);
  std::vector<std::byte> bytes;
  uint64_t checked = 0; // This many bytes before `end` hold no start.
  for (uint64_t reach = std::min<uint64_t>(reach_max, 66u << 10);;
       reach = std::min(reach_max, reach * 8)) {
    bytes.resize(reach);
    auto got = source.read_at(end - reach, bytes);
    if (!got)
      return got.failure();
    if (*got < reach)
      return answer{}; // The file ends before `end`.
    for (auto back = std::max<uint64_t>(checked + 8, record_header_bytes);
         back <= reach; back += 8) {
      const auto* at = bytes.data() + (reach - back);
      if (load<uint32_t>(at + 4) != back || !looks_like_record(at, back))
        continue;
      const auto found = parse_record({at, back}, lineage,
                                      position::of(session, roll, end - back),
                                      payload_check::skip);
      if (found.kind == parse_outcome::what::record)
        return answer{end - back};
    }
    if (reach == reach_max)
      return answer{};
    checked = reach;
  }
}

result<std::optional<uint64_t>> find_intact(file& source,
                                            const lineage_id& lineage,
                                            uint64_t session, uint64_t roll,
                                            uint64_t from, uint64_t size) {
  using answer = std::optional<uint64_t>;
  constexpr size_t block_bytes = 256u << 10;
  constexpr size_t overlap = 512; // More than a header with origin and frame.
  from = (from + 7) & ~uint64_t{7};
  if (from + record_header_bytes > size)
    return answer{};
  record_window window{source, lineage, session, roll, payload_check::verify};
  std::vector<std::byte> block(
    static_cast<size_t>(std::min<uint64_t>(block_bytes, size - from))
    + overlap);
  for (; from < size; from += block_bytes) {
    auto got = source.read_at(from, block);
    if (!got)
      return got.failure();
    for (size_t i = 0; i < std::min(*got, block_bytes); i += 8) {
      const auto* at = block.data() + i;
      const auto available = *got - i;
      if (!looks_like_record(at, available) || !first_frame_fits(at, available)
          || from + i + load<uint32_t>(at + 4) > size)
        continue;
      auto found = window.at(from + i);
      if (!found)
        return found.failure();
      if (found->kind == parse_outcome::what::record)
        return answer{from + i};
    }
  }
  return answer{};
}

namespace {

/// What `take` makes of the record of this kind that ends at `size`; none when
/// another one does, or none.
template <class Answer, class Take>
result<std::optional<Answer>>
of_last_record(file& source, const lineage_id& lineage, uint64_t session,
               uint64_t roll, uint64_t size, record_kind kind,
               const Take& take) {
  using answer = std::optional<Answer>;
  auto start = record_ending_at(source, lineage, session, roll, size);
  if (!start)
    return start.failure();
  if (!*start)
    return answer{};
  record_window window{source, lineage, session, roll, payload_check::verify};
  auto found = window.at(**start);
  if (!found)
    return found.failure();
  if (found->kind != parse_outcome::what::record || found->record.kind != kind)
    return answer{};
  return take(found->record);
}

} // namespace

result<std::optional<seal_info>> read_seal(file& source,
                                           const lineage_id& lineage,
                                           uint64_t session, uint64_t roll,
                                           uint64_t size) {
  using answer = result<std::optional<seal_info>>;
  return of_last_record<seal_info>(
    source, lineage, session, roll, size, record_kind::seal,
    [](const record_view& record) -> answer {
      auto seal = decode_seal(record.frame_at(record.first_frame).payload);
      if (!seal)
        return seal.failure();
      return std::optional{*std::move(seal)};
    });
}

result<std::optional<closed_end>> read_closing(file& source,
                                               const lineage_id& lineage,
                                               uint64_t session, uint64_t roll,
                                               uint64_t size) {
  using answer = result<std::optional<closed_end>>;
  return of_last_record<closed_end>(
    source, lineage, session, roll, size, record_kind::state,
    [](const record_view& record) -> answer {
      auto mark = decode_closing(record.frame_at(record.first_frame).payload);
      if (!mark)
        return std::optional<closed_end>{};
      if (mark->tally)
        add_to_tally(*mark->tally, record);
      return std::optional{closed_end{std::move(mark->tally)}};
    });
}

uint64_t chain_hash(uint64_t hash, uint32_t record_crc) noexcept {
  return XXH3_64bits_withSeed(&record_crc, sizeof(record_crc), hash);
}

void add_to_tally(seal_info& tally, const record_view& record) {
  tally.running_hash
    = chain_hash(tally.running_hash, load<uint32_t>(record.data));
  if (record.kind != record_kind::messages
      && record.kind != record_kind::marker)
    return;
  tally.message_count += record.frame_count;
  if (record.kind != record_kind::messages)
    return;
  auto offset = record.first_frame;
  auto frame = record.frame_at(offset);
  const auto first = frame.header.id;
  while (frame.end < record.length)
    frame = record.frame_at(frame.end);
  const std::string origin{record.origin};
  auto [found, added]
    = tally.ids.try_emplace(origin, seal_info::id_range{first, 0});
  found->second.last = frame.header.id;
}

result<intact_records> intact_run(file& source, const lineage_id& lineage,
                                  position from, uint64_t size,
                                  seal_info* tally) {
  const auto session = from.session();
  const auto roll = from.roll();
  record_window window{source, lineage, session, roll, payload_check::verify};
  intact_records out;
  for (out.end = from.offset();;) {
    auto found = window.at(out.end);
    if (!found)
      return found.failure();
    if (found->kind != parse_outcome::what::record)
      break;
    if (tally != nullptr && found->record.kind != record_kind::seal)
      add_to_tally(*tally, found->record);
    out.end += found->record.length;
  }
  auto next = find_intact(source, lineage, session, roll, out.end + 8, size);
  if (!next)
    return next.failure();
  if (*next)
    out.next = position::of(session, roll, **next);
  return out;
}

error tally_after_damage(file& source, const lineage_id& lineage,
                         const file_scan& scan, seal_info& tally) {
  for (auto next = scan.next_intact; next;) {
    auto run = intact_run(source, lineage, *next, scan.size, &tally);
    if (!run)
      return run.failure();
    next = run->next;
  }
  return {};
}

namespace {

// The seal knows of records that nobody has any more; of those that are there
// it must know, too.
std::string_view check_seal_after_padding(const file_scan& scan,
                                          const seal_info& seal) {
  if (seal.message_count < scan.tally.message_count)
    return "the seal counts fewer messages than the file has";
  for (const auto& [origin, range] : scan.tally.ids)
    if (!seal.ids.contains(origin))
      return "the seal names other ids than the file has";
  return {};
}

// Whether the seal says what was found before it.
std::string_view check_seal(const file_scan& scan, const seal_info& seal) {
  if (scan.padding)
    return check_seal_after_padding(scan, seal);
  if (seal.message_count != scan.tally.message_count)
    return "the seal counts other messages than the file has";
  if (seal.running_hash != scan.tally.running_hash)
    return "the seal's running hash does not fit the records";
  if (seal.ids != scan.tally.ids)
    return "the seal names other ids than the file has";
  return {};
}

// Judges the bytes after valid_end, which are not a record.
error judge_tail(file& source, const lineage_id& lineage, uint64_t session,
                 uint64_t roll, std::optional<position> synced_end,
                 file_scan& scan) {
  const auto end = scan.valid_end.value - scan.begin.value;
  auto next = find_intact(source, lineage, session, roll, end + 8, scan.size);
  if (!next)
    return next.failure();
  if (*next) {
    scan.damaged = true;
    scan.next_intact = position::of(session, roll, **next);
  }
  if (scan.seal && scan.size > end) {
    scan.damaged = true;
    scan.reason = "bytes after the seal";
  }
  const auto synced = synced_end.value_or(position{});
  if (synced_end && scan.valid_end < synced && scan.begin < synced
      && synced.value - scan.begin.value <= position::offset_max) {
    scan.damaged = true;
    scan.reason += std::string{scan.reason.empty() ? "" : "; "} + "bytes up to "
                   + to_string(synced) + " were synced once";
  }
  return {};
}

} // namespace

result<file_scan> scan_open_file(file& source, const lineage_id& lineage,
                                 uint64_t session, uint64_t roll,
                                 std::optional<position> synced_end) {
  auto size = source.size();
  if (!size)
    return size.failure();
  file_scan scan;
  scan.begin = position::of(session, roll, 0);
  scan.size = *size;
  record_window window{source, lineage, session, roll, payload_check::verify};
  uint64_t at = 0;
  while (at < scan.size) {
    auto found = window.at(at);
    if (!found)
      return found.failure();
    if (found->kind != parse_outcome::what::record) {
      scan.cut_off = found->kind == parse_outcome::what::incomplete;
      scan.reason
        = scan.cut_off ? "the record is cut off" : std::string{found->reason};
      break;
    }
    const auto& record = found->record;
    ++scan.record_count;
    const auto begin = at;
    at += record.length;
    if (record.kind == record_kind::padding && !scan.padding)
      scan.padding = position::of(session, roll, begin);
    scan.closed = record.kind == record_kind::state
                  && is_closing(record.frame_at(record.first_frame).payload);
    if (record.kind != record_kind::seal) {
      add_to_tally(scan.tally, record);
      continue;
    }
    auto seal = decode_seal(record.frame_at(record.first_frame).payload);
    if (!seal)
      return seal.failure();
    if (auto wrong = check_seal(scan, *seal); !wrong.empty()) {
      scan.damaged = true;
      scan.reason = wrong;
      at = begin;
    } else {
      scan.seal = *std::move(seal);
    }
    break;
  }
  scan.valid_end = position::of(session, roll, at);
  if (auto fault = judge_tail(source, lineage, session, roll, synced_end, scan))
    return fault;
  return scan;
}

} // namespace detail

std::optional<record_place> record_before(file_system& fs,
                                          const std::string& directory,
                                          const lineage_id& lineage,
                                          position end) {
  auto opened = fs.open(detail::log_path(directory, end.session(), end.roll()),
                        open_mode::read);
  if (!opened)
    return std::nullopt;
  const auto start = detail::record_ending_at(**opened, lineage, end.session(),
                                              end.roll(), end.offset());
  if (!start || !*start)
    return std::nullopt;
  std::array<std::byte, record_header_bytes> header{};
  const auto got = (*opened)->read_at(**start, header);
  if (!got || *got != header.size())
    return std::nullopt;
  return record_place{
    position::of(end.session(), end.roll(), **start),
    detail::load<uint32_t>(header.data()),
    static_cast<record_kind>(detail::load<uint8_t>(header.data() + 9))};
}

result<std::vector<std::pair<position, position>>>
damaged_parts(file_system& fs, const std::string& directory,
              const lineage_id& lineage, position from, position to) {
  const auto session = from.session();
  const auto roll = from.roll();
  auto opened
    = fs.open(detail::log_path(directory, session, roll), open_mode::read);
  if (!opened)
    return opened.failure();
  const auto size = (*opened)->size();
  if (!size)
    return size.failure();
  const uint64_t end = from.offset() + (to.value - from.value);
  detail::record_window window{**opened, lineage, session, roll,
                               payload_check::verify};
  std::vector<std::pair<position, position>> out;
  for (uint64_t at = from.offset(); at < end;) {
    const auto found = window.at(at);
    if (!found)
      return found.failure();
    if (found->kind == parse_outcome::what::record) {
      at += found->record.length;
      continue;
    }
    const auto next = detail::find_intact(**opened, lineage, session, roll,
                                          at + 8, std::min(*size, end));
    if (!next)
      return next.failure();
    const auto to_byte = next->value_or(end);
    out.emplace_back(position::of(session, roll, at),
                     position{from.value + (to_byte - from.offset())});
    at = to_byte;
  }
  return out;
}

result<file_scan> scan_log_file(file_system& fs, const std::string& directory,
                                const lineage_id& lineage,
                                const log_file_info& info,
                                std::optional<position> synced_end) {
  auto opened = fs.open(detail::log_path(directory, info.session, info.roll),
                        open_mode::read);
  if (!opened)
    return opened.failure();
  return detail::scan_open_file(**opened, lineage, info.session, info.roll,
                                synced_end);
}

} // namespace millrace::persistence
