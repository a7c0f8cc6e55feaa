// What an actor says of itself crosses a process border as it is.

#include <millrace/messages/protocol/interfaces.hpp>
#include <millrace/messages/protocol/registration.hpp>
#include <millrace/messages/text/json_text.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <gtest/gtest.h>

#include <limits>

namespace millrace {
namespace {

class StatusFactsTest : public ::testing::Test {
protected:
  struct config_type : caf::actor_system_config {
    config_type() { messages::register_with(*this); }
  };

  std::vector<char> written(status_facts facts) {
    std::vector<char> bytes;
    caf::binary_serializer sink{system, bytes};
    EXPECT_FALSE(sink(facts));
    return bytes;
  }
  caf::error read(const std::vector<char>& bytes, status_facts& into) {
    caf::binary_deserializer source{system, bytes};
    return source(into);
  }

  config_type config;
  caf::actor_system system{config};
};

TEST_F(StatusFactsTest, AllThatThereIsComesBack) {
  status_facts facts{
    {"nothing", status_facts{}},
    {"yes", true},
    {"least", std::numeric_limits<int64_t>::min()},
    {"most", std::numeric_limits<uint64_t>::max()},
    {"small", 1},
    {"tiny", -0.0},
    {"endless", std::numeric_limits<double>::infinity()},
    {"words", std::string{"a\0\"\xff", 4}},
    {"list", std::vector<std::string>{"a", "b"}},
    {"empty", status_facts::object()},
    {"group", {{"inner", {{"none", status_facts::array()}}}}},
  };
  status_facts back;
  ASSERT_FALSE(read(written(facts), back));
  EXPECT_EQ(back, facts);
  EXPECT_EQ(back.dump(), facts.dump());
}

TEST_F(StatusFactsTest, BytesThatAreNoneAreRefused) {
  const auto whole
    = written({{"list", std::vector<int>{1, 2, 3}}, {"words", "some"}});
  status_facts into;
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_TRUE(read({whole.begin(), whole.begin() + size}, into)) << size;
  auto strange = whole;
  strange[0] = 99;
  EXPECT_TRUE(read(strange, into));
}

TEST_F(StatusFactsTest, DepthIsBounded) {
  auto deep = status_facts::array();
  for (size_t i = 0; i < text::json_depth_max + 1; ++i) {
    auto outer = status_facts::array();
    outer.add(std::move(deep));
    deep = std::move(outer);
  }
  status_facts into;
  EXPECT_TRUE(read(written(deep), into));
}

} // namespace
} // namespace millrace
