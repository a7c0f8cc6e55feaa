#include <millrace/nodes/host/exit_codes.hpp>

#include <gtest/gtest.h>

#include <set>

namespace millrace::nodes {
namespace {

TEST(ExitCodeTest, EveryErrorHasAnExitCodeOfTheList) {
  EXPECT_EQ(exit_code_of(errc::none), 0);
  EXPECT_EQ(exit_code_of(errc::locked), 73);
  EXPECT_EQ(exit_code_of(errc::bad_data), 65);
  EXPECT_EQ(exit_code_of(errc::permission), 77);
  EXPECT_EQ(exit_code_of(errc::overloaded), 75);
  const std::set<int> list{64, 65, 69, 70, 73, 74, 75, 77, 78};
  for (int code = 1; code <= static_cast<int>(errc::overloaded); ++code)
    EXPECT_TRUE(list.contains(exit_code_of(static_cast<errc>(code)))) << code;
}

} // namespace
} // namespace millrace::nodes
