#include <millrace/feed/source/layout_guess.hpp>
#include <millrace/feed/text/wide_numbers.hpp>

#include <fstream>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

const std::string book = R"(table = "t"
json = true
each = "b"
[[column]]
name = "time"
type = "timestamp"
path = "t"
format = "unix_s"
[[column]]
name = "price"
type = "float"
path = "@each.0"
[[column]]
name = "sym"
type = "symbol"
path = "@each.v.name"
[[column]]
name = "note"
type = "string"
path = "n"
)";
const std::string flat = R"(table = "t"
json = true
comment = "#"
[[column]]
name = "time"
type = "timestamp"
path = "t"
format = "unix_s"
[[column]]
name = "sym"
type = "symbol"
path = "s.0.x"
[[column]]
name = "n"
type = "long"
path = "n"
[[column]]
name = "p"
type = "float"
path = "p"
[[column]]
name = "b"
type = "boolean"
path = "b"
[[column]]
name = "rest"
type = "string"
path = "r"
)";

outcome read_json(const std::string& toml, const std::string& text) {
  sim::memory_file_system disk;
  put_file(disk, "a.json", text);
  return read_all(disk, options_of(toml, {"a.json"}));
}

TEST(JsonLinesTest, ValuesOfEveryKindByTheirPath) {
  const auto got = read_json(
    flat,
    "{\"t\":1,\"s\":[{\"x\":\"A\\u00e9\\\"\"}],\"n\":9007199254740993,\"p\":0."
    "1,"
    "\"b\":true,\"r\":{\"k\":[1, \"two\"]}}\n"
    "# not a row\n\n"
    "  {\"r\":null,\"p\":1e3,\"n\":-5,\"t\":\"2\"}\r\n"
    "{\"t\":3,\"s\":\"no list\",\"p\":\"7.25\",\"n\":\"100.0\",\"b\":false}");
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(rows_of(got), (std::vector<std::string>{
                            "-946684799000000000|A\xc3\xa9\"|9007199254740993|"
                            "0.10000000000000001|1|{\"k\":[1,\"two\"]}",
                            "-946684798000000000||-5|1000|0|",
                            "-946684797000000000||100|7.25|0|"}));
  EXPECT_TRUE(got.rejects.empty()) << got.rejects[0].reason;
}

// As a field of the same text: nothing is rounded on the way to its column.
TEST(JsonLinesTest, NumbersReadAsTheyAreWritten) {
  const auto got = read_json(
    flat, "{\"t\":1772461800.123456789,\"n\":9007199254740993.0,\"p\":1.5,"
          "\"r\":2.5E3}\n"
          "{\"t\":1.772461800123456789e9,\"n\":1234567890123456789.0,\"r\":1."
          "50}\n"
          "{\"t\":1,\"n\":1.0000000000000001}\n");
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(rows_of(got),
            (std::vector<std::string>{
              "825777000123456789||9007199254740993|1.5|0|2.5E3",
              "825777000123456789||1234567890123456789|nan|0|1.50"}));
  EXPECT_EQ(got.rejects.size(), 1u);
}

const std::string two_keys = R"(table = "t"
json = true
each = "data.rows"
[[column]]
name = "time"
type = "timestamp"
paths = ["data.day", "@each.t"]
[[column]]
name = "sym"
type = "symbol"
path = "data.'a.sym'"
[[column]]
name = "p"
type = "float"
path = "@each.'x''y.'.''"
)";

TEST(JsonLinesTest, ATimeMayStandInTwoKeys) {
  const std::string begin = "{\"data\":{\"day\":\"2024-01-0";
  const std::string rows = "\",\"a.sym\":\"A\",\"rows\":[{\"t\":\"09:30:00.5\","
                           "\"x'y.\":{\"\":1.5}},{\"t\":\"";
  const auto got = read_json(
    two_keys, begin + "2" + rows + "10:00\"}]}}\n" + begin + "3" + rows
                + "25:00\"}]}}\n" + begin + "4" + rows + "16:00:00\"}]}}\n");
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(rows_of(got),
            (std::vector<std::string>{
              "757503000500000000|A|1.5", "757504800000000000|A|nan",
              "757589400500000000|A|1.5", "757675800500000000|A|1.5",
              "757699200000000000|A|nan"}));
  EXPECT_EQ(reasons_of(got),
            (std::vector<std::string>{
              "2: column 'time': data.day and @each.t is not a time of the "
              "layout's format (timestamp)"}));
  auto counted = two_keys;
  counted.replace(counted.find("[[column]]\nname = \"sym\""), 0,
                  "format = \"s_of_day\"\n");
  const auto seconds = read_json(
    counted, "{\"data\":{\"day\":20240102,\"rows\":[{\"t\":34200.5}]}}\n");
  EXPECT_EQ(rows_of(seconds),
            std::vector<std::string>{"757503000500000000||nan"});
}

