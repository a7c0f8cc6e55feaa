// Configurations as files: those that come along, and one that is not there.

#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/host/exit_codes.hpp>
#include <millrace/tests/support/paths.hpp>

#include <gmock/gmock.h>

#include <algorithm>

namespace millrace::nodes {
namespace {

TEST(ConfigurationFilesTest, TheExampleOfAGroupHasThreeMembers) {
  const auto path = test_support::source_path("examples/cluster.toml");
  const auto parsed
    = load_configuration(persistence::posix_file_system(), path);
  ASSERT_TRUE(parsed) << parsed.failure().context;
  EXPECT_EQ(parsed->members_of("market").size(), 3u);
}

TEST(ConfigurationFilesTest, TheDemoConfigurationIsValid) {
  const auto parsed
    = parse_configuration(demo_configuration_text(7400), "/etc/demo.toml");
  ASSERT_TRUE(parsed) << parsed.failure().context;
  EXPECT_EQ(parsed->node("demo")->port, 7400);
  EXPECT_EQ(parsed->node("demo")->processes.size(), parsed->processes.size());
  for (auto type :
       {process_type::discovery, process_type::rt, process_type::rdb,
        process_type::hdb, process_type::gateway, process_type::http}) {
    const auto has = [&](const auto& process) { return process.type == type; };
    EXPECT_EQ(
      std::count_if(parsed->processes.begin(), parsed->processes.end(), has),
      1);
  }
}

TEST(ConfigurationFilesTest, TheExampleIsValidAndSpreadsOverNodes) {
  const auto path = test_support::source_path("examples/local.toml");
  const auto parsed
    = load_configuration(persistence::posix_file_system(), path);
  ASSERT_TRUE(parsed) << parsed.failure().context;
  EXPECT_EQ(parsed->nodes.size(), 4u);
  EXPECT_EQ(parsed->data_directory,
            test_support::source_path("examples/local-data"));
  EXPECT_EQ(parsed->process("hdb1")->hdb_directory,
            parsed->process("rdb1")->hdb_directory);
  // The demo and the example agree on what their tables are.
  const auto demo
    = parse_configuration(demo_configuration_text(1), "/etc/demo.toml");
  ASSERT_TRUE(demo);
  EXPECT_EQ(demo->tables, parsed->tables);
}

TEST(ConfigurationFilesTest, OfATextWithFaultsWhatIsUnderstoodIsGiven) {
  auto text = demo_configuration_text(7400);
  const std::string type = "type = \"hdb\"";
  ASSERT_NE(text.find(type), std::string::npos) << text;
  text.replace(text.find(type), type.size(), "type = \"hbd\"");
  cluster_config understood;
  ASSERT_FALSE(parse_configuration(text, "/etc/demo.toml", understood));
  EXPECT_NE(understood.table("trade"), nullptr);
  EXPECT_NE(understood.node("demo"), nullptr);
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
