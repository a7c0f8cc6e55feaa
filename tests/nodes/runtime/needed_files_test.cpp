// Goal: what a process needs of the disk is looked at before it starts, and
// what others need, or what was read before, keeps nobody back.
#include <millrace/nodes/assembly/needed_files.hpp>
#include <millrace/nodes/host/real_env.hpp>
#include <millrace/nodes/node/load_libraries.hpp>
#include <millrace/tests/support/cluster_text.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace millrace::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct needed_files_test : testing::Test {
  cluster_config config(const std::string& more) {
    const auto text
      = test_support::cluster_text{"t", "data", "process_types = [\"own\"]\n"}
          .stream("s")
          .table("trade", "s", {"time:timestamp", "sym:symbol"})
          .node("n", 1)
          .process("rt1", "rt", "n")
          .process("rdb1", "rdb", "n", more)
          .text();
    auto out = parse_configuration(text, directory + "/c.toml");
    EXPECT_TRUE(out) << to_string(out.failure());
    return *std::move(out);
  }
  void put(const std::string& path) {
    const std::filesystem::path at{directory + "/" + path};
    std::filesystem::create_directories(at.parent_path());
    std::ofstream{at} << "x\n";
  }
  error check(const cluster_config& all, const std::string& process) {
    warnings.clear();
    return check_needed_files(*env->world().fs, all, {process}, warnings);
  }

  test_support::temporary_directory home;
  std::string directory = home.path();
  std::unique_ptr<real_env> env
    = *real_env::create({.io_threads = 1, .pool_threads = 1});
  std::vector<std::string> warnings;
};

TEST_F(needed_files_test, WhatIsNoDirectoryOfRowsIsRefusedAtItsLine) {
  put("plain");
  put("kh/2015.01.07/trade/.d");
  put("splayed/trade/.d");
  std::filesystem::create_directories(directory + "/own");
  std::filesystem::create_symlink(directory + "/plain", directory + "/link");
  struct {
    std::string value;
    std::string told; ///< "": it may be one.
  } const cases[] = {
    {"plain", "/plain: is no directory of an hdb"},
    {"link", "/link: is no directory of an hdb"},
    {"plain/", "/plain: is no directory of an hdb"},
    {"kh", "/kh' is a database of kdb+"},
    {"kh/2015.01.07", "/kh/2015.01.07' is a partition of a database of kdb+: "
                      "'millrace load --kdb "
                        + directory + "/kh' takes"},
    {"kh/2015.01.07/trade", "/kh/2015.01.07/trade' is a database of kdb+"},
    {"splayed", "/splayed' is a database of kdb+"},
    {"own", ""},
    {"later", ""},
    {"later/more", ""},
  };
  for (const auto& each : cases)
    for (const std::string key : {"hdb", "load"}) {
      SCOPED_TRACE(key + " " + each.value);
      const bool is_loaded = key == "load";
      const auto all
        = config("[[process]]\nname = \"hdb1\"\ntype = \"hdb\"\nnode = \"n\"\n"
                 + key + (is_loaded ? " = [\"" : " = \"") + each.value
                 + (is_loaded ? "\"]\n" : "\"\n"));
      const auto got = check(all, "hdb1");
      const bool is_missing = is_loaded && each.value.starts_with("later");
      if (each.told.empty() && !is_missing) {
        EXPECT_FALSE(got) << to_string(got);
        continue;
      }
      EXPECT_EQ(got.code, errc::config);
      EXPECT_THAT(got.context, HasSubstr("c.toml:26:process." + key + ": "));
      EXPECT_THAT(got.context,
                  HasSubstr(is_missing ? "No such file" : each.told));
      EXPECT_EQ(check_databases(*env->world().fs, all, {"hdb1"}), got);
      // It is no fault of others.
      EXPECT_FALSE(check(all, "rt1"));
    }
}

TEST_F(needed_files_test, AFileThatIsGoneStopsOnlyAFeedThatReadNothing) {
  const auto all = config("[[process]]\nname = \"f\"\ntype = \"feed\"\n"
                          "node = \"n\"\nlayout = \"csv-trade\"\n"
                          "table = \"trade\"\nfiles = [\"day.csv\"]\n");
  const auto where = directory + "/c.toml:28:process.files: " + directory
                     + "/day.csv: is not there";
  const auto never = check(all, "f");
  EXPECT_EQ(never.code, errc::config);
  EXPECT_EQ(never.context, where);
  EXPECT_THAT(warnings, IsEmpty());
  put("day.csv");
  EXPECT_FALSE(check(all, "f"));
  std::filesystem::create_directories(all.log_path + "/f.s");
  EXPECT_FALSE(check(all, "f"));
  EXPECT_THAT(warnings, IsEmpty());
  std::filesystem::remove(directory + "/day.csv");
  EXPECT_FALSE(check(all, "f"));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr(where + " any more: feed 'f'")));
}

TEST_F(needed_files_test, ALibraryOfWhatIsNotToStartIsToldAlone) {
  const std::string own = "[[process]]\nname = \"mine\"\ntype = \"own\"\n"
                          "load = [\"nosuch.so\"]\n";
  const auto told = HasSubstr("c.toml:25:process.load: " + directory
                              + "/nosuch.so: No such file");
  std::vector<std::string> spared;
  EXPECT_FALSE(load_libraries(config(own), {"n"}, nullptr, spared));
  EXPECT_THAT(spared, ElementsAre(told));
  spared.clear();
  const auto started
    = load_libraries(config(own + "node = \"n\"\n"), {"n"}, nullptr, spared);
  EXPECT_EQ(started.code, errc::config);
  EXPECT_THAT(started.context, told);
  EXPECT_THAT(spared, IsEmpty());
  // Another node does not miss it.
  EXPECT_FALSE(
    load_libraries(config(own + "node = \"n\"\n"), {"o"}, nullptr, spared));
}

} // namespace
} // namespace millrace::nodes
