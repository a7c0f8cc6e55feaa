#include <millrace/query/execution/exact_sum.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace millrace::query {

namespace {

__extension__ typedef unsigned __int128 uint128;

using wide = std::array<uint64_t, exact_sums::exact_words>;

uint128 magnitude(int128 x) noexcept {
  return x < 0 ? ~static_cast<uint128>(x) + 1 : static_cast<uint128>(x);
}

int32_t bit_width(uint128 x) noexcept {
  const auto high = static_cast<uint64_t>(x >> 64);
  return high ? 64 + static_cast<int32_t>(std::bit_width(high))
              : static_cast<int32_t>(std::bit_width(static_cast<uint64_t>(x)));
}

/// @pre x != 0
int32_t trailing_zeros(int128 x) noexcept {
  const auto low = static_cast<uint64_t>(x);
  return low ? std::countr_zero(low)
             : 64 + std::countr_zero(static_cast<uint64_t>(x >> 64));
}

/// Adds digits * 2^(place - 1), in units of 2^-1074.
void add_wide(wide& to, int128 digits, int32_t place) noexcept {
  const auto offset = static_cast<uint32_t>(place - 1);
  const auto shift = offset % 64;
  const auto low = static_cast<uint64_t>(digits);
  const auto high = static_cast<int64_t>(digits >> 64);
  const auto extension = static_cast<uint64_t>(high >> 63);
  uint64_t terms[3] = {low, static_cast<uint64_t>(high), extension};
  if (shift) {
    terms[2] = static_cast<uint64_t>(high >> (64 - shift));
    terms[1] = static_cast<uint64_t>(high) << shift | low >> (64 - shift);
    terms[0] = low << shift;
  }
  uint64_t carry = 0;
  for (size_t i = offset / 64, term = 0; i < to.size(); ++i, ++term) {
    const auto x = term < 3 ? terms[term] : extension;
    // What is left changes nothing.
    if (term >= 3 && x + carry == 0)
      return;
    const auto sum = to[i] + x;
    const auto out = sum + carry;
    carry = (sum < x) | (out < sum);
    to[i] = out;
  }
}

double round_wide(wide x) noexcept {
  const bool negative = x.back() >> 63;
  if (negative) {
    uint64_t carry = 1;
    for (auto& word : x) {
      word = ~word + carry;
      carry &= word == 0;
    }
  }
  size_t top = x.size();
  while (top > 0 && x[top - 1] == 0)
    --top;
  if (top == 0)
    return 0;
  // The highest 64 bits; what lies below them only breaks ties.
  const auto zeros = static_cast<uint32_t>(std::countl_zero(x[top - 1]));
  auto digits = x[top - 1] << zeros;
  bool rest = false;
  auto place
    = static_cast<int32_t>(64 * (top - 1)) - static_cast<int32_t>(zeros);
  if (top > 1) {
    if (zeros)
      digits |= x[top - 2] >> (64 - zeros);
    rest = zeros ? x[top - 2] << zeros != 0 : x[top - 2] != 0;
    for (size_t i = 0; i + 2 < top; ++i)
      rest |= x[i] != 0;
  }
  const auto rounded
    = std::ldexp(static_cast<double>(digits | uint64_t{rest}), place - 1074);
  return negative ? -rounded : rounded;
}

using double4 = double __attribute__((vector_size(32)));
using long4 = int64_t __attribute__((vector_size(32)));
/// Sums of bits, which wrap.
using ulong4 = uint64_t __attribute__((vector_size(32)));

constexpr size_t prefetched_values = 256;

/// 1.5 * 2^exponent: what is added to it loses the bits below its last.
double cutter(int32_t exponent) noexcept {
  return std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52
                               | uint64_t{1} << 51);
}

} // namespace

bool exact_sums::fit(cell& at, int128 digits, int32_t place) {
  auto shift = place - at.base;
  if (shift < 0) {
    if (trailing_zeros(digits) < -shift)
      return false;
    digits >>= -shift;
    shift = 0;
  }
  if (bit_width(magnitude(digits)) + shift > 126)
    return false;
  int128 sum;
  if (__builtin_add_overflow(at.window(), digits << shift, &sum))
    return false;
  at.set_window(sum);
  return true;
}

