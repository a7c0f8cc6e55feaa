#include <millrace/bench/outcome.hpp>

#include <algorithm>
#include <chrono>
#include <sys/mman.h>

namespace millrace::bench {

namespace {

/// Makes `bytes` of memory ready for the process that asks next. Best effort.
void warm_memory(uint64_t bytes) {
  if (bytes == 0)
    return;
  auto* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED)
    return;
  ::madvise(at, bytes, MADV_HUGEPAGE);
  ::madvise(at, bytes, MADV_POPULATE_WRITE);
  ::munmap(at, bytes);
}

} // namespace

uint64_t measure_options::scaled(uint64_t count) const noexcept {
  return std::max(uint64_t{100},
                  static_cast<uint64_t>(static_cast<double>(count) * scale));
}

void contest::add(comparison as, measurement run) {
  what_.beside.push_back(std::move(as));
  others_.push_back({std::move(run), {}});
}

result<outcome> contest::measure(const measurement& ours) {
  for (unsigned i = 0; i < run_count_; ++i) {
    // First, so that a missing one is told at once.
    for (auto& other : others_) {
      warm_memory(warm_bytes_);
      auto value = other.run();
      if (!value)
        return value.failure();
      other.values.push_back(*value);
    }
    warm_memory(warm_bytes_);
    auto value = ours();
    if (!value)
      return value.failure();
    what_.runs.push_back(*value);
  }
  what_.value = median(what_.runs);
  for (size_t i = 0; i < others_.size(); ++i)
    what_.beside[i].value = median(others_[i].values);
  return what_;
}

double per_second(uint64_t count, int64_t begin_ns, int64_t end_ns) noexcept {
  return static_cast<double>(count) * 1e9
         / static_cast<double>(end_ns - begin_ns);
}

int64_t now_ns() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle]
                                : (values[middle - 1] + values[middle]) / 2;
}

double quantile(std::vector<int64_t>& values, double share) {
  const auto last = static_cast<double>(values.size() - 1);
  const auto at = values.begin() + static_cast<ptrdiff_t>(share * last);
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at);
}

outcome in_microseconds(const char* name, double target) {
  outcome out;
  out.name = name;
  out.unit = "us";
  out.less_is_better = true;
  out.target = target;
  return out;
}

result<double> median_us(uint64_t count, const std::function<error()>& ask) {
  std::vector<int64_t> times;
  for (uint64_t i = 0; i < count; ++i) {
    const auto begin = now_ns();
    if (auto fault = ask())
      return fault;
    times.push_back(now_ns() - begin);
  }
  return quantile(times, 0.5) / 1000;
}

} // namespace millrace::bench
