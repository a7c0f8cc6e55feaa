#pragma once

#include <millrace/messages/base/errors.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// For so long no node of a stream is reached before anybody is told: a restart
/// of a node takes less.
inline constexpr int64_t lost_stream_told_ns = 2'000'000'000;

/// For a log: nobody can be asked about a stream. @param meanwhile what comes
/// of it, such as "no new rows come".
[[nodiscard]] std::string lost_stream_text(std::string_view stream,
                                           const error& why,
                                           std::string_view meanwhile);

/// The same: the first node of it that can be asked again.
[[nodiscard]] std::string found_stream_text(std::string_view stream);

} // namespace millrace
