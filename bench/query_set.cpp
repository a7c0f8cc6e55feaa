#include <millrace/bench/query_set.hpp>

#include <array>

namespace millrace::bench {

namespace {

constexpr std::array queries{
  asked_query{
    "q1", "trades of a symbol, an hour",
    "select time, price, size from trade where sym = '{some}' and time >= "
    "'{day} 10:00:00' and time < '{day} 11:00:00'",
    "SELECT time, price, size FROM trade WHERE sym = '{some}' AND time >= "
    "'{day} 10:00:00' AND time < '{day} 11:00:00'",
    0.1, 0.1},
  asked_query{
    "q1b", "quotes of a symbol, an hour",
    "select time, bid, ask from quote where sym = '{some}' and time >= "
    "'{day} 10:00:00' and time < '{day} 11:00:00'",
    "SELECT time, bid, ask FROM quote WHERE sym = '{some}' AND time >= "
    "'{day} 10:00:00' AND time < '{day} 11:00:00'"},
  asked_query{"q1c", "quotes of the busiest symbol, a day",
              "select time, bid, ask from quote where sym = '{busy}' and time "
              ">= '{day}' and time < '{next}'",
              "SELECT time, bid, ask FROM quote WHERE sym = '{busy}' AND time "
              ">= '{day}' AND time < '{next}'",
              5, 5},
  asked_query{"q2", "last price by symbol, a day",
              "select sym, last(price) from trade where time >= '{last}' group "
              "by sym",
              "SELECT sym, arg_max(price, time) FROM trade WHERE time >= "
              "'{last}' GROUP BY sym",
              0.1, 0.1},
  asked_query{"q2b", "last price by symbol",
              "select sym, last(price) from trade group by sym",
              "SELECT sym, arg_max(price, time) FROM trade GROUP BY sym", 8, 8},
  asked_query{"q3", "5-minute VWAP by symbol",
              "select sym, time_bucket('5 minutes', time) as bar, vwap(price, "
              "size) from trade group by sym, bar",
              "SELECT sym, epoch_ns(time)//300000000000*300000000000 AS b, "
              "sum(price*size)/sum(size) FROM trade GROUP BY 1, 2",
              25, 25, 1},
  asked_query{
    "q3b", "5-minute VWAP of a symbol, a day",
    "select time_bucket('5 minutes', time) as bar, vwap(price, size) from "
    "trade where sym = '{some}' and time >= '{day}' and time < '{next}' group "
    "by bar",
    "SELECT epoch_ns(time)//300000000000*300000000000 AS b, "
    "sum(price*size)/sum(size) FROM trade WHERE sym = '{some}' AND time >= "
    "'{day}' AND time < '{next}' GROUP BY 1",
    0, 0, 1},
  asked_query{
    "q4", "1-minute OHLC by symbol",
    "select sym, time_bucket('1 minute', time) as bar, first(price) as o, "
    "max(price) as h, min(price) as l, last(price) as c, sum(size) as v from "
    "trade group by sym, bar",
    "SELECT sym, epoch_ns(time)//60000000000*60000000000 AS b, "
    "arg_min(price, time), max(price), min(price), arg_max(price, time), "
    "sum(size)::BIGINT FROM trade GROUP BY 1, 2",
    60, 60},
  asked_query{
    "q4b", "1-minute OHLC by symbol, a day",
    "select sym, time_bucket('1 minute', time) as bar, first(price) as o, "
    "max(price) as h, min(price) as l, last(price) as c, sum(size) as v from "
    "trade where time >= '{day}' and time < '{next}' group by sym, bar",
    "SELECT sym, epoch_ns(time)//60000000000*60000000000 AS b, "
    "arg_min(price, time), max(price), min(price), arg_max(price, time), "
    "sum(size)::BIGINT FROM trade WHERE time >= '{day}' AND time < '{next}' "
    "GROUP BY 1, 2"},
  asked_query{"q5", "trades by symbol",
              "select sym, count(*) from trade group by sym",
              "SELECT sym, count(*) FROM trade GROUP BY sym"},
  asked_query{"q5b", "quotes by symbol",
              "select sym, count(*) from quote group by sym",
              "SELECT sym, count(*) FROM quote GROUP BY sym", 0.1, 25},
  asked_query{
    "q6", "as-of join, a symbol, a day",
    "select count(*), avg(t.price - (q.bid + q.ask) / 2) from (select * from "
    "trade where sym = '{some}' and time >= '{day}' and time < '{next}') t "
    "asof inner join (select * from quote where sym = '{some}' and time >= "
    "'{day}' and time < '{next}') q on t.sym = q.sym and t.time >= q.time",
    "SELECT count(*), avg(t.price - (q.bid + q.ask) / 2) FROM (SELECT * FROM "
    "trade WHERE sym = '{some}' AND time >= '{day}' AND time < '{next}') t "
    "ASOF JOIN (SELECT * FROM quote WHERE sym = '{some}' AND time >= '{day}' "
    "AND time < '{next}') q ON t.sym = q.sym AND t.time >= q.time",
    1.5, 1.5, 1},
  asked_query{
    "q6b", "as-of join, a day",
    "select count(*), avg(t.price - (q.bid + q.ask) / 2) from (select * from "
    "trade where time >= '{day}' and time < '{next}') t asof inner join "
    "(select * from quote where time >= '{day}' and time < '{next}') q on "
    "t.sym = q.sym and t.time >= q.time",
    "SELECT count(*), avg(t.price - (q.bid + q.ask) / 2) FROM (SELECT * FROM "
    "trade WHERE time >= '{day}' AND time < '{next}') t ASOF JOIN (SELECT * "
    "FROM quote WHERE time >= '{day}' AND time < '{next}') q ON t.sym = q.sym "
    "AND t.time >= q.time",
    70, 70, 1},
  asked_query{"q6c", "as-of join",
              "select count(*), avg(t.price - (q.bid + q.ask) / 2) from trade "
              "t asof inner join quote q on t.sym = q.sym and t.time >= q.time",
              "SELECT count(*), avg(t.price - (q.bid + q.ask) / 2) FROM trade "
              "t ASOF JOIN quote q ON t.sym = q.sym AND t.time >= q.time",
              300, 300, 1},
  asked_query{"q7", "largest and smallest spread",
              "select max(ask - bid), min(ask - bid) from quote",
              "SELECT max(ask - bid), min(ask - bid) FROM quote", 38, 38},
  asked_query{"q7b", "largest and smallest price",
              "select max(price), min(price) from trade",
              "SELECT max(price), min(price) FROM trade"},
  asked_query{"q8", "ten largest trades by notional",
              "select * from trade order by price * size desc, time limit 10",
              "SELECT * FROM trade ORDER BY price * size DESC, time LIMIT 10",
              10, 10},
  asked_query{"q9", "quotes that two conditions leave, counted",
              "select count(*) from quote where bid > 100 and asize > 500",
              "SELECT count(*) FROM quote WHERE bid > 100 AND asize > 500", 26,
              26},
  asked_query{"q9b", "trades that a condition leaves, as rows",
              "select time, sym, price, size from trade where size < 3",
              "SELECT time, sym, price, size FROM trade WHERE size < 3", 6, 6},
  asked_query{"q10", "sum of a column", "select sum(bid) from quote",
              "SELECT sum(bid) FROM quote", 15, 15, 1},
  asked_query{
    "q11", "VWAP of a symbol, a day",
    "select vwap(price, size) from trade where sym = '{some}' and time >= "
    "'{day}' and time < '{next}'",
    "SELECT sum(price*size)/sum(size) FROM trade WHERE sym = '{some}' AND "
    "time >= '{day}' AND time < '{next}'",
    0.15, 0.15, 1},
  asked_query{"q12", "average spread by symbol, a day",
              "select sym, avg(ask - bid) from quote where time >= '{day}' and "
              "time < '{next}' group by sym",
              "SELECT sym, avg(ask - bid) FROM quote WHERE time >= '{day}' AND "
              "time < '{next}' GROUP BY sym",
              14, 14, 1},
  // What kdb+ is weak at.
  asked_query{"median", "median price by symbol",
              "select sym, median(price) from trade group by sym",
              "SELECT sym, median(price) FROM trade GROUP BY sym", 0, 0, 1},
  asked_query{"like_symbol", "average price by symbol where it is like a word",
              "select sym, avg(price) from trade where sym like 'A%B' group by "
              "sym",
              "SELECT sym, avg(price) FROM trade WHERE sym LIKE 'A%B' GROUP BY "
              "sym",
              0, 0, 1},
  asked_query{"like_text", "notes that have a word in them, counted",
              "select sym, count(*) from note where text like '%late%' group "
              "by sym",
              "SELECT sym, count(*) FROM note WHERE text LIKE '%late%' GROUP "
              "BY sym"},
  asked_query{"many_keys", "trades by symbol, size and exchange",
              "select sym, size, ex, count(*), max(price) from trade group by "
              "sym, size, ex",
              "SELECT sym, size, ex, count(*), max(price) FROM trade GROUP BY "
              "sym, size, ex"},
  asked_query{"all_rows", "all trades, as rows",
              "select time, sym, price, size from trade",
              "SELECT time, sym, price, size FROM trade"},
};

} // namespace

std::span<const asked_query> asked_queries() noexcept { return queries; }

std::string filled_in(std::string_view text, const query_data& data) {
  const std::array<std::pair<std::string_view, const std::string*>, 5> names{{
    {"{busy}", &data.symbols.at(0)},
    {"{some}", &data.symbols.at(10)},
    {"{day}", &data.dates.at(2)},
    {"{next}", &data.dates.at(3)},
    {"{last}", &data.dates.at(4)},
  }};
  std::string out{text};
  for (const auto& [name, value] : names)
    for (auto at = out.find(name); at != std::string::npos;
         at = out.find(name, at + value->size()))
      out.replace(at, name.size(), *value);
  return out;
}

} // namespace millrace::bench
