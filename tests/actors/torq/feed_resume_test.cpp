#include <millrace/actors/torq/feed/feed_resume.hpp>

#include <gtest/gtest.h>

namespace millrace::torq {
namespace {

cursor_map at(std::initializer_list<std::pair<std::string, uint64_t>> rows) {
  cursor_map out;
  for (const auto& [name, row] : rows)
    out[name] = {name, 0, row};
  return out;
}

/// What a feed's own log and RT know, and where the sources go on.
struct resumption {
  const char* name;
  published_so_far log;
  published_so_far rt;
  cursor_map expected;
};

TEST(FeedResumeTest, TheWitnessThatSawMoreIsBelieved) {
  const resumption table[] = {
    {"nothing was published", {}, {}, {}},
    {"not all is merged",
     {9, at({{"a", 9}})},
     {5, at({{"a", 5}})},
     at({{"a", 9}})},
    {"all is merged", {9, at({{"a", 9}})}, {9, at({{"a", 9}})}, at({{"a", 9}})},
    {"the log lost its tail",
     {5, at({{"a", 5}})},
     {9, at({{"a", 9}})},
     at({{"a", 9}})},
    {"the log is gone",
     {},
     {9, at({{"a", 9}, {"b", 4}})},
     at({{"a", 9}, {"b", 4}})},
    {"RT has heard of nothing", {9, at({{"a", 9}})}, {}, at({{"a", 9}})},
    {"an older file is in one of them only",
     {9, at({{"b", 9}})},
     {5, at({{"a", 5}})},
     at({{"a", 5}, {"b", 9}})},
  };
  for (const auto& each : table) {
    const auto got = newest_of(each.log, each.rt);
    ASSERT_EQ(got.size(), each.expected.size()) << each.name;
    for (const auto& [name, cursor] : each.expected)
      EXPECT_EQ(got.at(name).row, cursor.row) << each.name;
  }
}

} // namespace
} // namespace millrace::torq
