#include <millrace/nodes/servers/kdb/request.hpp>
#include <millrace/tests/support/kdb_values.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace millrace::nodes::kdb {
namespace {

const std::map<std::string, table_schema>& tables() {
  static const std::map<std::string, table_schema> all = [] {
    table_schema trade;
    trade.name = "trade";
    trade.columns = {{"time", column_type::timestamp},
                     {"sym", column_type::symbol},
                     {"price", column_type::float_},
                     {"note", column_type::string}};
    trade.time_column = "time";
    trade.symbol_column = "sym";
    auto quote = trade;
    quote.name = "quote";
    return std::map<std::string, table_schema>{{"quote", quote},
                                               {"trade", trade}};
  }();
  return all;
}

constexpr int64_t day_ns = 86'400'000'000'000;

result<undertaking> asked(const value& what) {
  static const std::set<std::string> none_stamped;
  return understand(what, {.tables = &tables(),
                           .stamped = &none_stamped,
                           .process = "kdb1",
                           .host = "here",
                           .pid = 77,
                           .now_ns = 2 * day_ns + 1'500'000'000,
                           .user = "me",
                           .handle = 9});
}

value asked_value(const value& what) {
  const auto made = asked(what);
  EXPECT_TRUE(made) << to_string(made.failure());
  const auto* known = made ? std::get_if<value>(&*made) : nullptr;
  EXPECT_NE(known, nullptr);
  return known ? *known : value{};
}

gateway_question question(const value& what) {
  const auto made = asked(what);
  EXPECT_TRUE(made) << to_string(made.failure());
  const auto* asks = made ? std::get_if<gateway_question>(&*made) : nullptr;
  EXPECT_NE(asks, nullptr);
  return asks ? *asks : gateway_question{};
}

value list(std::string name, std::vector<value> arguments) {
  std::vector<value> all{text_value(std::move(name))};
  for (auto& each : arguments)
    all.push_back(std::move(each));
  return list_of(std::move(all));
}

TEST(KdbRequestTest, KnowsWhatNeedsNoGateway) {
  const auto text
    = [](const char* what) { return asked_value(text_value(what)); };
  EXPECT_EQ(text(""), generic_null());
  EXPECT_EQ(text("::"), generic_null());
  EXPECT_EQ(text("1+1"), atom_of(kind::long_, int64_t{2}));
  EXPECT_EQ(text("tables[]"), symbols_of({"quote", "trade"}));
  EXPECT_EQ(text("tables`."), symbols_of({"quote", "trade"}));
  EXPECT_EQ(text("cols trade"), symbols_of({"time", "sym", "price", "note"}));
  EXPECT_EQ(text("cols`trade"), symbols_of({"time", "sym", "price", "note"}));
  EXPECT_EQ(text("type trade"), atom_of(kind::short_, int16_t{98}));
  EXPECT_EQ(text(".z.p"), atom_of(kind::timestamp, 2 * day_ns + 1'500'000'000));
  EXPECT_EQ(text(".z.D"), atom_of(kind::date, int32_t{2}));
  EXPECT_EQ(text(".z.t"), atom_of(kind::time, int32_t{1500}));
  EXPECT_EQ(text(".z.n"), atom_of(kind::timespan, int64_t{1'500'000'000}));
  EXPECT_EQ(text(".z.u"), symbol_atom("me"));
  EXPECT_EQ(text(".z.h"), symbol_atom("here"));
  EXPECT_EQ(text(".z.f"), symbol_atom("kdb1"));
  EXPECT_EQ(text(".z.w"), atom_of(kind::int_, int32_t{9}));
  EXPECT_EQ(text(".z.i"), atom_of(kind::int_, int32_t{77}));
  EXPECT_EQ(text("`a`b").symbols, (std::vector<std::string>{"a", "b"}));
  const auto meta = text("meta trade");
  ASSERT_EQ(meta.type, kind::dictionary);
  EXPECT_EQ(meta.parts[1].parts[0].parts[1].parts[0], text_value("psfC"));
  EXPECT_EQ(asked_value(list("meta", {symbol_atom("trade")})), meta);
  EXPECT_EQ(asked_value(symbols_of({"meta", "trade"})), meta);
  EXPECT_EQ(asked_value(symbol_atom(".z.u")), symbol_atom("me"));
}

TEST(KdbRequestTest, AsksTheGatewayForRows) {
  const auto keyed = question(text_value("select max price by sym from trade"));
  EXPECT_EQ(keyed.parameters, R"({"language":"qsql","text":)"
                              R"("select max price by sym from trade"})");
  EXPECT_EQ(keyed.form.keys, std::vector<std::string>{"sym"});
  EXPECT_EQ(keyed.form.shape, query::result_shape::table);
  const auto shape
    = [](const char* text) { return question(text_value(text)).form.shape; };
  EXPECT_EQ(shape("trade"), query::result_shape::table);
  EXPECT_EQ(shape("exec price from trade"), query::result_shape::columns);
  EXPECT_EQ(shape("exec max price from trade"), query::result_shape::values);
  EXPECT_EQ(shape("exec 2*max price from trade"), query::result_shape::values);
  EXPECT_EQ(shape("exec price%max price from trade"),
            query::result_shape::columns);
  EXPECT_EQ(shape("exec max price by sym from trade"),
            query::result_shape::columns);
  EXPECT_EQ(shape("count select from trade"), query::result_shape::values);
  EXPECT_EQ(shape("count trade"), query::result_shape::values);
  EXPECT_EQ(question(symbol_atom("trade")).form.shape,
            query::result_shape::table);
  const auto through
    = question(list(".gw.syncexec", {text_value("select from trade"),
                                     symbols_of({"rdb", "hdb"})}));
  EXPECT_FALSE(through.is_deferred);
  EXPECT_EQ(through.parameters,
            question(text_value("select from trade")).parameters);
  EXPECT_TRUE(question(list(".gw.asyncexec", {text_value("select from trade"),
                                              symbol_atom("rdb")}))
                .is_deferred);
}

TEST(KdbRequestTest, TellsADeferredClientAlsoWhatItCannotAsk) {
  const auto told = [](const value& what) {
    const auto made = asked(what);
    const auto* out = made ? std::get_if<deferred_answer>(&*made) : nullptr;
    if (!out)
      return std::string{"nothing"};
    return out->what ? value_text(out->what) : out->what.failure().context;
  };
  const auto deferred = [](const char* query, const char* servers = "rdb") {
    return list(".gw.asyncexec", {text_value(query), symbol_atom(servers)});
  };
  for (const auto& [what, tells] : std::vector<std::pair<value, const char*>>{
         {deferred("select prise from trade"), "prise"},
         {deferred("select from trades"), "trades"},
         {deferred("select from ("), "parse"},
         {deferred("trade", "idb"), "nyi: there are no servers 'idb'"},
         {deferred(".u.sub[`trade;`]"), "type: "},
         {deferred(".gw.asyncexec[`nothing;`rdb]"), "type: a query within"},
         {list(".gw.asyncexec", {text_value("trade")}), "rank: "},
         {text_value(".gw.asyncexec[1+;`rdb]"), "parse"},
         {text_value(".gw.asyncexec[\"select prise from trade\";`rdb]"),
          "prise"}})
    EXPECT_TRUE(told(what).starts_with(tells)) << tells << ": " << told(what);
  // What is known without the gateway is a message too.
  const auto known = asked(deferred("tables[]"));
  ASSERT_TRUE(known);
  EXPECT_EQ(*std::get<deferred_answer>(*known).what,
            symbols_of({"quote", "trade"}));
  EXPECT_FALSE(asked(list(
    ".gw.syncexec", {text_value("select from trades"), symbol_atom("rdb")})));
}

TEST(KdbRequestTest, GivesADictionaryToGetdata) {
  value filters;
  filters.type = kind::dictionary;
  filters.parts
    = {symbols_of({"price"}),
       list_of({list_of({text_value(">"), atom_of(kind::float_, 1.5)})})};
  value parameters;
  parameters.type = kind::dictionary;
  parameters.parts
    = {symbols_of({"tablename", "starttime", "endtime", "instruments",
                   "filters", "sublist"}),
       list_of({symbol_atom("trade"), atom_of(kind::date, int32_t{8766}),
                atom_of(kind::timestamp, 8766 * day_ns), symbols_of({"A", "B"}),
                filters, atom_of(kind::long_, int64_t{5})})};
  for (const auto* verb : {"getdata", ".dataaccess.getdata"})
    EXPECT_EQ(
      question(list(verb, {parameters})).parameters,
      R"({"tablename":"trade","starttime":"2024-01-01",)"
      R"("endtime":"2024-01-01T00:00:00.000000000Z","instruments":["A","B"],)"
      R"("filters":{"price":[">",1.5]},"sublist":5,"words":"torq"})");
}

/// Clients of JavaScript can send nothing else.
TEST(KdbRequestTest, DatetimesAreTimestamps) {
  value parameters;
  parameters.type = kind::dictionary;
  parameters.parts
    = {symbols_of({"starttime", "endtime"}),
       vector_of<double>(kind::datetime,
                         {8766.0, 8766.0 + 34'200'123.4 / 86'400'000})};
  EXPECT_EQ(question(list("getdata", {parameters})).parameters,
            R"({"starttime":"2024-01-01T00:00:00.000000000Z",)"
            R"("endtime":"2024-01-01T09:30:00.123000000Z","words":"torq"})");
  parameters.parts[1]
    = list_of({symbol_atom("x"), atom_of(kind::datetime, std::nan(""))});
  EXPECT_EQ(question(list("getdata", {parameters})).parameters,
            R"({"starttime":"x","endtime":null,"words":"torq"})");
  parameters.parts[1] = vector_of<double>(kind::datetime, {1e9, 1});
  const auto beyond = asked(list("getdata", {parameters}));
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.failure().context,
            "domain: a datetime is beyond what there can be");
  EXPECT_EQ(timestamp_of(-1.5), -3 * day_ns / 2);
  EXPECT_EQ(timestamp_of(std::numeric_limits<double>::infinity()), inf_long);
}

TEST(KdbRequestTest, AsksInTheLanguageThatItNames) {
  const auto sql = R"({"language":"sql","text":"select sym from trade"})";
  EXPECT_EQ(question(text_value("s)select sym from trade")).parameters, sql);
  EXPECT_EQ(
    question(list(".s.e", {text_value("select sym from trade")})).parameters,
    sql);
  EXPECT_EQ(question(text_value(".s.e \"select sym from trade\"")).parameters,
            sql);
  EXPECT_EQ(question(text_value("q)select from trade")).parameters,
            question(text_value("select from trade")).parameters);
  EXPECT_EQ(
    question(list(".gw.syncexec",
                  {text_value("s)select sym from trade"), symbol_atom("rdb")}))
      .parameters,
    sql);
}

TEST(KdbRequestTest, AQueryMayHaveATimeOfItsOwn) {
  const auto query = text_value("select from trade");
  const auto in_time = [&](value timeout) {
    return question(
             list(".gw.syncexecjt", {query, symbol_atom("rdb"),
                                     symbol_atom("raze"), std::move(timeout)}))
      .parameters;
  };
  EXPECT_EQ(in_time(atom_of(kind::timespan, int64_t{5'000'000'000})),
            R"({"language":"qsql","text":"select from trade",)"
            R"("timeout":"0D00:00:05.000000000"})");
  for (const auto& none : {atom_of(kind::timespan, null_long), generic_null()})
    EXPECT_EQ(in_time(none), question(query).parameters);
  EXPECT_FALSE(asked(
    list(".gw.syncexecjt", {query, symbol_atom("rdb"), symbol_atom("raze"),
                            atom_of(kind::int_, int32_t{5})})));
}

/// As r.q of kdb+tick begins: it replays nothing, for the count is null.
TEST(KdbRequestTest, SubscribersAskForALogBeside) {
  const auto made = asked(text_value("(.u.sub[`;`];.u `i`L)"));
  ASSERT_TRUE(made) << to_string(made.failure());
  const auto* wish = std::get_if<subscribe_request>(&*made);
  ASSERT_NE(wish, nullptr);
  EXPECT_EQ(wish->tables, (std::vector<std::string>{"quote", "trade"}));
  const auto answer = subscribed_answer(*wish, tables());
  ASSERT_EQ(answer.parts.size(), 2u);
  EXPECT_EQ(answer.parts[0].parts.size(), 2u);
  EXPECT_EQ(answer.parts[1],
            list_of({atom_of(kind::long_, null_long), symbol_atom("")}));
  EXPECT_EQ(asked_value(text_value(".u.t")), symbols_of({"quote", "trade"}));
  EXPECT_EQ(asked_value(text_value(".u.d")), atom_of(kind::date, int32_t{2}));
  EXPECT_EQ(asked_value(symbol_atom(".u.i")), atom_of(kind::long_, null_long));
  EXPECT_EQ(asked_value(text_value(".u `d")), atom_of(kind::date, int32_t{2}));
  for (const auto* refused :
       {"(.u.sub[`;`];select from trade)", "(.u.sub[`;`];.u `nothing)"})
    EXPECT_FALSE(asked(text_value(refused))) << refused;
}

TEST(KdbRequestTest, FeedsCallWhatTheyPublishByManyNames) {
  const auto sent = [](const char* verb) {
    const auto made = asked(list(
      verb, {symbol_atom("trade"),
             list_of({atom_of(kind::timestamp, int64_t{7}), symbol_atom("A"),
                      atom_of(kind::float_, 1.5), text_value("x")})}));
    EXPECT_TRUE(made) << verb << ": " << to_string(made.failure());
    const auto* out = made ? std::get_if<publish_request>(&*made) : nullptr;
    return out ? out->batch : std::vector<std::byte>{};
  };
  const auto wanted = sent(".u.upd");
  EXPECT_FALSE(wanted.empty());
  for (const auto* verb : {"upd", ".u.pub", ".ps.publish"})
    EXPECT_EQ(sent(verb), wanted) << verb;
}

TEST(KdbRequestTest, TakesWhatAClientWantsOfStreams) {
  const auto wish = [](const value& what) {
    const auto made = asked(what);
    EXPECT_TRUE(made) << to_string(made.failure());
    const auto* out = made ? std::get_if<subscribe_request>(&*made) : nullptr;
    EXPECT_NE(out, nullptr);
    return out ? *out : subscribe_request{};
  };
  using names = std::vector<std::string>;
  const auto all = wish(list(".u.sub", {symbol_atom(""), symbol_atom("")}));
  EXPECT_EQ(all.tables, (names{"quote", "trade"}));
  EXPECT_TRUE(all.is_list);
  EXPECT_FALSE(all.symbols);
  const auto one = wish(text_value(".u.sub[`trade;`A`B]"));
  EXPECT_EQ(one.tables, names{"trade"});
  EXPECT_FALSE(one.is_list);
  EXPECT_EQ(*one.symbols, (std::set<std::string, std::less<>>{"A", "B"}));
  EXPECT_TRUE(wish(list(".u.del", {symbol_atom("trade")})).ends);
  EXPECT_TRUE(wish(list(".u.del", {symbol_atom("trade"),
                                   atom_of(kind::int_, int32_t{9})}))
                .ends);
  for (const auto& [what, tells] : std::vector<std::pair<value, const char*>>{
         {list(".u.sub", {symbol_atom("none"), symbol_atom("")}), "none"},
         {list(".u.sub", {symbol_atom("trade"), text_value("x")}), "nyi: "},
         {list(".u.del",
               {symbol_atom("trade"), atom_of(kind::int_, int32_t{8})}),
          "access: "},
         {list(".u.upd", {symbol_atom("trade"), symbol_atom("A")}), "type: "},
         {list(".u.upd", {symbol_atom("none"), symbol_atom("A")}), "none"}}) {
    const auto made = asked(what);
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.failure().context.starts_with(tells))
      << made.failure().context;
  }
  // (`trade; +`time`sym`price`note!...), or a list of such.
  const auto answer = subscribed_answer(one, tables());
  ASSERT_EQ(answer.parts.size(), 2u);
  EXPECT_EQ(answer.parts[0], symbol_atom("trade"));
  EXPECT_EQ(answer.parts[1].type, kind::table);
  EXPECT_EQ(subscribed_answer(all, tables()).parts[1], answer);
}

TEST(KdbRequestTest, SaysInQsWordsWhatItDoesNotDo) {
  const auto fault = [](const value& what) {
    const auto made = asked(what);
    EXPECT_FALSE(made);
    return made ? std::string{} : made.failure().context;
  };
  EXPECT_EQ(fault(text_value("meta nothing")), "nothing");
  EXPECT_EQ(fault(list("nothing", {})),
            "nothing: there is no function of this name here");
  EXPECT_TRUE(fault(text_value("select prise from trade"))
                .starts_with("prise: there is no such column"));
  EXPECT_TRUE(fault(text_value("{x+1}")).starts_with("nyi: "));
  EXPECT_TRUE(fault(list("meta", {})).starts_with("rank: "));
  EXPECT_TRUE(
    fault(list(".gw.syncexec", {text_value("trade"), symbol_atom("mine")}))
      .starts_with("nyi: there are no servers 'mine'"));
  value lambda;
  lambda.type = kind::lambda;
  EXPECT_TRUE(fault(lambda).starts_with("nyi: "));
  EXPECT_TRUE(fault(list_of({lambda})).starts_with("nyi: "));
  EXPECT_TRUE(fault(atom_of(kind::int_, int32_t{1})).starts_with("type: "));
  EXPECT_EQ(as_in_q({errc::timeout, "the deadline"}).context,
            "stop: the deadline");
  EXPECT_EQ(as_in_q({errc::overloaded, "rdb1 is full"}).context,
            "wsfull: rdb1 is full");
  EXPECT_EQ(as_in_q({errc::unavailable, "nobody"}).context,
            "unavailable: nobody");
}

} // namespace
} // namespace millrace::nodes::kdb
