// What a stranger writes: a configuration, a process of one's own, faults, and
// what must hold all the same.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "own_cluster.hpp"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;

TEST(Vwap, SurvivesPowerCuts) {
  for_each_seed(50, [](uint64_t seed) {
    world w{seed};
    w.add_cluster(own_cluster);
    auto& feed = w.add_publisher("feed", "trade");
    auto& mine = w.host("mine", vwap);
    feed.publish({{"sym", "A"}, {"price", 10.0}, {"size", 1}});
    w.power_cut("rt1", restart_after(1s));
    feed.publish({{"sym", "A"}, {"price", 20.0}, {"size", 3}});
    w.kill("mine", restart_after(100ms));
    EXPECT_TRUE(w.eventually(30s, [&] { return mine.status("vwap") == 17.5; }));
    w.expect_no_loss("trade");
  });
}

TEST_F(OwnCluster, AnswersItsRowsAndKnowsThem) {
  world w{3};
  w.add_cluster(own_cluster);
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish({{"sym", "A"}, {"price", 1.5}, {"size", 7}});
  feed.publish({{"sym", "B"}, {"price", {}}, {"size", 8}});
  w.expect_no_loss("trade");
  const auto got = w.query(
    R"({"tablename":"trade","starttime":"2000-01-01","endtime":"2100-01-01",)"
    R"("columns":["sym","price","size"],"ordering":["asc","sym"]})");
  ASSERT_TRUE(got) << to_string(got.failure());
  EXPECT_EQ(got->columns, (std::vector<std::string>{"sym", "price", "size"}));
  const std::vector<std::vector<text::json_value>> expected{
    {"A", 1.5, 7}, {"B", text::json_value{}, 8}};
  EXPECT_EQ(got->rows, expected);
}

TEST_F(OwnCluster, ARowThatDoesNotFitFailsTheRun) {
  world w{1};
  w.add_cluster(own_cluster);
  auto& feed = w.add_publisher("feed", "trade");
  expect_failures();
  feed.publish({{"price", "dear"}});
  feed.publish({{"venue", "N"}});
  feed.publish({{"size", int64_t{1} << 40}});
  ASSERT_EQ(caught.size(), 3u);
  EXPECT_NE(caught[0].find("'price'"), std::string::npos) << caught[0];
  EXPECT_NE(caught[1].find("no column 'venue'"), std::string::npos);
  EXPECT_NE(caught[2].find("'size'"), std::string::npos);
}

TEST_F(OwnCluster, AFaultyFileFailsTheRun) {
  expect_failures();
  world w{1};
  w.add_cluster_text("[cluster]\n");
  world other{1};
  other.add_cluster("no/such/file.toml");
  ASSERT_EQ(caught.size(), 2u);
  EXPECT_NE(caught[0].find("cluster.toml:1"), std::string::npos) << caught[0];
  EXPECT_NE(caught[1].find("no/such/file.toml"), std::string::npos);
}

// A checker that finds nothing proves nothing.
TEST_F(OwnCluster, LostAndDoubledRowsAreTold) {
  world w{5};
  w.add_cluster(own_cluster);
  auto& feed = w.add_publisher("feed", "trade");
  for (int i = 0; i < 3; ++i)
    feed.publish({{"sym", "A"}, {"size", i}});
  ASSERT_TRUE(w.eventually(10s, [&] { return feed.settled(); }));
  // The copies of all three, on the machine of the stream, are gone with it.
  w.kill("feed");
  w.kill("rt1", restart_empty_after(1s));
  w.run_for(5s);
  const auto broken = w.losses("trade");
  ASSERT_GE(broken.size(), 3u);
  EXPECT_NE(broken[0].find(R"("size":0} is there 0 times, and was promised 1)"),
            std::string::npos)
    << broken[0];
}

