#include <millrace/nodes/tls/tls_identity.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls_peer.hpp"

namespace millrace::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

tls_identity_read read(const made_certificate& what) {
  return read_tls_identity(what.certificate, what.key, std::time(nullptr));
}

TEST(TlsIdentityTest, SaysForWhomAndHowLongItIs) {
  const auto made = read(make_certificate());
  ASSERT_TRUE(made.identity) << made.certificate_fault << made.key_fault;
  EXPECT_THAT(made.identity->names(),
              ElementsAre("db.example", "*.sub.example", "127.0.0.1", "::1"));
  EXPECT_THAT(made.identity->warnings(), IsEmpty());
  EXPECT_EQ(made.identity->end_point().size(), 32u);
  const auto now_s = std::time(nullptr);
  EXPECT_EQ(made.identity->days_left(now_s + 10), 99);
  EXPECT_EQ(made.identity->days_left(now_s + 101 * 86'400), -2);
}

TEST(TlsIdentityTest, TellsOfWhatSoonWillBeAFault) {
  const auto soon = read(make_certificate({.ends_s = 29 * 86'400}));
  ASSERT_TRUE(soon.identity);
  EXPECT_THAT(soon.identity->warnings(), ElementsAre(HasSubstr("expires on ")));
  const auto unnamed = read(make_certificate({.names = ""}));
  ASSERT_TRUE(unnamed.identity);
  EXPECT_THAT(unnamed.identity->warnings(),
              ElementsAre(HasSubstr("names no host")));
}

TEST(TlsIdentityTest, AChainFollowsItsFirstAndMayStandBesideTheKey) {
  auto made = make_certificate();
  made.certificate += make_certificate().certificate;
  EXPECT_TRUE(read(made).identity);
  const auto both = made.key + made.certificate;
  EXPECT_TRUE(read({both, both}).identity);
}

TEST(TlsIdentityTest, AChainLastsAsLongAsWhatEndsFirst) {
  auto made = make_certificate();
  made.certificate += make_certificate({.ends_s = 3 * 86'400}).certificate;
  const auto chain = read(made);
  ASSERT_TRUE(chain.identity);
  EXPECT_EQ(chain.identity->days_left(std::time(nullptr) + 10), 2);
  EXPECT_THAT(chain.identity->warnings(),
              ElementsAre(HasSubstr("certificate 2 of it expires on ")));
}

TEST(TlsIdentityTest, FaultsAreOfTheFileThatHasThem) {
  const auto good = make_certificate();
  const auto other = make_certificate();
  auto cut = good.certificate;
  cut.erase(cut.size() / 2, 40);
  struct {
    made_certificate what;
    const char* of_certificate;
    const char* of_key;
  } const cases[] = {
    {{"", ""}, "holds no certificate", "holds no private key"},
    {{good.key, good.certificate},
     "holds no certificate",
     "holds no private key"},
    {{cut, good.key}, "certificate 1 of it cannot be read", ""},
    {{good.certificate + cut, good.key},
     "certificate 2 of it cannot be read",
     ""},
    {{good.certificate, other.key}, "", "is not of the certificate"},
    {{other.certificate + good.certificate, good.key},
     "",
     "that one has to come first"},
    {make_certificate({.begins_s = -200, .ends_s = -100}), "expired on ", ""},
    {make_certificate({.begins_s = 100}), "is not valid before ", ""},
    {make_certificate({.usage = "clientAuth"}), "is not for servers", ""},
    {make_certificate({.password = "secret"}), "", "is encrypted"},
    {make_certificate({.rsa_bits = 1024}), "too small", ""},
  };
  for (const auto& each : cases) {
    const auto made = read(each.what);
    EXPECT_FALSE(made.identity);
    EXPECT_THAT(made.certificate_fault, HasSubstr(each.of_certificate));
    EXPECT_THAT(made.key_fault, HasSubstr(each.of_key));
    EXPECT_EQ(made.certificate_fault.empty(), *each.of_certificate == '\0')
      << made.certificate_fault;
    EXPECT_EQ(made.key_fault.empty(), *each.of_key == '\0') << made.key_fault;
  }
}

} // namespace
} // namespace millrace::nodes
