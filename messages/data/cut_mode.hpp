#pragma once

#include <cstdint>
#include <string>

namespace millrace {

/// How what an operator wants cut off a stream is cut.
enum class cut_mode : uint8_t {
  dry,     ///< It is told what would go, and nothing goes.
  careful, ///< Nothing goes that a consumer needs.
  forced,  ///< What consumers need goes too.
};

[[nodiscard]] inline std::string to_string(cut_mode mode) {
  return mode == cut_mode::dry       ? "dry"
         : mode == cut_mode::careful ? "careful"
                                     : "forced";
}

/// As the flags of a command have it.
[[nodiscard]] constexpr cut_mode cut_mode_of(bool dry,
                                             bool forced = false) noexcept {
  return dry ? cut_mode::dry : forced ? cut_mode::forced : cut_mode::careful;
}

} // namespace millrace
