#include <millrace/nodes/users/secrets.hpp>

#include <gtest/gtest.h>

#include <openssl/evp.h>

#include "postgres_talk.hpp"

namespace millrace::nodes::postgres {
namespace {

/// What a client of libpq does, of the password and what it is told.
std::string proof_of(const std::string& password, const scram_verifier& of,
                     const std::string& first, const std::string& challenge) {
  std::string salted(32, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                    reinterpret_cast<const unsigned char*>(of.salt.data()),
                    static_cast<int>(of.salt.size()),
                    static_cast<int>(of.iterations), EVP_sha256(), 32,
                    reinterpret_cast<unsigned char*>(salted.data()));
  const auto nonce = challenge.substr(0, challenge.find(','));
  const auto without = "c=biws," + nonce;
  const auto key = hmac_sha256(salted, "Client Key");
  auto proof
    = hmac_sha256(sha256(key), first + "," + challenge + "," + without);
  for (size_t i = 0; i < proof.size(); ++i)
    proof[i] = static_cast<char>(proof[i] ^ key[i]);
  return without + ",p=" + to_base64(proof);
}

/// A session that asks for passwords, and what it says.
struct login_talk {
  login_talk() {
    pg_limits limits;
    limits.served = served_trades();
    limits.served_to = [this](const std::string& user) {
      served_for_ = user;
      return std::make_shared<served_cluster>();
    };
    talk_.session = pg_session{limits};
  }

  /// What is answered, and what is to be judged or was told.
  std::string say(const std::string& bytes) {
    return take(talk_.session.received(bytes));
  }
  std::string take(pg_effects effects) {
    std::string out;
    for (auto& each : effects)
      if (const auto* says = std::get_if<login_attempt>(&each))
        out += " judge " + says->user;
      else if (const auto* was = std::get_if<login_told>(&each))
        out += (was->is_accepted ? " accepted " : " refused ") + was->user;
    std::erase_if(effects, [](const auto& each) {
      return std::holds_alternative<login_attempt>(each)
             || std::holds_alternative<login_told>(each);
    });
    sent_ = talk_.take(std::move(effects));
    return pg_read(sent_) + out;
  }
  static std::string initial(const std::string& first) {
    std::string body = "SCRAM-SHA-256";
    body += '\0';
    append_number(body, static_cast<uint32_t>(first.size() + 3));
    return pg_bytes('p', body + "n,," + first);
  }
  static std::string pg_bytes(char type, const std::string& body) {
    std::string out;
    message{out, type}.bytes(body);
    return out;
  }
  /// Of the last R message: what follows its number.
  [[nodiscard]] std::string said() const {
    const auto size = message_bytes(sent_);
    return sent_.substr(9, size - 9);
  }

  talk talk_{false};
  std::string served_for_ = "nobody";
  std::string sent_;
  const scram_verifier verifier_
    = *make_scram_verifier("right", "0123456789abcdef");
  const std::string first_ = "n=,r=abc";
};

TEST(PostgresLoginTest, WhoHasThePasswordIsServedItsTables) {
  login_talk at;
  EXPECT_EQ(at.say(startup("ada")), "R");
  EXPECT_EQ(at.said(), std::string("SCRAM-SHA-256\0\0", 15));
  EXPECT_TRUE(at.talk_.session.is_awaited());
  EXPECT_EQ(at.say(login_talk::initial(at.first_)), " judge ada");
  EXPECT_FALSE(at.talk_.session.is_awaited());
  EXPECT_EQ(
    at.take(at.talk_.session.judged({.user = "ada", .verifier = at.verifier_})),
    "R");
  const auto out = at.say(login_talk::pg_bytes(
    'p', proof_of("right", at.verifier_, at.first_, at.said())));
  EXPECT_TRUE(out.starts_with("R R S(")) << out;
  EXPECT_TRUE(out.ends_with(" accepted ada")) << out;
  EXPECT_EQ(at.served_for_, "ada");
  // Of the catalogue too.
  EXPECT_EQ(at.say(pg_query("select relname from pg_catalog.pg_class")),
            "T(relname:25) C(SELECT 0) Z(I)");
}

TEST(PostgresLoginTest, AnotherPasswordIsRefusedByItsState) {
  login_talk at;
  (void)at.say(startup("ada"));
  (void)at.say(login_talk::initial(at.first_));
  (void)at.take(
    at.talk_.session.judged({.user = "ada", .verifier = at.verifier_}));
  EXPECT_EQ(at.say(login_talk::pg_bytes(
              'p', proof_of("wrong", at.verifier_, at.first_, at.said()))),
            "E(28P01 password authentication failed for user \"ada\") refused "
            "ada");
  ASSERT_TRUE(at.talk_.ended);
  EXPECT_EQ(at.served_for_, "nobody");
}

TEST(PostgresLoginTest, NothingIsAnsweredBefore) {
  for (const auto& bytes :
       {pg_query("select 1"), pg_message('X', ""),
        login_talk::pg_bytes('p', "MD5|"), login_talk::initial("x"),
        login_talk::pg_bytes('p', std::string(20'000, 'x'))}) {
    login_talk fresh;
    (void)fresh.say(startup("ada"));
    const auto out = fresh.say(bytes);
    EXPECT_TRUE(out.starts_with("E(08P01 ")) << out;
    EXPECT_TRUE(fresh.talk_.ended);
  }
}

TEST(PostgresLoginTest, WhoProvedWhoItIsMayBeRefused) {
  login_talk at;
  at.talk_.begun = error_message({"FATAL", "53300", "as many as it may", 0});
  (void)at.say(startup("ada"));
  (void)at.say(login_talk::initial(at.first_));
  (void)at.take(
    at.talk_.session.judged({.user = "ada", .verifier = at.verifier_}));
  const auto out = at.say(login_talk::pg_bytes(
    'p', proof_of("right", at.verifier_, at.first_, at.said())));
  EXPECT_TRUE(out.starts_with("R E(53300 as many as it may)")) << out;
  EXPECT_TRUE(at.talk_.ended);
}

TEST(PostgresLoginTest, AFaultOfTheServerTellsNothing) {
  login_talk at;
  (void)at.say(startup("ada"));
  (void)at.say(login_talk::initial(at.first_));
  EXPECT_EQ(at.take(at.talk_.session.judged({.fault = {errc::config, "path"}})),
            "E(53300 nobody can log in now)");
}

} // namespace
} // namespace millrace::nodes::postgres