// A member that holds nothing is not the same as the others.
TEST_F(OwnCluster, AMemberThatStaysBehindIsTold) {
  world w{5};
  w.add_cluster(test_support::source_path("examples/cluster.toml"));
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish({{"sym", "A"}, {"size", 1}}, rt::ack_level::committed);
  w.run_for(2s);
  for (const auto* other : {"rt1", "rt2", "feed"})
    w.cut("rt3", other);
  feed.publish({{"sym", "A"}, {"size", 2}}, rt::ack_level::committed);
  const auto broken = w.losses("trade");
  ASSERT_GE(broken.size(), 1u);
  EXPECT_EQ(broken[0], "merged log of rt3: has 1 rows of 2, and is no further "
                       "after a minute");
  w.heal();
  w.expect_no_loss("trade");
}

// Nobody was promised a row whose machine lost its power before it was synced,
// though it was in the middle of publishing it.
TEST_F(OwnCluster, PowerMayGoWhileARowIsPublished) {
  world w{5};
  w.add_cluster(own_cluster);
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish({{"sym", "A"}, {"size", 1}}, rt::ack_level::committed);
  w.crash_at("feed", "pub.after_write", 1,
             {.power = true, .left = survival::nothing, .restart_after = 1s});
  feed.publish({{"sym", "A"}, {"size", 2}});
  w.run_for(5s);
  EXPECT_EQ(w.at("feed").lives(), 2u);
  w.expect_no_loss("trade");
}

TEST_F(OwnCluster, TheFilesOfExamplesBootAsTheyStand) {
  for (const auto* file : {"examples/local.toml", "examples/cluster.toml"}) {
    SCOPED_TRACE(file);
    world w{11};
    w.add_cluster(test_support::source_path(file));
    auto& feed = w.add_publisher("own-feed", "trade");
    feed.publish({{"sym", "A"}, {"price", 10.0}, {"size", 1}, {"ex", "N"}});
    w.power_cut("rt1", restart_after(1s));
    w.kill("rdb1", restart_after(500ms));
    feed.publish({{"sym", "B"}, {"price", 11.0}, {"size", 2}, {"ex", "N"}});
    w.expect_no_loss("trade");
  }
}

// All listen at one port, each on an address of its own.
TEST_F(OwnCluster, NodesOfSeveralHostsReachOneAnother) {
  world w{11};
  w.add_cluster(test_support::source_path("examples/hosts.toml"));
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish({{"sym", "A"}, {"price", 10.0}, {"size", 1}});
  w.power_cut("n1", restart_after(1s));
  feed.publish({{"sym", "B"}, {"price", 11.0}, {"size", 2}},
               rt::ack_level::committed);
  w.run_for(5s);
  w.expect_no_loss("trade");
  EXPECT_TRUE(w.expect_true_answer("trade"));
}

TEST_F(OwnCluster, ATypeOfALibraryIsAskedFor) {
  const auto file = test_support::source_path("examples/library/cluster.toml");
  expect_failures();
  world w{1};
  w.add_cluster(file);
  ASSERT_EQ(caught.size(), 1u);
  EXPECT_TRUE(caught[0].starts_with(
    file + ": process 'volume1' is of type 'volume', which '"))
    << caught[0];
  EXPECT_TRUE(caught[0].ends_with(
    "volume.so' registers, and a world loads no library: add its factory to "
    "'cluster_options.roles'"))
    << caught[0];
  cluster_options options;
  options.roles.add("volume", vwap);
  world other{1};
  caught.clear();
  other.add_cluster(file, options);
  EXPECT_TRUE(caught.empty()) << caught.front();
}

TEST_F(OwnCluster, ADiskIsEmptyOrOlderAfterwards) {
  world w{2};
  w.add_cluster(test_support::source_path("examples/cluster.toml"));
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish({{"sym", "A"}, {"size", 1}});
  w.back_up("rt2");
  feed.publish({{"sym", "A"}, {"size", 2}});
  w.kill("rt2", restart_older_after(1s));
  w.run_for(20s);
  feed.publish({{"sym", "A"}, {"size", 3}});
  w.power_cut("rt3", restart_empty_after(1s));
  w.run_for(20s);
  feed.publish({{"sym", "A"}, {"size", 4}});
  w.expect_no_loss("trade");
  EXPECT_EQ(w.disks_of("rt2"), 2u);
  EXPECT_EQ(w.disks_of("rt1"), 1u);
}

