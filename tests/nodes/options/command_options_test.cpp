#include <millrace/messages/text/civil_time.hpp>
#include <millrace/nodes/cli/bench.hpp>
#include <millrace/nodes/cli/cluster/node_selection.hpp>
#include <millrace/nodes/cli/command/failure.hpp>
#include <millrace/nodes/cli/demo.hpp>
#include <millrace/nodes/cli/eop.hpp>
#include <millrace/nodes/cli/feed.hpp>
#include <millrace/nodes/cli/node.hpp>
#include <millrace/nodes/cli/pub.hpp>
#include <millrace/nodes/cli/query.hpp>
#include <millrace/nodes/cli/spawn.hpp>
#include <millrace/nodes/cli/stream/stream_options.hpp>
#include <millrace/nodes/cli/sub.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

namespace millrace::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::tuple<demo_options, node_options, spawn_options, feed_options, eop_options,
           query_options, pub_options, sub_options, bench_options,
           stream_members_options, stream_replace_options,
           stream_remove_options, stream_recover_options>
  given;

template <class Options>
int keep(const Options& options) {
  std::get<Options>(given) = options;
  return 42;
}

template <class Options>
void add(command_list& list, command<Options> what) {
  what.run = keep<Options>;
  list.add(what);
}

/// The commands as they are, but for what they run.
constexpr command_group program{{"millrace", "", nullptr},
                                [](command_list& list) {
                                  add(list, demo_command);
                                  add(list, node_command);
                                  add(list, spawn_command);
                                  add(list, feed_command);
                                  add(list, eop_command);
                                  add(list, query_command);
                                  add(list, pub_command);
                                  add(list, sub_command);
                                  add(list, bench_command);
                                  add(list, stream_members_command);
                                  add(list, stream_replace_command);
                                  add(list, stream_remove_command);
                                  add(list, stream_recover_command);
                                }};

/// 42 when the command ran, 0 for help, 64 for a fault of usage.
int parse(const std::vector<std::string>& words) {
  std::vector<const char*> arguments{"millrace"};
  for (const auto& word : words)
    arguments.push_back(word.c_str());
  given = {};
  return run_program(program, static_cast<int>(arguments.size()),
                     arguments.data());
}

template <class Options>
const Options& options() {
  return std::get<Options>(given);
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
  EXPECT_EQ(parse({"spawn", "rdb2"}), 42); // Where its node is.
  EXPECT_EQ(parse({"spawn", "--on", "n"}), 64);
}

