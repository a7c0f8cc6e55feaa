#include <millrace/nodes/users/login.hpp>
#include <millrace/nodes/users/login_queue.hpp>
#include <millrace/nodes/users/login_watch.hpp>
#include <millrace/nodes/users/scram_exchange.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

namespace millrace::nodes {
namespace {

TEST(GrantsTest, PatternsMatchWholeNames) {
  struct {
    const char* pattern;
    const char* name;
    bool matches;
  } const cases[] = {
    {"trade", "trade", true},
    {"trade", "trades", false},
    {"trade", "xtrade", false},
    {"*", "", true},
    {"*", "anything", true},
    {"t*", "trade", true},
    {"t*", "quote", false},
    {"*e", "trade", true},
    {"t*d*e", "trade", true},
    {"t?ade", "trade", true},
    {"t?ade", "tade", false},
    {"", "trade", false},
    {"", "", true},
    {"a*a", "a", false},
    {"*a*b", "xaxbxab", true},
    {"**", "x", true},
    {"?", "", false},
    {"Trade", "trade", false},
  };
  for (const auto& [pattern, name, expected] : cases)
    EXPECT_EQ(matches(pattern, name), expected) << pattern << " " << name;
}

TEST(GrantsTest, AUseIsGrantedByItself) {
  const user_grants grants{.query = {"t*"}, .publish = {"quote"}};
  EXPECT_TRUE(grants.may(table_use::query, "trade"));
  EXPECT_FALSE(grants.may(table_use::publish, "trade"));
  EXPECT_FALSE(grants.may(table_use::subscribe, "trade"));
  EXPECT_TRUE(grants.may(table_use::publish, "quote"));
  EXPECT_TRUE(grants.knows("trade"));
  EXPECT_TRUE(grants.knows("quote"));
  EXPECT_FALSE(grants.knows("secret"));
  EXPECT_FALSE(grants.may_follow_streams());
  EXPECT_FALSE((user_grants{.subscribe = {"t*", "?*"}}).may_follow_streams());
  EXPECT_TRUE((user_grants{.subscribe = {"t*", "*"}}).may_follow_streams());
}

class UserSecretsTest : public ::testing::Test {
protected:
  UserSecretsTest() { std::filesystem::create_directories(folder_); }
  ~UserSecretsTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_
    = ::testing::TempDir() + "user_secrets_test." + std::to_string(::getpid());
  std::string path_ = folder_ + "/c.toml.passwords";
  persistence::file_system& fs_ = persistence::posix_file_system();
};

TEST_F(UserSecretsTest, AFileIsReadAsItWasWritten) {
  secrets_by_user all;
  ASSERT_FALSE(set_password(all["ada"], "secret"));
  all["ada"].tokens = {token_hash("one"), token_hash("two")};
  all["bob"].tokens = {token_hash("three")};
  ASSERT_FALSE(save_secrets(fs_, path_, all));
  const auto read = load_secrets(fs_, path_);
  ASSERT_TRUE(read) << read.failure().context;
  EXPECT_EQ(*read, all);
  EXPECT_EQ(to_text(*read).find("secret\n"), std::string::npos);
  EXPECT_TRUE(load_secrets(fs_, folder_ + "/none")->empty());
}

TEST_F(UserSecretsTest, OthersMayNotReadItAndItIsNoLink) {
  using std::filesystem::perms;
  ASSERT_FALSE(save_secrets(fs_, path_, {}));
  for (const auto more :
       {perms::others_read, perms::others_write, perms::group_write}) {
    std::filesystem::permissions(path_, perms{0640} | more);
    const auto read = load_secrets(fs_, path_);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.failure().code, errc::config);
    EXPECT_THAT(read.failure().context, testing::HasSubstr("chmod 0640"));
  }
  std::filesystem::permissions(path_, perms{0640});
  EXPECT_TRUE(load_secrets(fs_, path_));
  std::filesystem::create_symlink(path_, folder_ + "/link");
  EXPECT_FALSE(load_secrets(fs_, folder_ + "/link"));
}

TEST(UserSecretsTextTest, FaultsAreToldByTheirLines) {
  const auto hash = token_hash("one");
  const auto read = parse_secrets(
    "# a comment\n\nada token " + hash + "\nada token\nada tokens " + hash
      + "\n.. token " + hash + "\nada password secret\nada scram secret\nada "
      + "token 12\nada token " + hash + " more\n",
    "f");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.failure().code, errc::config);
  for (const auto* each :
       {"f:4: ", "f:5: ", "f:6: ", "f:7: ", "f:8: ", "f:9: ", "f:10: "})
    EXPECT_THAT(read.failure().context, testing::HasSubstr(each));
  EXPECT_THAT(read.failure().context, testing::Not(testing::HasSubstr("f:3:")));
  EXPECT_THAT(read.failure().context,
              testing::Not(testing::HasSubstr("secret")));
}

