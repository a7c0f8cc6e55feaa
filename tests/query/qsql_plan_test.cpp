#include <millrace/query/front/qsql/qsql.hpp>

#include <gtest/gtest.h>

#include <random>

namespace millrace::query {
namespace {

/// Trades, quotes, and a small table without a time of dates.
const table_schema* qsql_table(std::string_view name) {
  static const auto tables = [] {
    std::vector<table_schema> out(2);
    out[0].name = "trade";
    out[0].columns
      = {{"time", column_type::timestamp}, {"sym", column_type::symbol},
         {"src", column_type::symbol},     {"price", column_type::float_},
         {"size", column_type::long_},     {"side", column_type::symbol}};
    out[1].name = "quote";
    out[1].columns
      = {{"time", column_type::timestamp}, {"sym", column_type::symbol},
         {"src", column_type::symbol},     {"bid", column_type::float_},
         {"ask", column_type::float_},     {"bsize", column_type::long_},
         {"asize", column_type::long_}};
    for (auto& table : out) {
      table.time_column = "time";
      table.symbol_column = "sym";
    }
    return out;
  }();
  for (const auto& table : tables)
    if (table.name == name)
      return &table;
  return nullptr;
}

/// Operators from the last to the first, without their indents; keys first.
std::string planned(std::string_view text) {
  auto request = parse_qsql(text, qsql_table, 0);
  if (!request)
    return request.failure().context;
  std::string out;
  for (const auto& key : request->keys)
    out += (out.empty() ? "[" : " ") + key;
  if (!out.empty())
    out += "] ";
  std::string line;
  for (const char c : to_string(request->plan)) {
    if (c == '\n') {
      out += line + " | ";
      line.clear();
    } else if (c != ' ' || !line.empty()) {
      line += c;
    }
  }
  return out.substr(0, out.size() - 3);
}

struct qsql_plan_case {
  std::string_view text;
  std::string_view plan;
};
void expect_plans(const std::vector<qsql_plan_case>& cases) {
  for (const auto& [text, plan] : cases)
    EXPECT_EQ(planned(text), plan) << text;
}

TEST(QsqlPlanTest, SelectsColumnsAndRows) {
  expect_plans({
    {"select from trade", "scan trade"},
    {"select from trade where date=2024.05.02, sym=`AAPL",
     "scan trade | filter (date[time;\"UTC\";0]=2024-05-02) (sym=`AAPL)"},
    {"select time,sym,price from trade where sym in `AAPL`MSFT, "
     "size>=500",
     "scan trade | filter (sym in (`AAPL;`MSFT)) (size>=500) | "
     "project time:time sym:sym price:price"},
    {"select from trade where sym like \"M*\", not src in `X`Z",
     "scan trade | filter (sym like \"M*\") not[(src in (`X;`Z))]"},
    {"select from quote where bid within 83.5 85, not bsize within 5 "
     "43, ask<=bid+0.05",
     "scan quote | filter within[bid;83.5;85] not[within[bsize;5;43]] "
     "(ask<=(bid+0.05))"},
    {"select from quote where time within "
     "(2024.05.02D09:30;2024.05.02D10:00)",
     "scan quote | filter within[time;2024-05-02T09:30:00.000000000Z;2"
     "024-05-02T10:00:00.000000000Z]"},
    {"select from trade where time>.z.p-0D00:05",
     "scan trade | filter (time>(2000-01-01T00:00:00.000000000Z-0D00:0"
     "5:00.000000000))"},
    {"exec price from trade where sym=`GOOG",
     "scan trade | filter (sym=`GOOG) | project price:price"},
    {"exec distinct sym from quote",
     "scan quote | project sym:sym | aggregate by sym:sym"},
    {"select distinct sym,src from trade",
     "scan trade | project sym:sym src:src | aggregate by sym:sym "
     "src:src"},
    {"select[5] from trade", "scan trade | limit 5"},
    {"select[-5] time,price from trade where sym=`IBM",
     "scan trade | filter (sym=`IBM) | limit -5 | project time:time "
     "price:price"},
    {"select[3;>price] time,sym,price from trade",
     "scan trade | order desc price | limit 3 | project time:time "
     "sym:sym price:price"},
  });
}

TEST(QsqlPlanTest, UpdatesAndDeletes) {
  expect_plans({
    {"update mid:0.5*bid+ask, spread:ask-bid from quote",
     "scan quote | project time:time sym:sym src:src bid:bid ask:ask "
     "bsize:bsize asize:asize mid:(0.5*(bid+ask)) spread:(ask-bid)"},
    {"update price:2*price from trade where sym=`A, size>5",
     "scan trade | project time:time sym:sym src:src "
     "price:?[((sym=`A)&(size>5));(2*price);price] size:size side:side"},
    {"update vip:1b from trade where sym=`A",
     "scan trade | project time:time sym:sym src:src price:price "
     "size:size side:side vip:?[(sym=`A);1;null]"},
    {"delete src,side from select from trade where size>10000",
     "scan trade | filter (size>10000) | project time:time sym:sym "
     "price:price size:size"},
    {"delete from trade where size=0, sym=`A",
     "scan trade | filter not[((size=0)&(sym=`A))]"},
    {"delete from trade", "scan trade | limit 0"},
  });
}

TEST(QsqlPlanTest, ComputesColumns) {
  expect_plans({
    {"select time.date, time.hh, time.week, d:`date$time, m:\"u\"$time "
     "from trade",
     "scan trade | project date:`date$[time] "
     "hh:(`int$[`minute$[time]] div 60) "
     "week:(`date$[time]-((`int$[`date$[time]]+5) mod 7)) "
     "d:`date$[time] m:`minute$[time]"},
    {"select p:?[side=`buy;price;neg price], 0^size from trade",
     "scan trade | project p:?[(side=`buy);price;neg[price]] "
     "x:(0^size)"},
    {"select from trade where sym in exec sym from (select sum size "
     "by sym from trade) where size>100000",
     "scan trade | project time:time sym:sym src:src price:price "
     "size:size side:side ~1:sym | scan trade | aggregate "
     "size:sum(size) by sym:sym | filter (size>100000) | project "
     "sym:sym | project ~1:sym ~2:1 | left join on ~1 | filter ~2 | "
     "project time:time sym:sym src:src price:price size:size "
     "side:side"},
    {"select from trade where not sym in exec distinct sym from quote",
     "scan trade | project time:time sym:sym src:src price:price "
     "size:size side:side ~1:sym | scan quote | project sym:sym | "
     "aggregate by sym:sym | project ~1:sym ~2:1 | left join on ~1 | "
     "filter not[~2] | project time:time sym:sym src:src price:price "
     "size:size side:side"},
    {"select from trade where id in ()",
     "id: there is no such column at character 25 near 'id'"},
  });
}

TEST(QsqlPlanTest, FoldsGroups) {
  expect_plans({
    {"select trades:count i, volume:sum size by sym from trade",
     "[sym] scan trade | aggregate trades:count() volume:sum(size) by "
     "sym:sym"},
    {"select o:first price, h:max price, v:sum size by sym, 5 xbar "
     "time.minute from trade",
     "[sym minute] scan trade | aggregate o:first(price) h:max(price) "
     "v:sum(size) by sym:sym minute:(5 xbar `minute$[time])"},
    {"select vwap:size wavg price by sym, bar:0D00:01 xbar time from "
     "trade where price>0",
     "[sym bar] scan trade | filter (price>0) | aggregate "
     "vwap:wavg(size,price) by sym:sym bar:(0D00:01:00.000000000 xbar "
     "time)"},
    {"select dev price, var price, med price by sym from trade",
     "[sym] scan trade | aggregate price:dev(price) price1:var(price) "
     "price2:med(price) by sym:sym"},
    {"exec hi:max price, lo:min price from trade where sym=`IBM",
     "scan trade | filter (sym=`IBM) | aggregate hi:max(price) "
     "lo:min(price)"},
    {"select count i by date from trade where date>=2024.05.01",
     "[date] scan trade | filter (date[time;\"UTC\";0]>=2024-05-01) | "
     "aggregate x:count() by date:date[time;\"UTC\";0]"},
    {"select share:(sum size*side=`buy)%sum size, first time, last "
     "time by sym from trade where not null price",
     "[sym] scan trade | filter not[null[price]] | aggregate "
     "~1:sum((size*(side=`buy))) ~2:sum(size) time:first(time) "
     "time1:last(time) by sym:sym | project sym:sym share:(~1%~2) "
     "time:time time1:time1"},
    {"select by sym from trade",
     "[sym] scan trade | aggregate time:last(time) src:last(src) "
     "price:last(price) size:last(size) side:last(side) by sym:sym"},
    {"select[2;>size] sum size by sym from trade",
     "[sym] scan trade | aggregate size:sum(size) by sym:sym | order "
     "desc size | limit 2"},
    {"select sum deltas price by sym from trade",
     "[sym] scan trade | window ~1:deltas(price) by sym | aggregate "
     "price:sum(~1) by sym:sym"},
    {"select n:count i, 2*max price from trade",
     "scan trade | aggregate n:count() ~2:max(price) | project n:n "
     "x:(2*~2)"},
  });
}

TEST(QsqlPlanTest, LooksAtOtherRows) {
  expect_plans({
    {"select from trade where price=(max;price) fby sym",
     "scan trade | window ~1:max(price) by sym | filter (price=~1) | "
     "project time:time sym:sym src:src price:price size:size "
     "side:side"},
    {"select from trade where size>2*(avg;size) fby ([]sym;src)",
     "scan trade | window ~1:avg(size) by sym src | filter "
     "(size>(2*~1)) | project time:time sym:sym src:src price:price "
     "size:size side:side"},
    {"select from trade where price=max price, size>avg size",
     "scan trade | window ~1:max(price) | filter (price=~1) | window "
     "~2:avg(size) | filter (size>~2) | project time:time sym:sym "
     "src:src price:price size:size side:side"},
    {"select from trade where date=2024.05.02, i=(last;i) fby sym",
     "scan trade | filter (date[time;\"UTC\";0]=2024-05-02) | window "
     "~1:i(()) | window ~2:last(~1) by sym | filter (~1=~2) | project "
     "time:time sym:sym src:src price:price size:size side:side"},
    {"select price, share:size%sum size from trade",
     "scan trade | window ~1:sum(size) | project price:price "
     "share:(size%~1)"},
    {"update cum:sums size, n:1+til count i by sym from trade",
     "scan trade | window ~1:sums(size) ~2:i(()) by sym | project "
     "time:time sym:sym src:src price:price size:size side:side "
     "cum:~1 n:(1+~2)"},
    {"update chg:deltas price, before:prev price, ma:5 mavg price, "
     "e:0.5 ema price, x:2 xprev price by sym from trade",
     "scan trade | window ~1:deltas(price) ~2:prev(price) "
     "~3:mavg(5,price) ~4:ema(0.500000,price) ~5:xprev(2,price) by "
     "sym | project time:time sym:sym src:src price:price size:size "
     "side:side chg:~1 before:~2 ma:~3 e:~4 x:~5"},
    {"update c:maxs sums size by sym from trade",
     "scan trade | window ~1:sums(size) by sym | window ~2:maxs(~1) "
     "by sym | project time:time sym:sym src:src price:price "
     "size:size side:side c:~2"},
    {"update r:max price by 5 xbar time.minute from trade",
     "scan trade | project time:time sym:sym src:src price:price "
     "size:size side:side ~1:(5 xbar `minute$[time]) | window "
     "~2:max(price) by ~1 | project time:time sym:sym src:src "
     "price:price size:size side:side r:~2"},
    {"select from (update step:differ price by sym from trade) where "
     "step",
     "scan trade | window ~1:differ(price) by sym | project time:time "
     "sym:sym src:src price:price size:size side:side step:~1 | "
     "filter step"},
  });
}

TEST(QsqlPlanTest, ShapesAndJoinsTables) {
  expect_plans({
    {"`size xdesc select sum size by sym from trade",
     "[sym] scan trade | aggregate size:sum(size) by sym:sym | order "
     "desc size"},
    {"`sym`time xasc select from quote where src=`N",
     "scan quote | filter (src=`N) | order asc sym asc time"},
    {"aj[`sym`time; select sym,time,price from trade; select "
     "sym,time,bid,ask from quote]",
     "scan trade | project sym:sym time:time price:price | scan quote "
     "| project sym:sym time:time bid:bid ask:ask | as-of join on sym "
     "time"},
    {"aj[`sym`time;trade;quote;`nearest;0D00:00:01.5]",
     "scan trade | scan quote | as-of join nearest within 1500000000 on sym "
     "time"},
    {"aj0[`sym`time;trade;quote;00:00:05;`forward]",
     "scan trade | scan quote | as-of join forward within 5000000000 on sym "
     "time"},
    {"aj[`sym`size;trade;(select sym,size:bsize from quote);3]",
     "scan trade | scan quote | project sym:sym size:bsize | as-of join "
     "within 3 on sym size"},
    {"t:select sym,time from trade;q:quote;w:-0D00:00:02 "
     "0D00:00:00+\\:exec time from t;wj[w; `sym`time; t; (q; "
     "(max;`ask); (min;`bid))]",
     "scan trade | project sym:sym time:time | scan quote | window "
     "join within -2000000000 0 prevailing ask:max(ask) bid:min(bid) "
     "on sym time"},
    {"(select last price by sym from trade) lj select last bid by sym "
     "from quote",
     "[sym] scan trade | aggregate price:last(price) by sym:sym | "
     "scan quote | aggregate bid:last(bid) by sym:sym | left join on "
     "sym"},
    {"(select last price by sym from trade) ij `sym xkey select "
     "sym,bid from quote",
     "[sym] scan trade | aggregate price:last(price) by sym:sym | "
     "scan quote | project sym:sym bid:bid | inner join on sym"},
    {"(select sym,price from trade) uj select sym,bid from quote",
     "scan trade | project sym:sym price:price | scan quote | project "
     "sym:sym bid:bid | union"},
    {"(select sym from trade),select sym from quote",
     "scan trade | project sym:sym | scan quote | project sym:sym | "
     "union"},
    {"select avg spread, max spread by sym from select sym, "
     "spread:ask-bid from quote where ask>bid",
     "[sym] scan quote | filter (ask>bid) | project sym:sym "
     "spread:(ask-bid) | aggregate spread:avg(spread) "
     "spread1:max(spread) by sym:sym"},
    {"0!select sum size by sym from trade",
     "scan trade | aggregate size:sum(size) by sym:sym"},
    {"1!select sym,size from trade",
     "[sym] scan trade | project sym:sym size:size"},
    {"`a`b xcol select sym,size from trade",
     "scan trade | project sym:sym size:size | project a:sym b:size"},
    {"(`sym`size!`s`n) xcol select sym,size from trade",
     "scan trade | project sym:sym size:size | project s:sym n:size"},
    {"`price`sym xcols trade",
     "scan trade | project price:price sym:sym time:time src:src "
     "size:size side:side"},
    {"`sym`price#trade", "scan trade | project sym:sym price:price"},
    {"`sym`price _ trade",
     "scan trade | project time:time src:src size:size side:side"},
    {"5#`price xasc trade", "scan trade | order asc price | limit 5"},
    {"-5 sublist trade", "scan trade | limit -5"},
    {"first trade", "scan trade | limit 1"},
    {"count select from trade where size>5",
     "scan trade | filter (size>5) | aggregate count:count()"},
    {"distinct select sym from trade",
     "scan trade | project sym:sym | aggregate by sym:sym"},
  });
}

TEST(QsqlPlanTest, FaultsNameTheirPlace) {
  expect_plans({
    {"selec from trade",
     "nyi: there is no function of tables 'selec'; did you mean 'select'? at "
     "character 1 near 'selec from trade'"},
    {"select prise from trade",
     "prise: there is no such column; did you mean 'price'? at "
     "character 8 near 'prise'"},
    // What SQL has in quotes.
    {"select from trade where sym=SPY",
     "SPY: there is no such column; a symbol is written `SPY at character 29 "
     "near 'SPY'"},
    {"select from trade where date=2013-10-08",
     "type: this is a difference of numbers; the date is written 2013.10.08 at "
     "character 30 near '2013-10-08'"},
    {"select from trades",
     "trades: there is no such table at character 13 near 'trades'"},
    {"select price -1 from trade",
     "rank: a column is not a function; between it and what follows "
     "stands a verb, with a blank on both sides of '-' at character 8 "
     "near 'price'"},
    {"select price mavg size from trade",
     "type: a constant count of rows is wanted here at character 8 "
     "near 'price'"},
    {"select foo price from trade",
     "nyi: there is no function 'foo' at character 8 near 'foo'"},
    {"select avgg price from trade",
     "nyi: there is no function 'avgg'; did you mean 'avg'? at character 8 "
     "near 'avgg'"},
    {"delete from `trade",
     "nyi: no table is changed in place: without the '`' this gives a table, "
     "and 'millrace hdb amend' changes rows that are written down "
     "at character 13 near '`trade'"},
    {"update price:2*price from `trade where sym=`A",
     "nyi: no table is changed in place: without the '`' this gives a table, "
     "and 'millrace hdb amend' changes rows that are written down "
     "at character 27 near '`trade'"},
    {"select price by sym from trade",
     "nyi: without an aggregate this would be a list per group, and "
     "columns of lists are not there at character 8 near 'price'"},
    {"select sum sym from trade",
     "type: at character 12: 'sum' does not take symbol"},
    {"select from trade where price",
     "type: at character 25: a condition is boolean, not float"},
    {"select from trade where sym=5",
     "type: at character 25: '=' does not take symbol and long"},
    {"select from trade where time.foo=5",
     "nyi: the parts of a time are date, month, minute, second, time, "
     "timespan, timestamp, year, mm, week, dd, hh, uu and ss, not "
     "'foo' at character 25 near 'time.foo'"},
  });
}

TEST(QsqlPlanTest, FaultsOfTablesNameTheirPlace) {
  expect_plans({
    {"trade lj quote",
     "type: the right side of a join has keys, as `sym xkey t has at "
     "character 10 near 'quote'"},
    {"trade,quote",
     "mismatch: ',' takes tables of the same columns; uj takes others "
     "at character 1 near 'trade,quote'"},
    {"aj[`sym;trade]", "nyi: 'aj' of tables is not there at character 1 near "
                       "'aj[`sym;trade]'"},
    {"aj[`sym`time;trade;quote;`near]",
     "domain: after the tables of an as-of join stand `forward or `nearest, "
     "and how far a row may be, as 0D00:00:01 at character 26 near '`near'"},
    {"aj[`sym`time;trade;quote;-0D00:00:01]",
     "type: after the tables of an as-of join stand `forward or `nearest, "
     "and how far a row may be, as 0D00:00:01 at character 26 near "
     "'-0D00:00:01'"},
    {"aj[`sym`price; trade; quote]",
     "type: the right side of the join has no column 'price' at "
     "character 1 near 'aj[`sym`price; trade; quote]'"},
    {"5 6 7", "type: a table is wanted here at character 1 near '5 6 7'"},
    {"x+1", "nyi: there is no function of tables '+' at character 1 near "
            "'x+1'"},
    {"select max price price from trade",
     "rank: a column is not a function; between it and what follows "
     "stands a verb, with a blank on both sides of '-' at character "
     "12 near 'price'"},
    {"select from trade where price within 1 2 3",
     "length: 'within' takes two bounds, as in 'within 1 5' and "
     "'within (a;b)' at character 38 near '1 2 3'"},
    {"select[5 6] from trade",
     "nyi: in these brackets stand one count of rows and one order, "
     "as in [5;>price] at character 8 near '5 6'"},
    {"([]a:1 2)",
     "nyi: tables whose values stand in the query are not there at "
     "character 1 near '([]a:1 2)'"},
    {"hloc[2024.05.01]",
     "nyi: there is no function of tables 'hloc' at character 1 near "
     "'hloc[2024.05.01]'"},
    {"update from trade",
     "rank: after 'update' stand columns at character 1 near 'update "
     "from trade'"},
    {"delete a from trade",
     "a: there is no such column at character 8 near 'a'"},
    {"select from trade where price=(wavg;price) fby sym",
     "nyi: before 'fby' stand functions of one column at "
     "character 32 near 'wavg'"},
    {"update m:max price from trade where size>5",
     "nyi: where a value needs other rows, update has no conditions "
     "at character 10 near 'max price'"},
    {"a;b", "rank: a statement before the last one gives a name to what it "
            "says, as t:select from trade at character 1 near 'a'"},
  });
}

TEST(QsqlPlanTest, AppliesConstantsToRows) {
  expect_plans({
    {"d:`N`Q!`x`y; select d sym, p:(1 2!3 4)[size] from trade",
     "scan trade | project sym:?[(sym=`N);`x;?[(sym=`Q);`y;null]] "
     "p:?[(size=1);3;?[(size=2);4;null]]"},
    {"d:`N`Q!1 2; select sum size, d last sym by d src from trade",
     "[src] scan trade | aggregate size:sum(size) ~2:last(sym) by "
     "src:?[(src=`N);1;?[(src=`Q);2;null]] | project src:src size:size "
     "sym:?[(~2=`N);1;?[(~2=`Q);2;null]]"},
    {"d:`s#0D 0D10!`a`b; select b:d time.timespan from trade",
     "scan trade | project b:?[(`timespan$[time]>=0D10:00:00.000000000);`b;"
     "?[(`timespan$[time]>=0D00:00:00.000000000);`a;null]]"},
    {"d:`a`b!5 10; select b:value[d] bin size, k:key[d] size from trade",
     "scan trade | project b:?[(size>=10);1;?[(size>=5);0;-1]] "
     "k:?[(size=0);`a;?[(size=1);`b;null]]"},
    {"select from trade where 1 2 bin size",
     "type: at character 33: a condition is boolean, not long"},
    {"d:1 2!3 4; d:`s#d; d:`s#d; select d size from trade",
     "scan trade | project size:?[(size>=2);4;?[(size>=1);3;null]]"},
    {"d:1 2!3 4 5; select d size from trade",
     "length: as many keys as values stand beside '!', and at least one at "
     "character 3 near '1 2!3 4 5'"},
    {"d:`s#2 1!3 4; select d size from trade",
     "s-fail: the keys of steps stand in ascending order at character 6 near "
     "'2 1!3 4'"},
    {"select 2 1 bin size from trade",
     "s-fail: before 'bin' stand values in ascending order at character 8 "
     "near '2 1'"},
    {"select sym bin size from trade",
     "type: before 'bin' stands a list of constants at character 8 near "
     "'sym'"},
    {"d:1 2!3 4; d", "d: there is no such table at character 12 near 'd'"},
  });
  std::string large{"d:("};
  for (size_t i = 0; i < 101; ++i)
    large += (i == 0 ? "" : " ") + std::to_string(i);
  large += ")!" + large.substr(3) + "; select d size from trade";
  EXPECT_EQ(planned(large),
            "limit: what is applied to rows has at most 100 entries; a larger "
            "one is a table, which 'lj' joins at character "
              + std::to_string(large.rfind("d size") + 1) + " near 'd'");
}

TEST(QsqlPlanTest, TakesFunctionsOfGroups) {
  expect_plans({
    {"select last price by sym, g:(sums differ@;price) fby sym from trade",
     "[sym g] scan trade | window ~1:differ(price) by sym | window ~2:sums(~1) "
     "by sym | aggregate price:last(price) by sym:sym g:~2"},
    {"select from trade where 2<(max abs@;size) fby sym",
     "scan trade | window ~1:max(abs[size]) by sym | filter (2<~1) | project "
     "time:time sym:sym src:src price:price size:size side:side"},
    {"select from trade where 2<(sums;size) fby sym",
     "scan trade | window ~1:sums(size) by sym | filter (2<~1) | project "
     "time:time sym:sym src:src price:price size:size side:side"},
    {"select from trade where 2<(sums abs;size) fby sym",
     "type: before 'fby' stand a function and a column, as in (max;price) fby "
     "sym at character 27 near '(sums abs;size)'"},
    {"select from trade where 2<(3 mavg;size) fby sym",
     "parse: nothing stands to the right of the verb at character 30 near "
     "'mavg'"},
    {"ungroup select time, sums size, 3 mavg price by sym from trade",
     "scan trade | window ~1:sums(size) ~2:mavg(3,price) by sym | order asc "
     "sym asc time | project sym:sym time:time size:~1 price:~2"},
    {"ungroup select max size by sym from trade",
     "scan trade | aggregate size:max(size) by sym:sym"},
    {"ungroup trade",
     "nyi: 'ungroup' stands before a select of columns with 'by', whose lists "
     "are rows again at character 9 near 'trade'"},
    {"ungroup select[5] time by sym from trade",
     "nyi: a limit is not there for what 'ungroup' makes rows of: it stands "
     "before, as n#t at character 9 near 'select[5] time by sym from trade'"},
  });
}

TEST(QsqlPlanTest, RefusesPlansThatGrowWithoutEnd) {
  std::string tables{"a:select from trade;"};
  std::string values{"a:1;"};
  for (char name = 'b'; name <= 'z'; ++name) {
    const std::string before(1, static_cast<char>(name - 1));
    tables += std::string(1, name) + ":" + before + " uj " + before + ";";
    values += std::string(1, name) + ":" + before + "+" + before + ";";
  }
  for (const auto& text :
       {tables + "z", values + "select x:z+price from trade"}) {
    const auto request = parse_qsql(text, qsql_table, 0);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.failure().code, errc::limit_exceeded)
      << request.failure().context;
  }
}

/// Queries whose parts are mixed: each has a plan or a reason.
TEST(QsqlPlanTest, SurvivesAnyMixtureOfParts) {
  const std::vector<std::string> parts{
    "select",  "exec",  "update",  "delete", "by",       "from",  "where",
    "trade",   "quote", "sym",     "price",  "size",     "time",  "date",
    "i",       "max",   "sum",     "in",     "within",   "fby",   "xbar",
    "mavg",    "lj",    "aj[",     "]",      "(",        ")",     ";",
    ",",       "+",     "-",       "=",      "<",        "`a`b",  "1 2",
    "0D01",    "\"x\"", "5",       "`",      "til",      "count", "x:",
    "#",       "!",     "$",       "1!",     "sums",     "()",    "distinct",
    "time.hh", "not",   "([]sym)", "like",   "xasc",     "_",     "avg",
    "ungroup", "bin",   "@;",      "d:",     "`a`b!1 2", "key",   "value"};
  std::mt19937 random{7};
  size_t planned_count = 0;
  for (size_t round = 0; round < 20'000; ++round) {
    std::string text{round % 2 == 0 ? "select " : ""};
    for (size_t count = 1 + random() % 14; count > 0; --count)
      text += parts[random() % parts.size()] + " ";
    if (round % 4 == 0)
      text += "from trade";
    const auto request = parse_qsql(text, qsql_table, 0);
    if (request)
      ++planned_count;
    else
      EXPECT_FALSE(request.failure().context.empty()) << text;
  }
  EXPECT_GT(planned_count, 20u);
}

} // namespace
} // namespace millrace::query
