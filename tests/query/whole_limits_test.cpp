#include "sql_rows.hpp"

namespace millrace::query {
namespace {

using testing_support::q_rows;
using testing_support::sql_rows;
using testing_support::sql_table;

// The largest number is read as an infinity by what is computed of it: no
// result of whole numbers is that.
TEST(WholeLimitsTest, WholeResultsThatWouldBeInfinitiesAreRefused) {
  const std::string too_large = "does not fit a long of 64 bits";
  const std::string half = "4611686018427387903";
  for (const std::string sign : {"", "-"}) {
    // Twice the half is one less than what does not fit.
    const auto sql = [&](const std::string& what, const std::string& first) {
      return sql_rows("select " + what
                      + " from (select time, case lot when 7 then " + sign
                      + first + " else " + sign + half
                      + " end as x from trade where lot in (7, -7)) t");
    };
    EXPECT_EQ(sql("sum(x)", half), sign + "9223372036854775806");
    EXPECT_NE(
      sql("sum(x) " + (sign.empty() ? std::string{"+"} : sign) + " 1", half)
        .find("does not fit its type"),
      std::string::npos);
    for (const auto* what :
         {"sum(x)", "sum(x) + 1", "sum(x) * 2", "sum(x) * 1.0",
          "sum(x) over (order by time)", "sum(x) over ()"})
      EXPECT_NE(sql(what, "4611686018427387904").find(too_large),
                std::string::npos)
        << sign << what << ": " << sql(what, "4611686018427387904");
    EXPECT_EQ(sql("sum(x) over (order by time rows between current row and "
                  "current row)",
                  "4611686018427387904"),
              sign + "4611686018427387904/" + sign + half);
    const auto q = [&](const std::string& what) {
      return q_rows("select x:" + what + " from trade where lot in 7 -7 2 -2");
    };
    const auto of_two
      = [&](const std::string& first, const std::string& second) {
          return " (?[lot=7;" + sign + first + ";?[lot=2;" + second + ";0]])";
        };
    for (const auto& what :
         {"sum" + of_two("4611686018427387904", sign + half),
          "1+sum" + of_two("4611686018427387904", sign + half),
          "prd (?[lot=7;" + sign + "7;?[lot=2;1317624576693539401;1]])",
          std::string{"sumsq (?[lot=7;3037000499;?[lot=-7;76994;"
                      "?[lot=2;671;23]]])"}})
      EXPECT_NE(q(what).find(too_large), std::string::npos)
        << what << ": " << q(what);
    EXPECT_EQ(q("sum" + of_two(half, sign + half)),
              sign + "9223372036854775806");
    EXPECT_EQ(q("prd (?[lot=7;" + sign + "7;?[lot=2;1317624576693539400;1]])"),
              sign + "9223372036854775800");
  }
  // An infinity that the values have stays one where it is handed on.
  EXPECT_EQ(q_rows("select x:1+max (?[lot=7;0W;1]) from trade where lot<>0N"),
            "9223372036854775807");
}

TEST(WholeLimitsTest, DifferencesAndBarsBeyondTheirTypeAreRefused) {
  const auto q = [](const std::string& what) {
    return q_rows("select x:" + what + " from trade where lot in 7 -7 2 -2");
  };
  const std::string low = "(?[lot=7;-9223372036854775806;5])";
  const std::string high = "(?[lot=7;9223372036854775806;-5])";
  for (const auto& what : {"deltas " + low, "deltas " + high, "5 xbar " + low,
                           "4 xbar deltas " + low,
                           std::string{"deltas (?[lot=7;2147483646i;-2i])"}})
    EXPECT_NE(q(what).find("does not fit"), std::string::npos)
      << what << ": " << q(what);
  // What fits, and infinities that the values have.
  EXPECT_EQ(q("max 5 xbar " + high), "9223372036854775805");
  EXPECT_EQ(q("min 2 xbar " + low), "-9223372036854775806");
  EXPECT_EQ(q("min 5 xbar (?[lot=7;-0W;5])"), "-9223372036854775807");
  EXPECT_EQ(q("max deltas (?[lot=7;0W;5])"), "9223372036854775807");
}

// SQL has no infinite bigint.
TEST(WholeLimitsTest, TheLargestNumberIsComparedAndNotComputedWith) {
  for (const std::string what :
       {"count(*) * 9223372036854775807", "size + -9223372036854775807",
        "9223372036854775807 - size", "9223372036854775807 * 1.0",
        "size % 9223372036854775807", "mod(size, 9223372036854775807)",
        "-9223372036854775807 / 2"}) {
    const auto text
      = "select " + what + " as x from trade"
        + (what.find("count") == what.npos ? "" : " group by sym");
    const auto request = parse_sql(text, sql_table, 0);
    EXPECT_EQ(request.failure().code, errc::overflow) << what;
    EXPECT_NE(request.failure().context.find("9223372036854775807 stands for"),
              std::string::npos)
      << request.failure().context;
  }
  EXPECT_EQ(sql_rows("select count(*) from trade where size < "
                     "9223372036854775807 and size > -9223372036854775807"),
            "4");
  EXPECT_EQ(sql_rows("select 9223372036854775807 as x from trade limit 1"),
            "9223372036854775807");
}

} // namespace
} // namespace millrace::query