bool exact_sums::move_window(cell& at, int128 digits, int32_t place) {
  const auto window = at.window();
  const auto width = bit_width(magnitude(digits));
  if (at.base == base_of_nothing || window == 0) {
    // Room below, for values with more digits, and more of it above.
    const auto base = place + width - 53 - room_below;
    at.base = static_cast<int16_t>(std::clamp(base, 1, base_max));
    return true;
  }
  const auto low = std::min(trailing_zeros(digits) + place,
                            trailing_zeros(window) + int32_t{at.base});
  const auto high
    = std::max(width + place, bit_width(magnitude(window)) + int32_t{at.base});
  const auto room = 125 - (high - low);
  if (room < 0)
    return false;
  const auto base = std::clamp(low - room / 3, 1, base_max);
  if (base == at.base || base > low)
    return false;
  at.set_window(base < at.base ? window << (at.base - base)
                               : window >> (base - at.base));
  at.base = static_cast<int16_t>(base);
  return true;
}

void exact_sums::spill(cell& at, int128 digits, int32_t place) {
  if (at.spill == 0) {
    spills_.emplace_back();
    at.spill = static_cast<uint32_t>(spills_.size());
  }
  add_wide(spills_[at.spill - 1], digits, place);
}

void exact_sums::add_scaled(cell& at, int128 digits, int32_t place) {
  if (at.base != base_of_nothing && fit(at, digits, place))
    return;
  if (move_window(at, digits, place) && fit(at, digits, place))
    return;
  spill(at, digits, place);
}

void exact_sums::add_slowly(cell& at, double x) {
  if (x == 0 || x != x)
    return;
  if (std::isinf(x)) {
    at.flags |= x > 0 ? plus : minus;
    return;
  }
  const auto bits = std::bit_cast<uint64_t>(x);
  const auto exponent = static_cast<int32_t>(bits >> 52 & 0x7ff);
  auto digits = static_cast<int64_t>(bits & fraction_mask);
  if (exponent > 0)
    digits |= static_cast<int64_t>(hidden_bit);
  add_scaled(at, x < 0 ? -digits : digits, std::max(exponent, 1));
}

void exact_sums::add_cell(cell& at, const cell& what) {
  at.flags |= what.flags;
  if (at.base == base_of_nothing)
    at.base = what.base;
  int128 sum;
  if (at.base == what.base
      && !__builtin_add_overflow(at.window(), what.window(), &sum))
    at.set_window(sum);
  else if (const auto window = what.window())
    add_scaled(at, window, what.base);
}

void exact_sums::add(uint32_t group, const exact_sums& from, uint32_t other) {
  const auto what = from.cells_[other];
  auto& at = cells_[group];
  add_cell(at, what);
  if (what.spill == 0)
    return;
  if (at.spill == 0) {
    spills_.emplace_back();
    at.spill = static_cast<uint32_t>(spills_.size());
  }
  auto& to = spills_[at.spill - 1];
  const auto& words = from.spills_[what.spill - 1];
  uint64_t carry = 0;
  for (size_t i = 0; i < to.size(); ++i) {
    const auto sum = to[i] + words[i];
    const auto out = sum + carry;
    carry = (sum < words[i]) | (out < sum);
    to[i] = out;
  }
}

