#include <millrace/query/front/qsql/lexer.hpp>
#include <millrace/query/front/qsql/parser.hpp>

#include <gtest/gtest.h>

#include <random>

#include "qsql_syntax_text.hpp"

namespace millrace::query::qsql {
namespace {

std::string parsed(std::string_view text) {
  auto trees = parse(text);
  return trees ? tree_text(*trees) : trees.failure().context;
}

struct qsql_case {
  std::string_view text;
  std::string_view means;
};
void expect_all(const std::vector<qsql_case>& cases) {
  for (const auto& [text, means] : cases)
    EXPECT_EQ(parsed(text), means) << text;
}

TEST(QsqlLexerTest, ReadsLiteralsOfEveryType) {
  expect_all({
    {"5", "<long 5>"},
    {"-5", "<long -5>"},
    {"5h", "<short 5>"},
    {"5i", "<int 5>"},
    {"5j", "<long 5>"},
    {"1.5", "<float 1.5>"},
    {"1f", "<float 1>"},
    {".5", "<float 0.5>"},
    {"1e-3", "<float 0.001>"},
    {"2.5e", "<real 2.5>"},
    {"1b", "<boolean 1>"},
    {"101b", "<booleans 1 0 1>"},
    {"0x1f", "<byte 31>"},
    {"0x0a0b", "<bytes 10 11>"},
    {"0N", "<long 0N>"},
    {"0Nj", "<long 0N>"},
    {"0n", "<float 0N>"},
    {"0Ne", "<real 0N>"},
    {"0Ng", "<guid 0N>"},
    {"0Np", "<timestamp 0N>"},
    {"0w", "<float inf>"},
    {"-0w", "<float -inf>"},
    {"0Wh", "<short 32767>"},
    {"-0Wi", "<int -2147483647>"},
    {"`", "<symbol 0N>"},
    {"`AAPL", "<symbol AAPL>"},
    {"`a`b", "<symbols a b>"},
    {"`:/data/x.csv", "<symbol :/data/x.csv>"},
    {"\"a\"", "<char a>"},
    {"\"\"", "<string >"},
    {"\" \"", "<char 0N>"},
    {"\"abc\"", "<string abc>"},
    {"\"a\\\"\\n\\101\"", "<string a\"\nA>"},
    {"2024.05.02", "<date 2024-05-02>"},
    {"2024.05m", "<month 2024-05>"},
    {"2024.05.02D09:30", "<timestamp 2024-05-02T09:30:00.000000000Z>"},
    {"2024.05.02D", "<timestamp 2024-05-02T00:00:00.000000000Z>"},
    {"2024.05.02D09:30:00.123456789",
     "<timestamp 2024-05-02T09:30:00.123456789Z>"},
    {"2024.05.02T09:30:00.123", "<timestamp 2024-05-02T09:30:00.123000000Z>"},
    {"0D00:05", "<timespan 0D00:05:00.000000000>"},
    {"-1D", "<timespan -1D00:00:00.000000000>"},
    {"00:00:00.000000001", "<timespan 0D00:00:00.000000001>"},
    {"09:30", "<minute 09:30>"},
    {"09:30:01", "<second 09:30:01>"},
    {"09:30:00.5", "<time 09:30:00.500>"},
    {"09:30n", "<timespan 0D09:30:00.000000000>"},
  });
}

TEST(QsqlLexerTest, JoinsNumbersThatFollowEachOther) {
  expect_all({
    {"1 2 3", "<longs 1 2 3>"},
    {"1 2 3f", "<floats 1 2 3>"},
    {"1 2.5 0N", "<floats 1 2.5 0N>"},
    {"1 0W 2f", "<floats 1 inf 2>"},
    {"1 -2", "<longs 1 -2>"},
    {"09:30 16:00", "<minutes 09:30 16:00>"},
    {"2024.05.01 0N", "<dates 2024-05-01 0N>"},
    {"-0D00:00:02 0D00:00:00",
     "<timespans -0D00:00:02.000000000 0D00:00:00.000000000>"},
    {"1 2h", "<shorts 1 2>"},
  });
}

TEST(QsqlLexerTest, TellsASignFromAVerb) {
  expect_all({
    {"1-2", "(- <long 1> <long 2>)"},
    {"1 - 2", "(- <long 1> <long 2>)"},
    {"a-1", "(- a <long 1>)"},
    {"a- -1", "(- a <long -1>)"},
    {"(a)-1", "(- a <long 1>)"},
    {"a>-1", "(> a <long -1>)"},
    {"neg -1", "(neg <long -1>)"},
    {"-a", "(neg a)"},
    {"f[-1]", "(f <long -1>)"},
  });
}

TEST(QsqlLexerTest, LeavesCommentsOut) {
  expect_all({
    {"a+b / the sum", "(+ a b)"},
    {"/ only this\na", "a"},
    {"a / one\n+b", "(+ a b)"},
  });
}

TEST(QsqlParserTest, EvaluatesFromRightToLeft) {
  expect_all({
    {"a-b-c", "(- a (- b c))"},
    {"0.5*bid+ask", "(* <float 0.5> (+ bid ask))"},
    {"(a-b)-c", "(- (- a b) c)"},
    {"sum size*side=`buy", "(sum (* size (= side <symbol buy>)))"},
    {"max price - min price", "(max (- price (min price)))"},
    {"5 xbar time.minute", "(xbar <long 5> time.minute)"},
    {"not null price", "(not (null price))"},
    {"size wavg price", "(wavg size price)"},
    {"wavg[size;price]", "(wavg size price)"},
    {"a in 1 2 and b>3", "(in a (and <longs 1 2> (> b <long 3>)))"},
    {"`date$time", "($ <symbol date> time)"},
    {"?[a>b;1;2]", "(? (> a b) <long 1> <long 2>)"},
    {"f[x;;y]", "(f x _ y)"},
    {"tables[]", "(tables _)"},
    {"a<=b", "(<= a b)"},
    {"(max;`ask)", "[max; <symbol ask>]"},
    {"()", "[]"},
    {"n#t", "(# n t)"},
    {"0!t", "(! <long 0> t)"},
    {"`a`b!1 2", "(! <symbols a b> <longs 1 2>)"},
    {"([]a:1 2;b:`x`y)", "table 0[a:<longs 1 2>; b:<symbols x y>]"},
    {"([]sym;src)", "table 0[sym; src]"},
    {"([k:`a`b] v:1 2)", "table 1[k:<symbols a b>; v:<longs 1 2>]"},
    {"1 2+\\:exec time from t", "(+\\: <longs 1 2> {exec time from t})"},
    {".z.p", ".z.p"},
    {"+", "+"},
  });
}

TEST(QsqlParserTest, ReadsPhrases) {
  expect_all({
    {"select from trade", "{select from trade}"},
    {"select from trade where date=2024.05.02, sym=`AAPL",
     "{select from trade where (= date <date 2024-05-02>), "
     "(= sym <symbol AAPL>)}"},
    {"select o:first price, sum size by sym, 5 xbar time.minute from trade",
     "{select o:(first price), (sum size) by sym, "
     "(xbar <long 5> time.minute) from trade}"},
    {"select by sym from trade", "{select by sym from trade}"},
    {"select distinct sym from trade", "{select distinct sym from trade}"},
    {"exec distinct sym from quote", "{exec distinct sym from quote}"},
    {"select[5] from trade", "{select[<long 5>] from trade}"},
    {"select[3;>price] time from trade",
     "{select[<long 3>;(> price)] time from trade}"},
    {"select[-5] from trade", "{select[<long -5>] from trade}"},
    {"update mid:0.5*bid+ask from quote",
     "{update mid:(* <float 0.5> (+ bid ask)) from quote}"},
    {"delete src,side from select from trade where size>10000",
     "{delete src, side from {select from trade where "
     "(> size <long 10000>)}}"},
    {"delete from trade where size=0",
     "{delete from trade where (= size <long 0>)}"},
    {"select from trade where price=(max;price) fby sym",
     "{select from trade where (= price (fby [max; price] sym))}"},
    {"select from (update s:differ price by sym from trade) where s",
     "{select from {update s:(differ price) by sym from trade} where s}"},
    {"select from trade where sym in exec sym from u, size>5",
     "{select from trade where (in sym {exec sym from u}), "
     "(> size <long 5>)}"},
    {"select from trade where sym in exec sym from (select sum size by sym "
     "from trade) where size>100000",
     "{select from trade where (in sym {exec sym from {select (sum size) by "
     "sym from trade} where (> size <long 100000>)})}"},
    {"aj[`sym`time; select a,b from t; select from q where x, y]",
     "(aj <symbols sym time> {select a, b from t} {select from q where x, y})"},
    {"(select last price by sym from trade) lj select last bid by sym from q",
     "(lj {select (last price) by sym from trade} {select (last bid) by sym "
     "from q})"},
    {"`size xdesc select sum size by sym from trade",
     "(xdesc <symbol size> {select (sum size) by sym from trade})"},
    {"wj[w; `sym`time; t; (q; (max;`ask); (min;`bid))]",
     "(wj w <symbols sym time> t [q; [max; <symbol ask>]; "
     "[min; <symbol bid>]])"},
    {"select x,y\n  from t\n  where a", "{select x, y from t where a}"},
  });
}

TEST(QsqlParserTest, ReadsStatementsInTheirOrder) {
  expect_all({
    {"t:select from trade;select from t",
     "t:{select from trade} | {select from t}"},
    {";a;;b;", "a | b"},
  });
}

TEST(QsqlParserTest, FaultsNameTheirPlace) {
  expect_all({
    {"", "parse: the query is empty at character 1, the end"},
    {"select a b:c from t",
     "nyi: a value is given to a name at the beginning of a statement or "
     "column only at character 11 near ':'"},
    {"select a,b where c",
     "parse: 'from' is missing in this phrase at character 1 near 'select'"},
    {"select a\n from t where",
     "parse: a value is missing at character 23, the end"},
    {"select a, from t",
     "parse: a value is missing at character 11 near 'from'"},
    {"(a;b", "parse: the parenthesis is not closed at character 1 near '('"},
    {"f[a", "parse: the bracket is not closed at character 2 near '['"},
    {"a)", "parse: the query should end here at character 2 near ')'"},
    {"a+",
     "parse: nothing stands to the right of the verb at character 2 near '+'"},
    {"+a",
     "parse: nothing stands to the left of the verb at character 1 near '+'"},
    {"\"abc", "parse: the text has no closing \" at character 1 near '\"abc'"},
    {"\"a\\q\"", "parse: after \\ stands n, t, r, \", \\ or three octal digits "
                 "at character 3 "
                 "near '\\'"},
    {"1 2024.05.02 5f",
     "parse: a list has values of one type, and not both of date and float at "
     "character 1 near '1 2024.05.02 5f'"},
    {"2024.02.30",
     "parse: the calendar has no such date at character 1 near '2024.02.30'"},
    {"12x", "parse: not a number, and no type is called 'x' at character 1 "
            "near '12x'"},
    {"99999999999999999999",
     "parse: the number does not fit 64 bits at character 1 near "
     "'99999999999999999999'"},
    {"40000h", "parse: the number does not fit the type short at character 1 "
               "near '40000h'"},
    {"\xc3\xa4", "parse: no such character in q at character 1 near '\xc3'"},
    {"`a b", "parse: a verb is missing before this at character 4 near 'b'"},
    {"{x+1} 5", "nyi: lambdas are not there at character 1 near '{'"},
    {"f'x", "nyi: iterators are not there at character 2 near '''"},
    {"sum each x", "(sum (each x))"},
    {"\\l x.q",
     "nyi: commands of the system are not there at character 1 near '\\'"},
    {"([]", "parse: a value is missing at character 4, the end"},
    {"f[1][1][1][1][1]",
     "parse: too many brackets follow each other at character 14 near '['"},
  });
}

TEST(QsqlParserTest, RefusesWhatIsTooDeepOrTooLong) {
  const auto code
    = [](const std::string& text) { return parse(text).failure().code; };
  std::string chain{"a"};
  for (size_t i = 1; i < depth_max; ++i)
    chain += "+a";
  EXPECT_EQ(code(chain), errc::none);
  EXPECT_EQ(code(chain + "+a"), errc::limit_exceeded);
  EXPECT_EQ(code(std::string(100'000, '(')), errc::limit_exceeded);
  EXPECT_EQ(code(std::string(text_bytes_max, ' ')), errc::invalid_argument);
  EXPECT_EQ(code(std::string(text_bytes_max + 1, ' ')), errc::limit_exceeded);
  EXPECT_EQ(code(std::string(tokens_max + 1, ';')), errc::limit_exceeded);
  std::string columns{"select a"};
  for (size_t i = 1; i < listed_max; ++i)
    columns += ",a";
  EXPECT_EQ(code(columns + " from t"), errc::none);
  EXPECT_EQ(code(columns + ",a from t"), errc::limit_exceeded);
  std::string list;
  for (size_t i = 0; i < 20'000; ++i)
    list += "`S" + std::to_string(i);
  EXPECT_EQ(code("select from t where sym in " + list), errc::none);
}

/// Queries with bytes changed, doubled, lost and swapped: each is read or
/// refused, and a refusal says why.
TEST(QsqlParserTest, SurvivesAnyBytes) {
  const std::vector<std::string> seeds{
    "select o:first price, h:max price by sym, 5 xbar time.minute from trade "
    "where date within 2024.05.01 2024.05.03, not src in `X`Z",
    "aj[`sym`time; select sym,time from t; select[-5;>x] from q where a>-0Wp]",
    "t:([k:1 2] v:\"a\\101\" , 0x1f);(0!t) lj 2!u",
    "wj[-0D00:00:02 0D00:00:00+\\:exec time from t; `sym; t; (q;(max;`ask))]"};
  std::mt19937 random{20240502};
  const auto below = [&](size_t bound) { return random() % bound; };
  size_t read = 0;
  for (size_t round = 0; round < 4'000; ++round) {
    auto text = seeds[below(seeds.size())];
    for (size_t changes = 1 + below(6); changes > 0; --changes) {
      const auto at = below(text.size());
      switch (below(4)) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.insert(at, text.substr(below(text.size()), below(12)));
          break;
        case 2:
          text.erase(at, 1 + below(4));
          break;
        default:
          std::swap(text[at], text[below(text.size())]);
      }
      if (text.empty())
        text = "x";
    }
    auto trees = parse(text);
    if (trees)
      ++read;
    else
      EXPECT_FALSE(trees.failure().context.empty()) << text;
  }
  EXPECT_GT(read, 200u);
}

} // namespace
} // namespace millrace::query::qsql
