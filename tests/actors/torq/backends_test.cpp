#include <millrace/actors/torq/registry/backends.hpp>
#include <millrace/actors/torq/registry/declarations.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <gmock/gmock.h>

#include <functional>

namespace millrace::torq {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

struct BackendsSystemTest : testing::Test {
  caf::actor_system_config how;
  caf::actor_system system{how};
};

process_row registered(const std::string& name, const std::string& type,
                       text::json_value attributes) {
  process_row row;
  row.name = name;
  row.type = type;
  row.attributes = std::move(attributes);
  return row;
}

process_row rdb(const std::string& table, const std::string& directory,
                const std::string& stream = "market") {
  auto tables = text::json_value::array();
  tables.add(table);
  return registered(
    "r", "rdb",
    {{"stream", stream}, {"tables", std::move(tables)}, {"hdb", directory}});
}

TEST(BackendsTest, OneOfAnotherDirectoryServesNothingOfATable) {
  const table_home home{"market", "trade", "/hdb"};
  struct way {
    const char* what;
    process_row row;
    backend_role role;
    bool serves;
  };
  const way ways[] = {
    {"its rdb", rdb("trade", "/hdb"), backend_role::rdb, true},
    {"not an hdb", rdb("trade", "/hdb"), backend_role::hdb, false},
    {"of another table", rdb("quote", "/hdb"), backend_role::rdb, false},
    {"of another stream", rdb("trade", "/hdb", "s"), backend_role::rdb, false},
    {"of another directory", rdb("trade", "/copy"), backend_role::rdb, false},
    {"its hdb", registered("h", "hdb", {{"hdb", "/hdb"}}), backend_role::hdb,
     true},
    {"another hdb", registered("h", "hdb", {{"hdb", "/hdbq"}}),
     backend_role::hdb, false},
    {"one that does not say", registered("h", "hdb", {}), backend_role::hdb,
     false},
    {"neither", registered("g", "gateway", {{"hdb", "/hdb"}}),
     backend_role::hdb, false},
  };
  for (const auto& each : ways) {
    backend_table table;
    table.update({each.row}, {backend_role::rdb, backend_role::hdb}, 1);
    EXPECT_EQ(table.known(each.role, home), each.serves) << each.what;
  }
}

TEST(BackendsTest, OneThatServesAnotherDirectoryNowIsConnectedAnew) {
  backend_table table;
  const std::set both{backend_role::hdb};
  EXPECT_THAT(table.update({registered("h", "hdb", {{"hdb", "/a"}})}, both, 1),
              ElementsAre("h"));
  EXPECT_TRUE(table.known(backend_role::hdb, {"s", "t", "/a"}));
  table.find("h")->announced.emplace();
  EXPECT_THAT(table.update({registered("h", "hdb", {{"hdb", "/b"}})}, both, 2),
              ElementsAre("h"));
  EXPECT_FALSE(table.known(backend_role::hdb, {"s", "t", "/a"}));
  EXPECT_FALSE(table.find("h")->announced) << "of the other directory";
}

TEST(BackendsTest, AnAnswerFromWhereItWasIsNotOneFromWhereItIs) {
  const std::set roles{backend_role::hdb};
  const auto at = [](uint16_t port) {
    auto row = registered("h", "hdb", {{"hdb", "/a"}});
    row.at.port = port;
    return row;
  };
  backend_table table;
  table.update({at(1)}, roles, 1);
  const auto first = table.begin("h");
  EXPECT_NE(first, 0u);
  EXPECT_EQ(table.begin("h"), 0u) << "under way";
  EXPECT_THAT(table.update({at(2)}, roles, 2), ElementsAre("h"));
  const auto second = table.begin("h");
  EXPECT_NE(second, 0u);
  EXPECT_FALSE(table.reached("h", first, {}, 0));
  table.refused("h", first, {errc::unavailable, "gone"}, 0);
  EXPECT_FALSE(table.find("h")->link.connected());
  EXPECT_TRUE(table.reached("h", second, {}, 0));
  EXPECT_TRUE(table.find("h")->link.connected());
  table.refused("h", first, {errc::unavailable, "gone"}, 0);
  EXPECT_TRUE(table.find("h")->link.connected());
}

TEST_F(BackendsSystemTest, TheOneWithTheFewestQuestionsIsAskedFirst) {
  const table_home home{"market", "trade", "/hdb"};
  backend_table table;
  std::vector<process_row> rows;
  for (const auto* name : {"r1", "r2", "r3"}) {
    rows.push_back(rdb("trade", "/hdb"));
    rows.back().name = name;
  }
  table.update(rows, {backend_role::rdb}, 1);
  caf::scoped_actor self{system};
  for (const auto* name : {"r1", "r2", "r3"})
    table.find(name)->handle = caf::actor_cast<caf::strong_actor_ptr>(self);
  const auto first = [&](uint64_t turn) {
    return table.candidates(backend_role::rdb, home, turn, 0).front()->row.name;
  };
  EXPECT_EQ(first(0), "r1");
  EXPECT_EQ(first(1), "r2");
  auto one = table.find("r1")->load.take();
  const auto two = table.find("r2")->load.take();
  for (uint64_t turn = 0; turn < 4; ++turn)
    EXPECT_EQ(first(turn), "r3");
  const auto three = table.find("r3")->load.take();
  one.reset(); // Its answer came.
  for (uint64_t turn = 0; turn < 4; ++turn)
    EXPECT_EQ(first(turn), "r1");
}

TEST_F(BackendsSystemTest, OneThatFailsAtOnceDrawsNoQuestions) {
  const table_home home{"market", "trade", "/hdb"};
  backend_table table;
  std::vector<process_row> rows;
  caf::scoped_actor self{system};
  for (const auto* name : {"r1", "r2"}) {
    rows.push_back(rdb("trade", "/hdb"));
    rows.back().name = name;
  }
  table.update(rows, {backend_role::rdb}, 1);
  for (const auto* name : {"r1", "r2"})
    table.find(name)->handle = caf::actor_cast<caf::strong_actor_ptr>(self);
  const auto order = [&](uint64_t turn, int64_t now) {
    std::string out;
    for (const auto* each :
         table.candidates(backend_role::rdb, home, turn, now))
      out += each->row.name;
    return out;
  };
  const int64_t then = 5'000'000'000;
  const std::vector<backend_load::token> three{table.find("r1")->load.take(),
                                               table.find("r1")->load.take(),
                                               table.find("r1")->load.take()};
  EXPECT_EQ(order(0, then), "r2r1") << "r2 has none";
  table.find("r2")->load.note_failure(then);
  for (uint64_t turn = 0; turn < 4; ++turn) {
    EXPECT_EQ(order(turn, then), "r1r2");
    EXPECT_EQ(order(turn, then + backend_load::failed_ns - 1), "r1r2");
    EXPECT_EQ(order(turn, then + backend_load::failed_ns), "r2r1");
  }
  // Of those that all failed it is the fewest again.
  table.find("r1")->load.note_failure(then);
  EXPECT_EQ(order(0, then), "r2r1");
}

TEST_F(BackendsSystemTest, CopiesAreThoseOfOtherDirectoriesThatHaveTheTable) {
  const table_home home{"s", "t", "/a"};
  const caf::scoped_actor somebody{system};
  const auto handle = caf::actor_cast<caf::strong_actor_ptr>(somebody);
  backend_table table;
  table.update({registered("own", "hdb", {{"hdb", "/a"}}),
                registered("copy", "hdb", {{"hdb", "/b"}}),
                registered("other", "hdb", {{"hdb", "/c"}}),
                registered("silent", "hdb", {{"hdb", "/d"}})},
               {backend_role::hdb}, 1);
  for (const auto* name : {"own", "copy", "other", "silent"})
    ASSERT_TRUE(table.reached(name, table.begin(name), handle, 10));
  for (const auto* name : {"own", "copy", "other"}) {
    auto& news = table.find(name)->announced.emplace();
    news.manifest = manifest_version{3};
    news.contents[name == std::string{"other"} ? "q" : "t"] = 7;
  }
  const auto copies = table.copies(home);
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies[0]->row.name, "copy");
  EXPECT_EQ(table.contents(home), 7u);
  table.update({registered("again", "hdb", {{"hdb", "/a"}})},
               {backend_role::hdb}, 1);
  ASSERT_TRUE(table.reached("again", table.begin("again"), handle, 10));
  auto& newer = table.find("again")->announced.emplace();
  newer.manifest = manifest_version{4};
  newer.contents["t"] = 8;
  EXPECT_EQ(table.contents(home), 8u) << "of the newest manifest";
  table.find("again")->forget_connection();
  table.find("own")->forget_connection();
  EXPECT_EQ(table.contents(home), std::nullopt) << "it may have changed since";
  table.find("copy")->forget_connection();
  EXPECT_TRUE(table.copies(home).empty());
}