// A value x is cut in two at a bit that is the same for all: y = x + cutter,
// and y - cutter is x rounded there, exactly, and the rest of x is exact, too.
// Both parts are whole multiples of the last bits of their cutters, so that
// their sums are sums of the integers in the bits of y. That holds while y has
// the cutter's exponent, which a NaN has not, and nothing is left below the
// second cut.
template <bool Nulls>
bool exact_sums::add_block(cell& at, const double* from, size_t count,
                           int32_t anchor, uint64_t& present) {
  // From 2^-26 to 2^24 of a value of exponent `anchor`.
  const double first = cutter(anchor - 997);
  const double second = cutter(anchor - 1049);
  const double4 cut1{first, first, first, first};
  const double4 cut2{second, second, second, second};
  const auto high_bits = reinterpret_cast<long4>(cut1);
  ulong4 high{};
  ulong4 low{};
  long4 nulls{};
  long4 moved{};
  long4 left{};
  size_t i = 0;
  double rest_of[4];
  const auto* four = from;
  for (;; i += 4, four += 4) {
    if (i + 4 > count) {
      if (i >= count)
        break;
      for (size_t j = 0; j < 4; ++j)
        rest_of[j] = i + j < count ? from[i + j] : 0;
      four = rest_of;
    }
    double4 x;
    std::memcpy(&x, four, sizeof x);
    if constexpr (Nulls) {
      const long4 there = x == x;
      nulls += there + 1;
      x = reinterpret_cast<double4>(reinterpret_cast<long4>(x) & there);
    }
    // A core alone would not have enough of a long run under way.
    __builtin_prefetch(four + prefetched_values);
    const auto y = x + cut1;
    high += reinterpret_cast<ulong4>(y);
    moved |= reinterpret_cast<long4>(y) ^ high_bits;
    const auto rest = x - (y - cut1);
    const auto z = rest + cut2;
    low += reinterpret_cast<ulong4>(z);
    left |= reinterpret_cast<long4>(rest - (z - cut2));
  }
  auto fold = [](const auto& a) {
    return (static_cast<uint64_t>(a[0]) + static_cast<uint64_t>(a[1]))
           + (static_cast<uint64_t>(a[2]) + static_cast<uint64_t>(a[3]));
  };
  const auto exponents = (moved[0] | moved[1] | moved[2] | moved[3])
                         & ~static_cast<int64_t>(fraction_mask);
  // A rest of -0 is none.
  const auto rests = (left[0] | left[1] | left[2] | left[3])
                     & std::numeric_limits<int64_t>::max();
  if (exponents != 0 || rests != 0)
    return false;
  const auto highs
    = static_cast<int64_t>(fold(high) - i * std::bit_cast<uint64_t>(first));
  const auto lows
    = static_cast<int64_t>(fold(low) - i * std::bit_cast<uint64_t>(second));
  present += count - fold(nulls);
  const auto sum = (static_cast<int128>(highs) << 52) + lows;
  int128 window;
  if (anchor == at.base + room_below
      && !__builtin_add_overflow(at.window(), sum << (room_below - 26),
                                 &window))
    at.set_window(window);
  else if (sum != 0)
    add_scaled(at, sum, anchor - 26);
  return true;
}

namespace {

int32_t exponent_of(double x) noexcept {
  return static_cast<int32_t>(std::bit_cast<uint64_t>(x) >> 52 & 0x7ff);
}

/// Whether both cutters are floats.
bool usable(int32_t anchor) noexcept { return anchor >= 60 && anchor <= 2000; }

} // namespace

uint64_t exact_sums::add_run(uint32_t group, const double* from, size_t count) {
  // Short enough that 51 bits of each value cannot pass 63 in all.
  constexpr size_t block_rows = 4096;
  constexpr size_t short_rows = 10;
  auto& at = cells_[group];
  uint64_t present = 0;
  for (size_t start = 0; start < count; start += block_rows) {
    const auto* block = from + start;
    const auto rows = std::min(block_rows, count - start);
    if (rows < short_rows) {
      for (size_t i = 0; i < rows; ++i) {
        add(group, block[i]);
        present += block[i] == block[i];
      }
      continue;
    }
    auto anchor = at.base + room_below;
    if (at.base == base_of_nothing) {
      anchor = exponent_of(block[0]);
      if (usable(anchor))
        at.base = static_cast<int16_t>(anchor - room_below);
    }
    if (!usable(anchor) || !add_block<false>(at, block, rows, anchor, present))
      add_hard_block(group, block, rows, present);
  }
  return present;
}

/// With nulls, or values far from those before them.
void exact_sums::add_hard_block(uint32_t group, const double* from,
                                size_t count, uint64_t& present) {
  auto& at = cells_[group];
  int32_t largest = 0;
  for (size_t i = 0; i < count; ++i)
    if (from[i] == from[i])
      largest = std::max(largest, exponent_of(from[i]));
  // Where the sum stands, or the largest as high as it may.
  for (const auto anchor : {at.base + room_below, largest - 24})
    if (usable(anchor) && add_block<true>(at, from, count, anchor, present))
      return;
  for (size_t i = 0; i < count; ++i) {
    add_slowly(at, from[i]);
    present += from[i] == from[i];
  }
}

