#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace {

inline constexpr std::string_view stream_actor_prefix = "rt/";

/// What the SEQUENCER of a stream is called at each of its nodes.
[[nodiscard]] inline std::string stream_actor_name(std::string_view stream) {
  return std::string{stream_actor_prefix} + std::string{stream};
}

/// The stream whose SEQUENCER has this name, a part of it; none: it is the name
/// of something else.
[[nodiscard]] constexpr std::optional<std::string_view>
stream_of_actor(std::string_view actor) noexcept {
  if (!actor.starts_with(stream_actor_prefix))
    return std::nullopt;
  return actor.substr(stream_actor_prefix.size());
}

} // namespace millrace
