// Runs the program as a user does, and looks at what it prints and returns.
#include <millrace/tests/support/temporary_directory.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/wait.h>

namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class CliTest : public ::testing::Test {
protected:
  void SetUp() override { unsetenv("MILLRACE_CONFIG"); }

  std::string read(const std::string& name) {
    std::ifstream in{directory_ + "/" + name};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }

  outcome run(const std::string& arguments) {
    const auto line = std::string{MILLRACE_PROGRAM} + " " + arguments + " >"
                      + directory_ + "/out 2>" + directory_ + "/err";
    const auto status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out"),
            read("err")};
  }

  std::string write_config(const std::string& text) {
    const auto path = directory_ + "/cluster.toml";
    std::ofstream{path} << text;
    return path;
  }

  millrace::test_support::temporary_directory home_;
  std::string directory_ = home_.path();
};

constexpr const char* small = "[cluster]\nname = \"s\"\ndata = \"d\"\n"
                              "[[node]]\nname = \"n1\"\nport = 7001\n";

TEST_F(CliTest, HelpIsNoFaultAndShowsAnExampleOfEveryCommand) {
  const auto help = run("--help");
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_EQ(help.err, "");
  std::istringstream lines{help.out.substr(help.out.find("Subcommands:"))};
  std::string line;
  std::getline(lines, line);
  int count = 0;
  while (std::getline(lines, line) && line.starts_with("  ")) {
    const auto name = line.substr(2, line.find(' ', 2) - 2);
    if (name.empty())
      continue; // A description that goes on.
    const auto each = run(name + " --help");
    EXPECT_EQ(each.exit_code, 0) << name;
    EXPECT_THAT(each.out, HasSubstr("Example")) << name;
    EXPECT_THAT(each.out, HasSubstr("millrace " + name)) << name;
    ++count;
  }
  EXPECT_GE(count, 3);
}

TEST_F(CliTest, AWrongCommandLineIsUsage) {
  for (const auto* line :
       {"", "nonsense", "status --nonsense", "status -o xml", "status extra",
        "down --grace 0", "down --grace x", "version status"}) {
    const auto got = run(line);
    EXPECT_EQ(got.exit_code, 64) << line;
    EXPECT_EQ(got.out, "") << line;
    EXPECT_NE(got.err, "") << line;
  }
}

TEST_F(CliTest, VersionIsThatOfTheProject) {
  EXPECT_EQ(run("version").out, "millrace " MILLRACE_VERSION "\n");
  const auto facts = nlohmann::json::parse(run("version -o json").out);
  EXPECT_EQ(facts["version"], MILLRACE_VERSION);
}

TEST_F(CliTest, OutputThatCannotBeWrittenIsAFailure) {
  const auto status = std::system(
    (std::string{MILLRACE_PROGRAM} + " version >/dev/full 2>/dev/null")
      .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 74);
}

TEST_F(CliTest, FaultsOfTheConfigurationNameTheirPlace) {
  const auto path = write_config("[cluster]\nname = \"s\"\ndata = \"d\"\n"
                                 "address = \"10.0.0.1\"\n"
                                 "[[node]]\nname = \"n1\"\nport = 0\n");
  for (const auto* command : {"status", "down"}) {
    const auto got = run(std::string{command} + " --config " + path);
    EXPECT_EQ(got.exit_code, 78);
    EXPECT_EQ(got.out, "");
    EXPECT_THAT(got.err, StartsWith(path + ":4:cluster.address: "));
    EXPECT_THAT(got.err, HasSubstr("\n" + path + ":7:node.port: "));
  }
}

TEST_F(CliTest, AMissingConfigurationIsAFaultOfConfiguration) {
  EXPECT_EQ(run("status --config /nonexistent").exit_code, 78);
  const auto none = run("status");
  EXPECT_EQ(none.exit_code, 78);
  EXPECT_THAT(none.err, HasSubstr("MILLRACE_CONFIG"));
}

TEST_F(CliTest, StatusTellsAndReturnsThatANodeDoesNotRun) {
  const auto path = write_config(small);
  setenv("MILLRACE_CONFIG", path.c_str(), 1);
  const auto text = run("status");
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.out, HasSubstr("n1    stopped"));
  EXPECT_EQ(text.err, "");
  const auto status = nlohmann::json::parse(run("status -o json").out);
  EXPECT_EQ(status["cluster"], "s");
  EXPECT_EQ(status["nodes"][0]["name"], "n1");
  EXPECT_EQ(status["nodes"][0]["state"], "stopped");
}

TEST_F(CliTest, DownOfAClusterThatDoesNotRunIsFine) {
  const auto got = run("down --config " + write_config(small));
  EXPECT_EQ(got.exit_code, 0);
  EXPECT_EQ(got.out, "n1: does not run\n");
  EXPECT_EQ(run("down n2 --config " + directory_ + "/cluster.toml").exit_code,
            64);
}

} // namespace
