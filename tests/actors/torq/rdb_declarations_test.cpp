#include <millrace/actors/torq/registry/declarations.hpp>
#include <millrace/actors/torq/registry/rdb_declarations.hpp>

#include <gmock/gmock.h>

namespace millrace::torq {
namespace {

using testing::HasSubstr;

table_schema trade() {
  table_schema out;
  out.name = "trade";
  out.columns = {{"sym", column_type::symbol}, {"size", column_type::int_}};
  return out;
}

TEST(RdbDeclarationsTest, RowsFitWhereEveryColumnIsAndIsAsWide) {
  const auto mine = trade();
  struct way {
    std::vector<column_schema> theirs;
    const char* tells; ///< nullptr: they fit.
  };
  const way ways[] = {
    {mine.columns, nullptr},
    {{mine.columns[1], mine.columns[0], {"more", column_type::date}}, nullptr},
    {{mine.columns[0], {"size", column_type::long_}}, nullptr},
    {{mine.columns[0]}, "column 'size' is not in it there"},
    {{mine.columns[0], {"size", column_type::short_}},
     "column 'size' is int here, and short there"},
  };
  for (const auto& each : ways) {
    auto theirs = mine;
    theirs.columns = each.theirs;
    const auto fault = misfit(mine, declarations_of({theirs}).at("trade"));
    EXPECT_EQ(!fault, each.tells == nullptr);
    if (each.tells != nullptr)
      EXPECT_THAT(fault.context, HasSubstr(each.tells));
  }
}

process_row row_of(const std::string& name, std::vector<table_schema> tables) {
  process_row out;
  out.name = name;
  out.type = "rdb";
  out.node = "store";
  out.available = true;
  out.attributes
    = {{"stream", "market"}, {"declares", declarations_of(tables)}};
  return out;
}

TEST(RdbDeclarationsTest, RefusesWhatAnRdbOfTheStreamWouldNotTake) {
  auto narrow = trade();
  narrow.columns.pop_back();
  auto other = trade();
  other.name = "quote";
  rdb_declarations known;
  const auto refusal = [&](const std::set<std::string>& holders = {"rdb1"}) {
    return known.refusal(trade(), "market", holders);
  };
  EXPECT_FALSE(refusal()); // Nobody is known.
  auto hdb = row_of("hdb1", {narrow});
  hdb.type = "hdb";
  known.know({hdb, row_of("rdb1", {trade()})});
  EXPECT_FALSE(refusal());
  // Another rdb need not have all tables.
  known.know({row_of("rdb2", {other})});
  EXPECT_FALSE(refusal());
  known.know({row_of("rdb2", {other, narrow})});
  EXPECT_EQ(refusal().code, errc::config);
  EXPECT_THAT(refusal().context,
              HasSubstr("rdb2 on node store was started with another"));
  EXPECT_FALSE(
    known.refusal(trade(), "orders", {"rdb1"})); // Not of their stream.
  // One that went takes nothing, and refuses nothing.
  auto went = row_of("rdb2", {narrow});
  went.available = false;
  known.know({went});
  EXPECT_FALSE(refusal());
  // Nor does one that the registry does not name any more.
  known.know({row_of("rdb2", {narrow})});
  EXPECT_TRUE(refusal());
  known.ask_anew();
  auto gateway = row_of("gw1", {});
  gateway.type = "gateway";
  known.know({gateway});
  EXPECT_TRUE(refusal());
  known.know({row_of("rdb1", {trade()})});
  EXPECT_FALSE(refusal());
  known.know({row_of("rdb1", {other})});
  EXPECT_THAT(refusal().context, HasSubstr("rdb1 on node store was started "
                                           "without it"));
  EXPECT_FALSE(refusal({}));       // No rdb is to have it.
  EXPECT_FALSE(refusal({"rdb3"})); // The one that is to is away.
}

} // namespace
} // namespace millrace::torq
