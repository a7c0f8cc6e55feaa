// Goal: a form of times reads what it says, and refuses what it does not.
#include <millrace/feed/text/time_pattern.hpp>

#include <gtest/gtest.h>

#include <ctime>
#include <iomanip>
#include <sstream>

namespace millrace::feed {
namespace {

std::string print_time(const char* form, int day, int hour, int minute) {
  std::tm time{};
  time.tm_year = 124;
  time.tm_mon = day % 12;
  time.tm_mday = day;
  time.tm_hour = hour;
  time.tm_min = time.tm_sec = minute;
  std::ostringstream out;
  out << std::put_time(&time, form);
  return out.str();
}

/// Leaves out each digit before a point. Only a run that begins with an hour
/// may be read then, as a number is written without the zeroes before it.
void check_shorter(const time_pattern& pattern, const std::string& text,
                   bool clock_first) {
  SCOPED_TRACE(text);
  time_pattern::parts whole;
  ASSERT_EQ(pattern.read(text, whole), fault::none);
  const auto clock = clock_first ? text.find(' ') + 1 : text.size();
  for (size_t at = 0; at < text.size() && text[at] != '.'; ++at) {
    if (text[at] == ' ')
      continue;
    auto less = text;
    less.erase(at, 1);
    time_pattern::parts got;
    if (pattern.read(less, got) != fault::none)
      continue;
    EXPECT_GE(at, clock) << less;
    EXPECT_NE(less[clock], '0') << less;
    if (at == clock && text[at] == '0') {
      EXPECT_EQ(got.ns_of_day, whole.ns_of_day) << less;
    }
  }
}

/// Goal: a run of digits is one time or none. Method: every time of a grid is
/// written by each form by the C library, and then with a digit less.
TEST(TimePatternTest, ARunOfDigitsThatLacksOneIsNoOtherTime) {
  struct {
    const char* pattern;
    const char* print;
    bool clock_first = false;
  } const forms[] = {
    {"%Y%m%d%H%M%S", "%Y%m%d%H%M%S"},
    {"%Y%m%d%H%M%S%.f", "%Y%m%d%H%M%S.5"},
    {"%Y%m%d%H%M%S.%f", "%Y%m%d%H%M%S.5"},
    {"%Y%m%d%H%M", "%Y%m%d%H%M"},
    {"%Y%m%d%H", "%Y%m%d%H"},
    {"%Y%m%d", "%Y%m%d"},
    {"%y%m%d", "%y%m%d"},
    {"%Y%m%e%H", "%Y%m%e%H"},
    {"%Y%m%d %H%M%S", "%Y%m%d %H%M%S", true},
    {"%H%M%S", "%H%M%S", true},
    {"%H%M%S%3f", "%H%M%S500", true},
    {"%H%M", "%H%M", true},
  };
  for (const auto& form : forms) {
    const auto pattern = time_pattern::compile(form.pattern);
    ASSERT_TRUE(pattern) << form.pattern;
    SCOPED_TRACE(form.pattern);
    for (const int day : {1, 2, 10, 11, 12, 22, 30})
      for (const int hour : {0, 1, 2, 9, 10, 12, 13, 20, 23})
        for (const int minute : {0, 1, 10, 30, 59})
          check_shorter(*pattern, print_time(form.print, day, hour, minute),
                        form.clock_first);
  }
}

TEST(TimePatternTest, PatternsThatSayNothingAreRefused) {
  struct {
    std::string pattern;
    std::string fault;
  } const cases[] = {
    {"%Y-%m-%d %Q", "unknown directive %Q"},
    {"%Y-%m-%d %", "'%' at its end"},
    {"%m/%d %H:%M", "has a day or month, and no year"},
    {"%I:%M", "%I and %p need each other"},
    {"%M:%S", "has neither a year nor an hour"},
    {"%f%Y", "%f before digits"},
    {"%H%M%S%f", "%f after digits: say how many"},
    {"%Y-%m-%d %H:%M:%S%f", "%f after digits"},
    {"%Y%m%d%H%M%S%f%z", "%f after digits"},
    {"%H%.f%M", "%.f before digits"},
    {"%Y %H:%M:%S%.", "'%.' is not followed by an f"},
    {"%Y %H:%M:%S%.S", "'%.' is not followed by an f"},
  };
  for (const auto& each : cases) {
    const auto made = time_pattern::compile(each.pattern);
    ASSERT_FALSE(made) << each.pattern;
    EXPECT_NE(made.failure().context.find(each.fault), std::string::npos)
      << made.failure().context;
  }
}

} // namespace
} // namespace millrace::feed
