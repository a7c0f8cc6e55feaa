#include <millrace/persistence/disk/posix_mapping_internal.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <sys/mman.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace millrace::persistence {

namespace {

/// Below the 65,530 that Linux gives a process by default: it needs some for
/// itself.
constexpr uint32_t mappings_max = 48 * 1024;

/// Where a mapping lies, as the signal handler finds it.
struct guarded_range {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0}; ///< 0: the slot is free.
  std::atomic<bool> lost{false};
};

// A signal handler can be handed nothing, so these are of the process.
std::array<guarded_range, mappings_max> guarded;
std::atomic<uint32_t> guarded_count{0}; ///< Slots that were ever taken.
struct sigaction earlier_action;
uintptr_t page_mask;

/// Hands out the slots.
struct guard_slots {
  std::mutex mutex;
  std::vector<uint32_t> free;
};
guard_slots& slots() {
  static guard_slots all;
  return all;
}

void pass_on(int number, siginfo_t* info, void* context) {
  if ((earlier_action.sa_flags & SA_SIGINFO) != 0)
    return earlier_action.sa_sigaction(number, info, context);
  if (earlier_action.sa_handler != SIG_DFL
      && earlier_action.sa_handler != SIG_IGN)
    return earlier_action.sa_handler(number);
  // The access is tried again after the return, and ends the process as usual.
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  ::sigaction(SIGBUS, &usual, nullptr);
  if (info->si_code <= 0)
    ::raise(SIGBUS); // Sent by somebody: nothing is tried again.
}

/// Puts zeros in the place of what could not be brought in. Runs on the thread
/// that looked, which goes on; only calls of the system, no lock, no memory.
void on_bus_error(int number, siginfo_t* info, void* context) {
  const auto earlier = errno;
  const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
  const auto count = guarded_count.load(std::memory_order_acquire);
  for (uint32_t i = 0; info->si_code > 0 && i < count; ++i) {
    auto& range = guarded[i];
    const auto end = range.end.load(std::memory_order_acquire);
    if (at < range.begin.load(std::memory_order_acquire) || at >= end)
      continue;
    // Said before a zero can be read.
    range.lost.store(true, std::memory_order_seq_cst);
    // All the rest at once: pages one by one would use up the mappings.
    const auto page = at & ~page_mask;
    const auto* zeros
      = ::mmap(reinterpret_cast<void*>(page), end - page, PROT_READ,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (zeros == MAP_FAILED)
      break;
    errno = earlier;
    return;
  }
  errno = earlier;
  pass_on(number, info, context);
}

void guard_the_process() {
  static std::once_flag once;
  std::call_once(once, [] {
    page_mask = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE)) - 1;
    struct sigaction ours {};
    ours.sa_sigaction = on_bus_error;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    ::sigaction(SIGBUS, &ours, &earlier_action);
  });
}

error too_many(const std::string& path) {
  return {errc::limit_exceeded,
          path + ": map: the process has as many mappings as it may"};
}

class posix_mapping final : public mapped_file {
public:
  posix_mapping(void* at, size_t bytes, uint32_t slot) noexcept
    : at_{at}, bytes_{bytes}, slot_{slot} {}
  posix_mapping(const posix_mapping&) = delete;
  posix_mapping& operator=(const posix_mapping&) = delete;
  ~posix_mapping() override {
    if (bytes_ == 0)
      return;
    guarded[slot_].end = 0;
    ::munmap(at_, bytes_);
    const std::lock_guard lock{slots().mutex};
    slots().free.push_back(slot_);
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept override {
    return {static_cast<const std::byte*>(at_), bytes_};
  }
  [[nodiscard]] bool lost() const noexcept override {
    return bytes_ != 0 && guarded[slot_].lost.load(std::memory_order_seq_cst);
  }

private:
  void* at_;
  size_t bytes_;
  uint32_t slot_;
};

} // namespace

result<std::unique_ptr<mapped_file>>
map_descriptor(int descriptor, size_t bytes, const std::string& path) {
  if (bytes == 0)
    return std::unique_ptr<mapped_file>{
      std::make_unique<posix_mapping>(nullptr, 0, 0)};
  guard_the_process();
  const std::lock_guard lock{slots().mutex};
  auto& free = slots().free;
  const auto taken = guarded_count.load(std::memory_order_relaxed);
  if (free.empty() && taken == mappings_max)
    return too_many(path);
  auto* at = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  if (at == MAP_FAILED && errno == ENOMEM)
    return too_many(path);
  if (at == MAP_FAILED)
    return error{errc::storage_failed,
                 path + ": map " + std::to_string(bytes)
                   + " bytes: " + std::generic_category().message(errno)};
  auto slot = taken;
  if (!free.empty()) {
    slot = free.back();
    free.pop_back();
  }
  auto& range = guarded[slot];
  range.lost = false;
  range.begin = reinterpret_cast<uintptr_t>(at);
  // Whole pages: what lies after the end of the file faults, too.
  range.end
    = (reinterpret_cast<uintptr_t>(at) + bytes + page_mask) & ~page_mask;
  if (slot == taken)
    guarded_count.store(taken + 1, std::memory_order_release);
  return std::unique_ptr<mapped_file>{
    std::make_unique<posix_mapping>(at, bytes, slot)};
}

} // namespace millrace::persistence
