#include <millrace/actors/torq/registry/declarations.hpp>
#include <millrace/nodes/client/declared_tables.hpp>

#include <gmock/gmock.h>

namespace millrace::nodes {
namespace {

using testing::HasSubstr;

TEST(DeclaredTablesTest, RowsFitWhereEveryColumnIsAndIsAsWide) {
  table_schema mine;
  mine.name = "trade";
  mine.columns = {{"sym", column_type::symbol}, {"size", column_type::int_}};
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
    const auto fault
      = misfit(mine, torq::declarations_of({theirs}).at("trade"));
    EXPECT_EQ(!fault, each.tells == nullptr);
    if (each.tells != nullptr)
      EXPECT_THAT(fault.context, HasSubstr(each.tells));
  }
}

} // namespace
} // namespace millrace::nodes
