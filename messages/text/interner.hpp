#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::text {

/// Distinct texts, coded from 0 in the order in which they came; code 0 is "".
/// Their bytes lie one after the other, as the dictionary of a batch has them.
/// Owner: one thread.
class interner {
public:
  interner();

  /// The code of `text`, new if need be. All texts together stay below 4 GiB.
  [[nodiscard]] uint32_t code(std::string_view text);

  /// @pre `code` is below `size()`. Valid until the next new text.
  [[nodiscard]] std::string_view text(uint32_t code) const noexcept {
    const auto begin = code == 0 ? 0 : ends_[code - 1];
    return std::string_view{bytes_}.substr(begin, ends_[code] - begin);
  }
  [[nodiscard]] uint32_t size() const noexcept {
    return static_cast<uint32_t>(ends_.size());
  }
  /// End of each text in `bytes`.
  [[nodiscard]] const std::vector<uint32_t>& ends() const noexcept {
    return ends_;
  }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  /// Ends and bytes, moved out; empty but for "" then.
  [[nodiscard]] std::pair<std::vector<uint32_t>, std::string> take();

  /// Forgets all texts but ""; keeps the memory of their bytes.
  void clear();

  /// Memory held.
  [[nodiscard]] size_t byte_count() const noexcept {
    return bytes_.capacity() + 4 * ends_.capacity() + 4 * slots_.capacity();
  }

private:
  void grow();

  std::string bytes_;
  std::vector<uint32_t> ends_;
  std::vector<uint32_t> slots_; ///< code + 1, 0: free; a power of two.
};

} // namespace millrace::text
