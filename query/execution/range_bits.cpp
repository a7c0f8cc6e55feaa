#include <millrace/query/execution/range_bits.hpp>

#include <cstddef>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace millrace::query {

namespace {

/// Words of `whole(first)`, which tests 64 values, and what is left value by
/// value.
template <class Value, class Whole, class One>
void keep_bits(const Value* from, uint32_t count, uint64_t* bits, Whole whole,
               One one) noexcept {
  // A core alone would not have enough of a long run under way.
  constexpr size_t ahead = 4096 / sizeof(Value);
  constexpr size_t line = 64 / sizeof(Value);
  uint32_t i = 0;
  for (; i + 64 <= count; i += 64) {
    for (size_t next = 0; next < 64; next += line)
      __builtin_prefetch(from + i + ahead + next);
    *bits++ &= whole(from + i);
  }
  if (i == count)
    return;
  uint64_t last = 0;
  for (uint32_t bit = 0; i + bit < count; ++bit)
    last |= static_cast<uint64_t>(one(from[i + bit])) << bit;
  *bits &= last;
}

#if defined(__AVX2__)
__m256i load_words(const void* from) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}
uint32_t signs_of_eight(__m256i lanes) noexcept {
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(lanes)));
}
uint32_t signs_of_four(__m256i lanes) noexcept {
  return static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(lanes)));
}
#else
/// Where there are no vectors of ours the compiler may find its own.
template <class Value, class One>
uint64_t test_each(const Value* from, One one) noexcept {
  uint64_t out = 0;
  for (uint32_t bit = 0; bit < 64; ++bit)
    out |= static_cast<uint64_t>(one(from[bit])) << bit;
  return out;
}
#endif

} // namespace

void keep_in_range(const double* from, uint32_t count, double low, double high,
                   bool nulls, uint64_t* bits) noexcept {
  const auto one
    = [=](double x) { return ((low <= x) & (x <= high)) | (nulls & (x != x)); };
#if defined(__AVX2__)
  const auto lows = _mm256_set1_pd(low);
  const auto highs = _mm256_set1_pd(high);
  const auto every = _mm256_castsi256_pd(_mm256_set1_epi64x(nulls ? -1 : 0));
  const auto whole = [=](const double* values) {
    uint64_t out = 0;
    for (uint32_t i = 0; i < 64; i += 4) {
      const auto x = _mm256_loadu_pd(values + i);
      const auto within = _mm256_and_pd(_mm256_cmp_pd(x, lows, _CMP_GE_OQ),
                                        _mm256_cmp_pd(x, highs, _CMP_LE_OQ));
      const auto null = _mm256_and_pd(_mm256_cmp_pd(x, x, _CMP_UNORD_Q), every);
      out
        |= static_cast<uint64_t>(_mm256_movemask_pd(_mm256_or_pd(within, null)))
           << i;
    }
    return out;
  };
#else
  const auto whole
    = [=](const double* values) { return test_each(values, one); };
#endif
  keep_bits(from, count, bits, whole, one);
}

void keep_in_range(const int32_t* from, uint32_t count, int32_t low,
                   int32_t high, uint64_t* bits) noexcept {
  const auto one = [=](int32_t x) { return (low <= x) & (x <= high); };
#if defined(__AVX2__)
  const auto lows = _mm256_set1_epi32(low);
  const auto highs = _mm256_set1_epi32(high);
  const auto whole = [=](const int32_t* values) {
    uint64_t out = 0;
    for (uint32_t i = 0; i < 64; i += 8) {
      const auto x = load_words(values + i);
      const auto beyond = _mm256_or_si256(_mm256_cmpgt_epi32(lows, x),
                                          _mm256_cmpgt_epi32(x, highs));
      out |= static_cast<uint64_t>(signs_of_eight(beyond)) << i;
    }
    return ~out;
  };
#else
  const auto whole
    = [=](const int32_t* values) { return test_each(values, one); };
#endif
  keep_bits(from, count, bits, whole, one);
}

void keep_in_range(const int64_t* from, uint32_t count, int64_t low,
                   int64_t high, uint64_t* bits) noexcept {
  const auto one = [=](int64_t x) { return (low <= x) & (x <= high); };
#if defined(__AVX2__)
  const auto lows = _mm256_set1_epi64x(low);
  const auto highs = _mm256_set1_epi64x(high);
  const auto whole = [=](const int64_t* values) {
    uint64_t out = 0;
    for (uint32_t i = 0; i < 64; i += 4) {
      const auto x = load_words(values + i);
      const auto beyond = _mm256_or_si256(_mm256_cmpgt_epi64(lows, x),
                                          _mm256_cmpgt_epi64(x, highs));
      out |= static_cast<uint64_t>(signs_of_four(beyond)) << i;
    }
    return ~out;
  };
#else
  const auto whole
    = [=](const int64_t* values) { return test_each(values, one); };
#endif
  keep_bits(from, count, bits, whole, one);
}

} // namespace millrace::query
