#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::persistence {

/// The newest version of an immutable object, for one writer and any number of
/// readers. Neither side ever waits for the other: a reader takes a reference
/// in a few instructions; the writer replaces the pointer with one store and
/// lets go of older versions once no reader can be between loading the pointer
/// and taking its reference. T derives from std::enable_shared_from_this.
template <class T>
class published {
public:
  explicit published(std::shared_ptr<const T> first)
    : current_{first.get()}, owner_{std::move(first)} {}
  published(const published&) = delete;
  published& operator=(const published&) = delete;

  /// Any thread.
  [[nodiscard]] std::shared_ptr<const T> load() const {
    auto& count = readers_[epoch_.load(std::memory_order_relaxed) & 1].value;
    // Sequentially consistent: the count must be seen raised by a writer that
    // replaces the pointer which is loaded next.
    count.fetch_add(1, std::memory_order_seq_cst);
    auto reference
      = current_.load(std::memory_order_seq_cst)->shared_from_this();
    count.fetch_sub(1, std::memory_order_release);
    return reference;
  }

  /// The writer only.
  void store(std::shared_ptr<const T> next) {
    fresh_.push_back(std::move(owner_));
    owner_ = std::move(next);
    current_.store(owner_.get(), std::memory_order_seq_cst);
    reclaim();
  }

  /// The writer only: the version that readers get now.
  [[nodiscard]] const std::shared_ptr<const T>& current() const noexcept {
    return owner_;
  }

  /// The writer only: lets go of what no reader can be picking up any more.
  /// A version replaced before the last flip can only be held by a reader that
  /// counts itself in the idle counter; when that is seen empty it is free,
  /// and the other counter may drain in turn.
  void reclaim() {
    const auto epoch = epoch_.load(std::memory_order_relaxed);
    const auto& idle = readers_[(epoch + 1) & 1].value;
    if (idle.load(std::memory_order_seq_cst) != 0)
      return;
    draining_.clear();
    draining_.swap(fresh_);
    epoch_.store(epoch + 1, std::memory_order_seq_cst);
  }

private:
  struct alignas(64) padded_count {
    std::atomic<int64_t> value{0};
  };

  std::atomic<const T*> current_;
  std::atomic<uint32_t> epoch_{0};
  mutable std::array<padded_count, 2> readers_;
  std::shared_ptr<const T> owner_;
  std::vector<std::shared_ptr<const T>> fresh_;
  std::vector<std::shared_ptr<const T>> draining_;
};

} // namespace millrace::persistence
