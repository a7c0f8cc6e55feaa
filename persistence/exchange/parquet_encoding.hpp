#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::persistence {

/// Thrift's compact protocol, as far as the headers and the footer of Parquet
/// need it: fields of a struct come in ascending order of their numbers.
class thrift_writer {
public:
  void field(int16_t number, bool value);
  void field(int16_t number, int32_t value);
  void field(int16_t number, int64_t value);
  void field(int16_t number, std::string_view value);
  void byte_field(int16_t number, int8_t value);
  /// `count` elements follow, by `element` or in begin and end.
  void list(int16_t number, uint8_t type, size_t count);
  void element(int32_t value);
  void element(std::string_view value);
  void begin(int16_t number); ///< A struct as a field.
  void begin();               ///< As an element.
  void end();

  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

  static constexpr uint8_t i32 = 5;
  static constexpr uint8_t binary = 8;
  static constexpr uint8_t structure = 12;

private:
  void header(int16_t number, uint8_t type);
  void varint(uint64_t value);

  std::string bytes_;
  std::vector<int16_t> last_{0}; ///< Number of the field before, by depth.
};

/// Runs and bit-packed groups of values of `width` bits, as levels and places
/// in a dictionary have them.
[[nodiscard]] std::string pack_levels(std::span<const uint32_t> values,
                                      uint32_t width);

/// Bits that hold numbers below `count`.
[[nodiscard]] uint32_t bits_for(uint64_t count) noexcept;

} // namespace millrace::persistence
