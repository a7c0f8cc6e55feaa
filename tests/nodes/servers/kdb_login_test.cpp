#include <millrace/nodes/servers/kdb/door_core.hpp>
#include <millrace/nodes/servers/kdb/request.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace millrace::nodes::kdb {
namespace {

/// What a session does, a line each.
std::string told(const session_effects& effects) {
  std::string out;
  for (const auto& each : effects) {
    if (const auto* sent = std::get_if<send_bytes>(&each))
      out += "send " + std::to_string(sent->bytes.size());
    else if (const auto* asked = std::get_if<kdb::handle_request>(&each))
      out += "ask " + asked->what.bytes;
    else if (const auto* says = std::get_if<login_attempt>(&each))
      out += "judge " + std::string{to_string(says->way)} + " " + says->user
             + " " + says->secret;
    else if (const auto* was = std::get_if<login_told>(&each))
      out += (was->is_accepted ? "accepted " : "refused ") + was->user;
    else
      out += "end " + std::get<end_connection>(each).text;
    out += "\n";
  }
  return out;
}

const std::string ada{"ada:se:cret\3\0", 13};

session asking() { return session{{.login_bytes = 64, .asks_login = true}}; }

TEST(KdbLoginTest, APasswordIsJudgedBeforeAnythingIsAnswered) {
  auto talk = asking();
  EXPECT_TRUE(talk.is_awaited());
  EXPECT_EQ(told(talk.received(ada.substr(0, 5))), "");
  EXPECT_EQ(told(talk.received(ada.substr(5))), "judge password ada se:cret\n");
  // The client has said all, and is not the one who is waited for.
  EXPECT_FALSE(talk.is_awaited());
  const auto question
    = *write_message(message_kind::sync, text_value("count trade"));
  EXPECT_EQ(told(talk.received(question)), "");
  EXPECT_EQ(told(talk.judged({.is_accepted = true, .user = "ada"})),
            "accepted ada\nsend 1\nask count trade\n");
  EXPECT_EQ(talk.user(), "ada");
}

TEST(KdbLoginTest, ARefusalIsTheEndWithoutAWord) {
  auto talk = asking();
  (void)talk.received(ada);
  EXPECT_EQ(told(talk.judged({.user = "ada"})),
            "refused ada\nend the user or the password is wrong\n");
  EXPECT_EQ(told(talk.received(ada)), "");
  EXPECT_EQ(told(talk.judged({.is_accepted = true, .user = "ada"})), "");
}

TEST(KdbLoginTest, AFaultOfTheServerIsNoFailureOfTheClient) {
  auto talk = asking();
  (void)talk.received(ada);
  EXPECT_EQ(told(talk.judged({.fault = {errc::config, "f:1: no"}})),
            "end f:1: no\n");
}

TEST(KdbLoginTest, AClientOfTextLogsInToo) {
  auto talk = asking();
  EXPECT_EQ(told(talk.received(std::string{"ada:p\0tables[]\0", 15})),
            "judge password ada p\n");
  EXPECT_EQ(told(talk.judged({.is_accepted = true, .user = "ada"})),
            "accepted ada\nask tables[]\n");
}

TEST(KdbLoginTest, LittleIsHeldOfWhomNobodyKnows) {
  auto talk = asking();
  (void)talk.received(ada);
  EXPECT_EQ(told(talk.received(std::string(65, 'x'))),
            "end much was sent before the login was answered\n");
  EXPECT_EQ(talk.held_bytes(), 0u);
}

TEST(KdbLoginTest, APortReadsNothingOnWhileItJudges) {
  door_core door{{.session = {.asks_login = true}}};
  (void)door.step(connection_opened{1, "10.0.0.9"}, 0);
  const auto first = door.step(bytes_received{1, ada}, 0);
  ASSERT_EQ(first.size(), 2u);
  const auto& asked = std::get<login_asked>(first[0]);
  EXPECT_EQ(asked.peer, "10.0.0.9");
  EXPECT_EQ(asked.what.user, "ada");
  EXPECT_EQ(door.peer_of(1), "10.0.0.9");
  const auto done = door.judged(1, {.user = "ada"}, 0);
  EXPECT_FALSE(std::get<login_ended>(done[0]).what.is_accepted);
  EXPECT_EQ(door.facts().logins_failed, 1u);
  EXPECT_EQ(door.facts().logins, 0u);
  EXPECT_TRUE(std::holds_alternative<finish_connection>(done[1]));
}

TEST(KdbLoginTest, APortKnowsHowManyConnectionsAUserHas) {
  door_core door{{.session = {.asks_login = true}}};
  const auto log_in = [&](connection_id id) {
    (void)door.step(connection_opened{id, "10.0.0.9"}, 0);
    (void)door.step(bytes_received{id, ada}, 0);
    (void)door.judged(id, {.is_accepted = true, .user = "ada"}, 0);
  };
  log_in(1);
  log_in(2);
  (void)door.step(connection_opened{3, "10.0.0.9"}, 0);
  (void)door.step(bytes_received{3, ada}, 0);
  EXPECT_EQ(door.others_of(3, "ada"), 2u);
  EXPECT_EQ(door.others_of(2, "ada"), 1u);
  EXPECT_EQ(door.others_of(3, "bob"), 0u);
  (void)door.step(connection_closed{1, {}}, 0);
  EXPECT_EQ(door.others_of(3, "ada"), 1u);
}

// -- grants -------------------------------------------------------------------

class KdbGrantsTest : public ::testing::Test {
protected:
  KdbGrantsTest() {
    for (const auto* name : {"trade", "quote", "secret"}) {
      auto& made = tables_[name];
      made.name = name;
      made.columns
        = {{"time", column_type::timestamp}, {"sym", column_type::symbol}};
      made.time_column = "time";
      made.symbol_column = "sym";
    }
    with_.tables = &tables_;
    with_.stamped = &stamped_;
    with_.grants = &grants_;
  }
  /// "ok", or what is told.
  std::string ask(const std::string& text) {
    const auto out = understand(text_value(text), with_);
    return out ? "ok" : out.failure().context;
  }

