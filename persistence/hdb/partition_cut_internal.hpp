#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/hdb/partition_sort_internal.hpp>

#include <cstdint>
#include <vector>

namespace millrace::persistence {

/// The rows of one date, in the order of their part.
struct dated_order {
  int64_t date = 0; ///< Days since 2000.01.01.
  partition_order order;
};

/// Cuts an order by the rows' own dates, as the table's roll rule has them; a
/// row without a time is of date `otherwise`. Ascending by date; none for no
/// rows. Stream orders still count from the first row of all. `not_found` when
/// the zone of the rule is unknown. Takes 4 bytes per row more.
[[nodiscard]] result<std::vector<dated_order>>
cut_by_date(partition_order whole, const table_schema& schema,
            int64_t otherwise);

/// Cuts those on whose rows a string column has more bytes of text than one
/// part may hold into several, of consecutive rows. @pre no row has more
[[nodiscard]] std::vector<dated_order>
cut_by_text(std::vector<dated_order> dated, const table_schema& schema,
            uint64_t text_max);

} // namespace millrace::persistence
