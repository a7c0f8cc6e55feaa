#pragma once

#include <millrace/feed/source/source.hpp>

namespace millrace::feed {

/// How many bytes tell what a file is.
inline constexpr size_t kind_bytes = 8;
/// What the first bytes say that a file is.
[[nodiscard]] source_kind kind_of(std::span<const std::byte> head) noexcept;
/// The text in the bytes of `from`, which may be packed, and that once more, as
/// a file in an archive often is. `unsupported`: packed more than four times.
/// Waits for the first bytes of a pipe, until `stop`.
/// @param label names the source in messages
[[nodiscard]] result<std::unique_ptr<source>>
unpacked(std::unique_ptr<source> from, const std::string& label,
         const std::atomic<bool>& stop);

} // namespace millrace::feed
