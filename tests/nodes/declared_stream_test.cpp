#include <millrace/nodes/configuration/declared_stream.hpp>

#include <gtest/gtest.h>

namespace millrace::nodes {
namespace {

const std::string declared_base = R"([cluster]
name = "t"
data = "data"
[[stream]]
name = "market"
[[node]]
name = "a"
port = 7001
[[node]]
name = "b"
port = 7002
[[process]]
name = "rt1"
type = "rt"
node = "a"
streams = [ # [ is no list here
  "market",
]
[[process]]
name = "rt2"
type = "rt"
node = "b"
streams = ["market"])";

result<std::string> declare(std::string text, stream_declaration what) {
  text += "\n";
  return declare_stream(text, "c.toml", what);
}

TEST(DeclaredStreamTest, ListsOfStreamsGetOneMore) {
  // A group of one, beside that of two which is none.
  auto text = declared_base;
  text.replace(text.rfind("[\"market\"]"), 10, "[\"other\"]");
  text.replace(text.find("[[stream]]"), 0, "[[stream]]\nname = \"other\"\n");
  const auto made
    = declare(text, {.name = "orders", .mode = "cached", .processes = {"rt1"}});
  ASSERT_TRUE(made) << to_string(made.failure());
  const auto config = parse_configuration(*made, "c.toml");
  ASSERT_TRUE(config);
  ASSERT_NE(config->stream("orders"), nullptr);
  EXPECT_EQ(config->stream("orders")->mode, stream_mode::cached);
  ASSERT_EQ(config->members_of("orders").size(), 1u);
  EXPECT_EQ(config->members_of("orders").front()->name, "rt1");
  EXPECT_EQ(config->members_of("market").size(), 1u);
  // All else is as it was.
  EXPECT_NE(made->find("# [ is no list here"), std::string::npos);
}

TEST(DeclaredStreamTest, WhatIsWrongIsNamed) {
  auto text = declared_base;
  text.erase(text.rfind("streams = "));
  text.erase(text.rfind("[[process]]"));
  const auto code = [&](stream_declaration what) {
    return declare(text, std::move(what)).failure().code;
  };
  EXPECT_EQ(code({.name = "market"}), errc::already_exists);
  EXPECT_EQ(code({.name = "x", .processes = {"rt9"}}), errc::not_found);
  // Nobody would order it.
  EXPECT_EQ(code({.name = "x"}), errc::config);
  EXPECT_EQ(code({.name = "a b", .processes = {"rt1"}}), errc::config);
  EXPECT_EQ(code({.name = "x", .mode = "\"\n[", .processes = {"rt1"}}),
            errc::config);
  EXPECT_EQ(code({.name = "x", .processes = {"rt1"}}), errc::none);
}

} // namespace
} // namespace millrace::nodes
