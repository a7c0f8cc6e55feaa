#include <millrace/messages/text/json_text.hpp>
#include <millrace/nodes/client/await_ready.hpp>
#include <millrace/tests/support/cluster_text.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace millrace::nodes {
namespace {

const auto cluster
  = test_support::cluster_text{"market", "/data"}
      .stream("market")
      .table("trade", "market", {"time:timestamp", "sym:symbol"})
      .node("n1", 7401)
      .node("n2", 7402)
      .process("rt1", "rt", "n1")
      .process("rdb1", "rdb", "n2")
      .text();

struct ready_case {
  std::string process; ///< What rdb1 says.
  std::string streams;
  std::string expected; ///< Why it is not ready; empty: it is.
  bool goes_on = true;
};

/// Both of the cluster's nodes, all of whose processes are ready; and more.
std::vector<unready_process> unready_beside(const cluster_config& config,
                                            const std::string& more) {
  const auto live = text::parse_json(
    R"({"processes":{"rdb1":{"ready":true}},"streams":{"market":{"rt1":{"leads":true}}})"
    + more + "}");
  EXPECT_TRUE(live) << to_string(live.failure());
  return unready_of(config, {"n1", "n2"}, *live);
}

TEST(AwaitReadyTest, SaysWhatIsNotReadyAndWhetherTimeHelps) {
  const auto config = parse_configuration(cluster, "c.toml");
  ASSERT_TRUE(config) << to_string(config.failure());
  const std::string market = R"({"market":{"rt1":{"leads":true}}})";
  for (const auto& each : std::vector<ready_case>{
         {R"({"ready":true})", market, ""},
         {R"({"ready":false,"standing":"has replayed 61 %",)"
          R"("replayed_percent":61,"refuses":false})",
          market, "has replayed 61 %", true},
         // Nobody orders its stream.
         {R"({"ready":false,"standing":"waits","refuses":false})", "{}",
          "waits", false},
         {R"({"ready":false,"standing":"another life","refuses":true})", market,
          "another life", false},
         {R"({"ready":false,"stalled":"memory_max"})", market, "memory_max",
          false},
         {R"({"ended":2,"ended_by":"corrupt: x"})", market, "corrupt: x", true},
         {"{}", market, "does not answer", true}}) {
    const auto live
      = text::parse_json(R"({"processes":{"rdb1":)" + each.process
                         + R"(},"streams":)" + each.streams + "}");
    ASSERT_TRUE(live) << to_string(live.failure());
    const auto found = unready_of(*config, {"n2"}, *live);
    if (each.expected.empty()) {
      EXPECT_TRUE(found.empty());
      continue;
    }
    ASSERT_EQ(found.size(), 1u) << each.expected;
    EXPECT_EQ(found[0].name, "rdb1");
    EXPECT_EQ(found[0].why, each.expected);
    EXPECT_EQ(found[0].goes_on, each.goes_on) << each.expected;
    EXPECT_EQ(found[0].refuses, each.expected == "another life");
    // Of other nodes nothing is said.
    EXPECT_EQ(unready_of(*config, {"n1"}, *live).size(),
              each.streams == "{}" ? 1u : 0u);
  }
}

// One that stands still for want of memory says first why nothing frees any.
TEST(AwaitReadyTest, AGoneDatabaseIsToldAlsoOfOneThatStandsStill) {
  const auto config = parse_configuration(cluster, "c.toml");
  ASSERT_TRUE(config) << to_string(config.failure());
  for (const auto* ready : {"true", "false"}) {
    const auto live = text::parse_json(
      R"({"processes":{"rdb1":{"ready":)" + std::string{ready}
      + R"(,"stalled":"holds much","gone":["the hdb is gone"]}},)"
        R"("answered":{},"streams":{"market":{"rt1":{"leads":true}}}})");
    ASSERT_TRUE(live) << to_string(live.failure());
    const auto found = unready_of(*config, {"n1", "n2"}, *live);
    const auto rdb
      = std::find_if(found.begin(), found.end(),
                     [](const auto& each) { return each.name == "rdb1"; });
    ASSERT_NE(rdb, found.end());
    EXPECT_EQ(rdb->why, "the hdb is gone");
    EXPECT_TRUE(rdb->lacks && rdb->refuses && !rdb->goes_on) << ready;
  }
}

// Of three a majority elects, and is waited for; fewer never do.
TEST(AwaitReadyTest, WaitsForANodeToLeadWhereOneCan) {
  auto three = cluster;
  for (const std::string number : {"2", "3"})
    three += "[[node]]\nname = \"m" + number + "\"\nport = 741" + number
             + "\n[[process]]\nname = \"rt" + number
             + "\"\ntype = \"rt\"\nnode = \"m" + number + "\"\n";
  const auto config = parse_configuration(three, "c.toml");
  ASSERT_TRUE(config) << to_string(config.failure());
  const auto found = [&](const std::vector<std::string>& nodes,
                         const std::string& rows) {
    const auto live = text::parse_json(
      R"({"processes":{},"answered":{},"streams":{"market":{)" + rows + "}}}");
    EXPECT_TRUE(live) << to_string(live.failure());
    return unready_of(*config, nodes, *live);
  };
  EXPECT_TRUE(
    found({"n1"}, R"("rt1":{"leads":false},"rt3":{"leads":true})").empty());
  const std::string follows = R"("rt1":{"leads":false})";
  // Of those that are started the others answer soon.
  for (const auto& elects :
       {found({"n1"}, follows + R"(,"rt3":{"leads":false})"),
        found({"n1", "m2"}, follows), found({"n1", "m2", "m3"}, "")}) {
    ASSERT_EQ(elects.size(), 1u);
    EXPECT_EQ(elects[0].name, "stream 'market'");
    EXPECT_TRUE(elects[0].goes_on);
  }
  const std::string forgot = R"({"group":{"role":"forgot"}})";
  // Those that forgot elect nobody before they are told.
  for (const auto& each :
       {follows, std::string{},
        // All of them begin a group.
        follows + R"(,"rt2":{"group":{"role":"forming"}})"}) {
    const auto minority = found({"n1"}, each);
    ASSERT_EQ(minority.size(), 1u);
    EXPECT_FALSE(minority[0].goes_on) << each;
    EXPECT_FALSE(minority[0].refuses);
    EXPECT_NE(minority[0].why.find("a majority"), std::string::npos);
  }
  // They all run: that is not what is wrong.
  for (const auto& each :
       {follows + R"(,"rt2":)" + forgot + R"(,"rt3":)" + forgot,
        follows + R"(,"rt2":{"group":{"role":"forming","forgetful":["rt2"]}})"
          + R"(,"rt3":{"group":{"role":"forming","forgetful":["rt2"]}})"}) {
    const auto said = found({"n1"}, each);
    ASSERT_EQ(said.size(), 1u);
    EXPECT_FALSE(said[0].goes_on) << each;
    EXPECT_TRUE(said[0].runs);
    EXPECT_TRUE(said[0].refuses);
    EXPECT_NE(said[0].why.find("forgot"), std::string::npos) << said[0].why;
  }
}

// Who asks discoveries for it at once is to find it.
TEST(AwaitReadyTest, WaitsForDiscoveriesToKnowAProcess) {
  const auto config = parse_configuration(cluster, "c.toml");
  ASSERT_TRUE(config) << to_string(config.failure());
  const auto found
    = [&](const std::string& more) { return unready_beside(*config, more); };
  EXPECT_TRUE(found("").empty());
  EXPECT_TRUE(found(R"(,"registered":null)").empty());
  EXPECT_TRUE(found(R"(,"registered":{"rdb1":true})").empty());
  const auto unknown = found(R"(,"registered":{"rt1":true})");
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_EQ(unknown[0].name, "rdb1");
  EXPECT_NE(unknown[0].why.find("no discovery"), std::string::npos);
  EXPECT_TRUE(unknown[0].goes_on);
}

TEST(AwaitReadyTest, AnHdbThatServesNothingIsNamed) {
  const auto config = parse_configuration(
    cluster
      + "[[process]]\nname = \"hdb1\"\ntype = \"hdb\"\nnode = \"n2\"\n"
        "hdb = \"/hdb\"\n",
    "c.toml");
  ASSERT_TRUE(config) << to_string(config.failure());
  const auto live = text::parse_json(
    R"({"processes":{"rdb1":{"ready":true},"hdb1":{"refuses":true,)"
    R"("standing":"corrupt: manifest"}},"streams":{"market":{"rt1":{"leads":true}}}})");
  const auto found = unready_of(*config, {"n2"}, *live);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].name, "hdb1");
  EXPECT_EQ(found[0].why, "corrupt: manifest");
  EXPECT_TRUE(found[0].refuses && found[0].runs && !found[0].goes_on);
}

TEST(AwaitReadyTest, NamesWhatWasStoppedOnANodeThatAnswers) {
  const auto config = parse_configuration(cluster, "c.toml");
  ASSERT_TRUE(config) << to_string(config.failure());
  const auto stopped = [&](const std::string& more) {
    std::string out;
    for (const auto& each : unready_beside(*config, more))
      if (!each.runs && !each.goes_on)
        out += each.name + " " + each.why;
    return out;
  };
  EXPECT_EQ(stopped(R"(,"answered":{"n1":true,"n2":true})"),
            "rt1 does not run: 'millrace spawn rt1' starts it");
  EXPECT_EQ(stopped(R"(,"answered":{"n2":true})"), "");
  EXPECT_EQ(stopped(R"(,"answered":{"n1":true},"hosts":{"rt1":"n2"})"), "");
}

} // namespace
} // namespace millrace::nodes
