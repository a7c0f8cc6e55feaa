#pragma once

#include <chrono>

namespace millrace::nodes {

/// How often both ends of a connection between processes say that they live.
inline constexpr std::chrono::nanoseconds connection_heartbeat{500'000'000};

/// After how long a silence an end gives its connection up. It looks once per
/// heartbeat: within three seconds it is known that a peer is gone, whatever
/// its machine still says.
inline constexpr std::chrono::nanoseconds connection_silence_max{2'500'000'000};

} // namespace millrace::nodes