TEST_F(BackendsSystemTest, OneThatMovedIsGoneUntilItIsFoundThere) {
  const std::set roles{backend_role::hdb};
  const table_home home{"s", "t", "/a"};
  auto row = registered("h", "hdb", {{"hdb", "/a"}});
  const caf::scoped_actor somebody{system};
  const auto handle = caf::actor_cast<caf::strong_actor_ptr>(somebody);
  backend_table table;
  table.update({row}, roles, 1);
  EXPECT_THAT(table.gone(home, 5), IsEmpty()) << "it was never there";
  EXPECT_TRUE(table.reached("h", table.begin("h"), handle, 10));
  row.at.port = 7;
  table.update({row}, roles, 100);
  EXPECT_THAT(table.gone(home, 150), ElementsAre(Pair("h", 50)));
  EXPECT_TRUE(table.reached("h", table.begin("h"), handle, 200));
  EXPECT_THAT(table.gone(home, 250), IsEmpty());
}

/// Goal: a copy that went is waited for until it tells again what it has.
TEST_F(BackendsSystemTest, ACopyThatWentIsKnownUntilItTellsAgain) {
  const table_home home{"s", "t", "/a"};
  const caf::scoped_actor somebody{system};
  const auto handle = caf::actor_cast<caf::strong_actor_ptr>(somebody);
  backend_table table;
  table.update({registered("copy", "hdb", {{"hdb", "/b"}})},
               {backend_role::hdb}, 1);
  EXPECT_TRUE(table.reached("copy", table.begin("copy"), handle, 10));
  hdb_announcement news;
  news.process = "copy";
  news.contents["t"] = 7;
  EXPECT_TRUE(table.heard(news));
  EXPECT_FALSE(table.heard(news));
  EXPECT_THAT(table.copies_away(home, 50), IsEmpty()) << "it is there";
  EXPECT_EQ(table.lost(handle->address(), 60), "copy");
  EXPECT_THAT(table.copies_away(home, 100), ElementsAre(Pair("copy", 40)));
  EXPECT_THAT(table.copies_away({"s", "u", "/a"}, 100), IsEmpty());
  EXPECT_THAT(table.copies_away({"s", "t", "/b"}, 100), IsEmpty());
  EXPECT_FALSE(table.heard(news)) << "it is away";
  EXPECT_TRUE(table.reached("copy", table.begin("copy"), handle, 110));
  EXPECT_THAT(table.copies_away(home, 120), ElementsAre(Pair("copy", 60)))
    << "it has told nothing yet";
  EXPECT_TRUE(table.heard(news));
  EXPECT_THAT(table.copies_away(home, 130), IsEmpty());
}

