#pragma once

#include <millrace/persistence/log/log_format.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace millrace::persistence {

/// Records that fill the place of damaged ones: the messages whose own bytes
/// are intact, each where it lies, in records whose heads are made again, and
/// padding for all else. Next to a lost message that is shorter than the head
/// of a record, one that is intact may be lost with it. In the place of a
/// state, of which readers hear nothing, stands one that says nothing.
/// @param damaged bytes of one file between two places of records, at `from` of
///   a log of `lineage`: a head of a record at least
[[nodiscard]] std::vector<std::byte>
salvage_records(std::span<const std::byte> damaged, const lineage_id& lineage,
                position from);

/// Such a state: it is no state of anything.
[[nodiscard]] bool is_lost_state(const record_view& record) noexcept;

/// Whether all messages of records that `salvage_records` made stand in
/// `whole`, at the same places: whole records, at `from`, of which they were
/// made.
[[nodiscard]] bool are_salvaged_of(std::span<const std::byte> salvaged,
                                   std::span<const std::byte> whole,
                                   const lineage_id& lineage, position from);

} // namespace millrace::persistence
