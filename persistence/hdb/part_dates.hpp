#pragma once

#include <millrace/messages/base/result.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/messages/text/roll_calendar.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace millrace::persistence {

/// Of which dates (days since 2000.01.01) the rows of a table's parts are by a
/// rule. A partition has the name that the rule of its time gave to it: by
/// another one its rows may be of other dates, as those of a database of a
/// release that put all of a period into one partition are. What the zone maps
/// say counts, so that a rule that changed and moves no row is no news. One
/// owner.
class part_dates {
public:
  /// @param rule the table with the rule, of any version; `not_found` when its
  ///   zone is not known
  [[nodiscard]] static result<part_dates> open(const hdb_manifest& manifest,
                                               const table_schema& rule);

  /// The date of its earliest row that has a time, and of its latest one. None:
  /// no row has one.
  [[nodiscard]] std::optional<std::pair<int64_t, int64_t>>
  dates_of(const hdb_part& part);

  /// Whether all rows that have a time are of the partition's date.
  [[nodiscard]] bool is_home(const hdb_part& part);

  /// Whether rows of the part may be of a date that is meant, and of one that
  /// is not: the partition's name does not say which of them are.
  [[nodiscard]] bool
  is_split(const hdb_part& part,
           const std::function<bool(int64_t date)>& is_meant);

private:
  explicit part_dates(text::roll_calendar calendar) : calendar_{calendar} {}

  text::roll_calendar calendar_;
  std::map<uint32_t, size_t> time_columns_; ///< By version.
};

/// The tables among these, by name and with the rules of today, of which rows
/// do not lie in the partition of their own date: which partitions, by which
/// rules they were made, and what takes the rows home, in words. One pass over
/// the parts.
[[nodiscard]] std::map<std::string, std::string>
strayed_rows(const std::string& directory, const hdb_manifest& manifest,
             const std::map<std::string, table_schema>& tables);

/// Whether what goes by the names of a table's partitions can be done: none of
/// its parts is_split. `schema_mismatch` names those that are, and the remedy.
[[nodiscard]] error
check_homes(const std::string& directory, const hdb_manifest& manifest,
            const table_schema& rule,
            const std::function<bool(int64_t date)>& is_meant);

} // namespace millrace::persistence
