// Goal: a slip of the keyboard finds the name that was meant, and a stranger
// finds none.

#include <millrace/messages/text/nearest_name.hpp>

#include <gtest/gtest.h>

namespace millrace::text {
namespace {

const std::vector<std::string> commands{"bench", "down",   "eop", "feed",
                                        "spawn", "status", "sub", "up"};

TEST(NearestName, FindsWhatIsALetterOrTwoAway) {
  EXPECT_EQ(nearest_name("statu", commands), "status");   // missing
  EXPECT_EQ(nearest_name("sttatus", commands), "status"); // doubled
  EXPECT_EQ(nearest_name("fedd", commands), "feed");      // changed
  EXPECT_EQ(nearest_name("sapwn", commands), "spawn");    // swapped
  EXPECT_EQ(nearest_name("STATUS", commands), "status");  // shouted
  EXPECT_EQ(nearest_name("ep", commands), "eop");
}

TEST(NearestName, IsEmptyForStrangersAndForWhatIsTooLong) {
  EXPECT_EQ(nearest_name("query", commands), "");
  EXPECT_EQ(nearest_name("x", commands), "");
  EXPECT_EQ(nearest_name("", commands), "");
  EXPECT_EQ(nearest_name(std::string(1000, 's'), commands), "");
  EXPECT_EQ(nearest_name("status", {}), "");
  EXPECT_EQ(nearest_name("status", {""}), "");
}

TEST(NearestName, IsTheEarlierOfEquals) {
  EXPECT_EQ(nearest_name("cat", {"car", "bat"}), "car");
}

TEST(NearestName, IsSaidInWords) {
  EXPECT_EQ(meant("statu", commands), "; did you mean 'status'?");
  EXPECT_EQ(meant("nothing", commands), "");
}

} // namespace
} // namespace millrace::text
