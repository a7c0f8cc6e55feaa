// Every path of a question through the stores, as a table: what happens, step
// by step, and what is to be done about it, as text:
//
//   hdb1@4        ask this HDB at manifest version 4
//   hdb1@newest   ask it at whatever it serves
//   rdb1>100      ask this RDB for the rows after position 100
//   = 4 100..130  complete, at manifest 4, cutover 100, upper 130
//   ! code        no answer

#include <millrace/actors/torq/gateway/cut_query.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millrace::torq {
namespace {

constexpr int64_t deadline_ns = 1000;

/// Back ends that failed a question, in this order.
std::string failures;

std::string text_of(const cut_query::effects& done) {
  std::string out;
  auto add
    = [&](const std::string& text) { out += (out.empty() ? "" : " ") + text; };
  if (done.hdb)
    add(done.hdb->name + "@"
        + (done.hdb->pinned ? to_string(*done.hdb->pinned) : "newest"));
  if (done.rdb)
    add(done.rdb->name + ">" + std::to_string(done.rdb->rows.cutover.value));
  if (done.complete) {
    const auto& cut = done.complete->cut;
    add("= " + to_string(cut.manifest) + " " + std::to_string(cut.cutover.value)
        + ".." + std::to_string(cut.upper.value));
  }
  if (done.refusal)
    add("! " + std::string{to_string(done.refusal.code)});
  if (!done.failed.empty())
    failures += done.failed + " ";
  return out;
}

partition_cut cut_at(uint64_t manifest, uint64_t cutover) {
  return {manifest_version{manifest}, {cutover}};
}

/// What happens in a step. Rounds count from 1.
cut_query::input start() { return cut_query::start{}; }
cut_query::input hdb(int round, uint64_t manifest, uint64_t cutover) {
  return cut_query::hdb_answered{round, cut_at(manifest, cutover), {}};
}
cut_query::input rdb(int round, uint64_t upper) {
  return cut_query::rdb_answered{round, {upper}, {}};
}
/// Its rows may not be all.
cut_query::input lacking(int round, uint64_t upper) {
  return cut_query::rdb_answered{round, {upper, {}, {"lost"}}, {}};
}
cut_query::input hdb_fails(int round, errc code) {
  return cut_query::hdb_failed{round, {code, "reason"}};
}
cut_query::input rdb_fails(int round, errc code) {
  return cut_query::rdb_failed{round, {code, "reason"}};
}

struct query_step {
  cut_query::input happens;
  std::string expected;
  int64_t now_ns = 0;
};

struct query_path {
  std::string name;
  std::vector<cut_query::hdb> hdbs;
  std::vector<std::string> rdbs;
  std::vector<query_step> steps;
  bool wants_hdb = true;
  bool wants_rdb = true;
};

const std::vector<cut_query::hdb> announced{{"hdb1", cut_at(4, 100)},
                                            {"hdb2", cut_at(4, 100)}};
const std::vector<cut_query::hdb> silent{{"hdb1", std::nullopt},
                                         {"hdb2", std::nullopt}};
const std::vector<std::string> two_rdbs{"rdb1", "rdb2"};
/// The second one has files of its own.
const std::vector<cut_query::hdb> with_copy{{"hdb1", cut_at(4, 100)},
                                            {"hdbB", cut_at(9, 90), "/b"}};

const std::vector<query_path> query_paths{
  {"BothSideBySideAtTheAnnouncedCut",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb(1, 4, 100), ""},
    {rdb(1, 130), "= 4 100..130"}}},
  {"TheRdbMayBeFirst",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb(1, 130), ""},
    {hdb(1, 4, 100), "= 4 100..130"}}},
  {"AnRdbWhoseRowsMayNotBeAllGivesWay",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {lacking(1, 130), "rdb2>100"},
    {hdb(1, 4, 100), ""},
    {rdb(1, 130), "= 4 100..130"}}},
  {"WhereAllLackRowsTheLastIsBelieved",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb(1, 4, 100), ""},
    {lacking(1, 130), "rdb2>100"},
    {lacking(1, 131), "= 4 100..131"}}},
  {"AnRdbThatLacksRowsIsAskedAgainWhenTheOthersAreGone",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb(1, 4, 100), ""},
    {lacking(1, 130), "rdb2>100"},
    {rdb_fails(1, errc::unavailable), "rdb1>100"},
    {lacking(1, 132), "= 4 100..132"}}},
  {"ACopyIsAskedAtItsOwnCutWhereFilesAreDamaged",
   with_copy,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::corrupt), "hdbB@9"},
    {rdb(1, 130), ""}, // After the cutover of the other.
    {hdb(2, 9, 90), "rdb1>90"},
    {rdb(2, 130), "= 9 90..130"}}},
  {"ACopyThatLagsGivesWayToOneThatDoesNot",
   {{"hdb1", cut_at(4, 100)},
    {"hdbB", cut_at(2, 50), "/b"},
    {"hdbC", cut_at(9, 100), "/c"}},
   {"rdb1"},
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::corrupt), "hdbB@2"},
    {hdb(2, 2, 50), "rdb1>50"},
    {rdb_fails(2, errc::moved), "hdbC@9 rdb1>100"},
    {hdb(4, 9, 100), ""},
    {rdb(4, 130), "= 9 100..130"}}},
  {"WhereNoCopyServesTheDamageIsTold",
   {{"hdb1", cut_at(4, 100)}, {"hdbB", cut_at(2, 50), "/b"}},
   {"rdb1"},
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::corrupt), "hdbB@2"},
    {hdb(2, 2, 50), "rdb1>50"},
    {rdb_fails(2, errc::moved), "! corrupt"}}},
  {"ACopyAtTheSameCutTakesTheOthersPlace",
   {{"hdb1", cut_at(4, 100)}, {"hdbB", cut_at(9, 100), "/b"}},
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::corrupt), "hdbB@9"},
    {rdb(1, 130), ""},
    {hdb(1, 9, 100), "= 9 100..130"}}},
  {"ACopyIsNotAskedForOneThatIsAway",
   with_copy,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::unavailable), "! backend_lost"}}},
  {"AnHdbWithoutPartitionsIsPinnedToo",
   {{"hdb1", cut_at(0, 0)}},
   two_rdbs,
   {{start(), "hdb1@0 rdb1>0"},
    {hdb(1, 0, 0), ""},
    {rdb(1, 130), "= 0 0..130"}}},
  {"WithoutAnAnnouncementTheAnswerTellsTheCut",
   silent,
   two_rdbs,
   {{start(), "hdb1@newest"},
    {hdb(1, 4, 100), "rdb1>100"},
    {rdb(1, 130), "= 4 100..130"}}},
  {"MovedInTheRdb",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::moved), "hdb1@newest"},
    {hdb(1, 4, 100), ""}, // Of the first round: nobody waits for it.
    {hdb(2, 5, 120), "rdb1>120"},
    {rdb(2, 130), "= 5 120..130"}}},
  {"MovedInTheHdb",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb(1, 130), ""},
    {hdb_fails(1, errc::moved), "hdb1@newest"},
    {hdb(2, 5, 120), "rdb1>120"},
    {rdb(1, 125), ""},
    {rdb(2, 131), "= 5 120..131"}}},
  {"AnHdbThatAccountsForOtherRowsMovesTheCut",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb(1, 130), ""},
    {hdb(1, 4, 90), "hdb1@newest"},
    {hdb(2, 4, 90), "rdb1>90"},
    {rdb(2, 130), "= 4 90..130"}}},
  {"MovedTooOften",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::moved), "hdb1@newest"},
    {hdb(2, 4, 100), "rdb1>100"},
    {rdb_fails(2, errc::moved), "hdb1@newest"},
    {hdb_fails(3, errc::moved), "hdb1@newest"},
    {hdb_fails(4, errc::moved), "! moved"},
    {hdb(4, 5, 120), ""}}},
  {"AnotherHdbServesTheSameCut",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::unavailable), "hdb2@4"},
    {rdb(1, 130), ""},
    {hdb(1, 4, 100), "= 4 100..130"}}},
  {"AnotherHdbWithVersionsOfItsOwn",
   {{"hdb1", cut_at(4, 100)}, {"hdb2", cut_at(9, 100)}},
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::corrupt), "hdb2@9"},
    {hdb(1, 9, 100), ""},
    {rdb(1, 130), "= 9 100..130"}}},
  {"AnotherHdbThatAnnouncedALaterCutIsAskedForThisOne",
   {{"hdb1", cut_at(4, 100)}, {"hdb2", cut_at(5, 120)}},
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::storage_failed), "hdb2@4"},
    {hdb_fails(1, errc::moved), "hdb2@newest"},
    {hdb(2, 5, 120), "rdb1>120"},
    {rdb(2, 130), "= 5 120..130"}}},
  {"AnotherHdbWhenNoneHasAnnounced",
   silent,
   two_rdbs,
   {{start(), "hdb1@newest"},
    {hdb_fails(1, errc::internal), "hdb2@newest"},
    {hdb(1, 4, 100), "rdb1>100"},
    {rdb(1, 130), "= 4 100..130"}}},
  {"NoHdbIsLeft",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::unavailable), "hdb2@4"},
    {hdb_fails(1, errc::unavailable), "! backend_lost"},
    {rdb(1, 130), ""}}},
  {"AllHdbsAreDamaged",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::corrupt), "hdb2@4"},
    {hdb_fails(1, errc::corrupt), "! corrupt"}}},
  {"AnHdbThatIsAwayMayBeWhole",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::corrupt), "hdb2@4"},
    {hdb_fails(1, errc::backend_lost), "! backend_lost"}}},
  {"TheDamageOfAnHdbIsNotThatOfRdbs",
   {{"hdb1", cut_at(4, 100)}, {"hdb2", cut_at(4, 100)}},
   {"rdb1"},
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::corrupt), "hdb2@4"},
    {rdb_fails(1, errc::unavailable), "! backend_lost"}}},
  {"AnotherRdb",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb(1, 4, 100), ""},
    {rdb_fails(1, errc::unavailable), "rdb2>100"},
    {rdb(1, 130), "= 4 100..130"}}},
  {"NoRdbIsLeft",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::unavailable), "rdb2>100"},
    {rdb_fails(1, errc::unavailable), "! backend_lost"}}},
  {"NoRdbIsLeftWhenTheAnswerTellsTheCut",
   silent,
   {},
   {{start(), "hdb1@newest"}, {hdb(1, 4, 100), "! backend_lost"}}},
  {"WhoWasLostIsNotAskedInLaterRounds",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::unavailable), "rdb2>100"},
    {hdb_fails(1, errc::unavailable), "hdb2@4"},
    {hdb_fails(1, errc::moved), "hdb2@newest"},
    {hdb(2, 5, 120), "rdb2>120"},
    {rdb(2, 130), "= 5 120..130"}}},
  {"TheHdbIsSilentUntilTheDeadline",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb(1, 130), ""},
    {hdb_fails(1, errc::timeout), "! timeout", deadline_ns}}},
  {"TheRdbIsSilentUntilTheDeadline",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::timeout), "! timeout", deadline_ns}}},
  {"ATimeoutBeforeTheDeadlineIsThatBackEnds",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::timeout), "rdb2>100", deadline_ns - 1}}},
  {"AFaultOfTheQuestionIsTheAnswer",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::schema_mismatch), "! schema_mismatch"},
    {hdb(1, 4, 100), ""}}},
  {"AnRdbThatIsFullGivesWay",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::overloaded), "rdb2>100"},
    {hdb(1, 4, 100), ""},
    {rdb(1, 130), "= 4 100..130"}}},
  {"TheLastRefusalIsTheAnswerWhenAllRefuse",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::overloaded), "rdb2>100"},
    {rdb_fails(1, errc::limit_exceeded), "! limit_exceeded"},
    {hdb(1, 4, 100), ""}}},
  {"AnHdbWhoseOwnLimitIsLessGivesWay",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::limit_exceeded), "hdb2@4"},
    {hdb_fails(1, errc::overloaded), "! overloaded"}}},
  {"ACopyIsNotAskedForWantOfMemory",
   with_copy,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::overloaded), "! overloaded"}}},
  {"ARefusalTellsMoreThanThatTheOtherIsAway",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::overloaded), "rdb2>100"},
    {rdb_fails(1, errc::backend_lost), "! overloaded"}}},
  {"ARefusalAtTheDeadlineIsTheAnswer",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {rdb_fails(1, errc::overloaded), "! overloaded", deadline_ns}}},
  {"AFaultOfTheQuestionInTheHdb",
   announced,
   two_rdbs,
   {{start(), "hdb1@4 rdb1>100"},
    {hdb_fails(1, errc::not_found), "! not_found"}}},
  {"WithoutHdb",
   {},
   two_rdbs,
   {{start(), "rdb1>0"}, {rdb(1, 130), "= 0 0..130"}},
   false},
  {"WithoutHdbAndItsRowsAreNotInMemory",
   {},
   two_rdbs,
   {{start(), "rdb1>0"},
    {rdb_fails(1, errc::moved), "rdb1>0"},
    {rdb_fails(2, errc::moved), "rdb1>0"},
    {rdb_fails(3, errc::moved), "rdb1>0"},
    {rdb_fails(4, errc::moved), "! unavailable"}},
   false},
  {"WithoutRdb",
   announced,
   {},
   {{start(), "hdb1@4"}, {hdb(1, 4, 100), "= 4 100..100"}},
   true,
   false},
  {"WithoutRdbAndAnotherHdb",
   {{"hdb1", cut_at(4, 100)}, {"hdb2", cut_at(5, 120)}},
   {},
   {{start(), "hdb1@4"},
    {hdb_fails(1, errc::unavailable), "hdb2@5"},
    {hdb(1, 5, 120), "= 5 120..120"}},
   true,
   false},
  {"AnHdbIsWantedAndNoneLives", {}, two_rdbs, {{start(), "! backend_lost"}}},
  {"AnRdbIsWantedAndNoneLives", announced, {}, {{start(), "! backend_lost"}}},
  {"NoStoreAtAll", {}, {}, {{start(), "! unavailable"}}, false, false},
};

