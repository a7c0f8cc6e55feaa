#include <millrace/actors/torq/hdb/unread_partitions.hpp>
#include <millrace/messages/text/roll_calendar.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <algorithm>

namespace millrace::torq {

bool none_holds_rows_of(const std::vector<persistence::directory_entry>& there,
                        const query::logical_plan& plan,
                        const table_schema& table) {
  if (!plan.range || plan.time_column != table.time_column
      || plan.type_of(plan.time_column) != column_type::timestamp)
    return false;
  auto calendar
    = text::roll_calendar::open(table.roll_zone, table.roll_offset_ns);
  if (!calendar)
    return false;
  const auto [first, last] = *plan.range;
  using persistence::names_a_date;
  const auto low = persistence::date_partition_name(calendar->date_of(first));
  const auto high = persistence::date_partition_name(calendar->date_of(last));
  if (!names_a_date(low) || !names_a_date(high))
    return false;
  return std::none_of(there.begin(), there.end(), [&](const auto& entry) {
    if (!entry.is_directory || entry.name.starts_with('.'))
      return false;
    return !names_a_date(entry.name)
           || (low <= entry.name && entry.name <= high);
  });
}

} // namespace millrace::torq