TEST_F(OwnCluster, EachMachineHasAWallClock) {
  world w{2};
  w.add_cluster(own_cluster);
  auto now = [&](const char* node) { return w.at(node).env().clock->now_ns(); };
  w.jump_clock("db", 1h);
  EXPECT_EQ(now("db") - now("rt1"), 3'600'000'000'000);
}

// Not only writing takes time on a slow disk.
TEST_F(OwnCluster, WhoReadsFromASlowDiskWaits) {
  world w{2};
  w.add_cluster(test_support::source_path("examples/cluster.toml"));
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish({{"sym", "A"}, {"size", 1}}, rt::ack_level::committed);
  w.end_period("market", 9000);
  w.run_for(20s);
  const auto took = [&] {
    const auto begin = w.now();
    const auto got = w.query(
      R"({"tablename":"trade","starttime":"1900-01-01","endtime":"2200-01-01"})");
    EXPECT_TRUE(got) << to_string(got.failure());
    EXPECT_EQ(got ? got->rows.size() : 0, 1u);
    return w.now() - begin;
  };
  w.slow_disk("hdb1", 4s);
  EXPECT_GE(took(), 2s) << "the first question";
  EXPECT_LT(took(), 1s) << "it has the files";
  w.kill("hdb1");
  w.restart("hdb1");
  EXPECT_GE(took(), 4s) << "a start, and a question";
  w.slow_disk("hdb1", 0s);
  w.run_for(10s);
  EXPECT_LT(took(), 1s);
}

fault_script scripted(const char* text) {
  auto out = parse_fault_script(text, "script");
  EXPECT_TRUE(out) << to_string(out.failure());
  return out ? *out : fault_script{};
}

TEST_F(OwnCluster, AScriptHarmsIt) {
  world w{4};
  w.add_cluster(own_cluster);
  auto& feed = w.add_publisher("feed", "trade");
  w.play(scripted("at 100ms: cut db <-> rt1 | pause db\n"
                  "at 200ms: kill feed restart 300ms | fail rt1 sync\n"
                  "at 300ms: power rt1 restart 200ms | clock rt1 1h\n"
                  "at 2s: heal\n"));
  for (int i = 0; i < 20; ++i)
    feed.publish({{"sym", "A"}, {"size", i}});
  w.run_for(3s);
  EXPECT_GE(w.at("feed").lives(), 2u);
  EXPECT_GE(w.at("rt1").lives(), 2u);
  w.expect_no_loss("trade");
}

TEST_F(OwnCluster, AFlippedBitIsFlipped) {
  world w{4};
  w.add_cluster(own_cluster);
  w.add_publisher("feed", "trade").publish({{"sym", "A"}, {"size", 1}});
  w.inject(scripted("at 0: flip feed .lineage 3")[0].what);
  ASSERT_FALSE(w.record().empty());
  EXPECT_TRUE(w.record().back().text.starts_with("flip feed .lineage 3: /"));
}

/// What a script is told that does nothing; each line of it is of second 0.
std::vector<std::string> refused(world& w, const std::string& faults) {
  caught.clear();
  w.play(scripted(("at 0s: " + faults).c_str()));
  w.run_for(1ms);
  return caught;
}

