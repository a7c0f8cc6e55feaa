#include <millrace/nodes/servers/kdb/session.hpp>

#include <gtest/gtest.h>

namespace millrace::nodes::kdb {
namespace {

std::string question(std::string_view text,
                     message_kind sent = message_kind::sync) {
  return *write_message(sent, text_value(std::string{text}));
}

std::string answer(int64_t number) {
  return *write_message(message_kind::response, atom_of(kind::long_, number));
}

session_effects logged_in(session& made) {
  return made.received(std::string_view{"u:p\3\0", 5});
}

TEST(KdbSessionTest, AnswersALoginWithOneByte) {
  struct login_case {
    std::string_view sent;
    char answered;
    std::string_view user;
  };
  for (const auto& [sent, answered, user] : {
         login_case{{"u:p\3\0", 5}, 3, "u"},
         login_case{{"anonymous\3\0", 11}, 3, "anonymous"},
         login_case{{"u:p:q\6\0", 7}, 3, "u"},
         login_case{{"u:p\1\0", 5}, 1, "u"},
         login_case{{"u:p\0", 4}, 0, "u"},
         login_case{{":\3\0", 3}, 3, ""},
       }) {
    session made;
    EXPECT_EQ(made.received(sent),
              session_effects{send_bytes{std::string(1, answered)}});
    EXPECT_EQ(made.user(), user);
  }
}

TEST(KdbSessionTest, BrowsersAreSentToThePortForHttp) {
  const auto answered = [](std::string_view place, const std::string& sent,
                           size_t step) {
    session_limits limits;
    limits.http_place = place;
    session made{limits};
    std::string out;
    bool has_ended = false;
    for (size_t at = 0; at < sent.size(); at += step)
      for (auto& each : made.received(std::string_view{sent}.substr(at, step)))
        if (auto* bytes = std::get_if<send_bytes>(&each))
          out += bytes->bytes;
        else if (auto* end = std::get_if<end_connection>(&each))
          has_ended = end->why == errc::none;
    EXPECT_TRUE(has_ended) << sent;
    return out;
  };
  const std::string rest
    = "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ";
  const auto told = [&](const std::string& to, const std::string& place) {
    const auto body
      = "This port is for clients of kdb+. HTTP is at " + place + "\n";
    return "HTTP/1.1 307 Temporary Redirect\r\nLocation: " + to + rest
           + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n"
           + body;
  };
  const std::string asked = "GET /?tables[] HTTP/1.1\r\nHost: far.org:5010\r\n"
                            "Accept: */*\r\n\r\n";
  for (const size_t step : {size_t{1}, size_t{7}, asked.size()})
    EXPECT_EQ(answered("http://127.0.0.1:8080", asked, step),
              told("http://127.0.0.1:8080/?tables[]", "http://127.0.0.1:8080"));
  // At all addresses: by the name that the browser knows.
  EXPECT_EQ(answered("https://:8080", asked, 5),
            told("https://far.org:8080/?tables[]", "https://far.org:8080"));
  EXPECT_EQ(answered("http://:80", "GET / HTTP/1.0\r\n\r\n", 99),
            told("http://localhost:80/", "http://localhost:80"));
  // Nothing that was sent ends a line of the answer.
  EXPECT_EQ(answered("http://:80",
                     "GET x\ry HTTP/1.1\r\nHost: a\rLocation: b\r\n\r\n", 99),
            told("http://localhost:80/", "http://localhost:80"));
  const auto none = answered("", asked, 9);
  EXPECT_TRUE(none.starts_with("HTTP/1.1 404 Not Found\r\n")) << none;
  EXPECT_NE(none.find("no process of type http is configured"), none.npos);
  EXPECT_TRUE(answered("http://h:1", "HEAD / HTTP/1.1\r\n\r\n", 99)
                .ends_with("close\r\n\r\n"));
  // Who is called so logs in all the same.
  session odd;
  EXPECT_EQ(odd.received({"GET :p\3\0", 8}), session_effects{send_bytes{"\3"}});
  EXPECT_EQ(odd.user(), "GET ");
}

TEST(KdbSessionTest, ATlsHelloIsNoLogin) {
  session made;
  EXPECT_EQ(made.received("\x16"), session_effects{});
  const auto out = made.received({"\x03\x01\x02\x00\x01", 5});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<end_connection>(out[0]).why, errc::malformed_message);
  EXPECT_EQ(made.user(), "");
}

TEST(KdbSessionTest, KnowsClientsByWhatFollowsTheirLogin) {
  session twice;
  EXPECT_EQ(twice.received({"u:p\0\0", 5}),
            session_effects{send_bytes{std::string(1, '\0')}});
  EXPECT_EQ(twice.received(question("a")),
            (session_effects{handle_request{1, true, text_value("a")}}));
  EXPECT_FALSE(twice.is_text());

  session text;
  EXPECT_EQ(text.received({"u:p\0tables", 10}), session_effects{});
  EXPECT_EQ(text.received({"[]\0", 3}),
            (session_effects{handle_request{1, true, text_value("tables[]")}}));
  EXPECT_TRUE(text.is_text());
  EXPECT_EQ(text.answered(1, std::string{"quote trade\n"}),
            (session_effects{send_bytes{"quote trade\n"}, end_connection{}}));
}

TEST(KdbSessionTest, AnswersAnErrorToWhatItCannotRead) {
  session made;
  (void)logged_in(made);
  auto broken = question("a");
  broken[9] = 5; // A list that is longer than its message.
  broken[10] = 127;
  const auto out = made.received(broken);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(static_cast<uint8_t>(std::get<send_bytes>(out[0]).bytes[8]), 0x80);
  EXPECT_EQ(std::get<end_connection>(out[1]).why, errc::malformed_message);
}

TEST(KdbSessionTest, TakesMessagesAsTheyCome) {
  session made;
  auto bytes = std::string{"u:p\3\0", 5} + question("a")
               + question("b", message_kind::async) + question("c");
  session_effects out;
  for (const char c : bytes)
    for (auto& effect : made.received(std::string_view{&c, 1}))
      out.push_back(std::move(effect));
  EXPECT_EQ(out, (session_effects{
                   send_bytes{"\3"},
                   handle_request{1, true, text_value("a")},
                   handle_request{2, false, text_value("b")},
                   handle_request{3, true, text_value("c")},
                 }));
}

TEST(KdbSessionTest, AnswersInTheOrderOfQuestions) {
  session made;
  (void)logged_in(made);
  (void)made.received(question("a") + question("b") + question("c"));
  EXPECT_EQ(made.answered(2, atom_of(kind::long_, int64_t{2})),
            session_effects{});
  EXPECT_EQ(made.answered(1, atom_of(kind::long_, int64_t{1})),
            (session_effects{send_bytes{answer(1)}, send_bytes{answer(2)}}));
  value failed;
  failed.type = kind::error;
  failed.text = "type: no";
  EXPECT_EQ(made.answered(3, error{errc::invalid_argument, "type: no"}),
            (session_effects{
              send_bytes{*write_message(message_kind::response, failed)}}));
  EXPECT_EQ(made.answered(3, generic_null()), session_effects{});
}

TEST(KdbSessionTest, EndsWhatIsNotAClient) {
  const auto ends = [](std::string_view bytes, session_limits limits = {}) {
    session made{limits};
    auto out = logged_in(made);
    for (auto& effect : made.received(bytes))
      out.push_back(std::move(effect));
    const auto* end = std::get_if<end_connection>(&out.back());
    // Nothing comes after the end.
    EXPECT_EQ(made.received(question("a")).empty(), end != nullptr);
    return end ? end->why : errc::none;
  };
  EXPECT_EQ(ends(question("a")), errc::none);
  EXPECT_EQ(ends(answer(1)), errc::malformed_message);
  EXPECT_EQ(ends("GET / HTTP/1.1\r\n"), errc::malformed_message);
  EXPECT_EQ(ends(question("a long one"), {.message_bytes = 20}),
            errc::oversize);
  EXPECT_EQ(ends(question("a") + question("b"), {.requests = 1}),
            errc::limit_exceeded);
  session nobody{{.login_bytes = 10}};
  const auto out = nobody.received("a login that goes on and on");
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<end_connection>(out[0]).why, errc::oversize);
}

} // namespace
} // namespace millrace::nodes::kdb
