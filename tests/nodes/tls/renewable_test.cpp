#include <millrace/nodes/tls/renewable.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace millrace::nodes {
namespace {

namespace files = std::filesystem;

constexpr int64_t second_ns = 1'000'000'000;

/// Two files, and a wall clock that goes on as the test says.
class RenewableTest : public ::testing::Test {
protected:
  void SetUp() override {
    write("a", "1");
    write("b", "1");
    wall_ns = changed_ns("b") + 60 * second_ns;
  }
  [[nodiscard]] std::string at(const std::string& name) const {
    return directory + "/" + name;
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream{at(name)} << text;
  }
  /// As the system has it.
  [[nodiscard]] int64_t changed_ns(const std::string& name) const {
    struct stat about {};
    EXPECT_EQ(::stat(at(name).c_str(), &about), 0);
    return int64_t{about.st_ctim.tv_sec} * second_ns + about.st_ctim.tv_nsec;
  }
  file_watch watch() {
    return {{at("a"), at("b")}, [this] { return wall_ns; }};
  }

  test_support::temporary_directory home;
  std::string directory = home.path();
  int64_t wall_ns = 0;
};

TEST_F(RenewableTest, AFileThatIsAnotherOneIsNoticedOnceItHasSettled) {
  auto seen = watch();
  EXPECT_FALSE(seen.changed());
  write("next", "22");
  files::rename(at("next"), at("b"));
  const auto came_ns = changed_ns("b");
  wall_ns = came_ns + file_watch::settled_ns - 1;
  EXPECT_FALSE(seen.changed()) << "the other one may be exchanged, too";
  wall_ns = came_ns + file_watch::settled_ns + file_watch::pause_ns;
  EXPECT_TRUE(seen.changed());
  wall_ns += 60 * second_ns;
  EXPECT_FALSE(seen.changed()) << "it is noticed once";
}

TEST_F(RenewableTest, AFileThatIsGoneIsWaitedFor) {
  auto seen = watch();
  files::remove(at("a"));
  wall_ns += 60 * second_ns;
  EXPECT_FALSE(seen.changed());
  write("a", "1");
  // The clock was set back meanwhile.
  wall_ns = changed_ns("a") - 3600 * second_ns;
  EXPECT_TRUE(seen.changed());
}

TEST_F(RenewableTest, FilesAreNotLookedAtMoreOftenThanItSays) {
  auto seen = watch();
  EXPECT_FALSE(seen.changed());
  write("a", "333");
  wall_ns += file_watch::pause_ns - 1;
  EXPECT_FALSE(seen.changed());
  wall_ns += 1;
  EXPECT_TRUE(seen.changed());
}

TEST_F(RenewableTest, WhatIsOfNoUseIsToldAndTheOneFromBeforeStays) {
  std::vector<std::string> told;
  result<std::shared_ptr<const std::string>> next
    = error{errc::config, "no certificate"};
  renewable<std::string> held{std::make_shared<const std::string>("first"),
                              watch(), [&] { return next; },
                              [&](const std::string& used, const error& fault) {
                                told.push_back(used + ": " + fault.context);
                              }};
  const auto first = held.now();
  write("a", "4444");
  wall_ns += 60 * second_ns;
  EXPECT_EQ(*held.now(), "first");
  EXPECT_EQ(held.fault().context, "no certificate");
  wall_ns += 60 * second_ns;
  EXPECT_EQ(*held.now(), "first");
  EXPECT_EQ(told, std::vector<std::string>{"first: no certificate"});
  next = std::make_shared<const std::string>("second");
  write("a", "55555");
  wall_ns += 60 * second_ns;
  EXPECT_EQ(*held.now(), "second");
  EXPECT_FALSE(held.fault());
  EXPECT_EQ(told.back(), "second: ");
  EXPECT_EQ(*first, "first") << "who has one from before keeps it";
}

} // namespace
} // namespace millrace::nodes