class CutQueryPath : public ::testing::TestWithParam<query_path> {};

TEST_P(CutQueryPath, DoesWhatTheTableSays) {
  const auto& way = GetParam();
  cut_query query{{.table = "trade",
                   .stream = "market",
                   .deadline_ns = deadline_ns,
                   .wants_hdb = way.wants_hdb,
                   .wants_rdb = way.wants_rdb,
                   .hdbs = way.hdbs,
                   .rdbs = way.rdbs}};
  for (size_t i = 0; i < way.steps.size(); ++i)
    EXPECT_EQ(text_of(query.step(way.steps[i].happens, way.steps[i].now_ns)),
              way.steps[i].expected)
      << "step " << i;
}

INSTANTIATE_TEST_SUITE_P(All, CutQueryPath, ::testing::ValuesIn(query_paths),
                         [](const auto& each) { return each.param.name; });

TEST(CutQueryTest, AnswersOfACopyThatMayBeAnotherSaySo) {
  for (const bool is_same : {false, true}) {
    cut_query query{{.deadline_ns = deadline_ns,
                     .wants_hdb = true,
                     .hdbs = {{"hdb1", cut_at(4, 100)},
                              {"hdbB", cut_at(4, 100), "/b", is_same}}}};
    (void)query.step(start(), 0);
    (void)query.step(hdb_fails(1, errc::corrupt), 0);
    const auto done = query.step(hdb(query.round(), 4, 100), 0);
    ASSERT_TRUE(done.complete);
    const auto& warnings = done.complete->cut.warnings;
    ASSERT_EQ(warnings.size(), is_same ? 0u : 1u);
    for (const auto* word : {"hdbB", "/b", "corrupt: hdb1: reason"})
      EXPECT_TRUE(is_same || warnings[0].find(word) != std::string::npos)
        << warnings[0];
  }
}

