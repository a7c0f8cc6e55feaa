#include <millrace/messages/data/types.hpp>
#include <millrace/query/execution/whole_floats.hpp>

#include <limits>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace millrace::query {

namespace {

constexpr auto whole_infinity = std::numeric_limits<double>::infinity();

double float_of_whole(int64_t x, bool infinities) noexcept {
  if (x == null_long)
    return std::numeric_limits<double>::quiet_NaN();
  if (infinities && (x == inf_long || x == -inf_long))
    return x > 0 ? whole_infinity : -whole_infinity;
  return static_cast<double>(x);
}

#if defined(__AVX2__)
/// The upper halves as multiples of 2^32 and the lower ones, both exact, are
/// added up: that rounds once, as a conversion does.
__m256d rounded_floats(__m256i x) noexcept {
  // Bits of 2^52, of 2^84 + 2^63, and of 2^84 + 2^63 + 2^52.
  const auto low_bias = _mm256_set1_epi64x(0x4330000000000000);
  const auto high_bias = _mm256_set1_epi64x(0x4530000080000000);
  const auto both = _mm256_castsi256_pd(_mm256_set1_epi64x(0x4530000080100000));
  const auto low = _mm256_blend_epi32(low_bias, x, 0b01010101);
  const auto high = _mm256_xor_si256(_mm256_srli_epi64(x, 32), high_bias);
  return _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(high), both),
                       _mm256_castsi256_pd(low));
}

__m256d replaced(__m256d values, __m256i x, int64_t what,
                 double with) noexcept {
  const auto is = _mm256_cmpeq_epi64(x, _mm256_set1_epi64x(what));
  return _mm256_blendv_pd(values, _mm256_set1_pd(with),
                          _mm256_castsi256_pd(is));
}
#endif

} // namespace

void floats_of_whole(const int64_t* from, uint32_t count, bool infinities,
                     double* to) noexcept {
  uint32_t i = 0;
#if defined(__AVX2__)
  for (; i + 4 <= count; i += 4) {
    const auto x
      = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
    auto out = replaced(rounded_floats(x), x, null_long,
                        std::numeric_limits<double>::quiet_NaN());
    if (infinities) {
      out = replaced(out, x, inf_long, whole_infinity);
      out = replaced(out, x, -inf_long, -whole_infinity);
    }
    _mm256_storeu_pd(to + i, out);
  }
#endif
  for (; i < count; ++i)
    to[i] = float_of_whole(from[i], infinities);
}

} // namespace millrace::query
