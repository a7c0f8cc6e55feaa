// Goal: process files of TorQ, and the tables that its tickerplants load, say
// here what they say there; what they cannot say here is told. Method: lines as
// the finance starter pack has them, and each of them changed in one place.
#include <millrace/nodes/configuration/process_file.hpp>
#include <millrace/sim/disk/memory_file_system.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace millrace::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string heading = "host,port,proctype,procname,U,localtime,g,T,w,"
                            "load,startwithall,extras,qcmd\n";
const std::string discovery_line
  = "localhost,{KDBBASEPORT}+1,discovery,discovery1,,1,0,,,"
    "${KDBCODE}/processes/discovery.q,1,,q\n";
const std::string tickerplant_line
  = "localhost,{KDBBASEPORT}+2,segmentedtickerplant,stp1,,1,0,,,"
    "${KDBCODE}/processes/segmentedtickerplant.q,1,-schemafile "
    "${TORQAPPHOME}/database.q,q\n";
const std::string rdb_line = "localhost,{KDBBASEPORT}+3,rdb,rdb1,,1,1,180,2000,"
                             "${KDBCODE}/processes/rdb.q,1,,q\n";
const std::string hdb_line
  = "localhost,{KDBBASEPORT}+4,hdb,hdb1,,1,1,60,4000,${KDBHDB},1,,q\n";
const std::string gateway_line
  = "localhost,{KDBBASEPORT}+5,gateway,gateway1,,1,1,20,,"
    "${KDBCODE}/processes/gateway.q,1,,q\n";
const std::string all_lines = heading + discovery_line + tickerplant_line
                              + rdb_line + hdb_line + gateway_line;

process_file_setting setting() {
  return {"process.csv",
          {{"KDBBASEPORT", "6000"},
           {"KDBCODE", "/torq/code"},
           {"KDBHDB", "/torq/hdb"},
           {"TORQAPPHOME", "/app"}},
          "here"};
}

const char* const schema_text = R"(/ tables of the starter pack
quote:([]time:`timestamp$(); sym:`g#`symbol$(); bid:`float$(); bsize:`long$();
  mode:`char$(); src:`symbol$())