TEST(CutQueryTest, CarriesThePositionThatTheRdbMustReach) {
  cut_query query{{.at_least = {250},
                   .deadline_ns = deadline_ns,
                   .wants_hdb = true,
                   .wants_rdb = true,
                   .hdbs = announced,
                   .rdbs = two_rdbs}};
  const auto done = query.step(start(), 0);
  ASSERT_TRUE(done.rdb);
  EXPECT_EQ(done.rdb->rows, (rows_after{{100}, {250}}));
}

/// A fragment of a plan whose others are answered up to 130.
/// @param as_asked it is a question, which says so itself
cut_query bound(std::optional<partition_cut> known, bool as_asked = false) {
  return cut_query{{.at_least = {130},
                    .upto = {130},
                    .as_asked = as_asked,
                    .is_part = !as_asked,
                    .deadline_ns = deadline_ns,
                    .wants_hdb = true,
                    .wants_rdb = true,
                    .hdbs = {{"hdb1", std::move(known)}},
                    .rdbs = {"rdb1"}}};
}

TEST(CutQueryTest, AsksForNoRowAfterThePlaceOfThePlan) {
  auto query = bound(cut_at(4, 100));
  const auto done = query.step(start(), 0);
  ASSERT_TRUE(done.rdb);
  EXPECT_EQ(done.rdb->rows.cutover, position{100});
  EXPECT_EQ(done.rdb->rows.at_least, position{130});
  EXPECT_EQ(done.rdb->rows.upto, position{130});
}

