// The names of those that publish one sequence: drawn once per log path.

#include <millrace/nodes/assembly/writer_name.hpp>
#include <millrace/tests/support/temporary_directory.hpp>

#include <gtest/gtest.h>

#include <string>

namespace millrace::nodes {
namespace {

class WriterNameTest : public ::testing::Test {
protected:
  std::string name(const std::string& log_path, const std::string& host,
                   uint64_t random) {
    auto got = writer_name(fs_, directory_.path() + log_path, host, random);
    EXPECT_TRUE(got) << to_string(got.failure());
    return got ? *got : std::string{};
  }

  persistence::file_system& fs_ = persistence::posix_file_system();
  test_support::temporary_directory directory_;
};

TEST_F(WriterNameTest, StaysAndIsAnotherOneElsewhere) {
  const auto first = name("/a", "host1", 0x12345678);
  EXPECT_EQ(first, "host1-12345678");
  EXPECT_EQ(name("/a", "host1", 0x9abcdef0), first);
  EXPECT_EQ(name("/a", "renamed", 1), first) << "as its directories are named";
  EXPECT_EQ(name("/b", "host1", 0x9abcdef0), "host1-9abcdef0");
}

TEST_F(WriterNameTest, WhatHostsAreCalledBecomesAName) {
  EXPECT_EQ(name("/a", "a.b.example", 1), "a-b-example-00000001");
  EXPECT_EQ(name("/b", "-x y", 1), "x-y-00000001");
  EXPECT_EQ(name("/c", "", 1), "host-00000001");
  EXPECT_EQ(name("/d", std::string(200, 'h'), 1).size(), 64u);
}

TEST_F(WriterNameTest, AFileWithoutANameIsRefused) {
  (void)name("/a", "host1", 1);
  const auto path = directory_.path() + "/a/.writer";
  const std::string wrong = "a/b\n";
  ASSERT_FALSE(
    persistence::replace_file(fs_, path, std::as_bytes(std::span{wrong})));
  const auto refused
    = writer_name(fs_, directory_.path() + "/a", "host1", 2).failure();
  EXPECT_EQ(refused.code, errc::corrupt);
  EXPECT_NE(refused.context.find(path), std::string::npos) << refused.context;
}

} // namespace
} // namespace millrace::nodes
