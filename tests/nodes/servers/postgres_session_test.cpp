// What clients of PostgreSQL send, as bytes, and what they get.

#include <millrace/nodes/servers/port/port_core.hpp>
#include <millrace/nodes/servers/postgres/session.hpp>
#include <millrace/nodes/servers/postgres/wire.hpp>

#include <gtest/gtest.h>

#include <random>

#include "postgres_talk.hpp"

namespace millrace::nodes::postgres {
namespace {

TEST(PgSessionTest, BeginsAsClientsExpect) {
  std::string ssl;
  append_number(ssl, uint32_t{8});
  append_number(ssl, uint32_t{80'877'103});
  const auto bytes = ssl + startup();
  for (const size_t step : {size_t{1}, size_t{3}, bytes.size()}) {
    talk made{false};
    std::string got;
    for (size_t at = 0; at < bytes.size(); at += step)
      got += made.say(std::string_view{bytes}.substr(at, step));
    ASSERT_EQ(got[0], 'N');
    const auto text = pg_read(std::string_view{got}.substr(1));
    EXPECT_TRUE(text.starts_with("R S(server_version=15.0) ")) << text;
    EXPECT_NE(text.find("S(session_authorization=me)"), text.npos);
    EXPECT_TRUE(text.ends_with(" K Z(I)")) << text;
    EXPECT_FALSE(made.session.is_awaited());
    EXPECT_TRUE(made.session.has({7, 9}));
    EXPECT_FALSE(made.session.has({7, 8}));
  }
}

TEST(PgSessionTest, SettingsStandInOptionsOfTheStart) {
  const auto shown = [](talk& at, const std::string& name) {
    return pg_read(at.say(pg_message('Q', "show " + name + "|")));
  };
  const auto value = [](const std::string& name, const std::string& of) {
    return "T(" + name + ":25) D(" + of + ") C(SELECT 1) Z(I)";
  };
  talk made{false};
  const auto told = pg_read(
    made.say(startup("me", " -c statement_timeout=1500  -csearch_path=public "
                           "--application-name=a\\ b\\\\c")));
  EXPECT_NE(told.find("S(application_name=a b\\c)"), told.npos) << told;
  EXPECT_TRUE(told.ends_with("Z(I)")) << told;
  const auto timeout = value("statement_timeout", "1500");
  EXPECT_EQ(shown(made, "statement_timeout"), timeout);
  EXPECT_EQ(shown(made, "search_path"), value("search_path", "public"));
  (void)made.say(pg_message('Q', "select sym from trade|"));
  EXPECT_EQ(made.asked.timeout_ns, 1'500'000'000);
  (void)made.answer(pg_rows({}));
  // It is what is reset to.
  for (const auto* reset :
       {"reset statement_timeout|", "reset all|", "discard all|",
        "set statement_timeout to "
        "default|"}) {
    (void)made.say(pg_message('Q', "set statement_timeout = 7|"));
    EXPECT_EQ(shown(made, "statement_timeout"),
              value("statement_timeout", "7"));
    (void)made.say(pg_message('Q', reset));
    EXPECT_EQ(shown(made, "statement_timeout"), timeout) << reset;
    (void)made.say(pg_message('Q', "select sym from trade|"));
    EXPECT_EQ(made.asked.timeout_ns, 1'500'000'000) << reset;
    (void)made.answer(pg_rows({}));
  }
  for (const auto& [options, wanted] :
       {std::pair{"-e", "E(22023 of options there are -c name=value and "
                        "--name=value, and not '-e')"},
        {"-c geqo", "E(22023 of options there are -c name=value and "
                    "--name=value, and not 'geqo')"},
        {"-c nothing=1", "E(22023 there is no setting 'nothing')"},
        {"-c TimeZone=Asia/Tokyo",
         "E(22023 TimeZone is utc here, and not 'Asia/Tokyo')"}}) {
    talk refused{false};
    EXPECT_EQ(pg_read(refused.say(startup("me", options))), wanted);
  }
}

TEST(PgSessionTest, OneMoreThanThereMayBeIsTold) {
  using core = port_core<pg_session>;
  core port{{.connections_max = 1}};
  (void)port.step(connection_opened{1}, 0);
  (void)port.step(bytes_received{1, startup()}, 0);
  const auto told = port.step(connection_opened{2}, 0);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(pg_read(std::get<send_to>(told[1]).bytes),
            "E(53300 1 connections are open, as many as there may be "
            "(connections_max; idle_max ends idle ones))");
  EXPECT_EQ(std::get<finish_connection>(told[2]).which, 2u);
  // It has asked for TLS, and gets no bytes in the clear.
  const auto unsaid = port.step(connection_opened{3, {}, true}, 0);
  ASSERT_EQ(unsaid.size(), 2u);
  EXPECT_EQ(std::get<drop_connection>(unsaid[1]).which, 3u);
}

TEST(PgSessionTest, WhoIsEndedForBeingIdleIsToldSo) {
  constexpr int64_t minute_ns = 60'000'000'000;
  using core = port_core<pg_session>;
  core port{{.idle_ns = minute_ns}};
  (void)port.step(connection_opened{1}, 0);
  const auto begun = port.step(bytes_received{1, startup()}, 0);
  for (const auto& each : begun)
    if (const auto* sent = std::get_if<send_to>(&each))
      (void)port.step(bytes_sent{1, sent->bytes.size()}, 0);
  // Who it is was asked.
  const auto let_in = port.answered(1, 1, std::string(8, '\0'), false, 0);
  for (const auto& each : let_in)
    if (const auto* sent = std::get_if<send_to>(&each))
      (void)port.step(bytes_sent{1, sent->bytes.size()}, 0);
  const auto told = port.tick(minute_ns);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(pg_read(std::get<send_to>(told[0]).bytes),
            "E(57P05 the connection was idle for longer than it may be "
            "(idle_max))");
  EXPECT_EQ(std::get<finish_connection>(told[1]).which, 1u);
}

/// A session at a port that has a certificate, and what it comes to.
struct tls_talk {
  tls_talk() {
    pg_limits limits;
    limits.served = served_trades();
    limits.tls_end_point = "end point";
    session = pg_session{limits};
  }
  std::string say(const std::string& bytes) {
    std::string out;
    for (const auto& each : session.received(bytes))
      if (const auto* sent = std::get_if<send_bytes>(&each))
        out += sent->bytes.size() == 1 ? sent->bytes : pg_read(sent->bytes);
      else if (std::holds_alternative<start_tls>(each))
        out += " tls";
      else if (std::holds_alternative<handle_request<pg_wish>>(each))
        out += " wish";
      else if (std::holds_alternative<end_connection>(each))
        out += " end";
    return out;
  }
  static std::string request(uint32_t number) {
    std::string out;
    append_number(out, uint32_t{8});
    append_number(out, number);
    return out;
  }
  pg_session session;
};

TEST(PgSessionTest, TlsBeginsWhenAClientAsksForIt) {
  tls_talk at;
  // One that asks for GSSAPI first is told to go on.
  EXPECT_EQ(at.say(tls_talk::request(80'877'104)), "N");
  EXPECT_EQ(at.say(tls_talk::request(80'877'103)), "S tls");
  EXPECT_TRUE(at.session.is_awaited());
  EXPECT_EQ(at.say(startup()), " wish");
}

TEST(PgSessionTest, WhatComesBehindTheRequestForTlsInTheClearIsRefused) {
  for (const auto& more : {startup(), std::string{"\x16\3\1"}}) {
    tls_talk at;
    const auto out = at.say(tls_talk::request(80'877'103) + more);
    EXPECT_TRUE(out.starts_with("E(08P01 there are bytes between")) << out;
    EXPECT_TRUE(out.ends_with(" end")) << out;
    EXPECT_EQ(out.find("tls"), out.npos);
  }
  tls_talk twice;
  (void)twice.say(tls_talk::request(80'877'103));
  EXPECT_TRUE(twice.say(tls_talk::request(80'877'103))
                .starts_with("E(08P01 this is by TLS already"));
}

TEST(PgSessionTest, APortWithACertificateServesNobodyInTheClear) {
  tls_talk at;
  EXPECT_EQ(at.say(startup()), "E(28000 this port wants TLS: connect with "
                               "sslmode=require, or verify-full) end");
  // libpq cancels in the clear.
  std::string cancels;
  append_number(cancels, uint32_t{16});
  append_number(cancels, uint32_t{80'877'102});
  append_number(cancels, uint64_t{1});
  tls_talk other;
  EXPECT_EQ(other.say(cancels), " wish end");
}

TEST(PgSessionTest, GoldenBytesOfTheFirstAnswers) {
  talk made;
  EXPECT_EQ(made.say(pg_message('Q', ";|")),
            (std::string{"I\0\0\0\4Z\0\0\0\5I", 11}));
  EXPECT_EQ(made.say(pg_message('Q', "select 1|")),
            (std::string{"T\0\0\0\x21\0\1?column?\0\0\0\0\0\0\0\0\0\0\x17\0\4"
                         "\xff\xff\xff\xff\0\0",
                         34}
             + std::string{"D\0\0\0\xb\0\1\0\0\0\1"
                           "1",
                           12}
             + std::string{"C\0\0\0\rSELECT 1\0Z\0\0\0\5I", 20}));
}

TEST(PgSessionTest, StatementsOfTheSessionAreAnsweredAlone) {
  struct said {
    const char* text;
    const char* wanted;
  };
  for (const auto& [text, wanted] : std::vector<said>{
         {"-- ping|", "I Z(I)"},
         {"begin; select 1; commit|",
          "C(BEGIN) T(?column?:23) D(1) C(SELECT 1) C(COMMIT) Z(I)"},
         {"BEGIN|", "C(BEGIN) Z(T)"},
         {"commit|", "N(01000 there is no transaction) C(COMMIT) Z(I)"},
         {"SET extra_float_digits = 3|", "C(SET) Z(I)"},
         {"set application_name to 'x'|", "C(SET) S(application_name=x) Z(I)"},
         {"SET client_encoding TO 'LATIN1'|",
          "E(22023 client_encoding is utf8 here, and not 'LATIN1') Z(I)"},
         {"set nothing to 1|", "E(42704 there is no setting 'nothing') Z(I)"},
         {"SET TIME ZONE 'UTC'|", "C(SET) Z(I)"},
         {"show transaction isolation level|",
          "T(transaction_isolation:25) D(read committed) C(SELECT 1) Z(I)"},
         {"show server_version|",
          "T(server_version:25) D(15.0) C(SELECT 1) Z(I)"},
         {"discard all|", "C(DISCARD ALL) Z(I)"},
         {"select version() as v, current_schema(), null, 'it''s'::text|",
          "T(v:25,current_schema:25,?column?:25,text:25) D(PostgreSQL 15.0 "
          "(Millrace),public,null,it's) C(SELECT 1) Z(I)"},
         {"SELECT current_setting('server_version_num')::int/100 as version|",
          "T(version:23) D(1500) C(SELECT 1) Z(I)"},
         {"select cbrt(8)|",
          "E(0A000 the function cbrt is not there where the catalogue is "
          "asked) Z(I)"},
         {"insert into trade values (1)|",
          "E(0A000 INSERT cannot be done here: this port only reads) Z(I)"},
         {"select 1; drop table trade; select 2|",
          "T(?column?:23) D(1) C(SELECT 1) E(0A000 DROP cannot be done here: "
          "this port only reads) Z(I)"},
         {"select 'x|", "E(42601 the text has no end 8) Z(I)"},
       }) {
    talk made;
    EXPECT_EQ(pg_read(made.say(pg_message('Q', text))), wanted) << text;
    EXPECT_FALSE(made.is_asking) << text;
  }
}

TEST(PgSessionTest, AQueryIsTheGatewaysAndItsFaultHasAPlace) {
  talk made;
  EXPECT_EQ(made.say(pg_message('Q', "select sym, size from trade; select 2|")),
            "");
  EXPECT_EQ(made.asked.text, "select sym, size from trade");
  EXPECT_EQ(pg_read(made.answer(pg_rows({{"A", 1}, {"", null_int}}))),
            "T(sym:25,size:23) D(A,1) D(null,null) C(SELECT 2) "
            "T(?column?:23) D(2) C(SELECT 1) Z(I)");
  (void)made.say(pg_message('Q', "select 1;\n select prise from trade|"));
  EXPECT_EQ(made.asked.text, "select prise from trade");
  EXPECT_EQ(
    pg_read(made.answer_failure(
      {errc::not_found, "line 1, column 8: there is no column 'prise'"})),
    "E(42703 there is no column 'prise' 19) Z(I)");
}

TEST(PgSessionTest, AFailedTransactionEndsWithRollback) {
  talk made;
  (void)made.say(pg_message('Q', "begin|"));
  EXPECT_EQ(pg_read(made.say(pg_message('Q', "delete from trade|"))),
            "E(0A000 DELETE cannot be done here: this port only reads) Z(E)");
  EXPECT_EQ(pg_read(made.say(pg_message('Q', "select 1|"))),
            "E(25P02 the transaction failed before; it ends with ROLLBACK) "
            "Z(E)");
  EXPECT_EQ(pg_read(made.say(pg_message('Q', "commit|"))), "C(ROLLBACK) Z(I)");
}

TEST(PgSessionTest, TheExtendedProtocolHasParameters) {
  talk made;
  const std::string text
    = "select sym, size from trade where size > $1 and sym = $2 limit $3";
  EXPECT_EQ(
    pg_read(made.say(pg_parse("s", text) + pg_describe('S', "s") + pg_sync)),
    "1 t(23,25,20) T(sym:25,size:23) Z(I)");
  std::string four;
  append_number(four, int32_t{-4});
  EXPECT_EQ(made
              .say(pg_bind("", "s", {"4", "it's", "2"}, {0, 1})
                   + pg_describe('P', "") + pg_execute("") + pg_sync)
              .empty(),
            false);
  EXPECT_EQ(made.asked.text,
            "select sym, size from trade where size >  (4)  and sym = "
            "'it''s' limit  (2) ");
  EXPECT_EQ(pg_read(made.answer(pg_rows({{"A", 0x41424344}}))),
            "D(A,ABCD) C(SELECT 1) Z(I)");
  // Binary numbers, as pgjdbc and pgx send them.
  EXPECT_EQ(pg_read(made.say(
              pg_parse("", "select sym from trade where size = $1", {23})
              + pg_bind("", "", {four}, {}, 1) + pg_execute("") + pg_sync)),
            "1 2");
  EXPECT_EQ(made.asked.text, "select sym from trade where size =  (-4) ");
}

TEST(PgSessionTest, NamedQueriesAreDescribedWithTheirParameters) {
  talk made;
  const std::string rows = "T(sym:25,time:1114,high:701,low:701,open:701,"
                           "close:701,totalsize:20,vwap:701)";
  const std::string asked = "select * from hloc($1, $2, $3) where sym = $4";
  EXPECT_EQ(
    pg_read(made.say(pg_parse("s", asked) + pg_describe('S', "s") + pg_sync)),
    "1 t(1082,1082,1186,25) " + rows + " Z(I)");
  // As pgjdbc sends what its program calls texts.
  EXPECT_EQ(pg_read(made.say(pg_parse("v", asked, {1043, 1043, 1043, 1043})
                             + pg_describe('S', "v") + pg_sync)),
            "1 t(1043,1043,1043,1043) " + rows + " Z(I)");
  const auto told = pg_read(
    made.say(pg_bind("", "s", {"2024-01-02", "2024-01-02", "01:00", "A"})
             + pg_describe('P', "") + pg_execute("") + pg_sync));
  EXPECT_EQ(told, "2 " + rows);
  EXPECT_EQ(made.asked.text,
            "select * from hloc('2024-01-02', '2024-01-02', interval '01:00') "
            "where sym = 'A'");
}

TEST(PgSessionTest, AnIntervalIsOneBesideATime) {
  talk made;
  // Binary, as drivers send it: microseconds, days, months.
  std::string hour;
  append_number(hour, int64_t{3'600'000'000});
  append_number(hour, int64_t{0});
  EXPECT_EQ(
    pg_read(made.say(
      pg_parse("s",
               "select sym from trade where time > '2024-01-02'::timestamp"
               " - $1",
               {1186})
      + pg_describe('S', "s") + pg_bind("", "s", {hour}, {}, 1)
      + pg_describe('P', "") + pg_execute("") + pg_sync)),
    "1 t(1186) T(sym:25) 2 T(sym:25)");
}

TEST(PgSessionTest, WhatCaseGivesIsNotWhatItCompares) {
  talk made;
  EXPECT_EQ(
    pg_read(made.say(pg_parse("s", "select case when size > $1 then $2 else $3 "
                                   "end as k from trade")
                     + pg_describe('S', "s") + pg_sync)),
    "1 t(23,25,25) T(k:25) Z(I)");
}

TEST(PgSessionTest, NoParameterBecomesAPartOfTheStatement) {
  talk made;
  EXPECT_EQ(pg_read(made.say(
              pg_parse("", "select sym from trade where size = $1 and sym = $2")
              + pg_bind("", "", {"1 or 1=1", "x"}) + pg_execute("") + pg_sync)),
            "1 E(22P02 the parameter $1: '1 or 1=1' is not a number) Z(I)");
  (void)made.say(pg_parse("", "select sym from trade where sym = $1")
                 + pg_bind("", "", {"x' or '1'='1"}) + pg_execute("")
                 + pg_sync);
  EXPECT_EQ(made.asked.text,
            "select sym from trade where sym = 'x'' or ''1''=''1'");
}

TEST(PgSessionTest, AfterAFailureAllIsSkippedToTheNextSync) {
  talk made;
  EXPECT_EQ(pg_read(made.say(pg_bind("", "nothing", {}) + pg_execute("")
                             + pg_parse("", "select 1") + pg_sync
                             + pg_message('Q', "select 1|"))),
            "E(26000 there is no such prepared statement) Z(I) "
            "T(?column?:23) D(1) C(SELECT 1) Z(I)");
}

TEST(PgSessionTest, RowsOfAPortalComeInParts) {
  talk made;
  (void)made.say(pg_message('Q', "begin|"));
  (void)made.say(pg_parse("", "select sym, size from trade")
                 + pg_bind("c", "", {}) + pg_execute("c", 2) + pg_sync);
  EXPECT_EQ(pg_read(made.answer(pg_rows({{"A", 1}, {"B", 2}, {"C", 3}}))),
            "D(A,1) D(B,2) s Z(T)");
  EXPECT_GT(made.session.held_bytes(), 10u);
  EXPECT_EQ(pg_read(made.say(pg_execute("c", 2) + pg_sync)),
            "D(C,3) C(SELECT 1) Z(T)");
  EXPECT_EQ(pg_read(made.say(pg_message('Q', "commit|"))), "C(COMMIT) Z(I)");
  EXPECT_EQ(pg_read(made.say(pg_execute("c", 2) + pg_sync)),
            "E(34000 there is no such cursor) Z(I)");
}

TEST(PgSessionTest, CursorsOfStatementsFetchForward) {
  talk made;
  EXPECT_EQ(pg_read(made.say(
              pg_message('Q', "declare c cursor for select sym from trade|"))),
            "E(25P01 a cursor WITHOUT HOLD is for a transaction) Z(I)");
  EXPECT_EQ(pg_read(made.say(pg_message(
              'Q', "begin; declare \"C\" no scroll cursor without hold for "
                   "select sym, size from trade|"))),
            "C(BEGIN) C(DECLARE CURSOR) Z(T)");
  EXPECT_EQ(made.say(pg_message('Q', "fetch forward 2 from \"C\"|")), "");
  EXPECT_EQ(pg_read(made.answer(pg_rows({{"A", 1}, {"B", 2}, {"D", 3}}))),
            "T(sym:25,size:23) D(A,1) D(B,2) C(FETCH 2) Z(T)");
  EXPECT_EQ(pg_read(made.say(pg_message(
              'Q', "fetch all in \"C\"; fetch \"C\"; close \"C\"|"))),
            "T(sym:25,size:23) D(D,3) C(FETCH 1) T(sym:25,size:23) C(FETCH 0) "
            "C(CLOSE CURSOR) Z(T)");
}

TEST(PgSessionTest, ACancellationEndsItsOwnConnectionOnly) {
  talk made{false};
  std::string bytes;
  for (const auto number : {16u, 80'877'102u, 7u, 9u})
    append_number(bytes, number);
  EXPECT_EQ(made.say(bytes), "");
  ASSERT_TRUE(made.cancelled);
  EXPECT_EQ(made.cancelled->number, 7u);
  EXPECT_EQ(made.cancelled->secret, 9u);
  EXPECT_TRUE(made.ended);
}

TEST(PgSessionTest, WhatIsNoMessageEndsTheConnection) {
  for (const auto& [bytes, wanted] :
       std::vector<std::pair<std::string, std::string>>{
         {std::string{"Q\x7f\xff\xff\xff", 5}, "08P01"},
         {std::string{"Q\0\0\0\1", 5}, "08P01"},
         {pg_message('?', ""), "08P01"},
         {pg_message('P', "no end"), "08P01"}}) {
    talk made;
    EXPECT_NE(pg_read(made.say(bytes)).find(wanted), std::string::npos);
    ASSERT_TRUE(made.ended);
    EXPECT_NE(made.ended->why, errc::none);
    EXPECT_EQ(made.say(pg_sync), "");
  }
  talk http{false};
  (void)http.say("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(http.ended);
}

TEST(PgSessionTest, AnyBytesAreAnsweredOrEndTheConnection) {
  std::mt19937 random{7};
  const auto draw = [&](size_t of) { return random() % of; };
  const std::string letters = "QPBDECSHdcfFXp";
  for (int round = 0; round < 2'000; ++round) {
    talk made;
    std::string bytes;
    for (size_t i = 0; i < 1 + draw(4); ++i) {
      std::string body;
      for (size_t j = 0; j < draw(24); ++j)
        body += draw(3) == 0 ? '\0' : static_cast<char>(draw(256));
      if (draw(2) == 0)
        body = "select $1, (case x" + body;
      message{bytes, letters[draw(letters.size())]}.bytes(body);
    }
    if (draw(4) == 0)
      bytes[draw(bytes.size())] = static_cast<char>(draw(256));
    (void)made.say(bytes);
    if (made.is_asking)
      (void)made.answer(pg_rows({{"A", 1}}));
    EXPECT_LT(made.session.held_bytes(), 100'000u);
  }
}

TEST(PgSessionTest, ValuesHaveTheFormsOfPostgresql) {
  struct written {
    column_type type;
    int64_t value;
    std::string text;
    std::string binary;
  };
  const auto be = [](auto value) {
    std::string out;
    append_number(out, value);
    return out;
  };
  const auto clock = (9 * 3600 + 30 * 60) * int64_t{1'000'000'000};
  for (const auto& [type, value, text, binary] : std::vector<written>{
         {column_type::boolean, 1, "t", "\1"},
         {column_type::byte_, 255, "255", be(int16_t{255})},
         {column_type::short_, -3, "-3", be(int16_t{-3})},
         {column_type::long_, inf_long, "9223372036854775807", be(inf_long)},
         {column_type::date, -1, "1999-12-31", be(int32_t{-1})},
         {column_type::date, inf_int, "infinity", be(inf_int)},
         {column_type::date, -1'000'000, "0739-02-03 BC",
          be(int32_t{-1'000'000})},
         {column_type::month, 14, "2001-03-01", be(int32_t{425})},
         {column_type::timestamp, clock + 1'500, "2000-01-01 09:30:00.000001",
          be(int64_t{34'200'000'001})},
         {column_type::timestamp, -1, "1999-12-31 23:59:59.999999",
          be(int64_t{-1})},
         {column_type::timestamp, -inf_long, "-infinity", be(null_long)},
         {column_type::timespan, -clock, "-09:30:00",
          be(int64_t{-34'200'000'000}) + be(int64_t{0})},
         {column_type::timespan, 26 * 3600 * int64_t{1'000'000'000} + 500'000,
          "26:00:00.0005", be(int64_t{93'600'000'500}) + be(int64_t{0})},
         {column_type::time, 1, "00:00:00.001", be(int64_t{1'000})},
         {column_type::second, 61, "00:01:01", be(int64_t{61'000'000})},
         {column_type::minute, 61, "01:01:00", be(int64_t{3'660'000'000})}}) {
    query::table_data one;
    one.row_count = 1;
    one.columns.push_back({"a", type, {}, {}, {}});
    query::push_integer(one.columns[0], value);
    for (const bool is_binary : {false, true}) {
      const auto made = row_messages(one, {static_cast<int16_t>(is_binary)});
      ASSERT_TRUE(made);
      const auto row = made->substr(message_bytes(*made));
      EXPECT_EQ(row.substr(11), is_binary ? binary : text)
        << to_string(type) << " " << value;
    }
  }
}

} // namespace
} // namespace millrace::nodes::postgres