/// Goal: of a key that stands twice nothing is taken where it is looked for.
TEST(JsonLinesTest, AKeyThatStandsTwiceIsRefusedWhereItIsUsed) {
  auto chosen = flat;
  chosen.replace(chosen.find("comment"), 0, "only = [\"'e=v'=x\"]\n");
  const auto got = read_json(
    chosen, "{\"e=v\":\"x\",\"t\":1,\"p\":1.5,\"other\":1,\"other\":2}\n"
            "{\"e=v\":\"x\",\"t\":1,\"p\":1.5,\"p\":2.5}\n"
            "{\"e=v\":\"x\",\"t\":1,\"s\":[],\"s\":[{\"x\":\"A\"}]}\n"
            "{\"e=v\":\"x\",\"t\":1,\"e=v\":\"x\"}\n"
            "{\"e=v\":\"x\",\"t\":1,\"r\":{\"k\":1,\"k\":2}}\n");
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(got.rows(), 2u);
  EXPECT_EQ(
    reasons_of(got),
    (std::vector<std::string>{
      "2: column 'p': p stands twice in the line: which is meant?",
      "3: column 'sym': s.0.x stands twice in the line: which is meant?",
      "4: the line has a key of each = or only = twice"}));
}

/// Goal: only lines with such numbers go the slow way. Prices are strings as a
/// rule.
TEST(JsonLinesTest, OnlyNumbersThatMayReadOtherwiseAreSuspected) {
  for (const auto* text : {R"({"p":1.50})", R"([-1.50])", R"({"p": 1e3})",
                           R"({"p":1.5e3})", R"([1,0.12345678901234567])"})
    EXPECT_TRUE(may_read_otherwise(text)) << text;
  for (const auto* text :
       {R"({"p":"60000.50","n":"-1.50"})", R"({"id":"a1e3","k":"1e3"})",
        R"({"p":1.5})", R"([-1.25,2])", R"(["0.12345678901234567"])"})
    EXPECT_FALSE(may_read_otherwise(text)) << text;
}

/// Goal: the words that python writes for numbers are values, wherever they
/// stand, and no others are.
TEST(JsonLinesTest, WordsForNumbersAreValues) {
  const std::string begin = "{\"t\":1,\"s\":[{\"x\":\"A\"}],";
  const auto got
    = read_json(flat, begin + "\"p\":NaN}\n" + begin
                        + "\"p\": Infinity ,\"r\":[NaN,-Infinity]}\n" + begin
                        + "\"p\":-Infinity,\"r\":\"a: NaN, b\"}\n" + begin
                        + "\"p\":1.50,\"q\":NaN}\n" + begin + "\"p\":NaNs}\n"
                        + begin + "\"n\":NaN}\n");
  const std::string t = "-946684799000000000|A|null|";
  EXPECT_EQ(rows_of(got),
            (std::vector<std::string>{t + "nan|0|", t + "inf|0|[NaN,-Infinity]",
                                      t + "-inf|0|a: NaN, b", t + "1.5|0|"}));
  ASSERT_EQ(got.rejects.size(), 2u);
  EXPECT_EQ(got.rejects[0].reason.find("column"), std::string::npos);
  EXPECT_EQ(got.rejects[1].reason.find("column 'n': "), 0u)
    << got.rejects[1].reason;
  // What is proposed reads them.
  const auto guess = guess_layout(
    "{\"time\":\"2024-01-02T09:30:00Z\",\"sym\":\"A\",\"p\":NaN}\n"
    "{\"time\":\"2024-01-02T09:30:01Z\",\"sym\":\"A\",\"p\":1.5}\n"
    "{\"time\":\"2024-01-02T09:30:01Z\",\"sym\":\"A\",\"p\":Infinity}\n",
    "t");
  ASSERT_TRUE(guess) << to_string(guess.failure());
  EXPECT_NE(guess->table.find("\"p:float\""), std::string::npos)
    << guess->table;
}