TEST(UserSecretsTextTest, APasswordIsText) {
  kept_secrets of;
  EXPECT_TRUE(set_password(of, ""));
  EXPECT_TRUE(set_password(of, "a\nb"));
  EXPECT_TRUE(set_password(of, "\xff"));
  EXPECT_TRUE(set_password(of, std::string(1025, 'x')));
  EXPECT_TRUE(of.password.empty());
}

class LoginJudgeTest : public ::testing::Test {
protected:
  static void SetUpTestSuite() {
    ASSERT_FALSE(set_password(secrets_["ada"], "right"));
    ASSERT_FALSE(set_password(secrets_["gone"], "right"));
    secrets_["bot"].tokens = {token_hash("token")};
    secrets_["gone"].tokens = {token_hash("old")};
  }
  static login_judge judge_with(result<secrets_by_user> secrets) {
    return *login_judge::make(
      [secrets = std::move(secrets)] { return secrets; },
      {{"ada", {.query = {"*"}}}, {"bot", {}}, {"idle", {}}});
  }
  inline static secrets_by_user secrets_;
};

TEST_F(LoginJudgeTest, OnlyWhoHasTheSecretIsLetIn) {
  const auto judge = judge_with(secrets_);
  using way = login_way;
  struct {
    login_attempt what;
    const char* user; ///< Null: refused.
  } const cases[] = {
    {{way::password, "ada", "right"}, "ada"},
    {{way::password, "ada", "wrong"}, nullptr},
    {{way::password, "ada", ""}, nullptr},
    {{way::password, "bob", "right"}, nullptr},
    {{way::password, "", "right"}, nullptr},
    {{way::password, "idle", ""}, nullptr},
    {{way::password, "bot", "token"}, nullptr},
    // The configuration does not name it any more.
    {{way::password, "gone", "right"}, nullptr},
    {{way::token, "", "token"}, "bot"},
    {{way::token, "", "old"}, nullptr},
    {{way::token, "", ""}, nullptr},
    {{way::token, "ada", "right"}, nullptr},
  };
  for (const auto& [what, user] : cases) {
    const auto verdict = judge.judge(what);
    EXPECT_EQ(verdict.is_accepted, user != nullptr)
      << what.user << " " << what.secret;
    if (user != nullptr)
      EXPECT_EQ(verdict.user, user);
  }
}

TEST_F(LoginJudgeTest, AVerifierIsGivenForAllWhoAsk) {
  const auto judge = judge_with(secrets_);
  const auto ada = judge.judge({login_way::scram, "ada", {}});
  ASSERT_TRUE(ada.verifier);
  EXPECT_EQ(to_text(*ada.verifier), secrets_["ada"].scram);
  for (const auto* user : {"bob", "gone", "bot", ""}) {
    const auto mock = judge.judge({login_way::scram, user, {}});
    ASSERT_TRUE(mock.verifier) << user;
    EXPECT_FALSE(mock.is_accepted);
    EXPECT_EQ(mock.verifier->salt.size(), ada.verifier->salt.size());
    EXPECT_EQ(mock.verifier->iterations, ada.verifier->iterations);
    EXPECT_EQ(*mock.verifier,
              *judge.judge({login_way::scram, user, {}}).verifier);
  }
}

TEST_F(LoginJudgeTest, NobodyLogsInWithoutTheFile) {
  const auto judge = judge_with(error{errc::config, "f:1: no"});
  for (const auto way :
       {login_way::password, login_way::token, login_way::scram}) {
    const auto verdict = judge.judge({way, "ada", "right"});
    EXPECT_FALSE(verdict.is_accepted);
    EXPECT_FALSE(verdict.verifier);
    EXPECT_EQ(verdict.fault.context, "f:1: no");
  }
}

