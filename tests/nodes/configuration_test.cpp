#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/configuration/configuration.hpp>

#include <gmock/gmock.h>

#include <sstream>

#include "known_keys.hpp"

namespace millrace::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A valid file of 30 lines that the tests below change in one place.
constexpr const char* valid = R"([cluster]
name = "test"
data = "data"
address = "127.0.0.1"
[[stream]]
name = "market"
[[table]]
name = "trade"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "price:float"]
[[node]]
name = "one"
port = 7001
[[node]]
name = "two"
port = 7002
[[process]]
name = "rt1"
type = "rt"
node = "one"
[[process]]
name = "rdb1"
type = "rdb"
node = "two"
[[process]]
name = "gw1"
type = "gateway"
node = "two"
[period]
time = "00:00"
)";

result<cluster_config> parse(const std::string& text) {
  return parse_configuration(text, "/etc/millrace/cluster.toml");
}

/// `valid` with line `number` (from 1) replaced.
std::string with_line(size_t number, const std::string& line) {
  std::istringstream in{valid};
  std::string out;
  std::string each;
  for (size_t i = 1; std::getline(in, each); ++i)
    out += (i == number ? line : each) + "\n";
  return out;
}

std::string fault_of(const std::string& text) {
  const auto parsed = parse(text);
  EXPECT_FALSE(parsed) << text;
  if (parsed)
    return {};
  EXPECT_EQ(parsed.failure().code, errc::config);
  return parsed.failure().context;
}

/// `valid` with a type of a program's own, at gw1.
std::string with_own_type(const std::string& more) {
  auto text = with_line(27, "type = \"vwap\"" + more);
  const std::string address = "address = \"127.0.0.1\"\n";
  return text.replace(text.find(address), address.size(),
                      "process_types = [\"vwap\"]\n");
}

TEST(ConfigurationTest, ATypeThatTheFileDeclaresIsTakenWithItsSettings) {
  const auto parsed = parse(with_own_type("") + R"(
[[process]]
name = "vwap2"
type = "vwap"
[process.settings]
window = "5m"
)");
  ASSERT_TRUE(parsed) << parsed.failure().context;
  EXPECT_EQ(parsed->process("gw1")->type, "vwap");
  EXPECT_EQ(parsed->process("gw1")->type_line, 27u);
  EXPECT_TRUE(parsed->process("gw1")->settings.empty());
  const std::map<std::string, std::string> settings{{"window", "5m"}};
  EXPECT_EQ(parsed->process("vwap2")->settings, settings);
}

TEST(ConfigurationTest, FaultsOfDeclaredTypes) {
  EXPECT_THAT(fault_of(with_own_type("\nsettings = 5")),
              HasSubstr(":28:process.settings: write it as "
                        "[process.settings]"));
  EXPECT_THAT(
    fault_of(with_own_type("\nnode = \"two\"\n[process.settings]\nw = 5")),
    HasSubstr(":30:process.settings.w: expected a text"));
  EXPECT_THAT(fault_of(with_own_type("\ntables = [\"trade\"]")),
              HasSubstr(":28:process.tables: unknown key"));
  auto other = with_own_type("");
  other.replace(other.find("[\"vwap\"]"), 8, "[\"twap\"]");
  EXPECT_THAT(fault_of(other),
              HasSubstr(":27:process.type: 'vwap' is not one of discovery, rt, "
                        "feed, rdb, hdb, gateway, kdb, http, postgres, twap"));
  EXPECT_THAT(fault_of(with_line(4, "process_types = [\"rdb\"]")),
              HasSubstr(":4:cluster.process_types: 'rdb' is a built-in type"));
}

TEST(ConfigurationTest, AMistakeIsOneFaultAndNamesWhatIsNear) {
  const auto one = [](size_t line, const char* text, const char* said) {
    const auto fault = fault_of(with_line(line, text));
    EXPECT_EQ(std::count(fault.begin(), fault.end(), '\n'), 0) << fault;
    EXPECT_THAT(fault, HasSubstr(said));
  };
  // What tables take from it is not in the file.
  one(30, "zone = \"America/NewYork\"", "time zone database");
  // Of another type its other keys are.
  one(23, "type = \"rbd\"", "did you mean 'rdb'?");
  one(20, "node = \"onee\"", "did you mean 'one'?");
}

