#include <millrace/nodes/node/checked_records.hpp>
#include <millrace/nodes/node/wire_number_internal.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <algorithm>
#include <cstring>

namespace millrace::nodes {

namespace {

/// Grows to what a record needs: most connections carry little.
constexpr size_t first_room_bytes = 4096;

/// @param head of which the first four bytes count
uint32_t sum_of(const char* head, std::span<const char> bytes,
                uint32_t before) {
  return persistence::crc32c(
    std::as_bytes(bytes),
    persistence::crc32c(std::as_bytes(std::span{head, sizeof(uint32_t)}),
                        before));
}

} // namespace

record_writer::head
record_writer::head_of(std::span<const char> bytes) noexcept {
  head out;
  put_wire_number(out.data(), static_cast<uint32_t>(bytes.size()));
  sum_ = sum_of(out.data(), bytes, sum_);
  put_wire_number(out.data() + sizeof(uint32_t), sum_);
  return out;
}

std::span<char> record_reader::room() {
  if (begin_ > 0) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == bytes_.size())
    bytes_.resize(std::clamp(2 * bytes_.size(), first_room_bytes,
                             record_head_bytes + record_bytes_max));
  return std::span{bytes_}.subspan(end_);
}

void record_reader::filled(size_t count) {
  end_ += count;
  look();
}

void record_reader::look() {
  if (state_ == state::as_they_come)
    ready_ = end_ - begin_;
  if (ready_ != 0 || state_ == state::damaged
      || end_ - begin_ < record_head_bytes)
    return;
  const auto* head = bytes_.data() + begin_;
  const size_t count = wire_number_at(head);
  if (count == 0 || count > record_bytes_max) {
    state_ = state_ == state::first ? state::as_they_come : state::damaged;
    if (state_ == state::as_they_come)
      ready_ = end_ - begin_;
    return;
  }
  if (end_ - begin_ < record_head_bytes + count)
    return;
  const auto sum = sum_of(head, {head + record_head_bytes, count}, sum_);
  if (sum != wire_number_at(head + sizeof(uint32_t))) {
    state_ = state::damaged;
    return;
  }
  state_ = state::records;
  sum_ = sum;
  begin_ += record_head_bytes;
  ready_ = count;
}

size_t record_reader::take(char* into, size_t most) noexcept {
  const auto count = std::min(most, ready_);
  std::memcpy(into, bytes_.data() + begin_, count);
  begin_ += count;
  ready_ -= count;
  if (ready_ == 0)
    look();
  return count;
}

} // namespace millrace::nodes
