#pragma once

#include <millrace/feed/layout/layout.hpp>
#include <millrace/feed/source/source.hpp>

namespace millrace::feed {

/// Recorded packets of IEX (pcap; TOPS and DEEP 1.6) as lines of text, one per
/// message of the kind that is wanted. docs/feed_layouts.md has their fields.
/// @param label for messages
[[nodiscard]] std::unique_ptr<source>
decode_iex(std::unique_ptr<source> packets, decoding wanted, std::string label);

} // namespace millrace::feed