/// Goal: a login holds as long as its user has that secret.
TEST_F(LoginJudgeTest, AStandingLoginIsGoneWithItsSecret) {
  const auto before = judge_with(secrets_);
  std::set<standing_login> all;
  for (const auto& what :
       std::vector<login_attempt>{{login_way::password, "ada", "right"},
                                  {login_way::scram, "ada", {}},
                                  {login_way::token, "", "token"}}) {
    const auto verdict = before.judge(what);
    EXPECT_FALSE(verdict.proof.empty());
    all.insert({verdict.user, verdict.proof});
  }
  EXPECT_TRUE(
    before.judge({login_way::password, "ada", "wrong"}).proof.empty());
  ASSERT_EQ(all.size(), 3u);
  EXPECT_TRUE(before.gone_of(all)->empty());
  auto changed = secrets_;
  changed["bot"].tokens.clear();
  EXPECT_EQ(judge_with(changed).gone_of(all)->size(), 1u);
  ASSERT_FALSE(set_password(changed["ada"], "right"));
  EXPECT_EQ(judge_with(changed).gone_of(all)->size(), 3u)
    << "with another salt it is another one";
  EXPECT_EQ(judge_with(secrets_by_user{}).gone_of(all)->size(), 3u);
  EXPECT_FALSE(judge_with(error{errc::config, "f:1: no"}).gone_of(all));
}

/// Goal: while its file is written, or is away, nobody is logged out; who is
/// really gone is, at the next look.
TEST_F(LoginJudgeTest, SecretsThatAreMissingForAMomentEndNobody) {
  const auto proof = [](const login_attempt& what) {
    const auto verdict = judge_with(secrets_).judge(what);
    return standing_login{verdict.user, verdict.proof};
  };
  const std::set all{proof({login_way::password, "ada", "right"}),
                     proof({login_way::token, "", "token"})};
  auto without_bot = secrets_;
  without_bot.erase("bot");
  const result<secrets_by_user> whole = secrets_;
  const result<secrets_by_user> away = secrets_by_user{};
  const result<secrets_by_user> cut = without_bot;
  const result<secrets_by_user> refused = error{errc::config, "f:1: no"};
  struct {
    std::vector<result<secrets_by_user>> kept; ///< At each look.
    size_t ended;
  } const cases[] = {
    {{whole, whole, whole}, 0},
    {{away, whole, away, whole}, 0},
    {{cut, whole, cut}, 0},
    {{away, refused, away}, 0},
    {{refused, refused, refused}, 0},
    {{away, cut}, 1},
    {{cut, cut}, 1},
    {{away, away}, 2},
  };
  for (size_t i = 0; const auto& [kept, wanted] : cases) {
    SCOPED_TRACE(i++);
    login_watch watch;
    size_t ended = 0;
    for (const auto& each : kept)
      ended += watch.looked(judge_with(each).gone_of(all)).size();
    EXPECT_EQ(ended, wanted);
  }
}

TEST(LoginWatchTest, LooksAreApartAndOneAtATime) {
  login_watch watch;
  constexpr auto apart = login_watch::interval_ns;
  EXPECT_FALSE(watch.due(apart - 1));
  EXPECT_TRUE(watch.due(apart));
  EXPECT_FALSE(watch.due(3 * apart)) << "it is looked";
  EXPECT_TRUE(watch.looked(std::set<standing_login>{}).empty());
  EXPECT_TRUE(watch.due(3 * apart));
}

TEST_F(LoginJudgeTest, WhoIsNotNamedMayNothing) {
  const auto judge = judge_with(secrets_);
  EXPECT_TRUE(judge.grants_of("ada").may(table_use::query, "trade"));
  EXPECT_EQ(judge.grants_of("gone"), user_grants{});
  EXPECT_EQ(judge.grants_of(""), user_grants{});
}

class LoginQueueTest : public ::testing::Test {
protected:
  static constexpr int64_t ms = 1'000'000;

  void add(uint64_t connection, const char* user, const char* peer = "p") {
    EXPECT_FALSE(
      queue_.add(connection, peer, {login_way::password, user, "x"}));
  }
  /// The connection that is judged next; 0: none.
  uint64_t next(int64_t now_ns = 1) {
    const auto out = queue_.next(
      now_ns, [this](uint64_t which) { return !gone_.contains(which); });
    return out ? out->connection : 0;
  }
  uint64_t judged_then_next(int64_t now_ns = 1) {
    queue_.judged();
    return next(now_ns);
  }

  login_queue queue_;
  std::set<uint64_t> gone_;
};