trade:([]time:"p"$(); sym:`g#`$(); price:"f"$(); stop:`boolean$(); note:()); / ok
)";

result<cluster_config> configured(const std::string& text) {
  auto read = parse_process_file(text, setting());
  if (!read)
    return read.failure();
  return parse_configuration(
    configuration_text(*read, read_q_schema(schema_text, "q").tables,
                       setting()),
    "/etc/process.csv");
}

TEST(ProcessFileTest, LinesOfTheStarterPackAreACluster) {
  const auto config = configured(all_lines);
  ASSERT_TRUE(config) << to_string(config.failure());
  EXPECT_EQ(config->name, "process");
  EXPECT_EQ(config->data_directory, "/etc/millrace-data");
  ASSERT_EQ(config->nodes.size(), 5u);
  EXPECT_EQ(config->nodes[3].name, "hdb1");
  EXPECT_EQ(config->nodes[3].port, 6004);
  EXPECT_THAT(config->nodes[3].processes, ElementsAre("hdb1"));
  ASSERT_EQ(config->streams.size(), 1u);
  EXPECT_EQ(config->streams[0].name, "stp1");
  EXPECT_EQ(config->process("stp1")->type, "rt");
  const auto& rdb = *config->process("rdb1");
  EXPECT_EQ(rdb.memory_max_bytes, uint64_t{2000} << 20);
  EXPECT_EQ(rdb.hdb_directory, "/torq/hdb");
  EXPECT_TRUE(rdb.write_down);
  const auto& hdb = *config->process("hdb1");
  EXPECT_EQ(hdb.hdb_directory, "/torq/hdb");
  EXPECT_EQ(hdb.query_memory_max_bytes, uint64_t{4000} << 20);
  EXPECT_EQ(hdb.queries_memory_max_bytes, uint64_t{4000} << 20);
  EXPECT_EQ(config->process("gateway1")->query_timeout_ns, 20'000'000'000);
  ASSERT_EQ(config->tables.size(), 2u);
  EXPECT_EQ(config->tables[0].schema.name, "quote");
  EXPECT_EQ(config->tables[0].stream, "stp1");
  const std::vector<column_schema> trade{{"time", column_type::timestamp},
                                         {"sym", column_type::symbol},
                                         {"price", column_type::float_},
                                         {"stop", column_type::boolean},
                                         {"note", column_type::string}};
  EXPECT_EQ(config->tables[1].schema.columns, trade);
}

TEST(ProcessFileTest, ASecondRdbIsAReplicaAndWhatDoesNotStartIsThere) {
  const auto config
    = configured(all_lines + "here,6010,rdb,rdb2,,,,,,,0,,\n"
                 + "localhost,6011,hdb,hdb2,,,,,,/torq/old,1,,\n");
  ASSERT_TRUE(config) << to_string(config.failure());
  EXPECT_FALSE(config->process("rdb2")->write_down);
  EXPECT_EQ(config->process("rdb2")->node, "");
  EXPECT_EQ(config->node("rdb2"), nullptr);
  EXPECT_EQ(config->process("hdb2")->hdb_directory, "/torq/old");
}

TEST(ProcessFileTest, WhatHasNoEffectIsTold) {
  struct {
    std::string line;
    std::string told;
  } const cases[] = {
    {"localhost,6010,wdb,wdb1,,,,,,,1,,\n",
     "'wdb1' of type 'wdb' is left out: the rdb writes partitions itself"},
    {"localhost,6010,dqe,dqe1,,,,,,,1,,\n", "Millrace has no such type"},
    {"elsewhere,6010,rdb,rdb2,,,,,,,1,,\n", "its host is 'elsewhere'"},
    {"localhost,6010,tickerplant,tp2,,,,,,,1,,\n", "'stp1' orders the stream"},
    {"localhost,6010,rdb,rdb2,,,,,,/my/vwap.q,1,,\n",
     "'rdb2' loads '/my/vwap.q'"},
    {"localhost,6010,rdb,rdb2,,,,,,,1,-a 1 -.b.c 2,\n",
     "the extras '-a 1 -.b.c 2'"},
    {"localhost,6010,rdb,rdb2,access.txt,,,,,,1,,\n", "access lists"},
  };
  const auto plain = parse_process_file(all_lines, setting());
  ASSERT_TRUE(plain) << to_string(plain.failure());
  EXPECT_THAT(plain->left_out, ElementsAre());
  for (const auto& each : cases) {
    const auto read = parse_process_file(all_lines + each.line, setting());
    ASSERT_TRUE(read) << to_string(read.failure());
    ASSERT_EQ(read->left_out.size(), 1u) << each.line;
    EXPECT_THAT(read->left_out[0], HasSubstr(each.told));
    EXPECT_EQ(read->left_out[0].substr(0, 15), "process.csv:7: ");
  }
}

TEST(ProcessFileTest, ThatNoRdbIsLeftIsTheLastWord) {
  const auto read = parse_process_file(
    heading + tickerplant_line + "localhost,6010,dqe,dqe1,,,,,,,1,,\n"
      + "localhost,6011,wdb,wdb1,,,,,,,1,,\n",
    setting());
  ASSERT_TRUE(read) << to_string(read.failure());
  ASSERT_EQ(read->left_out.size(), 3u);
  EXPECT_THAT(read->left_out[2],
              HasSubstr("process.csv: no process that is left is an rdb"));
  const auto none
    = parse_process_file(heading + tickerplant_line + hdb_line, setting());
  ASSERT_TRUE(none) << to_string(none.failure());
  EXPECT_THAT(none->left_out,
              ElementsAre(HasSubstr("process.csv: no process is an rdb")));
}

TEST(ProcessFileTest, AMistakeIsToldWithItsPlace) {
  struct {
    std::string text;
    std::string fault;
  } const cases[] = {
    {"", "process.csv:0: is empty"},
    {heading, "process.csv:1:proctype: no process is a tickerplant"},
    {"hosts,port,proctype,procname\n",
     "process.csv:1:hosts: is not a column of a process file; did you mean "
     "'host'?"},
    {"port,port,proctype,procname\n", "process.csv:1:port: is there twice"},
    {"host;port;proctype;procname\n",
     "process.csv:1: its columns are between ';', and a process file has"},
    {"host\tport\tproctype\tprocname\n", "columns are between tabs"},
    {"\xff\xfeh", "process.csv:1: is UTF-16"},
    {heading + "there,6010,tickerplant,tp1,,,,,,,1,-schemafile x,\n"
       + "there,6011,rdb,rdb1,,,,,,,1,,\n",
     "process.csv:2:host: the tickerplant 'tp1' is of host 'there', and this "
     "one is 'here'"},
    {"port,procname\n", "process.csv:1:proctype: this column is missing"},
    {all_lines + "localhost,6010,rdb\n", "process.csv:7: 3 fields"},
    {all_lines + "localhost,x,rdb,rdb2,,,,,,,1,,\n",
     "process.csv:7:port: 'x' is not a port"},
    {all_lines + "localhost,{KDBBASEPORT}+70000,rdb,rdb2,,,,,,,1,,\n",
     "process.csv:7:port: "},
    {all_lines + "localhost,{NOWHERE}+1,rdb,rdb2,,,,,,,1,,\n",
     "process.csv:7:port: the variable NOWHERE is not set"},
    {all_lines + "localhost,6010,hdb,hdb2,,,,,,${NOWHERE}/a,1,,\n",
     "process.csv:7:load: the variable NOWHERE is not set"},
    {all_lines + "localhost,6010,hdb,hdb2,,,,,,${KDBHDB,1,,\n",
     "process.csv:7:load: '${' has no end"},
    {all_lines + "localhost,6003,rdb,rdb2,,,,,,,1,,\n",
     "process.csv:7:port: 6003 is the port of 'rdb1' too"},
    {all_lines + "localhost,6010,rdb,rdb1,,,,,,,1,,\n",
     "process.csv:7:procname: 'rdb1' is there twice"},
    {all_lines + "localhost,6010,rdb,../x,,,,,,,1,,\n",
     "process.csv:7:procname: '../x' is not a name"},
    {all_lines + "localhost,6010,rdb,rdb2,,,,x,,,1,,\n",
     "process.csv:7:T: 'x' is not a whole number"},
    {heading + "localhost,6010,tickerplant,tp1,,,,,,,1,,\n"
       + "localhost,6011,gateway,gw1,,,,,,,1,,\n",
     "process.csv:2:extras: the tickerplant 'tp1' has no -schemafile"},
    {all_lines + "localhost,6010,rbd,rdb2,,,,,,,1,,\n",
     "process.csv:7:proctype: 'rdb2' of type 'rbd': there is no such type; "
     "did you mean 'rdb'?"},
    {all_lines + "localhost,6010,RDB,rdb2,,,,,,,1,,\n", "did you mean 'rdb'?"},
  };
  for (const auto& each : cases) {
    const auto read = parse_process_file(each.text, setting());
    ASSERT_FALSE(read) << each.text;
    EXPECT_EQ(read.failure().code, errc::config);
    EXPECT_THAT(read.failure().context, HasSubstr(each.fault));
  }
}

TEST(QSchemaTest, WhatIsNoTableOfOursIsTold) {
  struct {
    std::string text;
    std::string why;
  } const cases[] = {
    {"f:{x+1}\n", "declares no table"},
    {"\\l other.q\n", "declares no table"},
    {"t:([sym:`$()]time:`timestamp$())\n", "has keys"},
    {"t:([]time:`timestamp$();sym:`$();x:`what$())\n",
     "the type of column 'x' is not known"},
    {"t:([]sym:`$();x:`int$())\n", "table 't': "},
    {"t:([]time:`timespan$();sym:`$())\n", "table 't': "},
  };
  for (const auto& each : cases) {
    const auto read = read_q_schema(each.text + schema_text, "db.q");
    EXPECT_EQ(read.tables.size(), 2u) << each.text;
    ASSERT_EQ(read.left_out.size(), 1u) << each.text;
    EXPECT_THAT(read.left_out[0], HasSubstr(each.why));
    EXPECT_EQ(read.left_out[0].substr(0, 7), "db.q: '");
  }
}