TEST(CutQueryTest, PartitionsThatGoPastThePlaceOfThePlanMoveIt) {
  EXPECT_EQ(text_of(bound(cut_at(5, 140)).step(start(), 0)), "! moved");
  auto query = bound(std::nullopt);
  EXPECT_EQ(text_of(query.step(start(), 0)), "hdb1@newest");
  EXPECT_EQ(text_of(query.step(hdb(1, 5, 140), 0)), "! moved");
}

TEST(CutQueryTest, PartitionsThatGoPastThePlaceOfTheQuestionRefuseIt) {
  EXPECT_EQ(text_of(bound(cut_at(5, 140), true).step(start(), 0)),
            "! before_cutover");
  auto query = bound(std::nullopt, true);
  (void)query.step(start(), 0);
  EXPECT_EQ(text_of(query.step(hdb(1, 5, 140), 0)), "! before_cutover");
}

TEST(CutQueryTest, AFragmentIsNotPlannedAgainByItself) {
  auto query = bound(cut_at(4, 100));
  (void)query.step(start(), 0);
  EXPECT_EQ(text_of(query.step(hdb_fails(1, errc::moved), 0)), "! moved");
}

TEST(CutQueryTest, ABackEndThatIsLostAfterItsAnswerIsAskedAnew) {
  cut_query query{{.deadline_ns = deadline_ns,
                   .wants_hdb = true,
                   .wants_rdb = true,
                   .hdbs = announced,
                   .rdbs = two_rdbs}};
  (void)query.step(start(), 0);
  (void)query.step(hdb(1, 4, 100), 0);
  EXPECT_EQ(text_of(query.step(hdb_fails(1, errc::backend_lost), 0)), "hdb2@4");
  EXPECT_EQ(text_of(query.step(rdb(1, 130), 0)), "");
  EXPECT_EQ(text_of(query.step(hdb(1, 4, 100), 0)), "= 4 100..130");
}

