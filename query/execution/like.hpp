#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::query {

/// A q pattern made ready: `?` one character, `*` any run, `[abc]` and `[a-c]`
/// one of a set, `[^abc]` one not of it. Case counts. A class that is never
/// closed matches nothing. Thread safe.
class like_pattern {
public:
  explicit like_pattern(std::string_view pattern);

  /// Whether all of `text` matches: in time proportional to its length, times
  /// that of the longest piece between two stars in units of 64.
  [[nodiscard]] bool matches(std::string_view text) const;

  /// Whether a text matches when a word stands anywhere in it.
  [[nodiscard]] bool seeks_word() const noexcept {
    return starred_ && !impossible_ && first_.size() == 0 && last_.size() == 0
           && middle_.size() == 1 && !middle_[0].literal.empty();
  }
  /// Sets found[i] for each of the texts that matches: they stand in `bytes`
  /// one after the other, from `begin` on, and end at ends[i], ascending. All
  /// are searched at once.
  /// @pre seeks_word()
  void seek(const char* bytes, uint32_t begin, std::span<const uint32_t> ends,
            uint8_t* found) const;

private:
  using byte_set = std::array<uint64_t, 4>;

  /// What stands between two stars.
  struct piece {
    std::string literal;          ///< When it has nothing but literal bytes.
    std::vector<byte_set> places; ///< What each byte may be.
    /// By byte: bit i says that place i takes it.
    std::vector<std::vector<uint64_t>> takes;
    [[nodiscard]] size_t size() const noexcept { return places.size(); }
  };

  static bool at(const piece& what, std::string_view text, size_t from);
  /// The end of the first match from `from` on; npos: there is none.
  static size_t find(const piece& what, std::string_view text, size_t from);

  bool impossible_ = false;
  bool starred_ = false; ///< Whether there is a star at all.
  size_t bytes_min_ = 0;
  piece first_; ///< Before the first star.
  piece last_;  ///< After the last.
  std::vector<piece> middle_;
};

} // namespace millrace::query
