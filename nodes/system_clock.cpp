#include <millrace/messages/types.hpp>
#include <millrace/nodes/system_clock.hpp>

#include <chrono>

namespace millrace::nodes {

namespace {

template <class Clock>
int64_t ns_of() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
           Clock::now().time_since_epoch())
    .count();
}

} // namespace

int64_t system_clock::now_ns() {
  return ns_of<std::chrono::system_clock>() - epoch_2000_ns;
}

int64_t system_clock::monotonic_ns() {
  return ns_of<std::chrono::steady_clock>();
}

} // namespace millrace::nodes
