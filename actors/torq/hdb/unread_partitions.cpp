#include <millrace/actors/torq/hdb/unread_partitions.hpp>
#include <millrace/messages/text/roll_calendar.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <algorithm>

namespace millrace::torq {

namespace {

/// Dates, both included, in whose partitions rows of some times may be.
struct date_span {
  int64_t first = 0;
  int64_t last = 0;
};

/// Of a rule that is not known: a zone and an offset, which is less than a day,
/// are less than two days away from UTC.
constexpr int64_t any_roll_days = 2;

std::optional<date_span> dates_of(std::pair<int64_t, int64_t> times,
                                  const std::string& zone, int64_t offset_ns) {
  auto calendar = text::roll_calendar::open(zone, offset_ns);
  if (!calendar)
    return std::nullopt;
  return date_span{calendar->date_of(times.first),
                   calendar->date_of(times.second)};
}

/// None: that cannot be told.
std::optional<date_span>
dates_of(std::pair<int64_t, int64_t> times, const table_schema& table,
         const std::optional<std::set<persistence::table_roll>>& rolls) {
  if (!rolls) {
    auto out = dates_of(times, "UTC", 0);
    if (out)
      out = date_span{out->first - any_roll_days, out->last + any_roll_days};
    return out;
  }
  auto out = dates_of(times, table.roll_zone, table.roll_offset_ns);
  for (const auto& roll : *rolls) {
    if (roll.table != table.name || !out)
      continue;
    const auto also = dates_of(times, roll.zone, roll.offset_ns);
    if (!also)
      return std::nullopt;
    out = date_span{std::min(out->first, also->first),
                    std::max(out->last, also->last)};
  }
  return out;
}

} // namespace

bool none_holds_rows_of(
  const std::vector<persistence::directory_entry>& there,
  const query::logical_plan& plan, const table_schema& table,
  const std::optional<std::set<persistence::table_roll>>& rolls) {
  if (!plan.range || plan.time_column != table.time_column
      || plan.type_of(plan.time_column) != column_type::timestamp)
    return false;
  const auto dates = dates_of(*plan.range, table, rolls);
  if (!dates)
    return false;
  using persistence::names_a_date;
  const auto low = persistence::date_partition_name(dates->first);
  const auto high = persistence::date_partition_name(dates->last);
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
