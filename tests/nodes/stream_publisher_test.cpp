// Streams that no rt orders, as a configuration declares them.

#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/nodes/configuration/configured_part.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace millrace::nodes {
namespace {

using ::testing::HasSubstr;

std::string cluster_with(const std::string& stream, const std::string& rest) {
  return R"([cluster]
name = "t"
data = "/data"
process_types = ["own"]
[[stream]]
name = "market"
[[stream]]
name = "ticks"
)" + stream
         + R"(
[[table]]
name = "trade"
stream = "market"
columns = ["time:timestamp", "sym:symbol"]
[[table]]
name = "tick"
stream = "ticks"
columns = ["time:timestamp", "sym:symbol"]
[[node]]
name = "n"
port = 7000
[[process]]
name = "rt1"
type = "rt"
node = "n"
)" + rest;
}

constexpr const char* own = R"([[process]]
name = "p1"
type = "own"
node = "n"
)";

std::string direct_fault_of(const std::string& text) {
  const auto parsed = parse_configuration(text, "/c.toml");
  return parsed ? std::string{} : parsed.failure().context;
}

TEST(StreamPublisherTest, OneProcessPublishesIt) {
  const auto parsed = parse_configuration(
    cluster_with("publisher = \"p1\"",
                 std::string{own}
                   + "[[process]]\nname = \"rdb1\"\ntype = \"rdb\"\n"),
    "/c.toml");
  ASSERT_TRUE(parsed) << to_string(parsed.failure());
  ASSERT_NE(parsed->publisher_of("ticks"), nullptr);
  EXPECT_EQ(parsed->publisher_of("ticks")->name, "p1");
  EXPECT_EQ(parsed->publisher_of("market"), nullptr);
  EXPECT_EQ(parsed->publisher_of("nosuch"), nullptr);
  // Who orders all, or holds all, has nothing to do with it.
  EXPECT_TRUE(parsed->members_of("ticks").empty());
  EXPECT_EQ(parsed->process("rt1")->streams,
            std::vector<std::string>{"market"});
  EXPECT_EQ(parsed->process("rdb1")->tables, std::vector<std::string>{"trade"});
  // What only rts do is refused by its name.
  EXPECT_TRUE(ordered_stream(*parsed, "market"));
  const auto refused = ordered_stream(*parsed, "ticks");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.failure().code, errc::unsupported);
  EXPECT_THAT(refused.failure().context, HasSubstr("'p1'"));
}

TEST(StreamPublisherTest, NumbersOfAnOrderedStreamHaveBounds) {
  for (const std::string key : {"retention_disk", "gc_disk"})
    EXPECT_THAT(
      direct_fault_of(
        cluster_with(key + (key == "gc_disk" ? " = 0" : " = 100"), "")),
      HasSubstr(":stream." + key + ": " + (key == "gc_disk" ? "0" : "100")
                + " is not within 1 to 99"));
  EXPECT_THAT(direct_fault_of(cluster_with("slow_sync = \"1ms\"", "")),
              HasSubstr(":stream.slow_sync: "));
}

TEST(StreamPublisherTest, WhatDoesNotGoTogetherIsNamed) {
  const std::string by_p1 = "publisher = \"p1\"";
  const std::string feed
    = "[[process]]\nname = \"f1\"\ntype = \"feed\"\nnode = \"n\"\n";
  const std::string made = "[process.generator]\ntrade_table = ";
  struct {
    std::string stream;
    std::string rest;
    const char* path;
    const char* says;
  } const cases[]{
    {"publisher = \"p2\"", own, "stream.publisher",
     "'p2' is not a [[process]]"},
    {"publisher = \"rt1\"", "", "stream.publisher", "of type rt"},
    {by_p1, "[[process]]\nname = \"p1\"\ntype = \"own\"\n", "stream.publisher",
     "has no node"},
    {"publisher = \"p.1\"",
     "[[process]]\nname = \"p.1\"\ntype = \"own\"\nnode = \"n\"\n",
     "stream.publisher", "cannot name the directory"},
    {"publisher = \"f1\"", feed + made + "\"trade\"\n", "stream.publisher",
     "fills no table of it"},
    {"publisher = \"f1\"", feed + made + "\"tick\"\nperiods = 2\n",
     "stream.publisher", "periods = 1"},
    {"publisher = \"h1\"",
     "[[process]]\nname = \"h1\"\ntype = \"http\"\nnode = \"n\"\nport = 7001\n",
     "stream.publisher", "does not 'publish' it"},
    {by_p1, own + feed + made + "\"tick\"\n", "process.generator",
     "'p1' alone"},
    {by_p1,
     own
       + std::string{"[[process]]\nname = \"h1\"\ntype = \"http\"\nnode = "
                     "\"n\"\nport = 7001\npublish = [\"ticks\"]\n"},
     "process.publish", "'p1' alone"},
    {by_p1,
     own
       + std::string{"[[process]]\nname = \"rt2\"\ntype = \"rt\"\nstreams = "
                     "[\"ticks\"]\n"},
     "process.streams", "delete one of both"},
    {by_p1,
     own
       + std::string{"[[process]]\nname = \"rdb1\"\ntype = \"rdb\"\ntables = "
                     "[\"tick\"]\n"},
     "process.tables", "only rts end them"},
    {by_p1 + "\nretention_age = \"1d\"", own, "stream.retention_age",
     "no effect"},
    {by_p1 + "\ngc_grace = \"1d\"", own, "stream.gc_grace", "no effect"},
    {by_p1 + "\nparticipants = [\"a\"]", own, "stream.participants",
     "no effect"}};
  for (const auto& each : cases) {
    const auto fault = direct_fault_of(cluster_with(each.stream, each.rest));
    EXPECT_THAT(fault, HasSubstr(std::string{":"} + each.path + ":"))
      << each.stream << each.rest;
    EXPECT_THAT(fault, HasSubstr(each.says)) << each.stream << each.rest;
  }
}

} // namespace
} // namespace millrace::nodes
