#include <millrace/nodes/configuration/configuration.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes {
namespace {

/// A cluster with more keys of its own, the first of which is in line 4.
result<cluster_config> with_keys(const std::string& keys,
                                 const std::string& nodes
                                 = "[[node]]\nname = \"one\"\nport = 7001\n") {
  return parse_configuration("[cluster]\nname = \"test\"\ndata = \"data\"\n"
                               + keys + nodes,
                             "/etc/millrace/c.toml");
}

constexpr const char* three = R"(tls_certificate = "tls/node.pem"
tls_key = "/tls/node.key"
tls_authority = "tls/ca.pem"
)";

TEST(ClusterTlsConfigurationTest, FilesCountFromTheConfiguration) {
  const auto parsed = with_keys(three);
  ASSERT_TRUE(parsed) << parsed.failure().context;
  EXPECT_TRUE(parsed->tls.is_on());
  EXPECT_EQ(parsed->tls.certificate, "/etc/millrace/tls/node.pem");
  EXPECT_EQ(parsed->tls.key, "/tls/node.key");
  EXPECT_EQ(parsed->tls.authority, "/etc/millrace/tls/ca.pem");
  EXPECT_EQ(parsed->tls.certificate_line.line, 4u);
  EXPECT_EQ(parsed->tls.key_line.line, 5u);
  EXPECT_EQ(parsed->tls.authority_line.line, 6u);
  const auto none = with_keys("");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->tls.is_on());
}

TEST(ClusterTlsConfigurationTest, TheyGoTogether) {
  const std::vector<std::pair<std::string, std::string>> cases{
    {"tls_key = \"k\"\n", ":4:cluster.tls_key: goes with two others, and is "
                          "nothing without; missing: tls_certificate, "
                          "tls_authority"},
    {"tls_authority = \"a\"\ntls_certificate = \"c\"\n",
     ":5:cluster.tls_certificate: goes with two others, and is nothing "
     "without; missing: tls_key"},
    {"tls_authority = \"\"\ntls_certificate = \"c\"\ntls_key = \"k\"\n",
     ":4:cluster.tls_authority: must not be empty"},
  };
  for (const auto& [keys, why] : cases) {
    const auto parsed = with_keys(keys);
    ASSERT_FALSE(parsed) << keys;
    EXPECT_THAT(parsed.failure().context, ::testing::HasSubstr(why));
  }
}

// -- nodes of several hosts -------------------------------------------------

std::string node(const char* name, const char* more) {
  return std::string{"[[node]]\nname = \""} + name + "\"\nport = 7001\n" + more;
}

TEST(ClusterTlsConfigurationTest, NodesMayHaveAddressesOfTheirOwn) {
  const auto parsed
    = with_keys(three, node("a", "address = \"10.0.0.1\"\n")
                         + node("b", "address = \"fd00::2\"\n"));
  ASSERT_TRUE(parsed) << parsed.failure().context;
  EXPECT_TRUE(parsed->spans_hosts());
  EXPECT_EQ(parsed->address_of(*parsed->node("a")), "10.0.0.1");
  EXPECT_EQ(parsed->address_of(*parsed->node("b")), "fd00::2");
  const auto here
    = with_keys("", node("a", "") + node("b", "address = \"127.0.0.2\"\n"));
  ASSERT_TRUE(here) << here.failure().context;
  EXPECT_FALSE(here->spans_hosts());
  EXPECT_EQ(here->address_of(*here->node("a")), "127.0.0.1");
  EXPECT_EQ(here->address_of(*here->node("b")), "127.0.0.2");
}

TEST(ClusterTlsConfigurationTest, FaultsOfPlacesAreTold) {
  const std::string far = "address = \"10.0.0.1\"\n";
  const std::string rdb
    = "[[stream]]\nname = \"s\"\n[[table]]\nname = \"t\"\nstream = \"s\"\n"
      "columns = [\"time:timestamp\", \"sym:symbol\"]\n"
      "[[process]]\nname = \"rt1\"\ntype = \"rt\"\nnode = \"a\"\n"
      "[[process]]\nname = \"rdb1\"\ntype = \"rdb\"\nnode = \"a\"\n"
      "[[process]]\nname = \"hdb1\"\ntype = \"hdb\"\nnode = \"b\"\n";
  struct {
    const char* keys;
    std::string nodes;
    const char* why;
  } const cases[] = {
    {"", node("a", far.c_str()),
     ":7:node.address: '10.0.0.1' is not a loopback address: nodes are reached "
     "from other hosts only where all prove who they are; write "
     "tls_certificate, tls_key and tls_authority in [cluster]"},
    {three, node("a", "address = \"0.0.0.0\"\n"),
     ":10:node.address: '0.0.0.0' is of no host"},
    {three, node("a", "address = \"::\"\n"), "'::' is of no host"},
    {three, node("a", "address = \"db.example\"\n"),
     "'db.example' is not an IPv4 or IPv6 address"},
    {three, node("a", far.c_str()) + node("b", far.c_str()),
     ":13:node.port: 7001 is the port of node 'a' too"},
    {three, node("a", far.c_str()) + node("b", ""),
     ":12:node.address: 'b' is on loopback, where no other host reaches it"},
    {three,
     node("a", far.c_str()) + node("b", "address = \"10.0.0.2\"\n") + rdb,
     ":31:process.hdb: 'hdb1' and 'rdb1' have the directory "
     "/etc/millrace/data/hdb on two hosts"},
    {"address = \"10.0.0.1\"\n", node("a", ""),
     ":4:cluster.address: '10.0.0.1' is not a loopback address"},
  };
  for (const auto& each : cases) {
    const auto parsed = with_keys(each.keys, each.nodes);
    ASSERT_FALSE(parsed) << each.why;
    EXPECT_THAT(parsed.failure().context, ::testing::HasSubstr(each.why));
  }
}

} // namespace
} // namespace millrace::nodes
