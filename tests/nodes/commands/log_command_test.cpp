#include <millrace/nodes/cli/log/log.hpp>
#include <millrace/tests/support/paths.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace millrace::nodes {
namespace {

using nlohmann::json;

// On a copy of the golden directory: 51 messages and markers, one event.
class LogCommandTest : public ::testing::Test {
protected:
  LogCommandTest() {
    std::filesystem::copy(test_support::data_path("log/directory_v1"),
                          directory_);
  }

  int run(std::vector<std::string> words) {
    words.insert(words.begin(), {"millrace", "log"});
    std::vector<const char*> arguments;
    for (const auto& word : words)
      arguments.push_back(word.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const auto code
      = run_program({{"millrace", "", nullptr},
                     [](command_list& list) { list.add(log_commands); }},
                    static_cast<int>(arguments.size()), arguments.data());
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }
  json run_json(std::vector<std::string> words, int code = 0) {
    words.insert(words.begin() + 1, {"-o", "json"});
    EXPECT_EQ(run(std::move(words)), code) << err_;
    return json::parse(out_);
  }

  test_support::temporary_directory home_;
  std::string directory_ = home_.path();
  std::string out_;
  std::string err_;
};

TEST_F(LogCommandTest, ListsFiles) {
  const auto files = run_json({"ls", directory_});
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[1]["file"], "log.0.1");
  EXPECT_EQ(files[1]["begin"], 1073741824);
  EXPECT_EQ(files[1]["bytes"], 3952);
}

TEST_F(LogCommandTest, TellsWhatIsInThem) {
  const auto info = run_json({"info", directory_});
  EXPECT_EQ(info["lineage"], "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(info["messages"], 51);
  EXPECT_EQ(info["files"][2]["session_end"], true);
  EXPECT_EQ(info["files"][0]["session_end"], false);
  EXPECT_EQ(info["files"][0]["ids"]["feed"]["first"], 1);
}

TEST_F(LogCommandTest, WhatIsNotALogIsSaidToBeNone) {
  const auto above = directory_ + "-above";
  std::filesystem::create_directories(above + "/market");
  std::filesystem::rename(directory_, above + "/market/out");
  for (const std::string command : {"ls", "info", "verify", "dump", "tail"}) {
    EXPECT_EQ(run({command, above}), 64) << command;
    EXPECT_NE(err_.find("'" + above + "' is not a log directory; '" + above
                        + "/market/out' is one"),
              std::string::npos)
      << err_;
    EXPECT_EQ(run({command, above + "/none"}), 64);
    EXPECT_NE(err_.find("/none' is not there"), std::string::npos) << err_;
  }
  std::filesystem::rename(above + "/market/out", directory_);
  std::filesystem::remove_all(above);
}

TEST_F(LogCommandTest, DumpsFromAPlaceOn) {
  const auto all = run_json({"dump", directory_});
  ASSERT_EQ(all.size(), 52u);
  EXPECT_EQ(all[0]["begin"], 0);
  EXPECT_EQ(all[50]["type"], "event");
  EXPECT_EQ(all[50]["event"], "gap");
  EXPECT_EQ(all[51]["kind"], "period_end");
  EXPECT_EQ(all[3]["id"], -4);
  EXPECT_EQ(all[4]["to"], 250);
  EXPECT_EQ(all[0]["ts"], "2000-01-01T00:00:00.000001000Z");
  const auto place = all[20]["begin"].get<uint64_t>();
  const auto some = run_json(
    {"dump", "--from", std::to_string(place), "--count", "2", directory_});
  ASSERT_EQ(some.size(), 2u);
  EXPECT_EQ(some[0], all[20]);
  EXPECT_EQ(run({"dump", "--from", "3", directory_}), 65) << err_;
}

TEST_F(LogCommandTest, TailsTheLast) {
  const auto all = run_json({"dump", directory_});
  const auto last = run_json({"tail", "-n", "5", directory_});
  ASSERT_EQ(last.size(), 5u);
  for (size_t i = 0; i < 5; ++i)
    EXPECT_EQ(last[i], all[all.size() - 5 + i]);
}

TEST_F(LogCommandTest, VerifyNamesFileOffsetAndDamage) {
  EXPECT_EQ(run({"verify", directory_}), 0) << out_ << err_;
  EXPECT_NE(out_.find("intact"), std::string::npos);
  const auto all = run_json({"dump", directory_});
  const auto hit = all[10]["begin"].get<uint64_t>(); // In log.0.0.
  {
    std::fstream file{directory_ + "/log.0.0",
                      std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(static_cast<std::streamoff>(hit) + 40);
    file.put('!');
  }
  const auto report = run_json({"verify", directory_}, 1);
  EXPECT_EQ(report["ok"], false);
  ASSERT_EQ(report["damages"].size(), 1u);
  EXPECT_EQ(report["damages"][0]["file"], directory_ + "/log.0.0");
  EXPECT_LE(report["damages"][0]["offset"].get<uint64_t>(), hit);
  EXPECT_EQ(run({"verify", directory_}), 1);
  EXPECT_NE(out_.find("log.0.0: damage at "), std::string::npos) << out_;
  EXPECT_NE(run({"verify", directory_ + "/none"}), 0);
  EXPECT_NE(err_.find("none"), std::string::npos);
}

TEST_F(LogCommandTest, ExplainsPositions) {
  auto told = run_json({"explain-pos", directory_, "0"});
  EXPECT_EQ(told["state"], "message");
  EXPECT_EQ(told["next"]["id"], 1);
  told = run_json({"explain-pos", directory_, "log.0.1@0"});
  EXPECT_EQ(told["position"], 1073741824);
  EXPECT_EQ(told["hex"], "0x40000000");
  told = run_json({"explain-pos", directory_, "0x4"}, 1);
  EXPECT_EQ(told["state"], "bad_position");
  told = run_json({"explain-pos", directory_, "17592186044416"}, 1);
  EXPECT_EQ(told["session"], 1);
  EXPECT_EQ(told["state"], "ahead");
  EXPECT_EQ(run({"explain-pos", directory_, "log.0"}), 64);
  EXPECT_NE(err_.find("'log.0' is not a position"), std::string::npos);
}

} // namespace
} // namespace millrace::nodes