cut_query one_hdb() {
  return cut_query{{.table = "trade",
                    .deadline_ns = deadline_ns,
                    .wants_hdb = true,
                    .hdbs = {{"hdb1", std::nullopt}}}};
}

TEST(CutQueryTest, NamesWhoWasLostAndWhy) {
  auto query = one_hdb();
  (void)query.step(start(), 0);
  const auto done = query.step(hdb_fails(1, errc::backend_lost), 0);
  EXPECT_EQ(to_string(done.refusal),
            "backend_lost: the hdb part of 'trade' is missing: no live hdb "
            "(backend_lost: hdb1: reason)");
}

TEST(CutQueryTest, TellsWhichBackEndsFailedTheQuestion) {
  failures.clear();
  cut_query query{{.deadline_ns = deadline_ns,
                   .wants_hdb = true,
                   .wants_rdb = true,
                   .hdbs = announced,
                   .rdbs = two_rdbs}};
  for (const auto& happens :
       {start(), rdb_fails(1, errc::overloaded), hdb_fails(1, errc::moved),
        hdb(2, 5, 120), rdb_fails(2, errc::unavailable)})
    (void)text_of(query.step(happens, 0));
  EXPECT_EQ(failures, "rdb1 rdb2 ") << "also of the last one; and no cut that "
                                       "moved";
  failures.clear();
  auto other = one_hdb();
  (void)other.step(start(), 0);
  EXPECT_EQ(text_of(other.step(hdb_fails(1, errc::schema_mismatch), 0)),
            "! schema_mismatch");
  EXPECT_EQ(failures, "") << "it is the question's";
}