// A test that passes because nothing was injected proves nothing.
TEST_F(OwnCluster, AFaultThatMeetsNothingFailsTheRun) {
  world w{4};
  w.add_cluster(own_cluster);
  w.add_publisher("feed", "trade").publish({{"sym", "A"}, {"size", 1}});
  w.add_publisher("other", "trade");
  expect_failures();
  const std::pair<const char*, const char*> cases[] = {
    {"flip feed nothing.0 3", "feed has no file 'nothing.0'"},
    {"rot feed typo 3", "feed has no file with 'typo' in its path"},
    {"restart rt1", "rt1 runs already"},
    {"resume rt1", "rt1 does not stand still"},
    {"reset feed <-> other", "there is no connection"},
    {"half-open feed <-> other", "there is no connection"},
    {"power-at rt1 rt.typo 1",
     "'rt.typo' is not the name of a crash point, nor "
     "was it added by 'add_crash_point'"},
    {"try crash rt1 rt.typo 1",
     "'rt.typo' is not the name of a crash point, nor was it added by "
     "'add_crash_point'"},
    {"kill moon", "there is no node 'moon'"},
    {"kill db restart 1s older", "db was never backed up"},
  };
  for (const auto& [fault, why] : cases)
    EXPECT_EQ(refused(w, fault), std::vector{std::string{"script:1: at 0: "}
                                             + fault + ": " + why});
  const auto beyond = refused(w, "flip feed .lineage 100000000");
  ASSERT_EQ(beyond.size(), 1u);
  EXPECT_TRUE(beyond[0].ends_with("bytes only")) << beyond[0];
  w.kill("db");
  const auto down = refused(w, "kill db restart 1s empty | pause db");
  ASSERT_EQ(down.size(), 2u);
  EXPECT_TRUE(down[0].ends_with("db does not run")) << down[0];
  EXPECT_TRUE(down[1].ends_with("db does not run")) << down[1];
  EXPECT_EQ(w.disks_of("db"), 1u);
  w.run_for(2s);
  EXPECT_FALSE(w.at("db").alive()) << "it was not ended by that";
  caught.clear();
  w.crash_at("rt1", "rt.after_append", 0);
  w.corrupt_at("db", "db", 1);
  w.inject({.kind = fault::what::kill});
  EXPECT_EQ(caught, (std::vector<std::string>{
                      "crash rt1 rt.after_append 0: '0' is not a count: they "
                      "begin at 1",
                      "corrupt db -> db 1: 'db' has no link to itself",
                      "kill: a node is missing"}));
}

TEST_F(OwnCluster, AFaultThatMayMissIsCountedAndTold) {
  world w{4};
  w.add_cluster(own_cluster);
  w.play(scripted("at 0: try flip db nothing.0 3 | try resume rt1\n"
                  "at 1ms: try crash rt1 rt.before_snapshot 9\n"
                  "at 2ms: heal\n"
                  "at 1h: try kill rt1\n"));
  w.run_for(1s);
  EXPECT_TRUE(w.failures().empty());
  EXPECT_EQ(w.faults_missed(), (std::map<std::string, uint64_t>{
                                 {"crash", 1}, {"flip", 1}, {"resume", 1}}));
  EXPECT_FALSE(w.faults_fired().contains("flip"));
  EXPECT_TRUE(std::any_of(
    w.record().begin(), w.record().end(), [](const happening& each) {
      return each.text
             == "missed: script:1: at 0: try resume rt1: rt1 does not stand "
                "still";
    }));
}

// What waits for its moment is missed when that cannot come any more.
TEST_F(OwnCluster, AFaultThatNeverComesFailsTheRun) {
  expect_failures();
  {
    world w{4};
    w.add_cluster(own_cluster);
    w.crash_at("rt1", "rt.before_snapshot", 9);
    w.play(scripted("at 0: reset feed <-> rt1 10000 | fail rt1 rename 900\n"
                    "at 1ms: reset feed <-> rt1 20000 | heal\n"
                    "at 2ms: corrupt rt1 -> db 100\n"
                    "at 1h: kill rt1 | try kill db\n"));
    w.add_publisher("feed", "trade");
    w.run_for(1s);
  }
  ASSERT_EQ(caught.size(), 4u);
  EXPECT_EQ(caught[0], "script:1: at 0: reset feed <-> rt1 10000: not so many "
                       "messages were sent");
  EXPECT_EQ(caught[1], "crash rt1 rt.before_snapshot 9: was not passed so "
                       "often");
  EXPECT_EQ(caught[2], "script:1: at 0: fail rt1 rename 900: its disk was not "
                       "asked so often");
  EXPECT_TRUE(caught[3].starts_with("script:2: at 1ms: reset")) << caught[3];
}

