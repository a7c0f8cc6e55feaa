#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace::feed {

/// Hash of a text that comes in parts: equal for equal texts, however they
/// were cut. It is written into logs, so it is the same in every release
/// (XXH3, 64 bits). Owner: one thread; copies are independent.
class text_digest {
public:
  text_digest() noexcept;

  void add(std::string_view text) noexcept;
  /// Of all that was added; never 0, which stands for "not known".
  [[nodiscard]] uint64_t value() const noexcept;

private:
  alignas(64) std::array<std::byte, 576> state_;
};

} // namespace millrace::feed