TEST(ProcessFileTest, IsAConfigurationByItsName) {
  sim::memory_file_system disk;
  const auto put = [&](const std::string& path, const std::string& text) {
    ASSERT_FALSE(disk.create_directories(path.substr(0, path.rfind('/'))));
    const auto fault
      = persistence::replace_file(disk, path, std::as_bytes(std::span{text}));
    ASSERT_FALSE(fault) << to_string(fault);
  };
  put("/app/database.q", std::string{schema_text} + "f:{x}\n");
  // As programs for tables write them.
  put("/app/process.csv", "\xef\xbb\xbf" + all_lines);
  EXPECT_THAT(load_configuration(disk, "/app/process.csv").failure().context,
              HasSubstr("the variable KDBBASEPORT is not set"));
  for (const auto& [name, value] : setting().variables)
    ::setenv(name.c_str(), value.c_str(), 1);
  const auto config = load_configuration(disk, "/app/process.csv");
  ASSERT_TRUE(config) << to_string(config.failure());
  EXPECT_EQ(config->path, "/app/process.csv");
  EXPECT_EQ(config->left_out.size(), 1u);
  put("/app/database.q", "\xef\xbb\xbf" + std::string{schema_text});
  EXPECT_EQ(load_configuration(disk, "/app/process.csv")->left_out.size(), 0u);
  ASSERT_FALSE(disk.remove("/app/database.q"));
  EXPECT_THAT(load_configuration(disk, "/app/process.csv").failure().context,
              HasSubstr("/app/process.csv:3:extras: the -schemafile of the "
                        "tickerplant: /app/database.q"));
  put("/app/database.q", schema_text);
  put("/torq/hdb/sym", "x");
  EXPECT_THAT(load_configuration(disk, "/app/process.csv").failure().context,
              HasSubstr("process.csv:5:load: '/torq/hdb' is a database of "
                        "kdb+"));
  for (const auto& [name, value] : setting().variables)
    ::unsetenv(name.c_str());
}

