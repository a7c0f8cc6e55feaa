#include <millrace/messages/data/types.hpp>
#include <millrace/messages/text/civil_time.hpp>
#include <millrace/messages/text/listed.hpp>
#include <millrace/persistence/hdb/part_dates.hpp>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace millrace::persistence {

namespace {

constexpr size_t partitions_named_max = 5;

bool has_date(int64_t time) noexcept {
  return time != null_long && time != inf_long && time != -inf_long;
}

std::optional<int64_t> date_of_name(const hdb_part& part) {
  const auto date = text::parse_date(part.partition);
  return date ? std::optional<int64_t>{*date} : std::nullopt;
}

/// Partitions with rows of other dates, and the rules by which they were made.
struct strayed_parts {
  std::set<std::string> partitions;
  std::set<std::string> made_by; ///< In words.

  void add(const hdb_manifest& manifest, const hdb_part& part) {
    partitions.insert(part.partition);
    if (const auto* made = manifest.schema(part.table, part.schema_version))
      made_by.insert(text::roll_text(made->roll_zone, made->roll_offset_ns));
  }
};

/// "/hdb: partitions 2024.01.03, 2024.01.04 of table 'trade' have rows that are
/// of other dates by its rule, Asia/Tokyo; made by UTC".
std::string words_of(const std::string& directory, const strayed_parts& what,
                     const table_schema& rule) {
  std::string names;
  size_t named = 0;
  for (const auto& each : what.partitions)
    if (named++ < partitions_named_max)
      text::add_to_list(names, each);
  if (named > partitions_named_max)
    names += " and " + std::to_string(named - partitions_named_max) + " more";
  return directory + ": partition" + (named == 1 ? " " : "s ") + names
         + " of table '" + rule.name + "' ha" + (named == 1 ? "s" : "ve")
         + " rows that are of other dates by its rule, "
         + text::roll_text(rule.roll_zone, rule.roll_offset_ns) + "; made by "
         + text::joined(what.made_by);
}

std::string remedy_of(const std::string& directory, const std::string& table) {
  return "'millrace hdb amend " + directory + " --table " + table
         + " --home' takes them to their dates";
}

} // namespace

result<part_dates> part_dates::open(const hdb_manifest& manifest,
                                    const table_schema& rule) {
  auto calendar
    = text::roll_calendar::open(rule.roll_zone, rule.roll_offset_ns);
  if (!calendar)
    return calendar.failure();
  part_dates out{*calendar};
  for (const auto& schema : manifest.schemas)
    if (schema.name == rule.name)
      if (const auto at = schema.column_index(rule.time_column))
        out.time_columns_.emplace(schema.version, *at);
  return out;
}

std::optional<std::pair<int64_t, int64_t>>
part_dates::dates_of(const hdb_part& part) {
  const auto column = time_columns_.find(part.schema_version);
  if (part.row_count == 0 || column == time_columns_.end()
      || column->second >= part.zones.size())
    return std::nullopt;
  const auto& zone = part.zones[column->second];
  if (zone.empty)
    return std::nullopt;
  // One without a date lies with those that have none.
  const auto name = date_of_name(part);
  const auto date = [&](int64_t time) {
    return has_date(time) ? std::optional{calendar_.date_of(time)} : name;
  };
  const auto low = date(zone.low);
  const auto high = date(zone.high);
  if (!low || !high)
    return std::nullopt;
  return std::minmax(*low, *high);
}

bool part_dates::is_home(const hdb_part& part) {
  const auto dates = dates_of(part);
  const auto name = date_of_name(part);
  return !dates || (name && dates->first == *name && dates->second == *name);
}

bool part_dates::is_split(const hdb_part& part,
                          const std::function<bool(int64_t date)>& is_meant) {
  const auto dates = dates_of(part);
  if (!dates || is_home(part))
    return false;
  // Rows without a time are of the partition's date.
  const auto name = date_of_name(part);
  const bool first = is_meant(name.value_or(dates->first));
  for (auto date = dates->first; date <= dates->second; ++date)
    if (is_meant(date) != first)
      return true;
  return false;
}

std::map<std::string, std::string>
strayed_rows(const std::string& directory, const hdb_manifest& manifest,
             const std::map<std::string, table_schema>& tables) {
  std::map<std::string, std::string> out;
  std::map<std::string, part_dates> dates;
  for (const auto& [name, rule] : tables)
    if (auto opened = part_dates::open(manifest, rule))
      dates.emplace(name, *std::move(opened));
    else
      out.emplace(name, directory + ": of which dates rows of table '" + name
                          + "' are is not known: " + opened.failure().context);
  std::map<std::string, strayed_parts> found;
  for (const auto& part : manifest.parts)
    if (const auto at = dates.find(part.table);
        at != dates.end() && !at->second.is_home(part))
      found[part.table].add(manifest, part);
  for (const auto& [name, what] : found)
    out.emplace(name, words_of(directory, what, tables.at(name)) + ": "
                        + remedy_of(directory, name));
  return out;
}

error check_homes(const std::string& directory, const hdb_manifest& manifest,
                  const table_schema& rule,
                  const std::function<bool(int64_t date)>& is_meant) {
  auto dates = part_dates::open(manifest, rule);
  if (!dates)
    return dates.failure();
  strayed_parts split;
  for (const auto& part : manifest.parts)
    if (part.table == rule.name && dates->is_split(part, is_meant))
      split.add(manifest, part);
  if (split.partitions.empty())
    return {};
  return {errc::schema_mismatch,
          words_of(directory, split, rule)
            + ": some of them are meant, and others may not be; "
            + remedy_of(directory, rule.name) + ", which comes first"};
}

} // namespace millrace::persistence
