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
  const char* plain;
};

TEST(GetdataWordsTest, EveryTextOfTorqIsSaidInPlainWordsToo) {
  const mistake mistakes[] = {
    {"", "; that is: the question has no 'tablename'"},
    {R"(,"tablename":"x")", "; that is: there is no table 'x'"},
    {R"(,"tablename":"xdaily","columns":["bidprise","askprise"])",
     "; that is: table 'xdaily' has no column 'bidprise' and 'askprise', which "
     "stands in 'columns'"},
    {R"(,"tablename":"xdaily","columns":"sym","aggregations":{"max":"lots"})",
     "; that is: give 'aggregations' or 'columns', not both"},
    {R"(,"tablename":"xdaily","timecolumn":"sym")",
     "; that is: column 'sym' is of type symbol, and one of timestamp or date "
     "is wanted"},
    {R"(,"tablename":"xdaily","filters":{"lots":["beyond",5]})",
     R"(; that is: {"price": ["not", "within", [80, 100]]})"},
    {R"(,"tablename":"xdaily","filters":{"lots":["within",5]})",
     R"(that is: {"sym": ["=", "AAPL"], "bid": ["within", [83.5, 85]])"},
    {R"(,"tablename":"xdaily","timebar":["5","minute","time"])",
     "; that is: size, unit and column, as in [5, "},
    {R"(,"tablename":"xdaily","aggregations":{"max":5})",
     R"(that is: {"max": "price", "min": "size", )"},
    {R"(,"tablename":"xdaily","ordering":["up","lots"])",
     R"(that is: [["asc", "sym"], ["desc", "price"]])"}};
  for (const auto& [more, plain] : mistakes)
    EXPECT_NE(said_of(more).find(plain), std::string::npos)
      << more << ": " << said_of(more);
}

} // namespace
} // namespace millrace::query