// Ids of 128 bits, amounts in wei, and what no double holds.
TEST(JsonLinesTest, NumbersThatNoTypeHoldsAreOnlyRefusedWhereTheyAreUsed) {
  const std::string wide = "123456789012345678901234";
  const std::string begin = "{\"t\":1,\"s\":[{\"x\":\"A\"}],";
  const auto got = read_json(
    flat, begin + "\"id\":" + wide + ",\"n\":7}\n" + begin
            + "\"other\":[1e400,{\"k\":-" + wide + "}], \"n\":8}\n"
            + "{\"t\":1,\"s\":[{\"x\":" + wide + " }],\"r\":-" + wide + "}\n"
            + begin + "\"p\":" + wide + "}\n" + begin + "\"r\":{\"k\":[" + wide
            + ",\"" + wide + "\",1e999,\"\\u0001" + wide
            + "\",\"\\\\u0001\"]}}\n" + begin + "\"r\":\"\\u0001" + wide
            + "\",\"id\":" + wide + "}\n" + begin
            + "\"n\":18446744073709551615,\"p\":-9223372036854775809}\n" + begin
            + "\"n\":" + wide + "}\n" + begin + "\"p\":1e400}\n" + begin
            + "\"n\":1,\"" + wide + "\":" + wide + "}\n");
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  const std::string t = "-946684799000000000|";
  EXPECT_EQ(
    rows_of(got),
    (std::vector<std::string>{
      t + "A|7|nan|0|", t + "A|8|nan|0|", t + wide + "|null|nan|0|-" + wide,
      t + "A|null|1.2345678901234569e+23|0|",
      t + "A|null|nan|0|{\"k\":[" + wide + ",\"" + wide + "\",1e999,\"\\u0001"
        + wide + "\",\"\\\\u0001\"]}",
      t + "A|null|nan|0|\x01" + wide, t + "A|1|nan|0|"}));
  EXPECT_EQ(reasons_of(got),
            (std::vector<std::string>{
              "7: column 'n': n does not fit the column's type (long)",
              "8: column 'n': n does not fit the column's type (long)",
              "9: column 'p': p does not fit the column's type (float)"}));
}

TEST(JsonLinesTest, WhatIsNoJsonIsNoneForAWideNumber) {
  const std::string wide = "123456789012345678901234";
  std::string text = "{\"t\":1,\"s\":[{\"x\":\"A\"}]}\n";
  const std::vector<std::string> bad{
    "{\"t\":1,\"n\":0" + wide + "}",      "{\"t\":1," + wide + ":1}",
    "{\"t\":1," + wide + " :1}",          "{\"t\":1,\"n\":" + wide,
    "{\"t\":1,\"n\":" + wide + "x}",      "{\"t\":1,\"n\":+" + wide + "}",
    "{\"t\":1,\"n\":" + wide + " 1}",     "{\"t\":1,\"n\":" + wide + ".}",
    "{\"t\":1,\"n\":\"a\"" + wide + "}",  "{\"t\":1,\"n\":1e400e1}",
    "{\"t\":1,\"n\":\"" + wide + "\\\"}", "{\"t\":1,\"n\":-" + wide + "-1}"};
  for (const auto& each : bad)
    text += each + "\n";
  const auto got = read_json(flat, text);
  EXPECT_EQ(got.rows(), 1u);
  ASSERT_EQ(got.rejects.size(), bad.size());
  for (const auto& each : got.rejects)
    EXPECT_EQ(each.reason, "the line is not JSON") << each.text;
}

TEST(JsonLinesTest, LinesThatAreNotJsonAreTold) {
  const std::string good = "{\"t\":1,\"n\":5}\n";
  const std::vector<std::pair<std::string, std::string>> bad{
    {"{\"t\":1", "the line is not JSON"},
    {"{\"t\":1}}", "the line is not JSON"},
    {"nothing", "the line is not JSON"},
    {"[{\"t\":1,\"n\":5}]", "the line is a list of JSON, and the layout takes"},
    {"{\"t\":1,\"n\":\"x\"}", "column 'n': n is not a number (long)"},
    {"{\"n\":1}", "column 'time': t is empty, and the table needs it"},
    {"{\"t\":1,\"r\":\"a\\u0000b\"}", "the line holds a NUL byte"},
    {"{\"t\":1,\"r\":\"\xff\"}", "the line is not UTF-8"},
  };
  std::string text;
  for (const auto& [line, reason] : bad)
    text += good + line + "\n";
  const auto got = read_json(flat, text + good);
  EXPECT_EQ(got.rows(), bad.size() + 1);
  ASSERT_EQ(got.rejects.size(), bad.size());
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_TRUE(got.rejects[i].reason.starts_with(bad[i].second))
      << got.rejects[i].reason;
    EXPECT_EQ(got.rejects[i].line, 2 * i + 2);
  }
}

