#include <millrace/nodes/users/scram_exchange.hpp>
#include <millrace/nodes/users/secrets.hpp>

#include <gtest/gtest.h>

#include <openssl/evp.h>
#include <set>
#include <string>

namespace millrace::nodes {
namespace {

TEST(SecretsTest, AHashOfAnotherProgramIsUnderstood) {
  // Of the tests of the reference implementation of argon2.
  const std::string known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
                            "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  EXPECT_TRUE(is_password_of(known, "password"));
  EXPECT_FALSE(is_password_of(known, "Password"));
}

TEST(SecretsTest, AHashIsOfItsPasswordOnly) {
  const auto hash = password_hash("Zü rich", "0123456789abcdef");
  ASSERT_TRUE(hash) << hash.failure().context;
  EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$")) << *hash;
  EXPECT_TRUE(is_password_hash(*hash));
  EXPECT_TRUE(is_password_of(*hash, "Zü rich"));
  EXPECT_FALSE(is_password_of(*hash, "Zü rich "));
  EXPECT_FALSE(is_password_of(*hash, ""));
  EXPECT_NE(*hash, *password_hash("Zü rich", "0123456789abcdeg"));
}

TEST(SecretsTest, WhatCostsTooMuchOrIsOfAnotherKindIsNoHash) {
  for (const auto* text :
       {"", "$argon2id$", "$argon2i$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
        "$argon2id$v=16$m=19456,t=2,p=1$c2FsdA$aGFzaA",
        "$argon2id$v=19$m=65537,t=2,p=1$c2FsdA$aGFzaA",
        "$argon2id$v=19$m=19456,t=9,p=1$c2FsdA$aGFzaA",
        "$argon2id$v=19$m=19456,t=2,p=5$c2FsdA$aGFzaA",
        "$argon2id$v=19$m=99999999999,t=2,p=1$c2FsdA$aGFzaA"})
    EXPECT_FALSE(is_password_hash(text)) << text;
}

// The exchange of RFC 7677.
constexpr const char* client_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr const char* server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr const char* server_first
  = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr const char* client_final
  = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr const char* server_final
  = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

scram_verifier verifier_of(const char* password) {
  return *make_scram_verifier(password,
                              *from_base64("W22ZaJ0SNY7soEsUEjb6gQ=="));
}

TEST(ScramTest, SpeaksAsItsRfcDoes) {
  scram_exchange talk;
  ASSERT_FALSE(talk.hear_first(client_first));
  EXPECT_EQ(talk.challenge(verifier_of("pencil"), server_nonce), server_first);
  const auto answer = talk.hear_proof(client_final);
  ASSERT_TRUE(answer) << answer.failure().context;
  EXPECT_EQ(*answer, server_final);
}

TEST(ScramTest, AnotherPasswordAndAMockAreRefusedAlike) {
  for (const auto& verifier :
       {verifier_of("pencils"), mock_verifier("secret", "user")}) {
    scram_exchange talk;
    ASSERT_FALSE(talk.hear_first(client_first));
    (void)talk.challenge(verifier, server_nonce);
    const auto answer = talk.hear_proof(client_final);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.failure().code, errc::permission);
    EXPECT_EQ(answer.failure().context, "the user or the password is wrong");
  }
}

TEST(ScramTest, AMockIsTheSameForAName) {
  EXPECT_EQ(mock_verifier("s", "ada"), mock_verifier("s", "ada"));
  EXPECT_NE(mock_verifier("s", "ada").salt, mock_verifier("s", "bob").salt);
  EXPECT_NE(mock_verifier("s", "ada").salt, mock_verifier("t", "ada").salt);
  EXPECT_EQ(mock_verifier("s", "ada").salt.size(), salt_bytes);
}

TEST(ScramTest, WhatCannotBeReadIsRefused) {
  for (const auto* first :
       {"", "n", "n,,", "n,,n=user", "n,,r=x", "n,a=other,n=user,r=x",
        "p=tls-server-end-point,,n=user,r=x", "x,,n=user,r=x", "n,,n=u,r="}) {
    scram_exchange talk;
    EXPECT_TRUE(talk.hear_first(first)) << first;
  }
  const std::string good = client_final;
  for (const auto& last :
       {std::string{}, std::string{"c=biws,r=x"}, good.substr(0, 40),
        "c=eSws" + good.substr(6), good + "=",
        good.substr(0, 12) + "q" + good.substr(13),
        "c=biws,x=1" + good.substr(6)}) {
    scram_exchange talk;
    ASSERT_FALSE(talk.hear_first(client_first));
    (void)talk.challenge(verifier_of("pencil"), server_nonce);
    EXPECT_FALSE(talk.hear_proof(last)) << last;
  }
}

std::optional<std::string> salted_client_key(const std::string& password,
                                             const scram_verifier& of) {
  std::string salted(32, '\0');
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                        reinterpret_cast<const unsigned char*>(of.salt.data()),
                        static_cast<int>(of.salt.size()),
                        static_cast<int>(of.iterations), EVP_sha256(), 32,
                        reinterpret_cast<unsigned char*>(salted.data()))
      != 1)
    return std::nullopt;
  return hmac_sha256(salted, "Client Key");
}

