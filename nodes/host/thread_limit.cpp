#include <millrace/nodes/host/thread_limit.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <pthread.h>
#include <semaphore>
#include <string>
#include <sys/mman.h>
#include <vector>

namespace millrace::nodes {

namespace {

/// What a process allocates while its threads start.
constexpr size_t room_bytes = size_t{128} << 20;

struct waiting_threads {
  std::counting_semaphore<> begun{0};
  std::latch over{1};
};

/// Takes what a thread's allocations would: an arena of the allocator, which
/// those that follow use.
void* wait_for_others(void* of) {
  auto& all = *static_cast<waiting_threads*>(of);
  void* volatile block = std::malloc(1);
  std::free(block);
  all.begun.release();
  all.over.wait();
  return nullptr;
}

} // namespace

error lacks_threads(unsigned count) {
  const auto wanted = count;
  waiting_threads all;
  auto* const room = ::mmap(nullptr, room_bytes, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED)
    count = 0;
  std::vector<pthread_t> started;
  int refused = room == MAP_FAILED ? errno : 0;
  while (started.size() < count && refused == 0) {
    pthread_t thread{};
    refused = ::pthread_create(&thread, nullptr, wait_for_others, &all);
    if (refused == 0) {
      started.push_back(thread);
      all.begun.acquire();
    }
  }
  all.over.count_down();
  for (const auto thread : started)
    ::pthread_join(thread, nullptr);
  if (room != MAP_FAILED)
    ::munmap(room, room_bytes);
  if (refused == 0)
    return {};
  return {errc::limit_exceeded,
          "the system gives this process " + std::to_string(started.size())
            + " more threads of the " + std::to_string(wanted)
            + " that it starts, beside 128 MiB of room: "
            + std::strerror(refused)
            + "; see 'ulimit -v' (KiB of address space, of which each thread "
              "takes some), 'ulimit -u' (threads of the user), and pids.max of "
              "its control group"};
}

} // namespace millrace::nodes
