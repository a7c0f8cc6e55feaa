#pragma once

#include <millrace/messages/base/result.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::nodes {

/// `CRASH_AT=<name>[:count]`.
struct crash_request {
  std::string point;
  uint64_t count = 1; ///< The process ends when it passes for this time.

  friend bool operator==(const crash_request&, const crash_request&) = default;
};

/// None for an empty text. `config` for a point that is not in
/// `persistence::crash_point_names`, or a
/// count that is not a positive integer.
[[nodiscard]] result<std::optional<crash_request>>
parse_crash_request(std::string_view text);

/// What `env.crash_point` is to be. Calls `die`, by default SIGKILL to this
/// process, when the requested point is passed for the requested time.
[[nodiscard]] std::function<void(const char*)>
make_crash_point(const std::optional<crash_request>& request,
                 std::function<void()> die = {});

} // namespace millrace::nodes
