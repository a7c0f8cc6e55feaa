#include <millrace/messages/text/plain_name.hpp>

#include <gtest/gtest.h>

#include <string>

namespace millrace::text {
namespace {

TEST(PlainNameTest, NoNameLeadsOutOfItsDirectory) {
  const std::string longest(64, 'n');
  for (const auto* good : {"a", "rt1", "A_b-c", "9", longest.c_str()}) {
    EXPECT_TRUE(is_plain_name(good)) << good;
    EXPECT_TRUE(is_undotted_name(good)) << good;
  }
  EXPECT_TRUE(is_plain_name("b.c"));
  EXPECT_FALSE(is_undotted_name("b.c"));
  for (const auto* bad : {"", ".", "..", ".dot", "-n", "a/b", "../../outside",
                          "a b", "caf\xe9", "caf\xc3\xa9", "a\n", "nn:n"}) {
    EXPECT_FALSE(is_plain_name(bad)) << bad;
    EXPECT_FALSE(is_undotted_name(bad)) << bad;
  }
  EXPECT_FALSE(is_plain_name(longest + "n"));
  EXPECT_FALSE(is_plain_name(std::string_view{"a\0b", 3}));
}

} // namespace
} // namespace millrace::text
