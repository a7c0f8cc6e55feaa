#pragma once

#include <millrace/messages/data/header.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace millrace {

/// Which ids the messages of an origin may have, one after the other. A stream
/// has one, agreed on when it begins. Numbers are on disk. An id of 0 names no
/// message, and as the last one it says: none yet.
enum class id_policy : uint8_t {
  strict = 0,    ///< |id| grows by exactly one: ids that are missing are told.
  monotonic = 1, ///< The signed id grows: nobody can tell whether one misses.
};

[[nodiscard]] constexpr std::string_view to_string(id_policy policy) noexcept {
  return policy == id_policy::monotonic ? "monotonic" : "strict";
}

/// A number of a policy as it is on disk, or travels; none: of a later release.
[[nodiscard]] constexpr std::optional<id_policy>
id_policy_of(uint8_t number) noexcept {
  if (number > static_cast<uint8_t>(id_policy::monotonic))
    return std::nullopt;
  return static_cast<id_policy>(number);
}

/// Whether a message of `id` is newer than the one of `last`: not dropped as a
/// duplicate. True for every id where there is no last one.
[[nodiscard]] constexpr bool is_newer_id(id_policy policy, int64_t id,
                                         int64_t last) noexcept {
  if (last == 0)
    return true;
  return policy == id_policy::monotonic ? id > last
                                        : magnitude(id) > magnitude(last);
}

/// Whether it may be the next message: nothing misses between them, as far as
/// the policy can tell.
[[nodiscard]] constexpr bool id_follows(id_policy policy, int64_t id,
                                        int64_t last) noexcept {
  if (id == 0 || id == null_long)
    return false;
  if (last == 0 || policy == id_policy::monotonic)
    return is_newer_id(policy, id, last);
  return magnitude(id) == magnitude(last) + 1;
}

/// The id of a message whose publisher names none; none: the last one is used.
[[nodiscard]] constexpr std::optional<int64_t> next_id(id_policy policy,
                                                       int64_t last) noexcept {
  constexpr auto most
    = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (policy == id_policy::monotonic && last < 0)
    return last == -1 ? 1 : last + 1;
  if (magnitude(last) >= most)
    return std::nullopt;
  return static_cast<int64_t>(magnitude(last) + 1);
}

} // namespace millrace