TEST_F(LoginQueueTest, OneIsJudgedAtATimeAndSourcesTakeTurns) {
  for (uint64_t i = 1; i <= 5; ++i)
    add(i, "guessed");
  add(6, "ada");
  add(7, "guessed", "q");
  EXPECT_EQ(queue_.waiting(), 7u);
  EXPECT_EQ(next(), 6u);
  EXPECT_EQ(next(), 0u);
  EXPECT_EQ(judged_then_next(), 1u);
  EXPECT_EQ(judged_then_next(), 7u);
  EXPECT_EQ(judged_then_next(), 2u);
  add(8, "zoe");
  EXPECT_EQ(judged_then_next(), 8u);
  EXPECT_EQ(judged_then_next(), 3u);
}

TEST_F(LoginQueueTest, WhoIsGoneIsNotJudged) {
  add(1, "a");
  add(2, "a");
  gone_ = {1};
  EXPECT_EQ(next(), 2u);
  EXPECT_EQ(queue_.waiting(), 0u);
}

TEST_F(LoginQueueTest, OfManyThoseOfTheSourceOfMostAreRefused) {
  for (uint64_t i = 1; i <= login_queue::waiting_max; ++i)
    add(i, "guessed");
  const login_attempt another{login_way::password, "ada", "x"};
  const login_attempt more{login_way::password, "guessed", "x"};
  EXPECT_EQ(queue_.add(998, "p", more), 998u);
  EXPECT_EQ(queue_.add(999, "p", another), login_queue::waiting_max);
  EXPECT_EQ(queue_.waiting(), login_queue::waiting_max);
  EXPECT_EQ(next(), 999u);
}

TEST_F(LoginQueueTest, OfEqualSourcesTheNewcomerIsRefused) {
  for (uint64_t i = 1; i <= login_queue::waiting_max; ++i)
    add(i, std::to_string(i).c_str());
  EXPECT_EQ(queue_.add(999, "p", {login_way::password, "ada", "x"}), 999u);
  EXPECT_EQ(queue_.waiting(), login_queue::waiting_max);
}

TEST_F(LoginQueueTest, FailuresMakeTheirSourceWaitAndNobodyElse) {
  const auto fail
    = [&](int64_t now_ns) { queue_.told("p", "ada", false, now_ns); };
  fail(1);
  fail(1);
  add(1, "ada");
  EXPECT_EQ(next(1), 1u);
  queue_.judged();
  fail(1);
  add(2, "ada");
  add(3, "ada", "q");
  add(4, "bob");
  EXPECT_EQ(next(249 * ms), 4u);
  EXPECT_EQ(judged_then_next(249 * ms), 3u);
  EXPECT_EQ(judged_then_next(249 * ms), 0u);
  EXPECT_EQ(next(1 + 250 * ms), 2u);
  queue_.judged();
  // Twice as long each time, up to four seconds.
  int64_t now = 1'000 * ms;
  for (const auto wait : {500, 1'000, 2'000, 4'000, 4'000}) {
    fail(now);
    add(5, "ada");
    EXPECT_EQ(next(now + wait * ms - 1), 0u) << wait;
    EXPECT_EQ(next(now + wait * ms), 5u) << wait;
    queue_.judged();
    now += wait * ms;
  }
  queue_.told("p", "ada", true, now);
  fail(now);
  add(6, "ada");
  EXPECT_EQ(next(now), 6u);
}

TEST_F(LoginQueueTest, FailuresAreForgivenAndTokensNotCounted) {
  for (int i = 0; i < 9; ++i) {
    queue_.told("p", "ada", false, 1);
    queue_.told("p", "", false, 1);
  }
  add(1, "");
  EXPECT_EQ(next(2), 1u);
  queue_.judged();
  add(2, "ada");
  EXPECT_EQ(next(2), 0u);
  EXPECT_EQ(next(1 + login_queue::memory_ns), 2u);
  queue_.judged();
  queue_.told("p", "ada", false, 2 + login_queue::memory_ns);
  add(3, "ada");
  EXPECT_EQ(next(2 + login_queue::memory_ns), 3u);
}

TEST_F(LoginQueueTest, AnyNumberOfNamesIsHeldInBounds) {
  for (int i = 0; i < 12'000; ++i)
    queue_.told("p", std::to_string(i), false, i);
  add(1, "ada");
  EXPECT_EQ(next(), 1u);
}

} // namespace
} // namespace millrace::nodes
