#include <millrace/messages/text/listed.hpp>

#include <gtest/gtest.h>

namespace millrace::text {
namespace {

TEST(ListedTest, AShellTakesAWordBack) {
  EXPECT_EQ(in_shell("/tmp/d-1/demo.toml"), "/tmp/d-1/demo.toml");
  EXPECT_EQ(in_shell("/tmp/d 1"), "'/tmp/d 1'");
  EXPECT_EQ(in_shell("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(in_shell(""), "''");
}

TEST(ListedTest, ListsAreAsASentenceHasThem) {
  EXPECT_EQ(listed({}), "");
  EXPECT_EQ(listed({"a"}), "a");
  EXPECT_EQ(listed({"a", "b"}), "a and b");
  EXPECT_EQ(listed({"a", "b", "c"}), "a, b and c");
  EXPECT_EQ(joined(std::vector<std::string>{"a", "", "b"}), "a, , b");
}

TEST(ListedTest, OfManyNamesTheEndsAreShown) {
  std::set<std::string> names;
  for (int i = 10; i < 22; ++i)
    names.insert(std::to_string(i));
  EXPECT_EQ(some_of({}), "");
  EXPECT_EQ(some_of(names), "10 11 12 13 14 15 16 17 18 19 20 21");
  names.insert("30");
  EXPECT_EQ(some_of(names), "10 11 12 ... 30 (13 in all)");
}

} // namespace
} // namespace millrace::text
