#pragma once

#include <millrace/persistence/columns/table_view.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::persistence {

/// Values that no file has as they are: made for one read, they take memory
/// that counts as the query's, and go with it.
class made_values final : public held_bytes {
public:
  explicit made_values(uint64_t bytes) : words_((bytes + 7) / 8) {}

  /// Aligned for any type.
  [[nodiscard]] std::byte* bytes() noexcept {
    return reinterpret_cast<std::byte*>(words_.data());
  }
  [[nodiscard]] uint64_t byte_count() const noexcept {
    return words_.size() * sizeof(uint64_t);
  }
  [[nodiscard]] error fault() const override { return {}; }

private:
  std::vector<uint64_t> words_;
};

} // namespace millrace::persistence
