// Goal: the layouts that ship load what vendors write. Method: the first lines
// of a file of each.
#include <millrace/messages/text/civil_time.hpp>

#include <fstream>
#include <map>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

struct sample {
  std::string text;
  std::string row; ///< The first one.
};

const std::map<std::string, sample> samples{
  {"binance-trades",
   {"1,42283.58000000,0.02321000,981.40,1704187800500,False,True\n",
    "757503000500000000|42283.580000000002|0.023210000000000001|1|0|BTCUSDT"}},
  {"tardis-trades",
   {"exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    "deribit,BTC-PERPETUAL,1704187800500000,1704187800600001,77,buy,42000.5,"
    "10\n",
    "757503000500000000|BTC-PERPETUAL|42000.5|10|buy|deribit|"
    "757503000600001000|77"}},
  {"polygon-trades",
   {"ticker,conditions,correction,exchange,id,participant_timestamp,price,"
    "sequence_number,sip_timestamp,size,tape,trf_id,trf_timestamp\n"
    "A,\"12,37\",0,11,5,0,138.5,7,1704187800500000001,4,1,0,0\n",
    "757503000500000001|A|138.5|4|11|12,37|null"}},
  {"databento-trades",
   {"ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,"
    "price,size,flags,ts_in_delta,sequence,symbol\n"
    "2024-01-02T09:30:00.500000002Z,2024-01-02T09:30:00.500000001Z,0,1,2,T,B,0,"
    "4750.250000000,3,0,100,12,ESH4\n",
    "757503000500000001|ESH4|4750.25|3|B|757503000500000002|12"}},
  {"histdata-ticks",
   {"20120201 000003660,1.306600,1.306770,0\n",
    "381387603660000000|1.3066|1.30677|BTCUSDT"}},
  {"dukascopy-ticks",
   {"Gmt time,Ask,Bid,AskVolume,BidVolume\n"
    "31.07.2011 23:00:00.652,1.43985,1.43971,1.5,2.25\n",
    "365468400652000000|1.4398500000000001|1.43971|1.5|2.25|BTCUSDT"}},
  {"lobster-messages",
   {"34200.004241176,1,16113575,18,5853300,-1\n",
    "757521000004241176|1|16113575|18|585.33000000000004|S|BTCUSDT"}},
  {"kibot-ticks",
   {"01/02/2024,09:30:00,161.5,161.49,161.51,100\n",
    "757521000000000000|161.5|161.49000000000001|161.50999999999999|100|"
    "BTCUSDT"}},
  {"binance-stream-trades",
   {"1704187800600000001 {\"stream\":\"x\",\"data\":{\"e\":\"depthUpdate\"}}\n"
    "1704187800600000001 {\"stream\":\"x\",\"data\":{\"e\":\"trade\",\"E\":1,"
    "\"s\":\"BTCUSDT\",\"t\":77,\"p\":\"42000.50\",\"q\":\"0.25\",\"T\":"
    "1704187800500,\"m\":true}}\n",
    "757503000500000000|BTCUSDT|42000.5|0.25|77|1|757503000600000001"}},
  {"binance-stream-quotes",
   {"1704187800500000001 {\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":5,"
    "\"s\":\"BTCUSDT\",\"b\":\"1.5\",\"B\":\"2\",\"a\":\"1.75\",\"A\":\"3\"}}"
    "\n",
    "757503000500000001|BTCUSDT|1.5|1.75|2|3"}},
  {"binance-stream-bids",
   {"{\"data\":{\"e\":\"depthUpdate\",\"E\":1704187800500,\"s\":\"BTCUSDT\","
    "\"u\":9,\"b\":[[\"1.5\",\"2\"],[\"1.25\",\"0\"]],\"a\":[]}}\n",
    "757503000500000000|BTCUSDT|1.5|2|9|bid"}},
  {"binance-stream-asks",
   {"{\"data\":{\"e\":\"depthUpdate\",\"E\":1704187800500,\"s\":\"BTCUSDT\","
    "\"u\":9,\"b\":[],\"a\":[[\"1.75\",\"3\"]]}}\n",
    "757503000500000000|BTCUSDT|1.75|3|9|ask"}},
  {"coinbase-level2",
   {"{\"type\":\"snapshot\",\"product_id\":\"BTC-USD\",\"bids\":[],\"asks\":[]}"
    "\n{\"type\":\"l2update\",\"product_id\":\"BTC-USD\",\"changes\":[[\"buy\","
    "\"400.25\",\"0.5\"],[\"sell\",\"401\",\"0\"]],\"time\":"
    "\"2024-01-02T09:30:00.500000Z\"}\n",
    "757503000500000000|BTC-USD|400.25|0.5|buy"}},
  {"coinbase-matches",
   {"{\"type\":\"subscriptions\"}\n{\"type\":\"match\",\"trade_id\":10,"
    "\"side\":\"sell\",\"size\":\"0.5\",\"price\":\"400.25\",\"product_id\":"
    "\"BTC-USD\",\"sequence\":50,\"time\":\"2024-01-02T09:30:00.500000Z\"}\n",
    "757503000500000000|BTC-USD|400.25|0.5|sell|10"}},
  {"yahoo-days",
   {"Date,Open,High,Low,Close,Adj Close,Volume\n"
    "2024-01-02,1.5,2,1,1.75,1.74,1000\n2024-01-03,null,null,null,null,null,"
    "null\n",
    "757486800000000000|1.5|2|1|1.75|1.74|1000|BTCUSDT"}},
};

TEST(ExampleLayoutsTest, EachLoadsItsVendorsLines) {
  const auto folder = test_support::source_path("examples/layouts");
  size_t seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    const auto name = entry.path().stem().string();
    SCOPED_TRACE(name);
    ++seen;
    ASSERT_TRUE(samples.contains(name));
    std::ifstream in{entry.path()};
    const std::string toml{std::istreambuf_iterator<char>{in}, {}};
    sim::memory_file_system disk;
    put_file(disk, "a.csv", samples.at(name).text);
    auto options = options_of(toml, {"a.csv"});
    options.symbol = "btcusdt";
    if (name != "binance-trades")
      options.symbol = "BTCUSDT";
    if (toml.find("--date") != std::string::npos)
      options.date = *text::parse_date("2024-01-02");
    const auto got = read_all(disk, options);
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_TRUE(got.rejects.empty()) << got.rejects[0].reason;
    const auto rows = rows_of(got);
    ASSERT_FALSE(rows.empty());
    EXPECT_EQ(rows[0], samples.at(name).row);
  }
  EXPECT_EQ(seen, samples.size());
}

} // namespace
} // namespace millrace::feed
