#pragma once

#include <millrace/query/execution/kernels.hpp>
#include <millrace/query/table/columns.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace millrace::query {

/// Exact sums of floats, one per group: what is added is kept to its last bit,
/// and rounded once, when it is asked for. So order, threads, splits and
/// restarts cannot change a sum (decision 13). Most sums are 127 bits that
/// begin where the first value stood; one whose values lie further apart has a
/// number of 2240 bits besides.
///
/// NaN is null, and adds nothing. An infinity makes the sum infinite, both of
/// them make it null. Zero is +0. Owner: one thread.
class exact_sums {
public:
  void resize(size_t count) { cells_.resize(count); }
  void reserve(size_t count) { cells_.reserve(count); }
  [[nodiscard]] size_t size() const noexcept { return cells_.size(); }
  [[nodiscard]] size_t byte_count() const noexcept {
    return cells_.capacity() * sizeof(cell)
           + spills_.capacity() * sizeof(wide_number);
  }

  void add(uint32_t group, double x) {
    auto& at = cells_[group];
    if (!add_within(at, x)) [[unlikely]]
      add_slowly(at, x);
  }
  /// Adds values[i] to the sum of groups[i].
  void add_each(const uint32_t* groups, const double* values, size_t count) {
    // Nothing here moves the cells.
    auto* cells = cells_.data();
    for (size_t i = 0; i < count; ++i) {
      auto& at = cells[groups[i]];
      if (!add_within(at, values[i])) [[unlikely]]
        add_slowly(at, values[i]);
    }
  }
  /// Contiguous values. @returns how many were not null.
  uint64_t add_run(uint32_t group, const double* from, size_t count);
  /// Adds what group `other` of `from` holds.
  void add(uint32_t group, const exact_sums& from, uint32_t other);
  /// Makes the sum null, as zero times infinity does.
  void spoil(uint32_t group) noexcept { cells_[group].flags = both; }

  /// Rounded to nearest, ties to even; beyond the largest float infinite.
  [[nodiscard]] double value(uint32_t group) const;

  /// Whether the sum is a number, so that `exact` has it.
  [[nodiscard]] bool finite(uint32_t group) const noexcept {
    return cells_[group].flags == 0;
  }
  /// Whether nothing was added but zeros and nulls.
  [[nodiscard]] bool is_empty(uint32_t group) const noexcept {
    const auto& at = cells_[group];
    return at.base == base_of_nothing && at.spill == 0 && at.flags == 0;
  }
  /// The sum in units of 2^-1074, little-endian two's complement.
  static constexpr size_t exact_words = 35;
  [[nodiscard]] std::array<uint64_t, exact_words> exact(uint32_t group) const;

  /// The columns that carry sums between processes, and back.
  [[nodiscard]] static std::vector<column_schema>
  columns(const std::string& name);
  static constexpr size_t column_count = 4;
  /// Appends groups [begin, end) to `to[0..column_count)`.
  void save(size_t begin, size_t end, column_data* to) const;
  /// Adds row g to group targets[g]. `malformed_message`.
  [[nodiscard]] error load(std::span<const column_data> from,
                           std::span<const uint32_t> targets);

private:
  using wide_number = std::array<uint64_t, exact_words>;

  static constexpr uint64_t hidden_bit = uint64_t{1} << 52;
  static constexpr uint64_t fraction_mask = hidden_bit - 1;
  /// A value may stand this far above the window's lowest bit.
  static constexpr uint32_t shift_max = 62;
  static constexpr int32_t base_max = 2046 - static_cast<int32_t>(shift_max);
  /// Room below the first value.
  static constexpr int32_t room_below = 30;
  static constexpr int16_t base_of_nothing = 4096;
  static constexpr uint8_t plus = 1;
  static constexpr uint8_t minus = 2;
  static constexpr uint8_t both = plus | minus;

  /// The sum is the window times 2^(base - 1075), and its spill.
  struct cell {
    uint64_t low = 0;
    uint64_t high = 0;
    int16_t base = base_of_nothing;
    uint8_t flags = 0;  ///< Infinities that were seen.
    uint32_t spill = 0; ///< Number among spills_ + 1; 0: none.

    [[nodiscard]] int128 window() const noexcept {
      return static_cast<int128>(high) << 64 | low;
    }
    void set_window(int128 x) noexcept {
      low = static_cast<uint64_t>(x);
      high = static_cast<uint64_t>(x >> 64);
    }
  };

  /// Adds a value that fits the window. @returns false: it does not.
  static bool add_within(cell& at, double x) noexcept {
    const auto bits = std::bit_cast<uint64_t>(x);
    const auto exponent = static_cast<int32_t>(bits >> 52 & 0x7ff);
    // Zero, NaN and infinities fall out of every window.
    const auto shift = static_cast<uint32_t>(exponent - at.base);
    if (shift > shift_max) [[unlikely]]
      return false;
    auto digits = static_cast<int64_t>((bits & fraction_mask) | hidden_bit);
    const auto sign = static_cast<int64_t>(bits) >> 63;
    digits = (digits ^ sign) - sign;
    int128 sum;
    // A product is cheaper than a shift of 128 bits.
    const auto term = int128{digits} * (int64_t{1} << shift);
    if (__builtin_add_overflow(at.window(), term, &sum)) [[unlikely]]
      return false;
    at.set_window(sum);
    return true;
  }
  void add_slowly(cell& at, double x);
  /// Adds what a sum holds but for its spill.
  void add_cell(cell& at, const cell& what);
  /// Adds digits * 2^(place - 1075). @pre digits != 0, place >= 1
  void add_scaled(cell& at, int128 digits, int32_t place);
  [[nodiscard]] static bool fit(cell& at, int128 digits, int32_t place);
  [[nodiscard]] static bool move_window(cell& at, int128 digits, int32_t place);
  void spill(cell& at, int128 digits, int32_t place);
  /// Adds a block of a run by vectors. @returns false: nothing was added.
  template <bool Nulls>
  bool add_block(cell& at, const double* from, size_t count, int32_t anchor,
                 uint64_t& present);
  void add_hard_block(uint32_t group, const double* from, size_t count,
                      uint64_t& present);

  std::vector<cell> cells_;
  std::vector<wide_number> spills_;
};

} // namespace millrace::query
