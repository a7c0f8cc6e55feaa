#include <millrace/feed/text/text_index.hpp>

#include <algorithm>
#include <bit>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace millrace::feed {

namespace {

#if defined(__AVX2__)

/// 64 characters as two vectors.
struct line64 {
  __m256i low;
  __m256i high;

  explicit line64(const char* text) noexcept
    : low{_mm256_loadu_si256(reinterpret_cast<const __m256i*>(text))},
      high{_mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + 32))} {}

  [[nodiscard]] uint64_t equal_to(__m256i wanted) const noexcept {
    const auto first = static_cast<uint32_t>(
      _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)));
    const auto second = static_cast<uint32_t>(
      _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)));
    return first | uint64_t{second} << 32;
  }
};

#endif

/// Appends the offsets of the set bits. Writes in groups of four, so that the
/// usual count costs one well predicted branch; up to three numbers after the
/// last are scribbled on.
inline uint32_t* put_bits(uint32_t* to, uint64_t bits, uint32_t base) noexcept {
  const auto count = std::popcount(bits);
  auto* out = to;
  for (int done = 0; done < count; done += 4, out += 4)
    for (int i = 0; i < 4; ++i) {
      out[i] = base + static_cast<uint32_t>(std::countr_zero(bits));
      bits &= bits - 1;
    }
  return to + count;
}

} // namespace

text_structure find_structure(const char* text, size_t size, char delimiter,
                              uint32_t* bounds, uint32_t* newlines) noexcept {
  text_structure found;
#if defined(__AVX2__)
  const auto wanted = _mm256_set1_epi8(delimiter);
  const auto newline = _mm256_set1_epi8('\n');
  const auto zero = _mm256_setzero_si256();
  auto nul = zero;
  auto high = zero;
  auto* next = bounds;
  auto* next_line = newlines;
  for (size_t at = 0; at < size; at += 64) {
    const line64 chunk{text + at};
    auto lines = chunk.equal_to(newline);
    auto both = lines | chunk.equal_to(wanted);
    nul = _mm256_or_si256(nul, _mm256_cmpeq_epi8(chunk.low, zero));
    nul = _mm256_or_si256(nul, _mm256_cmpeq_epi8(chunk.high, zero));
    high = _mm256_or_si256(high, _mm256_or_si256(chunk.low, chunk.high));
    if (size - at < 64) {
      const auto valid = ~uint64_t{0} >> (64 - (size - at));
      lines &= valid;
      both &= valid;
    }
    const auto before = static_cast<uint32_t>(next - bounds);
    for (; lines != 0; lines &= lines - 1)
      *next_line++
        = before
          + static_cast<uint32_t>(std::popcount(both & ((lines & -lines) - 1)));
    next = put_bits(next, both, static_cast<uint32_t>(at));
  }
  found.bound_count = static_cast<size_t>(next - bounds);
  found.newline_count = static_cast<size_t>(next_line - newlines);
  found.any_nul = _mm256_movemask_epi8(nul) != 0;
  found.any_high = _mm256_movemask_epi8(high) != 0;
#else
  for (size_t at = 0; at < size; ++at) {
    const auto c = text[at];
    found.any_nul |= c == '\0';
    found.any_high |= static_cast<unsigned char>(c) > 0x7f;
    if (c == '\n')
      newlines[found.newline_count++]
        = static_cast<uint32_t>(found.bound_count);
    if (c == '\n' || c == delimiter)
      bounds[found.bound_count++] = static_cast<uint32_t>(at);
  }
#endif
  return found;
}

size_t count_newlines(const char* text, size_t size) noexcept {
#if defined(__AVX2__)
  const auto newline = _mm256_set1_epi8('\n');
  size_t count = 0;
  size_t at = 0;
  for (; at + 64 <= size; at += 64)
    count += static_cast<size_t>(
      std::popcount(line64{text + at}.equal_to(newline)));
  return count + static_cast<size_t>(std::count(text + at, text + size, '\n'));
#else
  return static_cast<size_t>(std::count(text, text + size, '\n'));
#endif
}

} // namespace millrace::feed
