#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace millrace {

/// An immutable, shared run of bytes. Copies share the memory, which is
/// 16-byte aligned. Thread safe to share.
class chunk {
public:
  chunk() = default;

  [[nodiscard]] static chunk copy_of(std::span<const std::byte> bytes);

  struct writable;
  /// New memory for the caller to fill before the chunk is shared. Memory of
  /// the usual sizes of a flow is used again: fresh pages cost more than what
  /// is written to them.
  [[nodiscard]] static writable allocate(size_t size);

  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {data_, size_};
  }

private:
  std::shared_ptr<std::byte[]> owner_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

struct chunk::writable {
  chunk shared;
  std::byte* memory;
};

inline chunk chunk::copy_of(std::span<const std::byte> bytes) {
  auto [out, memory] = allocate(bytes.size());
  if (!bytes.empty())
    std::memcpy(memory, bytes.data(), bytes.size());
  return out;
}

} // namespace millrace
