#pragma once

#include <array>
#include <cstdint>
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
