// Values and names in a getdata call that would have to be guessed.

#include <millrace/query/front/getdata.hpp>

#include <gtest/gtest.h>

#include <utility>

#include "xdaily_table.hpp"

namespace millrace::query {
namespace {

result<getdata_request> parse_with(const std::string& more) {
  static const auto schema = xdaily();
  return parse_getdata(R"({"tablename":"xdaily","starttime":"2000-01-01",
                           "endtime":"2000-01-02",)"
                         + more + "}",
                       [](std::string_view) { return &schema; });
}

// A guessed unit is a time of another year: the count is asked for one.
TEST(GetdataValuesTest, NumberWithoutAUnitIsNoTime) {
  for (const std::string column : {"sourcetime", "settle", "date"})
    for (const std::string value :
         {"1704205800000", "1704205800.5",
          R"({"type":"timestamp","value":1704205800000})"}) {
      const auto found
        = parse_with(R"("filters":{")" + column + R"(":[">",)" + value + "]}");
      ASSERT_FALSE(found) << column << value;
      EXPECT_NE(found.failure().context.find("is a number without a unit"),
                std::string::npos)
        << found.failure().context;
    }
  constexpr int64_t at = 1'704'205'800'000'000'000 - epoch_2000_ns;
  const auto named
    = parse_with(R"("filters":{"sourcetime":[">",{"unix_ms":1704205800000}]})");
  ASSERT_TRUE(named) << named.failure().context;
  EXPECT_EQ(named->plan.filters[0].values[0], literal{at});
}

// One column for two that were asked for is less than was asked for.
TEST(GetdataValuesTest, AColumnThatIsNamedTwiceIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
    {R"("columns":["lots","sym","lots"])",
     "checkrepeatparams: 'lots' is named more than once in 'columns'"},
    {R"("grouping":["sym","sym"],"aggregations":{"max":"lots"})",
     "checkrepeatparams: 'sym' is named more than once in 'grouping'"},
    {R"("aggregations":{"max":["lots","lots"]})",
     "checkrepeatparams: 'lots' is named more than once in 'aggregations'"},
  };
  for (const auto& [more, reason] : cases)
    EXPECT_EQ(parse_with(more).failure().context, reason) << more;
}

} // namespace
} // namespace millrace::query
