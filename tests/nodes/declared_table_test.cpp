// One more table in the text of a configuration: all else stays, and what is
// wrong is named by the lines of its writer.

#include <millrace/nodes/configuration/declared_table.hpp>

#include <gtest/gtest.h>

namespace millrace::nodes {
namespace {

const std::string one_table = R"([cluster]
name = "t"
data = "data"
[[stream]]
name = "market"
[[stream]]
name = "orders"
[[table]]
name = "trade"
stream = "market"
columns = ["time:timestamp", "sym:symbol"] # as the feed has them
[[node]]
name = "a"
port = 7001
[[process]]
name = "rt1"
type = "rt"
node = "a"
[[process]]
name = "all"
type = "rdb"
node = "a"
[[process]]
name = "some"
type = "rdb"
node = "a"
write_down = false
tables = [ # ["trade"]
  "trade"]
[[process]]
name = "none"
type = "rdb"
node = "a"
write_down = false
tables = ["trade"]
)";

const std::string tick_text = R"(# Of one vendor.
[[table]]
name = "tick"
stream = "market"
columns = ["time:timestamp", "sym:symbol", "price:float"]
)";

cluster_config with_one_table() {
  auto config = parse_configuration(one_table, "c.toml");
  EXPECT_TRUE(config) << to_string(config.failure());
  return *config;
}

result<declared_table> add_table(std::string text,
                                 std::vector<std::string> rdbs = {}) {
  return declare_table(with_one_table(),
                       {std::move(text), "tick.toml", std::move(rdbs)});
}

std::string table_fault(std::string text, std::vector<std::string> rdbs = {}) {
  const auto made = add_table(std::move(text), std::move(rdbs));
  EXPECT_FALSE(made);
  return made.failure().context;
}

TEST(DeclaredTableTest, TheTextGetsOneMoreAndTheProcessesThatHoldIt) {
  const auto made = add_table(tick_text, {"some"});
  ASSERT_TRUE(made) << to_string(made.failure());
  EXPECT_EQ(made->name, "tick");
  EXPECT_FALSE(made->was_there);
  ASSERT_NE(made->config.table("tick"), nullptr);
  EXPECT_EQ(made->config.table("tick")->stream, "market");
  EXPECT_TRUE(made->config.process("all")->holds("tick"));
  EXPECT_TRUE(made->config.process("some")->holds("tick"));
  EXPECT_FALSE(made->config.process("none")->holds("tick"));
  // A file with that text is read so.
  const auto read = parse_configuration(made->config.source.text, "c.toml");
  ASSERT_TRUE(read) << to_string(read.failure());
  EXPECT_EQ(read->tables, made->config.tables);
  for (const auto& process : read->processes)
    EXPECT_EQ(process.holds("tick"),
              made->config.process(process.name)->holds("tick"));
  for (const auto* kept :
       {"# as the feed has them", "# [\"trade\"]", "# Of one vendor."})
    EXPECT_NE(made->config.source.text.find(kept), std::string::npos) << kept;
}

TEST(DeclaredTableTest, WhatAProgramChangedOfTheConfigurationStays) {
  auto config = with_one_table();
  config.data_directory = "/elsewhere";
  const auto made = declare_table(config, {tick_text, "tick.toml", {}});
  ASSERT_TRUE(made) << to_string(made.failure());
  EXPECT_EQ(made->config.data_directory, "/elsewhere");
  EXPECT_NE(made->config.table("tick"), nullptr);
}

TEST(DeclaredTableTest, TheSameIsThereAlready) {
  const auto first = add_table(tick_text);
  ASSERT_TRUE(first);
  const auto again
    = declare_table(first->config, {tick_text, "x.toml", {"all"}});
  ASSERT_TRUE(again) << to_string(again.failure());
  EXPECT_TRUE(again->was_there);
  EXPECT_EQ(again->config, first->config);
  EXPECT_EQ(again->config.source.text, first->config.source.text);
}

TEST(DeclaredTableTest, AnotherOneOfTheNameIsRefused) {
  auto wider = tick_text;
  wider.replace(wider.find("\"tick\""), 6, "\"trade\"");
  const auto made = add_table(wider);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.failure().code, errc::already_exists);
  EXPECT_EQ(made.failure().context,
            "tick.toml:3:table.name: 'trade' is declared otherwise in c.toml: "
            "column 'price:float' is not there; a table is changed there, and "
            "by 'millrace restart'");
  const auto first = add_table(tick_text);
  ASSERT_TRUE(first);
  const auto held
    = declare_table(first->config, {tick_text, "x.toml", {"none"}});
  ASSERT_FALSE(held);
  EXPECT_NE(held.failure().context.find("not in the tables of 'none'"),
            std::string::npos)
    << held.failure().context;
}

TEST(DeclaredTableTest, FaultsAreNamedByTheLinesOfTheDeclaration) {
  EXPECT_NE(table_fault("").find("tick.toml:1:table: is missing"),
            std::string::npos);
  EXPECT_NE(table_fault(tick_text + tick_text)
              .find("tick.toml:8:table.name: is one table "
                    "too many"),
            std::string::npos)
    << table_fault(tick_text + tick_text);
  EXPECT_NE(table_fault(tick_text + "[[stream]]\nname = \"x\"\n")
              .find("only a [[table]] is added"),
            std::string::npos);
  auto strange = tick_text;
  strange.replace(strange.find("market"), 6, "moon");
  EXPECT_NE(
    table_fault(strange).find("tick.toml:4:table.stream: 'moon' is not a "
                              "[[stream]]"),
    std::string::npos)
    << table_fault(strange);
  EXPECT_NE(
    table_fault(tick_text + "colour = 1\n").find("tick.toml:6:table.colour"),
    std::string::npos);
  EXPECT_NE(table_fault("[[table]\n").find("tick.toml:1:"), std::string::npos);
  EXPECT_NE(
    table_fault(tick_text, {"rt1"}).find("'rt1' has no tables: it is no rdb"),
    std::string::npos);
  EXPECT_NE(
    table_fault(tick_text, {"moon"}).find("'moon' is not a [[process]]"),
    std::string::npos);
}

TEST(DeclaredTableTest, AConfigurationWithoutATextIsRefused) {
  auto config = with_one_table();
  config.source.text.clear();
  EXPECT_EQ(declare_table(config, {tick_text, "tick.toml", {}}).failure().code,
            errc::unsupported);
}

} // namespace
} // namespace millrace::nodes
