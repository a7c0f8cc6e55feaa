#include <millrace/nodes/users/question_rates.hpp>

#include <gtest/gtest.h>

#include <string>

namespace millrace::nodes {
namespace {

constexpr int64_t ms = 1'000'000;

class QuestionRatesTest : public ::testing::Test {
protected:
  int ask(int times, const std::string& user, uint64_t most, int64_t now_ms) {
    int asked = 0;
    for (int i = 0; i < times; ++i)
      asked += rates_.wait_ns(user, most, now_ms * ms) == 0;
    return asked;
  }
  question_rates rates_;
};

TEST_F(QuestionRatesTest, AsManyPerSecondAsAUserMay) {
  EXPECT_EQ(ask(10, "ada", 4, 0), 4);
  EXPECT_EQ(rates_.wait_ns("ada", 4, 0), 250 * ms);
  EXPECT_EQ(rates_.wait_ns("ada", 4, 100 * ms), 150 * ms);
  EXPECT_EQ(ask(10, "ada", 4, 250), 1);
  EXPECT_EQ(ask(10, "ada", 4, 1000), 3);
  // Nobody saves up more than a second's.
  EXPECT_EQ(ask(10, "ada", 4, 3'600'000), 4);
}

TEST_F(QuestionRatesTest, UsersDoNotTakeFromOneAnother) {
  EXPECT_EQ(ask(5, "ada", 1, 0), 1);
  EXPECT_EQ(ask(5, "bob", 2, 0), 2);
  EXPECT_EQ(ask(1000, "eve", 0, 0), 1000);
  EXPECT_EQ(ask(2'000'000, "max", 1'000'000, 0), 1'000'000);
}

TEST_F(QuestionRatesTest, NoLimitIsTooHighForTheClock) {
  EXPECT_EQ(ask(1000, "ada", ~uint64_t{0}, 0), 1000);
}

} // namespace
} // namespace millrace::nodes