TEST(ConfigurationTest, ReadsAValidFile) {
  const auto parsed = parse(valid);
  ASSERT_TRUE(parsed) << parsed.failure().context;
  const auto& config = *parsed;
  EXPECT_EQ(config.name, "test");
  EXPECT_EQ(config.data_directory, "/etc/millrace/data");
  EXPECT_EQ(config.node_directory("one"), "/etc/millrace/data/nodes/one");
  ASSERT_EQ(config.streams.size(), 1u);
  EXPECT_EQ(config.streams[0], (stream_config{.name = "market"}));
  EXPECT_EQ(config.streams[0].mode, stream_mode::synced);
  ASSERT_EQ(config.tables.size(), 1u);
  const auto& schema = config.tables[0].schema;
  EXPECT_EQ(schema.time_column, "time");
  EXPECT_EQ(schema.symbol_column, "sym");
  ASSERT_EQ(schema.columns.size(), 3u);
  EXPECT_EQ(schema.columns[2], (column_schema{"price", column_type::float_}));
  ASSERT_EQ(config.nodes.size(), 2u);
  EXPECT_EQ(config.node("two")->port, 7002);
  EXPECT_THAT(config.node("two")->processes, ElementsAre("rdb1", "gw1"));
  EXPECT_EQ(config.node("three"), nullptr);
  EXPECT_THAT(config.process("rt1")->streams, ElementsAre("market"));
  const auto* rdb = config.process("rdb1");
  EXPECT_EQ(rdb->type, process_type::rdb);
  EXPECT_THAT(rdb->tables, ElementsAre("trade"));
  EXPECT_EQ(rdb->hdb_directory, "/etc/millrace/data/hdb");
  EXPECT_TRUE(rdb->write_down);
  EXPECT_EQ(config.period, period_config{});
}

constexpr auto every_option = R"([cluster]
name = "full"
data = "/var/lib/millrace/"
address = "::1"
log_path = "/var/log/market"
passwords = "secrets"
process_types = ["vwap"]
users = ["ada"]
tls_certificate = "tls/node.pem"
tls_key = "/tls/node.key"
tls_authority = "tls/ca.pem"
[period]
zone = "America/New_York"
time = "17:00"
clock = true
grace = "1m"
[logging]
format = "json"
level = "DBG"
[feed.layouts]
mine = "layouts/mine.toml"
[[stream]]
name = "a"
mode = "cached"
roll_size = "64MiB"
id_policy = "monotonic"
replicated_origins = ["f.b"]
retention_age = "7d"
retention_size = "1TiB"
retention_disk = 80
gc_grace = "5m"
gc_disk = 60
slow_sync = "80ms"
participants = ["f.a"]
[[stream]]
name = "b"
[[stream]]
name = "ticks"
publisher = "own"
[[table]]
name = "t"
stream = "b"
version = 3
columns = [{name = "at", type = "timestamp"}, "ric:symbol"]
time = "at"
symbol = "ric"
roll_zone = "Asia/Tokyo"
roll_offset = "6h"
stamp = true
[[table]]
name = "u"
stream = "a"
columns = ["time:timestamp", "sym:symbol"]
[[node]]
name = "n"
port = 1
[[process]]
name = "rt"
type = "rt"
node = "n"
streams = ["b", "a"]
[[process]]
name = "r"
type = "rdb"
node = "n"
tables = ["t"]
memory_max = "2GiB"
query_memory_max = "512MiB"
queries_memory_max = "600MiB"
hdb = "../hdb"
[[process]]
name = "copy"
type = "rdb"
node = "n"
tables = ["t"]
write_down = false
hdb = "../hdb"
[[process]]
name = "h"
type = "hdb"
node = "n"
hdb = "/hdb"
query_memory_max = "1MiB"
[[process]]
name = "g"
type = "gateway"
query_timeout = "5s"
rows_max = 1000
memory_max = "3GiB"
[[process]]
name = "g2"
type = "gateway"
query_timeout = "90s"
[[process]]
name = "f"
type = "feed"
layout = "mine"
table = "t"
files = ["x.csv", "/y.csv"]
date = "2013-10-08"
symbol = "SPY"
speed = "10x"
[[process]]
name = "gen"
type = "feed"
[process.generator]
seed = 7
symbols = 10000
periods = 3
trades = 5
quotes = 6
trade_table = "t"
quote_table = "u"
[[process]]
name = "kdb1"
type = "kdb"
port = 5010
publish = ["a"]
login = "password"
connections_max = 9
idle_max = "10m"
[[user]]
name = "ada"
query = ["t"]
publish = ["u"]
subscribe = ["*"]
admin = true
connections_max = 3
rate_max = 5
rows_max = 100
memory_max = "1MiB"
priority = "high"
[[query]]
name = "today"
language = "sql"
parameters = ["day:date"]
text = "select * from t"
description = "All of it"
[[process]]
name = "own"
type = "vwap"
node = "n"
load = ["vwap.so"]
[process.settings]
window = "5m"
[[process]]
name = "web1"
type = "http"
port = 5011
login = "password"
address = "10.1.2.3"
tls_certificate = "web.pem"
tls_key = "web.key"
)";

