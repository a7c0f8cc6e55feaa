#include <millrace/messages/data/types.hpp>
#include <millrace/nodes/host/system_clock.hpp>

#include <chrono>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace millrace::nodes {

namespace {

template <class Clock>
int64_t ns_of() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
           Clock::now().time_since_epoch())
    .count();
}

int64_t wall_ns() { return ns_of<std::chrono::system_clock>() - epoch_2000_ns; }

#if defined(__x86_64__)

/// Whether the time stamp counter runs at one rate, on all processors, and in
/// all states of sleep (Intel SDM 3B, 18.17.1: invariant TSC).
bool counter_is_even() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(0x8000'0007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
}

/// The wall clock of one thread: the system's, and between two looks at it, a
/// millisecond apart, the processor's counter. A look at the counter costs a
/// third of one at the system's clock; a step of the clock is seen within the
/// millisecond, and so is a counter that jumped (a guest that was moved).
class counted_clock {
public:
  int64_t now() {
    const auto passed = __rdtsc() - counter_;
    if (passed < trusted_)
      return wall_
             + static_cast<int64_t>(static_cast<double>(passed)
                                    * ns_per_count_);
    return look();
  }

private:
  static constexpr int64_t interval_ns = 1'000'000;
  /// The rate is taken over a time in which the looks themselves vanish.
  static constexpr int64_t rate_interval_ns = 200'000;

  /// A look that took longer was interrupted: its parts do not belong together.
  static constexpr uint64_t look_counts_max = 10'000;

  int64_t look() {
    static const bool even = counter_is_even();
    if (!even)
      return wall_ns();
    const auto before = __rdtsc();
    const auto wall = wall_ns();
    // Not the wall clock: it may have been set in between.
    const auto steady = ns_of<std::chrono::steady_clock>();
    const auto counter = __rdtsc();
    if (counter - before > look_counts_max
        || steady - steady_ < rate_interval_ns)
      return wall;
    if (counter > counter_ && steady - steady_ < 1'000 * interval_ns) {
      ns_per_count_ = static_cast<double>(steady - steady_)
                      / static_cast<double>(counter - counter_);
      trusted_ = static_cast<uint64_t>(interval_ns / ns_per_count_);
    } else {
      trusted_ = 0; // The first look, or one after a long time.
    }
    counter_ = counter;
    steady_ = steady;
    wall_ = wall;
    return wall;
  }

  uint64_t counter_ = 0;
  uint64_t trusted_ = 0; ///< Counts after counter_ for which the rate serves.
  double ns_per_count_ = 0;
  int64_t wall_ = 0;
  int64_t steady_ = 0;
};

#endif

} // namespace

int64_t system_clock::now_ns() {
#if defined(__x86_64__)
  thread_local counted_clock clock;
  return clock.now();
#else
  return wall_ns();
#endif
}

int64_t system_clock::monotonic_ns() {
  return ns_of<std::chrono::steady_clock>();
}

} // namespace millrace::nodes
