#include <millrace/nodes/cli/hdb/hdb.hpp>
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

// On a copy of the golden database: one part of seven rows.
class HdbCommandTest : public ::testing::Test {
protected:
  HdbCommandTest() {
    ::unsetenv("MILLRACE_CONFIG");
    std::filesystem::copy(test_support::data_path("hdb"), directory_,
                          std::filesystem::copy_options::recursive);
  }

  int run(std::vector<std::string> words) {
    words.insert(words.begin(), {"millrace", "hdb"});
    std::vector<const char*> arguments;
    for (const auto& word : words)
      arguments.push_back(word.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const auto code
      = run_program({{"millrace", "", nullptr},
                     [](command_list& list) { list.add(hdb_commands); }},
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
  [[nodiscard]] std::string file(const std::string& name) const {
    return directory_ + "/2013.10.07/all/2/" + name;
  }

  test_support::temporary_directory home_;
  std::string directory_ = home_.path();
  std::string out_;
  std::string err_;
};

TEST_F(HdbCommandTest, ListsPartsAndWhatTheyTake) {
  const auto parts = run_json({"ls", directory_})["parts"];
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0]["path"], "2013.10.07/all/2");
  EXPECT_EQ(parts[0]["rows"], 7);
  EXPECT_EQ(parts[0]["to"], 8192);
  const auto usage = run_json({"du", directory_});
  EXPECT_EQ(usage["tables"]["all"]["rows"], 7);
  EXPECT_EQ(usage["bytes"], parts[0]["bytes"]);
  EXPECT_EQ(run({"ls", directory_, "-t", "all", "-p", "2013.10.07"}), 0);
  EXPECT_NE(out_.find("2013.10.07/all/2"), std::string::npos) << out_;
}

TEST_F(HdbCommandTest, WhatIsNotThereIsNamed) {
  for (const std::string command : {"ls", "du", "check", "ledger"}) {
    EXPECT_EQ(run({command, directory_, "--table", "quote"}), 64) << command;
    EXPECT_NE(err_.find("there is no table 'quote'"), std::string::npos)
      << err_;
  }
  EXPECT_NE(run({"du", directory_ + "/none"}), 0);
  EXPECT_NE(err_.find("/none"), std::string::npos) << err_;
}

TEST_F(HdbCommandTest, WhatIsNotADatabaseIsSaidToBeNone) {
  const auto part = directory_ + "/2013.10.07/all";
  for (const std::string command : {"ls", "du", "check", "ledger"}) {
    EXPECT_EQ(run({command, part}), 64) << command;
    EXPECT_NE(err_.find("'" + part
                        + "' is not the directory of a historical database; '"
                        + directory_ + "' is one"),
              std::string::npos)
      << err_;
    EXPECT_EQ(run({command, directory_ + "/none"}), 64);
    EXPECT_NE(err_.find("/none' is not there"), std::string::npos) << err_;
  }
  const auto above = directory_ + "-above";
  std::filesystem::create_directories(above);
  std::filesystem::rename(directory_, above + "/hdb");
  EXPECT_EQ(run({"check", above}), 64);
  EXPECT_NE(err_.find("'" + above + "/hdb' is one"), std::string::npos) << err_;
  std::filesystem::rename(above + "/hdb", directory_);
  std::filesystem::remove(above);
}

TEST_F(HdbCommandTest, OneOfKdbIsSaidToBeOne) {
  const auto theirs = directory_ + "-kdb";
  std::filesystem::create_directories(theirs + "/2015.01.07/trade");
  std::ofstream{theirs + "/2015.01.07/trade/.d"} << "columns";
  for (const std::string command : {"ls", "du", "check", "ledger"}) {
    EXPECT_EQ(run({command, theirs}), 64) << command;
    EXPECT_NE(err_.find("'millrace load --kdb " + theirs + "'"),
              std::string::npos)
      << err_;
  }
  std::filesystem::remove_all(theirs);
}

TEST_F(HdbCommandTest, ChecksEveryFile) {
  EXPECT_TRUE(run_json({"check", directory_})["ok"]);
  {
    std::fstream out{file("float"), std::ios::in | std::ios::out};
    out.seekp(3);
    out.put('\x7f');
  }
  std::filesystem::resize_file(file("sym"), 20);
  std::filesystem::remove(file(".order"));
  const auto report = run_json({"check", directory_}, 1);
  EXPECT_FALSE(report["ok"]);
  std::map<std::string, std::string> reasons;
  for (const auto& damage : report["damages"])
    reasons[damage["file"]] = damage["reason"];
  EXPECT_EQ(reasons, (std::map<std::string, std::string>{
                       {file("float"), "the checksum differs"},
                       {file("sym"), "20 bytes, the manifest says 28"},
                       {file(".order"), "missing"}}));
  EXPECT_EQ(run({"check", directory_}), 1);
  EXPECT_NE(out_.find("3 damaged files"), std::string::npos) << out_;
}

TEST_F(HdbCommandTest, ADamagedManifestIsDamage) {
  std::filesystem::resize_file(directory_ + "/manifest", 100);
  EXPECT_EQ(run({"check", directory_}), 1);
  EXPECT_NE(err_.find(directory_ + "/manifest"), std::string::npos) << err_;
  std::filesystem::remove(directory_ + "/manifest");
  EXPECT_EQ(run({"check", directory_}), 1);
  EXPECT_NE(err_.find("is missing, but there is '2013.10.07'"),
            std::string::npos)
    << err_;
}

TEST_F(HdbCommandTest, PartsWithoutANameInTheManifestAreTold) {
  std::filesystem::create_directories(directory_ + "/2013.10.08/all/9");
  const auto report = run_json({"check", directory_});
  EXPECT_EQ(report["unnamed"], json{"2013.10.08/all/9"});
}

TEST_F(HdbCommandTest, RowsAreRemovedAndCorrectedWithAnEntryInTheLedger) {
  const std::vector<std::string> bust{
    "amend", directory_, "-t", "all", "--filters", R"({"long":[">",0]})"};
  const auto with = [&](std::vector<std::string> more) {
    auto out = bust;
    out.insert(out.end(), more.begin(), more.end());
    return out;
  };
  const auto tried = run_json(with({"--remove", "--dry-run"}));
  const auto meant = tried["removed"].get<int>();
  ASSERT_GT(meant, 0);
  ASSERT_LT(meant, 7);
  EXPECT_EQ(run_json({"ls", directory_})["parts"][0]["rows"], 7);
  const auto corrected
    = run_json(with({"--set", R"({"float":1.5,"note":"right","sym":"NEW"})",
                     "--why", "wrong"}));
  EXPECT_EQ(corrected["changed"], meant);
  const auto removed = run_json(
    {"amend", directory_, "-t", "all", "--symbol", "NEW", "--remove"});
  EXPECT_EQ(removed["removed"], meant);
  EXPECT_EQ(removed["version"], corrected["version"].get<int>() + 2);
  EXPECT_TRUE(removed["served_by"].is_null()) << "no cluster was named";
  // That is an answer, and not what was wanted.
  const auto none = run_json(
    {"amend", directory_, "-t", "all", "--symbol", "NEW", "--remove"}, 1);
  EXPECT_EQ(none["removed"], 0);
  EXPECT_EQ(none["version"], removed["version"]);
  EXPECT_NE(err_.find("no row of table 'all' is meant"), std::string::npos)
    << err_;
  int rows = 0;
  const auto left = run_json({"ls", directory_});
  for (const auto& part : left["parts"])
    rows += part["rows"].get<int>();
  EXPECT_EQ(rows, 7 - meant);
  EXPECT_TRUE(run_json({"check", directory_})["ok"]);
  const auto ledger = run_json({"ledger", directory_})["entries"];
  // An entry of each partition, for both amendments. The first one took all
  // rows that have a time home, also those that it did not change.
  std::map<int, std::map<std::string, int>> noted;
  for (const auto& entry : ledger)
    noted[entry["version"].get<int>()][entry["partition"].get<std::string>()]
      += entry["rows"].get<int>();
  const auto moved = corrected["moved"].get<int>();
  EXPECT_EQ(
    noted[corrected["version"].get<int>()],
    (std::map<std::string, int>{{"2000.01.01", moved}, {"2013.10.07", 7}}))
    << ledger.dump(2);
  int gone = 0;
  for (const auto& [partition, count] : noted[removed["version"].get<int>()])
    gone += count;
  EXPECT_EQ(gone, meant) << ledger.dump(2);
  const auto text = ledger[0]["text"].get<std::string>();
  EXPECT_NE(text.find(R"(set {"float":1.5,)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(where {"long":[">",0]}: wrong)"), std::string::npos)
    << text;
  EXPECT_EQ(run({"ledger", directory_}), 0);
  EXPECT_NE(out_.find("removed, symbol NEW"), std::string::npos) << out_;
}

TEST_F(HdbCommandTest, AnAmendmentThatIsNotMeantSoIsRefused) {
  const auto refused
    = [&](std::vector<std::string> more, const std::string& reason) {
        more.insert(more.begin(), {"amend", directory_});
        EXPECT_NE(run(more), 0) << reason;
        EXPECT_NE(err_.find(reason), std::string::npos) << err_;
      };
  refused({"-t", "all"}, "one of --remove, --set and --home");
  refused({"-t", "all", "--remove", "--home"}, "one of --remove");
  refused({"-t", "all", "--remove"}, "say which rows are meant");
  refused({"-t", "all", "--home", "--symbol", "A"}, "all rows of the table");
  refused({"-t", "none", "--home"}, "no table 'none'");
  const std::vector<std::string> chosen{"-t", "all", "--symbol", "A"};
  const auto set = [&](const std::string& values) {
    auto out = chosen;
    out.insert(out.end(), {"--set", values});
    return out;
  };
  refused(set("{"), "--set: ");
  refused(set("[1]"), "an object is wanted");
  refused(set("{}"), "no column is named");
  refused(set(R"({"none":1})"), "no column 'none'");
  refused(set(R"({"short":70000})"), "is no value of its type, short");
  refused(set(R"({"byte":-1})"), "byte");
  refused(set(R"({"long":1.5})"), "long");
  refused(set(R"({"int":"x"})"), "int");
  refused(set(R"({"time":null})"), "found by no query");
  refused(set(R"({"time":"inf"})"), "found by no query");
  refused(set(R"({"time":1704205800000})"), "is a number without a unit");
  refused({"-t", "all", "--remove", "--filters", R"({"time":[">",1]})"},
          "is a number without a unit");
  refused({"-t", "all", "--remove", "--filters", R"({"none":[">",1]})"},
          "none");
  EXPECT_EQ(run_json({"ls", directory_})["parts"][0]["rows"], 7);
  EXPECT_NE(run({"amend", directory_ + "/none", "-t", "all", "--home"}), 0);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/none"));
}

TEST_F(HdbCommandTest, AnAmendmentThatMeetsDamageSaysThatNothingIsChanged) {
  const auto before = run_json({"ls", directory_})["version"];
  {
    std::fstream out{file("float"), std::ios::in | std::ios::out};
    out.seekp(3);
    out.put('\x7f');
  }
  const std::vector<std::string> bust{"amend", directory_, "-t", "all"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), bust.begin(), bust.end());
    return more;
  };
  EXPECT_EQ(run(with({"--filters", R"({"long":[">",0]})", "--remove"})), 65);
  EXPECT_NE(err_.find(file("float")
                      + ": the checksum differs; nothing is changed; --from "
                        "and --to leave its date out"),
            std::string::npos)
    << err_;
  EXPECT_EQ(run(with({"--home"})), 65);
  EXPECT_NE(err_.find("; nothing is changed\n"), std::string::npos) << err_;
  EXPECT_EQ(run_json({"ls", directory_})["version"], before);
}