TEST_F(OwnCluster, AWorldThatEndsBeforeItsScriptFails) {
  expect_failures();
  {
    world w{4};
    w.add_cluster(own_cluster);
    w.play(scripted("at 2ms: corrupt rt1 -> db 100\n"
                    "at 1h: kill rt1 | try kill db\n"));
    w.run_for(1s);
  }
  ASSERT_EQ(caught.size(), 1u);
  EXPECT_EQ(caught[0],
            "the world ends, and these faults did not come to happen:\n"
            "  script:1: at 2ms: corrupt rt1 -> db 100: not so many messages "
            "with records were sent\n"
            "  script:2: at 3600s: kill rt1: its time did not come");
}

// What a node lost with its disk at a crash point is gone, and all that ran on
// that machine has ended.
TEST_F(OwnCluster, ADiskIsAnotherAfterACrashPoint) {
  world w{2};
  w.add_cluster(test_support::source_path("examples/cluster.toml"));
  auto& feed = w.add_publisher("feed", "trade");
  feed.publish({{"sym", "A"}, {"size", 1}}, rt::ack_level::committed);
  w.play(scripted("at 0: crash rt2 rt.after_append restart 1s empty\n"));
  for (int i = 0; i < 40 && w.at("rt2").alive(); ++i)
    feed.publish({{"sym", "A"}, {"size", 2}});
  EXPECT_EQ(w.disks_of("rt2"), 2u);
  w.run_for(20s);
  EXPECT_EQ(w.at("rt2").lives(), 2u);
  feed.publish({{"sym", "A"}, {"size", 3}});
  w.expect_no_loss("trade");
}

// The cache of a machine outlives its processes, but not its power.
TEST_F(OwnCluster, PowerTakesWhatADeadProcessLeft) {
  int left = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    world w{seed};
    w.add_cluster(own_cluster);
    auto& feed = w.add_publisher("feed", "trade");
    feed.publish({{"sym", "A"}, {"size", 1}}, rt::ack_level::committed);
    w.kill("rt1");
    feed.publish({{"sym", "A"}, {"size", 2}});
    w.kill("feed");
    w.power_cut("feed", restart_after(1s), survival::nothing);
    EXPECT_EQ(w.at("feed").disk().boot_id(), 2u);
    w.run_for(2s);
    EXPECT_TRUE(w.at("feed").alive());
    w.restart("rt1");
    w.run_for(10s);
    w.expect_no_loss("trade");
    const auto got = w.query(
      R"({"tablename":"trade","starttime":"1900-01-01","endtime":"2200-01-01"})");
    ASSERT_TRUE(got) << to_string(got.failure());
    left += static_cast<int>(got->rows.size()) - 1;
  }
  // It may have been synced before.
  EXPECT_LT(left, 5);
}

// Who was started meanwhile is not started again by an earlier fault.
TEST_F(OwnCluster, AComebackIsOfTheLifeThatEnded) {
  world w{2};
  w.add_cluster(own_cluster);
  w.kill("rt1", restart_after(4s));
  w.run_for(1s);
  w.restart("rt1");
  w.kill("rt1");
  w.run_for(10s);
  EXPECT_FALSE(w.at("rt1").alive());
}

TEST_F(OwnCluster, AScriptThatNamesNoNodeFailsTheRun) {
  world w{1};
  w.add_cluster(own_cluster);
  expect_failures();
  w.inject(scripted("at 0: cut db <-> moon")[0].what);
  w.inject(scripted("at 0: kill db restart 1s older")[0].what);
  ASSERT_EQ(caught.size(), 2u);
  EXPECT_EQ(caught[0], "cut db <-> moon: there is no node 'moon'");
  EXPECT_EQ(caught[1], "kill db restart 1s older: db was never backed up");
}

TEST(OwnClusterScripts, NothingIsLostByWhatASeedDraws) {
  const fault_mix mix{.nodes = {"rt1", "db", "feed", "mine"}, .within = 2s};
  for_each_fault_script(5, mix, [](uint64_t seed, const fault_script& script) {
    world w{seed};
    w.add_cluster(own_cluster);
    auto& feed = w.add_publisher("feed", "trade");
    w.host("mine", vwap);
    w.play(script);
    for (int i = 0; i < 10; ++i)
      feed.publish({{"sym", "A"}, {"price", 2.0}, {"size", i}});
    w.run_for(5s);
    w.expect_no_loss("trade");
  });
}

