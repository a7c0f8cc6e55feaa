#include <millrace/messages/text/json_text.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace millrace::text {
namespace {

using namespace std::string_view_literals;

TEST(JsonTextTest, KeepsTheOrderOfKeys) {
  for (const std::string text :
       {R"({"z":1,"a":{"y":[1,-2,3.5,"x",null,true],"b":{}},"m":[]})", R"([])",
        R"("text")", "12", "null", R"({"":""})"})
    EXPECT_EQ(parse_json(text)->dump(), text);
  // More keys than are looked through one by one.
  std::string large = "{";
  for (int i = 999; i >= 0; --i)
    large += (large.size() == 1 ? "\"k" : ",\"k") + std::to_string(i)
             + "\":" + std::to_string(i);
  large += "}";
  EXPECT_EQ(parse_json(large)->dump(), large);
}

TEST(JsonTextTest, RefusesRepeatedKeys) {
  struct {
    std::string text;
    std::string key; ///< Empty: none is repeated.
  } cases[] = {
    {R"({"a":1,"a":2})", "a"},
    {R"({"a":1,"b":2,"\u0061":3})", "a"}, // Another way to write it.
    {R"({"a":{"b":1,"b":2}})", "a.b"},
    {R"({"x":[{"q":1},{"q":1}]})", ""},
    {R"({"x":[{"q":1},{"q":1,"q":1}]})", "x.q"},
    {R"({"a":{"a":1}})", ""},
    {R"({"a":1,"A":1})", ""},
    {R"({"":1,"":2})", ""},
  };
  cases[7].key = "(empty)";
  for (const auto& each : cases) {
    const auto read = parse_json(each.text);
    ASSERT_EQ(read.has_value(), each.key.empty()) << each.text;
    if (!read)
      EXPECT_EQ(
        read.failure(),
        (error{errc::bad_data, "key '" + (each.key == "(empty)" ? "" : each.key)
                                 + "' appears twice"}));
  }
  std::string large = "{";
  for (int i = 0; i < 100; ++i)
    large += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(parse_json(large + "\"k3\":1}").failure().context,
            "key 'k3' appears twice");
  EXPECT_EQ(parse_json(large + "\"k99\":1}").failure().context,
            "key 'k99' appears twice");
  EXPECT_TRUE(parse_json(large + "\"k100\":1}"));
}

TEST(JsonTextTest, ListsRepeatedKeysForOneWithWordsOfItsOwn) {
  std::vector<std::string> repeated;
  const auto read
    = parse_json(R"({"a":1,"b":{"c":1,"c":2},"a":3,"d":4})", repeated);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->dump(), R"({"a":3,"b":{"c":2},"d":4})");
  EXPECT_EQ(repeated, (std::vector<std::string>{"b.c", "a"}));
}

TEST(JsonTextTest, SaysWhatIsWrongWhere) {
  for (const auto text :
       {""sv, "{"sv, "[1,]"sv, "{\"a\"}"sv, "{'a':1}"sv, "nul"sv, "01"sv,
        "1e999"sv, "\"\xff\""sv, "\"\xed\xa0\x80\""sv, "\"\xc0\x80\""sv,
        "\"\\ud800\""sv, "\"a\nb\""sv, "\"\0\""sv, "{}{}"sv, "{}x"sv, "[1]\0"sv,
        "NaN"sv, "\"a"sv}) {
    const auto read = parse_json(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.failure().code, errc::bad_data);
    EXPECT_FALSE(read.failure().context.empty());
  }
  EXPECT_NE(parse_json("{\n \"a\" 1}").failure().context.find("line 2"),
            std::string::npos);
}

TEST(JsonTextTest, SaysInPlainWordsWhatIsWrongWhere) {
  struct {
    std::string_view text;
    std::string_view reason;
  } const cases[] = {
    {"", "line 1, column 1: the text ends before its value does"},
    {"{\"a\": 1", "line 1, column 8: the text ends before its value does"},
    {"select 1", "line 1, column 1: no value of JSON begins here"},
    {"\"\xff\"", "line 1, column 2: text that is not UTF-8"},
    {"\"a", "line 1, column 3: a text lacks its closing quote"},
    {"\"a\nb\"", "line 2, column 0: a control character in a text must be "
                 "escaped"},
    {"\"\\q\"", "line 1, column 3: a text has an escape that JSON does not "
                "know"},
    {"-x", "line 1, column 2: a number is not written as JSON has it"},
    {"1e999", "a number is beyond what can be held"},
    {"{}x", "line 1, column 3: something comes after the value"},
    {"{a: 1}", "line 1, column 2: a key in quotes is expected"},
    {"{\"a\" 1}", "line 1, column 6: a ':' is expected after a key"},
    {"{\"a\": 1 2}", "line 1, column 9: a ',' or '}' is expected"},
    {"[1 2]", "line 1, column 4: a ',' or ']' is expected"},
  };
  for (const auto& [text, reason] : cases)
    EXPECT_EQ(parse_json(text).failure().context, reason) << text;
}

TEST(JsonTextTest, RefusesTooDeepNesting) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(json_depth_max)));
  EXPECT_EQ(parse_json(nested(json_depth_max + 1)).failure().context,
            "arrays and objects are nested more than 256 deep");
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
}

TEST(JsonTextTest, WritesStringsThatReadBack) {
  struct {
    std::string_view text;
    std::string_view written;
  } const cases[] = {
    {"", R"("")"},
    {"a\"\\/b", R"("a\"\\/b")"},
    {"\n\r\t\0\x1f\x7f"sv, R"("\n\u000d\u0009\u0000\u001f\u007f")"},
    {"\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
    {"a\xff\xed\xa0\x80",
     "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
  };
  for (const auto& each : cases) {
    std::string out;
    append_json_string(out, each.text);
    EXPECT_EQ(out, each.written);
    EXPECT_TRUE(parse_json(out)) << out;
  }
}

} // namespace
} // namespace millrace::text
