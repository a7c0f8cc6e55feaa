// Two looks at a cluster, as status prints them, and what happened in between.

#include <millrace/messages/text/json_value.hpp>
#include <millrace/nodes/cli/cluster_rates.hpp>

#include <gtest/gtest.h>

#include <string>

namespace millrace::nodes {
namespace {

using text::json_value;

constexpr uint64_t roll = uint64_t{1} << 30;

json_value stream(uint64_t end, int64_t first_id, int64_t second_id) {
  return {{"name", "market"},
          {"process", "rt1"},
          {"leads", true},
          {"end", end},
          {"pending_bytes", 5},
          {"publishers", 1},
          {"subscribers", 2},
          {"origins", json_value{{"a", json_value{{"last_id", first_id}}},
                                 {"b", json_value{{"last_id", second_id}}}}}};
}

json_value rdb(uint64_t position, int64_t trades, int64_t quotes) {
  return {{"name", "rdb1"},
          {"type", "rdb"},
          {"stream", "market"},
          {"position", position},
          {"bytes", 4096},
          {"rows", json_value{{"trade", trades}, {"quote", quotes}}}};
}

json_value gateway(int64_t answered) {
  return {{"name", "gw1"}, {"type", "gateway"}, {"answered", answered}};
}

json_value cluster(int64_t pid, int64_t cpu_ms, json_value of_stream,
                   std::vector<json_value> processes) {
  json_value node{{"name", "n1"},         {"state", "running"},
                  {"pid", pid},           {"cpu_ms", cpu_ms},
                  {"memory_bytes", 1000}, {"processes", json_value::array()}};
  for (auto& each : processes)
    node["processes"].add(std::move(each));
  json_value out{{"cluster", "t"},
                 {"nodes", json_value::array()},
                 {"streams", json_value::array()}};
  out["nodes"].add(std::move(node));
  out["streams"].add(std::move(of_stream));
  return out;
}

TEST(ClusterRatesTest, CountsPerSecond) {
  const auto before
    = cluster(7, 1000, stream(100, 10, -20), {rdb(100, 50, 7), gateway(3)});
  const auto after
    = cluster(7, 2000, stream(2100, 30, -40), {rdb(2000, 150, 7), gateway(13)});
  const auto rates = cluster_rates(before, after, 2'000'000'000);
  const auto& node = rates.at("nodes").elements()[0];
  EXPECT_EQ(node.at("cpu_percent"), json_value(50));
  EXPECT_EQ(node.at("memory_bytes"), json_value(1000));
  const auto& market = rates.at("streams").elements()[0];
  EXPECT_EQ(market.at("messages_per_s"), json_value(20));
  EXPECT_EQ(market.at("bytes_per_s"), json_value(1000));
  EXPECT_EQ(market.at("pending_bytes"), json_value(5));
  const auto& process = rates.at("processes").elements();
  EXPECT_EQ(process[0].at("rows"), json_value(157));
  EXPECT_EQ(process[0].at("rows_per_s"), json_value(50));
  EXPECT_EQ(process[0].at("lag_bytes"), json_value(100));
  EXPECT_EQ(process[0].at("memory_bytes"), json_value(4096));
  EXPECT_EQ(process[1].at("answers_per_s"), json_value(5));
  EXPECT_TRUE(process[1].at("rows_per_s").is_null());
}

TEST(ClusterRatesTest, WhatBeganAnewOrDoesNotRunHasNoRate) {
  json_value down{{"name", "gw1"}, {"type", "gateway"}, {"down", "why"}};
  const auto before
    = cluster(7, 1000, stream(100, 10, 20), {rdb(100, 50, 7), gateway(3)});
  const auto after
    = cluster(8, 10, stream(roll + 5, 3, 4), {rdb(roll + 9, 1, 0), down});
  const auto rates = cluster_rates(before, after, 1'000'000'000);
  EXPECT_TRUE(rates.at("nodes").elements()[0].at("cpu_percent").is_null());
  const auto& market = rates.at("streams").elements()[0];
  EXPECT_TRUE(market.at("messages_per_s").is_null());
  EXPECT_TRUE(market.at("bytes_per_s").is_null()) << "another file";
  const auto& process = rates.at("processes").elements();
  EXPECT_TRUE(process[0].at("rows_per_s").is_null());
  EXPECT_EQ(process[0].at("lag_bytes"), json_value(0)) << "asked after it";
  EXPECT_EQ(process[1].at("state"), json_value("down"));
  EXPECT_TRUE(process[1].at("answers_per_s").is_null());
}

TEST(ClusterRatesTest, AStreamThatWasResetIsInAnotherFile) {
  const auto before = cluster(7, 0, stream(100, 10, 20), {});
  const auto after
    = cluster(7, 0, stream((uint64_t{1} << 44) + 50, 10, 20), {});
  const auto rates = cluster_rates(before, after, 1'000'000'000);
  EXPECT_TRUE(rates.at("streams").elements()[0].at("bytes_per_s").is_null());
}

TEST(ClusterRatesTest, WhatADeadNodeHostedIsDown) {
  auto after = cluster(7, 0, stream(0, 0, 0), {gateway(3)});
  json_value node{
    {"name", "n1"}, {"state", "died"}, {"processes", json_value::array()}};
  node["processes"].add(gateway(3));
  after["nodes"] = json_value::array();
  after["nodes"].add(std::move(node));
  const auto rates = cluster_rates(after, after, 1'000'000'000);
  EXPECT_EQ(rates.at("processes").elements()[0].at("state"),
            json_value("down"));
}

} // namespace
} // namespace millrace::nodes