  std::map<std::string, table_schema> tables_;
  std::set<std::string> stamped_;
  user_grants grants_{
    .query = {"trade"}, .publish = {"quote"}, .subscribe = {"trade"}};
  request_setting with_;
};

TEST_F(KdbGrantsTest, WhatIsNotGrantedIsNotDone) {
  const std::string quote = "quote";
  struct {
    const char* text;
    const char* told;
  } const cases[] = {
    {"select from trade", "ok"},
    {"select from quote", "quote"},
    {"select from secret", "secret"},
    {"select from nothing", "nothing"},
    {"select from trade where sym in exec sym from secret", "secret"},
    {"aj[`sym`time;select from trade;select from secret]", "secret"},
    {"t:select from secret;select from t", "secret"},
    {"count secret", "secret"},
    {"meta secret", "secret"},
    {"meta trade", "ok"},
    {"meta quote", "ok"},
    {"cols `secret", "secret"},
    {"keys `secret", "secret"},
    {"type `secret", "secret"},
    {".u.sub[`trade;`]", "ok"},
    {".u.sub[`quote;`]", "access: table 'quote' is not granted"},
    {".u.sub[`secret;`]", "secret"},
    {".ps.subscribe[`secret;`]", "secret"},
    {".u.sub[`trade`secret;`]", "secret"},
    {".u.upd[`trade;(2024.01.02D14:30;`IBM)]",
     "access: table 'trade' is not granted"},
    {".u.upd[`secret;(2024.01.02D14:30;`IBM)]", "secret"},
    {".gw.syncexec[\"select from secret\";`rdb]", "secret"},
  };
  for (const auto& [text, tells] : cases) {
    const auto said = ask(text);
    if (std::string{tells} == "ok")
      EXPECT_EQ(said, "ok") << text;
    else
      EXPECT_TRUE(said.starts_with(tells)) << text << ": " << said;
  }
}

TEST_F(KdbGrantsTest, ListsHaveWhatIsGrantedOnly) {
  const auto names = understand(text_value("tables[]"), with_);
  ASSERT_TRUE(names);
  EXPECT_EQ(std::get<value>(*names).symbols,
            (std::vector<std::string>{"quote", "trade"}));
  const auto all = understand(text_value(".u.sub[`;`]"), with_);
  ASSERT_TRUE(all);
  EXPECT_EQ(std::get<subscribe_request>(*all).tables,
            std::vector<std::string>{"trade"});
}

} // namespace
} // namespace millrace::nodes::kdb