TEST(CommandOptionsTest, MembersOfAStream) {
  EXPECT_EQ(parse({"members", "market", "--config", "c"}), 42);
  EXPECT_EQ(options<stream_members_options>().stream, "market");
  EXPECT_EQ(parse({"members"}), 64);
  EXPECT_EQ(parse({"replace", "market", "rt3", "rt4", "--timeout", "5"}), 42);
  EXPECT_EQ(options<stream_replace_options>().leaving, "rt3");
  EXPECT_EQ(options<stream_replace_options>().joining, "rt4");
  EXPECT_EQ(options<stream_replace_options>().timeout_s, 5u);
  EXPECT_EQ(parse({"replace", "market", "rt3"}), 64);
  EXPECT_EQ(parse({"remove", "market", "rt3"}), 42);
  EXPECT_EQ(options<stream_remove_options>().leaving, "rt3");
  EXPECT_EQ(options<stream_remove_options>().timeout_s, 60u);
  EXPECT_EQ(parse({"recover", "market"}), 42);
  EXPECT_FALSE(options<stream_recover_options>().accept_loss);
  EXPECT_EQ(parse({"recover", "market", "--from", "rt2", "--accept-loss"}), 42);
  EXPECT_EQ(options<stream_recover_options>().from, "rt2");
  EXPECT_TRUE(options<stream_recover_options>().accept_loss);
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
  EXPECT_EQ(parse({"feed", "--layout", "l", "--table", "t", "--only-rejects",
                   "r", "--max-rejects", "7", "--dry-run", "--follow",
                   "--member", "*.csv", "--name", "f-1"}),
            42);
  EXPECT_EQ(options<feed_options>().rejects_max, 7u);
  EXPECT_EQ(options<feed_options>().name, "f-1");
  for (const auto& [key, value] : {std::pair{"--date", "2013-02-30"},
                                   {"--date", "yesterday"},
                                   {"--name", "a/b"},
                                   {"--max-rejects", "-1"},
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
  EXPECT_EQ(options<eop_options>().period, period_id{1});
  EXPECT_EQ(options<eop_options>().timeout_s, 5);
  EXPECT_FALSE(options<eop_options>().force);
  EXPECT_EQ(
    parse({"eop", "--period", "2000.01.02", "--force", "--accept-rejects"}),
    42);
  EXPECT_TRUE(options<eop_options>().force);
  EXPECT_TRUE(options<eop_options>().accept_rejects);
  EXPECT_EQ(parse({"eop"}), 64);
  EXPECT_EQ(parse({"eop", "--period", "2000-13-01"}), 64);
}

TEST(CommandOptionsTest, Query) {
  EXPECT_EQ(parse({"query", "-l", "getdata", "{}", "-o", "csv", "--at-least",
                   "18446744073709551615", "--cut"}),
            42);
  EXPECT_EQ(options<query_options>().text, "{}");
  EXPECT_EQ(options<query_options>().output, query::result_format::csv);
  EXPECT_EQ(options<query_options>().at_least, 18446744073709551615u);
  EXPECT_TRUE(options<query_options>().show_cut);
  EXPECT_EQ(parse({"query", "{}", "-o", "arrow"}), 42);
  EXPECT_EQ(options<query_options>().output, query::result_format::arrow);
  EXPECT_EQ(parse({"query", "{}", "--at-least", "log.0.1@64"}), 42);
  EXPECT_EQ(options<query_options>().at_least, (uint64_t{1} << 30) + 64);
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
  EXPECT_EQ(options<sub_options>().from->kind, start_spec::begin);
  EXPECT_EQ(options<sub_options>().count, 3u);
  EXPECT_EQ(parse({"sub", "--stream", "s", "--table", "t", "--from-row-time",
                   "2000-01-01T00:00:01", "--until", "log.0.0@1064", "--for",
                   "1m", "--rows", "7"}),
            42);
  EXPECT_FALSE(options<sub_options>().from);
  EXPECT_EQ(options<sub_options>().row_time_ns, 1'000'000'000);
  EXPECT_EQ(options<sub_options>().until->at.value, 1064u);
  EXPECT_EQ(options<sub_options>().for_ns, 60'000'000'000);
  EXPECT_EQ(options<sub_options>().rows, 7u);
  EXPECT_EQ(parse({"sub", "--stream", "s", "--last", "5"}), 42);
  EXPECT_EQ(options<sub_options>().last, 5u);
  for (const auto* place : {"nowhere", "-1", "2024-13-01"}) {
    EXPECT_EQ(parse({"sub", "--stream", "s", std::string{"--from="} + place}),
              64);
    EXPECT_EQ(parse({"sub", "--stream", "s", std::string{"--until="} + place}),
              64);
  }
  EXPECT_EQ(parse({"sub", "--stream", "s", "--for", "0s"}), 64);
  EXPECT_EQ(parse({"sub", "--stream", "s", "--format", "xml"}), 64);
}

TEST(CommandOptionsTest, Bench) {
  EXPECT_EQ(parse({"bench", "x", "-o", "json"}), 42);
  EXPECT_EQ(options<bench_options>().name, "x");
  EXPECT_EQ(options<bench_options>().output, output_format::json);
  EXPECT_EQ(options<bench_options>().scale, 1);
  EXPECT_EQ(parse({"bench", "x", "--scale", "0.01"}), 42);
  EXPECT_EQ(options<bench_options>().scale, 0.01);
  for (const auto* scale : {"0", "101", "x", "nan", "1x"})
    EXPECT_EQ(parse({"bench", "x", "--scale", scale}), 64) << scale;
  EXPECT_EQ(parse({"bench", "x", "--runs", "0"}), 64);
  EXPECT_EQ(parse({"bench", "x", "-o", "csv"}), 64);
}

TEST(CommandOptionsTest, WhatBenchHandsOnSaysTheSame) {
  const bench_options examples[] = {
    {.list = true},
    {.name = "x"},
    {.name = "-x", .runs = 1000},
    {.name = "x", .runs = 1, .scale = 0.0003, .output = output_format::json}};
  for (const auto& each : examples) {
    auto words = words_of(each);
    words.insert(words.begin(), "bench");
    EXPECT_EQ(parse(words), 42);
    EXPECT_EQ(options<bench_options>(), each);
  }
}

TEST(CommandOptionsTest, Dates) {
  EXPECT_EQ(*text::parse_date("2000-01-01"), 0);
  EXPECT_EQ(*text::parse_date("1999.12.31"), -1);
  EXPECT_EQ(*text::parse_date("2024-02-29"), 8825);
  for (const auto* text :
       {"", "2000", "2000-1-1", "2000-01.01", "2023-02-29", "0000-01-01",
        "2000-00-01", "2000-01-0x", "2000-01-01 "})
    EXPECT_FALSE(text::parse_date(text)) << text;
}

/// What `parse` says of words that are wrong.
std::string refusal(const std::vector<std::string>& words) {
  ::testing::internal::CaptureStderr();
  const auto code = parse(words);
  auto said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(code, 64) << said;
  return said;
}

std::string printed(const std::vector<std::string>& words) {
  ::testing::internal::CaptureStdout();
  const auto code = parse(words);
  auto said = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(code, 0) << said;
  return said;
}

TEST(CommandLineTest, AWrongWordIsNamedWithTheOneThatWasMeant) {
  EXPECT_EQ(refusal({"fede"}), "millrace: unknown command 'fede'; did you mean "
                               "'feed'? ('millrace --help' tells more)\n");
  EXPECT_EQ(refusal({"xyzzy"}), "millrace: unknown command 'xyzzy' ('millrace "
                                "--help' tells more)\n");
  EXPECT_EQ(refusal({}), "millrace: a command is required ('millrace --help' "
                         "tells more)\n");
  EXPECT_EQ(refusal({"eop", "--preiod=2013-10-08"}),
            "millrace eop: unknown option '--preiod=2013-10-08'; did you mean "
            "'--period'? ('millrace eop --help' tells more)\n");
  EXPECT_EQ(refusal({"eop", "--period", "2013-10-08", "now", "please"}),
            "millrace eop: unexpected argument 'now' ('millrace eop --help' "
            "tells more)\n");
  EXPECT_EQ(refusal({"eop"}), "millrace eop: --period is required ('millrace "
                              "eop --help' tells more)\n");
  EXPECT_EQ(refusal({"bench", "x", "-o", "jsn"}),
            "millrace bench: --output: 'jsn' is not one of table, json; did "
            "you mean 'json'? ('millrace bench --help' tells more)\n");
}

TEST(CommandLineTest, WhatIsWrongWithAnOptionIsSaidInOurWords) {
  EXPECT_EQ(refusal({"pub", "--stream", "a", "--stream", "b"}),
            "millrace pub: --stream is given more than once ('millrace pub "
            "--help' tells more)\n");
  EXPECT_EQ(refusal({"pub", "--stream"}),
            "millrace pub: --stream needs a value ('millrace pub --help' tells "
            "more)\n");
  EXPECT_EQ(refusal({"eop", "--period", "2013-10-08", "--force=x"}),
            "millrace eop: --force takes no value ('millrace eop --help' tells "
            "more)\n");
}

TEST(CommandLineTest, HelpIsACommandToo) {
  EXPECT_EQ(printed({"help", "eop"}), printed({"eop", "--help"}));
  EXPECT_EQ(printed({"help"}), printed({"--help"}));
  EXPECT_THAT(printed({"help"}), HasSubstr("completion"));
}

TEST(CommandLineTest, WordsWithoutEffectAreRefused) {
  EXPECT_EQ(refusal({"help", "query", "extra"}),
            "millrace help: 'query' has no command 'extra' below it ('millrace "
            "--help' tells more)\n");
  EXPECT_THAT(refusal({"pub", "--stream", "a", "--origin", ""}),
              HasSubstr("--origin: its value is empty"));
  for (const auto* what : {"--last", "--count", "--rows"})
    EXPECT_THAT(refusal({"sub", "--stream", "a", what, "0"}),
                HasSubstr("'0' is not a number from 1 to"))
      << what;
  EXPECT_THAT(refusal({"--verson"}), HasSubstr("did you mean '--version'?"));
}

TEST(CommandLineTest, AWrongWordIsNamedBesideHelpToo) {
  EXPECT_EQ(refusal({"fede", "--help"}),
            "millrace: unknown command 'fede'; did you mean 'feed'? ('millrace "
            "--help' tells more)\n");
  EXPECT_EQ(refusal({"help", "fede"}), refusal({"fede", "--help"}));
  EXPECT_THAT(refusal({"eop", "--help", "--preiod"}),
              HasSubstr("did you mean '--period'?"));
  EXPECT_THAT(refusal({"-h", "xyzzy"}), HasSubstr("'xyzzy'"));
}

TEST(CommandLineTest, CompletionKnowsCommandsAndOptions) {
  const auto script = printed({"completion", "bash"});
  EXPECT_THAT(script, HasSubstr("complete -o default"));
  EXPECT_THAT(printed({"completion", "zsh"}), HasSubstr("#compdef millrace\n"));
  EXPECT_THAT(refusal({"completion", "fish"}), HasSubstr("'fish' is not"));
}

TEST(NodeSelectionTest, ANodeThatIsNamedTwiceIsRefused) {
  EXPECT_FALSE(check_named_once({}));
  EXPECT_FALSE(check_named_once({"a", "b"}));
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"a", "a"}, {"b", "a", "c", "a"}}) {
    const auto fault = check_named_once(names);
    EXPECT_EQ(fault.code, errc::invalid_argument);
    EXPECT_EQ(fault.context, "node 'a' is named twice");
  }
}

TEST(FailureTest, NoByteOfANameReachesTheTerminalRaw) {
  for (const auto code : {errc::bad_data, errc::config}) {
    testing::internal::CaptureStderr();
    fail({code, "e\x1b[2J\r\x7f\xc3\xa9.csv: a\n\tb"});
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                HasSubstr("e\\x1b[2J\\x0d\\x7f\xc3\xa9.csv: a\n\tb\n"));
  }
}

} // namespace
} // namespace millrace::nodes