/// Goal: directories that TorQ is told of in its environment are those of here,
/// unless a variable of ours says another, or the file does.
TEST(ProcessFileTest, DirectoriesOfTorqAreReadWhereNothingElseNamesThem) {
  const auto text = [](const std::map<std::string, std::string>& more,
                       const std::string& lines) {
    auto with = setting();
    with.variables.insert(more.begin(), more.end());
    const auto read = parse_process_file(lines, with);
    EXPECT_TRUE(read) << to_string(read.failure());
    return configuration_text(*read, read_q_schema(schema_text, "q").tables,
                              with);
  };
  const auto without_load
    = heading + tickerplant_line + rdb_line
      + "localhost,{KDBBASEPORT}+4,hdb,hdb1,,1,1,60,4000,,1,,q\n";
  EXPECT_THAT(text({}, without_load), HasSubstr("hdb = \"/torq/hdb\""));
  EXPECT_THAT(text({{"KDBTPLOG", "/torq/tplogs"}}, all_lines),
              HasSubstr("log_path = \"/torq/tplogs\""));
  for (const auto* ours : {"MILLRACE_DATA", "RT_LOG_PATH"})
    EXPECT_THAT(
      text({{"KDBTPLOG", "/torq/tplogs"}, {ours, "/ours"}}, all_lines),
      Not(HasSubstr("log_path")))
      << ours;
}

TEST(ProcessFileTest, TheFileOfTorqIsTheConfigurationWhereNoneIsNamed) {
  const auto put = [](const char* name, const char* value) {
    return value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  };
  const auto* before = std::getenv("MILLRACE_CONFIG");
  const std::string kept = before == nullptr ? "" : before;
  ASSERT_EQ(put("MILLRACE_CONFIG", nullptr), 0);
  ASSERT_EQ(put("TORQPROCESSES", "/app/process.csv"), 0);
  EXPECT_EQ(*configuration_path(""), "/app/process.csv");
  EXPECT_EQ(*configuration_path("mine.toml"), "mine.toml");
  ASSERT_EQ(put("MILLRACE_CONFIG", "ours.toml"), 0);
  EXPECT_EQ(*configuration_path(""), "ours.toml");
  ASSERT_EQ(put("TORQPROCESSES", nullptr), 0);
  ASSERT_EQ(put("MILLRACE_CONFIG", before == nullptr ? nullptr : kept.c_str()),
            0);
}

} // namespace
} // namespace millrace::nodes
