#include <millrace/nodes/configuration/configuration.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace millrace::nodes {
namespace {

TEST(LogPathTest, LogsOfPublishersLieWhereTheyShould) {
  const auto log_path = [](const std::string& line) {
    auto config
      = parse_configuration("[cluster]\nname = \"x\"\ndata = \"d\"\n" + line
                              + "[[node]]\nname = \"n\"\nport = 7000\n",
                            "/etc/millrace/x.toml");
    EXPECT_TRUE(config) << to_string(config.failure());
    return config ? config->log_path : std::string{};
  };
  ::unsetenv("RT_LOG_PATH");
  EXPECT_EQ(log_path(""), "/etc/millrace/d/pub");
  EXPECT_EQ(log_path("log_path = \"logs\"\n"), "/etc/millrace/logs");
  ::setenv("RT_LOG_PATH", "/var/rt", 1);
  EXPECT_EQ(log_path(""), "/var/rt");
  EXPECT_EQ(log_path("log_path = \"logs\"\n"), "/etc/millrace/logs");
  ::unsetenv("RT_LOG_PATH");
}

} // namespace
} // namespace millrace::nodes
