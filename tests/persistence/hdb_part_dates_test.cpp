#include <millrace/messages/text/civil_time.hpp>
#include <millrace/persistence/hdb/part_dates.hpp>

#include <gmock/gmock.h>

namespace millrace::persistence {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t hour_ns = 3'600'000'000'000;
constexpr int64_t home_date = 8'768; ///< 2024.01.03

int64_t at(int64_t hours) { return home_date * text::day_ns + hours * hour_ns; }

/// Parts of 2024.01.03 by UTC.
struct dated_parts {
  dated_parts() {
    schema.name = "trade";
    schema.columns
      = {{"sym", column_type::symbol}, {"time", column_type::timestamp}};
    schema.time_column = "time";
    schema.symbol_column = "sym";
    manifest.schemas = {schema};
  }

  void add(std::optional<std::pair<int64_t, int64_t>> times,
           const std::string& partition = "2024.01.03") {
    hdb_part part;
    part.table = "trade";
    part.partition = partition;
    part.row_count = 5;
    part.zones.resize(2);
    if (times) {
      part.zones[1].empty = false;
      part.zones[1].low = times->first;
      part.zones[1].high = times->second;
    }
    manifest.parts.push_back(part);
  }
  [[nodiscard]] table_schema in(const std::string& zone,
                                int64_t offset_ns = 0) const {
    auto out = schema;
    out.roll_zone = zone;
    out.roll_offset_ns = offset_ns;
    return out;
  }
  /// Whether what is meant by date can be told by the names of partitions.
  error meant(const table_schema& rule, const std::set<int64_t>& dates) const {
    return check_homes("/hdb", manifest, rule,
                       [&](int64_t date) { return dates.contains(date); });
  }

  hdb_manifest manifest;
  table_schema schema;
};

TEST(PartDatesTest, RowsAreHomeWhereAllTimesAreOfThePartitionsDate) {
  struct way {
    std::optional<std::pair<int64_t, int64_t>> times;
    const char* zone;
    int64_t offset_ns;
    bool is_home;
  };
  const way ways[] = {
    {{{at(0), at(24) - 1}}, "UTC", 0, true},
    {{{at(0) - 1, at(1)}}, "UTC", 0, false},
    {{{at(1), at(24)}}, "UTC", 0, false},
    {{{at(1), at(14)}}, "Asia/Tokyo", 0, true},
    {{{at(1), at(15)}}, "Asia/Tokyo", 0, false},
    {{{at(1), at(15)}}, "Asia/Tokyo", 7 * hour_ns, true},
    {{{at(1), at(23)}}, "UTC", 2 * hour_ns, false},
    // What has no date lies with those that have none.
    {{}, "Asia/Tokyo", 0, true},
    {{{-inf_long, inf_long}}, "Asia/Tokyo", 0, true},
    {{{-inf_long, at(1)}}, "Asia/Tokyo", 0, true},
    {{{-inf_long, at(30)}}, "Asia/Tokyo", 0, false},
  };
  for (const auto& each : ways) {
    dated_parts db;
    db.add(each.times);
    auto dates
      = part_dates::open(db.manifest, db.in(each.zone, each.offset_ns));
    ASSERT_TRUE(dates) << to_string(dates.failure());
    EXPECT_EQ(dates->is_home(db.manifest.parts[0]), each.is_home)
      << &each - ways;
  }
  dated_parts db;
  EXPECT_EQ(part_dates::open(db.manifest, db.in("No/Where")).failure().code,
            errc::not_found);
}

TEST(PartDatesTest, NamesSayWhatIsMeantUnlessRowsOfOthersLieThere) {
  dated_parts db;
  db.add({{at(1), at(16)}}); // By Tokyo of 01.03 and 01.04.
  const auto tokyo = db.in("Asia/Tokyo");
  for (const auto date : {home_date, home_date + 1})
    EXPECT_EQ(db.meant(tokyo, {date}).code, errc::schema_mismatch) << date;
  EXPECT_EQ(db.meant(tokyo, {home_date, home_date + 1}), error{});
  EXPECT_EQ(db.meant(tokyo, {home_date - 1, home_date + 2}), error{});
  EXPECT_EQ(db.meant(db.schema, {home_date}), error{});
  // All of another date: the name says another one.
  dated_parts away;
  away.add({{at(16), at(17)}});
  EXPECT_EQ(away.meant(tokyo, {home_date}).code, errc::schema_mismatch);
  EXPECT_EQ(away.meant(tokyo, {home_date + 1}).code, errc::schema_mismatch);
  EXPECT_EQ(away.meant(tokyo, {home_date + 2}), error{});
}

TEST(PartDatesTest, WhatIsNotHomeIsToldWithItsRulesAndTheRemedy) {
  dated_parts db;
  db.add({{at(1), at(2)}});
  EXPECT_TRUE(
    strayed_rows("/hdb", db.manifest, {{"trade", db.in("Asia/Tokyo")}})
      .empty());
  db.add({{at(1), at(16)}});
  for (int day = 5; day <= 10; ++day)
    db.add({{at(1), at(2)}}, "2024.02." + std::to_string(10 + day));
  const auto lines = strayed_rows("/hdb", db.manifest,
                                  {{"trade", db.in("Asia/Tokyo", -hour_ns)}});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines.at("trade"),
              HasSubstr("/hdb: partitions 2024.01.03, 2024.02.15, 2024.02.16, "
                        "2024.02.17, 2024.02.18 and 2 more of table 'trade' "
                        "have rows that are of other dates by its rule, "
                        "Asia/Tokyo - 01:00:00; made by UTC: 'millrace hdb "
                        "amend /hdb --table trade --home'"));
  EXPECT_THAT(db.meant(db.in("Asia/Tokyo"), {home_date + 1}).context,
              testing::AllOf(HasSubstr("/hdb: partition 2024.01.03 of"),
                             HasSubstr("--home"), Not(HasSubstr("2024.02"))));
}

} // namespace
} // namespace millrace::persistence
