#include <millrace/nodes/servers/http/console_files.hpp>
#include <millrace/nodes/servers/http/routes.hpp>

#include <gtest/gtest.h>

#include <string>

namespace millrace::nodes::http {
namespace {

known_response console_at(const std::string& path,
                          const std::string& if_none_match = {}) {
  http_request asked;
  asked.method = "GET";
  asked.path = path;
  asked.host = "localhost:8080";
  asked.if_none_match = if_none_match;
  auto made = wish_of(asked, {"127.0.0.1"});
  const auto* out = std::get_if<known_response>(&made);
  return out ? *out : known_response{};
}

/// The value of a header, of which there is one.
std::string header_of(const known_response& from, const std::string& name) {
  const auto begin = from.headers.find(name + ": ");
  if (begin == std::string::npos)
    return {};
  const auto value = begin + name.size() + 2;
  EXPECT_EQ(from.headers.find(name + ": ", value), std::string::npos);
  return from.headers.substr(value, from.headers.find("\r\n", value) - value);
}

TEST(HttpConsoleTest, ThePageIsThereForEachOfItsScreens) {
  const auto page = console_at("/");
  EXPECT_EQ(page.status, 200u);
  EXPECT_EQ(page.type, "text/html; charset=utf-8");
  EXPECT_TRUE(page.body.starts_with("<!doctype html>"));
  for (const auto* path :
       {"/console", "/console/", "/console/query", "/console/board"})
    EXPECT_EQ(console_at(path), page) << path;
  EXPECT_EQ(console_at("/other").status, 404u);
  EXPECT_EQ(console_at("/consoles").status, 404u);
  EXPECT_EQ(console_at("/console/none.js").status, 404u);
  EXPECT_EQ(console_at("/console/../query.js").status, 404u);
}

TEST(HttpConsoleTest, WhatThePageNamesIsThereAndNothingOfOthers) {
  const auto page = console_at("/").body;
  size_t count = 0;
  for (const std::string mark : {"src=\"", "rel=\"stylesheet\" href=\""}) {
    const auto begin = page.find(mark);
    ASSERT_NE(begin, page.npos);
    const auto path = begin + mark.size();
    const auto name = page.substr(path, page.find('"', path) - path);
    EXPECT_TRUE(name.starts_with("/console/")) << name;
    const auto file = console_at(name);
    EXPECT_EQ(file.status, 200u) << name;
    EXPECT_EQ(header_of(file, "Content-Encoding"), "gzip");
    EXPECT_TRUE(file.body.starts_with("\x1f\x8b"));
    EXPECT_EQ(header_of(file, "Cache-Control"),
              "public, max-age=31536000, immutable");
    ++count;
  }
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(page.find("<style"), page.npos);
  EXPECT_EQ(page.find("<script>"), page.npos);
  EXPECT_EQ(console_at("/console/NOTICE.txt").type,
            "text/plain; charset=utf-8");
}

TEST(HttpConsoleTest, NothingOfElsewhereMayRun) {
  const auto page = console_at("/");
  const auto policy = header_of(page, "Content-Security-Policy");
  EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'self'; "
                                 "style-src 'self'; connect-src 'self'"));
  EXPECT_EQ(policy.find("unsafe"), policy.npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), policy.npos);
  EXPECT_EQ(header_of(page, "Cache-Control"), "no-cache");
}

TEST(HttpConsoleTest, WhoHasItIsNotSentItAgain) {
  const auto page = console_at("/");
  const auto tag = header_of(page, "ETag");
  ASSERT_GT(tag.size(), 2u);
  const auto again = console_at("/", "\"other\", W/" + tag);
  EXPECT_EQ(again.status, 304u);
  EXPECT_TRUE(again.body.empty());
  const auto bytes
    = response(again.status, again.type, again.body, true, again.headers);
  EXPECT_EQ(bytes.find("Content-Length"), bytes.npos);
  EXPECT_NE(bytes.find("ETag: " + tag + "\r\n"), bytes.npos);
  EXPECT_TRUE(bytes.ends_with("\r\n\r\n"));
  EXPECT_EQ(console_at("/", "\"other\"").status, 200u);
}

TEST(HttpConsoleTest, AllFilesAreSmall) {
  size_t bytes = 0;
  for (const auto& file : console_files())
    bytes += file.bytes.size();
  EXPECT_GT(bytes, 0u);
  EXPECT_LE(bytes, 300u * 1024);
}

TEST(HttpConsoleTest, ResponsesSayOnceWhetherTheyMayBeKept) {
  EXPECT_NE(response(200, "text/plain", "", true).find("no-store"),
            std::string::npos);
  const auto kept
    = response(200, "text/plain", "", true, "Cache-Control: no-cache\r\n");
  EXPECT_EQ(kept.find("no-store"), std::string::npos);
  EXPECT_TRUE(kept.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain"));
}

} // namespace
} // namespace millrace::nodes::http