// A list is many rows; a batch never ends among them, since reading goes on
// at lines.
TEST(JsonLinesTest, ListsAreRowsAndBatchesEndWithLines) {
  std::string text;
  size_t wanted = 0;
  for (size_t line = 0; line < 300; ++line) {
    text += "{\"t\":" + std::to_string(line) + ",\"n\":\""
            + std::to_string(line) + "\",\"b\":[";
    for (size_t i = 0; i < line % 40; ++i, ++wanted)
      text += (i == 0 ? "{\"0\":" : ",{\"0\":") + std::to_string(i)
              + ",\"v\":{\"name\":\"S" + std::to_string(i % 5) + "\"}}";
    text += "]}\n";
  }
  sim::memory_file_system disk;
  put_file(disk, "a.json", text);
  auto options = options_of(book, {"a.json"});
  const auto whole = read_all(disk, options);
  ASSERT_EQ(whole.rows(), wanted);
  EXPECT_EQ(rows_of(whole)[1], "-946684798000000000|0|S0|2");
  options.limits.rows_max = 25;
  const auto cut = read_all(disk, options);
  EXPECT_EQ(rows_of(cut), rows_of(whole));
  EXPECT_GT(cut.batches.size(), wanted / 50);
  for (size_t i = 0; i < cut.batches.size(); i += 3) {
    auto again = options;
    again.resume = {cut.batches[i].cursor};
    const auto rest = read_all(disk, again);
    ASSERT_FALSE(rest.failed) << to_string(rest.failed);
    ASSERT_EQ(rest.batches.size(), cut.batches.size() - i - 1);
    for (size_t k = 0; k < rest.batches.size(); ++k)
      ASSERT_EQ(rest.batches[k].bytes, cut.batches[i + 1 + k].bytes);
  }
}

TEST(JsonLinesTest, WhatIsLookedForAndNowhereIsNoSuccess) {
  const std::string only = "json = true\nonly = [\"e=trade\", \"v=1\"]";
  auto toml = flat;
  toml.replace(toml.find("json = true"), 11, only);
  const std::string other = "{\"e\":\"quote\",\"v\":1,\"t\":1}\n";
  const auto none = read_json(toml, other + other);
  EXPECT_EQ(none.failed.code, errc::bad_data);
  EXPECT_NE(none.failed.context.find("none of 2 lines has what layout"),
            std::string::npos)
    << none.failed.context;
  EXPECT_NE(none.failed.context.find("only 'e=trade', 'v=1'"),
            std::string::npos)
    << none.failed.context;
  const auto unlisted = read_json(book, other);
  EXPECT_NE(unlisted.failed.context.find("each 'b'"), std::string::npos)
    << unlisted.failed.context;
  // A file may be a quiet one beside another.
  sim::memory_file_system disk;
  put_file(disk, "a.json", other);
  put_file(disk, "b.json",
           "{\"e\":\"book\",\"v\":1,\"t\":1}\n"
           "{\"e\":\"trade\",\"v\":1,\"t\":2}\n");
  const auto got = read_all(disk, options_of(toml, {"a.json", "b.json"}));
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(got.counters.rows, 1u);
  EXPECT_EQ(got.counters.passed_over, 2u);
  EXPECT_EQ(got.reports[0].passed_over, 1u);
}

TEST(JsonLinesTest, RecordedMessagesOfBinance) {
  MILLRACE_NEEDS_SHARED_DATA();
  const auto file = shared_data() + "/binance/spot_btcusdt_20240809.gz";
  if (!std::filesystem::exists(file))
    GTEST_SKIP() << file << " is not there";
  for (const auto& [name, rows] : {std::pair{"binance-stream-trades", 10'147u},
                                   {"binance-stream-quotes", 0u},
                                   {"binance-stream-bids", 0u}}) {
    SCOPED_TRACE(name);
    std::ifstream in{test_support::source_path("examples/layouts/")
                     + std::string{name} + ".toml"};
    const std::string toml{std::istreambuf_iterator<char>{in}, {}};
    const auto got
      = read_all(persistence::posix_file_system(), options_of(toml, {file}));
    EXPECT_FALSE(got.failed) << to_string(got.failed);
    EXPECT_TRUE(got.rejects.empty()) << got.rejects[0].reason;
    if (rows != 0)
      EXPECT_EQ(got.rows(), rows);
    EXPECT_GT(got.rows(), 1'000u);
  }
}

} // namespace
} // namespace millrace::feed