/// A client's last message for what it was told, with the binding that it says.
std::string bound_proof(const std::string& challenge, const std::string& said) {
  const auto& of = verifier_of("pencil");
  const auto nonce = challenge.substr(0, challenge.find(','));
  const auto without = "c=" + to_base64(said) + "," + nonce;
  const auto whole = "n=user,r=abc," + challenge + "," + without;
  const auto key = *salted_client_key("pencil", of);
  auto proof = hmac_sha256(sha256(key), whole);
  for (size_t i = 0; i < proof.size(); ++i)
    proof[i] = static_cast<char>(proof[i] ^ key[i]);
  return without + ",p=" + to_base64(proof);
}

TEST(ScramTest, ALoginIsBoundToTheCertificateThatTheClientSaw) {
  const std::string header = "p=tls-server-end-point,,";
  for (const auto& [seen, is_right] :
       {std::pair{"end point", true}, {"of another", false}}) {
    scram_exchange talk;
    talk.offer_binding("end point", true);
    ASSERT_FALSE(talk.hear_first(header + "n=user,r=abc"));
    const auto challenge = talk.challenge(verifier_of("pencil"), "xyz");
    EXPECT_EQ(
      talk.hear_proof(bound_proof(challenge, header + seen)).has_value(),
      is_right);
  }
  // One that does not bind says so by the certificate's name as well.
  scram_exchange plain;
  plain.offer_binding("end point", false);
  ASSERT_FALSE(plain.hear_first("n,,n=user,r=abc"));
  EXPECT_TRUE(plain.hear_proof(
    bound_proof(plain.challenge(verifier_of("pencil"), "xyz"), "n,,")));
}

TEST(ScramTest, NobodyTalksAClientOutOfBinding) {
  struct {
    bool is_bound;
    const char* first;
  } const cases[] = {
    {true, "n,,n=user,r=abc"},
    {true, "y,,n=user,r=abc"},
    {true, "p=tls-unique,,n=user,r=abc"},
    {true, "p=tls-server-end-point,a=other,n=user,r=abc"},
    {false, "y,,n=user,r=abc"},
    {false, "p=tls-server-end-point,,n=user,r=abc"},
  };
  for (const auto& each : cases) {
    scram_exchange talk;
    talk.offer_binding("end point", each.is_bound);
    EXPECT_TRUE(talk.hear_first(each.first)) << each.first;
  }
}

TEST(ScramTest, AVerifierSurvivesItsText) {
  const auto made = verifier_of("pencil");
  const auto text = to_text(made);
  EXPECT_TRUE(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"))
    << text;
  const auto read = read_scram_verifier(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, made);
  for (const auto& bad :
       {std::string{}, text + "A", text.substr(0, text.size() - 4),
        "SCRAM-SHA-1" + text.substr(13), "SCRAM-SHA-256$0:" + text.substr(19),
        "SCRAM-SHA-256$9999999:" + text.substr(19)})
    EXPECT_FALSE(read_scram_verifier(bad)) << bad;
}

TEST(SecretsTest, TokensAreNeverTheSame) {
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i) {
    const auto token = make_token();
    ASSERT_TRUE(token);
    EXPECT_EQ(token->size(), 68u);
    EXPECT_TRUE(all.insert(token_hash(*token)).second);
  }
  // SHA-256 of "abc", as its standard has it.
  EXPECT_EQ(token_hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9c"
            "b410ff61f20015ad");
}

TEST(SecretsTest, Base64IsReadAsItIsWritten) {
  for (const auto* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    EXPECT_EQ(*from_base64(to_base64(text)), text);
  EXPECT_EQ(to_base64("fooba"), "Zm9vYmE=");
  for (const auto* bad :
       {"Z", "Zm9v=", "Z===", "Zm=v", "Zm9 ", "Zm9\n", "====", "Zm9*"})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

} // namespace
} // namespace millrace::nodes
