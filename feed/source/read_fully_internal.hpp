#pragma once

#include <millrace/messages/base/result.hpp>

#include <atomic>
#include <cstddef>
#include <span>

namespace millrace::feed {

/// Fills `into` by `read`, which gives a result<size_t>: 0 at the end, and
/// `timeout` where nothing is there yet, which is tried again until `stop`.
/// @returns how many bytes are there: fewer at the end
template <class Read>
result<size_t> read_fully(std::span<std::byte> into,
                          const std::atomic<bool>& stop, Read&& read) {
  size_t known = 0;
  while (known < into.size()) {
    const result<size_t> got = read(into.subspan(known));
    if (!got && got.failure().code == errc::timeout && !stop)
      continue;
    if (!got)
      return got;
    if (*got == 0)
      break;
    known += *got;
  }
  return known;
}

} // namespace millrace::feed