/// Goal: copies of the configuration are known before discovery names them,
/// and before they told what they have.
TEST_F(BackendsSystemTest, ACopyOfTheConfigurationIsKnownBeforeItTells) {
  const table_home home{"s", "t", "/a"};
  const caf::scoped_actor somebody{system};
  const auto handle = caf::actor_cast<caf::strong_actor_ptr>(somebody);
  backend_table table;
  table.expect({{"own", "/a"}, {"copy", "/b"}}, 5);
  EXPECT_THAT(table.copies_away(home, 10), ElementsAre(Pair("copy", 5)));
  table.update({registered("copy", "hdb", {{"hdb", "/b"}})},
               {backend_role::hdb}, 11);
  EXPECT_THAT(table.copies_away(home, 20), ElementsAre(Pair("copy", 15)));
  EXPECT_TRUE(table.reached("copy", table.begin("copy"), handle, 21));
  EXPECT_THAT(table.copies_away(home, 30), ElementsAre(Pair("copy", 25)));
  EXPECT_EQ(table.lost(handle->address(), 40), "copy");
  EXPECT_THAT(table.copies_away(home, 50), ElementsAre(Pair("copy", 10)));
  EXPECT_TRUE(table.reached("copy", table.begin("copy"), handle, 60));
  hdb_announcement news;
  news.process = "copy";
  EXPECT_TRUE(table.heard(news));
  EXPECT_THAT(table.copies_away(home, 70), IsEmpty());
  EXPECT_EQ(table.lost(handle->address(), 80), "copy");
  EXPECT_THAT(table.copies_away(home, 90), IsEmpty()) << "it has no such table";
}

