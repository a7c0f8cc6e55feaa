#pragma once

#include <cstdint>

namespace millrace::query {

/// to[i] = from[i] as a float, rounded to the nearest; a null (null_long) is a
/// NaN. `infinities`: inf_long and -inf_long are infinite, else they are
/// numbers like others. The places may not overlap.
void floats_of_whole(const int64_t* from, uint32_t count, bool infinities,
                     double* to) noexcept;

} // namespace millrace::query