TEST_F(HdbCommandTest, WhatIsDroppedIsGone) {
  EXPECT_NE(run({"drop", directory_}), 0);
  EXPECT_NE(err_.find("says what goes"), std::string::npos) << err_;
  EXPECT_TRUE(
    run_json({"drop", directory_, "--before", "2000-01-01"})["tables"].empty());
  const auto tried = run_json({"drop", directory_, "-t", "all", "--dry-run"});
  EXPECT_EQ(tried["tables"]["all"]["rows"], 7);
  EXPECT_TRUE(std::filesystem::exists(file("time")));
  const auto gone = run_json(
    {"drop", directory_, "-p", "2013-10-07", "--by-name", "--why", "old"});
  EXPECT_EQ(gone["tables"]["all"]["parts"], 1);
  EXPECT_FALSE(std::filesystem::exists(file("time")));
  EXPECT_TRUE(run_json({"check", directory_})["unnamed"].empty());
  EXPECT_EQ(run_json({"ledger", directory_})["entries"][0]["rows"], 7);
  // What was written down stays accounted for.
  const auto parts = run_json({"ls", directory_})["parts"];
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0]["rows"], 0);
  EXPECT_EQ(parts[0]["to"], 8192);
}

// All of a period lies in one partition there, of whatever date.
TEST_F(HdbCommandTest, WhatLiesUnderAnotherDateDoesNotGoWithIt) {
  const auto strayed = run_json({"check", directory_});
  EXPECT_TRUE(strayed["ok"]);
  const auto told = strayed["strayed"]["all"].get<std::string>();
  EXPECT_NE(
    told.find("partition 2013.10.07 of table 'all' has rows that are of "
              "other dates by its rule, UTC"),
    std::string::npos)
    << told;
  const std::string remedy
    = "'millrace hdb amend " + directory_ + " --table all --home'";
  EXPECT_NE(told.find(remedy), std::string::npos) << told;
  for (const std::string option : {"-p", "--before"}) {
    EXPECT_EQ(run({"drop", directory_, option, "2013-10-07"}), 65) << option;
    EXPECT_NE(err_.find(remedy), std::string::npos) << err_;
    EXPECT_NE(err_.find("--by-name"), std::string::npos) << err_;
  }
  EXPECT_EQ(run_json({"ls", directory_})["parts"][0]["rows"], 7);
  ASSERT_EQ(run({"amend", directory_, "-t", "all", "--home"}), 0) << err_;
  EXPECT_TRUE(run_json({"check", directory_})["strayed"].empty());
  // One row has no time, and stays.
  const auto gone = run_json({"drop", directory_, "-p", "2013-10-07"});
  EXPECT_EQ(gone["tables"]["all"]["rows"], 1);
  EXPECT_EQ(run_json({"drop", directory_, "--before",
                      "2013-10-07"})["tables"]["all"]["rows"],
            6);
}

