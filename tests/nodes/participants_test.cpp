#include <millrace/nodes/configuration/configuration.hpp>

#include <gmock/gmock.h>

namespace millrace::nodes {
namespace {

result<cluster_config> with_participants(const std::string& value) {
  return parse_configuration(R"([cluster]
name = "test"
data = "data"
address = "127.0.0.1"
[[stream]]
name = "market"
participants = )" + value + R"(
[[node]]
name = "one"
port = 7001
[[process]]
name = "rt1"
type = "rt"
node = "one"
streams = ["market"]
)",
                             "/etc/millrace/cluster.toml");
}

TEST(ParticipantsTest, AreOriginsOfAStream) {
  const auto two = with_participants(R"(["feed1.market", "feed2.market"])");
  ASSERT_TRUE(two) << to_string(two.failure());
  EXPECT_THAT(two->streams[0].participants,
              testing::ElementsAre("feed1.market", "feed2.market"));
  for (const auto* wrong : {R"([""])", R"("feed1.market")", "[1]"}) {
    const auto refused = with_participants(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_THAT(refused.failure().context,
                testing::HasSubstr(":7:stream.participants: "))
      << wrong;
  }
}

} // namespace
} // namespace millrace::nodes
