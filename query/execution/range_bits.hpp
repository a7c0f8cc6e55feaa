#pragma once

#include <cstdint>

namespace millrace::query {

/// Clears bit i of `bits`, 64 to a word, where value i < count does not lie in
/// [low, high]. Bits from `count` on are cleared in the last word that has one
/// below it. A null (NaN) lies in no range of floats, unless `nulls` says that
/// it passes.
void keep_in_range(const double* from, uint32_t count, double low, double high,
                   bool nulls, uint64_t* bits) noexcept;
void keep_in_range(const int32_t* from, uint32_t count, int32_t low,
                   int32_t high, uint64_t* bits) noexcept;
void keep_in_range(const int64_t* from, uint32_t count, int64_t low,
                   int64_t high, uint64_t* bits) noexcept;

} // namespace millrace::query
