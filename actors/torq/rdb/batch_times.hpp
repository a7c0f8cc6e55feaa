#pragma once

#include <millrace/messages/base/errors.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/data/table_batch.hpp>

namespace millrace::torq {

/// A row without a time belongs to no date: no question about times finds it.
/// @returns `schema_mismatch` that names the table and the first such row, when
///   the batch has no time column, or a null or an infinite time in it
[[nodiscard]] error check_times(const batch_view& batch,
                                const table_schema& table);

} // namespace millrace::torq
