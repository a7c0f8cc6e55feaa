#include <millrace/messages/text/json_text.hpp>
#include <millrace/nodes/servers/http/exec_answer.hpp>
#include <millrace/nodes/servers/http/http_session.hpp>
#include <millrace/nodes/servers/http/routes.hpp>
#include <millrace/nodes/servers/port/port_core.hpp>
#include <millrace/nodes/servers/port/told_lines.hpp>

#include <gtest/gtest.h>

#include <random>

namespace millrace::nodes::http {
namespace {

const http_request* request_in(const http_session::effects& effects,
                               size_t at = 0) {
  const auto* out = at < effects.size()
                      ? std::get_if<handle_request<http_request>>(&effects[at])
                      : nullptr;
  return out ? &out->what : nullptr;
}

// Byte by byte: the parser asserts that more of it comes at once.
TEST(HttpSessionTest, ReadsAnEmptyChunkedBodyInAnyPieces) {
  const std::string bytes
    = "POST /query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\n";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    http_session made;
    http_session::effects all;
    for (size_t at = 0; at < bytes.size(); at += step)
      for (auto& effect :
           made.received(std::string_view{bytes}.substr(at, step)))
        all.push_back(std::move(effect));
    ASSERT_EQ(all.size(), 1u) << step;
    EXPECT_EQ(request_in(all)->body, "");
  }
}

TEST(HttpSessionTest, ReadsRequestsAsTheyCome) {
  const std::string bytes
    = "GET /query?query=count%20trade&format=csv HTTP/1.1\r\n"
      "Host: localhost:80\r\nAccept: text/csv\r\n\r\n"
      "POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
      "Connection: close\r\n\r\ncount"
      "POST /query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (const size_t step : {size_t{1}, size_t{7}, bytes.size()}) {
    http_session made;
    EXPECT_TRUE(made.is_awaited());
    http_session::effects all;
    for (size_t at = 0; at < bytes.size(); at += step)
      for (auto& effect :
           made.received(std::string_view{bytes}.substr(at, step)))
        all.push_back(std::move(effect));
    ASSERT_EQ(all.size(), 3u);
    const auto* first = request_in(all);
    EXPECT_EQ(first->method, "GET");
    EXPECT_EQ(first->path, "/query");
    EXPECT_EQ(first->parameters,
              (std::map<std::string, std::string>{{"query", "count trade"},
                                                  {"format", "csv"}}));
    EXPECT_EQ(first->host, "localhost:80");
    EXPECT_EQ(first->accept, "text/csv");
    EXPECT_TRUE(first->keeps_alive);
    EXPECT_EQ(request_in(all, 1)->body, "count");
    EXPECT_FALSE(request_in(all, 1)->keeps_alive);
    EXPECT_EQ(request_in(all, 2)->body, "abcde");
    EXPECT_FALSE(made.is_awaited());
    EXPECT_EQ(made.answered(1, "one"),
              (http_session::effects{send_bytes{"one"}}));
    EXPECT_EQ(made.answered(2, "two"),
              (http_session::effects{send_bytes{"two"}, end_connection{}}));
    EXPECT_TRUE(made.received("GET / HTTP/1.1\r\n\r\n").empty());
  }
}

TEST(HttpSessionTest, RefusesWhatIsTooLongOrNoRequest) {
  const auto status = [](const std::string& bytes, http_limits limits = {}) {
    http_session made{limits};
    const auto out = made.received(bytes);
    EXPECT_EQ(out.size(), 2u) << bytes.substr(0, 40);
    if (out.size() != 2)
      return std::string{};
    EXPECT_NE(std::get<end_connection>(out[1]).why, errc::none);
    EXPECT_TRUE(made.received("more").empty());
    return std::get<send_bytes>(out[0]).bytes.substr(9, 3);
  };
  EXPECT_EQ(status("u:p\3\0 and more\r\n\r\n"), "400");
  EXPECT_EQ(status("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"), "400");
  EXPECT_EQ(status("GET /?a=1&a=2 HTTP/1.1\r\nHost: x\r\n\r\n"), "400");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: localhost\r\nhost: x\r\n\r\n"),
            "400");
  EXPECT_EQ(status("GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n"), "400");
  EXPECT_EQ(status("GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n"), "400");
  EXPECT_EQ(status("GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n"), "400");
  EXPECT_EQ(status("GET / HTTP/1.1\r\nLong: " + std::string(20'000, 'x')),
            "431");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n"),
            "413");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n"
                     + std::string(255, 'x'),
                   {.body_bytes = 100}),
            "413");
}

