#include <millrace/actors/torq/hdb/unread_partitions.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/query/plan/zone_conditions.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {

/// Of a rule that is not known: a zone and an offset, which is less than a day,
/// are less than two days away from UTC.
constexpr int64_t any_roll_days = 2;

using query::whole_bounds;

/// None: that cannot be told.
std::optional<whole_bounds>
times_of(int64_t date, const table_schema& table,
         const std::optional<std::set<persistence::table_roll>>& rolls) {
  if (!rolls)
    return query::times_of_date("UTC", 0, date, any_roll_days);
  auto out
    = query::times_of_date(table.roll_zone, table.roll_offset_ns, date, 0);
  for (const auto& roll : *rolls) {
    if (roll.table != table.name || !out)
      continue;
    const auto also = query::times_of_date(roll.zone, roll.offset_ns, date, 0);
    if (!also)
      return std::nullopt;
    out = whole_bounds{std::min(out->low, also->low),
                       std::max(out->high, also->high)};
  }
  return out;
}

} // namespace

bool none_holds_rows_of(
  const std::vector<persistence::directory_entry>& there,
  const query::logical_plan& plan, const table_schema& table,
  const std::optional<std::set<persistence::table_roll>>& rolls) {
  if (plan.time_column != table.time_column
      || plan.type_of(plan.time_column) != column_type::timestamp)
    return false;
  query::zone_conditions conditions{plan};
  bool asks_for_times = plan.range.has_value();
  for (const auto& entry : there) {
    if (!entry.is_directory || entry.name.starts_with('.'))
      continue;
    if (!persistence::names_a_date(entry.name))
      return false;
    const auto date = text::parse_date(entry.name);
    const auto times = date ? times_of(*date, table, rolls) : std::nullopt;
    if (!times || conditions.may_pass(*times))
      return false;
    asks_for_times = true;
  }
  return asks_for_times;
}

} // namespace millrace::torq