TEST(CutQueryTest, TellsOfAllThatRefused) {
  cut_query query{
    {.deadline_ns = deadline_ns, .wants_rdb = true, .rdbs = two_rdbs}};
  (void)query.step(start(), 0);
  (void)query.step(rdb_fails(1, errc::corrupt), 0);
  EXPECT_EQ(to_string(query.step(rdb_fails(1, errc::overloaded), 0).refusal),
            "overloaded: reason; corrupt: rdb1: reason");
}

TEST(CutQueryTest, NamesWhatIsDamagedAndWhere) {
  auto query = one_hdb();
  (void)query.step(start(), 0);
  const auto done = query.step(hdb_fails(1, errc::corrupt), 0);
  EXPECT_EQ(to_string(done.refusal), "corrupt: hdb1: reason");
}

TEST(CutQueryTest, TellsWhatEitherStoreWarnsOfOnce) {
  cut_query query{{.deadline_ns = deadline_ns,
                   .wants_hdb = true,
                   .wants_rdb = true,
                   .hdbs = announced,
                   .rdbs = {"rdb1"}}};
  (void)query.step(start(), 0);
  auto old = cut_at(4, 100);
  old.warnings = {"at 90", "at 100"};
  (void)query.step(cut_query::hdb_answered{1, old, {}}, 0);
  rdb_cut here{{130}};
  here.warnings = {"at 100", "at 120"};
  const auto done = query.step(cut_query::rdb_answered{1, here, {}}, 0);
  ASSERT_TRUE(done.complete);
  EXPECT_EQ(done.complete->cut.warnings,
            (std::vector<std::string>{"at 90", "at 100", "at 120"}));
}

TEST(CutQueryTest, HandsBothPartialResultsOn) {
  cut_query query{{.deadline_ns = deadline_ns,
                   .wants_hdb = true,
                   .wants_rdb = true,
                   .hdbs = announced,
                   .rdbs = two_rdbs}};
  (void)query.step(start(), 0);
  (void)query.step(
    cut_query::hdb_answered{1, cut_at(4, 100), {chunk{}, chunk{}}}, 0);
  const auto done = query.step(cut_query::rdb_answered{1, {130}, {chunk{}}}, 0);
  ASSERT_TRUE(done.complete);
  EXPECT_EQ(done.complete->hdb.size(), 2u);
  EXPECT_EQ(done.complete->rdb.size(), 1u);
}

} // namespace
} // namespace millrace::torq
