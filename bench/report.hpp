#pragma once

#include <millrace/bench/outcome.hpp>
#include <millrace/messages/text/json_value.hpp>

#include <optional>
#include <string>

namespace millrace::bench {

/// Ours divided by theirs.
[[nodiscard]] double ratio_of(const outcome& what, const comparison& other);
/// Whether the ratio is what the project asks for; none: nothing is asked for.
[[nodiscard]] std::optional<bool> is_met(const outcome& what,
                                         const comparison& other);
/// Whether all that is asked for was reached; none: nothing is asked for.
[[nodiscard]] std::optional<bool> is_met(const outcome& what);

/// `peer` is the first of the peers, `limit` the limit, `beside` all that was
/// measured. Each has its ratio, and says whether its target was met.
[[nodiscard]] text::json_value as_json(const outcome& what,
                                       double load_average);
/// The same, shorter, without a newline at the end.
[[nodiscard]] std::string as_text(const outcome& what);

} // namespace millrace::bench