TEST(HttpSessionTest, TakesTheHostOfAnAbsoluteTarget) {
  for (const auto& [target, path] :
       {std::pair{"http://localhost:80/query?query=x", "/query"},
        std::pair{"HTTP://localhost:80/health", "/health"},
        std::pair{"http://localhost:80?query=x", "/"},
        std::pair{"http://localhost:80", "/"}}) {
    http_session made;
    const auto got = made.received(std::string{"GET "} + target
                                   + " HTTP/1.1\r\nHost: other\r\n\r\n");
    ASSERT_NE(request_in(got), nullptr) << target;
    EXPECT_EQ(request_in(got)->path, path);
    EXPECT_EQ(request_in(got)->host, "localhost:80");
  }
}

TEST(HttpSessionTest, ReadsOnWhenOneOfManySentAheadIsAnswered) {
  const std::string one = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
  constexpr size_t count = 100;
  std::string bytes;
  for (size_t i = 0; i < count; ++i)
    bytes += one;
  http_session made;
  size_t asked = made.received(bytes).size();
  EXPECT_EQ(asked, 16u);
  EXPECT_EQ(made.held_bytes(), (count - 16) * one.size());
  EXPECT_FALSE(made.is_awaited());
  for (size_t i = 1; i <= count; ++i) {
    const auto out = made.answered(i, "a");
    ASSERT_FALSE(out.empty());
    EXPECT_EQ(out[0], (http_session::effects::value_type{send_bytes{"a"}}));
    asked += out.size() - 1;
  }
  EXPECT_EQ(asked, count);
  EXPECT_EQ(made.held_bytes(), 0u);
}

TEST(HttpSessionTest, AnswersWhatCameBeforeABadRequest) {
  http_session made;
  EXPECT_EQ(made
              .received("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
                        "no request\r\n\r\n")
              .size(),
            1u);
  EXPECT_TRUE(made.received("more").empty());
  const auto out = made.answered(1, "one");
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(std::get<send_bytes>(out[0]).bytes, "one");
  EXPECT_TRUE(std::get<send_bytes>(out[1]).bytes.starts_with("HTTP/1.1 400 "));
  EXPECT_EQ(std::get<end_connection>(out[2]).why, errc::malformed_message);
}

