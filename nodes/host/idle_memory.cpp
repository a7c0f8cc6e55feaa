#include <millrace/nodes/host/block_heap.hpp>
#include <millrace/nodes/host/idle_memory.hpp>

#include <ctime>
#include <malloc.h>
#include <utility>

namespace millrace::nodes {

namespace {
constexpr int64_t look_interval_ns = 1'000'000'000;
constexpr int64_t idle_share = 20;
} // namespace

bool idle_memory::look(int64_t now_ns, int64_t processor_ns) {
  const auto passed = now_ns - looked_ns_;
  if (passed < look_interval_ns)
    return false;
  looked_ns_ = now_ns;
  const auto used = processor_ns - std::exchange(used_ns_, processor_ns);
  give_back_unused_blocks();
  if (used > passed / idle_share) {
    was_busy_ = true;
    return false;
  }
  if (!std::exchange(was_busy_, false))
    return false;
  ::malloc_trim(0);
  return true;
}

int64_t processor_time_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

} // namespace millrace::nodes
