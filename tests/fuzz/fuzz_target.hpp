#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Bytes of strangers, for everything that reads some. A target takes any bytes
/// at all: it must come back, soon, with the memory that such bytes may take,
/// and break no invariant. fuzz_targets.inc lists them.
namespace millrace::fuzz {

using input = std::span<const std::byte>;

#define MILLRACE_FUZZ_TARGET(name) void name(input given);
#include "fuzz_targets.inc"
#undef MILLRACE_FUZZ_TARGET

inline std::string_view text_of(input given) {
  return {reinterpret_cast<const char*>(given.data()), given.size()};
}

/// A copy where messages lie: at a multiple of eight.
class aligned_copy {
public:
  explicit aligned_copy(input given)
    : words_((given.size() + 7) / 8), size_{given.size()} {
    if (!given.empty())
      std::memcpy(words_.data(), given.data(), given.size());
  }
  [[nodiscard]] std::span<std::byte> bytes() noexcept {
    return {reinterpret_cast<std::byte*>(words_.data()), size_};
  }

private:
  std::vector<uint64_t> words_;
  size_t size_;
};

/// Cuts what was given at zero bytes, into so many pieces at most; those that
/// are not there are empty.
inline std::vector<std::string_view> pieces_of(input given, size_t count) {
  auto left = text_of(given);
  std::vector<std::string_view> out(count);
  for (size_t i = 0; i < count; ++i) {
    const auto end = i + 1 == count ? std::string_view::npos : left.find('\0');
    out[i] = left.substr(0, end);
    left = end == std::string_view::npos ? std::string_view{}
                                         : left.substr(end + 1);
  }
  return out;
}

/// The first bytes, as many as are there; the others stay.
inline input take_first(input& given, size_t at_most) {
  const auto out = given.first(std::min(at_most, given.size()));
  given = given.subspan(out.size());
  return out;
}

/// The first byte chooses, the others are what is read. A statement of its own
/// where the same one reads on: arguments are taken in any order.
inline uint8_t take_choice(input& given) {
  if (given.empty())
    return 0;
  const auto out = static_cast<uint8_t>(given.front());
  given = given.subspan(1);
  return out;
}

} // namespace millrace::fuzz