std::array<uint64_t, exact_sums::exact_words>
exact_sums::exact(uint32_t group) const {
  const auto& at = cells_[group];
  auto out = at.spill ? spills_[at.spill - 1] : wide_number{};
  if (at.base != base_of_nothing)
    add_wide(out, at.window(), at.base);
  return out;
}

double exact_sums::value(uint32_t group) const {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  const auto& at = cells_[group];
  if (at.flags != 0)
    return at.flags == both   ? std::numeric_limits<double>::quiet_NaN()
           : at.flags == plus ? infinity
                              : -infinity;
  if (at.spill != 0)
    return round_wide(exact(group));
  const auto window = at.window();
  if (window == 0)
    return 0;
  // A result so small that it has fewer digits is exact before it is scaled.
  const auto digits = static_cast<double>(magnitude(window));
  const auto exponent = int32_t{at.base} - 1075;
  const auto rounded = exponent > -1023
                         ? digits
                             * std::bit_cast<double>(
                               static_cast<uint64_t>(exponent + 1023) << 52)
                         : std::ldexp(digits, exponent);
  return window < 0 ? -rounded : rounded;
}

std::vector<column_schema> exact_sums::columns(const std::string& name) {
  return {{name + ".low", column_type::long_},
          {name + ".high", column_type::long_},
          {name + ".place", column_type::int_},
          {name + ".wide", column_type::string}};
}

void exact_sums::save(size_t begin, size_t end, column_data* to) const {
  const auto count = end - begin;
  auto room = [count](column_data& column, size_t width) {
    const auto held = column.values.size();
    column.values.resize(held + count * width);
    return column.values.data() + held;
  };
  auto* low = room(to[0], 8);
  auto* high = room(to[1], 8);
  auto* place = room(to[2], 4);
  auto* ends = room(to[3], 4);
  for (size_t i = 0; i < count; ++i) {
    const auto& at = cells_[begin + i];
    const auto packed
      = static_cast<int32_t>(at.base) | static_cast<int32_t>(at.flags) << 16;
    if (at.spill)
      to[3].bytes.append(
        reinterpret_cast<const char*>(spills_[at.spill - 1].data()),
        sizeof(wide_number));
    const auto bytes = static_cast<uint32_t>(to[3].bytes.size());
    std::memcpy(low + 8 * i, &at.low, 8);
    std::memcpy(high + 8 * i, &at.high, 8);
    std::memcpy(place + 4 * i, &packed, 4);
    std::memcpy(ends + 4 * i, &bytes, 4);
  }
}

error exact_sums::load(std::span<const column_data> from,
                       std::span<const uint32_t> targets) {
  exact_sums one;
  one.resize(1);
  for (uint32_t g = 0; g < targets.size(); ++g) {
    auto& at = one.cells_[0];
    const auto place = static_cast<uint32_t>(from[2].as<int32_t>()[g]);
    const auto base = static_cast<int32_t>(place & 0xffff);
    const auto words = from[3].text(g);
    at.low = static_cast<uint64_t>(from[0].as<int64_t>()[g]);
    at.high = static_cast<uint64_t>(from[1].as<int64_t>()[g]);
    at.base = static_cast<int16_t>(base);
    at.flags = static_cast<uint8_t>(place >> 16 & both);
    at.spill = words.empty() ? 0 : 1;
    const bool nothing = base == base_of_nothing && (at.low | at.high) == 0;
    if (place >> 18 != 0 || (!nothing && (base < 1 || base > base_max))
        || (!words.empty() && words.size() != sizeof(wide_number)))
      return {errc::malformed_message, "partial result: column '" + from[2].name
                                         + "': row " + std::to_string(g)
                                         + " is no sum"};
    if (at.spill == 0) {
      add_cell(cells_[targets[g]], at);
      continue;
    }
    one.spills_.resize(1);
    std::memcpy(one.spills_[0].data(), words.data(), words.size());
    add(targets[g], one, 0);
  }
  return {};
}

} // namespace millrace::query