TEST(ConfigurationTest, QueriesTogetherMayHoldTwiceWhatOneMay) {
  const auto parsed = parse(every_option);
  ASSERT_TRUE(parsed) << parsed.failure().context;
  EXPECT_EQ(parsed->process("r")->queries_memory_max_bytes, 600u << 20);
  EXPECT_EQ(parsed->process("copy")->queries_memory_max_bytes,
            uint64_t{4} << 30);
  EXPECT_EQ(parsed->process("h")->queries_memory_max_bytes, 2u << 20);
  EXPECT_EQ(parsed->process("g")->queries_memory_max_bytes, uint64_t{6} << 30);
  EXPECT_EQ(parsed->process("g2")->queries_memory_max_bytes, uint64_t{2} << 30);
}

TEST(ConfigurationTest, ReadsEveryOption) {
  const auto parsed = parse(every_option);
  ASSERT_TRUE(parsed) << parsed.failure().context;
  const auto& config = *parsed;
  EXPECT_EQ(config.data_directory, "/var/lib/millrace");
  EXPECT_EQ(config.period.rule.roll_offset_ns(), -7 * 3'600'000'000'000);
  EXPECT_EQ(config.passwords_path, "/etc/millrace/secrets");
  EXPECT_TRUE(config.period.clock);
  EXPECT_EQ(config.period.grace_ns, 60'000'000'000);
  EXPECT_EQ(config.logging, (logging_config{true, "DBG"}));
  EXPECT_EQ(config.layouts.at("mine"), "/etc/millrace/layouts/mine.toml");
  stream_config a{"a", stream_mode::cached, 64u << 20, 7 * text::day_ns};
  a.retention_bytes = uint64_t{1} << 40;
  a.retention_disk_percent = 80;
  a.gc_grace_ns = 300'000'000'000;
  a.gc_disk_percent = 60;
  a.slow_sync_ns = 80'000'000;
  a.ids = id_policy::monotonic;
  a.replicated_origins = {"f.b"};
  a.participants = {"f.a"};
  EXPECT_EQ(config.streams[0], a);
  EXPECT_EQ(config.streams[2].publisher, "own");
  const auto& table = config.tables[0];
  EXPECT_EQ(table.stream, "b");
  EXPECT_EQ(table.schema.version, 3u);
  EXPECT_EQ(table.schema.time_column, "at");
  EXPECT_EQ(table.schema.symbol_column, "ric");
  EXPECT_EQ(table.schema.roll_zone, "Asia/Tokyo");
  EXPECT_EQ(table.schema.roll_offset_ns, 6 * 3'600'000'000'000);
  EXPECT_TRUE(table.stamp);
  EXPECT_FALSE(config.table("u")->stamp);
  EXPECT_EQ(config.table("u")->schema.roll_zone, "America/New_York");
  EXPECT_EQ(config.table("u")->schema.roll_offset_ns, -7 * 3'600'000'000'000);
  EXPECT_EQ(config.process("r")->memory_max_bytes, uint64_t{2} << 30);
  EXPECT_EQ(config.process("r")->query_memory_max_bytes, 512u << 20);
  EXPECT_EQ(config.process("copy")->query_memory_max_bytes, uint64_t{2} << 30);
  EXPECT_EQ(config.process("h")->query_memory_max_bytes, 1u << 20);
  EXPECT_EQ(config.process("r")->hdb_directory, "/etc/hdb");
  EXPECT_EQ(config.home_of("t"), "/etc/hdb"); // Of the rdb that writes it.
  EXPECT_EQ(config.home_of("u"), "/hdb");     // Nobody writes it: of the hdb.
  EXPECT_FALSE(config.process("copy")->write_down);
  EXPECT_EQ(config.process("h")->hdb_directory, "/hdb");
  EXPECT_EQ(config.process("g")->node, "");
  EXPECT_EQ(config.process("g")->query_timeout_ns, 5'000'000'000);
  // Rows and partitions stay as long as any query may want them.
  EXPECT_EQ(config.process("g2")->query_timeout_ns, 90'000'000'000);
  for (const auto* name : {"r", "copy", "h"})
    EXPECT_EQ(config.process(name)->query_timeout_ns, 90'000'000'000) << name;
  EXPECT_EQ(config.query_timeout_ns(), 90'000'000'000);
  EXPECT_EQ(cluster_config{}.query_timeout_ns(), 0) << "it has no gateway";
  EXPECT_EQ(config.process("g")->result_rows_max, 1000u);
  EXPECT_EQ(config.process("g")->memory_max_bytes, uint64_t{3} << 30);
  EXPECT_EQ(config.process("kdb1")->idle_max_ns, 600'000'000'000);
  EXPECT_THAT(config.process("own")->libraries,
              ElementsAre("/etc/millrace/vwap.so"));
  const auto* feed = config.process("f");
  EXPECT_EQ(feed->layout, "mine");
  EXPECT_EQ(feed->table, "t");
  EXPECT_EQ(feed->symbol, "SPY");
  EXPECT_EQ(feed->date, 5029);
  EXPECT_EQ(feed->speed, 10);
  EXPECT_THAT(feed->files, ElementsAre("/etc/millrace/x.csv", "/y.csv"));
  EXPECT_EQ(config.process("gen")->generator,
            (generator_config{true, 7, 10'000, 3, 5, 6, "t", "u"}));
}

// Goal: no key is read and then forgotten: without any one line the file means
// something else. That product code goes by what it means lint says.
TEST(ConfigurationTest, NoKeyIsWithoutEffect) {
  const auto whole = parse(every_option);
  ASSERT_TRUE(whole) << to_string(whole.failure());
  auto unseen = known_keys();
  EXPECT_GT(unseen.size(), 40u);
  std::istringstream in{every_option};
  std::string line;
  for (size_t number = 1; std::getline(in, line); ++number) {
    if (line.find(" = ") == std::string::npos)
      continue;
    unseen.erase(line.substr(0, line.find(" = ")));
    std::istringstream again{every_option};
    std::string without, each; // With an empty line in its place.
    for (size_t i = 1; std::getline(again, each); ++i)
      without += (i == number ? "" : each) + "\n";
    const auto parsed = parse(without);
    EXPECT_FALSE(parsed && *parsed == *whole) << number << ": " << line;
  }
  EXPECT_THAT(unseen, ::testing::IsEmpty());
}

struct bad_line {
  size_t number;
  const char* line;
  const char* starts; ///< After the file's name.
  const char* says;
};

constexpr bad_line bad_lines[] = {
  {2, "name = 3", ":2:cluster.name: ", "expected a text, found an integer"},
  {2, "name = \"\"", ":2:cluster.name: ", "must not be empty"},
  {2, "name = \"a/b\"", ":2:cluster.name: ", "'a/b' is not a name"},
  {2, "name = \"..\"", ":2:cluster.name: ", "'..' is not a name"},
  {2, "nam = \"x\"", ":1:cluster.name: ", "is missing"},
  {26, "name = \"f.1\"\ntype = \"feed\"\n[[process]]\nname = \"gw1\"",
   ":26:process.name: ", "has a '.'"},
  {3, "dta = \"x\"", ":3:cluster.dta: ", "unknown key"},
  {4, "address = \"0.0.0.0\"",
   ":4:cluster.address: ", "'0.0.0.0' is not a loopback address"},
  {4, "address = \"example.org\"",
   ":4:cluster.address: ", "not an IPv4 or IPv6 address"},
  {6, "name = \"market\"\nmode = \"fast\"",
   ":7:stream.mode: ", "'fast' is not one of synced, cached"},
  {6, "name = \"market\"\nroll_size = \"2GiB\"",
   ":7:stream.roll_size: ", "not within 65536 to 1073741824"},
  {6, "name = \"market\"\nroll_size = \"many\"",
   ":7:stream.roll_size: ", "expected a count of bytes"},
  {6, "name = \"market\"\nid_policy = \"loose\"",
   ":7:stream.id_policy: ", "'loose' is not one of strict, monotonic"},
  {6, "name = \"market\"\nbatch_time = \"1ms\"",
   ":7:stream.batch_time: ", "delete the line"},
  {6, "name = \"market\"\nretention_age = \"7 days\"",
   ":7:stream.retention_age: ", "is not a duration"},
  {6, "name = \"market\"\nretention_age = \"1ms\"",
   ":7:stream.retention_age: ", "not within"},
  {6, "name = \"market\"\nretention_size = \"much\"",
   ":7:stream.retention_size: ", "expected a count of bytes"},
  {6, "name = \"market\"\ngc_grace = \"1ms\"",
   ":7:stream.gc_grace: ", "not within"},
  {30, "grace = \"7 days\"", ":30:period.grace: ", "is not a duration"},
  {6, "name = \"market\"\n[[stream]]\nname = \"market\"",
   ":8:stream.name: ", "'market' appears twice"},
  {6, "name = \"other\"", ":9:table.stream: ", "'market' is not a [[stream]]"},
  {8, "name = \"1st\"", ":10:table.columns: ", "table '1st'"},
  {10, "columns = [\"time:timestamp\", \"sym:symbol\", \"p:double\"]",
   ":10:table.columns: ",
   "column 'p' has the unknown type 'double'; that is 'float' here"},
  {10, "columns = [\"time:timestamp\", \"sym:symbol\", \"p:\"]",
   ":10:table.columns: ", "column 'p' has no type"},
  {10, "columns = [\"time:timestamp\", \"sym:symbol\", \"sym:int\"]",
   ":10:table.columns: ", "column 'sym' appears twice"},
  {10, "columns = [\"time:timestamp\", \"ric:symbol\"]",
   ":10:table.columns: ", "symbol column 'sym' is not a column"},
  {10, "columns = [\"time\"]", ":10:table.columns: ", "\"name:type\""},
  {10, "columns = \"time:timestamp\"",
   ":10:table.columns: ", "expected an array"},
  {10, "", ":7:table.columns: ", "is missing"},
  {9, "stream = \"market\"\nroll_zone = \"Mars/Olympus\"",
   ":10:table.roll_zone: ", "'Mars/Olympus' is not in the time zone"},
  {13, "port = 0", ":13:node.port: ", "0 is not within 1 to 65535"},
  {13, "port = 65536", ":13:node.port: ", "65536 is not within"},
  {13, "port = 99999999999999999999", ":13:node.port: ", "is not within"},
  {13, "port = \"7001\"", ":13:node.port: ", "expected an integer"},
  {13, "", ":11:node.port: ", "is missing"},
  {16, "port = 7001", ":16:node.port: ", "7001 is the port of node 'one' too"},
  {15, "name = \"one\"", ":15:node.name: ", "'one' appears twice"},
  {19, "type = \"tickerplant\"", ":19:process.type: ",
   "'tickerplant' is not one of discovery, rt, feed, rdb, hdb, gateway"},
  {19, "", ":17:process.type: ", "is missing"},
  {20, "node = \"three\"", ":20:process.node: ", "'three' is not a [[node]]"},
  {20, "node = \"one\"\nstreams = [\"market\", \"x\"]",
   ":21:process.streams: ", "'x' is not a [[stream]]"},
  {20, "node = \"one\"\nstreams = [\"market\", \"market\"]",
   ":21:process.streams: ", "'market' appears twice"},
  {22, "name = \"rt1\"", ":22:process.name: ", "'rt1' appears twice"},
  {24, "node = \"two\"\ntables = [\"quote\"]",
   ":25:process.tables: ", "'quote' is not a [[table]]"},
  {24, "node = \"two\"\ntables = []", ":25:process.tables: ", "holds no table"},
  {24, "node = \"two\"\nsymbols = [\"A\"]",
   ":25:process.symbols: ", "holds all symbols of its tables: delete the line"},
  {24, "node = \"two\"\nwrite_down = \"yes\"",
   ":25:process.write_down: ", "expected true or false, found a text"},
  {24, "node = \"two\"\nstreams = [\"market\"]",
   ":25:process.streams: ", "unknown key; known here: "},
  {19, "type = \"gateway\"",
   ":6:stream.name: ", "no [[process]] of type rt orders stream 'market'"},
  {27, "type = \"rt\"", ":26:process.streams: ",
   "stream 'market' is ordered by 2 rt processes; a group has 1, 3 or 5"},
  {27, "type = \"rdb\"", ":26:process.write_down: ",
   "'rdb1' writes table 'trade' to /etc/millrace/data/hdb already"},
  {27, "type = \"feed\"", ":25:process.files: ", "needs files"},
  {27, "type = \"feed\"\ndate = \"2013-02-30\"",
   ":28:process.date: ", "2013-02-30"},
  {27, "type = \"feed\"\nspeed = \"10\"",
   ":28:process.speed: ", "is not max, original, or a factor"},
  {30, "time = \"25:00\"", ":30:period.time: ", "is not a time of day"},
  {30, "zone = \"Nowhere\"", ":30:period.zone: ", "time zone database"},
  {29, "[perod]", ":29:perod: ", "unknown key"},
  {29, "[[period]]", ":29:period: ", "write it as [period]"},
  {5, "[stream]", ":5:stream: ", "write it as [[stream]]"},
  {2, "name = 2021-01-01", ":2:cluster.name: ", "expected a text, found a"},
  {2, "name = \"a\"\nname = \"b\"", ":3:name: ", "already exists"},
  {2, "name = ", ":2:name: ", "missing value"},
};

/// The valid file with `count` more rt processes, on nodes of their own.
std::string with_members(int count, bool apart = true) {
  std::string text{valid};
  for (int i = 0; i < count; ++i) {
    const auto name = "more" + std::to_string(i);
    if (apart || i == 0)
      text += "\n[[node]]\nname = \"" + name
              + "\"\nport = " + std::to_string(7500 + i) + "\n";
    text += "\n[[process]]\nname = \"" + name + "\"\ntype = \"rt\"\nnode = \""
            + (apart ? name : "more0") + "\"\nstreams = [\"market\"]\n";
  }
  return text;
}

TEST(ConfigurationTest, AStreamIsOrderedByOneThreeOrFiveNodes) {
  for (const int more : {0, 2, 4}) {
    const auto parsed = parse(with_members(more));
    ASSERT_TRUE(parsed) << to_string(parsed.failure());
    EXPECT_EQ(parsed->members_of("market").size(), more + 1u);
  }
  for (const int more : {1, 3, 5, 6})
    EXPECT_THAT(fault_of(with_members(more)),
                HasSubstr("a group has 1, 3 or 5"));
  EXPECT_THAT(fault_of(with_members(2, false)),
              HasSubstr("is ordered by 'more0' of the same node"));
}

TEST(ConfigurationTest, NamesLineKeyAndReasonOfEachFault) {
  for (const auto& each : bad_lines) {
    const auto fault = fault_of(with_line(each.number, each.line));
    EXPECT_THAT(
      fault, HasSubstr("/etc/millrace/cluster.toml" + std::string{each.starts}))
      << each.line;
    EXPECT_THAT(fault, HasSubstr(each.says)) << each.line;
  }
}

TEST(ConfigurationTest, ReportsAllFaultsInTheOrderOfTheFile) {
  const auto fault = fault_of(
    "[cluster]\nname = 1\ndata = 2\n[[node]]\nport = 0\nname = \"n\"\n");
  EXPECT_EQ(fault,
            "/etc/millrace/cluster.toml:2:cluster.name: expected a text, found "
            "an integer (column 8)\n"
            "/etc/millrace/cluster.toml:3:cluster.data: expected a text, found "
            "an integer (column 8)\n"
            "/etc/millrace/cluster.toml:5:node.port: 0 is not within 1 to "
            "65535 (column 8)");
}

// What parsed is checked beside what did not, and nothing is told twice.
TEST(ConfigurationTest, AllIsToldInOneRound) {
  auto text = with_line(
    10, "columns = [\"time:timestmp\", \"ric:symbol\", \"p:double\"]");
  const std::string type = "type = \"rt\"";
  text.replace(text.find(type), type.size(),
               "type = \"rtt\"\nstreams = [\"x\"]");
  const std::string node = "node = \"one\"";
  text.replace(text.find(node), node.size(), "node = \"onee\"");
  const auto fault = fault_of(text);
  std::vector<std::string> told;
  for (size_t at = 0; at < fault.size();) {
    const auto end = std::min(fault.find('\n', at), fault.size());
    const auto line = fault.substr(at, end - at);
    told.push_back(line.substr(line.find(".toml:") + 6));
    at = end + 1;
  }
  EXPECT_THAT(told,
              testing::ElementsAre(
                HasSubstr("symbol column 'sym' is not a column"),
                HasSubstr("column 'time' has the unknown type 'timestmp'"),
                HasSubstr("column 'p' has the unknown type 'double'"),
                HasSubstr("'rtt' is not one of"),
                HasSubstr("process.node: 'onee' is not a [[node]]")))
    << fault;
}

TEST(ConfigurationTest, AnEmptyFileSaysWhatIsMissing) {
  const auto fault = fault_of("");
  EXPECT_THAT(fault, HasSubstr(":1:cluster: is missing"));
  EXPECT_THAT(fault, HasSubstr(":1:node: is missing"));
}

} // namespace
} // namespace millrace::nodes
