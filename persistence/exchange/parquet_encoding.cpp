#include <millrace/persistence/exchange/parquet_encoding.hpp>

#include <algorithm>
#include <bit>

namespace millrace::persistence {

namespace {

constexpr uint8_t thrift_true = 1;
constexpr uint8_t thrift_false = 2;
constexpr uint8_t thrift_byte = 3;
constexpr uint8_t thrift_i64 = 6;
constexpr uint8_t thrift_list = 9;
/// Shorter runs are packed.
constexpr size_t run_min = 8;

void append_varint(std::string& into, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    into += static_cast<char>(value | 0x80);
  into += static_cast<char>(value);
}

uint64_t zigzag(int64_t value) noexcept {
  return (static_cast<uint64_t>(value) << 1)
         ^ static_cast<uint64_t>(value >> 63);
}

/// A multiple of 8 values, zeros after the last.
void append_packed(std::string& into, std::span<const uint32_t> values,
                   uint32_t width) {
  const auto groups = (values.size() + 7) / 8;
  append_varint(into, groups << 1 | 1);
  uint64_t bits = 0;
  uint32_t held = 0;
  for (size_t i = 0; i < groups * 8; ++i) {
    bits |= static_cast<uint64_t>(i < values.size() ? values[i] : 0) << held;
    for (held += width; held >= 8; held -= 8, bits >>= 8)
      into += static_cast<char>(bits);
  }
}

} // namespace

void thrift_writer::varint(uint64_t value) { append_varint(bytes_, value); }

void thrift_writer::header(int16_t number, uint8_t type) {
  const auto step = number - last_.back();
  if (step > 0 && step < 16) {
    bytes_ += static_cast<char>(step << 4 | type);
  } else {
    bytes_ += static_cast<char>(type);
    varint(zigzag(number));
  }
  last_.back() = number;
}

void thrift_writer::field(int16_t number, bool value) {
  header(number, value ? thrift_true : thrift_false);
}

void thrift_writer::field(int16_t number, int32_t value) {
  header(number, i32);
  varint(zigzag(value));
}

void thrift_writer::field(int16_t number, int64_t value) {
  header(number, thrift_i64);
  varint(zigzag(value));
}

void thrift_writer::field(int16_t number, std::string_view value) {
  header(number, binary);
  element(value);
}

void thrift_writer::byte_field(int16_t number, int8_t value) {
  header(number, thrift_byte);
  bytes_ += static_cast<char>(value);
}

void thrift_writer::list(int16_t number, uint8_t type, size_t count) {
  header(number, thrift_list);
  if (count < 15) {
    bytes_ += static_cast<char>(count << 4 | type);
  } else {
    bytes_ += static_cast<char>(0xf0 | type);
    varint(count);
  }
}

void thrift_writer::element(int32_t value) { varint(zigzag(value)); }

void thrift_writer::element(std::string_view value) {
  varint(value.size());
  bytes_ += value;
}

void thrift_writer::begin(int16_t number) {
  header(number, structure);
  last_.push_back(0);
}

void thrift_writer::begin() { last_.push_back(0); }

void thrift_writer::end() {
  bytes_ += '\0';
  last_.pop_back();
}

uint32_t bits_for(uint64_t count) noexcept {
  return count < 2 ? 0 : static_cast<uint32_t>(std::bit_width(count - 1));
}

std::string pack_levels(std::span<const uint32_t> values, uint32_t width) {
  std::string out;
  size_t packed = 0; // Where what is not written yet begins.
  for (size_t at = 0; at < values.size();) {
    auto end = at + 1;
    while (end < values.size() && values[end] == values[at])
      ++end;
    // Packed groups are of 8 values, but for the last of all.
    const auto filled = (at - packed) % 8 == 0 ? 0 : 8 - (at - packed) % 8;
    if (end - at < filled + run_min) {
      at = end;
      continue;
    }
    at += filled;
    if (at != packed)
      append_packed(out, values.subspan(packed, at - packed), width);
    append_varint(out, (end - at) << 1);
    for (uint32_t byte = 0; byte < (width + 7) / 8; ++byte)
      out += static_cast<char>(values[at] >> (8 * byte));
    packed = at = end;
  }
  if (packed != values.size())
    append_packed(out, values.subspan(packed), width);
  return out;
}

} // namespace millrace::persistence
