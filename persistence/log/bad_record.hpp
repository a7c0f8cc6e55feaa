#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace::persistence {

/// Where bytes stop being records, and why.
struct bad_record {
  position at;
  std::string_view reason; ///< A literal; empty: only bytes are missing.
};

/// Verifies that `bytes`, which lie at `at` of a log of `lineage`, are whole
/// records one after another, payloads and all. @returns the first that is
/// none.
[[nodiscard]] std::optional<bad_record>
find_bad_record(const lineage_id& lineage, position at,
                std::span<const std::byte> bytes);

/// The same of bytes that came from another process, for the log in
/// `directory`. @returns `malformed_message`, which names the place: what is
/// stored here is not damaged by it.
[[nodiscard]] error check_received(const std::string& directory,
                                   const lineage_id& lineage, position at,
                                   std::span<const std::byte> bytes);

} // namespace millrace::persistence
