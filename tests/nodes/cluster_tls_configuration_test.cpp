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

} // namespace
} // namespace millrace::nodes
