#include <millrace/nodes/configuration/configured_part.hpp>

#include <gtest/gtest.h>

namespace millrace::nodes {
namespace {

TEST(ConfiguredPartTest, APartThatIsNotThereIsNamedWithTheNearestOne) {
  cluster_config config;
  config.path = "/etc/millrace/cluster.toml";
  config.streams.emplace_back().name = "market";
  config.tables.emplace_back().schema.name = "trade";
  config.nodes.emplace_back().name = "one";
  config.processes.emplace_back().name = "rdb1";
  config.processes.back().node = "one";
  config.processes.emplace_back().name = "gw1";
  EXPECT_EQ(*configured_stream(config, "market"), config.stream("market"));
  EXPECT_EQ(*configured_table(config, "trade"), config.table("trade"));
  EXPECT_EQ(*configured_node(config, "one"), config.node("one"));
  EXPECT_EQ(*configured_process(config, "gw1"), config.process("gw1"));
  const std::string begin = "/etc/millrace/cluster.toml: no [[";
  struct {
    error told;
    std::string said;
  } const cases[] = {
    {configured_stream(config, "markt").failure(),
     "stream]] is named 'markt'; did you mean 'market'?"},
    {configured_table(config, "trades").failure(),
     "table]] is named 'trades'; did you mean 'trade'?"},
    {configured_node(config, "onee").failure(),
     "node]] is named 'onee'; did you mean 'one'?"},
    {configured_process(config, "rbd1").failure(),
     "process]] is named 'rbd1'; did you mean 'rdb1'?"},
    {configured_stream(config, "notes").failure(), "stream]] is named 'notes'"},
    {configured_node(config, "rdb1").failure(),
     "node]] is named 'rdb1', and 'rdb1' is a [[process]] of node 'one': "
     "`millrace stop` and `millrace spawn` are for it alone"},
    {configured_node(config, "gw1").failure(),
     "node]] is named 'gw1', and 'gw1' is a [[process]]"},
    {configured_table(config, "market").failure(),
     "table]] is named 'market', and 'market' is a [[stream]]"},
    {configured_process(config, "one").failure(),
     "process]] is named 'one', and 'one' is a [[node]]"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(each.told.code, errc::not_found);
    EXPECT_EQ(each.told.context, begin + each.said);
  }
}

} // namespace
} // namespace millrace::nodes
