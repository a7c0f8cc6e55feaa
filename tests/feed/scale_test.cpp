// Goal: what a number counts in may be any fraction of two whole numbers up to
// 10^18, and the value is rounded once. Method: the C library, fractions
// reckoned without rounding, and rows.
#include <millrace/messages/text/civil_time.hpp>

#include <cmath>
#include <random>

#include "feed_support.hpp"

namespace millrace::feed {
namespace {

TEST(ScaleTest, EveryRatioIsRoundedOnce) {
  std::mt19937_64 random{1};
  for (int i = 0; i < 40'000; ++i) {
    // Twice a power of ten below, and two above, is another way to reckon.
    const auto zeroes = random() % 18;
    number_scale scale{2, 2};
    for (uint64_t k = 0; k < zeroes; ++k)
      scale.divide *= 10;
    // Few digits in a long exponent are near the ends of what a double holds.
    const auto digits = std::to_string(random() >> (1 + random() % 62));
    const auto exponent = static_cast<int>(random() % 640) - 330;
    const auto text = (random() % 2 == 0 ? "-" : "") + digits + "e"
                      + std::to_string(exponent);
    const auto moved = (text[0] == '-' ? "-" : "") + digits + "e"
                       + std::to_string(exponent - static_cast<int>(zeroes));
    double got = 0;
    const auto wanted = std::strtod(moved.c_str(), nullptr);
    const auto why = parse_scaled(text, scale, got);
    if (std::isinf(wanted)) {
      ASSERT_EQ(why, fault::overflow) << text;
      continue;
    }
    ASSERT_EQ(why, fault::none) << text;
    ASSERT_EQ(got, wanted) << text << " of " << zeroes << " zeroes";
    float narrow = 0;
    const auto short_wanted = std::strtof(moved.c_str(), nullptr);
    ASSERT_EQ(parse_scaled(text, scale, narrow),
              std::isinf(short_wanted) ? fault::overflow : fault::none);
    if (!std::isinf(short_wanted)) {
      ASSERT_EQ(narrow, short_wanted) << text;
    }
  }
}

TEST(ScaleTest, FractionsThatNoPowerOfTenIs) {
  struct {
    std::string text;
    number_scale scale;
    double value; ///< Reckoned with fractions of whole numbers.
  } const cases[] = {
    {"1234567890123456789", {scale_max, 7}, 1.7636684144620813e+35},
    {"0.12345678901234567",
     {3, 700'000'000'000'000'000},
     5.291005243386243e-19},
    {"1e-30", {7, 300'000'000'000'000'000}, 2.3333333333333334e-47},
    {"18446744073709551615",
     {999'999'999'999'999'989, 1},
     1.8446744073709552e+37},
    {"1e-300", {1, 300'000'000'000'000'000}, 3.33333e-318},
    {"4e-310", {1'000'000'000, 7}, 5.714285714285714e-302},
    {"0e-9000", {3, 7}, 0},
    {"1e-9000", {3, 7}, 0},
  };
  for (const auto& each : cases) {
    double got = -1;
    EXPECT_EQ(parse_scaled(each.text, each.scale, got), fault::none)
      << each.text;
    EXPECT_EQ(got, each.value) << each.text;
  }
  double got = 0;
  EXPECT_EQ(parse_scaled("1e9000", {3, 7}, got), fault::overflow);
}

TEST(ScaleTest, WholeNumbersAreExact) {
  struct {
    std::string text;
    uint64_t multiply;
    uint64_t divide;
    fault why;
    int64_t value = 0;
  } const cases[] = {
    {"9223372036854775807", scale_max, scale_max, fault::none, inf_long},
    {"-9223372036854775.807", 1'000, 1, fault::none, -inf_long},
    {"9223372036854775808", scale_max, scale_max, fault::overflow},
    {"1000000000000000000000000", 1, scale_max, fault::none, 1'000'000},
    {"5e36", 1, scale_max, fault::none, 5'000'000'000'000'000'000},
    {"5e37", 1, scale_max, fault::overflow},
    {"1.5", scale_max, 1, fault::none, 1'500'000'000'000'000'000},
    {"1e-18", scale_max, 1, fault::none, 1},
    {"1e-19", scale_max, 1, fault::not_whole},
    {"1e-40", scale_max, 3, fault::not_whole},
    {"7", scale_max, 7, fault::none, 1'000'000'000'000'000'000},
    {"8", scale_max, 7, fault::not_whole},
    {"1e60", scale_max, 1, fault::overflow},
  };
  for (const auto& each : cases) {
    exact_decimal value;
    ASSERT_EQ(parse_exact(each.text, value), fault::none);
    int64_t got = 0;
    EXPECT_EQ(to_whole(value, each.multiply, each.divide, got), each.why)
      << each.text;
    if (each.why == fault::none) {
      EXPECT_EQ(got, each.value) << each.text;
    }
  }
}

// Amounts in wei, and a fixed point of ten digits.
TEST(ScaleTest, LayoutsTakeIt) {
  const std::string toml = R"(table = "t"
[[column]]
name = "time"
type = "timestamp"
field = 1
[[column]]
name = "eth"
type = "float"
field = 2
scale = 1000000000000000000
[[column]]
name = "short"
type = "real"
field = 2
scale = 1_000_000_000_000_000_000
[[column]]
name = "whole"
type = "long"
field = 2
scale = 10000000000
[[column]]
name = "n"
type = "long"
field = 3
multiply = 1000000000000000000
[[constant]]
name = "sym"
type = "symbol"
value = "S"
)";
  sim::memory_file_system disk;
  put_file(disk, "a.csv",
           "2000-01-01,1234567890000000000,0.5\n"
           "2000-01-01,115792089237316195423570985008687907853269984665640564"
           "0394575840079131296399350000000000,\n"
           "2000-01-01,-0.1,7\n2000-01-01,50000000000,-9.1\n"
           "2000-01-01,1230000000000,10\n");
  const auto got = read_all(disk, options_of(toml, {"a.csv"}));
  EXPECT_FALSE(got.failed) << to_string(got.failed);
  EXPECT_EQ(rows_of(got),
            (std::vector<std::string>{
              "0|1.2345678899999999|1.23456788|123456789|500000000000000000|S",
              "0|4.9999999999999998e-08|5.00000006e-08|5|-9100000000000000000"
              "|S"}));
  EXPECT_EQ(
    reasons_of(got),
    (std::vector<std::string>{
      "2: column 'eth': '1157920892373161954235709850086879078532699"
      "846656405640394575840...' does not fit the column's type (float)",
      "3: column 'eth': '-0.1' is not a whole number (float)",
      "5: column 'n': '10' does not fit the column's type (long)"}));
  const auto refused = parse_layout(
    "table = \"t\"\n[[column]]\nname = \"p\"\ntype = \"float\"\nfield = 1\n"
    "scale = 1000000000000000001\n",
    "l.toml");
  ASSERT_FALSE(refused);
  EXPECT_NE(
    refused.failure().context.find("is not within 1 to 1000000000000000000"),
    std::string::npos)
    << refused.failure().context;
}

} // namespace
} // namespace millrace::feed
