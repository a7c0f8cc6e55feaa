// Where a configuration is found, and what processes name in `load`.

#include <millrace/nodes/configuration/configuration.hpp>

#include <gtest/gtest.h>

#include <cstdlib>

namespace millrace::nodes {
namespace {

const std::string loading_base = R"([cluster]
name = "t"
data = "/data"
process_types = ["volume"]
[[node]]
name = "a"
port = 7001
[[process]]
name = "mine"
)";

result<cluster_config> loading(const std::string& process) {
  return parse_configuration(loading_base + process, "/etc/c.toml");
}

TEST(LoadConfigurationTest, AnHdbServesTheDirectory) {
  const auto config = loading("type = \"hdb\"\nload = [\"elsewhere\"]\n");
  ASSERT_TRUE(config) << to_string(config.failure());
  EXPECT_EQ(config->process("mine")->hdb_directory, "/etc/elsewhere");
  EXPECT_EQ(config->process("mine")->load_line, 11u);
  EXPECT_TRUE(config->process("mine")->libraries.empty());
}

TEST(LoadConfigurationTest, ATypeOfOnesOwnHasLibraries) {
  const auto config
    = loading("type = \"volume\"\nload = [\"a.so\", \"/lib/b.so\"]\n");
  ASSERT_TRUE(config) << to_string(config.failure());
  EXPECT_EQ(config->process("mine")->libraries,
            (std::vector<std::string>{"/etc/a.so", "/lib/b.so"}));
}

TEST(LoadConfigurationTest, AGatewayLoadsFilesOfQueries) {
  const auto config
    = loading("type = \"gateway\"\nload = [\"q.toml\", \"/lib/r.toml\"]\n");
  ASSERT_TRUE(config) << to_string(config.failure());
  EXPECT_EQ(config->process("mine")->query_files,
            (std::vector<std::string>{"/etc/q.toml", "/lib/r.toml"}));
}

TEST(LoadConfigurationTest, WhatLoadsNothingIsNamed) {
  const auto fault = [](const std::string& process) {
    return loading(process).failure().context;
  };
  for (const auto& [process, words] :
       std::vector<std::pair<std::string, std::string>>{
         {"type = \"discovery\"\nload = [\"a.so\"]\n", "others load nothing"},
         {"type = \"volume\"\nload = [\"a.q\"]\n", "is not a shared library"},
         {"type = \"volume\"\nload = \"a.so\"\n", "expected"},
         {"type = \"hdb\"\nload = []\n", "serves one directory"},
         {"type = \"hdb\"\nload = [\"a\", \"b\"]\n", "serves one directory"},
         {"type = \"hdb\"\nload = [\"a\"]\nhdb = \"b\"\n",
          "'hdb' names the directory as well"}})
    EXPECT_TRUE(fault(process).find("/etc/c.toml:11:process.load: ")
                  != std::string::npos
                && fault(process).find(words) != std::string::npos)
      << process << fault(process);
}

TEST(LoadConfigurationTest, ThePathComesFromTheOptionThenTheEnvironment) {
  ASSERT_EQ(setenv("MILLRACE_CONFIG", "/from/environment", 1), 0);
  EXPECT_EQ(*configuration_path("/given"), "/given");
  EXPECT_EQ(*configuration_path(""), "/from/environment");
  ASSERT_EQ(unsetenv("MILLRACE_CONFIG"), 0);
  EXPECT_EQ(configuration_path("").failure().code, errc::config);
}

} // namespace
} // namespace millrace::nodes
