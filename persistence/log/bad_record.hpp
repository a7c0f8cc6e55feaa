#pragma once

#include <millrace/messages/data/position.hpp>
#include <millrace/persistence/log/log_format.hpp>

#include <cstddef>
#include <optional>
#include <span>
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

} // namespace millrace::persistence
