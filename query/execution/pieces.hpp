#pragma once

#include <millrace/persistence/disk/executor.hpp>

#include <cstddef>
#include <functional>

namespace millrace::query {

/// Calls work(i) for i < count, on this thread and on those of `pool` that have
/// nothing else to do; without a pool on this one alone. Returns when all calls
/// did; throws what the first of them threw. Any thread, also one of the pool.
void for_pieces(persistence::executor* pool, size_t count,
                const std::function<void(size_t)>& work);

} // namespace millrace::query
