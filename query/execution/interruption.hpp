#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/persistence/disk/executor.hpp>
#include <millrace/query/execution/memory_account.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

namespace millrace::query {

/// Tells a query's steps whether to go on: each asks after some milliseconds
/// of work at most, so that nothing is left of an abandoned query 50 ms later.
/// What they hold they take of its account first. Thread safe.
struct interruption {
  /// Set by anyone to stop the query; may be nullptr.
  const std::atomic<bool>* cancel = nullptr;
  /// Tells the time for `deadline_ns`; may be nullptr when there is none.
  persistence::clock_source* clock = nullptr;
  int64_t deadline_ns = 0; ///< Monotonic; 0: none.
  std::string table;       ///< What is asked, for the message.
  /// Whose memory its steps take; outlives them. nullptr: it is not bounded.
  memory_account* memory = nullptr;

  [[nodiscard]] bool cancelled() const noexcept {
    return cancel && cancel->load(std::memory_order_acquire);
  }
  [[nodiscard]] bool stopped() const {
    return cancelled()
           || (deadline_ns != 0 && clock
               && clock->monotonic_ns() >= deadline_ns);
  }
  /// `cancelled`, or `timeout` and where; @pre stopped()
  [[nodiscard]] error fault(const std::string& where) const {
    if (cancelled())
      return {errc::cancelled,
              "the query on table '" + table + "' was withdrawn"};
    return {errc::timeout,
            "the query on table '" + table + "' passed its deadline " + where};
  }
};

/// Calls f(i) for i < count, work of nanoseconds each; @returns false when it
/// was stopped in between.
template <class F>
bool for_rows(uint64_t count, const interruption& stop, F&& f) {
  constexpr uint64_t between_looks = uint64_t{1} << 16;
  for (uint64_t begin = 0; begin < count; begin += between_looks) {
    if (stop.stopped())
      return false;
    const auto end = std::min<uint64_t>(count, begin + between_looks);
    for (auto i = begin; i < end; ++i)
      f(i);
  }
  return true;
}

} // namespace millrace::query
