#include <millrace/nodes/tls/member_identity.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls_peer.hpp"

namespace millrace::nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

made_certificate authority(const char* name, certificate_wish how = {}) {
  how.signs = true;
  how.subject = name;
  how.names = "";
  return make_certificate(how);
}

member_identity_read read(const made_certificate& what,
                          const std::string& trusted) {
  return read_member_identity(what.certificate, what.key, trusted,
                              std::time(nullptr));
}

TEST(MemberIdentityTest, SaysForWhomAndHowLongItIs) {
  const auto ca = authority("ca");
  const auto made = read(make_certificate({.by = &ca, .ends_s = 20 * 86'400}),
                         ca.certificate);
  ASSERT_TRUE(made.identity)
    << made.certificate_fault << made.key_fault << made.authority_fault;
  EXPECT_THAT(made.identity->names(),
              ElementsAre("db.example", "*.sub.example", "127.0.0.1", "::1"));
  EXPECT_TRUE(made.identity->is_for("127.0.0.1"));
  EXPECT_FALSE(made.identity->is_for("127.0.0.2"));
  EXPECT_EQ(made.identity->days_left(std::time(nullptr) + 10), 19);
  EXPECT_THAT(made.identity->warnings(), ElementsAre(HasSubstr("expires on ")));
}

TEST(MemberIdentityTest, SeveralAuthoritiesAndThoseBetweenAreTaken) {
  const auto old = authority("old");
  const auto ca = authority("ca");
  const auto middle = authority("middle", {.by = &ca});
  auto leaf = make_certificate({.by = &middle});
  leaf.certificate += middle.certificate;
  EXPECT_TRUE(read(leaf, old.certificate + ca.certificate).identity);
  // One that is trusted alone need not be the last.
  EXPECT_THAT(read(leaf, old.certificate).certificate_fault,
              HasSubstr("would be refused by the others"));
}

TEST(MemberIdentityTest, LastsAsLongAsItsAuthority) {
  const int64_t now_s = std::time(nullptr);
  const auto brief = authority("ca", {.ends_s = 9 * 86'400});
  const auto leaf = make_certificate({.by = &brief});
  const auto made = read(leaf, brief.certificate);
  ASSERT_TRUE(made.identity) << made.certificate_fault;
  EXPECT_EQ(made.identity->days_left(now_s + 10), 8);
  EXPECT_THAT(made.identity->warnings(),
              ElementsAre(HasSubstr("is of an authority that expires on ")));
  // One that signed nothing here does not count, however soon it ends.
  const auto ca = authority("other");
  const auto good
    = read(make_certificate({.by = &ca}), brief.certificate + ca.certificate);
  ASSERT_TRUE(good.identity);
  EXPECT_EQ(good.identity->days_left(now_s + 10), 99);
  EXPECT_THAT(good.identity->warnings(), IsEmpty());
  // One in between ends the chain, too.
  const auto middle = authority("middle", {.by = &ca, .ends_s = 5 * 86'400});
  auto below = make_certificate({.by = &middle});
  below.certificate += middle.certificate;
  const auto between = read(below, ca.certificate);
  ASSERT_TRUE(between.identity) << between.certificate_fault;
  EXPECT_EQ(between.identity->days_left(now_s + 10), 4);
  EXPECT_FALSE(between.identity->warnings().empty());
}

TEST(MemberIdentityTest, FaultsAreOfTheFileThatHasThem) {
  const auto ca = authority("ca");
  const auto other = authority("other");
  const auto good = make_certificate({.by = &ca});
  const auto spent = authority("spent", {.begins_s = -200, .ends_s = -100});
  struct {
    made_certificate what;
    std::string trusted;
    const char* of_certificate;
    const char* of_key;
    const char* of_authority;
  } const cases[] = {
    {{"", ""},
     "",
     "holds no certificate",
     "holds no private key",
     "holds no certificate"},
    {make_certificate({.by = &other}), ca.certificate,
     "one of tls_authority has to have signed it", "", ""},
    {make_certificate(), ca.certificate, "would be refused", "", ""},
    {make_certificate({.by = &ca, .begins_s = -200, .ends_s = -100}),
     ca.certificate, "expired on ", "", ""},
    {make_certificate({.by = &ca, .usage = "serverAuth"}), ca.certificate,
     "is not for clients", "", ""},
    {make_certificate({.by = &ca, .usage = "clientAuth"}), ca.certificate,
     "is not for servers", "", ""},
    {{good.certificate, make_certificate().key},
     ca.certificate,
     "",
     "is not of the certificate",
     ""},
    {make_certificate({.by = &ca, .password = "secret"}), ca.certificate, "",
     "is encrypted", ""},
    {good, good.certificate, "", "", "certificate 1 of it is of no authority"},
    {good, ca.certificate + spent.certificate, "", "",
     "certificate 2 of it has expired"},
  };
  for (const auto& each : cases) {
    const auto made = read(each.what, each.trusted);
    EXPECT_FALSE(made.identity);
    EXPECT_THAT(made.certificate_fault, HasSubstr(each.of_certificate));
    EXPECT_THAT(made.key_fault, HasSubstr(each.of_key));
    EXPECT_THAT(made.authority_fault, HasSubstr(each.of_authority));
    EXPECT_EQ(made.certificate_fault.empty(), *each.of_certificate == '\0')
      << made.certificate_fault;
    EXPECT_EQ(made.key_fault.empty(), *each.of_key == '\0') << made.key_fault;
    EXPECT_EQ(made.authority_fault.empty(), *each.of_authority == '\0')
      << made.authority_fault;
  }
}

} // namespace
} // namespace millrace::nodes
