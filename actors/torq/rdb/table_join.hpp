#pragma once

#include <millrace/messages/data/position.hpp>
#include <millrace/messages/data/schema.hpp>
#include <millrace/persistence/hdb/hdb_manifest.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// How a table comes to an RDB that runs. Free of actors.

namespace millrace::torq {

/// Positions of a stream for which an HDB is to say that it has all rows of a
/// table: there are none.
struct empty_range {
  int64_t period = 0; ///< That ended at `to`.
  position from;
  position to;
  friend bool operator==(const empty_range&, const empty_range&) = default;
};

/// Where a table stands in the manifest beside those that an RDB holds.
struct table_standing {
  /// Up to where it is accounted for; the start: nowhere.
  position cutover;
  /// What lacks up to where the others are; none: it is not behind them. The
  /// rows of a period are written as one range of all tables, which must go on
  /// from where each one ends.
  std::optional<empty_range> behind;
};

[[nodiscard]] table_standing
standing_of(const persistence::hdb_manifest& manifest,
            const std::string& stream, const std::vector<table_schema>& held,
            const std::string& table);

/// Batches that came of tables which nobody had declared, by name. Of very many
/// names it keeps one place for all others.
class undeclared_batches {
public:
  static constexpr size_t names_max = 1000;

  /// @param end of its message
  void met(std::string_view table, position end);
  /// The last one that may be of this table; the start: none came.
  [[nodiscard]] position last(std::string_view table) const;

private:
  std::map<std::string, position, std::less<>> by_table_;
  position others_;
};

} // namespace millrace::torq
