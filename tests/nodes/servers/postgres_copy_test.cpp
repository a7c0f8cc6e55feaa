// What clients of PostgreSQL ask beside queries: COPY, savepoints, functions
// without FROM, arrays and numerics as parameters.

#include <gtest/gtest.h>

#include "postgres_talk.hpp"

namespace millrace::nodes::postgres {
namespace {

TEST(PgSessionTest, PoolsResetTheirSessions) {
  talk it;
  // What asyncpg says when a connection goes back to its pool.
  EXPECT_EQ(pg_read(it.say(pg_query("SELECT pg_advisory_unlock_all();\n"
                                    "CLOSE ALL;\nUNLISTEN *;\nRESET ALL;"))),
            "T(pg_advisory_unlock_all:25) D C(SELECT 1) "
            "C(CLOSE CURSOR ALL) C(UNLISTEN) C(RESET) Z(I)");
  EXPECT_EQ(pg_read(it.say(pg_query("select now(), current_date, now()::date, "
                                    "current_timestamp::text as t"))),
            "T(now:1114,current_date:1082,now:1082,t:25) "
            "D(2024-01-02 14:30:00.5,2024-01-02,2024-01-02,"
            "2024-01-02 14:30:00.500000) C(SELECT 1) Z(I)");
  EXPECT_EQ(pg_read(it.say(pg_query("listen news"))).substr(0, 8), "E(0A000 ");
  EXPECT_NE(pg_read(it.say(pg_query("select nothing()"))).find("0A000"),
            std::string::npos);
}

TEST(PgSessionTest, SavepointsAreThereOrNot) {
  talk it;
  const auto say = [&](const std::string& text) {
    const auto got = pg_read(it.say(pg_query(text)));
    return got.substr(0, got.find(' ')) + got.substr(got.size() - 3);
  };
  EXPECT_EQ(say("savepoint a"), "E(25P01(I)");
  EXPECT_EQ(say("rollback to a"), "E(25P01(I)");
  EXPECT_EQ(say("begin"), "C(BEGIN)(T)");
  EXPECT_EQ(say("savepoint a"), "C(SAVEPOINT)(T)");
  EXPECT_EQ(say("savepoint b"), "C(SAVEPOINT)(T)");
  EXPECT_EQ(say("rollback to savepoint a"), "C(ROLLBACK)(T)");
  EXPECT_EQ(say("release b"), "E(3B001(E)");
  EXPECT_EQ(say("savepoint c"), "E(25P02(E)");
  EXPECT_EQ(say("rollback to b"), "E(3B001(E)");
  EXPECT_EQ(say("rollback to a"), "C(ROLLBACK)(T)");
  EXPECT_EQ(say("release savepoint a"), "C(RELEASE)(T)");
  EXPECT_EQ(say("rollback to a"), "E(3B001(E)");
  EXPECT_EQ(say("rollback"), "C(ROLLBACK)(I)");
}

/// The data of a COPY, and what else came.
std::string copied(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto size = message_bytes(bytes);
    if (size == 0)
      return out + " and more";
    const auto body = bytes.substr(5, size - 5);
    if (bytes[0] == 'd')
      out += body;
    else if (bytes[0] == 'H')
      out += "H" + std::to_string(int{body[0]}) + ":";
    else if (bytes[0] == 'c')
      out += "c";
    else
      out += pg_read(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return out;
}

TEST(PgSessionTest, CopiesRowsOut) {
  const auto rows = pg_rows({{"A,\"1\"", 1}, {"B\tb", 2}, {"", null_int}});
  const auto copy = [&](const std::string& text) {
    talk it;
    (void)it.say(pg_query(text));
    EXPECT_TRUE(it.is_asking) << text;
    EXPECT_EQ(it.asked.text, "select sym, size from trade");
    const auto made = copy_messages(rows, *it.asked.copy);
    return copied(it.take(it.session.answered(it.id, *made)));
  };
  const std::string source = "copy (select sym, size from trade) to stdout";
  EXPECT_EQ(copy(source), "H0:A,\"1\"\t1\nB\\tb\t2\n\\N\t\\N\n"
                          "cC(COPY 3)Z(I)");
  EXPECT_EQ(copy(source + " (format csv, header)"),
            "H0:sym,size\n\"A,\"\"1\"\"\",1\nB\tb,2\n,\ncC(COPY 3)Z(I)");
  EXPECT_EQ(copy(source + " with csv delimiter ';' null 'none'"),
            "H0:\"A,\"\"1\"\"\";1\nB\tb;2\nnone;none\ncC(COPY 3)Z(I)");
  EXPECT_EQ(copy("copy trade (sym, size) to stdout").substr(0, 3), "H0:");
  const auto binary = copy(source + " (format binary)");
  const std::string head{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
  const std::string first{"\0\2\0\0\0\5A,\"1\"\0\0\0\4\0\0\0\1", 19};
  const std::string last{"\0\2\377\377\377\377\377\377\377\377\377\377", 12};
  EXPECT_TRUE(binary.starts_with("H1:" + head + first)) << binary;
  EXPECT_TRUE(binary.ends_with(last + "cC(COPY 3)Z(I)")) << binary;
  // The signature stands before the first row, in its message; without rows
  // before the end. Clients take each message for a row.
  const copy_style style{.format = copy_format::binary};
  const auto messages = [&](const query::table_data& of) {
    const auto made = *copy_messages(of, style);
    std::vector<std::string> out;
    for (std::string_view left{made}; !left.empty();) {
      const auto size = message_bytes(left);
      out.emplace_back(left.substr(5, size - 5));
      left.remove_prefix(size);
    }
    return out;
  };
  const auto all = messages(rows);
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[1], head + first);
  EXPECT_EQ(all[4], "\377\377");
  const auto none = messages(pg_rows({}));
  ASSERT_EQ(none.size(), 2u);
  EXPECT_EQ(none[1], head + "\377\377");
  talk it;
  for (const auto* refused : {"copy trade from stdin", "copy trade to '/tmp/x'",
                              "copy (drop table trade) to stdout",
                              "copy trade to stdout (format xml)",
                              "copy trade to stdout (oids true)"})
    EXPECT_EQ(pg_read(it.say(pg_query(refused))).substr(0, 8), "E(0A000 ")
      << refused;
  EXPECT_EQ(copied(it.say(pg_query("copy (select 1 as a) to stdout"))),
            "H0:1\ncC(COPY 1)Z(I)");
}

TEST(PgSessionTest, ArraysAndNumericsAreParameters) {
  const auto asked = [](const std::string& text, const std::string& value,
                        int16_t format, const std::vector<uint32_t>& types) {
    talk it;
    const auto got
      = it.say(pg_parse("", text, types) + pg_bind("", "", {value}, {}, format)
               + pg_execute("") + pg_sync);
    return it.is_asking ? it.asked.text : pg_read(got);
  };
  const std::string text = "select sym from trade where sym = any($1)";
  // The elements a, b"c and null.
  const std::string binary{"\0\0\0\1\0\0\0\1\0\0\0\31\0\0\0\3\0\0\0\1"
                           "\0\0\0\1a\0\0\0\3b\"c\377\377\377\377",
                           36};
  for (const auto& types : std::vector<std::vector<uint32_t>>{{}, {1009}}) {
    EXPECT_EQ(asked(text, binary, 1, types),
              "select sym from trade where sym = any(ARRAY['a','b\"c',NULL])");
    EXPECT_EQ(asked(text, "{a,\"b, \\\"c\"}", 0, types),
              "select sym from trade where sym = any(ARRAY['a','b, \"c'])");
    EXPECT_EQ(asked(text, "{}", 0, types),
              "select sym from trade where sym = any('{}')");
  }
  EXPECT_EQ(
    asked("select sym from trade where size = any($1)", "{1,-2}", 0, {}),
    "select sym from trade where size = any(ARRAY[ (1) , (-2) ])");
  for (const auto* bad : {"{a", "{a,}", "{\"a}", "a", "{{a}}"})
    EXPECT_NE(asked(text, bad, 0, {}).find("22P02"), std::string::npos) << bad;
  const auto price = [&](const std::string& value) {
    return asked("select sym from trade where price > $1", value, 1, {1700});
  };
  const auto wanted = [](const std::string& value) {
    return "select sym from trade where price >  (" + value + ") ";
  };
  // 1234567.0809, -0.05, 0 and 20000, as PostgreSQL sends them.
  EXPECT_EQ(price({"\0\3\0\1\0\0\0\4\0\173\21\327\3\51", 14}),
            wanted("1234567.0809"));
  EXPECT_EQ(price({"\0\1\377\377\100\0\0\2\1\364", 10}), wanted("-0.05"));
  EXPECT_EQ(price({"\0\0\0\0\0\0\0\0", 8}), wanted("0"));
  EXPECT_EQ(price({"\0\1\0\1\0\0\0\0\0\2", 10}), wanted("20000"));
  EXPECT_NE(price({"\0\0\0\0\300\0\0\0", 8}).find("22P02"), std::string::npos);
}

} // namespace
} // namespace millrace::nodes::postgres
