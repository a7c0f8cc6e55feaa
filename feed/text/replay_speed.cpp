#include <millrace/feed/text/replay_speed.hpp>

#include <fast_float/fast_float.h>
#include <string>

namespace millrace::feed {

result<replay_speed> parse_speed(std::string_view text) {
  if (text == "max")
    return replay_speed{0};
  if (text == "original")
    return replay_speed{1};
  double factor = 0;
  if (text.ends_with('x')) {
    const auto* end = text.data() + text.size() - 1;
    const auto parsed = fast_float::from_chars(text.data(), end, factor);
    if (parsed.ec == std::errc{} && parsed.ptr == end && factor >= 1e-6
        && factor <= 1e9)
      return replay_speed{factor};
  }
  return error{errc::invalid_argument,
               "speed '" + std::string{text}
                 + "' is not max, original, or a factor such as 10x "
                   "(0.000001x to 1000000000x)"};
}

} // namespace millrace::feed
