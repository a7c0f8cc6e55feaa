// The functions that commands call are replaced by ones that keep what they
// were given: this program links the parsing of options only.
#include <millrace/nodes/cli/bench_command.hpp>
#include <millrace/nodes/cli/command_support.hpp>
#include <millrace/nodes/cli/demo_command.hpp>
#include <millrace/nodes/cli/eop_command.hpp>
#include <millrace/nodes/cli/feed_command.hpp>
#include <millrace/nodes/cli/node_command.hpp>
#include <millrace/nodes/cli/pub_command.hpp>
#include <millrace/nodes/cli/query_command.hpp>
#include <millrace/nodes/cli/spawn_command.hpp>
#include <millrace/nodes/cli/sub_command.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

namespace millrace::nodes {
namespace {

std::tuple<demo_options, node_options, spawn_options, feed_options, eop_options,
           query_options, pub_options, sub_options, bench_options>
  given;

template <class Options>
int keep(const Options& options) {
  std::get<Options>(given) = options;
  return 42;
}

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using add_function = void (*)(CLI::App&, std::function<int()>&);

constexpr std::pair<const char*, add_function> commands[] = {
  {"demo", add_demo_command},   {"node", add_node_command},
  {"spawn", add_spawn_command}, {"feed", add_feed_command},
  {"eop", add_eop_command},     {"query", add_query_command},
  {"pub", add_pub_command},     {"sub", add_sub_command},
  {"bench", add_bench_command},
};

/// 42 when the command ran, 0 for help, 64 for a fault of usage.
int parse(std::vector<std::string> words) {
  CLI::App app{"", "millrace"};
  app.require_subcommand(1);
  std::function<int()> run;
  for (const auto& [name, add] : commands)
    add(app, run);
  given = {};
  std::reverse(words.begin(), words.end()); // As CLI11 takes them.
  try {
    app.parse(words);
  } catch (const CLI::ParseError& fault) {
    return fault.get_exit_code() == 0 ? 0 : 64;
  }
  return run();
}

template <class Options>
const Options& options() {
  return std::get<Options>(given);
}

TEST(CommandOptionsTest, EveryCommandShowsAnExample) {
  for (const auto& [name, add] : commands) {
    CLI::App app{"", "millrace"};
    std::function<int()> run;
    add(app, run);
    EXPECT_THAT(app.get_subcommand(name)->help(),
                HasSubstr("millrace " + std::string{name} + " "));
  }
}

TEST(CommandOptionsTest, Demo) {
  EXPECT_EQ(parse({"demo"}), 42);
  EXPECT_FALSE(options<demo_options>().once);
  EXPECT_EQ(parse({"demo", "--dir", "d", "--once", "--port", "9000"}), 42);
  EXPECT_EQ(options<demo_options>().directory, "d");
  EXPECT_TRUE(options<demo_options>().once);
  EXPECT_EQ(options<demo_options>().port, 9000);
  EXPECT_EQ(parse({"demo", "--port", "65536"}), 64);
  EXPECT_EQ(parse({"demo", "--port", "0"}), 64);
}

TEST(CommandOptionsTest, Node) {
  EXPECT_EQ(parse({"node", "--config", "c", "--name", "n"}), 42);
  EXPECT_EQ(options<node_options>().config, "c");
  EXPECT_EQ(options<node_options>().name, "n");
  EXPECT_EQ(parse({"node", "--config", "c"}), 64);
}

TEST(CommandOptionsTest, Spawn) {
  EXPECT_EQ(parse({"spawn", "rdb2", "--on", "n", "--config", "c"}), 42);
  EXPECT_EQ(options<spawn_options>().process, "rdb2");
  EXPECT_EQ(options<spawn_options>().node, "n");
  EXPECT_EQ(parse({"spawn", "rdb2"}), 64);
  EXPECT_EQ(parse({"spawn", "--on", "n"}), 64);
}

TEST(CommandOptionsTest, Feed) {
  EXPECT_EQ(parse({"feed", "--layout", "l", "--table", "t", "a", "b"}), 42);
  const auto& plain = options<feed_options>();
  EXPECT_EQ(plain.speed, 0);
  EXPECT_FALSE(plain.again);
  EXPECT_EQ(plain.date, std::nullopt);
  EXPECT_THAT(plain.files, ElementsAre("a", "b"));
  EXPECT_EQ(parse({"feed", "--layout", "l", "--table", "t", "--date",
                   "2013-10-08", "--symbol", "SPY", "--speed", "2.5x",
                   "--again", "--reject", "r", "--config", "c", "a"}),
            42);
  const auto& full = options<feed_options>();
  EXPECT_EQ(full.date, 5029);
  EXPECT_EQ(full.symbol, "SPY");
  EXPECT_EQ(full.speed, 2.5);
  EXPECT_TRUE(full.again);
  EXPECT_EQ(full.reject, "r");
  const std::vector<std::string> base{"feed", "--layout", "l", "--table", "t"};
  EXPECT_EQ(parse(base), 64) << "no file";
  for (const auto& [key, value] : {std::pair{"--date", "2013-02-30"},
                                   {"--date", "yesterday"},
                                   {"--speed", "fast"},
                                   {"--speed", "0x"},
                                   {"--speed", "-1x"},
                                   {"--speed", "10"},
                                   {"--speed", "x"},
                                   {"--speed", "infx"}}) {
    auto words = base;
    words.insert(words.end(), {key, value, "a"});
    EXPECT_EQ(parse(words), 64) << value;
  }
}

TEST(CommandOptionsTest, Eop) {
  EXPECT_EQ(parse({"eop", "--period", "2000.01.02", "--timeout", "5"}), 42);
  EXPECT_EQ(options<eop_options>().period, 1);
  EXPECT_EQ(options<eop_options>().timeout_s, 5);
  EXPECT_EQ(parse({"eop"}), 64);
  EXPECT_EQ(parse({"eop", "--period", "2000-13-01"}), 64);
}

TEST(CommandOptionsTest, Query) {
  EXPECT_EQ(parse({"query", "-l", "getdata", "{}", "-o", "csv", "--at-least",
                   "18446744073709551615", "--cut"}),
            42);
  EXPECT_EQ(options<query_options>().text, "{}");
  EXPECT_EQ(options<query_options>().output, output_format::csv);
  EXPECT_EQ(options<query_options>().at_least, 18446744073709551615u);
  EXPECT_TRUE(options<query_options>().show_cut);
  EXPECT_EQ(parse({"query"}), 42);
  EXPECT_EQ(options<query_options>().at_least, std::nullopt);
  EXPECT_EQ(parse({"query", "-l", "cobol", "{}"}), 64);
  for (const auto* text : {"-1", "1.5", "", "x", "18446744073709551616"})
    EXPECT_EQ(parse({"query", "--at-least", text, "{}"}), 64) << text;
}

TEST(CommandOptionsTest, PubAndSub) {
  EXPECT_EQ(parse({"pub", "--stream", "s", "--table", "t", "--format", "csv",
                   "--origin", "o", "--level", "recorded"}),
            42);
  EXPECT_EQ(options<pub_options>().stream, "s");
  EXPECT_EQ(options<pub_options>().format, line_format::csv);
  EXPECT_EQ(options<pub_options>().origin, "o");
  EXPECT_EQ(options<pub_options>().level, "recorded");
  EXPECT_EQ(parse({"pub"}), 64);
  EXPECT_EQ(parse({"pub", "--stream", "s", "--level", "hoped"}), 64);
  EXPECT_EQ(parse({"sub", "--stream", "s", "--from", "begin", "--count", "3"}),
            42);
  EXPECT_EQ(options<sub_options>().from, "begin");
  EXPECT_EQ(options<sub_options>().count, 3u);
  EXPECT_EQ(parse({"sub", "--stream", "s", "--format", "xml"}), 64);
}

TEST(CommandOptionsTest, Bench) {
  EXPECT_EQ(parse({"bench", "x", "-o", "json"}), 42);
  EXPECT_EQ(options<bench_options>().name, "x");
  EXPECT_TRUE(options<bench_options>().json);
  EXPECT_EQ(options<bench_options>().scale, 1);
  EXPECT_EQ(parse({"bench", "x", "--scale", "0.01"}), 42);
  EXPECT_EQ(options<bench_options>().scale, 0.01);
  EXPECT_EQ(parse({"bench", "x", "--scale", "0"}), 64);
  EXPECT_EQ(parse({"bench", "--part", "proto-node", "log", "cached"}), 42);
  EXPECT_THAT(options<bench_options>().part,
              ElementsAre("proto-node", "log", "cached"));
  EXPECT_EQ(parse({"bench", "--list"}), 42);
  EXPECT_EQ(parse({"bench"}), 64);
  EXPECT_EQ(parse({"bench", "--list", "x"}), 64);
  EXPECT_EQ(parse({"bench", "x", "-o", "csv"}), 64);
}

TEST(CommandOptionsTest, Dates) {
  EXPECT_EQ(*parse_date("2000-01-01"), 0);
  EXPECT_EQ(*parse_date("1999.12.31"), -1);
  EXPECT_EQ(*parse_date("2024-02-29"), 8825);
  for (const auto* text :
       {"", "2000", "2000-1-1", "2000-01.01", "2023-02-29", "0000-01-01",
        "2000-00-01", "2000-01-0x", "2000-01-01 "})
    EXPECT_FALSE(parse_date(text)) << text;
}

} // namespace

int run_demo(const demo_options& x) { return keep(x); }
int run_node(const node_options& x) { return keep(x); }
int run_spawn(const spawn_options& x) { return keep(x); }
int run_feed(const feed_options& x) { return keep(x); }
int run_eop(const eop_options& x) { return keep(x); }
int run_query(const query_options& x) { return keep(x); }
int run_pub(const pub_options& x) { return keep(x); }
int run_sub(const sub_options& x) { return keep(x); }
int run_bench(const bench_options& x) { return keep(x); }

} // namespace millrace::nodes
