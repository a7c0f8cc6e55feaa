// Configurations as files: those that come along, and one that is not there.

#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gmock/gmock.h>

namespace millrace::nodes {
namespace {

TEST(ConfigurationFilesTest, TheExampleOfAGroupHasThreeMembers) {
  const auto path = test_support::source_path("examples/cluster.toml");
  const auto parsed
    = load_configuration(persistence::posix_file_system(), path);
  ASSERT_TRUE(parsed) << parsed.failure().context;
  EXPECT_EQ(parsed->members_of("market").size(), 3u);
}

TEST(ConfigurationFilesTest, AFileThatIsMissingIsAFaultOfConfiguration) {
  const auto parsed = load_configuration(persistence::posix_file_system(),
                                         "/nonexistent/cluster.toml");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.failure().code, errc::config);
  EXPECT_THAT(parsed.failure().context,
              ::testing::HasSubstr("/nonexistent/cluster.toml"));
  EXPECT_EQ(exit_code_of(parsed.failure().code), 78);
}

} // namespace
} // namespace millrace::nodes