TEST(BackendsTest, OneThatRefusesIsDueAfterAPause) {
  backend_table table;
  table.update({registered("h", "hdb", {{"hdb", "/a"}})}, {backend_role::hdb},
               1);
  table.refused("h", table.begin("h"), {errc::unavailable, "gone"}, 0);
  EXPECT_FALSE(table.find("h")->link.due(0));
  EXPECT_TRUE(table.find("h")->link.due(500'000'000));
  EXPECT_EQ(table.begin("nobody"), 0u);
}

table_schema declared(std::vector<column_schema> columns) {
  table_schema out;
  out.name = "trade";
  out.columns = std::move(columns);
  return out;
}

TEST(DeclarationsTest, AreToldApartByColumn) {
  const auto mine
    = declared({{"sym", column_type::symbol}, {"size", column_type::int_}});
  struct way {
    std::vector<column_schema> theirs;
    const char* tells; ///< nullptr: they are the same.
  };
  const way ways[] = {
    {mine.columns, nullptr},
    {{mine.columns[1], mine.columns[0]}, nullptr},
    {{mine.columns[0]}, "column 'size' is declared here, and not there"},
    {{mine.columns[0], mine.columns[1], {"x", column_type::int_}},
     "column 'x' is declared there, and not here"},
    {{mine.columns[0], {"size", column_type::long_}},
     "column 'size' is int here, and long there"},
  };
  for (const auto& each : ways) {
    const auto lines = differing_declarations(
      {mine}, declarations_of({declared(each.theirs)}));
    if (each.tells == nullptr)
      EXPECT_THAT(lines, IsEmpty());
    else
      EXPECT_THAT(lines, ElementsAre(HasSubstr(each.tells)));
  }
  auto other = mine;
  other.name = "quote";
  EXPECT_THAT(differing_declarations({mine}, declarations_of({other})),
              IsEmpty());
}

TEST(DeclarationsTest, AreToldApartByWhatSaysWhereRowsLie) {
  auto mine = declared(
    {{"time", column_type::timestamp}, {"sym", column_type::symbol}});
  mine.time_column = "time";
  mine.symbol_column = "sym";
  struct way {
    std::function<void(table_schema&)> theirs;
    const char* tells;
  };
  constexpr int64_t hour_ns = 3'600'000'000'000;
  const way ways[] = {
    {[](auto& at) { at.roll_zone = "Asia/Tokyo"; },
     "table 'trade': the roll rule is UTC here, and Asia/Tokyo there"},
    {[](auto& at) { at.roll_offset_ns = 7 * hour_ns; },
     "the roll rule is UTC here, and UTC + 07:00:00 there"},
    {[](auto& at) { at.roll_offset_ns = -1; },
     "the roll rule is UTC here, and UTC - 00:00:00.000000001 there"},
    {[](auto& at) { at.time_column = "received"; },
     "the time column is time here, and received there"},
    {[](auto& at) { at.symbol_column = "venue"; },
     "the symbol column is sym here, and venue there"},
  };
  for (const auto& each : ways) {
    auto theirs = mine;
    each.theirs(theirs);
    EXPECT_THAT(differing_declarations({mine}, declarations_of({theirs})),
                ElementsAre(HasSubstr(each.tells)));
  }
  auto later = mine;
  later.version = 7;
  EXPECT_THAT(differing_declarations({mine}, declarations_of({later})),
              IsEmpty());
}

} // namespace
} // namespace millrace::torq
