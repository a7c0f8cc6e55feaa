#include <millrace/nodes/servers/http/http_session.hpp>
#include <millrace/nodes/servers/http/routes.hpp>

#include <gtest/gtest.h>

#include <string>

namespace millrace::nodes::http {
namespace {

std::string told(const http_session::effects& effects) {
  std::string out;
  for (const auto& each : effects) {
    if (const auto* asked = std::get_if<handle_request<http_request>>(&each))
      out += "ask " + asked->what.path
             + (asked->what.is_unknown ? " of nobody"
                                       : " of '" + asked->what.user + "'");
    else if (const auto* says = std::get_if<login_attempt>(&each))
      out += "judge " + std::string{to_string(says->way)} + " " + says->user
             + " " + says->secret;
    else if (const auto* was = std::get_if<login_told>(&each))
      out += (was->is_accepted ? "accepted " : "refused ") + was->user;
    else
      out += "other";
    out += "\n";
  }
  return out;
}

std::string get(const std::string& path, const std::string& headers = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}
// ada:se:cret
const std::string basic = "Authorization: Basic YWRhOnNlOmNyZXQ=\r\n";
const std::string bearer = "Authorization: bearer mrt_1\r\n";

class HttpLoginTest : public ::testing::Test {
protected:
  std::string say(const std::string& bytes) {
    return told(talk_.received(bytes));
  }
  http_session talk_{{.asks_login = true}};
};

TEST_F(HttpLoginTest, WhoSaysNothingIsNobody) {
  EXPECT_EQ(say(get("/query?query=trade")), "ask /query of nobody\n");
  EXPECT_EQ(say(get("/")), "ask / of nobody\n");
  EXPECT_EQ(say(get("/health") + get("/ready")),
            "ask /health of ''\nask /ready of ''\n");
  EXPECT_EQ(say(get("/status", "Authorization: Digest x\r\n")),
            "ask /status of nobody\n");
  EXPECT_EQ(say(get("/status", "Authorization: Basic ????\r\n")),
            "ask /status of nobody\n");
}

TEST_F(HttpLoginTest, AConnectionProvesOnceWhoItIs) {
  EXPECT_EQ(say(get("/query", basic) + get("/status", basic) + get("/metrics")),
            "judge password ada se:cret\n");
  EXPECT_EQ(say(get("/query", bearer)), "");
  EXPECT_EQ(told(talk_.judged({.is_accepted = true, .user = "ada"})),
            "accepted ada\nask /query of 'ada'\nask /status of 'ada'\n"
            "ask /metrics of nobody\njudge token  mrt_1\n");
  EXPECT_EQ(talk_.user(), "ada");
  EXPECT_EQ(told(talk_.judged({.is_accepted = true, .user = "bot"})),
            "accepted bot\nask /query of 'bot'\n");
}

TEST_F(HttpLoginTest, WhoIsRefusedIsNobodyAndNotTakenForTheLastOne) {
  (void)say(get("/query", basic));
  (void)talk_.judged({.is_accepted = true, .user = "ada"});
  EXPECT_EQ(say(get("/query", bearer)), "judge token  mrt_1\n");
  EXPECT_EQ(told(talk_.judged({.user = ""})),
            "refused \nask /query of nobody\n");
  EXPECT_EQ(say(get("/query", bearer)), "judge token  mrt_1\n");
}

TEST_F(HttpLoginTest, AStreamOfNobodyIsNone) {
  EXPECT_EQ(say(get("/stream?table=trade",
                    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                    "Sec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")),
            "ask /stream of nobody\n");
}

TEST_F(HttpLoginTest, WhoMayNotNowIsNotAskedWhoItIs) {
  (void)say(get("/query", "Authorization: Basic YWRhOmI=\r\n"));
  const auto done
    = talk_.judged({.user = "ada", .fault = {errc::busy, "later"}});
  const auto& asked = std::get<handle_request<http_request>>(done.front()).what;
  EXPECT_FALSE(asked.is_unknown);
  const auto made = wish_of(asked, {"127.0.0.1"});
  const auto* known = std::get_if<known_response>(&made);
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->status, 429u);
  EXPECT_EQ(known->body, "{\"error\":\"busy\",\"text\":\"later\"}\n");
  EXPECT_EQ(known->headers, "Retry-After: 1\r\n");
}

TEST(HttpRoutesLoginTest, NobodyIsAskedWhoItIs) {
  http_request what;
  what.method = "GET";
  what.host = "127.0.0.1:80";
  what.is_unknown = true;
  for (const auto* path : {"/", "/query", "/stream", "/status", "/metrics",
                           "/console/x.js", "/publish", "/none"}) {
    what.path = path;
    const auto made = wish_of(what, {"127.0.0.1"});
    const auto* known = std::get_if<known_response>(&made);
    ASSERT_NE(known, nullptr) << path;
    EXPECT_EQ(known->status, 401u) << path;
    EXPECT_NE(known->headers.find("WWW-Authenticate: Basic"),
              std::string::npos);
  }
}

} // namespace
} // namespace millrace::nodes::http