TEST(HttpSessionTest, AClientThatSendsNoMoreGetsItsAnswers) {
  const std::string one = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
  constexpr int64_t second = 1'000'000'000;
  port_core<http_session> core{{.idle_ns = 60 * second}};
  (void)core.step(connection_opened{1}, 0);
  (void)core.step(bytes_received{1, one + one}, 0);
  EXPECT_TRUE(core.step(input_ended{1}, 0).empty());
  // It is asked whether it is there: HTTP/1.1 has a response for that.
  EXPECT_TRUE(core.tick(second - 1).empty());
  const auto probe = core.tick(second);
  ASSERT_EQ(probe.size(), 1u);
  EXPECT_EQ(std::get<send_to>(probe[0]).bytes, "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(core.tick(2 * second - 1).empty());
  const auto next = core.answered(1, 1, "one", false, 2 * second);
  ASSERT_EQ(next.size(), 2u);
  EXPECT_EQ(std::get<send_to>(next[0]).bytes, "one");
  EXPECT_EQ(std::get<take_up<http_request>>(next[1]).request, 2u);
  const auto last = core.answered(1, 2, "two", false, 2 * second);
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(std::get<send_to>(last[0]).bytes, "two");
  EXPECT_TRUE(std::holds_alternative<finish_connection>(last[1]));
}

TEST(HttpSessionTest, AClientThatWentIsGivenUpOnceThatShows) {
  port_core<http_session> core;
  (void)core.step(connection_opened{1}, 0);
  (void)core.step(bytes_received{1, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"},
                  0);
  (void)core.step(input_ended{1}, 0);
  const auto gone = core.step(connection_closed{1, {errc::closed, "reset"}}, 1);
  ASSERT_EQ(gone.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<give_up>(gone[0]));
}

TEST(HttpSessionTest, WhatIsNotSentYetIsSentToOneThatSendsNoMore) {
  port_core<http_session> core;
  (void)core.step(connection_opened{1}, 0);
  (void)core.step(bytes_received{1, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"},
                  0);
  (void)core.answered(1, 1, "one", false, 1);
  const auto out = core.step(input_ended{1}, 2);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<finish_connection>(out[0]));
}

TEST(HttpSessionTest, AnswersHeadWithoutABody) {
  http_session made;
  const auto asked = made.received("HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n"
                                   "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_EQ(asked.size(), 2u);
  const auto bytes = response(200, "text/plain", "ok\n", true);
  ASSERT_TRUE(bytes.ends_with("\r\n\r\nok\n"));
  EXPECT_EQ(
    made.answered(1, bytes),
    (http_session::effects{send_bytes{bytes.substr(0, bytes.size() - 3)}}));
  EXPECT_EQ(made.answered(2, bytes),
            (http_session::effects{send_bytes{bytes}}));
}

TEST(HttpSessionTest, InvitesABodyThatWaitsForIt) {
  const send_bytes invites{"HTTP/1.1 100 Continue\r\n\r\n"};
  const std::string head
    = "POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
      "Expect: 100-Continue\r\n\r\n";
  http_session made;
  EXPECT_EQ(made.received(head), (http_session::effects{invites}));
  EXPECT_TRUE(made.received("co").empty());
  const auto whole = made.received("unt");
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_EQ(request_in(whole)->body, "count");
  // After another request it waits for the response to that.
  EXPECT_TRUE(made.received(head).empty());
  EXPECT_EQ(made.answered(1, "one"),
            (http_session::effects{send_bytes{"one"}, invites}));
  EXPECT_EQ(made.received("count").size(), 1u);
  EXPECT_EQ(made.answered(2, "two"),
            (http_session::effects{send_bytes{"two"}}));
  // Who sends it with its body needs none.
  EXPECT_EQ(made.received(head + "count").size(), 1u);
}

TEST(HttpSessionTest, ARequestThatIsNotWholeInTimeIsEnded) {
  port_core<http_session> core{{.patience_ns = 10, .idle_ns = 60}};
  const std::string whole = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
  (void)core.step(connection_opened{1}, 0);
  (void)core.step(bytes_received{1, whole}, 5);
  (void)core.answered(1, 1, "ok", false, 6);
  (void)core.step(bytes_sent{1, 2}, 7);
  // It keeps the connection, and begins another request.
  EXPECT_TRUE(core.tick(50).empty());
  (void)core.step(bytes_received{1, whole.substr(0, 9)}, 50);
  EXPECT_TRUE(core.tick(59).empty());
  const auto ended = core.tick(60);
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<drop_connection>(ended[1]));
  (void)core.step(connection_opened{2}, 100);
  (void)core.step(bytes_received{2, whole}, 101);
  (void)core.answered(2, 1, "ok", false, 102);
  (void)core.step(bytes_sent{2, 2}, 103);
  // It is idle since it took the last byte of its answer.
  EXPECT_TRUE(core.tick(162).empty());
  const auto idle = core.tick(163);
  ASSERT_EQ(idle.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<finish_connection>(idle[0]));
  EXPECT_EQ(core.facts().refused, 1u);
}

TEST(HttpSessionTest, NothingThatIsSentDoesHarm) {
  const std::string good
    = "POST /query?format=csv&at_least=5 HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Length: 11\r\n\r\ncount trade"
      "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "POST /query HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked"
      "\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  std::mt19937_64 random{7};
  const auto below = [&](size_t most) { return random() % most; };
  size_t requests = 0;
  for (int round = 0; round < 10'000; ++round) {
    auto bytes = good;
    for (size_t count = below(6); count != 0; --count) {
      const auto at = below(bytes.size());
      if (below(2) == 0)
        bytes[at] = static_cast<char>(random());
      else
        bytes.erase(at, 1 + below(5));
    }
    http_session made{{.header_bytes = 1024, .body_bytes = 1024}};
    for (size_t at = 0; at < bytes.size();) {
      const auto step = 1 + below(bytes.size());
      const auto out = made.received(std::string_view{bytes}.substr(at, step));
      for (size_t i = 0; i < out.size(); ++i)
        if (const auto* asked = request_in(out, i)) {
          ++requests;
          (void)wish_of(*asked, {"127.0.0.1"});
        }
      EXPECT_LE(made.held_bytes(), 4096u);
      at += step;
    }
  }
  EXPECT_GT(requests, 5'000u);
}

TEST(HttpRoutesTest, KnowsItsPaths) {
  const auto at = [](const char* method, const char* path,
                     const char* host = "localhost:8080") {
    return wish_of({.method = method, .path = path, .host = host},
                   {"127.0.0.1"});
  };
  const auto status = [](const wish& what) {
    const auto* known = std::get_if<known_response>(&what);
    return known ? known->status : 0u;
  };
  EXPECT_EQ(status(at("GET", "/health")), 200u);
  EXPECT_TRUE(std::holds_alternative<readiness_wish>(at("GET", "/ready")));
  EXPECT_FALSE(std::get<status_wish>(at("GET", "/status")).as_metrics);
  EXPECT_TRUE(std::get<status_wish>(at("GET", "/metrics")).as_metrics);
  EXPECT_EQ(status(at("GET", "/nothing")), 404u);
  EXPECT_EQ(status(at("PUT", "/query")), 405u);
  EXPECT_EQ(status(at("POST", "/status")), 405u);
  // Who it is, by the names that it has.
  EXPECT_EQ(status(at("GET", "/health", "127.0.0.1:1")), 200u);
  EXPECT_EQ(status(at("GET", "/health", "evil.example:8080")), 403u);
  // A probe of HTTP/1.0 names no host; nothing else is for it.
  EXPECT_EQ(status(at("GET", "/health", "")), 200u);
  EXPECT_EQ(status(at("GET", "/status", "")), 403u);
  EXPECT_EQ(status(at("GET", "/health", "LocalHost:1")), 200u);
  EXPECT_EQ(status(at("GET", "/health", "localhost:80, evil.com")), 403u);
  EXPECT_EQ(status(at("GET", "/health", "[127.0.0.1]evil.com")), 403u);
  EXPECT_EQ(status(at("GET", "/health", "[127.0.0.1")), 403u);
  EXPECT_EQ(status(at("HEAD", "/health")), 200u);
  EXPECT_EQ(status(at("HEAD", "/nothing")), 404u);
  EXPECT_EQ(
    status(wish_of({.method = "GET", .path = "/health", .host = "[::1]:9"},
                   {"::1"})),
    200u);
}

// A page of another origin, no matter who its browser's user is.
TEST(HttpRoutesTest, PagesOfOthersAreRefusedBeforeALogin) {
  const auto of = [](http_request what) {
    what.path = "/query";
    what.host = "localhost:8080";
    return std::get<known_response>(wish_of(what, {"127.0.0.1"}));
  };
  for (const auto* method : {"GET", "POST", "OPTIONS"})
    for (const bool is_unknown : {true, false})
      for (const auto* origin :
           {"http://evil.example", "http://localhost:3000", "null"}) {
        http_request what{.method = method, .origin = origin};
        what.is_unknown = is_unknown;
        const auto told = of(what);
        EXPECT_EQ(told.status, 403u) << method << " " << origin;
        EXPECT_EQ(told.headers, "") << "no password is asked for";
        what.origin = {};
        what.is_for_another_page = true;
        EXPECT_EQ(of(what).status, 403u) << method;
      }
  // A program, or the port's own page, is asked who it is.
  for (const auto* origin : {"", "http://localhost:8080"}) {
    http_request what{.method = "GET", .origin = origin};
    what.is_unknown = true;
    EXPECT_EQ(of(what).status, 401u) << origin;
    EXPECT_NE(of(what).headers.find("WWW-Authenticate"), std::string::npos);
  }
}

TEST(HttpSessionTest, ABrowserSaysForWhosePageItAsks) {
  const auto is_for_another_page = [](const std::string& headers) {
    http_session made;
    const auto out = made.received("GET /exec?query=x HTTP/1.1\r\nHost: x\r\n"
                                   + headers + "\r\n");
    const auto* asked = request_in(out);
    EXPECT_NE(asked, nullptr) << headers;
    return asked != nullptr && asked->is_for_another_page;
  };
  const auto fetched = [](const std::string& site, const std::string& mode,
                          const std::string& dest) {
    return "Sec-Fetch-Site: " + site + "\r\nSec-Fetch-Mode: " + mode
           + "\r\nSec-Fetch-Dest: " + dest + "\r\n";
  };
  EXPECT_TRUE(is_for_another_page(fetched("cross-site", "no-cors", "image")));
  EXPECT_TRUE(is_for_another_page(fetched("same-site", "no-cors", "script")));
  EXPECT_TRUE(is_for_another_page(fetched("cross-site", "navigate", "iframe")));
  EXPECT_FALSE(
    is_for_another_page(fetched("cross-site", "navigate", "document")));
  EXPECT_FALSE(is_for_another_page(fetched("same-origin", "cors", "empty")));
  EXPECT_FALSE(is_for_another_page(fetched("none", "navigate", "document")));
  EXPECT_FALSE(is_for_another_page(""));
}

TEST(HttpRoutesTest, KnowsTheNamesOfItsCertificate) {
  const own_site site{"10.1.2.3", {"db.example", "*.sub.example"}, true};
  const auto status = [&](const char* host, const char* origin = "") {
    const auto out = wish_of(
      {.method = "GET", .path = "/health", .host = host, .origin = origin},
      site);
    return std::get<known_response>(out).status;
  };
  for (const auto* own : {"10.1.2.3:1", "DB.example", "db.example:443",
                          "a.sub.example", "localhost:1"})
    EXPECT_EQ(status(own), 200u) << own;
  for (const auto* other :
       {"sub.example", ".sub.example", "a.b.sub.example", "asub.example",
        "db.example.evil", "*.sub.example.evil", "example", "10.1.2.4"})
    EXPECT_EQ(status(other), 403u) << other;
  EXPECT_EQ(status("db.example", "https://db.example"), 200u);
  EXPECT_EQ(status("db.example", "http://db.example"), 403u);
  EXPECT_EQ(status("db.example", "https://evil.example"), 403u);
}

TEST(HttpRoutesTest, TakesQueries) {
  const auto query = [](http_request what) {
    what.path = "/query";
    what.host = "localhost";
    auto made = wish_of(what, {"127.0.0.1"});
    const auto* asks = std::get_if<query_wish>(&made);
    if (asks)
      return asks->parameters
             + (asks->format == query::result_format::csv     ? " csv"
                : asks->format == query::result_format::arrow ? " arrow"
                                                              : " json");
    const auto& known = std::get<known_response>(made);
    return std::to_string(known.status) + " " + known.body;
  };
  EXPECT_EQ(query({.method = "POST", .body = "count trade"}),
            R"({"language":"qsql","text":"count trade"} json)");
  EXPECT_EQ(query({.method = "GET",
                   .parameters = {{"query", "count trade"}},
                   .accept = "text/csv"}),
            R"({"language":"qsql","text":"count trade"} csv)");
  EXPECT_EQ(query({.method = "POST",
                   .parameters = {{"format", "csv"}, {"at_least", "17"}},
                   .body = R"( {"tablename":"trade"})"}),
            R"({"tablename":"trade","at_least":17} csv)");
  EXPECT_EQ(query({.method = "POST",
                   .accept = "application/vnd.apache.arrow.stream",
                   .body = "trade"}),
            R"({"language":"qsql","text":"trade"} arrow)");
  EXPECT_EQ(query({.method = "POST",
                   .parameters = {{"format", "arrow"}},
                   .accept = "text/csv",
                   .body = "trade"}),
            R"({"language":"qsql","text":"trade"} arrow)");
  EXPECT_EQ(query({.method = "POST",
                   .parameters = {{"language", "sql"}},
                   .body = "select * from trade"}),
            R"({"language":"sql","text":"select * from trade"} json)");
  EXPECT_EQ(query({.method = "POST",
                   .parameters = {{"language", "getdata"}},
                   .body = R"({"language":"sql","text":"select 1"})"}),
            R"({"language":"sql","text":"select 1"} json)");
  for (const auto& [what, tells] :
       std::vector<std::pair<http_request, const char*>>{
         {{.method = "POST"}, "the query is empty"},
         {{.method = "POST", .parameters = {{"query", "x"}}, .body = "y"},
          "there is no parameter 'query'"},
         {{.method = "POST", .parameters = {{"format", "xml"}}, .body = "y"},
          "format is json, csv or arrow, not 'xml'"},
         {{.method = "POST", .parameters = {{"language", "q"}}, .body = "y"},
          "language is qsql, sql or getdata"},
         {{.method = "POST", .body = "{"}, "the query: "},
         {{.method = "POST", .parameters = {{"at_least", "x"}}, .body = "y"},
          "at_least is a position"}}) {
    const auto got = query(what);
    EXPECT_TRUE(got.starts_with("400 ")) << got;
    EXPECT_NE(got.find(tells), std::string::npos) << got;
  }
  EXPECT_EQ(
    failed_response({errc::timeout, "a \"b\""}),
    (known_response{504,
                    "application/json",
                    "{\"error\":\"timeout\",\"text\":\"a \\\"b\\\"\"}\n",
                    {}}));
  const auto full = failed_response({errc::overloaded, "rdb1 is full"});
  EXPECT_EQ(full.status, 503u);
  EXPECT_EQ(full.headers, "Retry-After: 1\r\n");
}

// -- /exec --------------------------------------------------------------------

std::variant<known_response, query_wish>
exec(std::map<std::string, std::string> parameters) {
  auto made = wish_of({.method = "GET",
                       .path = "/exec",
                       .parameters = std::move(parameters),
                       .host = "localhost"},
                      {"127.0.0.1"});
  if (auto* asks = std::get_if<query_wish>(&made))
    return std::move(*asks);
  return std::get<known_response>(made);
}

TEST(HttpExecTest, TakesWhatClientsOfTheInterfaceSay) {
  const auto parameters = [](std::map<std::string, std::string> what) {
    what["query"] = "trade";
    return std::get<query_wish>(exec(std::move(what))).parameters;
  };
  EXPECT_EQ(parameters({}), R"({"language":"sql","text":"trade"})");
  EXPECT_EQ(parameters({{"limit", "10"}}),
            R"({"language":"sql","text":"trade","limit":10})");
  EXPECT_EQ(parameters({{"limit", "5,10"}, {"nm", "true"}}),
            R"({"language":"sql","text":"trade","limit":10})");
  // All are found for those who want to know how many there are.
  EXPECT_EQ(parameters({{"limit", "10"}, {"count", "true"}}),
            R"({"language":"sql","text":"trade"})");
  EXPECT_EQ(parameters({{"explain", "true"}, {"timings", "false"}}),
            R"({"language":"sql","text":"trade","explain":true})");
  const auto form = *std::get<query_wish>(exec({{"query", "trade"},
                                                {"limit", "5,10"},
                                                {"nm", "true"},
                                                {"timings", "true"},
                                                {"quoteLargeNum", "true"}}))
                       .exec;
  EXPECT_EQ(form.begin, 5u);
  EXPECT_EQ(form.end, 10u);
  EXPECT_FALSE(form.has_columns);
  EXPECT_TRUE(form.has_timings);
  EXPECT_TRUE(form.quotes_longs);
}

TEST(HttpExecTest, TellsWhatIsWrongInItsOwnForm) {
  for (const auto& [what, tells] :
       std::vector<std::pair<std::map<std::string, std::string>, const char*>>{
         {{}, "the query is empty"},
         {{{"query", " "}}, "the query is empty"},
         {{{"query", "t"}, {"limit", "x"}}, "limit is a count of rows"},
         {{{"query", "t"}, {"limit", "-5"}}, "limit is a count of rows"},
         {{{"query", "t"}, {"limit", "9,5"}}, "limit is a count of rows"},
         {{{"query", "t"}, {"limit", "1,2,3"}}, "limit is a count of rows"},
         {{{"query", "t"}, {"nm", "1"}}, "nm is true or false, not '1'"},
         {{{"query", "t"}, {"count", "y"}}, "count is true or false"},
         {{{"query", "t"}, {"cont", "true"}}, "no parameter 'cont'"}}) {
    const auto said = std::get<known_response>(exec(what));
    EXPECT_EQ(said.status, 400u);
    const auto read = text::parse_json(said.body);
    ASSERT_TRUE(read) << said.body;
    EXPECT_NE(read->at("error").text_or_empty().find(tells), std::string::npos)
      << said.body;
    EXPECT_EQ(read->at("position").natural(), 0u);
    EXPECT_TRUE(read->at("query").text());
  }
  exec_form form;
  form.query = "select é,\n  prise from trade";
  const auto failed = exec_failure(
    {errc::not_found, "line 2, column 3: no column 'prise'"}, form);
  EXPECT_EQ(failed.body, R"({"query":"select é,\n  prise from trade",)"
                         R"("error":"no column 'prise'","position":12})"
                         "\n");
}

TEST(HttpSessionTest, OneMoreThanThereMayBeIsTold) {
  const auto said = http_session::no_place(2);
  EXPECT_TRUE(said.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << said;
  EXPECT_NE(said.find("\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
                      "{\"error\":\"2 connections are open"),
            said.npos)
    << said;
}

TEST(ToldLinesTest, TellsOfOneKindNowAndThen) {
  told_lines told;
  constexpr auto later = told_lines::interval_ns;
  EXPECT_EQ(told.next("a", "one", 0), "one");
  EXPECT_EQ(told.next("b", "two", 1), "two");
  EXPECT_EQ(told.next("a", "three", 2), std::nullopt);
  EXPECT_EQ(told.next("a", "four", later - 1), std::nullopt);
  EXPECT_EQ(told.next("a", "five", later), "five; 2 more since the last line");
}

// Goal: clients that choose what a line is about fill neither log nor memory.
TEST(ToldLinesTest, OfAnyNumberOfKindsSomeAreTold) {
  told_lines told;
  size_t lines = 0;
  for (int i = 0; i < 20'000; ++i)
    lines += told.next(std::to_string(i), "x", 0).has_value();
  EXPECT_LT(lines, 5'000u);
  const auto later = told_lines::interval_ns;
  EXPECT_EQ(told.next("new", "y", later), "y");
}

} // namespace
} // namespace millrace::nodes::http
