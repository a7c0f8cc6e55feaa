#include <millrace/messages/text/json_value.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>

namespace millrace::text {
namespace {

TEST(JsonValueTest, IsWrittenAsItWasMade) {
  json_value out{{"text", "a\"b"},
                 {"none", {}},
                 {"list", std::vector<std::string>{"x", "y"}},
                 {"inner", {{"small", -1}, {"yes", true}}}};
  out["late"] = std::numeric_limits<uint64_t>::max();
  out["none"] = 0.5;
  out["list"].add("z");
  EXPECT_EQ(out.dump(),
            R"({"text":"a\"b","none":0.5,"list":["x","y","z"],)"
            R"("inner":{"small":-1,"yes":true},"late":18446744073709551615})");
  EXPECT_EQ(json_value{}.dump(), "null");
  EXPECT_EQ(json_value::array().dump(2), "[]");
  EXPECT_EQ(json_value::object().dump(2), "{}");
  EXPECT_EQ((json_value{{"a", std::map<std::string, int>{{"b", 1}}}}.dump(2)),
            "{\n  \"a\": {\n    \"b\": 1\n  }\n}");
}

TEST(JsonValueTest, IsNothingOfAnotherType) {
  const json_value text{"1"};
  EXPECT_FALSE(text.integer() || text.natural() || text.number()
               || text.boolean() || text.is_null() || text.find("a"));
  EXPECT_TRUE(text.elements().empty() && text.entries().empty());
  EXPECT_TRUE(text.at("a").is_null());
  EXPECT_EQ(text.text_or_empty(), "1");
  EXPECT_EQ(json_value{1}.text_or_empty(), "");
  EXPECT_FALSE(json_value{true}.integer() || json_value{1}.boolean());
  const json_value large{std::numeric_limits<uint64_t>::max()};
  EXPECT_TRUE(large.is_whole() && large.natural());
  EXPECT_FALSE(large.integer());
  EXPECT_FALSE(json_value{-1}.natural());
  EXPECT_EQ(json_value{-1}.number(), -1.0);
  EXPECT_FALSE(json_value{1.0}.integer() || json_value{1.0}.is_whole());
}

// Goal: other readers take the same number from it.
TEST(JsonValueTest, NumbersReadBackAsTheyWere) {
  std::vector<double> numbers{0.0,  -0.0,    1,        100'000, 1e15,   1e14,
                              1e-4, 9.99e-5, 0.1,      1e308,   5e-324, 1.5e300,
                              1e21, 123.456, 1e15 - 1, 1 / 3.0, -1e-7,  2e-5};
  std::mt19937_64 random{7};
  for (int i = 0; i < 10'000; ++i)
    if (const auto any = std::bit_cast<double>(random()); std::isfinite(any))
      numbers.push_back(any);
  for (const auto number : numbers) {
    const auto text = json_value{number}.dump();
    const auto read = nlohmann::json::parse(text);
    EXPECT_TRUE(read.is_number_float()) << text;
    EXPECT_EQ(std::bit_cast<uint64_t>(read.get<double>()),
              std::bit_cast<uint64_t>(number))
      << text;
  }
  for (const double none : {std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN()})
    EXPECT_EQ(json_value{none}.dump(), "null");
}

} // namespace
} // namespace millrace::text
