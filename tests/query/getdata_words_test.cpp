// What getdata says of a mistake to one who does not know q.
#include <millrace/query/front/getdata.hpp>

#include <gtest/gtest.h>

#include <string>

#include "xdaily_table.hpp"

namespace millrace::query {
namespace {

/// The refusal of a question about `xdaily` that has `more` in it.
std::string said_of(const std::string& more) {
  const auto schema = xdaily();
  const auto found = parse_getdata(
    R"({"starttime":"2000-01-01","endtime":"2000-01-06")" + more + "}",
    [&](std::string_view table) {
      return table == "xdaily" ? &schema : nullptr;
    });
  return found ? std::string{"answered"} : found.failure().context;
}

struct mistake {
  const char* more;
  const char* plain; ///< All that is said, but for the place at the end.
};

const mistake mistakes[] = {
  {"", "checkrequiredparams: the question has no 'tablename'"},
  {R"(,"tabelname":"xdaily")",
   "checkrequiredparams: the question has no 'tablename'; 'tabelname' is not a "
   "parameter; did you mean 'tablename'?"},
  {R"(,"tablename":"x")", "tableexists: there is no table 'x'"},
  {R"(,"tablename":5)", "checktype: 'tablename' is 5, and a symbol is wanted"},
  {R"(,"tablename":"xdaily","zzz":1)",
   "checkparamnames: there is no parameter 'zzz'; the parameters are "},
  {R"(,"tablename":"xdaily","endtime":"x")",
   "checkrepeatparams: 'endtime' is given more than once"},
  {R"(,"tablename":"xdaily","columns":["bidprise","askprise"])",
   "checkcolumns: table 'xdaily' has no column 'bidprise' and 'askprise', "
   "which "
   "stands in 'columns'; did you mean 'bidprice'?"},
  {R"(,"tablename":"xdaily","columns":["sym","sym"])",
   "checkrepeatparams: 'sym' is named more than once in 'columns'"},
  {R"(,"tablename":"xdaily","columns":"sym","aggregations":{"max":"lots"})",
   "checkeachpair: give 'aggregations' or 'columns', not both"},
  {R"(,"tablename":"xdaily","timecolumn":"sym")",
   "checktimecolumn: column 'sym' is of type symbol, and one of timestamp or "
   "date is wanted"},
  {R"(,"tablename":"xdaily","filters":{"lots":["beyond",5]})",
   R"(allowedops: {"price": ["not", "within", [80, 100]]}; the conditions are)"},
  {R"(,"tablename":"xdaily","filters":{"lots":["not","=",5]})",
   "allowednot: 'not' stands before within, in and like only"},
  {R"(,"tablename":"xdaily","filters":{"lots":["within",5]})",
   R"(withincheck: a column and its condition, as in {"sym": ["=", "AAPL"])"},
  {R"(,"tablename":"xdaily","filters":{"lots":["=","x"]})",
   "filtervalue: column 'lots': "},
  {R"(,"tablename":"xdaily","timebar":["5","minute","time"])",
   "firsttimebar: size, unit and column, as in [5, "},
  {R"(,"tablename":"xdaily","aggregations":{"max":5})",
   R"(checkaggregationparameter: a function and its columns, as in {"max")"},
  {R"(,"tablename":"xdaily","aggregations":{"summ":"lots"})",
   "undefinedaggs: there is no aggregation 'summ'; did you mean 'sum'?"},
  {R"(,"tablename":"xdaily","aggregations":{"wavg":["lots"]})",
   "agglength: 'wavg' takes two columns, and has 1"},
  {R"(,"tablename":"xdaily","aggregations":{"max":"lots"},)"
   R"("timebar":[5,"year","time"])",
   "timebarsize: 'year' is no unit of a timebar; there are 'nanosecond'"},
  {R"(,"tablename":"xdaily","aggregations":{"max":"lots"},)"
   R"("timebar":[5,"minute","sym"])",
   "checktimebarcolumn: column 'sym' of 'timebar' is of type symbol"},
  {R"(,"tablename":"xdaily","timebarorigin":"noon")",
   R"(timebarorigin: 'timebarorigin' is "utc" or "day")"},
  {R"(,"tablename":"xdaily","grouping":"sym")",
   "aggtimebar: 'grouping' needs 'aggregations' (grouping: 'sym')"},
  {R"(,"tablename":"xdaily","columns":"sym","ordering":["asc","lots"])",
   "badorder: 'ordering' has 'lots', and 'columns' has not"},
  {R"(,"tablename":"xdaily","aggregations":{"max":"lots"},)"
   R"("ordering":["asc","zzz"])",
   "orderingnocolumn: 'ordering' has 'zzz', which is of no aggregation"},
  {R"(,"tablename":"xdaily","aggregations":{"max":"lots","min":"lots"},)"
   R"("ordering":["asc","lots"])",
   "orderingvague: 'lots' is aggregated more than once"},
  {R"(,"tablename":"xdaily","ordering":["up","lots"])",
   R"(checkorderingdirection: pairs of "asc" or "desc" and a column, as in [[)"},
  {R"(,"tablename":"xdaily","limits":{"cells":1})",
   "checklimits: there is no limit 'cells'; there are 'rows' and 'bytes'"},
  {R"(,"tablename":"xdaily","aggregations":{})",
   "checkaggregationparameter: 'aggregations' is empty: leave it out for rows"},
  {R"(,"tablename":"xdaily","columns":[])",
   "checkcolumns: 'columns' is empty: leave it out for all columns"},
  {R"(,"tablename":"xdaily","aggregations":{"percentile":[2,"lots"]})",
   "checkaggregationparameter: A percentile is a number from 0 to 1 and a "},
  {R"(,"tablename":"xdaily","words":"other")",
   R"(checkwords: 'words' is "plain" or "torq")"},
};

/// Goal: who asks in JSON reads no word of q.
TEST(GetdataWordsTest, WhoAsksInJsonIsToldInPlainWords) {
  for (const auto& [more, plain] : mistakes) {
    const auto said = said_of(more);
    EXPECT_TRUE(said.starts_with(plain)) << more << ": " << said;
    EXPECT_EQ(said.find_first_of("`\x1e\x1f"), said.npos) << said;
    for (const auto* q : {"-11h", "that is:", "dictionary", "(not "})
      EXPECT_EQ(said.find(q), said.npos) << said;
  }
}

/// Goal: TorQ's texts stay for who asks for them, with what they mean.
TEST(GetdataWordsTest, TorqsTextsAreSaidToWhoAsksForThem) {
  const std::string torq = R"(,"words":"torq")";
  EXPECT_EQ(said_of(torq + R"(,"tablename":"x")"),
            "tableexists: Table:`x doesn't exist; that is: there is no table "
            "'x'");
  EXPECT_EQ(
    said_of(torq + R"(,"tablename":"xdaily","columns":"bidprise")"),
    "checkcolumns: Column(s) ,`bidprise presented in `columns is not a "
    "valid column for `xdaily; did you mean 'bidprice'?; that is: table "
    "'xdaily' has no column 'bidprise', which stands in 'columns'");
  EXPECT_EQ(said_of(torq + R"(,"tablename":5)"),
            "checktype: `tablename input type incorrect - valid type(s):-11h - "
            "input type:-7h (5), and a symbol is wanted");
  for (const auto& each : mistakes)
    EXPECT_EQ(said_of(torq + each.more).find_first_of("\x1e\x1f"),
              std::string::npos);
}

} // namespace
} // namespace millrace::query
