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
/// Many that stand beside the same peers: each, how many are as fast as asked
/// for, and how many times as fast as its best peer each is in the geometric
/// mean.
/// @pre `all` is not empty, and something stands beside each
[[nodiscard]] text::json_value family_as_json(const std::string& name,
                                              const std::vector<outcome>& all,
                                              double load_average);
/// What holds of all of them, in a line.
[[nodiscard]] std::string family_as_text(const std::string& name,
                                         const std::vector<outcome>& all);
/// One of them, shorter, without a newline at the end.
[[nodiscard]] std::string as_text(const outcome& what);

} // namespace millrace::bench
