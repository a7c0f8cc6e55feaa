#include <millrace/query/execution/pieces.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>

namespace millrace::query {

namespace {

/// What the pieces of some work share with threads that may come too late.
struct shared_pieces {
  const std::function<void(size_t)>* work = nullptr; ///< While one is undone.
  size_t count = 0;
  std::atomic<size_t> next{0};
  std::atomic<size_t> done{0};
  std::mutex mutex;
  std::exception_ptr thrown; ///< The first. Guarded by the mutex.

  void run() {
    for (auto i = next++; i < count; i = next++) {
      try {
        (*work)(i);
      } catch (...) {
        // Memory may run out on any thread; the caller tells of it.
        const std::lock_guard lock{mutex};
        if (!thrown)
          thrown = std::current_exception();
      }
      if (++done == count)
        done.notify_all();
    }
  }
};

constexpr size_t helpers_max = 7;

} // namespace

void for_pieces(persistence::executor* pool, size_t count,
                const std::function<void(size_t)>& work) {
  if (!pool || count < 2) {
    for (size_t i = 0; i < count; ++i)
      work(i);
    return;
  }
  const auto pieces = std::make_shared<shared_pieces>();
  pieces->work = &work;
  pieces->count = count;
  for (size_t i = 1; i < std::min(count, helpers_max + 1); ++i)
    pool->submit([pieces] { pieces->run(); });
  pieces->run();
  for (auto done = pieces->done.load(); done < count;
       done = pieces->done.load())
    pieces->done.wait(done);
  const std::lock_guard lock{pieces->mutex};
  if (pieces->thrown)
    std::rethrow_exception(pieces->thrown);
}

} // namespace millrace::query