// Each example of the help texts is run, with the directory in its place.
TEST_F(HdbCommandTest, TheExamplesOfTheHelpTextsWork) {
  for (const auto* name :
       {"ls", "du", "check", "reindex", "amend", "ledger", "drop"}) {
    EXPECT_EQ(run({name, "--help"}), 0);
    auto at = out_.find("millrace hdb ");
    at = out_.find(
      "millrace hdb " + std::string{name} + " examples/local-data/hdb", at);
    ASSERT_NE(at, std::string::npos) << out_;
    auto line = out_.substr(at, out_.find('\n', at) - at);
    line = line.substr(0, line.find(" &&"));
    std::vector<std::string> words;
    for (size_t begin = 0; begin < line.size();) {
      const bool quoted = line[begin] == '\'';
      begin += quoted ? 1 : 0;
      const auto end
        = std::min(line.find(quoted ? '\'' : ' ', begin), line.size());
      auto word = line.substr(begin, end - begin);
      if (word == "examples/local-data/hdb")
        word = directory_;
      if (word == "examples/local-data/hdb-index/hdb1")
        word = directory_ + "/.index";
      if (word == "trade")
        word = "all";
      if (word.find("price") != std::string::npos)
        word = R"({"float":["<",472]})";
      words.push_back(word);
      begin = end + (quoted ? 2 : 1);
    }
    words.erase(words.begin(), words.begin() + 2);
    EXPECT_EQ(run(words), 0) << line << err_;
  }
}

} // namespace
} // namespace millrace::nodes