/// What is said of the faults of a script that are enough for a failure.
template <class Run>
std::string shortest_told(const fault_script& script, const Run& run) {
  const auto failed = gtest_glue::failures_of([&] { run(script); });
  EXPECT_FALSE(failed.empty());
  ::testing::TestPartResultArray results;
  const ::testing::ScopedFakeTestPartResultReporter quiet{
    ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD,
    &results};
  gtest_glue::report_shortest(script, failed, run);
  return results.size() == 1 ? results.GetTestPartResult(0).message() : "";
}

// A run that fails by one of its faults says which one that is.
TEST(OwnClusterScripts, AFailureIsShrunkToTheFaultThatMakesIt) {
  const auto run = [](const fault_script& script) {
    world w{1};
    w.add_cluster(own_cluster);
    w.play(script);
    w.run_for(3s);
    EXPECT_EQ(w.at("rt1").lives(), 1u);
  };
  const auto told = shortest_told(
    scripted("at 1s: pause db | try cut db <-> rt1\n"
             "at 2s: resume db | try kill rt1 restart 1ms | heal\n"),
    run);
  EXPECT_NE(told.find("of 5 faults these are enough:\n"
                      "at 2s: kill rt1 restart 1ms\n"),
            std::string::npos)
    << told;
}

// Without the backup the run fails, too, but says nothing of the first failure.
TEST(OwnClusterScripts, AFailureIsNotShrunkToAnotherOne) {
  const auto run = [](const fault_script& script) {
    world w{1};
    w.add_cluster(test_support::source_path("examples/cluster.toml"));
    w.play(script);
    w.run_for(5s);
    EXPECT_EQ(w.at("rt2").lives(), 1u);
  };
  const auto told
    = shortest_told(scripted("at 100ms: back-up rt2 | pause rdb1\n"
                             "at 200ms: resume rdb1\n"
                             "at 1s: kill rt2 restart 1s older\n"),
                    run);
  EXPECT_NE(told.find("of 4 faults these are enough:\n"
                      "at 100ms: back-up rt2\n"
                      "at 1s: kill rt2 restart 1s older\n"),
            std::string::npos)
    << told;
}

uint64_t traced_run(uint64_t seed) {
  world w{seed};
  w.add_cluster(own_cluster);
  auto& feed = w.add_publisher("feed", "trade");
  w.host("mine", vwap);
  feed.publish({{"sym", "A"}, {"price", 10.0}, {"size", 1}});
  w.power_cut("rt1", restart_after(1s));
  w.cut("db", "rt1");
  feed.publish({{"sym", "A"}, {"price", 20.0}, {"size", 3}});
  w.heal();
  w.run_for(3s);
  return w.trace_hash();
}

constexpr const char* trace_wanted = "MILLRACE_TEST_TRACE";

// Run by the test below, as another process.
TEST(OwnClusterTrace, IsPrinted) {
  const char* seed = std::getenv(trace_wanted);
  if (seed == nullptr)
    GTEST_SKIP() << "only with " << trace_wanted;
  std::printf("trace %llu\n", static_cast<unsigned long long>(
                                traced_run(std::strtoull(seed, nullptr, 10))));
}

// Addresses of memory, hashes of pointers and the time of day differ between
// processes; nothing of a run may depend on them.
TEST_F(OwnCluster, ASeedIsTheSameRunInEveryProcess) {
  for (const uint64_t seed : {1, 2, 3, 4}) {
    const auto command = std::string{trace_wanted} + "=" + std::to_string(seed)
                         + " /proc/" + std::to_string(::getpid())
                         + "/exe --gtest_filter=OwnClusterTrace.IsPrinted";
    std::string said;
    auto* out = ::popen(command.c_str(), "r");
    ASSERT_NE(out, nullptr);
    char line[256];
    while (std::fgets(line, sizeof line, out) != nullptr)
      said += line;
    EXPECT_EQ(::pclose(out), 0) << said;
    EXPECT_NE(said.find("trace " + std::to_string(traced_run(seed)) + "\n"),
              std::string::npos)
      << "seed " << seed << "\n"
      << said;
  }
}

} // namespace
} // namespace millrace::sim
