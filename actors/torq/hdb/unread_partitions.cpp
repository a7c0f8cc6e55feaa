#include <millrace/actors/torq/hdb/unread_partitions.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>
#include <millrace/query/plan/table_day.hpp>
#include <millrace/query/plan/zone_conditions.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {

/// Of a rule that is not known: a zone and an offset, which is less than a day,
/// are less than two days away from UTC.
constexpr int64_t any_roll_days = 2;

using query::whole_bounds;

/// Times of a table's date, and of so many dates before and after it.
std::optional<whole_bounds> times_of(int64_t date, int64_t days_around,
                                     const std::string& zone,
                                     int64_t offset_ns) {
  const auto first = query::day_start(zone, offset_ns, date - days_around);
  const auto end = query::day_start(zone, offset_ns, date + days_around + 1);
  if (!first || !end)
    return std::nullopt;
  return whole_bounds{*first, *end - 1};
}

/// None: that cannot be told.
std::optional<whole_bounds>
times_of(int64_t date, const table_schema& table,
         const std::optional<std::set<persistence::table_roll>>& rolls) {
  if (!rolls)
    return times_of(date, any_roll_days, "UTC", 0);
  auto out = times_of(date, 0, table.roll_zone, table.roll_offset_ns);
  for (const auto& roll : *rolls) {
    if (roll.table != table.name || !out)
      continue;
    const auto also = times_of(date, 0, roll.zone, roll.offset_ns);
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
    if (!times || conditions.may_pass([&](std::string_view column) {
          return column == plan.time_column ? times : std::nullopt;
        }))
      return false;
    asks_for_times = true;
  }
  return asks_for_times;
}

} // namespace millrace::torq
