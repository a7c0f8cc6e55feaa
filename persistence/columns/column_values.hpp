#pragma once

#include <millrace/messages/data/types.hpp>
#include <millrace/persistence/columns/table_view.hpp>

#include <cstddef>
#include <cstdint>

/// What storage does to buffers of column values, whatever their type.
namespace millrace::persistence {

/// Whether every value of `from` has a place in `to`: the same type, an integer
/// (byte, short, int, long) in a wider one, a real in a float.
[[nodiscard]] bool widens(column_type from, column_type to) noexcept;

/// Writes `count` nulls of `type`. @pre `type` is not string, whose null is a
/// repeated end offset.
void fill_null(column_type type, std::byte* into, size_t count) noexcept;

/// Copies `count` values of `from` as values of `to`, each the same number as
/// before; null stays null, and infinities of floats what they are.
/// @pre widens(from, to)
void copy_values(column_type from, column_type to, const std::byte* values,
                 std::byte* into, size_t count) noexcept;

/// The zone map of `count` values of `type`; @see zone_map.
[[nodiscard]] zone_map zone_of(column_type type, const std::byte* values,
                               size_t count) noexcept;

/// The zone map of the rows of both. @pre both are of the same type.
[[nodiscard]] zone_map merge_zones(const zone_map& a,
                                   const zone_map& b) noexcept;

/// The zone map of rows from before a column was added: boolean and byte have
/// no null and read as zero.
[[nodiscard]] zone_map zone_of_nulls(column_type type) noexcept;

} // namespace millrace::persistence
