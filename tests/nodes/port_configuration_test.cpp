#include <millrace/nodes/configuration/configuration.hpp>
#include <millrace/tests/support/cluster_text.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace millrace::nodes {
namespace {

/// A cluster with one more process, whose first line is 17.
result<cluster_config> with_port(const std::string& process) {
  return parse_configuration(
    test_support::cluster_text{"test"}
        .stream("market")
        .table("trade", "market", {"time:timestamp", "sym:symbol"})
        .node("one", 7001)
        .process("rt1", "rt", "one")
        .text()
      + "[[process]]\n" + process,
    "c.toml");
}

TEST(PortConfigurationTest, APortHasItsKeys) {
  const auto parsed = with_port(R"(name = "kdb1"
type = "kdb"
port = 5000
publish = ["market"]
connections_max = 9
memory_max = "2MiB"
idle_max = "10m"
[[process]]
name = "web"
type = "http"
port = 5001
publish = ["market"]
[[process]]
name = "sql"
type = "postgres"
port = 5432
)");
  ASSERT_TRUE(parsed) << parsed.failure().context;
  const auto& kdb = *parsed->process("kdb1");
  EXPECT_EQ(kdb.port, 5000);
  EXPECT_EQ(kdb.published, std::vector<std::string>{"market"});
  EXPECT_EQ(kdb.connections_max, 9u);
  EXPECT_EQ(kdb.memory_max_bytes, 2u << 20);
  EXPECT_EQ(kdb.idle_max_ns, 600'000'000'000);
  const auto& web = *parsed->process("web");
  EXPECT_EQ(web.port, 5001);
  EXPECT_EQ(web.published, std::vector<std::string>{"market"});
  EXPECT_EQ(web.connections_max, 256u);
  EXPECT_EQ(web.memory_max_bytes, 256u << 20);
  EXPECT_EQ(web.idle_max_ns, 0);
  EXPECT_EQ(parsed->process("sql")->port, 5432);
}

TEST(PortConfigurationTest, UsersLogInAtAPort) {
  const auto parsed = with_port(R"(name = "kdb1"
type = "kdb"
port = 5000
login = "password"
[[process]]
name = "web"
type = "http"
port = 5001
login = "system"
[[user]]
name = "ada"
query = ["t*"]
publish = ["trade"]
subscribe = ["*"]
admin = true
[[user]]
name = "bob"
connections_max = 2
rate_max = 10
rows_max = 1000
memory_max = "64MiB"
priority = "low"
)");
  ASSERT_TRUE(parsed) << parsed.failure().context;
  EXPECT_TRUE(parsed->process("kdb1")->asks_login);
  EXPECT_FALSE(parsed->process("web")->asks_login);
  ASSERT_EQ(parsed->logins.size(), 2u);
  EXPECT_EQ(parsed->logins[0].name, "ada");
  EXPECT_EQ(parsed->logins[0].grants,
            (user_grants{{"t*"}, {"trade"}, {"*"}, true}));
  EXPECT_EQ(
    parsed->logins[1].grants,
    (user_grants{.limits = {2, 10, 1000, 64u << 20, question_priority::low}}));
  EXPECT_TRUE(parsed->passwords_path.starts_with("/"));
  EXPECT_TRUE(parsed->passwords_path.ends_with("/c.toml.passwords"));
}

TEST(PortConfigurationTest, APortMayBeReachedFromOtherHosts) {
  const auto parsed = with_port(R"(name = "kdb1"
type = "kdb"
port = 5000
login = "password"
address = "0.0.0.0"
tls_certificate = "tls/port.pem"
tls_key = "/etc/port.key"
[[process]]
name = "web"
type = "http"
port = 5001
address = "127.0.0.2"
[[user]]
name = "ada"
)");
  ASSERT_TRUE(parsed) << parsed.failure().context;
  const auto& kdb = *parsed->process("kdb1");
  EXPECT_EQ(parsed->address_of(kdb), "0.0.0.0");
  EXPECT_TRUE(kdb.tls_certificate.starts_with("/"));
  EXPECT_TRUE(kdb.tls_certificate.ends_with("/tls/port.pem"));
  EXPECT_EQ(kdb.tls_key, "/etc/port.key");
  EXPECT_EQ(kdb.tls_certificate_line.line, 23u);
  EXPECT_EQ(kdb.tls_key_line.line, 24u);
  EXPECT_EQ(parsed->address_of(*parsed->process("web")), "127.0.0.2");
  EXPECT_EQ(parsed->address_of(*parsed->process("rt1")), "127.0.0.1");
}

TEST(PortConfigurationTest, FaultsOfPortsAreTold) {
  const std::vector<std::pair<std::string, std::string>> cases{
    {"", "c.toml:17:process.port: is missing"},
    {"port = 7001", ":20:process.port: 7001 is the port of node 'one' too"},
    {"port = 5000\n[[process]]\nname = \"web\"\ntype = \"http\"\nport = 5000",
     ":24:process.port: 5000 is the port of process 'kdb1' too"},
    {"port = 5000\nmemory_max = \"1KiB\"", ":21:process.memory_max: "},
    {"port = 5000\nlogin = \"password\"",
     ":21:process.login: nobody could log in: there is no [[user]]"},
    {"port = 5000\nlogin = \"yes\"", ":21:process.login: "},
    {"port = 5000\n[[user]]\nname = \"ada\"\nquery = [\"trades\"]",
     ":23:user.query: 'trades' is not the name of a [[table]]"},
    {"port = 5000\n[[user]]\nname = \"ada\"\n[[user]]\nname = \"ada\"",
     ":24:user.name: 'ada' appears twice"},
    {"port = 5000\n[[user]]\nname = \"ada\"\npassword = \"x\"",
     ":23:user.password: unknown key"},
    {"port = 5000\naddress = \"0.0.0.0\"",
     ":21:process.address: '0.0.0.0' is not a loopback address: a port "
     "listens there only where clients log in and all is encrypted; missing: "
     "login = \"password\", tls_certificate and tls_key"},
    {"port = 5000\naddress = \"::\"\nlogin = \"password\"",
     "missing: tls_certificate and tls_key"},
    {"port = 5000\naddress = \"10.0.0.1\"\ntls_certificate = \"a\"\n"
     "tls_key = \"b\"",
     "missing: login = \"password\""},
    {"port = 5000\naddress = \"db.example\"",
     ":21:process.address: 'db.example' is not an IPv4 or IPv6 address"},
    {"port = 5000\ntls_certificate = \"a\"",
     ":21:process.tls_certificate: tls_key is missing"},
    {"port = 5000\ntls_key = \"a\"",
     ":21:process.tls_key: tls_certificate is missing"},
    {"port = 5000\ntls_key = \"\"\ntls_certificate = \"a\"",
     ":21:process.tls_key: must not be empty"},
    {"port = 5000\npublish = [\"other\"]",
     ":21:process.publish: 'other' is not a [[stream]]"},
    {"port = 5000\n[[process]]\nname = \"sql\"\ntype = \"postgres\"\nport = "
     "5001\n"
     "publish = [\"market\"]",
     ":25:process.publish: unknown key"},
  };
  for (const auto& [keys, tells] : cases) {
    const auto parsed
      = with_port("name = \"kdb1\"\ntype = \"kdb\"\n" + keys + "\n");
    ASSERT_FALSE(parsed) << keys;
    EXPECT_THAT(parsed.failure().context, testing::HasSubstr(tells));
  }
}

// It would be told of each pair of them, beside what is wrong.
TEST(PortConfigurationTest, AFaultyPortIsNotTheSameAsAnyOther) {
  const auto parsed = with_port(
    "name = \"kdb1\"\ntype = \"kdb\"\nport = 1\n"
    "[[process]]\nname = \"web\"\ntype = \"http\"\nport = 65536\n"
    "[[process]]\nname = \"sql\"\ntype = \"postgres\"\nport = \"a\"\n"
    "[[node]]\nname = \"three\"\nport = 251001\n"
    "[[node]]\nname = \"four\"\nport = 0\n");
  ASSERT_FALSE(parsed);
  const auto& told = parsed.failure().context;
  for (const auto* part : {":24:process.port: 65536 is not within",
                           ":28:process.port: expected an integer",
                           ":31:node.port: 251001 is not within",
                           ":34:node.port: 0 is not within"})
    EXPECT_THAT(told, testing::HasSubstr(part));
  EXPECT_THAT(told, testing::Not(testing::HasSubstr("is the port of")));
}

} // namespace
} // namespace millrace::nodes
